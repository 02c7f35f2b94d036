/* The rc language: quotes, escapes, variables, comments, positions of errors. */
#include "unit/config.h"

/* name, rc text, what my_x is afterwards, errors */
static const struct {
	const char *text, *want, *errors;
} values[] = {
	{ "set my_x=plain", "plain", "" },
	{ "set   my_x   =   spaced   # comment", "spaced", "" },
	{ "  set my_x = indented", "indented", "" },
	{ "set my_x='single $HOME `no` \\n \"'", "single $HOME `no` \\n \"", "" },
	{ "set my_x=\"a 'b' c\"", "a 'b' c", "" },
	{ "set my_x=a'b c'd\"e f\"g", "ab cde fg", "" },
	{ "set my_x=\"\\\"q\\\" \\\\ \\t|\\n|\\r|\\f|\\e\"", "\"q\" \\ \t|\n|\r|\f|\033", "" },
	{ "set my_x=\\\"bare", "\"bare", "" },
	{ "set my_x=\\Ca\\cb\\101\\060", "\001\002A0", "" },
	{ "set my_x=a\\ b\\;c\\#d", "a b;c#d", "" },
	{ "set my_x=a;set my_x=b", "b", "" },
	{ "set my_x=a # ; set my_x=b", "a", "" },
	{ "set my_x=a#b", "a", "" },
	{ "set my_x=\"a#b;c\"", "a#b;c", "" },
	{ "set my_x=\"one \\\ntwo\"", "one two", "" },
	{ "set my_x=ab\\\ncd", "abcd", "" },
	{ "set my_x=1\n# a comment that goes on \\\nset my_x=2\n", "1", "" },
	{ "set my_x=no_newline", "no_newline", "" },
	{ "set my_x=crlf\r\n", "crlf", "" },
	{ "\xef\xbb\xbfset my_x=bom", "bom", "" },
	{ "set my_x=\xe2\x94\x82", "\xe2\x94\x82", "" },
	{ "set my_x='|'", "|", "" },
	{ "set my_y=in my_x=\"<$my_y>\"", "<in>", "" },
	{ "set my_y=in my_x=<${my_y}side>", "<inside>", "" },
	{ "set my_y=in my_x='$my_y'", "$my_y", "" },
	{ "set my_y=in my_x=\"\\$my_y\"", "$my_y", "" },
	{ "set folder=imaps://h my_x=$folder/Drafts", "imaps://h/Drafts", "" },
	{ "set my_x=$TERN_TEST_ENV", "from the environment", "" },
	{ "set my_x=$my_unset.", ".", "" },
	{ "set my_x=$wrap/$sort/$quit/$help", "0/date/yes/yes", "" },
	{ "set my_x=5$ my_y=$", "5$", "" },
	{ "set my_x=^foo$", "^foo$", "" },
	{ "set my_x=abc my_x+=def", "abcdef", "" },
	{ "set my_x = abc\nset my_x += def", "abcdef", "" },
	{ "set my_x=", "", "" },
	{ "set my_x= # nothing", "", "" },
	{ "set my_x=`echo one`", "one", "" },
	{ "set my_x=\"<`echo one two`>\"", "<one two>", "" },
	{ "set my_x=\"`printf 'a\\nb\\n'`\"", "a", "" },
	{ "set my_x=\"`printf '\"$HOME\\\\'`\"", "\"$HOME\\", "" },
	{ "set my_x=`echo '\"a b\"'`", "a b", "" },
	{ "set my_y=arg my_x=\"`echo $my_y`\"", "arg", "" },
	{ "set my_x=\"`for f in 1 2; do printf $f; done`\"", "12", "" },
	{ "set my_x=`true`", "", "" },
	{ "set my_x=`echo 'a;b'`", "a",
	  "rc:1:12: unknown command 'b'\n" },
	{ "set my_x=\"`echo x` `echo y` `echo z`\"", "x y z", "" },
	{ "set my_x=1 my_x+=`echo 2` my_x+=`echo 3`; set my_x+=4", "1234", "" },
	/* errors: what was expected, and where; what can be done is done */
	{ "set my_x=\"open", "open",
	  "rc:1:10: a quote is not closed before the end of the line (warning)\n" },
	{ "set my_x=1\nset my_y=`open\nset my_x=2", "2",
	  "rc:2:10: a backtick (`) is not closed by another\n" },
	{ "set my_x=1; frobnicate all of it; set my_x=2", "2",
	  "rc:1:13: unknown command 'frobnicate'\n" },
	{ "set my_x=1\n\n   sett foo\nset my_x=2", "2",
	  "rc:3:4: unknown command 'sett'; did you mean 'set'?\n" },
	{ "set nonsense_here=5 my_x=2", "2", "rc:1:5: unknown variable 'nonsense_here'\n" },
	{ "set my_x=1 \\\n  wrapp=3 \\\n  my_x=2", "2",
	  "rc:2:3: unknown variable 'wrapp'; did you mean 'wrap'?\n" },
	{ "set = my_x", NULL, "rc:1:5: a variable's name is expected here\n" },
	{ "set my_x=1; echo \"a\" ; toggle ; set my_x=3", "3",
	  "rc:1:31: 'toggle' needs a variable's name\n" },
	{ "finish\nset my_x=2\nfoo", NULL, "" },
	{ "set my_x=1\nfinish ; set my_x=2\nset my_x=3", "1", "" },
};

