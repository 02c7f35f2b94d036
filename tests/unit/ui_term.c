/* term: what a terminal shows of what is sent. libvterm plays the terminal. */
#include "lib/test.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"
#include "tern/key.h"
#include "tern/ui.h"

#include <locale.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vterm.h>

#define ROWS 12
#define COLS 40

struct setup {
	int master, slave;
	struct ui_term *term;
	struct ui_screen *screen;
	VTerm *vt;
	VTermScreen *shown;
	size_t n_bytes; /* sent since the last look */
};

static int
open_pty(int *slave_out)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	*slave_out = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*slave_out >= 0);
	struct winsize w = { ROWS, COLS, 0, 0 };
	ioctl(*slave_out, TIOCSWINSZ, &w);
	fcntl(master, F_SETFL, O_NONBLOCK);
	return master;
}

static void
open_term(struct setup *s, const char *name, bool without_colors)
{
	struct err err = ERR_INIT;
	struct ui_term_options o = { s->slave, s->slave, name, 0, 0, without_colors, 0 };

	s->term = ui_term_open(&o, &err);
	if (s->term == NULL)
		fail_msg("%s", err.text);
}

static int
setup(void **state)
{
	struct setup *s = calloc(1, sizeof(*s));

	setlocale(LC_ALL, "C.UTF-8");
	s->master = open_pty(&s->slave);
	s->vt = vterm_new(ROWS, COLS);
	vterm_set_utf8(s->vt, 1);
	s->shown = vterm_obtain_screen(s->vt);
	vterm_screen_enable_altscreen(s->shown, 1);
	vterm_screen_reset(s->shown, 1);
	open_term(s, "xterm-256color", false);
	s->screen = ui_screen_new(ROWS, COLS);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct setup *s = *state;

	ui_screen_free(s->screen);
	ui_term_close(s->term);
	vterm_free(s->vt);
	close(s->master);
	close(s->slave);
	free(s);
	return 0;
}

static void
await_input(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	if (poll(&p, 1, 60000) != 1)
		fail_msg("nothing came through the pseudo-terminal");
}

/* All that was sent up to now. The kernel passes it on when it finds the time: it has
 * when a mark of ours has come behind it. */
static void
take_sent(struct setup *s, struct buf *all)
{
	static const char mark[] = "\177\177\177";
	char bytes[4096];

	assert_int_equal(write(s->slave, mark, 3), 3);
	while (!str_ends(buf_str(all), mark)) {
		await_input(s->master);
		ssize_t n = read(s->master, bytes, sizeof(bytes));
		assert_true(n > 0);
		buf_add(all, bytes, (size_t)n);
	}
	buf_truncate(all, all->len - 3);
}

/* Let the terminal have what was sent, in one piece: libvterm puts a combining mark
 * elsewhere that comes apart from its letter. */
static void
look(struct setup *s)
{
	struct buf all = BUF_INIT;

	take_sent(s, &all);
	vterm_input_write(s->vt, all.ptr, all.len);
	s->n_bytes = all.len;
	buf_release(&all);
}

static void
draw(struct setup *s)
{
	ui_term_draw(s->term, s->screen);
	look(s);
}

static VTermScreenCell
cell_at(struct setup *s, int row, int col)
{
	VTermScreenCell cell;
	VTermPos pos = { row, col };

	vterm_screen_get_cell(s->shown, pos, &cell);
	return cell;
}

static void
assert_row(struct setup *s, int row, const char *want)
{
	struct buf text = BUF_INIT;
	size_t end = 0;

	for (int col = 0; col < COLS; col++) {
		VTermScreenCell cell = cell_at(s, row, col);
		if (cell.chars[0] == (uint32_t)-1)
			continue;
		for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++)
			utf8_add(&text, cell.chars[i]);
		if (cell.chars[0] == 0)
			buf_addc(&text, ' ');
		else if (cell.chars[0] != ' ')
			end = text.len;
	}
	buf_truncate(&text, end);
	assert_str(buf_str(&text), want);
	buf_release(&text);
}

