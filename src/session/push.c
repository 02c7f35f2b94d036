/* A batch on its way to the server, step by step, and what its answers do.
 *
 * Before a command that changes something goes out its records are claimed: marked
 * as sent, durably, if nobody took them back meanwhile. From then on an undo is a
 * change of its own, which waits behind. After a lost connection what is not
 * idempotent is checked before it is repeated: a probe asks where its message is
 * now. Confirming: the cache first, then the record. */
#include "push.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/tick.h"

#define MAX_ATTEMPTS 5
#define MAX_CRASHES 3 /* the last of them alone: see decide_batch_limit() */
#define SAID_MS 5000
#define SHUT_MS 300000

void
push_free(struct push *p)
{
	if (p == NULL)
		return;
	arena_release(&p->arena);
	free(p->v);
	free(p);
}

/* ---- the steps of a batch ------------------------------------------------------------------ */

static void
uid_set(const struct push *p, struct buf *out)
{
	struct seqset set = SEQSET_INIT;

	for (size_t i = 0; i < p->n; i++)
		seqset_add(&set, p->v[i].uid);
	seqset_print(&set, out);
	seqset_release(&set);
}

static void
set_stage(struct push *p, uint8_t stage)
{
	for (size_t i = 0; i < p->n; i++) {
		p->v[i].stage = stage;
		if (p->v[i].kind == INTENT_DELETE && p->target.len > 0) {
			/* What it began with it ends with, also if $trash changes. */
			p->v[i].target = p->target;
			p->v[i].target_account = p->v[i].account;
		}
	}
}

static int
confirm_all(struct task *t, struct err *err)
{
	struct push *p = t->push;

	set_stage(p, STAGE_NONE);
	for (size_t i = 0; i < p->n; i++)
		p->v[i].state = INTENT_CONFIRMED;
	return journal_update(t->account->session->writer, p->v, p->n, err);
}

/* The batch may go one step on: true. Else the task has ended, or ends with its
 * worker: all of it was taken back, or the journal cannot be written. */
static bool
claim(struct task *t, uint8_t stage)
{
	struct push *p = t->push;
	struct session *s = t->account->session;
	struct err err = ERR_INIT;

	set_stage(p, stage);
	if (journal_claim(s->writer, p->v, &p->n, &err) < 0) {
		session_store_failed(s, &err);
		return false;
	}
	if (p->n > 0)
		return true;
	push_dirty(t->box);
	task_free(t);
	return false;
}

static void
send_find(struct task *t, struct worker *w)
{
	struct push *p = t->push;
	struct msg_w_find m = { .message_id = p->v[p->at].message_id,
				.from_uid = p->v[p->at].target_uidnext > 0 ?
						    p->v[p->at].target_uidnext :
						    1 };
	p->found = p->n_found = 0;
	IPC_SEND(w->conn, W_FIND, w_find, t->id, -1, &m, NULL);
}

static void
step(struct task *t, struct worker *w)
{
	struct push *p = t->push;
	struct buf uids = BUF_INIT;

	uid_set(p, &uids);
	switch (p->step) {
	case STEP_STORE: {
		bool is_set = p->v[0].set_flags != 0;
		bool is_keyword = p->class == PUSH_KEYWORD;
		struct msg_w_store m = {
			.uids = buf_str(&uids),
			.set_flags = is_keyword ? 0 : p->v[0].set_flags & ROW_SERVER_FLAGS,
			.clear_flags = is_keyword ? 0 : p->v[0].clear_flags & ROW_SERVER_FLAGS,
			.set_keywords = is_keyword && is_set ? p->v[0].keyword : STR_NONE,
			.clear_keywords = is_keyword && !is_set ? p->v[0].keyword : STR_NONE
		};
		IPC_SEND(w->conn, W_STORE, w_store, t->id, -1, &m, NULL);
		break;
	}
	case STEP_NOTE: {
		struct msg_w_status_of m = { .mailboxes = p->target };
		IPC_SEND(w->conn, W_STATUS_OF, w_status_of, t->id, -1, &m, NULL);
		break;
	}
	case STEP_COPY: {
		struct msg_w_copy m = { .uids = buf_str(&uids), .target = p->target };
		IPC_SEND(w->conn, W_COPY, w_copy, t->id, -1, &m, NULL);
		break;
	}
	case STEP_MOVE: {
		struct msg_w_move m = { .uids = buf_str(&uids), .target = p->target };
		IPC_SEND(w->conn, W_MOVE, w_move, t->id, -1, &m, NULL);
		break;
	}
	case STEP_MARK: {
		struct msg_w_store m = { .uids = buf_str(&uids), .set_flags = ROW_DELETED };
		IPC_SEND(w->conn, W_STORE, w_store, t->id, -1, &m, NULL);
		break;
	}
	case STEP_EXPUNGE: {
		struct msg_w_expunge m = { .uids = buf_str(&uids) };
		IPC_SEND(w->conn, W_EXPUNGE, w_expunge, t->id, -1, &m, NULL);
		break;
	}
	case STEP_CREATE: {
		struct msg_w_create m = { .mailbox = p->target };
		IPC_SEND(w->conn, W_CREATE, w_create, t->id, -1, &m, NULL);
		break;
	}
	case STEP_FIND:
		send_find(t, w);
		break;
	}
	buf_release(&uids);
}

