/* kill -9 of the writer at any moment: what was acknowledged is there, once.
 * And every write-class system call as the moment: the files are copied at each,
 * also with writes dropped that no sync had made durable, and opened again. */
#include "lib/storefix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/base/vec.h"

#define ROWS 60

static void
post_of(uint32_t n, uint8_t post_id[16])
{
	memset(post_id, 0, 16);
	post_id[0] = 'k';
	memcpy(post_id + 4, &n, sizeof(n));
}

/* Post n: two intents, of which nothing coalesces. */
static int
post(struct store_writer *w, uint32_t n, struct err *err)
{
	struct intent v[2] = {
		{ .kind = INTENT_COPY, .account = STR("acc"), .mailbox = STR("INBOX"),
		  .uid = 1 + n % ROWS, .uidvalidity = 9, .target = STR("A") },
		{ .kind = INTENT_COPY, .account = STR("acc"), .mailbox = STR("INBOX"),
		  .uid = 1 + n % ROWS, .uidvalidity = 9, .target = STR("B") },
	};
	uint8_t post_id[16];

	post_of(n, post_id);
	return journal_accept(w, post_id, v, 2, false, 1000, err);
}

struct tally {
	unsigned *n; /* records of each post */
	uint32_t max;
};

static bool
tally_post(const struct intent *i, void *ctx)
{
	struct tally *t = ctx;
	uint32_t n;

	memcpy(&n, i->post_id + 4, sizeof(n));
	if (i->post_id[0] == 'k' && n < t->max)
		t->n[n]++;
	return true;
}

/* Posts before `acked` are there, `acked` itself may be, whole; later ones not. */
static void
check_posts(struct store *s, uint32_t acked, const char *when)
{
	struct err err = ERR_INIT;
	struct tally t = { xcalloc(acked + 8, sizeof(unsigned)), acked + 8 };
	struct store_view *v = store_begin(s, &err);

	if (v == NULL)
		fail_msg("%s: %s", when, err.text);
	assert_int_equal(store_each_intent(v, UINT32_MAX, tally_post, &t, &err), 0);
	for (uint32_t n = 0; n < t.max; n++) {
		bool is_fine = n < acked ? t.n[n] == 2 : n == acked ? t.n[n] % 2 == 0 && t.n[n] <= 2 :
								      t.n[n] == 0;
		if (!is_fine)
			fail_msg("%s: post %u of %u acknowledged is there %u times", when, n, acked,
				 t.n[n]);
	}
	free(t.n);
	store_end(v);
}

/* ---- kill -9 ------------------------------------------------------------------------- */

/* Commit rows and posts for ever; each post that is durable is told. */
static void
write_until_killed(const struct store_paths *paths, uint32_t first, uint64_t seed, int fd)
{
	struct err err = ERR_INIT;
	struct test_random r = { seed };
	struct store_writer *w = store_writer_open(paths, -1, NULL, &err);
	struct arena a = ARENA_INIT;
	uint32_t id, uid;

	if (w == NULL)
		_exit(3);
	for (uint32_t n = first;; n++) {
		struct store_txn *t = store_txn_begin(w, &err);
		if (t == NULL || store_put_mailbox_name(t, STR("acc"), STR("INBOX"), &id, &err) != 0)
			_exit(4);
		for (uint32_t k = 0; k < 30; k++) {
			struct row row;
			gen_row(test_random(&r, 2000), &row, &a);
			row.date += test_random(&r, 1000);
			uid = row.uid;
			if (store_put_row(t, id, &row, NULL, &err) != 0)
				_exit(5);
		}
		char uids[32];
		snprintf(uids, sizeof(uids), "%u:%u", uid > 5 ? uid - 5 : 1, uid);
		if (store_remove_uids(t, id, str_c(uids), NULL, &err) != 0)
			_exit(6);
		arena_reset(&a);
		/* The journal commits while a transaction of the cache is open, too. */
		if (test_random(&r, 2) == 0 && post(w, n++, &err) == 0 &&
		    write(fd, &(uint32_t){ n }, 4) != 4)
			_exit(7);
		if (store_txn_commit(t, &err) != 0 || post(w, n, &err) != 0)
			_exit(8);
		if (write(fd, &(uint32_t){ n + 1 }, 4) != 4)
			_exit(7);
	}
}

