/* Rows, counters and chunks against a plain model, by random operations; orphans;
 * snapshots of other processes. */
#include "lib/storefix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/mem.h"

static void
test_names(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "InBox"), other = fix_mailbox(f, "inbox2");
	struct mailbox m;
	char name[2000];

	assert_int_equal(fix_mailbox(f, "INBOX"), inbox);
	assert_int_not_equal(inbox, other);
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_mailbox_by_name(v, STR("acc"), STR("inbox"), &m, &f->err), 0);
	assert_str(m.name, "INBOX");
	assert_int_equal(m.id, inbox);
	assert_int_equal(store_mailbox_by_name(v, STR("ac"), STR("inbox"), &m, &f->err), 1);
	store_end(v);
	/* Longer than a key may be, and different at the end alone. */
	memset(name, 'x', sizeof(name));
	name[1999] = '\0';
	uint32_t a = fix_mailbox(f, name);
	name[1998] = 'y';
	uint32_t b = fix_mailbox(f, name);
	assert_int_not_equal(a, b);
	assert_int_equal(fix_mailbox(f, name), b);
}

static bool
collect_name(const struct mailbox *m, void *ctx)
{
	buf_addf(ctx, "%.*s/%.*s ", STR_ARG(m->account), STR_ARG(m->name));
	return true;
}

static void
test_each_mailbox(void **state)
{
	struct fix *f = *state;
	struct buf names = BUF_INIT;
	uint32_t id;

	fix_mailbox(f, "b");
	fix_mailbox(f, "a");
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	assert_int_equal(store_put_mailbox_name(t, STR("acc2"), STR("c"), &id, &f->err), 0);
	assert_int_equal(store_put_mailbox_name(t, STR("ab"), STR("d"), &id, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_each_mailbox(v, STR_NONE, collect_name, &names, &f->err), 0);
	assert_str(buf_str(&names), "ab/d acc/a acc/b acc2/c ");
	buf_reset(&names);
	assert_int_equal(store_each_mailbox(v, STR("acc"), collect_name, &names, &f->err), 0);
	assert_str(buf_str(&names), "acc/a acc/b ");
	store_end(v);
	buf_release(&names);
}

static void
test_steps(void **state)
{
	struct fix *f = *state;
	uint32_t before = fix_mailbox(f, "a"), id = fix_mailbox(f, "b"), after = fix_mailbox(f, "c");
	struct row row;

	fix_put(f, before, fix_row(9, 9, 0));
	fix_put(f, after, fix_row(9, -9, 0));
	fix_put(f, id, fix_row(1, 3000, ROW_SEEN));
	fix_put(f, id, fix_row(2, -5, ROW_FLAGGED));
	fix_put(f, id, fix_row(3, 2999, 0));
	fix_shows(f, id, "2:F 3: 1:S");
	struct store_view *v = store_begin(f->s, &f->err);
	struct store_rows *r = store_rows_begin(v, id, &f->err);
	assert_int_equal(store_rows_at(r, 1, &row, &f->err), 0);
	assert_int_equal(store_rows_next(r, &row, &f->err), 0);
	assert_int_equal(row.uid, 1);
	assert_str(row.keywords, "$Label1 work");
	assert_int_equal(store_rows_next(r, &row, &f->err), 1);
	assert_int_equal(store_rows_prev(r, &row, &f->err), 0);
	assert_int_equal(row.uid, 3);
	assert_int_equal(store_rows_prev(r, &row, &f->err), 0);
	assert_int_equal(store_rows_prev(r, &row, &f->err), 1);
	assert_int_equal(store_rows_next(r, &row, &f->err), 0);
	assert_int_equal(row.uid, 3);
	assert_int_equal(store_rows_at(r, 3, &row, &f->err), 1);
	store_rows_end(r);
	r = store_rows_begin(v, 4711, &f->err); /* there is no such mailbox */
	assert_int_equal(store_rows_count(r), 0);
	assert_int_equal(store_rows_at(r, 0, &row, &f->err), 1);
	store_rows_end(r);
	store_end(v);
}

static void
test_counts(void **state)
{
	struct fix *f = *state;
	uint32_t id = fix_mailbox(f, "INBOX");
	uint64_t locals[4];
	struct mailbox m;
	struct mailbox_counts c;

	for (uint32_t n = 0; n < 4; n++)
		locals[n] = fix_put(f, id, fix_row(n + 1, n, n == 0 ? ROW_SEEN | ROW_FLAGGED : 0));
	fix_accept(f, (struct intent){ .kind = INTENT_FLAG, .local = locals[1],
				       .set_flags = ROW_SEEN | ROW_FLAGGED });
	fix_accept(f, (struct intent){ .kind = INTENT_MOVE, .local = locals[2], .target = STR("B") });
	fix_accept(f, (struct intent){ .kind = INTENT_DELETE, .local = locals[3] });
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_mailbox(v, id, &m, &f->err), 0);
	assert_int_equal(m.n_rows, 4);
	assert_int_equal(m.n_unseen, 3);
	m.exists = 4;
	m.status_messages = m.status_unseen = MAILBOX_COUNT_ROWS;
	assert_int_equal(store_mailbox_counts(v, &m, &c, &f->err), 0);
	assert_int_equal(c.messages, 3);
	assert_int_equal(c.unseen, 1);
	assert_int_equal(c.flagged, 2);
	assert_int_equal(c.to_delete, 1);
	m.status_messages = 100;
	m.status_unseen = 50;
	assert_int_equal(store_mailbox_counts(v, &m, &c, &f->err), 0);
	assert_int_equal(c.messages, 99);
	assert_int_equal(c.unseen, 48);
	store_end(v);
}

