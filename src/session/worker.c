/* One process per connection: started, fed, believed only so far, replaced. */
#include "internal.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"
#include "tern/base/tick.h"
#include "tern/have.h"

#define MAX_PIN_BYTES (256 * 1024)
#define REAP_MS 1000
#define MAX_HASH 256
#define TURN_US 10000 /* then the others have their turn: a server must not hold up another */

static void
send_connect(struct worker *w)
{
	struct account *a = w->account;
	struct buf pins = BUF_INIT;
	struct msg_hello hello = { .protocol = IPC_PROTOCOL,
				   .schema = STORE_SCHEMA,
				   .build = STR(TERN_VERSION),
				   .pid = (uint32_t)getpid() };

	if (a->certificate_file[0] != '\0')
		fs_read(a->certificate_file, MAX_PIN_BYTES, &pins, NULL);
	struct msg_w_connect m = { .account = str_c(a->name),
				   .host = str_c(a->host),
				   .port = a->port,
				   .tls = a->tls,
				   .tunnel = str_c(a->tunnel),
				   .ca_file = str_c(a->ca_file),
				   .certificate_file = buf_str(&pins),
				   .accepted = str_c(a->accepted),
				   .switched_off = str_c(a->switched_off) };
	IPC_SEND(w->conn, HELLO, hello, 0, -1, &hello, NULL);
	IPC_SEND(w->conn, W_CONNECT, w_connect, session_id(w->session), -1, &m, NULL);
	buf_release(&pins);
}

static int
spawn(struct session *s, struct worker_process *out, struct err *err)
{
	int pair[2];

	if (ipc_pair(pair, err) < 0)
		return -1;
	const char *argv[] = { s->worker_path, NULL };
	struct proc_fd fds[3] = { { pair[1], 3 }, { 0, 0 } };
	size_t n_fds = 1;
	if (log_fd() >= 0)
		fds[n_fds++] = (struct proc_fd){ log_fd(), 2 };
	pid_t pid = proc_start(argv, fds, n_fds, 0, err);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	*out = (struct worker_process){ pid, pair[0] };
	return 0;
}

void
worker_prepare(struct session *s)
{
	struct err err = ERR_INIT;

	if (spawn(s, &s->spare, &err) < 0)
		log_at(LOG_WARN, "worker", "%s", err.text);
}

void
worker_forget_spare(struct session *s)
{
	if (s->spare.pid != 0)
		close(s->spare.fd);
	s->spare.pid = 0;
}

struct worker *
worker_start(struct account *a, enum worker_role role, struct err *err)
{
	struct session *s = a->session;
	struct worker_process p = s->spare;

	s->spare.pid = 0;
	if (p.pid == 0 && spawn(s, &p, err) < 0)
		return NULL;
	struct worker *w = xcalloc(1, sizeof(*w));
	w->session = s;
	w->account = a;
	w->role = role;
	w->pid = p.pid;
	w->conn = ipc_conn_new(p.fd);
	w->state = WORKER_CONNECTING;
	vec_push(&s->workers, w);
	send_connect(w);
	return w;
}

void
worker_login(struct worker *w)
{
	struct account *a = w->account;

	if (a->secret == NULL) {
		w->state = WORKER_WAITS_SECRET;
		account_ask_secret(a, "");
		return;
	}
	struct msg_w_login m = { .user = str_c(a->user),
				 .secret = str_c(a->secret),
				 .is_token = a->secret_is_token,
				 .mechanisms = str_c(a->mechanisms) };
	w->state = WORKER_LOGIN;
	IPC_SEND(w->conn, W_LOGIN, w_login, session_id(w->session), -1, &m, NULL);
}

static void
logged_in(struct worker *w, const struct msg_w_logged_in *m)
{
	struct account *a = w->account;

	w->state = WORKER_READY;
	w->ready_ms = w->session->now_ms;
	w->idle_since_ms = w->session->now_ms;
	account_met_server(a, m);
	/* PREAUTH: the tunnel wants no password; the question has not been seen yet. */
	if (a->secret == NULL && a->secret_asked) {
		questions_of_account(w->session, a);
		a->secret_asked = false;
	}
	log_at(LOG_INFO, "worker", "%s: logged in by %.*s", a->name, STR_ARG(m->mechanism));
	account_connected(a);
}

