/* What a folded thread hides is looked for in slices: no key waits for a long one. */
#include "lib/storefix.h"

#include <stdlib.h>
#include <string.h>
#include "tern/model.h"

enum { N_REPLIES = 2000 };

static uint64_t last_request;

static bool
record(void *ctx, enum msg_type type, uint64_t id, struct str payload)
{
	last_request = id;
	return true;
}

static void
no_chance(void *ctx, uint8_t out[16])
{
	memset(out, 7, 16);
}

/* A message and its answers, all read but the first answer; whose local id. */
static uint64_t
put_thread(struct fix *f, uint32_t mailbox)
{
	const uint64_t root = 1234;
	uint64_t local, unread = 0;
	struct store_txn *t = store_txn_begin(f->w, &f->err);

	for (uint32_t n = 0; n <= N_REPLIES; n++) {
		struct row row = fix_row(n + 1, 1000 + n, n == 1 ? 0 : ROW_SEEN);
		row.id_hash = root + n;
		if (n > 0)
			row.ancestors = str_n((const char *)&root, sizeof(root));
		assert_int_equal(store_put_row(t, mailbox, &row, &local, &f->err), 0);
		if (n == 1)
			unread = local;
	}
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	return unread;
}

static void
open_in_threads(struct model *m, uint32_t mailbox)
{
	struct thread_spec order = THREAD_SPEC_INIT;
	struct msg_opened opened = { .mailbox = mailbox };
	struct buf b = BUF_INIT;

	model_open(m, STR("acc"), STR("INBOX"), false, NULL, NULL);
	model_connected(m);
	msg_put_opened(&b, &opened);
	struct ipc_frame f = { .type = MSG_OPENED, .id = last_request, .payload = buf_str(&b),
			       .fd = -1 };
	model_event(m, &f);
	buf_release(&b);
	order.sort = ORDER_THREADS;
	model_set_order(m, &order, true);
	while (model_is_working(m))
		model_work(m, 1000000);
}

static enum model_hidden
drawn(struct model *m)
{
	struct model_row row;

	assert_true(model_row(m, 0, &row));
	assert_int_equal(row.n_hidden, N_REPLIES);
	return row.hides;
}

/* In how many slices, each as short as can be. */
static unsigned
n_slices(struct model *m)
{
	unsigned n = 0;

	for (; model_is_working(m); n++) {
		model_work(m, 0);
		model_rest(m);
	}
	return n;
}

static void
a_long_one_is_looked_through_between_keys(void **state)
{
	struct fix *f = *state;
	struct err err = ERR_INIT;
	struct model_params params = { .paths = &f->paths, .send = record, .random = no_chance };
	uint32_t mailbox = fix_mailbox(f, "INBOX");
	uint64_t unread = put_thread(f, mailbox);

	fix_close(f);
	struct model *m = model_new(&params, &err);
	open_in_threads(m, mailbox);
	/* Drawing does not look. */
	assert_int_equal(drawn(m), MODEL_HIDES_READ);
	assert_true(n_slices(m) > 10);
	assert_int_equal(drawn(m), MODEL_HIDES_OLD);
	assert_false(model_is_working(m));
	/* What was known holds until it is known better. */
	model_flag(m, &unread, 1, ROW_SEEN, 0);
	assert_int_equal(drawn(m), MODEL_HIDES_OLD);
	model_work(m, 0);
	model_flag(m, &unread, 1, 0, ROW_SEEN); /* and again, while it is under way */
	n_slices(m);
	drawn(m);
	n_slices(m);
	assert_int_equal(drawn(m), MODEL_HIDES_OLD);
	model_flag(m, &unread, 1, ROW_SEEN, 0);
	drawn(m);
	assert_true(n_slices(m) > 10);
	assert_int_equal(drawn(m), MODEL_HIDES_READ);
	model_free(m);
	fix_open(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_long_one_is_looked_through_between_keys,
						fix_setup, fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
