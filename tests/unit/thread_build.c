/* thread: orders and trees, in slices of any size, whatever the mail claims. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/thread.h"

/* A message in a table: id and refs are letters, '-' for none. */
struct mail {
	const char *id, *refs;
	int date;
	const char *subject;
};

static uint64_t
hash_of(char id)
{
	return id == '-' ? 0 : 1000 + (unsigned char)id;
}

static void
add(struct thread_build *b, const struct mail *m, uint32_t n, int key)
{
	uint64_t refs[32];
	size_t n_refs = 0;
	bool is_reply;
	struct str subject = str_c(m->subject), base = thread_base_subject(subject, &is_reply);

	for (const char *r = m->refs; *r != '\0' && *r != '-'; r++)
		refs[n_refs++] = hash_of(*r);
	thread_build_add(b, &(struct thread_input){
				    .uid = 100 - n,
				    .size_bytes = n * 7 % 5,
				    .date = m->date,
				    .received = -m->date,
				    .id_hash = hash_of(m->id[0]),
				    .ancestors = str_n((const char *)refs, n_refs * 8),
				    .subject_hash = base.len > 0 ? hash64(base) : 0,
				    .is_reply = is_reply,
				    .key = key >= 0 ? subject : STR_NONE });
}

/* "a .b ..c": ids in order of the screen, a point for each level. */
static char *
order_of(const struct thread_spec *spec, const struct mail *v, uint32_t n, uint32_t budget)
{
	struct thread_build *b = thread_build_new(spec);
	struct buf out = BUF_INIT;
	size_t n_rows;
	unsigned steps = 0;

	for (uint32_t i = 0; i < n; i++)
		add(b, &v[i], i, thread_spec_key(spec));
	while (!thread_build_step(b, budget))
		assert_true(++steps < 100000);
	struct thread_row *rows = thread_build_take(b, &n_rows);
	assert_int_equal(n_rows, n);
	for (size_t i = 0; i < n_rows; i++) {
		if (i > 0)
			buf_addc(&out, ' ');
		buf_addn(&out, '.', rows[i].depth);
		buf_addc(&out, v[rows[i].msg].id[0] == '-' ? '?' : v[rows[i].msg].id[0]);
		if ((rows[i].flags & THREAD_BY_SUBJECT) != 0)
			buf_addc(&out, '*');
		if ((rows[i].flags & THREAD_NO_PARENT) != 0)
			buf_addc(&out, (rows[i].flags & THREAD_FIRST) != 0 ? '^' : '|');
	}
	free(rows);
	thread_build_free(b);
	return buf_take(&out);
}

static void
check(const struct thread_spec *spec, const struct mail *v, uint32_t n, const char *want)
{
	static const uint32_t budgets[] = { 1, 2, 3, 7, 1000000 };

	for (size_t i = 0; i < ARRAY_LEN(budgets); i++) {
		char *got = order_of(spec, v, n, budgets[i]);
		assert_string_equal(got, want);
		free(got);
	}
}

#define CHECK(spec, v, want) check(&(spec), v, ARRAY_LEN(v), want)
#define THREADS { .sort = ORDER_THREADS, .sort_re = true }

static void
test_tree(void **state)
{
	const struct thread_spec spec = THREADS;
	const struct mail v[] = { { "a", "-", 1, "x" }, { "b", "a", 2, "x" }, { "z", "-", 3, "y" },
				  { "c", "ab", 4, "x" }, { "d", "a", 5, "x" } };

	CHECK(spec, v, "a .b ..c .d z");
}

static void
test_missing_parents(void **state)
{
	const struct thread_spec spec = THREADS;
	/* m is not there: its children stay together; n has only one: it is a root. */
	const struct mail v[] = { { "a", "m", 1, "1" }, { "b", "-", 2, "2" }, { "c", "m", 3, "3" },
				  { "d", "n", 4, "4" }, { "e", "ax", 5, "5" } };

	CHECK(spec, v, ".a^ ..e .c| b d");
}

static void
test_late_parent(void **state)
{
	const struct thread_spec spec = THREADS;
	const struct mail v[] = { { "b", "a", 1, "x" }, { "a", "-", 2, "x" } };

	CHECK(spec, v, "a .b");
}

static void
test_loops(void **state)
{
	const struct thread_spec spec = { .sort = ORDER_THREADS, .strict_threads = true };
	const struct mail self[] = { { "a", "a", 1, "x" } };
	const struct mail two[] = { { "a", "b", 1, "x" }, { "b", "a", 2, "x" } };
	const struct mail wide[] = { { "a", "bcb", 1, "x" }, { "b", "ca", 2, "x" },
				     { "c", "ab", 3, "x" } };

	CHECK(spec, self, "a");
	char *got = order_of(&spec, two, 2, 1);
	assert_int_equal(strlen(got), 4); /* "a .b" or "b .a" */
	free(got);
	got = order_of(&spec, wide, 3, 1);
	assert_true(strchr(got, 'a') && strchr(got, 'b') && strchr(got, 'c'));
	free(got);
}

