/* The state as a whole: its life, the configuration taking effect, a turn. */
#include "internal.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"
#include "tern/key.h"

#define SLICE_US 2000 /* of a pass, in a turn */
#define FIRST_ROWS_MS 3000 /* in which the first rows of a mailbox have all come */
#define INFO_SHOWN_MS 6000
#define ERROR_SHOWN_MS 20000
#define LONE_ESCAPE_MS 500 /* no key follows so late */

/* ---- words for the last line --------------------------------------------------------- */

void
app_mark(struct app *app)
{
	app->needs_draw = true;
}

static void
set_message(struct app *app, enum view_message_kind kind, const char *fmt, va_list ap)
{
	buf_reset(&app->message);
	buf_vaddf(&app->message, fmt, ap);
	app->message_kind = app->message.len > 0 ? kind : VIEW_MESSAGE_NONE;
	/* Then the accounts have the line again; the log keeps what was said. */
	app->message_until_ms =
		tick_ms() + (kind == VIEW_MESSAGE_ERROR ? ERROR_SHOWN_MS : INFO_SHOWN_MS);
	app_mark(app);
}

void
app_say(struct app *app, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_message(app, VIEW_MESSAGE_INFO, fmt, ap);
	va_end(ap);
}

void
app_complain(struct app *app, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_message(app, VIEW_MESSAGE_ERROR, fmt, ap);
	va_end(ap);
	model_log(app->model, LOG_WARN, "%s", app->message.ptr);
	if (config_bool(app->conf, OPT_beep) && app->host.bell != NULL)
		app->host.bell(app->host.ctx);
}

void
app_set_trouble(struct app *app, const char *text)
{
	if (str_eqc(buf_str(&app->trouble), text != NULL ? text : ""))
		return;
	buf_reset(&app->trouble);
	buf_adds(&app->trouble, text != NULL ? text : "");
	if (text != NULL)
		model_log(app->model, LOG_WARN, "%s", text);
	app_mark(app);
}

/* ---- what the configuration's reader asks and tells ------------------------------------ */

static bool
is_function(const char *map, struct str name, void *ctx)
{
	int id = cmd_map_find(str_c(map));

	if (str_eqc(name, "noop"))
		return true;
	for (size_t i = 0; i < ui_n_edits; i++)
		if ((id == CMD_MAP_EDITOR || id < 0) && str_eqc(name, ui_edits[i].name))
			return true;
	if (id >= 0)
		return cmd_find((enum cmd_map)id, name) != NULL;
	for (id = 0; id < CMD_N_MAPS; id++)
		if (cmd_find((enum cmd_map)id, name) != NULL)
			return true;
	return false;
}

static int
check_pattern(struct str text, struct err *err, void *ctx)
{
	struct pattern *p = pattern_parse(text, NULL, NULL, NULL, err);

	pattern_free(p);
	return p != NULL ? 0 : -1;
}

static void
config_failed(const struct config_error *e, void *ctx)
{
	struct app *app = ctx;
	struct buf line = BUF_INIT;

	config_error_add(&line, e);
	model_log(app->model, LOG_WARN, "%s", line.ptr);
	if (!e->is_warning) {
		if (app->n_config_errors++ == 0) {
			/* The line has no room for directories; the log names them. */
			struct config_error brief = *e;
			const char *slash = strrchr(e->file, '/');
			brief.file = slash != NULL ? slash + 1 : e->file;
			buf_reset(&app->first_config_error);
			config_error_add(&app->first_config_error, &brief);
		}
		buf_addf(&app->config_errors, "%s\n", line.ptr);
	}
	buf_release(&line);
}

