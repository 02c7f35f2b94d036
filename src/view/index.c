/* The index: the list of messages. Asks for the rows on the screen and no others. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/pattern.h"

#define MIN_LIMIT_COLS 8 /* of a limit cut short */

struct index {
	struct view v;
	struct view_rows rows;
	struct scroll scroll;
	uint64_t focus; /* local id under the cursor, 0 if it is not known */
	struct format_line line;
};

static struct index *
index_of(struct view *v)
{
	return (struct index *)v;
}

/* Whose row the cursor stands on; 0 while it has not come. */
static void
learn_focus(struct index *x)
{
	struct view_row row;

	memset(&row, 0, sizeof(row));
	x->focus = 0;
	if (x->scroll.cursor < x->scroll.count && x->rows.at(x->rows.ctx, x->scroll.cursor, &row))
		x->focus = row.row.local;
}

static void
index_apply(struct view *v)
{
	struct index *x = index_of(v);
	struct scroll *s = &x->scroll;
	uint32_t now, before = s->count;
	bool had_start = s->top == 0;
	bool had_end = s->rows > 0 && (uint64_t)s->top + (uint64_t)s->rows >= before;

	s->count = x->rows.count(x->rows.ctx);
	if (x->focus != 0 && x->rows.find(x->rows.ctx, x->focus, &now)) {
		bool came_before = now > s->cursor && now - s->cursor < (uint32_t)s->rows;
		scroll_follow(s, now);
		/* Mail that arrives is seen to arrive: nobody presses a key for it. */
		if (had_end)
			scroll_keep_end(s);
		else if (had_start && came_before)
			scroll_keep_start(s);
		return;
	}
	/* It has gone: what stands in its place now has the cursor. */
	if (x->scroll.cursor >= x->scroll.count)
		x->scroll.cursor = x->scroll.count > 0 ? x->scroll.count - 1 : 0;
	learn_focus(x);
}

static bool
index_move(struct view *v, enum view_move how, int n)
{
	struct index *x = index_of(v);

	x->scroll.count = x->rows.count(x->rows.ctx);
	bool moved = scroll_move(&x->scroll, how, n);
	learn_focus(x);
	return moved;
}

/* ---- colours of a row --------------------------------------------------------------- */

static bool
rule_matches(const struct index *x, const struct view_rule *rule, const struct view_row *row)
{
	if (x->rows.matches != NULL)
		return x->rows.matches(x->rows.ctx, rule->pattern, row);
	struct pattern_subject s = { .row = &row->row,
				     .number = row->number,
				     .is_tagged = row->is_tagged,
				     .is_collapsed = row->is_collapsed,
				     .score = row->score,
				     .n_attachments = row->n_attachments };
	return pattern_match(rule->pattern, &s) == PATTERN_YES;
}

/* New is bold, to be deleted is dim and struck out, flagged is warm, what is not
 * here but in another folder is dim. */
static struct ui_style
built_in_style(const struct view_row *row, struct ui_style style, const struct view_look *look)
{
	unsigned flags = row->row.flags;

	if (row_has_new(row, look))
		style.attrs |= UI_BOLD;
	if (flags & ROW_FLAGGED)
		style = ui_style_over(style, look->warm);
	if (row->elsewhere.len > 0)
		style.attrs |= UI_DIM;
	if (flags & (ROW_DELETED | ROW_TO_DELETE))
		style.attrs = (uint16_t)((style.attrs & ~UI_BOLD) | UI_DIM | UI_STRIKE);
	return style;
}

/* Of rules for a line the last that matches counts. */
static struct ui_style
row_style(const struct index *x, const struct view_row *row, const struct view_look *look)
{
	struct ui_style style = view_style(look, VIEW_NORMAL, UI_PLAIN);

	if (!look->has_own_index_colors)
		return built_in_style(row, style, look);
	for (size_t i = look->n_rules; i > 0; i--) {
		const struct view_rule *rule = &look->rules[i - 1];
		if (rule->object == VIEW_INDEX && rule_matches(x, rule, row))
			return ui_style_over(style, rule->style);
	}
	return style;
}

