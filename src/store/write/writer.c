/* Opening the stores for writing: the lock, the care for what is damaged. */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/log.h"

#define RESERVE_BYTES (8 * 1024 * 1024)

/* ---- the reserve ------------------------------------------------------------------ */

static char *
reserve_path(const struct store_writer *w)
{
	return xasprintf("%s/reserve", w->state_dir);
}

/* Best effort: without it a full disk is only met earlier. */
void
reserve_make(struct store_writer *w)
{
	char *path = reserve_path(w);
	struct stat st;

	if (stat(path, &st) != 0 || st.st_size != RESERVE_BYTES ||
	    st.st_blocks * 512LL < RESERVE_BYTES) {
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int rc = fd >= 0 ? posix_fallocate(fd, 0, RESERVE_BYTES) : errno;
		if (fd >= 0)
			close(fd);
		if (rc != 0)
			unlink(path);
	}
	free(path);
}

bool
reserve_release(struct store_writer *w)
{
	char *path = reserve_path(w);
	bool was_there = unlink(path) == 0;

	free(path);
	return was_there;
}

/* ---- opening ------------------------------------------------------------------------ */

static int
take_lock(struct store_writer *w, int lock_fd, struct err *err)
{
	char *path;

	if (lock_fd >= 0) {
		w->lock_fd = lock_fd;
		return 0;
	}
	path = xasprintf("%s/lock", w->state_dir);
	w->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int saved = errno;
	free(path);
	if (w->lock_fd < 0)
		return err_errno(err, saved, "cannot lock '%s'", w->state_dir);
	w->owns_lock = true;
	if (flock(w->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_WAIT, "another process writes to '%s'", w->state_dir);
	return err_errno(err, errno, "cannot lock '%s'", w->state_dir);
}

/* The last damaged cache is kept, for whoever wants to know why. */
static int
move_aside(struct store_writer *w, struct err *err)
{
	char *from = xasprintf("%s/%s", w->cache_dir, env_cache_spec.subdir);
	char *to = xasprintf("%s/%s.damaged", w->cache_dir, env_cache_spec.subdir);
	char *to_data = xasprintf("%s/data.mdb", to), *to_lock = xasprintf("%s/lock.mdb", to);
	int rc;

	unlink(to_data);
	unlink(to_lock);
	rmdir(to);
	rc = rename(from, to);
	if (rc != 0)
		err_errno(err, errno, "cannot move '%s' aside", from);
	free(from);
	free(to);
	free(to_data);
	free(to_lock);
	return rc;
}

/* Texts of a cache that is gone have names that nothing knows: a new directory
 * is begun, and the old one swept. */
static void
retire_texts(struct store_writer *w)
{
	char *from = xasprintf("%s/text", w->cache_dir);
	char *to = xasprintf("%s/text.old", w->cache_dir);

	if (rename(from, to) != 0 && errno != ENOENT)
		log_at(LOG_WARN, "store", "cannot rename '%s': errno %d", from, errno);
	free(from);
	free(to);
}

static bool
cache_exists(struct store_writer *w)
{
	char *path = xasprintf("%s/%s/data.mdb", w->cache_dir, env_cache_spec.subdir);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static int
open_cache(struct store_writer *w, bool *rebuilt_out, struct err *err)
{
	struct err why = ERR_INIT;
	bool was_there = cache_exists(w);

	*rebuilt_out = !was_there;
	if (!was_there)
		retire_texts(w);
	if (env_open_write(&w->cache, &env_cache_spec, w->cache_dir, &why) == 0)
		return 0;
	if (why.kind != ERR_DAMAGED || !was_there) {
		if (err != NULL)
			*err = why;
		return -1;
	}
	log_at(LOG_WARN, "store", "%s: it is built anew", why.text);
	if (move_aside(w, err) != 0)
		return -1;
	retire_texts(w);
	*rebuilt_out = true;
	return env_open_write(&w->cache, &env_cache_spec, w->cache_dir, err);
}

int
store_drop_cache(const struct store_paths *paths, struct err *err)
{
	struct store_writer w = { 0 };
	int rc = store_dirs(paths, &w.cache_dir, &w.state_dir, err);

	/* The next to open it finds none, and begins a new one. */
	if (rc == 0 && cache_exists(&w))
		rc = move_aside(&w, err);
	free(w.cache_dir);
	free(w.state_dir);
	return rc;
}

int
store_keep_journal_aside(const struct store_paths *paths, int64_t now_wall, char **where_out,
			 struct err *err)
{
	char *cache_dir, *state_dir, date[32];
	time_t now = (time_t)now_wall;
	struct tm tm;

	if (store_dirs(paths, &cache_dir, &state_dir, err) != 0)
		return -1;
	strftime(date, sizeof(date), "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
	char *from = xasprintf("%s/%s", state_dir, env_journal_spec.subdir);
	char *to = xasprintf("%s.damaged-%s", from, date);
	int rc = rename(from, to);
	if (rc != 0) {
		err_errno(err, errno, "cannot move '%s' aside", from);
		free(to);
	} else {
		*where_out = to;
	}
	free(from);
	free(cache_dir);
	free(state_dir);
	return rc;
}

/* A journal that was lost while the cache was not counts from 1 again: local ids
 * that are in use must not be given out a second time. */
static int
jump_over_used(struct jop *j, void *ctx, struct err *err)
{
	const uint64_t *used = ctx;
	uint64_t next = read_counter(j->e, j->txn, "next_local");

	if (next > *used)
		return 0;
	return j_counter_add(j, "next_local", (int64_t)(*used + 1 - next), NULL, err);
}

static int
guard_local_ids(struct store_writer *w, struct err *err)
{
	struct store_view *v = store_begin(w->reader, err);
	MDB_cursor *cur;
	MDB_val key, val;
	uint64_t used = 0;

	if (v == NULL)
		return -1;
	if (mdb_cursor_open(v->cache, w->cache.dbi[C_LOCAL], &cur) == 0) {
		if (mdb_cursor_get(cur, &key, &val, MDB_LAST) == 0 && key.mv_size == 8)
			used = get_be64(key.mv_data);
		mdb_cursor_close(cur);
	}
	if (mdb_cursor_open(v->cache, w->cache.dbi[C_ORPHAN_LOCAL], &cur) == 0) {
		if (mdb_cursor_get(cur, &key, &val, MDB_LAST) == 0 && key.mv_size == 8 &&
		    get_be64(key.mv_data) > used)
			used = get_be64(key.mv_data);
		mdb_cursor_close(cur);
	}
	bool is_short = read_counter(&w->journal, v->journal, "next_local") <= used;
	store_end(v);
	return is_short ? journal_run(w, jump_over_used, &used, err) : 0;
}

struct store_writer *
store_writer_open(const struct store_paths *paths, int lock_fd, bool *rebuilt_out,
		  struct err *err)
{
	struct store_writer *w = xcalloc(1, sizeof(*w));
	bool rebuilt;

	w->lock_fd = -1;
	/* A file over its limit is an error like a full disk, not our end. */
	signal(SIGXFSZ, SIG_IGN);
	if (store_dirs(paths, &w->cache_dir, &w->state_dir, err) != 0 ||
	    fs_mkdir_p(w->cache_dir, 0700, err) != 0 ||
	    fs_mkdir_p(w->state_dir, 0700, err) != 0 || take_lock(w, lock_fd, err) != 0 ||
	    env_open_write(&w->journal, &env_journal_spec, w->state_dir, err) != 0)
		goto fail;
	if (open_cache(w, &rebuilt, err) != 0)
		goto fail;
	w->reader = store_new_on(&w->cache, &w->journal, w->cache_dir, w->state_dir);
	if (guard_local_ids(w, err) != 0 || journal_count(w, err) != 0)
		goto fail;
	reserve_make(w);
	if (rebuilt_out != NULL)
		*rebuilt_out = rebuilt;
	return w;
fail:
	store_writer_close(w);
	return NULL;
}

void
store_writer_close(struct store_writer *w)
{
	if (w == NULL)
		return;
	if (w->txn != NULL)
		store_txn_abort(w->txn);
	store_close(w->reader);
	vec_release(&w->waiting.of);
	env_close(&w->cache);
	env_close(&w->journal);
	if (w->owns_lock && w->lock_fd >= 0)
		close(w->lock_fd);
	free(w->cache_dir);
	free(w->state_dir);
	free(w);
}

struct store *
store_writer_reader(struct store_writer *w)
{
	return w->reader;
}

/* ---- readers ----------------------------------------------------------------------------- */

struct oldest {
	uint64_t txn;
	int pid;
};

/* Lines of "pid thread txnid", and headings. */
static int
see_reader(const char *line, void *ctx)
{
	struct oldest *o = ctx;
	unsigned long long txn;
	int pid;
	char thread[32];

	if (sscanf(line, "%d %31s %llu", &pid, thread, &txn) == 3 && txn < o->txn) {
		o->txn = txn;
		o->pid = pid;
	}
	return 0;
}

void
store_readers(struct store_writer *w, uint64_t *behind_out, int *pid_out)
{
	struct oldest o = { UINT64_MAX, 0 };
	MDB_envinfo info;
	int dead;

	mdb_reader_check(w->journal.mdb, &dead);
	mdb_reader_check(w->cache.mdb, &dead);
	mdb_reader_list(w->cache.mdb, see_reader, &o);
	mdb_env_info(w->cache.mdb, &info);
	*behind_out = o.txn < info.me_last_txnid ? info.me_last_txnid - o.txn : 0;
	*pid_out = *behind_out > 0 ? o.pid : 0;
}