static void
test_touched(void **state)
{
	struct fix *f = *state;
	uint32_t a = fix_mailbox(f, "a"), b = fix_mailbox(f, "b"), at = 0;
	uint64_t locals[4], local;
	struct row row = fix_row(1, 1, 0);
	struct mailbox m;
	bool many;

	struct store_txn *t = store_txn_begin(f->w, &f->err);
	assert_int_equal(store_put_row(t, b, &row, &local, &f->err), 0);
	assert_true(store_txn_next_mailbox(t, &at));
	assert_int_equal(at, b);
	assert_false(store_txn_next_mailbox(t, &at));
	assert_int_equal(store_txn_touched(t, b, locals, 4, &many), 1);
	assert_int_equal(locals[0], local);
	assert_false(many);
	assert_int_equal(store_txn_touched(t, b, locals, 0, &many), 0);
	assert_true(many);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_mailbox(v, b, &m, &f->err), 0);
	assert_int_equal(m.generation, 1);
	assert_int_equal(store_mailbox(v, a, &m, &f->err), 0);
	assert_int_equal(m.generation, 0);
	store_end(v);
}

/* ---- orphans ---------------------------------------------------------------------- */

static void
remove_uids(struct fix *f, uint32_t id, const char *uids, uint32_t want)
{
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	uint32_t n;

	assert_int_equal(store_remove_uids(t, id, str_c(uids), &n, &f->err), 0);
	assert_int_equal(n, want);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
}

static void
test_orphans(void **state)
{
	struct fix *f = *state;
	uint32_t id = fix_mailbox(f, "INBOX"), b = fix_mailbox(f, "B");
	uint64_t local = fix_put(f, id, fix_row(1, 1, 0));
	struct text_state text = { .have = 5, .total = 9 }, got;

	struct store_txn *t = store_txn_begin(f->w, &f->err);
	assert_int_equal(store_put_text(t, local, &text, &f->err), 0);
	assert_int_equal(store_put_structure(t, local, STR("s"), &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	remove_uids(f, id, "1:7,9", 1);
	fix_shows(f, id, "");
	/* It appears elsewhere: the same message, with its text. */
	struct row row = fix_row(1, 1, 0);
	row.uid = 30;
	assert_int_equal(fix_put(f, b, row), local);
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_text(v, local, &got, &f->err), 0);
	assert_int_equal(got.have, 5);
	store_end(v);
	/* A second one is another. */
	row.uid = 31;
	assert_int_not_equal(fix_put(f, b, row), local);
	/* Both lose their rows: who comes then could be either, and is neither. */
	remove_uids(f, b, "30:31", 2);
	row.uid = 32;
	uint64_t third = fix_put(f, b, row);
	assert_int_not_equal(third, local);
	/* After thirty days nothing is left of them. */
	for (int n = 0; n < 257; n++)
		store_sweep(f->w, INT64_C(1) << 40);
	v = store_begin(f->s, &f->err);
	assert_int_equal(store_text(v, local, &got, &f->err), 1);
	store_end(v);
}

static void
test_new_uidvalidity(void **state)
{
	struct fix *f = *state;
	uint32_t id = fix_mailbox(f, "INBOX");
	uint64_t first = fix_put(f, id, fix_row(1, 1, 0)), second = fix_put(f, id, fix_row(2, 2, 0));
	struct mailbox m;

	struct store_txn *t = store_txn_begin(f->w, &f->err);
	assert_int_equal(store_orphan_mailbox(t, id, &f->err), 0);
	struct row row = fix_row(2, 2, 0);
	uint64_t local;
	row.uid = 1;
	assert_int_equal(store_put_row(t, id, &row, &local, &f->err), 0);
	assert_int_equal(local, second);
	row = fix_row(1, 1, 0);
	row.uid = 2;
	assert_int_equal(store_put_row(t, id, &row, &local, &f->err), 0);
	assert_int_equal(local, first);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_mailbox(v, id, &m, &f->err), 0);
	assert_int_equal(m.covered.len, 0);
	assert_int_equal(m.n_rows, 2);
	store_end(v);
}

