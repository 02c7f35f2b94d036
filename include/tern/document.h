/* A message as it is shown: what tern-render streams to the interface.
 *
 * Logical lines, not wrapped: their reader wraps them to its width. The first
 * frame holds about a screenful, headers first, so that it can be painted at
 * once; more follow, then the parts, the links, and R_END. Text is UTF-8 without
 * NUL or line ends; it is not yet safe for a terminal (utf8_add_safe). The
 * decoders here check all that a stranger could have put into a frame. */
#ifndef TERN_DOCUMENT_H
#define TERN_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

enum {
	DOC_FIRST_LINES = 60,	      /* in the first frame, unless RENDER says otherwise */
	DOC_BATCH_LINES = 500,	      /* in the later ones, at most */
	DOC_BATCH_BYTES = 256 * 1024,
	DOC_MAX_LINE_BYTES = 32 * 1024, /* longer lines go on in the next (DOC_CONTINUES) */
	DOC_MAX_LINES = 400 * 1000,   /* of a document; the rest is cut and said so */
	DOC_MAX_SPANS = 1000,	      /* of a line */
	DOC_MAX_LINKS = 5000,
	DOC_MAX_QUOTE = 50,
	DOC_MAX_INDENT = 60,
};

enum doc_kind {
	DOC_BLANK,
	DOC_HEADER,	/* "Name: body", the name under a DOC_NAME span */
	DOC_TEXT,
	DOC_SIGNATURE,	/* from "-- " on */
	DOC_ATTACHMENT, /* "name  type  size": `part` tells which */
	DOC_NOTICE,	/* our words, not the sender's: "[text continues]" */
	DOC_RULE,	/* a line across the screen */
	DOC_N_KINDS
};

enum doc_flags {
	DOC_FLOWED = 1 << 0,	   /* a paragraph: wrap it at words, and freely */
	DOC_PREFORMATTED = 1 << 1, /* keep blanks and columns: wrap only at the edge */
	DOC_CONTINUES = 1 << 2,	   /* the next line is the rest of this one */
	DOC_MORE = 1 << 3,	   /* a notice: more of the text can be asked for */
	DOC_ALL_FLAGS = (1 << 4) - 1
};

enum doc_style {
	DOC_BOLD = 1 << 0,
	DOC_ITALIC = 1 << 1,
	DOC_UNDERLINE = 1 << 2,
	DOC_STRIKE = 1 << 3,
	DOC_LINK = 1 << 4, /* `link` is its number, from 1 */
	DOC_NAME = 1 << 5, /* of a header field */
	DOC_CODE = 1 << 6,
	DOC_HEADING = 1 << 7,
};

struct doc_span {
	uint32_t start, len; /* bytes of the line's text, at characters */
	uint8_t style;	     /* enum doc_style */
	uint16_t link;	     /* 0 for none */
};

struct doc_line {
	enum doc_kind kind;
	uint8_t flags;	/* enum doc_flags */
	uint8_t quote;	/* depth; the text is without its '>' */
	uint8_t indent; /* columns, before the text */
	uint8_t hang;	/* columns more, before what is wrapped */
	uint16_t part;	/* index into the parts; for DOC_ATTACHMENT and its like */
	struct str text;
	const struct doc_span *spans; /* in order, not overlapping */
	size_t n_spans;
};

enum doc_presence { DOC_COMPLETE, DOC_PARTIAL, DOC_NOT_FETCHED, DOC_N_PRESENCES };
enum doc_disposition { DOC_NO_DISPOSITION, DOC_INLINE, DOC_ATTACHED, DOC_N_DISPOSITIONS };

/* In the order of the message, the whole message first. */
struct doc_part {
	struct str section;   /* as in IMAP: "1.2" */
	struct str type;      /* "text/plain" */
	struct str file_name; /* the sender's: not a path, not yet clean */
	struct str description;
	struct str charset;
	struct str encoding;  /* "base64" */
	uint64_t octets;      /* as encoded */
	uint8_t depth;
	enum doc_disposition disposition;
	enum doc_presence presence;
	bool is_shown;	      /* its text is in the document */
	bool is_multipart;
};

/* Sender's side: append to the blob of R_LINES, R_PARTS, R_LINKS. */
void doc_put_line(struct buf *b, const struct doc_line *line);
void doc_put_part(struct buf *b, const struct doc_part *part);

/* Receiver's side: `n` of them out of a blob; slices are borrowed from it, the
 * arrays are the arena's. -1 with PROTO, and nothing of it is to be believed. */
struct doc_line *doc_get_lines(struct arena *a, struct str blob, uint32_t n, struct err *err);
struct doc_part *doc_get_parts(struct arena *a, struct str blob, uint32_t n, struct err *err);
struct str *doc_get_links(struct arena *a, struct str blob, uint32_t n, struct err *err);

#endif
