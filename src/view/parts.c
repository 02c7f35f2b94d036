/* The parts of a message (`v`). */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

struct parts {
	struct view v;
	struct view_parts source;
	struct scroll scroll;
	bool is_moved;
	int state_cols; /* of the widest */
	struct format_line line;
};

static struct parts *
parts_of(struct view *v)
{
	return (struct parts *)v;
}

/* A container only holds others: the cursor begins on the first part that can be
 * saved. They may come after the screen was opened. */
static void
skip_containers(struct parts *p)
{
	struct view_part part;

	for (uint32_t i = 0; i < p->scroll.count; i++) {
		memset(&part, 0, sizeof(part));
		if (p->source.at(p->source.ctx, i, &part) && !part.is_container) {
			p->scroll.cursor = i;
			return;
		}
	}
}

static void
parts_apply(struct view *v)
{
	struct parts *p = parts_of(v);

	p->scroll.count = p->source.count(p->source.ctx);
	if (!p->is_moved)
		skip_containers(p);
}

static bool
parts_move(struct view *v, enum view_move how, int n)
{
	parts_apply(v);
	parts_of(v)->is_moved = true;
	return scroll_move(&parts_of(v)->scroll, how, n);
}

static void
draw_part(struct parts *p, struct ui_area area, int at, uint32_t i, const struct view_look *look)
{
	struct view_part part;
	struct ui_style style = view_style(look, VIEW_NORMAL, UI_PLAIN);

	memset(&part, 0, sizeof(part));
	if (!p->source.at(p->source.ctx, i, &part))
		return;
	if (part.is_to_delete)
		style.attrs |= UI_DIM | UI_STRIKE;
	struct part_context context = { look, &part };
	/* Where its data is stands at the right, whatever the format says. */
	int cols = area.cols - (p->state_cols > 0 ? p->state_cols + 2 : 0);
	if (cols < area.cols / 2)
		cols = area.cols;
	format_expand(look->attach_format, cols, view_attach_expandos, NULL, &context, &p->line);
	view_draw_line(ui_area_sub(area, at, 0, 1, cols), 0, &p->line, style, look);
	if (cols < area.cols) {
		ui_fill(area, at, cols, area.cols - cols, style);
		ui_put(area, at, cols + 1, part.state, view_style(look, VIEW_PROGRESS, style));
	}
}

static void
measure_states(struct parts *p)
{
	struct view_part part;

	p->state_cols = 0;
	for (uint32_t i = 0; i < p->scroll.count; i++) {
		memset(&part, 0, sizeof(part));
		if (!p->source.at(p->source.ctx, i, &part))
			continue;
		int cols = utf8_cols(part.state);
		p->state_cols = cols > p->state_cols ? cols : p->state_cols;
	}
}

static void
parts_draw(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct parts *p = parts_of(v);
	uint32_t count = p->source.count(p->source.ctx);

	v->rows = area.rows;
	v->cols = area.cols;
	scroll_fit(&p->scroll, count, area.rows, look);
	measure_states(p);
	ui_clear(area, view_style(look, VIEW_NORMAL, UI_PLAIN));
	for (int at = 0; at < area.rows && p->scroll.top + (uint32_t)at < count; at++) {
		uint32_t i = p->scroll.top + (uint32_t)at;
		draw_part(p, area, at, i, look);
		if (i == p->scroll.cursor)
			view_draw_indicator(area, at, look);
	}
	if (count == 0)
		view_draw_empty(area, "the parts of this message are not known yet", look);
}

static void
parts_draw_status(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct parts *p = parts_of(v);
	struct str title = p->source.title != NULL ? p->source.title(p->source.ctx) : STR_NONE;
	struct buf how_far = BUF_INIT;

	scroll_percent(&p->scroll, &how_far);
	struct view_mailbox mailbox = { .name = STR("parts"), .description = title };
	struct status_context context = { look, &mailbox, how_far.ptr, p->scroll.cursor + 1,
					  p->scroll.count, false };
	format_expand(look->has_ascii_chars ? "-%f- %D %>--- %P -" : "─%f─ %D %>─── %P ─",
		      area.cols, view_status_expandos, NULL, &context, &p->line);
	view_draw_status_line(area, &p->line, look);
	buf_release(&how_far);
}

static void
parts_close(struct view *v)
{
	struct parts *p = parts_of(v);

	format_line_release(&p->line);
	free(p);
}

static const struct view_ops ops = { "attach",	 parts_apply, parts_draw, parts_draw_status,
				     parts_move, parts_close };

struct view *
view_parts_open(const struct view_parts *source)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	p->v.ops = &ops;
	p->source = *source;
	buf_init(&p->line.text);
	parts_apply(&p->v);
	return &p->v;
}

uint32_t
view_parts_focus(const struct view *v)
{
	const struct parts *p = (const struct parts *)v;

	return p->scroll.count > 0 ? p->scroll.cursor : UINT32_MAX;
}
