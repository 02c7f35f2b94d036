/* set and its relatives: every type, every form, effects, synonyms. */
#include "unit/config.h"

static const struct {
	const char *text, *name, *want, *errors;
} cases[] = {
	/* booleans */
	{ "set tilde", "tilde", "tilde=yes", "" },
	{ "set notilde", "tilde", "tilde=no", "" },
	{ "set nohelp", "help", "help=no", "" },
	{ "set invhelp", "help", "help=no", "" },
	{ "set invhelp invhelp", "help", "help=yes", "" },
	{ "toggle help", "help", "help=no", "" },
	{ "unset help", "help", "help=no", "" },
	{ "unset nohelp", "help", "help=yes", "" },
	{ "set help=no", "help", "help=no", "" },
	{ "set help = \"no\"", "help", "help=no", "" },
	{ "set nohelp &help", "help", "help=yes", "" },
	{ "set nohelp ; reset help", "help", "help=yes", "" },
	{ "set nohelp wrap=3; reset all", "wrap", "wrap=0", "" },
	{ "set help=maybe tilde", "tilde", "tilde=yes",
	  "rc:1:10: 'help' must be yes or no, not 'maybe'\n" },
	{ "set nohelp=yes", "help", "help=yes",
	  "rc:1:5: 'help' takes no value here: only `set name=value` does\n" },
	{ "unset help=yes tilde", "help", "help=yes",
	  "rc:1:7: 'help' takes no value here: only `set name=value` does\n" },
	/* quadoptions */
	{ "set quit", "quit", "quit=yes", "" },
	{ "set quit=ask-no", "quit", "quit=ask-no", "" },
	{ "set quit=ask-yes; toggle quit", "quit", "quit=ask-no", "" },
	{ "set noquit", "quit", "quit=no", "" },
	{ "set quit=perhaps", "quit", "quit=yes",
	  "rc:1:10: 'quit' must be yes, no, ask-yes or ask-no, not 'perhaps'\n" },
	/* numbers */
	{ "set wrap=72", "wrap", "wrap=72", "" },
	{ "set wrap=-5", "wrap", "wrap=-5", "" },
	{ "set wrap = 72 wrap += 8 wrap -= 1", "wrap", "wrap=79", "" },
	{ "set wrapmargin=10", "wrap", "wrap=-10", "" },
	{ "set wrap=x", "wrap", "wrap=0", "rc:1:10: 'wrap' must be a number, not 'x'\n" },
	{ "set pager_context=-1", "pager_context", "pager_context=0",
	  "rc:1:19: 'pager_context' must be from 0 to 1000, not -1\n" },
	{ "set pager_context=99999999999999999999", "pager_context", "pager_context=0",
	  "rc:1:19: 'pager_context' must be a number, not '99999999999999999999'\n" },
	{ "set wrap+=99999", "wrap", "wrap=0",
	  "rc:1:11: 'wrap' must be from -1000 to 10000, not 99999\n" },
	{ "toggle wrap", "wrap", "wrap=0",
	  "rc:1:8: 'wrap' is a number: only yes and no can be inverted\n" },
	{ "set wrap=5; unset wrap", "wrap", "wrap=0", "" },
	/* sort orders and enumerations */
	{ "set sort=threads sort_aux=reverse-last-date-received", "sort_aux",
	  "sort_aux=reverse-last-date-received", "" },
	{ "set sort=last-reverse-date", "sort", "sort=reverse-last-date", "" },
	{ "set sort=date-sent", "sort", "sort=date", "" },
	{ "set sort=foo", "sort", "sort=date",
	  "rc:1:10: 'sort': unknown method 'foo'; one of threads, date, date-sent, "
	  "date-received, from, to, subject, size, score, spam, label, mailbox-order, "
	  "unsorted\n" },
	{ "set use_threads=reverse", "use_threads", "use_threads=reverse", "" },
	{ "set background=pink", "background", "background=auto",
	  "rc:1:16: 'background': unknown value 'pink'; one of auto, dark, light\n" },
	/* texts */
	{ "set index_format='%4C %s'", "index_format", "index_format=\"%4C %s\"", "" },
	{ "set from='\"X\" $y'", "from", "from=\"\\\"X\\\" \\$y\"", "" },
	{ "set shell=\"vim -c 'set tw=72 et' '+/^$'\"", "shell",
	  "shell=\"vim -c 'set tw=72 et' '+/^\\$'\"", "" },
	{ "set status_chars = \" *%A\"", "status_chars", "status_chars=\" *%A\"", "" },
	{ "set history_file=~/tmp", "history_file", "history_file=\"/home/me/tmp\"", "" },
	{ "set from=A; set from += B", "from", "from=\"AB\"", "" },
	{ "set from-=B", "from", "from=\"\"",
	  "rc:1:11: 'from' is no number: -= does not apply\n" },
	{ "set from=x; unset from", "from", "from=\"\"", "" },
	/* regular expressions */
	{ "set quote_regexp='^( {0,4}[>|:#%]| {0,4}[a-z0-9]+[>|]+)+'", "quote_regexp",
	  "quote_regexp=\"^( {0,4}[>|:#%]| {0,4}[a-z0-9]+[>|]+)+\"", "" },
	{ "set quote_regexp='^([>'", NULL, NULL,
	  "rc:1:18: 'quote_regexp': '[' without its ']' in a regular expression\n" },
	{ "set quote_regexp='((a)'", NULL, NULL,
	  "rc:1:18: 'quote_regexp': '(' without its ')' in a regular expression\n" },
	{ "set quote_regexp='((a{1,255}){1,255}){1,255}'", NULL, NULL,
	  "rc:1:18: 'quote_regexp': what a regular expression repeats, written out, cannot be more "
	  "than 1000 letters\n" },
	{ "alternates '((((a{1,255}){1,255}){1,255}){1,255}'", NULL, NULL,
	  "rc:1:12: what a regular expression repeats, written out, cannot be more than 1000 "
	  "letters\n" },
	{ "set smileys='[]a]|[^]b]|[[:alpha:]]|\\('", NULL, NULL, "" },
	/* mailboxes */
	{ "set folder=imaps://h/ spoolfile=+INBOX", "spoolfile", "spoolfile=\"imaps://h/INBOX\"",
	  "" },
	{ "set folder=imaps://h:993 trash='=[Gmail]/All Mail'", "trash",
	  "trash=\"imaps://h:993/[Gmail]/All%20Mail\"", "" },
	{ "set spoolfile=+INBOX folder=imaps://h", "spoolfile", "spoolfile=\"+INBOX\"", "" },
	{ "set folder=~/Mail trash==T", "trash", "trash=\"/home/me/Mail/T\"", "" },
	{ "set spoolfile=!", "spoolfile", "spoolfile=\"\"",
	  "rc:1:15: 'spoolfile' cannot be '!', which stands for itself\n" },
	/* other names */
	{ "set spool_file=x", "spoolfile", "spoolfile=\"x\"", "" },
	{ "set confirm_append=no", "confirmappend", "confirmappend=no", "" },
	{ "set hdr_format=X", "index_format", "index_format=\"X\"", "" },
	{ "set noconfirm_append", "confirmappend", "confirmappend=no", "" },
	{ "set sidebar_delim='|'", "sidebar_divider_char", "sidebar_divider_char=\"|\"", "" },
	{ "set xterm_set_titles", "ts_enabled", "ts_enabled=yes", "" },
	/* read only */
	{ "set charset=UTF-8", "charset", "charset=\"utf-8\"", "" },
	{ "set charset=iso-8859-1", "charset", "charset=\"utf-8\"",
	  "rc:1:13: 'charset' cannot be changed: it is utf-8 (warning)\n" },
	/* secrets are not shown */
	{ "set imap_pass=hunter2", "imap_pass", "imap_pass=\"***\"", "" },
	{ "set my_pass=hunter2", "my_pass", "my_pass=\"***\"", "" },
	{ "set smtp_pass=hunter2", "smtp_pass", "smtp_pass=\"***\"", "" },
	/* known, and my own */
	{ "set header_cache=~/.cache my_x=$header_cache", "my_x", "my_x=\"~/.cache\"", "" },
	{ "set edit_hdrs", "edit_headers", "edit_headers=\"yes\"", "" },
	{ "set noedit_headers my_x=$edit_headers", "my_x", "my_x=\"no\"", "" },
	{ "set include=ask-yes invinclude", "include", "include=\"no\"", "" },
	{ "set sendmail='msmtp' ; unset sendmail", "sendmail", "sendmail=\"\"", "" },
};