static struct ui_style
span_style(const struct index *x, enum view_color object, const struct view_row *row,
	   const struct view_look *look)
{
	for (size_t i = look->n_rules; i > 0; i--) {
		const struct view_rule *rule = &look->rules[i - 1];
		if (rule->object == object && rule->pattern != NULL && rule_matches(x, rule, row))
			return rule->style;
	}
	return look->colors[object];
}

static void
draw_spans(const struct index *x, struct ui_area area, int at, const struct view_row *row,
	   const struct view_look *look)
{
	struct str text = buf_str(&x->line.text);

	for (size_t i = 0; i < x->line.n_spans; i++) {
		const struct format_span *s = &x->line.spans[i];
		struct ui_style style = span_style(x, s->color, row, look);
		if (ui_style_eq(style, UI_TRANSPARENT))
			continue;
		ui_restyle(area, at, utf8_cols(str_head(text, s->start)),
			   utf8_cols(str_head(str_from(text, s->start), s->len)), style);
	}
}

/* ---- drawing ---------------------------------------------------------------------------- */

static void
draw_place_holder(struct ui_area area, int at, uint32_t ordinal, const struct view_look *look)
{
	struct ui_style style = view_style(look, VIEW_NORMAL, UI_PLAIN);
	char text[32];

	style.attrs |= UI_DIM;
	snprintf(text, sizeof(text), "%4u", ordinal + 1);
	ui_puts(area, at, 0, text, style);
	ui_puts(area, at, 9, look->has_ascii_chars ? "..." : "…", style);
}

static void
draw_row(struct index *x, struct ui_area area, int at, uint32_t ordinal,
	 const struct view_mailbox *mailbox, const struct view_look *look)
{
	struct view_row row;

	memset(&row, 0, sizeof(row));
	if (!x->rows.at(x->rows.ctx, ordinal, &row)) {
		draw_place_holder(area, at, ordinal, look);
		return;
	}
	if (ordinal == x->scroll.cursor)
		x->focus = row.row.local;
	struct format_dates dates = { row.row.date, row.row.internaldate, row.row.zone_min,
				      look->now };
	int margin = look->has_arrow_cursor ? utf8_cols(str_c(look->arrow)) : 0;
	struct ui_area line = ui_area_sub(area, at, margin, 1, area.cols - margin);
	struct index_context context = { look, &row, mailbox, "", line.cols };
	format_expand(look->index_format, line.cols, view_index_expandos, &dates, &context,
		      &x->line);
	ui_put_cols(line, 0, 0, line.cols, buf_str(&x->line.text), row_style(x, &row, look));
	draw_spans(x, line, 0, &row, look);
}

static void
get_mailbox(const struct index *x, struct view_mailbox *out)
{
	memset(out, 0, sizeof(*out));
	if (x->rows.mailbox != NULL)
		x->rows.mailbox(x->rows.ctx, out);
}

static void
index_draw(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct index *x = index_of(v);
	uint32_t count = x->rows.count(x->rows.ctx);
	struct view_mailbox mailbox;

	v->rows = area.rows;
	v->cols = area.cols;
	scroll_fit(&x->scroll, count, area.rows, look);
	get_mailbox(x, &mailbox);
	ui_clear(area, view_style(look, VIEW_NORMAL, UI_PLAIN));
	for (int at = 0; at < area.rows && x->scroll.top + (uint32_t)at < count; at++) {
		uint32_t ordinal = x->scroll.top + (uint32_t)at;
		draw_row(x, area, at, ordinal, &mailbox, look);
		if (ordinal == x->scroll.cursor)
			view_draw_indicator(area, at, look);
	}
	if (count == 0)
		view_draw_empty(area, mailbox.empty != NULL ? mailbox.empty : "no messages", look);
}

