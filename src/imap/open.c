/* Opening a mailbox: SELECT and what brings it into step, in as few flights as
 * can be (IMAP.md 1.1 to 1.3 and 3.2 to 3.4). What the SELECT answers is held
 * until its OK: only then is it known what the UIDs in it mean. */
#include "internal.h"

#include "tern/base/log.h"

enum {
	SELECT_TIMEOUT_MS = 60000,
	FETCH_TIMEOUT_MS = 30000,
	SELECT_BYTES = 512 * 1024 * 1024, /* QRESYNC may tell the flags of a million */
	SELECT_RESPONSES = 8000000,
	DEFAULT_FIRST_ROWS = 50,
	MAX_FIRST_ROWS = 1000,
	FLAGS_PER_COMMAND = 5000,
	FLAGS_IN_FLIGHT = 2,
};

/* What is still to be asked, in this order. */
enum todo {
	TODO_SELECT = 1 << 0,
	TODO_NEW_ROWS = 1 << 1, /* UID FETCH uidnext:*, riding behind the SELECT */
	TODO_PARTIAL = 1 << 2,	/* the same for a cold one */
	TODO_FIRST_ROWS = 1 << 3,
	TODO_CHANGES = 1 << 4, /* CHANGEDSINCE */
	TODO_UIDS = 1 << 5,
	TODO_FLAGS = 1 << 6,
	TODO_COUNT = 1 << 7, /* compare numbers: UIDs may be needed after all */
	TODO_LIST = 1 << 8,  /* refused: is it there at all? */
};

/* A change of flags in the answer to SELECT, held. */
struct held_flags {
	uint32_t uid, bits;
	uint64_t modseq;
	size_t keywords_at, keywords_len;
};

struct open {
	struct op op;
	unsigned todo;
	/* asked for */
	struct buf mailbox;
	uint32_t asked_uidvalidity, asked_uidnext, first_rows;
	uint64_t asked_modseq;
	struct seqset known, flags_left;
	bool stay, use_idle;
	uint32_t poll_s;
	/* under way */
	bool is_selecting, is_selected, with_qresync, is_retry;
	bool drops_new_rows; /* they were asked for under another UIDVALIDITY */
	bool has_exists, has_uidvalidity;
	uint32_t exists, uidvalidity, uidnext;
	uint64_t highestmodseq;
	bool has_nomodseq, is_read_only, keywords_ok, has_permanent;
	uint32_t permanent_flags;
	struct buf permanent_keywords, mailbox_id;
	struct seqset vanished, uids;
	struct uid_search search;
	VEC(struct held_flags) held;
	struct buf held_keywords;
	/* afterwards */
	enum imap_open_how how;
	uint32_t max_uid, n_new, rows_from;
	struct seqset seen; /* first rows by UID: how many came */
	uint32_t guess_from;
	/* refused */
	struct err why;
	bool is_listed, is_noselect;
};

/* ---- sending -------------------------------------------------------------------- */

static bool
uses_qresync(const struct imap *c)
{
	return can(c, IMAP_CAP_QRESYNC) && (c->is_enabled_qresync || c->is_enable_in_flight);
}

static void
reset_answer(struct open *o)
{
	o->has_exists = o->has_uidvalidity = o->has_nomodseq = o->is_read_only = o->keywords_ok =
		o->has_permanent = false;
	o->exists = o->uidvalidity = o->uidnext = o->permanent_flags = 0;
	o->highestmodseq = 0;
	buf_reset(&o->permanent_keywords);
	buf_reset(&o->mailbox_id);
	buf_reset(&o->held_keywords);
	seqset_reset(&o->vanished);
	vec_reset(&o->held);
}

