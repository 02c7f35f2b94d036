/* Key codes: names and notation, there and back. */
#include "lib/test.h"

#include <string.h>
#include "tern/key.h"

static const struct {
	const char *text;
	uint32_t keys[4];
	const char *written; /* NULL: as the text */
} cases[] = {
	{ "a", { 'a' }, NULL },
	{ "gg", { 'g', 'g' }, NULL },
	{ "\xc3\xa9", { 0xe9 }, NULL },
	{ "<F1>", { KEYC_F1 }, NULL },
	{ "<f12>", { KEYC_F1 + 11 }, "<F12>" },
	{ "<F63>", { KEYC_F63 }, NULL },
	{ "<F64>", { '<', 'F', '6', '4' }, "<F64>" },
	{ "<up><Down>", { KEYC_UP, KEYC_DOWN }, "<Up><Down>" },
	{ "<PAGEUP>", { KEYC_PAGEUP }, "<PageUp>" },
	{ "<next>", { KEYC_PAGEDOWN }, "<PageDown>" },
	{ "<s-Up>", { KEYC_UP | KEYC_SHIFT }, NULL },
	{ "<sc-Left>", { KEYC_LEFT | KEYC_SHIFT | KEYC_CTRL }, NULL },
	{ "<Esc>x", { 27, 'x' }, NULL },
	{ "\033x", { 27, 'x' }, "<Esc>x" },
	{ "^A^z", { 1, 26 }, "^A^Z" },
	{ "^", { '^' }, NULL },
	{ "^[", { 27 }, "<Esc>" },
	{ "<0101>", { 'A' }, "A" },
	{ "<x", { '<', 'x' }, NULL },
	{ "<>", { '<', '>' }, NULL },
	{ "<Space>", { ' ' }, NULL },
	{ " ", { ' ' }, "<Space>" },
	{ "\xff", { 0xfffd }, "\xef\xbf\xbd" },
};

static void
test_notation(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t keys[16];
		struct buf b = BUF_INIT;
		size_t n = key_parse(str_c(cases[i].text), keys, 16);
		for (size_t k = 0; k < 4 && cases[i].keys[k] != 0; k++)
			if (k >= n || keys[k] != cases[i].keys[k])
				fail_msg("'%s': key %zu is %x", cases[i].text, k, (unsigned)keys[k]);
		key_add_seq(&b, keys, n);
		assert_str(buf_str(&b), cases[i].written ? cases[i].written : cases[i].text);
		buf_release(&b);
	}
}

static void
test_limits(void **state)
{
	uint32_t keys[2];

	assert_int_equal(key_parse(STR("abc"), keys, 2), 0);
	assert_int_equal(key_parse(STR(""), keys, 2), 0);
	assert_int_equal(key_parse(STR("\0"), keys, 2), 1);
	assert_int_equal(key_by_name(STR("s-a")), KEYC_NONE);
	assert_int_equal(key_by_name(STR("ss-Up")), KEYC_NONE);
	assert_int_equal(key_by_name(STR("F0")), KEYC_NONE);
}

/* Macros: functions are told apart, ^ is a letter. */
static void
test_next(void **state)
{
	struct str text = STR("a<limit>^x<Enter><no name><"), name;

	assert_int_equal(key_next(&text, &name), 'a');
	assert_int_equal(key_next(&text, &name), KEYC_NONE);
	assert_str(name, "limit");
	assert_int_equal(key_next(&text, &name), '^');
	assert_int_equal(key_next(&text, &name), 'x');
	assert_int_equal(key_next(&text, &name), '\n');
	assert_int_equal(key_next(&text, &name), '<');
	assert_int_equal(name.len, 0);
	text = STR("<");
	assert_int_equal(key_next(&text, &name), '<');
	assert_int_equal(key_next(&text, &name), KEYC_NONE);
	assert_int_equal(name.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notation),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
