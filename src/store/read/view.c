/* Opening for reading, snapshots, folders, structure and text. */
#include "../internal.h"

#include "rows.h"
#include "tern/base/fs.h"
#include "tern/base/log.h"

/* ---- opening ------------------------------------------------------------------------ */

int
store_dirs(const struct store_paths *paths, char **cache_dir_out, char **state_dir_out,
	   struct err *err)
{
	char *cache = NULL, *state = NULL;

	if (paths != NULL && paths->cache_dir != NULL)
		cache = xstrdup(paths->cache_dir);
	else
		cache = fs_cache_dir(err);
	if (cache != NULL) {
		if (paths != NULL && paths->state_dir != NULL)
			state = xstrdup(paths->state_dir);
		else
			state = fs_state_dir(err);
	}
	if (state == NULL) {
		free(cache);
		return -1;
	}
	*cache_dir_out = cache;
	*state_dir_out = state;
	return 0;
}

struct store *
store_new_on(struct env *cache, struct env *journal, const char *cache_dir,
	     const char *state_dir)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->cache = cache;
	s->journal = journal;
	s->cache_dir = xstrdup(cache_dir);
	s->state_dir = xstrdup(state_dir);
	s->is_writers = true;
	return s;
}

struct store *
store_open(const struct store_paths *paths, struct err *err)
{
	char *cache_dir, *state_dir;

	if (store_dirs(paths, &cache_dir, &state_dir, err) != 0)
		return NULL;
	struct store *s = xcalloc(1, sizeof(*s));
	s->cache_dir = cache_dir;
	s->state_dir = state_dir;
	s->cache = xcalloc(1, sizeof(*s->cache));
	s->journal = xcalloc(1, sizeof(*s->journal));
	if (env_open_read(s->journal, &env_journal_spec, state_dir, err) < 0 ||
	    env_open_read(s->cache, &env_cache_spec, cache_dir, err) < 0) {
		store_close(s);
		return NULL;
	}
	return s;
}

static void
view_free(struct store_view *v)
{
	if (v->cache_reset != NULL)
		mdb_txn_abort(v->cache_reset);
	if (v->journal_reset != NULL)
		mdb_txn_abort(v->journal_reset);
	arena_release(&v->arena);
	free(v);
}

/* Idle transactions belong to the environments: gone before those close. */
static void
free_idle(struct store *s)
{
	while (s->idle != NULL) {
		struct store_view *v = s->idle;
		s->idle = v->next_idle;
		view_free(v);
	}
	overlay_free(s->overlay);
	s->overlay = NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	free_idle(s);
	if (!s->is_writers) {
		env_close(s->cache);
		env_close(s->journal);
		free(s->cache);
		free(s->journal);
	}
	free(s->cache_dir);
	free(s->state_dir);
	free(s);
}

/* One that was deleted, moved aside or made since: two stat() calls. */
static int
follow_file(struct store *s, struct env *e, const struct env_spec *spec, const char *dir,
	    struct err *err)
{
	if (env_is_current(e, dir))
		return 0;
	free_idle(s);
	env_close(e);
	return env_open_read(e, spec, dir, err) < 0 ? -1 : 0;
}

static int
follow_files(struct store *s, struct err *err)
{
	if (s->is_writers || s->n_views > 0)
		return 0;
	if (follow_file(s, s->journal, &env_journal_spec, s->state_dir, err) != 0)
		return -1;
	return follow_file(s, s->cache, &env_cache_spec, s->cache_dir, err);
}

/* ---- snapshots --------------------------------------------------------------------------- */

static int
renew(const struct env *e, MDB_txn **reset, MDB_txn **txn_out, struct err *err)
{
	int rc;

	*txn_out = NULL;
	if (e->mdb == NULL)
		return 0;
	if (*reset != NULL)
		rc = mdb_txn_renew(*reset);
	else
		rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, reset);
	if (rc != 0)
		return env_error(e, rc, "read", err);
	*txn_out = *reset;
	return env_check_schema(e, *reset, err);
}

struct store_view *
store_begin(struct store *s, struct err *err)
{
	if (follow_files(s, err) != 0)
		return NULL;
	struct store_view *v = s->idle;
	if (v != NULL)
		s->idle = v->next_idle;
	else
		v = xcalloc(1, sizeof(*v));
	v->s = s;
	s->n_views++;
	/* The journal first: what it confirms and forgets is in the cache by then. */
	if (renew(s->journal, &v->journal_reset, &v->journal, err) == 0 &&
	    renew(s->cache, &v->cache_reset, &v->cache, err) == 0)
		return v;
	store_end(v);
	return NULL;
}

void
store_end(struct store_view *v)
{
	if (v == NULL)
		return;
	struct store *s = v->s;
	if (v->journal != NULL)
		mdb_txn_reset(v->journal);
	if (v->cache != NULL)
		mdb_txn_reset(v->cache);
	v->journal = v->cache = NULL;
	arena_reset(&v->arena);
	v->next_idle = s->idle;
	s->idle = v;
	s->n_views--;
}

/* ---- folders --------------------------------------------------------------------------------- */

int
read_mailbox(const struct env *e, MDB_txn *txn, uint32_t id, struct mailbox *out,
	     struct err *err)
{
	unsigned char key[4];
	MDB_val val;

	put_be32(key, id);
	int rc = db_get(e, txn, C_MAILBOX, val_of(key, 4), &val, err);
	if (rc == 0 && mailbox_decode(val, out) != 0)
		return damaged(e, "a mailbox record", err);
	return rc;
}

