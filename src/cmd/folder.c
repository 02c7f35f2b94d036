/* Mailboxes: opening one, the folder list, the sidebar. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"

/* ---- opening ------------------------------------------------------------------------------ */

static struct place next_place = PLACE_INIT; /* while it is asked about held deletes */
static bool next_read_only;

static void
open_next(struct app *app)
{
	app_open(app, &next_place, next_read_only);
	place_release(&next_place);
}

/* Leaving the one that is open may ask a question first. Takes the place. */
static void
leave_and_open(struct app *app, struct place *p, bool read_only)
{
	place_release(&next_place);
	next_place = *p;
	next_read_only = read_only;
	app_leave_mailbox(app, open_next);
}

/* ---- a name that no list has: the server is asked before this one is left ------------------ */

static void
stop_probe(struct app *app)
{
	struct msg_close_mailbox msg = { .mailbox = app->probed };
	struct buf payload = BUF_INIT;

	if (app->probe != 0)
		model_forget(app->model, app->probe);
	app->probe = 0;
	if (app->probed != 0) {
		msg_put_close_mailbox(&payload, &msg);
		model_tell(app->model, MSG_CLOSE_MAILBOX, buf_str(&payload));
		buf_release(&payload);
	}
	app->probed = 0;
}

static void
probe_answered(void *ctx, const struct ipc_frame *f, bool is_end)
{
	struct app *app = ctx;
	struct msg_opened opened;
	struct msg_failed failed;
	struct buf shown = BUF_INIT;
	struct place p = next_place;

	if (f->type == MSG_OPENED && msg_get_opened(f->payload, &opened, NULL) == 0)
		app->probed = opened.mailbox;
	if (!is_end)
		return;
	app->probe = 0;
	if (f->type == MSG_DONE) {
		app->probed = 0; /* it stays open: it is the next */
		next_place = (struct place)PLACE_INIT;
		leave_and_open(app, &p, next_read_only);
	} else if (f->type == MSG_FAILED && msg_get_failed(f->payload, &failed, NULL) == 0) {
		place_show(app, str_c(next_place.url), &shown);
		if (failed.kind == ERR_GONE)
			app_complain(app, "there is no mailbox %s", shown.ptr);
		else
			app_complain(app, "%.*s", STR_ARG(failed.text));
		model_log(app->model, LOG_WARN, "%.*s", STR_ARG(failed.text));
	}
	stop_probe(app);
	buf_release(&shown);
}

/* Takes the place. */
static void
probe(struct app *app, struct place *p, bool read_only)
{
	struct buf payload = BUF_INIT, shown = BUF_INIT;
	struct msg_open_mailbox msg = { .account = str_c(p->account),
					.mailbox = buf_str(&p->wire),
					.read_only = true };

	stop_probe(app);
	msg_put_open_mailbox(&payload, &msg);
	place_show(app, str_c(p->url), &shown);
	app_say(app, "asking the server for %s", shown.ptr);
	place_release(&next_place);
	next_place = *p;
	next_read_only = read_only;
	app->probe = model_request(app->model, MSG_OPEN_MAILBOX, buf_str(&payload),
				   probe_answered, app);
	buf_release(&payload);
	buf_release(&shown);
}

/* The server has told its mailboxes, and this is none of them. */
static bool
is_unheard_of(struct app *app, const struct place *p)
{
	const struct model_folder *f =
		model_folder_by_name(app->model, str_c(p->account), buf_str(&p->wire));

	return app->place.url != NULL && (f == NULL || f->mailbox == 0) &&
	       !str_eqc(buf_str(&p->wire), "INBOX") && app_has_folder_list(app, p->account);
}

static void
open_typed(struct app *app, struct str typed, bool read_only)
{
	struct place p = PLACE_INIT;
	struct err err = ERR_INIT;

	if (place_resolve(app, typed, &p, &err) < 0) {
		app_complain(app, "%s", err.text);
		ui_keys_flush(app->keys);
		return;
	}
	if (is_unheard_of(app, &p)) {
		probe(app, &p, read_only);
		return;
	}
	stop_probe(app);
	leave_and_open(app, &p, read_only);
}

