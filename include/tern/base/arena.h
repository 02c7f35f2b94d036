/* Memory that goes all at once: a parse result lives in the caller's arena. */
#ifndef TERN_BASE_ARENA_H
#define TERN_BASE_ARENA_H

#include <stddef.h>
#include "tern/base/str.h"

struct arena_block;
struct arena {
	struct arena_block *blocks;
	size_t used_bytes; /* handed out since the last reset */
};

#define ARENA_INIT { NULL, 0 }

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned to 16 */
struct str arena_str(struct arena *a, struct str s); /* a terminated copy */
char *arena_cstr(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *a); /* free all but one block */
void arena_release(struct arena *a);

#endif
