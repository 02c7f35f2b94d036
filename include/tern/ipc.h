/* Frames between the programs.
 *
 * A frame is a 16-byte header and a payload of at most 1 MiB, little-endian and
 * packed, on a stream socket; a descriptor may travel with it. What a frame
 * carries is a row of defs/request.def or defs/event.def: from each row come a
 * struct msg_NAME, msg_put_NAME() and msg_get_NAME(). The receiver does not
 * trust the sender: lengths, ranges and UTF-8 are checked here, meaning by the
 * receiver. Nothing here ever blocks: frames queue and go out when the socket
 * takes them. */
#ifndef TERN_IPC_H
#define TERN_IPC_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

#define IPC_PROTOCOL 7
#define IPC_MAX_PAYLOAD (1024 * 1024)
#define IPC_MAX_QUEUED (64 * 1024 * 1024) /* a peer that reads nothing is cut off */

/* Reading and writing packed values; a reader that ran over its end stays bad. */
struct ipc_reader {
	struct str rest;
	bool is_bad;
};

void ipc_put_u8(struct buf *b, uint8_t v);
void ipc_put_u16(struct buf *b, uint16_t v);
void ipc_put_u32(struct buf *b, uint32_t v);
void ipc_put_u64(struct buf *b, uint64_t v);
void ipc_put_i64(struct buf *b, int64_t v);
void ipc_put_str(struct buf *b, struct str v);	/* u32 length, bytes */
uint8_t ipc_get_u8(struct ipc_reader *r);
uint16_t ipc_get_u16(struct ipc_reader *r);
uint32_t ipc_get_u32(struct ipc_reader *r);
uint64_t ipc_get_u64(struct ipc_reader *r);
int64_t ipc_get_i64(struct ipc_reader *r);
struct str ipc_get_str(struct ipc_reader *r);	/* borrowed from the payload */

/* The types of fields in the tables: text is valid UTF-8 without NUL, blob is
 * any bytes, secret is a blob that is never logged. */
typedef struct str ipc_text;
typedef struct str ipc_blob;
typedef struct str ipc_secret;
struct str ipc_get_text(struct ipc_reader *r);

enum msg_type {
	MSG_NONE = 0,
#define MSG(sym, name, fields) MSG_##sym,
#include "tern/defs/request.def"
	MSG_FIRST_EVENT = 1000,
#include "tern/defs/event.def"
#undef MSG
	MSG_END
};

#define FIELD_TYPE_u8 uint8_t
#define FIELD_TYPE_u16 uint16_t
#define FIELD_TYPE_u32 uint32_t
#define FIELD_TYPE_u64 uint64_t
#define FIELD_TYPE_i64 int64_t
#define FIELD_TYPE_text ipc_text
#define FIELD_TYPE_blob ipc_blob
#define FIELD_TYPE_secret ipc_secret

#define MSG_FIELD_MEMBER(type, name) FIELD_TYPE_##type name;
#define MSG(sym, name, fields)                                                  \
	struct msg_##name {                                                     \
		uint8_t unused_; /* a row may have no field of its own */       \
		fields(MSG_FIELD_MEMBER)                                        \
	};                                                                      \
	void msg_put_##name(struct buf *b, const struct msg_##name *m);         \
	/* -1 with PROTO if the payload is not exactly this; slices borrowed */ \
	int msg_get_##name(struct str payload, struct msg_##name *m, struct err *err);
#include "tern/defs/request.def"
#include "tern/defs/event.def"
#undef MSG

const char *msg_type_name(unsigned type); /* "?" if unknown */

struct ipc_frame {
	uint16_t type; /* enum msg_type, or a number we do not know */
	uint16_t flags;
	uint64_t id; /* of the request it is, or that it answers; 0 for none */
	struct str payload;
	int fd; /* -1, or a descriptor that is now yours to close */
};

/* One end of a stream socket. */
struct ipc_conn;

struct ipc_conn *ipc_conn_new(int fd); /* takes the descriptor, makes it non-blocking */
void ipc_conn_free(struct ipc_conn *c);
int ipc_fd(const struct ipc_conn *c);
bool ipc_wants_write(const struct ipc_conn *c); /* ask poll() for POLLOUT */
size_t ipc_queued_bytes(const struct ipc_conn *c);

/* Queue a frame; the payload is copied, `fd` (-1 for none) is duplicated.
 * Fails only when more than IPC_MAX_QUEUED wait, it is longer than IPC_MAX_PAYLOAD, or
 * the peer is gone: and then for ever, as does ipc_flush(), so that no single frame is
 * missed in between. */
int ipc_send(struct ipc_conn *c, enum msg_type type, uint64_t id, struct str payload, int fd,
	     struct err *err);
/* Write what the socket takes now. */
int ipc_flush(struct ipc_conn *c, struct err *err);
/* Read what is there; 0 also when nothing came. GONE at end of file, but only
 * once nothing was left to read: what a peer said before it ended is not lost. */
int ipc_fill(struct ipc_conn *c, struct err *err);
/* The next complete frame of what was read: 1, 0 for none, -1 PROTO. Its
 * payload is good until the next call on c, which overwrites it: frames may
 * carry secrets. */
int ipc_next(struct ipc_conn *c, struct ipc_frame *frame_out, struct err *err);

/* ipc_send of a typed message: IPC_SEND(c, OPEN_MAILBOX, open_mailbox, id, -1, &m, err) */
#define IPC_SEND(c, SYM, name, id, fd, m, err)                                      \
	ipc_send_encoded(c, MSG_##SYM, id, fd,                                      \
			 (void (*)(struct buf *, const void *))(void (*)(void))msg_put_##name, \
			 (1 ? (m) : (const struct msg_##name *)0), err)
int ipc_send_encoded(struct ipc_conn *c, enum msg_type type, uint64_t id, int fd,
		     void (*put)(struct buf *, const void *), const void *m, struct err *err);

/* Unix sockets: a listener at `path` (0600), a connection, the peer's uid. */
int ipc_listen(const char *path, struct err *err);
int ipc_connect(const char *path, struct err *err); /* WAIT when nobody listens */
int ipc_accept(int listen_fd, struct err *err);	    /* refuses other uids */
int ipc_pair(int fds_out[2], struct err *err);

#endif