/* One line for all of them, until a key: nothing waits for it, and the log has each. */
static void
tell_config_errors(struct app *app)
{
	struct buf keys = BUF_INIT;

	if (app->n_config_errors == 0)
		return;
	if (!app_keys_of(app, CMD_MAP_INDEX, "show-log-messages", &keys))
		buf_adds(&keys, ":exec show-log-messages");
	if (app->n_config_errors == 1)
		app_say(app, "%s", app->first_config_error.ptr);
	else
		app_say(app, "%u errors in the configuration (%s: all): %s",
			app->n_config_errors, keys.ptr, app->first_config_error.ptr);
	app->message_kind = VIEW_MESSAGE_ERROR;
	app->message_until_ms = TICK_NEVER;
	app->n_config_errors = 0;
	if (config_bool(app->conf, OPT_beep) && app->host.bell != NULL)
		app->host.bell(app->host.ctx);
	buf_release(&keys);
}

static void
config_note(const char *text, void *ctx)
{
	model_log(((struct app *)ctx)->model, LOG_INFO, "%s", text);
}

static void
config_shows(const char *text, void *ctx)
{
	struct app *app = ctx;

	if (app->runs_command)
		buf_addf(&app->shown, "%s\n", text);
	else
		app_say(app, "%s", text);
}

/* On the last line what fits there, else on a screen of its own. */
static void
show_answers(struct app *app)
{
	struct str rest = str_trim(buf_str(&app->shown)), line;
	struct buf one = BUF_INIT;

	if (rest.len == 0)
		return;
	for (struct str lines = rest; str_next(&lines, '\n', &line);)
		buf_addf(&one, "%s%.*s", one.len > 0 ? "  " : "", STR_ARG(line));
	if (memchr(rest.ptr, '\n', rest.len) == NULL || utf8_cols(buf_str(&one)) < app->cols) {
		app_say(app, "%s", one.ptr);
	} else {
		struct screen *s = screen_push(app, SCREEN_TEXT, CMD_MAP_GENERIC);
		while (str_next(&rest, '\n', &line))
			screen_add_line(s, 0, false, VIEW_NORMAL, "%.*s", STR_ARG(line));
		screen_show_lines(s, "Answers", "generic", false);
		app_mark(app);
	}
	buf_release(&one);
}

/* A line of the configuration's language, typed or of our own making; a function alone
 * is called. */
void
app_run_command(struct app *app, struct str text)
{
	struct str name = str_trim(text);
	struct buf line = BUF_INIT;

	if (!config_has_command(name) && cmd_find(screen_top(app)->map, name) != NULL)
		buf_adds(&line, "exec ");
	buf_addstr(&line, text);
	buf_reset(&app->shown);
	app->runs_command = true;
	config_command(app->reader, buf_str(&line));
	app->runs_command = false;
	buf_release(&line);
	show_answers(app);
	app_configure(app);
}

static void
config_pushes(struct str keys, void *ctx)
{
	ui_keys_push_text(((struct app *)ctx)->keys, keys);
}

/* ---- life ---------------------------------------------------------------------------------- */

/* The locale's character set by its MIME name, as mutt has it. */
static void
presume_charset(struct app *app)
{
	const char *codeset = nl_langinfo(CODESET);
	struct buf name = BUF_INIT;

	if (strcmp(codeset, "ANSI_X3.4-1968") == 0)
		codeset = "us-ascii";
	for (; *codeset != '\0'; codeset++)
		buf_addc(&name, (char)ascii_lower((unsigned char)*codeset));
	config_presume(app->reader, OPT_charset, name.ptr);
	buf_release(&name);
}

static bool
pattern_is_me(void *ctx, struct str address)
{
	return app_is_me(ctx, address);
}

