/* One whole screen: what stands where, in which order it is drawn. */
#include "internal.h"

#include "tern/base/utf8.h"

static int
item_cols(const struct view_help_item *item)
{
	return utf8_cols(str_c(item->keys)) + 1 + utf8_cols(str_c(item->label));
}

/* "q:Quit  d:Delete": as many as there is room for. */
static void
draw_help(const struct view_frame *f, struct ui_area area, const struct view_look *look)
{
	struct ui_style style =
		view_style(look, VIEW_HELP, view_style(look, VIEW_NORMAL, UI_PLAIN));
	int col = 1;

	ui_fill(area, 0, 0, area.cols, style);
	for (size_t i = 0; i < f->n_help; i++) {
		struct str keys = str_c(f->help[i].keys), label = str_c(f->help[i].label);
		bool is_last = i + 1 == f->n_help;
		if (keys.len == 0 || col + item_cols(&f->help[i]) > area.cols)
			continue;
		/* The last is Help: there must be room for it, whatever is left out. */
		if (!is_last && col + item_cols(&f->help[i]) + 2 +
					item_cols(&f->help[f->n_help - 1]) > area.cols)
			continue;
		struct ui_style key_style = style;
		key_style.attrs = (uint16_t)((key_style.attrs & ~UI_DIM) | UI_BOLD);
		col += ui_put(area, 0, col, keys, key_style);
		col += ui_puts(area, 0, col, ":", style);
		col += ui_put(area, 0, col, label, style) + 2;
	}
}

static enum view_color
message_color(enum view_message_kind kind)
{
	switch (kind) {
	case VIEW_MESSAGE_ERROR:
		return VIEW_ERROR;
	case VIEW_MESSAGE_INFO:
		return VIEW_MESSAGE;
	default:
		return VIEW_ACTIVITY;
	}
}

/* What is longer than the line has the one above it, too, until the next key: that is
 * the status, and nothing moves. The log (M) has all of it. */
static void
draw_long(struct ui_area two, struct str text, struct ui_style style, const struct view_look *look)
{
	const char *more = look->has_ascii_chars ? "..." : "…";

	ui_clear(two, view_style(look, VIEW_NORMAL, UI_PLAIN));
	ui_put(two, 0, 0, view_take_words(&text, two.cols), style);
	bool is_cut = utf8_cols(text) > two.cols;
	int col = ui_put(two, 1, 0, is_cut ? utf8_fit(text, two.cols - 3, NULL) : text, style);
	if (is_cut)
		ui_puts(two, 1, col, more, style);
}

static void
draw_message(const struct view_frame *f, struct ui_area area, struct ui_area two,
	     const struct view_look *look)
{
	struct ui_style normal = view_style(look, VIEW_NORMAL, UI_PLAIN);
	bool has_message = f->message_kind != VIEW_MESSAGE_NONE && f->message.len > 0;
	struct ui_style style = view_style(
		look, message_color(has_message ? f->message_kind : VIEW_MESSAGE_NONE), normal);
	struct buf text = BUF_INIT;

	ui_clear(area, normal);
	utf8_add_safe(&text, has_message ? f->message : f->activity);
	bool is_alone = f->prompt == NULL || !ui_prompt_is_open(f->prompt);
	if (has_message && is_alone && utf8_cols(buf_str(&text)) > area.cols)
		draw_long(two, buf_str(&text), style, look);
	else
		ui_put(area, area.rows - 1, has_message ? 0 : 1, buf_str(&text), style);
	buf_release(&text);
}

static void
draw_view(struct view *v, struct ui_area area, struct ui_area status, const struct view_look *look)
{
	if (v == NULL)
		return;
	if (area.rows > 0)
		v->ops->draw(v, area, look);
	if (status.rows > 0 && v->ops->draw_status != NULL)
		v->ops->draw_status(v, status, look);
}

static int
sidebar_cols(const struct view_frame *f, const struct ui_screen *s, const struct view_look *look)
{
	if (f->sidebar == NULL)
		return 0;
	/* It may have a third of the screen. */
	int most = ui_screen_cols(s) / 3;
	return look->sidebar_cols < most ? look->sidebar_cols : most;
}

void
view_frame_draw(const struct view_frame *f, struct ui_screen *s, const struct view_look *look)
{
	if (!ui_has_room(s))
		return;
	struct ui_layout_options o = { .has_help = look->has_help,
				       .status_on_top = look->status_on_top,
				       .sidebar_cols = sidebar_cols(f, s, look),
				       .sidebar_on_right = look->sidebar_on_right,
				       .index_rows = f->second != NULL ? look->pager_index_lines : 0,
				       .has_second = f->second != NULL,
				       .message_rows = 1 };
	struct ui_layout l = ui_layout(s, &o);
	/* The cursor stays where the view with the focus puts it: that one comes last,
	 * and a prompt after it. */
	if (l.sidebar.rows > 0)
		f->sidebar->ops->draw(f->sidebar, l.sidebar, look);
	draw_view(f->first, l.first, l.first_status, look);
	draw_view(f->second, l.second, l.second_status, look);
	if (l.help.rows > 0)
		draw_help(f, l.help, look);
	draw_message(f, l.message,
		     ui_area_sub(ui_area_all(s), ui_screen_rows(s) - 2, 0, 2, ui_screen_cols(s)),
		     look);
	if (f->prompt != NULL && ui_prompt_is_open(f->prompt)) {
		struct ui_style normal = view_style(look, VIEW_NORMAL, UI_PLAIN);
		ui_prompt_draw(f->prompt, l.message, l.body, normal,
			       view_style(look, VIEW_PROMPT, normal),
			       view_style(look, VIEW_INDICATOR, normal));
	}
}