static void
ask_about_certificate(struct worker *w, const struct msg_w_cert *m)
{
	struct account *a = w->account;
	struct buf detail = BUF_INIT;

	if (m->fingerprint.len > MAX_HASH || m->key_sha256.len > MAX_HASH) {
		worker_drop(w, ERR_PROTO, "a certificate with a hash that is none");
		return;
	}
	if (m->is_changed_pin) {
		char *text = xasprintf("the certificate of %s is not the one you pinned: %.*s",
				       a->host, STR_ARG(m->reason));
		worker_drop(w, ERR_CERT, text);
		free(text);
		return;
	}
	buf_addf(&detail, "%.*s\nissued by %.*s\nvalid %.*s\nSHA-256 %.*s\n%.*s",
		 STR_ARG(m->subject), STR_ARG(m->issuer), STR_ARG(m->valid),
		 STR_ARG(m->fingerprint), STR_ARG(m->reason));
	w->state = WORKER_WAITS_CERT;
	free(w->cert_key);
	w->cert_key = str_dup(m->key_sha256);
	free(w->cert_fingerprint);
	w->cert_fingerprint = str_dup(m->fingerprint);
	char *prompt = xasprintf("the certificate of %s is not trusted",
				 a->host);
	question_ask(w->session, QUESTION_CERTIFICATE, a, w, prompt, detail.ptr);
	free(prompt);
	buf_release(&detail);
}

void
worker_certificate_answer(struct worker *w, enum answer_verdict verdict)
{
	struct account *a = w->account;
	struct msg_w_cert_answer m = { .verdict = (uint8_t)verdict };

	if (w->state != WORKER_WAITS_CERT)
		return;
	if (verdict == ANSWER_NO) {
		worker_drop(w, ERR_CERT, "the certificate was rejected");
		return;
	}
	if (verdict == ANSWER_ALWAYS)
		account_add_pin(a, w->cert_key);
	free(a->accepted);
	a->accepted = xstrdup(w->cert_fingerprint);
	w->state = WORKER_CONNECTING;
	IPC_SEND(w->conn, W_CERT_ANSWER, w_cert_answer, 0, -1, &m, NULL);
}

/* ---- frames ------------------------------------------------------------------------- */

static struct task *
running_task(struct worker *w, uint64_t id)
{
	for (size_t i = 0; i < w->running.n; i++)
		if (w->running.v[i]->id == id)
			return w->running.v[i];
	return NULL;
}

static bool
is_sync_event(unsigned type)
{
	switch (type) {
	case MSG_W_OPENED:
	case MSG_W_ROWS:
	case MSG_W_FLAGS:
	case MSG_W_VANISHED:
	case MSG_W_UIDS:
	case MSG_W_CURSOR:
		return true;
	default:
		return false;
	}
}

/* Some servers say the same to every connection: the user has seen it. */
static bool
is_old_alert(struct account *a, struct str text)
{
	uint64_t hash = hash64(text);

	for (size_t i = 0; i < ARRAY_LEN(a->alerts); i++)
		if (a->alerts[i] == hash)
			return true;
	a->alerts[a->n_alerts++ % ARRAY_LEN(a->alerts)] = hash;
	return false;
}

/* An end of what is not a task: connecting, logging in, opening. */
static void
ended(struct worker *w, const struct ipc_frame *f, enum err_kind kind, struct str text)
{
	char *words = str_dup(text);
	struct task *t = running_task(w, f->id);

	if (t != NULL)
		task_end(t, kind, words);
	else if (kind != ERR_NONE && (w->state != WORKER_READY || f->id == 0))
		worker_drop(w, kind, words);
	free(words);
}

static int
dispatch(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	switch (f->type) {
	case MSG_HELLO: {
		struct msg_hello m;
		if (msg_get_hello(f->payload, &m, err) < 0)
			return -1;
		if (m.protocol != IPC_PROTOCOL)
			return err_set(err, ERR_SYSTEM,
				       "tern-imap is of another version than tern-session");
		return 0;
	}
	case MSG_DONE: {
		struct msg_done m;
		if (msg_get_done(f->payload, &m, err) < 0)
			return -1;
		ended(w, f, ERR_NONE, m.text);
		return 0;
	}
	case MSG_FAILED: {
		struct msg_failed m;
		if (msg_get_failed(f->payload, &m, err) < 0)
			return -1;
		enum err_kind kind = m.kind > ERR_NONE && m.kind < ERR_N_KINDS ?
					     (enum err_kind)m.kind :
					     ERR_PROTO;
		if (f->id == 0 && kind == ERR_CANCELED)
			kind = ERR_WAIT; /* we did not end it */
		ended(w, f, kind, m.text);
		return 0;
	}
	case MSG_CANCELED:
		ended(w, f, ERR_CANCELED, STR("canceled"));
		return 0;
	case MSG_NOTICE: {
		struct msg_notice m;
		if (msg_get_notice(f->payload, &m, err) < 0)
			return -1;
		if (m.is_alert && is_old_alert(w->account, m.text))
			log_at(LOG_INFO, "worker", "again: %.*s", STR_ARG(m.text));
		else
			session_notice(w->session, m.level, w->account->name, m.is_alert != 0,
				       "%.*s", STR_ARG(m.text));
		return 0;
	}
	case MSG_W_STATE: {
		struct msg_w_state m;
		if (msg_get_w_state(f->payload, &m, err) < 0)
			return -1;
		if (w->state != WORKER_READY && w->account->state == ACCOUNT_CONNECTING)
			account_say(w->account, ACCOUNT_CONNECTING, "%.*s", STR_ARG(m.text));
		return 0;
	}
	case MSG_W_CERT: {
		struct msg_w_cert m;
		if (msg_get_w_cert(f->payload, &m, err) < 0)
			return -1;
		if (w->state != WORKER_CONNECTING)
			return err_set(err, ERR_PROTO, "a second certificate");
		ask_about_certificate(w, &m);
		return 0;
	}
	case MSG_W_CONNECTED:
		/* Not before the user has answered, if there was something to ask. */
		if (w->state != WORKER_CONNECTING)
			return err_set(err, ERR_PROTO, "connected twice");
		worker_login(w);
		return 0;
	case MSG_W_LOGGED_IN: {
		struct msg_w_logged_in m;
		if (msg_get_w_logged_in(f->payload, &m, err) < 0)
			return -1;
		logged_in(w, &m);
		return 0;
	}
	default:
		break;
	}
	struct task *t = running_task(w, f->id);
	if (is_sync_event(f->type))
		return sync_event(w, t, f, err);
	if (t != NULL)
		task_event(t, f);
	return 0;
}