struct app *
app_new(const struct app_params *params)
{
	struct app *app = xcalloc(1, sizeof(*app));
	struct err err = ERR_INIT;
	struct config_params cp = { .is_function = is_function,
				    .check_pattern = check_pattern,
				    .error = config_failed,
				    .note = config_note,
				    .show = config_shows,
				    .push = config_pushes,
				    .ctx = app };
	struct buf *bufs[] = { &app->message, &app->trouble, &app->config_errors, &app->first_config_error,
			       &app->activity, &app->title, &app->shown,
			       &app->secret_trouble, &app->why_no_mailbox,
			       &app->search_text, &app->pager_search_text, &app->limit_text };

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_init(bufs[i]);
	app->place = (struct place)PLACE_INIT;
	app->host = params->host;
	app->colors = params->colors;
	app->read_only = params->read_only;
	app->history_file = xstrdup(params->history_file);
	app->keys = ui_keys_new();
	app->keymap = ui_keymap_new();
	app->prompt = ui_prompt_new();
	app->model = model_new(&params->model, &err);
	if (err.kind != ERR_NONE)
		model_log(app->model, LOG_ERROR, "%s", err.text);
	app->pattern_context = (struct pattern_context){ .is_me = pattern_is_me, .ctx = app };
	app->reader = config_reader_new(&cp);
	presume_charset(app);
	app->conf = config_ref(config_now(app->reader));
	view_look_init(&app->look, VIEW_DARK, app->colors);
	app_bind_keys(app);
	app_mark(app);
	return app;
}

static void
save_history(struct app *app)
{
	long n = config_number(app->conf, OPT_save_history);
	const char *path = config_string(app->conf, OPT_history_file);

	if (*path == '\0')
		path = app->history_file;
	if (n > 0 && path != NULL)
		ui_prompt_save_history(app->prompt, path, (size_t)n, NULL);
}

static void
forget_alternates(struct app *app)
{
	for (size_t i = 0; i < app->alternates.n; i++)
		regfree(&app->alternates.v[i]);
	vec_reset(&app->alternates);
}

void
app_free(struct app *app)
{
	struct buf *bufs[] = { &app->message, &app->trouble, &app->config_errors, &app->first_config_error,
			       &app->activity, &app->title, &app->shown,
			       &app->secret_trouble, &app->why_no_mailbox,
			       &app->search_text, &app->pager_search_text, &app->limit_text };

	save_history(app);
	while (app->savings.n > 0)
		saving_free(app->savings.v[0]);
	vec_release(&app->savings);
	while (app->screens.n > 0)
		screen_pop(app);
	vec_release(&app->screens);
	view_close(app->sidebar);
	for (size_t i = 0; i < app->folders.n; i++)
		free(app->folders.v[i].path);
	vec_release(&app->folders);
	vec_release(&app->sidebar_folders);
	for (size_t i = 0; i < app->accounts.n; i++) {
		free(app->accounts.v[i].name);
		free(app->accounts.v[i].url);
		free(app->accounts.v[i].label);
	}
	vec_release(&app->accounts);
	ui_prompt_free(app->prompt);
	ui_keys_free(app->keys);
	ui_keymap_free(app->keymap);
	model_free(app->model);
	pattern_free(app->search_pattern);
	pattern_free(app->collect_pattern);
	view_look_release(&app->look);
	config_unref(app->conf);
	config_reader_free(app->reader);
	place_release(&app->place);
	forget_alternates(app);
	vec_release(&app->alternates);
	for (size_t i = 0; i < app->candidates.n; i++) {
		free(app->candidates.v[i]);
		free(app->notes.v[i]);
	}
	vec_release(&app->candidates);
	vec_release(&app->notes);
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_release(bufs[i]);
	free(app->history_file);
	free(app->last_place);
	free(app->start_mailbox);
	free(app->saved_to);
	free(app->wanted_error);
	free(app->targets);
	free(app->then_text);
	free(app);
}

struct model *
app_model(struct app *app)
{
	return app->model;
}

struct config_reader *
app_reader(struct app *app)
{
	return app->reader;
}

const char *
app_config_errors(struct app *app)
{
	return app->config_errors.ptr;
}

/* ---- the configuration takes effect ---------------------------------------------------------- */

static void
complain_of_color(void *ctx, const char *sentence)
{
	model_log(((struct app *)ctx)->model, LOG_WARN, "%s", sentence);
}