static void
test_draws_text_and_cursor(void **state)
{
	struct setup *s = *state;
	struct ui_area all = ui_area_all(s->screen);
	VTermPos pos;

	ui_puts(all, 0, 0, "hello", UI_PLAIN);
	ui_puts(all, ROWS - 1, COLS - 3, "end", UI_PLAIN);
	ui_puts(all, 3, 2, "山田 太郎 zażółć e\xcc\x81", UI_PLAIN);
	ui_cursor(all, 3, 4);
	draw(s);
	assert_row(s, 0, "hello");
	assert_row(s, 3, "  山田 太郎 zażółć e\xcc\x81");
	assert_row(s, ROWS - 1, "                                     end");
	vterm_state_get_cursorpos(vterm_obtain_state(s->vt), &pos);
	assert_int_equal(pos.row, 3);
	assert_int_equal(pos.col, 4);
}

static void
test_colors_and_attributes(void **state)
{
	struct setup *s = *state;
	struct ui_area all = ui_area_all(s->screen);
	struct ui_style style = { 215, 238, UI_BOLD | UI_UNDERLINE };

	assert_int_equal(ui_term_colors(s->term), 256);
	ui_puts(all, 1, 1, "x", style);
	ui_puts(all, 1, 2, "y", UI_PLAIN);
	draw(s);
	VTermScreenCell x = cell_at(s, 1, 1), y = cell_at(s, 1, 2);
	assert_int_equal(x.fg.indexed.idx, 215);
	assert_int_equal(x.bg.indexed.idx, 238);
	assert_true(x.attrs.bold && x.attrs.underline);
	assert_true(VTERM_COLOR_IS_DEFAULT_FG(&y.fg));
	assert_false(y.attrs.bold);
	/* A colour by its parts becomes the nearest of the palette. */
	ui_puts(all, 2, 0, "z", (struct ui_style){ UI_RGB(255, 0, 0), UI_COLOR_DEFAULT, 0 });
	draw(s);
	VTermScreenCell z = cell_at(s, 2, 0);
	assert_int_equal(z.fg.indexed.idx, 196);
}

static void
test_only_changes_are_sent(void **state)
{
	struct setup *s = *state;
	struct ui_area all = ui_area_all(s->screen);

	for (int row = 0; row < ROWS; row++)
		ui_puts(all, row, 0, "a long line that fills the screen", UI_PLAIN);
	draw(s);
	assert_true(s->n_bytes > 300);
	draw(s);
	size_t nothing = s->n_bytes;
	assert_true(nothing < 10);
	ui_puts(all, 5, 10, "X", UI_PLAIN);
	draw(s);
	assert_true(s->n_bytes < nothing + 20);
	assert_row(s, 5, "a long linX that fills the screen");
}

/* What curses cannot hold is in its place, and so is all that stands behind it. */
static void
test_clusters_do_not_shift_a_row(void **state)
{
	struct setup *s = *state;
	struct ui_area all = ui_area_all(s->screen);
	static const char *const clusters[] = { "👩‍👩‍👧‍👦", "👍🏽", "🇳🇴", "❤️", "🏔️", "🫠", "🪿" };

	for (int i = 0; i < 7; i++) {
		ui_fill(all, i, 0, COLS, UI_PLAIN);
		int cols = ui_puts(all, i, 4, clusters[i], UI_PLAIN);
		assert_int_equal(cols, 2);
		ui_puts(all, i, 6, "behind", UI_PLAIN);
		ui_puts(all, i, COLS - 1, "|", UI_PLAIN);
	}
	ui_cursor(all, 2, 0);
	draw(s);
	for (int i = 0; i < 7; i++) {
		uint32_t first;
		utf8_decode(str_c(clusters[i]), &first);
		assert_int_equal(cell_at(s, i, 4).chars[0], first);
		assert_int_equal(cell_at(s, i, COLS - 1).chars[0], '|');
	}
	/* The cursor is where it belongs all the same. */
	VTermPos pos;
	vterm_state_get_cursorpos(vterm_obtain_state(s->vt), &pos);
	assert_int_equal(pos.row, 2);
	assert_int_equal(pos.col, 0);
	/* Something else in its place leaves nothing of it. */
	ui_fill(all, 0, 0, COLS, UI_PLAIN);
	ui_puts(all, 0, 0, "gone", UI_PLAIN);
	ui_put(all, 1, 4, STR("🇯🇵"), UI_PLAIN);
	draw(s);
	assert_row(s, 0, "gone");
	assert_int_equal(cell_at(s, 1, 4).chars[0], 0x1f1ef);
	assert_int_equal(cell_at(s, 1, 6).chars[0], 'b');
}

