/* Transactions on the cache: begin, commit with the counters, what was touched;
 * mailboxes. */
#include "writer.h"

#include <errno.h>
#include "tern/base/tick.h"

int
txn_error(const struct store_txn *t, int rc, struct err *err)
{
	return env_error(&t->w->cache, rc, "write", err);
}

int
txn_put(struct store_txn *t, unsigned db, MDB_val key, MDB_val val, struct err *err)
{
	int rc = mdb_put(t->txn, t->w->cache.dbi[db], &key, &val, 0);

	return rc == 0 ? 0 : txn_error(t, rc, err);
}

int
txn_del(struct store_txn *t, unsigned db, MDB_val key, struct err *err)
{
	int rc = mdb_del(t->txn, t->w->cache.dbi[db], &key, NULL);

	return rc == 0 || rc == MDB_NOTFOUND ? 0 : txn_error(t, rc, err);
}

/* ---- begin, commit, abort ------------------------------------------------------------- */

static int
open_cursors(struct store_txn *t)
{
	const struct env *e = &t->w->cache;
	MDB_stat stat;

	int rc = mdb_cursor_open(t->txn, e->dbi[C_ROW], &t->row);
	if (rc == 0)
		rc = mdb_cursor_open(t->txn, e->dbi[C_UID], &t->uid);
	if (rc == 0)
		rc = mdb_cursor_open(t->txn, e->dbi[C_RANK], &t->rank);
	if (rc == 0)
		rc = mdb_stat(t->txn, e->dbi[C_ORPHAN], &stat);
	if (rc == 0)
		t->has_orphans = stat.ms_entries > 0;
	return rc;
}

struct store_txn *
store_txn_begin(struct store_writer *w, struct err *err)
{
	if (w->txn != NULL)
		BUG("a transaction is open already");
	if (!env_is_current(&w->cache, w->cache_dir)) {
		err_set(err, ERR_DAMAGED, "the cache in '%s' was deleted", w->cache.dir);
		return NULL;
	}
	struct store_txn *t = xcalloc(1, sizeof(*t));
	t->w = w;
	t->now_wall = wall_now();
	buf_init(&t->buf);
	w->txn = t;
	int rc = mdb_txn_begin(w->cache.mdb, NULL, 0, &t->txn);
	if (rc == 0)
		rc = open_cursors(t);
	if (rc == 0)
		return t;
	txn_error(t, rc, err);
	store_txn_abort(t);
	return NULL;
}

/* Cursors of a transaction that writes go with it. */
static void
txn_free(struct store_txn *t)
{
	for (size_t i = 0; i < t->touched.n; i++)
		vec_release(&t->touched.v[i].locals);
	vec_release(&t->touched);
	buf_release(&t->buf);
	t->w->txn = NULL;
	free(t);
}

void
store_txn_abort(struct store_txn *t)
{
	if (t == NULL)
		return;
	if (t->txn != NULL)
		mdb_txn_abort(t->txn);
	txn_free(t);
}

static uint32_t
moved_by(uint32_t n, int64_t by)
{
	int64_t sum = (int64_t)n + by;

	return sum < 0 ? 0 : (uint32_t)sum;
}

static int
put_mailbox_record(struct store_txn *t, const struct mailbox *m, struct err *err)
{
	unsigned char key[4];

	put_be32(key, m->id);
	buf_reset(&t->buf);
	mailbox_encode(&t->buf, m);
	return txn_put(t, C_MAILBOX, val_of(key, 4), val_of(t->buf.ptr, t->buf.len), err);
}

static int
flush_counters(struct store_txn *t, const struct touched *c, struct err *err)
{
	struct mailbox m;

	int rc = read_mailbox(&t->w->cache, t->txn, c->mailbox, &m, err);
	if (rc != 0) /* 1: dropped meanwhile */
		return rc < 0 ? -1 : 0;
	m.n_rows = moved_by(m.n_rows, c->rows);
	m.n_unseen = moved_by(m.n_unseen, c->unseen);
	m.n_flagged = moved_by(m.n_flagged, c->flagged);
	if (m.status_messages != MAILBOX_COUNT_ROWS)
		m.status_messages = moved_by(m.status_messages, c->status_messages);
	if (m.status_unseen != MAILBOX_COUNT_ROWS)
		m.status_unseen = moved_by(m.status_unseen, c->status_unseen);
	if (c->has_rows)
		m.generation++;
	return put_mailbox_record(t, &m, err);
}

int
store_txn_commit(struct store_txn *t, struct err *err)
{
	if (rank_flush(t, err) != 0)
		goto fail;
	for (size_t i = 0; i < t->touched.n; i++)
		if (flush_counters(t, &t->touched.v[i], err) != 0)
			goto fail;
	int rc = mdb_txn_commit(t->txn);
	t->txn = NULL;
	if (rc == 0) {
		txn_free(t);
		return 0;
	}
	txn_error(t, rc, err);
fail:
	store_txn_abort(t);
	return -1;
}

