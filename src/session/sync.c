/* Opening a mailbox and what the server says of it. The cursor (uidnext, modseq)
 * and `covered` are committed in the same transaction as the rows they vouch for. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/log.h"
#include "tern/base/tick.h"

#define FIRST_ROWS 100
#define MAX_RANGES (16 * 1024 * 1024) /* of UIDs: ten times the holes of the largest mailboxes */
#define MAX_KNOWN (900 * 1024) /* octets: a server can cut what is known to pieces */

/* ---- opening ------------------------------------------------------------------------- */

void
sync_send_open(struct worker *w, struct box *b)
{
	struct session *s = b->session;
	struct account *a = w->account;
	struct err err = ERR_INIT;
	struct mailbox m;

	session_commit(s);
	struct store_view *v = store_begin(s->store, &err);
	if (v == NULL || box_record(b, &m, v, &err) < 0) {
		if (v != NULL)
			store_end(v);
		session_store_failed(s, &err);
		return;
	}
	bool is_watch = w->role == ROLE_WATCH;
	bool is_cold = m.uidvalidity == 0 || m.uidnext == 0;
	/* Filling and pushing need no first screenful; a cold one is shown at once. */
	struct msg_w_open open = { .mailbox = buf_str(&b->name),
				   .uidvalidity = is_cold ? 0 : m.uidvalidity,
				   .uidnext = m.uidnext,
				   /* The shortest answer killed it: the plain one. */
				   .modseq = b->n_open_crashes > 0 ? 0 : m.modseq,
				   .known = m.covered.len > MAX_KNOWN ? STR_NONE : m.covered,
				   .first_rows = FIRST_ROWS,
				   .stay = is_watch,
				   .use_idle = a->use_idle,
				   .poll_s = a->poll_s };
	struct task *t = task_new(a, TASK_OPEN, b);
	t->worker = w;
	vec_push(&w->running, t);
	w->selected = NULL;
	w->is_open = false;
	w->opening = b;
	b->open_is_cold = is_cold;
	b->first_low = 0;
	b->has_uids = false;
	b->is_doubted = b->has_arrivals = false;
	seqset_reset(&b->server_uids);
	seqset_reset(&w->uids_so_far);
	IPC_SEND(w->conn, W_OPEN, w_open, t->id, -1, &open, NULL);
	store_end(v);
	if (is_watch)
		account_say(a, ACCOUNT_BUSY, "opening %s", b->name.ptr);
}

static void
end_waiting(struct box *b, const struct err *err)
{
	for (size_t i = 0; i < b->waiting.n; i++) {
		if (err == NULL)
			client_done(b->waiting.v[i].client, b->waiting.v[i].id, "");
		else
			client_failed(b->waiting.v[i].client, b->waiting.v[i].id, err);
	}
	vec_reset(&b->waiting);
}

static void
set_in_step(struct mailbox *m, struct buf *covered, void *ctx)
{
	(void)covered, (void)ctx;
	m->in_step_wall = wall_now();
	m->attrs &= ~(uint32_t)(FOLDER_GONE | FOLDER_NONEXISTENT);
	/* Rows tell the counts once all are here; until then STATUS does. */
	if (m->n_rows == m->exists)
		m->status_messages = m->status_unseen = MAILBOX_COUNT_ROWS;
	else if (m->status_messages == MAILBOX_COUNT_ROWS || m->status_messages == 0)
		m->status_messages = m->exists;
}

/* Not a flag of the box: a worker leaves by many ways, and each would have to clear it. */
bool
sync_is_in_step(const struct box *b)
{
	const struct session *s = b->session;

	for (size_t i = 0; i < s->workers.n; i++) {
		const struct worker *w = s->workers.v[i];
		if (w->state == WORKER_READY && w->is_open && w->selected == b)
			return true;
	}
	return false;
}

/* With no holes, rows and EXISTS must agree (IMAP.md 3.2): a message may have been left
 * out of an answer. What the cursor covers by its range is in the list of UIDs, or not.
 * A difference that the list left is the server's own, and not asked about again. */
