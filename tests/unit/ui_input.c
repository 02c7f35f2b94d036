/* input: bytes to keys, whole and one byte at a time. */
#include "lib/test.h"
#include "tern/base/tick.h"
#include "tern/key.h"
#include "tern/ui.h"

#include <string.h>

/* All keys of `bytes`, written as in the rc file; pastes as {text}. */
static void
decode(struct ui_input *in, struct str bytes, size_t step, struct buf *out)
{
	int64_t now = 1000;
	uint32_t key;
	struct str paste;
	enum ui_input_kind kind;

	while (bytes.len > 0) {
		size_t n = step < bytes.len ? step : bytes.len;
		ui_input_feed(in, str_head(bytes, n), now);
		bytes = str_from(bytes, n);
		while ((kind = ui_input_next(in, now, &key, &paste)) != UI_INPUT_NONE) {
			if (kind == UI_INPUT_KEY)
				key_add(out, key);
			else
				buf_addf(out, "{%.*s}", STR_ARG(paste));
		}
	}
	/* Nothing more comes. */
	now += 1000;
	while ((kind = ui_input_next(in, now, &key, &paste)) != UI_INPUT_NONE)
		if (kind == UI_INPUT_KEY)
			key_add(out, key);
}

static void
test_decode(void **state)
{
	static const struct {
		const char *bytes;
		const char *keys;
	} rows[] = {
		{ "abc", "abc" },
		{ "\xc3\xa9\xe5\xb1\xb1\xf0\x9f\x98\x80", "é山😀" },
		{ "\033[A\033[B\033OC", "<Up><Down><Right>" },
		{ "\033", "<Esc>" },
		{ "\033x", "<Esc>x" },
		{ "\033\033", "<Esc><Esc>" },
		{ "\033[5~\033[6~\033[3~", "<PageUp><PageDown><Delete>" },
		{ "\033OP\033[15~", "<F1><F5>" },
		{ "\033[Z", "<BackTab>" },
		{ "\r", "<Return>" },
		{ "\x7f", "<BackSpace>" },
		{ "\x01", "^A" },
		/* An answer of the terminal is no key. */
		{ "a\033[?62;22cb", "ab" },
		{ "a\033]11;rgb:0000/0000/0000\033\\b", "ab" },
		{ "a\033[99;99Rb", "ab" },
		{ "\033[200~rm -rf\nq\033[201~x", "{rm -rf\nq}x" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t step = 1; step <= 100; step += 99) {
			struct ui_input *in = ui_input_new(25);
			struct buf keys = BUF_INIT;
			decode(in, str_c(rows[i].bytes), step, &keys);
			assert_str(buf_str(&keys), rows[i].keys);
			buf_release(&keys);
			ui_input_free(in);
		}
	}
}

static void
test_modified_keys(void **state)
{
	struct ui_input *in = ui_input_new(25);
	uint32_t key;
	struct str paste;

	ui_input_feed(in, STR("\033[1;5C"), 0);
	assert_int_equal(ui_input_next(in, 0, &key, &paste), UI_INPUT_KEY);
	assert_int_equal(key, KEYC_RIGHT | KEYC_CTRL);
	ui_input_feed(in, STR("\033[3;2~"), 0);
	assert_int_equal(ui_input_next(in, 0, &key, &paste), UI_INPUT_KEY);
	assert_int_equal(key, KEYC_DELETE | KEYC_SHIFT);
	ui_input_free(in);
}

static void
test_escape_waits_a_moment(void **state)
{
	struct ui_input *in = ui_input_new(25);
	uint32_t key;
	struct str paste;

	assert_true(ui_input_deadline(in) == TICK_NEVER);
	ui_input_feed(in, STR("\033"), 100);
	assert_int_equal(ui_input_next(in, 100, &key, &paste), UI_INPUT_NONE);
	assert_true(ui_input_deadline(in) == 125);
	assert_int_equal(ui_input_next(in, 124, &key, &paste), UI_INPUT_NONE);
	assert_int_equal(ui_input_next(in, 125, &key, &paste), UI_INPUT_KEY);
	assert_int_equal(key, KEYC_ESC);
	assert_true(ui_input_deadline(in) == TICK_NEVER);
	ui_input_free(in);
}

static void
test_learnt_sequence_comes_first(void **state)
{
	struct ui_input *in = ui_input_new(25);
	uint32_t key;
	struct str paste;

	ui_input_learn(in, "\033[A", KEYC_F1);
	ui_input_feed(in, STR("\033[A"), 0);
	assert_int_equal(ui_input_next(in, 0, &key, &paste), UI_INPUT_KEY);
	assert_int_equal(key, KEYC_F1);
	ui_input_free(in);
}

/* Whatever comes, it ends, and every byte is used up in time. */
static void
test_random_bytes(void **state)
{
	struct test_random r = { 7 };

	for (int round = 0; round < 2000; round++) {
		struct ui_input *in = ui_input_new(25);
		struct buf bytes = BUF_INIT, keys = BUF_INIT;
		for (int i = 0; i < 40; i++) {
			static const char likely[] = "\033\033[O;0159~A";
			buf_addc(&bytes, test_random(&r, 2) ? likely[test_random(&r, 12)] :
							      (char)test_random(&r, 256));
		}
		decode(in, buf_str(&bytes), 1 + test_random(&r, 10), &keys);
		assert_true(ui_input_deadline(in) == TICK_NEVER);
		buf_release(&bytes);
		buf_release(&keys);
		ui_input_free(in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_modified_keys),
		cmocka_unit_test(test_escape_waits_a_moment),
		cmocka_unit_test(test_learnt_sequence_comes_first),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