static void
make_look(struct app *app)
{
	int background = config_enum(app->conf, OPT_background);

	app->pattern_context.marks_old = config_bool(app->conf, OPT_mark_old);
	app->pattern_context.now = wall_now();
	view_look_release(&app->look);
	view_look_init(&app->look, background == CONFIG_BACKGROUND_LIGHT ? VIEW_LIGHT : VIEW_DARK,
		       app->colors);
	view_look_configure(&app->look, app->conf, app->colors,
			    &app->pattern_context, complain_of_color, app);
	app_mark(app);
}

void
app_set_colors(struct app *app, int colors)
{
	app->colors = colors;
	make_look(app);
}

static void
use_alternates(struct app *app)
{
	size_t n;
	const char *const *words = config_list(app->conf, CONFIG_ALTERNATES, &n);
	regex_t regex;

	forget_alternates(app);
	for (size_t i = 0; i < n; i++)
		if (config_compile(words[i], false, REG_ICASE | REG_NOSUB, &regex, NULL) == 0)
			vec_push(&app->alternates, regex);
}

/* What holds for the folder that is open; for none, the globals. */
static const struct config *
conf_of_place(struct app *app)
{
	if (app->place.url == NULL)
		return config_now(app->reader);
	return config_for(app->reader, app->place.account_url, app->place.url);
}

void
app_use_folder_config(struct app *app)
{
	const struct config *c = conf_of_place(app);

	config_unref(app->conf);
	app->conf = config_ref(c);
	use_alternates(app);
	make_look(app);
}

/* A sort option as it would be written in the rc. */
void
app_sort_word(const struct app *app, enum config_option option, struct buf *out)
{
	struct config_sort sort = config_sort(app->conf, option);
	const struct config_choice *c = config_rows[option].choices;

	while (c->name != NULL && c->value != (int)sort.method)
		c++;
	buf_addf(out, "%s%s%s", sort.is_reverse ? "reverse-" : "", sort.is_last ? "last-" : "",
		 c->name != NULL ? c->name : "date");
}

/* $sort, $sort_aux, $use_threads as one order. */
static struct thread_spec
wanted_order(const struct app *app)
{
	struct thread_spec spec = THREAD_SPEC_INIT;
	int threads = config_enum(app->conf, OPT_use_threads);
	struct buf sort_word = BUF_INIT, aux = BUF_INIT;

	app_sort_word(app, OPT_sort, &sort_word);
	app_sort_word(app, OPT_sort_aux, &aux);
	struct str sort = buf_str(&sort_word);
	thread_spec_aux(&spec, buf_str(&aux));
	if (threads == CONFIG_THREADS_YES || threads == CONFIG_THREADS_REVERSE) {
		/* NeoMutt: $sort then says how threads stand among each other. */
		thread_spec_aux(&spec, sort);
		spec.sort = ORDER_THREADS;
		spec.reverse = threads == CONFIG_THREADS_REVERSE;
	} else {
		thread_spec_sort(&spec, sort);
	}
	spec.strict_threads = config_bool(app->conf, OPT_strict_threads);
	spec.sort_re = config_bool(app->conf, OPT_sort_re);
	buf_release(&sort_word);
	buf_release(&aux);
	return spec;
}

void
app_order(struct app *app)
{
	struct thread_spec spec = wanted_order(app);

	model_set_folding(app->model,
			  (struct model_folding){
				  .never_unread = !config_bool(app->conf, OPT_collapse_unread),
				  .opens_for_new = config_bool(app->conf, OPT_uncollapse_new) });
	model_set_order(app->model, &spec, config_bool(app->conf, OPT_collapse_all));
}

/* What is not set is as the screen has room for it: then `toggle` does what one sees. */
static void
presume(struct app *app)
{
	if (app->cols > 0)
		config_presume(app->reader, OPT_sidebar_visible,
			       app->cols >= VIEW_WIDE_COLS ? "yes" : "no");
}

