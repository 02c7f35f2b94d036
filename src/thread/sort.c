/* A stable merge sort that can be left and taken up again. It merges the runs that
 * are there already: mail that came in order costs one look. */
#include "internal.h"

#include <stdlib.h>

void
sorter_init(struct sorter *s, size_t n)
{
	*s = (struct sorter){ .n = n };
	s->v = xreallocarray(NULL, n + 1, sizeof(*s->v));
	s->spare = xreallocarray(NULL, n + 1, sizeof(*s->spare));
}

void
sorter_release(struct sorter *s)
{
	free(s->v);
	free(s->spare);
	*s = (struct sorter){ 0 };
}

/* b belongs before a. */
static bool
is_less(const struct sorter *s, const struct sort_entry *b, const struct sort_entry *a)
{
	if (a->key != b->key)
		return (b->key < a->key) != s->is_reverse;
	return s->tie != NULL && s->tie(b->item, a->item, s->ctx) < 0;
}

/* Where the run that `from` is in ends; looked for in steps. */
static bool
find_end(struct sorter *s, size_t *end, int64_t *budget)
{
	while (*end < s->n && !is_less(s, &s->v[*end], &s->v[*end - 1])) {
		++*end;
		if (--*budget <= 0)
			return false;
	}
	return true;
}

static bool
merge(struct sorter *s, int64_t *budget)
{
	while (s->left < s->left_end || s->right < s->right_end) {
		bool takes_right = s->left == s->left_end ||
				   (s->right < s->right_end &&
				    is_less(s, &s->v[s->right], &s->v[s->left]));
		s->spare[s->out++] = s->v[takes_right ? s->right++ : s->left++];
		if (--*budget <= 0)
			return s->left == s->left_end && s->right == s->right_end;
	}
	return true;
}

/* The next pair of runs; false when the budget is used up. */
static bool
find_pair(struct sorter *s, int64_t *budget)
{
	if (s->left_end <= s->at) {
		s->left_end = s->at + 1;
		s->right_end = 0;
	}
	if (s->right_end == 0) {
		if (!find_end(s, &s->left_end, budget))
			return false;
		s->right_end = s->left_end < s->n ? s->left_end + 1 : s->n;
	}
	if (s->right_end < s->n && !find_end(s, &s->right_end, budget))
		return false;
	s->left = s->at;
	s->right = s->left_end;
	s->out = s->at;
	s->n_runs++;
	s->is_merging = true;
	return true;
}

bool
sorter_step(struct sorter *s, int64_t *budget)
{
	while (*budget > 0) {
		if (s->at >= s->n) {
			bool is_sorted = s->n_runs <= 1;
			/* A pass of one pair copied all: the result is in spare. */
			if (s->n > 0 && s->n_runs > 0) {
				struct sort_entry *swap = s->v;
				s->v = s->spare;
				s->spare = swap;
			}
			s->at = s->left_end = s->right_end = s->n_runs = 0;
			if (is_sorted)
				return true;
		}
		if (!s->is_merging && !find_pair(s, budget))
			return false;
		if (s->is_merging && !merge(s, budget))
			return false;
		s->is_merging = false;
		s->at = s->right_end;
		s->left_end = s->right_end = 0;
	}
	return false;
}
