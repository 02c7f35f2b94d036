/* A typed growing array: VEC(struct thing) things = VEC_INIT; then
 * vec_push(&things, t); things.v[i]; things.n; vec_release(&things). */
#ifndef TERN_BASE_VEC_H
#define TERN_BASE_VEC_H

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"

#define VEC(type)      \
	struct {       \
		type *v; \
		size_t n, cap; \
	}
#define VEC_INIT { NULL, 0, 0 }

/* Room for `extra` more elements. */
#define vec_reserve(vec, extra)                                                     \
	do {                                                                        \
		if ((vec)->n + (size_t)(extra) > (vec)->cap) {                      \
			(vec)->cap = (vec)->cap * 2 + (size_t)(extra) + 4;          \
			(vec)->v = xreallocarray((vec)->v, (vec)->cap,              \
						 sizeof(*(vec)->v));                \
		}                                                                   \
	} while (0)
#define vec_push(vec, item)                          \
	do {                                         \
		vec_reserve(vec, 1);                 \
		(vec)->v[(vec)->n++] = (item);       \
	} while (0)
/* Put an item at position `at`, the rest moves up. */
#define vec_insert(vec, at, item)                                                \
	do {                                                                     \
		size_t vec_at_ = (at);                                           \
		vec_reserve(vec, 1);                                             \
		memmove((vec)->v + vec_at_ + 1, (vec)->v + vec_at_,              \
			((vec)->n - vec_at_) * sizeof(*(vec)->v));               \
		(vec)->v[vec_at_] = (item);                                      \
		(vec)->n++;                                                      \
	} while (0)
#define vec_remove(vec, at)                                                      \
	do {                                                                     \
		size_t vec_at_ = (at);                                           \
		memmove((vec)->v + vec_at_, (vec)->v + vec_at_ + 1,              \
			((vec)->n - vec_at_ - 1) * sizeof(*(vec)->v));           \
		(vec)->n--;                                                      \
	} while (0)
/* The first that is equal to `item`, a number or a pointer; none is fine. */
#define vec_remove_item(vec, item)                                               \
	do {                                                                     \
		size_t vec_i_ = 0;                                               \
		while (vec_i_ < (vec)->n && (vec)->v[vec_i_] != (item))          \
			vec_i_++;                                                \
		if (vec_i_ < (vec)->n)                                           \
			vec_remove(vec, vec_i_);                                 \
	} while (0)
#define vec_reset(vec) ((void)((vec)->n = 0))
#define vec_release(vec)                             \
	do {                                         \
		free((vec)->v);                      \
		(vec)->v = NULL;                     \
		(vec)->n = (vec)->cap = 0;           \
	} while (0)

#endif