/* ---- what was touched --------------------------------------------------------------------- */

struct touched *
touch(struct store_txn *t, uint32_t mailbox, struct err *err)
{
	struct mailbox m;

	for (size_t i = t->touched.n; i > 0; i--)
		if (t->touched.v[i - 1].mailbox == mailbox)
			return &t->touched.v[i - 1];
	int rc = read_mailbox(&t->w->cache, t->txn, mailbox, &m, err);
	if (rc != 0) {
		if (rc == 1)
			err_set(err, ERR_GONE, "the mailbox is no longer there");
		return NULL;
	}
	struct touched c = { .mailbox = mailbox };
	vec_push(&t->touched, c);
	return &t->touched.v[t->touched.n - 1];
}

void
touch_local(struct touched *m, uint64_t local)
{
	m->has_rows = true;
	if (m->locals.n < TOUCHED_MAX)
		vec_push(&m->locals, local);
	else
		m->is_many = true;
}

void
count_row(struct touched *m, uint32_t flags, int sign)
{
	m->rows += sign;
	if ((flags & ROW_SEEN) == 0)
		m->unseen += sign;
	if ((flags & ROW_FLAGGED) != 0)
		m->flagged += sign;
}

size_t
store_txn_touched(const struct store_txn *t, uint32_t mailbox, uint64_t *locals_out, size_t max,
		  bool *many_out)
{
	*many_out = false;
	for (size_t i = 0; i < t->touched.n; i++) {
		const struct touched *m = &t->touched.v[i];
		if (m->mailbox != mailbox)
			continue;
		*many_out = m->is_many || m->locals.n > max;
		size_t n = m->locals.n < max ? m->locals.n : max;
		if (n > 0)
			memcpy(locals_out, m->locals.v, n * sizeof(*locals_out));
		return n;
	}
	return 0;
}

bool
store_txn_next_mailbox(const struct store_txn *t, uint32_t *mailbox_io)
{
	uint32_t best = UINT32_MAX;

	for (size_t i = 0; i < t->touched.n; i++) {
		const struct touched *m = &t->touched.v[i];
		if (m->has_rows && m->mailbox > *mailbox_io && m->mailbox < best)
			best = m->mailbox;
	}
	if (best == UINT32_MAX)
		return false;
	*mailbox_io = best;
	return true;
}

/* ---- mailboxes -------------------------------------------------------------------------------- */

static int
next_mailbox_id(struct store_txn *t, uint32_t *id_out, struct err *err)
{
	const struct env *e = &t->w->cache;
	unsigned char val[8];
	uint64_t id = read_counter(e, t->txn, "next_mailbox");

	if (id == 0)
		id = 1;
	if (id >= UINT32_MAX - 1)
		return damaged(e, "the number of mailboxes", err);
	put_be64(val, id + 1);
	*id_out = (uint32_t)id;
	return txn_put(t, C_META, val_of("next_mailbox", 12), val_of(val, 8), err);
}

int
store_put_mailbox_name(struct store_txn *t, struct str account, struct str name,
		       uint32_t *id_out, struct err *err)
{
	unsigned char key[NAME_KEY_MAX], val[4];
	struct mailbox m;

	int rc = read_mailbox_by_name(&t->w->cache, t->txn, account, name, &m, err);
	if (rc <= 0) {
		*id_out = rc == 0 ? m.id : 0;
		return rc;
	}
	struct mailbox made = { .account = account, .name = mailbox_canonical(name) };
	if (next_mailbox_id(t, &made.id, err) != 0)
		return -1;
	put_be32(val, made.id);
	size_t len = key_name(key, account, made.name);
	if (txn_put(t, C_NAME, val_of(key, len), val_of(val, 4), err) != 0 ||
	    put_mailbox_record(t, &made, err) != 0)
		return -1;
	*id_out = made.id;
	return 0;
}

int
store_txn_mailbox(struct store_txn *t, uint32_t id, struct mailbox *out, struct err *err)
{
	int rc = read_mailbox(&t->w->cache, t->txn, id, out, err);

	for (size_t i = 0; rc == 0 && i < t->touched.n; i++) {
		const struct touched *c = &t->touched.v[i];
		if (c->mailbox != id)
			continue;
		out->n_rows = moved_by(out->n_rows, c->rows);
		out->n_unseen = moved_by(out->n_unseen, c->unseen);
		out->n_flagged = moved_by(out->n_flagged, c->flagged);
	}
	return rc;
}

int
store_put_mailbox(struct store_txn *t, const struct mailbox *m, struct err *err)
{
	struct mailbox now, put = *m;

	int rc = read_mailbox(&t->w->cache, t->txn, m->id, &now, err);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(err, ERR_GONE, "the mailbox is no longer there");
	put.account = now.account;
	put.name = now.name;
	put.n_rows = now.n_rows;
	put.n_unseen = now.n_unseen;
	put.n_flagged = now.n_flagged;
	put.generation = now.generation;
	return put_mailbox_record(t, &put, err);
}
