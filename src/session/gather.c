/* Which intents go out next. An intent is durable and acknowledged first; then
 * the oldest intents of a mailbox that may go out as one command are gathered into
 * one batch, one batch per mailbox at a time, more gathering meanwhile. What was
 * sent and never answered is decided here, or made a probe. */
#include "push.h"

#include <stdlib.h>
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

#define WAITING ((1u << INTENT_PLANNED) | (1u << INTENT_SENT))

/* ---- what is due -------------------------------------------------------------------- */

void
push_dirty(struct box *b)
{
	b->push_due = true;
	b->push_at_ms = 0;
}

void
push_rows_came(struct box *b)
{
	if (b->awaits_rows)
		push_dirty(b);
	b->awaits_rows = false;
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
	struct map first; /* of all mailboxes: local to the seq of its first; see is_behind() */
	bool has_first;
	uint32_t uidvalidity, uidnext;
	struct seqset covered;
	bool is_covered; /* every message has a row */
	int64_t now_wall;
	int64_t next_wall; /* when the earliest that has to wait may go; 0 none */
	bool wants_probe;
	bool wants_look;
	uint32_t sought_uid;
	bool wants_folders;
	bool awaits_rows;
	VEC(struct intent) changed; /* decided without the server */
};

struct found {
	uint32_t uid; /* 0: nobody knows */
	bool is_there;
	bool may_come; /* not every row is here: that it has none says nothing */
};

static void
look_at_mailbox(struct gather *g, const struct mailbox *m)
{
	g->uidvalidity = m->uidvalidity;
	g->uidnext = m->uidnext;
	seqset_parse(m->covered, &g->covered, NULL);
	g->is_covered = m->uidnext > 0 && seqset_count(&g->covered) == m->uidnext - 1;
}

/* Where its message is now: by local id, else by the record's UID if that still means
 * the same message. */
static struct found
find_message(const struct gather *g, const struct intent *i)
{
	struct row row;
	uint32_t mailbox;

	if (store_row(g->view, i->local, &mailbox, &row, NULL) == 0 && mailbox == g->box->id)
		return (struct found){ row.uid, true, false };
	if (i->uid == 0) /* an undone move whose new UID nobody told us */
		return (struct found){ 0, false, false };
	if (i->uidvalidity != g->uidvalidity)
		return (struct found){ 0, false, !g->is_covered };
	if (store_row_by_uid(g->view, g->box->id, i->uid, &row, NULL) == 0)
		return intent_means(i, &row) ? (struct found){ i->uid, true, false } :
					       (struct found){ 0, false, !g->is_covered };
	return (struct found){ i->uid, false,
			       i->uid < g->uidnext && !seqset_has(&g->covered, i->uid) };
}

/* A UID that another connection told (COPYUID), and that the one that stands here has
 * not heard of: it must look, once. Until then a command about it does nothing, also if
 * its row came here along with a move. */
static bool
is_news(const struct gather *g, uint32_t uid)
{
	const struct box *b = g->box;

	return uid >= g->uidnext && (b->sought_uidvalidity != g->uidvalidity || b->sought_uid < uid);
}

static bool
note_first(const struct intent *i, void *ctx)
{
	struct gather *g = ctx;

	if (!map_has64(&g->first, i->local)) /* they come in order of seq */
		map_set64(&g->first, i->local, (void *)(uintptr_t)i->seq);
	return true;
}

/* An earlier change of its message waits, or is on its way, in another mailbox: until
 * that has ended nobody knows where the message is, and looking for it proves nothing. */
static bool
is_behind(struct gather *g, const struct intent *i)
{
	if (!g->has_first)
		store_each_intent(g->view, WAITING, note_first, g, NULL);
	g->has_first = true;
	return (uintptr_t)map_get64(&g->first, i->local) != i->seq;
}

static void
decide_without_server(struct gather *g, const struct intent *i, uint8_t state, const char *reason)
{
	struct intent c = intent_copy(i, &g->push->arena);

	c.state = state;
	c.reason = str_c(reason);
	vec_push(&g->changed, c);
}

/* It rests until its time. */
static bool
rests(struct gather *g, const struct intent *i)
{
	if (!decide_must_wait(i->not_before, g->now_wall))
		return false;
	if (g->next_wall == 0 || i->not_before < g->next_wall)
		g->next_wall = i->not_before;
	return true;
}

/* Of what was sent and never answered: whether it is to be sent again. */
static bool
is_repeated(struct gather *g, const struct intent *i, enum push_class class, bool at_source)
{
	switch (decide_uncertain(i, class, at_source)) {
	case FATE_DONE:
		decide_without_server(g, i, INTENT_CONFIRMED, "");
		return false;
	case FATE_PROBE:
		g->wants_probe = true;
		return false;
	case FATE_REPEAT:
		break;
	}
	return true;
}

