/* The stack of screens: the index lies at the bottom. */
#include "internal.h"

#include <stdarg.h>
#include <stdlib.h>

struct screen *
screen_top(const struct app *app)
{
	return app->screens.n > 0 ? app->screens.v[app->screens.n - 1] : NULL;
}

struct screen *
screen_of(const struct app *app, enum screen_kind kind)
{
	for (size_t i = app->screens.n; i-- > 0;)
		if (app->screens.v[i]->kind == kind)
			return app->screens.v[i];
	return NULL;
}

struct screen *
screen_push(struct app *app, enum screen_kind kind, enum cmd_map map)
{
	struct screen *s = xcalloc(1, sizeof(*s));

	s->app = app;
	s->kind = kind;
	s->map = map;
	vec_push(&app->screens, s);
	app_mark(app);
	return s;
}

static void
screen_free(struct screen *s)
{
	view_close(s->view);
	model_doc_free(s->doc);
	free(s->section);
	vec_release(&s->lines);
	arena_release(&s->text);
	free(s);
}

void
screen_pop(struct app *app)
{
	if (app->screens.n > 0)
		screen_free(app->screens.v[--app->screens.n]);
	app_mark(app);
}

void
screen_pop_to_index(struct app *app)
{
	while (app->screens.n > 1)
		screen_pop(app);
}

struct view *
app_index(struct app *app)
{
	struct screen *s = screen_of(app, SCREEN_INDEX);

	return s != NULL ? s->view : NULL;
}

struct screen *
app_pager(struct app *app)
{
	struct screen *s = screen_top(app);

	return s != NULL && s->kind == SCREEN_PAGER ? s : NULL;
}

/* ---- screens of lines ----------------------------------------------------------- */

void
screen_add_line(struct screen *s, uint64_t id, bool is_title, enum view_color color,
		const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	struct view_text_line line = { arena_str(&s->text, buf_str(&text)), id, color, is_title,
				       4 };
	vec_push(&s->lines, line);
	buf_release(&text);
}

static uint32_t
count_lines(void *ctx)
{
	return (uint32_t)((struct screen *)ctx)->lines.n;
}

static bool
line_at(void *ctx, uint32_t i, struct view_text_line *out)
{
	struct screen *s = ctx;

	if (i >= s->lines.n)
		return false;
	*out = s->lines.v[i];
	return true;
}

void
screen_show_lines(struct screen *s, const char *title, const char *map, bool follows_end)
{
	struct view_lines lines = { .title = title,
				    .map = map,
				    .count = count_lines,
				    .at = line_at,
				    .follows_end = follows_end,
				    .ctx = s };

	s->view = view_lines_open(&lines);
}
