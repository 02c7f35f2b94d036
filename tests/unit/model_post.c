/* Changes: posted, laid over, acknowledged, and asked again of the next manager. */
#include "lib/wire.h"

static void
open_mailbox(struct model *m)
{
	struct buf b = BUF_INIT;
	struct msg_opened opened = { .mailbox = 7 };

	model_open(m, STR("me@host"), STR("INBOX"), false, NULL, NULL);
	model_connected(m);
	assert_non_null(wire_last(MSG_OPEN_MAILBOX));
	msg_put_opened(&b, &opened);
	wire_event(m, MSG_OPENED, wire_last(MSG_OPEN_MAILBOX)->id, &b);
}

static struct msg_post
last_post(void)
{
	struct msg_post p;
	const struct wire_frame *s = wire_last(MSG_POST);

	assert_non_null(s);
	assert_int_equal(msg_get_post(str_n(s->payload, s->len), &p, NULL), 0);
	return p;
}

static void
acknowledge(struct model *m, uint8_t id)
{
	uint8_t post_id[16] = { id };
	struct msg_ack ack = { .post_id = str_n((const char *)post_id, 16) };
	struct buf b = BUF_INIT;

	msg_put_ack(&b, &ack);
	wire_event(m, MSG_ACK, 0, &b);
}

static void
a_flag_is_posted_and_acknowledged(void **state)
{
	const uint64_t locals[] = { 5, 3 };
	struct model *m = wire_model();

	open_mailbox(m);
	wire.next_id = 40;
	model_flag(m, locals, 2, ROW_FLAGGED, 0);
	struct msg_post p = last_post();
	assert_int_equal(p.kind, INTENT_FLAG);
	/* By its name: the number is the cache's. */
	assert_str(p.account, "me@host");
	assert_str(p.mailbox, "INBOX");
	assert_int_equal(p.set_flags, ROW_FLAGGED);
	assert_int_equal(p.locals.len, 16);
	assert_int_equal(model_n_unsaved(m), 1);
	acknowledge(m, 99); /* somebody else's */
	assert_int_equal(model_n_unsaved(m), 1);
	acknowledge(m, 41);
	assert_int_equal(model_n_unsaved(m), 0);
	model_free(m);
}

static void
nothing_is_posted_for_nothing(void **state)
{
	struct model *m = wire_model();

	open_mailbox(m);
	model_flag(m, NULL, 0, ROW_SEEN, 0);
	assert_null(wire_last(MSG_POST));
	model_free(m);
}

static void
what_has_no_answer_goes_to_the_next_manager(void **state)
{
	const uint64_t local = 9;
	struct model *m = wire_model();

	open_mailbox(m);
	wire.next_id = 50;
	model_move(m, &local, 1, STR("me@host"), STR("Archive"), false);
	struct msg_post first = last_post();
	char id[16];
	memcpy(id, first.post_id.ptr, 16);
	model_disconnected(m);
	/* While there is none, more is kept; nothing is sent. */
	model_delete(m, &local, 1, false);
	assert_int_equal(wire_count(MSG_POST), 1);
	model_connected(m);
	assert_int_equal(wire_count(MSG_POST), 3);
	assert_int_equal(wire_count(MSG_OPEN_MAILBOX), 2);
	/* With the same id, so that it is done once. */
	const struct wire_frame *again = NULL;
	struct msg_post p;
	for (size_t i = 0, n = 0; i < wire.frames.n; i++)
		if (wire.frames.v[i].type == MSG_POST && ++n == 2)
			again = &wire.frames.v[i];
	assert_int_equal(msg_get_post(str_n(again->payload, again->len), &p, NULL), 0);
	assert_memory_equal(p.post_id.ptr, id, 16);
	acknowledge(m, 51);
	acknowledge(m, 52);
	assert_int_equal(model_n_unsaved(m), 0);
	/* Acknowledged: never again. */
	model_disconnected(m);
	model_connected(m);
	assert_int_equal(wire_count(MSG_POST), 3);
	model_free(m);
}

static void
a_refusal_is_said_and_forgotten(void **state)
{
	const uint64_t local = 9;
	struct model *m = wire_model();
	struct buf b = BUF_INIT;

	open_mailbox(m);
	wire.next_id = 60;
	model_flag(m, &local, 1, ROW_SEEN, 0);
	uint8_t id[16] = { 61 };
	struct msg_refused r = { .post_id = str_n((const char *)id, 16),
				 .kind = ERR_NOSPACE,
				 .text = STR("the disk is full") };
	msg_put_refused(&b, &r);
	wire_event(m, MSG_REFUSED, wire_last(MSG_POST)->id, &b);
	assert_int_equal(model_n_unsaved(m), 0);
	assert_true(model_take_refusal(m));
	assert_false(model_take_refusal(m));
	assert_string_equal(model_log_line(m, model_n_log(m) - 1)->text,
			    "not saved: the disk is full");
	model_free(m);
}

