/* Searches: all UIDs of the mailbox, and where a message of ours arrived. One
 * request at a time, as a plain answer does not say whose it is. */
#include "internal.h"

enum {
	SEARCH_TIMEOUT_MS = 120000,
	SEARCH_BYTES = 64 * 1024 * 1024,
	/* An answer is one line: of so many messages, 11 octets each at worst, it stays
	 * well under what the guard lets through. */
	SEARCH_MESSAGES = FRAMER_LINE / 16,
	SEARCHES_IN_FLIGHT = 2,
	MAX_WINDOWS = 1024, /* UIDs with gaps of millions: then wider ones */
};

static const struct send_options search_options = { SEND_SEARCHES, SEARCH_TIMEOUT_MS, SEARCH_BYTES,
						    100000 };

static const struct send_options list_options = { 0, SEARCH_TIMEOUT_MS, 512 * 1024 * 1024, 8000000 };

struct search {
	struct op op;
	struct buf message_id; /* empty: all of them */
	uint32_t from_uid;
	struct uid_search all; /* for a message id: of how many answers there are */
	struct seqset uids;
	unsigned n_listed;
	bool is_listing; /* a search that is not answered: each is looked at */
};

/* Steps of a search for a message id. */
enum { FIND_BEGINS, FIND_HEARS, FIND_LOOKS };

bool
is_search(const struct response *r)
{
	return r->kind == RESPONSE_SEARCH || r->kind == RESPONSE_ESEARCH;
}

static void
begin_search(struct imap *c, struct uid_search *s, struct command_text *t)
{
	if (s->n_sent++ == 0) {
		s->found_before = c->n_found;
		s->lost_before = c->n_lost_found;
	}
	command_begin(c, t);
	command_adds(t, can(c, IMAP_CAP_ESEARCH) ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
}

/* OK alone is no answer: who takes none for "no messages" loses all of them. */
static int
check_answers(const struct imap *c, const struct uid_search *s, struct err *err)
{
	if (c->n_lost_found != s->lost_before)
		return err_set(err, ERR_RETRY, "the server's answer to a search cannot be read");
	if (c->n_found - s->found_before < s->n_sent && c->box.exists > 0)
		return err_set(err, ERR_RETRY, "the server did not answer a search");
	return 0;
}

/* ---- all UIDs ------------------------------------------------------------------ */

/* In one, if any answer to it is short enough; else in windows of UIDs, as sequence
 * numbers move under us. A window of n has n messages at most, and ESEARCH names
 * runs: at worst every second one. */
static void
uid_search_begin(const struct imap *c, struct uid_search *s, uint32_t uidnext)
{
	uint32_t width = can(c, IMAP_CAP_ESEARCH) ? 2 * SEARCH_MESSAGES : SEARCH_MESSAGES;

	s->is_begun = true;
	s->next = 1;
	s->n_expunged = c->box.n_expunged;
	if (c->box.exists <= SEARCH_MESSAGES || uidnext <= width)
		return;
	s->width = uidnext / MAX_WINDOWS > width ? uidnext / MAX_WINDOWS : width;
	s->uidnext = uidnext;
}

static void
add_window(struct uid_search *s, struct command_text *t)
{
	uint32_t first = s->next;

	if (s->width == 0) {
		command_adds(t, "ALL");
		s->next = 0;
	} else if (s->uidnext - first <= s->width) {
		command_addf(t, "UID %u:*", first); /* with what arrives meanwhile */
		s->next = 0;
	} else {
		s->next += s->width;
		command_addf(t, "UID %u:%u", first, s->next - 1);
	}
}

bool
uid_search_next(struct imap *c, struct op *op, struct uid_search *s, uint32_t uidnext)
{
	struct command_text t;

	if (!s->is_begun)
		uid_search_begin(c, s, uidnext);
	if (s->next == 0 || s->n_in_flight >= SEARCHES_IN_FLIGHT)
		return false;
	/* All answers to windows go into one set: these may be in flight together. */
	if (!may_send(c, s->n_in_flight == 0 ? SEND_SEARCHES : 0))
		return false;
	begin_search(c, s, &t);
	add_window(s, &t);
	s->n_in_flight++;
	return command_send(c, op, &t, &search_options);
}

int
uid_search_tagged(struct imap *c, struct uid_search *s, const struct seqset *uids, struct err *err)
{
	s->n_in_flight--;
	if (s->next > 0 || s->n_in_flight > 0)
		return 0;
	/* Windows without a message may go without an answer, if none is missing. */
	if (seqset_count(uids) != c->box.exists && check_answers(c, s, err) < 0)
		return -1;
	/* What went between two windows, or since the answer, is in it still. */
	uint32_t then = s->width == 0 ? c->expunged_at_found : s->n_expunged;
	if (then == c->box.n_expunged)
		mailbox_use_map(c, uids);
	return 1;
}

bool
uid_search_untagged(struct imap *c, struct seqset *uids, const struct response *r)
{
	if (is_search(r))
		seqset_unite(uids, &c->parser.uids);
	else if (r->kind == RESPONSE_VANISHED || r->kind == RESPONSE_EXPUNGE)
		seqset_subtract(uids, &c->box.gone);
	return is_search(r);
}

/* ---- requests -------------------------------------------------------------------- */

/* Who stands in a mailbox finds what was there when it was last told of news (Dovecot):
 * not what another connection has put there since, and that is what is looked for. */
static bool
hear_news(struct imap *c, struct search *s)
{
	struct command_text t;

	s->op.step = FIND_HEARS;
	command_begin(c, &t);
	command_adds(&t, "NOOP");
	return command_send(c, &s->op, &t, &search_options);
}

static bool
find_next(struct imap *c, struct search *s)
{
	struct command_text t;

	if (s->op.step == FIND_LOOKS || s->op.n_in_flight > 0 || !may_send(c, SEND_SEARCHES))
		return false;
	if (s->op.step == FIND_BEGINS)
		return hear_news(c, s);
	s->op.step = FIND_LOOKS;
	if (s->is_listing) {
		command_begin(c, &t);
		command_addf(&t, "UID FETCH %u:* (%s)", s->from_uid, row_items);
		return command_send(c, &s->op, &t, &list_options);
	}
	begin_search(c, &s->all, &t);
	command_addf(&t, "UID %u:* HEADER MESSAGE-ID ", s->from_uid);
	command_string(&t, buf_str(&s->message_id));
	return command_send(c, &s->op, &t, &search_options);
}

static bool
search_next(struct imap *c, struct op *op)
{
	struct search *s = (struct search *)op;

	return s->message_id.len > 0 ? find_next(c, s) :
				       uid_search_next(c, op, &s->all, c->box.uidnext);
}

static bool
search_untagged(struct imap *c, struct op *op, const struct response *r)
{
	return uid_search_untagged(c, &((struct search *)op)->uids, r);
}

static bool
search_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	struct search *s = (struct search *)op;

	if (!s->is_listing || !is_row(f))
		return false;
	s->n_listed++;
	if (str_eq(row_message_id(c, f), buf_str(&s->message_id)))
		seqset_add(&s->uids, f->uid);
	return true;
}

