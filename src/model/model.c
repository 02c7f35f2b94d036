/* The model as a whole: its life, the snapshot of a turn, accounts, questions,
 * the message log. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tern/base/log.h"
#include "tern/base/tick.h"

struct model *
model_new(const struct model_params *params, struct err *err)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->params = *params;
	if (params->paths != NULL) {
		m->cache_dir = xstrdup(params->paths->cache_dir);
		m->state_dir = xstrdup(params->paths->state_dir);
	}
	struct store_paths paths = { m->cache_dir, m->state_dir };
	m->is_without_cache = params->is_without_cache;
	if (!m->is_without_cache)
		m->store = store_open(&paths, err);
	m->rows_at = UINT32_MAX;
	return m;
}

static void
forget_server(struct account *a)
{
	free(a->server);
	free(a->mechanism);
	free(a->security);
	free(a->capabilities);
	free(a->switched_off);
}

static void
account_free(struct account *a)
{
	forget_server(a);
	free(a->name);
	free(a->label);
	free(a->url);
	free(a->text);
	free(a->told);
	buf_release(&a->params);
	free(a);
}

static void
question_release(struct question *q)
{
	free(q->account);
	free(q->prompt);
	free(q->detail);
}

void
model_free(struct model *m)
{
	if (m == NULL)
		return;
	while (m->docs.n > 0)
		model_doc_free(m->docs.v[0]);
	model_rest(m);
	box_free(m->box);
	pass_free(m->seek);
	pass_free(m->collect);
	for (size_t i = 0; i < m->posts.n; i++)
		post_free(m->posts.v[i]);
	for (size_t i = 0; i < m->requests.n; i++)
		buf_wipe(&m->requests.v[i].payload);
	for (size_t i = 0; i < m->accounts.n; i++)
		account_free(m->accounts.v[i]);
	for (size_t i = 0; i < m->questions.n; i++)
		question_release(&m->questions.v[i]);
	for (size_t i = 0; i < m->log.n; i++)
		free((char *)(uintptr_t)m->log.v[i].text);
	model_clear_wanted(m);
	vec_release(&m->wanted);
	vec_release(&m->posts);
	vec_release(&m->requests);
	vec_release(&m->accounts);
	vec_release(&m->questions);
	vec_release(&m->log);
	vec_release(&m->folders);
	vec_release(&m->docs);
	vec_release(&m->hidden);
	arena_release(&m->folder_text);
	arena_release(&m->turn);
	if (m->store != NULL)
		store_close(m->store);
	free(m->cache_dir);
	free(m->state_dir);
	free(m);
}

void
model_mark(struct model *m, unsigned changes)
{
	m->changes |= changes;
}

unsigned
model_take_changes(struct model *m)
{
	unsigned changes = m->changes;

	m->changes = 0;
	return changes;
}

/* ---- the snapshot of a turn ------------------------------------------------------ */

static void
tell_store_trouble(struct model *m, const struct err *err)
{
	if (!m->store_trouble_told)
		model_log(m, LOG_ERROR, "%s", err->text);
	m->store_trouble_told = true;
}

/* Said once, and the manager is asked to look at the stores: it tells all who
 * read them to begin again, or hangs up and builds the cache anew. */
void
model_read_trouble(struct model *m, const struct err *err)
{
	if (err->kind == ERR_NONE || m->read_trouble_told)
		return;
	model_log(m, LOG_ERROR, "%s", err->text);
	model_tell(m, MSG_CHECK_STORES, STR_NONE);
	m->read_trouble_told = m->is_connected;
}

struct store_view *
model_view(struct model *m)
{
	struct err err = ERR_INIT;
	struct store_paths paths = { m->cache_dir, m->state_dir };

	if (m->view != NULL || m->is_without_cache)
		return m->view;
	if (m->store == NULL)
		m->store = store_open(&paths, &err);
	if (m->store != NULL)
		m->view = store_begin(m->store, &err);
	if (m->view == NULL)
		tell_store_trouble(m, &err);
	else
		m->store_trouble_told = false;
	return m->view;
}

void
model_rest(struct model *m)
{
	box_rows_end(m);
	if (m->view != NULL)
		store_end(m->view);
	m->view = NULL;
	arena_reset(&m->turn);
}

bool
model_work(struct model *m, int64_t budget_us)
{
	int64_t until_us = tick_us() + budget_us;
	bool more = tags_work(m, until_us);

	more |= pass_work(m, until_us);
	more |= folded_work(m, until_us);
	return build_work(m, more ? until_us + budget_us / 4 : until_us) || more;
}

