/* A growing byte buffer, always NUL-terminated behind `len`, safe to release
 * from BUF_INIT. It may hold NUL bytes. */
#ifndef TERN_BASE_BUF_H
#define TERN_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include "tern/base/str.h"

struct buf {
	char *ptr; /* never NULL: points at an empty string when unused */
	size_t len;
	size_t cap;
};

extern char buf_empty[];
#define BUF_INIT { buf_empty, 0, 0 }

void buf_init(struct buf *b);
void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty it, keep the memory */
void buf_wipe(struct buf *b);  /* overwrite, then release: for secrets */
void buf_reserve(struct buf *b, size_t extra);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addstr(struct buf *b, struct str s);
void buf_addc_grow(struct buf *b, char c);
void buf_addn(struct buf *b, char c, size_t n); /* n times c */
/* 1.8K, 4.2M, 12K: at most five columns. The one way in which sizes are shown. */
void buf_add_size(struct buf *b, uint64_t bytes);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap);
void buf_truncate(struct buf *b, size_t len);
void buf_consume(struct buf *b, size_t n); /* drop n bytes at the front */
char *buf_take(struct buf *b);		   /* yours to free(); b is empty again */

/* Parsers add text byte by byte. */
static inline void
buf_addc(struct buf *b, char c)
{
	if (b->len + 2 > b->cap) {
		buf_addc_grow(b, c);
		return;
	}
	b->ptr[b->len++] = c;
	b->ptr[b->len] = '\0';
}

static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->ptr, b->len };
}

#endif
