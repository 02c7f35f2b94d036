/* Reading a message. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the view is given ------------------------------------------------------------ */

static size_t
line_count(void *ctx)
{
	const struct screen *s = ctx;
	size_t n = s->doc != NULL ? model_doc_n_lines(s->doc) : 0;

	return n == 0 && s->doc != NULL && model_doc_trouble(s->doc) != NULL ? 1 : n;
}

static const struct doc_line *
line_at(void *ctx, size_t i)
{
	static struct doc_line trouble;
	const struct screen *s = ctx;

	if (s->doc == NULL)
		return NULL;
	if (model_doc_n_lines(s->doc) > 0)
		return model_doc_line(s->doc, i);
	trouble = (struct doc_line){ .kind = DOC_NOTICE,
				     .text = str_c(model_doc_trouble(s->doc)) };
	return i == 0 ? &trouble : NULL;
}

static bool
is_complete(void *ctx)
{
	const struct screen *s = ctx;
	bool more;

	if (s->doc == NULL || model_doc_trouble(s->doc) != NULL)
		return true;
	return model_doc_is_complete(s->doc, &more) && !more;
}

static void
progress(void *ctx, struct buf *out, bool *more_on_request_out)
{
	const struct screen *s = ctx;
	uint64_t have = 0, total = 0;

	*more_on_request_out = false;
	if (s->doc == NULL)
		return;
	model_doc_is_complete(s->doc, more_on_request_out);
	model_doc_progress(s->doc, &have, &total);
	if (total > 0 && have < total) {
		buf_adds(out, "fetched ");
		buf_add_size(out, have);
		buf_adds(out, " of ");
		buf_add_size(out, total);
	} else {
		buf_adds(out, "fetching");
	}
}

static bool
doc_row(void *ctx, struct view_row *out)
{
	struct screen *s = ctx;
	struct model_row mr;

	return s->doc != NULL && model_row_of(s->app->model, model_doc_local(s->doc), &mr) &&
	       app_view_row(s->app, &mr, out);
}

static void
doc_mailbox(void *ctx, struct view_mailbox *out)
{
	app_fill_mailbox(((struct screen *)ctx)->app, out);
}

/* ---- rendering ----------------------------------------------------------------------------- */

static struct str
joined(const struct config *conf, enum config_list list, struct buf *out)
{
	size_t n;
	const char *const *words = config_list(conf, list, &n);

	buf_reset(out);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s", i > 0 ? " " : "", words[i]);
	return buf_str(out);
}

/* How this screen wants it; the texts are copied by whoever takes it. */
static void
with_how(struct screen *s, void (*use)(struct screen *s, const struct model_read *how))
{
	struct app *app = s->app;
	const struct config *conf = app->conf;
	struct buf texts[5] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	struct model_read how = {
		.render = {
			.ignore = joined(conf, CONFIG_IGNORE, &texts[0]),
			.unignore = joined(conf, CONFIG_UNIGNORE, &texts[1]),
			.hdr_order = joined(conf, CONFIG_HDR_ORDER, &texts[2]),
			.alternative_order = joined(conf, CONFIG_ALTERNATIVE_ORDER, &texts[3]),
			.auto_view = joined(conf, CONFIG_AUTO_VIEW, &texts[4]),
			.assumed_charset = str_c(config_string(conf, OPT_assumed_charset)),
			.weed = config_bool(conf, OPT_weed) && !s->shows_all_headers,
			.section = s->section != NULL ? str_c(s->section) : STR_NONE,
		},
		.whole = s->wants_whole,
	};

	use(s, &how);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		buf_release(&texts[i]);
}

static void
open_doc(struct screen *s, const struct model_read *how)
{
	uint64_t local = s->doc != NULL	  ? model_doc_local(s->doc)
			 : s->local != 0 ? s->local
					  : view_index_focus(app_index(s->app));

	model_doc_free(s->doc);
	s->doc = model_doc_open(s->app->model, local, how);
}

static void
render_again(struct screen *s, const struct model_read *how)
{
	model_doc_again(s->doc, how);
}

void
app_display_again(struct app *app)
{
	for (size_t i = 0; i < app->screens.n; i++)
		if (app->screens.v[i]->doc != NULL)
			with_how(app->screens.v[i], render_again);
}