static void
test_text_files(void **state)
{
	struct fix *f = *state;
	uint32_t id = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, id, fix_row(1, 1, 0));
	char *tmp, *path = store_text_path(f->s, local), *stray = store_text_path(f->s, 999);

	for (int n = 0; n < 2; n++) {
		int fd = store_text_create(f->w, n == 0 ? local : 999, &tmp, &f->err);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, "text", 4), 4);
		close(fd);
		assert_int_equal(store_text_install(f->w, n == 0 ? local : 999, tmp, &f->err), 0);
		assert_int_equal(access(tmp, F_OK), -1);
		free(tmp);
	}
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(access(stray, R_OK), 0);
	for (int n = 0; n < 257; n++)
		store_sweep(f->w, 0);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(access(stray, R_OK), -1);
	free(path);
	free(stray);
}

/* ---- a model ----------------------------------------------------------------------------- */

#define M_MAX 1500

struct model_row {
	uint32_t uid, flags;
	int64_t date;
	uint64_t local;
	bool is_hidden; /* a planned move lies over it */
	bool is_held;
	uint32_t set, clear;
};

struct model {
	struct model_row v[M_MAX];
	size_t n;
	uint32_t next_uid;
};

static int
by_date(const void *a, const void *b)
{
	const struct model_row *x = a, *y = b;

	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void
compare(struct fix *f, uint32_t id, struct model *m, struct test_random *rnd, uint64_t seed)
{
	struct store_view *v = store_begin(f->s, &f->err);
	struct store_rows *r = store_rows_begin(v, id, &f->err);
	struct row row;
	uint32_t n = 0, rank;

	assert_non_null(r);
	qsort(m->v, m->n, sizeof(m->v[0]), by_date);
	for (size_t i = 0; i < m->n; i++) {
		const struct model_row *w = &m->v[i];
		if (store_rows_rank(r, (struct row_key){ w->date, w->uid }, &rank, &f->err) != 0 ||
		    rank != n)
			fail_msg("seed %llu: rank %u, not %u", (unsigned long long)seed, rank, n);
		if (w->is_hidden)
			continue;
		uint32_t want = (w->flags & ~w->clear) | w->set;
		want |= w->set | w->clear ? ROW_PENDING : 0;
		want |= w->is_held ? ROW_TO_DELETE : 0;
		if (store_rows_at(r, n, &row, &f->err) != 0 || row.uid != w->uid ||
		    row.date != w->date || row.local != w->local || row.flags != want)
			fail_msg("seed %llu: row %u", (unsigned long long)seed, n);
		n++;
	}
	assert_int_equal(store_rows_count(r), n);
	if (n > 1) { /* walk a piece from anywhere */
		uint32_t at = test_random(rnd, n);
		struct row next;
		assert_int_equal(store_rows_at(r, at, &row, &f->err), 0);
		for (uint32_t k = at + 1; k < n && k < at + 20; k++) {
			assert_int_equal(store_rows_next(r, &next, &f->err), 0);
			assert_true(next.date >= row.date);
			row = next;
		}
	}
	store_rows_end(r);
	store_end(v);
}

static void
model_add(struct fix *f, struct store_txn *t, uint32_t id, struct model *m, struct test_random *r)
{
	/* Many with the same date; mostly newest first, as a mailbox is filled. */
	struct model_row w = { .uid = m->next_uid++,
			       .date = (int64_t)test_random(r, 400) - 200,
			       .flags = test_random(r, 8) };
	struct row row = fix_row(w.uid, w.date, w.flags);

	row.size_bytes = w.uid;
	if (m->n == M_MAX)
		return;
	assert_int_equal(store_put_row(t, id, &row, &w.local, &f->err), 0);
	m->v[m->n++] = w;
}

static void
model_change(struct fix *f, struct store_txn *t, uint32_t id, struct model *m,
	     struct test_random *r)
{
	struct model_row *w = &m->v[test_random(r, (uint32_t)m->n)];
	struct row_flags_change c = { w->uid, test_random(r, 32), 0, STR("k") };

	switch (test_random(r, 3)) {
	case 0: /* other flags */
		w->flags = c.flags;
		assert_int_equal(store_put_flags(t, id, &c, &f->err), 0);
		return;
	case 1: { /* another date */
		w->date = (int64_t)test_random(r, 400) - 200;
		w->flags = c.flags;
		struct row row = fix_row(w->uid, w->date, w->flags);
		row.size_bytes = w->uid;
		assert_int_equal(store_put_row(t, id, &row, NULL, &f->err), 0);
		return;
	}
	default: { /* gone */
		char uids[32];
		snprintf(uids, sizeof(uids), "%u", w->uid);
		assert_int_equal(store_remove_uids(t, id, str_c(uids), NULL, &f->err), 0);
		*w = m->v[--m->n];
	}
	}
}

static void
model_batch(struct fix *f, uint32_t id, struct model *m, struct test_random *r)
{
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	struct model *saved = xmemdup(m, sizeof(*m));
	bool grows = test_random(r, 2) == 0;

	assert_non_null(t);
	for (uint32_t n = test_random(r, 120); n > 0; n--) {
		if (m->n == 0 || test_random(r, 4) < (grows ? 3u : 1u))
			model_add(f, t, id, m, r);
		else
			model_change(f, t, id, m, r);
	}
	if (test_random(r, 10) == 0) {
		store_txn_abort(t);
		*m = *saved;
	} else {
		assert_int_equal(store_txn_commit(t, &f->err), 0);
	}
	free(saved);
}

static void
model_intents(struct fix *f, struct model *m, struct test_random *r, uint32_t post)
{
	struct intent v[8];
	size_t n = 0;
	uint8_t post_id[16] = { 7 };

	memcpy(post_id + 4, &post, sizeof(post));
	while (m->n > 0 && n < ARRAY_LEN(v)) {
		struct model_row *w = &m->v[test_random(r, (uint32_t)m->n)];
		struct intent *i = &v[n++];
		*i = (struct intent){ .local = w->local };
		uint32_t what = test_random(r, 3);
		if (what == 0 && !w->is_hidden) {
			i->kind = INTENT_MOVE;
			i->target = STR("elsewhere");
			w->is_hidden = true;
			w->is_held = false;
		} else if (what == 1 && !w->is_hidden) {
			i->kind = INTENT_DELETE;
			w->is_held = true;
		} else {
			i->kind = INTENT_FLAG;
			i->set_flags = 1u << test_random(r, 5);
			w->set |= i->set_flags;
			w->clear &= ~i->set_flags;
		}
	}
	assert_int_equal(journal_accept(f->w, post_id, v, n, false, 1, &f->err), 0);
}

static void
test_model(void **state)
{
	struct fix *f = *state;
	struct model *m = xcalloc(1, sizeof(*m));

	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct test_random r = { seed * 0x1234567 };
		char name[8];
		snprintf(name, sizeof(name), "m%u", (unsigned)seed);
		uint32_t id = fix_mailbox(f, name);
		memset(m, 0, sizeof(*m));
		m->next_uid = 1;
		for (int round = 0; round < 40; round++) {
			model_batch(f, id, m, &r);
			if (round >= 20)
				model_intents(f, m, &r, (uint32_t)(seed * 100) + (uint32_t)round);
			compare(f, id, m, &r, seed);
		}
	}
	free(m);
}

