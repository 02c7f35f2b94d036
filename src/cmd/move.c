/* Moving about: entries, pages, what is new, threads, searching. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- going to a message -------------------------------------------------------------- */

/* In the pager the next message is shown, in the index the cursor moves. */
static void
go(struct app *app, uint64_t local)
{
	struct view *index = app_index(app);

	if (index == NULL || !view_index_go(index, local))
		return;
	if (app_pager(app) != NULL)
		app_display(app, local);
	app_mark(app);
}

struct pattern *
app_pattern(struct app *app, struct str text)
{
	struct err err = ERR_INIT;
	struct buf needs = BUF_INIT;
	struct pattern *p = pattern_parse(text, config_string(app->conf, OPT_simple_search),
					  &app->pattern_context, NULL, &err);

	if (p == NULL) {
		app_complain(app, "%s", err.text);
		ui_keys_flush(app->keys);
		return NULL;
	}
	if (pattern_needs(p) != 0) {
		pattern_describe_needs(p, &needs);
		app_say(app, "%s cannot be told from the list alone: such messages are left out",
			needs.ptr);
	}
	buf_release(&needs);
	return p;
}

/* ---- lists and pages --------------------------------------------------------------------- */

static struct view *
focused_view(struct app *app)
{
	struct screen *s = screen_top(app);

	return s != NULL ? s->view : NULL;
}

static void
cmd_move_view(struct app *app, const struct cmd *c)
{
	struct view *v = focused_view(app);

	app->wants_cursor = false;
	if (v == NULL || view_move(v, (enum view_move)c->arg, 1))
		return;
	switch (c->arg) {
	case VIEW_NEXT:
	case VIEW_NEXT_PAGE:
	case VIEW_HALF_DOWN:
	case VIEW_NEXT_LINE:
		app_say(app, "you are at the end");
		break;
	case VIEW_PREVIOUS:
	case VIEW_PREVIOUS_PAGE:
	case VIEW_HALF_UP:
	case VIEW_PREVIOUS_LINE:
		app_say(app, "you are at the beginning");
		break;
	}
}

/* next-entry and its like in the pager go to the next message. */
static void
step_message(struct app *app, int by)
{
	struct view *index = app_index(app);
	uint32_t n = model_count(app->model), at;

	app->wants_cursor = false;
	if (index == NULL || n == 0)
		return;
	at = view_index_ordinal(index);
	if (by < 0 ? at == 0 : at + 1 >= n) {
		app_say(app, by < 0 ? "you are on the first message"
				    : "you are on the last message");
		return;
	}
	view_index_go_ordinal(index, by < 0 ? at - 1 : at + 1);
	if (app_pager(app) != NULL)
		app_display(app, view_index_focus(index));
}

static void
cmd_step(struct app *app, const struct cmd *c)
{
	step_message(app, c->arg);
}

static void
jump(struct app *app, struct str answer)
{
	struct view *index = app_index(app);
	struct view *v = app_pager(app) != NULL ? index : focused_view(app);
	uint32_t n;

	if (answer.len == 0)
		return;
	app->wants_cursor = false;
	if (!str_u32(answer, &n) || n == 0)
		app_complain(app, "'%.*s' is no number", STR_ARG(answer));
	else if (v == NULL || !view_move(v, VIEW_JUMP, n > INT32_MAX ? INT32_MAX : (int)n))
		app_complain(app, "there is no entry %u", n);
	else if (app_pager(app) != NULL)
		app_display(app, view_index_focus(index));
}

static void
cmd_jump(struct app *app, const struct cmd *c)
{
	ask_line(app, NULL, NULL, jump, "Jump to: ");
}

/* ---- seeking ------------------------------------------------------------------------------ */

enum seek_what {
	SEEK_UNDELETED,
	SEEK_NEW,
	SEEK_UNREAD,
	SEEK_NEW_THEN_UNREAD,
	SEEK_FLAGGED,
	SEEK_BACKWARDS = 16,
};

