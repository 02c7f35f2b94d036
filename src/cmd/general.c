/* Everything else: help, logs, what is under way, commands typed, leaving. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tern/base/mutf7.h"
#include "tern/base/tick.h"
#include "tern/have.h"

/* ---- help -------------------------------------------------------------------------------- */

struct help_rows {
	struct app *app;
	VEC(struct view_help_row) rows;
	VEC(const char *) hidden; /* keys of the map that do nothing */
	struct arena text;
	enum cmd_map map;
};

static const char *
group_of(const struct cmd *c)
{
	const struct cmd *other;

	for (size_t i = 0; (other = cmd_at(i)) != NULL; i++)
		if (other == c)
			return cmd_group(i);
	return NULL;
}

/* The map's own keys come first; they hide the general ones. */
static bool
is_taken(const struct help_rows *h, const char *keys)
{
	for (size_t i = 0; i < h->hidden.n; i++)
		if (strcmp(h->hidden.v[i], keys) == 0)
			return true;
	for (size_t i = 0; i < h->rows.n; i++)
		if (strcmp(h->rows.v[i].keys, keys) == 0)
			return true;
	return false;
}

static void
add_help(const uint32_t *keys, size_t n_keys, const struct ui_binding *b, void *ctx)
{
	struct help_rows *h = ctx;
	const struct cmd *c = b->function;
	struct buf words = BUF_INIT;

	/* What is not in tern yet says so when its key is pressed. */
	bool is_missing = b->is_noop || (c != NULL && group_of(c) == NULL);
	for (size_t i = 0; i < n_keys; i++)
		key_add(&words, keys[i]);
	if (is_missing)
		vec_push(&h->hidden, arena_cstr(&h->text, buf_str(&words)));
	if (is_missing || is_taken(h, words.ptr)) {
		buf_release(&words);
		return;
	}
	struct view_help_row row = {
		.section = c != NULL ? group_of(c) : "Macros",
		.keys = arena_cstr(&h->text, buf_str(&words)),
		.function = c != NULL ? c->name : NULL,
		.help = c != NULL ? c->help
				  : b->description != NULL && *b->description != '\0'
					    ? b->description
					    : b->macro,
	};
	vec_push(&h->rows, row);
	buf_release(&words);
}

static int
section_rank(const char *section)
{
	const struct cmd *c;

	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++)
		if (strcmp(cmd_group(i), section) == 0)
			return (int)i;
	return strcmp(section, "Macros") == 0 ? 10000 : 20000;
}

static int
compare_help(const void *a, const void *b)
{
	const struct view_help_row *x = a, *y = b;
	int rank = section_rank(x->section) - section_rank(y->section);

	if (rank != 0)
		return rank;
	if (x->function == NULL || y->function == NULL)
		return strcmp(x->keys, y->keys);
	return strcmp(x->function, y->function);
}

/* Functions without a key are named, too: they can be bound. */
static void
add_unbound(struct help_rows *h)
{
	uint32_t keys[UI_MAX_SEQUENCE];
	const struct cmd *c;

	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
		struct view_help_row row = { cmd_group(i), "", c->name, c->help };
		if ((c->maps & 1u << h->map) && ui_keymap_find(h->app->keymap, h->map, c, keys) == 0)
			vec_push(&h->rows, row);
	}
}

static void
cmd_help(struct app *app, const struct cmd *c)
{
	struct help_rows h = { app, VEC_INIT, VEC_INIT, ARENA_INIT, screen_top(app)->map };
	struct buf title = BUF_INIT;
	struct screen *s;

	if (screen_top(app)->kind == SCREEN_HELP)
		return;
	ui_keymap_each(app->keymap, h.map, add_help, &h);
	if (h.map != CMD_MAP_PAGER && h.map != CMD_MAP_GENERIC)
		ui_keymap_each(app->keymap, CMD_MAP_GENERIC, add_help, &h);
	add_unbound(&h);
	if (h.rows.n > 1)
		qsort(h.rows.v, h.rows.n, sizeof(*h.rows.v), compare_help);
	buf_addf(&title, "Help for the %s", cmd_map_name(h.map));
	s = screen_push(app, SCREEN_HELP, CMD_MAP_GENERIC);
	s->view = view_help_open(title.ptr, h.rows.v, h.rows.n);
	buf_release(&title);
	vec_release(&h.rows);
	vec_release(&h.hidden);
	arena_release(&h.text);
}

