/* Rows of the list: what is fetched for each message, how an answer becomes a
 * row, and the slices in which many are fetched, newest first. */
#include <string.h>
#include "internal.h"
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/mime.h"

enum {
	ROWS_PER_COMMAND = 1000,
	ROWS_PER_COMMAND_SMALL = 250,
	ROWS_IN_FLIGHT = 2, /* the server never waits for us; others wait for 2 at most */
	ROW_BYTES = 64 * 1024,
	ROW_TIMEOUT_MS = 30000,
	NEWS_FLAGS = 5000,
};

const char row_items[] =
	"UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC REPLY-TO "
	"SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID CONTENT-TYPE)]";

uint32_t
rows_per_command(const struct imap *c)
{
	return c->has_quirk_small_batches ? ROWS_PER_COMMAND_SMALL : ROWS_PER_COMMAND;
}

/* ---- from an answer to a row -------------------------------------------------- */

static const struct body_item *
header_of(const struct fetch *f)
{
	for (size_t i = 0; i < f->n_bodies; i++)
		if (str_istarts(f->bodies[i].section, "HEADER.FIELDS"))
			return &f->bodies[i];
	return NULL;
}

bool
is_row(const struct fetch *f)
{
	return header_of(f) != NULL;
}

/* At most ROW_MAX_TEXT bytes, cut between characters. */
static struct str
bounded(struct str s)
{
	if (s.len <= ROW_MAX_TEXT)
		return s;
	size_t len = ROW_MAX_TEXT;
	while (len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
		len--;
	return str_head(s, len);
}

static struct str
address_list(struct imap *c, const struct mime_addresses *list)
{
	if (list->n == 0)
		return STR_NONE;
	buf_reset(&c->scratch);
	mime_add_addresses(&c->scratch, list);
	return arena_str(&c->arena, bounded(buf_str(&c->scratch)));
}

/* u64 little-endian: the first, and the last ones, if there are too many. */
static struct str
ancestors(struct imap *c, const struct mime_row *m)
{
	size_t n = m->n_ancestors < ROW_MAX_ANCESTORS ? m->n_ancestors : ROW_MAX_ANCESTORS;
	unsigned char *out;

	if (n == 0)
		return STR_NONE;
	out = arena_alloc(&c->arena, n * 8);
	for (size_t i = 0; i < n; i++) {
		uint64_t hash = m->ancestors[i == 0 ? 0 : m->n_ancestors - n + i];
		for (int k = 0; k < 8; k++)
			out[i * 8 + (size_t)k] = (unsigned char)(hash >> (8 * k));
	}
	return (struct str){ (char *)out, n * 8 };
}

static struct str
in_brackets(struct imap *c, struct str id)
{
	if (id.len == 0)
		return STR_NONE;
	char *p = arena_alloc(&c->arena, id.len + 2);
	p[0] = '<';
	memcpy(p + 1, id.ptr, id.len);
	p[id.len + 1] = '>';
	return (struct str){ p, id.len + 2 };
}

/* A hint until the structure is known. */
static bool
looks_attached(struct str content_type)
{
	static const char *const types[] = { "multipart/mixed", "application/", "image/", "audio/",
					     "video/" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_starts(content_type, types[i]))
			return true;
	return false;
}

static void
take_addresses(struct imap *c, const struct mime_row *m, struct row *row)
{
	if (m->from.n > 0) {
		row->from_name = bounded(m->from.v[0].name);
		row->from_addr = bounded(m->from.v[0].addr);
	}
	row->to = address_list(c, &m->to);
	row->cc = address_list(c, &m->cc);
	row->reply_to = address_list(c, &m->reply_to);
}

void
row_tell(struct imap *c, uint64_t id, const struct fetch *f)
{
	const struct body_item *header = header_of(f);
	struct mime_row m;
	struct row row = {
		.uid = f->uid,
		.size_bytes = f->size_bytes,
		.flags = f->flags.bits,
		.internaldate = f->internaldate,
		.modseq = f->modseq,
		.keywords = f->flags.keywords,
	};

	arena_reset(&c->arena);
	mime_row_headers(&c->arena, header->data, STR_NONE, &m);
	row.date = m.has_date ? m.date.utc_s : f->internaldate;
	row.zone_min = m.has_date ? m.date.zone_minutes : 0;
	row.id_hash = m.id_hash;
	row.ancestors = ancestors(c, &m);
	row.subject = bounded(m.subject);
	row.list_id = bounded(m.list_id);
	row.message_id = bounded(in_brackets(c, m.message_id));
	take_addresses(c, &m, &row);
	if (looks_attached(m.content_type))
		row.flags |= ROW_ATTACHMENT;
	TELL(c, row, id, &row);
}

struct str
row_message_id(struct imap *c, const struct fetch *f)
{
	struct mime_row m;

	arena_reset(&c->arena);
	mime_row_headers(&c->arena, header_of(f)->data, STR_NONE, &m);
	return bounded(in_brackets(c, m.message_id));
}

void
flags_tell(struct imap *c, uint64_t id, const struct fetch *f)
{
	struct row_flags_change change = {
		.uid = f->uid,
		.flags = f->flags.bits & ROW_SERVER_FLAGS,
		.modseq = f->modseq,
		.keywords = f->flags.keywords,
	};

	TELL(c, flags, id, &change);
}

/* ---- many, in slices ------------------------------------------------------------- */

struct slices {
	struct op op;
	struct seqset left, wanted; /* to be asked for; to come */
};

/* OK alone does not say that all came: who is left out would be hidden. */
static void
slices_end(struct imap *c, struct slices *s)
{
	struct err err;

	if (!seqset_is_empty(&s->wanted))
		err_set(&err, ERR_PROTO, "the server left out %u of the messages",
			seqset_count(&s->wanted));
	op_end(c, &s->op, seqset_is_empty(&s->wanted) ? NULL : &err, STR_NONE);
}

static bool
slices_next(struct imap *c, struct op *op)
{
	struct slices *s = (struct slices *)op;
	struct seqset slice = SEQSET_INIT;
	struct command_text t;

	if (seqset_is_empty(&s->left)) {
		if (op->n_in_flight == 0)
			slices_end(c, s);
		return false;
	}
	if (op->n_in_flight >= ROWS_IN_FLIGHT || !may_send(c, 0))
		return false;
	seqset_take_last_line(&s->left, rows_per_command(c), max_uid_octets(c), &slice);
	uint64_t n = seqset_count(&slice);
	struct send_options o = { 0, ROW_TIMEOUT_MS, n * ROW_BYTES + 1024 * 1024, n * 4 + 10000 };
	command_begin(c, &t);
	command_adds(&t, "UID FETCH ");
	seqset_print(&slice, &t.wire);
	command_addf(&t, " (%s)", row_items);
	seqset_release(&slice);
	return command_send(c, op, &t, &o);
}

static bool
slices_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	struct slices *s = (struct slices *)op;

	if (!is_row(f) || !seqset_has(&s->wanted, f->uid))
		return false;
	seqset_remove(&s->wanted, f->uid);
	row_tell(c, op->id, f);
	return true;
}

