/* Questions: to the user, and of the manager. A prompt is a state; what is to be
 * done with the answer is kept beside it. */
#include "internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CANDIDATES 500

bool
answer_is_yes(struct str answer)
{
	return answer.len > 0 && (answer.ptr[0] == 'y' || answer.ptr[0] == 'Y');
}

void
ask_about(struct app *app, uint64_t *locals, size_t n, bool tagged)
{
	free(app->targets);
	app->targets = locals;
	app->n_targets = n;
	app->targets_tagged = tagged;
}

static void
done(void *ctx, struct str text)
{
	struct app *app = ctx;
	void (*then)(struct app *, struct str) = app->then;

	app->then = NULL;
	app_mark(app);
	if (text.ptr == NULL) {
		/* Dismissed: what a macro had in mind behind it is off, too. */
		ui_keys_flush(app->keys);
		return;
	}
	if (then != NULL)
		then(app, text);
}

static void
open_prompt(struct app *app, struct ui_prompt_spec *spec,
	    void (*then)(struct app *app, struct str answer))
{
	spec->done = done;
	spec->ctx = app;
	if (ui_prompt_is_open(app->prompt))
		ui_prompt_dismiss(app->prompt);
	app->then = then;
	ui_prompt_open(app->prompt, spec);
	app_mark(app);
}

#define FORMAT_LABEL(buf)              \
	do {                           \
		va_list ap_;           \
		va_start(ap_, label);  \
		buf_vaddf(buf, label, ap_); \
		va_end(ap_);           \
	} while (0)

void
ask_line(struct app *app, const char *history, const char *initial,
	 void (*then)(struct app *app, struct str answer), const char *label, ...)
{
	struct buf text = BUF_INIT;

	FORMAT_LABEL(&text);
	struct ui_prompt_spec spec = { .label = text.ptr, .initial = initial, .history = history };
	open_prompt(app, &spec, then);
	buf_release(&text);
}

void
ask_choice(struct app *app, const char *choices,
	   void (*then)(struct app *app, struct str answer), const char *label, ...)
{
	struct buf text = BUF_INIT;

	FORMAT_LABEL(&text);
	struct ui_prompt_spec spec = { .label = text.ptr, .choices = choices };
	open_prompt(app, &spec, then);
	buf_release(&text);
}

void
ask_quad(struct app *app, enum config_quad quad,
	 void (*then)(struct app *app, struct str answer), const char *label, ...)
{
	struct buf text = BUF_INIT;

	if (quad == CONFIG_YES || quad == CONFIG_NO) {
		then(app, quad == CONFIG_YES ? STR("y") : STR("n"));
		return;
	}
	FORMAT_LABEL(&text);
	buf_adds(&text, quad == CONFIG_ASK_YES ? " ([yes]/no): " : " (yes/[no]): ");
	struct ui_prompt_spec spec = { .label = text.ptr,
				       .choices = quad == CONFIG_ASK_YES ? "yn" : "ny" };
	open_prompt(app, &spec, then);
	buf_release(&text);
}

/* ---- completion --------------------------------------------------------------------------- */

static void
clear_candidates(struct app *app)
{
	for (size_t i = 0; i < app->candidates.n; i++) {
		free(app->candidates.v[i]);
		free(app->notes.v[i]);
	}
	vec_reset(&app->candidates);
	vec_reset(&app->notes);
}

static void
add_candidate(const char *text, const char *note, void *ctx)
{
	struct app *app = ctx;

	if (app->candidates.n >= MAX_CANDIDATES)
		return;
	vec_push(&app->candidates, xstrdup(text));
	vec_push(&app->notes, xstrdup(note != NULL ? note : ""));
}

static bool
candidate(void *ctx, size_t i, struct ui_candidate *out)
{
	struct app *app = ctx;

	if (i >= app->candidates.n)
		return false;
	out->text = str_c(app->candidates.v[i]);
	out->note = str_c(app->notes.v[i]);
	return true;
}

static bool
path_starts(const char *path, struct str typed)
{
	struct str s = str_c(path);

	/* + and = mean the same, and a bare name may be meant as one below $folder. */
	if (typed.len > 0 && (typed.ptr[0] == '+' || typed.ptr[0] == '=')) {
		typed = str_from(typed, 1);
		if (str_starts(s, "="))
			s = str_from(s, 1);
		return str_ieq(str_head(s, typed.len), typed);
	}
	if (str_starts(s, "=") && str_ieq(str_head(str_from(s, 1), typed.len), typed))
		return true;
	return str_ieq(str_head(s, typed.len), typed);
}

