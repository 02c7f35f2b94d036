/* The mailbox that is selected, and its news: what the server says unasked is
 * told at once, or remembered until it can be asked for. Sequence numbers are
 * turned into UIDs here and go no further. */
#include "internal.h"

#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

enum {
	NEWS_DELAY_MS = 20,    /* so that a burst of EXISTS is asked for once */
	QUIET_MS = 30, /* before IDLE */
	IDLE_AGAIN_MS = 9 * 60 * 1000,
	DEFAULT_POLL_MS = 60 * 1000,
	KEEP_ALIVE_MS = 9 * 60 * 1000,
	NOOP_TIMEOUT_MS = 30000,
};

void
mailbox_release(struct mailbox *m)
{
	buf_release(&m->name);
	buf_release(&m->permanent_keywords);
	buf_release(&m->mailbox_id);
	seqset_release(&m->map);
	seqset_release(&m->gone);
}

void
mailbox_forget(struct mailbox *m)
{
	m->is_open = m->has_map = m->has_nomodseq = m->is_read_only = m->keywords_ok = false;
	m->wants_rows = m->wants_uids = m->wants_flags = m->is_cursor_stale = m->stay = false;
	m->uidvalidity = m->uidnext = m->exists = m->permanent_flags = 0;
	m->modseq = 0;
	m->news_at = 0;
	buf_reset(&m->name);
	buf_reset(&m->permanent_keywords);
	buf_reset(&m->mailbox_id);
	seqset_reset(&m->map);
	seqset_reset(&m->gone);
}

bool
is_same_mailbox(struct str a, struct str b)
{
	return str_eq(a, b) || (str_ieqc(a, "INBOX") && str_ieqc(b, "INBOX"));
}

/* ---- sequence numbers ---------------------------------------------------------- */

uint32_t
mailbox_uid_of(const struct mailbox *m, const struct fetch *f)
{
	if (f->uid > 0)
		return f->uid;
	return m->has_map ? seqset_nth(&m->map, f->seq - 1) : 0;
}

/* New messages take the next number, so that the map grows as they are fetched. */
void
mailbox_saw_uid(struct mailbox *m, const struct fetch *f)
{
	if (m->has_map && f->uid > seqset_max(&m->map) && f->seq == seqset_count(&m->map) + 1)
		seqset_add(&m->map, f->uid);
}

void
mailbox_use_map(struct imap *c, const struct seqset *uids)
{
	struct mailbox *m = &c->box;

	/* With QRESYNC nobody speaks in numbers. */
	if (c->is_enabled_qresync)
		return;
	m->has_map = seqset_count(uids) == m->exists;
	if (m->has_map)
		seqset_copy(&m->map, uids);
}

void
mailbox_want(struct imap *c, bool *what)
{
	*what = true;
	if (c->box.news_at == 0)
		c->box.news_at = c->now_ms + NEWS_DELAY_MS;
}

static void
exists(struct imap *c, uint32_t n)
{
	struct mailbox *m = &c->box;

	if (n > m->exists && m->stay)
		mailbox_want(c, &m->wants_rows);
	else if (n > m->exists)
		m->wants_rows = true; /* while it is being opened: asked for at its end */
	if (n < m->exists) { /* it must not shrink so: what we know of numbers is void */
		m->has_map = false;
		mailbox_want(c, &m->wants_uids);
	}
	m->is_cursor_stale |= n != m->exists;
	m->exists = n;
}

static void
expunged(struct imap *c, uint32_t seq)
{
	struct mailbox *m = &c->box;
	uint32_t uid = m->has_map ? seqset_nth(&m->map, seq - 1) : 0;

	if (m->exists > 0)
		m->exists--;
	m->is_cursor_stale = true;
	m->n_expunged++;
	if (uid > 0) {
		seqset_add(&m->gone, uid);
		seqset_remove(&m->map, uid);
		return;
	}
	m->has_map = false;
	mailbox_want(c, &m->wants_uids);
}

static void
vanished(struct imap *c, bool is_earlier)
{
	struct mailbox *m = &c->box;
	const struct seqset *uids = &c->parser.uids;

	if (seqset_is_empty(uids))
		return;
	if (is_earlier) {
		TELL(c, vanished, IMAP_NEW_ID, true, uids);
		return;
	}
	uint32_t n = seqset_count(uids);
	m->exists = n < m->exists ? m->exists - n : 0;
	m->is_cursor_stale = true;
	seqset_subtract(&m->map, uids);
	seqset_unite(&m->gone, uids);
}

/* ---- what the server says of it ---------------------------------------------------- */

static void
condition(struct imap *c, const struct response *r)
{
	struct mailbox *m = &c->box;
	struct err err;

	switch (r->code) {
	case CODE_UIDVALIDITY:
		if (r->number == m->uidvalidity)
			return;
		err_set(&err, ERR_RETRY, "the mailbox was made anew on the server");
		connection_failed(c, &err);
		return;
	case CODE_READ_ONLY:
		m->is_read_only = true;
		return;
	case CODE_PERMANENTFLAGS:
		m->keywords_ok = r->flags.has_star;
		m->permanent_flags = r->flags.bits;
		buf_reset(&m->permanent_keywords);
		buf_addstr(&m->permanent_keywords, r->flags.keywords);
		return;
	default:
		return;
	}
}

void
mailbox_note(struct imap *c, const struct response *r)
{
	if (!c->box.is_open)
		return;
	switch (r->kind) {
	case RESPONSE_EXISTS:
		exists(c, r->number);
		break;
	case RESPONSE_EXPUNGE:
		expunged(c, r->number);
		break;
	case RESPONSE_VANISHED:
		vanished(c, r->is_earlier);
		break;
	case RESPONSE_CONDITION:
		condition(c, r);
		break;
	default:
		break;
	}
}