static bool
send_select(struct imap *c, struct open *o)
{
	static const struct send_options options = { SEND_IS_SELECT, SELECT_TIMEOUT_MS, SELECT_BYTES,
						     SELECT_RESPONSES };
	struct command_text t;

	if (!may_send(c, options.flags))
		return false;
	o->with_qresync = uses_qresync(c) && o->asked_uidvalidity > 0 && o->asked_modseq > 0;
	command_begin(c, &t);
	command_adds(&t, "SELECT ");
	command_mailbox(&t, buf_str(&o->mailbox));
	if (o->with_qresync)
		command_addf(&t, " (QRESYNC (%u %llu))", o->asked_uidvalidity,
			     (unsigned long long)o->asked_modseq);
	else if (can(c, IMAP_CAP_CONDSTORE) && !o->is_retry)
		command_adds(&t, " (CONDSTORE)");
	o->op.step = TODO_SELECT;
	if (!command_send(c, &o->op, &t, &options))
		return false;
	o->todo &= ~(unsigned)TODO_SELECT;
	o->is_selecting = true;
	reset_answer(o);
	mailbox_forget(&c->box);
	news_forget(c);
	return true;
}

static bool
send_fetch(struct imap *c, struct open *o, enum todo step, struct command_text *t,
	   enum send_flags flags)
{
	struct send_options options = { flags, FETCH_TIMEOUT_MS, SELECT_BYTES, SELECT_RESPONSES };

	o->op.step = (int)step;
	if (!command_send(c, &o->op, t, &options))
		return false;
	o->todo &= ~(unsigned)step;
	return true;
}

static bool
send_new_rows(struct imap *c, struct open *o)
{
	struct command_text t;

	if (!may_send(c, 0))
		return false;
	o->rows_from = o->asked_uidnext > 0 ? o->asked_uidnext : seqset_max(&o->known) + 1;
	command_begin(c, &t);
	command_addf(&t, "UID FETCH %u:* (%s)", o->rows_from, row_items);
	return send_fetch(c, o, TODO_NEW_ROWS, &t, 0);
}

static bool
send_partial(struct imap *c, struct open *o)
{
	struct command_text t;

	if (!may_send(c, 0))
		return false;
	command_begin(c, &t);
	command_addf(&t, "UID FETCH 1:* (%s) (PARTIAL -1:-%u)", row_items, o->first_rows);
	return send_fetch(c, o, TODO_PARTIAL, &t, 0);
}

/* The newest by sequence number, alone in flight: as the answer carries the UID,
 * a late EXPUNGE moves the window by a row and cannot mislabel anything. Where
 * numbers cannot be trusted, by a guess at the UIDs, widened until it is enough. */
static bool
send_first_rows(struct imap *c, struct open *o)
{
	struct command_text t;

	if (!may_send(c, c->has_quirk_no_numbers ? 0 : SEND_ALONE))
		return false;
	command_begin(c, &t);
	if (!c->has_quirk_no_numbers) {
		uint32_t first = o->exists > o->first_rows ? o->exists - o->first_rows + 1 : 1;
		command_addf(&t, "FETCH %u:%u (%s)", first, o->exists, row_items);
		return send_fetch(c, o, TODO_FIRST_ROWS, &t, SEND_ALONE);
	}
	uint32_t below = o->guess_from > 0 ? o->guess_from : o->uidnext;
	uint32_t width = o->guess_from > 0 ? (o->uidnext - o->guess_from) * 3 : o->first_rows * 4;
	o->guess_from = below > width ? below - width : 1;
	command_addf(&t, "UID FETCH %u:%u (%s)", o->guess_from, below > 1 ? below - 1 : 1, row_items);
	return send_fetch(c, o, TODO_FIRST_ROWS, &t, 0);
}

static bool
send_changes(struct imap *c, struct open *o)
{
	struct command_text t;
	uint32_t last = o->asked_uidnext > 1 ? o->asked_uidnext - 1 : seqset_max(&o->known);

	if (!may_send(c, 0))
		return false;
	command_begin(c, &t);
	command_addf(&t, "UID FETCH 1:%u (UID FLAGS) (CHANGEDSINCE %llu)", last > 0 ? last : 1,
		     (unsigned long long)o->asked_modseq);
	return send_fetch(c, o, TODO_CHANGES, &t, 0);
}

