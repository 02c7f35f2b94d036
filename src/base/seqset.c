/* Sets of UIDs. */
#include "tern/base/seqset.h"

#include <stdio.h>
#include "tern/base/vec.h"

void
seqset_release(struct seqset *s)
{
	vec_release(s);
}

void
seqset_reset(struct seqset *s)
{
	vec_reset(s);
}

void
seqset_copy(struct seqset *to, const struct seqset *from)
{
	vec_reset(to);
	vec_reserve(to, from->n);
	if (from->n > 0)
		memcpy(to->v, from->v, from->n * sizeof(*from->v));
	to->n = from->n;
}

/* The first range that ends at or behind uid; n if there is none. */
static size_t
range_at(const struct seqset *s, uint32_t uid)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->v[mid].last < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Put `with` (n ranges) in the place of the ranges from..to. */
static void
splice(struct seqset *s, size_t from, size_t to, const struct seqset_range *with, size_t n)
{
	vec_reserve(s, n);
	if (s->n > to)
		memmove(s->v + from + n, s->v + to, (s->n - to) * sizeof(*s->v));
	for (size_t i = 0; i < n; i++)
		s->v[from + i] = with[i];
	s->n = s->n - (to - from) + n;
}

static bool
put_in_order(uint32_t *first, uint32_t *last)
{
	if (*first > *last) {
		uint32_t t = *first;
		*first = *last;
		*last = t;
	}
	if (*first == 0)
		*first = 1;
	return *last > 0;
}

void
seqset_add_range(struct seqset *s, uint32_t first, uint32_t last)
{
	if (!put_in_order(&first, &last))
		return;
	if (s->n > 0 && s->v[s->n - 1].last < first) { /* the usual case: at the end */
		struct seqset_range *end = &s->v[s->n - 1];
		if (end->last + 1 == first) {
			end->last = last;
			return;
		}
		struct seqset_range r = { first, last };
		vec_push(s, r);
		return;
	}
	/* All that touch first-1 .. last+1 become one. */
	size_t from = range_at(s, first > 1 ? first - 1 : 1), to = from;
	struct seqset_range whole = { first, last };
	while (to < s->n && (last == UINT32_MAX || s->v[to].first <= last + 1)) {
		if (s->v[to].first < whole.first)
			whole.first = s->v[to].first;
		if (s->v[to].last > whole.last)
			whole.last = s->v[to].last;
		to++;
	}
	splice(s, from, to, &whole, 1);
}

void
seqset_add(struct seqset *s, uint32_t uid)
{
	seqset_add_range(s, uid, uid);
}

void
seqset_append(struct seqset *s, uint32_t uid)
{
	struct seqset_range r = { uid, uid };

	if (s->n > 0 && uid > 1 && s->v[s->n - 1].last == uid - 1)
		s->v[s->n - 1].last = uid;
	else if (uid > 0)
		vec_push(s, r);
}

void
seqset_remove_range(struct seqset *s, uint32_t first, uint32_t last)
{
	struct seqset_range rest[2];
	size_t n_rest = 0;

	if (!put_in_order(&first, &last))
		return;
	size_t from = range_at(s, first), to = from;
	while (to < s->n && s->v[to].first <= last) {
		struct seqset_range r = s->v[to++];
		if (r.first < first)
			rest[n_rest++] = (struct seqset_range){ r.first, first - 1 };
		if (r.last > last)
			rest[n_rest++] = (struct seqset_range){ last + 1, r.last };
	}
	splice(s, from, to, rest, n_rest);
}

void
seqset_remove(struct seqset *s, uint32_t uid)
{
	seqset_remove_range(s, uid, uid);
}