static void
go_on(struct task *t, enum push_step next)
{
	t->push->step = next;
	t->id = session_id(t->account->session); /* another request on the wire */
	step(t, t->worker);
}

static enum push_step
first_step(const struct task *t)
{
	const struct push *p = t->push;

	switch (p->class) {
	case PUSH_FLAG:
	case PUSH_KEYWORD:
		return STEP_STORE;
	case PUSH_COPY:
		return STEP_NOTE;
	case PUSH_EXPUNGE:
		return STEP_MARK;
	case PUSH_MOVE:
		break;
	}
	if (p->v[0].stage == STAGE_COPIED)
		return STEP_MARK;
	if (p->v[0].stage == STAGE_MARKED)
		return STEP_EXPUNGE;
	return t->account->has_move ? STEP_MOVE : STEP_NOTE;
}

/* As the cache has it; 0 if it cannot be read. */
static uint32_t
uidvalidity_of(struct box *b)
{
	struct mailbox m;
	uint32_t uidvalidity = 0;
	struct store_view *v = store_begin(b->session->store, NULL);

	if (v == NULL)
		return 0;
	if (box_record(b, &m, v, NULL) == 0)
		uidvalidity = m.uidvalidity;
	store_end(v);
	return uidvalidity;
}

/* It was gathered for a connection that is gone, and the UIDs mean others now. */
static bool
is_of_another_life(const struct task *t)
{
	return uidvalidity_of(t->box) != t->push->v[0].uidvalidity;
}

void
push_send(struct task *t, struct worker *w)
{
	struct push *p = t->push;

	/* It only brought a worker here: what there was to do, if any, is gathered already. */
	if (p == NULL) {
		task_free(t);
		return;
	}
	if (t->kind == TASK_PUSH && is_of_another_life(t)) {
		push_dirty(t->box);
		task_free(t);
		return;
	}
	p->step = t->kind == TASK_PROBE ? STEP_FIND : first_step(t);
	/* These two ask; what changes something is claimed first. */
	if (p->step != STEP_FIND && p->step != STEP_NOTE && !claim(t, p->v[0].stage))
		return;
	step(t, w);
}

/* ---- what comes back ------------------------------------------------------------------------ */

/* COPYUID: n-th source is the n-th target. */
static void
copied(struct task *t, const struct msg_w_copied *m)
{
	struct push *p = t->push;
	struct str sources = m->sources, targets = m->targets;
	struct seqset_range from = { 1, 0 }, to = { 1, 0 };
	struct err err = ERR_INIT;
	bool has_from = false, has_to = false;
	uint32_t source = 0, target = 0;

	for (size_t guard = 0; guard < 100000; guard++) {
		if (!has_from) {
			if (seqset_next_range(&sources, &from, &err) <= 0)
				break;
			source = from.first;
			has_from = true;
		}
		if (!has_to) {
			if (seqset_next_range(&targets, &to, &err) <= 0)
				break;
			target = to.first;
			has_to = true;
		}
		for (size_t i = 0; i < p->n; i++)
			if (p->v[i].uid == source) {
				p->v[i].target_uid = target;
				p->v[i].target_uidvalidity = m->uidvalidity;
			}
		has_from = source != from.last;
		has_to = target != to.last;
		source += from.first <= from.last ? 1 : -1u;
		target += to.first <= to.last ? 1 : -1u;
	}
}

