/* What is done to messages: flags, deleting, saving, tags, patterns, the order of
 * the list. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/utf8.h"

/* ---- what a command is about ----------------------------------------------------------- */

uint64_t
app_focus(struct app *app)
{
	struct screen *pager = screen_of(app, SCREEN_PAGER);
	struct view *index = app_index(app);

	if (pager != NULL && pager->doc != NULL)
		return model_doc_local(pager->doc);
	return index != NULL ? view_index_focus(index) : 0;
}

/* Nothing on the screen need not mean nothing in the mailbox. */
const char *
app_why_no_message(const struct app *app)
{
	return model_limit(app->model).len > 0 ? "no message matches the limit" :
						 "there are no messages";
}

bool
app_needs_message(struct app *app)
{
	if (app_focus(app) != 0)
		return true;
	app_complain(app, "%s", app_why_no_message(app));
	ui_keys_flush(app->keys);
	return false;
}

/* Tagged messages, or the one under the cursor; a word when there are none. Yours. */
static uint64_t *
targets(struct app *app, size_t *n_out, bool *tagged_out)
{
	uint64_t focus = app_focus(app), *locals = NULL;

	*tagged_out = app->tag_prefix ||
		      (config_bool(app->conf, OPT_auto_tag) && app_pager(app) == NULL &&
		       model_n_tagged(app->model) > 0);
	*n_out = focus != 0;
	if (*tagged_out)
		locals = model_tagged(app->model, n_out);
	else if (focus != 0)
		locals = xmemdup(&focus, sizeof(focus));
	if (*n_out == 0) {
		app_complain(app, "%s",
			     *tagged_out ? "no messages are tagged" : app_why_no_message(app));
		ui_keys_flush(app->keys);
	}
	return locals;
}

/* What an answer that is still to come will be about; false if there is nothing. */
static bool
ask_about_targets(struct app *app)
{
	size_t n;
	bool tagged;
	uint64_t *locals = targets(app, &n, &tagged);

	if (n > 0)
		ask_about(app, locals, n, tagged);
	else
		free(locals);
	return n > 0;
}

static void
after_change(struct app *app, bool tagged)
{
	if (!tagged)
		app_next_undeleted(app);
	app_mark(app);
}

/* ---- flags -------------------------------------------------------------------------------- */

static uint32_t
flags_of(struct app *app, uint64_t local)
{
	struct model_row row;

	return model_row_of(app->model, local, &row) ? row.row.flags : 0;
}

/* Set a flag, or clear it, in whichever way changes each message. */
static void
toggle(struct app *app, const uint64_t *locals, size_t n, uint32_t flag)
{
	uint64_t *set = xreallocarray(NULL, n, sizeof(*set));
	uint64_t *clear = xreallocarray(NULL, n, sizeof(*clear));
	size_t n_set = 0, n_clear = 0;

	for (size_t i = 0; i < n; i++) {
		if (flags_of(app, locals[i]) & flag)
			clear[n_clear++] = locals[i];
		else
			set[n_set++] = locals[i];
	}
	model_flag(app->model, set, n_set, flag, 0);
	model_flag(app->model, clear, n_clear, 0, flag);
	free(set);
	free(clear);
}

static void
cmd_toggle_flag(struct app *app, const struct cmd *c)
{
	size_t n;
	bool tagged;
	uint64_t *locals = targets(app, &n, &tagged);

	if (n > 0) {
		/* One that is shown and marked as new again must not be marked as read. */
		if (app_pager(app) != NULL && c->arg == ROW_SEEN)
			app_pager(app)->is_marked_read = true;
		toggle(app, locals, n, (uint32_t)c->arg);
		after_change(app, tagged);
	}
	free(locals);
}

static const struct {
	char letter;
	uint32_t flag;
	bool is_inverse; /* N: the message is unseen */
} flag_letters[] = {
	{ 'D', ROW_TO_DELETE, false }, { 'N', ROW_SEEN, true },	    { 'O', ROW_SEEN, true },
	{ 'r', ROW_ANSWERED, false },  { '*', 0, false },	    { '!', ROW_FLAGGED, false },
};

