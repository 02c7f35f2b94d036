/* mutt's pattern language: limit, search, tag, colour rules. Pure.
 *
 * A pattern is parsed once and matched against rows one at a time; nothing is
 * kept between matches. What a row does not tell (the body, a header field that
 * is not in the list) makes the answer "unknown", and pattern_needs() says so
 * before anything is matched, so that whoever asked can say it or ask the
 * server. Used by model, view and cmd; depends on base and row.h alone. */
#ifndef TERN_PATTERN_H
#define TERN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/row.h"

struct pattern;

enum pattern_relation { PATTERN_THREAD, PATTERN_PARENT, PATTERN_CHILDREN };

/* What a match looks at: the row, and what the list knows about it. */
struct pattern_subject {
	const struct row *row;
	uint32_t number;   /* place in the list, from 1 (~m) */
	bool is_tagged;	   /* ~T */
	bool is_collapsed; /* ~v */
	bool is_duplicate; /* ~= */
	bool is_unthreaded; /* ~$: no parent and no reply */
	bool is_broken_thread; /* ~#: its parent is not there */
	int score;	   /* ~n */
	uint32_t n_attachments; /* ~X, where it is known: has_n_attachments */
	bool has_n_attachments;
	/* Messages of the same thread for ~(...), ~<(...), ~>(...): the i-th of a
	 * kind, false behind the last. NULL: not known here. */
	bool (*relative)(void *ctx, enum pattern_relation relation, size_t i,
			 struct pattern_subject *out);
	void *ctx;
};

/* Who the user is, which lists there are; may be NULL everywhere. */
struct pattern_context {
	/* ~p, ~P: is the address (no name) one of the user's? */
	bool (*is_me)(void *ctx, struct str address);
	/* ~l (known list), ~u (subscribed list) */
	bool (*is_list)(void *ctx, struct str address, bool must_be_subscribed);
	void *ctx;
	bool marks_old; /* ROW_RECENT tells ~N from ~O; else all unread is new */
	int64_t now; /* seconds since 1970, for dates; they are local time */
};

enum pattern_answer { PATTERN_NO = 0, PATTERN_YES = 1, PATTERN_UNKNOWN = 2 };

enum pattern_needs {
	PATTERN_NEEDS_BODY = 1 << 0,	/* ~b ~B =b: text that may not be here */
	PATTERN_NEEDS_HEADER = 1 << 1,	/* ~h: fields that the list does not keep */
	PATTERN_NEEDS_CRYPTO = 1 << 2,	/* ~g ~G ~k ~V */
	PATTERN_NEEDS_THREAD = 1 << 3,	/* ~( ~< ~> */
	PATTERN_NEEDS_PARTS = 1 << 4,	/* ~X ~M */
};

#define PATTERN_DEFAULT_SIMPLE_SEARCH "~f %s | ~s %s"

/* Parse. Text without any ~, =, % operator is put into `simple_search` first
 * ($simple_search; NULL for the default). On an error *err is a sentence and
 * *pos_out (may be NULL) the byte of `text` where it was noticed. */
struct pattern *pattern_parse(struct str text, const char *simple_search,
			      const struct pattern_context *context, size_t *pos_out,
			      struct err *err);
void pattern_free(struct pattern *p); /* NULL is fine */
unsigned pattern_needs(const struct pattern *p); /* enum pattern_needs */
/* The operators that need what is not local, for a sentence: "~b, ~h". */
void pattern_describe_needs(const struct pattern *p, struct buf *out);
enum pattern_answer pattern_match(const struct pattern *p, const struct pattern_subject *s);
/* Matches by flags and other cheap facts alone, never by text. */
bool pattern_is_cheap(const struct pattern *p);
/* Written again, canonical: parsing it gives the same pattern. */
void pattern_print(const struct pattern *p, struct buf *out);

/* The i-th operator, for help and completion: "~f EXPR", "From matches EXPR".
 * NULL behind the last. */
const char *pattern_help(size_t i, const char **help_out);

#endif