static void
deletes_say_whether_they_are_held(void **state)
{
	const uint64_t local = 4;
	struct model *m = wire_model();

	open_mailbox(m);
	model_delete(m, &local, 1, false);
	assert_int_equal(last_post().set_flags, 0);
	assert_int_equal(last_post().clear_flags, 0);
	model_delete(m, &local, 1, true);
	assert_int_equal(last_post().set_flags, 1);
	model_undelete(m, &local, 1);
	assert_int_equal(last_post().kind, INTENT_DELETE);
	assert_int_equal(last_post().clear_flags, 1);
	model_release(m);
	assert_int_equal(wire_count(MSG_RELEASE), 1);
	model_free(m);
}

static void
many_messages_are_several_posts(void **state)
{
	enum { N = 250000 };
	uint64_t *locals = xcalloc(N, sizeof(*locals));
	struct model *m = wire_model();

	for (size_t i = 0; i < N; i++)
		locals[i] = i + 1;
	open_mailbox(m);
	model_flag(m, locals, N, ROW_SEEN, 0);
	assert_int_equal(wire_count(MSG_POST), 3);
	for (size_t i = 0; i < wire.frames.n; i++)
		assert_true(wire.frames.v[i].len <= IPC_MAX_PAYLOAD);
	free(locals);
	model_free(m);
}

static unsigned n_ends;

static void
ended(void *ctx, const struct ipc_frame *f, bool is_end)
{
	n_ends += is_end;
}

static void
a_request_ends_once(void **state)
{
	struct model *m = wire_model();
	struct buf b = BUF_INIT;
	struct msg_done d = { .text = STR("undone: move of 1 message") };

	open_mailbox(m);
	n_ends = 0;
	model_undo(m, ended, NULL);
	msg_put_done(&b, &d);
	wire_event(m, MSG_DONE, wire_last(MSG_UNDO)->id, &b);
	assert_int_equal(n_ends, 1);
	msg_put_done(&b, &d);
	wire_event(m, MSG_DONE, wire_last(MSG_UNDO)->id, &b);
	assert_int_equal(n_ends, 1);
	model_free(m);
}

static void
tags_are_a_set(void **state)
{
	struct model *m = wire_model();

	open_mailbox(m);
	for (uint64_t i = 1; i <= 1000; i++)
		model_tag(m, i * 64, true);
	for (uint64_t i = 1; i <= 1000; i += 2)
		model_tag(m, i * 64, false);
	assert_int_equal(model_n_tagged(m), 500);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(model_is_tagged(m, i * 64), i % 2 == 0);
	model_untag_all(m);
	assert_int_equal(model_n_tagged(m), 0);
	model_free(m);
}

static void
a_question_is_withdrawn(void **state)
{
	struct model *m = wire_model();
	struct model_question q;
	struct buf b = BUF_INIT;
	struct msg_question ask = { .question = 3, .kind = QUESTION_PASSWORD,
				    .account = STR("me@host"), .prompt = STR("Password") };
	struct msg_question_gone gone = { .question = 3 };

	model_connected(m);
	msg_put_question(&b, &ask);
	wire_event(m, MSG_QUESTION, 0, &b);
	assert_true(model_question(m, &q));
	assert_string_equal(q.prompt, "Password");
	msg_put_question_gone(&b, &gone);
	wire_event(m, MSG_QUESTION_GONE, 0, &b);
	assert_false(model_question(m, &q));
	/* An answer that comes late goes nowhere. */
	model_answer_question(m, 3, ANSWER_YES, STR("secret"));
	assert_null(wire_last(MSG_ANSWER));
	model_free(m);
}

static void
nonsense_is_survived(void **state)
{
	struct model *m = wire_model();

	open_mailbox(m);
	for (unsigned type = MSG_FIRST_EVENT; type < MSG_END; type++) {
		struct buf b = BUF_INIT;
		buf_adds(&b, "\xff\xff\xff\xff nonsense");
		wire_event(m, (enum msg_type)type, 1, &b);
	}
	assert_true(model_n_log(m) > 0);
	model_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flag_is_posted_and_acknowledged),
		cmocka_unit_test(nothing_is_posted_for_nothing),
		cmocka_unit_test(what_has_no_answer_goes_to_the_next_manager),
		cmocka_unit_test(a_refusal_is_said_and_forgotten),
		cmocka_unit_test(deletes_say_whether_they_are_held),
		cmocka_unit_test(many_messages_are_several_posts),
		cmocka_unit_test(a_request_ends_once),
		cmocka_unit_test(tags_are_a_set),
		cmocka_unit_test(a_question_is_withdrawn),
		cmocka_unit_test(nonsense_is_survived),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	wire_forget();
	return failed;
}
