/* screen: the grid, the gate, true widths. */
#include "lib/test.h"
#include "tern/ui.h"

#include <stdlib.h>

static void
assert_row(const struct ui_screen *s, int row, const char *want)
{
	struct buf text = BUF_INIT;

	ui_screen_row_text(s, row, &text);
	assert_str(buf_str(&text), want);
	buf_release(&text);
}

static void
test_put_and_clip(void **state)
{
	struct ui_screen *s = ui_screen_new(3, 10);
	struct ui_area all = ui_area_all(s);

	assert_int_equal(ui_puts(all, 0, 2, "hello", UI_PLAIN), 5);
	assert_row(s, 0, "  hello");
	assert_int_equal(ui_puts(all, 1, 7, "cut here", UI_PLAIN), 3);
	assert_row(s, 1, "       cut");
	/* Outside of it nothing happens. */
	assert_int_equal(ui_puts(all, 3, 0, "x", UI_PLAIN), 0);
	assert_int_equal(ui_puts(all, -1, 0, "x", UI_PLAIN), 0);
	assert_int_equal(ui_puts(all, 0, 10, "x", UI_PLAIN), 0);
	struct ui_area part = ui_area_sub(all, 2, 4, 5, 3);
	ui_puts(part, 0, 0, "abcdef", UI_PLAIN);
	assert_row(s, 2, "    abc");
	ui_screen_free(s);
}

static void
test_widths(void **state)
{
	static const struct {
		const char *text;
		int cols;
	} rows[] = {
		{ "abc", 3 },
		{ "山田太郎", 8 },
		{ "e\xcc\x81t\xc3\xa9", 3 },	       /* combining and composed */
		{ "👩‍👩‍👧‍👦", 2 },			       /* a family of four, joined */
		{ "👍🏽", 2 },			       /* with a skin tone */
		{ "🇳🇴", 2 },			       /* a flag of two letters */
		{ "❤️", 2 },			       /* asked for as an emoji */
		{ "한국어", 6 },
		{ "שלום", 4 },			       /* right to left: as many columns */
		{ "ก็", 1 },
		{ "a\xc2\xad" "b", 2 },		       /* a soft hyphen takes none */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ui_screen *s = ui_screen_new(1, 20);
		assert_int_equal(ui_puts(ui_area_all(s), 0, 0, rows[i].text, UI_PLAIN),
				 rows[i].cols);
		/* What is put behind it stands right there. */
		ui_puts(ui_area_all(s), 0, rows[i].cols, "|", UI_PLAIN);
		struct buf text = BUF_INIT;
		ui_screen_row_text(s, 0, &text);
		assert_true(str_ends(buf_str(&text), "|"));
		assert_int_equal(ui_screen_style(s, 0, rows[i].cols).attrs, 0);
		buf_release(&text);
		ui_screen_free(s);
	}
}

static void
test_wide_at_the_edge_and_halved(void **state)
{
	struct ui_screen *s = ui_screen_new(1, 5);
	struct ui_area all = ui_area_all(s);

	/* A wide character that would be cut in two is left out. */
	assert_int_equal(ui_puts(all, 0, 0, "山田太", UI_PLAIN), 4);
	assert_row(s, 0, "山田");
	/* Writing over one half blanks the other. */
	ui_puts(all, 0, 1, "x", UI_PLAIN);
	assert_row(s, 0, " x田");
	ui_puts(all, 0, 2, "y", UI_PLAIN);
	assert_row(s, 0, " xy");
	ui_screen_free(s);
}

static void
test_controls_are_shown(void **state)
{
	struct ui_screen *s = ui_screen_new(1, 60);

	ui_puts(ui_area_all(s), 0, 0, "a\033[31mb\rc\nd\te\x7f" "f\xc2\x9bg", UI_PLAIN);
	assert_row(s, 0, "a␛[31mb␍c d e␡f\xef\xbf\xbdg");
	ui_screen_resize(s, 1, 60);
	/* Direction controls, tags, private use, bytes that are not UTF-8. */
	ui_puts(ui_area_all(s), 0, 0,
		"1\xe2\x80\xae" "2\xe2\x81\xa6" "3\xf3\xa0\x81\x81" "4\xee\x80\x80" "5\xff\xfe" "6",
		UI_PLAIN);
	assert_row(s, 0, "1\xef\xbf\xbd" "2\xef\xbf\xbd" "3\xef\xbf\xbd" "4\xef\xbf\xbd" "5"
			 "\xef\xbf\xbd\xef\xbf\xbd" "6");
	ui_screen_free(s);
}

