/* mutf7: what is encoded comes back, and nothing else is taken. */
#include "lib/test.h"
#include "tern/base/mutf7.h"

static const struct {
	const char *utf8, *wire;
} pairs[] = {
	{ "", "" },
	{ "INBOX", "INBOX" },
	{ "a&b", "a&-b" },
	{ "&", "&-" },
	{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
	{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	  "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
	{ "\xf0\x9f\x98\x80", "&2D3eAA-" },
	{ "\xc3\xa9&", "&AOk-&-" },
	{ "&\xc3\xa9", "&-&AOk-" },
	{ "\xc3\xa9-", "&AOk--" },
};

static void
test_both_ways(void **state)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf b = BUF_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(mutf7_encode(&b, str_c(pairs[i].utf8), &err), 0);
		assert_str(buf_str(&b), pairs[i].wire);
		buf_reset(&b);
		assert_true(mutf7_decode(&b, str_c(pairs[i].wire)));
		assert_str(buf_str(&b), pairs[i].utf8);
		buf_release(&b);
	}
}

static void
test_refused_wire(void **state)
{
	static const char *const rows[] = {
		"&", "a&", "&AOk", "&A-", "&AA-", "&AEE-" /* A encoded */, "&AOl-&AOk-", "\xc3\xa9", "a\tb",
		"&AOk/-", "&2D0-" /* half a pair */, "&3gDYPQ-", "&AAo-" /* newline */, "&AOl1-",
		"&AOm-" /* bits left over */,
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_INIT;
		buf_adds(&b, "kept");
		if (mutf7_decode(&b, str_c(rows[i])))
			fail_msg("'%s' was taken: '%s'", rows[i], b.ptr);
		assert_str(buf_str(&b), "kept");
		buf_release(&b);
	}
}

static void
test_refused_names(void **state)
{
	static const char *const rows[] = { "\xff", "a\nb", "\xc2\x85", "\xed\xa0\x80", "a\x7f" };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(mutf7_encode(&b, str_c(rows[i]), &err), -1);
		assert_err(err, ERR_USER);
		buf_release(&b);
	}
}

static void
test_show(void **state)
{
	struct buf b = BUF_INIT;

	mutf7_show(&b, STR("M&APw-ll"));
	assert_str(buf_str(&b), "M\xc3\xbcll");
	buf_reset(&b);
	mutf7_show(&b, STR("AT&T\xff"));
	assert_str(buf_str(&b), "AT&T\xef\xbf\xbd");
	buf_release(&b);
}

static void
test_any_name_comes_back(void **state)
{
	struct test_random r = { 4 };

	for (int round = 0; round < 5000; round++) {
		struct buf name = BUF_INIT, wire = BUF_INIT, back = BUF_INIT;
		struct err err = ERR_INIT;
		for (uint32_t n = test_random(&r, 12); n > 0; n--) {
			static const uint32_t from[] = { ' ', '&', '-', 0xa0, 0x3b1, 0x4e00, 0xfffd, 0x1f600 };
			uint32_t cp = from[test_random(&r, 8)] + test_random(&r, 2);
			/* UTF-8 by hand: the encoder under test must not vouch for itself */
			if (cp < 0x80) {
				buf_addc(&name, (char)cp);
			} else if (cp < 0x800) {
				buf_addc(&name, (char)(0xc0 | cp >> 6));
				buf_addc(&name, (char)(0x80 | (cp & 63)));
			} else if (cp < 0x10000) {
				buf_addc(&name, (char)(0xe0 | cp >> 12));
				buf_addc(&name, (char)(0x80 | (cp >> 6 & 63)));
				buf_addc(&name, (char)(0x80 | (cp & 63)));
			} else {
				buf_addc(&name, (char)(0xf0 | cp >> 18));
				buf_addc(&name, (char)(0x80 | (cp >> 12 & 63)));
				buf_addc(&name, (char)(0x80 | (cp >> 6 & 63)));
				buf_addc(&name, (char)(0x80 | (cp & 63)));
			}
		}
		assert_int_equal(mutf7_encode(&wire, buf_str(&name), &err), 0);
		if (!mutf7_decode(&back, buf_str(&wire)))
			fail_msg("round %d: '%s'", round, wire.ptr);
		assert_str_is(buf_str(&back), buf_str(&name));
		buf_release(&name);
		buf_release(&wire);
		buf_release(&back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),     cmocka_unit_test(test_refused_wire),
		cmocka_unit_test(test_refused_names), cmocka_unit_test(test_show),
		cmocka_unit_test(test_any_name_comes_back),
	};

	return cmocka_run_group_tests_name("base_mutf7", tests, NULL, NULL);
}