static void
verify_count(struct box *b, const struct mailbox *m)
{
	struct seqset covered = SEQSET_INIT;
	int64_t odd = (int64_t)m->exists - m->n_rows;
	bool is_covered = seqset_parse(m->covered, &covered, NULL) == 0 && m->uidnext > 1 &&
			  seqset_count(&covered) == m->uidnext - 1;

	seqset_release(&covered);
	if (!is_covered || odd == b->odd)
		return;
	b->odd = 0;
	if (odd == 0)
		return;
	log_at(LOG_WARN, "sync", "%s: %u rows, %u on the server: verifying", b->name.ptr, m->n_rows,
	       m->exists);
	b->wants_uids = true;
}

void
sync_verify_count(struct box *b)
{
	struct mailbox m;
	struct store_view *v = store_begin(b->session->store, NULL);

	if (v != NULL && box_record(b, &m, v, NULL) == 0)
		verify_count(b, &m);
	if (v != NULL)
		store_end(v);
}

static int reconcile(struct box *b, const struct seqset *server, struct err *err);

void
sync_opened(struct worker *w, struct box *b)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;
	struct mailbox m = { 0 };

	if (w->selected != b) {
		worker_drop(w, ERR_PROTO, "a mailbox was opened that nothing was said of");
		return;
	}
	if (box_change(b, set_in_step, NULL, &err) < 0) {
		session_store_failed(s, &err);
		return;
	}
	session_touch(s, 0, true);
	if (session_commit(s) < 0)
		return;
	w->is_open = true;
	b->may_fill = true;
	b->wants_fill = true;
	b->n_open_failures = b->n_open_crashes = 0;
	end_waiting(b, NULL);
	if (journal_rebind(s->writer, b->id, &err) < 0)
		log_at(LOG_WARN, "store", "%s", err.text);
	push_dirty(b);
	account_say(w->account, ACCOUNT_READY, "in step");

	struct store_view *v = store_begin(s->store, NULL);
	if (v == NULL)
		return;
	if (box_record(b, &m, v, NULL) == 0 && !b->has_uids)
		verify_count(b, &m);
	bool is_short = m.n_rows != m.exists;
	store_end(v);
	if (b->has_uids && is_short && reconcile(b, &b->server_uids, &err) < 0)
		session_store_failed(s, &err);
}

static void
set_gone(struct mailbox *m, struct buf *covered, void *ctx)
{
	(void)covered, (void)ctx;
	m->attrs |= FOLDER_GONE;
}

/* What waits for this mailbox and cannot wait any longer. */
static void
fail_tasks(struct box *b, enum err_kind kind, const char *text)
{
	struct account *a = b->account;

	for (size_t i = a->tasks.n; i-- > 0;) {
		if (i >= a->tasks.n)
			continue;
		struct task *t = a->tasks.v[i];
		/* A probe holds up all changes of the account. */
		bool is_waited_for = t->kind == TASK_READ || t->kind == TASK_PART ||
				     t->kind == TASK_PROBE;
		if (t->box == b && t->worker == NULL && (b->is_shut || is_waited_for))
			task_end(t, kind, text);
	}
}

/* Only a server that does not list it has convinced us that it is gone; even then
 * its rows stay until they are swept by the user. A refusal for good is not tried
 * again before somebody asks; anything else is, with growing pauses. */
void
sync_open_failed(struct worker *w, struct box *b, enum err_kind kind, const char *text)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;

	if (w != NULL) {
		w->selected = w->opening = NULL;
		w->is_open = false;
	}
	if (kind == ERR_GONE && box_change(b, set_gone, NULL, &err) < 0)
		session_store_failed(s, &err);
	if (kind == ERR_GONE)
		session_touch(s, 0, true);
	b->is_shut = kind == ERR_GONE || kind == ERR_REFUSED || kind == ERR_USER;
	b->is_gone = kind == ERR_GONE;
	if (b->is_shut)
		b->wants_fill = false;
	else
		b->open_ms = s->now_ms + decide_backoff_ms(++b->n_open_failures, 0.5);
	err = (struct err)ERR_INIT;
	err_set(&err, kind, "%s", text);
	/* Refused for good it is no state of the account, which others use: who asked is told. */
	bool is_state = !b->is_shut || (b->waiting.n == 0 && b->n_watchers > 0);
	if (!is_state && b->waiting.n == 0)
		session_notice(s, LOG_WARN, b->account->name, false, "%s", text);
	end_waiting(b, &err);
	account_say(b->account, ACCOUNT_READY, "%s", is_state ? text : "connected");
	fail_tasks(b, kind, text);
	if (b->is_gone)
		push_dirty(b);
}