static void
open_folder(struct app *app, const struct model_folder *f, bool read_only)
{
	struct buf url = BUF_INIT;
	struct place p = PLACE_INIT;
	struct err err = ERR_INIT;

	place_url(app, f, &url);
	if (f->is_root || (f->attrs & FOLDER_NOSELECT))
		app_complain(app, "%s holds no messages", f->name);
	else if (place_of_url(app, buf_str(&url), &p, &err) < 0)
		app_complain(app, "%s", err.text);
	else {
		/* The server's bytes, whatever our encoder makes of their meaning. */
		buf_reset(&p.wire);
		buf_addstr(&p.wire, f->wire);
		leave_and_open(app, &p, read_only);
	}
	buf_release(&url);
}

/* The next mailbox with unread mail behind the one that is open, round about. */
static const struct folder_line *
next_with_mail(struct app *app)
{
	size_t start = 0;

	app_make_folders(app);
	for (size_t i = 0; i < app->folders.n; i++)
		if (app->place.account != NULL &&
		    strcmp(app->folders.v[i].folder.account, app->place.account) == 0 &&
		    str_eq(app->folders.v[i].folder.wire, buf_str(&app->place.wire)))
			start = i;
	for (size_t i = 1; i < app->folders.n; i++) {
		const struct folder_line *l = &app->folders.v[(start + i) % app->folders.n];
		if (!l->folder.is_root && l->folder.n_unseen > 0 &&
		    !(l->folder.attrs & FOLDER_NOSELECT))
			return l;
	}
	return NULL;
}

static void
change_typed(struct app *app, struct str answer)
{
	struct str typed = answer.len > 0 ? answer : str_c(app->then_text);

	if (typed.len > 0)
		open_typed(app, typed, app->then_arg != 0);
}

static void
cmd_change_folder(struct app *app, const struct cmd *c)
{
	const struct folder_line *next = next_with_mail(app);

	free(app->then_text);
	app->then_text = next != NULL ? xstrdup(next->path) : NULL;
	if (next == NULL && app->last_place != NULL)
		app->then_text = xstrdup("-");
	app->then_arg = c->arg;
	ask_mailbox(app, change_typed, "Open mailbox%s ('?' for list)%s%s%s: ",
		    c->arg ? " read-only" : "", next != NULL ? " [" : "",
		    next != NULL ? next->path : "", next != NULL ? "]" : "");
}

static void
cmd_next_unread_mailbox(struct app *app, const struct cmd *c)
{
	const struct folder_line *next = next_with_mail(app);

	if (next == NULL)
		app_complain(app, "no mailbox has new mail");
	else
		open_folder(app, &next->folder, false);
}

/* ---- the folder list -------------------------------------------------------------------------- */

void
folder_open_list(struct app *app, bool read_only)
{
	struct screen *s = screen_push(app, SCREEN_FOLDERS, CMD_MAP_BROWSER);
	struct view_folders folders = app_view_folders(app, false);
	const struct model_folder *here;

	s->is_read_only = read_only;
	s->view = view_folders_open(&folders);
	model_refresh_folders(app->model);
	if (app->place.account == NULL)
		return;
	here = model_folder_by_name(app->model, str_c(app->place.account),
				    buf_str(&app->place.wire));
	if (here != NULL)
		view_folders_go(s->view, here->id);
}

static void
cmd_list(struct app *app, const struct cmd *c)
{
	folder_open_list(app, false);
}

static void
cmd_select(struct app *app, const struct cmd *c)
{
	struct screen *s = screen_top(app);
	const struct model_folder *f;

	if (s->kind != SCREEN_FOLDERS)
		return;
	f = model_folder_by_id(app->model, view_folders_focus(s->view));
	if (f != NULL)
		open_folder(app, f, s->is_read_only);
}

static void
cmd_check(struct app *app, const struct cmd *c)
{
	model_tell(app->model, MSG_CONNECT_NOW, STR_NONE);
	model_refresh_folders(app->model);
	app_say(app, "asking the servers");
}

/* ---- the sidebar --------------------------------------------------------------------------------- */

static struct view *
sidebar(struct app *app)
{
	struct view_folders folders;

	if (app->sidebar == NULL) {
		folders = app_view_folders(app, true);
		app->sidebar = view_sidebar_open(&folders);
	}
	return app->sidebar;
}

enum { SIDE_NEXT, SIDE_PREV, SIDE_FIRST, SIDE_LAST, SIDE_PAGE_DOWN, SIDE_PAGE_UP, SIDE_NEXT_NEW,
       SIDE_PREV_NEW };

