/* The folders: as a screen of their own, and beside the others as a sidebar. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

struct folders {
	struct view v;
	struct view_folders source;
	struct scroll scroll;
	uint64_t focus; /* id under the cursor */
	struct format_line line;
};

static struct folders *
folders_of(struct view *v)
{
	return (struct folders *)v;
}

static uint32_t
count_of(const struct folders *f)
{
	return f->source.count(f->source.ctx);
}

static bool
folder_at(const struct folders *f, uint32_t i, struct view_folder *out)
{
	memset(out, 0, sizeof(*out));
	return f->source.at(f->source.ctx, i, out);
}

static void
learn_focus(struct folders *f)
{
	struct view_folder folder;

	f->focus = 0;
	if (f->scroll.cursor < f->scroll.count && folder_at(f, f->scroll.cursor, &folder))
		f->focus = folder.id;
}

static void
folders_apply(struct view *v)
{
	struct folders *f = folders_of(v);
	uint32_t now;

	f->scroll.count = count_of(f);
	if (f->focus != 0 && f->source.find(f->source.ctx, f->focus, &now)) {
		scroll_follow(&f->scroll, now);
		return;
	}
	if (f->scroll.cursor >= f->scroll.count)
		f->scroll.cursor = f->scroll.count > 0 ? f->scroll.count - 1 : 0;
	learn_focus(f);
}

static bool
folders_move(struct view *v, enum view_move how, int n)
{
	struct folders *f = folders_of(v);

	f->scroll.count = count_of(f);
	bool moved = scroll_move(&f->scroll, how, n);
	learn_focus(f);
	return moved;
}

/* ---- the screen ------------------------------------------------------------------ */

static void
draw_root(struct ui_area area, int at, const struct view_folder *folder,
	  const struct view_look *look)
{
	struct ui_style normal = view_style(look, VIEW_NORMAL, UI_PLAIN), title = normal;

	title.attrs |= UI_BOLD;
	ui_fill(area, at, 0, area.cols, normal);
	int col = 1 + ui_put(area, at, 1, folder->name, title);
	col += 3 + ui_put(area, at, col + 3, folder->path,
			  view_style(look, VIEW_HDRDEFAULT, normal));
	int note = utf8_cols(folder->note);
	if (note > 0 && area.cols - note - 1 > col)
		ui_put(area, at, area.cols - note - 1, folder->note, normal);
}

static void
draw_folder(struct folders *f, struct ui_area area, int at, uint32_t i,
	    const struct view_look *look)
{
	struct view_folder folder;
	struct ui_style style = view_style(look, VIEW_NORMAL, UI_PLAIN);

	if (!folder_at(f, i, &folder))
		return;
	if (folder.is_root) {
		draw_root(area, at, &folder, look);
		return;
	}
	struct folder_context context = { look, &folder, i + 1 };
	format_expand(look->folder_format, area.cols, view_folder_expandos, NULL, &context,
		      &f->line);
	if (folder.has_counts && folder.n_new > 0)
		style.attrs |= UI_BOLD;
	if (!folder.is_selectable)
		style.attrs |= UI_DIM;
	ui_put_cols(area, at, 0, area.cols, buf_str(&f->line.text), style);
}

static void
folders_draw(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct folders *f = folders_of(v);
	uint32_t count = count_of(f);

	v->rows = area.rows;
	v->cols = area.cols;
	scroll_fit(&f->scroll, count, area.rows, look);
	if (f->focus == 0)
		learn_focus(f);
	ui_clear(area, view_style(look, VIEW_NORMAL, UI_PLAIN));
	for (int at = 0; at < area.rows && f->scroll.top + (uint32_t)at < count; at++) {
		uint32_t i = f->scroll.top + (uint32_t)at;
		draw_folder(f, area, at, i, look);
		if (i == f->scroll.cursor)
			view_draw_indicator(area, at, look);
	}
	if (count == 0)
		view_draw_empty(area, "no folders are known yet", look);
}

static void
folders_draw_status(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct folders *f = folders_of(v);
	struct buf text = BUF_INIT, how_far = BUF_INIT;
	struct format_line *line = &f->line;
	struct view_folder folder;

	scroll_percent(&f->scroll, &how_far);
	if (f->scroll.cursor < f->scroll.count && folder_at(f, f->scroll.cursor, &folder))
		buf_addstr(&text, folder.path);
	struct view_mailbox mailbox = { .name = STR("folders"), .description = buf_str(&text) };
	struct status_context context = { look, &mailbox, how_far.ptr, f->scroll.cursor + 1,
					  f->scroll.count, false };
	format_expand(look->has_ascii_chars ? "-%f- %D %>--- %P -" : "─%f─ %D %>─── %P ─",
		      area.cols, view_status_expandos, NULL, &context, line);
	view_draw_status_line(area, line, look);
	buf_release(&text);
	buf_release(&how_far);
}

static void
folders_close(struct view *v)
{
	struct folders *f = folders_of(v);

	format_line_release(&f->line);
	free(f);
}

static const struct view_ops ops = { "browser",	   folders_apply, folders_draw, folders_draw_status,
				     folders_move, folders_close };

