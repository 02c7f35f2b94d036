/* Searches: all UIDs of the mailbox, and where a message of ours arrived. One
 * at a time, as a plain answer does not say whose it is. */
#include "internal.h"

enum { SEARCH_TIMEOUT_MS = 120000, SEARCH_BYTES = 64 * 1024 * 1024 };

struct search {
	struct op op;
	struct buf message_id; /* empty: all of them */
	uint32_t from_uid;
	struct seqset uids;
};

bool
is_search(const struct response *r)
{
	return r->kind == RESPONSE_SEARCH || r->kind == RESPONSE_ESEARCH;
}

static void
begin_search(const struct imap *c, struct command_text *t)
{
	command_adds(t, can(c, IMAP_CAP_ESEARCH) ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
}

void
add_search_all(const struct imap *c, struct command_text *t)
{
	begin_search(c, t);
	command_adds(t, "ALL");
}

static bool
search_next(struct imap *c, struct op *op)
{
	static const struct send_options o = { SEND_SEARCHES, SEARCH_TIMEOUT_MS, SEARCH_BYTES, 100000 };
	struct search *s = (struct search *)op;
	struct command_text t;

	if (op->step > 0 || !may_send(c, o.flags))
		return false;
	op->step = 1;
	command_begin(c, &t);
	if (s->message_id.len == 0) {
		add_search_all(c, &t);
	} else {
		begin_search(c, &t);
		command_addf(&t, "UID %u:* HEADER MESSAGE-ID ", s->from_uid);
		command_string(&t, buf_str(&s->message_id));
	}
	return command_send(c, op, &t, &o);
}

static bool
search_untagged(struct imap *c, struct op *op, const struct response *r)
{
	struct search *s = (struct search *)op;

	if (!is_search(r))
		return false;
	seqset_unite(&s->uids, &c->parser.uids);
	return true;
}

static void
search_tagged(struct imap *c, struct op *op, const struct sent *sent, const struct response *r)
{
	struct search *s = (struct search *)op;

	if (op->type->is_internal)
		c->n_news--;
	if (r->status != STATUS_OK) {
		op_end_failed(c, op, r, "the search failed");
		return;
	}
	if (s->message_id.len > 0) {
		/* n:* always has the last message. */
		if (s->from_uid > 1)
			seqset_remove_range(&s->uids, 1, s->from_uid - 1);
		TELL(c, found, op->id, &s->uids);
	} else {
		mailbox_use_map(c, &s->uids);
		c->box.is_cursor_stale |= op->type->is_internal;
		TELL(c, uids, op->id, &s->uids);
	}
	op_end(c, op, NULL, STR_NONE);
}

static void
search_release(struct op *op)
{
	struct search *s = (struct search *)op;

	buf_release(&s->message_id);
	seqset_release(&s->uids);
}

#define SEARCH_TYPE                                                                    \
	.name = "search", .size_bytes = sizeof(struct search), .next = search_next,    \
	.untagged = search_untagged, .tagged = search_tagged, .release = search_release

static const struct op_type search_type = { SEARCH_TYPE };
static const struct op_type news_search_type = { SEARCH_TYPE, .is_internal = true };

static struct search *
search_new(struct imap *c, uint64_t id, const struct op_type *type)
{
	struct search *s = op_new(c, id, type);

	buf_init(&s->message_id);
	return s;
}

void
imap_fetch_uids(struct imap *c, uint64_t id)
{
	search_new(c, id, &search_type);
}

void
news_uids(struct imap *c)
{
	search_new(c, IMAP_NEW_ID, &news_search_type);
	c->n_news++;
}

void
imap_find(struct imap *c, uint64_t id, struct str message_id, uint32_t from_uid)
{
	struct search *s = search_new(c, id, &search_type);

	buf_addstr(&s->message_id, message_id);
	s->from_uid = from_uid > 0 ? from_uid : 1;
}
