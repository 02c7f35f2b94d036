/* One screen as a whole: which views, the key help, what accounts are doing. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

/* ---- the first line: keys ----------------------------------------------------------- */

struct help_item {
	const char *function, *label;
};

static const struct help_item index_help[] = {
	{ "quit", "Quit" },	      { "delete-message", "Delete" }, { "undo", "Undo" },
	{ "save-message", "Save" },   { "flag-message", "Flag" },     { "tag-entry", "Tag" },
	{ "limit", "Limit" },	      { "search", "Search" },	      { "change-folder", "Folder" },
	{ "help", "Help" },	      { NULL, NULL },
};
static const struct help_item pager_help[] = {
	{ "exit", "Index" },	      { "previous-page", "PrevPg" },	 { "next-page", "NextPg" },
	{ "next-undeleted", "Next" }, { "view-attachments", "Parts" },   { "undo", "Undo" },
	{ "delete-message", "Delete" }, { "save-message", "Save" },      { "help", "Help" },
	{ NULL, NULL },
};
static const struct help_item folder_help[] = {
	{ "exit", "Back" },	      { "select-entry", "Open" }, { "check-new", "Refresh" },
	{ "search", "Search" },	      { "help", "Help" },	  { NULL, NULL },
};
static const struct help_item parts_help[] = {
	{ "exit", "Back" },	      { "view-attach", "View" },      { "save-entry", "Save" },	  { "help", "Help" },
	{ NULL, NULL },
};
static const struct help_item activity_help[] = {
	{ "exit", "Back" },	      { "select-entry", "Now" },
	{ "delete-entry", "Drop" },   { "help", "Help" },	  { NULL, NULL },
};
static const struct help_item lines_help[] = {
	{ "exit", "Back" },	      { "search", "Search" },	  { "help", "Help" },
	{ NULL, NULL },
};

static const struct help_item *const helps[] = {
	[SCREEN_INDEX] = index_help,	   [SCREEN_PAGER] = pager_help,
	[SCREEN_FOLDERS] = folder_help,	   [SCREEN_PARTS] = parts_help,
	[SCREEN_HELP] = lines_help,	   [SCREEN_LOG] = lines_help,
	[SCREEN_ACTIVITY] = activity_help, [SCREEN_TEXT] = lines_help,
};

#define MAX_HELP 16

static size_t
fill_help(struct app *app, const struct screen *s, struct view_help_item *out, struct buf *keys)
{
	size_t n = 0, at[MAX_HELP];

	for (const struct help_item *h = helps[s->kind]; h->function != NULL && n < MAX_HELP; h++) {
		at[n] = keys->len;
		if (!app_keys_of(app, s->map, h->function, keys))
			continue;
		buf_addc(keys, '\0');
		out[n++].label = h->label;
	}
	for (size_t i = 0; i < n; i++)
		out[i].keys = keys->ptr + at[i];
	return n;
}

/* ---- the last line when nothing is said ------------------------------------------------ */

/* `cols`: for its text; 0: all of it. What names the host itself needs no label. */
static void
add_account_activity(struct buf *out, const struct model_account *a, int cols, int64_t now_wall)
{
	struct str text = str_c(*a->text != '\0' ? a->text : "not connected");

	if (out->len > 0)
		buf_adds(out, " · ");
	if (str_find_str(text, str_c(a->label)) < 0)
		buf_addf(out, "%s: ", a->label);
	if (cols > 0 && utf8_cols(text) > cols)
		buf_addf(out, "%.*s…", STR_ARG(str_trim(utf8_fit(text, cols - 1, NULL))));
	else
		buf_addstr(out, text);
	if (a->state == ACCOUNT_BUSY && a->total > 0)
		buf_addf(out, " %llu of %llu", (unsigned long long)a->done,
			 (unsigned long long)a->total);
	if (a->state == ACCOUNT_WAITING && a->retry_wall > now_wall)
		buf_addf(out, "; trying again in %lld s", (long long)(a->retry_wall - now_wall));
}

static bool
counts_down(const struct model_account *a, int64_t now_wall)
{
	return a->is_configured && a->state == ACCOUNT_WAITING && a->retry_wall > now_wall;
}