static void
search_end(struct imap *c, struct search *s, const struct err *err)
{
	if (s->op.type->is_internal)
		c->n_news--;
	op_end(c, &s->op, err, STR_NONE);
}

static void
search_tagged(struct imap *c, struct op *op, const struct sent *sent, const struct response *r)
{
	struct search *s = (struct search *)op;
	struct err err;

	if (sent->step == FIND_HEARS)
		return;
	if (r->status != STATUS_OK) {
		err_of_response(c, r, "the search failed", &err);
		search_end(c, s, &err);
		return;
	}
	bool is_all = s->message_id.len == 0;
	if (!is_all && !s->is_listing && check_answers(c, &s->all, &err) < 0) {
		s->is_listing = true;
		s->op.step = FIND_HEARS;
		return;
	}
	int status = is_all ? uid_search_tagged(c, &s->all, &s->uids, &err) : 1;
	/* n:* always has the last message. */
	if (s->is_listing && s->n_listed == 0 && c->box.exists > 0)
		status = err_set(&err, ERR_RETRY, "the server did not answer a search");
	if (status < 0) {
		search_end(c, s, &err);
		return;
	}
	if (!is_all) {
		if (s->from_uid > 1)
			seqset_remove_range(&s->uids, 1, s->from_uid - 1);
		TELL(c, found, op->id, &s->uids);
	} else if (status == 1) {
		c->box.is_cursor_stale |= op->type->is_internal;
		TELL(c, uids, op->id, &s->uids);
	} else {
		return;
	}
	search_end(c, s, NULL);
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
	.fetch = search_fetch, .untagged = search_untagged, .tagged = search_tagged, .release = search_release

static const struct op_type search_type = { SEARCH_TYPE };
static const struct op_type news_search_type = { SEARCH_TYPE, .is_internal = true,
						   .is_news = true };

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
