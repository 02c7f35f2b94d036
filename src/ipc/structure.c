/* The MIME structure of a message as frames and the store carry it. */
#include "tern/structure.h"

#include "tern/base/mem.h"

#define PART_TEXTS(X) X(section) X(type) X(subtype) X(charset) X(boundary) X(params) X(name) \
	X(disposition) X(encoding) X(content_id) X(description)

void
structure_put(struct buf *b, const struct structure *s)
{
	ipc_put_u32(b, (uint32_t)s->n_parts);
	for (size_t i = 0; i < s->n_parts; i++) {
		const struct part *p = &s->parts[i];
		ipc_put_u8(b, p->depth);
		ipc_put_u32(b, p->n_children);
		ipc_put_u32(b, p->size_octets);
		ipc_put_u32(b, p->n_lines);
#define PUT_TEXT(field) ipc_put_str(b, p->field);
		PART_TEXTS(PUT_TEXT)
	}
}

int
structure_get(struct str data, struct arena *a, struct structure *s, struct err *err)
{
	struct ipc_reader r = { data, false };
	uint32_t n = ipc_get_u32(&r);

	if (r.is_bad || n == 0 || n > STRUCTURE_MAX_PARTS)
		return err_set(err, ERR_PROTO, "malformed message structure");
	s->parts = arena_alloc(a, n * sizeof(*s->parts));
	s->n_parts = n;
	for (size_t i = 0; i < n; i++) {
		struct part *p = &s->parts[i];
		p->depth = ipc_get_u8(&r);
		p->n_children = ipc_get_u32(&r);
		p->size_octets = ipc_get_u32(&r);
		p->n_lines = ipc_get_u32(&r);
#define GET_TEXT(field) p->field = ipc_get_text(&r);
		PART_TEXTS(GET_TEXT)
		/* Preorder: a part is at most one level below the one before it. */
		if (p->depth > STRUCTURE_MAX_DEPTH ||
		    p->depth > (i == 0 ? 0 : s->parts[i - 1].depth + 1))
			r.is_bad = true;
	}
	if (r.is_bad || r.rest.len > 0)
		return err_set(err, ERR_PROTO, "malformed message structure");
	return 0;
}

bool
part_is_attachment(const struct part *p)
{
	if (str_eqc(p->type, "multipart"))
		return false;
	if (str_eqc(p->disposition, "attachment"))
		return true;
	return !str_eqc(p->type, "text") && !str_eqc(p->type, "message") &&
	       !(str_eqc(p->type, "application") &&
		 (str_eqc(p->subtype, "pgp-signature") || str_eqc(p->subtype, "pkcs7-signature")));
}

static bool
is_readable(const struct part *p)
{
	return str_eqc(p->type, "text") && !part_is_attachment(p);
}

/* The place of a type in a list like "text/html text/plain"; behind it if absent. */
static size_t
rank_in(struct str list, const struct part *p)
{
	struct str word;
	size_t at = 0;

	while (str_next_word(&list, &word)) {
		long slash = str_find(word, '/');
		struct str type = slash < 0 ? word : str_head(word, (size_t)slash);
		struct str sub = slash < 0 ? STR("*") : str_from(word, (size_t)slash + 1);
		if (str_ieq(type, p->type) && (str_eqc(sub, "*") || str_ieq(sub, p->subtype)))
			return at;
		at++;
	}
	return at + (str_eqc(p->subtype, "plain") ? 0 : str_eqc(p->subtype, "html") ? 1 : 2);
}

int
structure_text(const struct structure *s, struct str prefer)
{
	int best = -1;
	size_t best_rank = 0;
	size_t end = s->n_parts;

	for (size_t i = 0; i < s->n_parts; i++) {
		const struct part *p = &s->parts[i];
		/* Only inside the first alternative is there a choice; before it, the
		 * first readable text wins. */
		bool is_alternative = str_eqc(p->type, "multipart") &&
				      str_eqc(p->subtype, "alternative");
		if (is_alternative && best < 0) {
			for (end = i + 1; end < s->n_parts && s->parts[end].depth > p->depth;)
				end++;
			for (size_t k = i + 1; k < end; k++) {
				if (!is_readable(&s->parts[k]))
					continue;
				size_t rank = rank_in(prefer, &s->parts[k]);
				if (best < 0 || rank < best_rank) {
					best = (int)k;
					best_rank = rank;
				}
			}
			if (best >= 0)
				return best;
			i = end - 1;
			continue;
		}
		if (is_readable(p))
			return (int)i;
	}
	return best;
}
