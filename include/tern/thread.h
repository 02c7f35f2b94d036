/* Orders of messages: by date, sender, subject..., and threads. Pure: no store,
 * no terminal, no clock. The interface computes an order in slices between keys:
 *
 *	b = thread_build_new(&spec);
 *	for each message, oldest first (as store_rows_next gives them)
 *		thread_build_add(b, &input);
 *	while (!thread_build_step(b, 2000))
 *		;				 another slice at the next turn
 *	rows = thread_build_take(b, &n);	 12 to 16 bytes a row, yours to free
 *	thread_build_free(b);
 *
 * Threads are made as JWZ describes: by the ids of References and In-Reply-To;
 * a parent that is not in the mailbox still holds its children together. Roots
 * that are replies join an older message with the same subject, unless
 * strict_threads. Every step is linear or n log n whatever a hostile sender
 * writes: loops are broken, depth does not matter, ids are hashed with a seed. */
#ifndef TERN_THREAD_H
#define TERN_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/str.h"

enum thread_order {
	ORDER_DATE = 0,	/* the Date field; also spam, score, label */
	ORDER_RECEIVED,	/* INTERNALDATE */
	ORDER_FROM,
	ORDER_TO,
	ORDER_SUBJECT,
	ORDER_SIZE,
	ORDER_MAILBOX,	/* by UID */
	ORDER_THREADS,
	ORDER_N
};

struct thread_spec {
	uint8_t sort; /* enum thread_order: $sort */
	uint8_t aux;  /* $sort_aux: threads among each other; else what decides between equals */
	bool reverse; /* reverse- before $sort: with threads, the whole list upside down */
	bool aux_reverse;
	bool last; /* last- before $sort_aux: a thread counts as its greatest message */
	bool strict_threads;
	bool sort_re; /* only replies ("Re:") join by subject */
};

#define THREAD_SPEC_INIT { ORDER_DATE, ORDER_DATE, false, false, false, false, true }

/* A word of $sort or $sort_aux ("reverse-last-date-received"). False if it is none. */
bool thread_spec_sort(struct thread_spec *spec, struct str word);
bool thread_spec_aux(struct thread_spec *spec, struct str word);
/* Rows of the store are in this order already (or in its reverse): no build needed. */
bool thread_spec_is_date(const struct thread_spec *spec);
/* Which text the order compares: ORDER_FROM, ORDER_TO, ORDER_SUBJECT, or -1. */
int thread_spec_key(const struct thread_spec *spec);

/* Subject without "Re:", "AW[2]:" and the like in front; *is_reply_out: there was one. */
struct str thread_base_subject(struct str subject, bool *is_reply_out);

struct thread_input {
	uint32_t uid;
	uint32_t size_bytes;
	int64_t date;	   /* rows must come with dates that do not go down */
	int64_t received;
	uint64_t id_hash;  /* 0: none */
	struct str ancestors; /* as in struct row: u64 little-endian, oldest first */
	uint64_t subject_hash; /* hash64 of thread_base_subject(); 0: none */
	bool is_reply;
	struct str key; /* what thread_spec_key() names; copied */
};

enum thread_row_flags {
	THREAD_LAST = 1 << 0,	   /* no sibling is drawn below it */
	THREAD_HAS_CHILDREN = 1 << 1,
	THREAD_BY_SUBJECT = 1 << 2, /* its place comes from the subject alone (mutt: *>) */
	THREAD_NO_PARENT = 1 << 3, /* its parent is not in the mailbox */
	THREAD_FIRST = 1 << 4,	   /* first of those: the tree starts here */
};

#define THREAD_NONE UINT32_MAX

struct thread_row {
	uint32_t msg;	 /* the n-th that was added */
	uint32_t parent; /* a row of this list; THREAD_NONE for a root */
	uint32_t bars;	 /* bit d: an ancestor at depth d has siblings below (d >= 1) */
	uint16_t depth;	 /* 0 for a root; counted up to 65535 */
	uint8_t flags;	 /* enum thread_row_flags */
	uint8_t unused;
};

struct thread_build;
struct thread_build *thread_build_new(const struct thread_spec *spec);
void thread_build_free(struct thread_build *b);
/* About how many messages will come (optional: spares pauses while tables grow). */
void thread_build_expect(struct thread_build *b, uint32_t n);
void thread_build_add(struct thread_build *b, const struct thread_input *in);
/* Work for about `budget` steps of some 20 to 50 ns; true when all is done. */
bool thread_build_step(struct thread_build *b, uint32_t budget);
/* How far it is, 0 to 100. */
unsigned thread_build_percent(const struct thread_build *b);
/* In the order of the screen. Once, after the last step. */
struct thread_row *thread_build_take(struct thread_build *b, size_t *n_out);
/* Of what has been taken, let go of a part of the working memory: giving back many
 * megabytes at once is a pause too. True when there is no more. */
bool thread_build_shed(struct thread_build *b);

#endif