/* The one that will probably be read next is fetched before it is asked for. */
static void
prefetch(struct app *app)
{
	struct view *index = app_index(app);
	struct model_row row;
	struct buf locals = BUF_INIT, payload = BUF_INIT, prefer = BUF_INIT;

	if (index == NULL || !model_row(app->model, view_index_ordinal(index) + 1, &row))
		return;
	ipc_put_u64(&locals, row.row.local);
	struct msg_prefetch msg = { .locals = buf_str(&locals),
				    .prefer = joined(app->conf, CONFIG_ALTERNATIVE_ORDER, &prefer) };
	msg_put_prefetch(&payload, &msg);
	model_tell(app->model, MSG_PREFETCH, buf_str(&payload));
	buf_release(&locals);
	buf_release(&payload);
	buf_release(&prefer);
}

static void
open_view(struct screen *s)
{
	struct view_document document = { .count = line_count,
					  .at = line_at,
					  .is_complete = is_complete,
					  .progress = progress,
					  .row = doc_row,
					  .mailbox = doc_mailbox,
					  .ctx = s };

	s->view = view_pager_open(&document);
	s->doc_version = model_doc_version(s->doc);
}

/* A view keeps how lines are wrapped: other lines are another document. */
static void
follow_document(struct screen *s)
{
	size_t line;

	if (s->doc_version == model_doc_version(s->doc))
		return;
	line = view_pager_line(s->view);
	view_close(s->view);
	open_view(s);
	view_pager_go_line(s->view, line);
}

void
app_display(struct app *app, uint64_t local)
{
	struct view *index = app_index(app);
	struct screen *s;

	if (index == NULL || local == 0 || !view_index_go(index, local)) {
		screen_pop_to_index(app);
		return;
	}
	app->wants_cursor = false;
	screen_pop_to_index(app);
	s = screen_push(app, SCREEN_PAGER, CMD_MAP_PAGER);
	with_how(s, open_doc);
	open_view(s);
	prefetch(app);
	app_mark(app);
}

/* One part of a message, above the list of its parts. */
void
app_display_part(struct app *app, uint64_t local, struct str section, bool whole)
{
	struct screen *s = screen_push(app, SCREEN_PAGER, CMD_MAP_PAGER);

	s->section = str_dup(section);
	s->wants_whole = whole;
	s->local = local;
	with_how(s, open_doc);
	open_view(s);
}

/* A message is read once some of it is on the screen, not when it was asked for. */
static void
mark_as_read(struct app *app, struct screen *s)
{
	uint64_t local = model_doc_local(s->doc);
	struct model_mailbox m;
	struct model_row row;

	if (s->is_marked_read || model_doc_n_lines(s->doc) == 0)
		return;
	s->is_marked_read = true;
	if (model_mailbox(app->model, &m) && !m.is_read_only &&
	    model_row_of(app->model, local, &row) && !(row.row.flags & ROW_SEEN))
		model_mark_read(app->model, local);
}

void
pager_news(struct app *app)
{
	struct screen *s = screen_of(app, SCREEN_PAGER);

	if (s == NULL || s->doc == NULL)
		return;
	mark_as_read(app, s);
	for (size_t i = 0; i < app->screens.n; i++) {
		if (app->screens.v[i]->doc != NULL)
			follow_document(app->screens.v[i]);
		if (app->screens.v[i]->kind == SCREEN_PAGER ||
		    app->screens.v[i]->kind == SCREEN_PARTS)
			view_apply(app->screens.v[i]->view);
	}
	if (model_doc_trouble(s->doc) != NULL && model_doc_n_lines(s->doc) > 0)
		app_say(app, "%s", model_doc_trouble(s->doc));
}

/* ---- commands --------------------------------------------------------------------------------- */

static void
cmd_display(struct app *app, const struct cmd *c)
{
	struct view *index = app_index(app);

	if (index != NULL && app_needs_message(app))
		app_display(app, view_index_focus(index));
}

static void
next_message(struct app *app)
{
	struct view *index = app_index(app);
	uint64_t before = app_focus(app);
	const struct cmd *next = cmd_find(CMD_MAP_PAGER, STR("next-undeleted"));

	next->run(app, next);
	if (index != NULL && !model_is_seeking(app->model) && app_focus(app) == before)
		app_say(app, "you are on the last message");
}

