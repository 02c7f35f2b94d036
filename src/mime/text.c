/* Small things that several files of this module need. */
#include "internal.h"

void
mime_blank_controls(struct buf *b, size_t at)
{
	for (size_t i = at; i < b->len; i++)
		if ((unsigned char)b->ptr[i] < 0x20 || b->ptr[i] == 0x7f)
			b->ptr[i] = ' ';
}

int
mime_hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = (char)ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
mime_add_hex_decoded(struct buf *out, struct str s, char mark, bool is_q)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_q && s.ptr[i] == '_') {
			buf_addc(out, ' ');
		} else if (s.ptr[i] == mark && i + 2 < s.len && mime_hex(s.ptr[i + 1]) >= 0 &&
			   mime_hex(s.ptr[i + 2]) >= 0) {
			buf_addc(out, (char)(mime_hex(s.ptr[i + 1]) * 16 +
					     mime_hex(s.ptr[i + 2])));
			i += 2;
		} else {
			buf_addc(out, s.ptr[i]);
		}
	}
}

struct str
mime_keep(struct arena *a, const struct buf *b)
{
	return arena_str(a, buf_str(b));
}

struct str
mime_utf8_head(struct str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return str_head(s, max);
}