/* What went meanwhile cannot come. */
static bool
slices_untagged(struct imap *c, struct op *op, const struct response *r)
{
	struct slices *s = (struct slices *)op;

	if (r->kind == RESPONSE_VANISHED || r->kind == RESPONSE_EXPUNGE)
		seqset_subtract(&s->wanted, &c->box.gone);
	return false;
}

static void
slices_tagged(struct imap *c, struct op *op, const struct sent *sent, const struct response *r)
{
	if (r->status != STATUS_OK)
		op_end_failed(c, op, r, "cannot fetch the list");
}

static void
slices_release(struct op *op)
{
	struct slices *s = (struct slices *)op;

	seqset_release(&s->left);
	seqset_release(&s->wanted);
}

static const struct op_type slices_type = {
	.name = "fetch",
	.size_bytes = sizeof(struct slices),
	.next = slices_next,
	.fetch = slices_fetch,
	.untagged = slices_untagged,
	.tagged = slices_tagged,
	.release = slices_release,
};

void
imap_fetch_rows(struct imap *c, uint64_t id, const struct seqset *uids)
{
	if (seqset_count(uids) >= COMPRESS_MIN_ROWS && compress_is_wanted(c))
		compress_ask(c);
	struct slices *s = op_new(c, id, &slices_type);
	seqset_copy(&s->left, uids);
	seqset_copy(&s->wanted, uids);
}