static void
change_flag(struct app *app, struct str answer)
{
	bool on = app->then_arg != 0;
	size_t n = app->n_targets;

	for (size_t i = 0; i < ARRAY_LEN(flag_letters) && answer.len > 0; i++) {
		uint32_t flag = flag_letters[i].flag;
		if (ascii_lower(flag_letters[i].letter) != ascii_lower(answer.ptr[0]))
			continue;
		bool set = on != flag_letters[i].is_inverse;
		if (flag == ROW_TO_DELETE && set)
			model_delete(app->model, app->targets, n,
				     config_bool(app->conf, OPT_delete_now));
		else if (flag == ROW_TO_DELETE)
			model_undelete(app->model, app->targets, n);
		else if (flag != 0)
			model_flag(app->model, app->targets, n, set ? flag : 0, set ? 0 : flag);
		else
			for (size_t k = 0; k < n; k++)
				model_tag(app->model, app->targets[k], on);
		after_change(app, app->targets_tagged);
	}
}

static void
cmd_change_flag(struct app *app, const struct cmd *c)
{
	if (!ask_about_targets(app))
		return;
	app->then_arg = c->arg;
	ask_choice(app, "DNOr*!dnoR", change_flag, "%s flag? (D/N/O/r/*/!): ",
		   c->arg ? "Set" : "Clear");
}

/* ---- threads as a whole -------------------------------------------------------------------------- */

struct locals {
	VEC(uint64_t) v;
};

static void
add_local(uint64_t local, void *ctx)
{
	vec_push(&((struct locals *)ctx)->v, local);
}

enum { DO_READ, DO_DELETE, DO_UNDELETE, DO_TAG, PART_ONLY = 16 };

static void delete_all(struct app *app, const uint64_t *locals, size_t n);
static void undelete_all(struct app *app, const uint64_t *locals, size_t n);

static void
skip_thread(struct app *app)
{
	struct view *index = app_index(app);
	uint32_t first, end;

	if (index == NULL || !config_bool(app->conf, OPT_resolve) ||
	    !model_thread(app->model, view_index_ordinal(index), true, &first, &end))
		return;
	if (end < model_count(app->model))
		view_index_go_ordinal(index, end);
	if (app_pager(app) != NULL)
		app_display(app, view_index_focus(index));
}

static void
cmd_thread_change(struct app *app, const struct cmd *c)
{
	struct locals all = { VEC_INIT };
	uint64_t focus = app_focus(app);

	if (!app_needs_message(app))
		return;
	if (!model_thread_locals(app->model, focus, !(c->arg & PART_ONLY), add_local, &all)) {
		app_complain(app, "threading is not enabled: set sort=threads");
		return;
	}
	switch (c->arg & ~PART_ONLY) {
	case DO_READ:
		model_flag(app->model, all.v.v, all.v.n, ROW_SEEN, 0);
		break;
	case DO_DELETE:
		delete_all(app, all.v.v, all.v.n);
		break;
	case DO_UNDELETE:
		undelete_all(app, all.v.v, all.v.n);
		break;
	case DO_TAG: {
		bool on = !model_is_tagged(app->model, focus);
		for (size_t i = 0; i < all.v.n; i++)
			model_tag(app->model, all.v.v[i], on);
		break;
	}
	}
	vec_release(&all.v);
	skip_thread(app);
}

/* ---- deleting ---------------------------------------------------------------------------------------- */

static void
delete_all(struct app *app, const uint64_t *locals, size_t n)
{
	bool now = config_bool(app->conf, OPT_delete_now);

	model_delete(app->model, locals, n, now);
	if (!now && config_bool(app->conf, OPT_delete_untag))
		for (size_t i = 0; i < n; i++)
			model_tag(app->model, locals[i], false);
}

/* Held marks are taken back; a \Deleted that stands on the server is cleared. */
static void
undelete_all(struct app *app, const uint64_t *locals, size_t n)
{
	uint64_t *held = xreallocarray(NULL, n + 1, sizeof(*held));
	uint64_t *flagged = xreallocarray(NULL, n + 1, sizeof(*flagged));
	size_t n_held = 0, n_flagged = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t flags = flags_of(app, locals[i]);
		if (flags & ROW_TO_DELETE)
			held[n_held++] = locals[i];
		if (flags & ROW_DELETED)
			flagged[n_flagged++] = locals[i];
	}
	model_undelete(app->model, held, n_held);
	model_flag(app->model, flagged, n_flagged, 0, ROW_DELETED);
	free(held);
	free(flagged);
}

