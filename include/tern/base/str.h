/* A borrowed slice of bytes: not terminated, may hold NUL. Parsers take these.
 * Case folding is ASCII only, as in the protocols; a locale never matters. */
#ifndef TERN_BASE_STR_H
#define TERN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *ptr; /* may be NULL when len is 0 */
	size_t len;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
/* The same in a table. */
#define STR_INIT(lit) { (lit), sizeof(lit) - 1 }
#define STR_NONE ((struct str){ NULL, 0 })
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

int str_cmp(struct str a, struct str b);
int str_icmp(struct str a, struct str b);
bool str_ends(struct str s, const char *suffix);
long str_find_str(struct str s, struct str needle);
bool str_icontains(struct str s, struct str needle); /* ASCII case only */
/* Nothing but 0x20 to 0x7e: most text in mail, which needs no further look. */
bool str_is_printable(struct str s);
/* Cut the piece before `sep` off *s; false when *s was used up. */
bool str_next(struct str *s, char sep, struct str *piece_out);
/* The next run of bytes without blank, tab, CR, LF; false at the end. */
bool str_next_word(struct str *s, struct str *word_out);
char *str_dup(struct str s); /* terminated copy, yours to free */

/* Whole slice is decimal digits and fits; false otherwise, *out untouched. */
bool str_u32(struct str s, uint32_t *out);
bool str_u64(struct str s, uint64_t *out);
bool str_i64(struct str s, int64_t *out); /* an optional sign in front */

static inline bool
ascii_is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ascii_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alnum(int c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

static inline bool
ascii_is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static inline int
ascii_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static inline int
ascii_upper(int c)
{
	return c >= 'a' && c <= 'z' ? c - 32 : c;
}

/* Small and everywhere in the parsers: a call would cost more than the work, and
 * against a literal the length is compared first. */

static inline struct str
str_n(const char *s, size_t len)
{
	return (struct str){ s, len };
}

/* NULL gives an empty slice. */
static inline struct str
str_c(const char *s)
{
	return (struct str){ s, s == NULL ? 0 : strlen(s) };
}

/* s without its first pos bytes. */
static inline struct str
str_from(struct str s, size_t pos)
{
	if (pos >= s.len)
		return (struct str){ s.ptr == NULL ? NULL : s.ptr + s.len, 0 };
	return (struct str){ s.ptr + pos, s.len - pos };
}

/* At most len bytes. */
static inline struct str
str_head(struct str s, size_t len)
{
	return (struct str){ s.ptr, len < s.len ? len : s.len };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
str_eqc(struct str a, const char *b)
{
	return str_eq(a, str_c(b));
}

static inline bool
str_ieq(struct str a, struct str b)
{
	return a.len == b.len &&
	       (a.len == 0 || (ascii_lower((unsigned char)a.ptr[0]) ==
				       ascii_lower((unsigned char)b.ptr[0]) &&
			       str_icmp(a, b) == 0));
}

static inline bool
str_ieqc(struct str a, const char *b)
{
	return str_ieq(a, str_c(b));
}

static inline bool
str_starts(struct str s, const char *prefix)
{
	return str_eqc(str_head(s, strlen(prefix)), prefix);
}

static inline bool
str_istarts(struct str s, const char *prefix)
{
	return str_ieqc(str_head(s, strlen(prefix)), prefix);
}

static inline struct str
str_trim_left(struct str s)
{
	while (s.len > 0 && ascii_is_space((unsigned char)s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	return s;
}

/* No blanks, tabs, CR, LF at the ends. */
static inline struct str
str_trim(struct str s)
{
	s = str_trim_left(s);
	while (s.len > 0 && ascii_is_space((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* Position, -1 if absent. */
static inline long
str_find(struct str s, char c)
{
	const char *p = s.len > 0 ? (const char *)memchr(s.ptr, c, s.len) : NULL;

	return p == NULL ? -1 : (long)(p - s.ptr);
}

#endif
