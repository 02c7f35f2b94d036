/* tern-session: the manager. Started by an interface with the listening socket
 * on descriptor 3 and the locked lock file on 4; see include/tern/session.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "internal.h"

#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"
#include "tern/base/tick.h"

static void
open_log(void)
{
	const char *path = getenv("TERN_LOG");
	const char *level = getenv("TERN_LOG_LEVEL");

	if (path != NULL && path[0] == '/')
		log_open(path, level != NULL ? atoi(level) : LOG_INFO, "tern-session");
}

static int
make_signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void
take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			/* Workers are noticed by their socket; renderers need nothing. */
			while (waitpid(-1, NULL, WNOHANG) > 0)
				continue;
		else
			s->is_finishing = true;
	}
}

static void
accept_clients(struct session *s)
{
	struct err err = ERR_INIT;
	int fd = ipc_accept(s->listen_fd, &err);

	if (fd >= 0)
		client_new(s, fd);
	else if (err.kind == ERR_REFUSED)
		log_at(LOG_WARN, "client", "%s", err.text);
}

static int64_t wake_at = TICK_NEVER;

void
session_wake_at(struct session *s, int64_t at_ms)
{
	(void)s;
	if (at_ms < wake_at)
		wake_at = at_ms;
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

	if (wake_at != TICK_NEVER) {
		int64_t ms = wake_at > 0 ? wake_at : 1;
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
one_poll(struct session *s)
{
	VEC(struct pollfd) fds = VEC_INIT;
	VEC(struct poll_entry) who = VEC_INIT;
	struct pollfd base[] = { { s->signal_fd, POLLIN, 0 },
				 { s->timer_fd, POLLIN, 0 },
				 { s->listen_fd, POLLIN, 0 } };

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
		struct pollfd p = { ipc_fd(w->conn),
				    (short)(POLLIN | (ipc_wants_write(w->conn) ? POLLOUT : 0)), 0 };
		vec_push(&fds, p);
		vec_push(&who, ((struct poll_entry){ NULL, w }));
	}
	set_timer(s);
	int n = poll(fds.v, fds.n, -1);
	s->now_ms = tick_ms();
	wake_at = TICK_NEVER;
	if (n > 0) {
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
			if (fds.v[i].revents && who.v[i].worker != NULL)
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
		if (c->missed_news && ipc_queued_bytes(c->conn) < IPC_MAX_PAYLOAD) {
			c->missed_news = false;
			IPC_SEND(c->conn, READ_AGAIN, read_again, 0, -1,
				 &(struct msg_read_again){ 0 }, NULL);
		}
		if (!c->is_dead && ipc_flush(c->conn, NULL) < 0)
			c->is_dead = true;
		if (c->is_dead)
			client_free(c);
	}
	for (size_t i = s->workers.n; i-- > 0;) {
		struct worker *w = s->workers.v[i];
		struct err err = ERR_INIT;
		if (w->state != WORKER_DEAD && ipc_flush(w->conn, &err) < 0)
			worker_drop(w, ERR_WAIT, "the connection's program ended");
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
	session_wake_at(s, s->leave_at_ms);
	if (s->now_ms >= s->leave_at_ms)
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

	if (s->now_ms < s->sweep_at_ms) {
		session_wake_at(s, s->sweep_at_ms);
		return;
	}
	watch_readers(s);
	bool is_more = s->txn == NULL && store_sweep(s->writer, wall_now());
	if (!is_more && journal_sweep(s->writer, wall_now(), &err) < 0)
		log_at(LOG_WARN, "store", "%s", err.text);
	s->sweep_at_ms = s->now_ms + (is_more ? 200 : 60000);
	session_wake_at(s, s->sweep_at_ms);
}

static void
loop(struct session *s)
{
	push_scan(s);
	for (;;) {
		s->now_ms = tick_ms();
		for (size_t i = 0; i < s->accounts.n; i++)
			account_schedule(s->accounts.v[i]);
		session_commit_if_due(s);
		sweep(s);
		flush_all(s);
		if (should_leave(s))
			break;
		one_poll(s);
	}
	session_commit(s);
}

static void
close_all(struct session *s)
{
	/* New interfaces must find nobody here, and start their own. */
	if (s->socket_path != NULL)
		unlink(s->socket_path);
	close(s->listen_fd);
	while (s->clients.n > 0)
		client_free(s->clients.v[0]);
	while (s->workers.n > 0) {
		worker_drop(s->workers.v[0], ERR_CANCELED, "leaving");
		worker_free(s->workers.v[0]);
	}
	while (s->accounts.n > 0)
		account_free(s->accounts.v[0]);
	while (s->boxes.n > 0)
		box_free(s->boxes.v[0]);
	vec_release(&s->clients);
	vec_release(&s->workers);
	vec_release(&s->accounts);
	vec_release(&s->questions);
	vec_release(&s->boxes);
	store_writer_close(s->writer);
	close(s->signal_fd);
	close(s->timer_fd);
	free(s->renderer_path);
	free(s->worker_path);
	free(s->socket_path);
}

/* Whoever started us is told why we cannot, and nobody finds us any more. */
static void
refuse_to_start(struct session *s, const struct err *err)
{
	struct pollfd p = { s->listen_fd, POLLIN, 0 };

	log_at(LOG_ERROR, "store", "%s", err->text);
	if (poll(&p, 1, 2000) > 0) {
		int fd = ipc_accept(s->listen_fd, NULL);
		struct ipc_conn *c = fd >= 0 ? ipc_conn_new(fd) : NULL;
		struct msg_notice m = { .level = LOG_ERROR, .text = str_c(err->text) };
		if (c != NULL) {
			IPC_SEND(c, NOTICE, notice, 0, -1, &m, NULL);
			ipc_flush(c, NULL);
		}
		ipc_conn_free(c);
	}
	if (s->socket_path != NULL)
		unlink(s->socket_path);
}

int
main(void)
{
	struct session s = { .leave_at_ms = TICK_NEVER, .listen_fd = SESSION_LISTEN_FD, .lock_fd = SESSION_LOCK_FD };
	struct err err = ERR_INIT;
	bool was_rebuilt = false;

	if (fcntl(SESSION_LISTEN_FD, F_GETFD) < 0 || fcntl(SESSION_LOCK_FD, F_GETFD) < 0) {
		fprintf(stderr, "tern-session is started by tern\n");
		return 2;
	}
	open_log();
	umask(077);
	/* Secrets live here: no core, no ptrace by others. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_DUMPABLE, 0);
	fs_set_cloexec(SESSION_LISTEN_FD);
	fs_set_cloexec(SESSION_LOCK_FD);
	fs_set_nonblocking(SESSION_LISTEN_FD);
	s.signal_fd = make_signal_fd();
	s.timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	s.renderer_path = proc_find("tern-render");
	s.worker_path = proc_find("tern-imap");
	char *state_dir = fs_state_dir(&err);
	if (state_dir != NULL)
		s.socket_path = session_socket_path(state_dir, &err);
	free(state_dir);
	s.now_ms = tick_ms();
	s.writer = store_writer_open(&(struct store_paths){ NULL, NULL }, s.lock_fd, &was_rebuilt,
				     &err);
	if (s.writer == NULL) {
		refuse_to_start(&s, &err);
		return 1;
	}
	s.store = store_writer_reader(s.writer);
	log_at(LOG_INFO, "session", "started%s", was_rebuilt ? ", with a new cache" : "");
	if (was_rebuilt)
		session_notice(&s, LOG_INFO, "", false, "the cache was built anew");
	loop(&s);
	log_at(LOG_INFO, "session", "leaving");
	close_all(&s);
	return 0;
}
