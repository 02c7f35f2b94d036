/* Filling the cache with what a mailbox had before it was opened: slices, newest
 * first, four in flight. A finished slice extends `covered`; a slice that cannot be
 * read is halved, down to the one message, which is then shown as what it is. */
#include "internal.h"
#include "tern/base/log.h"


#define SLICE_FIRST 250
#define SLICE 1000
#define MAX_LEFT_OUT 3 /* times, when nothing else comes */

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
	if (box_change(b, cover_all, NULL, &err) < 0)
		session_store_failed(b->session, &err);
	push_rows_came(b);
	session_touch(b->session, 0, true);
	/* Changes of messages that had no row until now find theirs. */
	if (session_commit(b->session) == 0 && journal_rebind(b->session->writer, b->id, &err) < 0)
		log_at(LOG_WARN, "store", "%s", err.text);
	sync_verify_count(b);
}

/* Some slices in flight, the next one when one is done: with two large ones both were
 * done in the same turn, and server and manager waited for each other by turns. */
void
fill_next(struct box *b)
{
	struct seqset holes = SEQSET_INIT, taken = SEQSET_INIT, wanted = SEQSET_INIT;
	uint32_t uidnext = 0;

	if (!b->may_fill || b->is_shut || (!b->wants_fill && !b->wants_uids) ||
	    b->session->has_slow_reader || !schedule_may_fill(b) ||
	    !session_is_due(b->session, b->fill_ms))
		return;
	uint32_t n_running = n_fill_tasks(b, &taken);
	if (n_running >= FILL_IN_FLIGHT || task_of(b->account, TASK_UIDS, b) != NULL ||
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
	while (n_running < FILL_IN_FLIGHT && !seqset_is_empty(&wanted)) {
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
fill_slice_done(struct task *t)
{
	struct err err = ERR_INIT;

	if (box_change(t->box, cover_range, t, &err) < 0) {
		session_store_failed(t->box->session, &err);
		return;
	}
	push_rows_came(t->box);
	t->box->n_fill_failures = 0;
	t->box->fill_ok_ms = t->box->session->now_ms;
	t->box->fill_done += seqset_count(&t->uids);
	session_touch(t->box->session, 0, false);
	account_tell(t->account, NULL);
}

void
fill_later(struct box *b)
{
	b->wants_fill = true;
	if (b->session->now_ms < b->fill_ms)
		return; /* one trouble, many slices */
	b->fill_ms = b->session->now_ms + decide_backoff_ms(++b->n_fill_failures, 0.5);
}

/* A slice that the server or our parser cannot do: halves, down to the one
 * message, which is then shown as what it is. What went meanwhile is no trouble. */
void
fill_slice_failed(struct task *t, enum err_kind kind)
{
	struct box *b = t->box;

	if (t->account == NULL || seqset_is_empty(&t->uids))
		return;
	if (b->has_uids)
		seqset_intersect(&t->uids, &b->server_uids);
	uint32_t n = seqset_count(&t->uids);
	if (n == 0) {
		fill_slice_done(t);
		return;
	}
	if (t->failed_ms == 0)
		t->failed_ms = b->session->now_ms;
	/* A server that refuses everything for a while has no broken messages: only when
	 * others came meanwhile is it this one. One that leaves it out (PROTO) says nothing
	 * of why, and may do so for ever. */
	bool may_pass = kind == ERR_RETRY ||
			(kind == ERR_PROTO && b->n_fill_failures < MAX_LEFT_OUT);
	if (n == 1 && may_pass && b->fill_ok_ms <= t->failed_ms) {
		fill_later(b);
		return;
	}
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
			fill_slice_done(t);
		return;
	}
	struct task *upper = task_new(t->account, TASK_FILL, b);
	struct task *lower = task_new(t->account, TASK_FILL, b);
	upper->failed_ms = lower->failed_ms = t->failed_ms;
	upper->high = t->high;
	lower->low = t->low;
	seqset_copy(&lower->uids, &t->uids);
	seqset_take_last(&lower->uids, n / 2, &upper->uids);
	upper->low = seqset_max(&lower->uids) + 1;
	lower->high = seqset_max(&lower->uids);
}