static size_t
complete_mailbox(void *ctx, struct str before, size_t *start_out)
{
	struct app *app = ctx;
	char note[40];

	*start_out = 0;
	clear_candidates(app);
	app_make_folders(app);
	for (size_t i = 0; i < app->folders.n; i++) {
		const struct folder_line *l = &app->folders.v[i];
		if (l->folder.is_root || (l->folder.attrs & FOLDER_NOSELECT) ||
		    !path_starts(l->path, before))
			continue;
		note[0] = '\0';
		if (l->folder.has_counts)
			snprintf(note, sizeof(note), "%u", l->folder.n_messages);
		add_candidate(l->path, note, app);
	}
	return app->candidates.n;
}

static size_t
complete_command(void *ctx, struct str before, size_t *start_out)
{
	struct app *app = ctx;

	clear_candidates(app);
	*start_out = 0;
	config_complete(app->conf, before, start_out, add_candidate, app);
	return app->candidates.n;
}

static size_t
complete_pattern(void *ctx, struct str before, size_t *start_out)
{
	struct app *app = ctx;
	size_t start = before.len;
	const char *syntax, *help;
	char text[4];

	clear_candidates(app);
	while (start > 0 && before.ptr[start - 1] != ' ' && before.ptr[start - 1] != '!' &&
	       before.ptr[start - 1] != '(')
		start--;
	*start_out = start;
	struct str word = str_from(before, start);
	for (size_t i = 0; word.len > 0 && (syntax = pattern_help(i, &help)) != NULL; i++)
		if (str_eq(str_head(str_c(syntax), word.len), word)) {
			snprintf(text, sizeof(text), "%.2s", syntax);
			add_candidate(text, help, app);
		}
	return app->candidates.n;
}

/* "?" alone asks for the list. */
static void
mailbox_changed(void *ctx, struct str text)
{
	struct app *app = ctx;

	if (!str_eqc(text, "?"))
		return;
	app->then = NULL;
	ui_prompt_dismiss(app->prompt);
	folder_open_list(app, false);
}

void
ask_mailbox(struct app *app, void (*then)(struct app *app, struct str answer),
	    const char *label, ...)
{
	struct buf text = BUF_INIT;

	FORMAT_LABEL(&text);
	struct ui_prompt_spec spec = { .label = text.ptr,
				       .history = "mailbox",
				       .complete = complete_mailbox,
				       .candidate = candidate,
				       .changed = mailbox_changed };
	open_prompt(app, &spec, then);
	buf_release(&text);
}

static void
pattern_changed(void *ctx, struct str text)
{
	struct app *app = ctx;
	struct err err = ERR_INIT;
	struct pattern *p;

	if (text.len == 0) {
		ui_prompt_note(app->prompt, STR_NONE);
		return;
	}
	p = pattern_parse(text, config_string(app->conf, OPT_simple_search), &app->pattern_context,
			  NULL, &err);
	ui_prompt_note(app->prompt, p != NULL ? STR_NONE : str_c(err.text));
	pattern_free(p);
}

void
ask_pattern(struct app *app, void (*then)(struct app *app, struct str answer), const char *label)
{
	struct ui_prompt_spec spec = { .label = label,
				       .history = "pattern",
				       .complete = complete_pattern,
				       .candidate = candidate,
				       .changed = pattern_changed };

	open_prompt(app, &spec, then);
}

static void
run_command_line(struct app *app, struct str text)
{
	if (text.len > 0)
		app_run_command(app, text);
}

void
ask_command(struct app *app)
{
	struct ui_prompt_spec spec = { .label = ":",
				       .history = "command",
				       .complete = complete_command,
				       .candidate = candidate };

	open_prompt(app, &spec, run_command_line);
}

/* ---- questions of the manager ---------------------------------------------------------------- */

static void
answer(struct app *app, enum answer_verdict verdict, struct str text)
{
	model_answer_question(app->model, app->question, verdict, text);
	app->question = 0;
}

static void
answer_secret(struct app *app, struct str text)
{
	answer(app, text.len > 0 ? ANSWER_YES : ANSWER_NO, text);
}

static void
answer_certificate(struct app *app, struct str text)
{
	char c = text.len > 0 ? text.ptr[0] : 'r';

	answer(app, c == 'o' ? ANSWER_YES : c == 'a' ? ANSWER_ALWAYS : ANSWER_NO, STR_NONE);
}

static void
secret_prompt_done(void *ctx, struct str text)
{
	struct app *app = ctx;

	app->then = NULL;
	app_mark(app);
	if (app->question != 0)
		answer_secret(app, text.ptr != NULL ? text : STR_NONE);
}

static void
certificate_prompt_done(void *ctx, struct str text)
{
	struct app *app = ctx;

	app->then = NULL;
	app_mark(app);
	if (app->question != 0)
		answer_certificate(app, text.ptr != NULL ? text : STR_NONE);
}

