/* A mailbox and what the server says of it. The cursor (uidnext, modseq) and
 * `covered` are committed in the same transaction as the rows they vouch for. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

#define FIRST_ROWS 100
#define SLICE_FIRST 500
#define SLICE 2000

/* ---- boxes ------------------------------------------------------------------------ */

struct box *
box_get(struct session *s, uint32_t id)
{
	for (size_t i = 0; i < s->boxes.n; i++)
		if (s->boxes.v[i]->id == id)
			return s->boxes.v[i];
	/* Known to the store, not to us yet. */
	struct mailbox m;
	struct box *b = NULL;
	struct store_view *v = store_begin(s->store, NULL);
	if (v == NULL)
		return NULL;
	if (store_mailbox(v, id, &m, NULL) == 0) {
		b = xcalloc(1, sizeof(*b));
		b->session = s;
		b->id = id;
		b->account_name = str_dup(m.account);
		b->account = account_find(s, m.account);
		buf_init(&b->name);
		buf_addstr(&b->name, m.name);
		vec_push(&s->boxes, b);
	}
	store_end(v);
	return b;
}

void
box_free(struct box *b)
{
	struct session *s = b->session;

	for (size_t i = 0; i < s->boxes.n; i++)
		if (s->boxes.v[i] == b) {
			vec_remove(&s->boxes, i);
			break;
		}
	free(b->account_name);
	buf_release(&b->name);
	seqset_release(&b->server_uids);
	vec_release(&b->waiting);
	free(b);
}

struct box *
box_by_name(struct session *s, struct str account, struct str name, bool make, struct err *err)
{
	struct mailbox m;
	uint32_t id = 0;
	bool is_inbox = str_ieqc(name, "INBOX");

	for (size_t i = 0; i < s->boxes.n; i++) {
		struct box *b = s->boxes.v[i];
		struct str its = buf_str(&b->name);
		if (str_eqc(account, b->account_name) &&
		    (str_eq(its, name) || (is_inbox && str_ieqc(its, "INBOX"))))
			return b;
	}
	struct store_view *v = store_begin(s->store, err);
	if (v == NULL)
		return NULL;
	int found = store_mailbox_by_name(v, account, name, &m, err);
	if (found == 0)
		id = m.id;
	store_end(v);
	if (found < 0)
		return NULL;
	if (found == 1 && make) {
		struct store_txn *txn = session_txn(s, err);
		if (txn == NULL || store_put_mailbox_name(txn, account, name, &id, err) < 0)
			return NULL;
		session_touch(s, 0, true);
		if (session_commit(s) < 0) {
			err_set(err, ERR_SYSTEM, "the cache cannot be written");
			return NULL;
		}
	}
	if (id == 0) {
		err_set(err, ERR_GONE, "no mailbox '%.*s'", STR_ARG(name));
		return NULL;
	}
	return box_get(s, id);
}

/* Its record: slices are good until the view ends. */
int
box_record(struct box *b, struct mailbox *out, struct store_view *v, struct err *err)
{
	int found = store_mailbox(v, b->id, out, err);

	return found == 1 ? err_set(err, ERR_GONE, "the mailbox is not in the cache") : found;
}

/* Change the record inside the open transaction: read what is committed, so the
 * caller commits between two changes of one record. */
typedef void box_change(struct mailbox *m, struct buf *covered, void *ctx);

static int
change_record(struct box *b, box_change *change, void *ctx, struct err *err)
{
	struct session *s = b->session;
	struct buf covered = BUF_INIT;
	struct mailbox m;
	int status = -1;
	struct store_txn *txn = session_txn(s, err);

	if (txn == NULL)
		return -1;
	if (store_txn_mailbox(txn, b->id, &m, err) == 0) {
		buf_addstr(&covered, m.covered);
		change(&m, &covered, ctx);
		m.covered = buf_str(&covered);
		status = store_put_mailbox(txn, &m, err);
	}
	buf_release(&covered);
	return status;
}

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
				   .modseq = m.modseq,
				   .known = m.covered,
				   .first_rows = FIRST_ROWS,
				   .stay = is_watch,
				   .use_idle = a->use_idle,
				   .poll_s = a->poll_s };
	struct task *t = task_new(a, TASK_OPEN, b);
	t->worker = w;
	vec_push(&w->running, t);
	w->selected = b;
	w->is_open = false;
	b->open_is_cold = is_cold;
	b->first_low = 0;
	b->opened_uidnext = 0;
	b->has_uids = false;
	seqset_reset(&b->server_uids);
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