/* ---- events ---------------------------------------------------------------------------- */

struct opened_ctx {
	const struct msg_w_opened *m;
	bool is_new_life; /* UIDVALIDITY is another one */
};

static void
set_opened(struct mailbox *r, struct buf *covered, void *ctx)
{
	struct opened_ctx *o = ctx;

	if (o->is_new_life) {
		buf_reset(covered);
		r->uidnext = 0;
		r->modseq = 0;
	}
	r->uidvalidity = o->m->uidvalidity;
	r->exists = o->m->exists;
	r->is_read_only = o->m->is_read_only != 0;
	r->keywords_ok = o->m->keywords_ok != 0;
	r->mailbox_id = o->m->mailbox_id;
	/* A server without them, or behind ours: those it begins with anew are others. */
	if (o->m->modseq < r->modseq)
		r->modseq = 0;
}

/* What others fetch of its former life must not come to lie in the new one. */
static void
leave_former_life(const struct worker *w, struct box *b)
{
	struct session *s = b->session;

	for (size_t i = 0; i < s->workers.n; i++) {
		struct worker *other = s->workers.v[i];
		if (other != w && other->state != WORKER_DEAD &&
		    (other->selected == b || other->opening == b))
			worker_drop(other, ERR_CANCELED, "the mailbox was renumbered");
	}
	for (size_t i = b->account->tasks.n; i-- > 0;) {
		struct task *t = b->account->tasks.v[i];
		if (t->kind == TASK_FILL && t->box == b)
			task_free(t);
	}
}

static int
opened(struct worker *w, struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct session *s = b->session;
	struct msg_w_opened m;
	struct mailbox r;

	if (msg_get_w_opened(f->payload, &m, err) < 0)
		return -1;
	if (m.uidvalidity == 0) {
		/* Nothing can be cached under UIDVALIDITY 0. */
		session_notice(s, LOG_WARN, w->account->name, false,
			       "the server gives '%s' no UIDVALIDITY: it cannot be cached",
			       b->name.ptr);
		return err_set(err, ERR_PROTO, "no UIDVALIDITY");
	}
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL || store_txn_mailbox(txn, b->id, &r, err) != 0)
		return -1;
	struct opened_ctx ctx = { &m, r.uidvalidity != 0 && r.uidvalidity != m.uidvalidity };
	if (!ctx.is_new_life && r.uidnext > 0 && m.uidnext > 0 && m.uidnext < r.uidnext) {
		log_at(LOG_WARN, "sync", "%s: UIDNEXT went back from %u to %u", b->name.ptr,
		       r.uidnext, m.uidnext);
		ctx.is_new_life = true; /* the server was restored, or renumbers: IMAP.md 3.5 */
	}
	/* Another one of the same name (RFC 8474). */
	ctx.is_new_life |= r.mailbox_id.len > 0 && m.mailbox_id.len > 0 &&
			   !str_eq(r.mailbox_id, m.mailbox_id);
	if (ctx.is_new_life) {
		session_notice(s, LOG_INFO, w->account->name, false,
			       "'%s' was renumbered by the server: reading it anew", b->name.ptr);
		leave_former_life(w, b);
		if (store_orphan_mailbox(txn, b->id, err) < 0)
			return -1;
	}
	b->open_is_cold = m.path == OPEN_COLD;
	b->open_exists = m.exists;
	return box_change(b, set_opened, &ctx, err);
}

/* A frame is looked through before anything of it is stored. So half of what a liar
 * said never stays, and the open transaction, in which others have their news, too,
 * need not be given up for it: they would not say it again. */
static int
check_rows(const struct msg_w_rows *m, struct err *err)
{
	struct ipc_reader r = { m->rows, false };
	struct row row;

	for (uint32_t i = 0; i < m->n; i++) {
		if (row_get(&r, &row, err) < 0)
			return -1;
		if (row.uid == 0)
			return err_set(err, ERR_PROTO, "row without UID");
	}
	return r.rest.len > 0 ? err_set(err, ERR_PROTO, "rows that were not announced") : 0;
}

