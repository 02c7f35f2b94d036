/* A terminal for tests: runs a program in a pty, keeps its screen in libvterm,
 * and answers commands, one per line, on standard input.
 *
 * usage: screen [-o FILE] ROWS COLS PROGRAM [ARGUMENT...]
 *
 *   keys HEX          type these bytes              ok TIME
 *   wait MS REGEX     until the screen matches      ok TIME
 *   gone MS REGEX     until it no longer does       ok TIME
 *   change MS SEQ     until it is newer than SEQ    ok SEQ TIME
 *   moved MS ROW      until the cursor has left ROW   ok ROW TIME
 *   quiet MS          until nothing came for so long  ok SEQ TIME
 *   dump              ok SEQ ROW COL VISIBLE ROWS COLS BYTES, then the text
 *   attrs             the same, one letter per cell instead of its character
 *   cell ROW COL      ok WIDTH FG BG ATTRS TEXT
 *   resize ROWS COLS  ok
 *   signal NUMBER     ok
 *   end MS            until the program ended       ok STATUS
 *   state             ok running | ok stopped | ok exited STATUS
 *
 * The first line it says is `ok PID TIME`. A wait ends with `timeout`, or `exited
 * STATUS` when the program is gone and the screen cannot change any more. TIME
 * is CLOCK_MONOTONIC in microseconds, taken when the bytes arrived: nothing
 * here polls a clock to find out. -o keeps every byte the program wrote. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vterm.h>
#include "tern/base/buf.h"
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

struct screen {
	VTerm *vt;
	VTermScreen *vts;
	int rows, cols;
	int pty; /* -1 once the program has closed it */
	int signals;
	int record;
	pid_t pid;
	bool is_stopped, has_ended;
	int status; /* as of wait() */
	uint64_t seq;	  /* of the last change */
	int64_t input_us; /* when the bytes being fed arrived */
	int64_t change_us;
	bool is_cursor_visible;
	VTermPos cursor;
	struct buf out;	 /* not yet taken by the pty */
	struct buf text; /* the screen as of text_seq */
	uint64_t text_seq;
};

static void
changed(struct screen *s)
{
	s->seq++;
	s->change_us = s->input_us;
}

static int
on_damage(VTermRect rect, void *user)
{
	changed(user);
	return 1;
}

static int
on_move_rect(VTermRect dest, VTermRect src, void *user)
{
	changed(user);
	return 1;
}

static int
on_move_cursor(VTermPos pos, VTermPos old, int visible, void *user)
{
	struct screen *s = user;

	s->cursor = pos;
	changed(s);
	return 1;
}

static int
on_term_prop(VTermProp prop, VTermValue *val, void *user)
{
	struct screen *s = user;

	if (prop == VTERM_PROP_CURSORVISIBLE)
		s->is_cursor_visible = val->boolean;
	return 1;
}

static const VTermScreenCallbacks callbacks = {
	.damage = on_damage,
	.moverect = on_move_rect,
	.movecursor = on_move_cursor,
	.settermprop = on_term_prop,
};

/* The terminal answers the program's questions. */
static void
on_output(const char *bytes, size_t len, void *user)
{
	struct screen *s = user;

	buf_add(&s->out, bytes, len);
}

