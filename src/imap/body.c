/* Parts of one message: its sections and its structure, in one command. */
#include "internal.h"

#include "tern/base/mem.h"

enum { BODY_TIMEOUT_MS = 30000, BODY_SLACK_BYTES = 1024 * 1024, MAX_SECTION_BYTES = 400 };

struct want {
	char *section; /* owned */
	uint32_t offset, max_octets;
};

struct bodies {
	struct op op;
	uint32_t uid;
	bool structure;
	VEC(struct want) want;
};

static void
structure_tell(struct imap *c, uint64_t id, const struct fetch *f)
{
	struct structure structure;
	struct err err;
	bool is_good;

	arena_reset(&c->arena);
	is_good = bodystructure_parse(c->structures, f->structure, &c->arena, &structure, &err) == 0;
	TELL(c, structure, id, is_good ? &structure : NULL);
}

static void
add_section(struct command_text *t, const struct want *w)
{
	command_adds(t, " BODY.PEEK[");
	command_section(t, str_c(w->section));
	command_adds(t, "]");
	if (w->max_octets > 0)
		command_addf(t, "<%u.%u>", w->offset, w->max_octets);
}

static bool
bodies_next(struct imap *c, struct op *op)
{
	struct bodies *b = (struct bodies *)op;
	struct send_options o = { 0, BODY_TIMEOUT_MS, BODY_SLACK_BYTES, 10000 };
	struct command_text t;

	if (op->step > 0 || !may_send(c, 0))
		return false;
	op->step = 1;
	command_begin(c, &t);
	command_addf(&t, "UID FETCH %u (UID%s", b->uid, b->structure ? " BODYSTRUCTURE" : "");
	for (size_t i = 0; i < b->want.n; i++) {
		add_section(&t, &b->want.v[i]);
		o.bytes += b->want.v[i].max_octets > 0 ? b->want.v[i].max_octets : FRAMER_LITERAL;
	}
	command_adds(&t, ")");
	return command_send(c, op, &t, &o);
}

static bool
is_wanted(const struct bodies *b, const struct body_item *item)
{
	for (size_t i = 0; i < b->want.n; i++)
		if (str_ieqc(item->section, b->want.v[i].section) &&
		    (!item->has_origin || item->origin == b->want.v[i].offset))
			return true;
	return false;
}

/* By content: the same message, and a section that was asked for. */
static bool
bodies_fetch(struct imap *c, struct op *op, const struct fetch *f)
{
	struct bodies *b = (struct bodies *)op;
	bool is_ours = false;

	if (f->uid != b->uid)
		return false;
	if (f->has_structure && b->structure) {
		structure_tell(c, op->id, f);
		is_ours = true;
	}
	for (size_t i = 0; i < f->n_bodies && !op->is_ended; i++) {
		const struct body_item *item = &f->bodies[i];
		if (!is_wanted(b, item))
			continue;
		struct imap_body body = { f->uid, item->section, item->has_origin, item->origin,
					  item->data };
		TELL(c, body, op->id, &body);
		is_ours = true;
	}
	return is_ours;
}

static void
bodies_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	if (r->status == STATUS_OK)
		op_end(c, op, NULL, STR_NONE);
	else
		op_end_failed(c, op, r, "cannot fetch the message");
}

static void
bodies_release(struct op *op)
{
	struct bodies *b = (struct bodies *)op;

	for (size_t i = 0; i < b->want.n; i++)
		free(b->want.v[i].section);
	vec_release(&b->want);
}

static const struct op_type bodies_type = {
	.name = "fetch text",
	.size_bytes = sizeof(struct bodies),
	.next = bodies_next,
	.fetch = bodies_fetch,
	.tagged = bodies_tagged,
	.release = bodies_release,
};

void
imap_fetch_bodies(struct imap *c, uint64_t id, uint32_t uid, bool structure,
		  const struct imap_want *want, size_t n_want)
{
	struct bodies *b = op_new(c, id, &bodies_type);

	b->uid = uid;
	b->structure = structure;
	for (size_t i = 0; i < n_want; i++) {
		struct want w = { xstrdup(want[i].section), want[i].offset, want[i].max_octets };
		vec_push(&b->want, w);
	}
}
