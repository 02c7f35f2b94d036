/* Lines, parts and links of a document, in frames. */
#include "tern/document.h"
#include "tern/base/utf8.h"
#include "tern/ipc.h"

/* The least that one takes in a blob: bounds what a count can make us allocate. */
#define MIN_LINE_BYTES 13
#define MIN_PART_BYTES 37
#define MIN_LINK_BYTES 4

void
doc_put_line(struct buf *b, const struct doc_line *line)
{
	ipc_put_u8(b, (uint8_t)line->kind);
	ipc_put_u8(b, line->flags);
	ipc_put_u8(b, line->quote);
	ipc_put_u8(b, line->indent);
	ipc_put_u8(b, line->hang);
	ipc_put_u16(b, line->part);
	ipc_put_str(b, line->text);
	ipc_put_u16(b, (uint16_t)line->n_spans);
	for (size_t i = 0; i < line->n_spans; i++) {
		ipc_put_u32(b, line->spans[i].start);
		ipc_put_u32(b, line->spans[i].len);
		ipc_put_u8(b, line->spans[i].style);
		ipc_put_u16(b, line->spans[i].link);
	}
}

void
doc_put_part(struct buf *b, const struct doc_part *part)
{
	ipc_put_str(b, part->section);
	ipc_put_str(b, part->type);
	ipc_put_str(b, part->file_name);
	ipc_put_str(b, part->description);
	ipc_put_str(b, part->charset);
	ipc_put_str(b, part->encoding);
	ipc_put_u64(b, part->octets);
	ipc_put_u8(b, part->depth);
	ipc_put_u8(b, (uint8_t)part->disposition);
	ipc_put_u8(b, (uint8_t)part->presence);
	ipc_put_u8(b, part->is_shown);
	ipc_put_u8(b, part->is_multipart);
}

static int
malformed(struct err *err)
{
	return err_set(err, ERR_PROTO, "the renderer sent a malformed document");
}

static bool
is_boundary(struct str s, uint32_t at)
{
	return at == s.len || (at < s.len && ((unsigned char)s.ptr[at] & 0xc0) != 0x80);
}

static bool
get_spans(struct arena *a, struct ipc_reader *r, struct doc_line *line)
{
	size_t n = ipc_get_u16(r);
	uint32_t from = 0;

	if (n > DOC_MAX_SPANS)
		return false;
	struct doc_span *spans = n > 0 ? arena_alloc(a, n * sizeof(*spans)) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct doc_span *s = &spans[i];
		s->start = ipc_get_u32(r);
		s->len = ipc_get_u32(r);
		s->style = ipc_get_u8(r);
		s->link = ipc_get_u16(r);
		if (s->start < from || s->start > line->text.len ||
		    s->len > line->text.len - s->start ||
		    !is_boundary(line->text, s->start) ||
		    !is_boundary(line->text, s->start + s->len))
			return false;
		from = s->start + s->len;
	}
	line->spans = spans;
	line->n_spans = n;
	return true;
}

static bool
get_line(struct arena *a, struct ipc_reader *r, struct doc_line *line)
{
	uint8_t kind = ipc_get_u8(r);

	line->kind = (enum doc_kind)kind;
	line->flags = ipc_get_u8(r);
	line->quote = ipc_get_u8(r);
	line->indent = ipc_get_u8(r);
	line->hang = ipc_get_u8(r);
	line->part = ipc_get_u16(r);
	line->text = ipc_get_text(r);
	return kind < DOC_N_KINDS && !(line->flags & ~DOC_ALL_FLAGS) &&
	       line->quote <= DOC_MAX_QUOTE && line->indent <= DOC_MAX_INDENT &&
	       line->hang <= DOC_MAX_INDENT && line->text.len <= DOC_MAX_LINE_BYTES &&
	       str_find(line->text, '\n') < 0 && get_spans(a, r, line) && !r->is_bad;
}

struct doc_line *
doc_get_lines(struct arena *a, struct str blob, uint32_t n, struct err *err)
{
	struct ipc_reader r = { blob, false };
	struct doc_line *lines;

	if (n > blob.len / MIN_LINE_BYTES) {
		malformed(err);
		return NULL;
	}
	lines = arena_alloc(a, (n + 1) * sizeof(*lines));
	for (uint32_t i = 0; i < n; i++)
		if (!get_line(a, &r, &lines[i])) {
			malformed(err);
			return NULL;
		}
	if (r.rest.len > 0) {
		malformed(err);
		return NULL;
	}
	return lines;
}

static bool
get_part(struct ipc_reader *r, struct doc_part *p)
{
	p->section = ipc_get_text(r);
	p->type = ipc_get_text(r);
	p->file_name = ipc_get_text(r);
	p->description = ipc_get_text(r);
	p->charset = ipc_get_text(r);
	p->encoding = ipc_get_text(r);
	p->octets = ipc_get_u64(r);
	p->depth = ipc_get_u8(r);
	uint8_t disposition = ipc_get_u8(r), presence = ipc_get_u8(r);
	p->disposition = (enum doc_disposition)disposition;
	p->presence = (enum doc_presence)presence;
	p->is_shown = ipc_get_u8(r) != 0;
	p->is_multipart = ipc_get_u8(r) != 0;
	/* It is asked of a server: only digits and dots. */
	for (size_t i = 0; i < p->section.len; i++)
		if (!ascii_is_digit(p->section.ptr[i]) && p->section.ptr[i] != '.')
			return false;
	return disposition < DOC_N_DISPOSITIONS && presence < DOC_N_PRESENCES && !r->is_bad;
}

struct doc_part *
doc_get_parts(struct arena *a, struct str blob, uint32_t n, struct err *err)
{
	struct ipc_reader r = { blob, false };
	struct doc_part *parts;

	if (n > blob.len / MIN_PART_BYTES) {
		malformed(err);
		return NULL;
	}
	parts = arena_alloc(a, (n + 1) * sizeof(*parts));
	for (uint32_t i = 0; i < n; i++)
		if (!get_part(&r, &parts[i])) {
			malformed(err);
			return NULL;
		}
	if (r.rest.len > 0) {
		malformed(err);
		return NULL;
	}
	return parts;
}

struct str *
doc_get_links(struct arena *a, struct str blob, uint32_t n, struct err *err)
{
	struct ipc_reader r = { blob, false };
	struct str *links;

	if (n > blob.len / MIN_LINK_BYTES) {
		malformed(err);
		return NULL;
	}
	links = arena_alloc(a, (n + 1) * sizeof(*links));
	for (uint32_t i = 0; i < n; i++)
		links[i] = ipc_get_text(&r);
	if (r.is_bad || r.rest.len > 0) {
		malformed(err);
		return NULL;
	}
	return links;
}
