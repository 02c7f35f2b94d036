#include "tern/base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define MAX_CLUSTER_BYTES 64

size_t
utf8_decode(struct str s, uint32_t *cp_out)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	uint32_t cp = UTF8_BAD;
	size_t len = 1;

	if (s.len == 0) {
		*cp_out = 0;
		return 0;
	}
	if (p[0] < 0x80) {
		cp = p[0];
	} else if (p[0] >= 0xc2 && p[0] <= 0xf4) {
		size_t want = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
		uint32_t value = p[0] & (0xff >> (want + 1));
		size_t i = 1;
		while (i < want && i < s.len && (p[i] & 0xc0) == 0x80)
			value = value << 6 | (p[i++] & 0x3f);
		bool is_long_enough = want == 2 || (want == 3 && value >= 0x800) ||
				      (want == 4 && value >= 0x10000);
		if (i == want && is_long_enough && value <= 0x10ffff &&
		    (value < 0xd800 || value > 0xdfff)) {
			cp = value;
			len = want;
		}
	}
	*cp_out = cp;
	return len;
}

void
utf8_add(struct buf *b, uint32_t cp)
{
	utf8proc_uint8_t bytes[4];
	utf8proc_ssize_t len = utf8proc_encode_char((utf8proc_int32_t)cp, bytes);

	if (len <= 0 || (cp >= 0xd800 && cp <= 0xdfff))
		buf_adds(b, "\xef\xbf\xbd");
	else
		buf_add(b, bytes, (size_t)len);
}

static bool
is_bad(uint32_t cp, size_t len)
{
	return cp == UTF8_BAD && len == 1;
}

/* How many bytes at the start are ASCII. */
static size_t
ascii_bytes(struct str s)
{
	size_t n = 0;
	uint64_t word;

	for (; s.len - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, s.ptr + n, sizeof(word));
		if (word & 0x8080808080808080ULL)
			break;
	}
	while (n < s.len && (unsigned char)s.ptr[n] < 0x80)
		n++;
	return n;
}

bool
utf8_is_valid(struct str s)
{
	while (s.len > 0) {
		s = str_from(s, ascii_bytes(s));
		if (s.len == 0)
			break;
		uint32_t cp;
		size_t len = utf8_decode(s, &cp);
		if (is_bad(cp, len))
			return false;
		s = str_from(s, len);
	}
	return true;
}

void
utf8_add_valid(struct buf *b, struct str s)
{
	while (s.len > 0) {
		uint32_t cp;
		size_t len = utf8_decode(s, &cp);
		if (is_bad(cp, len))
			utf8_add(b, UTF8_BAD);
		else
			buf_add(b, s.ptr, len);
		s = str_from(s, len);
	}
}

static int
code_point_cols(uint32_t cp)
{
	if (cp < 0x20 || cp == 0x7f)
		return 1; /* shown as a stand-in */
	if (cp < 0x300)
		return cp == 0xad ? 0 : 1;
	const utf8proc_property_t *prop = utf8proc_get_property((utf8proc_int32_t)cp);
	if (prop->category == UTF8PROC_CATEGORY_MN || prop->category == UTF8PROC_CATEGORY_ME ||
	    prop->category == UTF8PROC_CATEGORY_CF)
		return 0;
	return utf8proc_charwidth((utf8proc_int32_t)cp);
}

