/* err, fs, proc, log, tick: what meets the system. */
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"
#include "tern/base/tick.h"

static char *
path_in(const char *name)
{
	return xasprintf("%s/%s", test_dir(), name);
}

static void
test_err(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(err_set(&err, ERR_GONE, "no mailbox '%s'", "x"), -1);
	assert_err(err, ERR_GONE);
	assert_string_equal(err.text, "no mailbox 'x'");
	assert_int_equal(err_prefix(&err, "account '%s'", "work"), -1);
	assert_string_equal(err.text, "account 'work': no mailbox 'x'");
	assert_int_equal(err_set(NULL, ERR_GONE, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	assert_int_equal(err_errno(NULL, ENOENT, "x"), -1);

	err_errno(&err, EACCES, "cannot open '%s'", "Archive");
	assert_err(err, ERR_SYSTEM);
	assert_string_equal(err.text, "cannot open 'Archive': permission denied");
	err_errno(&err, ENOSPC, "cannot write");
	assert_int_equal(err.kind, ERR_NOSPACE);
	err_errno(&err, EDQUOT, "cannot write");
	assert_int_equal(err.kind, ERR_NOSPACE);
	for (int kind = 0; kind < ERR_N_KINDS; kind++)
		assert_true(strlen(err_kind_name((enum err_kind)kind)) > 0);
}

static void
test_err_is_bounded(void **state)
{
	struct err err = ERR_INIT;
	char *text = xmalloc(1001);

	memset(text, 'x', 1000);
	text[1000] = '\0';
	err_set(&err, ERR_USER, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	for (int len = 0; len < 1000; len += 33) {
		err_set(&err, ERR_USER, "%s", text);
		err_prefix(&err, "%.*s", len, text);
		assert_true(strlen(err.text) < sizeof(err.text));
		err_errno(&err, ENOENT, "%.*s", len, text);
		assert_true(strlen(err.text) < sizeof(err.text));
	}
	free(text);
}

static void
test_fs_reads_within_bounds(void **state)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	char *path = path_in("ten");

	assert_int_equal(fs_write_atomic(path, STR("0123456789"), 0600, &err), 0);
	assert_int_equal(fs_read(path, 10, &b, &err), 0);
	assert_str(buf_str(&b), "0123456789");
	buf_reset(&b);
	assert_int_equal(fs_read(path, 9, &b, &err), -1);
	assert_err(err, ERR_USER);
	assert_non_null(strstr(err.text, path));
	buf_reset(&b);
	free(path);
	path = path_in("absent");
	assert_int_equal(fs_read(path, 9, &b, &err), -1);
	assert_non_null(strstr(err.text, "no such file"));
	free(path);
	buf_release(&b);
}

static void
test_fs_writes_atomically(void **state)
{
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	struct stat st;
	char *path = path_in("file");
	char *tmp = path_in("file.tmp");

	assert_int_equal(fs_write_atomic(path, STR("old"), 0600, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A link in place of the temporary file is not followed. */
	char *victim = path_in("victim");
	assert_int_equal(symlink(victim, tmp), 0);
	assert_int_equal(fs_write_atomic(path, STR("new"), 0600, &err), -1);
	assert_int_not_equal(access(victim, F_OK), 0);
	unlink(tmp);
	assert_int_equal(fs_read(path, 100, &b, &err), 0);
	assert_str(buf_str(&b), "old");
	assert_int_equal(fs_write_atomic(path, STR("new"), 0600, &err), 0);
	assert_int_not_equal(access(tmp, F_OK), 0);

	/* Nowhere to write: an error, and no rest. */
	char *nowhere = path_in("no/such/dir");
	assert_int_equal(fs_write_atomic(nowhere, STR("x"), 0600, &err), -1);
	assert_err(err, ERR_SYSTEM);
	free(nowhere), free(victim), free(tmp), free(path);
	buf_release(&b);
}

static void
test_fs_full_disk(void **state)
{
	struct err err = ERR_INIT;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, "x", 1, &err), -1);
	assert_err(err, ERR_NOSPACE);
	close(fd);
}

static void
test_fs_directories(void **state)
{
	struct err err = ERR_INIT;
	struct stat st;
	char *deep = path_in("a/b//c/");
	char *file = path_in("plain");

	assert_int_equal(fs_mkdir_p(deep, 0700, &err), 0);
	assert_int_equal(fs_mkdir_p(deep, 0700, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fs_write_atomic(file, STR(""), 0600, &err), 0);
	assert_int_equal(fs_mkdir_p(file, 0700, &err), -1);
	assert_err(err, ERR_SYSTEM);
	free(deep), free(file);

	setenv("XDG_CACHE_HOME", test_dir(), 1);
	char *cache = fs_cache_dir(&err);
	assert_non_null(cache);
	assert_int_equal(stat(cache, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(cache);
	/* Relative paths there are to be ignored. */
	char *home = path_in("home");
	assert_int_equal(fs_mkdir_p(home, 0700, &err), 0);
	setenv("HOME", home, 1);
	setenv("XDG_STATE_HOME", "relative", 1);
	char *state_dir = fs_state_dir(&err);
	assert_non_null(state_dir);
	assert_true(str_starts(str_c(state_dir), home));
	free(state_dir), free(home);
}

static void
test_fs_runtime_must_be_private(void **state)
{
	struct err err = ERR_INIT;
	char *expected = xasprintf("%s/tern-%u", test_dir(), (unsigned)getuid());

	unsetenv("XDG_RUNTIME_DIR");
	setenv("TMPDIR", test_dir(), 1);
	char *path = fs_runtime_dir(&err);
	assert_string_equal(path, expected);
	free(path);
	/* Somebody else prepared it: open to others, or a link. */
	chmod(expected, 0755);
	assert_null(fs_runtime_dir(&err));
	assert_err(err, ERR_SYSTEM);
	rmdir(expected);
	assert_int_equal(symlink(test_dir(), expected), 0);
	assert_null(fs_runtime_dir(&err));
	unlink(expected);
	free(expected);
}

/* Run a shell line with its output here. */
static char *
output_of(const char *line, const struct proc_fd *more, size_t n_more, enum proc_flags flags)
{
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	int fds[2], status;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct proc_fd all[8] = { { fds[1], 1 } };
	if (n_more > 0)
		memcpy(all + 1, more, n_more * sizeof(*more));
	const char *argv[] = { "sh", "-c", line, NULL };
	pid_t pid = proc_start(argv, all, n_more + 1, flags, &err);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(fs_read_fd(fds[0], 100000, &b, &err), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return buf_take(&b);
}

static void
test_proc_inherits_only_what_is_listed(void **state)
{
	int secret = open("/dev/null", O_RDONLY); /* not close-on-exec, on purpose */
	int high = fcntl(secret, F_DUPFD, 300);

	char *out = output_of("ls /proc/self/fd | tr '\\n' ' '", NULL, 0, 0);
	/* 3 is ls's own */
	assert_string_equal(out, "0 1 2 3 ");
	free(out);
	/* Targets that are sources, crossing over. */
	int a[2], b[2];
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	assert_int_equal(write(a[1], "A\n", 2), 2);
	assert_int_equal(write(b[1], "B\n", 2), 2);
	struct proc_fd crossed[] = { { a[0], b[0] }, { b[0], a[0] }, { a[0], 9 } };
	char *line = xasprintf("read x <&%d; echo $x; read x <&%d; echo $x", b[0], a[0]);
	out = output_of(line, crossed, 3, 0);
	assert_string_equal(out, "A\nB\n");
	free(out), free(line);
	close(a[0]), close(a[1]), close(b[0]), close(b[1]);
	close(secret), close(high);
}

static void
test_proc_starts_clean(void **state)
{
	sigset_t all, before;

	/* Ignored and blocked signals are not handed on; 32 and 33 are the C
	 * library's own and cannot be changed. */
	signal(SIGUSR1, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	char *out = output_of("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2 | tr '\\n' ' '",
			      NULL, 0, 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR1, SIG_DFL);
	unsigned long long blocked = 1, ignored = 1;
	assert_int_equal(sscanf(out, "%llx %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~0x180000000ULL, 0);
	free(out);
	/* A process group of its own, or a session, or ours. */
	char *ours = xasprintf("%d\n", (int)getpgrp());
	out = output_of("cut -d' ' -f5 /proc/$$/stat", NULL, 0, PROC_FOREGROUND);
	assert_string_equal(out, ours);
	free(out);
	out = output_of("cut -d' ' -f5 /proc/$$/stat", NULL, 0, 0);
	assert_string_not_equal(out, ours);
	free(out);
	out = output_of("set -- $(cat /proc/$$/stat); echo $(($1 == $6))", NULL, 0, PROC_SETSID);
	assert_string_equal(out, "1\n");
	free(out), free(ours);
}

static void
test_proc_says_what_cannot_start(void **state)
{
	struct err err = ERR_INIT;
	const char *argv[] = { "/no/such/program", NULL };

	assert_int_equal(proc_start(argv, NULL, 0, 0, &err), -1);
	assert_err(err, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "'/no/such/program'"));
	assert_non_null(strstr(err.text, "no such file"));
	/* and leaves no zombie that nobody knows of */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
test_log(void **state)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	char *path = path_in("log");

	log_at(LOG_ERROR, "test", "before: goes nowhere");
	assert_int_equal(log_open(path, LOG_INFO, "unit"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	log_at(LOG_INFO, "test", "subject '%s'", "a\x1b[2J\nfake line\r\x7f");
	log_at(LOG_DEBUG, "test", "too much detail");
	errno = 77;
	log_at(LOG_INFO, "test", "errno is kept");
	assert_int_equal(errno, 77);
	log_use_fd(-1, 0, "unit");
	log_at(LOG_ERROR, "test", "after: goes nowhere");
	assert_int_equal(log_level(), 0);

	assert_int_equal(fs_read(path, 10000, &b, &err), 0);
	assert_non_null(strstr(b.ptr, " unit["));
	assert_non_null(strstr(b.ptr, "test: subject 'a\\x1b[2J\\x0afake line\\x0d\\x7f'\n"));
	assert_null(strstr(b.ptr, "detail"));
	assert_null(strstr(b.ptr, "nowhere"));
	/* A link is not written through. */
	char *link = path_in("loglink");
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(log_open(link, LOG_INFO, "unit"), -1);
	free(link), free(path);
	buf_release(&b);
}

static void
test_tick(void **state)
{
	assert_int_equal(tick_until(1000, TICK_NEVER), -1);
	assert_int_equal(tick_until(1000, 1000), 0);
	assert_int_equal(tick_until(1000, 1), 0);
	assert_int_equal(tick_until(1000, 1007), 7);
	assert_int_equal(tick_until(0, INT64_MAX - 1), 0x7fffffff);
	int64_t a = tick_ms();
	assert_true(tick_ms() >= a && a > 0);
	assert_true(wall_now() > 1600000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_err_is_bounded),
		cmocka_unit_test(test_fs_reads_within_bounds),
		cmocka_unit_test(test_fs_writes_atomically),
		cmocka_unit_test(test_fs_full_disk),
		cmocka_unit_test(test_fs_directories),
		cmocka_unit_test(test_fs_runtime_must_be_private),
		cmocka_unit_test(test_proc_inherits_only_what_is_listed),
		cmocka_unit_test(test_proc_starts_clean),
		cmocka_unit_test(test_proc_says_what_cannot_start),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_tick),
	};

	return cmocka_run_group_tests_name("base_system", tests, NULL, NULL);
}