static bool
test_not_deleted(void *ctx, const struct model_row *row)
{
	return (row->row.flags & (ROW_TO_DELETE | ROW_DELETED)) == 0;
}

static bool
test_unread(void *ctx, const struct model_row *row)
{
	return (row->row.flags & ROW_SEEN) == 0;
}

static bool
test_new(void *ctx, const struct model_row *row)
{
	return (row->row.flags & (ROW_SEEN | ROW_RECENT)) == ROW_RECENT;
}

static bool
test_flagged(void *ctx, const struct model_row *row)
{
	return (row->row.flags & ROW_FLAGGED) != 0;
}

static const struct {
	model_test *test;
	const char *none;
	bool wraps;
} seeks[] = {
	[SEEK_UNDELETED] = { test_not_deleted, "no more undeleted messages", false },
	[SEEK_NEW] = { test_new, "no new messages", true },
	[SEEK_UNREAD] = { test_unread, "no unread messages", true },
	[SEEK_NEW_THEN_UNREAD] = { test_new, "no new messages", true },
	[SEEK_FLAGGED] = { test_flagged, "no flagged messages", true },
};

static void seek(struct app *app, int what);

static void
sought(void *ctx, uint64_t local, bool has_wrapped)
{
	struct app *app = ctx;
	int what = app->then_arg;

	app_mark(app);
	if (local == 0 && (what & ~SEEK_BACKWARDS) == SEEK_NEW_THEN_UNREAD) {
		seek(app, SEEK_UNREAD | (what & SEEK_BACKWARDS));
		return;
	}
	if (local == 0) {
		app_say(app, "%s", seeks[what & ~SEEK_BACKWARDS].none);
		return;
	}
	go(app, local);
	if (has_wrapped)
		app_say(app, what & SEEK_BACKWARDS ? "the search went on at the end"
						   : "the search went on at the beginning");
}

static void
seek(struct app *app, int what)
{
	struct view *index = app_index(app);
	int kind = what & ~SEEK_BACKWARDS;

	if (index == NULL || model_count(app->model) == 0) {
		app_say(app, "%s", app_why_no_message(app));
		return;
	}
	app->wants_cursor = false;
	app->then_arg = what;
	model_seek(app->model, view_index_ordinal(index), (what & SEEK_BACKWARDS) != 0,
		   seeks[kind].wraps, seeks[kind].test, NULL, sought, app);
}

static void
cmd_seek(struct app *app, const struct cmd *c)
{
	seek(app, c->arg);
}

/* After a change to one message under $resolve. */
static void
resolved(void *ctx, uint64_t local, bool has_wrapped)
{
	struct app *app = ctx;

	if (local != 0)
		go(app, local);
}

void
app_next_undeleted(struct app *app)
{
	struct view *index = app_index(app);

	if (index == NULL || !config_bool(app->conf, OPT_resolve))
		return;
	model_seek(app->model, view_index_ordinal(index), false, false, test_not_deleted, NULL,
		   resolved, app);
}

/* ---- threads ---------------------------------------------------------------------------------- */

static bool
needs_threads(struct app *app)
{
	if (model_is_threaded(app->model))
		return true;
	app_complain(app, model_is_ordering(app->model)
				  ? "the threads are not ready yet"
				  : "threading is not enabled: set sort=threads");
	return false;
}

enum { THREAD_NEXT, THREAD_PREVIOUS, SUBTHREAD_NEXT, SUBTHREAD_PREVIOUS };

static void
cmd_thread(struct app *app, const struct cmd *c)
{
	struct view *index = app_index(app);
	uint32_t first, end, at, n = model_count(app->model);
	bool whole = c->arg == THREAD_NEXT || c->arg == THREAD_PREVIOUS;
	bool back = c->arg == THREAD_PREVIOUS || c->arg == SUBTHREAD_PREVIOUS;

	if (index == NULL || !needs_threads(app))
		return;
	at = view_index_ordinal(index);
	if (!model_thread(app->model, at, whole, &first, &end))
		return;
	if (back ? first == 0 : end >= n) {
		app_say(app, back ? "you are on the first thread" : "there are no more threads");
		return;
	}
	/* Backwards: to the head of the one before. */
	if (back && model_thread(app->model, first - 1, whole, &first, &end))
		at = first;
	else
		at = end;
	view_index_go_ordinal(index, at);
	if (app_pager(app) != NULL)
		app_display(app, view_index_focus(index));
}

