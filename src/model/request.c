/* Requests to the manager: kept until they are answered, asked again of the next
 * manager when one dies. */
#include "internal.h"

struct request *
request_find(struct model *m, uint64_t id)
{
	for (size_t i = 0; i < m->requests.n; i++)
		if (m->requests.v[i].id == id)
			return &m->requests.v[i];
	return NULL;
}

void
request_remove(struct model *m, uint64_t id)
{
	for (size_t i = 0; i < m->requests.n; i++) {
		if (m->requests.v[i].id != id)
			continue;
		buf_release(&m->requests.v[i].payload);
		vec_remove(&m->requests, i);
		return;
	}
}

uint64_t
request_raw(struct model *m, enum msg_type type, struct buf *payload, model_answer *answer,
	    void *ctx)
{
	struct request r = { ++m->next_id, type, *payload, answer, ctx };

	vec_push(&m->requests, r);
	if (m->is_connected)
		m->params.send(m->params.ctx, type, r.id, buf_str(&r.payload));
	return r.id;
}

uint64_t
model_request(struct model *m, enum msg_type type, struct str payload, model_answer *answer,
	      void *ctx)
{
	struct buf copy = BUF_INIT;

	buf_addstr(&copy, payload);
	return request_raw(m, type, &copy, answer, ctx);
}

void
model_tell(struct model *m, enum msg_type type, struct str payload)
{
	if (m->is_connected)
		m->params.send(m->params.ctx, type, 0, payload);
}

void
model_cancel(struct model *m, uint64_t request)
{
	struct msg_cancel cancel = { .request = request };
	struct buf payload = BUF_INIT;
	struct request *r = request_find(m, request);

	if (r == NULL)
		return;
	if (m->is_connected) {
		msg_put_cancel(&payload, &cancel);
		model_tell(m, MSG_CANCEL, buf_str(&payload));
		buf_release(&payload);
		return;
	}
	/* Nobody has heard of it: it is canceled here. */
	struct ipc_frame frame = { .type = MSG_CANCELED, .id = request, .fd = -1 };
	model_event(m, &frame);
}

void
model_forget(struct model *m, uint64_t request)
{
	struct request *r = request_find(m, request);

	if (r == NULL)
		return;
	r->answer = NULL;
	model_cancel(m, request);
}

uint32_t
model_n_unanswered(const struct model *m)
{
	return (uint32_t)m->requests.n;
}
