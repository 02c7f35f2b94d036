/* tern-render itself, over its two descriptors; and its sandbox. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/test.h"
#include "../../src/render/internal.h"
#include "tern/base/fs.h"
#include "tern/base/proc.h"

/* What came over the socket. */
struct answer {
	struct buf text; /* the lines' */
	uint32_t n_lines, first_frame_lines, n_parts;
	bool has_end, has_failed;
	int status; /* of the process */
};

static const char *
write_message(struct str message)
{
	static char path[300];
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "%s/message", test_dir());
	assert_int_equal(fs_write_atomic(path, message, 0600, &err), 0);
	return path;
}

static pid_t
start(const char *path, int stream)
{
	char program[400];
	struct err err = ERR_INIT;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	snprintf(program, sizeof(program), "%s/tern-render", getenv("TERN_BUILD"));
	const char *argv[] = { program, NULL };
	struct proc_fd fds[] = { { file, 3 }, { stream, 4 }, { 2, 2 } };
	pid_t pid = proc_start(argv, fds, 3, 0, &err);
	if (pid < 0)
		print_message("%s\n", err.text);
	assert_true(pid > 0);
	close(file);
	return pid;
}

static void
take_frame(struct answer *a, const struct ipc_frame *f)
{
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct msg_r_lines lines;
	struct msg_r_parts parts;

	switch (f->type) {
	case MSG_R_LINES:
		assert_int_equal(msg_get_r_lines(f->payload, &lines, &err), 0);
		struct doc_line *l = doc_get_lines(&arena, lines.lines, lines.n, &err);
		assert_non_null(l);
		if (a->n_lines == 0)
			a->first_frame_lines = lines.n;
		a->n_lines += lines.n;
		for (uint32_t i = 0; i < lines.n; i++)
			buf_addf(&a->text, "%.*s\n", STR_ARG(l[i].text));
		break;
	case MSG_R_PARTS:
		assert_int_equal(msg_get_r_parts(f->payload, &parts, &err), 0);
		assert_non_null(doc_get_parts(&arena, parts.parts, parts.n, &err));
		a->n_parts += parts.n;
		break;
	case MSG_R_END:
		a->has_end = true;
		break;
	case MSG_FAILED:
		a->has_failed = true;
		break;
	default:
		break;
	}
	arena_release(&arena);
}

static void
receive(struct ipc_conn *c, struct answer *a)
{
	struct ipc_frame f;
	struct err err = ERR_INIT;
	bool is_open = true;

	while (is_open) {
		struct pollfd p = { ipc_fd(c), POLLIN, 0 };
		assert_true(poll(&p, 1, 30000) > 0);
		is_open = ipc_fill(c, &err) == 0;
		while (ipc_next(c, &f, &err) > 0)
			take_frame(a, &f);
	}
}

static struct answer
run(struct str message, const struct msg_render *options)
{
	struct answer a = { .text = BUF_INIT };
	struct err err = ERR_INIT;
	int fds[2];

	assert_int_equal(ipc_pair(fds, &err), 0);
	pid_t pid = start(write_message(message), fds[1]);
	close(fds[1]);
	struct ipc_conn *c = ipc_conn_new(fds[0]);
	assert_int_equal(IPC_SEND(c, RENDER, render, 1, -1, options, &err), 0);
	assert_int_equal(ipc_flush(c, &err), 0);
	receive(c, &a);
	ipc_conn_free(c);
	assert_int_equal(waitpid(pid, &a.status, 0), pid);
	return a;
}

static void
test_shows_a_message(void **state)
{
	const struct msg_render options = { .weed = 1, .ignore = STR("*"),
					    .unignore = STR("from subject") };
	struct answer a = run(STR("From: =?utf-8?b?xYF1Y2ph?= <l@example.org>\r\n"
				  "X-Junk: x\r\n"
				  "Subject: hi\r\n"
				  "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
				  "\x1b$BF|K\\\x1b(B\r\n"),
			      &options);

	assert_str(buf_str(&a.text), "From: Łucja <l@example.org>\nSubject: hi\n\n日本\n");
	assert_true(a.has_end);
	assert_int_equal(a.n_parts, 1);
	assert_true(WIFEXITED(a.status) && WEXITSTATUS(a.status) == 0);
	buf_release(&a.text);
}

/* Every charset must convert inside of the sandbox, where no module is loaded. */
static void
test_charsets_in_the_sandbox(void **state)
{
	static const struct {
		const char *charset, *bytes, *text;
	} rows[] = {
		{ "gb2312", "\xc4\xe3", "你" },	     { "big5", "\xa7\x41", "你" },
		{ "shift_jis", "\x93\xfa", "日" },   { "euc-jp", "\xc6\xfc", "日" },
		{ "euc-kr", "\xb0\xa1", "가" },	     { "koi8-r", "\xf0", "П" },
		{ "windows-1256", "\xc7", "ا" },     { "utf-7", "+AOk-", "é" },
		{ "utf-16be", "\x20\xac", "€" },     { "iso-8859-15", "\xa4", "€" },
		{ "iso-2022-kr", "\x1b$)C\x0e\x30\x21\x0f", "가" },
	};
	const struct msg_render options = { .weed = 1, .ignore = STR("*") };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf m = BUF_INIT, want = BUF_INIT;
		buf_addf(&m, "Content-Type: text/plain; charset=%s\n\n%s", rows[i].charset,
			 rows[i].bytes);
		buf_addf(&want, "\n%s\n", rows[i].text);
		struct answer a = run(buf_str(&m), &options);
		assert_str_is(buf_str(&a.text), buf_str(&want));
		buf_release(&a.text);
		buf_release(&want);
		buf_release(&m);
	}
}