static void
test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		rc_expect(cases[i].text, cases[i].name, cases[i].want, cases[i].errors);
}

static void
test_show(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "set tilde? ?wrap sort\nset my_x='a \"b\"' my_x? imap_pass=x imap_pass?");
	assert_str(buf_str(&rc->shown), "tilde=no\nwrap=0\nsort=date\nmy_x=\"a \\\"b\\\"\"\n"
					"imap_pass=\"***\"\n");
	buf_reset(&rc->shown);
	config_command(rc->r, STR("set tilde wrap=5 from=X; set"));
	assert_str(buf_str(&rc->shown),
		   "set imap_pass=\"***\"\nset from=\"X\"\nset tilde=yes\nset wrap=5\n\n");
	rc_free(rc);
}

/* A default that the program knows better gives way to what is set, and is none of
 * the changes. */
static void
test_presumed(void **state)
{
	struct rc *rc = rc_new();

	config_take_effects(rc->r);
	config_presume(rc->r, OPT_sidebar_visible, "no");
	config_presume(rc->r, OPT_charset, "koi8-r");
	assert_int_equal(config_take_effects(rc->r), CONFIG_REDRAW);
	config_presume(rc->r, OPT_sidebar_visible, "no");
	assert_int_equal(config_take_effects(rc->r), 0);
	rc_read(rc, "set sidebar_visible? ?charset charset=utf-8; set");
	assert_str(buf_str(&rc->shown), "sidebar_visible=no\ncharset=\"koi8-r\"\n\n");
	assert_str(buf_str(&rc->errors),
		   "rc:1:39: 'charset' cannot be changed: it is koi8-r (warning)\n");
	buf_reset(&rc->shown);
	rc_read(rc, "toggle sidebar_visible");
	config_presume(rc->r, OPT_sidebar_visible, "no");
	rc_read(rc, "reset all; set charset?");
	assert_str(buf_str(&rc->shown), "charset=\"koi8-r\"\n");
	/* To ask for what holds already is to ask for it. */
	config_take_effects(rc->r);
	rc_read(rc, "set sidebar_visible");
	assert_int_equal(config_take_effects(rc->r), CONFIG_REDRAW);
	rc_free(rc);
}

