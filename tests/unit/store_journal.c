/* The journal: accepting, coalescing, releasing, undo, following moves. */
#include "lib/storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../src/store/internal.h"
#include "tern/base/mem.h"

static struct intent
flag(uint64_t local, uint32_t set, uint32_t clear)
{
	return (struct intent){ .kind = INTENT_FLAG, .local = local, .set_flags = set,
				.clear_flags = clear };
}

static struct intent
move(uint64_t local, const char *target)
{
	return (struct intent){ .kind = INTENT_MOVE, .local = local, .target = str_c(target) };
}

static struct intent
del(uint64_t local)
{
	return (struct intent){ .kind = INTENT_DELETE, .local = local };
}

static void
set_state(struct fix *f, uint64_t seq, unsigned state, uint32_t target_uid)
{
	struct arena a = ARENA_INIT;
	struct intent i = fix_record(f, seq, &a);

	i.state = (uint8_t)state;
	i.target_uid = target_uid;
	if (target_uid != 0)
		i.target_uidvalidity = 9;
	if (i.kind == INTENT_DELETE && i.target.len == 0)
		i.target = STR("Trash");
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	arena_release(&a);
}

static void
remove_uids(struct fix *f, uint32_t mailbox, const char *uids)
{
	struct store_txn *t = store_txn_begin(f->w, &f->err);

	assert_int_equal(store_remove_uids(t, mailbox, str_c(uids), NULL, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
}

/* The message of record `seq` is gone from one mailbox, and is in the other as `uid`. */
static void
arrived(struct fix *f, uint64_t seq, uint64_t local, uint32_t from, uint32_t to, uint32_t uid)
{
	struct row row = fix_row(uid, 1, 0);

	row.local = local;
	fix_put(f, to, row);
	remove_uids(f, from, "1:99");
	set_state(f, seq, INTENT_CONFIRMED, uid);
}

static void
undo(struct fix *f)
{
	free(fix_undo(f));
}

static void
undo_says(struct fix *f, const char *want)
{
	char *text = fix_undo(f);

	assert_string_equal(text, want);
	free(text);
}

static uint32_t
waiting(struct fix *f)
{
	struct store_view *v = store_begin(f->s, &f->err);
	uint32_t n = store_n_waiting(v);

	store_end(v);
	return n;
}

static void
test_post_twice(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	uint8_t post_id[16] = { 77 };

	for (int n = 0; n < 2; n++) {
		struct intent i = { .kind = INTENT_COPY, .local = local, .target = STR("B") };
		assert_int_equal(journal_accept(f->w, post_id, &i, 1, false, 1, &f->err), 0);
		fix_journal_is(f, "CP");
		fix_close(f);
		fix_open(f);
	}
	assert_int_equal(waiting(f), 1);
}

static void
test_fingerprint(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(5, 50, ROW_FLAGGED));
	struct arena a = ARENA_INIT;

	fix_accept(f, flag(local, ROW_SEEN, 0));
	struct intent i = fix_record(f, 1, &a);
	assert_str(i.account, "acc");
	assert_str(i.mailbox, "INBOX");
	assert_str(i.message_id, "<5@example.org>");
	assert_int_equal(i.uid, 5);
	assert_int_equal(i.uidvalidity, 9);
	assert_int_equal(i.size_bytes, 105);
	assert_int_equal(i.internaldate, 50);
	assert_int_equal(i.old_flags, ROW_FLAGGED);
	assert_int_equal(i.touched, ROW_SEEN);
	assert_int_equal(i.time, 1000);
	arena_release(&a);
}

static void
test_unknown_message_is_parked(void **state)
{
	struct fix *f = *state;

	fix_accept(f, flag(12345, ROW_SEEN, 0));
	fix_journal_is(f, "FX");
	assert_int_equal(waiting(f), 0);
	assert_int_equal(journal_drop(f->w, 1, &f->err), 0);
	fix_journal_is(f, "Fd");
}

/* The user saw it a moment ago; between two mailboxes it has no row. */
static void
test_message_between_two_mailboxes(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, ROW_FLAGGED));
	struct arena a = ARENA_INIT;

	fix_accept(f, move(local, "B"));
	set_state(f, 1, INTENT_SENT, 0);
	remove_uids(f, inbox, "1");
	/* Nobody knows yet whether it is done: it waits behind. */
	fix_accept(f, flag(local, ROW_SEEN, 0));
	fix_journal_is(f, "MS FP");
	set_state(f, 1, INTENT_CONFIRMED, 77);
	struct intent i = fix_record(f, 2, &a);
	assert_str(i.mailbox, "B");
	assert_int_equal(i.uid, 77);
	assert_int_equal(i.uidvalidity, 9);
	assert_str(i.message_id, "<1@example.org>");
	assert_int_equal(i.old_flags, ROW_FLAGGED);
	set_state(f, 2, INTENT_CONFIRMED, 0);
	/* All is done, and its row has not come. */
	fix_accept(f, del(local));
	fix_journal_is(f, "MC FC DH");
	i = fix_record(f, 3, &a);
	assert_str(i.mailbox, "B");
	assert_int_equal(i.uid, 77);
	assert_int_equal(i.uidvalidity, 9);
	assert_str(i.message_id, "<1@example.org>");
	arena_release(&a);
}