static void
test_first_screenful_comes_first(void **state)
{
	const struct msg_render options = { .first_lines = 24 };
	struct buf m = BUF_INIT;

	buf_adds(&m, "Subject: long\n\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&m, "line %d\n", i);
	struct answer a = run(buf_str(&m), &options);
	assert_int_equal(a.first_frame_lines, 24);
	assert_int_equal(a.n_lines, 100002);
	buf_release(&m);
	buf_release(&a.text);
}

static void
test_a_reader_that_leaves(void **state)
{
	const struct msg_render options = { .weed = 0 };
	struct buf m = BUF_INIT;
	struct err err = ERR_INIT;
	int fds[2], status;

	buf_adds(&m, "Subject: long\n\n");
	for (int i = 0; i < 300000; i++)
		buf_addf(&m, "line %d\n", i);
	assert_int_equal(ipc_pair(fds, &err), 0);
	pid_t pid = start(write_message(buf_str(&m)), fds[1]);
	close(fds[1]);
	struct ipc_conn *c = ipc_conn_new(fds[0]);
	IPC_SEND(c, RENDER, render, 1, -1, &options, &err);
	ipc_flush(c, &err);
	/* do: close without reading */
	ipc_conn_free(c);
	/* expect: it ends, and not by a signal */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	buf_release(&m);
}

static void
test_wrong_first_frame(void **state)
{
	struct err err = ERR_INIT;
	struct answer a = { .text = BUF_INIT };
	int fds[2];

	assert_int_equal(ipc_pair(fds, &err), 0);
	pid_t pid = start(write_message(STR("A: b\n\nc")), fds[1]);
	close(fds[1]);
	struct ipc_conn *c = ipc_conn_new(fds[0]);
	ipc_send(c, MSG_TYPED, 1, STR(""), -1, &err);
	ipc_flush(c, &err);
	receive(c, &a);
	assert_true(a.has_failed);
	ipc_conn_free(c);
	waitpid(pid, &a.status, 0);
	buf_release(&a.text);
}

/* A child enters the sandbox and tries; returns how it ended. */
static int
try_in_sandbox(int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_INIT;
		if (sandbox_enter(&err) < 0)
			_exit(99);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
attempt_nothing(void)
{
	return 7;
}

static int
attempt_open(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 7 : 1;
}

static int
attempt_create(void)
{
	return open("sandbox-was-left", O_CREAT | O_WRONLY, 0600) < 0 && errno == EACCES ? 7 : 1;
}

static int
attempt_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 7 : 1;
}

static int
attempt_exec(void)
{
	char *argv[] = { (char *)(uintptr_t) "true", NULL };

	execv("/bin/true", argv);
	return 7;
}

static int
attempt_fork(void)
{
	return fork() < 0 ? 7 : 1;
}

static int
attempt_run_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 7 : 1;
}

static int
attempt_much_memory(void)
{
	void *p = mmap(NULL, 1ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 7 : 1;
}

/* Refused with an error, or the end of the process: nothing else. */
static bool
was_refused(int status)
{
	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) ||
	       (WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void
test_sandbox_refuses(void **state)
{
	assert_true(WEXITSTATUS(try_in_sandbox(attempt_nothing)) == 7);
	assert_int_equal(WEXITSTATUS(try_in_sandbox(attempt_open)), 7);
	assert_int_equal(WEXITSTATUS(try_in_sandbox(attempt_create)), 7);
	assert_true(was_refused(try_in_sandbox(attempt_socket)));
	assert_true(was_refused(try_in_sandbox(attempt_exec)));
	assert_true(was_refused(try_in_sandbox(attempt_fork)));
	assert_true(was_refused(try_in_sandbox(attempt_run_memory)));
	if (strstr(getenv("TERN_SAN") != NULL ? getenv("TERN_SAN") : "", "address") == NULL)
		assert_int_equal(WEXITSTATUS(try_in_sandbox(attempt_much_memory)), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shows_a_message),
		cmocka_unit_test(test_charsets_in_the_sandbox),
		cmocka_unit_test(test_first_screenful_comes_first),
		cmocka_unit_test(test_a_reader_that_leaves),
		cmocka_unit_test(test_wrong_first_frame),
		cmocka_unit_test(test_sandbox_refuses),
	};

	if (getenv("TERN_BUILD") == NULL)
		setenv("TERN_BUILD", "build", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
