/* Lists of lines: help, the message log, what is under way. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

/* What fills one line of the screen: long lines take several. */
struct line_piece {
	uint32_t line;
	size_t start, end;
};

struct lines {
	struct view v;
	VEC(struct line_piece) pieces;
	struct view_lines source;
	char *title;
	struct view_ops ops; /* named as the caller's map */
	struct scroll scroll;
	uint64_t focus;
	struct format_line line;
	struct buf search; /* folded */
};

static struct lines *
lines_of(struct view *v)
{
	return (struct lines *)v;
}

static bool
line_at(const struct lines *l, uint32_t i, struct view_text_line *out)
{
	memset(out, 0, sizeof(*out));
	return l->source.at(l->source.ctx, i, out);
}

/* Up to the last blank that fits; a word longer than the line is cut. */
static size_t
piece_end(struct str s, int cols)
{
	size_t fits = utf8_fit(s, cols, NULL).len;

	if (fits >= s.len)
		return s.len;
	for (size_t i = fits; i > fits / 2; i--)
		if (s.ptr[i] == ' ')
			return i;
	return fits > 0 ? fits : 1;
}

static void
cut_line(struct lines *l, uint32_t i, const struct view_text_line *line)
{
	int cols = l->v.cols - 1;
	size_t at = 0;

	do {
		struct str rest = str_from(line->text, at);
		size_t n = cols > 2 * line->indent + 8 ? piece_end(rest, cols) : rest.len;
		struct line_piece p = { i, at, at + n };
		vec_push(&l->pieces, p);
		at += n;
		while (at < line->text.len && line->text.ptr[at] == ' ')
			at++;
		cols = l->v.cols - 1 - line->indent;
	} while (at < line->text.len);
}

static void
cut_lines(struct lines *l)
{
	uint32_t count = l->source.count(l->source.ctx);
	struct view_text_line line;

	vec_reset(&l->pieces);
	for (uint32_t i = 0; i < count; i++)
		if (line_at(l, i, &line))
			cut_line(l, i, &line);
	l->scroll.count = (uint32_t)l->pieces.n;
}

static void
learn_focus(struct lines *l)
{
	struct view_text_line line;

	l->focus = 0;
	if (l->scroll.cursor < l->pieces.n &&
	    line_at(l, l->pieces.v[l->scroll.cursor].line, &line))
		l->focus = line.id;
}

/* The first piece of a line. */
static uint32_t
piece_of(const struct lines *l, uint32_t line)
{
	uint32_t i = 0;

	while (i < l->pieces.n && l->pieces.v[i].line < line)
		i++;
	return i;
}

/* The cursor's line may stand elsewhere: there are but few with an id. */
static void
follow_focus(struct lines *l)
{
	struct view_text_line line;

	for (uint32_t i = 0; i < l->pieces.n && l->focus != 0; i++) {
		if (line_at(l, l->pieces.v[i].line, &line) && line.id == l->focus) {
			scroll_follow(&l->scroll, i);
			return;
		}
	}
	if (l->scroll.cursor >= l->scroll.count)
		l->scroll.cursor = l->scroll.count > 0 ? l->scroll.count - 1 : 0;
	learn_focus(l);
}

static void
lines_apply(struct view *v)
{
	struct lines *l = lines_of(v);
	uint32_t before = l->scroll.count;
	bool was_last = before == 0 || l->scroll.cursor + 1 >= before;

	cut_lines(l);
	if (l->source.follows_end && was_last) {
		scroll_move(&l->scroll, VIEW_LAST, 1);
		learn_focus(l);
	} else {
		follow_focus(l);
	}
}

static bool
lines_move(struct view *v, enum view_move how, int n)
{
	struct lines *l = lines_of(v);

	cut_lines(l);
	bool moved = scroll_move(&l->scroll, how, n);
	learn_focus(l);
	return moved;
}

static void
draw_text_line(const struct lines *l, struct ui_area area, int at, uint32_t i,
	       const struct view_look *look)
{
	struct view_text_line line;
	struct ui_style style = view_style(look, VIEW_NORMAL, UI_PLAIN);

	const struct line_piece *p = &l->pieces.v[i];
	if (!line_at(l, p->line, &line))
		return;
	int indent = p->start > 0 ? line.indent : 0;
	if (line.color != VIEW_NORMAL)
		style = view_style(look, line.color, style);
	if (line.is_title)
		style.attrs |= UI_BOLD;
	ui_put_cols(area, at, 1 + indent, area.cols - 1 - indent,
		    str_head(str_from(line.text, p->start), p->end - p->start), style);
}

static void
lines_draw(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct lines *l = lines_of(v);
	bool is_new_width = v->cols != area.cols;

	v->rows = area.rows;
	v->cols = area.cols;
	if (is_new_width)
		lines_apply(v);
	else
		cut_lines(l);
	uint32_t count = l->scroll.count;
	scroll_fit(&l->scroll, count, area.rows, look);
	if (l->focus == 0)
		learn_focus(l);
	ui_clear(area, view_style(look, VIEW_NORMAL, UI_PLAIN));
	for (int at = 0; at < area.rows && l->scroll.top + (uint32_t)at < count; at++) {
		uint32_t i = l->scroll.top + (uint32_t)at;
		draw_text_line(l, area, at, i, look);
		if (i == l->scroll.cursor)
			view_draw_indicator(area, at, look);
	}
	if (count == 0)
		view_draw_empty(area, "nothing", look);
}