static void
test_message_expunged_is_parked(void **state)
{
	struct fix *f = *state;
	uint32_t trash = fix_mailbox(f, "Trash");
	uint64_t local = fix_put(f, trash, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, del(local));
	struct intent i = fix_record(f, 1, &a);
	i.state = INTENT_CONFIRMED; /* with no target: for good */
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	remove_uids(f, trash, "1");
	fix_accept(f, flag(local, ROW_SEEN, 0));
	fix_journal_is(f, "DC FX");
	arena_release(&a);
}

static void
test_flags_coalesce(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));

	fix_accept(f, flag(local, ROW_SEEN | ROW_FLAGGED, 0));
	fix_shows(f, inbox, "1:SFp");
	fix_accept(f, flag(local, 0, ROW_SEEN));
	fix_shows(f, inbox, "1:Fp");
	fix_journal_is(f, "FP FP");
	fix_accept(f, flag(local, ROW_ANSWERED, ROW_FLAGGED));
	fix_shows(f, inbox, "1:Ap");
	fix_journal_is(f, "Fd FP FP");
	/* What has gone out stays as it is. */
	set_state(f, 3, INTENT_SENT, 0);
	fix_accept(f, flag(local, ROW_FLAGGED, ROW_ANSWERED));
	fix_shows(f, inbox, "1:Fp");
	fix_journal_is(f, "Fd FP FS FP");
	/* Step by step back. */
	undo(f);
	fix_shows(f, inbox, "1:Ap");
	undo(f);
	fix_shows(f, inbox, "1:Fp");
	undo(f);
	fix_shows(f, inbox, "1:SFp");
	undo(f);
	fix_shows(f, inbox, "1:p");
	struct err err = ERR_INIT;
	uint8_t post_id[16] = { 3 };
	assert_int_equal(journal_undo(f->w, post_id, 1, NULL, &err), -1);
	assert_err(err, ERR_USER);
}

static void
test_undo_flag_not_sent(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, ROW_SEEN));

	fix_accept(f, flag(local, 0, ROW_SEEN));
	undo_says(f, "undone: change of flags of 1 message");
	fix_journal_is(f, "Fd");
	fix_shows(f, inbox, "1:S");
}

static void
test_undo_confirmed_flag_after_restart(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	uint8_t post_id[16] = { 9 };

	fix_accept(f, flag(local, ROW_FLAGGED, 0));
	fix_put(f, inbox, fix_row(1, 1, ROW_FLAGGED));
	set_state(f, 1, INTENT_CONFIRMED, 0);
	fix_shows(f, inbox, "1:F");
	fix_close(f);
	fix_open(f);
	for (int n = 0; n < 2; n++) { /* asked twice, done once */
		char *text;
		assert_int_equal(journal_undo(f->w, post_id, 1, &text, &f->err), 0);
		assert_string_equal(text, "undone: change of flags of 1 message");
		free(text);
		fix_journal_is(f, "FC FP");
		fix_shows(f, inbox, "1:p");
	}
}

static void
test_keyword(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX"), where;
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct row row;

	fix_accept(f, (struct intent){ .kind = INTENT_KEYWORD, .local = local,
				       .keyword = STR("todo"), .set_flags = 1 });
	fix_accept(f, (struct intent){ .kind = INTENT_KEYWORD, .local = local,
				       .keyword = STR("work") });
	struct store_view *v = store_begin(f->s, &f->err);
	assert_int_equal(store_row(v, local, &where, &row, &f->err), 0);
	assert_str(row.keywords, "$Label1 todo");
	store_end(v);
	undo(f);
	undo(f);
	v = store_begin(f->s, &f->err);
	assert_int_equal(store_row(v, local, &where, &row, &f->err), 0);
	assert_str(row.keywords, "$Label1 work");
	store_end(v);
	fix_journal_is(f, "Kd Kd");
}

