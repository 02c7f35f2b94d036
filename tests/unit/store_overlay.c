/* The merge of a row and an intent, for every kind, state and flag. */
#include "lib/test.h"
#include "tern/store.h"

#include <string.h>
#include "tern/base/mem.h"

static bool
in(unsigned state, unsigned a, unsigned b)
{
	return state == a || state == b;
}

/* What DESIGN says, written down a second time in other words. */
static void
expect(unsigned kind, unsigned state, uint32_t before, uint32_t set, uint32_t clear,
       uint32_t *after, bool *is_shown)
{
	bool waits = in(state, INTENT_PLANNED, INTENT_SENT);

	*after = before;
	*is_shown = true;
	if (kind == INTENT_UNDELETE)
		return;
	if (state == INTENT_REFUSED)
		*after |= ROW_REFUSED;
	if (waits)
		*after |= ROW_PENDING;
	if (waits && kind == INTENT_FLAG)
		*after = (*after & ~clear) | set;
	if (waits && (kind == INTENT_MOVE || kind == INTENT_DELETE))
		*is_shown = false;
	if (state == INTENT_HELD && kind == INTENT_DELETE)
		*after |= ROW_TO_DELETE;
}

static void
test_every_combination(void **state)
{
	struct arena a = ARENA_INIT;
	unsigned n = 0;

	for (unsigned kind = 1; kind < INTENT_N_KINDS; kind++)
		for (unsigned st = INTENT_HELD; st <= INTENT_DROPPED; st++)
			for (uint32_t before = 0; before < 32; before++)
				for (uint32_t set = 0; set < 32; set++)
					for (uint32_t clear = 0; clear < 32; clear++) {
						struct intent i = { .kind = (uint8_t)kind,
								    .state = (uint8_t)st,
								    .set_flags = set,
								    .clear_flags = clear & ~set,
								    .keyword = STR("k") };
						struct row row = { .flags = before | ROW_ATTACHMENT };
						uint32_t want;
						bool shown;
						expect(kind, st, row.flags, set, clear & ~set, &want, &shown);
						bool got = intent_overlay(&i, &row, &a);
						assert_int_equal(got, shown);
						assert_int_equal(row.flags, want);
						/* Over its own result it changes nothing. */
						assert_int_equal(intent_overlay(&i, &row, &a), shown);
						assert_int_equal(row.flags, want);
						if (++n % 4096 == 0)
							arena_reset(&a);
					}
	arena_release(&a);
	assert_true(n > 1000000);
}

static void
test_only_server_flags(void **state)
{
	struct intent i = { .kind = INTENT_FLAG, .state = INTENT_PLANNED,
			    .set_flags = UINT32_MAX, .clear_flags = UINT32_MAX };
	struct row row = { .flags = ROW_BROKEN };

	assert_true(intent_overlay(&i, &row, NULL));
	assert_int_equal(row.flags, ROW_BROKEN | ROW_SERVER_FLAGS | ROW_PENDING);
}

static void
test_nonsense_does_nothing(void **state)
{
	struct row row = { .flags = ROW_SEEN };
	struct intent kind = { .kind = 200, .state = INTENT_PLANNED };
	struct intent st = { .kind = INTENT_MOVE, .state = 200 };

	assert_true(intent_overlay(&kind, &row, NULL));
	assert_true(intent_overlay(&st, &row, NULL));
	assert_int_equal(row.flags, ROW_SEEN);
}

static void
test_keywords(void **state)
{
	static const struct {
		const char *before, *keyword;
		bool set;
		const char *after;
	} t[] = {
		{ "", "a", true, "a" },		{ "a", "a", true, "a" },
		{ "a", "A", true, "a" },	{ "a b", "c", true, "a b c" },
		{ "a b c", "b", false, "a c" },	{ "a", "A", false, "" },
		{ "ab", "a", false, "ab" },	{ "a a", "a", false, "" },
		{ "", "a", false, "" },
	};
	struct arena a = ARENA_INIT;

	for (size_t n = 0; n < ARRAY_LEN(t); n++) {
		struct intent i = { .kind = INTENT_KEYWORD, .state = INTENT_SENT,
				    .keyword = str_c(t[n].keyword), .set_flags = t[n].set };
		struct row row = { .keywords = str_c(t[n].before) };
		assert_true(intent_overlay(&i, &row, &a));
		assert_str(row.keywords, t[n].after);
		assert_int_equal(row_has_keyword(&row, i.keyword), t[n].set);
	}
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_only_server_flags),
		cmocka_unit_test(test_nonsense_does_nothing),
		cmocka_unit_test(test_keywords),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
