/* What only the user can answer: passwords, tokens, certificates. A question
 * goes to the interface last typed in; where nobody has typed, as in batch use, to the
 * one that came last; without any, the account waits. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/mem.h"

static void
tell_gone(struct session *s, const struct question *q, const struct client *but)
{
	struct msg_question_gone m = { .question = q->id };

	if (q->asked != NULL && q->asked != but && session_has_client(s, q->asked))
		IPC_SEND(q->asked->conn, QUESTION_GONE, question_gone, 0, -1, &m, NULL);
}

static void
question_free(struct session *s, struct question *q)
{
	vec_remove_item(&s->questions, q);
	free(q->prompt);
	free(q->detail);
	free(q);
}

/* Nobody is being asked any more: connecting goes on, or ends and says why. */
static void
is_asked_no_more(struct account *a)
{
	if (a->state == ACCOUNT_ASKING)
		account_say(a, ACCOUNT_CONNECTING, "connecting");
}

void
question_is_shown(struct client *c, uint64_t id)
{
	struct session *s = c->session;

	for (size_t i = 0; i < s->questions.n; i++) {
		struct question *q = s->questions.v[i];
		if (q->id == id && q->asked == c)
			account_say(q->account, ACCOUNT_ASKING, "another tern asks %s",
				    q->kind == QUESTION_CERTIFICATE ? "about its certificate" :
								      "for the password");
	}
}

static struct client *
last_typed_in(struct session *s)
{
	struct client *best = NULL;

	EVERY_CLIENT (s, c)
		if (best == NULL || c->typed_ms >= best->typed_ms)
			best = c;
	return best;
}

static void
put(struct session *s, struct question *q)
{
	struct client *c = last_typed_in(s);

	if (c == NULL)
		return;
	struct msg_question m = { .question = q->id,
				  .kind = (uint8_t)q->kind,
				  .account = str_c(q->account->name),
				  .prompt = str_c(q->prompt),
				  .detail = str_c(q->detail) };
	q->asked = c;
	IPC_SEND(c->conn, QUESTION, question, 0, -1, &m, NULL);
}

void
questions_put(struct session *s)
{
	for (size_t i = 0; i < s->questions.n; i++)
		if (s->questions.v[i]->asked == NULL)
			put(s, s->questions.v[i]);
}

struct question *
question_ask(struct session *s, enum question_kind kind, struct account *a, struct worker *w,
	     const char *prompt, const char *detail)
{
	struct question *q = xcalloc(1, sizeof(*q));
	struct buf words = BUF_INIT;

	q->id = session_id(s);
	q->kind = kind;
	q->account = a;
	q->worker = w;
	q->prompt = xstrdup(prompt);
	session_add_words(&words, str_c(detail));
	q->detail = str_dup(buf_str(&words));
	buf_release(&words);
	vec_push(&s->questions, q);
	put(s, q);
	return q;
}

void
question_withdraw(struct session *s, struct question *q)
{
	struct account *a = q->account;

	tell_gone(s, q, NULL);
	question_free(s, q);
	is_asked_no_more(a);
}

void
questions_of_account(struct session *s, struct account *a)
{
	for (size_t i = s->questions.n; i-- > 0;)
		if (s->questions.v[i]->account == a)
			question_withdraw(s, s->questions.v[i]);
}

void
questions_take_back(struct session *s, struct client *c)
{
	for (size_t i = 0; i < s->questions.n; i++) {
		struct question *q = s->questions.v[i];
		if (q->asked == NULL || q->asked->typed_ms > 0)
			continue;
		tell_gone(s, q, c);
		q->asked = NULL;
		is_asked_no_more(q->account);
	}
}

void
questions_client_gone(struct session *s, struct client *c)
{
	for (size_t i = 0; i < s->questions.n; i++)
		if (s->questions.v[i]->asked == c) {
			s->questions.v[i]->asked = NULL;
			is_asked_no_more(s->questions.v[i]->account);
		}
}

void
question_answer(struct client *c, uint64_t id, enum answer_verdict verdict, struct str text)
{
	struct session *s = c->session;
	struct question *q = NULL;

	for (size_t i = 0; i < s->questions.n; i++)
		if (s->questions.v[i]->id == id)
			q = s->questions.v[i];
	if (q == NULL)
		return; /* withdrawn meanwhile */
	struct account *a = q->account;
	struct worker *w = q->worker;
	enum question_kind kind = q->kind;
	tell_gone(s, q, c);
	question_free(s, q);
	is_asked_no_more(a);
	if (kind == QUESTION_CERTIFICATE) {
		worker_certificate_answer(w, verdict);
		return;
	}
	a->secret_asked = false;
	if (verdict == ANSWER_NO || text.len == 0) {
		char *why = text.len > 0 ? str_dup(text) : xstrdup("no password was given");
		account_without_secret(a, why);
		free(why);
		return;
	}
	a->secret_is_token = kind == QUESTION_TOKEN;
	account_use_secret(a, text);
}
