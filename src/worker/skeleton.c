/* A message of which only the texts were fetched, written as an ordinary one
 * (RFC 5322): its own header, and its parts in their places with headers made
 * from the structure; those that were not fetched are empty and say so. */
#include "internal.h"

#include <string.h>
#include "tern/mime.h"

struct writer {
	const struct skeleton *s;
	struct buf *out;
	size_t text_end;
	bool is_muted; /* before the main text, when only the rest is wanted */
};

static const struct part *
part_at(const struct writer *w, size_t i)
{
	return &w->s->structure->parts[i];
}

/* The index behind part i and all that is below it. */
static size_t
end_of(const struct writer *w, size_t i)
{
	size_t end = i + 1;

	while (end < w->s->structure->n_parts && part_at(w, end)->depth > part_at(w, i)->depth)
		end++;
	return end;
}

static void
put(struct writer *w, struct str s)
{
	if (!w->is_muted)
		buf_addstr(w->out, s);
}

static void
puts_(struct writer *w, const char *s)
{
	put(w, str_c(s));
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c))
			return false;
	}
	return s.len > 0;
}

/* Texts from the structure have no CR and LF; quotes are all that is left. */
static void
put_quoted(struct writer *w, struct str s)
{
	puts_(w, "\"");
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			puts_(w, "\\");
		put(w, (struct str){ s.ptr + i, 1 });
	}
	puts_(w, "\"");
}

static void
put_param(struct writer *w, const char *name, struct str value)
{
	if (value.len == 0)
		return;
	puts_(w, "; ");
	puts_(w, name);
	puts_(w, "=");
	if (is_token(value))
		put(w, value);
	else
		put_quoted(w, value);
}

/* RFC 2231, whatever the name is made of. */
static void
put_file_name(struct writer *w, struct str name)
{
	char hex[4];

	puts_(w, "; filename*=utf-8''");
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		if (ascii_is_alnum(c) || strchr("._-", c)) {
			put(w, (struct str){ name.ptr + i, 1 });
		} else {
			snprintf(hex, sizeof(hex), "%%%02X", c);
			puts_(w, hex);
		}
	}
}

static void
put_field(struct writer *w, const char *name, struct str value)
{
	if (value.len == 0)
		return;
	puts_(w, name);
	puts_(w, ": ");
	put(w, value);
	puts_(w, "\r\n");
}

/* The server may have left out the boundary, as it may any extension. */
static struct str
boundary_of(struct writer *w, size_t i, char room[40])
{
	const struct part *p = part_at(w, i);

	if (p->boundary.len > 0 && p->boundary.len <= 70)
		return p->boundary;
	snprintf(room, 40, "tern-part-%zu", i);
	return str_c(room);
}

static void
put_presence(struct writer *w, const char *state, uint32_t octets)
{
	char line[80];

	snprintf(line, sizeof(line), MIME_PART_FIELD ": %s; octets=%u\r\n", state, octets);
	puts_(w, line);
}

static const struct skeleton_text *
text_for(const struct skeleton_text *list, size_t n, size_t part)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].part == part)
			return &list[i];
	return NULL;
}

static bool
is_container(const struct writer *w, size_t i)
{
	const struct part *p = part_at(w, i);

	return str_eqc(p->type, "multipart") ||
	       text_for(w->s->headers, w->s->n_headers, i) != NULL;
}

static void
put_presence_of(struct writer *w, size_t i)
{
	const struct skeleton_text *t = text_for(w->s->texts, w->s->n_texts, i);
	const struct part *p = part_at(w, i);

	if (is_container(w, i) || (t && t->is_complete))
		return;
	put_presence(w, t ? "partial" : "not-fetched", p->size_octets);
}

static void
put_part_header(struct writer *w, size_t i)
{
	const struct part *p = part_at(w, i);
	char room[40];

	puts_(w, "Content-Type: ");
	put(w, is_token(p->type) ? p->type : STR("application"));
	puts_(w, "/");
	put(w, is_token(p->subtype) ? p->subtype : STR("octet-stream"));
	put_param(w, "charset", p->charset);
	if (str_eqc(p->type, "multipart"))
		put_param(w, "boundary", boundary_of(w, i, room));
	put(w, p->params);
	puts_(w, "\r\n");
	if (p->disposition.len > 0 || p->name.len > 0) {
		puts_(w, "Content-Disposition: ");
		put(w, is_token(p->disposition) ? p->disposition : STR("inline"));
		if (p->name.len > 0)
			put_file_name(w, p->name);
		puts_(w, "\r\n");
	}
	if (is_token(p->encoding))
		put_field(w, "Content-Transfer-Encoding", p->encoding);
	put_field(w, "Content-ID", p->content_id);
	put_field(w, "Content-Description", p->description);
	put_presence_of(w, i);
	puts_(w, "\r\n");
}

static void put_body(struct writer *w, size_t i);

static void
put_multipart(struct writer *w, size_t i)
{
	size_t end = end_of(w, i);
	char room[40];
	struct str boundary = boundary_of(w, i, room);

	for (size_t k = i + 1; k < end; k = end_of(w, k)) {
		puts_(w, "--");
		put(w, boundary);
		puts_(w, "\r\n");
		put_part_header(w, k);
		put_body(w, k);
		puts_(w, "\r\n");
	}
	puts_(w, "--");
	put(w, boundary);
	puts_(w, "--\r\n");
}

/* As deep as the structure, which is bounded. */
static void
put_body(struct writer *w, size_t i)
{
	const struct skeleton_text *t = text_for(w->s->texts, w->s->n_texts, i);
	const struct skeleton_text *header = text_for(w->s->headers, w->s->n_headers, i);

	if (str_eqc(part_at(w, i)->type, "multipart")) {
		put_multipart(w, i);
	} else if (header && i + 1 < w->s->structure->n_parts) {
		if (!is_container(w, i + 1))
			put_presence_of(w, i + 1);
		put(w, header->data);
		put_body(w, i + 1);
	} else if (t) {
		if (t == &w->s->texts[0])
			w->is_muted = false;
		put(w, t->data);
		if (t == &w->s->texts[0])
			w->text_end = w->out->len;
	}
}

void
skeleton_write(const struct skeleton *s, struct buf *out, size_t *text_end_out)
{
	struct writer w = { .s = s, .out = out, .is_muted = s->is_rest };

	/* Before its own fields: the first of that name counts. */
	put_presence_of(&w, 0);
	put(&w, s->header);
	if (!str_ends(s->header, "\r\n\r\n") && !str_eqc(s->header, "\r\n"))
		puts_(&w, str_ends(s->header, "\r\n") ? "\r\n" : "\r\n\r\n");
	w.text_end = out->len;
	put_body(&w, 0);
	*text_end_out = w.text_end;
}
