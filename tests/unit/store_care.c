/* What is damaged, foreign, locked, deleted or full: nothing is forgotten, and a
 * sentence says why. */
#include "lib/storefix.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"

static struct intent
flag_of(uint64_t local)
{
	return (struct intent){ .kind = INTENT_COPY, .local = local, .target = STR("B") };
}

static void
scribble(const char *dir, const char *file, off_t at, size_t len)
{
	char *path = xasprintf("%s/%s", dir, file), *junk = xmalloc(len);
	int fd = open(path, O_WRONLY);

	memset(junk, 0xa5, len);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, len, at), len);
	close(fd);
	free(junk);
	free(path);
}

static void
set_schema(const char *dir, unsigned char schema)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	unsigned char be[4] = { 0, 0, 0, schema };
	char name[] = "schema";
	MDB_val key = { 6, name }, val = { 4, be };

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 4);
	assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &val, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void
reopen(struct fix *f, bool want_rebuilt)
{
	bool rebuilt;

	f->w = store_writer_open(&f->paths, -1, &rebuilt, &f->err);
	if (f->w == NULL)
		fail_msg("%s", f->err.text);
	f->s = store_writer_reader(f->w);
	assert_int_equal(rebuilt, want_rebuilt);
}

/* The cache goes, what the user wanted stays. */
static void
check_cache_rebuilt(struct fix *f, void (*damage)(struct fix *f))
{
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));

	fix_accept(f, flag_of(local));
	fix_close(f);
	damage(f);
	reopen(f, true);
	fix_journal_is(f, "CP");
	inbox = fix_mailbox(f, "INBOX");
	fix_shows(f, inbox, "");
	assert_true(fix_put(f, inbox, fix_row(1, 1, 0)) > local);
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	fix_shows(f, inbox, "1:p");
}

static void
damage_schema(struct fix *f)
{
	char *dir = xasprintf("%s/cache", f->cache_dir);

	set_schema(dir, 99);
	free(dir);
}

static void
damage_header(struct fix *f)
{
	scribble(f->cache_dir, "cache/data.mdb", 0, 8192);
}

static void
damage_by_deleting(struct fix *f)
{
	char *command = xasprintf("rm -rf '%s'", f->cache_dir);

	assert_int_equal(system(command), 0);
	free(command);
}

static void
test_cache_of_another_schema(void **state)
{
	check_cache_rebuilt(*state, damage_schema);
}

static void
test_cache_with_damaged_header(void **state)
{
	check_cache_rebuilt(*state, damage_header);
}

static void
test_cache_deleted(void **state)
{
	check_cache_rebuilt(*state, damage_by_deleting);
}

/* A damaged page is found by the check, in a child, since it may be its end. */
static void
test_check_finds_damaged_pages(void **state)
{
	struct fix *f = *state;
	uint32_t id;
	unsigned n_found = 0;

	assert_int_equal(gen_mailbox(f->w, "acc", "INBOX", 500, &id, &f->err), 0);
	fix_close(f);
	char *path = xasprintf("%s/cache/data.mdb", f->cache_dir);
	struct buf good = BUF_INIT;
	assert_int_equal(fs_read(path, 1 << 24, &good, &f->err), 0);
	for (off_t page = 4; page < 24; page++) {
		scribble(f->cache_dir, "cache/data.mdb", page * 4096 + 16, 2000);
		pid_t pid = fork();
		if (pid == 0) {
			signal(SIGSEGV, SIG_DFL);
			signal(SIGBUS, SIG_DFL);
			_exit(store_check(&f->paths, NULL) == 0 ? 0 : 1);
		}
		int status;
		waitpid(pid, &status, 0);
		n_found += status != 0;
		int fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, good.ptr, good.len, 0), good.len);
		close(fd);
	}
	/* Free pages may say what they like. */
	assert_true(n_found >= 10);
	assert_int_equal(store_check(&f->paths, &f->err), 0);
	buf_release(&good);
	free(path);
}

static void
check_journal_kept(struct fix *f, enum err_kind kind, const char *want)
{
	char *path = xasprintf("%s/journal/data.mdb", f->state_dir);
	struct buf before = BUF_INIT, after = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(fs_read(path, 1 << 24, &before, &err), 0);
	assert_null(store_writer_open(&f->paths, -1, NULL, &err));
	assert_err(err, kind);
	if (strstr(err.text, want) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, want);
	assert_int_equal(fs_read(path, 1 << 24, &after, &err), 0);
	assert_true(str_eq(buf_str(&before), buf_str(&after)));
	buf_release(&before);
	buf_release(&after);
	free(path);
}

