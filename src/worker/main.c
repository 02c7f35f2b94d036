/* tern-imap: the loop, and the life of its one connection. */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/have.h"
#include "tern/mime.h"
#include "tern/session.h"

enum {
	MANAGER_FD = 3,
	MANY_QUEUED_BYTES = 4 * 1024 * 1024, /* the manager is behind: read no more */
	FEW_QUEUED_BYTES = 512 * 1024,
	LAST_WORDS_MS = 2000,
};

/* ---- connecting, logging in ----------------------------------------------------------- */

static const char *
cstr(struct worker *w, struct str s)
{
	return s.len > 0 ? arena_cstr(&w->arena, s) : NULL;
}

static int
connect_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	static const enum net_tls kinds[] = { NET_TLS_NONE, NET_TLS_START, NET_TLS_IMPLICIT };
	struct msg_w_connect m;

	if (msg_get_w_connect(f->payload, &m, err) < 0)
		return -1;
	if (w->imap || m.tls >= ARRAY_LEN(kinds))
		return err_set(err, ERR_PROTO, "a second or malformed request to connect");
	struct net_params p = {
		.label = cstr(w, m.account),
		.host = m.host.len > 0 ? cstr(w, m.host) : "localhost",
		.port = m.port,
		.tunnel = cstr(w, m.tunnel),
		.tls = m.tunnel.len > 0 ? NET_TLS_NONE : kinds[m.tls],
		.allow_cleartext = m.tls == 0,
		.ca_file = cstr(w, m.ca_file),
		.pins = m.certificate_file,
		.pins_name = "certificate_file",
		.accepted_sha256 = cstr(w, m.accepted),
	};
	w->start_id = f->id;
	w->imap = imap_new(&p, &worker_sink, w, w->now_ms, err);
	if (w->imap)
		imap_switch_off(w->imap, m.switched_off);
	arena_reset(&w->arena);
	return w->imap ? 0 : -1;
}

static int
login_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_login m;

	if (msg_get_w_login(f->payload, &m, err) < 0 || !w->imap)
		return err_set(err, ERR_PROTO, "a request to log in that makes no sense");
	w->start_id = f->id;
	const char *user = cstr(w, m.user);
	imap_login(w->imap, user ? user : "", m.is_token ? STR_NONE : m.secret,
		   m.is_token ? m.secret : STR_NONE, cstr(w, m.mechanisms));
	wipe((char *)f->payload.ptr, f->payload.len); /* the frame held it, too */
	arena_reset(&w->arena);
	return 0;
}

static int
certificate_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_cert_answer m;

	if (msg_get_w_cert_answer(f->payload, &m, err) < 0 || !w->imap)
		return -1;
	imap_answer_certificate(w->imap, m.verdict != ANSWER_NO);
	return 0;
}

static int
cancel_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_cancel m;

	if (msg_get_cancel(f->payload, &m, err) < 0)
		return -1;
	if (w->imap && !text_cancel(w, m.request) && !part_cancel(w, m.request))
		imap_cancel(w->imap, m.request);
	return 0;
}

static int
hello_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_hello m;

	if (msg_get_hello(f->payload, &m, err) < 0)
		return -1;
	if (m.protocol != IPC_PROTOCOL)
		return err_set(err, ERR_SYSTEM, "tern-session is of another version than tern-imap");
	return 0;
}

/* ---- frames -------------------------------------------------------------------------------- */

static const struct {
	enum msg_type type;
	int (*handle)(struct worker *w, const struct ipc_frame *f, struct err *err);
} requests[] = {
	{ MSG_HELLO, hello_request },	      { MSG_W_CONNECT, connect_request },
	{ MSG_W_LOGIN, login_request },	      { MSG_W_CERT_ANSWER, certificate_request },
	{ MSG_CANCEL, cancel_request },	      { MSG_W_FETCH_TEXT, text_request },
	{ MSG_W_FETCH_PART, part_request },
};

