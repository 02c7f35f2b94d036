/* The only file that sees curses.
 *
 * What changed in the grid is handed to curses cell by cell, at explicit
 * positions, and curses sends what differs from the terminal. A curses cell can
 * hold one spacing character of the width that wcwidth() believes in; an emoji
 * made of several code points, or one newer than the C library, is more than
 * that. For those curses gets marked blanks, and they are written over it behind
 * each refresh, each at its own position, so that neither curses nor a terminal
 * of another opinion can put anything else in a wrong column. The same way goes
 * struck-out text, which curses does not know.
 *
 * A locale whose character set is not UTF-8 gets what it can show: lines by the
 * terminal's line drawing, letters without their accents, else a question mark. */
#include "internal.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/key.h"

struct ui_term {
	SCREEN *screen;
	FILE *in_file, *out_file;
	int in_fd, out_fd;
	int rows, cols;
	int colors;
	bool is_utf8;	   /* the locale is */
	bool is_direct;	   /* colours are RGB values */
	bool is_suspended;
	bool has_title;
	bool asked_size;   /* rows and cols were given, do not ask */
	const char *strike_on, *strike_off; /* NULL: cannot */
	struct ui_input *input;
	/* What curses was told last. */
	struct ui_cell *shown;
	int shown_rows, shown_cols;
	unsigned shown_generation;
	bool all_changed;
	struct buf out; /* what is sent beside curses */
};

/* For the signal handler: no allocation, no curses. */
static struct {
	int fd;
	bool is_armed;
	bool has_termios;
	struct termios before;
	char restore[256];
	size_t restore_len;
} emergency;

static struct buf *collected; /* tputs() has no context */

static int
collect(int c)
{
	buf_addc(collected, (char)c);
	return c;
}

static void
send_cap(struct ui_term *t, const char *cap)
{
	if (cap == NULL || cap == (const char *)-1)
		return;
	collected = &t->out;
	tputs(cap, 1, collect);
}

static const char *
string_cap(const char *name)
{
	const char *cap = tigetstr(name);

	return cap == (const char *)-1 ? NULL : cap;
}

static void
flush_out(struct ui_term *t)
{
	size_t done = 0;

	while (done < t->out.len) {
		ssize_t n = write(t->out_fd, t->out.ptr + done, t->out.len - done);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = { t->out_fd, POLLOUT, 0 };
			poll(&p, 1, 1000);
		} else if (errno != EINTR) {
			break;
		}
	}
	buf_reset(&t->out);
}

/* ---- opening and closing -------------------------------------------------- */

static const struct {
	const char *cap;
	uint32_t key;
} terminfo_keys[] = {
	{ "kcuu1", KEYC_UP },	  { "kcud1", KEYC_DOWN },   { "kcub1", KEYC_LEFT },
	{ "kcuf1", KEYC_RIGHT },  { "khome", KEYC_HOME },   { "kend", KEYC_END },
	{ "kpp", KEYC_PAGEUP },	  { "knp", KEYC_PAGEDOWN }, { "kich1", KEYC_INSERT },
	{ "kdch1", KEYC_DELETE }, { "kbs", KEYC_BACKSPACE }, { "kcbt", KEYC_BACKTAB },
	{ "kent", KEYC_KP_ENTER },
};

static void
learn_keys(struct ui_input *in)
{
	for (size_t i = 0; i < ARRAY_LEN(terminfo_keys); i++) {
		const char *sequence = string_cap(terminfo_keys[i].cap);
		/* A terminal that says ^H for Backspace still sends it for Ctrl-H. */
		if (sequence != NULL && (unsigned char)sequence[0] >= 0x1b)
			ui_input_learn(in, sequence, terminfo_keys[i].key);
	}
	for (uint32_t f = 1; f <= 63; f++) {
		char cap[8];
		snprintf(cap, sizeof(cap), "kf%u", f);
		const char *sequence = string_cap(cap);
		if (sequence != NULL && sequence[0] == '\033')
			ui_input_learn(in, sequence, KEYC_F1 + f - 1);
	}
}

