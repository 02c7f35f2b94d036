/* The journal to the server. An intent is durable and acknowledged first; then
 * the oldest intents of a mailbox that may go out as one command go out as one
 * batch, one batch per mailbox at a time, more gathering meanwhile.
 *
 * What is not idempotent is marked as sent, durably, before the command goes
 * out; after a lost connection it is checked before it is repeated (IMAP.md 4.4).
 * Confirming: the cache first, then the record. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/arena.h"
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

#define MAX_BATCH 500
#define MAX_ATTEMPTS 5

enum push_step {
	STEP_STORE,   /* flags, keywords */
	STEP_NOTE,    /* ask for the target's UIDNEXT */
	STEP_COPY,
	STEP_MOVE,
	STEP_MARK,    /* \Deleted on what was copied, or is deleted for good */
	STEP_EXPUNGE,
	STEP_CREATE,  /* the trash that is not there */
	STEP_FIND,    /* PROBE: look for one message in the mailbox */
};

struct push {
	struct arena arena;
	struct intent *v; /* copies: strings in the arena */
	size_t n;
	enum push_class class;
	enum push_step step;
	struct str target;
	bool has_created;
	size_t at; /* STEP_FIND: which one */
	uint32_t found;
	uint32_t n_found;
};

void
push_free(struct push *p)
{
	if (p == NULL)
		return;
	arena_release(&p->arena);
	free(p->v);
	free(p);
}

static struct intent
copy_intent(struct arena *a, const struct intent *i)
{
	struct intent c = *i;

	c.account = arena_str(a, i->account);
	c.mailbox = arena_str(a, i->mailbox);
	c.mailbox_id = arena_str(a, i->mailbox_id);
	c.message_id = arena_str(a, i->message_id);
	c.keyword = arena_str(a, i->keyword);
	c.before_account = arena_str(a, i->before_account);
	c.before = arena_str(a, i->before);
	c.target_account = arena_str(a, i->target_account);
	c.target = arena_str(a, i->target);
	c.reason = arena_str(a, i->reason);
	return c;
}

/* ---- what is due -------------------------------------------------------------------- */

void
push_dirty(struct box *b)
{
	b->push_due = true;
	b->push_at_ms = 0;
	/* Also when this turn's scheduling is over already: there must be a next one. */
	session_wake_at(b->session, b->session->now_ms);
}

struct waiting_mailbox {
	char *account, *mailbox;
	size_t mailbox_len;
};

struct scan_ctx {
	struct session *s;
	VEC(struct waiting_mailbox) found;
};

static bool
scan_one(const struct intent *i, void *ctx)
{
	struct scan_ctx *scan = ctx;

	for (size_t k = 0; k < scan->found.n; k++)
		if (str_eqc(i->account, scan->found.v[k].account) &&
		    str_eq(i->mailbox, str_n(scan->found.v[k].mailbox, scan->found.v[k].mailbox_len)))
			return true;
	struct waiting_mailbox m = { str_dup(i->account), str_dup(i->mailbox), i->mailbox.len };
	vec_push(&scan->found, m);
	return true;
}

#define WAITING ((1u << INTENT_PLANNED) | (1u << INTENT_SENT))

void
push_scan(struct session *s)
{
	struct scan_ctx scan = { s, VEC_INIT };
	struct err err = ERR_INIT;
	struct store_view *v = store_begin(s->store, &err);

	if (v != NULL) {
		store_each_intent(v, WAITING, scan_one, &scan, &err);
		store_end(v);
	}
	for (size_t i = 0; i < scan.found.n; i++) {
		struct box *b = box_by_name(s, str_c(scan.found.v[i].account),
					    str_n(scan.found.v[i].mailbox,
						  scan.found.v[i].mailbox_len),
					    true, &err);
		if (b != NULL)
			push_dirty(b);
		free(scan.found.v[i].account);
		free(scan.found.v[i].mailbox);
	}
	vec_release(&scan.found);
}

/* ---- gathering a batch ------------------------------------------------------------------- */

