/* prompt: editing, history, completion, secrets. */
#include "lib/test.h"
#include "tern/key.h"
#include "tern/ui.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct buf answer;
static int n_answers;
static bool was_dismissed;

static void
take_answer(void *ctx, struct str text)
{
	n_answers++;
	was_dismissed = text.ptr == NULL;
	buf_reset(&answer);
	buf_addstr(&answer, text);
}

static const struct ui_edit *
edit(const char *name)
{
	for (size_t i = 0; i < ui_n_edits; i++)
		if (strcmp(ui_edits[i].name, name) == 0)
			return &ui_edits[i];
	fail_msg("no editor function '%s'", name);
	return NULL;
}

/* Letters, and <functions>. */
static void
type(struct ui_prompt *p, const char *text)
{
	struct str rest = str_c(text), name;

	while (rest.len > 0) {
		name = STR_NONE;
		uint32_t key = key_next(&rest, &name);
		if (key == KEYC_BACKSPACE) {
			ui_prompt_edit(p, edit("backspace"));
			continue;
		}
		if (key != KEYC_NONE) {
			ui_prompt_key(p, key);
			continue;
		}
		char *c = str_dup(name);
		ui_prompt_edit(p, edit(c));
		free(c);
	}
}

static struct ui_prompt *
open_prompt(const char *initial)
{
	struct ui_prompt *p = ui_prompt_new();
	struct ui_prompt_spec spec = { .label = "Limit: ", .initial = initial,
				       .history = "pattern", .done = take_answer };

	if (answer.ptr == NULL)
		buf_init(&answer);
	n_answers = 0;
	ui_prompt_open(p, &spec);
	return p;
}