static void
test_resize(void **state)
{
	struct setup *s = *state;
	int rows, cols;
	struct winsize w = { 9, 60, 0, 0 };

	assert_false(ui_term_size(s->term, &rows, &cols));
	assert_int_equal(rows, ROWS);
	ioctl(s->slave, TIOCSWINSZ, &w);
	assert_true(ui_term_size(s->term, &rows, &cols));
	assert_int_equal(rows, 9);
	assert_int_equal(cols, 60);
	vterm_set_size(s->vt, 9, 60);
	ui_screen_resize(s->screen, rows, cols);
	ui_puts(ui_area_all(s->screen), 8, 50, "corner", UI_PLAIN);
	draw(s);
	assert_int_equal(cell_at(s, 8, 50).chars[0], 'c');
}

static void
test_suspend_and_resume(void **state)
{
	struct setup *s = *state;
	struct termios before, during;

	tcgetattr(s->slave, &during);
	assert_false(during.c_lflag & ICANON);
	assert_false(during.c_lflag & ISIG);
	ui_puts(ui_area_all(s->screen), 0, 0, "mine", UI_PLAIN);
	draw(s);
	ui_term_suspend(s->term);
	look(s);
	tcgetattr(s->slave, &before);
	assert_true(before.c_lflag & ICANON);
	assert_true(before.c_lflag & ECHO);
	/* Nothing is drawn over somebody else's screen. */
	draw(s);
	assert_int_equal(s->n_bytes, 0);
	ui_term_resume(s->term);
	vterm_screen_reset(s->shown, 1);
	draw(s);
	assert_row(s, 0, "mine");
	tcgetattr(s->slave, &during);
	assert_false(during.c_lflag & ICANON);
}

static void
test_keys_arrive(void **state)
{
	struct setup *s = *state;
	struct err err = ERR_INIT;
	struct str paste;
	uint32_t key;

	/* Never waits, also when there is nothing. */
	assert_int_equal(ui_term_read(s->term, 0, &err), 0);
	assert_int_equal(ui_input_next(ui_term_input(s->term), 0, &key, &paste), UI_INPUT_NONE);
	assert_int_equal(write(s->master, "\003\033OA", 4), 4);
	await_input(s->slave);
	assert_int_equal(ui_term_read(s->term, 0, &err), 0);
	assert_int_equal(ui_input_next(ui_term_input(s->term), 0, &key, &paste), UI_INPUT_KEY);
	assert_int_equal(key, 3); /* ^C is a key like others */
	assert_int_equal(ui_input_next(ui_term_input(s->term), 0, &key, &paste), UI_INPUT_KEY);
	assert_int_equal(key, KEYC_UP);
}

static void
test_without_colors(void **state)
{
	struct setup *s = *state;

	ui_term_close(s->term);
	open_term(s, "xterm-256color", true);
	assert_int_equal(ui_term_colors(s->term), 0);
	ui_puts(ui_area_all(s->screen), 0, 0, "x", (struct ui_style){ 1, 2, UI_REVERSE });
	draw(s);
	VTermScreenCell x = cell_at(s, 0, 0);
	assert_true(x.attrs.reverse);
	assert_true(VTERM_COLOR_IS_DEFAULT_FG(&x.fg));
}

static void
test_unknown_terminal(void **state)
{
	struct setup *s = *state;
	struct err err = ERR_INIT;
	struct ui_term_options o = { s->slave, s->slave, "no-such-terminal", 0, 0, false, 0 };

	assert_null(ui_term_open(&o, &err));
	assert_err(err, ERR_USER);
}

/* A locale without UTF-8: letters lose their accents, lines are the terminal's, and
 * no byte is sent that it does not know. */