static bool
send_uids(struct imap *c, struct open *o)
{
	uint32_t uidnext = o->uidnext > o->max_uid ? o->uidnext : o->max_uid + 1;

	o->op.step = TODO_UIDS;
	if (!uid_search_next(c, &o->op, &o->search, uidnext))
		return false;
	if (o->search.next == 0)
		o->todo &= ~(unsigned)TODO_UIDS;
	return true;
}

/* Flags of what is cached, the newest first. */
static bool
send_flags(struct imap *c, struct open *o)
{
	struct seqset slice = SEQSET_INIT;
	struct command_text t;

	if (seqset_is_empty(&o->flags_left)) {
		o->todo &= ~(unsigned)TODO_FLAGS;
		return true;
	}
	if (o->op.n_in_flight > FLAGS_IN_FLIGHT || !may_send(c, 0))
		return false;
	seqset_take_last_line(&o->flags_left, FLAGS_PER_COMMAND, max_uid_octets(c), &slice);
	command_begin(c, &t);
	command_adds(&t, "UID FETCH ");
	seqset_print(&slice, &t.wire);
	command_adds(&t, " (UID FLAGS)");
	seqset_release(&slice);
	bool is_sent = send_fetch(c, o, TODO_FLAGS, &t, 0);
	o->todo |= TODO_FLAGS; /* until nothing is left */
	return is_sent;
}

/* Is every message of the mailbox accounted for? (IMAP.md 3.3) */
static bool
count(struct open *o)
{
	if (o->op.n_in_flight > 0)
		return false;
	o->todo &= ~(unsigned)TODO_COUNT;
	if (seqset_count(&o->known) + o->n_new != o->exists)
		o->todo |= TODO_UIDS;
	return true;
}

/* Few servers say in their refusal whether the mailbox is gone. Alone in flight, so
 * that the answer is to nobody else's LIST. */
static bool
send_list_of_one(struct imap *c, struct open *o)
{
	static const struct send_options options = { SEND_ALONE, SELECT_TIMEOUT_MS, 1024 * 1024,
						     10000 };
	struct command_text t;

	if (!may_send(c, SEND_ALONE))
		return false;
	command_begin(c, &t);
	command_adds(&t, "LIST \"\" ");
	command_mailbox(&t, buf_str(&o->mailbox));
	o->op.step = TODO_LIST;
	if (!command_send(c, &o->op, &t, &options))
		return false;
	o->todo &= ~(unsigned)TODO_LIST;
	return true;
}

static void
finish(struct imap *c, struct open *o)
{
	struct mailbox *m = &c->box;

	if (o->max_uid > 0 && o->max_uid >= m->uidnext && o->max_uid < UINT32_MAX)
		m->uidnext = o->max_uid + 1;
	if (m->uidnext == 0) { /* the server does not tell: behind all that we know of */
		uint32_t max = seqset_max(&o->uids) > seqset_max(&o->known) ?
				       seqset_max(&o->uids) : seqset_max(&o->known);
		m->uidnext = max < UINT32_MAX ? max + 1 : max;
		if (o->how != IMAP_COLD && o->asked_uidnext > m->uidnext)
			m->uidnext = o->asked_uidnext;
	}
	m->stay = o->stay;
	m->use_idle = o->use_idle;
	m->poll_ms = (int64_t)o->poll_s * 1000;
	if (m->stay && m->wants_rows) /* EXISTS grew meanwhile */
		mailbox_want(c, &m->wants_rows);
	m->is_cursor_stale = false;
	TELL(c, cursor, o->op.id, m->uidnext, m->exists, m->has_nomodseq ? 0 : m->modseq);
	op_end(c, &o->op, NULL, STR_NONE);
}

