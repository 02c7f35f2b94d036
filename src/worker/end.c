/* The end of a request: exactly one frame each. */
#include "internal.h"

void
worker_done(struct worker *w, uint64_t id, struct str text)
{
	struct msg_done m = { .text = text };

	SEND(w, DONE, done, id, &m);
}

void
worker_failed(struct worker *w, uint64_t id, const struct err *err)
{
	struct msg_failed m = { .kind = (uint8_t)err->kind, .text = str_c(err->text) };

	SEND(w, FAILED, failed, id, &m);
}

void
worker_end(struct worker *w, uint64_t id, const struct err *err, struct str text)
{
	if (!err)
		worker_done(w, id, text);
	else if (err->kind == ERR_CANCELED)
		SEND(w, CANCELED, canceled, id, &(struct msg_canceled){ 0 });
	else
		worker_failed(w, id, err);
}

uint64_t
worker_sub_id(struct worker *w)
{
	return SUB_ID | ++w->last_sub_id;
}
