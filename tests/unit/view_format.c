/* format: the language of index_format and its like, and its expandos. */
#include "lib/test.h"
#include "tern/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1795168800 /* Fri, 20 Nov 2026 10:00 UTC */

static bool
put_name(const void *ctx, struct buf *out)
{
	buf_adds(out, "山田 Taro");
	return true;
}

static bool
put_seven(const void *ctx, struct buf *out)
{
	buf_adds(out, "7");
	return true;
}

static bool
put_zero(const void *ctx, struct buf *out)
{
	buf_adds(out, "0");
	return false;
}

static bool
put_subject(const void *ctx, struct buf *out)
{
	buf_adds(out, "A long subject\033[31m");
	return true;
}

static bool
put_tree(const void *ctx, struct buf *out)
{
	buf_adds(out, "└─▶ ");
	return true;
}

static const struct format_expando table[] = {
	{ "n", "", put_name, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "C", "", put_seven, VIEW_NORMAL, NULL, 0 },
	{ "Z", "", put_zero, VIEW_NORMAL, NULL, 0 },
	{ "zs", "", put_seven, VIEW_NORMAL, NULL, 0 },
	{ "s", "", put_subject, VIEW_INDEX_SUBJECT, put_tree, VIEW_TREE },
	{ NULL, NULL, NULL, 0, NULL, 0 },
};

static void
check(const char *format, int cols, const char *want)
{
	struct format_line line = { 0 };
	/* Sent at 15:30 in +09:00. */
	struct format_dates dates = { NOW - 3600 * 4 + 1800, NOW - 86400, 540, NOW };

	format_expand(format, cols, table, &dates, NULL, &line);
	assert_str(buf_str(&line.text), want);
	format_line_release(&line);
}

