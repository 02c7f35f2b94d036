/* What interfaces post: changes into the journal, held deletes let go, undo,
 * retry and drop. Acknowledged means durable: the frame goes after the sync. */
#include "push.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

/* No answer then: it is posted again, to a manager with a sound store. */
static bool
gives_up(struct client *c, const struct err *err)
{
	if (err->kind != ERR_DAMAGED)
		return false;
	session_notice(c->session, LOG_ERROR, "", false, "%s", err->text);
	care_give_up(c->session, err->text);
	return true;
}

static void
answer_post(struct client *c, uint64_t id, struct str post_id, const struct err *err)
{
	if (err->kind == ERR_NONE) {
		struct msg_ack m = { .post_id = post_id };
		IPC_SEND(c->conn, ACK, ack, id, -1, &m, NULL);
		return;
	}
	if (gives_up(c, err))
		return;
	struct msg_refused m = { .post_id = post_id,
				 .kind = (uint8_t)err->kind,
				 .text = str_c(err->text) };
	IPC_SEND(c->conn, REFUSED, refused, id, -1, &m, NULL);
}

/* As the interface names it, made if the cache is too new to know it: what the journal
 * holds for it is older. */
static struct box *
box_named(struct session *s, struct str account, struct str name, struct err *err)
{
	bool makes = account_find(s, account) != NULL && name.len > 0;

	return box_by_name(s, account, name, makes, err);
}

static int
make_intents(const struct msg_post *m, struct box *b, struct intent **out, size_t *n_out,
	     struct err *err)
{
	size_t n = m->locals.len / 8;

	if (m->post_id.len != 16 || m->locals.len % 8 != 0 || n == 0 || m->kind == 0 ||
	    m->kind >= INTENT_N_KINDS)
		return err_set(err, ERR_PROTO, "malformed change");
	if ((m->kind == INTENT_MOVE || m->kind == INTENT_COPY) &&
	    (m->target.len == 0 || m->target.len > 1000))
		return err_set(err, ERR_USER, "no mailbox to move or copy to");
	if (m->kind == INTENT_MOVE && str_eq(m->target, buf_str(&b->name)) &&
	    (m->target_account.len == 0 || str_eqc(m->target_account, b->account_name)))
		return err_set(err, ERR_USER, "the messages are in that mailbox already");
	struct intent *v = xcalloc(n, sizeof(*v));
	struct ipc_reader r = { m->locals, false };
	for (size_t i = 0; i < n; i++) {
		v[i].kind = m->kind;
		v[i].local = ipc_get_u64(&r);
		v[i].account = str_c(b->account_name);
		v[i].mailbox = buf_str(&b->name);
		v[i].set_flags = m->set_flags;
		v[i].clear_flags = m->clear_flags;
		v[i].keyword = m->keyword;
		v[i].is_beyond_undo = m->is_automatic != 0;
		v[i].target_account = m->target.len > 0 && m->target_account.len == 0 ?
					      str_c(b->account_name) :
					      m->target_account;
		v[i].target = m->target;
	}
	*out = v;
	*n_out = n;
	return 0;
}

/* A change goes out where its message lies by now, which may be another mailbox than
 * that of the list it was made in. */
static void
mark_due(struct box *b, const struct intent *v, size_t n)
{
	struct session *s = b->session;
	struct store_view *view = store_begin(s->store, NULL);
	bool are_here = view != NULL;

	for (size_t i = 0; i < n && are_here; i++)
		are_here = store_lies_in(view, v[i].local, b->id);
	if (view != NULL)
		store_end(view);
	push_dirty(b);
	if (!are_here)
		push_scan(s);
}

void
post_request(struct client *c, uint64_t id, const struct msg_post *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	struct intent *v = NULL;
	size_t n = 0;
	uint8_t post_id[16];
	struct box *b = box_named(s, m->account, m->mailbox, &err);

	if (b != NULL && make_intents(m, b, &v, &n, &err) == 0) {
		bool release_now = m->kind == INTENT_DELETE && m->set_flags != 0;
		memcpy(post_id, m->post_id.ptr, 16);
		session_commit(s); /* fingerprints are read from what is committed */
		if (journal_accept(s->writer, post_id, v, n, release_now, wall_now(), &err) == 0) {
			/* Acknowledged means durable: the frame goes after the sync. */
			answer_post(c, id, m->post_id, &err);
			ipc_flush(c->conn, NULL);
			session_news(s, b->id);
			mark_due(b, v, n);
			free(v);
			return;
		}
	}
	answer_post(c, id, m->post_id, &err);
	free(v);
}

void
release_request(struct client *c, uint64_t id, const struct msg_release *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	uint32_t n = 0;
	struct box *b = NULL;

	if (m->post_id.len != 16)
		err_set(&err, ERR_PROTO, "malformed request");
	else
		b = box_named(s, m->account, m->mailbox, &err);
	if (b != NULL &&
	    journal_release(s->writer, (const uint8_t *)m->post_id.ptr, str_c(b->account_name),
			    buf_str(&b->name), &n, &err) == 0 &&
	    n > 0) {
		session_news(s, b->id);
		push_dirty(b);
	}
	answer_post(c, id, m->post_id, &err);
}

void
undo_request(struct client *c, uint64_t id, const struct msg_undo *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	char *text = NULL;

	if (m->post_id.len != 16) {
		err_set(&err, ERR_PROTO, "malformed request");
		client_failed(c, id, &err);
		return;
	}
	session_commit(s);
	if (journal_undo(s->writer, (const uint8_t *)m->post_id.ptr, wall_now(), &text, &err) < 0) {
		if (!gives_up(c, &err))
			client_failed(c, id, &err);
		return;
	}
	client_done(c, id, text != NULL ? text : "");
	free(text);
	push_scan(s);
	session_news_everywhere(s);
}

void
intent_retry_request(struct client *c, uint64_t id, uint64_t seq, bool drop)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	struct intent i;
	struct arena arena = ARENA_INIT;
	struct box *b = NULL;
	struct store_view *v = store_begin(s->store, &err);
	int found = v == NULL ? -1 : store_intent(v, seq, &i, &err);

	if (found == 0)
		i = intent_copy(&i, &arena);
	if (v != NULL)
		store_end(v);
	if (found == 1)
		err_set(&err, ERR_GONE, "that change is no longer in the queue");
	if (found == 0) {
		b = box_by_name(s, i.account, i.mailbox, true, NULL);
		if (drop) {
			journal_drop(s->writer, seq, &err);
		} else {
			if (b != NULL)
				box_unshut(b);
			i.not_before = 0;
			i.attempts = 0;
			if (i.state == INTENT_REFUSED || i.state == INTENT_PARKED)
				i.state = INTENT_PLANNED;
			journal_update(s->writer, &i, 1, &err);
		}
	}
	if (err.kind == ERR_NONE)
		client_done(c, id, "");
	else if (!gives_up(c, &err))
		client_failed(c, id, &err);
	if (b != NULL) {
		session_news(s, b->id);
		push_dirty(b);
		if (b->account != NULL && !drop)
			account_connect_now(b->account);
	}
	arena_release(&arena);
}