static bool
is_xterm_like(const char *name)
{
	static const char *const names[] = { "xterm", "rxvt", "screen", "tmux", "alacritty",
					     "kitty", "foot", "st-", "vte", "gnome", "konsole",
					     "wezterm", "ghostty", "contour" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(str_c(name), names[i]))
			return true;
	return false;
}

static void
enter(struct ui_term *t)
{
	send_cap(t, string_cap("smkx"));
	if (t->has_title)
		buf_adds(&t->out, "\033[?2004h"); /* bracketed paste */
	flush_out(t);
}

static void
leave(struct ui_term *t)
{
	send_cap(t, string_cap("rmkx"));
	if (t->has_title)
		buf_adds(&t->out, "\033[?2004l");
	flush_out(t);
}

static void
arm_emergency(struct ui_term *t)
{
	static const char *const caps[] = { "sgr0", "op", "rmkx", "cnorm", "rmcup" };
	struct buf b = BUF_INIT;

	collected = &b;
	for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
		const char *cap = string_cap(caps[i]);
		if (cap != NULL)
			tputs(cap, 1, collect);
	}
	if (t->has_title)
		buf_adds(&b, "\033[?2004l");
	buf_adds(&b, "\r\n");
	if (b.len <= sizeof(emergency.restore)) {
		memcpy(emergency.restore, b.ptr, b.len);
		emergency.restore_len = b.len;
	}
	buf_release(&b);
	emergency.fd = t->out_fd;
	emergency.is_armed = true;
}

void
ui_term_emergency(void)
{
	if (!emergency.is_armed)
		return;
	emergency.is_armed = false;
	ssize_t n = write(emergency.fd, emergency.restore, emergency.restore_len);
	(void)n; /* nothing can be done about it here */
	if (emergency.has_termios)
		tcsetattr(emergency.fd, TCSANOW, &emergency.before);
}

static bool
ask_size(const struct ui_term *t, int *rows, int *cols)
{
	struct winsize w;

	if (t->asked_size)
		return false;
	if (ioctl(t->out_fd, TIOCGWINSZ, &w) < 0 && ioctl(t->in_fd, TIOCGWINSZ, &w) < 0)
		return false;
	if (w.ws_row == 0 || w.ws_col == 0)
		return false;
	*rows = w.ws_row;
	*cols = w.ws_col;
	return true;
}

