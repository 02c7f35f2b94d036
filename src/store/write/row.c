/* Rows: putting, flags, removing. Each change keeps the clustered list, the two
 * indexes, the counted chunks and the counters in step. */
#include "writer.h"

#include "tern/base/seqset.h"

/* Bits of the overlay are never stored. */
#define STORED_FLAGS (ROW_SERVER_FLAGS | ROW_RECENT | ROW_ATTACHMENT | ROW_BROKEN)

static int
put_index(struct store_txn *t, const struct place *at, struct err *err)
{
	unsigned char uid_key[UID_KEY_LEN], uid_v[UID_VAL_LEN];
	unsigned char local_key[8], local_v[LOCAL_VAL_LEN];

	key_uid(uid_key, at->mailbox, at->uid);
	uid_val(uid_v, at);
	put_be64(local_key, at->local);
	local_val(local_v, at);
	if (txn_put(t, C_UID, val_of(uid_key, sizeof(uid_key)), val_of(uid_v, sizeof(uid_v)),
		    err) != 0)
		return -1;
	return txn_put(t, C_LOCAL, val_of(local_key, 8), val_of(local_v, sizeof(local_v)), err);
}

static int
put_row_record(struct store_txn *t, uint32_t mailbox, const struct row *row, struct err *err)
{
	unsigned char key[ROW_KEY_LEN];

	key_row(key, mailbox, row->date, row->uid);
	buf_reset(&t->buf);
	row_encode(&t->buf, row);
	return txn_put(t, C_ROW, val_of(key, sizeof(key)), val_of(t->buf.ptr, t->buf.len), err);
}

/* A local id that no row carries any more. */
static int
forget_local(struct store_txn *t, uint64_t local, struct err *err)
{
	unsigned char key[8];

	put_be64(key, local);
	return txn_del(t, C_LOCAL, val_of(key, 8), err) || forget_text(t, local, err) ? -1 : 0;
}

/* The row's own local id, the one of its only orphan, or a new one. */
static int
choose_local(struct store_txn *t, const struct row *row, uint64_t *local_out, struct err *err)
{
	if (row->local != 0) {
		*local_out = row->local;
		return t->has_orphans ? orphan_forget(t, row->local, err) : 0;
	}
	if (t->has_orphans) {
		int rc = orphan_take(t, row, local_out, err);
		if (rc <= 0)
			return rc;
	}
	return journal_next_local(t->w, local_out, err);
}

static int
insert_row(struct store_txn *t, struct touched *m, struct row *row, struct err *err)
{
	unsigned char key[ROW_KEY_LEN];
	struct place at = { m->mailbox, row->uid, row->date, 0 };

	if (choose_local(t, row, &at.local, err) != 0)
		return -1;
	row->local = at.local;
	key_row(key, m->mailbox, row->date, row->uid);
	if (put_row_record(t, m->mailbox, row, err) != 0 || put_index(t, &at, err) != 0 ||
	    rank_add(t, key, err) != 0)
		return -1;
	count_row(m, row->flags, 1);
	return 0;
}

/* The same UID again: what we know beyond the server's answer stays. */
static int
replace_row(struct store_txn *t, struct touched *m, const struct place *was, struct row *row,
	    struct err *err)
{
	struct place at = { m->mailbox, row->uid, row->date, row->local };
	unsigned char key[ROW_KEY_LEN];
	struct row old;

	if (read_row(&t->w->cache, t->txn, was, &old, err) != 0)
		return -1;
	uint32_t old_flags = old.flags;
	row->flags |= old_flags & ROW_ATTACHMENT;
	if (at.local == 0)
		at.local = was->local;
	else if (at.local != was->local && (forget_local(t, was->local, err) != 0 ||
					    orphan_forget(t, at.local, err) != 0))
		return -1;
	row->local = at.local;
	if (row->date != was->date) {
		key_row(key, m->mailbox, was->date, row->uid);
		if (txn_del(t, C_ROW, val_of(key, sizeof(key)), err) != 0 ||
		    rank_remove(t, key, err) != 0)
			return -1;
	}
	if (put_row_record(t, m->mailbox, row, err) != 0 || put_index(t, &at, err) != 0)
		return -1;
	key_row(key, m->mailbox, row->date, row->uid);
	if (row->date != was->date && rank_add(t, key, err) != 0)
		return -1;
	count_row(m, old_flags, -1);
	count_row(m, row->flags, 1);
	return 0;
}