bool
model_is_working(const struct model *m)
{
	return m->seek != NULL || m->collect != NULL ||
	       (m->box != NULL && (m->box->tags_at & m->box->away_at) != SIZE_MAX) ||
	       (m->box != NULL && folded_is_working(m->box)) ||
	       (m->box != NULL && m->box->build != NULL) || model_pause_ms(m) == 0;
}

int64_t
model_pause_ms(const struct model *m)
{
	int64_t left_us;

	if (m->box == NULL || !m->box->build_again)
		return -1;
	left_us = m->box->build_not_before_us - tick_us();
	return left_us > 0 ? left_us / 1000 + 1 : 0;
}

/* ---- accounts ---------------------------------------------------------------------- */

static struct account *
account_find(const struct model *m, struct str name)
{
	for (size_t i = 0; i < m->accounts.n; i++)
		if (str_eqc(name, m->accounts.v[i]->name))
			return m->accounts.v[i];
	return NULL;
}

static struct account *
account_get(struct model *m, struct str name)
{
	struct account *a = account_find(m, name);

	if (a != NULL)
		return a;
	a = xcalloc(1, sizeof(*a));
	a->name = str_dup(name);
	a->label = str_dup(name);
	a->url = xstrdup("");
	a->text = xstrdup("");
	buf_init(&a->params);
	vec_push(&m->accounts, a);
	return a;
}

void
model_set_account(struct model *m, const struct msg_account *params, const char *url,
		  const char *label)
{
	struct account *a = account_get(m, params->name);
	struct buf payload = BUF_INIT;

	free(a->label);
	free(a->url);
	a->label = xstrdup(label);
	a->url = xstrdup(url);
	msg_put_account(&payload, params);
	bool is_news = !str_eq(buf_str(&payload), buf_str(&a->params));
	buf_release(&a->params);
	a->params = payload;
	if (is_news && m->is_connected)
		m->params.send(m->params.ctx, MSG_ACCOUNT, 0, buf_str(&a->params));
	folders_dirty(m);
}

size_t
model_n_accounts(const struct model *m)
{
	return m->accounts.n;
}

static void
account_tell(const struct account *a, struct model_account *out)
{
	*out = (struct model_account){
		.name = a->name,
		.label = a->label,
		.url = a->url,
		.is_configured = a->params.len > 0,
		.state = a->state,
		.text = a->text,
		.done = a->done,
		.total = a->total,
		.n_waiting = a->n_waiting,
		.retry_wall = a->retry_wall,
		.server = a->server,
		.mechanism = a->mechanism,
		.security = a->security,
		.capabilities = a->capabilities,
		.switched_off = a->switched_off,
	};
}

bool
model_account(const struct model *m, size_t i, struct model_account *out)
{
	if (i >= m->accounts.n)
		return false;
	account_tell(m->accounts.v[i], out);
	return true;
}

bool
model_account_by_name(const struct model *m, struct str name, struct model_account *out)
{
	const struct account *a = account_find(m, name);

	if (a != NULL)
		account_tell(a, out);
	return a != NULL;
}

/* Once, however often it is tried: until it works, or something else is wrong. */
static void
log_trouble(struct model *m, struct account *a)
{
	bool is_trouble = a->state == ACCOUNT_WAITING || a->state == ACCOUNT_STOPPED;

	if (is_trouble && (a->told == NULL || strcmp(a->told, a->text) != 0)) {
		free(a->told);
		a->told = xstrdup(a->text);
		model_log(m, LOG_WARN, "%s: %s", a->label, a->text);
	} else if (a->state == ACCOUNT_READY && a->told != NULL) {
		free(a->told);
		a->told = NULL;
		model_log(m, LOG_INFO, "%s: connected again", a->label);
	}
}

static bool
is_connected(uint8_t state)
{
	return state == ACCOUNT_READY || state == ACCOUNT_BUSY;
}

static void
account_event(struct model *m, const struct msg_account_state *s)
{
	struct account *a = account_get(m, s->account);

	if (!is_connected(a->state) && is_connected(s->state))
		documents_connected(m);
	free(a->text);
	a->text = str_dup(s->text);
	a->state = s->state;
	a->done = s->done;
	a->total = s->total;
	a->n_waiting = s->n_waiting;
	a->retry_wall = s->retry_wall;
	log_trouble(m, a);
	model_mark(m, MODEL_ACTIVITY);
}

