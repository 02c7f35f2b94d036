/* The stores: mailboxes, rows, counts, flags, removal, what readers see. */
#include "lib/genstore.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tern/base/mem.h"

static unsigned n_dirs;

/* A writer on directories of its own. */
struct fix {
	char *cache_dir, *state_dir;
	struct store_paths paths;
	struct store_writer *w;
	struct store *s;
	struct err err;
};

static int
setup(void **state)
{
	struct fix *f = xcalloc(1, sizeof(*f));
	bool rebuilt;

	f->cache_dir = xasprintf("%s/cache%u", test_dir(), n_dirs);
	f->state_dir = xasprintf("%s/state%u", test_dir(), n_dirs++);
	f->paths = (struct store_paths){ f->cache_dir, f->state_dir };
	f->w = store_writer_open(&f->paths, -1, &rebuilt, &f->err);
	if (f->w == NULL) {
		fprintf(stderr, "# %s\n", f->err.text);
		return -1;
	}
	f->s = store_writer_reader(f->w);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;
	struct err err = ERR_INIT;

	store_writer_close(f->w);
	int rc = store_check(&f->paths, &err);
	if (rc != 0)
		fprintf(stderr, "# %s\n", err.text);
	free(f->cache_dir);
	free(f->state_dir);
	free(f);
	return rc;
}

static struct row
row_of(uint32_t uid, int64_t date, uint32_t flags)
{
	struct row row = { .uid = uid,
			   .date = date,
			   .internaldate = date,
			   .flags = flags,
			   .size_bytes = 100 + uid,
			   .subject = STR("a subject"),
			   .from_name = STR("Somebody"),
			   .keywords = STR("$Label1 work"),
			   .message_id = STR("<id@example.org>") };
	return row;
}