/* ---- the message log ---------------------------------------------------------------------------- */

static uint32_t
log_count(void *ctx)
{
	return (uint32_t)model_n_log(((struct app *)ctx)->model);
}

static bool
log_at_line(void *ctx, uint32_t i, struct view_text_line *out)
{
	static struct buf text = BUF_INIT;
	struct app *app = ctx;
	const struct model_log_line *line = model_log_line(app->model, i);
	char when[32] = "";
	struct tm tm;

	if (line == NULL)
		return false;
	time_t t = (time_t)line->wall;
	if (localtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	buf_reset(&text);
	buf_addf(&text, "%s  %s", when, line->text);
	*out = (struct view_text_line){ buf_str(&text), i + 1,
					line->level <= 1 ? VIEW_ERROR : VIEW_NORMAL, false, 10 };
	return true;
}

static void
cmd_log(struct app *app, const struct cmd *c)
{
	struct view_lines lines = { .title = "Messages",
				    .map = "generic",
				    .count = log_count,
				    .at = log_at_line,
				    .follows_end = true,
				    .ctx = app };
	struct screen *s;

	if (screen_top(app)->kind == SCREEN_LOG)
		return;
	s = screen_push(app, SCREEN_LOG, CMD_MAP_GENERIC);
	s->view = view_lines_open(&lines);
}

/* ---- what is under way ---------------------------------------------------------------------------- */

static const char *
intent_words(const struct intent *i)
{
	switch (i->kind) {
	case INTENT_FLAG:
		return "flags";
	case INTENT_KEYWORD:
		return "keyword";
	case INTENT_MOVE:
		return "move";
	case INTENT_COPY:
		return "copy";
	case INTENT_DELETE:
		return "delete";
	case INTENT_UNDELETE:
		return "undelete";
	}
	return "change";
}

static bool
add_intent(const struct intent *i, void *ctx)
{
	struct screen *s = ctx;
	const char *state = i->state == INTENT_SENT	  ? "sent, not confirmed yet"
			    : i->state == INTENT_REFUSED ? "refused by the server"
			    : i->state == INTENT_PARKED	 ? "its message could not be found again"
							  : "waiting";
	struct model_row row;
	struct str subject = STR_NONE;
	struct buf where = BUF_INIT;

	mutf7_show(&where, i->mailbox);
	if (i->target.len > 0) {
		buf_adds(&where, " → ");
		mutf7_show(&where, i->target);
	}
	if (model_row_of(s->app->model, i->local, &row))
		subject = row.row.subject;
	screen_add_line(s, i->seq, false,
			i->state == INTENT_REFUSED || i->state == INTENT_PARKED ? VIEW_WARNING
										 : VIEW_NORMAL,
			" %-8s %s  %s%.*s%s  %s%s%.*s", intent_words(i), where.ptr,
			subject.len > 0 ? "\"" : "", STR_ARG(str_head(subject, 60)),
			subject.len > 0 ? "\"" : "", state, i->reason.len > 0 ? ": " : "",
			STR_ARG(i->reason));
	buf_release(&where);
	return s->lines.n < 2000;
}

static void
fill_activity_lines(struct screen *s)
{
	static const char *const states[] = {
		[ACCOUNT_OFFLINE] = "not connected", [ACCOUNT_CONNECTING] = "connecting",
		[ACCOUNT_READY] = "connected",	     [ACCOUNT_BUSY] = "busy",
		[ACCOUNT_WAITING] = "waiting",	     [ACCOUNT_STOPPED] = "stopped",
		[ACCOUNT_ASKING] = "waiting",
	};
	struct app *app = s->app;
	struct model_account a;

	vec_reset(&s->lines);
	arena_reset(&s->text);
	screen_add_line(s, 0, true, VIEW_NORMAL, "Accounts");
	for (size_t i = 0; model_account(app->model, i, &a); i++)
		if (a.is_configured)
			screen_add_line(s, 0, false,
					a.state == ACCOUNT_STOPPED ? VIEW_WARNING : VIEW_NORMAL,
					" %-20s %-14s %s", a.label,
					a.state < ARRAY_LEN(states) ? states[a.state] : "",
					a.text);
	screen_add_line(s, 0, false, VIEW_NORMAL, "%s", "");
	screen_add_line(s, 0, true, VIEW_NORMAL, "Changes to send");
	size_t before = s->lines.n;
	model_each_waiting(app->model, add_intent, s);
	if (s->lines.n == before)
		screen_add_line(s, 0, false, VIEW_NORMAL, " none");
}

static void
cmd_activity(struct app *app, const struct cmd *c)
{
	struct screen *s = screen_top(app);

	if (s->kind != SCREEN_ACTIVITY) {
		s = screen_push(app, SCREEN_ACTIVITY, CMD_MAP_GENERIC);
		s->fill = fill_activity_lines;
		fill_activity_lines(s);
		screen_show_lines(s, "What is under way", "generic", false);
		return;
	}
	fill_activity_lines(s);
	view_apply(s->view);
}

static void
cmd_intent(struct app *app, const struct cmd *c)
{
	struct screen *s = screen_top(app);
	uint64_t seq;

	if (s->kind != SCREEN_ACTIVITY || (seq = view_lines_focus(s->view)) == 0)
		return;
	if (c->arg == 0)
		model_intent_retry(app->model, seq);
	else
		model_intent_drop(app->model, seq);
	app_say(app, c->arg == 0 ? "trying it again" : "dropped");
	fill_activity_lines(s);
	view_apply(s->view);
}

/* ---- undo -------------------------------------------------------------------------------------------- */

static void
undone(void *ctx, const struct ipc_frame *f, bool is_end)
{
	struct app *app = ctx;
	struct msg_done d;
	struct msg_failed failed;

	if (f->type == MSG_DONE && msg_get_done(f->payload, &d, NULL) == 0)
		app_say(app, "%.*s", STR_ARG(d.text.len > 0 ? d.text : STR("undone")));
	else if (f->type == MSG_FAILED && msg_get_failed(f->payload, &failed, NULL) == 0)
		app_complain(app, "%.*s", STR_ARG(failed.text));
}

static void
cmd_undo(struct app *app, const struct cmd *c)
{
	model_undo(app->model, undone, app);
}

/* ---- commands typed, the shell ------------------------------------------------------------------------ */

static void
cmd_enter_command(struct app *app, const struct cmd *c)
{
	ask_command(app);
}

static void
shell_typed(struct app *app, struct str answer)
{
	struct buf command = BUF_INIT;
	const char *shell = config_string(app->conf, OPT_shell);

	if (answer.len > 0)
		buf_addstr(&command, answer);
	else
		buf_adds(&command, *shell != '\0' ? shell : "${SHELL:-sh}");
	app->host.shell(app->host.ctx, command.ptr,
			answer.len > 0 && config_bool(app->conf, OPT_wait_key));
	buf_release(&command);
}

static void
cmd_shell(struct app *app, const struct cmd *c)
{
	ask_line(app, "command", NULL, shell_typed, "Shell command: ");
}

static void
cmd_suspend(struct app *app, const struct cmd *c)
{
	if (config_bool(app->conf, OPT_suspend))
		app->host.suspend(app->host.ctx);
	else
		app_complain(app, "suspending is switched off: $suspend is unset");
}

static void
cmd_refresh(struct app *app, const struct cmd *c)
{
	app->host.repaint(app->host.ctx);
}

static void
cmd_version(struct app *app, const struct cmd *c)
{
	app_say(app, "tern %s", TERN_VERSION);
}

static void
cmd_what_key(struct app *app, const struct cmd *c)
{
	app->is_described = true;
	app_say(app, "press a key");
}

/* ---- leaving ----------------------------------------------------------------------------------------------- */

static void
leave(struct app *app)
{
	app->is_done = true;
	app->status = 0;
}

static void
quit_answered(struct app *app, struct str answer)
{
	if (answer_is_yes(answer))
		app_leave_mailbox(app, leave);
}

static void
cmd_quit(struct app *app, const struct cmd *c)
{
	ask_quad(app, config_quad(app->conf, OPT_quit), quit_answered, "Quit tern?");
}

static void
cmd_exit(struct app *app, const struct cmd *c)
{
	leave(app);
}

static void
cmd_back(struct app *app, const struct cmd *c)
{
	if (app->screens.n <= 1) {
		cmd_quit(app, c);
		return;
	}
	screen_pop(app);
	if (screen_top(app)->is_for_parts)
		screen_pop(app);
}

#define ALL (IN(GENERIC) | IN(PAGER))

const struct cmd cmd_general_rows[] = {
	{ "undo", "^_", ALL, NULL, "Take the last change back", cmd_undo, 0, CMD_WRITES },
	{ "help", "? <F1>", ALL, NULL, "Show the keys", cmd_help, 0, CMD_KEEPS_PREFIX },
	{ "enter-command", ":", ALL, "a command", "Enter a command of the configuration, or a function",
	  cmd_enter_command, 0, CMD_KEEPS_PREFIX },
	{ "shell-escape", "!", ALL, "a command", "Run a command of the shell", cmd_shell, 0, 0 },
	{ "activity", "A", ALL, NULL, "Show what is under way and what waits", cmd_activity, 0, 0 },
	{ "show-log-messages", "M", IN(INDEX) | IN(PAGER), NULL,
	  "Show the messages of the last lines so far", cmd_log, 0, 0 },
	{ "show-log-messages", "", IN(GENERIC), NULL, "Show the messages of the last lines so far",
	  cmd_log, 0, 0 },
	{ "message-log", "", ALL, NULL, "Show the messages of the last lines so far", cmd_log, 0,
	  0 },
	{ "select-entry", "<Return> <Enter>", IN(GENERIC), NULL,
	  "Choose the entry; in the list of changes: try it now", cmd_intent, 0, 0 },
	{ "delete-entry", "d", IN(GENERIC), NULL, "In the list of changes: drop it", cmd_intent, 1,
	  0 },
	{ "refresh", "^L", IN(GENERIC), NULL, "Draw the screen anew", cmd_refresh, 0,
	  CMD_KEEPS_PREFIX },
	{ "redraw-screen", "^L", IN(PAGER), NULL, "Draw the screen anew", cmd_refresh, 0,
	  CMD_KEEPS_PREFIX },
	{ "suspend", "^Z", ALL, NULL, "Stop the program until the shell's fg", cmd_suspend, 0, 0 },
	{ "what-key", "", ALL, "a key", "Say what a key does", cmd_what_key, 0, 0 },
	{ "show-version", "V", IN(INDEX) | IN(PAGER), NULL, "Show the version", cmd_version, 0,
	  0 },
	{ "exit", "q", IN(GENERIC), NULL, "Go back", cmd_back, 0, 0 },
	{ "quit", "q", IN(INDEX), NULL, "Quit tern; marked messages are deleted under $delete",
	  cmd_quit, 0, 0 },
	{ "quit", "Q", IN(PAGER), NULL, "Quit tern", cmd_quit, 0, 0 },
	{ "exit", "x", IN(INDEX), NULL, "Quit tern; marks for deletion are kept", cmd_exit, 0, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
