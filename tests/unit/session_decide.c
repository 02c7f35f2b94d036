/* The decisions of the manager, one by one. */
#include "../../src/session/internal.h"
#include "lib/test.h"

static void
backoff_doubles_up_to_five_minutes(void **state)
{
	(void)state;
	assert_int_equal(decide_backoff_ms(1, 0.5), 1000);
	assert_int_equal(decide_backoff_ms(2, 0.5), 2000);
	assert_int_equal(decide_backoff_ms(4, 0.5), 8000);
	assert_int_equal(decide_backoff_ms(30, 0.5), 300000);
	assert_int_equal(decide_backoff_ms(1000000, 0.5), 300000);
}

static void
backoff_varies_by_a_quarter(void **state)
{
	(void)state;
	assert_int_equal(decide_backoff_ms(3, 0.0), 3000);
	assert_int_equal(decide_backoff_ms(3, 0.999999), 4999);
}

static void
a_refused_connection_lowers_the_cap_for_a_day(void **state)
{
	(void)state;
	const int64_t day = 24 * 60 * 60 * 1000;
	struct conn_cap c = { .max = 4, .now = 4 };

	decide_cap_lower(&c, 2, true, 1000, 5000);
	assert_int_equal(decide_cap(&c, 5000), 2);
	assert_int_equal(decide_cap(&c, 5000 + day - 1), 2);
	assert_int_equal(decide_cap(&c, 5000 + day), 3);
	assert_int_equal(decide_cap(&c, 5000 + day), 3);
	assert_int_equal(decide_cap(&c, 5000 + 2 * day), 4);
	assert_int_equal(decide_cap(&c, 5000 + 9 * day), 4);
	/* Not refused, only unlucky. */
	decide_cap_lower(&c, 0, false, 1000, 5000);
	assert_int_equal(decide_cap(&c, 5999), 1);
	assert_int_equal(decide_cap(&c, 6000), 2);
}

static void
what_is_refused_is_tried_so_many_times(void **state)
{
	(void)state;
	assert_int_equal(decide_try_again_s(ERR_RETRY, 1), 1);
	assert_int_equal(decide_try_again_s(ERR_RETRY, 2), 2);
	assert_int_equal(decide_try_again_s(ERR_RETRY, 3), -1);
	assert_int_equal(decide_try_again_s(ERR_RETRY, 4000000000u), -1);
	assert_int_equal(decide_try_again_s(ERR_WAIT, 1), 2);
	assert_int_equal(decide_try_again_s(ERR_WAIT, 4), 128);
	assert_int_equal(decide_try_again_s(ERR_WAIT, 5), -1);
	assert_int_equal(decide_try_again_s(ERR_REFUSED, 1), -1);
	assert_int_equal(decide_try_again_s(ERR_PROTO, 1), -1);
}

/* A clock that was set back a year holds no change back for a year (SAFETY 3, row 25). */
static void
a_clock_set_back_holds_nothing_back(void **state)
{
	const int64_t now = 1800000000, year = 365 * 24 * 60 * 60;

	(void)state;
	assert_false(decide_must_wait(0, now));
	assert_false(decide_must_wait(now, now));
	assert_true(decide_must_wait(now + 1, now));
	assert_true(decide_must_wait(now + decide_try_again_s(ERR_WAIT, 4), now));
	assert_false(decide_must_wait(now + 3600, now));
	assert_false(decide_must_wait(now, now - year));
	assert_false(decide_must_wait(now, now + year));
}

static void
what_failed_in_company_ends_up_alone(void **state)
{
	(void)state;
	struct intent a = { .kind = INTENT_FLAG, .set_flags = 1 }, b = a;

	assert_true(decide_batch_limit(0) > decide_batch_limit(1));
	/* Alone before it is refused or parked. */
	assert_int_equal(decide_batch_limit(2), 1);
	assert_int_equal(decide_batch_limit(4000000000u), 1);
	assert_true(decide_same_batch(&a, &b, STR_NONE));
	b.attempts = 1;
	assert_false(decide_same_batch(&a, &b, STR_NONE));
}

static void
a_vanish_of_most_is_not_believed(void **state)
{
	(void)state;
	assert_true(decide_vanish_is_plausible(0, 0));
	assert_true(decide_vanish_is_plausible(50, 50));
	assert_false(decide_vanish_is_plausible(51, 51));
	assert_true(decide_vanish_is_plausible(200, 1000));
	assert_false(decide_vanish_is_plausible(201, 1000));
	assert_false(decide_vanish_is_plausible(4000000000u, 4000000000u));
}