static const struct {
	enum todo what;
	bool (*send)(struct imap *, struct open *);
} after_select[] = {
	{ TODO_FIRST_ROWS, send_first_rows },
	{ TODO_CHANGES, send_changes },
	{ TODO_UIDS, send_uids },
	{ TODO_FLAGS, send_flags },
};

static bool
open_next(struct imap *c, struct op *op)
{
	struct open *o = (struct open *)op;

	if (o->todo & TODO_SELECT)
		return send_select(c, o);
	/* Reads may ride behind a SELECT; nothing else is sent before its OK. */
	if (o->todo & TODO_NEW_ROWS)
		return send_new_rows(c, o);
	if (o->todo & TODO_PARTIAL)
		return send_partial(c, o);
	if (o->todo & TODO_LIST)
		return send_list_of_one(c, o);
	if (!o->is_selected)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(after_select); i++)
		if (o->todo & after_select[i].what)
			return after_select[i].send(c, o);
	if (o->todo & TODO_COUNT)
		return count(o);
	if (op->n_in_flight == 0)
		finish(c, o);
	return false;
}

/* ---- the answer to SELECT -------------------------------------------------------------- */

static struct open *
selecting(const struct imap *c)
{
	for (size_t i = 0; i < c->ops.n; i++) {
		struct open *o = (struct open *)c->ops.v[i];
		if (o->op.type == &open_type && o->is_selecting && !o->op.is_ended)
			return o;
	}
	return NULL;
}

static void
take_condition(struct open *o, const struct response *r)
{
	switch (r->code) {
	case CODE_CLOSED: /* all before was of the mailbox before (RFC 7162, 3.2.11) */
		reset_answer(o);
		break;
	case CODE_UIDVALIDITY:
		o->has_uidvalidity = true;
		o->uidvalidity = r->number;
		break;
	case CODE_UIDNEXT:
		o->uidnext = r->number;
		break;
	case CODE_HIGHESTMODSEQ:
		o->highestmodseq = r->modseq;
		break;
	case CODE_NOMODSEQ:
		o->has_nomodseq = true;
		break;
	case CODE_UIDNOTSTICKY: /* nothing of it can be kept */
		o->has_uidvalidity = false;
		break;
	case CODE_PERMANENTFLAGS:
		o->has_permanent = true;
		o->permanent_flags = r->flags.bits;
		o->keywords_ok = r->flags.has_star;
		buf_reset(&o->permanent_keywords);
		buf_addstr(&o->permanent_keywords, r->flags.keywords);
		break;
	case CODE_MAILBOXID: {
		struct str id = str_trim(r->args);
		if (id.len > 2 && id.len < 300 && id.ptr[0] == '(') {
			buf_reset(&o->mailbox_id);
			buf_addstr(&o->mailbox_id, str_head(str_from(id, 1), id.len - 2));
		}
		break;
	}
	default:
		break;
	}
}

bool
open_takes(struct imap *c, const struct response *r)
{
	struct open *o = selecting(c);

	if (!o)
		return false;
	switch (r->kind) {
	case RESPONSE_EXISTS:
		o->has_exists = true;
		o->exists = r->number;
		return true;
	case RESPONSE_CONDITION:
		take_condition(o, r);
		return r->code != CODE_COPYUID;
	case RESPONSE_VANISHED:
		seqset_unite(&o->vanished, &c->parser.uids);
		return true;
	case RESPONSE_FLAGS: /* what it keeps, where nothing better is said */
		if (!o->has_permanent)
			o->permanent_flags = r->flags.bits;
		return true;
	case RESPONSE_RECENT:
	case RESPONSE_EXPUNGE:
		return true;
	default:
		return false;
	}
}

static void
hold_flags(struct open *o, const struct fetch *f)
{
	struct held_flags h = { f->uid, f->flags.bits, f->modseq, o->held_keywords.len,
				f->flags.keywords.len };

	buf_addstr(&o->held_keywords, f->flags.keywords);
	vec_push(&o->held, h);
}

