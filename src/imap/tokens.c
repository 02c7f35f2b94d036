/* The words of a response. */
#include "tokens.h"

#include <string.h>

enum { IN_ATOM = 1, IN_NAME = 2 };

#define BOTH (IN_ATOM | IN_NAME)

/* Atoms: no blanks, parentheses, quotes, controls. 8-bit bytes are let through. */
static const unsigned char token_bytes[256] = {
	['!'] = IN_ATOM,
	['#' ... '\''] = IN_ATOM,
	['*' ... ','] = IN_ATOM,
	['-'] = BOTH,
	['.'] = BOTH,
	['/'] = IN_ATOM,
	['0' ... '9'] = BOTH,
	[':' ... '@'] = IN_ATOM,
	['A' ... 'Z'] = BOTH,
	['[' ... '^'] = IN_ATOM,
	['_'] = BOTH,
	['`'] = IN_ATOM,
	['a' ... 'z'] = BOTH,
	['{' ... '~'] = IN_ATOM,
	[0x80 ... 0xff] = IN_ATOM,
};

static bool
take_run(struct tokens *t, unsigned where, struct str *out)
{
	const char *p = t->p;

	while (p < t->end && (token_bytes[(unsigned char)*p] & where))
		p++;
	*out = (struct str){ t->p, (size_t)(p - t->p) };
	t->p = p;
	return out->len > 0;
}

bool
tok_atom(struct tokens *t, struct str *out)
{
	return take_run(t, IN_ATOM, out);
}

bool
tok_name(struct tokens *t, struct str *out)
{
	return take_run(t, IN_NAME, out);
}

static bool
take_number(struct tokens *t, uint64_t max, uint64_t *out)
{
	const char *start = t->p;
	uint64_t v = 0;

	for (; t->p < t->end && ascii_is_digit(*t->p); t->p++) {
		uint64_t digit = (uint64_t)(*t->p - '0');
		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return t->p > start;
}

bool
tok_u32(struct tokens *t, uint32_t *out)
{
	uint64_t v;

	if (!take_number(t, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool
tok_u63(struct tokens *t, uint64_t *out)
{
	return take_number(t, INT64_MAX, out);
}

/* Behind the opening quote. */
static bool
take_quoted(struct tokens *t, struct arena *a, struct str *out)
{
	const char *start = t->p;
	size_t n_escapes = 0;

	for (;; t->p++) {
		if (t->p == t->end)
			return false;
		if (*t->p == '"')
			break;
		if (*t->p == '\\') {
			if (++t->p == t->end)
				return false;
			n_escapes++;
		}
	}
	*out = (struct str){ start, (size_t)(t->p - start) };
	t->p++;
	if (n_escapes == 0 || !a)
		return true;
	char *copy = arena_alloc(a, out->len + 1);
	size_t len = 0;
	for (size_t i = 0; i < out->len; i++) {
		if (start[i] == '\\')
			i++;
		copy[len++] = start[i];
	}
	*out = (struct str){ copy, len };
	return true;
}

/* Behind the opening brace. The framer has checked it; checked again here, as
 * what this returns is a pointer. */
static bool
take_literal(struct tokens *t, struct str *out)
{
	uint32_t len;

	if (!tok_u32(t, &len))
		return false;
	tok_char(t, '+');
	if (!tok_char(t, '}') || !tok_char(t, '\r') || !tok_char(t, '\n') ||
	    len > (size_t)(t->end - t->p))
		return false;
	*out = (struct str){ t->p, len };
	t->p += len;
	return true;
}

bool
tok_string(struct tokens *t, struct arena *a, struct str *out)
{
	if (tok_char(t, '"'))
		return take_quoted(t, a, out);
	if (t->end - t->p > 1 && t->p[0] == '~' && t->p[1] == '{')
		t->p++;
	if (tok_char(t, '{'))
		return take_literal(t, out);
	return false;
}

bool
tok_nstring(struct tokens *t, struct arena *a, struct str *out)
{
	if (t->end - t->p >= 3 && str_ieqc(str_n(t->p, 3), "NIL")) {
		t->p += 3;
		*out = STR_NONE;
		return true;
	}
	return tok_string(t, a, out);
}

static bool
is_string_next(const struct tokens *t)
{
	if (t->p == t->end)
		return false;
	if (*t->p == '"' || *t->p == '{')
		return true;
	return *t->p == '~' && t->end - t->p > 1 && t->p[1] == '{';
}

bool
tok_astring(struct tokens *t, struct arena *a, struct str *out)
{
	return is_string_next(t) ? tok_string(t, a, out) : tok_atom(t, out);
}

bool
tok_skip(struct tokens *t)
{
	size_t depth = 0;
	struct str ignored;

	do {
		if (depth > 0)
			tok_blanks(t);
		if (t->p == t->end)
			return false;
		if (*t->p == '(') {
			t->p++;
			depth++;
		} else if (*t->p == ')') {
			if (depth == 0)
				return false;
			t->p++;
			depth--;
		} else if (!tok_astring(t, NULL, &ignored)) {
			return false;
		}
	} while (depth > 0);
	return true;
}
