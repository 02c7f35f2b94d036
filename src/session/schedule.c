/* What an account does next: which connections it has, which mailbox each of them
 * opens, and which task it gets.
 *
 * A mailbox on a screen has a connection of its own, as far as the server lets us have
 * so many; a further one serves all others in turn (work), and one attachments (bulk).
 * With one connection in all that one does everything in turn. Tasks are placed in the
 * order of their urgency, each on the ready connection that is fittest for it; where
 * there is none, one that has nothing to do is sent to the task's mailbox. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"

#define STAGGER_MS 250 /* between two logins */
#define BULK_IDLE_MS 60000
#define WORK_IDLE_MS (10 * 60 * 1000)

/* ---- connections --------------------------------------------------------------------- */

static uint32_t
n_workers(const struct account *a)
{
	uint32_t n = 0;

	EVERY_WORKER (a, w)
		n += w->state != WORKER_DEAD;
	return n;
}

static struct worker *
worker_with_role(const struct account *a, enum worker_role role, const struct box *home)
{
	EVERY_WORKER (a, w)
		if (w->state != WORKER_DEAD && w->role == role &&
		    (role != ROLE_WATCH || w->home == home))
			return w;
	return NULL;
}

static bool
has_ready_worker(const struct account *a)
{
	EVERY_WORKER (a, w)
		if (w->state == WORKER_READY)
			return true;
	return false;
}

static bool
may_connect(struct account *a)
{
	struct session *s = a->session;

	if (a->is_stopped || s->is_finishing ||
	    n_workers(a) >= decide_cap(&a->cap, s->now_ms) || !session_is_due(s, a->retry_ms))
		return false;
	/* The first login decides whether the others are worth trying. */
	if (n_workers(a) > 0 && !has_ready_worker(a))
		return false;
	return a->login_ms == 0 || session_is_due(s, a->login_ms + STAGGER_MS);
}

/* The machine is short of processes or descriptors: that passes. */
static void
cannot_start(struct account *a, const char *why)
{
	a->retry_ms = a->session->now_ms + decide_backoff_ms(++a->n_failures, 0.5);
	session_wake_at(a->session, a->retry_ms);
	if (n_workers(a) > 0) /* the others go on */
		log_at(LOG_WARN, "account", "%s: no further connection: %s", a->name, why);
	else
		account_say(a, ACCOUNT_WAITING, "%s", why);
	account_tell(a, NULL);
}

static struct worker *
connect_role(struct account *a, enum worker_role role, struct box *home)
{
	struct err err = ERR_INIT;

	if (!may_connect(a))
		return NULL;
	a->login_ms = a->session->now_ms;
	struct worker *w = worker_start(a, role, &err);
	if (w == NULL) {
		cannot_start(a, err.text);
		return NULL;
	}
	w->home = home;
	if (a->state != ACCOUNT_READY && a->state != ACCOUNT_BUSY)
		account_say(a, ACCOUNT_CONNECTING, "connecting to %s",
			    a->tunnel[0] != '\0' ? "the tunnel" : a->host);
	return w;
}

/* ---- which mailbox each has open ----------------------------------------------------- */

/* With one connection in all it does other mailboxes' tasks in turn: it has just
 * come there for one that is still queued. Filling is not worth being away for. */
static bool
is_away_for_a_task(const struct account *a, const struct worker *w)
{
	for (size_t i = 0; i < a->tasks.n; i++)
		if (a->tasks.v[i]->box == w->selected && w->selected != NULL && w->is_open &&
		    a->tasks.v[i]->worker == NULL && a->tasks.v[i]->kind < TASK_FILL)
			return true;
	return false;
}

/* Somebody waits for it, and it has no connection of its own: see visit(). */
static bool
waits_for_a_visit(const struct account *a, const struct box *b)
{
	return b->waiting.n > 0 && !b->is_shut && b->open_ms <= a->session->now_ms &&
	       !sync_is_in_step(b) &&
	       worker_with_role(a, ROLE_WATCH, b) == NULL;
}

/* It could do something more urgent in another mailbox, which no one else will. */
static bool
is_wanted_elsewhere(const struct account *a, const struct worker *w)
{
	if (w->role == ROLE_WATCH && w->home != NULL && w->home->n_watchers > 0 &&
	    !w->home->is_shut && w->selected != w->home)
		return true;
	EVERY_BOX (a, b)
		if (b != w->selected && waits_for_a_visit(a, b))
			return true;
	for (size_t i = 0; i < a->tasks.n; i++) {
		const struct task *t = a->tasks.v[i];
		if (t->worker != NULL || t->box == NULL || t->box == w->selected ||
		    t->kind >= TASK_FILL || t->box->is_shut ||
		    t->box->open_ms > a->session->now_ms)
			continue;
		const struct worker *its_own = worker_with_role(t->account, ROLE_WATCH, t->box);
		if (its_own == NULL || its_own == w)
			return true;
	}
	return false;
}

