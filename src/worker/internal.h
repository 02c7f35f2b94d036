/* tern-imap: one connection. It takes requests on descriptor 3, gives typed rows
 * and results, and has no files but those it is handed. main: the loop and the
 * connection; sync: what the server tells, batched into frames; fetch and part:
 * texts (laid out by skeleton) and attachments into descriptors; push: changes; end:
 * the one frame that ends each; sandbox. */
#ifndef TERN_WORKER_INTERNAL_H
#define TERN_WORKER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/buf.h"
#include "tern/base/vec.h"
#include "tern/imap.h"
#include "tern/ipc.h"

struct text_job;
struct part_job;

/* Rows or changes of one request, not sent yet. */
struct batch {
	enum msg_type type;
	uint64_t id;
	uint32_t n;
	struct buf data;
};

struct worker {
	struct ipc_conn *conn;
	struct imap *imap; /* NULL before W_CONNECT */
	int64_t now_ms;
	int timer_fd;
	uint64_t start_id; /* of W_CONNECT or W_LOGIN: what is not ended yet */
	bool is_leaving;   /* nothing more to do but to send what is queued */
	struct batch batch;
	struct batch folders;
	VEC(uint64_t) lists; /* requests of W_LIST under way */
	uint64_t last_sub_id;
	VEC(struct text_job *) texts;
	VEC(struct part_job *) parts;
	struct arena arena;
	struct buf scratch;
};

/* Ids of our own, for the pieces of a request. */
#define SUB_ID (1ull << 63)

/* end.c */
void worker_done(struct worker *w, uint64_t id, struct str text);
void worker_failed(struct worker *w, uint64_t id, const struct err *err);
/* As imap_sink.done() has it: DONE, CANCELED or FAILED. */
void worker_end(struct worker *w, uint64_t id, const struct err *err, struct str text);
uint64_t worker_sub_id(struct worker *w);
#define SEND(w, SYM, name, id, m)                                          \
	do {                                                               \
		sync_flush(w);                                             \
		IPC_SEND((w)->conn, SYM, name, id, -1, m, NULL);           \
	} while (0)

/* sync.c */
extern const struct imap_sink worker_sink;
void sync_flush(struct worker *w);
void sync_release(struct worker *w);
/* A set as text, or -1 with *err; an empty one is an error, too. */
int uids_of(struct str text, struct seqset *out, struct err *err);
bool sync_request(struct worker *w, const struct ipc_frame *f, struct err *err);
bool push_request(struct worker *w, const struct ipc_frame *f, struct err *err);

/* fetch.c: takes f->fd. Each of these says whether the id was its own. */
int text_request(struct worker *w, const struct ipc_frame *f, struct err *err);
bool text_body(struct worker *w, uint64_t id, const struct imap_body *body);
void text_structure(struct worker *w, uint64_t id, const struct structure *s);
bool text_done(struct worker *w, uint64_t id, const struct err *err);
bool text_cancel(struct worker *w, uint64_t id);
void text_release(struct worker *w);

/* skeleton.c: the message with its texts in place and the rest left empty. */
struct skeleton_text {
	size_t part;	     /* index into the structure */
	struct str data;
	bool is_complete;
};

struct skeleton {
	const struct structure *structure;
	struct str header;	   /* of the message, raw */
	const struct skeleton_text *texts; /* [0] is the main one */
	size_t n_texts;
	/* The header of the message that the main text is in, if it is not the
	 * outermost: by the index of the message/rfc822 part. */
	const struct skeleton_text *headers;
	size_t n_headers;
	bool is_rest; /* write only what stands behind the start of the main text */
};

/* Appends; *text_end_out: where the main text ends in *out. */
void skeleton_write(const struct skeleton *s, struct buf *out, size_t *text_end_out);

/* part.c */
int part_request(struct worker *w, const struct ipc_frame *f, struct err *err);
bool part_body(struct worker *w, uint64_t id, const struct imap_body *body);
bool part_done(struct worker *w, uint64_t id, const struct err *err);
bool part_cancel(struct worker *w, uint64_t id);
void part_release(struct worker *w);

/* sandbox.c: from here on no file, no program, no socket. */
int sandbox_enter(struct err *err);

#endif