static void
test_same_id_twice(void **state)
{
	const struct thread_spec spec = { .sort = ORDER_THREADS, .strict_threads = true };
	const struct mail v[] = { { "a", "-", 1, "x" }, { "a", "-", 2, "x" }, { "b", "a", 3, "x" } };

	CHECK(spec, v, "a .b a");
}

static void
test_subjects(void **state)
{
	struct thread_spec spec = THREADS;
	const struct mail v[] = { { "a", "-", 1, "plan" },     { "b", "-", 2, "plan" },
				  { "c", "-", 3, "Re: plan" }, { "d", "-", 4, "AW[2]: plan" },
				  { "e", "-", 5, "Re: other" } };

	/* Replies join the newest older message that is not there by its subject alone. */
	CHECK(spec, v, "a b .c* .d* e");
	spec.strict_threads = true;
	CHECK(spec, v, "a b c d e");
	spec.strict_threads = false;
	spec.sort_re = false;
	CHECK(spec, v, "a .b* .c* .d* e");
}

static void
test_order_of_threads(void **state)
{
	struct thread_spec spec = THREADS;
	const struct mail v[] = { { "a", "-", 1, "1" }, { "b", "-", 2, "2" }, { "c", "b", 3, "2" },
				  { "d", "a", 4, "1" }, { "e", "-", 5, "3" } };

	CHECK(spec, v, "a .d b .c e");
	spec.last = true;
	CHECK(spec, v, "b .c a .d e");
	spec.aux_reverse = true;
	CHECK(spec, v, "e a .d b .c");
	spec.aux_reverse = false;
	spec.reverse = true;
	CHECK(spec, v, "e .d a .c b");
}

static void
test_flat_orders(void **state)
{
	struct thread_spec spec = THREAD_SPEC_INIT;
	const struct mail v[] = { { "a", "-", 1, "beta" }, { "b", "-", 2, "Alpha" },
				  { "c", "-", 3, "alpha" }, { "d", "-", 4, "alphabet soup" } };

	assert_true(thread_spec_is_date(&spec));
	CHECK(spec, v, "a b c d");
	assert_true(thread_spec_sort(&spec, STR("reverse-date")));
	CHECK(spec, v, "d c b a");
	assert_true(thread_spec_sort(&spec, STR("subject")));
	assert_int_equal(thread_spec_key(&spec), ORDER_SUBJECT);
	CHECK(spec, v, "b c d a");
	assert_true(thread_spec_aux(&spec, STR("reverse-date-received")));
	CHECK(spec, v, "b c d a"); /* received goes down here: reversed it goes up */
	assert_true(thread_spec_aux(&spec, STR("date-received")));
	CHECK(spec, v, "c b d a");
	assert_true(thread_spec_sort(&spec, STR("mailbox-order")));
	CHECK(spec, v, "d c b a");
	assert_true(thread_spec_sort(&spec, STR("size")));
	CHECK(spec, v, "a d b c");
}

static void
test_words(void **state)
{
	struct thread_spec spec = THREAD_SPEC_INIT;

	assert_true(thread_spec_sort(&spec, STR("reverse-threads")));
	assert_int_equal(spec.sort, ORDER_THREADS);
	assert_true(spec.reverse);
	assert_true(thread_spec_aux(&spec, STR("reverse-last-date-received")));
	assert_int_equal(spec.aux, ORDER_RECEIVED);
	assert_true(spec.aux_reverse && spec.last);
	assert_true(thread_spec_aux(&spec, STR("last-date")));
	assert_true(!spec.aux_reverse && spec.last && spec.aux == ORDER_DATE);
	assert_false(thread_spec_aux(&spec, STR("threads")));
	assert_int_equal(spec.aux, ORDER_DATE);
	assert_false(thread_spec_sort(&spec, STR("reverse-reverse-date")));
	assert_false(thread_spec_sort(&spec, STR("")));
	assert_true(thread_spec_sort(&spec, STR("spam")));
	assert_int_equal(spec.sort, ORDER_DATE);
}