static void
ask_user(struct app *app, const struct model_question *q)
{
	struct buf label = BUF_INIT, about = BUF_INIT;

	struct ui_prompt_spec spec = { .ctx = app };
	if (q->kind == QUESTION_CERTIFICATE) {
		buf_addf(&about, "%s\n%s", q->prompt, q->detail);
		spec.about = about.ptr;
		buf_adds(&label, "(r)eject, accept (o)nce, (a)lways? ");
		spec.choices = "roa";
		spec.done = certificate_prompt_done;
	} else {
		/* What the server said is in the log. */
		buf_addf(&label, "%s%s%s", q->detail[0] != '\0' ? "Login refused. " : "",
			 q->prompt, str_ends(str_trim(str_c(q->prompt)), ":") ? "" : ": ");
		if (app->secret_trouble.len > 0) {
			buf_addf(&about, "The password command failed: %s.", app->secret_trouble.ptr);
			spec.about = about.ptr;
		}
		spec.is_secret = true;
		spec.done = secret_prompt_done;
	}
	spec.label = label.ptr;
	app->question = q->id;
	model_question_is_shown(app->model, q->id);
	ui_prompt_open(app->prompt, &spec);
	app_mark(app);
	buf_reset(&app->secret_trouble);
	buf_release(&label);
	buf_release(&about);
}

/* A password or token command of the rc answered. */
struct waiting_secret {
	struct app *app;
	uint64_t question;
	uint8_t kind;
};

static void
ask_instead(struct app *app, const char *trouble)
{
	buf_reset(&app->secret_trouble);
	buf_adds(&app->secret_trouble, trouble != NULL ? trouble : "it printed nothing");
	app->question = 0;
}

static void
secret_came(void *ctx, const struct buf *output, const char *trouble)
{
	struct waiting_secret *w = ctx;
	struct app *app = w->app;
	struct str line = output != NULL ? buf_str(output) : STR_NONE, first = STR_NONE;

	if (trouble != NULL)
		app_complain(app, "the password command failed: %s", trouble);
	str_next(&line, '\n', &first);
	if (first.len > 0 && first.ptr[first.len - 1] == '\r')
		first.len--;
	if (app->question != w->question)
		;
	else if (first.len == 0 && w->kind == QUESTION_PASSWORD)
		ask_instead(app, trouble); /* somebody may know it */
	else
		answer(app, first.len > 0 ? ANSWER_YES : ANSWER_NO, first);
	free(w);
}

static void
run_secret_command(struct app *app, const struct model_question *q, const char *command)
{
	struct waiting_secret *w = xmalloc(sizeof(*w));

	*w = (struct waiting_secret){ app, q->id, (uint8_t)q->kind };
	app->question = q->id;
	app->host.capture(app->host.ctx, command, secret_came, w);
}

/* From the configuration, if it was not tried before: false if there is nothing. */
static bool
answer_from_config(struct app *app, const struct model_question *q)
{
	struct app_account *a = app_account_named(app, str_c(q->account));
	const char *text = NULL, *command = NULL;

	/* Details say that the one of the rc was refused. */
	if (a == NULL ||
	    (q->kind == QUESTION_PASSWORD && (a->has_answered || q->detail[0] != '\0')))
		return false;
	const struct config *conf = config_for(app->reader, a->url, NULL);
	if (q->kind == QUESTION_TOKEN) {
		command = config_string(conf, OPT_imap_oauth_refresh_command);
		if (*command == '\0')
			return false;
	} else if (q->kind != QUESTION_PASSWORD ||
		   !config_secret(conf, OPT_imap_pass, &text, &command)) {
		return false;
	}
	a->has_answered = true;
	if (command != NULL) {
		run_secret_command(app, q, command);
	} else {
		app->question = q->id;
		answer(app, ANSWER_YES, str_c(text));
	}
	return true;
}

/* A question must not catch keys that were meant for something else. */
static bool
is_quiet(const struct app *app)
{
	return !ui_prompt_is_open(app->prompt) && !ui_keys_is_pending(app->keys) &&
	       !ui_keys_in_sequence(app->keys) && app->now_ms - app->typed_ms >= 300;
}

void
ask_manager_question(struct app *app)
{
	struct model_question q;

	if (app->question != 0 && !model_question_is_open(app->model, app->question)) {
		/* Somebody else answered, or it is no longer needed. */
		app->question = 0;
		if (app->then == NULL && ui_prompt_is_open(app->prompt))
			ui_prompt_dismiss(app->prompt);
	}
	if (app->question != 0 || !model_question(app->model, &q))
		return;
	if (answer_from_config(app, &q) || !is_quiet(app) || app->cols == 0)
		return;
	ask_user(app, &q);
}

bool
app_unanswered(struct app *app, struct model_question *out, const char **trouble_out)
{
	*trouble_out = app->secret_trouble.len > 0 ? app->secret_trouble.ptr : NULL;
	return app->question == 0 && model_question(app->model, out);
}
