/* Environments of LMDB: opening, creating, whose they are, what went wrong. */
#include "../internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "tern/base/fs.h"

static const char *const cache_names[C_N] = { "meta",	"mailbox", "mailbox_name", "row",
					      "uid",	"local",   "rank",	   "structure",
					      "text",	"orphan",  "orphan_local" };
static const char *const journal_names[J_N] = { "meta",	    "open",  "done", "box",
						"local",    "by_group", "group", "post" };

/* NOMETASYNC: a system crash may cost the cache its last commit, never its
 * integrity. The journal syncs in full: acknowledged means on the disk. */
const struct env_spec env_cache_spec = { "cache", cache_names, C_N, MDB_NOMETASYNC, "cache" };
const struct env_spec env_journal_spec = { "journal", journal_names, J_N, 0, "journal" };

#define GIB ((size_t)1 << 30)
#define MAX_READERS 1022
#define NFS_MAGIC 0x6969
#define SMB_MAGIC 0x517B
#define SMB2_MAGIC 0xFE534D42
#define CIFS_MAGIC 0xFF534D42

int
damaged(const struct env *e, const char *what, struct err *err)
{
	return err_set(err, ERR_DAMAGED, "the %s in '%s' is damaged: %s", e->spec->what, e->dir,
		       what);
}

/* LMDB reports a write that was cut short, as the last one before the disk is
 * full is, as an I/O error. */
static bool
is_nearly_full(const struct env *e)
{
	struct statvfs fs;

	return statvfs(e->dir, &fs) == 0 && fs.f_bavail * (uint64_t)fs.f_frsize < 1024 * 1024;
}

/* LMDB could not write which commit counts, and whether it is on the disk nobody knows:
 * it takes nothing more until the file is opened anew. */
static bool
is_spent(const struct env *e, int rc)
{
	MDB_txn *txn;

	if (rc != EIO || e->mdb == NULL)
		return rc == MDB_PANIC;
	rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		mdb_txn_abort(txn);
	return rc == MDB_PANIC;
}

int
env_error(const struct env *e, int rc, const char *doing, struct err *err)
{
	if (is_spent(e, rc))
		return err_set(err, ERR_DAMAGED, "cannot %s '%s': it has to be opened anew", doing,
			       e->dir);
	if (rc == EIO && is_nearly_full(e))
		rc = ENOSPC;
	switch (rc) {
	case MDB_BAD_TXN: /* a page that was damaged has spoilt it; whoever met it may not say so */
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
	case MDB_NOTFOUND:
		return damaged(e, mdb_strerror(rc), err);
	case MDB_MAP_FULL:
	case EFBIG:
	case ENOSPC:
	case EDQUOT:
		return err_set(err, ERR_NOSPACE, "cannot %s '%s': no space left on the disk", doing,
			       e->dir);
	}
	return err_set(err, ERR_SYSTEM, "cannot %s '%s': %s", doing, e->dir, mdb_strerror(rc));
}

bool
env_is_network(long f_type)
{
	unsigned long type = (unsigned long)f_type & 0xffffffff;

	return type == NFS_MAGIC || type == SMB_MAGIC || type == SMB2_MAGIC || type == CIFS_MAGIC;
}

/* Locks and maps of LMDB do not hold on network file systems. */
static int
refuse_network(const struct env *e, struct err *err)
{
	struct statfs fs;

	if (statfs(e->dir, &fs) != 0 || !env_is_network(fs.f_type))
		return 0;
	return err_set(err, ERR_USER,
		       "the %s cannot lie in '%s', a network file system: choose a local "
		       "directory with $%s",
		       e->spec->what, e->dir,
		       e->spec == &env_cache_spec ? "XDG_CACHE_HOME" : "XDG_STATE_HOME");
}

static int
note_file(struct env *e, struct err *err)
{
	mdb_filehandle_t fd;
	struct stat st;

	mdb_env_get_fd(e->mdb, &fd);
	fs_set_cloexec(fd);
	if (fstat(fd, &st) != 0)
		return err_errno(err, errno, "cannot look at '%s'", e->dir);
	e->dev = st.st_dev;
	e->ino = st.st_ino;
	return 0;
}

/* The map is 64 GiB of addresses, which cost nothing; where something else has
 * taken them (a checker of memory) a smaller one does. */