void
push_event(struct task *t, const struct ipc_frame *f)
{
	struct push *p = t->push;
	struct err err = ERR_INIT;

	if (p == NULL)
		return;
	if (f->type == MSG_W_COPIED) {
		struct msg_w_copied m;
		if (msg_get_w_copied(f->payload, &m, &err) == 0)
			copied(t, &m);
	} else if (f->type == MSG_W_STATUS) {
		struct msg_w_status m;
		if (msg_get_w_status(f->payload, &m, &err) < 0 || !str_eq(m.mailbox, p->target))
			return;
		for (size_t i = 0; i < p->n; i++) {
			p->v[i].target_uidnext = m.uidnext;
			p->v[i].target_uidvalidity = m.uidvalidity;
		}
	} else if (f->type == MSG_W_FOUND) {
		struct msg_w_found m;
		struct seqset found = SEQSET_INIT;
		if (msg_get_w_found(f->payload, &m, &err) == 0 &&
		    seqset_parse(m.uids, &found, &err) == 0) {
			p->n_found = seqset_count(&found);
			p->found = seqset_max(&found);
		}
		seqset_release(&found);
	}
}

/* The row goes along with its local id: cursor, text and undo find it there. */
static int
rehome(struct store_txn *txn, struct store_view *v, const struct intent *i, bool is_copy,
       struct err *err)
{
	struct row row;
	uint64_t local;
	uint32_t mailbox;
	struct mailbox there;

	if (i->target_uid == 0 || store_row(v, i->local, &mailbox, &row, err) != 0 ||
	    store_mailbox_by_name(v, i->account, i->target, &there, err) != 0 ||
	    there.uidvalidity == 0 || there.uidvalidity != i->target_uidvalidity ||
	    (mailbox == there.id && row.uid == i->target_uid))
		return 0;
	row.uid = i->target_uid;
	row.local = is_copy ? 0 : i->local;
	row.flags &= ~(uint32_t)(ROW_TO_DELETE | ROW_PENDING | ROW_REFUSED | ROW_DELETED);
	return store_put_row(txn, there.id, &row, &local, err);
}

/* It moves messages out of this mailbox. */
static bool
takes_along(const struct task *t, const struct box *b)
{
	return t->kind == TASK_PUSH && t->box == b && t->push != NULL &&
	       t->push->class == PUSH_MOVE;
}

int
push_vanishing(struct box *b, const struct seqset *uids, struct err *err)
{
	struct session *s = b->session;
	struct account *a = b->account;
	bool has_any = false;
	int status = 0;

	for (size_t n = 0; n < a->tasks.n; n++)
		has_any |= takes_along(a->tasks.v[n], b);
	if (!has_any)
		return 0;
	session_commit(s);
	struct store_view *v = store_begin(s->store, err);
	struct store_txn *txn = v != NULL ? session_txn(s, err) : NULL;
	if (txn == NULL)
		status = -1;
	for (size_t n = 0; n < a->tasks.n && status == 0; n++) {
		struct push *p = a->tasks.v[n]->push;
		if (!takes_along(a->tasks.v[n], b))
			continue;
		for (size_t i = 0; i < p->n && status == 0; i++)
			if (seqset_has(uids, p->v[i].uid))
				status = rehome(txn, v, &p->v[i], false, err);
	}
	if (v != NULL)
		store_end(v);
	session_touch(s, 0, true);
	return status;
}

