/* Texts that messages are sorted by: each different one once, then its rank. */
#include "internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

void
texts_release(struct texts *t)
{
	buf_release(&t->pool);
	vec_release(&t->starts);
	free(t->slots);
	free(t->ranks);
	sorter_release(&t->sorter);
}

static const char *
text_of(const struct texts *t, uint32_t n)
{
	return t->pool.ptr + t->starts.v[n];
}

static uint64_t
hash_text(const struct texts *t, const char *s)
{
	uint64_t h = t->seed;

	for (; *s != '\0'; s++) {
		h = (h ^ (unsigned char)*s) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return h ^ h >> 32;
}

static void
grow(struct texts *t)
{
	free(t->slots);
	t->n_slots = t->n_slots == 0 ? 256 : t->n_slots * 2;
	t->slots = xcalloc(t->n_slots, sizeof(*t->slots));
	for (uint32_t n = 0; n < t->starts.n; n++) {
		size_t i = hash_text(t, text_of(t, n)) & (t->n_slots - 1);
		while (t->slots[i] != 0)
			i = (i + 1) & (t->n_slots - 1);
		t->slots[i] = n + 1;
	}
}

uint32_t
texts_add(struct texts *t, struct str s)
{
	size_t start = t->pool.len;

	if (t->starts.n * 2 >= t->n_slots)
		grow(t);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '\0')
			buf_addc(&t->pool, (char)ascii_lower((unsigned char)s.ptr[i]));
	buf_addc(&t->pool, '\0');
	const char *text = t->pool.ptr + start;
	size_t i = hash_text(t, text) & (t->n_slots - 1);
	for (; t->slots[i] != 0; i = (i + 1) & (t->n_slots - 1)) {
		if (strcmp(text_of(t, t->slots[i] - 1), text) == 0) {
			buf_truncate(&t->pool, start);
			return t->slots[i] - 1;
		}
	}
	vec_push(&t->starts, (uint32_t)start);
	t->slots[i] = (uint32_t)t->starts.n;
	return (uint32_t)t->starts.n - 1;
}

static int
compare(uint32_t a, uint32_t b, const void *ctx)
{
	const struct texts *t = ctx;

	return strcmp(text_of(t, a), text_of(t, b));
}

/* Its first eight bytes decide most comparisons. */
static uint64_t
prefix(const char *s)
{
	unsigned char p[8] = { 0 };
	uint64_t v;

	for (size_t i = 0; i < 8 && s[i] != '\0'; i++)
		p[i] = (unsigned char)s[i];
	memcpy(&v, p, 8);
	return be64toh(v);
}

bool
texts_rank_step(struct texts *t, int64_t *budget)
{
	if (t->ranks == NULL) {
		sorter_init(&t->sorter, t->starts.n);
		t->sorter.tie = compare;
		t->sorter.ctx = t;
		t->ranks = xcalloc(t->starts.n + 1, sizeof(*t->ranks));
	}
	for (; t->ranked < t->starts.n && !t->is_sorting; t->ranked++) {
		if (--*budget <= 0)
			return false;
		t->sorter.v[t->ranked].key = prefix(text_of(t, (uint32_t)t->ranked));
		t->sorter.v[t->ranked].item = (uint32_t)t->ranked;
	}
	if (!t->is_sorting)
		t->ranked = 0;
	t->is_sorting = true;
	if (t->ranked == 0 && !sorter_step(&t->sorter, budget))
		return false;
	for (; t->ranked < t->starts.n; t->ranked++) {
		t->ranks[t->sorter.v[t->ranked].item] = (uint32_t)t->ranked;
		if (--*budget <= 0 && t->ranked + 1 < t->starts.n) {
			t->ranked++;
			return false;
		}
	}
	return true;
}