static void
start_colors(struct ui_term *t, bool without)
{
	t->colors = 0;
	if (without || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	t->colors = COLORS;
	t->is_direct = COLORS > 256;
}

/* A program behind us that writes to the terminal is stopped, as one that reads. */
static void
stop_writers(struct ui_term *t)
{
	struct termios now;

	if (tcgetattr(t->out_fd, &now) < 0)
		return;
	now.c_lflag |= TOSTOP;
	tcsetattr(t->out_fd, TCSANOW, &now);
	def_prog_mode();
}

static void
free_term(struct ui_term *t)
{
	if (t->in_file != NULL)
		fclose(t->in_file);
	if (t->out_file != NULL)
		fclose(t->out_file);
	ui_input_free(t->input);
	buf_release(&t->out);
	free(t->shown);
	free(t);
}

struct ui_term *
ui_term_open(const struct ui_term_options *o, struct err *err)
{
	struct ui_term *t = xcalloc(1, sizeof(*t));
	const char *name = o->term_name != NULL ? o->term_name : getenv("TERM");
	int in_copy = dup(o->in_fd), out_copy = dup(o->out_fd);

	buf_init(&t->out);
	t->in_fd = o->in_fd;
	t->out_fd = o->out_fd;
	t->in_file = in_copy < 0 ? NULL : fdopen(in_copy, "r");
	t->out_file = out_copy < 0 ? NULL : fdopen(out_copy, "w");
	if (t->in_file == NULL || t->out_file == NULL) {
		err_errno(err, errno, "cannot use the terminal");
		free_term(t);
		return NULL;
	}
	t->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	emergency.has_termios = tcgetattr(o->out_fd, &emergency.before) == 0;
	int rows = o->rows, cols = o->cols;
	t->asked_size = rows > 0 && cols > 0;
	ask_size(t, &rows, &cols);
	t->screen = name == NULL || *name == '\0' ? NULL :
						    newterm(name, t->out_file, t->in_file);
	if (t->screen == NULL) {
		err_set(err, ERR_USER, "the terminal type '%s' ($TERM) is not known, or cannot move its cursor",
			name == NULL ? "" : name);
		free_term(t);
		return NULL;
	}
	raw(); /* ^C, ^Z, ^S are keys like others */
	noecho();
	nonl();
	idlok(stdscr, FALSE);
	idcok(stdscr, FALSE);
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	stop_writers(t);
	typeahead(-1); /* never skip drawing because keys wait */
	start_colors(t, o->without_colors);
	t->has_title = is_xterm_like(name);
	t->strike_on = string_cap("smxx");
	t->strike_off = string_cap("rmxx");
	t->input = ui_input_new(o->escape_ms);
	learn_keys(t->input);
	if (rows > 0 && cols > 0)
		resizeterm(rows, cols);
	getmaxyx(stdscr, t->rows, t->cols);
	t->all_changed = true;
	enter(t);
	arm_emergency(t);
	return t;
}

void
ui_term_close(struct ui_term *t)
{
	if (t == NULL)
		return;
	if (!t->is_suspended) {
		leave(t);
		endwin();
	}
	ui_term_forget(t);
}

void
ui_term_forget(struct ui_term *t)
{
	emergency.is_armed = false;
	delscreen(t->screen);
	free_term(t);
}

int
ui_term_colors(const struct ui_term *t)
{
	return t->is_direct ? 1 << 24 : t->colors;
}

bool
ui_term_size(struct ui_term *t, int *rows_out, int *cols_out)
{
	int rows = t->rows, cols = t->cols;
	bool changed = ask_size(t, &rows, &cols) && (rows != t->rows || cols != t->cols);

	if (changed) {
		resizeterm(rows, cols);
		t->rows = rows;
		t->cols = cols;
		t->all_changed = true;
	}
	*rows_out = t->rows;
	*cols_out = t->cols;
	return changed;
}

void
ui_term_suspend(struct ui_term *t)
{
	if (t->is_suspended)
		return;
	leave(t);
	endwin();
	emergency.is_armed = false;
	t->is_suspended = true;
}

void
ui_term_resume(struct ui_term *t)
{
	int rows, cols;

	if (!t->is_suspended)
		return;
	t->is_suspended = false;
	refresh(); /* curses takes the terminal back by itself */
	ui_term_size(t, &rows, &cols);
	t->all_changed = true;
	enter(t);
	arm_emergency(t);
}

bool
ui_term_is_suspended(const struct ui_term *t)
{
	return t->is_suspended;
}

void
ui_term_bell(struct ui_term *t)
{
	if (t->is_suspended)
		return;
	send_cap(t, string_cap("bel"));
	flush_out(t);
}

void
ui_term_title(struct ui_term *t, struct str title)
{
	if (!t->has_title || t->is_suspended)
		return;
	buf_adds(&t->out, "\033]2;");
	utf8_add_safe(&t->out, str_head(title, 200));
	buf_adds(&t->out, "\033\\");
	flush_out(t);
}

/* ---- colours -------------------------------------------------------------- */

static int
rgb_of_palette(int color)
{
	static const int basic[16] = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
				       0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
				       0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff };
	static const int steps[6] = { 0, 95, 135, 175, 215, 255 };

	if (color < 16)
		return basic[color];
	if (color >= 232) {
		int grey = 8 + 10 * (color - 232);
		return grey << 16 | grey << 8 | grey;
	}
	color -= 16;
	return steps[color / 36] << 16 | steps[color / 6 % 6] << 8 | steps[color % 6];
}