bool
schedule_may_fill(const struct box *b)
{
	struct account *a = b->account;

	if (b->n_watchers > 0 || decide_cap(&a->cap, a->session->now_ms) > 1)
		return true;
	EVERY_WORKER (a, w)
		if (w->home != NULL && w->home->n_watchers > 0)
			return false;
	return true;
}

/* One that the server would not open is tried again, but not at once. */
static bool
may_open(struct box *b)
{
	return session_is_due(b->session, b->open_ms);
}

/* No connection is left for this one, and somebody waits for it: whoever has nothing
 * to do looks into it once. */
static void
visit(struct account *a, struct box *b)
{
	if (b->waiting.n == 0 || sync_is_in_step(b) || !may_open(b))
		return;
	EVERY_WORKER (a, w)
		if (w->opening == b)
			return;
	EVERY_WORKER (a, w)
		if (w->state == WORKER_READY && w->running.n == 0 && w->role != ROLE_BULK &&
		    !is_away_for_a_task(a, w)) {
			sync_send_open(w, b);
			return;
		}
}

/* One whose mailbox nobody looks at any more. */
static struct worker *
free_watcher(const struct account *a)
{
	EVERY_WORKER (a, w)
		if (w->role == ROLE_WATCH && w->state != WORKER_DEAD &&
		    (w->home == NULL || w->home->n_watchers == 0))
			return w;
	return NULL;
}

/* One watch worker per mailbox on a screen, as far as the cap allows; a watch
 * worker whose mailbox nobody looks at any more goes to the next one. */
static void
schedule_watch(struct account *a)
{
	EVERY_BOX (a, b) {
		if (b->n_watchers == 0 || b->is_shut)
			continue;
		struct worker *w = worker_with_role(a, ROLE_WATCH, b);
		if (w == NULL && (w = free_watcher(a)) != NULL)
			w->home = b;
		if (w == NULL)
			w = connect_role(a, ROLE_WATCH, b);
		if (w == NULL)
			visit(a, b);
		else if (w->state == WORKER_READY && w->selected != b && w->running.n == 0 &&
			 !is_away_for_a_task(a, w) && may_open(b))
			sync_send_open(w, b);
	}
}

/* ---- which task each gets ------------------------------------------------------------- */

static bool
is_ready_for(const struct worker *w, const struct task *t)
{
	if (w->state != WORKER_READY)
		return false;
	if (t->box == NULL)
		return w->opening == NULL && (w->selected == NULL || w->is_open);
	return w->selected == t->box && w->is_open;
}

/* How many tasks of a kind a worker takes at once: reads and slices go in
 * flights, what changes something goes one by one. */
static bool
has_room(const struct worker *w, enum task_kind kind)
{
	size_t same = 0;

	for (size_t i = 0; i < w->running.n; i++)
		same += w->running.v[i]->kind == kind;
	switch (kind) {
	case TASK_READ:
		return same < 4;
	case TASK_FILL:
		return same < FILL_IN_FLIGHT;
	default:
		return same < 1;
	}
}

/* Which of the ready workers should do it: lower is better, -1 not at all. */
static int
fitness(const struct worker *w, const struct task *t)
{
	bool is_alone = n_workers(t->account) == 1;

	if (!is_ready_for(w, t) || !has_room(w, t->kind))
		return -1;
	switch (t->kind) {
	case TASK_OPEN:
	case TASK_READ:
	case TASK_PUSH:
	case TASK_UIDS:
	case TASK_PREFETCH:
		return w->role == ROLE_WATCH ? 0 : 1;
	case TASK_PROBE:
	case TASK_FOLDERS:
		return w->role == ROLE_WORK ? 0 : is_alone ? 2 : -1;
	case TASK_PART:
		return w->role == ROLE_BULK ? 0 : w->role == ROLE_WORK ? 1 : is_alone ? 2 : -1;
	case TASK_FILL:
		if (is_wanted_elsewhere(t->account, w))
			return -1;
		return w->role == ROLE_WORK ? 0 : is_alone ? 2 : -1;
	}
	return -1;
}

static struct worker *
best_worker(struct task *t)
{
	struct worker *best = NULL;
	int best_fit = 0;

	EVERY_WORKER (t->account, w) {
		int fit = fitness(w, t);
		if (fit >= 0 && (best == NULL || fit < best_fit)) {
			best = w;
			best_fit = fit;
		}
	}
	return best;
}