static void
test_many_chunks(void **state)
{
	struct fix *f = *state;
	struct arena a = ARENA_INIT;
	struct row row, want;
	uint32_t id, rank, n = 20000;

	assert_int_equal(gen_mailbox(f->w, "acc", "big", n, &id, &f->err), 0);
	struct store_view *v = store_begin(f->s, &f->err);
	struct store_rows *r = store_rows_begin(v, id, &f->err);
	assert_int_equal(store_rows_count(r), n);
	for (uint32_t i = 0; i < n; i += 37) {
		assert_int_equal(store_rows_at(r, i, &row, &f->err), 0);
		assert_int_equal(store_rows_rank(r, (struct row_key){ row.date, row.uid }, &rank,
						 &f->err), 0);
		assert_int_equal(rank, i);
		gen_row(row.uid - 1, &want, &a);
		assert_str_is(row.subject, want.subject);
		assert_str_is(row.from_name, want.from_name);
		assert_str_is(row.ancestors, want.ancestors);
		assert_int_equal(row.id_hash, want.id_hash);
		arena_reset(&a);
	}
	store_rows_end(r);
	store_end(v);
	char *known = store_known_uids(f->w, id, &f->err);
	assert_string_equal(known, "1:20000");
	free(known);
	remove_uids(f, id, "1:19000", 19000);
	fix_close(f);
	assert_int_equal(store_check(&f->paths, &f->err), 0);
	arena_release(&a);
}