static uint32_t
make_mailbox(struct fix *f, const char *name)
{
	uint32_t id = 0;
	struct store_txn *t = store_txn_begin(f->w, &f->err);

	assert_non_null(t);
	assert_int_equal(store_put_mailbox_name(t, STR("acc"), str_c(name), &id, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	return id;
}

static uint64_t
put(struct fix *f, uint32_t mailbox, struct row row)
{
	uint64_t local = 0;
	struct store_txn *t = store_txn_begin(f->w, &f->err);

	assert_non_null(t);
	assert_int_equal(store_put_row(t, mailbox, &row, &local, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	return local;
}

static void
test_mailbox_names(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = make_mailbox(f, "InBox"), again = make_mailbox(f, "INBOX");
	uint32_t other = make_mailbox(f, "inbox2");
	struct mailbox m;

	assert_int_equal(inbox, again);
	assert_int_not_equal(inbox, other);
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_mailbox_by_name(v, STR("acc"), STR("inbox"), &m, &f->err), 0);
	assert_str(m.name, "INBOX");
	assert_int_equal(m.id, inbox);
	assert_int_equal(store_mailbox_by_name(v, STR("ac"), STR("inbox"), &m, &f->err), 1);
	store_end(v);
}

static void
test_rows(void **state)
{
	struct fix *f = *state;
	uint32_t id = make_mailbox(f, "INBOX");
	struct row row;
	uint64_t newest = put(f, id, row_of(1, 3000, ROW_SEEN));
	uint64_t oldest = put(f, id, row_of(2, -5, ROW_FLAGGED));
	uint64_t middle = put(f, id, row_of(3, 3000 - 1, 0));

	struct store_view *v = store_begin(f->s, &f->err);
	struct store_rows *r = store_rows_begin(v, id, &f->err);
	assert_int_equal(store_rows_count(r), 3);
	assert_int_equal(store_rows_at(r, 0, &row, &f->err), 0);
	assert_int_equal(row.local, oldest);
	assert_int_equal(row.date, -5);
	assert_int_equal(row.uid, 2);
	assert_str(row.subject, "a subject");
	assert_str(row.keywords, "$Label1 work");
	assert_int_equal(store_rows_next(r, &row, &f->err), 0);
	assert_int_equal(row.local, middle);
	assert_int_equal(store_rows_next(r, &row, &f->err), 0);
	assert_int_equal(row.local, newest);
	assert_int_equal(store_rows_next(r, &row, &f->err), 1);
	assert_int_equal(store_rows_prev(r, &row, &f->err), 0);
	assert_int_equal(row.local, middle);
	assert_int_equal(store_rows_at(r, 3, &row, &f->err), 1);
	uint32_t rank;
	assert_int_equal(store_rows_rank(r, (struct row_key){ 3000, 1 }, &rank, &f->err), 0);
	assert_int_equal(rank, 2);
	store_rows_end(r);
	struct mailbox m;
	assert_int_equal(store_mailbox(v, id, &m, &f->err), 0);
	assert_int_equal(m.n_rows, 3);
	assert_int_equal(m.n_unseen, 2);
	assert_int_equal(m.n_flagged, 1);
	store_end(v);
}

static void
accept_one(struct fix *f, uint8_t post, struct intent i)
{
	uint8_t post_id[16] = { post };

	assert_int_equal(journal_accept(f->w, post_id, &i, 1, false, 1000, &f->err), 0);
}

static void
test_overlay_of_flags(void **state)
{
	struct fix *f = *state;
	uint32_t id = make_mailbox(f, "INBOX");
	uint64_t local = put(f, id, row_of(7, 100, ROW_FLAGGED));
	struct row row;
	uint32_t where;

	accept_one(f, 1, (struct intent){ .kind = INTENT_FLAG, .local = local,
					  .set_flags = ROW_SEEN, .clear_flags = ROW_FLAGGED });
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_row(v, local, &where, &row, &f->err), 0);
	assert_int_equal(where, id);
	assert_int_equal(row.flags, ROW_SEEN | ROW_PENDING);
	assert_int_equal(store_n_waiting(v), 1);
	struct mailbox m;
	struct mailbox_counts c;
	assert_int_equal(store_mailbox(v, id, &m, &f->err), 0);
	m.status_messages = 1;
	m.status_unseen = 1;
	assert_int_equal(store_mailbox_counts(v, &m, &c, &f->err), 0);
	assert_int_equal(c.unseen, 0);
	assert_int_equal(c.flagged, 0);
	assert_int_equal(c.messages, 1);
	store_end(v);
}

static void
test_moved_row_is_not_shown(void **state)
{
	struct fix *f = *state;
	uint32_t id = make_mailbox(f, "INBOX");
	uint64_t locals[3];
	struct row row;

	for (uint32_t n = 0; n < 3; n++)
		locals[n] = put(f, id, row_of(n + 1, n, 0));
	accept_one(f, 1, (struct intent){ .kind = INTENT_MOVE, .local = locals[1],
					  .target = STR("Archive") });
	struct store_view *v = store_begin(f->s, &f->err);
	struct store_rows *r = store_rows_begin(v, id, &f->err);
	assert_int_equal(store_rows_count(r), 2);
	assert_int_equal(store_rows_at(r, 1, &row, &f->err), 0);
	assert_int_equal(row.local, locals[2]);
	assert_int_equal(store_rows_prev(r, &row, &f->err), 0);
	assert_int_equal(row.local, locals[0]);
	store_rows_end(r);
	store_end(v);
}

static void
test_a_lot(void **state)
{
	struct fix *f = *state;
	uint32_t id;
	struct row row, want;
	struct arena a = ARENA_INIT;

	assert_int_equal(gen_mailbox(f->w, "acc", "big", 20000, &id, &f->err), 0);
	struct store_view *v = store_begin(f->s, &f->err);
	struct store_rows *r = store_rows_begin(v, id, &f->err);
	assert_int_equal(store_rows_count(r), 20000);
	for (uint32_t n = 0; n < 20000; n += 371) {
		uint32_t rank;
		assert_int_equal(store_rows_at(r, n, &row, &f->err), 0);
		assert_int_equal(store_rows_rank(r, (struct row_key){ row.date, row.uid }, &rank,
						 &f->err), 0);
		assert_int_equal(rank, n);
		gen_row(row.uid - 1, &want, &a);
		assert_str_is(row.subject, want.subject);
		assert_str_is(row.ancestors, want.ancestors);
		arena_reset(&a);
	}
	store_rows_end(r);
	store_end(v);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mailbox_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlay_of_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved_row_is_not_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lot, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