static void
test_values(void **state)
{
	setenv("TERN_TEST_ENV", "from the environment", 1);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct rc *rc = rc_new();
		struct buf got = BUF_INIT;
		rc_read(rc, values[i].text);
		config_command(rc->r, STR("echo \"$my_x\""));
		if (rc->shown.len > 0 && rc->shown.ptr[rc->shown.len - 1] == '\n')
			buf_truncate(&rc->shown, rc->shown.len - 1);
		const char *line = strncmp(rc->shown.ptr, "a\n", 2) == 0 ? rc->shown.ptr + 2 :
									   rc->shown.ptr;
		if (values[i].want != NULL && strcmp(line, values[i].want) != 0)
			fail_msg("%s\n got: %s\nwant: %s\n%s", values[i].text, line,
				 values[i].want, rc->errors.ptr);
		if (strcmp(rc->errors.ptr, values[i].errors) != 0)
			fail_msg("%s\n got: %s\nwant: %s", values[i].text, rc->errors.ptr,
				 values[i].errors);
		buf_release(&got);
		rc_free(rc);
	}
}

static void
test_ifdef(void **state)
{
	rc_expect("ifdef sidebar_width set wrap=7", "wrap", "wrap=7", "");
	rc_expect("ifdef crypt_chars set wrap=7", "wrap", "wrap=0", "");
	rc_expect("ifndef crypt_chars 'set wrap=7; set tilde'", "wrap", "wrap=7", "");
	rc_expect("ifdef first-entry set wrap=7", "wrap", "wrap=7", "");
	rc_expect("ifdef folder-hook set wrap=7", "wrap", "wrap=7", "");
	rc_expect("ifdef index_author set wrap=7", "wrap", "wrap=7", "");
	rc_expect("ifdef no_such_thing \"nonsense `exit 1`\" ; set wrap=3", "wrap", "wrap=3", "");
	rc_expect("set my_a; ifdef my_a set wrap=7", "wrap", "wrap=0",
		  "rc:1:5: 'my_a' is not set\n");
	rc_expect("ifdef tilde set wrapp=1", "wrap", "wrap=0",
		  "rc:1:17: unknown variable 'wrapp'; did you mean 'wrap'?\n");
	rc_expect("ifdef tilde", "wrap", "wrap=0",
		  "rc:1:12: 'ifdef' needs a command here: ifdef NAME COMMAND\n");
	/* nested, with the rest of the line after it */
	rc_expect("ifdef tilde ifdef wrap set wrap=4; set wrap+=1", "wrap", "wrap=5", "");
}

static void
test_source(void **state)
{
	char text[2048];

	rc_file("a.rc", "set my_order=$my_order/a\n");
	rc_file("b.rc", "set my_order=$my_order/b\nbroken line\n");
	const char *nested = rc_file("nested.rc", "source a.rc\nsource b.rc\nset my_order+=/end");
	/* relative: beside the file that says it; errors name the file */
	struct rc *rc = rc_new();
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	snprintf(text, sizeof(text), "source %s ; set my_order+=!", nested);
	rc_read(rc, text);
	config_show(config_now(rc->r), STR("my_order"), &b, &err);
	assert_str(buf_str(&b), "my_order=\"/a/b/end!\"");
	assert_true(str_find_str(buf_str(&rc->errors), STR("/b.rc:2:1: unknown command")) >= 0);
	buf_release(&b);
	rc_free(rc);
	/* globs, in order */
	snprintf(text, sizeof(text), "source \"%s/[ab].r?\"", test_dir());
	rc = rc_new();
	rc_read(rc, text);
	config_show(config_now(rc->r), STR("my_order"), &b, &err);
	assert_str(buf_str(&b), "my_order=\"/a/b\"");
	buf_release(&b);
	rc_free(rc);
	/* what a command prints, and what is not there */
	rc_expect("source \"echo set wrap=9; echo nonsense|\"", "wrap", "wrap=9",
		  "echo set wrap=9; echo nonsense|:2:1: unknown command 'nonsense'\n");
	rc_expect("source /nowhere/at/all\nset wrap=2", "wrap", "wrap=2",
		  "rc:1:8: cannot read '/nowhere/at/all': no such file or directory\n");
	rc_expect("source /nowhere/*.rc\nset wrap=2", "wrap", "wrap=2",
		  "rc:1:8: no file is named '/nowhere/*.rc'\n");
	rc_expect("source /dev/null\nset wrap=2", "wrap", "wrap=2", "");
	rc_expect("source /tmp\nset wrap=2", "wrap", "wrap=2",
		  "rc:1:8: '/tmp' is a directory, not a file of commands\n");
	rc_expect("source \"echo oops >&2; exit 3|\"\nset wrap=2", "wrap", "wrap=2",
		  "rc:1:8: 'echo oops >&2; exit 3' failed with status 3: oops (warning)\n");
}

