/* Keys in, screen out, without a terminal, a store or a manager. */
#include "lib/test.h"

#include <string.h>
#include "tern/cmd.h"

static char shell_command[200];

static void
shell(void *ctx, const char *command, bool wait_key)
{
	snprintf(shell_command, sizeof(shell_command), "%s", command);
}

static void
nothing(void *ctx)
{
}

static bool
send_nothing(void *ctx, enum msg_type type, uint64_t id, struct str payload)
{
	return true;
}

static struct app *
new_app(const char *rc)
{
	static struct store_paths paths;
	struct app_params params = {
		.host = { .shell = shell, .suspend = nothing, .repaint = nothing, .bell = nothing },
		.model = { .paths = &paths, .send = send_nothing },
	};
	struct err err = ERR_INIT;

	paths.cache_dir = test_dir();
	paths.state_dir = test_dir();
	struct app *app = app_new(&params);
	config_read_text(app_reader(app), "rc", STR("set folder=imap://me@host/ beep=no\n"));
	config_read_text(app_reader(app), "rc", str_c(rc));
	config_run(app_reader(app), 0);
	app_configure(app);
	assert_int_equal(app_start(app, NULL, &err), 0);
	return app;
}

/* Type in the notation of macros. */
static void
type(struct app *app, const char *keys)
{
	struct str text = str_c(keys);

	while (text.len > 0)
		app_key(app, key_next(&text, NULL), 1000);
	app_turn(app, 1000);
}

static void
assert_last_line(struct app *app, const char *want)
{
	struct ui_screen *s = ui_screen_new(24, 80);
	struct buf text = BUF_INIT;

	app_draw(app, s);
	ui_screen_row_text(s, 23, &text);
	assert_str(buf_str(&text), want);
	buf_release(&text);
	ui_screen_free(s);
}

static void
an_unbound_key_says_so(void **state)
{
	struct app *app = new_app("");

	type(app, "K");
	type(app, "E");
	assert_last_line(app, "that key is not bound; press ? for help");
	app_free(app);
}

static void
what_is_not_here_yet_says_so(void **state)
{
	struct app *app = new_app("");

	type(app, "r");
	assert_last_line(app, "not in tern yet: replying");
	app_free(app);
}

static void
a_macro_types_into_prompts(void **state)
{
	struct app *app = new_app("macro index X \"<enter-command>echo hello<enter>\"\n");

	type(app, "X");
	assert_last_line(app, "hello");
	app_free(app);
}

static void
a_macro_that_calls_itself_ends(void **state)
{
	struct app *app = new_app("macro index X XX\n");

	type(app, "X");
	assert_last_line(app, "the macro calls itself");
	app_free(app);
}

static void
a_binding_takes_the_place_of_the_default(void **state)
{
	struct app *app = new_app("bind index d show-version\nbind index x noop\n");
	int status;

	type(app, "d");
	assert_last_line(app, "tern 0.1.0");
	type(app, "x");
	assert_false(app_is_done(app, &status));
	app_free(app);
}

static void
quit_asks_if_told_to(void **state)
{
	struct app *app = new_app("set quit=ask-yes\n");
	int status;

	type(app, "q");
	assert_last_line(app, "Quit tern? ([yes]/no):");
	type(app, "n");
	assert_false(app_is_done(app, &status));
	type(app, "qy");
	assert_true(app_is_done(app, &status));
	assert_int_equal(status, 0);
	app_free(app);
}

static void
a_mailbox_that_is_none_is_refused(void **state)
{
	struct app *app = new_app("");

	type(app, "c/var/mail/me<Enter>");
	assert_last_line(app, "=NAME below $folder");
	app_free(app);
}

static void
commands_on_nothing_do_nothing(void **state)
{
	/* Every key of the index on an empty mailbox, prompts dismissed. */
	struct app *app = new_app("set quit=no delete=no\n");
	const struct cmd *c;
	int status;

	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
		struct str rest = str_c(c->keys), word;
		if (strcmp(c->name, "exit") == 0)
			continue;
		while (str_next_word(&rest, &word)) {
			uint32_t keys[KEY_MAX_SEQ];
			size_t n = key_parse(word, keys, KEY_MAX_SEQ);
			for (size_t k = 0; k < n; k++)
				app_key(app, keys[k], 1000);
			app_turn(app, 1000);
			app_key(app, 7, 1000);
			app_turn(app, 1000);
		}
	}
	assert_false(app_is_done(app, &status));
	app_free(app);
}

static void
the_line_editor_has_its_keys(void **state)
{
	struct app *app = new_app("");
	uint32_t keys[] = { '!', 'a', 'b', 1 /* ^A */, 'x', 5 /* ^E */, 'y', 23 /* ^W */, 'z' };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		app_key(app, keys[i], 1000);
	app_turn(app, 1000);
	assert_last_line(app, "Shell command: z");
	app_key(app, 7, 1000);
	app_turn(app, 1000);
	type(app, "V");
	assert_last_line(app, "tern 0.1.0");
	app_free(app);
}

static void
the_shell_gets_the_command(void **state)
{
	struct app *app = new_app("");

	type(app, "!ls -l<Enter>");
	assert_string_equal(shell_command, "ls -l");
	app_free(app);
}

static void
a_bad_pattern_is_explained(void **state)
{
	struct app *app = new_app("");
	struct ui_screen *s = ui_screen_new(24, 80);
	struct buf text = BUF_INIT;

	type(app, "l~y(<Enter>");
	app_draw(app, s);
	ui_screen_row_text(s, 23, &text);
	assert_true(text.len > 0);
	assert_true(strstr(text.ptr, "not connected") == NULL);
	buf_release(&text);
	ui_screen_free(s);
	app_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unbound_key_says_so),
		cmocka_unit_test(what_is_not_here_yet_says_so),
		cmocka_unit_test(a_macro_types_into_prompts),
		cmocka_unit_test(a_macro_that_calls_itself_ends),
		cmocka_unit_test(a_binding_takes_the_place_of_the_default),
		cmocka_unit_test(quit_asks_if_told_to),
		cmocka_unit_test(a_mailbox_that_is_none_is_refused),
		cmocka_unit_test(commands_on_nothing_do_nothing),
		cmocka_unit_test(the_line_editor_has_its_keys),
		cmocka_unit_test(the_shell_gets_the_command),
		cmocka_unit_test(a_bad_pattern_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