static int
apply_to_cache(struct task *t, struct err *err)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct buf gone = BUF_INIT;
	struct arena arena = ARENA_INIT;
	uint32_t removed;
	int status = 0;

	session_commit(s);
	struct store_view *v = store_begin(s->store, err);
	if (v == NULL)
		return -1;
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL)
		status = -1;
	for (size_t i = 0; i < p->n && status == 0; i++) {
		struct row row;
		if (p->class == PUSH_FLAG || p->class == PUSH_KEYWORD) {
			if (store_told_row(v, t->box->id, p->v[i].uid, &row, err) != 0)
				continue;
			intent_overlay(&p->v[i], &row, &arena);
			struct row_flags_change change = { .uid = row.uid,
							   .flags = row.flags & ROW_SERVER_FLAGS,
							   .keywords = row.keywords };
			status = store_put_flags(txn, t->box->id, &change, err);
		} else if (p->class == PUSH_MOVE || p->class == PUSH_COPY) {
			status = rehome(txn, v, &p->v[i], p->class == PUSH_COPY, err);
		}
	}
	store_end(v);
	if (status == 0 && (p->class == PUSH_MOVE || p->class == PUSH_EXPUNGE)) {
		uid_set(p, &gone);
		status = store_remove_uids(txn, t->box->id, buf_str(&gone), &removed, err);
	}
	session_touch(s, 0, true);
	buf_release(&gone);
	arena_release(&arena);
	return status == 0 ? session_commit(s) : -1;
}

static void
push_done(struct task *t)
{
	session_news(t->account->session, t->box->id);
	push_dirty(t->box);
	account_tell(t->account, NULL);
	task_free(t);
}

/* All of the batch is done at the server. */
static void
confirm(struct task *t)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct err err = ERR_INIT;

	if (apply_to_cache(t, &err) < 0 || confirm_all(t, &err) < 0) {
		if (err.kind != ERR_NONE)
			session_store_failed(s, &err);
	} else if (p->class == PUSH_MOVE || p->class == PUSH_COPY) {
		/* Intents that waited for it may go on in the other mailbox. */
		struct box *other = box_by_name(s, str_c(t->account->name), p->target, false, NULL);
		if (other != NULL) {
			other->has_arrivals = true;
			push_dirty(other);
			session_news(s, other->id);
		}
	}
	push_done(t);
}

/* What the server said it had done before it refused, or before the connection was
 * lost. What was copied and not moved is not copied again. */
static void
keep_what_was_done(struct push *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->class == PUSH_MOVE && p->step == STEP_COPY && p->v[i].target_uid != 0)
			p->v[i].stage = STAGE_COPIED;
}

/* Told for this one, though the others were refused: it stays sent, and the next
 * look at the mailbox decides. */
static bool
is_done_already(const struct push *p, const struct intent *i)
{
	return i->target_uid != 0 && (p->step == STEP_MOVE || p->step == STEP_COPY) &&
	       i->attempts < MAX_ATTEMPTS;
}

/* The same words about many messages are said once. */
static void
tell_refusal(struct task *t, const char *text)
{
	struct account *a = t->account;
	uint64_t hash = hash64(str_c(text));

	if (hash != a->said_hash || a->session->now_ms > a->said_ms + SAID_MS)
		session_notice(a->session, LOG_ERROR, a->name, false,
			       "the change to %zu message%s was refused: %s", t->push->n,
			       t->push->n == 1 ? "" : "s", text);
	a->said_hash = hash;
	a->said_ms = a->session->now_ms;
}

static void
refuse(struct task *t, uint8_t state, const char *text)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct box *b = t->box;
	struct err err = ERR_INIT;

	keep_what_was_done(p);
	for (size_t i = 0; i < p->n; i++) {
		p->v[i].attempts++;
		p->v[i].reason = arena_str(&p->arena, str_c(text));
		if (is_done_already(p, &p->v[i]))
			continue;
		p->v[i].state = state;
		p->v[i].stage = STAGE_NONE;
	}
	if (journal_update(s->writer, p->v, p->n, &err) < 0)
		session_store_failed(s, &err);
	tell_refusal(t, text);
	session_news(s, b->id);
	push_dirty(b);
	task_free(t);
}

/* Later. What was sent stays sent, and is looked at before it is repeated. A try
 * that counts is one that the server answered, or that killed the connection. */
static void
postpone(struct task *t, const char *text, bool counts, int64_t seconds)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct box *b = t->box;
	struct err err = ERR_INIT;

	keep_what_was_done(p);
	for (size_t i = 0; i < p->n; i++) {
		p->v[i].attempts += counts;
		p->v[i].reason = arena_str(&p->arena, str_c(text));
		if (seconds > 0)
			p->v[i].not_before = wall_now() + seconds;
	}
	if (journal_update(s->writer, p->v, p->n, &err) < 0)
		log_at(LOG_WARN, "push", "%s", err.text);
	/* A probe looks elsewhere than where its changes wait. */
	if (t->kind == TASK_PROBE)
		b = box_by_name(s, p->v[0].account, p->v[0].mailbox, true, NULL);
	if (b != NULL) {
		b->push_due = true;
		b->push_at_ms = s->now_ms + 200;
	}
	task_free(t);
}

