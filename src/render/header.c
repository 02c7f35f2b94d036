/* The header of a message: weeded by ignore and unignore, ordered by hdr_order. */
#include <string.h>
#include "tern/base/utf8.h"
#include "internal.h"

#define MAX_WORDS 1000
#define HANG_COLS 4

struct words {
	struct str v[MAX_WORDS];
	size_t n;
};

static void
split(struct str list, struct words *out)
{
	out->n = 0;
	while (out->n < MAX_WORDS && str_next_word(&list, &out->v[out->n]))
		out->n++;
}

/* A word of a list is a prefix of "Name:", in any case, or "*". */
static bool
word_matches(struct str word, struct str name)
{
	if (str_eqc(word, "*"))
		return true;
	if (word.len > 0 && word.ptr[word.len - 1] == ':')
		return str_ieq(str_head(word, word.len - 1), name);
	return word.len <= name.len && str_ieq(word, str_head(name, word.len));
}

static int
position(const struct words *list, struct str name)
{
	for (size_t i = 0; i < list->n; i++)
		if (word_matches(list->v[i], name))
			return (int)i;
	return -1;
}

static void
put_field(struct out *out, const struct mime_field *f, struct str assumed)
{
	struct buf b = BUF_INIT;

	buf_addstr(&b, f->name);
	buf_addc(&b, ':');
	struct doc_span name = { 0, (uint32_t)b.len, DOC_NAME, 0 };
	buf_addc(&b, ' ');
	mime_decode_field(&b, *f, assumed);
	struct doc_line line = { .kind = DOC_HEADER,
				 .flags = DOC_FLOWED,
				 .hang = HANG_COLS,
				 .text = buf_str(&b),
				 .spans = &name,
				 .n_spans = 1 };
	out_line(out, &line);
	buf_release(&b);
}

struct field_list {
	VEC(struct mime_field) v;
};

static void
collect(struct str header, const struct msg_render *options, struct field_list *list)
{
	static struct words ignore, unignore;
	struct mime_field f;

	split(options->ignore, &ignore);
	split(options->unignore, &unignore);
	for (int n = 0; n < MIME_MAX_FIELDS && mime_next_field(&header, &f); n++) {
		bool is_weeded = options->weed && position(&ignore, f.name) >= 0 &&
				 position(&unignore, f.name) < 0;
		if (!is_weeded && !str_ieqc(f.name, MIME_PART_FIELD))
			vec_push(&list->v, f);
	}
}

/* Fields that hdr_order names come first, in its order; the rest as it came. */
void
header_render(struct out *out, struct str header, const struct msg_render *options)
{
	static struct words order;
	struct field_list list = { VEC_INIT };

	split(options->hdr_order, &order);
	collect(header, options, &list);
	int *rank = xcalloc(list.v.n + 1, sizeof(*rank));
	bool *has_rank = xcalloc(order.n + 1, sizeof(*has_rank));
	for (size_t i = 0; i < list.v.n; i++) {
		rank[i] = position(&order, list.v.v[i].name);
		if (rank[i] >= 0)
			has_rank[rank[i]] = true;
	}
	for (size_t k = 0; k <= order.n; k++) {
		int wanted = k < order.n ? (int)k : -1;
		if (wanted >= 0 && !has_rank[k])
			continue;
		for (size_t i = 0; i < list.v.n; i++)
			if (rank[i] == wanted)
				put_field(out, &list.v.v[i], options->assumed_charset);
	}
	free(has_rank);
	free(rank);
	vec_release(&list.v);
}
