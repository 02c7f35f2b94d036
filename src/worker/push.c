/* Requests that change something. */
#include "internal.h"

static int
store_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_store m;
	struct seqset uids = SEQSET_INIT;
	int r = msg_get_w_store(f->payload, &m, err) < 0 ? -1 : uids_of(m.uids, &uids, err);

	if (r == 0)
		imap_store(w->imap, f->id, &uids, m.set_flags, m.clear_flags, m.set_keywords,
			   m.clear_keywords);
	seqset_release(&uids);
	return r;
}

/* MOVE and COPY have the same payload. */
static int
copy_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_copy m;
	struct seqset uids = SEQSET_INIT;
	int r = msg_get_w_copy(f->payload, &m, err) < 0 ? -1 : uids_of(m.uids, &uids, err);

	if (r == 0 && f->type == MSG_W_MOVE)
		imap_move(w->imap, f->id, &uids, m.target);
	else if (r == 0)
		imap_copy(w->imap, f->id, &uids, m.target);
	seqset_release(&uids);
	return r;
}

static int
expunge_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_expunge m;
	struct seqset uids = SEQSET_INIT;
	int r = msg_get_w_expunge(f->payload, &m, err) < 0 ? -1 : uids_of(m.uids, &uids, err);

	if (r == 0)
		imap_expunge(w->imap, f->id, &uids);
	seqset_release(&uids);
	return r;
}

static int
find_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_find m;

	if (msg_get_w_find(f->payload, &m, err) < 0)
		return -1;
	if (m.message_id.len == 0)
		return err_set(err, ERR_USER, "no message id to look for");
	imap_find(w->imap, f->id, m.message_id, m.from_uid);
	return 0;
}

static int
create_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_create m;

	if (msg_get_w_create(f->payload, &m, err) < 0)
		return -1;
	imap_create(w->imap, f->id, m.mailbox);
	return 0;
}

static const struct {
	enum msg_type type;
	int (*handle)(struct worker *w, const struct ipc_frame *f, struct err *err);
} requests[] = {
	{ MSG_W_STORE, store_request },	    { MSG_W_MOVE, copy_request },
	{ MSG_W_COPY, copy_request },	    { MSG_W_EXPUNGE, expunge_request },
	{ MSG_W_FIND, find_request },	    { MSG_W_CREATE, create_request },
};

bool
push_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (requests[i].type != f->type)
			continue;
		requests[i].handle(w, f, err);
		return true;
	}
	return false;
}