int
store_put_row(struct store_txn *t, uint32_t mailbox, const struct row *row, uint64_t *local_out,
	      struct err *err)
{
	struct touched *m = touch(t, mailbox, err);
	struct row put = *row;
	struct place was;

	if (m == NULL)
		return -1;
	if (row->uid == 0)
		return err_set(err, ERR_PROTO, "a message without UID");
	put.flags &= STORED_FLAGS;
	int rc = read_uid(&t->w->cache, t->txn, mailbox, row->uid, &was, err);
	if (rc < 0)
		return -1;
	rc = rc == 0 ? replace_row(t, m, &was, &put, err) : insert_row(t, m, &put, err);
	if (rc != 0)
		return -1;
	touch_local(m, put.local);
	if (local_out != NULL)
		*local_out = put.local;
	return 0;
}

int
store_put_flags(struct store_txn *t, uint32_t mailbox, const struct row_flags_change *change,
		struct err *err)
{
	struct touched *m = touch(t, mailbox, err);
	struct place at;
	struct row row;

	if (m == NULL)
		return -1;
	int rc = read_uid(&t->w->cache, t->txn, mailbox, change->uid, &at, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (read_row(&t->w->cache, t->txn, &at, &row, err) != 0)
		return -1;
	uint32_t flags = (row.flags & ~(uint32_t)ROW_SERVER_FLAGS) |
			 (change->flags & ROW_SERVER_FLAGS);
	bool is_same = flags == row.flags && str_eq(row.keywords, change->keywords);
	if (is_same && (change->modseq == 0 || change->modseq == row.modseq))
		return 0;
	count_row(m, row.flags, -1);
	m->status_unseen += (int)((row.flags & ROW_SEEN) != 0) - (int)((flags & ROW_SEEN) != 0);
	count_row(m, flags, 1);
	row.flags = flags;
	row.keywords = change->keywords;
	if (change->modseq != 0)
		row.modseq = change->modseq;
	if (!is_same)
		touch_local(m, row.local);
	return put_row_record(t, mailbox, &row, err);
}

/* Out of all tables; its text stays, with an orphan. */
static int
remove_row(struct store_txn *t, const struct place *at, struct err *err)
{
	struct touched *m = touch(t, at->mailbox, err);
	unsigned char row_key[ROW_KEY_LEN], uid_key[UID_KEY_LEN], local_key[8];
	struct place now;
	struct row row;

	if (m == NULL || read_row(&t->w->cache, t->txn, at, &row, err) != 0)
		return -1;
	uint32_t flags = row.flags;
	/* A move may have carried the local id to another row by now. */
	int rc = read_place(&t->w->cache, t->txn, at->local, &now, err);
	if (rc < 0)
		return -1;
	bool is_last = rc == 0 && now.mailbox == at->mailbox && now.uid == at->uid;
	put_be64(local_key, at->local);
	if (is_last && orphan_put(t, &row, err) != 0)
		return -1;
	if (is_last && txn_del(t, C_LOCAL, val_of(local_key, 8), err) != 0)
		return -1;
	key_row(row_key, at->mailbox, at->date, at->uid);
	key_uid(uid_key, at->mailbox, at->uid);
	if (txn_del(t, C_ROW, val_of(row_key, sizeof(row_key)), err) != 0 ||
	    txn_del(t, C_UID, val_of(uid_key, sizeof(uid_key)), err) != 0 ||
	    rank_remove(t, row_key, err) != 0)
		return -1;
	count_row(m, flags, -1);
	m->status_messages--;
	if ((flags & ROW_SEEN) == 0)
		m->status_unseen--;
	touch_local(m, at->local);
	return 0;
}

typedef VEC(struct place) places;

/* Up to `max` rows with UIDs of a range, from *first on, which is moved. */
static int
places_of_range(struct store_txn *t, uint32_t mailbox, uint64_t *first, uint32_t last,
		size_t max, places *out, struct err *err)
{
	unsigned char from[UID_KEY_LEN];
	MDB_val key, val;

	vec_reset(out);
	key_uid(from, mailbox, (uint32_t)*first);
	key = val_of(from, sizeof(from));
	int rc = mdb_cursor_get(t->uid, &key, &val, MDB_SET_RANGE);
	*first = (uint64_t)last + 1;
	for (; rc == 0; rc = mdb_cursor_get(t->uid, &key, &val, MDB_NEXT)) {
		struct place at = { .mailbox = mailbox };
		if (key.mv_size != UID_KEY_LEN || get_be32(key.mv_data) != mailbox)
			return 0;
		at.uid = get_be32((const char *)key.mv_data + 4);
		if (at.uid > last)
			return 0;
		if (out->n == max) {
			*first = at.uid;
			return 0;
		}
		if (uid_val_get(val, &at) != 0)
			return damaged(&t->w->cache, "a UID", err);
		vec_push(out, at);
	}
	return rc == MDB_NOTFOUND ? 0 : txn_error(t, rc, err);
}

static int
remove_range(struct store_txn *t, uint32_t mailbox, uint32_t first, uint32_t last,
	     uint32_t *removed, struct err *err)
{
	places found = VEC_INIT;
	int rc = 0;

	for (uint64_t at = first; rc == 0 && at <= last;) {
		rc = places_of_range(t, mailbox, &at, last, 4096, &found, err);
		for (size_t i = 0; rc == 0 && i < found.n; i++)
			rc = remove_row(t, &found.v[i], err);
		if (rc == 0)
			*removed += (uint32_t)found.n;
	}
	vec_release(&found);
	return rc;
}

int
store_remove_uids(struct store_txn *t, uint32_t mailbox, struct str uids, uint32_t *removed_out,
		  struct err *err)
{
	struct seqset set = SEQSET_INIT;
	uint32_t removed = 0;