static int
distance(int a, int b)
{
	int red = (a >> 16 & 255) - (b >> 16 & 255), green = (a >> 8 & 255) - (b >> 8 & 255),
	    blue = (a & 255) - (b & 255);

	return 3 * red * red + 4 * green * green + 2 * blue * blue;
}

static int
nearest(int rgb, int first, int end)
{
	int best = first;

	for (int i = first + 1; i < end; i++)
		if (distance(rgb_of_palette(i), rgb) < distance(rgb_of_palette(best), rgb))
			best = i;
	return best;
}

static int
curses_color(const struct ui_term *t, int32_t color)
{
	if (color < 0)
		return -1;
	if (t->is_direct) {
		if (color < 8)
			return color; /* such terminals keep the first eight as they are */
		return color & 0x1000000 ? color & 0xffffff : rgb_of_palette(color);
	}
	if (color & 0x1000000)
		return t->colors >= 256 ? nearest(color & 0xffffff, 16, 256) :
					  nearest(color & 0xffffff, 0, t->colors < 16 ? 8 : 16);
	if (color < t->colors)
		return color;
	return color < 16 ? color - 8 : nearest(rgb_of_palette(color), 0, t->colors < 16 ? 8 : 16);
}

static attr_t
curses_attrs(const struct ui_term *t, struct ui_style style)
{
	static const struct {
		unsigned ours;
		attr_t theirs;
	} table[] = {
		{ UI_BOLD, A_BOLD },	       { UI_DIM, A_DIM },     { UI_ITALIC, A_ITALIC },
		{ UI_UNDERLINE, A_UNDERLINE }, { UI_REVERSE, A_REVERSE }, { UI_BLINK, A_BLINK },
	};
	attr_t attrs = A_NORMAL;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (style.attrs & table[i].ours)
			attrs |= table[i].theirs;
	/* A bright colour of a terminal that has but eight. */
	if (t->colors == 8 && style.fg >= 8 && style.fg < 16)
		attrs |= A_BOLD;
	return attrs;
}

static int
curses_pair(const struct ui_term *t, struct ui_style style)
{
	int fg, bg, pair;

	if (t->colors == 0)
		return 0;
	fg = curses_color(t, style.fg);
	bg = curses_color(t, style.bg);
	if (fg < 0 && bg < 0)
		return 0;
	pair = alloc_pair(fg, bg);
	return pair < 0 ? 0 : pair;
}

/* ---- drawing -------------------------------------------------------------- */

/* Base letters of U+00A0 to U+017F; the line drawing goes by its own table. */
static const char latin[] =
	" !cL$Y|S\"ca<--R-o+23'uP.,1o>///?"
	"AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty"
	"AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLl"
	"NnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static const struct {
	uint32_t cp;
	char ascii;
} stand_ins[] = {
	{ 0x2010, '-' }, { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' },  { 0x2014, '-' },
	{ 0x2015, '-' }, { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201a, ',' }, { 0x201c, '"' },
	{ 0x201d, '"' }, { 0x201e, '"' }, { 0x2022, '*' }, { 0x2026, '.' },  { 0x2190, '<' },
	{ 0x2192, '>' }, { 0x20ac, 'E' }, { 0x25b6, '>' }, { 0x25b8, '>' },  { 0x2504, '-' },
	{ 0x1f4ce, '@' },
};

static wchar_t
stand_in(uint32_t cp)
{
	if (cp >= 0xa0 && cp < 0xa0 + sizeof(latin) - 1)
		return (wchar_t)latin[cp - 0xa0];
	for (size_t i = 0; i < ARRAY_LEN(stand_ins); i++)
		if (stand_ins[i].cp == cp)
			return (wchar_t)stand_ins[i].ascii;
	return L'?';
}

/* A line of the terminal's own, where there is one. */
static bool
line_drawing(uint32_t cp, wchar_t wide[CCHARW_MAX + 1], attr_t *attrs)
{
	const struct {
		uint32_t cp;
		const cchar_t *acs;
	} table[] = {
		{ 0x2500, WACS_HLINE },	   { 0x2502, WACS_VLINE },    { 0x250c, WACS_ULCORNER },
		{ 0x2510, WACS_URCORNER }, { 0x2514, WACS_LLCORNER }, { 0x2518, WACS_LRCORNER },
		{ 0x251c, WACS_LTEE },	   { 0x2524, WACS_RTEE },     { 0x252c, WACS_TTEE },
		{ 0x2534, WACS_BTEE },	   { 0x253c, WACS_PLUS },
	};
	attr_t own;
	short pair;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].cp == cp && getcchar(table[i].acs, wide, &own, &pair, NULL) == OK) {
			*attrs |= own;
			return true;
		}
	return false;
}