static int
open_mapped(struct env *e, unsigned flags, struct err *err)
{
	static const size_t sizes[] = { 64 * GIB, 16 * GIB, 4 * GIB, 1 * GIB };
	int rc = ENOMEM;

	for (size_t i = 0; rc == ENOMEM && i < ARRAY_LEN(sizes); i++) {
		rc = mdb_env_create(&e->mdb);
		if (rc == 0)
			rc = mdb_env_set_mapsize(e->mdb, sizes[i]);
		if (rc == 0)
			rc = mdb_env_set_maxreaders(e->mdb, MAX_READERS);
		if (rc == 0)
			rc = mdb_env_set_maxdbs(e->mdb, ENV_MAX_DBS);
		if (rc == 0)
			rc = mdb_env_open(e->mdb, e->dir, flags | MDB_NOTLS, 0600);
		if (rc == 0)
			return note_file(e, err);
		if (e->mdb != NULL)
			mdb_env_close(e->mdb);
		e->mdb = NULL;
	}
	/* A header that makes no sense: LMDB reports it in several ways. */
	if (rc == EINVAL || rc == MDB_PANIC)
		rc = MDB_INVALID;
	errno = rc;
	return env_error(e, rc, "open", err);
}

static int
open_dbs(struct env *e, MDB_txn *txn, unsigned flags)
{
	for (unsigned i = 0; i < e->spec->n_dbs; i++) {
		int rc = mdb_dbi_open(txn, e->spec->db_names[i], flags, &e->dbi[i]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
env_check_schema(const struct env *e, MDB_txn *txn, struct err *err)
{
	MDB_val key = val_of("schema", 6), val;
	int rc = mdb_get(txn, e->dbi[0], &key, &val);

	if (rc != 0)
		return env_error(e, rc, "read", err);
	if (val.mv_size != 4)
		return damaged(e, "no schema number", err);
	uint32_t schema = get_be32(val.mv_data);
	if (schema == STORE_SCHEMA)
		return 0;
	/* A cache is built anew; a journal of another version is sound, and not ours to
	 * move away. */
	return err_set(err, e->spec == &env_journal_spec ? ERR_USER : ERR_DAMAGED,
		       "the %s in '%s' was made by %s version of tern (schema %u, this one has %u)",
		       e->spec->what, e->dir, schema > STORE_SCHEMA ? "a newer" : "another", schema,
		       STORE_SCHEMA);
}

static bool
file_exists(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

int
env_open_read(struct env *e, const struct env_spec *spec, const char *parent, struct err *err)
{
	MDB_txn *txn;

	memset(e, 0, sizeof(*e));
	e->spec = spec;
	e->dir = xasprintf("%s/%s", parent, spec->subdir);
	if (!file_exists(e->dir, "data.mdb") || !file_exists(e->dir, "lock.mdb")) {
		env_close(e);
		return 1;
	}
	struct err why = ERR_INIT;
	if (refuse_network(e, err) != 0)
		goto fail;
	if (open_mapped(e, MDB_RDONLY, &why) != 0) {
		/* Moved away, or being made, at this moment: not there yet. */
		if (!file_exists(e->dir, "data.mdb")) {
			env_close(e);
			return 1;
		}
		if (err != NULL)
			*err = why;
		goto fail;
	}
	int rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
	if (rc != 0) {
		env_error(e, rc, "read", err);
		goto fail;
	}
	MDB_envinfo info = { 0 };
	mdb_env_info(e->mdb, &info);
	rc = open_dbs(e, txn, 0);
	/* Made, but its first transaction is still to come; later it is damage. */
	if (rc == MDB_NOTFOUND && info.me_last_txnid == 0) {
		mdb_txn_abort(txn);
		env_close(e);
		return 1;
	}
	if (rc == 0)
		rc = mdb_txn_commit(txn); /* keeps the handles */
	else
		mdb_txn_abort(txn);
	if (rc == 0)
		return 0;
	env_error(e, rc, "read", err);
fail:
	env_close(e);
	return -1;
}

static int
make_schema(struct env *e, MDB_txn *txn)
{
	unsigned char schema[4];
	MDB_val key = val_of("schema", 6), val = val_of(schema, 4);

	put_be32(schema, STORE_SCHEMA);
	int rc = mdb_put(txn, e->dbi[0], &key, &val, MDB_NOOVERWRITE);
	return rc == MDB_KEYEXIST ? 0 : rc;
}

/* Tables and schema, in the first transaction of all; later ones find them. */
static int
open_tables(struct env *e, struct err *err)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(e->mdb, NULL, 0, &txn);

	if (rc != 0)
		return env_error(e, rc, "open", err);
	rc = open_dbs(e, txn, MDB_CREATE);
	if (rc == 0)
		rc = make_schema(e, txn);
	if (rc != 0 || env_check_schema(e, txn, err) != 0) {
		mdb_txn_abort(txn);
		return rc != 0 ? env_error(e, rc, "open", err) : -1;
	}
	rc = mdb_txn_commit(txn);
	return rc == 0 ? 0 : env_error(e, rc, "write", err);
}

static int
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

static void
remove_files(const char *dir)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);
		unlink(path);
		free(path);
	}
}