static void
test_base_subject(void **state)
{
	static const struct {
		const char *subject, *base;
		bool is_reply;
	} t[] = {
		{ "Re: a", "a", true },	      { "re:re: Re[3]: a", "a", true },
		{ " a ", "a", false },	      { "Reply: a", "Reply: a", false },
		{ "Re", "Re", false },	      { "Re:", "", true },
		{ "AW: a", "a", true },	      { "Re[x]: a", "Re[x]: a", false },
		{ "Re[: a", "Re[: a", false }, { "", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bool is_reply;
		struct str base = thread_base_subject(str_c(t[i].subject), &is_reply);
		assert_str(base, t[i].base);
		assert_int_equal(is_reply, t[i].is_reply);
	}
}

/* What must hold of any order, whatever the messages. */
static void
check_rows(const struct thread_row *rows, size_t n_rows, uint32_t n, bool is_reversed)
{
	bool *seen = xcalloc(n, sizeof(*seen));

	assert_int_equal(n_rows, n);
	for (size_t i = 0; i < n_rows; i++) {
		assert_true(rows[i].msg < n && !seen[rows[i].msg]);
		seen[rows[i].msg] = true;
		if (rows[i].parent == THREAD_NONE) {
			assert_int_equal(rows[i].depth, (rows[i].flags & THREAD_NO_PARENT) != 0);
			continue;
		}
		assert_true(rows[i].parent < n);
		assert_true(is_reversed ? rows[i].parent > i : rows[i].parent < i);
		uint32_t depth = rows[rows[i].parent].depth + 1u;
		assert_int_equal(rows[i].depth, depth > UINT16_MAX ? UINT16_MAX : depth);
		assert_true((rows[rows[i].parent].flags & THREAD_HAS_CHILDREN) != 0);
	}
	free(seen);
}

/* Random references among a few ids: loops, missing parents, doubles. */
static void
add_random(struct thread_build *b, struct test_random *r, uint32_t n, uint32_t n_ids)
{
	uint64_t refs[8];
	char key[8];
	size_t n_refs = test_random(r, 9);

	for (size_t i = 0; i < n_refs; i++)
		refs[i] = test_random(r, n_ids);
	snprintf(key, sizeof(key), "%u", test_random(r, 50));
	thread_build_add(b, &(struct thread_input){
				    .uid = test_random(r, 1000000) + 1,
				    .size_bytes = test_random(r, 20),
				    .date = n,
				    .received = test_random(r, 100),
				    .id_hash = test_random(r, n_ids),
				    .ancestors = str_n((const char *)refs, n_refs * 8),
				    .subject_hash = test_random(r, 10),
				    .is_reply = test_random(r, 2) != 0,
				    .key = str_c(key) });
}

static struct thread_row *
random_rows(uint64_t seed, const struct thread_spec *spec, uint32_t n, uint32_t budget)
{
	struct test_random r = { seed };
	struct thread_build *b = thread_build_new(spec);
	size_t n_rows;

	for (uint32_t i = 0; i < n; i++)
		add_random(b, &r, i, n / 2 + 2);
	while (!thread_build_step(b, budget))
		;
	struct thread_row *rows = thread_build_take(b, &n_rows);
	thread_build_free(b);
	check_rows(rows, n_rows, n, spec->reverse && spec->sort == ORDER_THREADS);
	return rows;
}

static void
test_random_mail(void **state)
{
	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct test_random r = { seed * 77 };
		uint32_t n = 1 + test_random(&r, 60);
		struct thread_spec spec = { .sort = (uint8_t)test_random(&r, ORDER_N),
					    .aux = (uint8_t)test_random(&r, ORDER_THREADS),
					    .reverse = test_random(&r, 2),
					    .aux_reverse = test_random(&r, 2),
					    .last = test_random(&r, 2),
					    .strict_threads = test_random(&r, 2),
					    .sort_re = test_random(&r, 2) };
		if (test_random(&r, 2) == 0)
			spec.sort = ORDER_THREADS;
		struct thread_row *whole = random_rows(seed, &spec, n, 1000000);
		struct thread_row *slices = random_rows(seed, &spec, n, 1 + test_random(&r, 5));
		if (memcmp(whole, slices, n * sizeof(*whole)) != 0)
			fail_msg("seed %llu", (unsigned long long)seed);
		free(whole);
		free(slices);
	}
}

/* A chain of 200,000 replies, and 200,000 replies with one subject: no square. */
static void
test_hostile_sizes(void **state)
{
	const uint32_t n = 200000;
	struct thread_spec spec = { .sort = ORDER_THREADS, .last = true, .sort_re = true };
	size_t n_rows;

	for (int is_chain = 0; is_chain < 2; is_chain++) {
		struct thread_build *b = thread_build_new(&spec);
		for (uint32_t i = 0; i < n; i++) {
			uint64_t ref = i;
			thread_build_add(b, &(struct thread_input){
						    .uid = i + 1,
						    .date = i,
						    .id_hash = i + 1,
						    .ancestors = is_chain && i > 0 ?
									 str_n((char *)&ref, 8) :
									 STR_NONE,
						    .subject_hash = 5,
						    .is_reply = true });
		}
		unsigned steps = 0;
		while (!thread_build_step(b, 50000))
			steps++;
		assert_in_range(steps, 10, 500);
		struct thread_row *rows = thread_build_take(b, &n_rows);
		check_rows(rows, n_rows, n, false);
		free(rows);
		thread_build_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_missing_parents),
		cmocka_unit_test(test_late_parent),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_same_id_twice),
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_order_of_threads),
		cmocka_unit_test(test_flat_orders),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_base_subject),
		cmocka_unit_test(test_random_mail),
		cmocka_unit_test(test_hostile_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
