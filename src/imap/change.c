/* What changes the server: each is one command, or one per slice of UIDs, and
 * its outcome is unknown from the moment it goes out until it is answered.
 * Never EXPUNGE or CLOSE without UIDs; never an absolute FLAGS. */
#include "internal.h"

#include <string.h>
#include "tern/base/vec.h"

enum { CHANGE_TIMEOUT_MS = 30000, COPY_TIMEOUT_MS = 120000, UIDS_PER_COMMAND = 500 };

struct change;

struct change_kind {
	const char *what; /* failed */
	int timeout_ms;
	void (*build)(struct imap *c, struct change *ch, struct command_text *t,
		      const struct seqset *uids);
	bool is_exclusive; /* waits for changes before it: it could overtake them */
};

struct change {
	struct op op;
	const struct change_kind *kind;
	struct seqset left, all;
	struct buf target;
	uint32_t set, clear;
	struct buf set_keywords, clear_keywords;
	bool is_clearing; /* STORE: the second half */
	/* STORE: of which no FETCH has told that it is so; of which one told that it is not. */
	struct seqset unproven, denied;
	const char *denied_what; /* a name of flag_names, or NULL: a keyword */
	bool is_checking; /* the last half: the others are asked for */
};

/* ---- STORE -------------------------------------------------------------------- */

/* Not .SILENT: OK alone does not say that a flag is kept (SAFETY.md 3, row 30). Where
 * the server has ENABLE, .SILENT would be answered by a line for each message, too. */

static const struct {
	uint32_t bit;
	const char *wire;
} flag_names[] = {
	{ ROW_SEEN, "\\Seen" },	      { ROW_ANSWERED, "\\Answered" }, { ROW_FLAGGED, "\\Flagged" },
	{ ROW_DELETED, "\\Deleted" }, { ROW_DRAFT, "\\Draft" },
};

static void
build_store(struct imap *c, struct change *ch, struct command_text *t, const struct seqset *uids)
{
	uint32_t bits = ch->is_clearing ? ch->clear : ch->set;
	struct str words = buf_str(ch->is_clearing ? &ch->clear_keywords : &ch->set_keywords), word;
	const char *blank = "";

	command_adds(t, "UID STORE ");
	seqset_print(uids, &t->wire);
	command_adds(t, ch->is_clearing ? " -FLAGS (" : " +FLAGS (");
	for (size_t i = 0; i < ARRAY_LEN(flag_names); i++) {
		if (!(bits & flag_names[i].bit))
			continue;
		command_addf(t, "%s%s", blank, flag_names[i].wire);
		blank = " ";
	}
	while (str_next_word(&words, &word)) {
		command_adds(t, blank);
		command_keyword(t, word);
		blank = " ";
	}
	command_adds(t, ")");
}

static bool
has_half(const struct change *ch, bool is_clearing)
{
	return is_clearing ? ch->clear || ch->clear_keywords.len > 0
			   : ch->set || ch->set_keywords.len > 0;
}

static bool
has_word(struct str words, struct str one)
{
	struct str word;

	while (str_next_word(&words, &word))
		if (str_ieq(word, one))
			return true;
	return false;
}

/* Any of these words is among the others, or, if it is to be so, is not. */
static bool
differs(struct str words, struct str told, bool is_set)
{
	struct str word;

	while (str_next_word(&words, &word))
		if (has_word(told, word) != is_set)
			return true;
	return false;
}

/* What the server tells is not what was asked for; what_out as in denied_what. */
static bool
is_denied(const struct change *ch, const struct flag_list *told, const char **what_out)
{
	uint32_t wrong = (ch->set & ~told->bits) | (ch->clear & told->bits);

	*what_out = NULL;
	for (size_t i = 0; i < ARRAY_LEN(flag_names); i++)
		if (wrong & flag_names[i].bit)
			*what_out = flag_names[i].wire;
	return wrong != 0 || differs(buf_str(&ch->set_keywords), told->keywords, true) ||
	       differs(buf_str(&ch->clear_keywords), told->keywords, false);
}