static void
test_source_loops(void **state)
{
	char text[4096];
	const char *self = rc_file("self.rc", "set wrap+=1\nsource self.rc\nset wrap+=1\n");
	struct rc *rc = rc_new();

	snprintf(text, sizeof(text), "source %s", self);
	rc_read(rc, text);
	assert_true(str_find_str(buf_str(&rc->errors), STR("sources itself")) >= 0);
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 2);
	rc_free(rc);
	/* through a command the loop cannot be seen: the depth ends it */
	snprintf(text, sizeof(text), "source \"cat %s/pipe.rc|\"", test_dir());
	const char *pipe_rc = rc_file("pipe.rc", text);
	rc = rc_new();
	snprintf(text, sizeof(text), "source %s", pipe_rc);
	rc_read(rc, text);
	assert_true(str_find_str(buf_str(&rc->errors), STR("nested too deeply")) >= 0);
	rc_free(rc);
	/* not deep, but doubling each time */
	for (int i = 0; i < 24; i++) {
		char name[32];
		snprintf(name, sizeof(name), "double%d.rc", i);
		snprintf(text, sizeof(text), "source double%d.rc\nsource double%d.rc\n", i + 1,
			 i + 1);
		rc_file(name, text);
	}
	rc_file("double24.rc", "");
	rc = rc_new();
	snprintf(text, sizeof(text), "source %s/double0.rc", test_dir());
	rc_read(rc, text);
	assert_true(str_find_str(buf_str(&rc->errors), STR("too many files")) >= 0);
	rc_free(rc);
}

/* Hostile text: it ends soon, and the rest of the file is read. */
static void
test_hostile(void **state)
{
	struct buf b = BUF_INIT;
	struct rc *rc = rc_new();

	buf_adds(&b, "set my_long=");
	buf_addn(&b, 'x', (1 << 20) + 10);
	buf_adds(&b, "\nset wrap=1\n");
	rc_read_n(rc, buf_str(&b));
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 1);
	assert_str(buf_str(&rc->errors),
		   "rc:1:1: the line is longer than a mebibyte: not read\n");
	rc_free(rc);

	rc = rc_new();
	rc_read_n(rc, STR("set my_x=a\0b\nset \0\n\0\nset wrap=2\n"));
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 2);
	assert_true(config_n_errors(rc->r) >= 3);
	rc_free(rc);

	rc = rc_new();
	buf_reset(&b);
	for (int i = 0; i < 100000; i++)
		buf_addf(&b, "bind index %c%c%c exit\n", 'a' + i % 26, 'a' + i / 26 % 26,
			 'a' + i / 676 % 26);
	long start = cpu_us();
	rc_read_n(rc, buf_str(&b));
	assert_true(cpu_us() - start < allowed_us(2000000));
	size_t n;
	config_binds(config_now(rc->r), &n);
	assert_true(n >= 26 * 26 * 26 && n <= 26 * 26 * 26 * 2);
	assert_str(buf_str(&rc->errors), "");
	rc_free(rc);

	rc = rc_new();
	buf_reset(&b);
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, "ifdef tilde ");
	rc_read_n(rc, buf_str(&b));
	assert_true(str_find_str(buf_str(&rc->errors), STR("nested too deeply")) >= 0);
	rc_free(rc);
	buf_release(&b);
}

static void
test_missing_file(void **state)
{
	struct rc *rc = rc_new();
	struct err err = ERR_INIT;

	assert_int_equal(config_read_file(rc->r, "/nowhere/ternrc", &err), -1);
	assert_string_equal(err.text,
			    "cannot read '/nowhere/ternrc': no such file or directory");
	rc_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_ifdef),
		cmocka_unit_test(test_source),	 cmocka_unit_test(test_source_loops),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