static void
test_effects(void **state)
{
	struct rc *rc = rc_new();

	config_take_effects(rc->r);
	rc_read(rc, "set sort=threads");
	assert_int_equal(config_take_effects(rc->r), CONFIG_RESORT);
	rc_read(rc, "set sort=threads");
	assert_int_equal(config_take_effects(rc->r), 0);
	rc_read(rc, "set tilde imap_user=x");
	assert_int_equal(config_take_effects(rc->r), CONFIG_REDRAW | CONFIG_RECONNECT);
	rc_read(rc, "bind index x exit\ncolor normal default default\nmailboxes =x");
	assert_int_equal(config_take_effects(rc->r),
			 CONFIG_KEYS | CONFIG_COLORS | CONFIG_MAILBOXES);
	rc_read(rc, "set wrong=1 my_x=2");
	assert_int_equal(config_take_effects(rc->r), 0);
	rc_free(rc);
}

/* A snapshot that somebody holds never changes. */
static void
test_snapshot(void **state)
{
	struct rc *rc = rc_new();
	size_t n;
	struct config *old = config_ref(rc_read(rc, "set wrap=1 from=A my_x=1\nignore a\n"
						    "bind index x exit"));

	const struct config *now = rc_read(rc, "set wrap=2 from=B my_x=2\nignore b\n"
					       "bind index y exit");
	assert_int_equal(config_number(old, OPT_wrap), 1);
	assert_string_equal(config_string(old, OPT_from), "A");
	config_binds(old, &n);
	assert_int_equal(n, 1);
	config_binds(now, &n);
	assert_int_equal(n, 2);
	assert_int_equal(config_number(now, OPT_wrap), 2);
	assert_true(config_is_set(now, OPT_wrap));
	assert_false(config_is_set(now, OPT_sort));
	config_reader_free(rc->r);
	rc->r = NULL;
	assert_string_equal(config_string(old, OPT_from), "A");
	config_unref(old);
	rc_free(rc);
}