struct trash_ctx {
	struct arena *arena;
	struct str name;
};

static bool
find_trash(const struct mailbox *m, void *ctx)
{
	struct trash_ctx *t = ctx;

	if (!(m->attrs & FOLDER_TRASH) || (m->attrs & FOLDER_GONE))
		return true;
	t->name = arena_str(t->arena, m->name);
	return false;
}

/* $trash, else the server's own by its special use; empty if there is none. */
static struct str
trash_of(struct account *a, struct arena *arena)
{
	struct trash_ctx t = { arena, STR_NONE };

	if (a->trash.len > 0)
		return buf_str(&a->trash);
	struct store_view *v = store_begin(a->session->store, NULL);
	if (v != NULL) {
		store_each_mailbox(v, str_c(a->name), find_trash, &t, NULL);
		store_end(v);
	}
	return t.name;
}

struct gather {
	struct box *box;
	struct push *push;
	struct str trash;
	struct store_view *view;
	struct map seen; /* messages with an earlier intent: strictly in order */
	uint32_t uidvalidity;
	int64_t now_wall;
	int64_t next_wall; /* when the earliest that has to wait may go; 0 none */
	bool wants_probe;
	bool wants_folders;
	VEC(struct intent) changed; /* decided without the server */
};

/* Where its message is now: by local id, else as the record says. */
static uint32_t
uid_of(const struct gather *g, const struct intent *i)
{
	struct row row;
	uint32_t mailbox;

	if (store_row(g->view, i->local, &mailbox, &row, NULL) == 0 && mailbox == g->box->id)
		return row.uid;
	return i->uidvalidity == g->uidvalidity ? i->uid : 0;
}

static bool
is_at_source(const struct gather *g, uint32_t uid)
{
	struct row row;

	return uid != 0 && store_row_by_uid(g->view, g->box->id, uid, &row, NULL) == 0;
}

static void
decide_without_server(struct gather *g, const struct intent *i, uint8_t state, const char *reason)
{
	struct intent c = copy_intent(&g->push->arena, i);

	c.state = state;
	c.reason = str_c(reason);
	vec_push(&g->changed, c);
}

static bool
gather_one(const struct intent *i, void *ctx)
{
	struct gather *g = ctx;
	struct push *p = g->push;

	if (map_set64(&g->seen, i->local, g) != NULL)
		return true;
	if (i->not_before > g->now_wall) {
		if (g->next_wall == 0 || i->not_before < g->next_wall)
			g->next_wall = i->not_before;
		return true;
	}
	struct str target;
	enum push_class class = decide_class(i, g->trash, &target);
	uint32_t uid = uid_of(g, i);
	bool at_source = is_at_source(g, uid);
	/* No trash known yet is not the same as no trash. */
	if (class == PUSH_EXPUNGE && g->trash.len == 0 && !g->box->account->has_folders) {
		g->wants_folders = true;
		return true;
	}
	if ((class == PUSH_MOVE || class == PUSH_COPY) && i->target_account.len > 0 &&
	    !str_eq(i->target_account, i->account)) {
		decide_without_server(g, i, INTENT_REFUSED,
				      "moving between accounts is not possible yet");
		return true;
	}
	if (i->state == INTENT_SENT) {
		switch (decide_uncertain(i, class, at_source)) {
		case FATE_DONE:
			decide_without_server(g, i, INTENT_CONFIRMED, "");
			return true;
		case FATE_PROBE:
			g->wants_probe = true;
			return true;
		case FATE_REPEAT:
			break;
		}
	} else if (uid == 0) {
		/* An undone move whose new UID nobody told us: look for it. */
		g->wants_probe = true;
		return true;
	} else if (!at_source) {
		decide_without_server(g, i, INTENT_PARKED, "the message is no longer there");
		return true;
	}
	if (p->n > 0 && (p->n >= MAX_BATCH || !decide_same_batch(&p->v[0], i, g->trash)))
		return true;
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n] = copy_intent(&p->arena, i);
	p->v[p->n].uid = uid;
	p->v[p->n].uidvalidity = g->uidvalidity;
	if (p->n++ == 0) {
		p->class = class;
		p->target = arena_str(&p->arena, target);
	}
	return true;
}