static void
cmd_parent(struct app *app, const struct cmd *c)
{
	struct model_row row;

	if (!needs_threads(app) || !model_row_of(app->model, app_focus(app), &row))
		return;
	/* <root-message>: the top of the thread. */
	uint64_t to = row.parent;
	while (c->arg != 0 && to != 0 && model_row_of(app->model, to, &row) && row.parent != 0)
		to = row.parent;
	if (to == 0)
		app_complain(app, "the parent message is not in this mailbox");
	else
		go(app, to);
}

/* $uncollapse_jump: to the first unread message of the thread that was opened. */
static void
go_to_unread(struct app *app, uint64_t local)
{
	uint32_t at, first, end;
	struct model_row row;

	if (!model_find(app->model, local, &at) ||
	    !model_thread(app->model, at, true, &first, &end))
		return;
	for (at = first; at < end && at < first + 1000; at++)
		if (model_row(app->model, at, &row) && !(row.row.flags & ROW_SEEN)) {
			view_index_go_ordinal(app_index(app), at);
			return;
		}
}

static void
cmd_collapse(struct app *app, const struct cmd *c)
{
	uint64_t local = app_focus(app);
	struct view *index = app_index(app);
	uint32_t at, first, end;

	if (index == NULL || local == 0 || !needs_threads(app))
		return;
	bool on = !model_is_collapsed(app->model, local);
	if (on && !model_may_collapse(app->model, local)) {
		app_complain(app, "the thread has unread messages ($collapse_unread)");
		return;
	}
	/* The cursor goes to what stays: the first message of the thread. */
	if (on && model_find(app->model, local, &at) &&
	    model_thread(app->model, at, true, &first, &end))
		view_index_go_ordinal(index, model_order(app->model)->reverse ? end - 1 : first);
	model_collapse(app->model, local, on);
	if (!on && config_bool(app->conf, OPT_uncollapse_jump))
		go_to_unread(app, local);
}

static void
cmd_collapse_all(struct app *app, const struct cmd *c)
{
	uint64_t local = app_focus(app);
	uint32_t at, first, end;
	struct view *index = app_index(app);

	if (index == NULL || local == 0 || !needs_threads(app))
		return;
	bool on = !model_is_collapsed(app->model, local);
	if (on && model_find(app->model, local, &at) &&
	    model_thread(app->model, at, true, &first, &end)) {
		view_index_go_ordinal(index, model_order(app->model)->reverse ? end - 1 : first);
		/* A message alone is neither: what was done last is undone. */
		on = end - first > 1 || !model_has_collapsed(app->model);
	}
	model_collapse_all(app->model, on);
}

/* ---- searching --------------------------------------------------------------------------------- */

static bool
test_pattern(void *ctx, const struct model_row *row)
{
	struct app *app = ctx;

	return app->search_pattern != NULL &&
	       model_matches(app->model, app->search_pattern, row);
}

static void
search_found(void *ctx, uint64_t local, bool has_wrapped)
{
	struct app *app = ctx;

	app_mark(app);
	if (local == 0) {
		struct buf needs = BUF_INIT;
		if (app->search_pattern != NULL)
			pattern_describe_needs(app->search_pattern, &needs);
		if (needs.len > 0)
			app_complain(app, "not found: %s cannot be told from the list alone",
				     needs.ptr);
		else
			app_complain(app, "not found");
		buf_release(&needs);
		ui_keys_flush(app->keys);
		return;
	}
	go(app, local);
	if (has_wrapped)
		app_say(app, app->search_backwards ? "the search went on at the end"
						   : "the search went on at the beginning");
}