void
seqset_unite(struct seqset *s, const struct seqset *other)
{
	struct seqset sum = SEQSET_INIT;
	size_t i = 0, k = 0;

	if (other->n < 8) { /* not worth a copy */
		for (k = 0; k < other->n; k++)
			seqset_add_range(s, other->v[k].first, other->v[k].last);
		return;
	}
	vec_reserve(&sum, s->n + other->n);
	while (i < s->n || k < other->n) {
		bool is_ours = k == other->n || (i < s->n && s->v[i].first < other->v[k].first);
		struct seqset_range r = is_ours ? s->v[i++] : other->v[k++];
		struct seqset_range *end = sum.n > 0 ? &sum.v[sum.n - 1] : NULL;
		if (end && (end->last == UINT32_MAX || r.first <= end->last + 1)) {
			if (r.last > end->last)
				end->last = r.last;
		} else {
			vec_push(&sum, r);
		}
	}
	seqset_release(s);
	*s = sum;
}

void
seqset_intersect(struct seqset *s, const struct seqset *other)
{
	struct seqset both = SEQSET_INIT;

	for (size_t i = 0, k = 0; i < s->n && k < other->n;) {
		struct seqset_range a = s->v[i], b = other->v[k];
		struct seqset_range r = { a.first > b.first ? a.first : b.first,
					  a.last < b.last ? a.last : b.last };
		if (r.first <= r.last)
			vec_push(&both, r);
		if (a.last < b.last)
			i++;
		else
			k++;
	}
	seqset_release(s);
	*s = both;
}

void
seqset_subtract(struct seqset *s, const struct seqset *other)
{
	struct seqset rest = SEQSET_INIT;
	size_t k = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct seqset_range r = s->v[i];
		bool is_left = true;
		while (k < other->n && other->v[k].last < r.first)
			k++;
		for (size_t j = k; j < other->n && other->v[j].first <= r.last; j++) {
			struct seqset_range cut = other->v[j];
			if (cut.first > r.first) {
				struct seqset_range head = { r.first, cut.first - 1 };
				vec_push(&rest, head);
			}
			is_left = cut.last < r.last;
			if (!is_left)
				break;
			r.first = cut.last + 1;
		}
		if (is_left)
			vec_push(&rest, r);
	}
	seqset_release(s);
	*s = rest;
}

bool
seqset_has(const struct seqset *s, uint32_t uid)
{
	size_t i = range_at(s, uid);

	return uid > 0 && i < s->n && s->v[i].first <= uid;
}

bool
seqset_is_empty(const struct seqset *s)
{
	return s->n == 0;
}

bool
seqset_eq(const struct seqset *a, const struct seqset *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

static uint32_t
range_count(struct seqset_range r)
{
	return r.last - r.first + 1;
}

uint32_t
seqset_count(const struct seqset *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += range_count(s->v[i]);
	return n;
}

uint32_t
seqset_min(const struct seqset *s)
{
	return s->n > 0 ? s->v[0].first : 0;
}

uint32_t
seqset_max(const struct seqset *s)
{
	return s->n > 0 ? s->v[s->n - 1].last : 0;
}

uint32_t
seqset_nth(const struct seqset *s, uint32_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		if (n < range_count(s->v[i]))
			return s->v[i].first + n;
		n -= range_count(s->v[i]);
	}
	return 0;
}

uint32_t
seqset_rank(const struct seqset *s, uint32_t uid)
{
	uint32_t rank = 0;

	for (size_t i = 0; i < s->n && s->v[i].first < uid; i++)
		rank += uid <= s->v[i].last ? uid - s->v[i].first : range_count(s->v[i]);
	return rank;
}

struct seqset_iter
seqset_each(const struct seqset *s)
{
	return (struct seqset_iter){ s, 0, 0 };
}

bool
seqset_next(struct seqset_iter *it, uint32_t *uid)
{
	if (it->i >= it->set->n)
		return false;
	const struct seqset_range *r = &it->set->v[it->i];
	*uid = it->next ? it->next : r->first;
	if (*uid == r->last) {
		it->i++;
		it->next = 0;
	} else {
		it->next = *uid + 1;
	}
	return true;
}

static size_t
range_print(struct seqset_range r, char out[32])
{
	int n = r.first == r.last ? snprintf(out, 32, "%u", r.first)
				  : snprintf(out, 32, "%u:%u", r.first, r.last);
	return (size_t)n;
}