void
app_set_cols(struct app *app, int cols)
{
	if (app->cols == cols)
		return;
	app->cols = cols;
	app_configure(app);
}

void
app_configure(struct app *app)
{
	unsigned effects;

	presume(app);
	effects = config_take_effects(app->reader);
	tell_config_errors(app);
	/* Some options change nothing on the screen, and hold all the same. */
	if (effects == 0 && conf_of_place(app) == app->conf)
		return;
	app_use_folder_config(app);
	model_set_pattern_context(app->model, &app->pattern_context);
	if (effects & CONFIG_KEYS)
		app_bind_keys(app);
	if (effects & (CONFIG_MAILBOXES | CONFIG_RECONNECT | CONFIG_HOOKS))
		app_all_accounts(app);
	if ((effects & (CONFIG_RESORT | CONFIG_HOOKS)) && model_is_open(app->model)) {
		struct thread_spec spec = wanted_order(app);
		if (memcmp(&spec, model_order(app->model), sizeof(spec)) != 0)
			app_order(app);
	}
	if (effects & CONFIG_REFORMAT)
		app_display_again(app);
	ui_prompt_set_history(app->prompt, (size_t)config_number(app->conf, OPT_history));
	app_dirty_folders(app);
	app_mark(app);
}

/* A configuration command of our own making, as if typed at `:`. */
void
app_command(struct app *app, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	app_run_command(app, buf_str(&text));
	buf_release(&text);
}

/* ---- starting, leaving --------------------------------------------------------------------------- */

void
app_use_accounts(struct app *app)
{
	app_all_accounts(app);
}

bool
app_is_done(const struct app *app, int *status_out)
{
	*status_out = app->status;
	return app->is_done;
}

void
app_hang_up(struct app *app)
{
	app->is_done = true;
}

/* ---- a turn ------------------------------------------------------------------------------------------ */

/* Lines that tell of what changes all the time. */
static void
fill_again(struct app *app)
{
	struct screen *s = app->screens.n > 0 ? screen_top(app) : NULL;

	if (s == NULL || s->fill == NULL)
		return;
	s->fill(s);
	view_apply(s->view);
}

static void
take_changes(struct app *app)
{
	unsigned changes = model_take_changes(app->model);
	struct model_account a;

	if (changes == 0)
		return;
	app_mark(app);
	if (changes & (MODEL_ACTIVITY | MODEL_ROWS))
		fill_again(app);
	if (changes & MODEL_ACTIVITY)
		for (size_t i = 0; model_account(app->model, i, &a); i++) {
			struct app_account *ours = app_account_named(app, str_c(a.name));
			if (ours != NULL && a.state == ACCOUNT_READY)
				ours->has_answered = false;
		}
	if (changes & MODEL_FOLDERS)
		app_dirty_folders(app);
	if (changes & MODEL_ROWS)
		for (size_t i = 0; i < app->screens.n; i++)
			if (app->screens.v[i]->view != NULL)
				view_apply(app->screens.v[i]->view);
	if (model_take_refusal(app->model))
		app_complain(app, "%s", model_log_line(app->model, model_n_log(app->model) - 1)->text);
	if (changes & MODEL_DOCUMENT)
		pager_news(app);
	if ((changes & MODEL_ARRIVED)) {
		if (!ui_prompt_is_open(app->prompt) && app->message_kind == VIEW_MESSAGE_NONE)
			app_say(app, "new mail in this mailbox");
		if (config_bool(app->conf, OPT_beep_new) && app->host.bell != NULL)
			app->host.bell(app->host.ctx);
	}
}

/* Where one begins to read: the first unread message of the newest ones, else the
 * newest. Only until the first key, and once there are rows; those of a mailbox never
 * seen come in pieces, the newest last. */
