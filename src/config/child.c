/* A command of the rc, run by sh -c: no input, its output bounded, never waited
 * for. It has ended when it has exited, even if something it started lives on
 * and keeps its output open. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/proc.h"

#define MAX_OUTPUT_BYTES (1u << 20)
#define MAX_ERROR_BYTES 4096u

/* Killed, but not yet gone: nobody waits for them, they are asked now and then. */
static pid_t orphans[64];

static void
reap_orphans(void)
{
	for (size_t i = 0; i < ARRAY_LEN(orphans); i++)
		if (orphans[i] != 0 && waitpid(orphans[i], NULL, WNOHANG) != 0)
			orphans[i] = 0;
}

static void
add_orphan(pid_t pid)
{
	for (size_t i = 0; i < ARRAY_LEN(orphans); i++)
		if (orphans[i] == 0) {
			orphans[i] = pid;
			break;
		}
}

struct child *
child_start(enum child_kind kind, struct str command, int64_t deadline_ms, struct err *err)
{
	int out[2], errors[2];

	reap_orphans();
	if (pipe2(out, O_CLOEXEC) < 0) {
		err_errno(err, errno, "cannot run '%.*s'", STR_ARG(str_head(command, 100)));
		return NULL;
	}
	if (pipe2(errors, O_CLOEXEC) < 0) {
		err_errno(err, errno, "cannot run '%.*s'", STR_ARG(str_head(command, 100)));
		close(out[0]);
		close(out[1]);
		return NULL;
	}
	char *text = str_dup(command);
	/* gpg's agent must not ask on a terminal that shows something else. */
	char *script = xasprintf("unset GPG_TTY\n%s", text);
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const struct proc_fd fds[] = { { out[1], 1 }, { errors[1], 2 } };
	pid_t pid = proc_start(argv, fds, ARRAY_LEN(fds), 0, err);
	free(script);
	close(out[1]);
	close(errors[1]);
	if (pid < 0) {
		close(out[0]);
		close(errors[0]);
		free(text);
		return NULL;
	}
	struct child *c = xcalloc(1, sizeof(*c));
	*c = (struct child){ .kind = kind, .pid = pid, .out_fd = out[0], .err_fd = errors[0],
			     .deadline_ms = deadline_ms, .command = text,
			     .out = BUF_INIT, .err_out = BUF_INIT };
	c->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	fs_set_nonblocking(c->out_fd);
	fs_set_nonblocking(c->err_fd);
	return c;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Take what is there, up to `max`; more is dropped, so that it can end. Not for
 * ever: it may write as fast as we read. */
static bool
drain(int *fd, struct buf *out, size_t max)
{
	char piece[16384];
	bool is_within = true;

	for (int turns = 0; *fd >= 0 && turns < 80; turns++) {
		ssize_t n = read(*fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			close_fd(fd);
			break;
		}
		size_t room = max - out->len;
		is_within &= (size_t)n <= room;
		buf_add(out, piece, (size_t)n < room ? (size_t)n : room);
	}
	wipe(piece, sizeof(piece));
	return is_within;
}

static void
kill_child(struct child *c)
{
	if (c->pid > 0 && kill(-c->pid, SIGKILL) < 0)
		kill(c->pid, SIGKILL);
}

static void
reap(struct child *c, int flags)
{
	pid_t got;

	do
		got = waitpid(c->pid, &c->status, flags);
	while (got < 0 && errno == EINTR);
	if (got > 0 && WIFSTOPPED(c->status))
		c->wants_terminal = true;
	else if (got != 0)
		c->pid = -1; /* -1: somebody else has waited for it */
}

bool
child_read(struct child *c, int64_t now_ms)
{
	/* First whether it has ended: then all it wrote is in the pipes. */
	if (c->pid > 0)
		reap(c, WNOHANG | WUNTRACED);
	bool has_ended = c->pid < 0;
	c->is_too_long |= !drain(&c->out_fd, &c->out, MAX_OUTPUT_BYTES);
	drain(&c->err_fd, &c->err_out, MAX_ERROR_BYTES);
	if (has_ended || c->is_canceled || c->is_too_long || c->wants_terminal)
		return true;
	if (now_ms < c->deadline_ms)
		return false;
	c->is_late = true;
	return true;
}

size_t
child_poll(const struct child *c, struct pollfd *fds, size_t max)
{
	const int all[] = { c->out_fd, c->err_fd, c->pid_fd };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all) && n < max; i++)
		if (all[i] >= 0)
			fds[n++] = (struct pollfd){ .fd = all[i], .events = POLLIN };
	return n;
}

void
child_cancel(struct child *c)
{
	c->is_canceled = true;
}

/* Its last words: the first line that it wrote to its standard error. */
static struct str
complaint(const struct child *c)
{
	struct str s = buf_str(&c->err_out), line = STR_NONE;

	s = str_trim(s);
	str_next(&s, '\n', &line);
	return str_head(str_trim(line), 200);
}

bool
child_problem(const struct child *c, struct buf *out)
{
	struct str command = str_head(str_c(c->command), 120);
	struct str words = complaint(c);

	if (c->is_canceled)
		buf_addf(out, "'%.*s' was stopped", STR_ARG(command));
	else if (c->wants_terminal)
		buf_addf(out, "'%.*s' wants the terminal, which only the command of a password "
			      "variable gets, and was stopped", STR_ARG(command));
	else if (c->is_late)
		buf_addf(out, "'%.*s' gave no answer within %g s and was stopped",
			 STR_ARG(command), c->limit_ms / 1000.0);
	else if (c->is_too_long)
		buf_addf(out, "'%.*s' wrote more than a mebibyte and was stopped",
			 STR_ARG(command));
	if (out->len > 0)
		return true;
	bool has_failed = WIFSIGNALED(c->status) ||
			  (WIFEXITED(c->status) && WEXITSTATUS(c->status) != 0);
	/* `test ... && echo x` ends with 1 and nothing to say. */
	if (!has_failed || (words.len == 0 && c->kind == CHILD_TICK))
		return false;
	if (WIFSIGNALED(c->status))
		buf_addf(out, "'%.*s' was killed by signal %d", STR_ARG(command),
			 WTERMSIG(c->status));
	else
		buf_addf(out, "'%.*s' failed with status %d", STR_ARG(command),
			 WEXITSTATUS(c->status));
	if (words.len > 0)
		buf_addf(out, ": %.*s", STR_ARG(words));
	return false;
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	if (c->pid > 0) {
		kill_child(c);
		reap(c, WNOHANG);
		if (c->pid > 0)
			add_orphan(c->pid);
	}
	close_fd(&c->out_fd);
	close_fd(&c->err_fd);
	close_fd(&c->pid_fd);
	buf_wipe(&c->out);
	buf_release(&c->err_out);
	free(c->command);
	free(c);
}
