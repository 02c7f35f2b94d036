/* For the files of this module alone. */
#ifndef RENDER_INTERNAL_H
#define RENDER_INTERNAL_H

#include "tern/base/buf.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/vec.h"
#include "tern/document.h"
#include "tern/ipc.h"
#include "tern/mime.h"

enum {
	RENDER_MAX_TEXT_BYTES = 32 * 1024 * 1024, /* of a document */
	RENDER_MAX_HTML_BYTES = 4 * 1024 * 1024,  /* of a part; the rest is cut */
	RENDER_MAX_HTML_MEMORY = 192 * 1024 * 1024,
	RENDER_MAX_HTML_DEPTH = 200,
	RENDER_MAX_URL_BYTES = 4096,
};

/* --- out.c: lines into frames ---------------------------------------------- */

typedef void render_send(enum msg_type type, struct str payload, void *ctx);

struct out {
	render_send *send;
	void *ctx;
	struct buf lines; /* of the frame being filled */
	uint32_t n_lines;
	uint32_t frame_lines; /* how many the frame may hold */
	uint32_t total_lines;
	size_t total_bytes;
	bool is_cut;	   /* limits were met: no line goes out any more */
	bool is_last_blank;
	struct map link_numbers; /* of targets */
	VEC(struct str) links;	 /* in the arena of the message */
	struct arena *arena;
};

void out_init(struct out *o, struct arena *a, uint32_t first_lines, render_send *send, void *ctx);
void out_release(struct out *o);
/* A line of any length: cut into those a frame may hold, spans and all. Bytes
 * that may not be in a document become U+FFFD, tabs the blanks they stand for. */
void out_line(struct out *o, const struct doc_line *line);
void out_blank(struct out *o, int quote);
/* One between paragraphs: none if the last line was one, or there is none. */
void out_space(struct out *o, int quote);
void out_notice(struct out *o, uint8_t flags, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The number of a target, from 1; 0 if it is no target to be shown. */
int out_link(struct out *o, struct str target);
void out_flush(struct out *o);
/* Frames of parts, of links, and the end. */
void out_parts(struct out *o, const struct doc_part *parts, size_t n);
void out_end(struct out *o, bool has_more, struct str subject);

/* --- the kinds of text ------------------------------------------------------- */

/* Plain text by lines: quotes, signature, paragraphs of format=flowed. */
struct plain {
	struct out *out;
	bool is_flowed;
	bool is_in_signature;
	bool is_preformatted;
	struct mime_flowed flowed;
	struct buf rest; /* a line without its end */
};

void plain_init(struct plain *p, struct out *out, const struct mime_part *part);
void plain_feed(struct plain *p, struct str utf8, bool is_last);
void plain_release(struct plain *p);

/* HTML as text. Never recurses, never waits, needs bounded memory; what is too
 * much for that is shown without its tags, with a notice. */
void html_render(struct out *out, struct str utf8);
/* The charset that HTML names in itself; empty if none. */
struct str html_charset(struct str bytes);

/* Header fields, weeded and ordered as the options say. */
void header_render(struct out *out, struct str header, const struct msg_render *options);

/* --- message.c ------------------------------------------------------------------ */

/* The whole document of a message, by frames. is_cut: the file is longer. */
void render_message(struct str message, bool is_cut, const struct msg_render *options,
		    render_send *send, void *ctx);

/* --- sandbox.c ------------------------------------------------------------------ */

/* From here on: the descriptors that are open, memory, a clock. No file is
 * opened, no socket made, no program run; opening fails with EACCES, anything
 * else ends the process. -1 if the kernel cannot do that. */
int sandbox_enter(struct err *err);

#endif
