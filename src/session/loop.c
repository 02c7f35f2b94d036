/* The loop: one poll() over interfaces, workers, signals and one timer. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "internal.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

/* Workers are noticed by their socket; renderers need nothing. A pid that was
 * collected may be somebody else's at once: it must not be killed any more. */
static void
reap(struct session *s)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < s->workers.n; i++)
			if (s->workers.v[i]->pid == pid) {
				s->workers.v[i]->pid = 0;
				s->workers.v[i]->status = status;
			}
		if (s->spare.pid == pid)
			worker_forget_spare(s);
		care_child_ended(s, pid, status);
	}
}

static void
take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else
			s->is_finishing = true;
	}
}

#define ACCEPT_AGAIN_MS 1000

/* Who cannot be let in, for want of a descriptor, stays in the queue and would wake
 * poll() at once again: nobody listens for a moment. */
static void
accept_clients(struct session *s)
{
	struct err err = ERR_INIT;
	int fd = ipc_accept(s->listen_fd, &err);

	if (fd >= 0) {
		client_new(s, fd);
		return;
	}
	log_at(LOG_WARN, "client", "%s", err.text);
	if (err.kind != ERR_REFUSED)
		s->accept_ms = s->now_ms + ACCEPT_AGAIN_MS;
}

void
session_wake_at(struct session *s, int64_t at_ms)
{
	if (at_ms < s->wake_at_ms)
		s->wake_at_ms = at_ms;
}

bool
session_is_due(struct session *s, int64_t at_ms)
{
	if (s->now_ms >= at_ms)
		return true;
	session_wake_at(s, at_ms);
	return false;
}

uint64_t
session_id(struct session *s)
{
	return ++s->next_id;
}

static void
set_timer(struct session *s)
{
	struct itimerspec at = { 0 };

	if (s->wake_at_ms != TICK_NEVER) {
		int64_t ms = s->wake_at_ms > 0 ? s->wake_at_ms : 1;
		at.it_value.tv_sec = ms / 1000;
		at.it_value.tv_nsec = ms % 1000 * 1000000 + 1;
	}
	timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* The queue: what the next poll() is about. */
struct poll_entry {
	struct client *client;
	struct worker *worker;
};

static void
one_poll(struct session *s, int timeout_ms)
{
	VEC(struct pollfd) fds = VEC_INIT;
	VEC(struct poll_entry) who = VEC_INIT;
	struct pollfd base[] = { { s->signal_fd, POLLIN, 0 },
				 { s->timer_fd, POLLIN, 0 },
				 { session_is_due(s, s->accept_ms) ? s->listen_fd : -1, POLLIN, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(base); i++) {
		vec_push(&fds, base[i]);
		vec_push(&who, ((struct poll_entry){ NULL, NULL }));
	}
	for (size_t i = 0; i < s->clients.n; i++) {
		struct client *c = s->clients.v[i];
		struct pollfd p = { ipc_fd(c->conn),
				    (short)(POLLIN | (ipc_wants_write(c->conn) ? POLLOUT : 0)), 0 };
		vec_push(&fds, p);
		vec_push(&who, ((struct poll_entry){ c, NULL }));
	}
	for (size_t i = 0; i < s->workers.n; i++) {
		struct worker *w = s->workers.v[i];
		if (w->has_more && w->state != WORKER_DEAD && w->state != WORKER_ENDED)
			timeout_ms = 0;
		struct pollfd p = { w->state == WORKER_ENDED ? -1 : ipc_fd(w->conn),
				    (short)(POLLIN | (ipc_wants_write(w->conn) ? POLLOUT : 0)), 0 };
		vec_push(&fds, p);
		vec_push(&who, ((struct poll_entry){ NULL, w }));
	}
	set_timer(s);
	int n = poll(fds.v, fds.n, timeout_ms);
	s->now_ms = tick_ms();
	s->wake_at_ms = TICK_NEVER;
	if (n >= 0) {
		uint64_t ticks;
		if (fds.v[1].revents && read(s->timer_fd, &ticks, sizeof(ticks)) < 0)
			errno = 0;
		if (fds.v[0].revents)
			take_signals(s);
		/* Interfaces first: what somebody typed goes before what a server says. */
		for (size_t i = 3; i < fds.n; i++)
			if (fds.v[i].revents && who.v[i].client != NULL)
				client_ready(who.v[i].client, fds.v[i].revents);
		for (size_t i = 3; i < fds.n; i++)
			if (who.v[i].worker != NULL &&
			    (fds.v[i].revents || who.v[i].worker->has_more))
				worker_ready(who.v[i].worker, fds.v[i].revents);
		if (fds.v[2].revents)
			accept_clients(s);
	}
	vec_release(&fds);
	vec_release(&who);
}

static void
flush_all(struct session *s)
{
	for (size_t i = s->clients.n; i-- > 0;) {
		struct client *c = s->clients.v[i];
		struct err err = ERR_INIT;
		client_catch_up(c);
		if (!c->is_dead && ipc_flush(c->conn, &err) < 0) {
			log_at(LOG_INFO, "client", "%s", err.text);
			c->is_dead = true;
		}
		if (c->is_dead)
			client_free(c);
	}
	for (size_t i = s->workers.n; i-- > 0;) {
		struct worker *w = s->workers.v[i];
		struct err err = ERR_INIT;
		/* It is gone; what it said before that is still there to be read. */
		if (w->state < WORKER_ENDED && ipc_flush(w->conn, &err) < 0) {
			worker_ready(w, POLLIN);
			if (w->state < WORKER_ENDED)
				worker_ended(w);
		}
		if (w->state == WORKER_DEAD)
			worker_free(w);
	}
}

static bool
has_work_in_hand(struct session *s)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		for (size_t k = 0; k < s->accounts.v[i]->tasks.n; k++)
			if (s->accounts.v[i]->tasks.v[k]->kind == TASK_PUSH ||
			    s->accounts.v[i]->tasks.v[k]->kind == TASK_PROBE)
				return true;
	return false;
}

/* Without an interface: leave when the queue is empty, or after 5 s. */
static bool
should_leave(struct session *s)
{
	if (s->is_finishing)
		return true;
	if (s->clients.n > 0)
		return false;
	if (s->leave_at_ms == TICK_NEVER)
		s->leave_at_ms = s->now_ms + 5000;
	if (session_is_due(s, s->leave_at_ms))
		return true;
	/* A moment for an interface that is just starting, or starting again. */
	return s->leave_at_ms - s->now_ms <= 4000 && !has_work_in_hand(s);
}

#define MAX_BEHIND 1000

/* A snapshot held for long keeps every page written since from being used again. */
static void
watch_readers(struct session *s)
{
	uint64_t behind = 0;
	int pid = 0;

	store_readers(s->writer, &behind, &pid);
	if (behind > MAX_BEHIND && !s->has_slow_reader)
		log_at(LOG_WARN, "store", "process %d reads a snapshot %llu commits old: filling pauses",
		       pid, (unsigned long long)behind);
	s->has_slow_reader = behind > MAX_BEHIND;
}

static void
sweep(struct session *s)
{
	struct err err = ERR_INIT;

	if (!session_is_due(s, s->sweep_at_ms))
		return;
	watch_readers(s);
	bool is_more = s->txn == NULL && store_sweep(s->writer, wall_now());
	if (!is_more && s->txn == NULL)
		care_is_well(); /* it was all walked through, and is written to */
	if (!is_more && journal_sweep(s->writer, wall_now(), &err) < 0)
		log_at(LOG_WARN, "store", "%s", err.text);
	s->sweep_at_ms = s->now_ms + (is_more ? 200 : 60000);
	session_wake_at(s, s->sweep_at_ms);
}

/* ---- until nothing changes ------------------------------------------------------ */

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15u + (hash >> 29);
}

