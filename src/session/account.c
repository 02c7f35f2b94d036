/* An account: its parameters, its secret, what it is doing in words, and what follows
 * from a connection that failed. Each account is alone: nothing here waits for another. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/net.h"

#define DEFAULT_CONNECTIONS 4
#define MAX_SECRET 4096
#define HEALTHY_MS 60000
#define TOGETHER_MS 100

/* ---- parameters ------------------------------------------------------------------ */

struct account *
account_find(struct session *s, struct str name)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		if (str_eqc(name, s->accounts.v[i]->name))
			return s->accounts.v[i];
	return NULL;
}

static void
set_string(char **field, struct str value)
{
	free(*field);
	*field = str_dup(value);
}

static uint32_t
poll_s_of(const struct msg_account *m)
{
	return m->poll_s > 0 ? m->poll_s : 60;
}

static uint32_t
max_connections_of(const struct msg_account *m)
{
	return m->max_connections > 0 && m->max_connections <= 16 ? m->max_connections :
								    DEFAULT_CONNECTIONS;
}

static void
set_parameters(struct account *a, const struct msg_account *m)
{
	set_string(&a->host, m->host);
	set_string(&a->user, m->user);
	set_string(&a->tunnel, m->tunnel);
	set_string(&a->ca_file, m->ca_file);
	set_string(&a->certificate_file, m->certificate_file);
	set_string(&a->mechanisms, m->mechanisms);
	set_string(&a->switched_off, m->switched_off);
	buf_reset(&a->trash);
	buf_addstr(&a->trash, m->trash);
	a->port = m->port;
	a->tls = m->tls;
	a->has_token_command = m->has_token_command != 0;
	a->use_idle = m->use_idle != 0;
	a->poll_s = poll_s_of(m);
	uint32_t max = max_connections_of(m);
	/* What the server refuses stays refused when another interface comes. */
	if (max != a->cap.max)
		a->cap = (struct conn_cap){ .max = max, .now = max };
}

static bool
same_connection(const struct account *a, const struct msg_account *m)
{
	return str_eqc(m->host, a->host) && str_eqc(m->user, a->user) &&
	       str_eqc(m->tunnel, a->tunnel) && str_eqc(m->ca_file, a->ca_file) &&
	       str_eqc(m->certificate_file, a->certificate_file) &&
	       str_eqc(m->mechanisms, a->mechanisms) &&
	       str_eqc(m->switched_off, a->switched_off) && m->port == a->port && m->tls == a->tls;
}

static bool
same_rest(const struct account *a, const struct msg_account *m)
{
	return str_eq(m->trash, buf_str(&a->trash)) &&
	       (m->has_token_command != 0) == a->has_token_command &&
	       (m->use_idle != 0) == a->use_idle && poll_s_of(m) == a->poll_s &&
	       max_connections_of(m) == a->cap.max;
}

/* The first holds, the second is told. */
static void
tell_others_hold(const struct account *a, struct client *c)
{
	char *text = xasprintf("another tern already uses account '%s' with other settings; they stay",
			       a->name);
	struct msg_notice m = { .level = LOG_WARN,
				.account = str_c(a->name),
				.text = str_c(text) };

	IPC_SEND(c->conn, NOTICE, notice, 0, -1, &m, NULL);
	free(text);
}

/* All connections are made anew with the parameters now in force. */
static void
restart(struct account *a)
{
	EVERY_WORKER (a, w)
		worker_drop(w, ERR_CANCELED, "its settings changed");
	account_forget_secret(a);
	questions_of_account(a->session, a);
	a->secret_asked = false;
	a->is_stopped = false;
	a->n_failures = 0;
	a->n_short = 0;
	a->retry_ms = 0;
	a->is_known = false;
}