/* What a locale without UTF-8 has for a cell; one column, if it has no such
 * character of two. */
static void
to_locale(const char *text, int cols, wchar_t wide[CCHARW_MAX + 1], attr_t *attrs)
{
	char bytes[MB_LEN_MAX];
	uint32_t cp;

	utf8_decode(str_c(text), &cp);
	if (line_drawing(cp, wide, attrs))
		return;
	bool is_known = wctomb(bytes, (wchar_t)cp) > 0 && wcwidth((wchar_t)cp) == cols;
	wide[0] = is_known ? (wchar_t)cp : stand_in(cp);
	wide[1] = L'\0';
}

/* The cell as curses can hold it; false: it must be written over it. */
static bool
to_wide(const struct ui_cell *c, const char *text, wchar_t wide[CCHARW_MAX + 1])
{
	struct str rest = str_c(text);
	size_t n = 0;

	if (c->glyph < 0x7f) {
		wide[0] = (wchar_t)c->glyph;
		wide[1] = L'\0';
		return true;
	}
	while (rest.len > 0) {
		uint32_t cp;
		size_t len = utf8_decode(rest, &cp);
		int width = wcwidth((wchar_t)cp);
		if (n == CCHARW_MAX || width != (n == 0 ? c->cols : 0))
			return false;
		/* A selector or joiner changes what the terminal makes of its base. */
		if (cp == 0x200d || (cp >= 0xfe00 && cp <= 0xfe0f))
			return false;
		wide[n++] = (wchar_t)cp;
		rest = str_from(rest, len);
	}
	wide[n] = L'\0';
	return n > 0;
}

static bool
is_overlaid(const struct ui_term *t, const struct ui_screen *s, const struct ui_cell *c)
{
	wchar_t wide[CCHARW_MAX + 1];
	char one[8];

	if (c->cols == 0 || !t->is_utf8)
		return false;
	if ((c->style.attrs & UI_STRIKE) && t->strike_on != NULL && c->glyph != ' ')
		return true;
	return c->glyph >= 0x80 && !to_wide(c, screen_glyph_text(s, c->glyph, one), wide);
}

static void
give_cell(struct ui_term *t, const struct ui_screen *s, int row, int col)
{
	const struct ui_cell *c = screen_cell(s, row, col);
	wchar_t wide[CCHARW_MAX + 1];
	char one[8];
	cchar_t cell;
	int pair = curses_pair(t, c->style);
	attr_t attrs = curses_attrs(t, c->style);

	if (is_overlaid(t, s, c)) {
		/* Marked, so that curses never takes it for a blank that is there already. */
		setcchar(&cell, L" ", attrs | A_PROTECT, 0, &pair);
		for (int i = 0; i < c->cols; i++)
			mvadd_wch(row, col + i, &cell);
		return;
	}
	if (t->is_utf8 || c->glyph < 0x7f)
		to_wide(c, screen_glyph_text(s, c->glyph, one), wide);
	else
		to_locale(screen_glyph_text(s, c->glyph, one), c->cols, wide, &attrs);
	setcchar(&cell, wide, attrs, 0, &pair);
	mvadd_wch(row, col, &cell);
	if (c->cols == 2 && !t->is_utf8 && wide[1] == L'\0' && wide[0] < 0x7f) {
		setcchar(&cell, L" ", attrs, 0, &pair);
		mvadd_wch(row, col + 1, &cell);
	}
}