/* A reader beside the writer: its environment outlives the killed one's. */
static pid_t
start_reader(const struct store_paths *paths)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	struct err err = ERR_INIT;
	struct store *s = store_open(paths, &err);
	for (;;) {
		struct store_view *v = store_begin(s, &err);
		if (v == NULL) {
			fprintf(stderr, "# reader: %s\n", err.text);
			_exit(1);
		}
		struct store_rows *r = store_rows_begin(v, 1, &err);
		struct row row;
		if (store_rows_count(r) > 0 && store_rows_at(r, store_rows_count(r) - 1, &row, &err) != 0)
			_exit(2);
		store_rows_end(r);
		store_end(v);
		usleep(500);
	}
}

static uint32_t
run_and_kill(const struct store_paths *paths, uint32_t first, struct test_random *r)
{
	uint32_t acked = first, spin = test_random(r, 60000), stop = 1 + test_random(r, 2);
	uint64_t seed = 1 + test_random(r, 1u << 30);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		write_until_killed(paths, first, seed, fds[1]);
	}
	close(fds[1]);
	for (uint32_t n = 0; n < stop; n++)
		if (read(fds[0], &acked, 4) != 4)
			break;
	for (volatile uint32_t n = 0; n < spin; n++)
		;
	kill(pid, SIGKILL);
	while (read(fds[0], &acked, 4) == 4)
		;
	int status;
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		fail_msg("the writer failed by itself: %d", WEXITSTATUS(status));
	close(fds[0]);
	return acked;
}

static void
test_kills(void **state)
{
	struct fix *f = *state;
	const char *given = getenv("TERN_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)tick_us();
	struct test_random r = { seed };
	uint32_t acked = 0;
	char when[64];

	fix_close(f);
	print_message("# seed %llu\n", (unsigned long long)seed);
	for (int n = 0; n < 100; n++) {
		pid_t reader = n % 3 == 1 && n > 3 ? start_reader(&f->paths) : 0;
		acked = run_and_kill(&f->paths, acked, &r);
		snprintf(when, sizeof(when), "seed %llu, kill %d", (unsigned long long)seed, n);
		if (store_check(&f->paths, &f->err) != 0)
			fail_msg("%s: %s", when, f->err.text);
		fix_open(f);
		check_posts(f->s, acked, when);
		/* What was not acknowledged is posted again: once in all. */
		assert_int_equal(post(f->w, acked++, &f->err), 0);
		check_posts(f->s, acked, when);
		fix_close(f);
		if (reader != 0) {
			kill(reader, SIGKILL);
			int status;
			waitpid(reader, &status, 0);
			if (!WIFSIGNALED(status))
				fail_msg("%s: the reader failed: %d", when, WEXITSTATUS(status));
		}
	}
}

/* ---- every system call that writes -------------------------------------------------------- */

/* Writes to the data files since their last sync, to be dropped one by one. */
struct lost_write {
	char *path;
	off_t at;
	size_t len;
	char *before; /* what was there */
};

static struct {
	bool is_on;
	const struct fix *f;
	char *dir; /* of the copies */
	unsigned n_points;
	uint32_t acked;
	VEC(uint32_t) acked_at; /* at each point */
	VEC(struct lost_write) unsynced;
	struct test_random random;
} rec;

static void
copy_file(const char *from, const char *to)
{
	struct buf data = BUF_INIT;
	int in = (int)syscall(SYS_openat, AT_FDCWD, from, O_RDONLY | O_CLOEXEC);
	int out = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char block[65536];
	ssize_t n;

	buf_release(&data);
	while (in >= 0 && (n = read(in, block, sizeof(block))) > 0)
		if (syscall(SYS_write, out, block, n) != n)
			BUG("cannot copy");
	close(in);
	close(out);
}

static char *
copy_path(unsigned point, const char *kind, const char *sub)
{
	return xasprintf("%s/%u/%s/%s", rec.dir, point, kind, sub);
}

/* Undo some of the writes that only the page cache has, as a power cut may. */
static void
drop_writes(unsigned point)
{
	for (size_t i = 0; i < rec.unsynced.n; i++) {
		const struct lost_write *l = &rec.unsynced.v[i];
		bool is_cache = strstr(l->path, "/cache/data.mdb") != NULL;
		if (test_random(&rec.random, 2) == 0)
			continue;
		char *to = copy_path(point, is_cache ? "c" : "s",
				     is_cache ? "cache/data.mdb" : "journal/data.mdb");
		int fd = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY);
		if (syscall(SYS_pwrite64, fd, l->before, l->len, l->at) != (long)l->len)
			BUG("cannot drop a write");
		close(fd);
		free(to);
	}
}

