/* account-hook and folder-hook: settings hold for theirs alone, and end with it. */
#include "unit/config.h"

static long
wrap_for(struct rc *rc, const char *account, const char *folder)
{
	return config_number(config_for(rc->r, account, folder), OPT_wrap);
}

static void
test_scope(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "set wrap=1 imap_user=all folder=imaps://me@one.example/\n"
		    "account-hook one.example 'set imap_user=ann; set wrap=2'\n"
		    "account-hook imaps://bob@two.example/ \"set imap_user=bob imap_pass=`false`\"\n"
		    "folder-hook =Lists/ set wrap=3\n"
		    "folder-hook =Lists/c 'set wrap += 10'\n");
	const struct config *one = config_for(rc->r, "imaps://me@one.example/", NULL);
	assert_string_equal(config_string(one, OPT_imap_user), "ann");
	const struct config *two = config_for(rc->r, "imaps://bob@two.example/", NULL);
	assert_string_equal(config_string(two, OPT_imap_user), "bob");
	assert_string_equal(config_string(config_now(rc->r), OPT_imap_user), "all");
	assert_int_equal(wrap_for(rc, "imaps://me@one.example/", "imaps://me@one.example/INBOX"), 2);
	assert_int_equal(wrap_for(rc, "imaps://me@one.example/", "imaps://me@one.example/Lists/a"),
			 3);
	assert_int_equal(wrap_for(rc, "imaps://me@one.example/", "imaps://me@one.example/Lists/c"),
			 13);
	assert_int_equal(wrap_for(rc, "imaps://bob@two.example/", "imaps://bob@two.example/Lists/c"),
			 1);
	/* nothing leaked into the globals */
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 1);
	/* kept: the same snapshot, until something global changes */
	one = config_for(rc->r, "imaps://me@one.example/", NULL);
	assert_ptr_equal(one, config_for(rc->r, "imaps://me@one.example/", NULL));
	config_command(rc->r, STR("set from=New"));
	one = config_for(rc->r, "imaps://me@one.example/", NULL);
	assert_string_equal(config_string(one, OPT_from), "New");
	assert_string_equal(config_string(one, OPT_imap_user), "ann");
	assert_str(buf_str(&rc->errors), "");
	rc_free(rc);
}

/* hook, folder, does it match? */
static const struct {
	const char *pattern, *folder;
	bool is_match;
} matches[] = {
	{ ".", "imaps://u@h/INBOX", true },
	{ "INBOX", "imaps://u@h/INBOX", true },
	{ "!INBOX", "imaps://u@h/INBOX", false },
	{ "! INBOX", "imaps://u@h/Work", true },
	{ "imaps://h/INBOX$", "imaps://u@h/INBOX", true },
	{ "imaps://u@h:993/INBOX", "imaps://u@h/INBOX", true },
	{ "imaps://other@h/", "imaps://u@h/INBOX", false },
	{ "=Sent", "imaps://u@h/Sent", true },
	{ "+Sent$", "imaps://u@h/Sent/x", false },
	{ "=Sent", "imaps://u@h/Old/Sent", false },
	{ "-noregex =a.b", "imaps://u@h/a.b", true },
	{ "-noregex =a.b", "imaps://u@h/axb", false },
	{ "'=\\[Gmail\\]/All Mail'", "imaps://u@h/[Gmail]/All%20Mail", true },
	{ "(Work|Home)", "imaps://u@h/Home", true },
	{ "sent", "imaps://u@h/Sent", false },
	{ "$my_place", "imaps://u@h/Place", true },
};

static void
test_matches(void **state)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		struct rc *rc = rc_new();
		char text[300];
		snprintf(text, sizeof(text),
			 "set folder=imaps://u@h:993 my_place==Place\nfolder-hook %s set wrap=9",
			 matches[i].pattern);
		rc_read(rc, text);
		assert_str(buf_str(&rc->errors), "");
		if ((wrap_for(rc, "imaps://u@h/", matches[i].folder) == 9) != matches[i].is_match)
			fail_msg("'%s' and %s", matches[i].pattern, matches[i].folder);
		rc_free(rc);
	}
}

static void
test_pushes(void **state)
{
	struct rc *rc = rc_new();
	size_t n;

	rc_read(rc, "folder-hook . push <collapse-all>\nfolder-hook . exec limit\n"
		    "folder-hook . 'bind index x exit'\nfolder-hook . 'echo no'");
	const struct config *c = config_for(rc->r, "imaps://h/", "imaps://h/INBOX");
	const char *const *keys = config_list(c, CONFIG_PUSHES, &n);
	assert_int_equal(n, 2);
	assert_string_equal(keys[0], "<collapse-all>");
	assert_string_equal(keys[1], "<limit>");
	config_binds(c, &n);
	assert_int_equal(n, 1);
	config_binds(config_now(rc->r), &n);
	assert_int_equal(n, 0);
	assert_str(buf_str(&rc->pushed), "");
	assert_str(buf_str(&rc->shown), "");
	rc_free(rc);
}

static void
test_errors(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "set tilde\nfolder-hook ([ set wrap=1\nfolder-hook x\n"
		    "folder-hook . 'set wrapp=1'\nfolder-hook . set wrap=4");
	assert_int_equal(wrap_for(rc, "imaps://h/", "imaps://h/x"), 4);
	assert_str(buf_str(&rc->errors),
		   "rc:2:13: '[' without its ']' in a regular expression\n"
		   "rc:3:14: 'folder-hook' needs a command here: folder-hook [!]REGEX COMMAND\n"
		   "rc:4:19: unknown variable 'wrapp'; did you mean 'wrap'?\n");
	rc_read(rc, "unhook folder-hook");
	assert_int_equal(wrap_for(rc, "imaps://h/", "imaps://h/x"), 0);
	rc_free(rc);
}

/* A hook that runs a command: what it gives comes later, and is told. */
static void
test_waits(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "folder-hook . 'set wrap=1 from=`sleep 0.05; echo Late` wrap=2'");
	const struct config *c = config_for(rc->r, "imaps://h/", "imaps://h/x");
	assert_int_equal(config_number(c, OPT_wrap), 1);
	config_take_effects(rc->r);
	assert_true(config_run(rc->r, 20000));
	assert_int_equal(config_take_effects(rc->r), CONFIG_HOOKS);
	c = config_for(rc->r, "imaps://h/", "imaps://h/x");
	assert_int_equal(config_number(c, OPT_wrap), 2);
	assert_string_equal(config_string(c, OPT_from), "Late");
	/* and it is given up when the reader goes */
	config_command(rc->r, STR("set tilde"));
	config_for(rc->r, "imaps://h/", "imaps://h/x");
	rc_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scope),  cmocka_unit_test(test_matches),
		cmocka_unit_test(test_pushes), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