static void
server_event(struct model *m, const struct msg_server *s)
{
	struct account *a = account_get(m, s->account);

	forget_server(a);
	a->server = str_dup(s->server);
	a->mechanism = str_dup(s->mechanism);
	a->security = str_dup(s->security);
	a->capabilities = str_dup(s->capabilities);
	a->switched_off = str_dup(s->switched_off);
	model_mark(m, MODEL_ACTIVITY);
}

/* ---- questions ----------------------------------------------------------------------- */

static void
question_gone(struct model *m, uint64_t id)
{
	for (size_t i = m->questions.n; i-- > 0;) {
		if (m->questions.v[i].id != id)
			continue;
		question_release(&m->questions.v[i]);
		vec_remove(&m->questions, i);
		model_mark(m, MODEL_QUESTION);
	}
}

static void
question_event(struct model *m, const struct msg_question *q)
{
	struct question new = { q->question, q->kind, str_dup(q->account), str_dup(q->prompt),
				str_dup(q->detail) };

	question_gone(m, q->question);
	vec_push(&m->questions, new);
	model_mark(m, MODEL_QUESTION);
}

bool
model_question(const struct model *m, struct model_question *out)
{
	if (m->questions.n == 0)
		return false;
	const struct question *q = &m->questions.v[0];
	*out = (struct model_question){ q->id, q->kind, q->account, q->prompt, q->detail };
	return true;
}

bool
model_question_is_open(const struct model *m, uint64_t id)
{
	for (size_t i = 0; i < m->questions.n; i++)
		if (m->questions.v[i].id == id)
			return true;
	return false;
}

void
model_leave_question(struct model *m, uint64_t id)
{
	question_gone(m, id);
}

void
model_question_is_shown(struct model *m, uint64_t id)
{
	struct msg_shown shown = { .question = id };
	struct buf payload = BUF_INIT;

	msg_put_shown(&payload, &shown);
	model_tell(m, MSG_SHOWN, buf_str(&payload));
	buf_release(&payload);
}

void
model_answer_question(struct model *m, uint64_t id, enum answer_verdict verdict, struct str text)
{
	struct msg_answer a = { .question = id, .verdict = (uint8_t)verdict, .text = text };
	struct buf payload = BUF_INIT;

	if (!model_question_is_open(m, id))
		return;
	/* Room first: growing would leave a copy of the secret behind. */
	buf_reserve(&payload, text.len + 64);
	msg_put_answer(&payload, &a);
	model_tell(m, MSG_ANSWER, buf_str(&payload));
	buf_wipe(&payload);
	question_gone(m, id);
}

/* ---- the message log --------------------------------------------------------------------- */

void
model_log(struct model *m, int level, const char *fmt, ...)
{
	struct model_log_line line = { wall_now(), level, NULL };
	va_list ap;

	va_start(ap, fmt);
	line.text = xvasprintf(fmt, ap);
	va_end(ap);
	log_at(level, "message", "%s", line.text);
	if (m->log.n == LOG_LINES) {
		free((char *)(uintptr_t)m->log.v[0].text);
		vec_remove(&m->log, 0);
	}
	vec_push(&m->log, line);
	model_mark(m, MODEL_LOG);
}

size_t
model_n_log(const struct model *m)
{
	return m->log.n;
}

const struct model_log_line *
model_log_line(const struct model *m, size_t i)
{
	return i < m->log.n ? &m->log.v[i] : NULL;
}

/* ---- events --------------------------------------------------------------------------------- */

static void
notice_event(struct model *m, const struct msg_notice *n)
{
	const struct account *a = account_find(m, n->account);
	const char *label = a != NULL ? a->label : "";

	if (n->is_alert)
		model_log(m, LOG_ERROR, "%s: the server says: %.*s", label, STR_ARG(n->text));
	else
		model_log(m, n->level, "%s%s%.*s", label, *label != '\0' ? ": " : "",
			  STR_ARG(n->text));
}

static void
read_again(struct model *m)
{
	struct msg_news news = { .mailbox = m->box != NULL ? m->box->id : 0, .many = 1 };

	m->is_without_cache = false; /* they have been verified */
	box_news(m, &news);
	folders_dirty(m);
	model_mark(m, MODEL_ROWS | MODEL_FOLDERS | MODEL_ACTIVITY);
}