/* For everybody: it is news of the mailbox, too. Of several the last one counts. */
static bool
change_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	struct change *ch = (struct change *)op;
	const char *what;

	if (!f->has_flags || !seqset_has(&ch->all, f->uid))
		return false;
	seqset_remove(&ch->unproven, f->uid);
	seqset_remove(&ch->denied, f->uid);
	if (is_denied(ch, &f->flags, &what)) {
		seqset_add(&ch->denied, f->uid);
		ch->denied_what = what;
	}
	return false;
}

static void
build_check(struct command_text *t, const struct seqset *uids)
{
	command_adds(t, "UID FETCH ");
	seqset_print(uids, &t->wire);
	command_adds(t, " (UID FLAGS)");
}

/* ---- the others ------------------------------------------------------------------ */

static void
build_with_target(struct imap *c, struct change *ch, struct command_text *t,
		  const struct seqset *uids, const char *verb)
{
	command_addf(t, "UID %s ", verb);
	seqset_print(uids, &t->wire);
	command_adds(t, " ");
	command_mailbox(t, buf_str(&ch->target));
}

static void
build_move(struct imap *c, struct change *ch, struct command_text *t, const struct seqset *uids)
{
	build_with_target(c, ch, t, uids, "MOVE");
}

static void
build_copy(struct imap *c, struct change *ch, struct command_text *t, const struct seqset *uids)
{
	build_with_target(c, ch, t, uids, "COPY");
}

static void
build_expunge(struct imap *c, struct change *ch, struct command_text *t, const struct seqset *uids)
{
	command_adds(t, "UID EXPUNGE ");
	seqset_print(uids, &t->wire);
}

static const struct change_kind store_kind = { "cannot change flags", CHANGE_TIMEOUT_MS, build_store,
					       false };
static const struct change_kind move_kind = { "cannot move", COPY_TIMEOUT_MS, build_move, true };
static const struct change_kind copy_kind = { "cannot copy", COPY_TIMEOUT_MS, build_copy, true };
static const struct change_kind expunge_kind = { "cannot expunge", COPY_TIMEOUT_MS, build_expunge,
						 true };

/* ---- one command after the other ----------------------------------------------------- */

static bool
is_finished(struct change *ch)
{
	if (!seqset_is_empty(&ch->left))
		return false;
	if (ch->kind == &store_kind && !ch->is_clearing && has_half(ch, true)) {
		ch->is_clearing = true;
		seqset_copy(&ch->left, &ch->all);
		return false;
	}
	return true;
}

/* All was answered well: false if there is a question left. What was told to be as it
 * was is asked about as well: the answer may have been of the half before. */
static bool
change_end(struct imap *c, struct change *ch)
{
	struct err err;

	seqset_unite(&ch->unproven, &ch->denied);
	if (ch->kind == &store_kind && !ch->is_checking && !seqset_is_empty(&ch->unproven)) {
		ch->is_checking = true;
		seqset_copy(&ch->left, &ch->unproven);
		return false;
	}
	if (!seqset_is_empty(&ch->denied))
		err_set(&err, ERR_PROTO, "the server says that it has changed '%s', but has not",
			ch->denied_what ? ch->denied_what : "keywords");
	op_end(c, &ch->op, seqset_is_empty(&ch->denied) ? NULL : &err, STR_NONE);
	return true;
}

static bool
change_next(struct imap *c, struct op *op)
{
	struct change *ch = (struct change *)op;
	enum send_flags flags = SEND_CHANGES | (ch->kind->is_exclusive ? SEND_EXCLUSIVE : 0);
	struct seqset slice = SEQSET_INIT;
	struct command_text t;

	if (ch->kind == &store_kind && !ch->is_clearing && !has_half(ch, false))
		seqset_reset(&ch->left);
	if (is_finished(ch) && (op->n_in_flight > 0 || change_end(c, ch)))
		return false;
	if (ch->is_checking)
		flags = 0;
	if (!may_send(c, flags))
		return false;
	struct send_options o = { flags, ch->kind->timeout_ms, 16 * 1024 * 1024, 100000 };
	seqset_take_last_line(&ch->left, UIDS_PER_COMMAND, max_uid_octets(c), &slice);
	command_begin(c, &t);
	if (ch->is_checking)
		build_check(&t, &slice);
	else
		ch->kind->build(c, ch, &t, &slice);
	seqset_release(&slice);
	return command_send(c, op, &t, &o);
}