	int rc = seqset_parse(uids, &set, err);
	for (size_t i = 0; rc == 0 && i < set.n; i++)
		rc = remove_range(t, mailbox, set.v[i].first, set.v[i].last, &removed, err);
	seqset_release(&set);
	if (removed_out != NULL)
		*removed_out = removed;
	return rc;
}

int
store_orphan_mailbox(struct store_txn *t, uint32_t mailbox, struct err *err)
{
	struct mailbox m;
	uint32_t removed = 0;

	if (remove_range(t, mailbox, 1, UINT32_MAX, &removed, err) != 0)
		return -1;
	int rc = read_mailbox(&t->w->cache, t->txn, mailbox, &m, err);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(err, ERR_GONE, "the mailbox is no longer there");
	/* Nothing that stood for those rows holds any more. */
	m.covered = STR_NONE;
	m.modseq = 0;
	m.uidnext = 0;
	m.in_step_wall = 0;
	return store_put_mailbox(t, &m, err);
}

char *
store_known_uids(struct store_writer *w, uint32_t mailbox, struct err *err)
{
	struct store_view *v = store_begin(w->reader, err);
	struct seqset set = SEQSET_INIT;
	unsigned char from[UID_KEY_LEN];
	MDB_cursor *cur;
	MDB_val key, val;
	struct buf text = BUF_INIT;

	if (v == NULL)
		return NULL;
	int rc = mdb_cursor_open(v->cache, w->cache.dbi[C_UID], &cur);
	if (rc == 0) {
		key_uid(from, mailbox, 0);
		key = val_of(from, sizeof(from));
		rc = mdb_cursor_get(cur, &key, &val, MDB_SET_RANGE);
		for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
			if (key.mv_size != UID_KEY_LEN || get_be32(key.mv_data) != mailbox)
				break;
			seqset_add(&set, get_be32((const char *)key.mv_data + 4));
		}
		mdb_cursor_close(cur);
	}
	store_end(v);
	if (rc == 0 || rc == MDB_NOTFOUND)
		seqset_print(&set, &text);
	else
		env_error(&w->cache, rc, "read", err);
	seqset_release(&set);
	return rc == 0 || rc == MDB_NOTFOUND ? buf_take(&text) : NULL;
}
