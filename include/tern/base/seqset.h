/* A set of UIDs: sorted ranges of numbers from 1 to 2^32 - 1, as in the
 * sequence sets of IMAP ("1:50,70"). 0 is never a member: adding it does
 * nothing. Big sets stay small as long as they are made of runs. */
#ifndef TERN_BASE_SEQSET_H
#define TERN_BASE_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

struct seqset_range {
	uint32_t first, last; /* both belong to it */
};

struct seqset {
	struct seqset_range *v; /* ascending, with gaps between them */
	size_t n, cap;
};

#define SEQSET_INIT { NULL, 0, 0 }
#define SEQSET_MAX_RANGES 1000000 /* of a parsed text */

void seqset_release(struct seqset *s);
void seqset_reset(struct seqset *s); /* empty it, keep the memory */
void seqset_copy(struct seqset *to, const struct seqset *from);

/* In any order; ascending is the quick one. first and last may be swapped. */
void seqset_add(struct seqset *s, uint32_t uid);
void seqset_add_range(struct seqset *s, uint32_t first, uint32_t last);
/* Many in any order: it is no set before seqset_sort(). */
void seqset_append(struct seqset *s, uint32_t uid);
void seqset_sort(struct seqset *s);
void seqset_remove(struct seqset *s, uint32_t uid);
void seqset_remove_range(struct seqset *s, uint32_t first, uint32_t last);

void seqset_unite(struct seqset *s, const struct seqset *other);
void seqset_subtract(struct seqset *s, const struct seqset *other);
void seqset_intersect(struct seqset *s, const struct seqset *other);

bool seqset_has(const struct seqset *s, uint32_t uid);
bool seqset_is_empty(const struct seqset *s);
bool seqset_eq(const struct seqset *a, const struct seqset *b);
uint32_t seqset_count(const struct seqset *s);
uint32_t seqset_min(const struct seqset *s); /* 0 if empty */
uint32_t seqset_max(const struct seqset *s);
/* The n-th member, counted from 0 and the smallest; 0 if there are not so many. */
uint32_t seqset_nth(const struct seqset *s, uint32_t n);
/* How many members are smaller than uid. */
uint32_t seqset_rank(const struct seqset *s, uint32_t uid);
/* Take the n greatest members (or all) out of s and add them to `out`. */
void seqset_take_last(struct seqset *s, uint32_t n, struct seqset *out);
/* The same, but no more than print in max_octets (and always some). */
void seqset_take_last_line(struct seqset *s, uint32_t n, size_t max_octets, struct seqset *out);

/* for (it = seqset_each(s); seqset_next(&it, &uid);) */
struct seqset_iter {
	const struct seqset *set;
	size_t i;
	uint32_t next; /* 0: the start of range i */
};
struct seqset_iter seqset_each(const struct seqset *s);
bool seqset_next(struct seqset_iter *it, uint32_t *uid_out);

/* Append "1:3,7". Nothing for an empty set. */
void seqset_print(const struct seqset *s, struct buf *out);
/* Replace *out by a text: ranges in any order and direction, overlapping or
 * not; an empty text is the empty set. PROTO for anything else, also for 0, *,
 * numbers over 32 bits and more than SEQSET_MAX_RANGES ranges. */
int seqset_parse(struct str text, struct seqset *out, struct err *err);
/* Cut a text as in seqset_parse in its own order, for sets whose order matters
 * (COPYUID): the next range, first > last where it was written so. 1, 0 at the
 * end, -1 PROTO. */
int seqset_next_range(struct str *text, struct seqset_range *range_out, struct err *err);
/* Command lines have a limit: append whole ranges, at most max_octets of text
 * (but always one range), from `*at` on, and move it. False when nothing is left.
 *	for (at = 0; buf_reset(&b), seqset_line(s, &at, 1000, &b);) */
bool seqset_line(const struct seqset *s, size_t *at, size_t max_octets, struct buf *out);

#endif
