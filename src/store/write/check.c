/* The whole of both stores compared with itself. Slow, and deadly on a damaged
 * page: a child of the manager runs it. */
#include "writer.h"

struct check {
	struct env *e;
	MDB_txn *txn;
	struct err *err;
};

static int
wrong(struct check *c, const char *what)
{
	return damaged(c->e, what, c->err);
}

typedef int (*check_fn)(struct check *c, MDB_val key, MDB_val val, void *ctx);

static int
check_each(struct check *c, unsigned db, check_fn fn, void *ctx)
{
	MDB_cursor *cur;
	MDB_val key, val;
	int result = 0;

	int rc = mdb_cursor_open(c->txn, c->e->dbi[db], &cur);
	if (rc != 0)
		return env_error(c->e, rc, "read", c->err);
	rc = mdb_cursor_get(cur, &key, &val, MDB_FIRST);
	for (; rc == 0 && result == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT))
		result = fn(c, key, val, ctx);
	mdb_cursor_close(cur);
	if (result == 0 && rc != MDB_NOTFOUND)
		return env_error(c->e, rc, "read", c->err);
	return result;
}

static uint64_t
entries(struct check *c, unsigned db)
{
	MDB_stat stat;

	return mdb_stat(c->txn, c->e->dbi[db], &stat) == 0 ? stat.ms_entries : UINT64_MAX;
}

/* ---- cache ---------------------------------------------------------------------------- */

/* Rows of one mailbox, counted while they are walked. */
struct tally {
	uint32_t mailbox, rows, unseen, flagged;
};

struct cache_check {
	VEC(struct tally) tallies;
	uint64_t shared_locals; /* rows whose local id another row carries now */
	MDB_cursor *rank;
	uint32_t in_chunk; /* rows of it still to come */
	MDB_val chunk_key;
	bool has_chunk;
};

static struct tally *
tally_of(struct cache_check *k, uint32_t mailbox)
{
	if (k->tallies.n == 0 || k->tallies.v[k->tallies.n - 1].mailbox != mailbox) {
		struct tally t = { .mailbox = mailbox };
		vec_push(&k->tallies, t);
	}
	return &k->tallies.v[k->tallies.n - 1];
}

static int
load_chunk(struct check *c, struct cache_check *k, MDB_cursor_op op)
{
	MDB_val val;
	int rc = mdb_cursor_get(k->rank, &k->chunk_key, &val, op);

	k->has_chunk = rc == 0;
	if (rc == 0 && (k->chunk_key.mv_size != ROW_KEY_LEN || val.mv_size != 4))
		return wrong(c, "a count of rows");
	if (rc == 0)
		k->in_chunk = get_be32(val.mv_data);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : env_error(c->e, rc, "read", c->err);
}

/* Chunks are walked beside the rows: each row must belong to the one that is open. */
static int
check_chunk(struct check *c, struct cache_check *k, MDB_val key)
{
	while (k->has_chunk && k->in_chunk == 0)
		if (load_chunk(c, k, MDB_NEXT) != 0)
			return -1;
	if (!k->has_chunk || memcmp(k->chunk_key.mv_data, key.mv_data, 4) != 0 ||
	    memcmp(k->chunk_key.mv_data, key.mv_data, ROW_KEY_LEN) > 0)
		return wrong(c, "counts of rows that are not true");
	k->in_chunk--;
	return 0;
}

static int
check_row(struct check *c, MDB_val key, MDB_val val, void *ctx)
{
	struct cache_check *k = ctx;
	struct place by_uid, by_local;
	struct row row;

	if (key.mv_size != ROW_KEY_LEN || row_decode(key.mv_data, val, &row) != 0)
		return wrong(c, "a row");
	uint32_t mailbox = get_be32(key.mv_data);
	int rc = read_uid(c->e, c->txn, mailbox, row.uid, &by_uid, c->err);
	if (rc < 0)
		return -1;
	if (rc == 1 || by_uid.date != row.date || by_uid.local != row.local || row.local == 0)
		return wrong(c, "a row that its UID does not lead to");
	rc = read_place(c->e, c->txn, row.local, &by_local, c->err);
	if (rc < 0)
		return -1;
	if (rc == 1)
		return wrong(c, "a row that its local id does not lead to");
	if (by_local.mailbox != mailbox || by_local.uid != row.uid)
		k->shared_locals++;
	struct tally *t = tally_of(k, mailbox);
	t->rows++;
	t->unseen += (row.flags & ROW_SEEN) == 0;
	t->flagged += (row.flags & ROW_FLAGGED) != 0;
	return check_chunk(c, k, key);
}

