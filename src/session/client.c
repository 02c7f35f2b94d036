/* The interfaces attached to us. What they send is checked as if a stranger had
 * sent it. */
#include "internal.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/have.h"

#define MAX_WORDS 4096

void
client_new(struct session *s, int fd)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->session = s;
	c->conn = ipc_conn_new(fd);
	vec_push(&s->clients, c);
	s->leave_at_ms = TICK_NEVER;
}

static void
close_box(struct client *c, struct box *b)
{
	for (size_t i = 0; i < c->open.n; i++)
		if (c->open.v[i] == b) {
			vec_remove(&c->open, i);
			b->n_watchers--;
			return;
		}
}

void
client_free(struct client *c)
{
	struct session *s = c->session;

	vec_remove_item(&s->clients, c);
	while (c->open.n > 0)
		close_box(c, c->open.v[0]);
	vec_release(&c->open);
	questions_client_gone(s, c);
	care_client_gone(s, c);
	for (size_t i = 0; i < s->boxes.n; i++) {
		struct box *b = s->boxes.v[i];
		for (size_t k = b->waiting.n; k-- > 0;)
			if (b->waiting.v[k].client == c)
				vec_remove(&b->waiting, k);
	}
	for (size_t i = 0; i < s->accounts.n; i++) {
		struct account *a = s->accounts.v[i];
		if (a->owner == c)
			a->owner = NULL;
		for (size_t k = a->tasks.n; k-- > 0;)
			if (a->tasks.v[k]->client == c) {
				a->tasks.v[k]->client = NULL;
				task_cancel(a->tasks.v[k]);
			}
	}
	ipc_conn_free(c->conn);
	free(c);
	s->sweep_at_ms = s->now_ms; /* its reader slots, if it died */
	questions_put(s);
}

bool
session_has_client(const struct session *s, const struct client *c)
{
	for (size_t i = 0; i < s->clients.n; i++)
		if (s->clients.v[i] == c)
			return !c->is_dead;
	return false;
}

bool
client_takes_news(struct client *c)
{
	if (ipc_queued_bytes(c->conn) > IPC_MAX_PAYLOAD)
		c->missed_news = true;
	return !c->missed_news;
}

void
client_catch_up(struct client *c)
{
	struct session *s = c->session;

	if (!c->missed_news || ipc_queued_bytes(c->conn) >= IPC_MAX_PAYLOAD)
		return;
	c->missed_news = false;
	IPC_SEND(c->conn, READ_AGAIN, read_again, 0, -1, &(struct msg_read_again){ 0 }, NULL);
	for (size_t i = 0; i < s->accounts.n; i++)
		account_tell(s->accounts.v[i], c);
	for (size_t i = 0; i < s->accounts.n; i++)
		account_tell_server(s->accounts.v[i], c);
}

void
client_done(struct client *c, uint64_t id, const char *text)
{
	struct msg_done m = { .text = str_c(text) };

	if (c != NULL)
		IPC_SEND(c->conn, DONE, done, id, -1, &m, NULL);
}

void
client_failed(struct client *c, uint64_t id, const struct err *err)
{
	struct msg_failed m = { .kind = (uint8_t)err->kind, .text = str_c(err->text) };

	if (c == NULL)
		return;
	if (err->kind == ERR_CANCELED)
		IPC_SEND(c->conn, CANCELED, canceled, id, -1, &(struct msg_canceled){ 0 }, NULL);
	else
		IPC_SEND(c->conn, FAILED, failed, id, -1, &m, NULL);
}

/* A worker's words fill a frame if it wants them to; ours has more in it than that. */
void
session_add_words(struct buf *to, struct str words)
{
	size_t len = words.len;

	if (len > MAX_WORDS)
		for (len = MAX_WORDS; len > 0 && ((unsigned char)words.ptr[len] & 0xc0) == 0x80;)
			len--;
	utf8_add_valid(to, str_head(words, len));
	if (len < words.len)
		buf_adds(to, "...");
}

void
session_notice(struct session *s, int level, const char *account, bool is_alert,
	       const char *fmt, ...)
{
	struct buf text = BUF_INIT, valid = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	session_add_words(&valid, buf_str(&text));
	log_at(level, "notice", "%s: %s", account, valid.ptr);
	struct msg_notice m = { .level = (uint8_t)level,
				.is_alert = is_alert,
				.account = str_c(account),
				.text = buf_str(&valid) };
	EVERY_CLIENT (s, c)
		if (client_takes_news(c))
			IPC_SEND(c->conn, NOTICE, notice, 0, -1, &m, NULL);
	buf_release(&text);
	buf_release(&valid);
}

/* ---- requests ------------------------------------------------------------------ */

