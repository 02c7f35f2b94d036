/* The tree of a message (RFC 2046), in one pass over its lines.
 *
 * No recursion: open multiparts are a stack of at most MIME_MAX_DEPTH. A line
 * that is the boundary of an outer multipart ends the inner ones, whatever
 * they say: so a part without its end costs nothing but itself. */
#include <string.h>
#include "internal.h"

#define MAX_BOUNDARY_BYTES 200

/* A multipart whose parts are being read. */
struct open_multipart {
	int part;
	struct str boundary;
};

struct walk {
	struct arena *a;
	struct str text;
	struct str assumed;
	size_t at;
	VEC(struct mime_part) parts;
	struct open_multipart stack[MIME_MAX_DEPTH + 1];
	size_t n_open;
	int current; /* the deepest part whose body has not ended */
	enum mime_limit limit;
};

static struct str
next_line(const struct walk *w)
{
	struct str rest = str_from(w->text, w->at);
	const char *lf = memchr(rest.ptr, '\n', rest.len);

	return lf == NULL ? rest : str_head(rest, (size_t)(lf - rest.ptr) + 1);
}

/* Which open multipart this line is the boundary of, innermost first; -1: none. */
static int
boundary_level(const struct walk *w, struct str line, bool *is_end)
{
	if (!str_starts(line, "--"))
		return -1;
	struct str s = str_from(line, 2);
	while (s.len > 0 && ascii_is_space((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	for (size_t i = w->n_open; i-- > 0;) {
		struct str b = w->stack[i].boundary;
		if (s.len < b.len || s.len > b.len + 2 || memcmp(s.ptr, b.ptr, b.len) != 0)
			continue;
		*is_end = s.len == b.len + 2 && str_ends(s, "--");
		if (s.len == b.len || *is_end)
			return (int)i;
	}
	return -1;
}

/* IMAP's numbers (RFC 3501, 6.4.5): the parts of a multipart that is a message
 * or sits in a message/rfc822 carry its number; a message that is no multipart
 * has its text as part 1. */
static struct str
section_of(struct walk *w, int parent, int index)
{
	const struct mime_part *p = parent >= 0 ? &w->parts.v[parent] : NULL;

	if (p == NULL)
		return STR_NONE;
	if (p->section.len == 0)
		return str_c(arena_printf(w->a, "%d", index));
	return str_c(arena_printf(w->a, "%.*s.%d", STR_ARG(p->section), index));
}

bool
mime_type_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return str_eqc(p->type.type, type) &&
	       (subtype == NULL || str_eqc(p->type.subtype, subtype));
}

/* A sender can write X-Tern-Part too: it then hides a part of the sender's own. */
static void
set_presence(struct walk *w, struct mime_part *p, struct str raw)
{
	struct mime_value v;

	if (raw.len == 0)
		return;
	mime_parse_value(w->a, raw, STR_NONE, &v);
	if (str_eqc(v.type, "not-fetched"))
		p->presence = MIME_NOT_FETCHED;
	else if (str_eqc(v.type, "partial"))
		p->presence = MIME_PARTIAL;
	else
		return;
	str_u64(mime_param(&v, "octets"), &p->octets);
}

static struct str
file_name_of(const struct mime_part *p)
{
	struct str name = mime_param(&p->disposition, "filename");

	return name.len > 0 ? name : mime_param(&p->type, "name");
}

/* What the header says; wrong or missing types are text/plain (RFC 2045, 5.2),
 * in a digest messages. */
static void
read_header(struct walk *w, struct mime_part *p, bool is_in_digest)
{
	struct str type = STR_NONE, disposition = STR_NONE, encoding = STR_NONE, tern = STR_NONE;
	struct str rest = p->header;
	struct mime_field f;

	for (int n = 0; n < MIME_MAX_FIELDS && mime_next_field(&rest, &f); n++) {
		if (type.ptr == NULL && str_ieqc(f.name, "content-type"))
			type = f.body;
		else if (disposition.ptr == NULL && str_ieqc(f.name, "content-disposition"))
			disposition = f.body;
		else if (encoding.ptr == NULL && str_ieqc(f.name, "content-transfer-encoding"))
			encoding = f.body;
		else if (tern.ptr == NULL && str_ieqc(f.name, MIME_PART_FIELD))
			tern = f.body;
	}
	mime_parse_value(w->a, type, w->assumed, &p->type);
	if (p->type.type.len == 0 || p->type.subtype.len == 0) {
		p->type.type = is_in_digest ? STR("message") : STR("text");
		p->type.subtype = is_in_digest ? STR("rfc822") : STR("plain");
	}
	if (disposition.len > 0)
		mime_parse_value(w->a, disposition, w->assumed, &p->disposition);
	p->encoding = mime_encoding(encoding);
	p->file_name = file_name_of(p);
	p->charset = mime_param(&p->type, "charset");
	set_presence(w, p, tern);
}

static bool
is_whole_field_line(struct str line)
{
	return !str_eqc(line, "\n") && !str_eqc(line, "\r\n");
}

/* Go behind the header's blank line. A boundary ends a header, too. */
static struct str
take_header(struct walk *w, enum mime_limit *limit)
{
	size_t from = w->at, end = from;
	bool is_end;

	while (w->at < w->text.len) {
		struct str line = next_line(w);
		if (!is_whole_field_line(line)) {
			w->at += line.len;
			break;
		}
		if (boundary_level(w, line, &is_end) >= 0)
			break;
		w->at += line.len;
		end = w->at;
	}
	if (end - from > MIME_MAX_HEADER_BYTES) {
		*limit = w->limit = MIME_LIMIT_HEADER;
		end = from + MIME_MAX_HEADER_BYTES;
	}
	return str_n(w->text.ptr + from, end - from);
}

static int
add_part(struct walk *w, int parent, int previous, int index)
{
	struct mime_part p = { .parent = parent, .first_child = -1, .next = -1 };
	enum mime_limit limit = MIME_LIMIT_NONE;
	bool is_in_digest =
		parent >= 0 && mime_type_is(&w->parts.v[parent], "multipart", "digest");

	p.depth = parent >= 0 ? w->parts.v[parent].depth + 1 : 0;
	p.section = section_of(w, parent, index);
	p.header = take_header(w, &limit);
	p.limit = limit;
	read_header(w, &p, is_in_digest);
	p.body = str_n(w->text.ptr + w->at, 0);
	vec_push(&w->parts, p);
	int me = (int)w->parts.n - 1;
	if (previous >= 0)
		w->parts.v[previous].next = me;
	else if (parent >= 0)
		w->parts.v[parent].first_child = me;
	return me;
}

/* Whether a part may be taken apart; says so in it when a limit forbids it. */
static bool
may_open(struct walk *w, int me)
{
	struct mime_part *p = &w->parts.v[me];

	if (p->presence == MIME_NOT_FETCHED)
		return false;
	if (p->depth >= MIME_MAX_DEPTH)
		p->limit = w->limit = MIME_LIMIT_DEPTH;
	else if (w->parts.n >= MIME_MAX_PARTS)
		p->limit = w->limit = MIME_LIMIT_PARTS;
	return p->limit == MIME_LIMIT_NONE || p->limit == MIME_LIMIT_HEADER;
}

/* The text of a message that is no multipart is its part 1. */
static void
number_single(struct walk *w, int me)
{
	struct mime_part *p = &w->parts.v[me];

	if (p->parent < 0)
		p->section = STR("1");
	else if (mime_type_is(&w->parts.v[p->parent], "message", "rfc822"))
		p->section = str_c(arena_printf(w->a, "%.*s.1",
						STR_ARG(w->parts.v[p->parent].section)));
}

/* Behind a header: open a multipart, go into a message, or start a leaf's body.
 * A message's own header makes a part of its own, below it. */
static void
enter(struct walk *w, int me)
{
	for (;;) {
		struct mime_part *p = &w->parts.v[me];
		struct str boundary = mime_param(&p->type, "boundary");

		w->current = me;
		if (mime_type_is(p, "multipart", NULL) && boundary.len > 0 &&
		    boundary.len <= MAX_BOUNDARY_BYTES && may_open(w, me)) {
			w->stack[w->n_open++] = (struct open_multipart){ me, boundary };
			return;
		}
		number_single(w, me);
		if (!mime_type_is(p, "message", "rfc822") || p->encoding != MIME_7BIT ||
		    !may_open(w, me))
			return;
		/* A multipart in a message/rfc822 shares its number. */
		int inner = add_part(w, me, -1, 1);
		w->parts.v[inner].section = w->parts.v[me].section;
		me = inner;
	}
}

/* A body ends before the line end that belongs to the boundary. */
static void
end_body(struct walk *w, struct mime_part *p, size_t to)
{
	size_t from = (size_t)(p->body.ptr - w->text.ptr);

	if (to > from && w->text.ptr[to - 1] == '\n')
		to--;
	if (to > from && w->text.ptr[to - 1] == '\r')
		to--;
	p->body.len = to > from ? to - from : 0;
}

/* A boundary of the multipart at `level`: what is inside of it ends here. */
static void
close_to(struct walk *w, size_t level, size_t to)
{
	int until = w->stack[level].part;

	for (int i = w->current; i >= 0 && i != until; i = w->parts.v[i].parent)
		end_body(w, &w->parts.v[i], to);
	w->current = until;
	w->n_open = level + 1;
}

static int
last_child(const struct walk *w, int parent, int *n)
{
	int last = -1;

	*n = 0;
	for (int i = w->parts.v[parent].first_child; i >= 0; i = w->parts.v[i].next) {
		last = i;
		++*n;
	}
	return last;
}

static void
next_part(struct walk *w, size_t level)
{
	int parent = w->stack[level].part, n;

	if (w->parts.n >= MIME_MAX_PARTS) { /* first: boundaries may go on for ever */
		w->parts.v[parent].limit = w->limit = MIME_LIMIT_PARTS;
		return;
	}
	int last = last_child(w, parent, &n);
	enter(w, add_part(w, parent, last, n + 1));
}

static void
take_line(struct walk *w)
{
	struct str line = next_line(w);
	size_t line_at = w->at;
	bool is_end = false;
	int level = boundary_level(w, line, &is_end);

	w->at += line.len;
	if (level < 0)
		return;
	close_to(w, (size_t)level, line_at);
	if (is_end)
		w->n_open = (size_t)level; /* what follows is an epilogue: of no part */
	else
		next_part(w, (size_t)level);
}

static void
end_of_text(struct walk *w)
{
	for (int i = w->current; i >= 0; i = w->parts.v[i].parent) {
		struct mime_part *p = &w->parts.v[i];
		p->body.len = (size_t)(w->text.ptr + w->text.len - p->body.ptr);
	}
}

/* Sizes; and a partial part whose file has grown to its end is complete. */
static void
count_octets(struct walk *w)
{
	for (size_t i = 0; i < w->parts.n; i++) {
		struct mime_part *p = &w->parts.v[i];
		if (p->presence == MIME_COMPLETE)
			p->octets = p->body.len;
		else if (p->presence == MIME_PARTIAL && p->body.len >= p->octets)
			p->presence = MIME_COMPLETE;
	}
}

void
mime_parse_message(struct arena *a, struct str message, struct str assumed,
		   struct mime_message *out)
{
	struct walk w = { .a = a,
			  .text = str_n(message.ptr != NULL ? message.ptr : "", message.len),
			  .assumed = assumed,
			  .parts = VEC_INIT,
			  .current = -1 };

	enter(&w, add_part(&w, -1, -1, 1));
	while (w.at < w.text.len) {
		/* Nothing is open: the rest is one body. */
		if (w.n_open == 0)
			break;
		take_line(&w);
	}
	end_of_text(&w);
	count_octets(&w);
	out->parts = arena_alloc(a, w.parts.n * sizeof(*out->parts));
	memcpy(out->parts, w.parts.v, w.parts.n * sizeof(*out->parts));
	out->n_parts = w.parts.n;
	out->limit = w.limit;
	vec_release(&w.parts);
}