/* Events that answer no request. */
static int
take_news(struct model *m, const struct ipc_frame *f, struct err *err)
{
	union {
		struct msg_news news;
		struct msg_folder_news folders;
		struct msg_arrived arrived;
		struct msg_account_state state;
		struct msg_server server;
		struct msg_question question;
		struct msg_question_gone gone;
		struct msg_notice notice;
		struct msg_opened opened;
	} u;

	switch (f->type) {
	case MSG_NEWS:
		if (msg_get_news(f->payload, &u.news, err) < 0)
			return -1;
		box_news(m, &u.news);
		return 0;
	case MSG_FOLDER_NEWS:
		folders_dirty(m);
		return 0;
	case MSG_ARRIVED:
		if (msg_get_arrived(f->payload, &u.arrived, err) < 0)
			return -1;
		if (m->box != NULL && m->box->id == u.arrived.mailbox)
			model_mark(m, MODEL_ARRIVED);
		folders_dirty(m);
		return 0;
	case MSG_ACCOUNT_STATE:
		if (msg_get_account_state(f->payload, &u.state, err) < 0)
			return -1;
		account_event(m, &u.state);
		return 0;
	case MSG_SERVER:
		if (msg_get_server(f->payload, &u.server, err) < 0)
			return -1;
		server_event(m, &u.server);
		return 0;
	case MSG_QUESTION:
		if (msg_get_question(f->payload, &u.question, err) < 0)
			return -1;
		question_event(m, &u.question);
		return 0;
	case MSG_QUESTION_GONE:
		if (msg_get_question_gone(f->payload, &u.gone, err) < 0)
			return -1;
		question_gone(m, u.gone.question);
		return 0;
	case MSG_NOTICE:
		if (msg_get_notice(f->payload, &u.notice, err) < 0)
			return -1;
		notice_event(m, &u.notice);
		return 0;
	case MSG_READ_AGAIN:
		read_again(m);
		return 0;
	case MSG_OPENED:
		if (msg_get_opened(f->payload, &u.opened, err) < 0)
			return -1;
		if (m->box != NULL && m->box->request == f->id)
			box_event_opened(m, u.opened.mailbox);
		return 0;
	default:
		return 0;
	}
}

void
model_event(struct model *m, struct ipc_frame *frame)
{
	struct err err = ERR_INIT;
	bool is_end = frame->type == MSG_DONE || frame->type == MSG_FAILED ||
		      frame->type == MSG_CANCELED || frame->type == MSG_ACK ||
		      frame->type == MSG_REFUSED;

	if (take_news(m, frame, &err) < 0)
		model_log(m, LOG_WARN, "the session manager sent nonsense: %s", err.text);
	posts_event(m, frame);
	struct request *r = request_find(m, frame->id);
	if (frame->id != 0 && r != NULL) {
		model_answer *answer = r->answer;
		void *ctx = r->ctx;
		if (is_end)
			request_remove(m, frame->id);
		if (answer != NULL)
			answer(ctx, frame, is_end);
	}
	if (frame->fd >= 0)
		close(frame->fd); /* whoever wanted it has made it -1 */
	frame->fd = -1;
}

void
model_connected(struct model *m)
{
	m->is_connected = true;
	for (size_t i = 0; i < m->accounts.n; i++)
		if (m->accounts.v[i]->params.len > 0)
			m->params.send(m->params.ctx, MSG_ACCOUNT, 0,
				       buf_str(&m->accounts.v[i]->params));
	/* It may have made the stores, or made them anew. */
	m->store_trouble_told = false;
	m->read_trouble_told = false;
	if (m->is_without_cache)
		model_tell(m, MSG_CHECK_STORES, STR_NONE);
	box_open_again(m);
	for (size_t i = 0; i < m->requests.n; i++)
		m->params.send(m->params.ctx, m->requests.v[i].type, m->requests.v[i].id,
			       buf_str(&m->requests.v[i].payload));
	model_mark(m, MODEL_ACTIVITY | MODEL_ROWS | MODEL_FOLDERS);
}

void
model_disconnected(struct model *m)
{
	m->is_connected = false;
	m->has_lost_one = true;
	if (m->box != NULL)
		m->box->is_in_step = m->box->is_opened = false;
	/* A new one asks anew what it needs. */
	while (m->questions.n > 0)
		question_gone(m, m->questions.v[0].id);
	model_mark(m, MODEL_ACTIVITY);
}