static int
check_flags(const struct msg_w_flags *m, struct err *err)
{
	struct ipc_reader r = { m->changes, false };
	struct row_flags_change change;

	for (uint32_t i = 0; i < m->n; i++)
		if (row_flags_get(&r, &change, err) < 0)
			return -1;
	return 0;
}

static int
rows(struct worker *w, struct box *b, const struct task *t, const struct ipc_frame *f,
     struct err *err)
{
	struct session *s = b->session;
	struct msg_w_rows m;
	struct mailbox record;
	struct row row;
	uint64_t local;
	uint32_t n_new = 0;

	if (msg_get_w_rows(f->payload, &m, err) < 0 || check_rows(&m, err) < 0)
		return -1;
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL || store_txn_mailbox(txn, b->id, &record, err) != 0)
		return -1;
	uint32_t uidnext = record.uidnext;
	struct ipc_reader r = { m.rows, false };
	for (uint32_t i = 0; i < m.n; i++) {
		if (row_get(&r, &row, err) < 0)
			return -1;
		row.local = 0;
		if (store_put_row(txn, b->id, &row, &local, err) < 0)
			return -1;
		if (uidnext > 0 && row.uid >= uidnext && !(row.flags & ROW_SEEN))
			n_new++;
		if (b->open_is_cold && (b->first_low == 0 || row.uid < b->first_low))
			b->first_low = row.uid;
	}
	if (w->is_open || !b->open_is_cold)
		b->arrived += n_new;
	/* Slices of a fill are not commits; what somebody waits for is. */
	session_touch(s, m.n, t == NULL || t->kind != TASK_FILL);
	return 0;
}

static int
flags(struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct session *s = b->session;
	struct msg_w_flags m;
	struct row_flags_change change;

	if (msg_get_w_flags(f->payload, &m, err) < 0 || check_flags(&m, err) < 0)
		return -1;
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL)
		return -1;
	struct ipc_reader r = { m.changes, false };
	for (uint32_t i = 0; i < m.n; i++)
		if (row_flags_get(&r, &change, err) < 0 ||
		    store_put_flags(txn, b->id, &change, err) < 0)
			return -1;
	session_touch(s, m.n, m.n < 500);
	return 0;
}

static int
remove_uids(struct box *b, struct str uids, struct err *err)
{
	uint32_t removed = 0;
	struct store_txn *txn = session_txn(b->session, err);

	if (txn == NULL || store_remove_uids(txn, b->id, uids, &removed, err) < 0)
		return -1;
	session_touch(b->session, removed, true);
	return 0;
}

static int
vanished(struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct session *s = b->session;
	struct msg_w_vanished m;
	struct seqset gone = SEQSET_INIT, known = SEQSET_INIT;
	struct mailbox record;
	int status = -1;

	if (msg_get_w_vanished(f->payload, &m, err) < 0 || seqset_parse(m.uids, &gone, err) < 0)
		return -1;
	/* The brake: a server that says most of a mailbox vanished may be wrong
	 * (IMAP.md 3.2.4). Ask for the true set before believing it. */
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL || store_txn_mailbox(txn, b->id, &record, err) != 0)
		goto out;
	if (m.is_earlier && seqset_count(&gone) > 50) {
		session_commit(s);
		char *text = store_known_uids(s->writer, b->id, err);
		if (text == NULL || seqset_parse(str_c(text), &known, err) < 0) {
			free(text);
			goto out;
		}
		free(text);
		uint32_t n_rows = seqset_count(&known);
		seqset_intersect(&known, &gone);
		if (!decide_vanish_is_plausible(seqset_count(&known), n_rows)) {
			log_at(LOG_WARN, "sync", "%s: %u of %u messages are said to have vanished",
			       b->name.ptr, seqset_count(&known), n_rows);
			b->wants_uids = true;
			status = 0;
			goto out;
		}
	}
	status = push_vanishing(b, &gone, err) < 0 ? -1 : remove_uids(b, m.uids, err);
	seqset_subtract(&b->server_uids, &gone);
out:
	seqset_release(&gone);
	seqset_release(&known);
	return status;
}