static void
test_typed(void **state)
{
	struct rc *rc = rc_new();
	const struct config *c = rc_read(rc, "set sort=reverse-last-date-received delete=ask-no "
					     "use_threads=yes quote_regexp='^ab'");

	assert_int_equal(config_sort(c, OPT_sort).method, CONFIG_SORT_RECEIVED);
	assert_true(config_sort(c, OPT_sort).is_reverse && config_sort(c, OPT_sort).is_last);
	assert_int_equal(config_quad(c, OPT_delete), CONFIG_ASK_NO);
	assert_int_equal(config_enum(c, OPT_use_threads), CONFIG_THREADS_YES);
	assert_int_equal(regexec(config_regex(c, OPT_quote_regexp), "ABC", 0, NULL, 0), 0);
	c = rc_read(rc, "set quote_regexp='^aB'");
	assert_int_not_equal(regexec(config_regex(c, OPT_quote_regexp), "ab", 0, NULL, 0), 0);
	rc_free(rc);
}

static void
test_lists(void **state)
{
	struct rc *rc = rc_new();
	size_t n;
	const struct config *c = config_now(rc->r);

	/* built in: little is shown, in a common order */
	assert_true(config_header_is_shown(c, STR("Subject")));
	assert_false(config_header_is_shown(c, STR("Received")));
	assert_true(config_header_rank(c, STR("from")) < config_header_rank(c, STR("DATE")));
	c = rc_read(rc, "ignore *\nunignore from x-\nhdr_order Date: From:\n");
	assert_true(config_header_is_shown(c, STR("X-Mailer")));
	assert_true(config_header_is_shown(c, STR("From")));
	assert_false(config_header_is_shown(c, STR("Subject")));
	assert_int_equal(config_header_rank(c, STR("date")), 0);
	assert_int_equal(config_header_rank(c, STR("from")), 1);
	assert_int_equal(config_header_rank(c, STR("subject")), 2);
	c = rc_read(rc, "unignore *");
	assert_true(config_header_is_shown(c, STR("Received")));
	c = rc_read(rc, "unhdr_order *; hdr_order To: ; unhdr_order to: ; hdr_order Cc");
	const char *const *words = config_list(c, CONFIG_HDR_ORDER, &n);
	assert_int_equal(n, 1);
	assert_string_equal(words[0], "Cc");
	c = rc_read(rc, "auto_view text/html application/pdf text/html\nunauto_view text/html\n"
			"alternative_order text/plain text/html\nauto-view a/b");
	words = config_list(c, CONFIG_AUTO_VIEW, &n);
	assert_int_equal(n, 2);
	assert_string_equal(words[0], "application/pdf");
	words = config_list(c, CONFIG_ALTERNATIVE_ORDER, &n);
	assert_int_equal(n, 2);
	assert_string_equal(words[1], "text/html");
	assert_str(buf_str(&rc->errors), "");
	rc_free(rc);
}