static void
copy_stores(bool drops)
{
	static const char *const subs[][3] = { { "c", "cache", "cache/data.mdb" },
					       { "s", "journal", "journal/data.mdb" } };
	unsigned point = rec.n_points++;

	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		char *dir = copy_path(point, subs[i][0], subs[i][1]);
		char *from = xasprintf("%s/%s", i == 0 ? rec.f->cache_dir : rec.f->state_dir,
				       subs[i][2]);
		char *to = copy_path(point, subs[i][0], subs[i][2]);
		fs_mkdir_p(dir, 0700, NULL);
		if (syscall(SYS_access, from, F_OK) == 0) {
			copy_file(from, to);
			/* A reader wants one; LMDB makes it what it should be. */
			char *lock = xasprintf("%s/lock.mdb", dir);
			close((int)syscall(SYS_openat, AT_FDCWD, lock, O_WRONLY | O_CREAT, 0600));
			free(lock);
		}
		free(dir);
		free(from);
		free(to);
	}
	if (drops)
		drop_writes(point);
	vec_push(&rec.acked_at, rec.acked);
}

static char *
path_of(int fd)
{
	char link[64], path[4096];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	return n <= 0 ? xstrdup("") : xstrndup(path, (size_t)n);
}

static bool
is_ours(const char *path)
{
	return strstr(path, rec.f->cache_dir) != NULL || strstr(path, rec.f->state_dir) != NULL;
}

static void
forget_writes(const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < rec.unsynced.n; i++) {
		struct lost_write *l = &rec.unsynced.v[i];
		if (strcmp(l->path, path) == 0) {
			free(l->path);
			free(l->before);
		} else {
			rec.unsynced.v[n++] = *l;
		}
	}
	rec.unsynced.n = n;
}

/* A descriptor with O_DSYNC writes through: the write itself is durable. Then all
 * that came before stays as unsynced as it was. */
static void
before_write(int fd, size_t len, off_t at)
{
	if (!rec.is_on)
		return;
	rec.is_on = false;
	char *path = path_of(fd);
	if (is_ours(path)) {
		copy_stores(false);
		if (rec.unsynced.n > 0)
			copy_stores(true);
		/* What is made under another name is synced before it gets its own. */
		if (strstr(path, "data.mdb") != NULL && strstr(path, ".new/") == NULL && at >= 0 &&
		    (fcntl(fd, F_GETFL) & O_DSYNC) == 0) {
			struct lost_write l = { xstrdup(path), at, len, xcalloc(1, len) };
			if (syscall(SYS_pread64, fd, l.before, len, at) < 0) {
				/* Opened for writing alone: nothing is known of it. */
				int in = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
				if (syscall(SYS_pread64, in, l.before, len, at) < 0)
					BUG("cannot read what will be written over");
				close(in);
			}
			vec_push(&rec.unsynced, l);
		}
	}
	free(path);
	rec.is_on = true;
}

static void
before_sync(int fd)
{
	if (!rec.is_on)
		return;
	before_write(fd, 0, -1);
	rec.is_on = false;
	char *path = path_of(fd);
	forget_writes(path);
	free(path);
	rec.is_on = true;
}

static size_t
iov_len(const struct iovec *v, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += v[i].iov_len;
	return len;
}

static bool is_disk_bad; /* the page that says which commit counts cannot be written */

/* Ours stand before the C library's: LMDB calls these. */
ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	if (is_disk_bad && at < 8192 && n < 4096) {
		errno = EIO;
		return -1;
	}
	before_write(fd, n, at);
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite64(fd, p, n, at);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	before_write(fd, n, rec.is_on ? lseek(fd, 0, SEEK_CUR) : 0);
	return syscall(SYS_write, fd, p, n);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	before_write(fd, iov_len(v, n), rec.is_on ? lseek(fd, 0, SEEK_CUR) : 0);
	return syscall(SYS_writev, fd, v, n);
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	before_write(fd, iov_len(v, n), at);
	return syscall(SYS_pwritev, fd, v, n, (long)at, 0);
}