/* ---- the true set of UIDs ------------------------------------------------------------------ */

static void
uncover(struct mailbox *m, struct buf *covered, void *ctx)
{
	struct seqset set = SEQSET_INIT;
	const struct seqset *missing = ctx;

	(void)m;
	if (seqset_parse(buf_str(covered), &set, NULL) == 0) {
		seqset_subtract(&set, missing);
		buf_reset(covered);
		seqset_print(&set, covered);
	}
	seqset_release(&set);
}

/* The brake again: a list that leaves out most of what we have, and is not as long as
 * the server said, is asked for once more before it is believed. */
static bool
is_doubtful(struct box *b, const struct seqset *server, uint32_t n_gone, uint32_t n_known)
{
	struct mailbox m;
	struct store_view *v = store_begin(b->session->store, NULL);
	bool is_as_told = v != NULL && box_record(b, &m, v, NULL) == 0 &&
			  m.exists == seqset_count(server);

	if (v != NULL)
		store_end(v);
	b->is_doubted = !b->is_doubted && !is_as_told &&
			!decide_vanish_is_plausible(n_gone, n_known);
	if (b->is_doubted)
		log_at(LOG_WARN, "sync", "%s: %u of %u messages are not in the list: asking again",
		       b->name.ptr, n_gone, n_known);
	return b->is_doubted;
}

/* Known here but not there: gone. There, in what we called covered, but not
 * known here: not covered after all. */
static int
reconcile(struct box *b, const struct seqset *server, struct err *err)
{
	struct session *s = b->session;
	struct seqset known = SEQSET_INIT, missing = SEQSET_INIT;
	struct buf text = BUF_INIT;
	struct mailbox m;
	int status = -1;

	if (session_commit(s) < 0)
		return err_set(err, ERR_SYSTEM, "the cache cannot be written");
	char *known_text = store_known_uids(s->writer, b->id, err);
	struct store_txn *txn = known_text != NULL ? session_txn(s, err) : NULL;
	if (txn == NULL || seqset_parse(str_c(known_text), &known, err) < 0 ||
	    store_txn_mailbox(txn, b->id, &m, err) != 0)
		goto out;
	uint32_t uidnext = m.uidnext, exists = m.exists;
	seqset_copy(&missing, server);
	/* What another connection put there this one may not have heard of yet. */
	if (uidnext > 0) {
		seqset_remove_range(&known, uidnext, UINT32_MAX);
		seqset_remove_range(&missing, uidnext, UINT32_MAX);
	}
	b->odd = (int64_t)exists - seqset_count(&missing);
	seqset_subtract(&missing, &known);
	uint32_t n_known = seqset_count(&known);
	seqset_subtract(&known, server);
	if (is_doubtful(b, server, seqset_count(&known), n_known)) {
		b->has_uids = false;
		b->wants_uids = true;
		status = 0;
		goto out;
	}
	if (!seqset_is_empty(&known)) {
		seqset_print(&known, &text);
		if (remove_uids(b, buf_str(&text), err) < 0)
			goto out;
	}
	status = seqset_is_empty(&missing) ? 0 : box_change(b, uncover, &missing, err);
out:
	free(known_text);
	seqset_release(&known);
	seqset_release(&missing);
	buf_release(&text);
	return status;
}

/* They come in pieces; only whole they say what is not there. */
static int
all_uids(struct worker *w, struct box *b, struct task *t, const struct ipc_frame *f,
	 struct err *err)
{
	struct msg_w_uids m;
	struct seqset piece = SEQSET_INIT;
	int status = msg_get_w_uids(f->payload, &m, err) < 0 ? -1 : seqset_parse(m.uids, &piece, err);

	if (status == 0)
		seqset_unite(&w->uids_so_far, &piece);
	if (w->uids_so_far.n > MAX_RANGES)
		status = err_set(err, ERR_PROTO, "more messages than a mailbox can have");
	seqset_release(&piece);
	if (status < 0 || !m.is_last)
		return status;
	seqset_copy(&b->server_uids, &w->uids_so_far);
	seqset_release(&w->uids_so_far);
	b->has_uids = true;
	if (t != NULL)
		t->has_answer = true;
	return reconcile(b, &b->server_uids, err);
}