static void
hello(struct client *c, struct str payload, struct err *err)
{
	struct msg_hello m;

	if (msg_get_hello(payload, &m, err) < 0)
		return;
	struct msg_hello ours = { .protocol = IPC_PROTOCOL,
				  .schema = STORE_SCHEMA,
				  .build = STR(TERN_VERSION),
				  .pid = (uint32_t)getpid() };
	IPC_SEND(c->conn, HELLO, hello, 0, -1, &ours, NULL);
	/* Another protocol: it may still ask us to finish, nothing else. */
	c->is_greeted = m.protocol == IPC_PROTOCOL;
	if (!c->is_greeted)
		return;
	for (size_t i = 0; i < c->session->accounts.n; i++)
		account_tell(c->session->accounts.v[i], c);
	for (size_t i = 0; i < c->session->accounts.n; i++)
		account_tell_server(c->session->accounts.v[i], c);
	if (c->session->start_notice != NULL) { /* what nobody was there to hear */
		session_notice(c->session, LOG_ERROR, "", false, "%s", c->session->start_notice);
		free(c->session->start_notice);
		c->session->start_notice = NULL;
	}
}

static void
open_mailbox(struct client *c, uint64_t id, const struct msg_open_mailbox *m)
{
	struct err err = ERR_INIT;
	struct account *a = account_find(c->session, m->account);

	if (a == NULL) {
		err_set(&err, ERR_USER, "no account '%.*s'", STR_ARG(m->account));
		client_failed(c, id, &err);
		return;
	}
	if (m->mailbox.len == 0 || m->mailbox.len > 1000 || str_find(m->mailbox, '\0') >= 0) {
		err_set(&err, ERR_USER, "that is not a mailbox name");
		client_failed(c, id, &err);
		return;
	}
	struct box *b = box_by_name(c->session, m->account, m->mailbox, true, &err);
	if (b == NULL) {
		client_failed(c, id, &err);
		return;
	}
	struct msg_opened opened = { .mailbox = b->id };
	account_wanted(a); /* before OPENED: from there on its state is an answer */
	IPC_SEND(c->conn, OPENED, opened, id, -1, &opened, NULL);
	for (size_t i = 0; i < c->open.n; i++)
		if (c->open.v[i] == b)
			close_box(c, b);
	vec_push(&c->open, b);
	b->n_watchers++;
	box_unshut(b);
	if (sync_is_in_step(b)) {
		client_done(c, id, "");
		return;
	}
	vec_reserve(&b->waiting, 1);
	b->waiting.v[b->waiting.n].client = c;
	b->waiting.v[b->waiting.n++].id = id;
}

static void
close_mailbox(struct client *c, const struct msg_close_mailbox *m)
{
	for (size_t i = 0; i < c->open.n; i++)
		if (c->open.v[i]->id == m->mailbox) {
			close_box(c, c->open.v[i]);
			return;
		}
}

static void
cancel(struct client *c, uint64_t request)
{
	struct session *s = c->session;

	for (size_t i = 0; i < s->accounts.n; i++)
		for (size_t k = s->accounts.v[i]->tasks.n; k-- > 0;) {
			struct task *t = s->accounts.v[i]->tasks.v[k];
			if (t->client == c && t->client_id == request) {
				task_cancel(t);
				return;
			}
		}
}

static void
folders(struct client *c, uint64_t id, const struct msg_folders *m)
{
	struct account *a = account_find(c->session, m->account);

	if (a != NULL)
		a->folders_ms = 0;
	client_done(c, id, "");
}

static void
leave(struct client *c, uint64_t id)
{
	struct err err = ERR_INIT;
	struct store_view *v = store_begin(c->session->store, &err);
	struct msg_left m = { .n_waiting = v != NULL ? store_n_waiting(v) : 0 };

	if (v != NULL)
		store_end(v);
	IPC_SEND(c->conn, LEFT, left, id, -1, &m, NULL);
	ipc_flush(c->conn, NULL);
	c->is_dead = true;
}

static void
connect_now(struct session *s)
{
	for (size_t i = 0; i < s->accounts.n; i++)
		account_connect_now(s->accounts.v[i]);
	for (size_t i = 0; i < s->boxes.n; i++)
		if (s->boxes.v[i]->n_watchers > 0)
			box_unshut(s->boxes.v[i]);
	for (size_t i = 0; i < s->workers.n; i++) {
		struct worker *w = s->workers.v[i];
		if (w->state == WORKER_READY && w->role == ROLE_WATCH)
			IPC_SEND(w->conn, W_NEWS, w_news, session_id(s), -1,
				 &(struct msg_w_news){ 0 }, NULL);
	}
}