/* The only other place that the cursor may move to (RFC 7162, 3.1.2.1): all
 * that it covers was told, and nothing is on its way. */
void
mailbox_tagged(struct imap *c, const struct response *r)
{
	struct mailbox *m = &c->box;

	c->quiet_since_ms = c->now_ms;
	if (r->status != STATUS_OK || r->code != CODE_HIGHESTMODSEQ || !m->is_open ||
	    m->has_nomodseq || m->wants_uids || m->wants_flags || c->in_flight.n > 0 ||
	    r->modseq <= m->modseq)
		return;
	m->modseq = r->modseq;
	m->is_cursor_stale = true;
}

/* ---- asking for news ------------------------------------------------------------------- */

void
mailbox_ask_for_news(struct imap *c)
{
	struct mailbox *m = &c->box;

	if (m->news_at == 0 || c->now_ms < m->news_at || !m->is_open)
		return;
	m->news_at = 0;
	if (m->wants_rows && m->stay)
		news_rows(c);
	if (m->wants_uids)
		news_uids(c);
	if (m->wants_flags)
		news_flags(c);
	m->wants_rows &= !m->stay;
	m->wants_uids = m->wants_flags = false;
}

static bool
watches_by_idle(const struct imap *c)
{
	return c->box.is_open && c->box.stay && c->box.use_idle && can(c, IMAP_CAP_IDLE);
}

static bool
is_quiet(const struct imap *c)
{
	return c->ops.n == 0 && c->in_flight.n == 0 && c->idle == IDLE_OFF &&
	       c->pausing.wire.len == 0;
}

/* What is begun when nobody asked for anything for a moment. */
static bool
has_work_for_quiet(const struct imap *c)
{
	return watches_by_idle(c) || compress_is_wanted(c);
}

static int64_t
poll_at(const struct imap *c)
{
	int64_t every = KEEP_ALIVE_MS;

	if (c->box.is_open && c->box.stay)
		every = c->box.poll_ms > 0 ? c->box.poll_ms : DEFAULT_POLL_MS;
	return c->last_probe_ms + every;
}

static void
start_idle(struct imap *c)
{
	static const struct send_options o = { 0, NOOP_TIMEOUT_MS, 64 * 1024 * 1024, 1000000 };
	struct command_text t;

	command_begin(c, &t);
	command_adds(&t, "IDLE");
	if (!command_send(c, NULL, &t, &o))
		return;
	c->in_flight.v[c->in_flight.n - 1].is_idle = true;
	c->idle = IDLE_ASKED;
	c->idle_since_ms = c->now_ms;
}

static void
probe(struct imap *c)
{
	static const struct send_options o = { 0, NOOP_TIMEOUT_MS, 64 * 1024 * 1024, 1000000 };
	struct command_text t;

	c->last_probe_ms = c->now_ms;
	c->must_probe = false;
	command_begin(c, &t);
	command_adds(&t, "NOOP");
	command_send(c, NULL, &t, &o);
}

void
imap_ask_for_news(struct imap *c)
{
	c->must_probe = true;
}

/* That something answers is worth knowing, too: an IDLE may be long dead. */
static bool
can_probe_now(const struct imap *c)
{
	return c->must_probe && (c->idle == IDLE_ON || is_quiet(c));
}

void
mailbox_turn(struct imap *c)
{
	if (can_probe_now(c)) {
		probe(c);
		return;
	}
	if (c->idle == IDLE_ON && c->now_ms >= c->idle_since_ms + IDLE_AGAIN_MS) {
		idle_end(c);
		start_idle(c);
		return;
	}
	if (!is_quiet(c))
		return;
	if (has_work_for_quiet(c)) {
		if (c->now_ms < c->quiet_since_ms + QUIET_MS)
			return;
		if (compress_is_wanted(c))
			compress_ask(c);
		else
			start_idle(c);
	} else if (c->now_ms >= poll_at(c)) {
		probe(c);
	}
}

int64_t
mailbox_deadline(const struct imap *c)
{
	int64_t at = TICK_NEVER;

	if (can_probe_now(c))
		return c->now_ms;
	if (c->box.news_at > 0)
		at = c->box.news_at;
	if (c->idle == IDLE_ON && c->idle_since_ms + IDLE_AGAIN_MS < at)
		at = c->idle_since_ms + IDLE_AGAIN_MS;
	if (is_quiet(c)) {
		int64_t next = has_work_for_quiet(c) ? c->quiet_since_ms + QUIET_MS : poll_at(c);
		if (next < at)
			at = next;
	}
	return at;
}

void
mailbox_tell_gone(struct imap *c)
{
	struct mailbox *m = &c->box;

	if (!m->is_open || seqset_is_empty(&m->gone))
		return;
	TELL(c, vanished, IMAP_NEW_ID, false, &m->gone);
	seqset_reset(&m->gone);
}

void
mailbox_end_turn(struct imap *c)
{
	struct mailbox *m = &c->box;

	mailbox_tell_gone(c);
	if (!m->is_open)
		return;
	/* What the cursor vouches for must have been told before it. */
	bool is_at_rest = c->in_flight.n == 0 || (c->in_flight.n == 1 && c->idle == IDLE_ON);
	if (m->is_cursor_stale && m->news_at == 0 && c->n_news == 0 && is_at_rest) {
		m->is_cursor_stale = false;
		TELL(c, cursor, IMAP_NEW_ID, m->uidnext, m->exists, m->has_nomodseq ? 0 : m->modseq);
	}
}