/* The next batch of a mailbox that is in step; NULL if nothing can go now. */
static struct push *
gather(struct box *b)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;
	struct mailbox m;
	struct push *p = xcalloc(1, sizeof(*p));
	struct gather g = { .box = b, .push = p, .now_wall = wall_now() };

	g.trash = trash_of(b->account, &p->arena);
	session_commit(s); /* what the server said is what we decide by */
	g.view = store_begin(s->store, &err);
	if (g.view == NULL || box_record(b, &m, g.view, &err) < 0) {
		if (g.view != NULL)
			store_end(g.view);
		push_free(p);
		return NULL;
	}
	g.uidvalidity = m.uidvalidity;
	store_each_intent_of(g.view, str_c(b->account_name), buf_str(&b->name), WAITING, gather_one,
			     &g, &err);
	store_end(g.view);
	map_release(&g.seen, NULL);
	if (g.changed.n > 0) {
		if (journal_update(s->writer, g.changed.v, g.changed.n, &err) < 0)
			session_store_failed(s, &err);
		session_news(s, b->id, NULL, 0, true);
		for (size_t i = 0; i < g.changed.n; i++)
			if (g.changed.v[i].state != INTENT_CONFIRMED)
				session_notice(s, LOG_WARN, b->account_name, false, "%.*s",
					       STR_ARG(g.changed.v[i].reason));
		b->push_due = true; /* later intents of the same messages come next */
	}
	if (g.wants_probe)
		b->probe_due = true;
	if (g.wants_folders) {
		b->awaits_folders = true;
		b->account->folders_ms = 0;
	}
	if (g.next_wall > 0) {
		b->push_due = true;
		b->push_at_ms = s->now_ms + (g.next_wall - g.now_wall) * 1000;
	}
	vec_release(&g.changed);
	if (p->n == 0) {
		push_free(p);
		return NULL;
	}
	return p;
}

/* ---- scheduling -------------------------------------------------------------------------- */

static struct worker *
worker_on(struct account *a, const struct box *b)
{
	for (size_t i = 0; i < a->session->workers.n; i++) {
		struct worker *w = a->session->workers.v[i];
		if (w->account == a && w->state == WORKER_READY && w->selected == b && w->is_open)
			return w;
	}
	return NULL;
}

static struct push *gather_probes(struct box *b);

/* A probe decides by what it finds in another mailbox: nothing may be copied or
 * moved between its question and its answer. */
static bool
is_probing(const struct account *a)
{
	for (size_t i = 0; i < a->tasks.n; i++)
		if (a->tasks.v[i]->kind == TASK_PROBE)
			return true;
	return false;
}

static bool
is_pushing(const struct account *a)
{
	for (size_t i = 0; i < a->tasks.n; i++)
		if (a->tasks.v[i]->kind == TASK_PUSH && a->tasks.v[i]->push != NULL)
			return true;
	return false;
}

static bool
start_probe(struct box *b)
{
	struct push *probes = gather_probes(b);

	if (probes == NULL)
		return false;
	struct box *where = box_by_name(b->session, str_c(b->account_name), probes->target, true,
					NULL);
	if (where == NULL) {
		push_free(probes);
		return false;
	}
	struct task *t = task_new(b->account, TASK_PROBE, where);
	t->push = probes;
	return true;
}