static void
test_moves_coalesce(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, move(local, "B"));
	fix_shows(f, inbox, "");
	fix_accept(f, move(local, "C"));
	fix_journal_is(f, "Md MP");
	struct intent i = fix_record(f, 2, &a);
	assert_str(i.mailbox, "INBOX");
	assert_str(i.target, "C");
	assert_str(i.before, "B");
	/* Back home: nothing is left to do. */
	fix_accept(f, move(local, "inbox"));
	fix_journal_is(f, "Md Md Md");
	fix_shows(f, inbox, "1:");
	undo(f); /* to C */
	fix_shows(f, inbox, "");
	undo(f); /* to B */
	i = fix_record(f, 5, &a);
	assert_str(i.target, "B");
	fix_shows(f, inbox, "");
	undo(f); /* home */
	fix_shows(f, inbox, "1:");
	assert_int_equal(waiting(f), 0);
	arena_release(&a);
}

/* The record's message is in that mailbox, as far as it knows, and goes home. */
static struct intent
goes_home(struct fix *f, uint64_t seq, const char *from, uint32_t uid, struct arena *a)
{
	struct intent i = fix_record(f, seq, a);

	assert_str(i.mailbox, from);
	assert_int_equal(i.uid, uid);
	assert_str(i.target, "INBOX");
	return i;
}

/* Record 1 is on its way: undo shows the row at once, and waits behind it. */
static void
comes_back(struct fix *f, uint64_t local, const char *from, const char *journal)
{
	uint32_t inbox = fix_mailbox(f, "INBOX"), there = fix_mailbox(f, from);
	struct arena a = ARENA_INIT;

	fix_shows(f, inbox, "");
	undo(f);
	fix_journal_is(f, journal);
	fix_shows(f, inbox, "1:p");
	goes_home(f, 2, from, 0, &a);
	/* It arrived there as 40: the record that waits learns it. */
	arrived(f, 1, local, inbox, there, 40);
	assert_int_equal(goes_home(f, 2, from, 40, &a).uidvalidity, 9);
	fix_shows(f, there, "");
	arena_release(&a);
}

static void
test_undo_of_sent_move(void **state)
{
	struct fix *f = *state;
	uint64_t local = fix_put(f, fix_mailbox(f, "INBOX"), fix_row(1, 1, 0));

	fix_mailbox(f, "B");
	fix_accept(f, move(local, "B"));
	set_state(f, 1, INTENT_SENT, 0);
	comes_back(f, local, "B", "MS MP");
}

static void
test_undo_of_sent_move_that_is_refused(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));

	fix_accept(f, move(local, "B"));
	set_state(f, 1, INTENT_SENT, 0);
	undo(f);
	set_state(f, 1, INTENT_REFUSED, 0);
	fix_journal_is(f, "MR Md");
	fix_shows(f, inbox, "1:r");
}

static void
test_flags_follow_a_move(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, flag(local, ROW_FLAGGED, 0));
	fix_accept(f, move(local, "B"));
	set_state(f, 2, INTENT_SENT, 0);
	set_state(f, 2, INTENT_CONFIRMED, 77);
	struct intent i = fix_record(f, 1, &a);
	assert_str(i.mailbox, "B");
	assert_int_equal(i.uid, 77);
	assert_int_equal(i.state, INTENT_PLANNED);
	arena_release(&a);
}

static void
test_held_delete(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX"), n;
	uint64_t locals[3];
	uint8_t post_id[16] = { 99 };

	for (uint32_t uid = 1; uid <= 3; uid++)
		locals[uid - 1] = fix_put(f, inbox, fix_row(uid, uid, 0));
	fix_accept(f, del(locals[0]));
	fix_accept(f, del(locals[1]));
	fix_accept(f, del(locals[0])); /* again: in vain */
	fix_shows(f, inbox, "1:d 2:d 3:");
	assert_int_equal(waiting(f), 0);
	struct intent back = del(locals[1]);
	back.clear_flags = 1;
	fix_accept(f, back);
	fix_shows(f, inbox, "1:d 2: 3:");
	undo(f); /* of the undelete */
	fix_shows(f, inbox, "1:d 2:d 3:");
	for (int again = 0; again < 2; again++) {
		assert_int_equal(journal_release(f->w, post_id, STR("acc"), STR("INBOX"), &n,
						 &f->err), 0);
		assert_int_equal(n, 2);
	}
	fix_shows(f, inbox, "3:");
	assert_int_equal(waiting(f), 2);
	undo(f); /* both come back at once */
	fix_shows(f, inbox, "1: 2: 3:");
	assert_int_equal(waiting(f), 0);
}

/* What is held in the INBOX. */
static void
let_go(struct fix *f)
{
	uint8_t post_id[16] = { 5 };

	assert_int_equal(journal_release(f->w, post_id, STR("acc"), STR("INBOX"), NULL, &f->err), 0);
}