static void
cmd_delete(struct app *app, const struct cmd *c)
{
	size_t n;
	bool tagged;
	uint64_t *locals = targets(app, &n, &tagged);
	struct view *index = app_index(app);
	uint32_t at = index != NULL ? view_index_ordinal(index) : 0;

	if (n > 0) {
		delete_all(app, locals, n);
		/* What is gone at once leaves its place to the one behind it. */
		bool is_gone = index != NULL && !model_find(app->model, locals[0], &at);
		if (is_gone)
			view_apply(index);
		if (!is_gone)
			after_change(app, tagged);
		else if (app_pager(app) != NULL)
			app_display(app, view_index_focus(index));
	}
	free(locals);
}

static void
cmd_undelete(struct app *app, const struct cmd *c)
{
	size_t n;
	bool tagged;
	uint64_t *locals = targets(app, &n, &tagged);
	struct view *index = app_index(app);

	if (n > 0) {
		undelete_all(app, locals, n);
		/* mutt: on to the next message, whatever it is. */
		if (!tagged && index != NULL && config_bool(app->conf, OPT_resolve) &&
		    app_pager(app) == NULL)
			view_move(index, VIEW_NEXT, 1);
	}
	free(locals);
}

static void
sync_answered(struct app *app, struct str answer)
{
	struct model_mailbox m;

	if (!answer_is_yes(answer) || !model_mailbox(app->model, &m))
		return;
	model_release(app->model);
	app_say(app, "%u %s deleted", m.n_to_delete, m.n_to_delete == 1 ? "message" : "messages");
}

static void
cmd_sync(struct app *app, const struct cmd *c)
{
	struct model_mailbox m;

	if (!model_mailbox(app->model, &m)) {
		app_complain(app, "no mailbox is open");
		return;
	}
	model_tell(app->model, MSG_CONNECT_NOW, STR_NONE);
	if (!m.has_held) {
		app_say(app, "nothing is marked for deletion");
		return;
	}
	ask_quad(app, config_quad(app->conf, OPT_delete), sync_answered,
		 "Delete the %u marked %s now?", m.n_to_delete,
		 m.n_to_delete == 1 ? "message" : "messages");
}

/* What <sync-mailbox> would do is asked for when leaving. */
static void (*leave_then)(struct app *app);

static void
leave_answered(struct app *app, struct str answer)
{
	if (answer_is_yes(answer))
		model_release(app->model);
	leave_then(app);
}

void
app_leave_mailbox(struct app *app, void (*then)(struct app *app))
{
	struct model_mailbox m;

	if (!model_mailbox(app->model, &m) || !m.has_held || m.is_read_only) {
		then(app);
		return;
	}
	leave_then = then;
	ask_quad(app, config_quad(app->conf, OPT_delete), leave_answered,
		 "Delete the %u marked %s now?", m.n_to_delete,
		 m.n_to_delete == 1 ? "message" : "messages");
}

/* ---- saving and copying ---------------------------------------------------------------------------------- */

static void
save_to(struct app *app, const struct place *p)
{
	bool copy = app->then_arg != 0;
	struct buf shown = BUF_INIT;
	size_t n = app->n_targets;

	model_move(app->model, app->targets, n, str_c(p->account), buf_str(&p->wire), copy);
	free(app->saved_to);
	app->saved_to = xstrdup(p->url);
	place_show(app, str_c(p->url), &shown);
	if (n == 1)
		app_say(app, "%s to %s", copy ? "copied" : "moved", shown.ptr);
	else
		app_say(app, "%zu messages %s to %s", n, copy ? "copied" : "moved", shown.ptr);
	if (!copy)
		view_apply(app_index(app)); /* its place goes to the one behind it */
	if (copy)
		after_change(app, app->targets_tagged);
	else if (app_pager(app) != NULL)
		app_display(app, view_index_focus(app_index(app)));
	buf_release(&shown);
}

static void
save_confirmed(struct app *app, struct str answer)
{
	struct place p = PLACE_INIT;
	struct err err = ERR_INIT;
	char *url = app->then_text;

	app->then_text = NULL;
	if (!answer_is_yes(answer))
		ui_keys_flush(app->keys);
	else if (place_of_url(app, str_c(url), &p, &err) < 0)
		app_complain(app, "%s", err.text);
	else
		save_to(app, &p);
	place_release(&p);
	free(url);
}

/* Whether a mailbox exists can be told only once its server has listed them. */
bool
app_has_folder_list(struct app *app, const char *account)
{
	size_t n = 0;

	for (size_t i = 0; i < model_n_folders(app->model); i++) {
		const struct model_folder *f = model_folder(app->model, i);
		n += !f->is_root && f->mailbox != 0 && strcmp(f->account, account) == 0;
	}
	return n > 1;
}

