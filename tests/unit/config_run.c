/* Commands that the rc runs: they hold nothing up, they end, and a password's is
 * not run at all. */
#include "unit/config.h"

#include <fcntl.h>
#include <poll.h>

static const char *
marker(void)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/was-run", test_dir());
	return path;
}

/* Until nothing is left to do: as the main loop does it. */
static void
finish(struct rc *rc)
{
	while (!config_run(rc->r, 0)) {
		struct pollfd fds[16];
		int64_t deadline;
		size_t n = config_poll(rc->r, fds, 16, &deadline);
		assert_true(n > 0);
		poll(fds, n, 10000);
	}
}

/* It stops at the line of the command, what came before holds, and goes on. */
static void
test_suspends(void **state)
{
	static const char *const texts[] = {
		"set wrap=1\nset my_x=\"`read x; echo late`\" wrap=2\nset wrap=3\n",
		"set wrap=1\nset my_x=`read x; echo late` wrap=2\nset wrap=3\n",
		"set wrap=1\nsource \"read x; echo 'set my_x=late wrap=2'|\"\nset wrap=3\n",
	};

	for (size_t i = 0; i < 3; i++) {
		struct rc *rc = rc_new();
		char fifo[4096], text[8192];
		struct buf b = BUF_INIT;
		struct err err = ERR_INIT;
		snprintf(fifo, sizeof(fifo), "%s/fifo%zu", test_dir(), i);
		assert_int_equal(mkfifo(fifo, 0600), 0);
		int fd = open(fifo, O_RDWR);
		/* The command waits for a line that comes when we write it. */
		const char *at = strstr(texts[i], "read x") + 6;
		snprintf(text, sizeof(text), "%.*s <%s%s", (int)(at - texts[i]), texts[i], fifo, at);
		config_read_text(rc->r, "rc", str_c(text));
		int64_t start = tick_us();
		assert_false(config_run(rc->r, 20));
		int64_t took = tick_us() - start;
		assert_true(took >= 19000 && took < 2000000);
		assert_true(config_is_reading(rc->r));
		assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 1);
		/* the user types meanwhile */
		config_command(rc->r, STR("set tilde"));
		assert_true(config_bool(config_now(rc->r), OPT_tilde));
		assert_true(write(fd, "go\n", 3) == 3);
		finish(rc);
		assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 3);
		config_show(config_now(rc->r), STR("my_x"), &b, &err);
		assert_str(buf_str(&b), "my_x=\"late\"");
		assert_str(buf_str(&rc->errors), "");
		close(fd);
		buf_release(&b);
		rc_free(rc);
	}
}

static void
test_hangs(void **state)
{
	static const char *const texts[] = {
		"set wrap=1 my_x=`exec sleep 1000` wrap=2\nset wrap=3",
		"source \"exec sleep 1000|\" ; set wrap=3",
		/* what it started holds its output open */
		"set my_x=`sleep 1000 & sleep 1000` wrap=2\nset wrap=3",
	};

	for (size_t i = 0; i < 3; i++) {
		struct rc *rc = rc_new();
		rc->now_ms = 1000000;
		config_read_text(rc->r, "rc", str_c(texts[i]));
		assert_false(config_run(rc->r, 0));
		rc->now_ms += 29999;
		assert_false(config_run(rc->r, 0));
		struct pollfd fds[8];
		int64_t deadline;
		assert_true(config_poll(rc->r, fds, 8, &deadline) > 0);
		assert_int_equal(deadline, 1030000);
		rc->now_ms++;
		assert_true(config_run(rc->r, 0));
		assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 3);
		assert_true(str_find_str(buf_str(&rc->errors),
					 STR("gave no answer within 30 s and was stopped")) > 0);
		rc_free(rc);
	}
}

/* It has ended when the command has: a daemon left behind is not waited for. */
static void
test_left_behind(void **state)
{
	struct rc *rc = rc_new();
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	int64_t start = tick_us();
	rc_read(rc, "set my_x=`sleep 20 & echo here`");
	assert_true(tick_us() - start < 10000000);
	config_show(config_now(rc->r), STR("my_x"), &b, &err);
	assert_str(buf_str(&b), "my_x=\"here\"");
	buf_release(&b);
	rc_free(rc);
}

