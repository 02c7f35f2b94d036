/* Any bytes through the tokenizer. The first says which function goes next, and so on:
 * none leaves the frame, none moves back, what it gives lies in the frame or in the
 * arena, a number has the digits that it was read from. */
#include <stdlib.h>
#include <string.h>
#include "../src/imap/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_so)
{
	if (!is_so)
		abort();
}

static bool
is_within(struct str s, struct str frame)
{
	return s.ptr >= frame.ptr && s.ptr + s.len <= frame.ptr + frame.len;
}

/* All of it is read, so that a sanitizer sees what is not ours. */
static void
touch(struct str s)
{
	static volatile unsigned char sum;

	for (size_t i = 0; i < s.len; i++)
		sum = (unsigned char)(sum + (unsigned char)s.ptr[i]);
}

/* Zeros in front do not count. */
static void
check_number(const char *from, const struct tokens *t, uint64_t n)
{
	char digits[24];

	while (from < t->p - 1 && *from == '0')
		from++;
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	check(len == (size_t)(t->p - from) && memcmp(digits, from, len) == 0);
}

/* A string with nothing taken out of it is the frame's own. */
static void
check_string(struct str got, struct str frame, const char *from, const struct tokens *t)
{
	touch(got);
	check(got.len <= (size_t)(t->p - from));
	if (got.ptr != NULL && !is_within(got, frame))
		check(memchr(from, '\\', (size_t)(t->p - from)) != NULL);
}

static bool
one(unsigned which, struct tokens *t, struct arena *a, struct str frame)
{
	const char *from = t->p;
	struct str got = STR_NONE;
	uint32_t u32;
	uint64_t u63;

	switch (which % 10) {
	case 0:
		if (!tok_atom(t, &got))
			return false;
		check(got.len > 0 && is_within(got, frame));
		return true;
	case 1:
		if (!tok_name(t, &got))
			return false;
		check(got.len > 0 && is_within(got, frame));
		return true;
	case 2:
		if (!tok_u32(t, &u32))
			return false;
		check_number(from, t, u32);
		return true;
	case 3:
		if (!tok_u63(t, &u63))
			return false;
		check(u63 <= INT64_MAX);
		check_number(from, t, u63);
		return true;
	case 4:
		if (!tok_string(t, a, &got))
			return false;
		check_string(got, frame, from, t);
		return true;
	case 5:
		if (!tok_nstring(t, a, &got))
			return false;
		check_string(got, frame, from, t);
		return true;
	case 6:
		if (!tok_astring(t, a, &got))
			return false;
		check_string(got, frame, from, t);
		return true;
	case 7:
		return tok_skip(t);
	case 8:
		return tok_space(t);
	default:
		return tok_char(t, (char)(which / 10));
	}
}

/* What is skipped whole can be skipped piece by piece. */
static void
skip_all(struct str frame)
{
	struct tokens t = tokens_of(frame);

	for (size_t n = 0; n <= frame.len; n++) {
		const char *from = t.p;
		tok_blanks(&t);
		if (tok_at_end(&t) || !tok_skip(&t))
			break;
		check(t.p > from && t.p <= t.end);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = { (const char *)data, size };
	size_t n_steps = size > 0 ? data[0] % 32u : 0;
	struct arena a = ARENA_INIT;

	if (size <= n_steps) {
		skip_all(all);
		return 0;
	}
	struct str frame = str_from(all, n_steps + 1);
	struct tokens t = tokens_of(frame);
	for (size_t i = 0; i < n_steps; i++) {
		const char *from = t.p;
		bool is_good = one(data[i + 1], &t, &a, frame);
		check(t.p >= from && t.p <= t.end);
		touch(tok_rest(&t));
		if (!is_good)
			break;
	}
	skip_all(frame);
	arena_release(&a);
	return 0;
}