/* A worker that may leave its mailbox for this task. */
static struct worker *
hopping_worker(struct task *t)
{
	struct account *a = t->account;
	bool wants_bulk = t->kind == TASK_PART;
	struct worker *w = worker_with_role(a, wants_bulk ? ROLE_BULK : ROLE_WORK, NULL);

	if (w == NULL)
		w = connect_role(a, wants_bulk ? ROLE_BULK : ROLE_WORK, NULL);
	if (w == NULL && wants_bulk)
		w = worker_with_role(a, ROLE_WORK, NULL);
	/* With one connection in all, the watching one does everything in turn. */
	if (w == NULL && decide_cap(&a->cap, a->session->now_ms) <= 1)
		EVERY_WORKER (a, the_only)
			w = the_only;
	return w;
}

static bool
is_watched_and_opening(const struct task *t)
{
	if (t->box == NULL || t->box->n_watchers == 0 || t->box->is_shut)
		return false;
	struct worker *w = worker_with_role(t->account, ROLE_WATCH, t->box);
	return w != NULL && !(w->is_open && w->selected == t->box);
}

/* These belong to the connection that watches the mailbox, if it has one. */
static bool
is_for_watch(enum task_kind kind)
{
	return kind == TASK_READ || kind == TASK_PUSH || kind == TASK_UIDS ||
	       kind == TASK_PREFETCH;
}

static void
place(struct task *t)
{
	struct worker *w = best_worker(t);

	if (w != NULL) {
		task_send(t, w);
		return;
	}
	if (is_for_watch(t->kind) && t->box != NULL && t->box->n_watchers > 0 &&
	    !t->box->is_shut && worker_with_role(t->account, ROLE_WATCH, t->box) != NULL)
		return; /* it will have it in a moment */
	if (is_watched_and_opening(t) && t->kind != TASK_PART)
		return; /* the screen comes first */
	w = hopping_worker(t);
	if (w == NULL || w->state != WORKER_READY || w->running.n > 0)
		return;
	if (t->kind >= TASK_FILL && (w->role == ROLE_WATCH || is_wanted_elsewhere(t->account, w)))
		return;
	if (t->box != NULL && w->selected != t->box && may_open(t->box))
		sync_send_open(w, t->box);
}

static int
by_urgency(const void *a, const void *b)
{
	const struct task *x = *(struct task *const *)a, *y = *(struct task *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static bool
has_task(const struct account *a, const struct task *t)
{
	for (size_t i = 0; i < a->tasks.n; i++)
		if (a->tasks.v[i] == t)
			return true;
	return false;
}

static void
place_all(struct account *a)
{
	size_t n = a->tasks.n;

	if (n == 0)
		return;
	/* A copy: placing a task may end others. */
	struct task **order = xmemdup(a->tasks.v, n * sizeof(*order));
	qsort(order, n, sizeof(*order), by_urgency);
	for (size_t i = 0; i < n; i++)
		if (has_task(a, order[i]) && order[i]->worker == NULL)
			place(order[i]);
	free(order);
}

/* ---- what is let go ------------------------------------------------------------------- */

static bool
has_tasks_for(struct account *a, const struct worker *w)
{
	for (size_t i = 0; i < a->tasks.n; i++) {
		enum task_kind kind = a->tasks.v[i]->kind;
		if (w->role == ROLE_BULK ? kind == TASK_PART : kind != TASK_PART)
			return true;
	}
	return false;
}

static void
release_idle(struct account *a)
{
	struct session *s = a->session;

	EVERY_WORKER (a, w) {
		if (w->state != WORKER_READY || w->role == ROLE_WATCH || w->running.n > 0 ||
		    has_tasks_for(a, w)) {
			w->idle_since_ms = s->now_ms;
			continue;
		}
		int64_t limit = w->role == ROLE_BULK ? BULK_IDLE_MS : WORK_IDLE_MS;
		if (session_is_due(s, w->idle_since_ms + limit))
			worker_logout(w);
	}
}

/* A program that does not even let go of what was canceled is stuck. */
static void
drop_stuck(struct account *a)
{
	struct session *s = a->session;

	for (size_t i = 0; i < a->tasks.n; i++) {
		struct task *t = a->tasks.v[i];
		if (!t->is_canceled || t->worker == NULL || !session_is_due(s, t->cancel_by_ms))
			continue;
		worker_drop(t->worker, ERR_WAIT, "the connection does not answer");
		return; /* the list is another one now */
	}
}

/* ---- a turn ---------------------------------------------------------------------------- */

void
schedule_account(struct account *a)
{
	drop_stuck(a);
	/* What there is to do first: it keeps a worker where it has come to do it. */
	push_schedule(a);
	folders_schedule(a);
	EVERY_BOX (a, b)
		fill_next(b);
	schedule_watch(a);
	place_all(a);
	release_idle(a);
}