/* Whether it may go out now. Else it is decided here, or what it waits for is noted. */
static bool
may_go(struct gather *g, const struct intent *i, enum push_class class, struct found found)
{
	bool is_flags = class == PUSH_FLAG || class == PUSH_KEYWORD;

	if (found.may_come) {
		g->awaits_rows = true;
		return false;
	}
	/* No trash known yet is not the same as no trash. */
	if (class == PUSH_EXPUNGE && g->trash.len == 0 && !g->box->account->has_folders) {
		g->wants_folders = true;
		return false;
	}
	if ((class == PUSH_MOVE || class == PUSH_COPY) && i->target_account.len > 0 &&
	    !str_eq(i->target_account, i->account)) {
		decide_without_server(g, i, INTENT_REFUSED,
				      "moving between accounts is not possible yet");
		return false;
	}
	if (i->state == INTENT_SENT && (found.is_there || !is_flags))
		return is_repeated(g, i, class, found.is_there);
	if (i->uid == 0 && !found.is_there && i->state == INTENT_PLANNED) {
		/* An undone move whose new UID nobody told us: look for it. */
		g->wants_probe |= !is_behind(g, i);
		return false;
	}
	if (is_news(g, found.uid) && (!found.is_there || g->uidnext > 0)) {
		g->wants_look = true;
		g->sought_uid = found.uid > g->sought_uid ? found.uid : g->sought_uid;
		return false;
	}
	if (!found.is_there)
		decide_without_server(g, i, INTENT_PARKED, "the message is no longer there");
	return found.is_there;
}

static bool
gather_one(const struct intent *i, void *ctx)
{
	struct gather *g = ctx;
	struct push *p = g->push;
	struct str target;

	/* The others come when this batch is done. */
	if (p->n > 0 && p->n >= decide_batch_limit(p->v[0].attempts))
		return false;
	if (map_set64(&g->seen, i->local, g) != NULL || rests(g, i))
		return true;
	enum push_class class = decide_class(i, g->trash, &target);
	struct found found = find_message(g, i);
	if (!may_go(g, i, class, found))
		return true;
	if (p->n > 0 && (p->n >= decide_batch_limit(i->attempts) ||
			 !decide_same_batch(&p->v[0], i, g->trash)))
		return true;
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n] = intent_copy(i, &p->arena);
	p->v[p->n].uid = found.uid;
	p->v[p->n].uidvalidity = g->uidvalidity;
	if (p->n++ == 0) {
		p->class = class;
		p->target = arena_str(&p->arena, target);
	}
	return true;
}

/* What waited behind this one is now in the mailbox that it went to. */
static void
wake_target(const struct gather *g, const struct intent *i)
{
	if (i->state != INTENT_CONFIRMED || i->target.len == 0)
		return;
	struct box *there = box_by_name(g->box->session, str_c(g->box->account_name), i->target, false,
					NULL);
	if (there != NULL)
		push_dirty(there);
}

/* What needs no server is written down, and said. */
static int
settle(struct gather *g)
{
	struct session *s = g->box->session;
	struct err err = ERR_INIT;
	int status = 0;

	if (g->changed.n == 0)
		return 0;
	g->box->push_due = true; /* later intents of the same messages come next */
	if (journal_update(s->writer, g->changed.v, g->changed.n, &err) < 0) {
		session_store_failed(s, &err);
		status = -1;
	}
	for (size_t i = 0; status == 0 && i < g->changed.n; i++)
		if (g->changed.v[i].state != INTENT_CONFIRMED)
			session_notice(s, LOG_WARN, g->box->account_name, false, "%.*s",
				       STR_ARG(g->changed.v[i].reason));
	for (size_t i = 0; status == 0 && i < g->changed.n; i++)
		wake_target(g, &g->changed.v[i]);
	session_news(s, g->box->id);
	vec_release(&g->changed);
	return status;
}

static struct worker *
worker_on(struct account *a, const struct box *b)
{
	EVERY_WORKER (a, w)
		if (w->state == WORKER_READY && w->selected == b && w->is_open)
			return w;
	return NULL;
}

/* Opening it anew brings what came since; then it is gathered again. */
static void
look_again(struct box *b, const struct gather *g, bool has_batch)
{
	struct worker *w = worker_on(b->account, b);

	if (has_batch || w == NULL || w->running.n > 0) {
		b->push_due = true;
		return;
	}
	b->sought_uidvalidity = g->uidvalidity;
	b->sought_uid = g->sought_uid;
	sync_send_open(w, b);
}

/* A connection that stands there without watching is told nothing, and STATUS on it says
 * what it was told last: rows and counts would stay behind until it goes elsewhere. One
 * that watches would be told when it asks the next time, which may be in a minute: where
 * nobody tells new UIDs, what came back by an undo would be nowhere till then. */
static void
hear_of_arrivals(struct box *b, bool has_batch)
{
	struct worker *w = worker_on(b->account, b);
	struct msg_w_news news = { 0 };

	if (w == NULL || w->role == ROLE_WATCH)
		b->has_arrivals = false;
	if (w == NULL)
		return;
	if (w->role == ROLE_WATCH)
		IPC_SEND(w->conn, W_NEWS, w_news, session_id(b->session), -1, &news, NULL);
	else if (has_batch || w->running.n > 0)
		b->push_due = true;
	else
		sync_send_open(w, b);
}

