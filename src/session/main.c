/* tern-session: the manager. Started by an interface with the listening socket
 * on descriptor 3 and the locked lock file on 4; see include/tern/session.h. */
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
	/* The protocol is logged where it is spoken: workers get the descriptor. */
	if (log_level() >= LOG_WIRE)
		setenv("TERN_WIRE_LOG", level, 1);
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
	worker_forget_spare(s);
	while (s->accounts.n > 0)
		account_free(s->accounts.v[0]);
	while (s->boxes.n > 0)
		box_free(s->boxes.v[0]);
	vec_release(&s->clients);
	vec_release(&s->workers);
	vec_release(&s->accounts);
	vec_release(&s->questions);
	vec_release(&s->check_waiters);
	vec_release(&s->boxes);
	store_writer_close(s->writer);
	close(s->signal_fd);
	close(s->timer_fd);
	free(s->start_notice);
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

/* With care where the last one died, or the cache shows its damage at once. */
static struct store_writer *
open_stores(struct session *s, bool *was_rebuilt, struct err *err)
{
	const struct store_paths paths = { NULL, NULL };
	bool was_suspect = care_is_suspect();

	if (was_suspect && care_before_open(&s->start_notice, err) < 0)
		return NULL;
	struct store_writer *w = store_writer_open(&paths, s->lock_fd, was_rebuilt, err);
	if (w != NULL || err->kind != ERR_DAMAGED || was_suspect)
		return w;
	log_at(LOG_WARN, "store", "%s", err->text);
	*err = (struct err)ERR_INIT;
	if (care_before_open(&s->start_notice, err) < 0)
		return NULL;
	return store_writer_open(&paths, s->lock_fd, was_rebuilt, err);
}

int
main(int argc, char **argv)
{
	struct session s = { .leave_at_ms = TICK_NEVER,
			     .wake_at_ms = TICK_NEVER,
			     .listen_fd = SESSION_LISTEN_FD,
			     .lock_fd = SESSION_LOCK_FD };
	struct err err = ERR_INIT;
	bool was_rebuilt = false;

	if (argc == 2 && strcmp(argv[1], CARE_CHECK_OPTION) == 0) {
		open_log();
		return care_check();
	}
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
	care_watch();
	worker_prepare(&s);
	s.writer = open_stores(&s, &was_rebuilt, &err);
	if (s.writer == NULL) {
		refuse_to_start(&s, &err);
		free(s.socket_path);
		free(s.renderer_path);
		free(s.worker_path);
		return 1;
	}
	s.store = store_writer_reader(s.writer);
	log_at(LOG_INFO, "session", "started%s", was_rebuilt ? ", with a new cache" : "");
	if (was_rebuilt)
		session_notice(&s, LOG_INFO, "", false, "the cache was built anew");
	session_loop(&s);
	care_is_well();
	log_at(LOG_INFO, "session", "leaving");
	close_all(&s);
	return 0;
}