/* How many columns more than we think a terminal may take that does not join the
 * code points of a cluster: those cells behind it are written again. */
static int
possible_excess(const struct ui_cell *c, const char *text)
{
	struct str rest = str_c(text);
	int cols = 0;

	while (rest.len > 0) {
		uint32_t cp;
		size_t len = utf8_decode(rest, &cp);
		int ours = utf8_cols(str_head(rest, len)), theirs = wcwidth((wchar_t)cp);
		cols += ours > theirs ? ours : theirs;
		rest = str_from(rest, len);
	}
	/* One that is shown as an emoji by some and as a letter by others. */
	cols = cols < 2 ? 2 : cols;
	return cols > c->cols ? cols - c->cols : 0;
}

static const char *
first_code_point(const char *text, char buf[8])
{
	uint32_t cp;
	size_t len = utf8_decode(str_c(text), &cp);

	memmove(buf, text, len);
	buf[len] = '\0';
	return buf;
}

static void
overlay_cell(struct ui_term *t, const struct ui_cell *c, const char *text, int row, int col)
{
	int pair = curses_pair(t, c->style);
	bool is_struck = (c->style.attrs & UI_STRIKE) && t->strike_on != NULL;

	tputs(tparm(string_cap("cup"), row, col, 0, 0, 0, 0, 0, 0, 0), 1, collect);
	vid_puts(curses_attrs(t, c->style), 0, &pair, collect);
	if (is_struck)
		tputs(t->strike_on, 1, collect);
	buf_adds(&t->out, text);
	if (is_struck && t->strike_off != NULL)
		tputs(t->strike_off, 1, collect);
}

static void
overlay_row(struct ui_term *t, const struct ui_screen *s, int row)
{
	int again_until = 0; /* column up to which the terminal may have written too far */
	char one[8];

	collected = &t->out;
	for (int col = 0; col < s->cols && col < t->cols; col++) {
		const struct ui_cell *c = screen_cell(s, row, col);
		bool is_over = is_overlaid(t, s, c);
		if (c->cols == 0 || (!is_over && col >= again_until))
			continue;
		const char *text = screen_glyph_text(s, c->glyph, one);
		int end = col + c->cols + (c->glyph >= 0x80 && is_over ? possible_excess(c, text) : 0);
		/* Nothing may go over the right edge: there the first code point stands
		 * for all of them. */
		if (end > t->cols) {
			text = first_code_point(text, one);
			end = t->cols;
		}
		overlay_cell(t, c, text, row, col);
		again_until = end > again_until ? end : again_until;
	}
}

static bool
same_cell(const struct ui_cell *a, const struct ui_cell *b)
{
	return a->glyph == b->glyph && a->cols == b->cols && ui_style_eq(a->style, b->style);
}

static void
remember(struct ui_term *t, const struct ui_screen *s)
{
	size_t size = (size_t)s->rows * (size_t)s->cols * sizeof(*s->cells);

	if (t->shown_rows != s->rows || t->shown_cols != s->cols || t->shown == NULL) {
		free(t->shown);
		t->shown = xmalloc(size);
		t->shown_rows = s->rows;
		t->shown_cols = s->cols;
	}
	memcpy(t->shown, s->cells, size);
	t->shown_generation = s->generation;
}

static bool
row_changed(const struct ui_term *t, const struct ui_screen *s, int row)
{
	for (int col = 0; col < s->cols; col++)
		if (!same_cell(screen_cell(s, row, col), &t->shown[row * s->cols + col]))
			return true;
	return false;
}