int
fsync(int fd)
{
	before_sync(fd);
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	before_sync(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int
ftruncate64(int fd, off64_t len)
{
	before_write(fd, 0, -1);
	return (int)syscall(SYS_ftruncate, fd, len);
}

int
ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

int
rename(const char *from, const char *to)
{
	if (rec.is_on) {
		rec.is_on = false;
		copy_stores(rec.unsynced.n > 0);
		rec.is_on = true;
	}
	return (int)syscall(SYS_rename, from, to);
}

/* A session in small: rows, flags, changes accepted, sent, confirmed, undone. */
static void
session(struct fix *f)
{
	struct arena a = ARENA_INIT;
	uint32_t id = fix_mailbox(f, "INBOX");

	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t uid = 1; uid <= ROWS; uid += 6 + round)
			fix_put(f, id, fix_row(uid, uid * 7 % 50 + round, round));
		assert_int_equal(post(f->w, rec.acked, &f->err), 0);
		rec.acked++;
		struct store_txn *t = store_txn_begin(f->w, &f->err);
		for (uint32_t n = 0; n < 300; n++) {
			struct row row;
			gen_row(1000 * round + n, &row, &a);
			assert_int_equal(store_put_row(t, id, &row, NULL, &f->err), 0);
		}
		assert_int_equal(store_txn_commit(t, &f->err), 0);
		struct intent i = fix_record(f, 1 + round * 2, &a);
		i.state = round % 2 ? INTENT_CONFIRMED : INTENT_SENT;
		assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
		t = store_txn_begin(f->w, &f->err);
		assert_int_equal(store_remove_uids(t, id, STR("10:250"), NULL, &f->err), 0);
		assert_int_equal(store_txn_commit(t, &f->err), 0);
		arena_reset(&a);
	}
	arena_release(&a);
}

static void
check_copy(unsigned point)
{
	char *cache = copy_path(point, "c", ""), *state = copy_path(point, "s", "");
	struct store_paths paths = { cache, state };
	uint32_t acked = rec.acked_at.v[point];
	struct err err = ERR_INIT;
	char when[32];
	bool rebuilt;

	snprintf(when, sizeof(when), "point %u", point);
	if (store_check(&paths, &err) != 0)
		fail_msg("%s: %s", when, err.text);
	struct store *s = store_open(&paths, &err);
	if (s == NULL)
		fail_msg("%s: %s", when, err.text);
	check_posts(s, acked, when);
	store_close(s);
	if (point % 4 != 0) { /* a writer takes longer */
		free(cache);
		free(state);
		return;
	}
	struct store_writer *w = store_writer_open(&paths, -1, &rebuilt, &err);
	if (w == NULL)
		fail_msg("%s: %s", when, err.text);
	check_posts(store_writer_reader(w), acked, when);
	if (post(w, acked, &err) != 0)
		fail_msg("%s: %s", when, err.text);
	check_posts(store_writer_reader(w), acked + 1, when);
	store_writer_close(w);
	if (store_check(&paths, &err) != 0)
		fail_msg("%s: %s", when, err.text);
	/* The reserve is eight megabytes each time. */
	char *reserve = copy_path(point, "s", "reserve");
	unlink(reserve);
	free(reserve);
	free(cache);
	free(state);
}

static void
test_every_write(void **state)
{
	struct fix *f = *state;

	rec.dir = xasprintf("%s/points", test_dir());
	rec.f = f;
	rec.random.state = 4711;
	/* From the very first call: the stores are made under watch, too. */
	fix_close(f);
	char *clean = xasprintf("rm -rf '%s' '%s'", f->cache_dir, f->state_dir);
	assert_int_equal(system(clean), 0);
	rec.is_on = true;
	fix_open(f);
	session(f);
	fix_close(f);
	rec.is_on = false;
	print_message("# %u points\n", rec.n_points);
	assert_in_range(rec.n_points, 300, 100000);
	for (unsigned point = 0; point < rec.n_points; point++)
		check_copy(point);
	free(clean);
	free(rec.dir);
	vec_release(&rec.acked_at);
	for (size_t i = 0; i < rec.unsynced.n; i++) {
		free(rec.unsynced.v[i].path);
		free(rec.unsynced.v[i].before);
	}
	vec_release(&rec.unsynced);
}

/* Whether it is on the disk nobody knows, and LMDB takes nothing more until the file is
 * opened anew: no answer, and not a refusal. */
static void
test_a_commit_that_nobody_can_vouch_for(void **state)
{
	struct fix *f = *state;

	fix_mailbox(f, "INBOX");
	assert_int_equal(post(f->w, 0, &f->err), 0);
	is_disk_bad = true;
	assert_int_equal(post(f->w, 1, &f->err), -1);
	is_disk_bad = false;
	assert_err(f->err, ERR_DAMAGED);
	f->err = (struct err)ERR_INIT;
	assert_int_equal(post(f->w, 1, &f->err), -1);
	assert_err(f->err, ERR_DAMAGED);
	fix_close(f);
	f->err = (struct err)ERR_INIT;
	fix_open(f);
	assert_int_equal(post(f->w, 1, &f->err), 0);
	check_posts(store_writer_reader(f->w), 2, "opened anew");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(test_kills), T(test_every_write),
					    T(test_a_commit_that_nobody_can_vouch_for) };

	/* What a kill leaves does not depend on the disk's syncs: without them there is
	 * time for more. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
