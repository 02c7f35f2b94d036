/* Programs the user asked for: a shell that has the terminal, commands whose
 * output is wanted. The loop goes on meanwhile. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"

#define MAX_OUTPUT (64 * 1024)

/* ---- with the terminal ------------------------------------------------------------------- */

static struct termios cooked;

static void lend_to_next(struct children *c);

/* Whose keys the terminal's are. To take it from others is not done from behind. */
static void
set_terminal_group(pid_t group)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	sigaction(SIGTTOU, &ignore, &before);
	tcsetpgrp(STDIN_FILENO, group);
	sigaction(SIGTTOU, &before, NULL);
}

static void
give_terminal_back(struct children *c)
{
	c->foreground = 0;
	c->is_lent = c->waits_for_key = false;
	if (*c->term != NULL)
		ui_term_resume(*c->term);
	app_redraw(c->app);
	lend_to_next(c);
}

static void
wait_for_key(struct children *c)
{
	static const char ask[] = "\nPress any key to continue...";
	struct termios raw;

	if (write(STDOUT_FILENO, ask, sizeof(ask) - 1) < 0 || tcgetattr(STDIN_FILENO, &cooked) < 0) {
		give_terminal_back(c);
		return;
	}
	raw = cooked;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	c->waits_for_key = true;
}

void
children_key(struct children *c)
{
	char bytes[64];

	if (read(STDIN_FILENO, bytes, sizeof(bytes)) < 0)
		return;
	/* The next command's output begins on a line of its own. */
	if (write(STDOUT_FILENO, "\r\n", 2) < 0)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
	give_terminal_back(c);
}

void
child_shell(void *ctx, const char *command, bool wait_key)
{
	struct children *c = ctx;
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	struct proc_fd fds[] = { { 0, 0 }, { 1, 1 }, { 2, 2 } };
	struct err err = ERR_INIT;

	if (c->foreground != 0 || *c->term == NULL)
		return;
	ui_term_suspend(*c->term);
	c->wait_key = wait_key;
	c->foreground = proc_start(argv, fds, ARRAY_LEN(fds), PROC_FOREGROUND, &err);
	if (c->foreground > 0)
		return;
	give_terminal_back(c);
	app_complain(c->app, "%s", err.text);
}

/* ---- for their output: those of passwords ----------------------------------------------------- */

/* They run behind tern, and most of them ask nobody. One that wants the terminal is
 * stopped by it (SIGTTIN, SIGTTOU), and then gets it as an editor would, until it
 * ends. gpg's agent is no child of ours, and is not stopped; $GPG_TTY tells it our
 * terminal. So that is kept from it first; if gpg then fails, it is run once more,
 * with the terminal its own. */

static void
lend_terminal(struct children *c, struct capture *cap)
{
	if (*c->term != NULL)
		ui_term_suspend(*c->term);
	c->foreground = cap->pid;
	c->is_lent = true;
	set_terminal_group(cap->pid);
}

static void
lend_to_next(struct children *c)
{
	for (size_t i = 0; i < c->captures.n && c->foreground == 0; i++) {
		struct capture *cap = c->captures.v[i];
		if (!cap->is_stopped)
			continue;
		cap->is_stopped = false;
		lend_terminal(c, cap);
		kill(-cap->pid, SIGCONT);
	}
}

static int
start_capture(struct capture *cap, struct err *err)
{
	const char *argv[] = { "/bin/sh", "-c", cap->command, NULL };
	int out[2], errors[2];

	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(err, errno, "cannot make a pipe");
	if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(out[0]);
		close(out[1]);
		return err_errno(err, errno, "cannot make a pipe");
	}
	/* The child's ends may wait. */
	fcntl(out[1], F_SETFL, 0);
	fcntl(errors[1], F_SETFL, 0);
	const struct proc_fd fds[] = { { out[1], 1 }, { errors[1], 2 } };
	cap->pid = proc_start(argv, fds, ARRAY_LEN(fds), 0, err);
	close(out[1]);
	close(errors[1]);
	cap->fd = out[0];
	cap->error_fd = errors[0];
	cap->has_ended = false;
	return cap->pid < 0 ? -1 : 0;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
capture_free(struct capture *cap)
{
	close_fd(&cap->fd);
	close_fd(&cap->error_fd);
	buf_wipe(&cap->output);
	buf_release(&cap->errors);
	free(cap->command);
	free(cap);
}

void
child_capture(void *ctx, const char *command,
	      void (*done)(void *ctx, const struct buf *output, const char *trouble),
	      void *done_ctx)
{
	struct children *c = ctx;
	struct capture *cap = xcalloc(1, sizeof(*cap));
	struct err err = ERR_INIT;
	const char *gpg_tty = getenv("GPG_TTY");

	cap->may_repeat = gpg_tty != NULL && *gpg_tty != '\0';
	cap->command = xasprintf("unset GPG_TTY\n%s", command);
	cap->done = done;
	cap->done_ctx = done_ctx;
	buf_init(&cap->output);
	buf_init(&cap->errors);
	/* Secrets come this way: no copies are left behind by growing. */
	buf_reserve(&cap->output, MAX_OUTPUT);
	if (start_capture(cap, &err) < 0) {
		capture_free(cap);
		done(done_ctx, NULL, err.text);
		return;
	}
	vec_push(&c->captures, cap);
}

static bool
is_fine(const struct capture *cap)
{
	return WIFEXITED(cap->status) && WEXITSTATUS(cap->status) == 0;
}