static void
test_cancel(void **state)
{
	struct rc *rc = rc_new();

	config_read_text(rc->r, "rc", STR("set my_x=`sleep 1000`\nset wrap=3"));
	assert_false(config_run(rc->r, 0));
	config_cancel(rc->r);
	assert_true(config_run(rc->r, 0));
	assert_str(buf_str(&rc->errors), "rc:1:10: 'sleep 1000' was stopped\n");
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 3);
	rc_free(rc);
}

static void
test_floods(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "set my_x=`yes`\nsource 'yes set tilde|'\nset wrap=3 my_y=`yes | head -c 300000 >&2`");
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 3);
	assert_false(config_bool(config_now(rc->r), OPT_tilde));
	assert_true(str_find_str(buf_str(&rc->errors), STR("'yes' wrote more than a mebibyte")) > 0);
	rc_free(rc);
}

/* Silence is no error: `test ... && echo x`. A complaint is told. */
static void
test_failures(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "set my_x=`false`\nset wrap=\"`exit 2`\" tilde");
	assert_str(buf_str(&rc->errors), "");
	assert_true(config_bool(config_now(rc->r), OPT_tilde));
	rc_read(rc, "set my_x=`echo no such thing >&2; exit 7`");
	assert_str(buf_str(&rc->errors), "rc:1:10: 'echo no such thing >&2; exit 7' failed with "
					 "status 7: no such thing (warning)\n");
	rc_free(rc);
}

static void
test_secret_is_not_run(void **state)
{
	static const char *const lines[] = {
		"set imap_pass=`touch %s; echo secret`",
		"set imap_pass = \"`touch %s; echo secret`\"   # comment",
		"set my_work_pass=\"`touch %s; echo secret`\"\nset imap_pass=$my_work_pass",
		"set smtp_pass=`touch %s; echo secret`\nset imap_pass=\"$smtp_pass\"",
		"account-hook . \"set imap_user=x imap_pass=`touch %s; echo secret`\"",
		"account-hook . 'set imap_user=x imap_pass=`touch %s; echo secret`'",
		"account-hook . \"set imap_pass=\\\"`touch %s; echo secret`\\\"\"",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct rc *rc = rc_new();
		char text[8192], want[8192];
		const char *secret, *command;
		const char *percent = strstr(lines[i], "%s");
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(percent - lines[i]), lines[i],
			 marker(), percent + 2);
		snprintf(want, sizeof(want), "touch %s; echo secret", marker());
		rc_read(rc, text);
		const struct config *c = config_for(rc->r, "imaps://x@h/", NULL);
		assert_true(config_run(rc->r, 5000));
		c = config_for(rc->r, "imaps://x@h/", NULL);
		assert_str(buf_str(&rc->errors), "");
		assert_true(config_secret(c, OPT_imap_pass, &secret, &command));
		assert_null(secret);
		assert_string_equal(command, want);
		assert_int_not_equal(access(marker(), F_OK), 0);
		rc_free(rc);
	}
}

/* As a part of something else it has to be run. */
static void
test_secret_within(void **state)
{
	struct rc *rc = rc_new();
	const char *secret, *command;
	const struct config *c = rc_read(rc, "set my_pass=`echo 's e\"c'`\n"
					     "set from=<$my_pass> imap_pass=a$my_pass");

	assert_string_equal(config_string(c, OPT_from), "<s e\"c>");
	assert_true(config_secret(c, OPT_imap_pass, &secret, &command));
	assert_string_equal(secret, "as e\"c");
	c = rc_read(rc, "unset imap_pass");
	assert_false(config_secret(c, OPT_imap_pass, &secret, &command));
	rc_free(rc);
}

/* A FIFO (-F <(...)) is read as a command is. */
static void
test_fifo(void **state)
{
	struct rc *rc = rc_new();
	struct err err = ERR_INIT;
	char path[4096];

	snprintf(path, sizeof(path), "%s/it's a $fifo", test_dir());
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_read_file(rc->r, path, &err), 0);
	assert_false(config_run(rc->r, 0));
	int fd = open(path, O_WRONLY);
	assert_true(write(fd, "set wrap=6\n", 11) == 11);
	close(fd);
	finish(rc);
	assert_int_equal(config_number(config_now(rc->r), OPT_wrap), 6);
	rc_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suspends),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_secret_is_not_run),
		cmocka_unit_test(test_secret_within),
		cmocka_unit_test(test_fifo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