static void
a_delete_goes_to_the_trash_and_from_there_for_good(void **state)
{
	struct intent i = { .kind = INTENT_DELETE, .mailbox = STR("INBOX") };
	struct str target;

	(void)state;
	assert_int_equal(decide_class(&i, STR("Trash"), &target), PUSH_MOVE);
	assert_true(str_eqc(target, "Trash"));
	i.mailbox = STR("Trash");
	assert_int_equal(decide_class(&i, STR("Trash"), &target), PUSH_EXPUNGE);
	assert_int_equal(decide_class(&i, STR_NONE, &target), PUSH_EXPUNGE);
}

static void
a_delete_that_began_keeps_its_trash(void **state)
{
	struct intent i = { .kind = INTENT_DELETE, .mailbox = STR("INBOX"), .target = STR("Old") };
	struct str target;

	(void)state;
	assert_int_equal(decide_class(&i, STR("New"), &target), PUSH_MOVE);
	assert_true(str_eqc(target, "Old"));
}

static void
only_what_is_one_command_is_one_batch(void **state)
{
	struct intent a = { .kind = INTENT_FLAG, .set_flags = ROW_SEEN };
	struct intent b = a;

	(void)state;
	assert_true(decide_same_batch(&a, &b, STR_NONE));
	b.set_flags = ROW_FLAGGED;
	assert_false(decide_same_batch(&a, &b, STR_NONE));
	a = (struct intent){ .kind = INTENT_MOVE, .mailbox = STR("A"), .target = STR("B") };
	b = a;
	assert_true(decide_same_batch(&a, &b, STR_NONE));
	b.target = STR("C");
	assert_false(decide_same_batch(&a, &b, STR_NONE));
	b = a;
	b.stage = STAGE_COPIED;
	assert_false(decide_same_batch(&a, &b, STR_NONE));
	b = (struct intent){ .kind = INTENT_DELETE, .mailbox = STR("A") };
	assert_true(decide_same_batch(&a, &b, STR("B")));
}

static void
uncertain_changes_have_the_fate_of_the_table(void **state)
{
	struct intent flag = { .kind = INTENT_FLAG };
	struct intent move = { .kind = INTENT_MOVE };
	struct intent copy = { .kind = INTENT_COPY };

	(void)state;
	assert_int_equal(decide_uncertain(&flag, PUSH_FLAG, true), FATE_REPEAT);
	assert_int_equal(decide_uncertain(&flag, PUSH_FLAG, false), FATE_REPEAT);
	/* Native MOVE: still there means that nothing happened. */
	assert_int_equal(decide_uncertain(&move, PUSH_MOVE, true), FATE_REPEAT);
	assert_int_equal(decide_uncertain(&move, PUSH_MOVE, false), FATE_DONE);
	/* COPY, STORE, EXPUNGE: the copy may be there already. */
	move.stage = STAGE_COPYING;
	assert_int_equal(decide_uncertain(&move, PUSH_MOVE, true), FATE_PROBE);
	move.stage = STAGE_COPIED;
	assert_int_equal(decide_uncertain(&move, PUSH_MOVE, true), FATE_REPEAT);
	assert_int_equal(decide_uncertain(&copy, PUSH_COPY, true), FATE_PROBE);
	copy.target_uid = 7;
	assert_int_equal(decide_uncertain(&copy, PUSH_COPY, true), FATE_DONE);
	assert_int_equal(decide_uncertain(&move, PUSH_EXPUNGE, true), FATE_REPEAT);
	assert_int_equal(decide_uncertain(&move, PUSH_EXPUNGE, false), FATE_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff_doubles_up_to_five_minutes),
		cmocka_unit_test(backoff_varies_by_a_quarter),
		cmocka_unit_test(a_refused_connection_lowers_the_cap_for_a_day),
		cmocka_unit_test(what_is_refused_is_tried_so_many_times),
		cmocka_unit_test(a_clock_set_back_holds_nothing_back),
		cmocka_unit_test(what_failed_in_company_ends_up_alone),
		cmocka_unit_test(a_vanish_of_most_is_not_believed),
		cmocka_unit_test(a_delete_goes_to_the_trash_and_from_there_for_good),
		cmocka_unit_test(a_delete_that_began_keeps_its_trash),
		cmocka_unit_test(only_what_is_one_command_is_one_batch),
		cmocka_unit_test(uncertain_changes_have_the_fate_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
