#include "tern/base/str.h"

#include <string.h>
#include "tern/base/mem.h"

struct str
str_c(const char *s)
{
	return (struct str){ s, s == NULL ? 0 : strlen(s) };
}

struct str
str_n(const char *s, size_t len)
{
	return (struct str){ s, len };
}

bool
str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
str_ieq(struct str a, struct str b)
{
	return a.len == b.len && str_icmp(a, b) == 0;
}

bool
str_eqc(struct str a, const char *b)
{
	return str_eq(a, str_c(b));
}

bool
str_ieqc(struct str a, const char *b)
{
	return str_ieq(a, str_c(b));
}

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
str_starts(struct str s, const char *prefix)
{
	return str_eqc(str_head(s, strlen(prefix)), prefix);
}

bool
str_istarts(struct str s, const char *prefix)
{
	return str_ieqc(str_head(s, strlen(prefix)), prefix);
}

bool
str_ends(struct str s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && str_eqc(str_from(s, s.len - len), suffix);
}

struct str
str_from(struct str s, size_t pos)
{
	if (pos >= s.len)
		return (struct str){ s.ptr == NULL ? NULL : s.ptr + s.len, 0 };
	return (struct str){ s.ptr + pos, s.len - pos };
}

struct str
str_head(struct str s, size_t len)
{
	return (struct str){ s.ptr, len < s.len ? len : s.len };
}

struct str
str_trim_left(struct str s)
{
	while (s.len > 0 && ascii_is_space((unsigned char)s.ptr[0]))
		s = str_from(s, 1);
	return s;
}

struct str
str_trim(struct str s)
{
	s = str_trim_left(s);
	while (s.len > 0 && ascii_is_space((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	return s;
}

long
str_find(struct str s, char c)
{
	const char *p = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

	return p == NULL ? -1 : (long)(p - s.ptr);
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