static void
test_undo_of_done_delete(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX"), trash = fix_mailbox(f, "Trash");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, del(local));
	let_go(f);
	arrived(f, 1, local, inbox, trash, 8);
	undo(f);
	fix_journal_is(f, "DC MP");
	goes_home(f, 2, "Trash", 8, &a);
	fix_shows(f, trash, "");
	arena_release(&a);
}

static void
test_undo_of_sent_delete(void **state)
{
	struct fix *f = *state;
	uint64_t local = fix_put(f, fix_mailbox(f, "INBOX"), fix_row(1, 1, 0));

	fix_accept(f, del(local));
	let_go(f);
	set_state(f, 1, INTENT_SENT, 0);
	comes_back(f, local, "Trash", "DS MP");
}

/* Let go at once. */
static void
del_now(struct fix *f, uint64_t local)
{
	static uint8_t nth;
	uint8_t post_id[16] = { 4, 4, nth++ };
	struct intent i = del(local);

	assert_int_equal(journal_accept(f->w, post_id, &i, 1, true, 1000, &f->err), 0);
}

/* As who sends them does: copies, claimed for the next stage. */
static size_t
claim(struct fix *f, const uint64_t *seqs, size_t n, uint8_t stage, struct arena *a,
      struct intent *out)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = fix_record(f, seqs[i], a);
		out[i].stage = stage;
	}
	assert_int_equal(journal_claim(f->w, out, &n, &f->err), 0);
	return n;
}

/* Deleted, taken back while that was under way, deleted again: nothing is left to do
 * but what is under way. As a second delete it would end one in the trash, for good. */
static void
test_delete_taken_back_and_again(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX"), trash = fix_mailbox(f, "Trash");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));

	del_now(f, local);
	set_state(f, 1, INTENT_SENT, 0);
	undo(f);
	fix_journal_is(f, "DS MP");
	del_now(f, local);
	fix_journal_is(f, "DS Md Md");
	fix_shows(f, inbox, "");
	undo(f); /* of the second: it comes back all the same */
	fix_shows(f, inbox, "1:p");
	del_now(f, local);
	arrived(f, 1, local, inbox, trash, 8);
	fix_shows(f, inbox, "");
	fix_shows(f, trash, "8:");
	assert_int_equal(waiting(f), 0);
}

/* The way back is under way as well: the second delete waits for it in INBOX. */
static void
test_delete_while_it_comes_back(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	del_now(f, local);
	set_state(f, 1, INTENT_SENT, 0);
	undo(f);
	set_state(f, 2, INTENT_SENT, 0);
	del_now(f, local);
	fix_journal_is(f, "DS MS DP");
	fix_shows(f, inbox, "");
	struct intent i = fix_record(f, 3, &a);
	assert_str(i.mailbox, "INBOX");
	assert_int_equal(i.uid, 0);
	assert_int_equal(waiting(f), 3);
	arena_release(&a);
}

static void
test_what_was_taken_back_is_not_claimed(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	struct arena a = ARENA_INIT;
	struct intent v[3];
	size_t n = 3;

	for (uint32_t uid = 1; uid <= 3; uid++) {
		uint64_t local = fix_put(f, inbox, fix_row(uid, uid, 0));
		fix_accept(f, flag(local, ROW_SEEN | ROW_FLAGGED, 0));
		v[uid - 1] = fix_record(f, uid, &a);
	}
	undo(f);                                        /* of the third */
	fix_accept(f, flag(v[1].local, 0, ROW_FLAGGED)); /* the second is another now */
	assert_int_equal(journal_claim(f->w, v, &n, &f->err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].seq, 1);
	assert_int_equal(v[0].state, INTENT_SENT);
	fix_journal_is(f, "FS FP Fd FP");
	arena_release(&a);
}

static void
test_what_is_closed_stays_closed(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, flag(local, ROW_SEEN, 0));
	struct intent i = fix_record(f, 1, &a);
	undo(f);
	for (unsigned to = INTENT_PLANNED; to <= INTENT_PARKED; to++) {
		i.state = (uint8_t)to;
		assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
		fix_journal_is(f, "Fd");
	}
	fix_shows(f, inbox, "1:");
	arena_release(&a);
}

static void
test_undo_of_claimed_flag(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;
	struct intent v[1];

	fix_accept(f, flag(local, ROW_SEEN, 0));
	assert_int_equal(claim(f, (uint64_t[]){ 1 }, 1, STAGE_NONE, &a, v), 1);
	undo(f);
	fix_journal_is(f, "FS FP");
	fix_shows(f, inbox, "1:p");
	arena_release(&a);
}