static struct view *
open_with(const struct view_folders *source, const struct view_ops *with)
{
	struct folders *f = xcalloc(1, sizeof(*f));

	f->v.ops = with;
	f->source = *source;
	f->scroll.menu_move_off = false;
	buf_init(&f->line.text);
	folders_apply(&f->v);
	return &f->v;
}

struct view *
view_folders_open(const struct view_folders *source)
{
	return open_with(source, &ops);
}

uint64_t
view_folders_focus(const struct view *v)
{
	return ((const struct folders *)v)->focus;
}

bool
view_folders_go(struct view *v, uint64_t id)
{
	struct folders *f = folders_of(v);
	uint32_t i;

	if (!f->source.find(f->source.ctx, id, &i))
		return false;
	f->scroll.count = count_of(f);
	scroll_move(&f->scroll, VIEW_JUMP, (int)i + 1);
	learn_focus(f);
	return true;
}

/* ---- the sidebar --------------------------------------------------------------------- */

static struct ui_style
sidebar_style(const struct view_folder *folder, const struct view_look *look)
{
	struct ui_style style = view_style(look, VIEW_SIDEBAR_BACKGROUND,
					   view_style(look, VIEW_NORMAL, UI_PLAIN));

	style = view_style(look, VIEW_SIDEBAR_ORDINARY, style);
	if (folder->is_root || !folder->is_selectable)
		style.attrs |= UI_DIM;
	else if (folder->n_new > 0)
		style = view_style(look, VIEW_SIDEBAR_NEW, style);
	else if (folder->n_unread > 0)
		style = view_style(look, VIEW_SIDEBAR_UNREAD, style);
	else if (folder->n_flagged > 0)
		style = view_style(look, VIEW_SIDEBAR_FLAGGED, style);
	if (folder->is_current)
		style = view_style(look, VIEW_SIDEBAR_INDICATOR, style);
	return style;
}

static void
draw_sidebar_row(struct folders *f, struct ui_area area, int at, uint32_t i,
		 const struct view_look *look)
{
	struct view_folder folder;

	if (!folder_at(f, i, &folder))
		return;
	struct ui_style style = sidebar_style(&folder, look);
	ui_fill(area, at, 0, area.cols, style);
	struct ui_area inside = ui_area_sub(area, at, 1, 1, area.cols - 2);
	if (folder.is_root) {
		ui_put_cols(inside, 0, 0, inside.cols, folder.name, style);
	} else {
		/* Below its account a folder stands two columns in. */
		folder.depth++;
		struct folder_context context = { look, &folder, i + 1 };
		format_expand(look->sidebar_format, inside.cols, view_sidebar_expandos, NULL,
			      &context, &f->line);
		ui_put_cols(inside, 0, 0, inside.cols, buf_str(&f->line.text), style);
	}
	/* Chosen, but another is open: a mark besides the colour. */
	if (i == f->scroll.cursor && !folder.is_current) {
		ui_restyle(area, at, 0, area.cols, look->colors[VIEW_SIDEBAR_HIGHLIGHT]);
		ui_puts(area, at, 0, ">", style);
	}
}

static void
sidebar_draw(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct folders *f = folders_of(v);
	struct ui_style plain = view_style(look, VIEW_SIDEBAR_BACKGROUND,
					   view_style(look, VIEW_NORMAL, UI_PLAIN));
	uint32_t count = count_of(f);

	v->rows = area.rows;
	v->cols = area.cols;
	scroll_fit(&f->scroll, count, area.rows, look);
	if (f->focus == 0)
		learn_focus(f);
	ui_clear(area, plain);
	int divider = utf8_cols(str_c(look->sidebar_divider));
	bool is_right = look->sidebar_on_right;
	struct ui_area inside = ui_area_sub(area, 0, is_right ? divider : 0, area.rows,
					    area.cols - divider);
	for (int at = 0; at < area.rows; at++) {
		uint32_t i = f->scroll.top + (uint32_t)at;
		if (i < count)
			draw_sidebar_row(f, inside, at, i, look);
		ui_puts(area, at, is_right ? 0 : area.cols - divider,
			look->has_ascii_chars ? "|" : look->sidebar_divider,
			view_style(look, VIEW_SIDEBAR_DIVIDER, plain));
	}
}

static const struct view_ops sidebar_ops = { "sidebar", folders_apply, sidebar_draw, NULL,
					     folders_move, folders_close };

struct view *
view_sidebar_open(const struct view_folders *source)
{
	return open_with(source, &sidebar_ops);
}

bool
view_sidebar_next_new(struct view *v, bool backwards, bool wraps)
{
	struct folders *f = folders_of(v);
	uint32_t count = count_of(f);
	struct view_folder folder;

	for (uint32_t n = 1; n < count; n++) {
		int64_t i = (int64_t)f->scroll.cursor + (backwards ? -(int64_t)n : (int64_t)n);
		if ((i < 0 || i >= count) && !wraps)
			return false;
		i = (i + count) % count;
		if (folder_at(f, (uint32_t)i, &folder) && !folder.is_root && folder.n_new > 0) {
			folders_move(v, VIEW_JUMP, (int)i + 1);
			return true;
		}
	}
	return false;
}
