/* Structures and texts of messages, orphans, and what has to be swept. */
#include "writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tern/base/fs.h"

#define ORPHAN_SECONDS (30 * 24 * 3600)
#define TMP_SECONDS (24 * 3600)

/* ---- structure and text ---------------------------------------------------------- */

int
store_put_structure(struct store_txn *t, uint64_t local, struct str structure, struct err *err)
{
	unsigned char key[8];

	put_be64(key, local);
	return txn_put(t, C_STRUCTURE, val_of(key, 8), val_of(structure.ptr, structure.len), err);
}

int
store_put_text(struct store_txn *t, uint64_t local, const struct text_state *state,
	       struct err *err)
{
	unsigned char key[8];

	put_be64(key, local);
	buf_reset(&t->buf);
	text_encode(&t->buf, state);
	return txn_put(t, C_TEXT, val_of(key, 8), val_of(t->buf.ptr, t->buf.len), err);
}

/* The file goes when the sweep finds that nothing names it: not before the commit. */
int
forget_text(struct store_txn *t, uint64_t local, struct err *err)
{
	unsigned char key[8];

	put_be64(key, local);
	return txn_del(t, C_STRUCTURE, val_of(key, 8), err) ||
			       txn_del(t, C_TEXT, val_of(key, 8), err) ?
		       -1 :
		       0;
}

int
store_text_create(struct store_writer *w, uint64_t local, char **tmp_path_out, struct err *err)
{
	char *dir = xasprintf("%s/text/tmp", w->cache_dir);

	if (fs_mkdir_p(dir, 0700, err) != 0) {
		free(dir);
		return -1;
	}
	char *path = xasprintf("%s/%llu.XXXXXX", dir, (unsigned long long)local);
	free(dir);
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		err_errno(err, errno, "cannot create '%s'", path);
		free(path);
		return -1;
	}
	*tmp_path_out = path;
	return fd;
}

/* The cache is not worth an fsync: a name stands for a whole file in any case. */
int
store_text_install(struct store_writer *w, uint64_t local, const char *tmp_path, struct err *err)
{
	char *path = store_text_path(w->reader, local);
	char *dir = xasprintf("%s/text/%02x", w->cache_dir, (unsigned)(local & 0xff));

	int rc = fs_mkdir_p(dir, 0700, err);
	if (rc == 0 && rename(tmp_path, path) != 0)
		rc = err_errno(err, errno, "cannot rename '%s'", tmp_path);
	free(dir);
	free(path);
	return rc;
}

/* ---- orphans -------------------------------------------------------------------------- */

int
orphan_put(struct store_txn *t, const struct row *row, struct err *err)
{
	uint64_t print = fingerprint(row->message_id, row->size_bytes, row->internaldate);
	unsigned char key[PAIR_KEY_LEN], val[8], local_key[8];

	if (print == 0)
		return forget_text(t, row->local, err);
	t->has_orphans = true;
	key_pair(key, print, row->local);
	put_be64(val, (uint64_t)t->now_wall);
	put_be64(local_key, row->local);
	if (txn_put(t, C_ORPHAN, val_of(key, sizeof(key)), val_of(val, 8), err) != 0)
		return -1;
	return txn_put(t, C_ORPHAN_LOCAL, val_of(local_key, 8), val_of(key, 8), err);
}