/* A window: what batch use was asked is for the one who sits there. */
static void
client_typed(struct client *c)
{
	bool is_first = c->typed_ms == 0;

	if (is_first)
		questions_take_back(c->session, c);
	c->typed_ms = c->session->now_ms;
}

/* ---- the table of requests ----------------------------------------------------- */

typedef int handle_request(struct client *c, const struct ipc_frame *f, struct err *err);

/* request_NAME(): decode the payload into m, then do it. -1: it is malformed. */
#define REQUEST(name, does)                                                          \
	static int request_##name(struct client *c, const struct ipc_frame *f,       \
				  struct err *err)                                   \
	{                                                                            \
		struct msg_##name m;                                                 \
		if (msg_get_##name(f->payload, &m, err) < 0)                         \
			return -1;                                                   \
		does;                                                                \
		return 0;                                                            \
	}

REQUEST(account, account_set(c, f->id, &m))
REQUEST(open_mailbox, open_mailbox(c, f->id, &m))
REQUEST(close_mailbox, close_mailbox(c, &m))
REQUEST(post, post_request(c, f->id, &m))
REQUEST(release, release_request(c, f->id, &m))
REQUEST(undo, undo_request(c, f->id, &m))
REQUEST(intent_retry, intent_retry_request(c, f->id, m.seq, false))
REQUEST(intent_drop, intent_retry_request(c, f->id, m.seq, true))
REQUEST(read, read_request(c, f->id, &m))
REQUEST(prefetch, prefetch_request(c, f->id, &m))
REQUEST(save_part, save_part_request(c, f->id, &m))
REQUEST(folders, folders(c, f->id, &m))
REQUEST(cancel, cancel(c, m.request))
REQUEST(answer, question_answer(c, m.question, (enum answer_verdict)m.verdict, m.text))
REQUEST(shown, question_is_shown(c, m.question))
REQUEST(typed, client_typed(c))
REQUEST(connect_now, connect_now(c->session))
REQUEST(leave, leave(c, f->id))
REQUEST(check_stores, care_request(c, f->id))

static const struct {
	enum msg_type type;
	handle_request *handle;
} requests[] = {
	{ MSG_ACCOUNT, request_account },
	{ MSG_OPEN_MAILBOX, request_open_mailbox },
	{ MSG_CLOSE_MAILBOX, request_close_mailbox },
	{ MSG_POST, request_post },
	{ MSG_RELEASE, request_release },
	{ MSG_UNDO, request_undo },
	{ MSG_INTENT_RETRY, request_intent_retry },
	{ MSG_INTENT_DROP, request_intent_drop },
	{ MSG_READ, request_read },
	{ MSG_PREFETCH, request_prefetch },
	{ MSG_SAVE_PART, request_save_part },
	{ MSG_FOLDERS, request_folders },
	{ MSG_CANCEL, request_cancel },
	{ MSG_ANSWER, request_answer },
	{ MSG_SHOWN, request_shown },
	{ MSG_TYPED, request_typed },
	{ MSG_CONNECT_NOW, request_connect_now },
	{ MSG_LEAVE, request_leave },
	{ MSG_CHECK_STORES, request_check_stores },
};

static int
dispatch(struct client *c, const struct ipc_frame *f, struct err *err)
{
	if (f->type == MSG_FINISH) {
		c->session->is_finishing = true;
		return 0;
	}
	if (f->type == MSG_HELLO) {
		hello(c, f->payload, err);
		return err->kind == ERR_NONE ? 0 : -1;
	}
	if (!c->is_greeted)
		return err_set(err, ERR_PROTO, "'%s' before the greeting", msg_type_name(f->type));
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (requests[i].type == f->type) {
			int status = requests[i].handle(c, f, err);
			/* Not before its first request: a window's says that it is one. */
			questions_put(c->session);
			return status;
		}
	/* A newer interface may know more requests than we do. */
	err_set(err, ERR_USER, "this manager does not know request %u", f->type);
	client_failed(c, f->id, err);
	*err = (struct err)ERR_INIT;
	return 0;
}

void
client_ready(struct client *c, short revents)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	int got = 0;
	bool at_end = false;

	if (revents & (POLLIN | POLLHUP | POLLERR))
		at_end = ipc_fill(c->conn, &err) < 0;
	err = (struct err)ERR_INIT;
	while (!c->is_dead && (got = ipc_next(c->conn, &f, &err)) > 0) {
		if (f.fd >= 0)
			close(f.fd); /* no request carries one */
		if (dispatch(c, &f, &err) < 0) {
			got = -1;
			break;
		}
	}
	if (got < 0) {
		log_at(LOG_WARN, "client", "%s", err.text);
		c->is_dead = true;
	}
	if (at_end)
		c->is_dead = true;
}