static void
test_styles(void **state)
{
	struct ui_screen *s = ui_screen_new(1, 10);
	struct ui_area all = ui_area_all(s);
	struct ui_style red = { 1, 4, UI_BOLD };

	ui_puts(all, 0, 0, "abcd", red);
	ui_restyle(all, 0, 1, 2, (struct ui_style){ UI_COLOR_KEEP, 7, UI_REVERSE });
	struct ui_style got = ui_screen_style(s, 0, 1);
	assert_int_equal(got.fg, 1);
	assert_int_equal(got.bg, 7);
	assert_int_equal(got.attrs, UI_BOLD | UI_REVERSE);
	assert_true(ui_style_eq(ui_screen_style(s, 0, 0), red));
	assert_true(ui_style_eq(ui_screen_style(s, 0, 3), red));
	ui_screen_free(s);
}

/* Many different clusters over time do not pile up, and none is mixed up. */
static void
test_clusters_are_collected(void **state)
{
	struct ui_screen *s = ui_screen_new(2, 4);
	char text[16];

	ui_puts(ui_area_all(s), 1, 0, "e\xcc\x81", UI_PLAIN);
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "%c\xcc%c\xcc%c", 'a' + i % 26, 0x80 + i / 26 % 48,
			 0x80 + i / 1248 % 48);
		ui_puts(ui_area_all(s), 0, 0, text, UI_PLAIN);
	}
	assert_row(s, 0, text);
	assert_row(s, 1, "e\xcc\x81");
	ui_screen_free(s);
}

static void
test_too_small(void **state)
{
	struct ui_screen *s = ui_screen_new(7, 80);

	assert_false(ui_has_room(s));
	assert_row(s, 0, "tern needs more room:");
	ui_screen_resize(s, 8, 39);
	assert_false(ui_has_room(s));
	ui_screen_resize(s, 8, 40);
	assert_true(ui_has_room(s));
	/* Nothing breaks where there is no room at all. */
	ui_screen_resize(s, 1, 1);
	assert_false(ui_has_room(s));
	ui_screen_resize(s, 0, -3);
	assert_false(ui_has_room(s));
	ui_screen_free(s);
}

static void
test_layout(void **state)
{
	struct ui_screen *s = ui_screen_new(24, 100);
	struct ui_layout_options o = { .has_help = true, .sidebar_cols = 20, .message_rows = 1 };
	struct ui_layout l = ui_layout(s, &o);

	assert_int_equal(l.help.rows, 1);
	assert_int_equal(l.help.row, 0);
	assert_int_equal(l.message.row, 23);
	assert_int_equal(l.sidebar.cols, 20);
	assert_int_equal(l.first.col, 20);
	assert_int_equal(l.first.rows, 21);
	assert_int_equal(l.first_status.row, 22);
	o.has_second = true;
	o.index_rows = 4;
	o.status_on_top = true;
	l = ui_layout(s, &o);
	assert_int_equal(l.help.row, 22);
	assert_int_equal(l.first_status.row, 0);
	assert_int_equal(l.first.rows, 3);
	assert_int_equal(l.second_status.row, 4);
	assert_int_equal(l.second.row, 5);
	assert_int_equal(l.second.rows, 17);
	/* A narrow screen has no sidebar. */
	ui_screen_resize(s, 24, 50);
	l = ui_layout(s, &o);
	assert_int_equal(l.sidebar.rows * l.sidebar.cols, 0);
	assert_int_equal(l.first.cols, 50);
	ui_screen_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_clip),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_wide_at_the_edge_and_halved),
		cmocka_unit_test(test_controls_are_shown),
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_clusters_are_collected),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