void
sync_opened(struct worker *w, struct box *b)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;
	struct mailbox m = { 0 };

	if (change_record(b, set_in_step, NULL, &err) < 0) {
		session_store_failed(s, &err);
		return;
	}
	session_touch(s, 0, true);
	if (session_commit(s) < 0)
		return;
	w->is_open = true;
	b->in_step = true;
	b->wants_fill = true;
	end_waiting(b, NULL);
	if (journal_rebind(s->writer, b->id, &err) < 0)
		log_at(LOG_WARN, "store", "%s", err.text);
	push_dirty(b);
	account_say(w->account, ACCOUNT_READY, "in step");

	/* Verify (IMAP.md 3.2): with no holes, rows and EXISTS must agree. */
	struct store_view *v = store_begin(s->store, NULL);
	if (v == NULL)
		return;
	if (box_record(b, &m, v, NULL) == 0) {
		struct seqset covered = SEQSET_INIT;
		if (seqset_parse(m.covered, &covered, NULL) == 0 && m.uidnext > 1 &&
		    seqset_count(&covered) == m.uidnext - 1 && m.n_rows != m.exists &&
		    !b->has_uids) {
			log_at(LOG_WARN, "sync", "%s: %u rows, %u on the server: verifying",
			       b->name.ptr, m.n_rows, m.exists);
			b->wants_uids = true;
		}
		seqset_release(&covered);
	}
	store_end(v);
}

static void
set_gone(struct mailbox *m, struct buf *covered, void *ctx)
{
	(void)covered, (void)ctx;
	m->attrs |= FOLDER_GONE;
}

void
sync_open_failed(struct worker *w, struct box *b, enum err_kind kind, const char *text)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;

	if (w != NULL) {
		w->selected = NULL;
		w->is_open = false;
	}
	if (kind == ERR_GONE || kind == ERR_REFUSED || kind == ERR_USER) {
		b->is_gone = true;
		b->wants_fill = false;
		if (change_record(b, set_gone, NULL, &err) < 0)
			session_store_failed(s, &err);
		session_touch(s, 0, true);
	}
	err_set(&err, kind, "%s", text);
	end_waiting(b, &err);
	account_say(b->account, ACCOUNT_READY, "%s", text);
	/* What waits for this mailbox cannot go on. */
	for (size_t i = b->account->tasks.n; i-- > 0;) {
		if (i >= b->account->tasks.n)
			continue;
		struct task *t = b->account->tasks.v[i];
		if (t->box == b && t->worker == NULL && b->is_gone)
			task_end(t, kind, text);
	}
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
	if (ctx.is_new_life) {
		session_notice(s, LOG_INFO, w->account->name, false,
			       "'%s' was renumbered by the server: reading it anew", b->name.ptr);
		if (store_orphan_mailbox(txn, b->id, err) < 0)
			return -1;
	}
	b->open_is_cold = m.path == OPEN_COLD;
	b->opened_uidnext = m.uidnext;
	b->open_exists = m.exists;
	return change_record(b, set_opened, &ctx, err);
}