static int
check_local(struct check *c, MDB_val key, MDB_val val, void *ctx)
{
	struct place at;
	struct row row;

	if (key.mv_size != 8 || local_val_get(val, &at) != 0)
		return wrong(c, "a place of a message");
	if (read_row(c->e, c->txn, &at, &row, c->err) != 0)
		return -1;
	return row.local == get_be64(key.mv_data) ? 0 : wrong(c, "a place of another message");
}

static int
check_mailbox(struct check *c, MDB_val key, MDB_val val, void *ctx)
{
	const struct cache_check *k = ctx;
	struct tally none = { 0 };
	const struct tally *t = &none;
	struct mailbox m, by_name;

	if (key.mv_size != 4 || mailbox_decode(val, &m) != 0 || m.id != get_be32(key.mv_data))
		return wrong(c, "a mailbox record");
	int rc = read_mailbox_by_name(c->e, c->txn, m.account, m.name, &by_name, c->err);
	if (rc < 0)
		return -1;
	if (rc == 1 || by_name.id != m.id)
		return wrong(c, "a mailbox that its name does not lead to");
	for (size_t i = 0; i < k->tallies.n; i++)
		if (k->tallies.v[i].mailbox == m.id)
			t = &k->tallies.v[i];
	if (t->rows != m.n_rows || t->unseen != m.n_unseen || t->flagged != m.n_flagged)
		return wrong(c, "counters of a mailbox that are not true");
	return 0;
}

static int
check_text(struct check *c, MDB_val key, MDB_val val, void *ctx)
{
	struct text_state t;

	return text_decode(val, &t) == 0 ? 0 : wrong(c, "the state of a text");
}

static int
check_nothing(struct check *c, MDB_val key, MDB_val val, void *ctx)
{
	return 0;
}

static int
check_rows(struct check *c, struct cache_check *k)
{
	int rc = mdb_cursor_open(c->txn, c->e->dbi[C_RANK], &k->rank);

	if (rc != 0)
		return env_error(c->e, rc, "read", c->err);
	rc = load_chunk(c, k, MDB_FIRST) != 0 || check_each(c, C_ROW, check_row, k) != 0 ? -1 : 0;
	while (rc == 0 && k->has_chunk && k->in_chunk == 0)
		rc = load_chunk(c, k, MDB_NEXT);
	if (rc == 0 && k->has_chunk)
		rc = wrong(c, "counts of rows that are not there");
	mdb_cursor_close(k->rank);
	return rc;
}

static int
check_cache(struct check *c)
{
	struct cache_check k = { .tallies = VEC_INIT };
	int rc = check_rows(c, &k);

	if (rc == 0)
		rc = check_each(c, C_LOCAL, check_local, NULL);
	if (rc == 0)
		rc = check_each(c, C_MAILBOX, check_mailbox, &k);
	if (rc == 0)
		rc = check_each(c, C_TEXT, check_text, NULL);
	if (rc == 0)
		rc = check_each(c, C_STRUCTURE, check_nothing, NULL);
	if (rc == 0 && (entries(c, C_ROW) != entries(c, C_UID) ||
			entries(c, C_ROW) != entries(c, C_LOCAL) + k.shared_locals ||
			entries(c, C_MAILBOX) != entries(c, C_NAME) ||
			entries(c, C_ORPHAN) != entries(c, C_ORPHAN_LOCAL)))
		rc = wrong(c, "tables of different lengths");
	vec_release(&k.tallies);
	return rc;
}

/* ---- journal ----------------------------------------------------------------------------- */

struct journal_check {
	uint64_t waiting, with_local;
	bool is_open;
};

static int
has_index(struct check *c, unsigned db, uint64_t number, uint64_t seq)
{
	unsigned char key[PAIR_KEY_LEN];
	MDB_val val;

	key_pair(key, number, seq);
	int rc = db_get(c->e, c->txn, db, val_of(key, sizeof(key)), &val, c->err);
	return rc == 1 ? wrong(c, "a change that an index does not have") : rc;
}