static uint64_t
mix_box(uint64_t hash, const struct box *b)
{
	unsigned bits = (unsigned)(b->account != NULL) | (unsigned)b->is_shut << 1 |
			(unsigned)b->may_fill << 2 | (unsigned)b->wants_fill << 3 |
			(unsigned)b->has_uids << 4 | (unsigned)b->wants_uids << 5 |
			(unsigned)b->push_due << 6 | (unsigned)b->probe_due << 7 |
			(unsigned)b->awaits_folders << 8 | (unsigned)b->is_gone << 9;

	hash = mix(mix(hash, b->id), bits | (uint64_t)(unsigned)b->n_watchers << 32);
	return mix(mix(mix(hash, (uint64_t)b->push_at_ms), (uint64_t)b->open_ms),
		   (uint64_t)b->fill_ms);
}

static uint64_t
mix_worker(uint64_t hash, const struct worker *w)
{
	hash = mix(hash, w->state | (uint64_t)w->is_open << 8 | (uint64_t)w->running.n << 16);
	hash = mix(hash, w->selected != NULL ? w->selected->id : 0);
	hash = mix(hash, w->opening != NULL ? w->opening->id : 0);
	return mix(hash, w->home != NULL ? w->home->id : 0);
}

static uint64_t
mix_account(uint64_t hash, const struct account *a)
{
	hash = mix(hash, a->state | (uint64_t)a->is_stopped << 8 | (uint64_t)a->is_known << 9 |
				 (uint64_t)a->has_folders << 10 | (uint64_t)a->cap.now << 16);
	hash = mix(mix(hash, (uint64_t)a->retry_ms), (uint64_t)a->folders_ms);
	for (size_t i = 0; i < a->tasks.n; i++)
		hash = mix(hash, a->tasks.v[i]->id << 1 | (a->tasks.v[i]->worker != NULL));
	return hash;
}

/* All that scheduling looks at. What one account or mailbox does may make something
 * due at another that was looked at before; so the loop goes round until a turn has
 * left everything as it was, and only then waits. Nobody has to remember to say so. */
static uint64_t
state_of(const struct session *s)
{
	uint64_t hash = mix(s->next_id, s->clients.n);

	for (size_t i = 0; i < s->boxes.n; i++)
		hash = mix_box(hash, s->boxes.v[i]);
	for (size_t i = 0; i < s->workers.n; i++)
		hash = mix_worker(hash, s->workers.v[i]);
	for (size_t i = 0; i < s->accounts.n; i++)
		hash = mix_account(hash, s->accounts.v[i]);
	return mix(hash, s->has_slow_reader | (uint64_t)(s->txn != NULL) << 1 |
				 (uint64_t)(s->store_failed != NULL) << 2);
}

void
session_loop(struct session *s)
{
	push_scan(s);
	for (;;) {
		uint64_t before = state_of(s);
		s->now_ms = tick_ms();
		session_after_failure(s);
		workers_ended(s);
		for (size_t i = 0; i < s->accounts.n; i++)
			schedule_account(s->accounts.v[i]);
		session_commit_if_due(s);
		for (size_t i = 0; i < s->accounts.n; i++)
			account_tell_waiting(s->accounts.v[i]);
		sweep(s);
		flush_all(s);
		if (should_leave(s))
			break;
		one_poll(s, state_of(s) == before ? -1 : 0);
	}
	session_commit(s);
	free(s->store_failed);
}
