/* Without a screen: variables, and whether there is something to read. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

#define LOOK_MS 20000 /* for the servers' answer */

int
batch_variables(struct app *app, const struct options *o)
{
	const struct config *conf = config_now(app_reader(app));
	struct buf line = BUF_INIT;
	struct err err = ERR_INIT;
	int status = 0;

	for (size_t i = 0; o->all_variables && i < OPT_N; i++) {
		buf_reset(&line);
		if (config_show(conf, str_c(config_rows[i].name), &line, &err) == 0)
			printf("%s\n", line.ptr);
	}
	for (size_t i = 0; i < o->queries.n; i++) {
		buf_reset(&line);
		if (config_show(conf, str_c(o->queries.v[i]), &line, &err) == 0) {
			printf("%s\n", line.ptr);
		} else {
			fprintf(stderr, "tern: %s\n", err.text);
			status = 1;
		}
	}
	buf_release(&line);
	return status;
}

struct trouble {
	char text[400]; /* empty: none */
	bool is_of_account;
};

/* A certificate's names, a server's words: the same gate as that of the screen. */
static void
complain(const char *text)
{
	struct buf line = BUF_INIT;

	utf8_add_safe(&line, str_c(text));
	fprintf(stderr, "tern: %s\n", line.ptr);
	buf_release(&line);
}

static void
tell_trouble(struct trouble *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->text, sizeof(t->text), fmt, ap);
	va_end(ap);
}

static void
question_as_trouble(const struct model_question *q, const struct model_account *a,
		    const char *command_trouble, struct trouble *t)
{
	const char *reason = strrchr(q->detail, '\n'); /* behind what the certificate says */

	if (q->kind == QUESTION_CERTIFICATE)
		tell_trouble(t, "%s: %s", q->prompt, reason != NULL ? reason + 1 : q->detail);
	else if (q->detail[0] != '\0')
		tell_trouble(t, "%s", q->detail);
	else if (command_trouble != NULL)
		tell_trouble(t, "no password for %s: the password command failed: %s", a->url,
			     command_trouble);
	else
		tell_trouble(t, "no password for %s: set imap_pass, or have a tern running in a terminal",
			     a->url);
}

/* What keeps the mailbox from coming into step. Nobody is there to be asked, so every
 * question does, but it is not answered: somebody else may know. */
static void
look_for_trouble(struct program *p, struct trouble *t)
{
	struct model *model = app_model(p->app);
	struct model_mailbox m;
	struct model_account a;
	struct model_question q;
	const char *command_trouble;

	if (!model_mailbox(model, &m) || m.is_in_step ||
	    !model_account_by_name(model, str_c(m.account), &a))
		return;
	t->is_of_account = m.open_error == NULL;
	if (m.open_error != NULL)
		tell_trouble(t, "%s", m.open_error);
	else if (m.is_opened && a.state == ACCOUNT_ASKING)
		tell_trouble(t, "no answer from %s: %s", a.url, a.text);
	else if (m.is_opened && (a.state == ACCOUNT_STOPPED ||
				 (a.state == ACCOUNT_WAITING && a.retry_wall > wall_now())))
		tell_trouble(t, "%s", a.text);
	if (!app_unanswered(p->app, &q, &command_trouble))
		return;
	if (t->text[0] == '\0' && strcmp(q.account, a.name) == 0)
		question_as_trouble(&q, &a, command_trouble, t);
	model_leave_question(model, q.id);
}

/* Until the open mailbox is in step, or cannot be. */
static void
wait_for_step(struct program *p, struct trouble *t)
{
	struct model_mailbox m;

	p->until_ms = tick_ms() + LOOK_MS;
	while (t->text[0] == '\0' && model_mailbox(app_model(p->app), &m) && !m.is_in_step) {
		if (tick_ms() >= p->until_ms) {
			tell_trouble(t, "no answer from the server");
			return;
		}
		program_turn(p);
		look_for_trouble(p, t);
	}
}

/* Open and count one mailbox. -1: it could not be told. is_account_lost: nor would the
 * others of its account. */
static int
count_unread(struct program *p, const struct model_folder *f, bool *is_account_lost)
{
	struct trouble t = { "", false };
	struct model_mailbox m;

	model_open(app_model(p->app), str_c(f->account), f->wire, true, NULL, NULL);
	wait_for_step(p, &t);
	if (t.text[0] != '\0')
		complain(t.text);
	*is_account_lost = t.text[0] != '\0' && t.is_of_account;
	if (t.text[0] != '\0' || !model_mailbox(app_model(p->app), &m))
		return -1;
	return (int)(m.n_unseen < INT32_MAX ? m.n_unseen : INT32_MAX);
}

/* -Z: the first mailbox of `mailboxes` with unread mail. */
static int
find_new(struct program *p, char **mailbox_out)
{
	struct model *m = app_model(p->app);
	struct buf url = BUF_INIT;
	VEC(uint64_t) wanted = VEC_INIT;
	char *lost = NULL; /* an account whose trouble was told */
	bool any = false, is_lost;

	/* The list changes while the servers tell theirs. */
	for (size_t i = 0; i < model_n_folders(m); i++)
		if (model_folder(m, i)->is_wanted)
			vec_push(&wanted, model_folder(m, i)->id);
	for (size_t i = 0; i < wanted.n && !any; i++) {
		const struct model_folder *known = model_folder_by_id(m, wanted.v[i]);
		struct model_account a;
		if (known == NULL || !model_account_by_name(m, str_c(known->account), &a) ||
		    (lost != NULL && strcmp(lost, known->account) == 0))
			continue;
		struct model_folder f = *known;
		char *name = xstrdup(f.name);
		struct buf wire = BUF_INIT;
		buf_addstr(&wire, f.wire);
		f.wire = buf_str(&wire);
		char *account = xstrdup(f.account);
		if (count_unread(p, &f, &is_lost) > 0) {
			buf_adds(&url, a.url);
			account_url_escape(&url, str_c(f.attrs & FOLDER_INBOX ? "INBOX" : name));
			any = true;
		}
		if (is_lost) {
			free(lost);
			lost = xstrdup(account);
		}
		buf_release(&wire);
		free(account);
		free(name);
	}
	free(lost);
	vec_release(&wanted);
	model_close(m);
	if (!any) {
		fprintf(stderr, "tern: no mailbox with new mail\n");
		return 1;
	}
	*mailbox_out = buf_take(&url);
	return 0;
}

/* -z: is there anything in the mailbox? */
static int
find_any(struct program *p, const struct options *o)
{
	struct err err = ERR_INIT;
	struct trouble t = { "", false };
	struct model_mailbox m;

	if (app_start(p->app, o->mailbox, &err) < 0) {
		complain(err.text);
		return 1;
	}
	wait_for_step(p, &t);
	if (!model_mailbox(app_model(p->app), &m) || m.n_messages == 0) {
		complain(t.text[0] != '\0' ? t.text : "the mailbox is empty");
		return 1;
	}
	return 0;
}

int
batch_look(struct program *p, const struct options *o, char **mailbox_out)
{
	/* No screen waits for it. */
	while (!config_run(app_reader(p->app), 1000))
		continue;
	app_configure(p->app);
	app_use_accounts(p->app);
	link_open(&p->link, p->app, tick_ms());
	int status = o->only_if_new ? find_new(p, mailbox_out) : find_any(p, o);
	p->until_ms = 0;
	return status;
}
