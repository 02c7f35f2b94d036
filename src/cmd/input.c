/* From keys to commands. */
#include "internal.h"

#include <string.h>
#include "tern/base/tick.h"

/* What is typed belongs to the prompt, to its one letter, or to the screen. */
static enum cmd_map
current_map(const struct app *app)
{
	const struct screen *s = screen_top(app);

	if (ui_prompt_is_open(app->prompt))
		return ui_prompt_wants_key(app->prompt) ? CMD_MAP_CHOICE : CMD_MAP_EDITOR;
	return s != NULL ? s->map : CMD_MAP_GENERIC;
}

static bool
is_passing(const struct app *app)
{
	return model_is_seeking(app->model) || model_is_collecting(app->model);
}

static void
cancel(struct app *app)
{
	bool was_busy = is_passing(app) || app->savings.n > 0;

	model_stop_seeking(app->model);
	model_stop_collecting(app->model);
	parts_stop(app);
	ui_keys_flush(app->keys);
	app->deferred = NULL;
	app->tag_prefix = false;
	app_say(app, "%s", was_busy ? "stopped" : "");
}

static bool
is_cancel(const struct app *app, uint32_t key)
{
	const char *abort_key = config_string(app->conf, OPT_abort_key);
	bool is_abort = key == 7 || (abort_key[0] != '\0' && key == (unsigned char)abort_key[0]);

	return is_abort || (key == KEYC_ESC && (is_passing(app) || app->deferred != NULL));
}

void
app_key(struct app *app, uint32_t key, int64_t now_ms)
{
	app->now_ms = now_ms;
	app->typed_ms = now_ms;
	if (app->placed_n > 0)
		app->wants_cursor = false;
	if (now_ms - app->told_typed_ms >= 1000) {
		model_tell(app->model, MSG_TYPED, STR_NONE);
		app->told_typed_ms = now_ms;
	}
	/* The keys that stop something do not wait behind it. */
	if (!ui_prompt_is_open(app->prompt) && is_cancel(app, key)) {
		cancel(app);
		return;
	}
	ui_keys_type(app->keys, key);
}

void
app_paste(struct app *app, struct str text)
{
	if (ui_prompt_is_open(app->prompt))
		ui_prompt_paste(app->prompt, text);
	else
		app_complain(app, "pasted text is no command");
	app_mark(app);
}

/* ---- running ---------------------------------------------------------------------- */

static bool
may_write(struct app *app, const struct cmd *c)
{
	struct model_mailbox m;

	if (!(c->flags & CMD_WRITES))
		return true;
	if (!model_mailbox(app->model, &m)) {
		app_complain(app, "no mailbox is open");
		return false;
	}
	if (m.is_read_only)
		app_complain(app, "the mailbox is read-only");
	return !m.is_read_only;
}

static void
run(struct app *app, const struct cmd *c)
{
	if (!may_write(app, c)) {
		ui_keys_flush(app->keys);
		app->tag_prefix = false;
		return;
	}
	c->run(app, c);
	if (!(c->flags & CMD_KEEPS_PREFIX))
		app->tag_prefix = false;
}

/* A search under way: what is typed to move goes ahead, the rest waits for where
 * the cursor will stand. */
static void
run_or_defer(struct app *app, const struct cmd *c, bool from_macro)
{
	bool must_wait = is_passing(app) || (from_macro && model_is_ordering(app->model));

	if (must_wait && (from_macro || !(c->flags & CMD_MOVES))) {
		app->deferred = c;
		return;
	}
	if (must_wait)
		model_stop_seeking(app->model);
	run(app, c);
}

static void
clear_message(struct app *app)
{
	if (app->message_kind == VIEW_MESSAGE_NONE)
		return;
	app->message_kind = VIEW_MESSAGE_NONE;
	buf_reset(&app->message);
	app_mark(app);
}

static void
describe(struct app *app, const struct ui_binding *b, uint32_t key)
{
	struct buf name = BUF_INIT;
	const struct cmd *c = b != NULL ? b->function : NULL;

	app->is_described = false;
	if (key != KEYC_NONE)
		key_add(&name, key);
	if (c != NULL)
		app_say(app, "<%s>: %s", c->name, c->help);
	else if (b != NULL && b->macro != NULL)
		app_say(app, "a macro: %s", b->macro);
	else
		app_say(app, "key %s, code %u, is not bound here", name.ptr, (unsigned)key);
	buf_release(&name);
}

