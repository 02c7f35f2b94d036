#include "tern/base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"

#define BLOCK_BYTES 4096

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(16) char data[];
};

static struct arena_block *
block_new(struct arena *a, size_t size)
{
	struct arena_block *b = xmalloc(sizeof(*b) + size);

	b->next = a->blocks;
	b->size = size;
	b->used = 0;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;

	if (size > SIZE_MAX / 2)
		BUG("arena allocation of %zu bytes", size);
	size = (size + 15) & ~(size_t)15;
	if (b == NULL || b->size - b->used < size)
		b = block_new(a, size > BLOCK_BYTES ? size : BLOCK_BYTES);
	void *p = b->data + b->used;
	b->used += size;
	a->used_bytes += size;
	return memset(p, 0, size);
}

char *
arena_cstr(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

struct str
arena_str(struct arena *a, struct str s)
{
	return (struct str){ arena_cstr(a, s), s.len };
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	char *copy = arena_cstr(a, str_c(s));
	free(s);
	return copy;
}

void
arena_reset(struct arena *a)
{
	struct arena_block *keep = a->blocks;

	if (keep == NULL)
		return;
	while (keep->next != NULL) {
		struct arena_block *next = keep->next->next;
		free(keep->next);
		keep->next = next;
	}
	keep->used = 0;
	a->used_bytes = 0;
}

void
arena_release(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used_bytes = 0;
}