/* A STORE that was answered with OK and with flags that are not so. What each of its
 * messages has the server has told just now: those that are as wanted are done. */
static bool
is_so(struct store_view *v, const struct box *b, const struct intent *i, struct arena *arena)
{
	struct row row;

	if (store_told_row(v, b->id, i->uid, &row, NULL) != 0)
		return false;
	uint32_t flags = row.flags & ROW_SERVER_FLAGS;
	struct str keywords = row.keywords;
	intent_overlay(i, &row, arena);
	return (row.flags & ROW_SERVER_FLAGS) == flags && str_eq(row.keywords, keywords);
}

static int
confirm_what_is_so(struct task *t)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct err err = ERR_INIT;
	struct arena arena = ARENA_INIT;
	size_t n = 0;

	struct store_view *v = session_commit(s) < 0 ? NULL : store_begin(s->store, &err);
	if (v == NULL) {
		if (err.kind != ERR_NONE)
			session_store_failed(s, &err);
		return -1;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (!is_so(v, t->box, &p->v[i], &arena))
			continue;
		struct intent done = p->v[i];
		p->v[i] = p->v[n];
		p->v[n] = done;
		p->v[n++].state = INTENT_CONFIRMED;
	}
	store_end(v);
	arena_release(&arena);
	if (n > 0 && journal_update(s->writer, p->v, n, &err) < 0) {
		session_store_failed(s, &err);
		return -1;
	}
	p->n -= n;
	memmove(p->v, p->v + n, p->n * sizeof(*p->v));
	return 0;
}

/* The UIDs noted before it was sent mean others now. */
static bool
is_renumbered(const struct task *t, const struct intent *i)
{
	uint32_t now = uidvalidity_of(t->box);

	return now != 0 && i->target_uidvalidity != 0 && i->target_uidvalidity != now;
}

/* It was moved here, and nobody told its UID: now we know it, if it is the only one. */
static void
found_undone(struct task *t, struct intent *i)
{
	struct push *p = t->push;

	if (p->n_found == 1) {
		i->uid = p->found;
		i->uidvalidity = uidvalidity_of(t->box);
		return;
	}
	i->state = INTENT_PARKED;
	i->reason = p->n_found == 0 ? STR("the message could not be found again") :
				      STR("several messages are the same: not sure which");
}

/* It was sent and never answered: what is found in the target says whether it was done. */
static void
found_uncertain(struct task *t, struct intent *i)
{
	struct push *p = t->push;

	if (is_renumbered(t, i)) {
		i->state = INTENT_PARKED;
		i->reason = STR("it may have been done or not: the mailbox it goes to was renumbered");
	} else if (p->n_found == 0) {
		i->state = INTENT_PLANNED;
		i->stage = STAGE_NONE;
	} else {
		i->target_uid = p->found;
		if (i->kind == INTENT_COPY)
			i->state = INTENT_CONFIRMED;
		else
			i->stage = STAGE_COPIED;
	}
}

static void
probe_answer(struct task *t)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct intent *i = &p->v[p->at];
	struct err err = ERR_INIT;

	if (i->state == INTENT_PLANNED)
		found_undone(t, i);
	else
		found_uncertain(t, i);
	if (journal_update(s->writer, i, 1, &err) < 0) {
		session_store_failed(s, &err);
		return;
	}
	if (i->state == INTENT_PARKED)
		session_notice(s, LOG_WARN, t->account->name, false, "%.*s", STR_ARG(i->reason));
	if (++p->at < p->n) {
		go_on(t, STEP_FIND);
		return;
	}
	struct box *source = box_by_name(s, i->account, i->mailbox, false, NULL);
	if (source != NULL) {
		push_dirty(source);
		session_news(s, source->id);
	}
	push_dirty(t->box);
	task_free(t);
}