static void
write_activity(struct app *app, int text_cols)
{
	struct buf *out = &app->activity;
	struct model_account a;
	uint32_t n_waiting = 0;

	buf_reset(out);
	app->counts_down = false;
	parts_progress(app, out);
	if (app->trouble.len > 0 && out->len > 0)
		buf_adds(out, " · ");
	buf_addstr(out, buf_str(&app->trouble));
	for (size_t i = 0; model_account(app->model, i, &a); i++) {
		/* Without a manager nobody knows how they are. */
		if (a.is_configured && app->trouble.len == 0)
			add_account_activity(out, &a, text_cols, wall_now());
		n_waiting += a.n_waiting;
		app->counts_down |= counts_down(&a, wall_now());
	}
	if (n_waiting > 0)
		buf_addf(out, "%s%u %s to send", out->len > 0 ? " · " : "", n_waiting, n_waiting == 1 ? "change" : "changes");
	if (config_is_reading(app->reader))
		buf_addf(out, "%sa command of the configuration is still running",
			 out->len > 0 ? " · " : "");
	if (app->wanted_error != NULL &&
	    str_find_str(buf_str(out), str_c(app->wanted_error)) < 0 && text_cols == 0)
		buf_addf(out, " · %s", app->wanted_error);
}

/* What an account says is shortened before what follows it is lost: when it tries
 * again, and what waits. */
static void
fill_activity(struct app *app, int cols)
{
	struct model_account a;
	int longest = 0, over;

	write_activity(app, 0);
	over = utf8_cols(buf_str(&app->activity)) - cols;
	for (size_t i = 0; model_account(app->model, i, &a); i++) {
		int n = utf8_cols(str_c(a.text));
		longest = a.is_configured && n > longest ? n : longest;
	}
	if (over > 0)
		write_activity(app, longest - over > 20 ? longest - over : 20);
}

/* ---- the terminal's title ------------------------------------------------------------------ */

static void
tell_title(struct app *app)
{
	struct format_line line = { .text = BUF_INIT };
	struct view_mailbox mailbox;

	if (!config_bool(app->conf, OPT_ts_enabled) || app->host.title == NULL)
		return;
	app_fill_mailbox(app, &mailbox);
	view_expand_status(config_string(app->conf, OPT_ts_status_format), &mailbox, &app->look,
			   &line);
	if (!str_eq(buf_str(&line.text), buf_str(&app->title))) {
		buf_reset(&app->title);
		buf_addstr(&app->title, buf_str(&line.text));
		app->host.title(app->host.ctx, buf_str(&app->title));
	}
	format_line_release(&line);
}

/* ---- drawing ------------------------------------------------------------------------------ */

/* Once it is among the folders. */
static void
follow_place(struct app *app)
{
	const struct model_folder *here =
		app->place.account == NULL
			? NULL
			: model_folder_by_name(app->model, str_c(app->place.account),
					       buf_str(&app->place.wire));

	if (here != NULL && view_folders_go(app->sidebar, here->id))
		app->sidebar_follows = false;
}

static void
choose_views(struct app *app, const struct screen *top, struct view_frame *f)
{
	f->first = top->view;
	if (top->kind == SCREEN_PAGER) {
		f->second = top->view;
		f->first = app_index(app);
	}
	if (!config_bool(app->conf, OPT_sidebar_visible))
		return;
	if (app->sidebar == NULL) {
		struct view_folders folders = app_view_folders(app, true);
		app->sidebar = view_sidebar_open(&folders);
	}
	if (app->sidebar_follows)
		follow_place(app);
	f->sidebar = app->sidebar;
}

void
app_draw(struct app *app, struct ui_screen *screen)
{
	const struct screen *top = screen_top(app);
	struct view_help_item help[MAX_HELP];
	struct buf keys = BUF_INIT;
	struct view_frame frame = { .message_kind = app->message_kind,
				    .message = buf_str(&app->message),
				    .prompt = app->prompt };

	if (top == NULL)
		return;
	app_set_cols(app, ui_screen_cols(screen));
	/* Keys are copied into one buffer first: it moves while it grows. */
	buf_reserve(&keys, 1024);
	frame.n_help = fill_help(app, top, help, &keys);
	frame.help = help;
	fill_activity(app, ui_screen_cols(screen) - 2);
	frame.activity = buf_str(&app->activity);
	app->look.now = wall_now();
	choose_views(app, top, &frame);
	view_frame_draw(&frame, screen, &app->look);
	buf_release(&keys);
	tell_title(app);
	model_rest(app->model);
}