/* LMDB writes its first pages without a sync: a power cut may leave a file that is
 * none. So it is made under another name, and gets its own when it is whole. */
static int
make_new(const struct env_spec *spec, const char *dir, const char *parent, struct err *err)
{
	struct env e = { .spec = spec, .dir = xasprintf("%s.new", dir) };
	int rc = -1;

	remove_files(e.dir);
	if (fs_mkdir_p(e.dir, 0700, err) != 0 || refuse_network(&e, err) != 0 ||
	    open_mapped(&e, spec->flags, err) != 0 || open_tables(&e, err) != 0)
		goto out;
	rc = mdb_env_sync(e.mdb, 1);
	mdb_env_close(e.mdb);
	e.mdb = NULL;
	if (rc == 0 && sync_dir(e.dir) != 0)
		rc = errno;
	if (rc != 0) {
		rc = env_error(&e, rc, "create", err);
		goto out;
	}
	remove_files(dir); /* a lock without data */
	rc = rename(e.dir, dir) == 0 && sync_dir(parent) == 0 ?
		     0 :
		     err_errno(err, errno, "cannot create '%s'", dir);
out:
	env_close(&e);
	return rc;
}

/* Readers write into the lock file's map: on a full disk a hole in it would kill
 * them. Before LMDB opens it: closing any descriptor of it drops our locks. */
static void
fill_lock_file(const struct env *e)
{
	char *path = xasprintf("%s/lock.mdb", e->dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_blocks * 512LL < st.st_size)
		posix_fallocate(fd, 0, st.st_size);
	if (fd >= 0)
		close(fd);
	free(path);
}

int
env_open_write(struct env *e, const struct env_spec *spec, const char *parent, struct err *err)
{
	int dead;

	memset(e, 0, sizeof(*e));
	e->spec = spec;
	e->dir = xasprintf("%s/%s", parent, spec->subdir);
	if ((!file_exists(e->dir, "data.mdb") && make_new(spec, e->dir, parent, err) != 0) ||
	    refuse_network(e, err) != 0)
		goto fail;
	fill_lock_file(e);
	if (open_mapped(e, spec->flags, err) != 0)
		goto fail;
	mdb_reader_check(e->mdb, &dead);
	if (open_tables(e, err) == 0)
		return 0;
fail:
	env_close(e);
	return -1;
}

void
env_close(struct env *e)
{
	if (e->mdb != NULL)
		mdb_env_close(e->mdb);
	free(e->dir);
	e->mdb = NULL;
	e->dir = NULL;
}

bool
env_is_current(const struct env *e, const char *parent)
{
	struct stat st;
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s/data.mdb", parent,
		     e->spec->subdir) >= (int)sizeof(path))
		return true;
	if (stat(path, &st) != 0)
		return e->mdb == NULL;
	return e->mdb != NULL && st.st_dev == e->dev && st.st_ino == e->ino;
}

int
db_get(const struct env *e, MDB_txn *txn, unsigned db, MDB_val key, MDB_val *val_out,
       struct err *err)
{
	int rc = mdb_get(txn, e->dbi[db], &key, val_out);

	if (rc == 0)
		return 0;
	if (rc == MDB_NOTFOUND)
		return 1;
	return env_error(e, rc, "read", err);
}