static void
write_keys(struct screen *s)
{
	while (s->out.len > 0 && s->pty >= 0) {
		ssize_t n = write(s->pty, s->out.ptr, s->out.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		buf_consume(&s->out, (size_t)n);
	}
}

static void
read_output(struct screen *s)
{
	char bytes[65536];
	ssize_t n = read(s->pty, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	s->input_us = tick_us();
	if (n <= 0) {
		close(s->pty);
		s->pty = -1;
		return;
	}
	if (s->record >= 0)
		fs_write_all(s->record, bytes, (size_t)n, NULL);
	vterm_input_write(s->vt, bytes, (size_t)n);
	vterm_screen_flush_damage(s->vts);
	write_keys(s);
}

static void
read_signals(struct screen *s)
{
	struct signalfd_siginfo info;
	int status;

	if (read(s->signals, &info, sizeof(info)) < 0)
		return;
	while (waitpid(s->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == s->pid) {
		s->is_stopped = WIFSTOPPED(status);
		if (WIFSTOPPED(status) || WIFCONTINUED(status))
			continue;
		s->has_ended = true;
		s->status = status;
		return;
	}
}

/* One turn: what the program wrote, what became of it, and with `with_input`
 * whether a command waits. */
static bool
turn(struct screen *s, int timeout_ms, bool with_input)
{
	struct pollfd fds[3] = {
		{ s->signals, POLLIN, 0 },
		{ s->pty, (short)(POLLIN | (s->out.len > 0 ? POLLOUT : 0)), 0 },
		{ with_input ? 0 : -1, POLLIN, 0 },
	};

	if (poll(fds, 3, timeout_ms) <= 0)
		return false;
	if (fds[1].revents & POLLOUT)
		write_keys(s);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		read_output(s);
	if (fds[0].revents)
		read_signals(s);
	return fds[2].revents != 0;
}

/* Gone, and all it wrote has been read; a descendant may keep the pty open. */
static bool
is_over(struct screen *s)
{
	struct pollfd fd = { s->pty, POLLIN, 0 };

	return s->has_ended && (s->pty < 0 || poll(&fd, 1, 0) == 0);
}

/* --- The screen as text. ---------------------------------------------- */

static char
attr_letter(const VTermScreenCell *cell)
{
	if (cell->attrs.reverse)
		return cell->attrs.bold ? 'S' : 'R';
	if (cell->attrs.bold)
		return cell->attrs.underline ? 'V' : 'B';
	if (cell->attrs.underline)
		return 'U';
	if (cell->attrs.italic)
		return 'I';
	if (cell->attrs.blink)
		return 'K';
	if (!VTERM_COLOR_IS_DEFAULT_BG(&cell->bg))
		return 'b';
	if (!VTERM_COLOR_IS_DEFAULT_FG(&cell->fg))
		return 'f';
	return '.';
}

static void
add_row(struct screen *s, struct buf *b, int row, bool as_attrs)
{
	size_t start = b->len;
	size_t end = start;

	for (int col = 0; col < s->cols;) {
		VTermScreenCell cell;
		VTermPos pos = { row, col };
		vterm_screen_get_cell(s->vts, pos, &cell);
		if (as_attrs) {
			buf_addn(b, attr_letter(&cell), cell.width > 1 ? 2 : 1);
		} else if (cell.chars[0] == 0 || cell.chars[0] == ' ') {
			buf_addc(b, ' ');
		} else {
			for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
				utf8_add(b, cell.chars[i]);
		}
		if (b->len > 0 && b->ptr[b->len - 1] != (as_attrs ? '.' : ' '))
			end = b->len;
		col += cell.width > 1 ? cell.width : 1;
	}
	buf_truncate(b, end);
	buf_addc(b, '\n');
}

static const char *
screen_text(struct screen *s)
{
	if (s->text_seq != s->seq || s->text.len == 0) {
		buf_reset(&s->text);
		for (int row = 0; row < s->rows; row++)
			add_row(s, &s->text, row, false);
		s->text_seq = s->seq;
	}
	return s->text.ptr;
}

/* --- Commands. ----------------------------------------------------------- */

static void
say_over(struct screen *s)
{
	if (WIFSIGNALED(s->status))
		printf("exited -%d\n", WTERMSIG(s->status));
	else
		printf("exited %d\n", WEXITSTATUS(s->status));
}

static long
number(char **rest)
{
	return strtol(*rest, rest, 10);
}

static int
left_ms(int64_t deadline_us)
{
	int64_t left = deadline_us - tick_us();

	return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static void
cmd_keys(struct screen *s, char *args)
{
	for (; args[0] != '\0' && args[1] != '\0'; args += 2) {
		char pair[3] = { args[0], args[1], '\0' };
		buf_addc(&s->out, (char)strtol(pair, NULL, 16));
	}
	int64_t now = tick_us();
	write_keys(s);
	printf("ok %lld\n", (long long)now);
}

/* One turn more of waiting. false: no more, and the answer has said why. */
static bool
go_on(struct screen *s, int64_t deadline)
{
	if (is_over(s)) {
		say_over(s);
		return false;
	}
	if (left_ms(deadline) == 0) {
		printf("timeout\n");
		return false;
	}
	turn(s, left_ms(deadline), false);
	return true;
}

static void
wait_regex(struct screen *s, char *args, bool should_match)
{
	int64_t deadline = tick_us() + number(&args) * 1000;
	regex_t re;

	if (*args == ' ')
		args++;
	if (regcomp(&re, args, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) != 0) {
		printf("bad regex\n");
		return;
	}
	uint64_t tried = s->seq + 1;
	do {
		bool is_new = tried != s->seq;
		tried = s->seq;
		if (is_new && (regexec(&re, screen_text(s), 0, NULL, 0) == 0) == should_match) {
			printf("ok %lld\n", (long long)s->change_us);
			break;
		}
	} while (go_on(s, deadline));
	regfree(&re);
}

static void
cmd_wait(struct screen *s, char *args)
{
	wait_regex(s, args, true);
}

static void
cmd_gone(struct screen *s, char *args)
{
	wait_regex(s, args, false);
}

static void
cmd_change(struct screen *s, char *args)
{
	int64_t deadline = tick_us() + number(&args) * 1000;
	uint64_t seen = (uint64_t)number(&args);

	while (s->seq <= seen)
		if (!go_on(s, deadline))
			return;
	printf("ok %llu %lld\n", (unsigned long long)s->seq, (long long)s->change_us);
}

/* For the time from a key to the line it moves to: other lines may change too. */
static void
cmd_moved(struct screen *s, char *args)
{
	int64_t deadline = tick_us() + number(&args) * 1000;
	int row = (int)number(&args);

	while (s->cursor.row == row)
		if (!go_on(s, deadline))
			return;
	printf("ok %d %lld\n", s->cursor.row, (long long)s->change_us);
}

static void
cmd_quiet(struct screen *s, char *args)
{
	int64_t quiet_us = number(&args) * 1000;
	int64_t since = tick_us();

	while (!is_over(s) && left_ms(since + quiet_us) > 0) {
		uint64_t before = s->seq;
		turn(s, left_ms(since + quiet_us), false);
		if (s->seq != before)
			since = tick_us();
	}
	printf("ok %llu %lld\n", (unsigned long long)s->seq, (long long)s->change_us);
}

static void
say_screen(struct screen *s, bool as_attrs)
{
	struct buf b = BUF_INIT;

	for (int row = 0; row < s->rows; row++)
		add_row(s, &b, row, as_attrs);
	printf("ok %llu %d %d %d %d %d %zu\n", (unsigned long long)s->seq, s->cursor.row,
	       s->cursor.col, s->is_cursor_visible, s->rows, s->cols, b.len);
	fwrite(b.ptr, 1, b.len, stdout);
	buf_release(&b);
}

static void
cmd_dump(struct screen *s, char *args)
{
	say_screen(s, false);
}

static void
cmd_attrs(struct screen *s, char *args)
{
	say_screen(s, true);
}

static void
say_color(const VTermColor *c)
{
	if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
		printf(" default");
	else if (VTERM_COLOR_IS_INDEXED(c))
		printf(" %u", c->indexed.idx);
	else
		printf(" #%02x%02x%02x", c->rgb.red, c->rgb.green, c->rgb.blue);
}

static void
cmd_cell(struct screen *s, char *args)
{
	int row = (int)number(&args);
	VTermPos pos = { row, (int)number(&args) };
	VTermScreenCell cell;
	struct buf b = BUF_INIT;

	memset(&cell, 0, sizeof(cell));
	vterm_screen_get_cell(s->vts, pos, &cell);
	printf("ok %d", cell.width);
	say_color(&cell.fg);
	say_color(&cell.bg);
	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
		utf8_add(&b, cell.chars[i]);
	printf(" %c%s%s%s%s %s\n", '=', cell.attrs.bold ? "B" : "", cell.attrs.underline ? "U" : "",
	       cell.attrs.italic ? "I" : "", cell.attrs.reverse ? "R" : "", b.ptr);
	buf_release(&b);
}

static void
cmd_resize(struct screen *s, char *args)
{
	s->rows = (int)number(&args);
	s->cols = (int)number(&args);
	struct winsize ws = { .ws_row = (unsigned short)s->rows,
			      .ws_col = (unsigned short)s->cols };

	vterm_set_size(s->vt, s->rows, s->cols);
	vterm_screen_flush_damage(s->vts);
	s->input_us = tick_us();
	changed(s);
	if (s->pty >= 0)
		ioctl(s->pty, TIOCSWINSZ, &ws);
	printf("ok\n");
}

static void
cmd_signal(struct screen *s, char *args)
{
	if (!s->has_ended)
		kill(s->pid, (int)number(&args));
	printf("ok\n");
}

static void
cmd_end(struct screen *s, char *args)
{
	int64_t deadline = tick_us() + number(&args) * 1000;

	while (!is_over(s) && left_ms(deadline) > 0)
		turn(s, left_ms(deadline), false);
	if (is_over(s))
		say_over(s);
	else
		printf("timeout\n");
}

static void
cmd_state(struct screen *s, char *args)
{
	if (is_over(s))
		say_over(s);
	else
		printf("ok %s\n", s->is_stopped ? "stopped" : "running");
}

static const struct {
	const char *name;
	void (*run)(struct screen *s, char *args);
} commands[] = {
	{ "keys", cmd_keys },	  { "wait", cmd_wait },	    { "gone", cmd_gone },
	{ "change", cmd_change }, { "moved", cmd_moved },   { "quiet", cmd_quiet },
	{ "dump", cmd_dump },	  { "attrs", cmd_attrs },   { "cell", cmd_cell },
	{ "resize", cmd_resize }, { "signal", cmd_signal }, { "end", cmd_end },
	{ "state", cmd_state },
};

static void
obey(struct screen *s, char *line)
{
	char *args = strchr(line, ' ');

	if (args != NULL)
		*args++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, line) == 0) {
			commands[i].run(s, args != NULL ? args : line + strlen(line));
			fflush(stdout);
			return;
		}
	}
	printf("bad command\n");
	fflush(stdout);
}

/* Commands that have come; false at the end of input. */
static bool
read_commands(struct screen *s, struct buf *in)
{
	char bytes[4096];
	ssize_t n = read(0, bytes, sizeof(bytes));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	buf_add(in, bytes, (size_t)n);
	for (;;) {
		char *newline = memchr(in->ptr, '\n', in->len);
		if (newline == NULL)
			return true;
		char *line = xstrndup(in->ptr, (size_t)(newline - in->ptr));
		buf_consume(in, (size_t)(newline + 1 - in->ptr));
		obey(s, line);
		free(line);
	}
}

/* --- Start and end. ------------------------------------------------------ */

static void
start(struct screen *s, char **argv)
{
	struct winsize ws = { .ws_row = (unsigned short)s->rows,
			      .ws_col = (unsigned short)s->cols };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	s->signals = signalfd(-1, &mask, SFD_CLOEXEC);
	int64_t started = tick_us();
	s->pid = forkpty(&s->pty, NULL, NULL, &ws);
	if (s->pid < 0)
		BUG("no pty");
	if (s->pid == 0) {
		sigprocmask(SIG_UNBLOCK, &mask, NULL);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	fs_set_nonblocking(s->pty);
	fs_set_cloexec(s->pty);
	printf("ok %d %lld\n", (int)s->pid, (long long)started);
	fflush(stdout);
}

static void
finish(struct screen *s)
{
	if (s->pty >= 0)
		close(s->pty);
	if (!s->has_ended) {
		kill(s->pid, SIGHUP);
		for (int i = 0; i < 200 && waitpid(s->pid, NULL, WNOHANG) == 0; i++)
			poll(NULL, 0, 10);
		kill(s->pid, SIGKILL);
	}
	vterm_free(s->vt);
	buf_release(&s->out);
	buf_release(&s->text);
}

int
main(int argc, char **argv)
{
	struct screen s = { .pty = -1, .record = -1, .is_cursor_visible = true };
	struct buf in = BUF_INIT;

	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		s.record = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		argv += 2;
		argc -= 2;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: screen [-o FILE] ROWS COLS PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	s.rows = atoi(argv[1]);
	s.cols = atoi(argv[2]);
	buf_init(&s.out);
	buf_init(&s.text);
	s.vt = vterm_new(s.rows, s.cols);
	vterm_set_utf8(s.vt, 1);
	vterm_output_set_callback(s.vt, on_output, &s);
	s.vts = vterm_obtain_screen(s.vt);
	vterm_screen_set_callbacks(s.vts, &callbacks, &s);
	vterm_screen_enable_altscreen(s.vts, 1);
	vterm_screen_set_damage_merge(s.vts, VTERM_DAMAGE_SCREEN);
	vterm_screen_reset(s.vts, 1);
	start(&s, argv + 3);
	while (!turn(&s, -1, true) || read_commands(&s, &in))
		;
	finish(&s);
	buf_release(&in);
	return 0;
}