static void
save_typed(struct app *app, struct str answer)
{
	struct place p = PLACE_INIT;
	struct err err = ERR_INIT;
	struct buf shown = BUF_INIT;

	if (answer.len == 0 && app->then_text != NULL)
		answer = str_c(app->then_text);
	if (place_resolve(app, answer, &p, &err) < 0) {
		app_complain(app, "%s", err.text);
		ui_keys_flush(app->keys);
		return;
	}
	place_show(app, str_c(p.url), &shown);
	if (app->place.url != NULL && strcmp(p.url, app->place.url) == 0 && app->then_arg == 0) {
		app_complain(app, "%s is this mailbox", shown.ptr);
	} else {
		const struct model_folder *f =
			model_folder_by_name(app->model, str_c(p.account), buf_str(&p.wire));
		bool is_there = f != NULL && f->mailbox != 0;
		bool must_ask = config_bool(app->conf, is_there ? OPT_confirmappend
								: OPT_confirmcreate);
		must_ask = must_ask && (is_there || app_has_folder_list(app, p.account));
		free(app->then_text);
		app->then_text = xstrdup(p.url);
		ask_quad(app, must_ask ? CONFIG_ASK_YES : CONFIG_YES, save_confirmed,
			 is_there ? "Append messages to %s?" : "Create %s?", shown.ptr);
	}
	buf_release(&shown);
	place_release(&p);
}

/* mutt's guess: where the last one went, else a mailbox named as the sender. */
static char *
guess_target(struct app *app)
{
	struct buf name = BUF_INIT;
	struct model_row row;

	if (app->saved_to != NULL) {
		place_show(app, str_c(app->saved_to), &name);
	} else if (model_row_of(app->model, app->targets[0], &row)) {
		long at = str_find(row.row.from_addr, '@');
		struct str local = str_head(row.row.from_addr,
					    at > 0 ? (size_t)at : row.row.from_addr.len);
		buf_addc(&name, '=');
		utf8_add_safe(&name, local);
	}
	return buf_take(&name);
}

static void
cmd_save(struct app *app, const struct cmd *c)
{
	if (!ask_about_targets(app))
		return;
	app->then_arg = c->arg;
	free(app->then_text);
	app->then_text = guess_target(app);
	ask_mailbox(app, save_typed, "%s%s to mailbox ('?' for list) [%s]: ",
		    c->arg ? "Copy" : "Save", app->targets_tagged ? " tagged" : "", app->then_text);
}

/* ---- tags and patterns ------------------------------------------------------------------------------------ */

static void
cmd_tag(struct app *app, const struct cmd *c)
{
	uint64_t local = app_focus(app);
	struct view *index = app_index(app);

	if (app->tag_prefix) {
		model_untag_all(app->model);
		return;
	}
	if (!app_needs_message(app))
		return;
	model_tag(app->model, local, !model_is_tagged(app->model, local));
	if (config_bool(app->conf, OPT_resolve) && app_pager(app) == NULL && index != NULL)
		view_move(index, VIEW_NEXT, 1);
}

static void
cmd_tag_prefix(struct app *app, const struct cmd *c)
{
	if (model_n_tagged(app->model) > 0) {
		app->tag_prefix = true;
		app_say(app, "tag-");
		return;
	}
	/* <tag-prefix-cond>: the rest of the macro is for tagged messages alone. */
	ui_keys_flush(app->keys);
	if (c->arg == 0)
		app_complain(app, "no messages are tagged");
}

enum { BY_DELETE, BY_UNDELETE, BY_TAG, BY_UNTAG };

/* Only what changes is posted, counted and undone. */
static bool
is_changed_by(int what, const struct model_row *row)
{
	switch (what) {
	case BY_DELETE:
		return (row->row.flags & ROW_TO_DELETE) == 0;
	case BY_UNDELETE:
		return (row->row.flags & (ROW_TO_DELETE | ROW_DELETED)) != 0;
	case BY_TAG:
		return !row->is_tagged;
	default:
		return row->is_tagged;
	}
}

static bool
test_collect(void *ctx, const struct model_row *row)
{
	struct app *app = ctx;

	if (app->collect_pattern == NULL ||
	    !model_matches(app->model, app->collect_pattern, row))
		return false;
	app->n_matched++;
	return is_changed_by(app->collect_what, row);
}