/* A list in its own order, one UID after the other. */
struct uid_list {
	struct str rest;
	struct seqset_range r;
	bool has_range;
};

static bool
next_uid(struct uid_list *l, uint32_t *out)
{
	struct err err;

	if (!l->has_range) {
		if (seqset_next_range(&l->rest, &l->r, &err) != 1)
			return false;
		l->has_range = true;
	}
	*out = l->r.first;
	if (l->r.first == l->r.last)
		l->has_range = false;
	else
		l->r.first += l->r.first < l->r.last ? 1 : UINT32_MAX;
	return true;
}

struct pair {
	uint32_t source, target;
};

static int
by_source(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->source < y->source ? -1 : x->source > y->source;
}

enum { MAX_PAIRS = 100000 };

/* COPYUID: pairs. They are told in runs in which both sides ascend. */
static void
tell_copied(struct imap *c, struct change *ch, const struct response *r)
{
	struct uid_list sources = { .rest = r->sources }, targets = { .rest = r->targets };
	VEC(struct pair) pairs = VEC_INIT;
	struct seqset from = SEQSET_INIT, to = SEQSET_INIT;
	struct pair p;
	bool is_good = r->number > 0;

	for (size_t n = 0; is_good && next_uid(&sources, &p.source); n++) {
		is_good = next_uid(&targets, &p.target) && n < MAX_PAIRS;
		if (seqset_has(&ch->all, p.source)) /* DavMail swaps them: then none is ours */
			vec_push(&pairs, p);
	}
	if (is_good && pairs.n > 0) {
		qsort(pairs.v, pairs.n, sizeof(*pairs.v), by_source);
		for (size_t i = 0; i < pairs.n; i++) {
			if (pairs.v[i].target <= seqset_max(&to)) {
				TELL(c, copied, ch->op.id, r->number, &from, &to);
				seqset_reset(&from);
				seqset_reset(&to);
			}
			seqset_add(&from, pairs.v[i].source);
			seqset_add(&to, pairs.v[i].target);
		}
		TELL(c, copied, ch->op.id, r->number, &from, &to);
	}
	vec_release(&pairs);
	seqset_release(&from);
	seqset_release(&to);
}

/* A MOVE tells it in an untagged OK, before the EXPUNGE. */
static bool
change_untagged(struct imap *c, struct op *op, const struct response *r)
{
	if (r->kind != RESPONSE_CONDITION || r->code != CODE_COPYUID)
		return false;
	tell_copied(c, (struct change *)op, r);
	return true;
}

/* Room that there is not does not come by waiting. A MOVE that is BAD is one that the
 * server only said it knows: there are other ways. */
static void
change_failed(struct imap *c, struct change *ch, const struct response *r)
{
	struct err err;

	err_of_response(c, r, ch->kind->what, &err);
	if (r->code == CODE_OVERQUOTA || r->code == CODE_LIMIT)
		err.kind = ERR_REFUSED;
	if (r->status == STATUS_BAD && ch->kind == &move_kind)
		err.kind = ERR_USER;
	op_end(c, &ch->op, &err, STR_NONE);
}

static void
change_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	struct change *ch = (struct change *)op;

	if (r->code == CODE_COPYUID)
		tell_copied(c, ch, r);
	if (ch->is_checking && r->status != STATUS_OK) { /* then it was its OK that counts */
		op_end(c, op, NULL, STR_NONE);
		return;
	}
	/* OK [MODIFIED 7]: done, but for these (RFC 7162, 3.1.3). It is asked for again. */
	if (r->status != STATUS_OK || r->code == CODE_MODIFIED)
		change_failed(c, ch, r);
	else if (is_finished(ch) && op->n_in_flight == 0)
		change_end(c, ch);
}

static void
change_release(struct op *op)
{
	struct change *ch = (struct change *)op;

	seqset_release(&ch->left);
	seqset_release(&ch->all);
	seqset_release(&ch->unproven);
	seqset_release(&ch->denied);
	buf_release(&ch->target);
	buf_release(&ch->set_keywords);
	buf_release(&ch->clear_keywords);
}