static void
next_step(struct task *t)
{
	struct push *p = t->push;
	struct account *a = t->account;

	switch (p->step) {
	case STEP_STORE:
	case STEP_MOVE:
	case STEP_EXPUNGE:
		confirm(t);
		return;
	case STEP_NOTE:
		if (claim(t, STAGE_COPYING))
			go_on(t, STEP_COPY);
		return;
	case STEP_COPY:
		if (p->class == PUSH_COPY)
			confirm(t);
		else if (claim(t, STAGE_COPIED))
			go_on(t, STEP_MARK);
		return;
	case STEP_MARK:
		if (!claim(t, STAGE_MARKED))
			return;
		if (a->has_uidplus) {
			go_on(t, STEP_EXPUNGE);
			return;
		}
		/* No UID EXPUNGE: a plain one could take other people's mail. */
		session_notice(a->session, LOG_WARN, a->name, false,
			       "this server cannot expunge single messages: they stay marked as deleted");
		confirm(t);
		return;
	case STEP_CREATE:
		go_on(t, a->has_move ? STEP_MOVE : STEP_NOTE);
		return;
	case STEP_FIND:
		probe_answer(t);
		return;
	}
}

/* The target is not there. The trash is ours to make. */
static bool
make_trash(struct task *t)
{
	struct push *p = t->push;

	if ((p->step != STEP_MOVE && p->step != STEP_COPY && p->step != STEP_NOTE) ||
	    p->v[0].kind != INTENT_DELETE || p->has_created)
		return false;
	p->has_created = true;
	go_on(t, STEP_CREATE);
	return true;
}

/* A server that offers MOVE and does not know it: by copying, now and from now on. */
static bool
move_otherwise(struct task *t)
{
	struct account *a = t->account;

	if (t->push->step != STEP_MOVE)
		return false;
	if (!a->move_is_bad)
		session_notice(a->session, LOG_INFO, a->name, false,
			       "the server offers MOVE and does not know it: what is moved is copied");
	a->move_is_bad = true;
	a->has_move = false;
	go_on(t, STEP_NOTE);
	return true;
}

static void
park(struct task *t, const char *text)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < p->n; i++) {
		p->v[i].state = INTENT_PARKED;
		p->v[i].reason = arena_str(&p->arena, str_c(text));
	}
	if (journal_update(s->writer, p->v, p->n, &err) < 0)
		session_store_failed(s, &err);
	session_news_everywhere(s);
	push_dirty(t->box);
	task_free(t);
}

/* It came no further than the queue: its mailbox could not be opened. */
static void
end_unsent(struct task *t, bool is_shut)
{
	struct box *b = t->box;

	task_free(t);
	b->push_due = true;
	b->push_at_ms = is_shut ? b->session->now_ms + SHUT_MS : b->open_ms;
}

void
push_end(struct task *t, enum err_kind kind, const char *text)
{
	struct push *p = t->push;
	int64_t seconds;

	if (p == NULL) {
		end_unsent(t, t->box->is_shut);
		return;
	}
	switch (kind) {
	case ERR_NONE:
		next_step(t);
		return;
	case ERR_CANCELED:
		postpone(t, text, false, 0);
		return;
	case ERR_PROTO: /* done, it said, but it is not so: another time, perhaps */
		if (p->step != STEP_STORE)
			break;
		if (confirm_what_is_so(t) < 0)
			return;
		if (p->n == 0) {
			push_done(t);
			return;
		}
		kind = ERR_RETRY;
		/* fall through */
	case ERR_WAIT:
	case ERR_RETRY:
		seconds = decide_try_again_s(kind, p->v[0].attempts + 1);
		if (seconds >= 0) {
			postpone(t, text, true, seconds);
			return;
		}
		break;
	case ERR_GONE:
		if (t->worker != NULL && make_trash(t))
			return;
		break;
	case ERR_USER:
		if (t->worker != NULL && move_otherwise(t))
			return;
		break;
	default:
		break;
	}
	if (t->kind == TASK_PROBE)
		park(t, text);
	else
		refuse(t, kind == ERR_GONE && p->step == STEP_STORE ? INTENT_PARKED : INTENT_REFUSED,
		       text);
}

void
push_lost(struct task *t, const char *why, bool was_crash)
{
	if (t->push == NULL)
		end_unsent(t, false);
	else if (was_crash && t->push->v[0].attempts + 1 >= MAX_CRASHES)
		park(t, why);
	else
		postpone(t, why, was_crash, 0);
}