/* The mark went out, the expunge did not: the mark is taken off again. */
static void
test_undo_of_marked_expunge(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;
	struct intent v[1];
	size_t n = 1;

	del_now(f, local);
	assert_int_equal(claim(f, (uint64_t[]){ 1 }, 1, STAGE_NONE, &a, v), 1);
	fix_shows(f, inbox, "");
	undo_says(f, "undone: delete of 1 message");
	fix_journal_is(f, "Dd FP");
	fix_shows(f, inbox, "1:p");
	assert_int_equal(fix_record(f, 2, &a).clear_flags, ROW_DELETED);
	/* The answer to the mark comes: no expunge. */
	v[0].stage = STAGE_MARKED;
	assert_int_equal(journal_claim(f->w, v, &n, &f->err), 0);
	assert_int_equal(n, 0);
	fix_journal_is(f, "Dd FP");
	arena_release(&a);
}

static void
test_undo_of_sent_expunge(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;
	struct intent v[1];

	del_now(f, local);
	assert_int_equal(claim(f, (uint64_t[]){ 1 }, 1, STAGE_NONE, &a, v), 1);
	assert_int_equal(claim(f, (uint64_t[]){ 1 }, 1, STAGE_MARKED, &a, v), 1);
	undo_says(f, "delete of 1 message cannot be undone");
	fix_journal_is(f, "DS");
	arena_release(&a);
}

static void
test_undo_of_expunged(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, del(local));
	struct intent i = fix_record(f, 1, &a);
	i.state = INTENT_CONFIRMED;
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	undo_says(f, "delete of 1 message cannot be undone");
	arena_release(&a);
}

static void
test_undo_of_copy(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX"), b = fix_mailbox(f, "B");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct intent copy = move(local, "B");

	copy.kind = INTENT_COPY;
	fix_accept(f, copy);
	fix_put(f, b, fix_row(6, 1, 0));
	set_state(f, 1, INTENT_CONFIRMED, 6);
	fix_shows(f, inbox, "1:");
	undo(f);
	fix_journal_is(f, "CC DP");
	fix_shows(f, inbox, "1:");
	fix_shows(f, b, "");
}

/* A server without UID EXPUNGE: the message was copied, marked, and its row is back. */
static void
stays_marked(struct fix *f, uint64_t local, uint32_t flags_before, bool is_new_row)
{
	uint32_t inbox = fix_mailbox(f, "INBOX");
	struct row row = fix_row(1, 1, flags_before | ROW_DELETED);

	fix_mailbox(f, "Trash");
	del_now(f, local);
	set_state(f, 1, INTENT_SENT, 0);
	row.local = is_new_row ? 0 : local;
	if (is_new_row)
		remove_uids(f, inbox, "1");
	fix_put(f, inbox, row);
	set_state(f, 1, INTENT_CONFIRMED, 0);
}

#define COPY_LEFT "undone: delete of 1 message; a copy may be left where it went"

static void
test_undo_of_delete_that_only_marked(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	struct arena a = ARENA_INIT;

	stays_marked(f, fix_put(f, inbox, fix_row(1, 1, ROW_FLAGGED)), ROW_FLAGGED, false);
	fix_shows(f, inbox, "1:FD");
	undo_says(f, COPY_LEFT);
	fix_journal_is(f, "DC FP");
	fix_shows(f, inbox, "1:Fp");
	struct intent i = fix_record(f, 2, &a);
	assert_str(i.mailbox, "INBOX");
	assert_int_equal(i.uid, 1);
	assert_int_equal(i.clear_flags, ROW_DELETED);
	arena_release(&a);
}

static void
test_undo_of_delete_that_only_marked_as_a_new_row(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");

	stays_marked(f, fix_put(f, inbox, fix_row(1, 1, 0)), 0, true);
	undo_says(f, COPY_LEFT);
	fix_journal_is(f, "DC FP");
	fix_shows(f, inbox, "1:p");
}

static void
test_undo_of_delete_of_what_was_marked_before(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");

	stays_marked(f, fix_put(f, inbox, fix_row(1, 1, ROW_DELETED)), 0, false);
	undo_says(f, COPY_LEFT);
	fix_journal_is(f, "DC");
	fix_shows(f, inbox, "1:D");
}

/* Copied, perhaps, and given up: what undo takes back is not the copy. */
static void
park_at(struct fix *f, uint64_t seq, uint8_t stage)
{
	struct arena a = ARENA_INIT;
	struct intent i = fix_record(f, seq, &a);

	i.state = INTENT_SENT;
	i.stage = stage;
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	i.state = INTENT_PARKED;
	i.reason = STR("it may have been done or not");
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	arena_release(&a);
}

