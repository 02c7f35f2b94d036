/* The words of a response. A tokenizer is a position in a complete frame; every
 * function moves it over what it reads, and fails without a promise where it
 * stands. Nothing is copied but strings with escapes. */
#ifndef TERN_IMAP_TOKENS_H
#define TERN_IMAP_TOKENS_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/str.h"

struct tokens {
	const char *p, *end;
};

static inline struct tokens
tokens_of(struct str s)
{
	return (struct tokens){ s.ptr, s.ptr + s.len };
}

static inline struct str
tok_rest(const struct tokens *t)
{
	return (struct str){ t->p, (size_t)(t->end - t->p) };
}

static inline bool
tok_at_end(const struct tokens *t)
{
	return t->p == t->end;
}

/* This one byte. */
static inline bool
tok_char(struct tokens *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static inline void
tok_blanks(struct tokens *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

/* One blank or more: several servers send two. */
static inline bool
tok_space(struct tokens *t)
{
	if (t->p == t->end || *t->p != ' ')
		return false;
	tok_blanks(t);
	return true;
}

/* A run without blanks, parentheses, quotes, line ends; not empty. */
bool tok_atom(struct tokens *t, struct str *out);
/* Letters, digits, '.', '-', '_': the name of an item or a code; not empty. */
bool tok_name(struct tokens *t, struct str *out);
/* Digits alone. Over 32 or 63 bits is an error, never another number. */
bool tok_u32(struct tokens *t, uint32_t *out);
bool tok_u63(struct tokens *t, uint64_t *out);
/* A quoted string or a literal; with escapes it is copied to the arena. */
bool tok_string(struct tokens *t, struct arena *a, struct str *out);
/* Also NIL, which gives an empty string with ptr NULL. */
bool tok_nstring(struct tokens *t, struct arena *a, struct str *out);
/* Also an atom. */
bool tok_astring(struct tokens *t, struct arena *a, struct str *out);
/* One value of any kind, lists with all that is in them. Does not recurse. */
bool tok_skip(struct tokens *t);

#endif
