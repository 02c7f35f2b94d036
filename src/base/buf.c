#include "tern/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"

char buf_empty[1];

void
buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void
buf_release(struct buf *b)
{
	if (b->ptr != buf_empty)
		free(b->ptr);
	buf_init(b);
}

void
buf_reset(struct buf *b)
{
	buf_truncate(b, 0);
}

void
buf_wipe(struct buf *b)
{
	if (b->cap > 0)
		wipe(b->ptr, b->cap);
	buf_release(b);
}

void
buf_reserve(struct buf *b, size_t extra)
{
	size_t need = b->len + extra + 1;

	if (need < extra)
		BUG("buffer size overflow");
	if (need <= b->cap)
		return;
	size_t cap = b->cap * 2 > need ? b->cap * 2 : need;
	if (cap < 64)
		cap = 64;
	b->ptr = xrealloc(b->cap > 0 ? b->ptr : NULL, cap);
	b->ptr[b->len] = '\0';
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	buf_reserve(b, len);
	memcpy(b->ptr + b->len, data, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addstr(struct buf *b, struct str s)
{
	buf_add(b, s.ptr, s.len);
}

void
buf_addc_grow(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addn(struct buf *b, char c, size_t n)
{
	buf_reserve(b, n);
	memset(b->ptr + b->len, c, n);
	b->len += n;
	b->ptr[b->len] = '\0';
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		BUG("bad format '%s'", fmt);
	buf_reserve(b, (size_t)len);
	vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, ap);
	b->len += (size_t)len;
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void
buf_add_size(struct buf *b, uint64_t bytes)
{
	static const char units[] = "KMGT";
	double n = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes == 0) {
		buf_addc(b, '0');
		return;
	}
	while (n >= 999.5 && unit < 3) {
		n /= 1024;
		unit++;
	}
	if (n < 9.95)
		buf_addf(b, "%.1f%c", n < 0.1 ? 0.1 : n, units[unit]);
	else
		buf_addf(b, "%.0f%c", n, units[unit]);
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len > b->len)
		BUG("truncating %zu bytes to %zu", b->len, len);
	b->len = len;
	if (b->cap > 0)
		b->ptr[len] = '\0';
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		BUG("consuming %zu of %zu bytes", n, b->len);
	if (n == 0)
		return;
	memmove(b->ptr, b->ptr + n, b->len - n);
	buf_truncate(b, b->len - n);
}

char *
buf_take(struct buf *b)
{
	char *s = b->cap > 0 ? b->ptr : xstrdup("");

	buf_init(b);
	return s;
}