void
account_set(struct client *c, uint64_t id, const struct msg_account *m)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;

	if (m->name.len == 0 || m->tls > 2 || (m->host.len == 0 && m->tunnel.len == 0)) {
		err_set(&err, ERR_USER, "account '%.*s' names no server", STR_ARG(m->name));
		client_failed(c, id, &err);
		return;
	}
	struct account *a = account_find(s, m->name);
	if (a == NULL) {
		a = xcalloc(1, sizeof(*a));
		a->session = s;
		a->name = str_dup(m->name);
		buf_init(&a->text);
		buf_init(&a->trash);
		a->owner = c;
		set_parameters(a, m);
		vec_push(&s->accounts, a);
		for (size_t i = 0; i < s->boxes.n; i++)
			if (strcmp(s->boxes.v[i]->account_name, a->name) == 0)
				s->boxes.v[i]->account = a;
	} else if (a->owner == c || a->owner == NULL) {
		/* What does not touch the connection is simply taken over. */
		bool is_same = same_connection(a, m);
		a->owner = c;
		set_parameters(a, m);
		if (!is_same)
			restart(a);
	} else if (same_connection(a, m)) {
		if (!same_rest(a, m))
			tell_others_hold(a, c);
	} else {
		tell_others_hold(a, c);
		err_set(&err, ERR_USER,
			"another tern already uses account '%s' with other settings; they stay",
			a->name);
		client_failed(c, id, &err);
		return;
	}
	client_done(c, id, "");
	account_tell(a, c);
	account_tell_server(a, c);
}

void
account_free(struct account *a)
{
	struct session *s = a->session;

	vec_remove_item(&s->accounts, a);
	while (a->tasks.n > 0)
		task_free(a->tasks.v[0]);
	vec_release(&a->tasks);
	questions_of_account(s, a);
	account_forget_secret(a);
	free(a->name);
	free(a->host);
	free(a->user);
	free(a->tunnel);
	free(a->ca_file);
	free(a->certificate_file);
	free(a->mechanisms);
	free(a->switched_off);
	free(a->server);
	free(a->mechanism);
	free(a->security);
	free(a->capabilities);
	free(a->accepted);
	buf_release(&a->trash);
	buf_release(&a->text);
	free(a);
}

/* ---- secrets: in locked memory that is not dumped ------------------------------------ */

void
account_forget_secret(struct account *a)
{
	if (a->secret == NULL)
		return;
	wipe(a->secret, MAX_SECRET);
	munmap(a->secret, MAX_SECRET);
	a->secret = NULL;
}

void
account_use_secret(struct account *a, struct str secret)
{
	account_forget_secret(a);
	if (secret.len >= MAX_SECRET) {
		account_without_secret(a, "the password is too long");
		return;
	}
	char *p = mmap(NULL, MAX_SECRET, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		account_without_secret(a, "no memory for the password");
		return;
	}
	if (mlock(p, MAX_SECRET) < 0)
		log_at(LOG_WARN, "account", "the password's memory cannot be locked");
	madvise(p, MAX_SECRET, MADV_DONTDUMP);
	memcpy(p, secret.ptr, secret.len);
	a->secret = p;
	a->is_stopped = false;
	EVERY_WORKER (a, w)
		if (w->state == WORKER_WAITS_SECRET)
			worker_login(w);
}

/* Who waits for it goes: the next connection asks again. */
void
account_without_secret(struct account *a, const char *why)
{
	a->is_stopped = true;
	EVERY_WORKER (a, w)
		if (w->state == WORKER_WAITS_SECRET)
			worker_drop(w, ERR_CANCELED, why);
	account_say(a, ACCOUNT_STOPPED, "%s", why);
}

/* The worker reads the pins at its next start. */
void
account_add_pin(struct account *a, const char *key_sha256)
{
	struct err err = ERR_INIT;

	if (a->certificate_file[0] == '\0')
		session_notice(a->session, LOG_WARN, a->name, false,
			       "the certificate is accepted for now; set 'certificate_file' to keep it");
	else if (net_pin_save(a->certificate_file, a->host, a->port, key_sha256, &err) < 0)
		session_notice(a->session, LOG_ERROR, a->name, false, "%s", err.text);
}

/* ---- what it does, in words ----------------------------------------------------------- */