int
orphan_forget(struct store_txn *t, uint64_t local, struct err *err)
{
	unsigned char key[PAIR_KEY_LEN], local_key[8];
	MDB_val val;

	put_be64(local_key, local);
	int rc = db_get(&t->w->cache, t->txn, C_ORPHAN_LOCAL, val_of(local_key, 8), &val, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (val.mv_size != 8)
		return damaged(&t->w->cache, "an orphan", err);
	key_pair(key, get_be64(val.mv_data), local);
	return txn_del(t, C_ORPHAN, val_of(key, sizeof(key)), err) ||
			       txn_del(t, C_ORPHAN_LOCAL, val_of(local_key, 8), err) ?
		       -1 :
		       0;
}

int
orphan_take(struct store_txn *t, const struct row *row, uint64_t *local_out, struct err *err)
{
	uint64_t print = fingerprint(row->message_id, row->size_bytes, row->internaldate);
	unsigned char from[PAIR_KEY_LEN];
	uint64_t found = 0;
	unsigned n = 0;
	MDB_cursor *cur;
	MDB_val key, val;

	if (print == 0)
		return 1;
	int rc = mdb_cursor_open(t->txn, t->w->cache.dbi[C_ORPHAN], &cur);
	if (rc != 0)
		return txn_error(t, rc, err);
	key_pair(from, print, 0);
	key = val_of(from, sizeof(from));
	rc = mdb_cursor_get(cur, &key, &val, MDB_SET_RANGE);
	for (; rc == 0 && n < 2; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		if (key.mv_size != PAIR_KEY_LEN || get_be64(key.mv_data) != print)
			break;
		found = get_be64((const char *)key.mv_data + 8);
		n++;
	}
	mdb_cursor_close(cur);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return txn_error(t, rc, err);
	if (n != 1)
		return 1;
	*local_out = found;
	return orphan_forget(t, found, err);
}

/* ---- sweeping --------------------------------------------------------------------------- */

#define SWEEP_ORPHANS 2000

/* Orphans of old: their local ids are collected first, then forgotten. */
static int
sweep_orphans(struct store_txn *t, int64_t before, bool *more, struct err *err)
{
	VEC(uint64_t) old = VEC_INIT;
	unsigned seen = 0;
	MDB_cursor *cur;
	MDB_val key, val;

	int rc = mdb_cursor_open(t->txn, t->w->cache.dbi[C_ORPHAN], &cur);
	if (rc != 0)
		return txn_error(t, rc, err);
	rc = mdb_cursor_get(cur, &key, &val, MDB_FIRST);
	for (; rc == 0 && old.n < SWEEP_ORPHANS && seen < 100 * SWEEP_ORPHANS; seen++) {
		if (val.mv_size == 8 && key.mv_size == PAIR_KEY_LEN &&
		    (int64_t)get_be64(val.mv_data) < before)
			vec_push(&old, get_be64((const char *)key.mv_data + 8));
		rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	*more = old.n == SWEEP_ORPHANS;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < old.n; i++)
		rc = orphan_forget(t, old.v[i], err) != 0 || forget_text(t, old.v[i], err) != 0;
	vec_release(&old);
	return rc == 0 ? 0 : -1;
}

static bool
is_known(struct store_view *v, uint64_t local)
{
	unsigned char key[8];
	MDB_val val;

	put_be64(key, local);
	/* When in doubt it stays. */
	return db_get(v->s->cache, v->cache, C_LOCAL, val_of(key, 8), &val, NULL) != 1 ||
	       db_get(v->s->cache, v->cache, C_ORPHAN_LOCAL, val_of(key, 8), &val, NULL) != 1;
}

/* One directory of texts: files that no row and no orphan names. */
static void
sweep_texts(struct store_view *v, const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		struct str name = str_c(e->d_name);
		long dot = str_find(name, '.');
		uint64_t local;
		if (dot > 0 && str_u64(str_head(name, (size_t)dot), &local) &&
		    !is_known(v, local))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}

static void
sweep_old_files(const char *dir, int64_t before)
{
	DIR *d = opendir(dir);
	struct stat st;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < before)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

/* Texts of a cache that is gone (writer.c): one of its directories. */
static void
sweep_retired(struct store_writer *w, unsigned n)
{
	char *dir = n < 256 ? xasprintf("%s/text.old/%02x", w->cache_dir, n) :
			      xasprintf("%s/text.old/tmp", w->cache_dir);

	sweep_old_files(dir, INT64_MAX);
	rmdir(dir);
	free(dir);
	if (n == 256) {
		dir = xasprintf("%s/text.old", w->cache_dir);
		rmdir(dir);
		free(dir);
	}
}

bool
store_sweep(struct store_writer *w, int64_t now_wall)
{
	bool more = false;
	unsigned n = w->sweep_at++ % 257;

	reserve_make(w);
	struct store_txn *t = n == 0 ? store_txn_begin(w, NULL) : NULL;
	if (t != NULL) {
		if (sweep_orphans(t, now_wall - ORPHAN_SECONDS, &more, NULL) == 0)
			store_txn_commit(t, NULL);
		else
			store_txn_abort(t);
	}
	struct store_view *v = store_begin(w->reader, NULL);
	if (v != NULL) {
		char *dir = n < 256 ? xasprintf("%s/text/%02x", w->cache_dir, n) :
				      xasprintf("%s/text/tmp", w->cache_dir);
		if (n < 256)
			sweep_texts(v, dir);
		else
			sweep_old_files(dir, now_wall - TMP_SECONDS);
		free(dir);
		store_end(v);
	}
	sweep_retired(w, n);
	if (more)
		w->sweep_at--; /* the same again */
	return n != 256;
}