static void
place_cursor(struct app *app)
{
	struct view *index = app_index(app);
	struct model_row row;
	uint32_t n = model_count(app->model), at;

	if (!app->wants_cursor || index == NULL)
		return;
	if (n == 0)
		app->place_until_ms = app->now_ms + FIRST_ROWS_MS;
	else
		app->wants_cursor = app->now_ms < app->place_until_ms;
	if (n == app->placed_n)
		return;
	app->placed_n = n;
	if (n == 0)
		return;
	bool is_newest_first = model_order(app->model)->reverse;
	at = is_newest_first ? 0 : n - 1;
	for (uint32_t i = 0; i < 200 && i < n; i++) {
		uint32_t ordinal = is_newest_first ? i : n - 1 - i;
		if (model_row(app->model, ordinal, &row) && !(row.row.flags & ROW_SEEN))
			at = ordinal;
	}
	view_index_go_ordinal(index, at);
}

/* What waits for a key stays until that comes. */
static bool
may_expire(const struct app *app)
{
	return app->message_kind != VIEW_MESSAGE_NONE && !app->tag_prefix && !app->is_described;
}

static void
expire_message(struct app *app, int64_t now_ms)
{
	if (may_expire(app) && now_ms >= app->message_until_ms)
		app_say(app, "%s", "");
}

/* At a prompt Esc begins keys, <Esc>b for one; alone, it leaves. */
static bool
has_lone_escape(const struct app *app)
{
	return ui_prompt_is_open(app->prompt) && ui_keys_waits_behind(app->keys, KEYC_ESC);
}

bool
app_turn(struct app *app, int64_t now_ms)
{
	app->now_ms = now_ms;
	expire_message(app, now_ms);
	if (has_lone_escape(app) && now_ms >= app->typed_ms + LONE_ESCAPE_MS) {
		ui_keys_flush(app->keys);
		ui_prompt_dismiss(app->prompt);
		app_mark(app);
	}
	if (app->counts_down && now_ms >= app->next_second_ms) {
		app->next_second_ms = now_ms + 1000;
		app_mark(app);
	}
	app->pattern_context.now = wall_now();
	take_changes(app);
	place_cursor(app);
	app_work_keys(app);
	start_follow(app);
	if (model_is_working(app->model)) {
		bool was_passing = model_is_seeking(app->model) || model_is_collecting(app->model);
		model_work(app->model, SLICE_US);
		if (was_passing)
			app_mark(app);
		/* What waited for it goes on. */
		app_work_keys(app);
	}
	ask_manager_question(app);
	take_changes(app);
	place_cursor(app);
	model_rest(app->model);
	bool needs_draw = app->needs_draw;
	app->needs_draw = false;
	return needs_draw;
}

int64_t
app_deadline(const struct app *app, int64_t now_ms)
{
	int64_t timeout_ms = config_number(app->conf, OPT_timeout) * 1000;
	struct model_question q;

	if (model_is_working(app->model))
		return now_ms;
	int64_t pause_ms = model_pause_ms(app->model);
	if (pause_ms >= 0 && (timeout_ms <= 0 || pause_ms < timeout_ms))
		timeout_ms = pause_ms;
	if (app->question == 0 && model_question(app->model, &q))
		return app->typed_ms + 300 > now_ms ? app->typed_ms + 300 : now_ms + 100;
	int64_t until_ms = now_ms + (timeout_ms > 0 && timeout_ms < 60000 ? timeout_ms : 60000);
	if (may_expire(app) && app->message_until_ms < until_ms)
		until_ms = app->message_until_ms;
	if (has_lone_escape(app) && app->typed_ms + LONE_ESCAPE_MS < until_ms)
		until_ms = app->typed_ms + LONE_ESCAPE_MS;
	if (app->counts_down && app->next_second_ms < until_ms)
		until_ms = app->next_second_ms;
	return until_ms;
}

void
app_redraw(struct app *app)
{
	app_mark(app);
}
