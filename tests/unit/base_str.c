/* str: slices and their parsing. */
#include "lib/test.h"

static void
test_compare(void **state)
{
	assert_true(str_eq(STR("a"), STR("a")));
	assert_false(str_eq(STR("a"), STR("ab")));
	assert_true(str_eq(STR_NONE, STR("")));
	assert_true(str_ieq(STR("INBOX"), STR("inbox")));
	/* ASCII only: a locale never matters. */
	assert_false(str_ieq(STR("\xc3\x84"), STR("\xc3\xa4")));
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_icmp(STR("AbC"), STR("aBc")), 0);
	assert_true(str_icmp(STR("a"), STR("B")) < 0);
}

static void
test_affixes(void **state)
{
	assert_true(str_starts(STR("imap://x"), "imap:"));
	assert_false(str_starts(STR("im"), "imap:"));
	assert_true(str_istarts(STR("RE: x"), "re:"));
	assert_true(str_ends(STR("a.c"), ".c"));
	assert_false(str_ends(STR("c"), ".c"));
	assert_true(str_starts(STR_NONE, ""));
}

static void
test_cut(void **state)
{
	assert_str(str_from(STR("abc"), 1), "bc");
	assert_str(str_from(STR("abc"), 9), "");
	assert_str(str_head(STR("abc"), 2), "ab");
	assert_str(str_head(STR("abc"), 9), "abc");
	assert_str(str_trim(STR(" \t a b\r\n")), "a b");
	assert_str(str_trim(STR("  ")), "");
	assert_str(str_trim_left(STR("  a ")), "a ");
}

static void
test_find(void **state)
{
	assert_int_equal(str_find(STR("a:b:c"), ':'), 1);
	assert_int_equal(str_find(STR_NONE, ':'), -1);
	assert_int_equal(str_find_str(STR("aab"), STR("ab")), 1);
	assert_int_equal(str_find_str(STR("aab"), STR("abb")), -1);
	assert_int_equal(str_find_str(STR("a"), STR("")), 0);
	assert_true(str_icontains(STR("Subject Line"), STR("LINE")));
	assert_false(str_icontains(STR("Lin"), STR("LINE")));
	assert_int_equal(str_find(((struct str){ "a\0b", 3 }), '\0'), 1);
}

static void
test_next(void **state)
{
	struct str s = STR("a,,b"), piece;

	assert_true(str_next(&s, ',', &piece));
	assert_str(piece, "a");
	assert_true(str_next(&s, ',', &piece));
	assert_str(piece, "");
	assert_true(str_next(&s, ',', &piece));
	assert_str(piece, "b");
	assert_false(str_next(&s, ',', &piece));

	s = STR("  one\ttwo\r\n ");
	assert_true(str_next_word(&s, &piece));
	assert_str(piece, "one");
	assert_true(str_next_word(&s, &piece));
	assert_str(piece, "two");
	assert_false(str_next_word(&s, &piece));
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool is_u32, is_u64, is_i64;
	} rows[] = {
		{ "0", true, true, true },
		{ "4294967295", true, true, true },
		{ "4294967296", false, true, true },
		{ "9223372036854775807", false, true, true },
		{ "9223372036854775808", false, true, false },
		{ "18446744073709551615", false, true, false },
		{ "18446744073709551616", false, false, false },
		{ "99999999999999999999999", false, false, false },
		{ "-9223372036854775808", false, false, true },
		{ "-9223372036854775809", false, false, false },
		{ "+1", false, false, true },
		{ "-", false, false, false },
		{ "", false, false, false },
		{ " 1", false, false, false },
		{ "1 ", false, false, false },
		{ "0x1", false, false, false },
		{ "1.0", false, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t u32 = 77;
		uint64_t u64 = 77;
		int64_t i64 = 77;
		struct str s = str_c(rows[i].text);
		if (str_u32(s, &u32) != rows[i].is_u32 || str_u64(s, &u64) != rows[i].is_u64 ||
		    str_i64(s, &i64) != rows[i].is_i64)
			fail_msg("number '%s'", rows[i].text);
		if (!rows[i].is_u32)
			assert_int_equal(u32, 77);
		if (!rows[i].is_u64)
			assert_int_equal(u64, 77);
		if (!rows[i].is_i64)
			assert_int_equal(i64, 77);
	}
	uint32_t v;
	assert_true(str_u32(STR("4294967295"), &v));
	assert_int_equal(v, UINT32_MAX);
	int64_t w;
	assert_true(str_i64(STR("-9223372036854775808"), &w));
	assert_true(w == INT64_MIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare), cmocka_unit_test(test_affixes),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_find),
		cmocka_unit_test(test_next),	cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests_name("base_str", tests, NULL, NULL);
}