static void
test_undo_of_parked(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct intent copy = move(local, "B");

	copy.kind = INTENT_COPY;
	fix_accept(f, move(local, "B"));
	park_at(f, 1, STAGE_NONE);
	undo_says(f, "undone: move of 1 message");
	fix_accept(f, move(local, "B"));
	park_at(f, 2, STAGE_COPYING);
	undo_says(f, "undone: move of 1 message; a copy may be left where it went");
	fix_accept(f, copy);
	park_at(f, 3, STAGE_NONE);
	undo_says(f, "undone: copy of 1 message");
	fix_accept(f, copy);
	park_at(f, 4, STAGE_COPYING);
	undo_says(f, "copy of 1 message cannot be undone");
	fix_journal_is(f, "Md Md Cd Cd");
	fix_shows(f, inbox, "1:");
	/* Marked already: the mark goes. */
	fix_accept(f, move(local, "B"));
	fix_put(f, inbox, fix_row(1, 1, ROW_DELETED));
	park_at(f, 5, STAGE_MARKED);
	undo_says(f, "undone: move of 1 message; a copy may be left where it went");
	fix_journal_is(f, "Md Md Cd Cd Md FP");
	fix_shows(f, inbox, "1:p");
}

static void
test_rebind(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t locals[4];
	struct arena a = ARENA_INIT;

	for (uint32_t uid = 1; uid <= 4; uid++)
		locals[uid - 1] = fix_put(f, inbox, fix_row(uid, uid, 0));
	for (uint32_t n = 0; n < 4; n++)
		fix_accept(f, flag(locals[n], ROW_SEEN, 0));
	fix_close(f);
	/* The cache is deleted, the server has given new UIDs: 1 is gone, 2 is 12,
	 * 3 is there twice, 4 is still to come. */
	char *path = xasprintf("rm -rf '%s'", f->cache_dir);
	assert_int_equal(system(path), 0);
	free(path);
	fix_open(f);
	inbox = fix_mailbox(f, "INBOX");
	struct row row = fix_row(2, 2, 0);
	row.uid = 12;
	uint64_t now = fix_put(f, inbox, row);
	assert_true(now > locals[3]);
	for (uint32_t n = 13; n < 15; n++) {
		row = fix_row(3, 3, 0);
		row.uid = n;
		fix_put(f, inbox, row);
	}
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	struct mailbox m = { .id = inbox, .uidvalidity = 10, .uidnext = 15, .covered = STR("12:14") };
	assert_int_equal(store_put_mailbox(t, &m, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	struct intent i = fix_record(f, 2, &a);
	assert_int_equal(i.uid, 12);
	assert_int_equal(i.local, now);
	assert_int_equal(i.uidvalidity, 10);
	fix_journal_is(f, "FP FP FP FP"); /* not all is known yet */
	fix_shows(f, inbox, "12:Sp 13: 14:");
	t = store_txn_begin(f->w, &f->err);
	m.covered = STR("1:14");
	assert_int_equal(store_put_mailbox(t, &m, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	fix_journal_is(f, "FX FP FX FX");
	i = fix_record(f, 3, &a);
	assert_str(i.reason, "several messages look like the one that was meant");
	arena_release(&a);
}

static void
covers(struct fix *f, uint32_t mailbox, uint32_t uidnext, struct str covered)
{
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	struct mailbox m = { .id = mailbox, .uidvalidity = 9, .uidnext = uidnext, .covered = covered };

	assert_int_equal(store_put_mailbox(t, &m, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
}

/* Moved, and nobody told the new UID: it came back into view as a row of its own, which a
 * change made since moves on. Who still points at the old one means the same message. */
static void
test_a_message_known_by_another_id_since(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX"), b = fix_mailbox(f, "B");
	struct row row = fix_row(4, 4, 0);
	uint64_t local = fix_put(f, inbox, row), other;
	struct arena a = ARENA_INIT;

	fix_accept(f, move(local, "B"));
	set_state(f, 1, INTENT_SENT, 0);
	set_state(f, 1, INTENT_CONFIRMED, 0);
	remove_uids(f, inbox, "4");
	row.uid = 9;
	row.local = local + 50; /* not taken for the one that left */
	other = fix_put(f, b, row);
	assert_int_not_equal(other, local);
	fix_accept(f, move(other, "INBOX"));
	set_state(f, 2, INTENT_SENT, 0);
	remove_uids(f, b, "9");
	fix_accept(f, flag(local, ROW_FLAGGED, 0));
	fix_journal_is(f, "MC MS FP");
	struct intent i = fix_record(f, 3, &a);
	assert_int_equal(i.local, other);
	set_state(f, 2, INTENT_CONFIRMED, 12);
	fix_accept(f, flag(local, ROW_SEEN, 0));
	for (uint64_t seq = 3; seq <= 4; seq++) {
		i = fix_record(f, seq, &a);
		assert_str(i.mailbox, "INBOX");
		assert_int_equal(i.uid, 12);
	}
	arena_release(&a);
}

/* A move went out and the connection died; the mailbox is opened again and the message is
 * not there any more. That says nothing of what was changed after it. */
static void
test_a_change_behind_a_move_under_way_is_not_gone(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(4, 4, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, move(local, "B"));
	set_state(f, 1, INTENT_SENT, 0);
	undo(f);
	fix_accept(f, flag(local, ROW_SEEN, 0));
	remove_uids(f, inbox, "4");
	covers(f, inbox, 5, STR("1:4"));
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	fix_journal_is(f, "MS MP FP");
	set_state(f, 1, INTENT_CONFIRMED, 77);
	set_state(f, 2, INTENT_CONFIRMED, 5);
	struct intent i = fix_record(f, 3, &a);
	assert_str(i.mailbox, "INBOX");
	assert_int_equal(i.uid, 5);
	assert_int_equal(i.state, INTENT_PLANNED);
	arena_release(&a);
}

/* The same mail twice, and one of them is moved or deleted here, or by somebody else:
 * what was meant for it is not done to the other. */
static void
test_what_looks_the_same_is_another_message(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t locals[2];
	struct arena a = ARENA_INIT;

	for (uint32_t n = 0; n < 2; n++)
		locals[n] = fix_put(f, inbox, fix_row(3 + n, 3 + n, 0));
	for (uint32_t n = 0; n < 2; n++) {
		struct row twin = fix_row(3 + n, 3 + n, 0);
		twin.uid = 5 + n;
		fix_put(f, inbox, twin);
	}
	fix_accept(f, move(locals[0], "B"));
	fix_accept(f, move(locals[1], "B"));
	set_state(f, 1, INTENT_SENT, 0);
	remove_uids(f, inbox, "3:4");
	covers(f, inbox, 7, STR("1:6"));
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	fix_journal_is(f, "MS MX");
	assert_int_equal(fix_record(f, 1, &a).uid, 3);
	assert_str(fix_record(f, 2, &a).reason, "the message is no longer there");
	arena_release(&a);
}

/* COPYUID tells a UID on one connection while the mailbox is opened on another, which
 * has not heard of it. */
static void
test_a_uid_that_is_news_is_not_gone(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");

	covers(f, inbox, 5, STR("1:4"));
	uint64_t local = fix_put(f, inbox, fix_row(4, 4, 0));
	fix_accept(f, flag(local, ROW_SEEN, 0));
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	assert_int_equal(store_remove_uids(t, inbox, STR("4"), NULL, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	covers(f, inbox, 4, STR("1:3"));
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	fix_journal_is(f, "FP");
	covers(f, inbox, 5, STR("1:4"));
	assert_int_equal(journal_rebind(f->w, inbox, &f->err), 0);
	fix_journal_is(f, "FX");
}

/* A move whose new UID the server did not tell, undone, looked for and found: it is
 * known from then on, but not better than by who followed it elsewhere. */
static void
test_where_it_was_found_is_kept(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	struct arena a = ARENA_INIT;

	fix_accept(f, move(local, "B"));
	set_state(f, 1, INTENT_SENT, 0);
	undo(f);
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	assert_int_equal(store_remove_uids(t, inbox, STR("1"), NULL, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	set_state(f, 1, INTENT_CONFIRMED, 0);
	struct intent i = fix_record(f, 2, &a);
	assert_str(i.mailbox, "B");
	assert_int_equal(i.uid, 0);
	fix_journal_is(f, "MC MP");
	struct intent elsewhere = i;
	elsewhere.mailbox = STR("C");
	elsewhere.uid = 3;
	assert_int_equal(journal_update(f->w, &elsewhere, 1, &f->err), 0);
	assert_int_equal(fix_record(f, 2, &a).uid, 0);
	/* A mailbox of which all is known, and no row looks like it. */
	uint32_t b = fix_mailbox(f, "B");
	fix_put(f, b, fix_row(7, 7, 0));
	t = store_txn_begin(f->w, &f->err);
	struct mailbox m = { .id = b, .uidvalidity = 9, .uidnext = 8, .covered = STR("1:7") };
	assert_int_equal(store_put_mailbox(t, &m, &f->err), 0);
	assert_int_equal(store_txn_commit(t, &f->err), 0);
	assert_int_equal(journal_rebind(f->w, b, &f->err), 0);
	fix_journal_is(f, "MC MP"); /* still to be looked for */
	i.uid = 7;
	i.uidvalidity = 9;
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	fix_close(f);
	fix_open(f);
	i = fix_record(f, 2, &a);
	assert_int_equal(i.uid, 7);
	assert_int_equal(i.uidvalidity, 9);
	i.uid = 8;
	assert_int_equal(journal_update(f->w, &i, 1, &f->err), 0);
	assert_int_equal(fix_record(f, 2, &a).uid, 7);
	arena_release(&a);
}

static void
test_sweep(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));

	fix_accept(f, flag(local, ROW_SEEN, 0));
	fix_accept(f, flag(local, ROW_FLAGGED, 0));
	set_state(f, 1, INTENT_CONFIRMED, 0);
	assert_int_equal(journal_sweep(f->w, 1000 + 29 * 86400, &f->err), 0);
	fix_journal_is(f, "FC FP");
	assert_int_equal(journal_sweep(f->w, 1000 + 31 * 86400, &f->err), 0);
	fix_journal_is(f, "FP");
}

/* A post that waits for longer than posts are kept is still made once. */
static void
test_an_old_post_that_waits_is_not_made_twice(void **state)
{
	struct fix *f = *state;
	uint32_t inbox = fix_mailbox(f, "INBOX");
	uint64_t local = fix_put(f, inbox, fix_row(1, 1, 0));
	uint8_t open_id[16] = { 21 }, done_id[16] = { 22 };
	struct intent i = move(local, "B");

	i.kind = INTENT_COPY;
	assert_int_equal(journal_accept(f->w, open_id, &i, 1, false, 1000, &f->err), 0);
	set_state(f, 1, INTENT_SENT, 0);
	i = flag(local, ROW_SEEN, 0);
	assert_int_equal(journal_accept(f->w, done_id, &i, 1, false, 1000, &f->err), 0);
	set_state(f, 2, INTENT_CONFIRMED, 0);
	assert_int_equal(journal_sweep(f->w, 1000 + 31 * 86400, &f->err), 0);
	fix_journal_is(f, "CS");
	i = move(local, "B");
	i.kind = INTENT_COPY;
	assert_int_equal(journal_accept(f->w, open_id, &i, 1, false, 1000 + 31 * 86400, &f->err),
			 0);
	fix_journal_is(f, "CS");
	/* The other is forgotten. */
	i = flag(local, ROW_FLAGGED, 0);
	assert_int_equal(journal_accept(f->w, done_id, &i, 1, false, 1000 + 31 * 86400, &f->err),
			 0);
	fix_journal_is(f, "CS FP");
}

static void
test_network_file_systems(void **state)
{
	(void)state;
	assert_true(env_is_network(0x6969));
	assert_true(env_is_network(0x517B));
	assert_true(env_is_network((long)0xFE534D42));
	/* As a kernel with a signed f_type says it. */
	assert_true(env_is_network((int)0xFF534D42));
	assert_false(env_is_network(0xEF53)); /* ext4 */
	assert_false(env_is_network(0x01021994)); /* tmpfs */
	assert_false(env_is_network(0));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_post_twice),
		T(test_fingerprint),
		T(test_unknown_message_is_parked),
		T(test_message_between_two_mailboxes),
		T(test_message_expunged_is_parked),
		T(test_flags_coalesce),
		T(test_undo_flag_not_sent),
		T(test_undo_confirmed_flag_after_restart),
		T(test_keyword),
		T(test_moves_coalesce),
		T(test_undo_of_sent_move),
		T(test_undo_of_sent_move_that_is_refused),
		T(test_flags_follow_a_move),
		T(test_held_delete),
		T(test_undo_of_done_delete),
		T(test_undo_of_sent_delete),
		T(test_delete_taken_back_and_again),
		T(test_delete_while_it_comes_back),
		T(test_what_was_taken_back_is_not_claimed),
		T(test_what_is_closed_stays_closed),
		T(test_undo_of_claimed_flag),
		T(test_undo_of_marked_expunge),
		T(test_undo_of_sent_expunge),
		T(test_undo_of_expunged),
		T(test_undo_of_copy),
		T(test_undo_of_delete_that_only_marked),
		T(test_undo_of_delete_that_only_marked_as_a_new_row),
		T(test_undo_of_delete_of_what_was_marked_before),
		T(test_undo_of_parked),
		T(test_rebind),
		T(test_a_message_known_by_another_id_since),
		T(test_a_change_behind_a_move_under_way_is_not_gone),
		T(test_where_it_was_found_is_kept),
		T(test_what_looks_the_same_is_another_message),
		T(test_a_uid_that_is_news_is_not_gone),
		T(test_sweep),
		T(test_an_old_post_that_waits_is_not_made_twice),
		cmocka_unit_test(test_network_file_systems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