static int
check_intent(struct check *c, MDB_val key, MDB_val val, void *ctx)
{
	struct journal_check *k = ctx;
	struct intent i;

	if (key.mv_size != 8 || intent_decode(val, &i) != 0 || i.seq != get_be64(key.mv_data) ||
	    state_is_open(i.state) != k->is_open)
		return wrong(c, "a record of a change");
	k->waiting += i.state == INTENT_PLANNED || i.state == INTENT_SENT;
	if (has_index(c, J_BY_GROUP, i.group, i.seq) != 0)
		return -1;
	if (!k->is_open)
		return 0;
	k->with_local += i.local != 0;
	if (i.local != 0 && has_index(c, J_LOCAL, i.local, i.seq) != 0)
		return -1;
	return has_index(c, J_BOX, mailbox_hash(i.account, i.mailbox), i.seq);
}

static int
check_journal(struct check *c)
{
	struct journal_check k = { .is_open = true };

	if (check_each(c, J_OPEN, check_intent, &k) != 0)
		return -1;
	k.is_open = false;
	if (check_each(c, J_DONE, check_intent, &k) != 0)
		return -1;
	if (k.waiting != read_counter(c->e, c->txn, "n_waiting"))
		return wrong(c, "the number of changes that wait");
	if (entries(c, J_OPEN) != entries(c, J_BOX) || entries(c, J_LOCAL) != k.with_local ||
	    entries(c, J_OPEN) + entries(c, J_DONE) != entries(c, J_BY_GROUP))
		return wrong(c, "indexes of different lengths");
	return 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

/* The pages that the writer takes next, in LMDB's own database: how many, then
 * they, descending. A reader never comes here; the writer would die of it. */
static bool
is_free_list(MDB_val val, size_t last_page)
{
	size_t n, page, before = last_page + 1;

	if (val.mv_size < sizeof(n))
		return false;
	memcpy(&n, val.mv_data, sizeof(n));
	if (n >= val.mv_size / sizeof(n))
		return false;
	for (size_t i = 1; i <= n; i++) {
		memcpy(&page, (char *)val.mv_data + i * sizeof(page), sizeof(page));
		if (page >= before || page < 2)
			return false;
		before = page;
	}
	return true;
}

static int
check_free_pages(struct check *c)
{
	MDB_cursor *cursor;
	MDB_envinfo info;
	MDB_val key, val;
	int rc = mdb_cursor_open(c->txn, 0, &cursor);

	if (rc != 0)
		return env_error(c->e, rc, "read", c->err);
	mdb_env_info(c->e->mdb, &info);
	while ((rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0)
		if (!is_free_list(val, info.me_last_pgno))
			break;
	mdb_cursor_close(cursor);
	if (rc == 0)
		return wrong(c, "a list of free pages");
	return rc == MDB_NOTFOUND ? 0 : env_error(c->e, rc, "read", c->err);
}

static int
check_env(const struct env_spec *spec, const char *dir, int (*fn)(struct check *),
	  struct err *err)
{
	struct env e;
	struct check c = { &e, NULL, err };

	int rc = env_open_read(&e, spec, dir, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = mdb_txn_begin(e.mdb, NULL, MDB_RDONLY, &c.txn);
	if (rc != 0)
		rc = env_error(&e, rc, "read", err);
	else
		rc = env_check_schema(&e, c.txn, err) != 0 || check_free_pages(&c) != 0 ||
				     fn(&c) != 0 ?
			     -1 :
			     0;
	if (c.txn != NULL)
		mdb_txn_abort(c.txn);
	env_close(&e);
	return rc;
}

int
store_check_cache(const struct store_paths *paths, struct err *err)
{
	char *cache_dir, *state_dir;

	if (store_dirs(paths, &cache_dir, &state_dir, err) != 0)
		return -1;
	int rc = check_env(&env_cache_spec, cache_dir, check_cache, err);
	free(cache_dir);
	free(state_dir);
	return rc;
}

int
store_check_journal(const struct store_paths *paths, struct err *err)
{
	char *cache_dir, *state_dir;

	if (store_dirs(paths, &cache_dir, &state_dir, err) != 0)
		return -1;
	int rc = check_env(&env_journal_spec, state_dir, check_journal, err);
	free(cache_dir);
	free(state_dir);
	return rc;
}

int
store_check(const struct store_paths *paths, struct err *err)
{
	return store_check_journal(paths, err) == 0 ? store_check_cache(paths, err) : -1;
}