static bool
open_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	struct open *o = (struct open *)op;

	if (o->is_selecting) {
		if (f->has_flags && !is_row(f) && o->with_qresync)
			hold_flags(o, f);
		return true;
	}
	if (!is_row(f)) {
		if (f->has_flags)
			flags_tell(c, op->id, f);
		return f->has_flags;
	}
	if (o->drops_new_rows || f->uid < o->rows_from)
		return true; /* n:* always has the last message */
	if (f->uid > o->max_uid)
		o->max_uid = f->uid;
	seqset_add(&o->seen, f->uid);
	o->n_new += !seqset_has(&o->known, f->uid);
	row_tell(c, op->id, f);
	return true;
}

/* Cold: nothing is known, the newest rows come first. */
static void
plan_cold(struct imap *c, struct open *o, bool has_partial)
{
	o->how = IMAP_COLD;
	seqset_reset(&o->known);
	o->rows_from = 0;
	o->todo &= ~(unsigned)(TODO_NEW_ROWS | TODO_CHANGES | TODO_FLAGS | TODO_COUNT);
	if (!has_partial && o->exists > 0)
		o->todo |= TODO_FIRST_ROWS;
	if (!c->is_enabled_qresync && o->exists > 0)
		o->todo |= TODO_UIDS; /* numbers must be understood from now on */
}

static void
plan_warm(struct imap *c, struct open *o)
{
	/* Only who confirmed the ENABLE knows what the parameter asks for. */
	if (o->with_qresync && c->is_enabled_qresync && o->highestmodseq > 0 && o->highestmodseq >= o->asked_modseq) {
		o->how = IMAP_QRESYNC;
		return;
	}
	o->how = IMAP_PLAIN;
	seqset_copy(&o->flags_left, &o->known);
	if (o->asked_modseq == 0 || o->highestmodseq < o->asked_modseq || o->has_nomodseq) {
		o->todo |= TODO_UIDS | TODO_FLAGS;
		return;
	}
	o->todo |= TODO_COUNT;
	if (o->highestmodseq > o->asked_modseq)
		o->todo |= TODO_CHANGES;
}

static void
adopt(struct imap *c, struct open *o)
{
	struct mailbox *m = &c->box;

	m->is_open = true;
	buf_reset(&m->name);
	buf_addstr(&m->name, buf_str(&o->mailbox));
	m->uidvalidity = o->uidvalidity;
	m->uidnext = o->uidnext;
	m->exists = o->exists;
	m->modseq = o->highestmodseq;
	m->has_nomodseq = o->has_nomodseq || o->highestmodseq == 0;
	m->is_read_only = o->is_read_only;
	/* Who does not say what it keeps keeps all (RFC 3501, 7.1). */
	m->keywords_ok = o->keywords_ok || !o->has_permanent;
	m->permanent_flags = o->has_permanent ? o->permanent_flags : ROW_SERVER_FLAGS;
	buf_reset(&m->permanent_keywords);
	buf_addstr(&m->permanent_keywords, buf_str(&o->permanent_keywords));
}

static void
tell_opened(struct imap *c, struct open *o)
{
	struct imap_opened told = {
		.mailbox = buf_str(&o->mailbox),
		.uidvalidity = o->uidvalidity,
		.uidnext = o->uidnext,
		.exists = o->exists,
		.modseq = o->has_nomodseq ? 0 : o->highestmodseq,
		.is_read_only = o->is_read_only,
		.keywords_ok = o->keywords_ok,
		.permanent_flags = o->permanent_flags & ROW_SERVER_FLAGS,
		.permanent_keywords = buf_str(&o->permanent_keywords),
		.how = o->how,
		.mailbox_id = buf_str(&o->mailbox_id),
	};

	TELL(c, opened, o->op.id, &told);
}

