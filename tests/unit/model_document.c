/* A message that is read: asked for again when its server can be reached again. */
#include "lib/wire.h"

static void
account_is(struct model *m, unsigned state)
{
	struct buf b = BUF_INIT;
	struct msg_account_state s = { .account = STR("me@host"), .state = (uint8_t)state };

	msg_put_account_state(&b, &s);
	wire_event(m, MSG_ACCOUNT_STATE, 0, &b);
}

static void
read_fails(struct model *m, enum err_kind kind)
{
	struct buf b = BUF_INIT;
	struct msg_failed failed = { .kind = (uint8_t)kind, .text = STR("the server does not answer") };

	msg_put_failed(&b, &failed);
	wire_event(m, MSG_FAILED, wire_last(MSG_READ)->id, &b);
}

static void
test_what_could_not_be_fetched_is_asked_for_again(void **state)
{
	struct model *m = wire_model();
	struct model_read how = { 0 };

	model_connected(m);
	account_is(m, ACCOUNT_READY);
	struct model_doc *d = model_doc_open(m, 1234, &how);
	account_is(m, ACCOUNT_CONNECTING);
	read_fails(m, ERR_WAIT);
	assert_string_equal(model_doc_trouble(d), "the server does not answer");
	assert_int_equal(wire_count(MSG_READ), 1);
	account_is(m, ACCOUNT_WAITING);
	assert_int_equal(wire_count(MSG_READ), 1);
	account_is(m, ACCOUNT_READY);
	assert_int_equal(wire_count(MSG_READ), 2);
	assert_null(model_doc_trouble(d));
	/* Once for each time that it is reached. */
	account_is(m, ACCOUNT_BUSY);
	read_fails(m, ERR_WAIT);
	account_is(m, ACCOUNT_READY);
	assert_int_equal(wire_count(MSG_READ), 2);
	model_doc_free(d);
	model_free(m);
}

static void
test_what_is_gone_is_not_asked_for_again(void **state)
{
	struct model *m = wire_model();
	struct model_read how = { 0 };

	model_connected(m);
	struct model_doc *d = model_doc_open(m, 1234, &how);
	read_fails(m, ERR_GONE);
	account_is(m, ACCOUNT_READY);
	assert_int_equal(wire_count(MSG_READ), 1);
	assert_non_null(model_doc_trouble(d));
	model_doc_free(d);
	model_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_could_not_be_fetched_is_asked_for_again),
		cmocka_unit_test(test_what_is_gone_is_not_asked_for_again),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	wire_forget();
	return failed;
}