static void
collected(void *ctx, const uint64_t *locals, size_t n)
{
	static const char *const done[] = { "marked for deletion", "undeleted", "tagged",
					    "untagged" };
	static const char *const unchanged[] = { "all marked for deletion already",
						 "none marked for deletion", "all tagged already",
						 "none tagged" };
	struct app *app = ctx;

	app_mark(app);
	if (app->collect_what == BY_DELETE)
		delete_all(app, locals, n);
	else if (app->collect_what == BY_UNDELETE)
		undelete_all(app, locals, n);
	else
		for (size_t i = 0; i < n; i++)
			model_tag(app->model, locals[i], app->collect_what == BY_TAG);
	if (app->n_matched == 0)
		app_complain(app, "no messages matched");
	else if (n == 0)
		app_say(app, "%u %s, %s", app->n_matched,
			app->n_matched == 1 ? "message matches" : "messages match",
			unchanged[app->collect_what]);
	else
		app_say(app, "%zu %s %s", n, n == 1 ? "message" : "messages",
			done[app->collect_what]);
}

static void
pattern_typed(struct app *app, struct str answer)
{
	struct pattern *p;

	if (answer.len == 0 || (p = app_pattern(app, answer)) == NULL)
		return;
	model_stop_collecting(app->model);
	pattern_free(app->collect_pattern);
	app->collect_pattern = p;
	app->collect_what = app->then_arg;
	app->n_matched = 0;
	model_collect(app->model, test_collect, app, collected, app);
}

static void
cmd_pattern(struct app *app, const struct cmd *c)
{
	static const char *const labels[] = { "Delete messages matching: ",
					      "Undelete messages matching: ",
					      "Tag messages matching: ",
					      "Untag messages matching: " };

	app->then_arg = c->arg;
	ask_pattern(app, pattern_typed, labels[c->arg]);
}

/* ---- limit and order --------------------------------------------------------------------------------------- */

static void
limit_typed(struct app *app, struct str answer)
{
	struct pattern *p = NULL;

	if (answer.len == 0)
		return;
	bool is_all = str_ieqc(answer, "all") || str_eqc(answer, "~A") || str_eqc(answer, ".");
	if (!is_all && (p = app_pattern(app, answer)) == NULL)
		return;
	buf_reset(&app->limit_text);
	if (!is_all)
		buf_addstr(&app->limit_text, answer);
	model_set_limit(app->model, p, buf_str(&app->limit_text));
}

static void
cmd_limit(struct app *app, const struct cmd *c)
{
	if (model_is_open(app->model))
		ask_pattern(app, limit_typed, "Limit to messages matching: ");
	else
		app_complain(app, "no mailbox is open");
}

static void
cmd_show_limit(struct app *app, const struct cmd *c)
{
	if (app->limit_text.len == 0)
		app_say(app, "no limit is in effect");
	else
		app_say(app, "limit: %s", app->limit_text.ptr);
}

static const struct {
	char letter;
	const char *sort;
} sort_letters[] = {
	{ 'd', "date-sent" }, { 'f', "from" }, { 'r', "date-received" }, { 's', "subject" },
	{ 'o', "to" },	      { 't', "threads" }, { 'u', "mailbox-order" }, { 'z', "size" },
	{ 'c', "score" },     { 'p', "spam" }, { 'l', "label" },
};

static void
sort_typed(struct app *app, struct str answer)
{
	for (size_t i = 0; i < ARRAY_LEN(sort_letters) && answer.len > 0; i++)
		if (sort_letters[i].letter == answer.ptr[0]) {
			app_command(app, "set sort=%s%s", app->then_arg ? "reverse-" : "",
				    sort_letters[i].sort);
			app_order(app);
		}
}

static void
cmd_sort(struct app *app, const struct cmd *c)
{
	app->then_arg = c->arg;
	ask_choice(app, "dfrsotuzcpl", sort_typed,
		   "%sort by (d)ate/(f)rom/(r)ecv/(s)ubj/t(o)/(t)hread/(u)nsort/si(z)e/s(c)ore/s(p)am/(l)abel? ",
		   c->arg ? "Reverse s" : "S");
}

/* ---- the rows ------------------------------------------------------------------------------------------------ */

#define MESSAGES (IN(INDEX) | IN(PAGER))
#define W CMD_WRITES