/* What the SELECT brought: true only under the same UIDVALIDITY. */
static void
tell_held(struct imap *c, struct open *o)
{
	if (!seqset_is_empty(&o->vanished))
		TELL(c, vanished, o->op.id, true, &o->vanished);
	for (size_t i = 0; i < o->held.n && !o->op.is_ended; i++) {
		const struct held_flags *h = &o->held.v[i];
		struct row_flags_change change = {
			.uid = h->uid,
			.flags = h->bits & ROW_SERVER_FLAGS,
			.modseq = h->modseq,
			.keywords = str_n(o->held_keywords.ptr + h->keywords_at, h->keywords_len),
		};
		TELL(c, flags, o->op.id, &change);
	}
}

static void
selected(struct imap *c, struct open *o, const struct response *r)
{
	struct err err;
	bool has_partial = can(c, IMAP_CAP_PARTIAL) && o->asked_uidvalidity == 0;
	bool is_warm = o->asked_uidvalidity > 0 && o->asked_uidvalidity == o->uidvalidity;

	o->is_read_only |= r->code == CODE_READ_ONLY;
	if (!o->has_exists || !o->has_uidvalidity || o->uidvalidity == 0) {
		err_set(&err, ERR_REFUSED, "the server gives the messages of this mailbox no lasting "
					   "numbers: it cannot be shown");
		op_end(c, &o->op, &err, STR_NONE);
		return;
	}
	o->is_selected = true;
	if (is_warm) {
		plan_warm(c, o);
	} else {
		o->drops_new_rows = o->asked_uidvalidity > 0;
		plan_cold(c, o, has_partial);
	}
	adopt(c, o);
	tell_opened(c, o);
	if (is_warm && !o->op.is_ended)
		tell_held(c, o);
	seqset_reset(&o->vanished);
	vec_release(&o->held);
	if (!(o->todo & TODO_FIRST_ROWS))
		op_unblock(&o->op);
}

static void
select_failed(struct imap *c, struct open *o, const struct response *r)
{
	/* It may be the extension that is refused: once more without. */
	if (!o->is_retry && (r->status == STATUS_BAD || r->code == CODE_CLIENTBUG) &&
	    (o->with_qresync || can(c, IMAP_CAP_CONDSTORE))) {
		log_at(LOG_INFO, "imap", "SELECT with extensions was refused, once more without");
		c->has_cap[IMAP_CAP_QRESYNC] = c->has_cap[IMAP_CAP_CONDSTORE] = false;
		o->is_retry = true;
		o->todo |= TODO_SELECT | (o->asked_uidvalidity > 0 ? TODO_NEW_ROWS : 0);
		o->asked_modseq = 0;
		return;
	}
	err_of_response(c, r, "cannot open the mailbox", &o->why);
	if (o->why.kind == ERR_RETRY || o->why.kind == ERR_GONE)
		o->todo = TODO_LIST;
	else
		op_end(c, &o->op, &o->why, STR_NONE);
}

static void
list_tagged(struct imap *c, struct open *o, const struct response *r)
{
	if (r->status == STATUS_OK)
		o->why.kind = !o->is_listed  ? ERR_GONE :
			      o->is_noselect ? ERR_REFUSED :
					       ERR_RETRY;
	else
		o->why.kind = ERR_RETRY; /* who knows */
	op_end(c, &o->op, &o->why, STR_NONE);
}

/* ---- the ends of its commands ------------------------------------------------------------- */

static void
first_rows_tagged(struct imap *c, struct open *o)
{
	uint32_t want = o->exists < o->first_rows ? o->exists : o->first_rows;

	/* Fewer than guessed: wider. */
	if (c->has_quirk_no_numbers && seqset_count(&o->seen) < want && o->guess_from > 1) {
		o->todo |= TODO_FIRST_ROWS;
		return;
	}
	op_unblock(&o->op);
}