static void
test_language(void **state)
{
	static const struct {
		const char *format;
		int cols;
		const char *want;
	} rows[] = {
		{ "plain", 80, "plain" },
		{ "%%", 80, "%" },
		{ "%C", 80, "7" }, { "%4C|", 80, "   7|" }, { "%-4C|", 80, "7   |" },
		{ "%04C", 80, "0007" }, { "%=5C|", 80, "  7  |" },
		/* Columns, not bytes: a wide character is never halved. */
		{ "%n|", 80, "山田 Taro|" }, { "%.5n|", 80, "山田 |" }, { "%.3n|", 80, "山|" },
		{ "%5.3n|", 80, "   山|" }, { "%-5.3n|", 80, "山   |" }, { "%-12.12n|", 80, "山田 Taro   |" },
		{ "%_n", 80, "山田 taro" },
		{ "%zs", 80, "7" },
		/* Mail never brings a control. */
		{ "%.20s", 80, "└─▶ A long subject␛[" },
		/* Conditions of both kinds. */
		{ "%?C?yes&no?.", 80, "yes." }, { "%?Z?yes&no?.", 80, "no." }, { "%?Z?yes?.", 80, "." },
		{ "%?C?[%3C]?.", 80, "[  7]." }, { "%<C?yes&no>.", 80, "yes." },
		{ "%<Z?a&%<C?b&c>>.", 80, "b." }, { "%?zs?x&y?", 80, "x" }, { "%?q?x&y?", 80, "y" },
		{ "%<[1d?today&older>", 80, "today" },
		/* Fills. */
		{ "a%>-b", 6, "a----b" }, { "a%*-b", 6, "a----b" }, { "a%|-", 6, "a-----" },
		{ "%s%*-%C", 8, "└─▶ A l7" }, { "%n%*-end", 8, "山田 end" }, { "a%>─b", 6, "a────b" },
		{ "a%>山b", 7, "a山山 b" }, { "abcdef%>-gh", 4, "abcd" },
		/* Dates: the sender's clock, ours, arrival, now. */
		{ "%{%H:%M %z}", 80, "15:30 +0900" }, { "%[%H:%M]", 80, "06:30" },
		{ "%(%d %b)", 80, "19 Nov" }, { "%<%Y>", 80, "2026" }, { "%[!%a]", 80, "Fri" },
		{ "%8[%H]|", 80, "      06|" },
		{ "\\tx\\\\", 80, " x\\" }, { "%", 80, "%" }, { "%q", 80, "%q" }, { "%5", 80, "%5" },
		{ "%@hook@x", 80, "x" },
		{ "abc", 2, "ab" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(rows[i].format, rows[i].cols, rows[i].want);
}

/* A status line that is too long loses whole items, the last first; a list's does not. */
static void
test_items(void **state)
{
	static const struct {
		int cols;
		const char *want;
	} rows[] = {
		{ 24, "box · 7 new · 7 tagged-e" }, { 23, "box · 7 new · 7 taggede" },
		{ 22, "box · 7 new ---------e" }, { 13, "box · 7 new e" }, { 12, "box · 7 newe" },
		{ 11, "box ------e" }, { 4, "boxe" }, { 3, "boe" },
	};
	struct format_line line = { 0 };

	line.has_items = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		format_expand("box · %C new · %C tagged%*-e", rows[i].cols, table, NULL, NULL, &line);
		assert_str(buf_str(&line.text), rows[i].want);
	}
	format_line_release(&line);
	check("box · %C new · %C tagged%*-e", 22, "box · 7 new · 7 taggee");
}

static void
test_spans(void **state)
{
	struct format_line line = { 0 };

	format_expand("%C %s", 80, table, NULL, NULL, &line);
	assert_int_equal(line.n_spans, 2);
	assert_int_equal(line.spans[0].color, VIEW_TREE);
	assert_int_equal(line.spans[0].start, 2);
	assert_int_equal(line.spans[0].len, strlen("└─▶ "));
	assert_int_equal(line.spans[1].color, VIEW_INDEX_SUBJECT);
	format_line_release(&line);
}

static void
test_random_formats(void **state)
{
	struct test_random r = { 9 };
	static const char letters[] = "%%%?<>&*|{}[]()-=.0123456789nCsZz\\@ ─";
	struct format_dates dates = { NOW, NOW, 0, NOW };
	struct format_line line = { 0 };

	for (int i = 0; i < 50000; i++) {
		char format[40];
		size_t len = test_random(&r, sizeof(format) - 1);
		for (size_t j = 0; j < len; j++)
			format[j] = letters[test_random(&r, sizeof(letters) - 1)];
		format[len] = '\0';
		format_expand(format, 40, table, &dates, NULL, &line);
		for (size_t j = 0; j < line.n_spans; j++)
			assert_true(line.spans[j].start + line.spans[j].len <= line.text.len);
	}
	format_line_release(&line);
}

static void
test_sizes_and_times(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} sizes[] = { { 0, "0" }, { 10, "0.1K" }, { 920, "0.9K" }, { 3174, "3.1K" }, { 12288, "12K" },
		      { 90112, "88K" }, { 1048000, "1.0M" }, { 4404019, "4.2M" },
		      { 5368709120, "5.0G" } };
	static const struct {
		int64_t ago;
		const char *want;
	} times[] = { { 60, "09:59" }, { 9 * 3600, "01:00" }, { 86400, "Thu" }, { 5 * 86400, "Sun" },
		      { 6 * 86400, "14 Nov" }, { 400 * 86400, "2025-10" }, { -40 * 86400, "2026-12" } };
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		buf_reset(&b);
		buf_add_size(&b, sizes[i].bytes);
		assert_str(buf_str(&b), sizes[i].want);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		buf_reset(&b);
		format_when(&b, NOW - times[i].ago, NOW);
		assert_str(buf_str(&b), times[i].want);
	}
	buf_release(&b);
}

static void
test_every_expando_has_help(void **state)
{
	static const struct format_expando *const tables[] = {
		view_index_expandos, view_status_expandos, view_folder_expandos,
		view_sidebar_expandos, view_attach_expandos,
	};

	for (size_t i = 0; i < 5; i++)
		for (const struct format_expando *e = tables[i]; e->name != NULL; e++) {
			assert_non_null(e->put);
			assert_true(strlen(e->help) > 0);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_language),	 cmocka_unit_test(test_items),
		cmocka_unit_test(test_spans),		 cmocka_unit_test(test_random_formats),
		cmocka_unit_test(test_sizes_and_times),	 cmocka_unit_test(test_every_expando_has_help),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