static int
rows(struct worker *w, struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct session *s = b->session;
	struct msg_w_rows m;
	struct mailbox record;
	struct row row;
	uint64_t local;
	uint32_t n_new = 0;

	if (msg_get_w_rows(f->payload, &m, err) < 0)
		return -1;
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL || store_txn_mailbox(txn, b->id, &record, err) != 0)
		return -1;
	uint32_t uidnext = record.uidnext;
	struct ipc_reader r = { m.rows, false };
	for (uint32_t i = 0; i < m.n; i++) {
		if (row_get(&r, &row, err) < 0)
			return -1;
		if (row.uid == 0)
			return err_set(err, ERR_PROTO, "row without UID");
		row.local = 0;
		if (store_put_row(txn, b->id, &row, &local, err) < 0)
			return -1;
		if (uidnext > 0 && row.uid >= uidnext && !(row.flags & ROW_SEEN))
			n_new++;
		if (b->open_is_cold && (b->first_low == 0 || row.uid < b->first_low))
			b->first_low = row.uid;
	}
	if (r.rest.len > 0)
		return err_set(err, ERR_PROTO, "rows that were not announced");
	if (w->is_open || !b->open_is_cold)
		b->arrived += n_new;
	/* Slices of a fill are not commits; what somebody waits for is. */
	const struct task *t = NULL;
	for (size_t i = 0; i < w->running.n; i++)
		if (w->running.v[i]->id == f->id)
			t = w->running.v[i];
	session_touch(s, m.n, t == NULL || t->kind != TASK_FILL);
	return 0;
}

