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

static void
give_terminal_back(struct children *c)
{
	c->foreground = 0;
	c->waits_for_key = false;
	ui_term_resume(*c->term);
	app_redraw(c->app);
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

/* ---- for their output ----------------------------------------------------------------------- */

void
child_capture(void *ctx, const char *command,
	      void (*done)(void *ctx, const struct buf *output, const char *trouble),
	      void *done_ctx)
{
	struct children *c = ctx;
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	struct err err = ERR_INIT;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		done(done_ctx, NULL, strerror(errno));
		return;
	}
	/* The child's end may wait. */
	fcntl(ends[1], F_SETFL, 0);
	struct proc_fd fds[] = { { ends[1], 1 } };
	pid_t pid = proc_start(argv, fds, ARRAY_LEN(fds), 0, &err);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		done(done_ctx, NULL, err.text);
		return;
	}
	struct capture *cap = xcalloc(1, sizeof(*cap));
	*cap = (struct capture){ .pid = pid, .fd = ends[0], .done = done, .done_ctx = done_ctx };
	buf_init(&cap->output);
	/* Secrets come this way: no copies are left behind by growing. */
	buf_reserve(&cap->output, MAX_OUTPUT);
	vec_push(&c->captures, cap);
}

static void
capture_free(struct capture *cap)
{
	if (cap->fd >= 0)
		close(cap->fd);
	buf_wipe(&cap->output);
	free(cap);
}

/* Both its end and its output's end must have come. */
static void
finish_captures(struct children *c)
{
	char trouble[80];

	for (size_t i = c->captures.n; i-- > 0;) {
		struct capture *cap = c->captures.v[i];
		if (!cap->has_ended || cap->fd >= 0)
			continue;
		vec_remove(&c->captures, i);
		bool is_fine = WIFEXITED(cap->status) && WEXITSTATUS(cap->status) == 0;
		if (WIFEXITED(cap->status))
			snprintf(trouble, sizeof(trouble), "it exited with %d",
				 WEXITSTATUS(cap->status));
		else
			snprintf(trouble, sizeof(trouble), "signal %d ended it",
				 WTERMSIG(cap->status));
		cap->done(cap->done_ctx, is_fine ? &cap->output : NULL, is_fine ? NULL : trouble);
		capture_free(cap);
	}
}

size_t
children_poll(struct children *c, struct pollfd *fds, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->captures.n && n < max; i++)
		if (c->captures.v[i]->fd >= 0)
			fds[n++] = (struct pollfd){ c->captures.v[i]->fd, POLLIN, 0 };
	return n;
}

static void
read_capture(struct capture *cap)
{
	char bytes[4096];
	ssize_t got = read(cap->fd, bytes, sizeof(bytes));

	if (got > 0 && cap->output.len + (size_t)got < MAX_OUTPUT)
		buf_add(&cap->output, bytes, (size_t)got);
	wipe(bytes, sizeof(bytes));
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	close(cap->fd);
	cap->fd = -1;
}

void
children_polled(struct children *c, const struct pollfd *fds, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < c->captures.n && fds[k].revents != 0; i++)
			if (c->captures.v[i]->fd == fds[k].fd) {
				read_capture(c->captures.v[i]);
				break;
			}
	finish_captures(c);
}

/* ---- their ends --------------------------------------------------------------------------------- */

/* Only our own are asked after: the configuration's commands have an owner too. */
void
children_reap(struct children *c)
{
	int status;

	if (c->foreground > 0 && !c->waits_for_key &&
	    waitpid(c->foreground, &status, WNOHANG) == c->foreground) {
		if (c->wait_key)
			wait_for_key(c);
		else
			give_terminal_back(c);
	}
	for (size_t i = 0; i < c->captures.n; i++) {
		struct capture *cap = c->captures.v[i];
		if (!cap->has_ended && waitpid(cap->pid, &cap->status, WNOHANG) == cap->pid)
			cap->has_ended = true;
	}
	finish_captures(c);
}

void
children_free(struct children *c)
{
	for (size_t i = 0; i < c->captures.n; i++) {
		kill(-c->captures.v[i]->pid, SIGTERM);
		capture_free(c->captures.v[i]);
	}
	vec_release(&c->captures);
}