const struct cmd cmd_message_rows[] = {
	{ "delete-message", "d", MESSAGES, NULL, "Mark for deletion (at once with $delete_now)",
	  cmd_delete, 0, W },
	{ "undelete-message", "u", MESSAGES, NULL, "Take the mark for deletion back", cmd_undelete,
	  0, W },
	{ "sync-mailbox", "$", MESSAGES, NULL,
	  "Delete what is marked for deletion; try the network again", cmd_sync, 0, W },
	{ "save-message", "s", MESSAGES, "a mailbox", "Move to another mailbox", cmd_save, 0, W },
	{ "copy-message", "C", MESSAGES, "a mailbox", "Copy to another mailbox", cmd_save, 1, 0 },
	{ "flag-message", "F", MESSAGES, NULL, "Set or clear the flagged mark", cmd_toggle_flag,
	  ROW_FLAGGED, W },
	{ "toggle-new", "N", IN(INDEX), NULL, "Mark as unread, or as read", cmd_toggle_flag,
	  ROW_SEEN, W },
	{ "toggle-read", "", IN(INDEX), NULL, "Mark as read, or as unread", cmd_toggle_flag,
	  ROW_SEEN, W },
	{ "mark-as-new", "N", IN(PAGER), NULL, "Mark as unread", cmd_toggle_flag, ROW_SEEN, W },
	{ "set-flag", "w", MESSAGES, "a flag", "Set a flag", cmd_change_flag, 1, W },
	{ "clear-flag", "W", MESSAGES, "a flag", "Clear a flag", cmd_change_flag, 0, W },
	{ "read-thread", "^R", MESSAGES, NULL, "Mark the thread as read", cmd_thread_change,
	  DO_READ, W },
	{ "read-subthread", "<Esc>r", MESSAGES, NULL, "Mark this part of the thread as read",
	  cmd_thread_change, DO_READ | PART_ONLY, W },
	{ "delete-thread", "^D", MESSAGES, NULL, "Mark the thread for deletion",
	  cmd_thread_change, DO_DELETE, W },
	{ "delete-subthread", "<Esc>d", MESSAGES, NULL,
	  "Mark this part of the thread for deletion", cmd_thread_change, DO_DELETE | PART_ONLY,
	  W },
	{ "undelete-thread", "^U", MESSAGES, NULL, "Take the marks of the thread back",
	  cmd_thread_change, DO_UNDELETE, W },
	{ "undelete-subthread", "<Esc>u", MESSAGES, NULL,
	  "Take the marks of this part of the thread back", cmd_thread_change,
	  DO_UNDELETE | PART_ONLY, W },
	{ "delete-pattern", "D", IN(INDEX), "a pattern", "Mark matching messages for deletion",
	  cmd_pattern, BY_DELETE, W },
	{ "undelete-pattern", "U", IN(INDEX), "a pattern",
	  "Take the marks of matching messages back", cmd_pattern, BY_UNDELETE, W },
	{ "tag-entry", "t", IN(INDEX), NULL, "Tag the message, or untag it", cmd_tag, 0, 0 },
	{ "tag-message", "t", IN(PAGER), NULL, "Tag the message, or untag it", cmd_tag, 0, 0 },
	{ "tag-pattern", "T", IN(INDEX), "a pattern", "Tag matching messages", cmd_pattern,
	  BY_TAG, 0 },
	{ "untag-pattern", "^T", IN(INDEX), "a pattern", "Untag matching messages", cmd_pattern,
	  BY_UNTAG, 0 },
	{ "tag-thread", "<Esc>t", IN(INDEX), NULL, "Tag the thread, or untag it",
	  cmd_thread_change, DO_TAG, 0 },
	{ "tag-subthread", "", IN(INDEX), NULL, "Tag this part of the thread, or untag it",
	  cmd_thread_change, DO_TAG | PART_ONLY, 0 },
	{ "tag-prefix", ";", IN(INDEX), "a function", "Apply the next function to the tagged messages",
	  cmd_tag_prefix, 0, CMD_KEEPS_PREFIX },
	{ "tag-prefix-cond", "", IN(INDEX), "a function",
	  "As <tag-prefix>; without tagged messages the rest of the macro is left out",
	  cmd_tag_prefix, 1, CMD_KEEPS_PREFIX },
	{ "limit", "l", IN(INDEX), "a pattern", "Show only matching messages", cmd_limit, 0, 0 },
	{ "show-limit", "<Esc>l", IN(INDEX), NULL, "Show the limit", cmd_show_limit, 0, 0 },
	{ "sort-mailbox", "o", MESSAGES, "a letter", "Choose the order of the list", cmd_sort, 0,
	  0 },
	{ "sort-reverse", "O", MESSAGES, "a letter", "Choose the order of the list, reversed",
	  cmd_sort, 1, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