size_t
utf8_grapheme(struct str s, int *cols_out)
{
	uint32_t cp, next;
	size_t len = utf8_decode(s, &cp);
	int cols = 0;

	if (len > 0)
		cols = code_point_cols(cp);
	/* The common case: one ASCII character behind another. */
	if (len == 0 || (cp < 0x80 && (s.len == len || (unsigned char)s.ptr[len] < 0x80))) {
		*cols_out = cols;
		return len;
	}
	utf8proc_int32_t state = 0;
	bool is_flag = cp >= 0x1f1e6 && cp <= 0x1f1ff;
	while (len < s.len && len < MAX_CLUSTER_BYTES) {
		size_t n = utf8_decode(str_from(s, len), &next);
		if (len + n > MAX_CLUSTER_BYTES || is_bad(next, n) || cp < 0x20 || next < 0x20 ||
		    utf8proc_grapheme_break_stateful((utf8proc_int32_t)cp,
						     (utf8proc_int32_t)next, &state))
			break;
		if (next == 0xfe0f && cols == 1)
			cols = 2; /* asked for as an emoji */
		else if (is_flag && next >= 0x1f1e6 && next <= 0x1f1ff)
			cols = 2;
		else if (code_point_cols(next) > cols)
			cols = code_point_cols(next);
		len += n;
		cp = next;
	}
	*cols_out = cols > 2 ? 2 : cols;
	return len;
}

struct str
utf8_fit(struct str s, int cols, int *cols_used_out)
{
	size_t len = 0;
	int used = 0;

	while (len < s.len) {
		int width;
		/* One ASCII character before another, which most text is made of. */
		if ((unsigned char)s.ptr[len] < 0x80 && used < cols &&
		    (len + 1 == s.len || (unsigned char)s.ptr[len + 1] < 0x80)) {
			len++;
			used++;
			continue;
		}
		size_t n = utf8_grapheme(str_from(s, len), &width);
		if (used + width > cols)
			break;
		used += width;
		len += n;
	}
	if (cols_used_out != NULL)
		*cols_used_out = used;
	return str_head(s, len);
}

int
utf8_cols(struct str s)
{
	int cols;

	utf8_fit(s, 0x7ffffff, &cols);
	return cols;
}

bool
utf8_is_unsafe(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		return true;
	if (cp < 0x300)
		return false;
	if (cp == 0x61c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	    cp >= 0xe0000)
		return true;
	switch (utf8proc_category((utf8proc_int32_t)cp)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return true;
	default:
		return false;
	}
}

void
utf8_add_safe(struct buf *b, struct str s)
{
	while (s.len > 0) {
		size_t plain = 0;
		while (plain < s.len && (unsigned char)s.ptr[plain] >= 0x20 &&
		       (unsigned char)s.ptr[plain] < 0x7f)
			plain++;
		buf_add(b, s.ptr, plain);
		s = str_from(s, plain);
		if (s.len == 0)
			break;
		uint32_t cp;
		size_t len = utf8_decode(s, &cp);
		if (cp == '\t' || cp == '\n')
			buf_addc(b, ' ');
		else if (cp < 0x20)
			utf8_add(b, 0x2400 + cp);
		else if (cp == 0x7f)
			utf8_add(b, 0x2421);
		else if (utf8_is_unsafe(cp) || is_bad(cp, len))
			utf8_add(b, UTF8_BAD);
		else
			buf_add(b, s.ptr, len);
		s = str_from(s, len);
	}
}

void
utf8_add_folded(struct buf *b, struct str s)
{
	bool is_ascii = true;

	for (size_t i = 0; i < s.len && is_ascii; i++)
		is_ascii = (unsigned char)s.ptr[i] < 0x80;
	if (is_ascii) {
		buf_reserve(b, s.len);
		for (size_t i = 0; i < s.len; i++)
			b->ptr[b->len++] = (char)ascii_lower((unsigned char)s.ptr[i]);
		b->ptr[b->len] = '\0';
		return;
	}
	struct buf valid = BUF_INIT;
	utf8proc_uint8_t *folded = NULL;
	utf8_add_valid(&valid, s);
	utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)valid.ptr,
					    (utf8proc_ssize_t)valid.len, &folded,
					    UTF8PROC_STABLE | UTF8PROC_COMPOSE |
						    UTF8PROC_CASEFOLD);
	if (len >= 0)
		buf_add(b, folded, (size_t)len);
	else
		buf_add(b, valid.ptr, valid.len);
	free(folded);
	buf_release(&valid);
}