static void
test_journal_is_never_dropped(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	char *dir = xasprintf("%s/journal", f->state_dir);

	fix_accept(f, flag_of(fix_put(f, inbox, fix_row(1, 1, 0))));
	fix_close(f);
	set_schema(dir, 200);
	check_journal_kept(f, ERR_USER, "made by a newer version");
	set_schema(dir, STORE_SCHEMA);
	struct buf good = BUF_INIT;
	char *path = xasprintf("%s/data.mdb", dir);
	assert_int_equal(fs_read(path, 1 << 24, &good, &f->err), 0);
	scribble(f->state_dir, "journal/data.mdb", 0, 8192);
	check_journal_kept(f, ERR_DAMAGED, "is damaged");
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, good.ptr, good.len, 0), good.len);
	close(fd);
	fix_open(f);
	fix_journal_is(f, "CP");
	buf_release(&good);
	free(path);
	free(dir);
}

/* The state directory was lost, the cache was not: no local id is given twice. */
static void
test_journal_lost(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	char *command = xasprintf("rm -rf '%s'", f->state_dir);

	fix_close(f);
	assert_int_equal(system(command), 0);
	free(command);
	reopen(f, false);
	assert_true(fix_put(f, inbox, fix_row(2, 2, 0)) > local);
}

static void
test_one_writer(void **state)
{
	struct fix *f = *state;
	int status;

	fix_close(f);
	pid_t pid = -1;
	int to[2], from[2];
	char c;
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid = fork();
	if (pid == 0) {
		struct store_writer *w = store_writer_open(&f->paths, -1, NULL, NULL);
		if (w == NULL || write(from[1], "w", 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(from[0], &c, 1), 1);
	struct err err = ERR_INIT;
	assert_null(store_writer_open(&f->paths, -1, NULL, &err));
	assert_err(err, ERR_WAIT);
	assert_int_equal(write(to[1], "x", 1), 1);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	fix_open(f);
	for (int n = 0; n < 2; n++) {
		close(to[n]);
		close(from[n]);
	}
}

/* A reader follows: no store yet, then one, then another in its place. */
static int
follow(const struct store_paths *paths, int from, int to)
{
	static const uint32_t want[] = { 0, 1, 0, 2 };
	struct err err = ERR_INIT;
	struct store *s = store_open(paths, &err);
	char c;

	for (size_t n = 0; s != NULL && n < ARRAY_LEN(want); n++) {
		struct store_view *v = store_begin(s, &err);
		struct store_rows *r = v != NULL ? store_rows_begin(v, 1, &err) : NULL;
		if (r == NULL || store_rows_count(r) != want[n])
			return 10 + (int)n;
		store_rows_end(r);
		store_end(v);
		if (write(to, "x", 1) != 1 || read(from, &c, 1) != 1)
			return 5;
	}
	store_close(s);
	return s != NULL ? 0 : 6;
}

static void
test_reader_follows_files(void **state)
{
	struct fix *f = *state;
	int to[2], from[2], status;
	char c;

	fix_close(f);
	damage_by_deleting(f);
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(follow(&f->paths, to[0], from[1]));
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(read(from[0], &c, 1), 1);
		if (n == 1) {
			fix_close(f);
			damage_by_deleting(f);
		} else if (n != 3) {
			fix_open(f);
			uint32_t id = fix_mailbox(f, "INBOX");
			for (uint32_t uid = 1; uid <= 1 + n / 2; uid++)
				fix_put(f, id, fix_row(uid, uid, 0));
		}
		assert_int_equal(write(to[1], "x", 1), 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	for (int n = 0; n < 2; n++) {
		close(to[n]);
		close(from[n]);
	}
}

/* The cache is deleted under the manager's hands: it is told, and starts anew. */
static void
test_cache_deleted_while_open(void **state)
{
	struct fix *f = *state;
	struct err err = ERR_INIT;

	fix_mailbox(f, "INBOX");
	damage_by_deleting(f);
	assert_null(store_txn_begin(f->w, &err));
	assert_err(err, ERR_DAMAGED);
	fix_accept(f, flag_of(77)); /* the journal does not mind */
	fix_close(f);
	reopen(f, true);
}

/* ---- full disk ------------------------------------------------------------------------- */

static unsigned
fill(const char *dir)
{
	char *path = xasprintf("%s/fill", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	static char block[4096];
	unsigned n = 0;

	memset(block, 1, sizeof(block));
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		n++;
	close(fd);
	free(path);
	return n;
}

static bool
count_record(const struct intent *i, void *ctx)
{
	++*(unsigned *)ctx;
	return true;
}

static unsigned
n_records(struct store *s)
{
	struct err err = ERR_INIT;
	struct store_view *v = store_begin(s, &err);
	unsigned n = 0;

	assert_non_null(v);
	assert_int_equal(store_each_intent(v, UINT32_MAX, count_record, &n, &err), 0);
	store_end(v);
	return n;
}

static int
accept_many(struct store_writer *w, uint32_t n, struct err *err)
{
	struct intent v[20];
	uint8_t post_id[16] = { 'f' };

	memcpy(post_id + 4, &n, sizeof(n));
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		v[i] = (struct intent){ .kind = INTENT_COPY, .account = STR("acc"),
					.mailbox = STR("INBOX"), .uid = n + 1,
					.uidvalidity = 9, .target = STR("B") };
	return journal_accept(w, post_id, v, ARRAY_LEN(v), false, 1, err);
}

static void
fill_up_and_go_on(const char *disk)
{
	char *cache = xasprintf("%s/c", disk), *dir = xasprintf("%s/s", disk);
	struct store_paths paths = { cache, dir };
	struct err err = ERR_INIT;
	struct store_writer *w = store_writer_open(&paths, -1, NULL, &err);
	char *reserve = xasprintf("%s/reserve", dir), *filler = xasprintf("%s/fill", disk);
	uint32_t n = 0;

	if (w == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(access(reserve, F_OK), 0);
	fill(disk);
	/* The first that does not fit takes the reserve, and fits. */
	while (access(reserve, F_OK) == 0 && n < 2000)
		assert_int_equal(accept_many(w, n++, &err), 0);
	assert_in_range(n, 1, 1999);
	/* Then it is full in earnest: refused whole, nothing forgotten. */
	fill(disk);
	while (accept_many(w, n, &err) == 0)
		assert_true(++n < 5000);
	assert_err(err, ERR_NOSPACE);
	assert_int_equal(n_records(store_writer_reader(w)), n * 20);
	struct err cache_err = ERR_INIT;
	uint32_t id;
	assert_int_equal(gen_mailbox(w, "acc", "INBOX", 3000, &id, &cache_err), -1);
	assert_err(cache_err, ERR_NOSPACE);
	store_writer_close(w);
	assert_int_equal(store_check(&paths, &err), 0);
	/* Space again: the same post is accepted, the reserve comes back. */
	unlink(filler);
	w = store_writer_open(&paths, -1, NULL, &err);
	assert_non_null(w);
	assert_int_equal(accept_many(w, n, &err), 0);
	assert_int_equal(n_records(store_writer_reader(w)), (n + 1) * 20);
	assert_int_equal(gen_mailbox(w, "acc", "INBOX", 3000, &id, &err), 0);
	store_sweep(w, 1);
	assert_int_equal(access(reserve, F_OK), 0);
	store_writer_close(w);
	assert_int_equal(store_check(&paths, &err), 0);
	free(cache);
	free(dir);
	free(reserve);
	free(filler);
}

static int
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

/* As tests/lib/disk.py: what is mounted from here on is seen by this process alone. */
static void
private_mounts(void)
{
	char *map = xasprintf("%u %u 1", getuid(), getuid());
	char *group_map = xasprintf("%u %u 1", getgid(), getgid());

	if (unshare(CLONE_NEWNS) == 0)
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	else if (unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
		 (put("/proc/self/setgroups", "deny") < 0 || put("/proc/self/uid_map", map) < 0 ||
		  put("/proc/self/gid_map", group_map) < 0))
		fail_msg("cannot own a user namespace: %s", strerror(errno));
	free(map);
	free(group_map);
}

static void
test_full_disk(void **state)
{
	char *disk = xasprintf("%s/disk", test_dir());

	assert_int_equal(mkdir(disk, 0700), 0);
	private_mounts();
	if (mount("tmpfs", disk, "tmpfs", 0, "size=14m,mode=700") != 0)
		fail_msg("no small disk can be made (%s): this test needs root with the right "
			 "to mount, or user namespaces for all",
			 strerror(errno));
	fill_up_and_go_on(disk);
	umount2(disk, MNT_DETACH);
	free(disk);
}

/* The same without a mount: no file may grow. A write that is cut short is an
 * input/output error to LMDB; nothing is forgotten in either case. */
static void
test_file_size_limit(void **state)
{
	struct fix *f = *state;
	struct rlimit limit, small;
	uint32_t n = 0;
	struct stat st;

	while (n < 20)
		assert_int_equal(accept_many(f->w, n++, &f->err), 0);
	char *path = xasprintf("%s/journal/data.mdb", f->state_dir);
	assert_int_equal(stat(path, &st), 0);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = (rlim_t)st.st_size + 16384;
	setrlimit(RLIMIT_FSIZE, &small);
	struct err err = ERR_INIT;
	while (accept_many(f->w, n, &err) == 0 && n < 1000)
		n++;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(err.kind == ERR_NOSPACE || err.kind == ERR_SYSTEM);
	assert_int_equal(n_records(f->s), n * 20);
	assert_int_equal(accept_many(f->w, n, &f->err), 0);
	assert_int_equal(n_records(f->s), (n + 1) * 20);
	free(path);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_cache_of_another_schema),
		T(test_cache_with_damaged_header),
		T(test_cache_deleted),
		T(test_check_finds_damaged_pages),
		T(test_journal_is_never_dropped),
		T(test_journal_lost),
		T(test_one_writer),
		T(test_reader_follows_files),
		T(test_cache_deleted_while_open),
		cmocka_unit_test(test_full_disk),
		T(test_file_size_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
