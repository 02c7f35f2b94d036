/* A cursor in a list, and which part of it is on the screen. */
#include "internal.h"

static uint32_t
clamp(int64_t v, int64_t low, int64_t high)
{
	return (uint32_t)(v > high ? (high < low ? low : high) : v < low ? low : v);
}

static int64_t
last_top(const struct scroll *s)
{
	int64_t full = (int64_t)s->count - s->rows;

	return full < 0 ? 0 : s->menu_move_off ? (int64_t)s->count - 1 : full;
}

static int
context_of(const struct scroll *s)
{
	int most = (s->rows - 1) / 2;

	return s->menu_context > most ? most : s->menu_context;
}

/* Show the part of the list where the cursor is: line by line with $menu_scroll,
 * else by whole pages. */
static void
show_cursor(struct scroll *s)
{
	int64_t cursor = s->cursor, top = s->top, rows = s->rows;
	int context = context_of(s);

	if (rows <= 0)
		return;
	if (cursor < top + (top > 0 ? context : 0))
		top = s->menu_scroll ? cursor - context : cursor - (rows - context) + 1;
	else if (cursor >= top + rows - context)
		top = s->menu_scroll ? cursor - rows + context + 1 : cursor - context;
	/* A page that would run over the end shows the end. */
	int64_t full = (int64_t)s->count - rows;
	if (full < 0)
		full = 0;
	if (top > full && top != (int64_t)s->top)
		top = full > (int64_t)s->top ? full : (cursor < full ? cursor : full);
	s->top = clamp(top, 0, last_top(s));
	if (cursor < s->top || cursor >= (int64_t)s->top + rows)
		s->top = clamp(cursor - rows / 2, 0, last_top(s));
}

void
scroll_fit(struct scroll *s, uint32_t count, int rows, const struct view_look *look)
{
	/* Above the pager few rows are left; behind it, the part shown is as it was. */
	if (rows * 2 < s->rows) {
		s->tall_top = s->top;
		s->is_short = true;
	} else if (s->is_short && rows > s->rows * 2) {
		if (s->cursor >= s->tall_top && (int64_t)s->cursor < (int64_t)s->tall_top + rows)
			s->top = s->tall_top;
		s->is_short = false;
	}
	s->count = count;
	s->rows = rows;
	s->menu_context = look->menu_context;
	s->menu_scroll = look->menu_scroll;
	s->menu_move_off = look->menu_move_off;
	s->cursor = clamp(s->cursor, 0, (int64_t)count - 1);
	/* A screen that became larger is filled. */
	int64_t full = (int64_t)count - rows;
	if ((int64_t)s->top > full)
		s->top = clamp(full, 0, count);
	show_cursor(s);
}

void
scroll_follow(struct scroll *s, uint32_t now)
{
	int64_t top = (int64_t)s->top + (int64_t)now - (int64_t)s->cursor;

	int64_t tall = (int64_t)s->tall_top + (int64_t)now - (int64_t)s->cursor;

	s->top = top < 0 ? 0 : (uint32_t)top;
	s->tall_top = tall < 0 ? 0 : (uint32_t)tall;
	s->cursor = now;
}

/* The end of the list was on the screen: it stays there when lines come in, as far as
 * the cursor's line stays on the screen too. */
void
scroll_keep_end(struct scroll *s)
{
	int64_t top = (int64_t)s->count - s->rows, most = (int64_t)s->cursor - context_of(s);

	if (top > most)
		top = most;
	if (top > (int64_t)s->top)
		s->top = (uint32_t)top;
}

/* The same where new lines come in at the top. */
void
scroll_keep_start(struct scroll *s)
{
	int64_t top = (int64_t)s->cursor - s->rows + context_of(s) + 1;

	if (top < (int64_t)s->top)
		s->top = top < 0 ? 0 : (uint32_t)top;
}

static int64_t
target(const struct scroll *s, enum view_move how, int n)
{
	int64_t page = s->rows > 0 ? s->rows : 1, at = s->cursor, top = s->top;

	switch (how) {
	case VIEW_NEXT:
		return at + n;
	case VIEW_PREVIOUS:
		return at - n;
	case VIEW_FIRST:
		return 0;
	case VIEW_LAST:
		return (int64_t)s->count - 1;
	case VIEW_PAGE_TOP:
		return top;
	case VIEW_PAGE_MIDDLE:
		return top + (page - 1) / 2;
	case VIEW_PAGE_BOTTOM:
		return top + page - 1;
	case VIEW_JUMP:
		return (int64_t)n - 1;
	default:
		return at;
	}
}

/* What is shown moves by `lines`, the cursor stays on its line of the screen. */
static bool
scroll_by(struct scroll *s, int64_t lines, bool takes_cursor)
{
	uint32_t top = s->top, cursor = s->cursor;
	int64_t full = (int64_t)s->count - s->rows;

	s->top = clamp((int64_t)s->top + lines, 0, full < 0 ? 0 : full);
	int64_t moved = (int64_t)s->top - top;
	int64_t wanted = takes_cursor ? (int64_t)cursor + moved : cursor;
	/* Nothing more to scroll: the cursor itself goes to the end. */
	if (takes_cursor && moved == 0)
		wanted = (int64_t)cursor + lines;
	wanted = clamp(wanted, s->top, (int64_t)s->top + s->rows - 1);
	s->cursor = clamp(wanted, 0, (int64_t)s->count - 1);
	return s->top != top || s->cursor != cursor;
}

bool
scroll_move(struct scroll *s, enum view_move how, int n)
{
	int64_t page = s->rows > 1 ? s->rows - context_of(s) : 1;
	uint32_t before = s->cursor, top = s->top;

	if (s->count == 0)
		return false;
	if (n < 1)
		n = 1;
	switch (how) {
	case VIEW_NEXT_PAGE:
		return scroll_by(s, page * n, true);
	case VIEW_PREVIOUS_PAGE:
		return scroll_by(s, -page * n, true);
	case VIEW_HALF_DOWN:
		return scroll_by(s, (page + 1) / 2 * n, true);
	case VIEW_HALF_UP:
		return scroll_by(s, -((page + 1) / 2) * n, true);
	case VIEW_NEXT_LINE:
		return scroll_by(s, n, false);
	case VIEW_PREVIOUS_LINE:
		return scroll_by(s, -n, false);
	case VIEW_CURRENT_TOP:
		s->top = clamp(s->cursor, 0, last_top(s));
		return s->top != top;
	case VIEW_CURRENT_MIDDLE:
		s->top = clamp((int64_t)s->cursor - s->rows / 2, 0, last_top(s));
		return s->top != top;
	case VIEW_CURRENT_BOTTOM:
		s->top = clamp((int64_t)s->cursor - s->rows + 1, 0, last_top(s));
		return s->top != top;
	default:
		s->cursor = clamp(target(s, how, n), 0, (int64_t)s->count - 1);
		show_cursor(s);
		return s->cursor != before;
	}
}

void
scroll_percent(const struct scroll *s, struct buf *out)
{
	uint64_t end = (uint64_t)s->top + (uint64_t)(s->rows > 0 ? s->rows : 0);

	if (s->count <= (uint32_t)(s->rows > 0 ? s->rows : 0))
		buf_adds(out, "all");
	else if (end >= s->count)
		buf_adds(out, "end");
	else
		buf_addf(out, "%d%%", (int)(end * 100 / s->count));
}