static void
uids_tagged(struct imap *c, struct open *o)
{
	struct err err;
	int status = uid_search_tagged(c, &o->search, &o->uids, &err);

	if (status > 0)
		TELL(c, uids, o->op.id, &o->uids);
	else if (status < 0)
		op_end(c, &o->op, &err, STR_NONE);
}

static void
open_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	struct open *o = (struct open *)op;

	if (s->step == TODO_SELECT) {
		o->is_selecting = false;
		if (r->status == STATUS_OK)
			selected(c, o, r);
		else
			select_failed(c, o, r);
		return;
	}
	if (s->step == TODO_LIST) {
		list_tagged(c, o, r);
		return;
	}
	if (!o->is_selected)
		return; /* what rode behind a SELECT that failed */
	if (s->step == TODO_NEW_ROWS)
		o->drops_new_rows = false;
	if (s->step == TODO_PARTIAL && r->status != STATUS_OK) { /* negative ranges: Dovecot 2.3 */
		c->has_cap[IMAP_CAP_PARTIAL] = false;
		o->todo |= o->exists > 0 ? TODO_FIRST_ROWS : 0;
		return;
	}
	if (r->status != STATUS_OK) {
		op_end_failed(c, op, r, "cannot bring the mailbox into step");
		return;
	}
	if (s->step == TODO_FIRST_ROWS)
		first_rows_tagged(c, o);
	if (s->step == TODO_UIDS)
		uids_tagged(c, o);
}

static bool
open_untagged(struct imap *c, struct op *op, const struct response *r)
{
	struct open *o = (struct open *)op;

	if (r->kind == RESPONSE_LIST && op->step == TODO_LIST &&
	    is_same_mailbox(r->name, buf_str(&o->mailbox))) {
		o->is_listed = !(r->list.attributes & IMAP_FOLDER_NONEXISTENT);
		o->is_noselect = (r->list.attributes & IMAP_FOLDER_NOSELECT) != 0;
		return true;
	}
	return o->search.n_in_flight > 0 && uid_search_untagged(c, &o->uids, r);
}

static void
open_release(struct op *op)
{
	struct open *o = (struct open *)op;

	buf_release(&o->mailbox);
	buf_release(&o->permanent_keywords);
	buf_release(&o->mailbox_id);
	buf_release(&o->held_keywords);
	seqset_release(&o->known);
	seqset_release(&o->flags_left);
	seqset_release(&o->vanished);
	seqset_release(&o->uids);
	seqset_release(&o->seen);
	vec_release(&o->held);
}

const struct op_type open_type = {
	.name = "open",
	.size_bytes = sizeof(struct open),
	.next = open_next,
	.fetch = open_fetch,
	.untagged = open_untagged,
	.tagged = open_tagged,
	.release = open_release,
	.blocks = true,
};

void
imap_open(struct imap *c, uint64_t id, const struct imap_open *p)
{
	struct open *o = op_new(c, id, &open_type);
	struct err err;

	buf_init(&o->mailbox);
	buf_init(&o->permanent_keywords);
	buf_init(&o->mailbox_id);
	buf_init(&o->held_keywords);
	buf_addstr(&o->mailbox, p->mailbox);
	o->asked_uidvalidity = p->uidvalidity;
	o->asked_uidnext = p->uidnext;
	o->asked_modseq = p->modseq;
	o->first_rows = p->first_rows == 0		 ? DEFAULT_FIRST_ROWS
			: p->first_rows > MAX_FIRST_ROWS ? MAX_FIRST_ROWS
							 : p->first_rows;
	o->stay = p->stay;
	o->use_idle = p->use_idle;
	o->poll_s = p->poll_s;
	o->todo = TODO_SELECT;
	if (p->uidvalidity > 0)
		o->todo |= TODO_NEW_ROWS;
	else if (can(c, IMAP_CAP_PARTIAL))
		o->todo |= TODO_PARTIAL;
	if (seqset_parse(p->known, &o->known, &err) < 0)
		op_end(c, &o->op, &err, STR_NONE);
}