/* A limit is as long as one likes: its end goes before anything else does. */
static bool
shorten_limit(struct view_mailbox *m, int by_cols, struct buf *out)
{
	struct buf safe = BUF_INIT;

	utf8_add_safe(&safe, m->limit);
	int cols = utf8_cols(buf_str(&safe)), keep = cols - by_cols - 1;
	if (keep < MIN_LIMIT_COLS)
		keep = MIN_LIMIT_COLS;
	bool is_shorter = keep + 1 < cols;
	if (is_shorter) {
		buf_addf(out, "%.*s…", STR_ARG(utf8_fit(buf_str(&safe), keep, NULL)));
		m->limit = buf_str(out);
	}
	buf_release(&safe);
	return is_shorter;
}

static void
index_draw_status(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct index *x = index_of(v);
	struct view_mailbox mailbox;
	struct buf percent = BUF_INIT, limit = BUF_INIT;

	get_mailbox(x, &mailbox);
	scroll_percent(&x->scroll, &percent);
	x->line.has_items = true;
	struct status_context context = { look, &mailbox, percent.ptr,
					  x->scroll.count > 0 ? x->scroll.cursor + 1 : 0,
					  x->scroll.count, false };
	format_expand(look->status_format, area.cols, view_status_expandos, NULL, &context,
		      &x->line);
	if (x->line.missing_cols > 0) {
		context.is_tight = true;
		format_expand(look->status_format, area.cols, view_status_expandos, NULL,
			      &context, &x->line);
	}
	if (x->line.missing_cols > 0 && shorten_limit(&mailbox, x->line.missing_cols, &limit))
		format_expand(look->status_format, area.cols, view_status_expandos, NULL,
			      &context, &x->line);
	x->line.has_items = false;
	view_draw_status_line(area, &x->line, look);
	buf_release(&percent);
	buf_release(&limit);
}

void
view_expand_status(const char *format, const struct view_mailbox *m, const struct view_look *look,
		   struct format_line *out)
{
	struct status_context context = { look, m, "", 0, m->n_shown, false };

	format_expand(format, 200, view_status_expandos, NULL, &context, out);
}

static void
index_close(struct view *v)
{
	struct index *x = index_of(v);

	format_line_release(&x->line);
	free(x);
}

static const struct view_ops ops = { "index",	 index_apply, index_draw, index_draw_status,
				     index_move, index_close };

struct view *
view_index_open(const struct view_rows *rows)
{
	struct index *x = xcalloc(1, sizeof(*x));

	x->v.ops = &ops;
	x->rows = *rows;
	buf_init(&x->line.text);
	x->scroll.menu_move_off = true;
	index_apply(&x->v);
	return &x->v;
}

uint64_t
view_index_focus(const struct view *v)
{
	return ((const struct index *)v)->focus;
}

uint32_t
view_index_ordinal(const struct view *v)
{
	return ((const struct index *)v)->scroll.cursor;
}

void
view_index_go_ordinal(struct view *v, uint32_t ordinal)
{
	struct index *x = index_of(v);

	x->scroll.count = x->rows.count(x->rows.ctx);
	scroll_move(&x->scroll, VIEW_JUMP, (int)(ordinal < INT32_MAX ? ordinal + 1 : INT32_MAX));
	learn_focus(x);
}

bool
view_index_go(struct view *v, uint64_t local)
{
	struct index *x = index_of(v);
	uint32_t ordinal;

	if (!x->rows.find(x->rows.ctx, local, &ordinal))
		return false;
	view_index_go_ordinal(v, ordinal);
	return true;
}

void
view_index_window(const struct view *v, uint32_t *first_out, uint32_t *end_out)
{
	const struct scroll *s = &((const struct index *)v)->scroll;
	uint64_t end = (uint64_t)s->top + (uint64_t)(s->rows > 0 ? s->rows : 0);

	*first_out = s->top < s->count ? s->top : s->count;
	*end_out = end < s->count ? (uint32_t)end : s->count;
}
