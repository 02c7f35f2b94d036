/* Packed little-endian values. */
#include <endian.h>
#include <string.h>
#include "tern/base/utf8.h"
#include "tern/ipc.h"

/* A constant size: no call for the bytes of a number. */
#define PUT(b, v)                                             \
	do {                                                  \
		buf_reserve(b, sizeof(v));                    \
		memcpy((b)->ptr + (b)->len, &(v), sizeof(v)); \
		(b)->len += sizeof(v);                        \
		(b)->ptr[(b)->len] = '\0';                    \
	} while (0)

void
ipc_put_u8(struct buf *b, uint8_t v)
{
	PUT(b, v);
}

void
ipc_put_u16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	PUT(b, v);
}

void
ipc_put_u32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	PUT(b, v);
}

void
ipc_put_u64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	PUT(b, v);
}

void
ipc_put_i64(struct buf *b, int64_t v)
{
	ipc_put_u64(b, (uint64_t)v);
}

void
ipc_put_str(struct buf *b, struct str v)
{
	ipc_put_u32(b, (uint32_t)v.len);
	buf_addstr(b, v);
}

static bool
take(struct ipc_reader *r, void *out, size_t len)
{
	if (r->is_bad || r->rest.len < len) {
		r->is_bad = true;
		memset(out, 0, len);
		return false;
	}
	memcpy(out, r->rest.ptr, len);
	r->rest = str_from(r->rest, len);
	return true;
}

uint8_t
ipc_get_u8(struct ipc_reader *r)
{
	uint8_t v;

	take(r, &v, sizeof(v));
	return v;
}

uint16_t
ipc_get_u16(struct ipc_reader *r)
{
	uint16_t v;

	take(r, &v, sizeof(v));
	return le16toh(v);
}

uint32_t
ipc_get_u32(struct ipc_reader *r)
{
	uint32_t v;

	take(r, &v, sizeof(v));
	return le32toh(v);
}

uint64_t
ipc_get_u64(struct ipc_reader *r)
{
	uint64_t v;

	take(r, &v, sizeof(v));
	return le64toh(v);
}

int64_t
ipc_get_i64(struct ipc_reader *r)
{
	return (int64_t)ipc_get_u64(r);
}

struct str
ipc_get_str(struct ipc_reader *r)
{
	uint32_t len = ipc_get_u32(r);

	if (r->is_bad || r->rest.len < len) {
		r->is_bad = true;
		return STR_NONE;
	}
	struct str s = str_head(r->rest, len);
	r->rest = str_from(r->rest, len);
	return s;
}

struct str
ipc_get_text(struct ipc_reader *r)
{
	struct str s = ipc_get_str(r);

	if (str_find(s, '\0') >= 0 || !utf8_is_valid(s)) {
		r->is_bad = true;
		return STR_NONE;
	}
	return s;
}
