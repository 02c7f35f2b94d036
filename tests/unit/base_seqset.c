/* seqset: every operation against a plain array of bits, and the texts. */
#include "lib/test.h"
#include "tern/base/seqset.h"

#include <string.h>

enum { SMALL = 64 };

static struct seqset
parse(const char *text)
{
	struct seqset s = SEQSET_INIT;
	struct err err = ERR_INIT;

	if (seqset_parse(str_c(text), &s, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	return s;
}

#define assert_set(s, want) assert_set_at((s), (want), __LINE__)
static void
assert_set_at(const struct seqset *s, const char *want, int line)
{
	struct buf b = BUF_INIT;

	seqset_print(s, &b);
	if (strcmp(b.ptr, want) != 0)
		fail_msg("line %d: got '%s', want '%s'", line, b.ptr, want);
	buf_release(&b);
}

static void
test_parse_and_print(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" }, { "1", "1" }, { "3,1,2", "1:3" }, { "5:1", "1:5" },
		{ "1:3,2:8,20", "1:8,20" }, { "4294967295", "4294967295" },
		{ "1:4294967295,7", "1:4294967295" }, { "4,6", "4,6" }, { "01", "1" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seqset s = parse(rows[i].in);
		assert_set(&s, rows[i].out);
		seqset_release(&s);
	}
}

static void
test_refused(void **state)
{
	static const char *const rows[] = { "0", "1:0", "*", "1:*", ",", "1,", ",1", "1,,2", "1:",
		":1", "4294967296", "1:2:3", "-1", "1 ", "a", "1:99999999999999999999" };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seqset s = SEQSET_INIT;
		struct err err = ERR_INIT;
		if (seqset_parse(str_c(rows[i]), &s, &err) == 0)
			fail_msg("'%s' was taken", rows[i]);
		assert_err(err, ERR_PROTO);
		assert_true(seqset_is_empty(&s));
		seqset_release(&s);
	}
}

static void
set_from_bits(struct seqset *s, const bool *bits)
{
	seqset_reset(s);
	for (uint32_t i = 1; i < SMALL; i++)
		if (bits[i])
			seqset_add(s, i);
}

static void
assert_same(const struct seqset *s, const bool *bits)
{
	uint32_t count = 0, uid;

	for (uint32_t i = 1; i < SMALL; i++) {
		assert_int_equal(seqset_has(s, i), bits[i]);
		assert_int_equal(seqset_rank(s, i), count);
		if (bits[i])
			assert_int_equal(seqset_nth(s, count), i);
		count += bits[i];
	}
	assert_int_equal(seqset_count(s), count);
	assert_int_equal(seqset_nth(s, count), 0);
	for (struct seqset_iter it = seqset_each(s); seqset_next(&it, &uid); count--)
		assert_true(bits[uid]);
	assert_int_equal(count, 0);
	for (size_t i = 1; i < s->n; i++) /* gaps between the ranges */
		assert_true(s->v[i].first > s->v[i - 1].last + 1);
}

static void
test_against_bits(void **state)
{
	struct test_random r = { 20 };
	struct seqset a = SEQSET_INIT, b = SEQSET_INIT, t = SEQSET_INIT, top = SEQSET_INIT;

	for (int round = 0; round < 3000; round++) {
		bool x[SMALL] = { false }, y[SMALL] = { false }, z[SMALL];
		for (uint32_t i = 1; i < SMALL; i++) {
			x[i] = test_random(&r, 3) == 0;
			y[i] = test_random(&r, 2) == 0;
		}
		set_from_bits(&a, x);
		set_from_bits(&b, y);
		assert_same(&a, x);

		seqset_copy(&t, &a);
		seqset_unite(&t, &b);
		for (int i = 0; i < SMALL; i++)
			z[i] = x[i] || y[i];
		assert_same(&t, z);

		seqset_copy(&t, &a);
		seqset_subtract(&t, &b);
		for (int i = 0; i < SMALL; i++)
			z[i] = x[i] && !y[i];
		assert_same(&t, z);

		seqset_copy(&t, &a);
		seqset_intersect(&t, &b);
		for (int i = 0; i < SMALL; i++)
			z[i] = x[i] && y[i];
		assert_same(&t, z);

		uint32_t first = 1 + test_random(&r, SMALL - 1), last = 1 + test_random(&r, SMALL - 1);
		uint32_t low = first < last ? first : last, high = first < last ? last : first;
		memcpy(z, x, sizeof(z));
		if (round % 2)
			seqset_add_range(&a, first, last);
		else
			seqset_remove_range(&a, first, last);
		for (uint32_t i = low; i <= high; i++)
			z[i] = round % 2;
		assert_same(&a, z);

		uint32_t n = test_random(&r, SMALL), left = seqset_count(&b);
		seqset_reset(&top);
		seqset_take_last(&b, n, &top);
		assert_int_equal(seqset_count(&top), n < left ? n : left);
		if (!seqset_is_empty(&b) && !seqset_is_empty(&top))
			assert_true(seqset_max(&b) < seqset_min(&top));
		seqset_unite(&b, &top);
		assert_same(&b, y);
	}
	seqset_release(&a);
	seqset_release(&b);
	seqset_release(&t);
	seqset_release(&top);
}

static void
test_at_the_ends(void **state)
{
	struct seqset s = SEQSET_INIT;

	seqset_add(&s, 0);
	assert_true(seqset_is_empty(&s));
	seqset_add(&s, UINT32_MAX);
	seqset_add(&s, UINT32_MAX - 1);
	seqset_add(&s, 1);
	assert_set(&s, "1,4294967294:4294967295");
	seqset_add_range(&s, 0, UINT32_MAX);
	assert_set(&s, "1:4294967295");
	assert_int_equal(seqset_count(&s), UINT32_MAX);
	seqset_remove(&s, UINT32_MAX);
	seqset_remove(&s, 1);
	assert_set(&s, "2:4294967294");
	uint32_t uid, n = 0;
	struct seqset end = SEQSET_INIT;
	seqset_add_range(&end, UINT32_MAX - 2, UINT32_MAX);
	for (struct seqset_iter it = seqset_each(&end); seqset_next(&it, &uid);)
		n++;
	assert_int_equal(n, 3);
	seqset_release(&end);
	seqset_release(&s);
}

static void
test_lines(void **state)
{
	struct seqset s = parse("1:3,100,200:4000000000,4294967295");
	struct seqset all = SEQSET_INIT;
	struct buf line = BUF_INIT;
	struct err err = ERR_INIT;
	size_t at = 0;
	int n = 0;

	while (buf_reset(&line), seqset_line(&s, &at, 10, &line)) {
		struct seqset piece = SEQSET_INIT;
		assert_true(line.len <= 14); /* one range may be longer than the limit */
		assert_int_equal(seqset_parse(buf_str(&line), &piece, &err), 0);
		seqset_unite(&all, &piece);
		seqset_release(&piece);
		n++;
	}
	assert_int_equal(n, 3);
	assert_true(seqset_eq(&all, &s));
	buf_release(&line);
	seqset_release(&s);
	seqset_release(&all);
}

static void
test_last_lines(void **state)
{
	static const struct {
		uint32_t n;
		size_t octets;
		const char *taken, *left;
	} rows[] = {
		{ 2, 100, "70,90", "1:3,50:60" },
		{ 4, 100, "59:60,70,90", "1:3,50:58" },
		{ 13, 100, "50:60,70,90", "1:3" },
		{ 99, 100, "1:3,50:60,70,90", "" },
		{ 99, 6, "70,90", "1:3,50:60" },
		{ 99, 1, "90", "1:3,50:60,70" },
		{ 0, 100, "", "1:3,50:60,70,90" },
		{ 3, 8, "70,90", "1:3,50:60" }, /* the next range, even cut, is too long */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seqset s = parse("1:3,50:60,70,90"), out = SEQSET_INIT;
		seqset_take_last_line(&s, rows[i].n, rows[i].octets, &out);
		assert_set(&out, rows[i].taken);
		assert_set(&s, rows[i].left);
		seqset_release(&s);
		seqset_release(&out);
	}
}

static void
test_order_is_kept(void **state)
{
	struct str text = STR("9,5:3,4");
	struct seqset_range r;
	struct err err = ERR_INIT;

	assert_int_equal(seqset_next_range(&text, &r, &err), 1);
	assert_int_equal(r.first, 9);
	assert_int_equal(seqset_next_range(&text, &r, &err), 1);
	assert_int_equal(r.first, 5);
	assert_int_equal(r.last, 3);
	assert_int_equal(seqset_next_range(&text, &r, &err), 1);
	assert_int_equal(seqset_next_range(&text, &r, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_print), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_against_bits),	cmocka_unit_test(test_at_the_ends),
		cmocka_unit_test(test_lines),		cmocka_unit_test(test_order_is_kept),
		cmocka_unit_test(test_last_lines),
	};

	return cmocka_run_group_tests_name("base_seqset", tests, NULL, NULL);
}