static void
lines_draw_status(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct lines *l = lines_of(v);
	struct buf how_far = BUF_INIT;

	scroll_percent(&l->scroll, &how_far);
	struct view_mailbox mailbox = { .name = str_c(l->title) };
	struct status_context context = { look, &mailbox, how_far.ptr, l->scroll.cursor + 1,
					  l->scroll.count, false };
	format_expand(look->has_ascii_chars ? "-%f-%>-- %P -" : "─%f─%>── %P ─", area.cols,
		      view_status_expandos, NULL, &context, &l->line);
	view_draw_status_line(area, &l->line, look);
	buf_release(&how_far);
}

static void
lines_close(struct view *v)
{
	struct lines *l = lines_of(v);

	if (l->source.close != NULL)
		l->source.close(l->source.ctx);
	format_line_release(&l->line);
	buf_release(&l->search);
	vec_release(&l->pieces);
	free(l->title);
	free(l);
}

struct view *
view_lines_open(const struct view_lines *source)
{
	struct lines *l = xcalloc(1, sizeof(*l));

	l->ops = (struct view_ops){ source->map != NULL ? source->map : "generic",
				    lines_apply,
				    lines_draw,
				    lines_draw_status,
				    lines_move,
				    lines_close };
	l->v.ops = &l->ops;
	l->source = *source;
	l->title = xstrdup(source->title != NULL ? source->title : "");
	buf_init(&l->line.text);
	buf_init(&l->search);
	lines_apply(&l->v);
	return &l->v;
}

uint64_t
view_lines_focus(const struct view *v)
{
	return ((const struct lines *)v)->focus;
}

int
view_lines_search(struct view *v, struct str text, bool backwards)
{
	struct lines *l = lines_of(v);
	uint32_t count = l->source.count(l->source.ctx);
	struct view_text_line line;
	struct buf folded = BUF_INIT;
	int found = 0;

	if (text.len > 0) {
		buf_reset(&l->search);
		utf8_add_folded(&l->search, text);
	}
	for (uint32_t n = 1; n <= count && found == 0 && l->search.len > 0; n++) {
		uint32_t at = l->scroll.cursor < l->pieces.n ? l->pieces.v[l->scroll.cursor].line : 0;
		uint32_t i = backwards ? (at + count - n % count) % count : (at + n) % count;
		buf_reset(&folded);
		if (line_at(l, i, &line))
			utf8_add_folded(&folded, line.text);
		if (str_find_str(buf_str(&folded), buf_str(&l->search)) < 0)
			continue;
		found = (backwards ? i >= at : i <= at) ? 2 : 1;
		lines_move(v, VIEW_JUMP, (int)piece_of(l, i) + 1);
	}
	buf_release(&folded);
	return found;
}

/* ---- help --------------------------------------------------------------------------- */

struct help_line {
	char *text;
	bool is_title;
};

struct help {
	VEC(struct help_line) lines;
};

static uint32_t
help_count(void *ctx)
{
	return (uint32_t)((struct help *)ctx)->lines.n;
}

static bool
help_at(void *ctx, uint32_t i, struct view_text_line *out)
{
	struct help *h = ctx;

	if (i >= h->lines.n)
		return false;
	out->text = str_c(h->lines.v[i].text);
	out->is_title = h->lines.v[i].is_title;
	out->indent = 14 + 24;
	return true;
}

static void
help_close(void *ctx)
{
	struct help *h = ctx;

	for (size_t i = 0; i < h->lines.n; i++)
		free(h->lines.v[i].text);
	vec_release(&h->lines);
	free(h);
}

static void
add_help_line(struct help *h, char *text, bool is_title)
{
	struct help_line line = { text, is_title };

	vec_push(&h->lines, line);
}

/* Columns are counted in what is shown, not in bytes. */
static void
add_column(struct buf *out, const char *text, int cols)
{
	int used = utf8_cols(str_c(text));

	buf_adds(out, text);
	buf_addn(out, ' ', (size_t)(used < cols ? cols - used : 1));
}

struct view *
view_help_open(const char *title, const struct view_help_row *rows, size_t n_rows)
{
	struct help *h = xcalloc(1, sizeof(*h));
	const char *section = "";

	for (size_t i = 0; i < n_rows; i++) {
		struct buf text = BUF_INIT;
		if (rows[i].section != NULL && strcmp(rows[i].section, section) != 0) {
			section = rows[i].section;
			if (h->lines.n > 0)
				add_help_line(h, xstrdup(""), false);
			add_help_line(h, xstrdup(section), true);
		}
		add_column(&text, rows[i].keys != NULL ? rows[i].keys : "", 14);
		add_column(&text, rows[i].function != NULL ? rows[i].function : "macro", 24);
		buf_adds(&text, rows[i].help != NULL ? rows[i].help : "");
		add_help_line(h, buf_take(&text), false);
	}
	struct view_lines lines = { .title = title, .map = "generic", .count = help_count,
				    .at = help_at, .close = help_close, .ctx = h };
	return view_lines_open(&lines);
}