static void
test_mailboxes(void **state)
{
	struct rc *rc = rc_new();
	size_t n;
	const struct config *c =
		rc_read(rc, "mailboxes =early !\nset folder=imaps://me@h/\n"
			    "mailboxes \"+[Gmail]/All Mail\" =lists.x `printf '\"+a b\" +c'` =lists.x\n"
			    "mailboxes -label Work imaps://w/INBOX -nonotify -nopoll =z\n"
			    "named-mailboxes \"  Sent\" =\"Sent Items\"\n"
			    "unmailboxes =c\n");
	const struct config_mailbox *m = config_mailboxes(c, &n);
	static const struct config_mailbox want[] = {
		{ "imaps://me@h/early", "" },
		{ "imaps://me@h/INBOX", "" },
		{ "imaps://me@h/[Gmail]/All%20Mail", "" },
		{ "imaps://me@h/lists.x", "" },
		{ "imaps://me@h/a%20b", "" },
		{ "imaps://w/INBOX", "Work" },
		{ "imaps://me@h/z", "" },
		{ "imaps://me@h/Sent%20Items", "  Sent" },
	};

	assert_str(buf_str(&rc->errors), "");
	for (size_t i = 0; i < n && i < 8; i++) {
		assert_string_equal(m[i].url, want[i].url);
		assert_string_equal(m[i].label, want[i].label);
	}
	assert_int_equal(n, 8);
	/* an unbalanced quote does not stop the file */
	c = rc_read(rc, "unmailboxes *\nmailboxes = +personal\"\nset wrap=4");
	config_mailboxes(c, &n);
	assert_int_equal(n, 2);
	assert_int_equal(config_number(c, OPT_wrap), 4);
	rc_free(rc);
}

static void
test_environment(void **state)
{
	struct rc *rc = rc_new();
	size_t n;
	const struct config *c =
		rc_read(rc, "setenv TERN_T1 one\nsetenv TERN_T2=two\nsetenv TERN_T1?\nunsetenv TERN_T2\n"
			    "set my_x=$TERN_T1`echo $TERN_T1`\nsetenv 'bad name' x\nset my_x?");
	const char *const *env = config_environment(c, &n);

	assert_int_equal(n, 2);
	assert_string_equal(env[0], "TERN_T1=one");
	assert_string_equal(env[1], "TERN_T2");
	assert_null(getenv("TERN_T2"));
	assert_str(buf_str(&rc->shown), "TERN_T1=one\nmy_x=\"oneone\"\n");
	assert_str(buf_str(&rc->errors),
		   "rc:6:19: 'bad name' is no name for the environment\n");
	rc_free(rc);
}

static void
collect(const char *text, const char *note, void *ctx)
{
	buf_addf(ctx, "%s ", text);
}

static void
complete_is(struct rc *rc, const char *before, size_t start, const char *want)
{
	struct buf b = BUF_INIT;
	size_t at;

	config_complete(config_now(rc->r), str_c(before), &at, collect, &b);
	if (strcmp(b.ptr, want) != 0 || at != start)
		fail_msg("'%s' completes at %zu to '%s'", before, at, b.ptr);
	buf_release(&b);
}

static void
test_complete(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "set my_color=red");
	complete_is(rc, "sou", 0, "source ");
	complete_is(rc, "set til", 4, "tilde ");
	complete_is(rc, "set nohel", 4, "nohelp ");
	complete_is(rc, "set a=1; unset my_", 15, "my_color ");
	complete_is(rc, "set help=", 9, "yes no ");
	complete_is(rc, "set sort=thr", 9, "threads ");
	complete_is(rc, "set wrap=", 9, "0 ");
	complete_is(rc, "bind pag", 5, "pager ");
	complete_is(rc, "color tre", 6, "tree ");
	complete_is(rc, "color tree bl", 11, "black blue ");
	complete_is(rc, "echo x", 5, "");
	rc_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	   cmocka_unit_test(test_show),
		cmocka_unit_test(test_effects),	   cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_presumed),  cmocka_unit_test(test_typed),	   cmocka_unit_test(test_lists),
		cmocka_unit_test(test_mailboxes),  cmocka_unit_test(test_environment),
		cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