void
sync_uids_done(struct task *t)
{
	/* Done without an answer: asked at once again it would be for ever. */
	if (!t->has_answer) {
		log_at(LOG_WARN, "sync", "%s: no answer to which messages there are", t->box->name.ptr);
		fill_later(t->box);
		return;
	}
	t->box->wants_fill = true;
	t->box->n_fill_failures = 0;
}

/* ---- the cursor --------------------------------------------------------------------------- */

struct cursor_ctx {
	const struct msg_w_cursor *m;
	const struct box *box;
};

static void
set_cursor(struct mailbox *m, struct buf *covered, void *ctx)
{
	const struct cursor_ctx *cursor = ctx;
	const struct msg_w_cursor *c = cursor->m;
	const struct box *b = cursor->box;
	struct seqset set = SEQSET_INIT;

	if (c->uidnext > 1 && seqset_parse(buf_str(covered), &set, NULL) == 0) {
		/* Cold: rows from the lowest that came up to UIDNEXT are all that exist. */
		uint32_t from = m->uidnext > 0 ? m->uidnext : b->first_low;
		if (b->open_exists == 0 && m->uidnext == 0)
			from = 1; /* an empty mailbox is covered */
		if (from > 0 && from < c->uidnext)
			seqset_add_range(&set, from, c->uidnext - 1);
		buf_reset(covered);
		seqset_print(&set, covered);
	}
	seqset_release(&set);
	if (c->uidnext > 0)
		m->uidnext = c->uidnext;
	if (c->modseq > 0)
		m->modseq = c->modseq;
	m->exists = c->exists;
}

static int
cursor(struct worker *w, struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_cursor m;
	struct mailbox record;

	if (msg_get_w_cursor(f->payload, &m, err) < 0)
		return -1;
	/* While the vanish brake holds, the cursor that vouches for it must not move. */
	if (b->wants_uids && !w->is_open)
		m.modseq = 0;
	struct cursor_ctx ctx = { &m, b };
	if (box_change(b, set_cursor, &ctx, err) < 0)
		return -1;
	push_rows_came(b);
	b->wants_fill = true;
	session_touch(b->session, 0, true);
	/* News of one that watches: all that it says there is has been told. */
	bool tells_all = w->is_open && w->role == ROLE_WATCH;
	struct store_txn *txn = tells_all ? session_txn(b->session, err) : NULL;
	if (txn != NULL && store_txn_mailbox(txn, b->id, &record, err) == 0)
		verify_count(b, &record);
	return 0;
}

/* The answer to an open parts the news of two mailboxes: what the server said of the
 * one before came before its OK. */
static bool
is_answer_to_open(const struct worker *w, const struct task *t, const struct ipc_frame *f)
{
	return f->type == MSG_W_OPENED && t != NULL && t->kind == TASK_OPEN &&
	       t->box == w->opening;
}

int
sync_event(struct worker *w, struct task *t, const struct ipc_frame *f, struct err *err)
{
	bool is_answer = is_answer_to_open(w, t, f);
	int status = -1;

	/* Of the one that was left: its cursor has not moved, so it will come again. */
	if (w->opening != NULL && !is_answer)
		return 0;
	if (is_answer) {
		w->selected = w->opening;
		w->opening = NULL;
	}
	struct box *b = w->selected;
	if (b == NULL || (f->type == MSG_W_OPENED && !is_answer))
		return err_set(err, ERR_PROTO, "news of a mailbox that was not asked for");
	switch (f->type) {
	case MSG_W_OPENED:
		status = opened(w, b, f, err);
		break;
	case MSG_W_ROWS:
		status = rows(w, b, t, f, err);
		break;
	case MSG_W_FLAGS:
		status = flags(b, f, err);
		break;
	case MSG_W_VANISHED:
		status = vanished(b, f, err);
		break;
	case MSG_W_UIDS:
		status = all_uids(w, b, t, f, err);
		break;
	case MSG_W_CURSOR:
		status = cursor(w, b, f, err);
		break;
	default:
		return 0;
	}
	if (status < 0 && err->kind != ERR_PROTO) {
		/* Our own store failed, not the server. */
		session_store_failed(b->session, err);
		*err = (struct err)ERR_INIT;
		return 0;
	}
	return status;
}
