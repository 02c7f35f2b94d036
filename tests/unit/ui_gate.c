/* The gate: a million random strings, and what a terminal would make of them. */
#include "lib/test.h"
#include "tern/base/utf8.h"
#include "tern/ui.h"

#include <string.h>
#include <vterm.h>

#define N_STRINGS 1000000
#define COLS 24

static unsigned n_bad;

/* Any control, escape, CSI, OSC or DCS that the terminal sees is one too many. */
static int
on_control(unsigned char control, void *user)
{
	n_bad += control != '\r' && control != '\n';
	return 1;
}

static int
on_escape(const char *bytes, size_t len, void *user)
{
	n_bad++;
	return (int)len;
}

static int
on_csi(const char *leader, const long args[], int argcount, const char *intermed, char command,
       void *user)
{
	n_bad++;
	return 1;
}

/* Text ends before a control; what is left is looked at by the parser. A C1 control
 * written as UTF-8 is one for a terminal too, and so are those of direction. */
static int
on_text(const char *bytes, size_t len, void *user)
{
	size_t n = 0;

	while (n < len && (unsigned char)bytes[n] >= 0x20 && bytes[n] != 0x7f) {
		unsigned char c = (unsigned char)bytes[n], d = n + 1 < len ? (unsigned char)bytes[n + 1] : 0;
		n_bad += c == 0xc2 && d >= 0x80 && d < 0xa0;
		n_bad += len - n >= 3 && memcmp(bytes + n, "\xe2\x80", 2) == 0 &&
			 (unsigned char)bytes[n + 2] >= 0xa8 && (unsigned char)bytes[n + 2] <= 0xae;
		n_bad += len - n >= 3 && memcmp(bytes + n, "\xe2\x81", 2) == 0 &&
			 (unsigned char)bytes[n + 2] >= 0xa6 && (unsigned char)bytes[n + 2] <= 0xa9;
		n++;
	}
	return (int)n;
}

static const VTermParserCallbacks callbacks = { .text = on_text,
						.control = on_control,
						.escape = on_escape,
						.csi = on_csi };

static void
add_random(struct test_random *r, struct buf *out)
{
	static const char *const nasty[] = {
		"\033[31m", "\033]0;x\007", "\033P+q\033\\", "\xc2\x9b" "6n", "\xc2\x9d", "\x9b" "c",
		"\x0e", "\x0f", "\xe2\x80\xae", "\xe2\x81\xa9", "\xef\xbb\xbf", "\xf3\xa0\x80\x81",
		"\xed\xa0\x80", "\xc0\x80", "\xcc\x81\xcc\x81\xcc\x81", "\xe2\x80\x8d", "👩‍👩‍👧", "山",
		"\r", "\n", "\t", "\b", "\x7f", "\x1b", "\x05", "\xe2\x80\xa8",
	};
	size_t n = 1 + test_random(r, 8);

	buf_reset(out);
	while (n-- > 0) {
		switch (test_random(r, 3)) {
		case 0:
			buf_adds(out, nasty[test_random(r, sizeof(nasty) / sizeof(*nasty))]);
			break;
		case 1:
			buf_addc(out, (char)test_random(r, 256));
			break;
		default:
			utf8_add(out, test_random(r, 0x110000));
		}
	}
}

static void
test_random_strings(void **state)
{
	struct test_random r = { 20261120 };
	VTerm *vt = vterm_new(24, COLS);
	struct ui_screen *s = ui_screen_new(1, COLS);
	struct buf in = BUF_INIT, out = BUF_INIT;

	vterm_set_utf8(vt, 1);
	vterm_parser_set_callbacks(vt, &callbacks, NULL);
	for (int i = 0; i < N_STRINGS; i++) {
		add_random(&r, &in);
		ui_put_cols(ui_area_all(s), 0, 0, COLS, buf_str(&in), UI_PLAIN);
		buf_reset(&out);
		ui_screen_row_text(s, 0, &out);
		if (!utf8_is_valid(buf_str(&out)))
			fail_msg("string %d leaves the gate as no UTF-8", i);
		/* Each ends as a line: what was left open by one would swallow the next. */
		buf_adds(&out, "\r\n");
		vterm_input_write(vt, out.ptr, out.len);
		if (n_bad > 0)
			fail_msg("string %d brought a control to the terminal", i);
	}
	buf_release(&in);
	buf_release(&out);
	ui_screen_free(s);
	vterm_free(vt);
}

/* The test can fail. */
static void
test_a_control_is_noticed(void **state)
{
	VTerm *vt = vterm_new(24, COLS);

	vterm_set_utf8(vt, 1);
	vterm_parser_set_callbacks(vt, &callbacks, NULL);
	vterm_input_write(vt, "a\033[31mb", 7);
	assert_int_equal(n_bad, 1);
	vterm_input_write(vt, "\a", 1);
	assert_int_equal(n_bad, 2);
	vterm_input_write(vt, "a\xc2\x9b" "31m", 6);
	assert_int_equal(n_bad, 3);
	vterm_input_write(vt, "a\xe2\x80\xae" "b", 5);
	assert_int_equal(n_bad, 4);
	n_bad = 0;
	vterm_free(vt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_control_is_noticed),
		cmocka_unit_test(test_random_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
