#include "tern/base/str.h"

#include <string.h>
#include "tern/base/mem.h"

int
str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int c = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

int
str_icmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < len; i++) {
		int c = ascii_lower((unsigned char)a.ptr[i]) - ascii_lower((unsigned char)b.ptr[i]);
		if (c != 0)
			return c;
	}
	return (a.len > b.len) - (a.len < b.len);
}

bool
str_ends(struct str s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && str_eqc(str_from(s, s.len - len), suffix);
}

long
str_find_str(struct str s, struct str needle)
{
	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return -1;
	const char *p = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return p == NULL ? -1 : (long)(p - s.ptr);
}

bool
str_icontains(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.len <= s.len; i++)
		if (str_ieq(str_head(str_from(s, i), needle.len), needle))
			return true;
	return false;
}

/* Eight bytes at a time: no high bit, none below 0x20, no 0x7f. */
static bool
is_printable_word(const char *p)
{
	const uint64_t ones = 0x0101010101010101ULL, high = ones * 0x80;
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return ((w | (w + ones) | ~((w | high) - ones * 0x20)) & high) == 0;
}

bool
str_is_printable(struct str s)
{
	for (; s.len >= 8; s = (struct str){ s.ptr + 8, s.len - 8 })
		if (!is_printable_word(s.ptr))
			return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	return true;
}

bool
str_next(struct str *s, char sep, struct str *piece_out)
{
	if (s->ptr == NULL)
		return false;
	long at = str_find(*s, sep);
	if (at < 0) {
		*piece_out = *s;
		*s = STR_NONE;
	} else {
		*piece_out = str_head(*s, (size_t)at);
		*s = str_from(*s, (size_t)at + 1);
	}
	return true;
}

bool
str_next_word(struct str *s, struct str *word_out)
{
	size_t len = 0;

	*s = str_trim_left(*s);
	while (len < s->len && !ascii_is_space((unsigned char)s->ptr[len]))
		len++;
	if (len == 0)
		return false;
	*word_out = str_head(*s, len);
	*s = str_from(*s, len);
	return true;
}

char *
str_dup(struct str s)
{
	return xstrndup(s.ptr, s.len);
}

bool
str_u64(struct str s, uint64_t *out)
{
	uint64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit((unsigned char)s.ptr[i]))
			return false;
		unsigned digit = (unsigned)(s.ptr[i] - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

bool
str_u32(struct str s, uint32_t *out)
{
	uint64_t n;

	if (!str_u64(s, &n) || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

bool
str_i64(struct str s, int64_t *out)
{
	bool is_negative = s.len > 0 && s.ptr[0] == '-';
	uint64_t n;

	if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
		s = str_from(s, 1);
	if (!str_u64(s, &n) || n > (uint64_t)INT64_MAX + is_negative)
		return false;
	*out = is_negative ? (int64_t)-n : (int64_t)n;
	return true;
}