/* The next batch of a mailbox that is in step; NULL if nothing can go now. */
static struct push *
gather(struct box *b)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;
	struct mailbox m;

	/* What the server said is what we decide by. */
	if (session_commit(s) < 0) {
		b->push_due = true;
		return NULL;
	}
	struct push *p = xcalloc(1, sizeof(*p));
	struct gather g = { .box = b, .push = p, .now_wall = wall_now() };
	g.trash = trash_of(b->account, &p->arena);
	g.view = store_begin(s->store, &err);
	if (g.view == NULL || box_record(b, &m, g.view, &err) < 0) {
		if (g.view != NULL)
			store_end(g.view);
		push_free(p);
		return NULL;
	}
	look_at_mailbox(&g, &m);
	store_each_intent_of(g.view, str_c(b->account_name), buf_str(&b->name), WAITING, gather_one,
			     &g, &err);
	store_end(g.view);
	map_release(&g.seen, NULL);
	seqset_release(&g.covered);
	b->awaits_rows = g.awaits_rows;
	map_release(&g.first, NULL);
	if (settle(&g) < 0) {
		push_free(p);
		return NULL;
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
	if (g.wants_look)
		look_again(b, &g, p->n > 0);
	else if (b->has_arrivals)
		hear_of_arrivals(b, p->n > 0);
	if (p->n == 0) {
		push_free(p);
		return NULL;
	}
	return p;
}

/* ---- gathering probes: did it arrive? where is it now? --------------------------------------- */

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
	struct found found = find_message(&c->g, i);
	bool is_lost = i->state == INTENT_PLANNED && i->uid == 0 && !found.is_there;
	bool is_uncertain = i->state == INTENT_SENT && !found.may_come &&
			    decide_uncertain(i, class, found.is_there) == FATE_PROBE;

	if (map_set64(&c->g.seen, i->local, c) != NULL || (!is_lost && !is_uncertain) ||
	    (is_lost && is_behind(&c->g, i)))
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
	p->v[p->n++] = intent_copy(i, &p->arena);
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
		look_at_mailbox(&c.g, &m);
		store_each_intent_of(c.g.view, str_c(b->account_name), buf_str(&b->name), WAITING,
				     gather_probe, &c, &err);
	}
	if (c.g.view != NULL)
		store_end(c.g.view);
	map_release(&c.g.seen, NULL);
	map_release(&c.g.first, NULL);
	seqset_release(&c.g.covered);
	int status = settle(&c.g);
	p->target = c.where;
	if (status == 0 && p->n > 0)
		return p;
	push_free(p);
	return NULL;
}

/* ---- a mailbox that is gone -------------------------------------------------------------- */

struct park {
	struct arena arena;
	struct str why;
	VEC(struct intent) v;
};

static bool
park_one(const struct intent *i, void *ctx)
{
	struct park *p = ctx;
	struct intent c = intent_copy(i, &p->arena);

	c.state = INTENT_PARKED;
	c.reason = p->why;
	vec_push(&p->v, c);
	return true;
}

static void
park_all(struct box *b, const char *why)
{
	struct session *s = b->session;
	struct err err = ERR_INIT;
	struct park p = { ARENA_INIT, str_c(why), VEC_INIT };
	struct store_view *v = store_begin(s->store, &err);

	if (v != NULL) {
		store_each_intent_of(v, str_c(b->account_name), buf_str(&b->name), WAITING, park_one,
				     &p, &err);
		store_end(v);
	}
	if (p.v.n > 0 && journal_update(s->writer, p.v.v, p.v.n, &err) < 0)
		session_store_failed(s, &err);
	else if (p.v.n > 0)
		session_notice(s, LOG_ERROR, b->account_name, false,
			       "%zu change%s in '%s' cannot be made: %s", p.v.n,
			       p.v.n == 1 ? "" : "s", b->name.ptr, why);
	session_news(s, b->id);
	vec_release(&p.v);
	arena_release(&p.arena);
}

/* ---- scheduling -------------------------------------------------------------------------- */

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

/* What it came for goes out before the worker is called to the next mailbox: else
 * two mailboxes would take it from each other for ever, and nothing went out. */
static bool
has_brought_a_worker(const struct task *t)
{
	return t->push == NULL && t->worker == NULL && worker_on(t->account, t->box) != NULL;
}

void
push_schedule(struct account *a)
{
	struct session *s = a->session;

	if (is_probing(a))
		return;
	for (size_t i = 0; i < s->boxes.n; i++) {
		struct box *b = s->boxes.v[i];
		struct task *t = task_of(a, TASK_PUSH, b);
		if (b->account != a || (!b->push_due && !b->probe_due) ||
		    (t != NULL && !has_brought_a_worker(t)) || !session_is_due(s, b->push_at_ms))
			continue;
		if (b->is_gone) {
			b->push_due = b->probe_due = false;
			park_all(b, "the mailbox is no longer there");
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
		if (p == NULL) {
			/* It came for nothing: asked again once it is sent, two mailboxes
			 * would call the worker to and fro. */
			if (t != NULL)
				task_free(t);
			continue;
		}
		if (t == NULL)
			t = task_new(a, TASK_PUSH, b);
		t->push = p;
	}
}