void
push_schedule(struct account *a)
{
	struct session *s = a->session;

	if (is_probing(a))
		return;
	for (size_t i = 0; i < s->boxes.n; i++) {
		struct box *b = s->boxes.v[i];
		if (b->account != a || (!b->push_due && !b->probe_due) ||
		    task_of(a, TASK_PUSH, b) != NULL)
			continue;
		if (s->now_ms < b->push_at_ms) {
			session_wake_at(s, b->push_at_ms);
			continue;
		}
		/* Nobody has it open: an empty task makes a worker go there; the batch
		 * is gathered when it is in step. */
		if (worker_on(a, b) == NULL) {
			task_new(a, TASK_PUSH, b);
			continue;
		}
		if (b->probe_due) {
			if (is_pushing(a))
				continue;
			b->probe_due = false;
			if (start_probe(b))
				return;
		}
		b->push_due = false;
		struct push *p = gather(b);
		if (p == NULL)
			continue;
		struct task *t = task_new(a, TASK_PUSH, b);
		t->push = p;
	}
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

static int
update_all(struct task *t, uint8_t state, uint8_t stage, struct err *err)
{
	struct push *p = t->push;

	for (size_t i = 0; i < p->n; i++) {
		p->v[i].state = state;
		p->v[i].stage = stage;
		if (p->v[i].kind == INTENT_DELETE && p->target.len > 0) {
			/* What it began with it ends with, also if $trash changes. */
			p->v[i].target = p->target;
			p->v[i].target_account = p->v[i].account;
		}
	}
	return journal_update(t->account->session->writer, p->v, p->n, err);
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

void
push_send(struct task *t, struct worker *w)
{
	struct push *p = t->push;
	struct account *a = t->account;
	struct err err = ERR_INIT;

	if (p == NULL) {
		/* It only brought a worker here. */
		push_dirty(t->box);
		task_free(t);
		return;
	}
	if (t->kind == TASK_PROBE) {
		p->step = STEP_FIND;
		step(t, w);
		return;
	}
	switch (p->class) {
	case PUSH_FLAG:
	case PUSH_KEYWORD:
		p->step = STEP_STORE; /* idempotent: need not be marked as sent */
		break;
	case PUSH_COPY:
		p->step = STEP_NOTE;
		break;
	case PUSH_EXPUNGE:
		p->step = STEP_MARK;
		break;
	case PUSH_MOVE:
		if (p->v[0].stage == STAGE_COPIED)
			p->step = STEP_MARK;
		else if (p->v[0].stage == STAGE_MARKED)
			p->step = STEP_EXPUNGE;
		else if (a->has_move) {
			p->step = STEP_MOVE;
			if (update_all(t, INTENT_SENT, STAGE_NONE, &err) < 0)
				goto failed;
		} else {
			p->step = STEP_NOTE;
		}
		break;
	}
	step(t, w);
	return;
failed:
	session_store_failed(a->session, &err);
	task_free(t);
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
		if (msg_get_w_status(f->payload, &m, &err) < 0)
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
rehome(struct task *t, struct store_txn *txn, struct store_view *v, const struct intent *i,
       bool is_copy, struct err *err)
{
	struct row row;
	uint64_t local;
	uint32_t mailbox;
	struct mailbox there;

	if (i->target_uid == 0 || store_row(v, i->local, &mailbox, &row, err) != 0 ||
	    store_mailbox_by_name(v, i->account, i->target, &there, err) != 0 ||
	    there.uidvalidity == 0 || there.uidvalidity != i->target_uidvalidity)
		return 0;
	row.uid = i->target_uid;
	row.local = is_copy ? 0 : i->local;
	row.flags &= ~(uint32_t)(ROW_TO_DELETE | ROW_PENDING | ROW_REFUSED | ROW_DELETED);
	return store_put_row(txn, there.id, &row, &local, err);
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
			if (store_row_by_uid(v, t->box->id, p->v[i].uid, &row, err) != 0)
				continue;
			intent_overlay(&p->v[i], &row, &arena);
			struct row_flags_change change = { .uid = row.uid,
							   .flags = row.flags & ROW_SERVER_FLAGS,
							   .keywords = row.keywords };
			status = store_put_flags(txn, t->box->id, &change, err);
		} else if (p->class == PUSH_MOVE || p->class == PUSH_COPY) {
			status = rehome(t, txn, v, &p->v[i], p->class == PUSH_COPY, err);
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

/* All of the batch is done at the server. */
static void
confirm(struct task *t)
{
	struct session *s = t->account->session;
	struct box *b = t->box;
	struct push *p = t->push;
	struct err err = ERR_INIT;

	if (apply_to_cache(t, &err) < 0 || update_all(t, INTENT_CONFIRMED, STAGE_NONE, &err) < 0) {
		if (err.kind != ERR_NONE)
			session_store_failed(s, &err);
	} else if (p->class == PUSH_MOVE || p->class == PUSH_COPY) {
		/* Intents that waited for it may go on in the other mailbox. */
		struct box *other = box_by_name(s, str_c(b->account_name), p->target, false, NULL);
		if (other != NULL) {
			push_dirty(other);
			session_news(s, other->id, NULL, 0, true);
		}
	}
	session_news(s, b->id, NULL, 0, true);
	push_dirty(b);
	account_tell(b->account, NULL);
	task_free(t);
}

static void
refuse(struct task *t, uint8_t state, const char *text)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct box *b = t->box;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < p->n; i++) {
		p->v[i].state = state;
		p->v[i].stage = STAGE_NONE;
		p->v[i].reason = arena_str(&p->arena, str_c(text));
	}
	if (journal_update(s->writer, p->v, p->n, &err) < 0)
		session_store_failed(s, &err);
	session_notice(s, LOG_ERROR, b->account_name, false, "the change to %zu message%s was refused: %s",
		       p->n, p->n == 1 ? "" : "s", text);
	session_news(s, b->id, NULL, 0, true);
	push_dirty(b);
	task_free(t);
}

/* Later: the connection, or a temporary trouble of the server. What was sent stays
 * sent, and is looked at before it is repeated. */
static void
postpone(struct task *t, const char *text)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct box *b = t->box;
	struct err err = ERR_INIT;

	if (p != NULL && t->kind == TASK_PUSH) {
		for (size_t i = 0; i < p->n; i++) {
			p->v[i].attempts++;
			p->v[i].reason = arena_str(&p->arena, str_c(text));
		}
		if (journal_update(s->writer, p->v, p->n, &err) < 0)
			log_at(LOG_WARN, "push", "%s", err.text);
	}
	b->push_due = true;
	b->push_at_ms = s->now_ms + 200;
	task_free(t);
}

static void probe_answer(struct task *t);

static void
next_step(struct task *t)
{
	struct push *p = t->push;
	struct worker *w = t->worker;
	struct err err = ERR_INIT;
	int status = 0;

	switch (p->step) {
	case STEP_STORE:
	case STEP_MOVE:
	case STEP_EXPUNGE:
		confirm(t);
		return;
	case STEP_NOTE:
		status = update_all(t, INTENT_SENT, STAGE_COPYING, &err);
		p->step = STEP_COPY;
		break;
	case STEP_COPY:
		if (p->class == PUSH_COPY) {
			confirm(t);
			return;
		}
		status = update_all(t, INTENT_SENT, STAGE_COPIED, &err);
		p->step = STEP_MARK;
		break;
	case STEP_MARK:
		status = update_all(t, INTENT_SENT, STAGE_MARKED, &err);
		p->step = STEP_EXPUNGE;
		if (!t->account->has_uidplus && status == 0) {
			/* No UID EXPUNGE: a plain one could take other people's mail. */
			session_notice(t->account->session, LOG_WARN, t->account->name, false,
				       "this server cannot expunge single messages: they stay marked as deleted");
			confirm(t);
			return;
		}
		break;
	case STEP_CREATE:
		p->step = t->account->has_move ? STEP_MOVE : STEP_NOTE;
		break;
	case STEP_FIND:
		probe_answer(t);
		return;
	}
	if (status < 0) {
		session_store_failed(t->account->session, &err);
		return; /* its worker was dropped, and the task with it */
	}
	t->id = session_id(t->account->session);
	step(t, w);
}

void
push_end(struct task *t, enum err_kind kind, const char *text)
{
	struct push *p = t->push;

	if (p == NULL) {
		/* The mailbox could not be opened. */
		struct box *b = t->box;
		bool is_gone = kind == ERR_GONE || kind == ERR_REFUSED;
		task_free(t);
		b->push_due = true;
		b->push_at_ms = b->session->now_ms + (is_gone ? 300000 : 1000);
		return;
	}
	switch (kind) {
	case ERR_NONE:
		next_step(t);
		return;
	case ERR_WAIT:
	case ERR_PROTO:
	case ERR_CANCELED:
		postpone(t, text);
		return;
	case ERR_RETRY:
		if (p->v[0].attempts < MAX_ATTEMPTS && t->kind == TASK_PUSH) {
			struct err err = ERR_INIT;
			for (size_t i = 0; i < p->n; i++)
				p->v[i].not_before = wall_now() + (1 << p->v[0].attempts);
			update_all(t, p->step == STEP_STORE ? INTENT_PLANNED : INTENT_SENT,
				   p->v[0].stage, &err);
			postpone(t, text);
			return;
		}
		break;
	case ERR_GONE:
		/* The target is not there. The trash is ours to make. */
		if ((p->step == STEP_MOVE || p->step == STEP_COPY || p->step == STEP_NOTE) &&
		    p->v[0].kind == INTENT_DELETE && !p->has_created && t->worker != NULL) {
			p->has_created = true;
			p->step = STEP_CREATE;
			t->id = session_id(t->account->session);
			step(t, t->worker);
			return;
		}
		break;
	default:
		break;
	}
	if (t->kind == TASK_PROBE) {
		struct err err = ERR_INIT;
		for (size_t i = 0; i < p->n; i++) {
			p->v[i].state = INTENT_PARKED;
			p->v[i].reason = arena_str(&p->arena, str_c(text));
		}
		journal_update(t->account->session->writer, p->v, p->n, &err);
		task_free(t);
		return;
	}
	refuse(t, kind == ERR_GONE && p->step == STEP_STORE ? INTENT_PARKED : INTENT_REFUSED, text);
}

/* ---- probes: did it arrive? where is it now? ------------------------------------------------ */

struct probe_ctx {
	struct gather g;
	struct str where; /* the mailbox to look in: that of the first */
};

static bool
gather_probe(const struct intent *i, void *ctx)
{
	struct probe_ctx *c = ctx;
	struct push *p = c->g.push;
	struct str target;
	enum push_class class = decide_class(i, c->g.trash, &target);
	uint32_t uid = uid_of(&c->g, i);
	bool is_lost = i->state == INTENT_PLANNED && uid == 0;
	bool is_uncertain = i->state == INTENT_SENT &&
			    decide_uncertain(i, class, is_at_source(&c->g, uid)) == FATE_PROBE;

	if (map_set64(&c->g.seen, i->local, c) != NULL || (!is_lost && !is_uncertain))
		return true;
	if (i->message_id.len == 0) {
		decide_without_server(&c->g, i, INTENT_PARKED,
				      "it may have been done or not: the message has no Message-ID to look for");
		return true;
	}
	struct str where = is_lost ? i->mailbox : target;
	if (p->n > 0 && !str_eq(where, c->where))
		return true;
	if (p->n == 0)
		c->where = arena_str(&p->arena, where);
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = copy_intent(&p->arena, i);
	return true;
}

static struct push *
gather_probes(struct box *b)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;
	struct mailbox m;
	struct push *p = xcalloc(1, sizeof(*p));
	struct probe_ctx c = { .g = { .box = b, .push = p, .now_wall = wall_now() } };

	c.g.trash = trash_of(b->account, &p->arena);
	c.g.view = store_begin(s->store, &err);
	if (c.g.view != NULL && box_record(b, &m, c.g.view, &err) == 0) {
		c.g.uidvalidity = m.uidvalidity;
		store_each_intent_of(c.g.view, str_c(b->account_name), buf_str(&b->name), WAITING,
				     gather_probe, &c, &err);
	}
	if (c.g.view != NULL)
		store_end(c.g.view);
	map_release(&c.g.seen, NULL);
	if (c.g.changed.n > 0) {
		journal_update(s->writer, c.g.changed.v, c.g.changed.n, &err);
		session_news(s, b->id, NULL, 0, true);
	}
	vec_release(&c.g.changed);
	p->target = c.where;
	if (p->n > 0)
		return p;
	push_free(p);
	return NULL;
}