/* gpg found nobody to ask: now with the terminal, which must be free for it. */
static bool
repeat_with_terminal(struct children *c, struct capture *cap)
{
	static const char without[] = "unset GPG_TTY\n";
	struct err err = ERR_INIT;

	if (is_fine(cap) || !cap->may_repeat || c->foreground != 0 || *c->term == NULL ||
	    str_find_str(buf_str(&cap->errors), STR("gpg: ")) < 0)
		return false;
	cap->may_repeat = false;
	memmove(cap->command, cap->command + sizeof(without) - 1,
		strlen(cap->command) - (sizeof(without) - 1) + 1);
	buf_reset(&cap->errors);
	buf_wipe(&cap->output);
	buf_reserve(&cap->output, MAX_OUTPUT);
	if (start_capture(cap, &err) < 0)
		return false;
	/* Before it has the terminal it can only be stopped by it. */
	lend_terminal(c, cap);
	return true;
}

/* How it ended, with its last words. */
static void
describe_end(const struct capture *cap, struct buf *out)
{
	struct str rest = str_trim(buf_str(&cap->errors)), line, last = STR_NONE;

	if (WIFEXITED(cap->status))
		buf_addf(out, "it exited with %d", WEXITSTATUS(cap->status));
	else
		buf_addf(out, "signal %d ended it", WTERMSIG(cap->status));
	while (str_next(&rest, '\n', &line))
		last = str_trim(line).len > 0 ? str_trim(line) : last;
	if (last.len > 0)
		buf_addf(out, ": %.*s", STR_ARG(str_head(last, 200)));
}

/* Its end and the ends of what it writes must have come. */
static void
finish_captures(struct children *c)
{
	for (size_t i = c->captures.n; i-- > 0;) {
		struct capture *cap = c->captures.v[i];
		struct buf trouble = BUF_INIT;
		if (!cap->has_ended || cap->fd >= 0 || cap->error_fd >= 0 ||
		    repeat_with_terminal(c, cap))
			continue;
		vec_remove(&c->captures, i);
		describe_end(cap, &trouble);
		cap->done(cap->done_ctx, is_fine(cap) ? &cap->output : NULL,
			  is_fine(cap) ? NULL : trouble.ptr);
		buf_release(&trouble);
		capture_free(cap);
	}
}

size_t
children_poll(struct children *c, struct pollfd *fds, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->captures.n && n + 1 < max; i++) {
		if (c->captures.v[i]->fd >= 0)
			fds[n++] = (struct pollfd){ c->captures.v[i]->fd, POLLIN, 0 };
		if (c->captures.v[i]->error_fd >= 0)
			fds[n++] = (struct pollfd){ c->captures.v[i]->error_fd, POLLIN, 0 };
	}
	return n;
}

static void
read_capture(int *fd, struct buf *out)
{
	char bytes[4096];
	ssize_t got = read(*fd, bytes, sizeof(bytes));

	if (got > 0 && out->len + (size_t)got < MAX_OUTPUT)
		buf_add(out, bytes, (size_t)got);
	wipe(bytes, sizeof(bytes));
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	close_fd(fd);
}

void
children_polled(struct children *c, const struct pollfd *fds, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < c->captures.n && fds[k].revents != 0; i++) {
			struct capture *cap = c->captures.v[i];
			if (cap->fd == fds[k].fd)
				read_capture(&cap->fd, &cap->output);
			else if (cap->error_fd == fds[k].fd)
				read_capture(&cap->error_fd, &cap->errors);
		}
	finish_captures(c);
}

/* ---- their ends --------------------------------------------------------------------------------- */

static void
capture_stopped(struct children *c, struct capture *cap)
{
	/* It has the terminal, or had not yet; a ^Z of the user's has no shell to go to. */
	if (c->foreground == cap->pid)
		kill(-cap->pid, SIGCONT);
	else
		cap->is_stopped = true;
}

/* What it started and left behind may hold the other end for ever. */
static void
drain(int *fd, struct buf *out)
{
	while (*fd >= 0) {
		struct pollfd p = { *fd, POLLIN, 0 };
		if (poll(&p, 1, 0) > 0)
			read_capture(fd, out);
		else
			close_fd(fd);
	}
}

static void
capture_ended(struct children *c, struct capture *cap)
{
	cap->has_ended = true;
	cap->is_stopped = false;
	drain(&cap->fd, &cap->output);
	drain(&cap->error_fd, &cap->errors);
	if (c->foreground != cap->pid)
		return;
	set_terminal_group(getpgrp());
	give_terminal_back(c);
}

static void
reap_captures(struct children *c)
{
	for (size_t i = 0; i < c->captures.n; i++) {
		struct capture *cap = c->captures.v[i];
		int status;
		if (cap->has_ended || waitpid(cap->pid, &status, WNOHANG | WUNTRACED) != cap->pid)
			continue;
		if (WIFSTOPPED(status)) {
			capture_stopped(c, cap);
		} else {
			cap->status = status;
			capture_ended(c, cap);
		}
	}
}

/* Only our own are asked after: the configuration's commands have an owner too. */
void
children_reap(struct children *c)
{
	int status;

	reap_captures(c);
	if (c->foreground > 0 && !c->is_lent && !c->waits_for_key &&
	    waitpid(c->foreground, &status, WNOHANG) == c->foreground) {
		if (c->wait_key)
			wait_for_key(c);
		else
			give_terminal_back(c);
	}
	lend_to_next(c);
	finish_captures(c);
}

void
children_free(struct children *c)
{
	for (size_t i = 0; i < c->captures.n; i++) {
		kill(-c->captures.v[i]->pid, SIGTERM);
		kill(-c->captures.v[i]->pid, SIGCONT);
		capture_free(c->captures.v[i]);
	}
	vec_release(&c->captures);
	if (c->is_lent)
		set_terminal_group(getpgrp());
}