static void
test_editing(void **state)
{
	static const struct {
		const char *initial, *typed, *want;
	} rows[] = {
		{ NULL, "abc", "abc" },
		{ "abc", "<backspace>", "ab" },
		{ "abc", "<bol>x", "xabc" },
		{ "abc", "<bol><delete-char><eol>z", "bcz" },
		{ "one two", "<kill-word>", "one " },
		{ "one two", "<backward-word><kill-eol>", "one " },
		{ "one two", "<bol><kill-eow>", " two" },
		{ "one two", "<kill-line><yank><yank>", "one twoone two" },
		{ "one", "<bol><upcase-word>", "ONE" },
		{ "one", "<bol><capitalize-word>", "One" },
		{ "ONE", "<bol><downcase-word>", "one" },
		{ "ab", "<transpose-chars>", "ba" },
		{ "abc", "<backward-char><transpose-chars>", "acb" },
		/* A cluster is one character. */
		{ "a👩‍👩‍👧‍👦", "<backspace>", "a" },
		{ "e\xcc\x81x", "<backward-char><backspace>", "x" },
		{ "山田", "<backward-char>-", "山-田" },
		{ "ab", "<forward-char><forward-char>c", "abc" },
		{ "", "<kill-word><delete-char><transpose-chars>x", "x" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ui_prompt *p = open_prompt(rows[i].initial);
		type(p, rows[i].typed);
		assert_str(ui_prompt_text(p), rows[i].want);
		type(p, "<accept-line>");
		assert_str(buf_str(&answer), rows[i].want);
		assert_int_equal(n_answers, 1);
		assert_false(ui_prompt_is_open(p));
		ui_prompt_free(p);
	}
}

static void
test_dismiss(void **state)
{
	struct ui_prompt *p = open_prompt("abc");

	type(p, "<abort>");
	assert_true(was_dismissed);
	assert_false(ui_prompt_is_open(p));
	ui_prompt_free(p);
	/* Backspace on an empty line leaves. */
	p = open_prompt("a");
	type(p, "<backspace>");
	assert_true(ui_prompt_is_open(p));
	type(p, "<backspace>");
	assert_true(was_dismissed);
	ui_prompt_free(p);
}

static void
test_paste_is_text(void **state)
{
	struct ui_prompt *p = open_prompt("");

	ui_prompt_paste(p, STR("one\ntwo\033[A"));
	assert_str(ui_prompt_text(p), "one two [A");
	assert_int_equal(n_answers, 0);
	ui_prompt_free(p);
}

static void
answer_with(struct ui_prompt *p, const char *text)
{
	struct ui_prompt_spec spec = { .label = "x", .initial = text, .history = "pattern",
				       .done = take_answer };

	ui_prompt_open(p, &spec);
	type(p, "<accept-line>");
}

static void
test_history(void **state)
{
	struct ui_prompt *p = open_prompt("");

	type(p, "<abort>");
	answer_with(p, "first");
	answer_with(p, "second");
	answer_with(p, "first"); /* moves to the front */
	struct ui_prompt_spec spec = { .label = "x", .history = "pattern", .done = take_answer };
	ui_prompt_open(p, &spec);
	type(p, "se<history-up>");
	assert_str(ui_prompt_text(p), "first");
	type(p, "<history-up>");
	assert_str(ui_prompt_text(p), "second");
	type(p, "<history-up>");
	assert_str(ui_prompt_text(p), "second");
	type(p, "<history-down><history-down>");
	assert_str(ui_prompt_text(p), "se");
	type(p, "<history-search>");
	assert_str(ui_prompt_text(p), "second");
	/* Another class has a history of its own. */
	spec.history = "command";
	ui_prompt_open(p, &spec);
	type(p, "<history-up>");
	assert_str(ui_prompt_text(p), "");
	ui_prompt_free(p);
}

static void
test_history_file(void **state)
{
	struct ui_prompt *p = open_prompt("");
	struct err err = ERR_INIT;
	struct stat st;
	char path[512];

	snprintf(path, sizeof(path), "%s/history", test_dir());
	type(p, "<abort>");
	answer_with(p, "one");
	answer_with(p, "two: with a colon");
	assert_int_equal(ui_prompt_save_history(p, path, 10, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ui_prompt_free(p);
	p = ui_prompt_new();
	assert_int_equal(ui_prompt_load_history(p, path, &err), 0);
	struct ui_prompt_spec spec = { .label = "x", .history = "pattern", .done = take_answer };
	ui_prompt_open(p, &spec);
	type(p, "<history-up>");
	assert_str(ui_prompt_text(p), "two: with a colon");
	type(p, "<history-up>");
	assert_str(ui_prompt_text(p), "one");
	ui_prompt_free(p);
}

static void
test_secret(void **state)
{
	struct ui_prompt *p = open_prompt("");
	struct ui_screen *s = ui_screen_new(10, 40);
	struct ui_prompt_spec spec = { .label = "Password: ", .is_secret = true,
				       .history = "password", .done = take_answer };
	struct buf text = BUF_INIT;

	ui_prompt_open(p, &spec);
	type(p, "hunter22<backspace>");
	ui_prompt_draw(p, ui_area_sub(ui_area_all(s), 9, 0, 1, 40), ui_area_all(s), UI_PLAIN,
		       UI_PLAIN, UI_PLAIN);
	ui_screen_text(s, &text);
	assert_true(str_find_str(buf_str(&text), STR("Password:")) >= 0);
	assert_true(str_find_str(buf_str(&text), STR("hunter")) < 0);
	type(p, "<accept-line>");
	assert_str(buf_str(&answer), "hunter2");
	/* It can neither be yanked nor found in the history. */
	ui_prompt_open(p, &spec);
	type(p, "<history-up><yank>");
	assert_str(ui_prompt_text(p), "");
	type(p, "abc<kill-line>");
	spec.is_secret = false;
	ui_prompt_open(p, &spec);
	type(p, "<yank>");
	assert_str(ui_prompt_text(p), "");
	buf_release(&text);
	ui_screen_free(s);
	ui_prompt_free(p);
}

static void
test_choice(void **state)
{
	struct ui_prompt *p = open_prompt("");
	struct ui_prompt_spec spec = { .label = "Delete? ([yes]/no): ", .choices = "yn",
				       .done = take_answer };

	ui_prompt_open(p, &spec);
	assert_true(ui_prompt_wants_key(p));
	n_answers = 0;
	ui_prompt_key(p, 'x');
	assert_int_equal(n_answers, 0);
	ui_prompt_key(p, 'n');
	assert_int_equal(n_answers, 1);
	assert_str(buf_str(&answer), "n");
	ui_prompt_open(p, &spec);
	ui_prompt_key(p, KEYC_RETURN);
	assert_str(buf_str(&answer), "y");
	ui_prompt_open(p, &spec);
	ui_prompt_key(p, 'N');
	assert_int_equal(n_answers, 3);
	assert_str(buf_str(&answer), "n");
	ui_prompt_open(p, &spec);
	ui_prompt_key(p, KEYC_ESC);
	assert_true(was_dismissed);
	ui_prompt_free(p);
}

/* ---- completion ------------------------------------------------------------ */

static const char *const mailboxes[] = { "=Archive", "=Archive/2025", "=Drafts", "=山" };
static size_t found[4], n_found;

static size_t
complete(void *ctx, struct str before, size_t *start_out)
{
	n_found = 0;
	*start_out = 0;
	for (size_t i = 0; i < 4; i++)
		if (str_starts(str_c(mailboxes[i]), "=") && before.len <= strlen(mailboxes[i]) &&
		    memcmp(mailboxes[i], before.ptr, before.len) == 0)
			found[n_found++] = i;
	return n_found;
}

static bool
candidate(void *ctx, size_t i, struct ui_candidate *out)
{
	if (i >= n_found)
		return false;
	out->text = str_c(mailboxes[found[i]]);
	out->note = STR("18,220");
	return true;
}

static struct ui_prompt *
open_completing(bool unasked)
{
	struct ui_prompt *p = open_prompt("");
	struct ui_prompt_spec spec = { .label = "Move to: ", .complete = complete,
				       .candidate = candidate, .lists_unasked = unasked,
				       .done = take_answer };

	ui_prompt_open(p, &spec);
	return p;
}

static void
test_completion(void **state)
{
	struct ui_prompt *p = open_completing(false);

	type(p, "=D<complete>");
	assert_str(ui_prompt_text(p), "=Drafts");
	type(p, "<kill-line>=A<complete>"); /* as far as all agree */
	assert_str(ui_prompt_text(p), "=Archive");
	type(p, "<complete>");
	assert_str(ui_prompt_text(p), "=Archive");
	type(p, "<complete>");
	assert_str(ui_prompt_text(p), "=Archive/2025");
	type(p, "<complete>");
	assert_str(ui_prompt_text(p), "=Archive");
	type(p, "<complete-previous>");
	assert_str(ui_prompt_text(p), "=Archive/2025");
	type(p, "<kill-line>x<complete>");
	assert_str(ui_prompt_text(p), "x");
	ui_prompt_free(p);
}

static void
test_list_rises(void **state)
{
	struct ui_prompt *p = open_completing(true);
	struct ui_screen *s = ui_screen_new(10, 60);
	struct ui_area all = ui_area_all(s), line = ui_area_sub(all, 9, 0, 1, 60);
	struct buf text = BUF_INIT;
	int row, col;

	type(p, "=Arch");
	ui_prompt_draw(p, line, ui_area_sub(all, 0, 0, 9, 60), UI_PLAIN, UI_PLAIN, UI_PLAIN);
	ui_screen_text(s, &text);
	assert_true(str_find_str(buf_str(&text), STR("│ =Archive ")) >= 0);
	assert_true(str_find_str(buf_str(&text), STR("18,220 │")) >= 0);
	assert_true(str_find_str(buf_str(&text), STR("Move to: =Arch\n")) >= 0);
	ui_screen_cursor(s, &row, &col);
	assert_int_equal(row, 9);
	assert_int_equal(col, 14);
	/* Down chooses; it is marked by more than a colour. */
	type(p, "<history-down><history-down>");
	assert_str(ui_prompt_text(p), "=Archive/2025");
	ui_prompt_draw(p, line, ui_area_sub(all, 0, 0, 9, 60), UI_PLAIN, UI_PLAIN, UI_PLAIN);
	buf_reset(&text);
	ui_screen_text(s, &text);
	assert_true(str_find_str(buf_str(&text), STR("▸=Archive/2025")) >= 0);
	/* A line longer than there is room for scrolls, the cursor stays in sight. */
	type(p, "<kill-line>");
	for (int i = 0; i < 200; i++)
		ui_prompt_key(p, 0x5c71);
	ui_prompt_draw(p, line, ui_area_sub(all, 0, 0, 9, 60), UI_PLAIN, UI_PLAIN, UI_PLAIN);
	ui_screen_cursor(s, &row, &col);
	assert_int_equal(row, 9);
	assert_in_range(col, 50, 59);
	buf_release(&text);
	ui_screen_free(s);
	ui_prompt_free(p);
}

/* Whatever is typed in whatever order, the text stays UTF-8. */
static void
test_random_editing(void **state)
{
	struct test_random r = { 3 };
	static const uint32_t letters[] = { 'a', ' ', 0x5c71, 0x301, 0x200d, 0x1f469, 0xe9 };
	struct ui_prompt *p = ui_prompt_new();
	struct ui_screen *s = ui_screen_new(8, 40);

	for (int i = 0; i < 20000; i++) {
		struct ui_prompt_spec spec = { .label = "x ", .history = "h",
					       .complete = complete, .candidate = candidate };
		if (!ui_prompt_is_open(p))
			ui_prompt_open(p, &spec);
		if (test_random(&r, 2))
			ui_prompt_key(p, letters[test_random(&r, 7)]);
		else
			ui_prompt_edit(p, &ui_edits[test_random(&r, (uint32_t)ui_n_edits)]);
		ui_prompt_draw(p, ui_area_sub(ui_area_all(s), 7, 0, 1, 40), ui_area_all(s),
			       UI_PLAIN, UI_PLAIN, UI_PLAIN);
	}
	ui_screen_free(s);
	ui_prompt_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_editing),	      cmocka_unit_test(test_dismiss),
		cmocka_unit_test(test_paste_is_text), cmocka_unit_test(test_history),
		cmocka_unit_test(test_history_file),  cmocka_unit_test(test_secret),
		cmocka_unit_test(test_choice),	      cmocka_unit_test(test_completion),
		cmocka_unit_test(test_list_rises),    cmocka_unit_test(test_random_editing),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (answer.ptr != NULL)
		buf_release(&answer);
	return failed;
}
