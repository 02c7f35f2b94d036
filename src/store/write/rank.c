/* Counted chunks: how many rows lie between one key and the next, so that the
 * n-th row of a million is found without walking. A key of C_RANK is the lower
 * bound of its chunk, the first of a mailbox is its least possible key. */
#include "writer.h"

static void
key_base(unsigned char *key, uint32_t mailbox)
{
	memset(key, 0, ROW_KEY_LEN);
	put_be32(key, mailbox);
}

int
rank_flush(struct store_txn *t, struct err *err)
{
	struct open_chunk *c = &t->chunk;
	unsigned char base[ROW_KEY_LEN], n[4];
	MDB_val key = val_of(c->lower, ROW_KEY_LEN);

	if (!c->is_dirty)
		return 0;
	c->is_dirty = false;
	key_base(base, get_be32(c->lower));
	if (c->n == 0 && memcmp(c->lower, base, ROW_KEY_LEN) != 0) {
		c->is_loaded = false;
		return txn_del(t, C_RANK, key, err);
	}
	put_be32(n, c->n);
	return txn_put(t, C_RANK, key, val_of(n, 4), err);
}

static bool
is_of(MDB_val key, uint32_t mailbox)
{
	return key.mv_size == ROW_KEY_LEN && get_be32(key.mv_data) == mailbox;
}

/* Stand on the chunk that has the key: 0, MDB_NOTFOUND if the mailbox has none. */
static int
find_chunk(struct store_txn *t, const unsigned char *row_key, MDB_val *key, MDB_val *val)
{
	uint32_t mailbox = get_be32(row_key);

	*key = val_of(row_key, ROW_KEY_LEN);
	int rc = mdb_cursor_get(t->rank, key, val, MDB_SET_RANGE);
	if (rc == 0 && is_of(*key, mailbox) && memcmp(key->mv_data, row_key, ROW_KEY_LEN) == 0)
		return 0;
	if (rc == 0)
		rc = mdb_cursor_get(t->rank, key, val, MDB_PREV);
	else if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(t->rank, key, val, MDB_LAST);
	return rc == 0 && !is_of(*key, mailbox) ? MDB_NOTFOUND : rc;
}

static int
load(struct store_txn *t, const unsigned char *row_key, struct err *err)
{
	struct open_chunk *c = &t->chunk;
	uint32_t mailbox = get_be32(row_key);
	MDB_val key, val;

	if (c->is_loaded && memcmp(row_key, c->lower, ROW_KEY_LEN) >= 0 &&
	    memcmp(row_key, c->upper, ROW_KEY_LEN) < 0)
		return 0;
	if (rank_flush(t, err) != 0)
		return -1;
	key_base(c->lower, mailbox);
	key_base(c->upper, mailbox + 1);
	c->n = 0;
	c->is_loaded = true;
	int rc = find_chunk(t, row_key, &key, &val);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0 && val.mv_size != 4)
		rc = MDB_CORRUPTED;
	if (rc != 0)
		return txn_error(t, rc, err);
	memcpy(c->lower, key.mv_data, ROW_KEY_LEN);
	c->n = get_be32(val.mv_data);
	rc = mdb_cursor_get(t->rank, &key, &val, MDB_NEXT);
	if (rc == 0 && is_of(key, mailbox))
		memcpy(c->upper, key.mv_data, ROW_KEY_LEN);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : txn_error(t, rc, err);
}

/* Where to cut a chunk that is full: in the middle, or before a row that was
 * put behind all others, since more will follow it. */
static int
find_cut(struct store_txn *t, const unsigned char *added, unsigned char *cut, uint32_t *below)
{
	const struct open_chunk *c = &t->chunk;
	MDB_val key = val_of(added, ROW_KEY_LEN), val;

	int rc = mdb_cursor_get(t->row, &key, &val, MDB_SET_RANGE);
	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(t->row, &key, &val, MDB_NEXT);
	if (rc == MDB_NOTFOUND || (rc == 0 && !is_of(key, get_be32(added)))) {
		memcpy(cut, added, ROW_KEY_LEN);
		*below = c->n - 1;
		return 0;
	}
	*below = c->n / 2;
	key = val_of(c->lower, ROW_KEY_LEN);
	rc = mdb_cursor_get(t->row, &key, &val, MDB_SET_RANGE);
	for (uint32_t n = *below; rc == 0 && n > 0; n--)
		rc = mdb_cursor_get(t->row, &key, &val, MDB_NEXT);
	if (rc == 0 && is_of(key, get_be32(added)))
		memcpy(cut, key.mv_data, ROW_KEY_LEN);
	else if (rc == 0)
		rc = MDB_CORRUPTED;
	return rc;
}

static int
split(struct store_txn *t, const unsigned char *added, struct err *err)
{
	struct open_chunk *c = &t->chunk;
	unsigned char cut[ROW_KEY_LEN];
	uint32_t n = c->n, below;

	int rc = find_cut(t, added, cut, &below);
	if (rc != 0)
		return txn_error(t, rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc, err);
	c->n = below;
	c->is_dirty = true;
	if (rank_flush(t, err) != 0)
		return -1;
	/* Go on with the half that the row is in. */
	unsigned char other[4];
	if (memcmp(added, cut, ROW_KEY_LEN) >= 0) {
		memcpy(c->lower, cut, ROW_KEY_LEN);
		c->n = n - below;
		c->is_dirty = true;
		return rank_flush(t, err);
	}
	memcpy(c->upper, cut, ROW_KEY_LEN);
	put_be32(other, n - below);
	return txn_put(t, C_RANK, val_of(cut, ROW_KEY_LEN), val_of(other, 4), err);
}

int
rank_add(struct store_txn *t, const unsigned char *key, struct err *err)
{
	if (load(t, key, err) != 0)
		return -1;
	t->chunk.n++;
	t->chunk.is_dirty = true;
	return t->chunk.n > RANK_MAX ? split(t, key, err) : 0;
}

int
rank_remove(struct store_txn *t, const unsigned char *key, struct err *err)
{
	if (load(t, key, err) != 0)
		return -1;
	if (t->chunk.n == 0)
		return txn_error(t, MDB_CORRUPTED, err);
	t->chunk.n--;
	t->chunk.is_dirty = true;
	return t->chunk.n == 0 ? rank_flush(t, err) : 0;
}