void
worker_ready(struct worker *w, short revents)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	int got = 0;
	bool at_end = false;

	if (w->state == WORKER_DEAD || w->state == WORKER_ENDED)
		return;
	if (!w->has_more && (revents & (POLLIN | POLLHUP | POLLERR)))
		at_end = ipc_fill(w->conn, &err) < 0;
	w->has_more = false;
	err = (struct err)ERR_INIT;
	int64_t until_us = tick_us() + TURN_US;
	while (w->state != WORKER_DEAD && (got = ipc_next(w->conn, &f, &err)) > 0) {
		if (f.fd >= 0)
			close(f.fd);
		if (dispatch(w, &f, &err) < 0) {
			got = -1;
			break;
		}
		if (tick_us() >= until_us) {
			w->has_more = true;
			return; /* its end, too, is seen when all before it was */
		}
	}
	if (w->state == WORKER_DEAD)
		return;
	if (got < 0)
		worker_drop(w, err.kind == ERR_PROTO ? ERR_PROTO : ERR_WAIT, err.text);
	else if (at_end)
		worker_ended(w);
}

void
worker_ended(struct worker *w)
{
	w->state = WORKER_ENDED;
	w->end_ms = w->session->now_ms + REAP_MS;
}

/* Killed from outside is no fault of what it was asked to do. */
static bool
has_crashed(const struct worker *w)
{
	if (w->pid != 0)
		return false;
	return WIFSIGNALED(w->status) ? WTERMSIG(w->status) != SIGKILL &&
						WTERMSIG(w->status) != SIGTERM &&
						WTERMSIG(w->status) != SIGINT :
					WEXITSTATUS(w->status) != 0;
}

void
workers_ended(struct session *s)
{
	for (size_t i = 0; i < s->workers.n; i++) {
		struct worker *w = s->workers.v[i];
		if (w->state != WORKER_ENDED)
			continue;
		if (w->pid != 0 && !session_is_due(s, w->end_ms))
			continue;
		if (has_crashed(w))
			worker_drop(w, ERR_PROTO, "the program of the connection crashed");
		else
			worker_drop(w, ERR_WAIT, "the connection was lost");
	}
}

/* ---- the end --------------------------------------------------------------------------- */

void
worker_drop(struct worker *w, enum err_kind kind, const char *why)
{
	struct session *s = w->session;
	bool is_ours = kind == ERR_CANCELED;

	if (w->state == WORKER_DEAD)
		return;
	char *words = xstrdup(why);
	log_at(LOG_INFO, "worker", "%s: connection dropped: %s", w->account->name, words);
	w->state = WORKER_DEAD;
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
	for (size_t i = s->questions.n; i-- > 0;)
		if (s->questions.v[i]->worker == w)
			question_withdraw(s, s->questions.v[i]);
	if (w->selected != NULL && !sync_is_in_step(w->selected))
		w->selected->may_fill = false;
	while (w->running.n > 0)
		task_lost(w->running.v[0], kind, words, kind == ERR_PROTO);
	if (!is_ours)
		account_failed(w->account, w, kind, words);
	free(words);
}

void
worker_logout(struct worker *w)
{
	IPC_SEND(w->conn, W_LOGOUT, w_logout, session_id(w->session), -1,
		 &(struct msg_w_logout){ 0 }, NULL);
	ipc_flush(w->conn, NULL);
	/* It ends by itself; if it does not, closing our end ends it. */
	w->state = WORKER_DEAD;
}

void
worker_free(struct worker *w)
{
	struct session *s = w->session;

	vec_remove_item(&s->workers, w);
	vec_release(&w->running);
	seqset_release(&w->uids_so_far);
	ipc_conn_free(w->conn);
	free(w->cert_key);
	free(w->cert_fingerprint);
	free(w);
}