static int
flags(struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct session *s = b->session;
	struct msg_w_flags m;
	struct row_flags_change change;

	if (msg_get_w_flags(f->payload, &m, err) < 0)
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
	status = remove_uids(b, m.uids, err);
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

/* Known here but not there: gone. There, in what we called covered, but not
 * known here: not covered after all. */
static int
reconcile(struct box *b, const struct seqset *server, struct err *err)
{
	struct session *s = b->session;
	struct seqset known = SEQSET_INIT, missing = SEQSET_INIT;
	struct buf text = BUF_INIT;
	int status = -1;

	if (session_commit(s) < 0)
		return err_set(err, ERR_SYSTEM, "the cache cannot be written");
	char *known_text = store_known_uids(s->writer, b->id, err);
	if (known_text == NULL || seqset_parse(str_c(known_text), &known, err) < 0)
		goto out;
	seqset_copy(&missing, server);
	seqset_subtract(&missing, &known);
	seqset_subtract(&known, server);
	if (!seqset_is_empty(&known)) {
		seqset_print(&known, &text);
		if (remove_uids(b, buf_str(&text), err) < 0)
			goto out;
	}
	status = seqset_is_empty(&missing) ? 0 : change_record(b, uncover, &missing, err);
out:
	free(known_text);
	seqset_release(&known);
	seqset_release(&missing);
	buf_release(&text);
	return status;
}

static int
all_uids(struct box *b, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_uids m;

	if (msg_get_w_uids(f->payload, &m, err) < 0 ||
	    seqset_parse(m.uids, &b->server_uids, err) < 0)
		return -1;
	b->has_uids = true;
	return reconcile(b, &b->server_uids, err);
}

void
sync_uids_done(struct task *t)
{
	t->box->wants_fill = true;
}

/* ---- the cursor --------------------------------------------------------------------------- */

static void
set_cursor(struct mailbox *m, struct buf *covered, void *ctx)
{
	const struct msg_w_cursor *c = ((void **)ctx)[0];
	struct box *b = ((void **)ctx)[1];
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

	if (msg_get_w_cursor(f->payload, &m, err) < 0)
		return -1;
	/* While the vanish brake holds, the cursor that vouches for it must not move. */
	if (b->wants_uids && !w->is_open)
		m.modseq = 0;
	void *ctx[2] = { &m, b };
	if (change_record(b, set_cursor, ctx, err) < 0)
		return -1;
	b->wants_fill = true;
	session_touch(b->session, 0, true);
	return 0;
}

int
sync_event(struct worker *w, struct task *t, const struct ipc_frame *f, struct err *err)
{
	struct box *b = w->selected;
	int status = -1;

	(void)t;
	if (b == NULL)
		return err_set(err, ERR_PROTO, "news of a mailbox that was not asked for");
	switch (f->type) {
	case MSG_W_OPENED:
		status = opened(w, b, f, err);
		break;
	case MSG_W_ROWS:
		status = rows(w, b, f, err);
		break;
	case MSG_W_FLAGS:
		status = flags(b, f, err);
		break;
	case MSG_W_VANISHED:
		status = vanished(b, f, err);
		break;
	case MSG_W_UIDS:
		status = all_uids(b, f, err);
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
	if (status < 0 && b->session->txn != NULL) {
		/* Half of what a liar said must not stay. */
		store_txn_abort(b->session->txn);
		b->session->txn = NULL;
	}
	return status;
}

/* ---- filling the cache, newest first ---------------------------------------------------------- */

/* With a transaction open, what it has so far counts: slices do not wait for its
 * commit, nor does anything else call for the next ones after it. */
static bool
holes_of(struct box *b, struct seqset *holes_out, uint32_t *uidnext_out)
{
	struct session *s = b->session;
	struct mailbox m;
	struct seqset covered = SEQSET_INIT;
	struct store_view *v = NULL;
	bool ok = false;

	if (s->txn == NULL && (v = store_begin(s->store, NULL)) == NULL)
		return false;
	int found = s->txn != NULL ? store_txn_mailbox(s->txn, b->id, &m, NULL) :
				     store_mailbox(v, b->id, &m, NULL);
	if (found == 0 && m.uidnext > 1 && seqset_parse(m.covered, &covered, NULL) == 0) {
		seqset_add_range(holes_out, 1, m.uidnext - 1);
		seqset_subtract(holes_out, &covered);
		*uidnext_out = m.uidnext;
		ok = true;
	}
	seqset_release(&covered);
	if (v != NULL)
		store_end(v);
	return ok;
}

static void
cover_range(struct mailbox *m, struct buf *covered, void *ctx)
{
	const struct task *t = ctx;
	struct seqset set = SEQSET_INIT;

	(void)m;
	if (seqset_parse(buf_str(covered), &set, NULL) == 0) {
		seqset_add_range(&set, t->low, t->high);
		buf_reset(covered);
		seqset_print(&set, covered);
	}
	seqset_release(&set);
}

static void
cover_all(struct mailbox *m, struct buf *covered, void *ctx)
{
	(void)ctx;
	buf_reset(covered);
	if (m->uidnext > 1)
		buf_addf(covered, "1:%u", m->uidnext - 1);
	m->status_messages = m->status_unseen = MAILBOX_COUNT_ROWS;
}

static uint32_t
n_fill_tasks(const struct box *b, struct seqset *taken)
{
	uint32_t n = 0;

	for (size_t i = 0; i < b->account->tasks.n; i++) {
		const struct task *t = b->account->tasks.v[i];
		if (t->kind == TASK_FILL && t->box == b) {
			n++;
			seqset_add_range(taken, t->low, t->high);
		}
	}
	return n;
}

static void
fill_done(struct box *b)
{
	struct err err = ERR_INIT;

	b->wants_fill = false;
	if (b->fill_total > 0)
		account_say(b->account, ACCOUNT_READY, "in step");
	b->fill_total = b->fill_done = 0;
	if (change_record(b, cover_all, NULL, &err) < 0)
		session_store_failed(b->session, &err);
	session_touch(b->session, 0, true);
}

/* Two slices in flight, the next ones when they are done. */
void
sync_fill_next(struct box *b)
{
	struct seqset holes = SEQSET_INIT, taken = SEQSET_INIT, wanted = SEQSET_INIT;
	uint32_t uidnext = 0;

	if (!b->in_step || b->is_gone || (!b->wants_fill && !b->wants_uids) ||
	    b->session->has_slow_reader)
		return;
	uint32_t n_running = n_fill_tasks(b, &taken);
	if (n_running >= 2 || task_of(b->account, TASK_UIDS, b) != NULL ||
	    !holes_of(b, &holes, &uidnext))
		goto out;
	if (seqset_is_empty(&holes) && !b->wants_uids) {
		b->wants_fill = false;
		if (b->fill_total > 0)
			fill_done(b);
		goto out;
	}
	if (!b->has_uids || b->wants_uids) {
		b->wants_uids = false;
		task_new(b->account, TASK_UIDS, b);
		goto out;
	}
	/* What exists in the holes and nobody fetches yet. */
	seqset_copy(&wanted, &b->server_uids);
	seqset_intersect(&wanted, &holes);
	if (b->fill_total == 0)
		b->fill_total = seqset_count(&wanted);
	seqset_subtract(&wanted, &taken);
	if (seqset_is_empty(&wanted)) {
		if (n_running == 0)
			fill_done(b);
		goto out;
	}
	while (n_running < 2 && !seqset_is_empty(&wanted)) {
		struct task *t = task_new(b->account, TASK_FILL, b);
		uint32_t high = seqset_max(&wanted);
		seqset_take_last(&wanted, b->fill_done == 0 ? SLICE_FIRST : SLICE, &t->uids);
		/* Everything between this slice and the next lower one does not exist. */
		t->high = high;
		t->low = seqset_is_empty(&wanted) ? 1 : seqset_max(&wanted) + 1;
		n_running++;
	}
	account_say(b->account, ACCOUNT_BUSY, "reading headers of %s", b->name.ptr);
out:
	seqset_release(&holes);
	seqset_release(&taken);
	seqset_release(&wanted);
}

void
sync_filled(struct task *t)
{
	struct err err = ERR_INIT;

	if (change_record(t->box, cover_range, t, &err) < 0) {
		session_store_failed(t->box->session, &err);
		return;
	}
	t->box->fill_done += seqset_count(&t->uids);
	session_touch(t->box->session, 0, false);
	account_tell(t->account, NULL);
}

/* A slice that the server or our parser cannot do: halves, down to the one
 * message, which is then shown as what it is. */
void
sync_fill_failed(struct task *t)
{
	struct box *b = t->box;
	uint32_t n = seqset_count(&t->uids);

	if (t->account == NULL || n == 0)
		return;
	if (n == 1) {
		struct err err = ERR_INIT;
		uint64_t local;
		struct row row = { .uid = seqset_min(&t->uids),
				   .flags = ROW_BROKEN | ROW_SEEN,
				   .subject = STR("(this message could not be read from the server)") };
		struct store_txn *txn = session_txn(b->session, &err);
		if (txn == NULL || store_put_row(txn, b->id, &row, &local, &err) < 0)
			session_store_failed(b->session, &err);
		else
			sync_filled(t);
		return;
	}
	struct task *upper = task_new(t->account, TASK_FILL, b);
	struct task *lower = task_new(t->account, TASK_FILL, b);
	upper->high = t->high;
	lower->low = t->low;
	seqset_copy(&lower->uids, &t->uids);
	seqset_take_last(&lower->uids, n / 2, &upper->uids);
	upper->low = seqset_max(&lower->uids) + 1;
	lower->high = seqset_max(&lower->uids);
}

/* ---- the folder list ------------------------------------------------------------------------- */

static int
store_folder(struct account *a, struct store_txn *txn, struct ipc_reader *r, struct err *err)
{
	struct mailbox m;
	uint32_t id;
	struct str name = ipc_get_str(r);
	uint8_t delimiter = ipc_get_u8(r);
	uint32_t attrs = ipc_get_u32(r);
	bool has_status = ipc_get_u8(r) != 0;
	uint32_t messages = ipc_get_u32(r), unseen = ipc_get_u32(r);
	uint32_t uidnext = ipc_get_u32(r), uidvalidity = ipc_get_u32(r);
	uint64_t modseq = ipc_get_u64(r);

	if (r->is_bad || name.len == 0 || name.len > 1000 || str_find(name, '\0') >= 0)
		return err_set(err, ERR_PROTO, "malformed folder list");
	if (store_put_mailbox_name(txn, str_c(a->name), name, &id, err) < 0 ||
	    store_txn_mailbox(txn, id, &m, err) != 0)
		return -1;
	m.delimiter = delimiter;
	m.attrs = attrs & ~(uint32_t)FOLDER_GONE;
	struct box *b = NULL;
	for (size_t i = 0; i < a->session->boxes.n; i++)
		if (a->session->boxes.v[i]->id == id)
			b = a->session->boxes.v[i];
	if (b != NULL)
		b->is_gone = false;
	/* The rows know better than STATUS while the mailbox is open and complete. */
	bool rows_know = b != NULL && b->in_step && m.status_messages == MAILBOX_COUNT_ROWS;
	if (has_status && !rows_know) {
		bool is_same = m.uidvalidity == uidvalidity && m.uidnext == uidnext &&
			       m.modseq == modseq && modseq != 0 && m.exists == messages &&
			       m.n_rows == messages;
		m.status_messages = is_same ? MAILBOX_COUNT_ROWS : messages;
		m.status_unseen = is_same ? MAILBOX_COUNT_ROWS : unseen;
	}
	return store_put_mailbox(txn, &m, err);
}

struct listed {
	struct account *a;
	struct map *names;
	VEC(uint32_t) gone;
};

static bool
find_gone(const struct mailbox *m, void *ctx)
{
	struct listed *l = ctx;

	if (!map_has(l->names, m->name) && !(m->attrs & FOLDER_GONE))
		vec_push(&l->gone, m->id);
	return true;
}

static int
mark_gone(struct account *a, struct store_txn *txn, struct str all, uint32_t n, struct err *err)
{
	struct map names = MAP_INIT;
	struct listed l = { a, &names, VEC_INIT };
	struct ipc_reader r = { all, false };
	int status = 0;

	for (uint32_t i = 0; i < n; i++) {
		map_set(&names, ipc_get_str(&r), a);
		r.rest = str_from(r.rest, 1 + 4 + 1 + 4 * 4 + 8);
	}
	struct store_view *v = store_begin(a->session->store, err);
	if (v == NULL)
		return -1;
	status = store_each_mailbox(v, str_c(a->name), find_gone, &l, err);
	store_end(v);
	for (size_t i = 0; i < l.gone.n && status == 0; i++) {
		struct mailbox m;
		if (store_txn_mailbox(txn, l.gone.v[i], &m, err) != 0) {
			status = -1;
			break;
		}
		m.attrs |= FOLDER_GONE;
		status = store_put_mailbox(txn, &m, err);
	}
	vec_release(&l.gone);
	map_release(&names, NULL);
	return status;
}

void
sync_store_folders(struct account *a, const struct msg_w_folders *m)
{
	struct session *s = a->session;
	struct err err = ERR_INIT;
	struct ipc_reader r = { m->folders, false };
	struct store_txn *txn = session_txn(s, &err);
	int status = txn == NULL ? -1 : 0;

	for (uint32_t i = 0; i < m->n && status == 0; i++)
		status = store_folder(a, txn, &r, &err);
	/* Only a list that came in one piece tells what is no longer there. */
	if (status == 0 && m->is_last && m->n > 0 && !a->folders_asked)
		status = mark_gone(a, txn, m->folders, m->n, &err);
	a->folders_asked = !m->is_last;
	if (m->is_last && status == 0) {
		a->has_folders = true;
		for (size_t i = 0; i < s->boxes.n; i++)
			if (s->boxes.v[i]->account == a && s->boxes.v[i]->awaits_folders) {
				s->boxes.v[i]->awaits_folders = false;
				push_dirty(s->boxes.v[i]);
			}
	}
	if (status < 0 && err.kind != ERR_PROTO)
		session_store_failed(s, &err);
	session_touch(s, 0, true);
	session_commit(s);
	struct msg_folder_news news = { .account = str_c(a->name) };
	EVERY_CLIENT (s, c)
		IPC_SEND(c->conn, FOLDER_NEWS, folder_news, 0, -1, &news, NULL);
}