static void
probe_answer(struct task *t)
{
	struct session *s = t->account->session;
	struct push *p = t->push;
	struct intent *i = &p->v[p->at];
	struct err err = ERR_INIT;

	if (i->state == INTENT_PLANNED) {
		/* It was moved here; now we know its UID, if it is the only one. */
		if (p->n_found == 1) {
			i->uid = p->found;
			struct mailbox m;
			struct store_view *v = store_begin(s->store, NULL);
			if (v != NULL && box_record(t->box, &m, v, NULL) == 0)
				i->uidvalidity = m.uidvalidity;
			if (v != NULL)
				store_end(v);
		} else {
			i->state = INTENT_PARKED;
			i->reason = p->n_found == 0 ? STR("the message could not be found again") :
						      STR("several messages are the same: not sure which");
		}
	} else if (p->n_found > 0) {
		i->target_uid = p->found;
		if (i->kind == INTENT_COPY)
			i->state = INTENT_CONFIRMED;
		else
			i->stage = STAGE_COPIED;
	} else {
		i->state = INTENT_PLANNED;
		i->stage = STAGE_NONE;
	}
	if (journal_update(s->writer, i, 1, &err) < 0) {
		session_store_failed(s, &err);
		return;
	}
	if (++p->at < p->n) {
		t->id = session_id(s);
		send_find(t, t->worker);
		return;
	}
	struct box *source = box_by_name(s, i->account, i->mailbox, false, NULL);
	if (source != NULL) {
		push_dirty(source);
		session_news(s, source->id, NULL, 0, true);
	}
	push_dirty(t->box);
	task_free(t);
}