static void
cmd_sidebar_move(struct app *app, const struct cmd *c)
{
	static const enum view_move moves[] = { VIEW_NEXT,	VIEW_PREVIOUS,	 VIEW_FIRST, VIEW_LAST,
						VIEW_NEXT_PAGE, VIEW_PREVIOUS_PAGE };
	bool wraps = config_bool(app->conf, OPT_sidebar_next_new_wrap);

	app->sidebar_follows = false;
	if (!config_bool(app->conf, OPT_sidebar_visible))
		app_complain(app, "the sidebar is not shown: set sidebar_visible");
	else if (c->arg < SIDE_NEXT_NEW)
		view_move(sidebar(app), moves[c->arg], 1);
	else if (!view_sidebar_next_new(sidebar(app), c->arg == SIDE_PREV_NEW, wraps))
		app_say(app, "no mailbox has new mail");
}

static void
cmd_sidebar_open(struct app *app, const struct cmd *c)
{
	const struct model_folder *f =
		model_folder_by_id(app->model, view_folders_focus(sidebar(app)));

	if (!config_bool(app->conf, OPT_sidebar_visible))
		app_complain(app, "the sidebar is not shown: set sidebar_visible");
	else if (f != NULL)
		open_folder(app, f, false);
}

static void
cmd_sidebar_toggle(struct app *app, const struct cmd *c)
{
	app_command(app, "toggle sidebar_visible");
	app_mark(app);
}

#define ANY (IN(INDEX) | IN(PAGER))
#define B IN(BROWSER)

const struct cmd cmd_folder_rows[] = {
	{ "change-folder", "c", ANY | B, "a mailbox", "Open another mailbox", cmd_change_folder, 0,
	  0 },
	{ "change-folder-readonly", "<Esc>c", ANY, "a mailbox", "Open another mailbox read-only",
	  cmd_change_folder, 1, 0 },
	{ "next-unread-mailbox", "", ANY, NULL, "Open the next mailbox with unread mail",
	  cmd_next_unread_mailbox, 0, 0 },
	{ "browse-mailboxes", "y", ANY, NULL, "Show all mailboxes", cmd_list, 0, 0 },
	{ "buffy-list", ".", IN(INDEX), NULL, "Show all mailboxes", cmd_list, 0, 0 },
	{ "mailbox-list", "", ANY, NULL, "Show all mailboxes", cmd_list, 0, 0 },
	{ "select-entry", "<Return> <Enter> <Space>", B, NULL, "Open the mailbox", cmd_select, 0,
	  0 },
	{ "check-new", "r", B, NULL, "Ask the servers for mailboxes and counts", cmd_check, 0, 0 },
	{ "imap-fetch-mail", "G", IN(INDEX), NULL, "Ask the servers for news now", cmd_check, 0,
	  0 },
	{ "check-stats", "", ANY, NULL, "Ask the servers for mailboxes and counts", cmd_check, 0,
	  0 },
	{ "sidebar-toggle-visible", "", ANY | B, NULL, "Show the sidebar, or hide it",
	  cmd_sidebar_toggle, 0, 0 },
	{ "sidebar-next", "", ANY, NULL, "Go to the next mailbox in the sidebar", cmd_sidebar_move,
	  SIDE_NEXT, 0 },
	{ "sidebar-prev", "", ANY, NULL, "Go to the mailbox before in the sidebar",
	  cmd_sidebar_move, SIDE_PREV, 0 },
	{ "sidebar-first", "", ANY, NULL, "Go to the first mailbox in the sidebar",
	  cmd_sidebar_move, SIDE_FIRST, 0 },
	{ "sidebar-last", "", ANY, NULL, "Go to the last mailbox in the sidebar",
	  cmd_sidebar_move, SIDE_LAST, 0 },
	{ "sidebar-page-down", "", ANY, NULL, "Scroll the sidebar down", cmd_sidebar_move,
	  SIDE_PAGE_DOWN, 0 },
	{ "sidebar-page-up", "", ANY, NULL, "Scroll the sidebar up", cmd_sidebar_move,
	  SIDE_PAGE_UP, 0 },
	{ "sidebar-next-new", "", ANY, NULL, "Go to the next mailbox with unread mail in the sidebar",
	  cmd_sidebar_move, SIDE_NEXT_NEW, 0 },
	{ "sidebar-prev-new", "", ANY, NULL,
	  "Go to the mailbox with unread mail before in the sidebar", cmd_sidebar_move,
	  SIDE_PREV_NEW, 0 },
	{ "sidebar-open", "", ANY, NULL, "Open the mailbox chosen in the sidebar",
	  cmd_sidebar_open, 0, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