void
account_tell(struct account *a, struct client *only)
{
	struct session *s = a->session;
	uint64_t done = 0, total = 0;

	EVERY_BOX (a, b) {
		done += b->fill_done;
		total += b->fill_total;
	}
	struct msg_account_state m = {
		.account = str_c(a->name),
		.state = (uint8_t)a->state,
		.text = buf_str(&a->text),
		.done = done,
		.total = total,
		.n_waiting = journal_n_waiting(s->writer, str_c(a->name)), /* have not reached it */
		.retry_wall = a->state == ACCOUNT_WAITING ?
				      wall_now() + (a->retry_ms - s->now_ms + 999) / 1000 :
				      0,
	};
	if (only == NULL) {
		a->n_told = m.n_waiting;
		a->tell_ms = 0;
	}
	EVERY_CLIENT (s, c)
		if ((only == NULL || only == c) && client_takes_news(c))
			IPC_SEND(c->conn, ACCOUNT_STATE, account_state, 0, -1, &m, NULL);
}

enum { WORTH_A_WORD_MS = 1000 };

/* What reaches the server within a second is not worth a word. */
void
account_tell_waiting(struct account *a)
{
	uint32_t n = journal_n_waiting(a->session->writer, str_c(a->name));
	int64_t now_ms = a->session->now_ms;

	if (n == a->n_told) {
		a->tell_ms = 0;
		return;
	}
	if (a->tell_ms == 0)
		a->tell_ms = n > a->n_told ? now_ms + WORTH_A_WORD_MS : now_ms;
	if (now_ms >= a->tell_ms)
		account_tell(a, NULL);
	else
		session_wake_at(a->session, a->tell_ms);
}

void
account_tell_server(struct account *a, struct client *only)
{
	struct session *s = a->session;

	if (a->capabilities == NULL)
		return;
	struct msg_server m = { .account = str_c(a->name),
				.server = str_c(a->server),
				.mechanism = str_c(a->mechanism),
				.security = str_c(a->security),
				.capabilities = str_c(a->capabilities),
				.switched_off = str_c(a->switched_off) };
	EVERY_CLIENT (s, c)
		if (only == NULL || only == c)
			IPC_SEND(c->conn, SERVER, server, 0, -1, &m, NULL);
}

static bool
has_word(struct str list, const char *word)
{
	struct str w;

	while (str_next_word(&list, &w))
		if (str_ieqc(w, word))
			return true;
	return false;
}

static bool
offers(const struct account *a, const char *name)
{
	return has_word(str_c(a->capabilities), name) && !has_word(str_c(a->switched_off), name);
}

void
account_met_server(struct account *a, const struct msg_w_logged_in *m)
{
	set_string(&a->server, m->server);
	set_string(&a->mechanism, m->mechanism);
	set_string(&a->security, m->security);
	set_string(&a->capabilities, m->capabilities);
	a->has_move = offers(a, "MOVE") && !a->move_is_bad;
	a->has_uidplus = offers(a, "UIDPLUS");
	a->is_known = true;
	account_tell_server(a, NULL);
}

void
account_say(struct account *a, enum account_state state, const char *fmt, ...)
{
	struct buf raw = BUF_INIT, text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&raw, fmt, ap);
	va_end(ap);
	session_add_words(&text, buf_str(&raw));
	buf_release(&raw);
	if (state == a->state && str_eq(buf_str(&text), buf_str(&a->text))) {
		buf_release(&text);
		return;
	}
	a->state = state;
	buf_release(&a->text);
	a->text = text;
	log_at(LOG_INFO, "account", "%s: %s", a->name, text.ptr);
	account_tell(a, NULL);
}

void
account_ask_secret(struct account *a, const char *why)
{
	if (a->secret_asked)
		return;
	a->secret_asked = true;
	char *prompt = xasprintf("Password for %s%s%s: ", a->user, a->host[0] != '\0' ? "@" : "",
				 a->host);
	question_ask(a->session, a->has_token_command ? QUESTION_TOKEN : QUESTION_PASSWORD, a, NULL,
		     prompt, why);
	free(prompt);
}

/* ---- failures ------------------------------------------------------------------------------ */