void
seqset_take_last_line(struct seqset *s, uint32_t n, size_t max_octets, struct seqset *out)
{
	struct seqset taken = SEQSET_INIT;
	size_t from = s->n, used = 0;
	uint32_t cut = 0; /* members that stay in the range before `from` is reached */
	char text[32];

	while (n > 0 && from > 0 && cut == 0) {
		struct seqset_range r = s->v[from - 1];
		uint32_t count = range_count(r);
		if (count > n) {
			cut = count - n;
			r.first += cut;
			count = n;
		}
		size_t len = range_print(r, text) + 1;
		if (used > 0 && used + len > max_octets) {
			cut = 0;
			break;
		}
		used += len;
		n -= count;
		from--;
	}
	vec_reserve(&taken, s->n - from);
	for (size_t i = from; i < s->n; i++)
		vec_push(&taken, s->v[i]);
	s->n = from;
	if (cut > 0) {
		taken.v[0].first += cut;
		struct seqset_range rest = { s->v[from].first, taken.v[0].first - 1 };
		vec_push(s, rest);
	}
	seqset_unite(out, &taken);
	seqset_release(&taken);
}

void
seqset_take_last(struct seqset *s, uint32_t n, struct seqset *out)
{
	seqset_take_last_line(s, n, SIZE_MAX, out);
}

void
seqset_print(const struct seqset *s, struct buf *out)
{
	size_t at = 0;

	seqset_line(s, &at, SIZE_MAX, out);
}

bool
seqset_line(const struct seqset *s, size_t *at, size_t max_octets, struct buf *out)
{
	size_t start = *at, used = 0;
	char text[32];

	for (; *at < s->n; ++*at) {
		size_t len = range_print(s->v[*at], text);
		if (*at > start && used + len + 1 > max_octets)
			break;
		if (*at > start)
			buf_addc(out, ',');
		buf_add(out, text, len);
		used += len + (*at > start);
	}
	return *at > start;
}

/* A number as nz-number: no sign, no 0, at most 32 bits. */
static bool
next_number(struct str *text, uint32_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < text->len && ascii_is_digit(text->ptr[i]); i++) {
		v = v * 10 + (uint64_t)(text->ptr[i] - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*text = str_from(*text, i);
	*out = (uint32_t)v;
	return v > 0;
}

int
seqset_next_range(struct str *text, struct seqset_range *r, struct err *err)
{
	if (text->len == 0)
		return 0;
	bool is_good = next_number(text, &r->first);
	r->last = r->first;
	if (is_good && text->len > 0 && text->ptr[0] == ':') {
		*text = str_from(*text, 1);
		is_good = next_number(text, &r->last);
	}
	if (is_good && text->len > 0) { /* a comma, and something behind it */
		is_good = text->ptr[0] == ',' && text->len > 1;
		*text = str_from(*text, 1);
	}
	if (!is_good)
		return err_set(err, ERR_PROTO, "malformed set of message numbers");
	return 1;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct seqset_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted in one go, so that a hostile order costs no more than n log n. */
void
seqset_sort(struct seqset *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		put_in_order(&s->v[i].first, &s->v[i].last);
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), compare_ranges);
	for (size_t i = 0; i < s->n; i++) {
		struct seqset_range *end = n > 0 ? &s->v[n - 1] : NULL;
		if (end && (end->last == UINT32_MAX || s->v[i].first <= end->last + 1)) {
			if (s->v[i].last > end->last)
				end->last = s->v[i].last;
		} else {
			s->v[n++] = s->v[i];
		}
	}
	s->n = n;
}

int
seqset_parse(struct str text, struct seqset *out, struct err *err)
{
	struct seqset_range r;
	size_t n = 0;
	int got;

	seqset_reset(out);
	while ((got = seqset_next_range(&text, &r, err)) == 1) {
		if (++n > SEQSET_MAX_RANGES)
			return err_set(err, ERR_PROTO, "too long a set of message numbers");
		vec_push(out, r);
	}
	if (got < 0) {
		seqset_reset(out);
		return -1;
	}
	seqset_sort(out);
	return 0;
}
