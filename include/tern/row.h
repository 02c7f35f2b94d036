/* One message in a list: what a worker reads from the server, what the store
 * keeps and what the index shows. All text is decoded, valid UTF-8, without
 * NUL, and bounded; slices are borrowed from wherever the row was read. */
#ifndef TERN_ROW_H
#define TERN_ROW_H

#include <stdint.h>
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/ipc.h"

enum row_flags {
#define FLAG(sym, bit, wire, letter, help) ROW_##sym = 1u << (bit),
#include "tern/defs/flag.def"
#undef FLAG
};

/* Those that the server keeps and +FLAGS / -FLAGS can change. */
#define ROW_SERVER_FLAGS (ROW_SEEN | ROW_ANSWERED | ROW_FLAGGED | ROW_DELETED | ROW_DRAFT)

#define ROW_MAX_TEXT 1024	/* bytes of each text field, cut at a character */
#define ROW_MAX_ANCESTORS 32

struct row {
	uint64_t local; /* local id; 0 until the manager gave one */
	uint32_t uid;
	uint32_t size_bytes; /* RFC822.SIZE: a hint */
	uint32_t flags;	     /* enum row_flags */
	int64_t date;	     /* the Date field, else INTERNALDATE: UTC seconds */
	int64_t internaldate;
	int16_t zone_min; /* of the Date field, minutes east of UTC */
	uint64_t modseq;  /* 0 if unknown; never a cursor */
	uint64_t id_hash; /* hash64 of the Message-ID without < >; 0 if it has none */
	struct str ancestors; /* u64 little-endian hashes: References, then In-Reply-To
				 if it is not the last of them; oldest first */
	struct str subject;
	struct str from_name; /* may be empty */
	struct str from_addr;
	struct str to;	 /* "Name <a@b>, c@d": names for showing */
	struct str cc;	 /* the same */
	struct str reply_to; /* the same */
	struct str list_id;  /* without < > */
	struct str message_id; /* with < > */
	struct str keywords; /* IMAP keywords, one blank between */
};

void row_put(struct buf *b, const struct row *row);
/* Borrowed slices. PROTO if malformed, a text not UTF-8, or over its bound. */
int row_get(struct ipc_reader *r, struct row *row_out, struct err *err);

/* Thread parent candidates: the number of ancestors and one of them. */
size_t row_n_ancestors(const struct row *row);
uint64_t row_ancestor(const struct row *row, size_t i);

/* A change of flags seen on the server: the whole new set. */
struct row_flags_change {
	uint32_t uid;
	uint32_t flags; /* of ROW_SERVER_FLAGS */
	uint64_t modseq;
	struct str keywords;
};

void row_flags_put(struct buf *b, const struct row_flags_change *c);
int row_flags_get(struct ipc_reader *r, struct row_flags_change *out, struct err *err);

#endif