static bool
row_has_overlay(const struct ui_term *t, const struct ui_screen *s, int row)
{
	for (int col = 0; col < s->cols; col++)
		if (is_overlaid(t, s, screen_cell(s, row, col)))
			return true;
	return false;
}

/* One row to curses. Left of it a wide character may have lost its half, so a
 * row is given as a whole: curses itself finds what differs. */
static void
give_row(struct ui_term *t, const struct ui_screen *s, int row, int cols)
{
	for (int col = 0; col < cols; col++) {
		int width = screen_cell(s, row, col)->cols;
		if (width > 0 && col + width <= cols)
			give_cell(t, s, row, col);
	}
}

static void
overlay_rows(struct ui_term *t, const struct ui_screen *s, const bool *changed, int rows)
{
	int row, col;

	for (row = 0; row < rows; row++)
		if (changed[row] && row_has_overlay(t, s, row))
			overlay_row(t, s, row);
	if (t->out.len == 0)
		return;
	int none = 0;
	vid_puts(A_NORMAL, 0, &none, collect);
	/* Back to where curses believes the cursor to be. */
	getyx(curscr, row, col);
	tputs(tparm(string_cap("cup"), row, col, 0, 0, 0, 0, 0, 0, 0), 1, collect);
	flush_out(t);
}

void
ui_term_draw(struct ui_term *t, struct ui_screen *s)
{
	if (t->is_suspended)
		return;
	int rows = s->rows < t->rows ? s->rows : t->rows;
	int cols = s->cols < t->cols ? s->cols : t->cols;
	bool all = t->all_changed || t->shown_rows != s->rows || t->shown_cols != s->cols ||
		   t->shown_generation != s->generation || t->shown == NULL;
	bool *changed = xcalloc((size_t)rows + 1, sizeof(*changed));
	if (all)
		erase();
	for (int row = 0; row < rows; row++) {
		changed[row] = all || row_changed(t, s, row);
		if (changed[row])
			give_row(t, s, row, cols);
	}
	move(s->cursor_row < rows ? s->cursor_row : rows - 1,
	     s->cursor_col < cols ? s->cursor_col : cols - 1);
	if (t->all_changed)
		clearok(curscr, TRUE);
	refresh();
	overlay_rows(t, s, changed, rows);
	remember(t, s);
	t->all_changed = false;
	free(changed);
}

void
ui_term_redraw(struct ui_term *t, struct ui_screen *s)
{
	t->all_changed = true;
	ui_term_draw(t, s);
}

/* ---- keys ----------------------------------------------------------------- */

/* Typed in another character set: what follows is UTF-8. */
static void
feed_locale(struct ui_term *t, struct str bytes, int64_t now_ms)
{
	struct buf utf8 = BUF_INIT;
	wchar_t wide;

	buf_reserve(&utf8, bytes.len * 4 + 1);
	while (bytes.len > 0) {
		mbstate_t state = { 0 };
		size_t n = mbrtowc(&wide, bytes.ptr, bytes.len, &state);
		if (n == 0 || n > bytes.len) {
			buf_addc(&utf8, bytes.ptr[0]);
			n = 1;
		} else {
			utf8_add(&utf8, (uint32_t)wide);
		}
		bytes = str_from(bytes, n);
	}
	ui_input_feed(t->input, buf_str(&utf8), now_ms);
	buf_wipe(&utf8);
}

int
ui_term_read(struct ui_term *t, int64_t now_ms, struct err *err)
{
	char bytes[4096];
	struct pollfd p = { t->in_fd, POLLIN, 0 };

	if (poll(&p, 1, 0) <= 0)
		return 0;
	ssize_t n = read(t->in_fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return err_set(err, ERR_GONE, "the terminal is gone");
	if (t->is_utf8)
		ui_input_feed(t->input, str_n(bytes, (size_t)n), now_ms);
	else
		feed_locale(t, str_n(bytes, (size_t)n), now_ms);
	wipe(bytes, (size_t)n);
	return 0;
}

struct ui_input *
ui_term_input(struct ui_term *t)
{
	return t->input;
}