/* In the folder list: names that hold the text, whatever its case. */
static int
search_folders(struct app *app, struct view *v, bool backwards)
{
	struct str text = buf_str(&app->pager_search_text);
	size_t n = app->folders.n, at = 0;

	app_make_folders(app);
	for (size_t i = 0; i < n; i++)
		if (app->folders.v[i].folder.id == view_folders_focus(v))
			at = i;
	for (size_t k = 1; k <= n; k++) {
		size_t i = backwards ? (at + n - k) % n : (at + k) % n;
		if (str_icontains(str_c(app->folders.v[i].folder.name), text) &&
		    view_folders_go(v, app->folders.v[i].folder.id))
			return 1;
	}
	return 0;
}

static void
search_view(struct app *app, bool backwards)
{
	struct screen *s = screen_top(app);
	int found = 0;

	if (s->view == NULL || s->kind == SCREEN_PARTS) {
		app_complain(app, "there is nothing to search here");
		return;
	}
	if (s->kind == SCREEN_FOLDERS)
		found = search_folders(app, s->view, backwards);
	else
		found = view_lines_search(s->view, buf_str(&app->pager_search_text), backwards);
	if (found == 0)
		app_complain(app, "not found");
}

static void
search_pager(struct app *app, const char *text, bool backwards)
{
	struct err err = ERR_INIT;
	const struct screen *s = app_pager(app);
	bool has_more = false;
	bool is_all = s->doc == NULL || (model_doc_is_complete(s->doc, &has_more) && !has_more);
	int found = view_pager_search(s->view, text, backwards, &err);

	if (found < 0)
		app_complain(app, "%s", err.text);
	else if (found == 0)
		app_complain(app, is_all ? "not found" :
					   "not found in what is here: the text continues");
	else if (found == 2)
		app_say(app, "the search went on at the %s%s", backwards ? "end" : "beginning",
			is_all ? "" : " of what is here: the text continues");
}

static void
search_index(struct app *app, bool backwards)
{
	struct view *index = app_index(app);
	struct pattern *p = app_pattern(app, buf_str(&app->search_text));

	if (p == NULL)
		return;
	model_stop_seeking(app->model);
	pattern_free(app->search_pattern);
	app->search_pattern = p;
	app->search_backwards = backwards;
	model_seek(app->model, view_index_ordinal(index), backwards,
		   config_bool(app->conf, OPT_wrap_search), test_pattern, app, search_found, app);
}

static void
search_again(struct app *app, bool backwards)
{
	struct screen *s = screen_top(app);

	if (s->kind == SCREEN_INDEX) {
		if (app->search_text.len == 0)
			app_complain(app, "nothing has been searched for yet");
		else if (model_count(app->model) > 0)
			search_index(app, backwards);
	} else if (app->pager_search_text.len == 0) {
		app_complain(app, "nothing has been searched for yet");
	} else if (s->kind == SCREEN_PAGER) {
		search_pager(app, NULL, backwards);
	} else {
		search_view(app, backwards);
	}
}

static void
search_typed(struct app *app, struct str answer)
{
	struct screen *s = screen_top(app);
	bool in_index = s->kind == SCREEN_INDEX;
	struct buf *text = in_index ? &app->search_text : &app->pager_search_text;
	bool backwards = app->then_arg != 0;

	if (answer.len > 0) {
		buf_reset(text);
		buf_addstr(text, answer);
	}
	if (in_index)
		app->search_backwards = backwards;
	else
		app->pager_search_backwards = backwards;
	if (s->kind == SCREEN_PAGER && answer.len > 0)
		search_pager(app, text->ptr, backwards);
	else
		search_again(app, backwards);
}

static void
cmd_search(struct app *app, const struct cmd *c)
{
	struct screen *s = screen_top(app);
	const char *label = c->arg ? "Reverse search for: " : "Search for: ";

	app->wants_cursor = false;
	app->then_arg = c->arg;
	if (s->kind == SCREEN_INDEX)
		ask_pattern(app, search_typed, label);
	else
		ask_line(app, "pattern", NULL, search_typed, "%s", label);
}

