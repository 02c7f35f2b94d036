/* The framer cuts what comes from a server into complete responses, and is the
 * guard: whatever breaks a limit ends the connection here, before anything
 * else looks at it. Pure: bytes in, in any slicing; frames out.
 *
 * A frame is a line with its literals: "* 1 FETCH (BODY[] {3}\r\nabc)\r\n". A
 * line that is a status ("* OK", "tag NO", "+") has none, whatever its text
 * looks like, so that text cannot swallow what follows. */
#ifndef TERN_IMAP_FRAMER_H
#define TERN_IMAP_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

enum {
	FRAMER_LINE_BEFORE_LOGIN = 64 * 1024,
	FRAMER_LITERAL_BEFORE_LOGIN = 64 * 1024,
	FRAMER_LINE = 1024 * 1024,
	FRAMER_LITERAL = 64 * 1024 * 1024,
	FRAMER_MAX_DEPTH = 64,
};

struct framer_limits {
	size_t line_bytes;    /* of a response, without its literals */
	size_t literal_bytes; /* of a response, all its literals together */
};

struct frame {
	struct str bytes; /* with the last CR LF; borrowed until the next framer_room() */
	size_t n_literals;
	bool is_deep; /* parentheses more than FRAMER_MAX_DEPTH deep: not to be parsed
			 by anything that recurses. A hostile mail can cause it, so it is
			 no reason to end the connection. */
};

struct framer {
	struct buf in;	/* what is not consumed, from `start` on */
	size_t start;	/* of the response under way */
	size_t pos;	/* scanned up to here */
	struct framer_limits limits;
	/* of the response under way */
	size_t line_start; /* of its current line, from `in` */
	size_t line_bytes;
	size_t literal_bytes;
	size_t literal_left;
	size_t n_literals;
	uint32_t depth, max_depth;
	bool is_quoted;
	bool has_status; /* its first line was seen to be a status */
	/* What may still come before more is asked for: bytes and responses. */
	uint64_t bytes_allowed, responses_allowed;
	bool is_broken;
};

void framer_init(struct framer *f, const struct framer_limits *limits);
void framer_release(struct framer *f); /* wipes: challenges may be in it */
void framer_set_limits(struct framer *f, const struct framer_limits *limits);
/* The budget: `allow` adds to it, `limit` sets it. */
void framer_allow(struct framer *f, uint64_t bytes, uint64_t responses);
void framer_limit(struct framer *f, uint64_t bytes, uint64_t responses);

/* Where to read the next bytes to: at least `want` of room. Frames given out
 * before are gone. Then framer_add() says how many came. */
char *framer_room(struct framer *f, size_t want, size_t *room_out);
void framer_add(struct framer *f, size_t n);
void framer_feed(struct framer *f, struct str bytes); /* both, for tests */

/* The next complete response: 1, 0 if none is complete, -1 PROTO; once broken,
 * for ever. */
int framer_next(struct framer *f, struct frame *out, struct err *err);
/* Bytes that belong to no complete frame yet. */
size_t framer_pending(const struct framer *f);
/* They are of another kind from here on: forgotten here, borrowed until framer_room(). */
struct str framer_take_rest(struct framer *f);

#endif