/* ---- posts ------------------------------------------------------------------------------------ */

static void
answer_post(struct client *c, uint64_t id, struct str post_id, const struct err *err)
{
	if (err->kind == ERR_NONE) {
		struct msg_ack m = { .post_id = post_id };
		IPC_SEND(c->conn, ACK, ack, id, -1, &m, NULL);
		return;
	}
	struct msg_refused m = { .post_id = post_id,
				 .kind = (uint8_t)err->kind,
				 .text = str_c(err->text) };
	IPC_SEND(c->conn, REFUSED, refused, id, -1, &m, NULL);
}

static int
make_intents(const struct msg_post *m, struct box *b, struct intent **out, size_t *n_out,
	     struct err *err)
{
	size_t n = m->locals.len / 8;

	if (m->post_id.len != 16 || m->locals.len % 8 != 0 || n == 0 || m->kind == 0 ||
	    m->kind >= INTENT_N_KINDS)
		return err_set(err, ERR_PROTO, "malformed change");
	if ((m->kind == INTENT_MOVE || m->kind == INTENT_COPY) &&
	    (m->target.len == 0 || m->target.len > 1000))
		return err_set(err, ERR_USER, "no mailbox to move or copy to");
	if (m->kind == INTENT_MOVE && str_eq(m->target, buf_str(&b->name)) &&
	    (m->target_account.len == 0 || str_eqc(m->target_account, b->account_name)))
		return err_set(err, ERR_USER, "the messages are in that mailbox already");
	struct intent *v = xcalloc(n, sizeof(*v));
	struct ipc_reader r = { m->locals, false };
	for (size_t i = 0; i < n; i++) {
		v[i].kind = m->kind;
		v[i].local = ipc_get_u64(&r);
		v[i].account = str_c(b->account_name);
		v[i].mailbox = buf_str(&b->name);
		v[i].set_flags = m->set_flags;
		v[i].clear_flags = m->clear_flags;
		v[i].keyword = m->keyword;
		v[i].target_account = m->target.len > 0 && m->target_account.len == 0 ?
					      str_c(b->account_name) :
					      m->target_account;
		v[i].target = m->target;
	}
	*out = v;
	*n_out = n;
	return 0;
}

