/* Without a screen: variables, and whether there is something to read. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/tick.h"

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

struct look {
	bool has_ended;
	char trouble[400];
};

static void
in_step(void *ctx, const struct err *err)
{
	struct look *look = ctx;

	look->has_ended = true;
	if (err != NULL)
		snprintf(look->trouble, sizeof(look->trouble), "%s", err->text);
}

/* Nobody is there to be asked: every question ends it. */
static bool
is_asked(struct program *p, char *trouble, size_t size)
{
	struct model_question q;
	const char *text, *command;

	if (!model_question(app_model(p->app), &q))
		return false;
	const struct config *conf = config_now(app_reader(p->app));
	if (q.kind == QUESTION_TOKEN ||
	    (q.kind == QUESTION_PASSWORD && q.detail[0] == '\0' &&
	     config_secret(conf, OPT_imap_pass, &text, &command)))
		return false; /* the configuration answers */
	snprintf(trouble, size, "%s: %s", q.prompt, q.detail);
	model_answer_question(app_model(p->app), q.id, ANSWER_NO, STR_NONE);
	return true;
}

static void
wait_for(struct program *p, struct look *look)
{
	p->until_ms = tick_ms() + LOOK_MS;
	while (!look->has_ended && tick_ms() < p->until_ms) {
		program_turn(p);
		if (is_asked(p, look->trouble, sizeof(look->trouble)))
			return;
	}
	if (!look->has_ended)
		snprintf(look->trouble, sizeof(look->trouble), "no answer from the server");
}

/* Open and count one mailbox. -1: it could not be told. */
static int
count_unread(struct program *p, const struct model_folder *f, uint32_t *n_messages_out)
{
	struct look look = { 0 };
	struct model_mailbox m;

	model_open(app_model(p->app), str_c(f->account), f->wire, true, in_step, &look);
	wait_for(p, &look);
	if (look.trouble[0] != '\0')
		fprintf(stderr, "tern: %s\n", look.trouble);
	if (look.trouble[0] != '\0' || !model_mailbox(app_model(p->app), &m))
		return -1;
	*n_messages_out = m.n_messages;
	return (int)(m.n_unseen < INT32_MAX ? m.n_unseen : INT32_MAX);
}

/* -Z: the first mailbox of `mailboxes` with unread mail. */
static int
find_new(struct program *p, char **mailbox_out)
{
	struct model *m = app_model(p->app);
	struct buf url = BUF_INIT;
	uint32_t n_messages;
	bool any = false;

	for (size_t i = 0; i < model_n_folders(m) && !any; i++) {
		struct model_folder f = *model_folder(m, i);
		struct model_account a;
		if (!f.is_wanted || !model_account_by_name(m, str_c(f.account), &a))
			continue;
		char *name = xstrdup(f.name);
		struct buf wire = BUF_INIT;
		buf_addstr(&wire, f.wire);
		f.wire = buf_str(&wire);
		if (count_unread(p, &f, &n_messages) > 0) {
			buf_adds(&url, a.url);
			account_url_escape(&url, str_c(f.attrs & FOLDER_INBOX ? "INBOX" : name));
			any = true;
		}
		buf_release(&wire);
		free(name);
	}
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
	struct look look = { 0 };
	struct model_mailbox m = { 0 };

	if (app_start(p->app, o->mailbox, &err) < 0) {
		fprintf(stderr, "tern: %s\n", err.text);
		return 1;
	}
	p->until_ms = tick_ms() + LOOK_MS;
	while (model_mailbox(app_model(p->app), &m) && !m.is_in_step &&
	       tick_ms() < p->until_ms && look.trouble[0] == '\0') {
		program_turn(p);
		is_asked(p, look.trouble, sizeof(look.trouble));
	}
	if (look.trouble[0] == '\0' && !m.is_in_step)
		snprintf(look.trouble, sizeof(look.trouble), "no answer from the server");
	if (!model_mailbox(app_model(p->app), &m) || m.n_messages == 0) {
		fprintf(stderr, "tern: %s\n",
			look.trouble[0] != '\0' ? look.trouble : "the mailbox is empty");
		return 1;
	}
	return 0;
}

int
batch_look(struct program *p, const struct options *o, char **mailbox_out)
{
	app_use_accounts(p->app);
	link_open(&p->link, p->app, tick_ms());
	int status = o->only_if_new ? find_new(p, mailbox_out) : find_any(p, o);
	p->until_ms = 0;
	return status;
}