static void
test_plain_locale(void **state)
{
	struct setup *s = *state;
	VTermScreenCell cell;

	ui_term_close(s->term);
	assert_non_null(setlocale(LC_ALL, "C"));
	open_term(s, "xterm-256color", false);
	ui_puts(ui_area_all(s->screen), 0, 2, "zażółć – é 山 📎 x", UI_PLAIN);
	ui_puts(ui_area_all(s->screen), 1, 0, "─│└", UI_PLAIN);
	draw(s);
	assert_row(s, 0, "  zazolc - e ?  @  x");
	cell = cell_at(s, 1, 0);
	assert_int_equal(cell.chars[0], 0x2500); /* by the alternate set */
	/* What is typed is UTF-8 from here on. */
	setlocale(LC_ALL, "C.UTF-8");
}

/* A crash gives the terminal back. */
static void
test_emergency(void **state)
{
	struct setup *s = *state;
	struct termios now;

	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		ui_term_emergency();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	tcgetattr(s->slave, &now);
	assert_true(now.c_lflag & ICANON);
	struct buf sent = BUF_INIT;
	take_sent(s, &sent);
	assert_true(str_find_str(buf_str(&sent), STR("\033[?1049l")) >= 0);
	assert_true(str_find_str(buf_str(&sent), STR("\033[?2004l")) >= 0);
	buf_release(&sent);
}

/* Whoever has this terminal now gets nothing of ours. */
static void
test_a_terminal_that_has_hung_up(void **state)
{
	struct setup *s = *state;

	ui_puts(ui_area_all(s->screen), 0, 0, "mine", UI_PLAIN);
	draw(s);
	ui_term_forget(s->term);
	look(s);
	assert_int_equal(s->n_bytes, 0);
	s->term = NULL;
}

/* Random screens: the terminal shows what the grid holds, cell by cell. */
static void
test_random_screens(void **state)
{
	struct setup *s = *state;
	struct ui_area all = ui_area_all(s->screen);
	struct test_random r = { 11 };
	static const char *const words[] = { "abc", "山田", "e\xcc\x81", "👩‍👩‍👧‍👦", " ", "       ",
					     "❤️", "한", "x\033[2Jy", "zażółć", "🇳🇴", "─│" };

	for (int round = 0; round < 300; round++) {
		for (int n = 0; n < 8; n++) {
			uint32_t word = test_random(&r, 12);
			/* In the last column libvterm 0.1 takes a letter and its mark apart. */
			uint32_t col = test_random(&r, word == 2 ? COLS - 1 : COLS);
			ui_puts(all, (int)test_random(&r, ROWS), (int)col, words[word],
				(struct ui_style){ (int32_t)test_random(&r, 256), UI_COLOR_DEFAULT,
						   test_random(&r, 2) ? UI_BOLD : 0 });
		}
		draw(s);
		for (int row = 0; row < ROWS; row++) {
			struct buf want = BUF_INIT, got = BUF_INIT;
			ui_screen_row_text(s->screen, row, &want);
			struct str rest = buf_str(&want);
			int col = 0;
			while (rest.len > 0) {
				int width;
				uint32_t cp;
				size_t len = utf8_grapheme(rest, &width);
				utf8_decode(rest, &cp);
				VTermScreenCell cell = cell_at(s, row, col);
				uint32_t seen = cell.chars[0] == 0 ? ' ' : cell.chars[0];
				if (seen != cp)
					fail_msg("round %d, %d:%d: U+%04X instead of U+%04X", round,
						 row, col, seen, cp);
				rest = str_from(rest, len);
				col += width;
			}
			buf_release(&want);
			buf_release(&got);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_draws_text_and_cursor),
		TEST(test_colors_and_attributes),
		TEST(test_only_changes_are_sent),
		TEST(test_clusters_do_not_shift_a_row),
		TEST(test_resize),
		TEST(test_suspend_and_resume),
		TEST(test_keys_arrive),
		TEST(test_without_colors),
		TEST(test_unknown_terminal),
		TEST(test_plain_locale),
		TEST(test_emergency),
		TEST(test_a_terminal_that_has_hung_up),
		TEST(test_random_screens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