void
post_request(struct client *c, uint64_t id, const struct msg_post *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	struct intent *v = NULL;
	size_t n = 0;
	uint8_t post_id[16];
	struct box *b = box_get(s, m->mailbox);

	if (b == NULL)
		err_set(&err, ERR_GONE, "the mailbox is not in the cache any more");
	else if (make_intents(m, b, &v, &n, &err) == 0) {
		bool release_now = m->kind == INTENT_DELETE && m->set_flags != 0;
		memcpy(post_id, m->post_id.ptr, 16);
		session_commit(s); /* fingerprints are read from what is committed */
		if (journal_accept(s->writer, post_id, v, n, release_now, wall_now(), &err) == 0) {
			/* Acknowledged means durable: the frame goes after the sync. */
			answer_post(c, id, m->post_id, &err);
			ipc_flush(c->conn, NULL);
			session_news(s, b->id, NULL, 0, true);
			push_dirty(b);
			if (b->account != NULL && b->account->state == ACCOUNT_WAITING)
				account_tell(b->account, NULL); /* one more waits */
			free(v);
			return;
		}
	}
	answer_post(c, id, m->post_id, &err);
	free(v);
}

void
release_request(struct client *c, uint64_t id, const struct msg_release *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	uint32_t n = 0;
	struct box *b = box_get(s, m->mailbox);

	if (m->post_id.len != 16)
		err_set(&err, ERR_PROTO, "malformed request");
	else if (b == NULL)
		err_set(&err, ERR_GONE, "the mailbox is not in the cache any more");
	else if (journal_release(s->writer, (const uint8_t *)m->post_id.ptr, str_c(b->account_name),
				 buf_str(&b->name), &n, &err) == 0 &&
		 n > 0) {
		session_news(s, b->id, NULL, 0, true);
		push_dirty(b);
	}
	answer_post(c, id, m->post_id, &err);
}