static const struct op_type change_type = {
	.name = "change",
	.size_bytes = sizeof(struct change),
	.next = change_next,
	.fetch = change_fetch,
	.untagged = change_untagged,
	.tagged = change_tagged,
	.release = change_release,
};

static struct change *
change_new(struct imap *c, uint64_t id, const struct seqset *uids, const struct change_kind *kind)
{
	struct change *ch = op_new(c, id, &change_type);

	ch->kind = kind;
	buf_init(&ch->target);
	buf_init(&ch->set_keywords);
	buf_init(&ch->clear_keywords);
	seqset_copy(&ch->left, uids);
	seqset_copy(&ch->all, uids);
	return ch;
}

static void
refuse(struct imap *c, struct op *op, const char *why)
{
	struct err err;

	err_set(&err, ERR_REFUSED, "%s", why);
	op_end(c, op, &err, STR_NONE);
}

/* One that the server would keep for this session alone (RFC 3501, 7.1). */
static bool
find_fleeting(const struct mailbox *m, struct str words, struct str *out)
{
	struct str kept, one;

	while (str_next_word(&words, out)) {
		bool is_kept = m->keywords_ok;
		for (kept = buf_str(&m->permanent_keywords);
		     !is_kept && str_next_word(&kept, &one);)
			is_kept = str_ieq(one, *out);
		if (!is_kept)
			return true;
	}
	return false;
}

static void
refuse_fleeting(struct imap *c, struct op *op, const char *kind, struct str word)
{
	struct err err;

	err_set(&err, ERR_REFUSED, "the server does not keep the %s '%.*s'", kind, STR_ARG(word));
	op_end(c, op, &err, STR_NONE);
}

/* \Deleted lives long enough for the EXPUNGE that follows. */
static const char *
fleeting_flag(const struct mailbox *m, uint32_t bits)
{
	bits &= ~(m->permanent_flags | ROW_DELETED);
	for (size_t i = 0; i < ARRAY_LEN(flag_names); i++)
		if (bits & flag_names[i].bit)
			return flag_names[i].wire;
	return NULL;
}

void
imap_store(struct imap *c, uint64_t id, const struct seqset *uids, uint32_t set, uint32_t clear,
	   struct str set_keywords, struct str clear_keywords)
{
	struct change *ch = change_new(c, id, uids, &store_kind);
	struct str word;
	const char *flag;

	ch->set = set & ROW_SERVER_FLAGS;
	ch->clear = clear & ROW_SERVER_FLAGS;
	seqset_copy(&ch->unproven, uids);
	buf_addstr(&ch->set_keywords, set_keywords);
	buf_addstr(&ch->clear_keywords, clear_keywords);
	if (c->box.is_open && c->box.is_read_only)
		refuse(c, &ch->op, "the mailbox is read-only");
	else if (c->box.is_open && find_fleeting(&c->box, set_keywords, &word))
		refuse_fleeting(c, &ch->op, "keyword", word);
	else if (c->box.is_open && (flag = fleeting_flag(&c->box, ch->set | ch->clear)) != NULL)
		refuse_fleeting(c, &ch->op, "flag", str_c(flag));
}

void
imap_move(struct imap *c, uint64_t id, const struct seqset *uids, struct str target)
{
	struct change *ch = change_new(c, id, uids, &move_kind);

	buf_addstr(&ch->target, target);
	if (!can(c, IMAP_CAP_MOVE))
		refuse(c, &ch->op, "the server has no MOVE");
}

void
imap_copy(struct imap *c, uint64_t id, const struct seqset *uids, struct str target)
{
	struct change *ch = change_new(c, id, uids, &copy_kind);

	buf_addstr(&ch->target, target);
}

void
imap_expunge(struct imap *c, uint64_t id, const struct seqset *uids)
{
	struct change *ch = change_new(c, id, uids, &expunge_kind);

	if (!can(c, IMAP_CAP_UIDPLUS))
		refuse(c, &ch->op, "the server cannot expunge single messages, so they stay marked");
}
