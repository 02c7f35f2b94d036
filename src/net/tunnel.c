#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "internal.h"
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/proc.h"
#include "tern/base/utf8.h"

enum { MAX_STDERR_LINE = 1000, LEAVE_MS = 2000, END_MS = 3000, END_WAIT_MS = 10 };

/* A socket pair, so that the layers above know one kind of descriptor. */
int
tunnel_start(struct tunnel *t, const char *command, int *fd_out, struct err *err)
{
	const char *argv[] = { "sh", "-c", command, NULL };
	int ends[2], report[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, errno, "cannot start the tunnel");
	if (pipe2(report, O_CLOEXEC) < 0) {
		close(ends[0]);
		close(ends[1]);
		return err_errno(err, errno, "cannot start the tunnel");
	}
	struct proc_fd fds[] = { { ends[1], 0 }, { ends[1], 1 }, { report[1], 2 } };
	pid_t pid = proc_start(argv, fds, 3, 0, err);
	close(ends[1]);
	close(report[1]);
	if (pid < 0) {
		close(ends[0]);
		close(report[0]);
		return -1;
	}
	fs_set_nonblocking(ends[0]);
	fs_set_nonblocking(report[0]);
	t->pid = pid;
	t->stderr_fd = report[0];
	t->last_line[0] = '\0';
	buf_init(&t->partial);
	*fd_out = ends[0];
	return 0;
}

static void
take_line(struct tunnel *t, struct str line, const char *label)
{
	struct buf safe = BUF_INIT;

	line = str_trim(line);
	if (line.len == 0)
		return;
	utf8_add_safe(&safe, str_head(line, (sizeof(t->last_line) - 1) / 3));
	snprintf(t->last_line, sizeof(t->last_line), "%s", safe.ptr);
	buf_reset(&safe);
	utf8_add_safe(&safe, line);
	log_at(LOG_INFO, label, "tunnel: %s", safe.ptr);
	buf_release(&safe);
}

static void
take_lines(struct tunnel *t, const char *label, bool is_end)
{
	struct str rest = buf_str(&t->partial);
	long end;

	while ((end = str_find(rest, '\n')) >= 0) {
		take_line(t, str_head(rest, (size_t)end), label);
		rest = str_from(rest, (size_t)end + 1);
	}
	if (is_end || rest.len > MAX_STDERR_LINE) {
		take_line(t, rest, label);
		rest = STR_NONE;
	}
	buf_consume(&t->partial, t->partial.len - rest.len);
}

void
tunnel_read_stderr(struct tunnel *t, const char *label)
{
	char bytes[1024];

	/* A command that floods its stderr gets its turn again with the next poll(). */
	for (int turn = 0; turn < 16 && t->stderr_fd >= 0; turn++) {
		ssize_t n = read(t->stderr_fd, bytes, sizeof(bytes));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			buf_add(&t->partial, bytes, (size_t)n);
		take_lines(t, label, n <= 0);
		if (n <= 0) {
			close(t->stderr_fd);
			t->stderr_fd = -1;
		}
	}
}

/* Seen, but not reaped: its number must stay taken while its group is killed. */
static bool
has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == pid;
}

/* The shell may be gone while what it started still works: that has its stderr open. */
static bool
have_all_ended(const struct tunnel *t)
{
	char bytes[1024];
	ssize_t n = 0;

	while (t->stderr_fd >= 0 && (n = read(t->stderr_fd, bytes, sizeof(bytes))) > 0)
		continue;
	return n == 0 && has_ended(t->pid);
}

static bool
wait_for_end(const struct tunnel *t, int ms)
{
	for (; ms > 0 && !have_all_ended(t); ms -= END_WAIT_MS)
		poll(NULL, 0, END_WAIT_MS);
	return ms > 0;
}

/* Its end of the socket is closed already: a server leaves by itself, when it has done
 * what it was told. What does not is asked, and at last not asked any more: a server on
 * this machine that is stopped while it works leaves half a MOVE, and its locks. */
void
tunnel_stop(struct tunnel *t)
{
	if (t->pid == 0)
		return;
	if (!wait_for_end(t, LEAVE_MS)) {
		kill(-t->pid, SIGTERM);
		wait_for_end(t, END_MS);
	}
	kill(-t->pid, SIGKILL);
	while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (t->stderr_fd >= 0)
		close(t->stderr_fd);
	buf_release(&t->partial);
	t->stderr_fd = -1;
	t->pid = 0;
}