void
undo_request(struct client *c, uint64_t id, const struct msg_undo *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	char *text = NULL;

	if (m->post_id.len != 16) {
		err_set(&err, ERR_PROTO, "malformed request");
		client_failed(c, id, &err);
		return;
	}
	session_commit(s);
	if (journal_undo(s->writer, (const uint8_t *)m->post_id.ptr, wall_now(), &text, &err) < 0) {
		client_failed(c, id, &err);
		return;
	}
	client_done(c, id, text != NULL ? text : "");
	free(text);
	push_scan(s);
	for (size_t i = 0; i < s->boxes.n; i++)
		session_news(s, s->boxes.v[i]->id, NULL, 0, true);
}

void
intent_retry_request(struct client *c, uint64_t id, uint64_t seq, bool drop)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;
	struct intent i;
	struct arena arena = ARENA_INIT;
	struct box *b = NULL;
	struct store_view *v = store_begin(s->store, &err);
	int found = v == NULL ? -1 : store_intent(v, seq, &i, &err);

	if (found == 0)
		i = copy_intent(&arena, &i);
	if (v != NULL)
		store_end(v);
	if (found == 1)
		err_set(&err, ERR_GONE, "that change is no longer in the queue");
	if (found == 0) {
		b = box_by_name(s, i.account, i.mailbox, true, NULL);
		if (drop) {
			journal_drop(s->writer, seq, &err);
		} else {
			i.not_before = 0;
			i.attempts = 0;
			if (i.state == INTENT_REFUSED || i.state == INTENT_PARKED)
				i.state = INTENT_PLANNED;
			journal_update(s->writer, &i, 1, &err);
		}
	}
	if (err.kind != ERR_NONE)
		client_failed(c, id, &err);
	else
		client_done(c, id, "");
	if (b != NULL) {
		session_news(s, b->id, NULL, 0, true);
		push_dirty(b);
		if (b->account != NULL && !drop)
			account_connect_now(b->account);
	}
	arena_release(&arena);
}