static void
cmd_page(struct app *app, const struct cmd *c)
{
	struct screen *s = app_pager(app);
	bool more;

	if (s == NULL || view_move(s->view, (enum view_move)c->arg, 1))
		return;
	if (c->arg == VIEW_PREVIOUS_PAGE || c->arg == VIEW_PREVIOUS_LINE ||
	    c->arg == VIEW_HALF_UP || c->arg == VIEW_FIRST) {
		app_say(app, "the top of the message is shown");
		return;
	}
	bool is_all = model_doc_is_complete(s->doc, &more);
	if (more) {
		model_doc_more(s->doc);
		app_say(app, "fetching more of the text");
	} else if (!is_all && model_doc_trouble(s->doc) == NULL) {
		app_say(app, "the rest is on its way");
	} else if (c->arg == VIEW_NEXT_PAGE && !config_bool(app->conf, OPT_pager_stop)) {
		next_message(app);
	} else {
		app_say(app, "the bottom of the message is shown");
	}
}

static void
cmd_quoted(struct app *app, const struct cmd *c)
{
	struct screen *s = app_pager(app);

	if (s == NULL)
		return;
	if (c->arg == 0)
		view_pager_toggle_quoted(s->view);
	else if (c->arg == 1 && !view_pager_skip_quoted(s->view))
		app_say(app, "no more text behind the quotes");
	else if (c->arg == 2 && !view_pager_skip_headers(s->view))
		app_say(app, "no text behind the header");
}

static void
cmd_weed(struct app *app, const struct cmd *c)
{
	struct screen *s = app_pager(app);

	if (s == NULL) {
		if (app_needs_message(app))
			app_display(app, view_index_focus(app_index(app)));
		s = app_pager(app);
	}
	if (s == NULL)
		return;
	s->shows_all_headers = !s->shows_all_headers;
	with_how(s, render_again);
}

static void
cmd_search_toggle(struct app *app, const struct cmd *c)
{
	if (app_pager(app) != NULL)
		view_pager_toggle_search_color(app_pager(app)->view);
}

static void
cmd_back(struct app *app, const struct cmd *c)
{
	screen_pop(app);
}

#define P IN(PAGER)

const struct cmd cmd_pager_rows[] = {
	{ "display-message", "<Return> <Enter> <Space> <KPEnter>", IN(INDEX), NULL, "Show the message",
	  cmd_display, 0, 0 },
	{ "next-page", "<Space> <PageDown>", P, NULL,
	  "Go to the next page; behind the last one, to the next message", cmd_page,
	  VIEW_NEXT_PAGE, 0 },
	{ "previous-page", "- <PageUp>", P, NULL, "Go to the page before", cmd_page,
	  VIEW_PREVIOUS_PAGE, 0 },
	{ "next-line", "<Return> <Enter>", P, NULL, "Scroll down by a line", cmd_page,
	  VIEW_NEXT_LINE, 0 },
	{ "previous-line", "<Backspace>", P, NULL, "Scroll up by a line", cmd_page,
	  VIEW_PREVIOUS_LINE, 0 },
	{ "half-down", "]", P, NULL, "Scroll half a page down", cmd_page, VIEW_HALF_DOWN, 0 },
	{ "half-up", "[", P, NULL, "Scroll half a page up", cmd_page, VIEW_HALF_UP, 0 },
	{ "top", "^ <Home>", P, NULL, "Go to the top of the message", cmd_page, VIEW_FIRST, 0 },
	{ "bottom", "<End>", P, NULL, "Go to the bottom of the message", cmd_page, VIEW_LAST, 0 },
	{ "toggle-quoted", "T", P, NULL, "Hide quoted text, or show it", cmd_quoted, 0, 0 },
	{ "skip-quoted", "S", P, NULL, "Go past quoted text", cmd_quoted, 1, 0 },
	{ "skip-headers", "H", P, NULL, "Go past the header", cmd_quoted, 2, 0 },
	{ "search-toggle", "\\", P, NULL, "Show what was searched for in colour, or do not",
	  cmd_search_toggle, 0, 0 },
	{ "display-toggle-weed", "h", P | IN(INDEX), NULL, "Show all header fields, or the usual ones",
	  cmd_weed, 0, 0 },
	{ "exit", "q i x", P, NULL, "Go back to the index", cmd_back, 0, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