/* ---- other processes ------------------------------------------------------------------------ */

/* A reader of its own: row n always has flags of one commit (all or none are seen). */
static int
read_until_told(const struct store_paths *paths, int fd)
{
	struct err err = ERR_INIT;
	struct store *s = store_open(paths, &err);
	unsigned seen = 0;
	char c;

	while (s != NULL && recv(fd, &c, 1, MSG_DONTWAIT) < 0) {
		struct store_view *v = store_begin(s, &err);
		struct mailbox m;
		struct row row;
		uint32_t n_seen = 0;
		if (v == NULL)
			return 2;
		if (store_mailbox_by_name(v, STR("acc"), STR("INBOX"), &m, &err) != 0) {
			store_end(v);
			continue;
		}
		struct store_rows *r = store_rows_begin(v, m.id, &err);
		for (uint32_t i = 0; i < store_rows_count(r); i++) {
			if (store_rows_at(r, i, &row, &err) != 0)
				return 3;
			n_seen += (row.flags & ROW_SEEN) != 0;
		}
		if (n_seen != 0 && n_seen != store_rows_count(r))
			return 4;
		if (m.n_unseen != store_rows_count(r) - n_seen)
			return 5;
		store_rows_end(r);
		store_end(v);
		seen++;
	}
	store_close(s);
	return s != NULL && seen > 0 ? 0 : 6;
}

static void
test_readers_while_writing(void **state)
{
	struct fix *f = *state;
	pid_t pids[2];
	int pipes[2][2];

	fix_close(f); /* fork only without an environment */
	for (int n = 0; n < 2; n++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pipes[n]), 0);
		pids[n] = fork();
		if (pids[n] == 0)
			_exit(read_until_told(&f->paths, pipes[n][1]));
	}
	fix_open(f);
	uint32_t id = fix_mailbox(f, "INBOX");
	for (unsigned round = 0; round < 150; round++) {
		struct store_txn *t = store_txn_begin(f->w, &f->err);
		for (uint32_t uid = 1; uid <= 40; uid++) {
			struct row row = fix_row(uid, uid, round % 2 ? ROW_SEEN : 0);
			assert_int_equal(store_put_row(t, id, &row, NULL, &f->err), 0);
		}
		assert_int_equal(store_txn_commit(t, &f->err), 0);
	}
	for (int n = 0; n < 2; n++) {
		int status;
		assert_int_equal(write(pipes[n][0], "x", 1), 1);
		waitpid(pids[n], &status, 0);
		assert_int_equal(status, 0);
		close(pipes[n][0]);
		close(pipes[n][1]);
	}
}

/* A reader that holds a snapshot sees it unchanged, is named, and its slot is
 * given back when it dies. */
static void
test_reader_held_long(void **state)
{
	struct fix *f = *state;
	int to[2], from[2];
	char c;
	uint64_t behind;
	int pid;

	fix_mailbox(f, "INBOX");
	fix_close(f);
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid_t child = fork();
	if (child == 0) {
		struct err err = ERR_INIT;
		struct store *s = store_open(&f->paths, &err);
		struct store_view *v = store_begin(s, &err);
		struct store_rows *r = store_rows_begin(v, 1, &err);
		if (write(from[1], "r", 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(9);
		if (store_rows_count(r) != 0)
			_exit(8);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(from[0], &c, 1), 1);
	fix_open(f);
	for (uint32_t n = 1; n <= 20; n++)
		fix_put(f, 1, fix_row(n, n, 0));
	store_readers(f->w, &behind, &pid);
	assert_int_equal(behind, 20);
	assert_int_equal(pid, child);
	assert_int_equal(write(to[1], "x", 1), 1);
	int status;
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	store_readers(f->w, &behind, &pid);
	assert_int_equal(behind, 0);
	assert_int_equal(pid, 0);
	for (int n = 0; n < 2; n++) {
		close(to[n]);
		close(from[n]);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_names),	     T(test_each_mailbox),
		T(test_steps),	     T(test_counts),
		T(test_touched),     T(test_orphans),
		T(test_new_uidvalidity), T(test_text_files),
		T(test_model),	     T(test_many_chunks),
		T(test_readers_while_writing), T(test_reader_held_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
