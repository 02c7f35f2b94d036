/* Changes: posted to the manager, and laid over the rows until it has them. */
#include "internal.h"

#include <stdlib.h>
#include <sys/random.h>
#include "tern/base/log.h"

/* A frame holds at most so many messages; more are several posts. */
#define MAX_LOCALS 100000

void
post_free(struct post *p)
{
	if (p == NULL)
		return;
	free(p->locals);
	free(p->keyword);
	free(p);
}

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

bool
post_touches(const struct post *p, uint64_t local)
{
	return p->n > 0 && bsearch(&local, p->locals, p->n, sizeof(local), compare_ids) != NULL;
}

static bool
takes_away(const struct post *p)
{
	return p->kind == INTENT_MOVE || (p->kind == INTENT_DELETE && p->set != 0);
}

bool
post_hides(const struct post *p)
{
	return takes_away(p) && p->n <= MAX_HIDDEN_BY_POST;
}

bool
posts_take_away(const struct model *m, uint64_t local)
{
	for (size_t i = 0; i < m->posts.n; i++)
		if (takes_away(m->posts.v[i]) && post_touches(m->posts.v[i], local))
			return true;
	return false;
}

static void
overlay(struct model *m, const struct post *p, struct row *row)
{
	struct intent i = { .kind = p->kind,
			    .state = INTENT_PLANNED,
			    .local = row->local,
			    .set_flags = p->set,
			    .clear_flags = p->clear,
			    .keyword = str_c(p->keyword) };

	if (p->kind == INTENT_FLAG || p->kind == INTENT_KEYWORD)
		intent_overlay(&i, row, &m->turn);
	else if (p->kind == INTENT_DELETE && p->clear != 0)
		row->flags &= ~(uint32_t)ROW_TO_DELETE;
	else if (p->kind == INTENT_DELETE)
		row->flags |= ROW_TO_DELETE;
	row->flags |= ROW_UNSAVED;
}

bool
posts_overlay(struct model *m, uint32_t mailbox, struct row *row)
{
	for (size_t i = 0; i < m->posts.n; i++) {
		const struct post *p = m->posts.v[i];
		if (p->mailbox != mailbox || !post_touches(p, row->local))
			continue;
		if (post_hides(p))
			return false;
		overlay(m, p, row);
	}
	return true;
}

/* ---- posting ------------------------------------------------------------------------ */

static void
new_id(struct model *m, uint8_t out[16])
{
	if (m->params.random != NULL)
		m->params.random(m->params.ctx, out);
	else if (getrandom(out, 16, 0) != 16)
		BUG("no random numbers");
}

static void
rows_changed(struct model *m)
{
	m->hidden_known = false;
	if (m->box != NULL)
		folded_look_again(m->box);
	model_mark(m, MODEL_ROWS | MODEL_ACTIVITY);
}

static void
post_one(struct model *m, const struct msg_post *like, const uint64_t *locals, size_t n)
{
	struct post *p = xcalloc(1, sizeof(*p));
	struct msg_post msg = *like;
	struct buf packed = BUF_INIT;

	new_id(m, p->post_id);
	p->kind = like->kind;
	p->mailbox = m->box->id;
	p->set = like->set_flags;
	p->clear = like->clear_flags;
	p->keyword = like->keyword.len > 0 ? str_dup(like->keyword) : NULL;
	p->n = n;
	p->locals = xmemdup(locals, n * sizeof(*locals));
	qsort(p->locals, n, sizeof(*p->locals), compare_ids);
	for (size_t i = 0; i < n; i++)
		ipc_put_u64(&packed, locals[i]);
	msg.post_id = str_n((const char *)p->post_id, 16);
	msg.account = str_c(m->box->account);
	msg.mailbox = buf_str(&m->box->wire);
	msg.locals = buf_str(&packed);
	p->request = REQUEST(m, POST, post, &msg, NULL, NULL);
	buf_release(&packed);
	vec_push(&m->posts, p);
}

static void
post_all(struct model *m, struct msg_post *like, const uint64_t *locals, size_t n)
{
	if (m->box == NULL || n == 0)
		return;
	bool takes = like->kind == INTENT_MOVE ||
		     (like->kind == INTENT_DELETE && like->set_flags != 0);
	if (takes)
		list_drop(m, locals, n);
	for (size_t at = 0; at < n; at += MAX_LOCALS)
		post_one(m, like, locals + at, n - at < MAX_LOCALS ? n - at : MAX_LOCALS);
	if (takes)
		tags_leave(m, locals, n);
	rows_changed(m);
}

void
model_flag(struct model *m, const uint64_t *locals, size_t n, uint32_t set, uint32_t clear)
{
	struct msg_post like = { .kind = INTENT_FLAG, .set_flags = set, .clear_flags = clear };

	post_all(m, &like, locals, n);
}