static void
cmd_search_next(struct app *app, const struct cmd *c)
{
	bool backwards = screen_top(app)->kind == SCREEN_INDEX ? app->search_backwards
								: app->pager_search_backwards;
	bool was = app->search_backwards;

	search_again(app, c->arg ? !backwards : backwards);
	/* Only this once: the direction is that of the search. */
	if (!model_is_seeking(app->model))
		app->search_backwards = was;
}

/* ---- the rows ------------------------------------------------------------------------------------- */

#define LISTS (IN(GENERIC))
#define MESSAGES (IN(INDEX) | IN(PAGER))

const struct cmd cmd_move_rows[] = {
	{ "next-undeleted", "j <Down>", IN(INDEX), NULL, "Go to the next undeleted message",
	  cmd_seek, SEEK_UNDELETED, CMD_MOVES },
	{ "previous-undeleted", "k <Up>", IN(INDEX), NULL, "Go to the undeleted message before",
	  cmd_seek, SEEK_UNDELETED | SEEK_BACKWARDS, CMD_MOVES },
	{ "next-undeleted", "j <Right> <Down>", IN(PAGER), NULL,
	  "Show the next undeleted message", cmd_seek, SEEK_UNDELETED, CMD_MOVES },
	{ "previous-undeleted", "k <Left> <Up>", IN(PAGER), NULL,
	  "Show the undeleted message before", cmd_seek, SEEK_UNDELETED | SEEK_BACKWARDS,
	  CMD_MOVES },
	{ "next-entry", "J", MESSAGES, NULL, "Go to the next message", cmd_step, 1, CMD_MOVES },
	{ "previous-entry", "K", MESSAGES, NULL, "Go to the message before", cmd_step, -1,
	  CMD_MOVES },
	{ "next-entry", "j <Down>", LISTS, NULL, "Go to the next entry", cmd_move_view, VIEW_NEXT,
	  CMD_MOVES },
	{ "previous-entry", "k <Up>", LISTS, NULL, "Go to the entry before", cmd_move_view,
	  VIEW_PREVIOUS, CMD_MOVES },
	{ "next-page", "z <PageDown> <Right>", LISTS, NULL, "Go to the next page", cmd_move_view,
	  VIEW_NEXT_PAGE, CMD_MOVES },
	{ "previous-page", "Z <PageUp> <Left>", LISTS, NULL, "Go to the page before",
	  cmd_move_view, VIEW_PREVIOUS_PAGE, CMD_MOVES },
	{ "half-down", "]", LISTS, NULL, "Go half a page down", cmd_move_view, VIEW_HALF_DOWN,
	  CMD_MOVES },
	{ "half-up", "[", LISTS, NULL, "Go half a page up", cmd_move_view, VIEW_HALF_UP,
	  CMD_MOVES },
	{ "next-line", ">", LISTS, NULL, "Scroll down by a line", cmd_move_view, VIEW_NEXT_LINE,
	  CMD_MOVES },
	{ "previous-line", "<", LISTS, NULL, "Scroll up by a line", cmd_move_view,
	  VIEW_PREVIOUS_LINE, CMD_MOVES },
	{ "first-entry", "= <Home>", LISTS, NULL, "Go to the first entry", cmd_move_view,
	  VIEW_FIRST, CMD_MOVES },
	{ "last-entry", "* <End>", LISTS, NULL, "Go to the last entry", cmd_move_view, VIEW_LAST,
	  CMD_MOVES },
	{ "top-page", "H", LISTS, NULL, "Go to the top of the page", cmd_move_view, VIEW_PAGE_TOP,
	  CMD_MOVES },
	{ "middle-page", "M", LISTS, NULL, "Go to the middle of the page", cmd_move_view,
	  VIEW_PAGE_MIDDLE, CMD_MOVES },
	{ "bottom-page", "L", LISTS, NULL, "Go to the bottom of the page", cmd_move_view,
	  VIEW_PAGE_BOTTOM, CMD_MOVES },
	{ "current-top", "", LISTS, NULL, "Scroll the entry to the top", cmd_move_view,
	  VIEW_CURRENT_TOP, CMD_MOVES },
	{ "current-middle", "", LISTS, NULL, "Scroll the entry to the middle", cmd_move_view,
	  VIEW_CURRENT_MIDDLE, CMD_MOVES },
	{ "current-bottom", "", LISTS, NULL, "Scroll the entry to the bottom", cmd_move_view,
	  VIEW_CURRENT_BOTTOM, CMD_MOVES },
	{ "jump", "", LISTS | IN(PAGER), "a number",
	  "Go to an entry by its number; typing the number is enough", cmd_jump, 0, 0 },
	{ "next-new-then-unread", "<Tab>", IN(INDEX), NULL,
	  "Go to the next new message, else the next unread one", cmd_seek, SEEK_NEW_THEN_UNREAD,
	  CMD_MOVES },
	{ "previous-new-then-unread", "<Esc><Tab>", IN(INDEX), NULL,
	  "Go to the new message before, else the unread one before", cmd_seek,
	  SEEK_NEW_THEN_UNREAD | SEEK_BACKWARDS, CMD_MOVES },
	{ "next-new", "", MESSAGES, NULL, "Go to the next new message", cmd_seek, SEEK_NEW,
	  CMD_MOVES },
	{ "previous-new", "", MESSAGES, NULL, "Go to the new message before", cmd_seek,
	  SEEK_NEW | SEEK_BACKWARDS, CMD_MOVES },
	{ "next-unread", "<Tab>", IN(PAGER), NULL, "Show the next unread message", cmd_seek,
	  SEEK_UNREAD, CMD_MOVES },
	{ "next-unread", "", IN(INDEX), NULL, "Go to the next unread message", cmd_seek,
	  SEEK_UNREAD, CMD_MOVES },
	{ "previous-unread", "", MESSAGES, NULL, "Go to the unread message before", cmd_seek,
	  SEEK_UNREAD | SEEK_BACKWARDS, CMD_MOVES },
	{ "next-thread", "^N", MESSAGES, NULL, "Go to the next thread", cmd_thread, THREAD_NEXT,
	  0 },
	{ "previous-thread", "^P", MESSAGES, NULL, "Go to the thread before", cmd_thread,
	  THREAD_PREVIOUS, 0 },
	{ "next-subthread", "<Esc>n", MESSAGES, NULL, "Go to the next part of the thread",
	  cmd_thread, SUBTHREAD_NEXT, 0 },
	{ "previous-subthread", "<Esc>p", MESSAGES, NULL, "Go to the part of the thread before",
	  cmd_thread, SUBTHREAD_PREVIOUS, 0 },
	{ "parent-message", "P", MESSAGES, NULL, "Go to the message this one answers", cmd_parent,
	  0, 0 },
	{ "root-message", "", MESSAGES, NULL, "Go to the first message of the thread", cmd_parent,
	  1, 0 },
	{ "collapse-thread", "<Esc>v", IN(INDEX), NULL, "Fold the thread, or unfold it",
	  cmd_collapse, 0, 0 },
	{ "collapse-all", "<Esc>V", IN(INDEX), NULL, "Fold all threads, or unfold them",
	  cmd_collapse_all, 0, 0 },
	{ "search", "/", LISTS | IN(PAGER), "a pattern (in messages: a regular expression)",
	  "Search", cmd_search, 0, 0 },
	{ "search-reverse", "<Esc>/", LISTS | IN(PAGER), "a pattern", "Search backwards",
	  cmd_search, 1, 0 },
	{ "search-next", "n", LISTS | IN(PAGER), NULL, "Search again", cmd_search_next, 0, 0 },
	{ "search-opposite", "", LISTS | IN(PAGER), NULL, "Search again the other way",
	  cmd_search_next, 1, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