static bool
says_too_many(const char *text)
{
	static const char *const words[] = { "[LIMIT]", "[UNAVAILABLE]", "[INUSE]", "too many",
					     "Maximum number of connections",
					     "authenticated but not connected" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_icontains(str_c(text), str_c(words[i])))
			return true;
	return false;
}

/* Connections in a row that ended soon; those that end together are one. */
static void
count_short(struct account *a, const struct worker *w)
{
	int64_t now_ms = a->session->now_ms;

	if (now_ms - w->ready_ms > HEALTHY_MS)
		a->n_short = 0;
	else if (now_ms - a->short_ms > TOGETHER_MS)
		a->n_short++;
	a->short_ms = now_ms;
}

/* It is said once, and waits for the user. */
static void
stop(struct account *a, const char *text)
{
	a->is_stopped = true;
	session_notice(a->session, LOG_ERROR, a->name, false, "%s", text);
	account_say(a, ACCOUNT_STOPPED, "%s", text);
}

/* Never again with the same secret by itself. */
static void
secret_refused(struct account *a, const char *text)
{
	bool was_token = a->secret != NULL && a->secret_is_token;

	account_forget_secret(a);
	a->n_failures++;
	if (was_token && a->n_failures <= 1) {
		/* It may just have expired: a fresh one is asked for, once. */
		session_notice(a->session, LOG_ERROR, a->name, false, "%s", text);
		return;
	}
	stop(a, text);
	/* A detail tells the interface to ask the user, not its configuration. Nobody
	 * types a token: its command runs again when something is wanted. */
	if (!a->has_token_command)
		account_ask_secret(a, text);
}

/* One that had served goes and comes: at once, the first time. A server that lets
 * us in only to hang up is not called again and again. */
static void
try_again_later(struct account *a, const struct worker *w, const char *text)
{
	int64_t now_ms = a->session->now_ms;

	if (w->ready_ms > 0) {
		count_short(a, w);
		a->n_failures = a->n_short > 0 ? a->n_short - 1 : 0;
	} else {
		a->n_failures++;
	}
	double chance = (double)(hash64(str_n((const char *)&now_ms, 8)) % 1000) / 1000;
	a->retry_ms = now_ms + (a->n_failures == 0 ? 0 : decide_backoff_ms(a->n_failures, chance));
	account_say(a, ACCOUNT_WAITING, "%s", text);
	account_tell(a, NULL);
}

void
account_failed(struct account *a, struct worker *w, enum err_kind kind, const char *text)
{
	uint32_t n_ready = 0;

	EVERY_WORKER (a, other)
		n_ready += other != w && other->state == WORKER_READY;
	bool are_too_many = says_too_many(text);
	bool is_secret = kind == ERR_AUTH && !are_too_many;
	if (n_ready > 0 && w->ready_ms == 0 && !is_secret) {
		decide_cap_lower(&a->cap, n_ready, kind == ERR_REFUSED || are_too_many,
				 decide_backoff_ms(++a->n_extra_failures, 0.5), a->session->now_ms);
		log_at(LOG_INFO, "account", "%s: no further connection: %s", a->name, text);
	} else if (is_secret) {
		secret_refused(a, text);
	} else if (kind == ERR_CERT || kind == ERR_USER) {
		stop(a, text);
	} else {
		try_again_later(a, w, text);
	}
}

void
account_connected(struct account *a)
{
	a->n_failures = 0;
	a->n_extra_failures = 0;
	a->retry_ms = 0;
	a->is_stopped = false;
	/* One more connection takes nothing back that was said of a mailbox. */
	if (a->state != ACCOUNT_READY && a->state != ACCOUNT_BUSY)
		account_say(a, ACCOUNT_READY, "connected");
}

void
account_connect_now(struct account *a)
{
	a->retry_ms = a->session->now_ms;
	a->n_failures = 0;
	a->n_short = 0;
	a->is_stopped = false;
	a->cap.now = a->cap.max;
}

void
account_wanted(struct account *a)
{
	if (!a->is_stopped || a->secret_asked)
		return;
	account_connect_now(a);
	account_say(a, ACCOUNT_CONNECTING, "connecting");
}