int
read_mailbox_by_name(const struct env *e, MDB_txn *txn, struct str account, struct str name,
		     struct mailbox *out, struct err *err)
{
	unsigned char key[NAME_KEY_MAX];
	struct str canonical = mailbox_canonical(name);
	MDB_val val;

	int rc = db_get(e, txn, C_NAME, val_of(key, key_name(key, account, canonical)), &val, err);
	if (rc != 0)
		return rc;
	if (val.mv_size != 4)
		return damaged(e, "a mailbox name", err);
	rc = read_mailbox(e, txn, get_be32(val.mv_data), out, err);
	if (rc == 0 && (!str_eq(out->account, account) || !str_eq(out->name, canonical)))
		return 1;
	return rc;
}

int
store_mailbox(struct store_view *v, uint32_t id, struct mailbox *out, struct err *err)
{
	return v->cache == NULL ? 1 : read_mailbox(v->s->cache, v->cache, id, out, err);
}

int
store_mailbox_by_name(struct store_view *v, struct str account, struct str name,
		      struct mailbox *out, struct err *err)
{
	if (v->cache == NULL)
		return 1;
	return read_mailbox_by_name(v->s->cache, v->cache, account, name, out, err);
}

/* The mailbox of a C_NAME entry: 0, 1 of another account, -1. */
static int
named_mailbox(struct store_view *v, MDB_val key, MDB_val val, struct str account,
	      struct mailbox *out, struct err *err)
{
	if (val.mv_size != 4)
		return damaged(v->s->cache, "a mailbox name", err);
	int rc = read_mailbox(v->s->cache, v->cache, get_be32(val.mv_data), out, err);
	if (rc == 1)
		return damaged(v->s->cache, "a mailbox without record", err);
	if (rc == 0 && account.len > 0 && !str_eq(out->account, account))
		return 1;
	return rc;
}

int
store_each_mailbox(struct store_view *v, struct str account,
		   bool (*each)(const struct mailbox *m, void *ctx), void *ctx, struct err *err)
{
	unsigned char from[NAME_KEY_MAX];
	MDB_cursor *cur;
	MDB_val key, val;

	if (v->cache == NULL)
		return 0;
	int rc = mdb_cursor_open(v->cache, v->s->cache->dbi[C_NAME], &cur);
	if (rc != 0)
		return env_error(v->s->cache, rc, "read", err);
	key = val_of(from, key_name(from, account, STR_NONE));
	bool is_all = account.len == 0;
	rc = mdb_cursor_get(cur, &key, &val, is_all ? MDB_FIRST : MDB_SET_RANGE);
	int result = 0;
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		struct mailbox m;
		result = named_mailbox(v, key, val, account, &m, err);
		if (result != 0 || !each(&m, ctx))
			break;
	}
	mdb_cursor_close(cur);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return env_error(v->s->cache, rc, "read", err);
	return result < 0 ? -1 : 0;
}

/* ---- places of messages -------------------------------------------------------------------------- */

int
read_place(const struct env *e, MDB_txn *txn, uint64_t local, struct place *out,
	   struct err *err)
{
	unsigned char key[8];
	MDB_val val;

	put_be64(key, local);
	int rc = db_get(e, txn, C_LOCAL, val_of(key, 8), &val, err);
	if (rc != 0)
		return rc;
	out->local = local;
	return local_val_get(val, out) == 0 ? 0 : damaged(e, "a place of a message", err);
}

int
read_uid(const struct env *e, MDB_txn *txn, uint32_t mailbox, uint32_t uid, struct place *out,
	 struct err *err)
{
	unsigned char key[UID_KEY_LEN];
	MDB_val val;

	key_uid(key, mailbox, uid);
	int rc = db_get(e, txn, C_UID, val_of(key, sizeof(key)), &val, err);
	if (rc != 0)
		return rc;
	out->mailbox = mailbox;
	out->uid = uid;
	return uid_val_get(val, out) == 0 ? 0 : damaged(e, "a UID", err);
}

int
read_row(const struct env *e, MDB_txn *txn, const struct place *at, struct row *out,
	 struct err *err)
{
	unsigned char key[ROW_KEY_LEN];
	MDB_val val;

	key_row(key, at->mailbox, at->date, at->uid);
	int rc = db_get(e, txn, C_ROW, val_of(key, sizeof(key)), &val, err);
	if (rc == 1 || (rc == 0 && row_decode(key, val, out) != 0))
		return damaged(e, "a row", err);
	return rc;
}

/* ---- structure and text ------------------------------------------------------------------------------ */

static int
get_by_local(struct store_view *v, unsigned db, uint64_t local, MDB_val *val, struct err *err)
{
	unsigned char key[8];

	put_be64(key, local);
	return v->cache == NULL ? 1 : db_get(v->s->cache, v->cache, db, val_of(key, 8), val, err);
}

int
store_structure(struct store_view *v, uint64_t local, struct str *out, struct err *err)
{
	MDB_val val;
	int rc = get_by_local(v, C_STRUCTURE, local, &val, err);

	if (rc == 0)
		*out = str_of_val(val);
	return rc;
}

int
store_text(struct store_view *v, uint64_t local, struct text_state *out, struct err *err)
{
	MDB_val val;
	int rc = get_by_local(v, C_TEXT, local, &val, err);

	if (rc == 0 && text_decode(val, out) != 0)
		return damaged(v->s->cache, "the state of a text", err);
	return rc;
}

char *
store_text_path(const struct store *s, uint64_t local)
{
	return xasprintf("%s/text/%02x/%llu.eml", s->cache_dir, (unsigned)(local & 0xff),
			 (unsigned long long)local);
}