/* ---- news that the server hinted at -------------------------------------------------- */

struct news {
	struct op op;
	uint32_t from_uid; /* of rows */
	uint32_t max_uid;
};

static bool
news_send(struct imap *c, struct op *op, struct command_text *t, enum send_flags flags)
{
	struct send_options o = { flags, ROW_TIMEOUT_MS, 256 * 1024 * 1024, 4000000 };

	op->step = 1;
	return command_send(c, op, t, &o);
}

static bool
news_rows_next(struct imap *c, struct op *op)
{
	struct news *n = (struct news *)op;
	struct command_text t;

	if (op->step > 0 || !may_send(c, 0))
		return false;
	n->from_uid = c->box.uidnext > 0 ? c->box.uidnext : 1;
	command_begin(c, &t);
	command_addf(&t, "UID FETCH %u:* (%s)", n->from_uid, row_items);
	return news_send(c, op, &t, 0);
}

/* n:* always has the last message, also when its UID is below n. */
static bool
news_rows_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	struct news *n = (struct news *)op;

	if (!is_row(f) || f->uid < n->from_uid)
		return false;
	if (f->uid > n->max_uid)
		n->max_uid = f->uid;
	row_tell(c, IMAP_NEW_ID, f);
	return true;
}

static void
news_end(struct imap *c, struct op *op)
{
	c->n_news--;
	op_end(c, op, NULL, STR_NONE);
}

static void
news_rows_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	struct news *n = (struct news *)op;

	if (r->status == STATUS_OK && n->max_uid >= c->box.uidnext && n->max_uid < UINT32_MAX) {
		c->box.uidnext = n->max_uid + 1;
		c->box.is_cursor_stale = true;
	}
	news_end(c, op);
}

static const struct op_type news_rows_type = {
	.name = "new mail",
	.size_bytes = sizeof(struct news),
	.next = news_rows_next,
	.fetch = news_rows_fetch,
	.tagged = news_rows_tagged,
	.is_internal = true,
	.is_news = true,
};

static void
news_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	c->box.is_cursor_stale = true;
	news_end(c, op);
}

static bool
news_flags_next(struct imap *c, struct op *op)
{
	struct seqset all = SEQSET_INIT, last = SEQSET_INIT;
	struct command_text t;

	if (op->step > 0 || !may_send(c, 0))
		return false;
	command_begin(c, &t);
	if (can(c, IMAP_CAP_CONDSTORE) && c->box.modseq > 0) {
		command_addf(&t, "UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE %llu)",
			     (unsigned long long)c->box.modseq);
	} else {
		seqset_copy(&all, &c->box.map);
		seqset_take_last_line(&all, NEWS_FLAGS, max_uid_octets(c), &last);
		command_adds(&t, "UID FETCH ");
		if (seqset_is_empty(&last))
			command_adds(&t, "1:*");
		seqset_print(&last, &t.wire);
		command_adds(&t, " (UID FLAGS)");
	}
	seqset_release(&all);
	seqset_release(&last);
	return news_send(c, op, &t, 0);
}

static bool
news_flags_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	if (!f->has_flags)
		return false;
	flags_tell(c, IMAP_NEW_ID, f);
	return true;
}

static const struct op_type news_flags_type = {
	.name = "flags that changed",
	.size_bytes = sizeof(struct news),
	.next = news_flags_next,
	.fetch = news_flags_fetch,
	.tagged = news_tagged,
	.is_internal = true,
	.is_news = true,
};

static void
news_new(struct imap *c, const struct op_type *type)
{
	op_new(c, IMAP_NEW_ID, type);
	c->n_news++;
}

void
news_rows(struct imap *c)
{
	news_new(c, &news_rows_type);
}

void
news_flags(struct imap *c)
{
	news_new(c, &news_flags_type);
}

void
news_forget(struct imap *c)
{
	for (size_t i = 0; i < c->ops.n; i++)
		if (c->ops.v[i]->type->is_news)
			op_end(c, c->ops.v[i], NULL, STR_NONE);
	c->n_news = 0;
}