static void
run_binding(struct app *app, const struct ui_binding *b, bool from_macro)
{
	if (ui_prompt_is_open(app->prompt)) {
		const struct ui_edit *edit = b->function;
		if (strcmp(edit->name, "redraw-screen") == 0)
			app->host.repaint(app->host.ctx);
		else
			ui_prompt_edit(app->prompt, edit);
		return;
	}
	if (app->is_described) {
		describe(app, b, KEYC_NONE);
		return;
	}
	if (!from_macro)
		clear_message(app);
	run_or_defer(app, b->function, from_macro);
}

static void
run_named(struct app *app, struct str name)
{
	const struct cmd *c;
	const char *what;

	if (ui_prompt_is_open(app->prompt)) {
		for (size_t i = 0; i < ui_n_edits; i++)
			if (str_eqc(name, ui_edits[i].name)) {
				ui_prompt_edit(app->prompt, &ui_edits[i]);
				return;
			}
		/* mutt types Enter by this name too */
		app_complain(app, "<%.*s> is no function of the line editor", STR_ARG(name));
		ui_keys_flush(app->keys);
		return;
	}
	c = cmd_find(current_map(app), name);
	if (c != NULL) {
		run_or_defer(app, c, true);
		return;
	}
	what = cmd_missing(name);
	if (what != NULL)
		app_complain(app, "not in tern yet: %s", what);
	else if (!str_eqc(name, "noop"))
		app_complain(app, "<%.*s> does nothing here", STR_ARG(name));
	if (!str_eqc(name, "noop"))
		ui_keys_flush(app->keys);
}

/* ^Z is no key to mutt but a signal, which comes at every prompt. */
static void
type_at_prompt(struct app *app, uint32_t key)
{
	if (!ui_prompt_key(app->prompt, key) && key == ('Z' & 31) &&
	    config_bool(app->conf, OPT_suspend))
		app->host.suspend(app->host.ctx);
}

static void
run_unbound(struct app *app, uint32_t key, const struct ui_binding *b)
{
	struct buf help = BUF_INIT;

	if (ui_prompt_is_open(app->prompt)) {
		type_at_prompt(app, key);
		return;
	}
	if (app->is_described) {
		describe(app, NULL, key);
		return;
	}
	app->tag_prefix = false;
	if (b != NULL && b->is_noop)
		return;
	/* A number is where to jump to. */
	if (key >= '1' && key <= '9' && cmd_find(current_map(app), STR("jump")) != NULL) {
		ui_keys_push(app->keys, &key, 1);
		run(app, cmd_find(current_map(app), STR("jump")));
		return;
	}
	if (app_keys_of(app, current_map(app), "help", &help))
		app_complain(app, "that key is not bound; press %s for help", help.ptr);
	else
		app_complain(app, "that key is not bound");
	buf_release(&help);
	ui_keys_flush(app->keys);
}

void
app_work_keys(struct app *app)
{
	const struct ui_binding *b;
	uint32_t key = 0;
	struct str name;

	while (!app->is_done) {
		if (app->deferred != NULL) {
			const struct cmd *c = app->deferred;
			if (is_passing(app) || model_is_ordering(app->model))
				return;
			app->deferred = NULL;
			run(app, c);
			app_mark(app);
			continue;
		}
		bool from_macro = ui_keys_is_pending(app->keys);
		b = NULL;
		switch (ui_keys_next(app->keys, app->keymap, current_map(app), &b, &key, &name)) {
		case UI_KEYS_EMPTY:
			return;
		case UI_KEYS_FUNCTION:
			run_binding(app, b, from_macro);
			break;
		case UI_KEYS_NAMED:
			run_named(app, name);
			break;
		case UI_KEYS_UNBOUND:
			run_unbound(app, key, b);
			break;
		case UI_KEYS_LOOP:
			app_complain(app, "the macro calls itself");
			break;
		}
		app_mark(app);
		model_rest(app->model);
	}
}