void
model_mark_read(struct model *m, uint64_t local)
{
	struct msg_post like = { .kind = INTENT_FLAG, .set_flags = ROW_SEEN, .is_automatic = 1 };

	post_all(m, &like, &local, 1);
}

void
model_keyword(struct model *m, const uint64_t *locals, size_t n, struct str keyword, bool on)
{
	struct msg_post like = { .kind = INTENT_KEYWORD, .set_flags = on, .keyword = keyword };

	post_all(m, &like, locals, n);
}

void
model_delete(struct model *m, const uint64_t *locals, size_t n, bool now)
{
	struct msg_post like = { .kind = INTENT_DELETE, .set_flags = now };

	post_all(m, &like, locals, n);
}

void
model_undelete(struct model *m, const uint64_t *locals, size_t n)
{
	struct msg_post like = { .kind = INTENT_DELETE, .clear_flags = 1 };

	post_all(m, &like, locals, n);
}

void
model_move(struct model *m, const uint64_t *locals, size_t n, struct str account,
	   struct str target, bool copy)
{
	struct msg_post like = { .kind = copy ? INTENT_COPY : INTENT_MOVE,
				 .target_account = account,
				 .target = target };

	post_all(m, &like, locals, n);
}

void
model_release(struct model *m)
{
	struct post *p;
	struct msg_release msg;

	if (m->box == NULL || m->box->id == 0)
		return;
	p = xcalloc(1, sizeof(*p));
	new_id(m, p->post_id);
	p->mailbox = m->box->id;
	msg = (struct msg_release){ .post_id = str_n((const char *)p->post_id, 16),
				    .account = str_c(m->box->account),
				    .mailbox = buf_str(&m->box->wire) };
	p->request = REQUEST(m, RELEASE, release, &msg, NULL, NULL);
	vec_push(&m->posts, p);
	rows_changed(m);
}

void
model_undo(struct model *m, model_answer *answer, void *ctx)
{
	uint8_t id[16] = { 0 };
	struct msg_undo msg = { .post_id = str_n((const char *)id, 16) };

	/* What comes back is not to wait for the pause that others' news have. */
	if (m->box != NULL)
		m->box->build_not_before_us = 0;
	new_id(m, id);
	REQUEST(m, UNDO, undo, &msg, answer, ctx);
}

bool
model_take_refusal(struct model *m)
{
	bool was = m->post_trouble;

	m->post_trouble = false;
	return was;
}

uint32_t
model_n_unsaved(const struct model *m)
{
	return (uint32_t)m->posts.n;
}

/* ---- what the manager says of them ----------------------------------------------------- */

static void
post_ended(struct model *m, size_t i, const char *trouble)
{
	struct post *p = m->posts.v[i];

	if (trouble != NULL) {
		model_log(m, LOG_ERROR, "not saved: %s", trouble);
		m->post_trouble = true;
		if (m->box != NULL && m->box->list != NULL)
			m->box->build_again = true;
		if (m->box != NULL)
			tags_look_through(m->box);
	}
	vec_remove(&m->posts, i);
	request_remove(m, p->request);
	post_free(p);
	rows_changed(m);
}

static long
post_of(const struct model *m, struct str post_id, uint64_t request)
{
	for (size_t i = 0; i < m->posts.n; i++) {
		const struct post *p = m->posts.v[i];
		if (post_id.len == 16 && memcmp(post_id.ptr, p->post_id, 16) == 0)
			return (long)i;
		if (post_id.len == 0 && request != 0 && p->request == request)
			return (long)i;
	}
	return -1;
}

void
posts_event(struct model *m, const struct ipc_frame *f)
{
	struct msg_ack ack;
	struct msg_refused refused;
	struct msg_failed failed;
	long i = -1;

	if (f->type == MSG_ACK && msg_get_ack(f->payload, &ack, NULL) == 0) {
		if ((i = post_of(m, ack.post_id, 0)) >= 0)
			post_ended(m, (size_t)i, NULL);
	} else if (f->type == MSG_REFUSED && msg_get_refused(f->payload, &refused, NULL) == 0) {
		char *text = str_dup(refused.text);
		if ((i = post_of(m, refused.post_id, 0)) >= 0)
			post_ended(m, (size_t)i, text);
		free(text);
	} else if (f->type == MSG_FAILED && msg_get_failed(f->payload, &failed, NULL) == 0) {
		char *text = str_dup(failed.text);
		if ((i = post_of(m, STR_NONE, f->id)) >= 0)
			post_ended(m, (size_t)i, text);
		free(text);
	} else if (f->type == MSG_DONE || f->type == MSG_CANCELED) {
		if ((i = post_of(m, STR_NONE, f->id)) >= 0)
			post_ended(m, (size_t)i, NULL);
	}
}