static void
take_frame(struct worker *w, const struct ipc_frame *f)
{
	struct err err = ERR_INIT;
	int fd = f->fd;

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (requests[i].type != f->type)
			continue;
		bool takes_fd = f->type == MSG_W_FETCH_TEXT || f->type == MSG_W_FETCH_PART;
		if (requests[i].handle(w, f, &err) < 0)
			worker_failed(w, f->id, &err);
		if (!takes_fd && fd >= 0)
			close(fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (!w->imap)
		err_set(&err, ERR_RETRY, "there is no connection yet");
	else if (sync_request(w, f, &err) || push_request(w, f, &err))
		;
	else
		err_set(&err, ERR_PROTO, "a request that a connection does not know");
	if (err.kind != ERR_NONE)
		worker_failed(w, f->id, &err);
}

/* False: the manager is gone. */
static bool
take_frames(struct worker *w)
{
	struct ipc_frame f;
	struct err err;
	bool is_there = ipc_fill(w->conn, &err) == 0;
	int got = 0;

	while (!w->is_leaving && (got = ipc_next(w->conn, &f, &err)) > 0)
		take_frame(w, &f);
	return is_there && got >= 0;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static void
balance(struct worker *w)
{
	size_t queued = ipc_queued_bytes(w->conn);

	if (queued > MANY_QUEUED_BYTES)
		imap_pause(w->imap, true);
	else if (queued < FEW_QUEUED_BYTES)
		imap_pause(w->imap, false);
}

static void
wait_for_something(struct worker *w)
{
	struct pollfd fds[2 + NET_MAX_FDS];
	nfds_t n = 2;

	fds[0] = (struct pollfd){ ipc_fd(w->conn), POLLIN, 0 };
	if (ipc_wants_write(w->conn))
		fds[0].events |= POLLOUT;
	fds[1] = (struct pollfd){ w->timer_fd, POLLIN, 0 };
	if (w->imap) {
		int64_t at = imap_deadline(w->imap);
		n += imap_poll(w->imap, fds + 2);
		if (at <= w->now_ms) { /* there is more to do at once */
			poll(fds, n, 0);
			return;
		}
		net_timer_set(w->timer_fd, at);
	}
	poll(fds, n, -1);
}

static void
run(struct worker *w)
{
	struct err err;

	for (;;) {
		w->now_ms = tick_ms();
		if (!take_frames(w) || w->is_leaving)
			return;
		if (w->imap) {
			imap_on_ready(w->imap, w->now_ms);
			sync_flush(w);
			balance(w);
		}
		if (ipc_flush(w->conn, &err) < 0 || w->is_leaving)
			return;
		wait_for_something(w);
	}
}

/* What is queued may still be wanted. */
static void
say_last_words(struct worker *w)
{
	int64_t until = tick_ms() + LAST_WORDS_MS;
	struct err err;

	sync_flush(w);
	while (ipc_flush(w->conn, &err) == 0 && ipc_wants_write(w->conn) && tick_ms() < until) {
		struct pollfd fd = { ipc_fd(w->conn), POLLOUT, 0 };
		poll(&fd, 1, 100);
	}
}

int
main(void)
{
	struct worker w = { .scratch = BUF_INIT, .batch.data = BUF_INIT, .folders.data = BUF_INIT };
	struct err err;
	struct msg_hello hello = { .protocol = IPC_PROTOCOL,
				   .build = STR(TERN_VERSION),
				   .pid = (uint32_t)getpid() };

	signal(SIGPIPE, SIG_IGN);
	if (getenv("TERN_WIRE_LOG")) /* for looking at it by hand */
		log_use_fd(STDERR_FILENO, atoi(getenv("TERN_WIRE_LOG")), "imap");
	w.timer_fd = net_timer_open(&err);
	if (w.timer_fd < 0) {
		fprintf(stderr, "tern-imap: %s\n", err.text);
		return 1;
	}
	mime_charset_preload();
	w.conn = ipc_conn_new(MANAGER_FD);
	IPC_SEND(w.conn, HELLO, hello, 0, -1, &hello, NULL);
	run(&w);
	say_last_words(&w);
	text_release(&w);
	part_release(&w);
	imap_free(w.imap);
	sync_release(&w);
	ipc_conn_free(w.conn);
	arena_release(&w.arena);
	buf_release(&w.scratch);
	close(w.timer_fd);
	return 0;
}
