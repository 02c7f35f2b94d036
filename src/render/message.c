/* A message as a document: which of its parts are shown, and how. */
#include <string.h>
#include "tern/base/utf8.h"
#include "internal.h"

#define CHUNK_BYTES 65536
#define MAX_NAME_COLS 40
#define MAX_TYPE_COLS 30
#define SIZE_COLS 7

struct rendering {
	struct out out;
	struct arena arena;
	const struct msg_render *options;
	struct mime_message m;
	bool *is_shown; /* by part */
	VEC(int) attachments;
	bool has_more;
};

/* What the user will get, nearly: base64 in lines of 76 is a third longer. */
static uint64_t
decoded_octets(const struct mime_part *p)
{
	return p->encoding == MIME_BASE64 ? p->octets / 78 * 57 + p->octets % 78 * 3 / 4 :
					    p->octets;
}

/* --- Text parts ---------------------------------------------------------------- */

/* The sink of decoded text: plain lines, or HTML gathered to its end. */
struct text_sink {
	bool is_html;
	struct plain plain;
	struct buf html;
};

static void
sink_feed(struct text_sink *sink, struct str utf8, bool is_last)
{
	if (!sink->is_html)
		plain_feed(&sink->plain, utf8, is_last);
	else if (sink->html.len <= RENDER_MAX_HTML_BYTES)
		buf_addstr(&sink->html, utf8);
}

static struct str
charset_of(struct rendering *r, const struct mime_part *p, bool is_html)
{
	struct mime_decoder d;
	struct buf start = BUF_INIT;
	struct str charset = p->charset;

	if (charset.len > 0 || !is_html)
		return charset;
	mime_decoder_init(&d, p->encoding);
	mime_decoder_feed(&d, str_head(p->body, 4096), true, &start);
	charset = arena_str(&r->arena, html_charset(buf_str(&start)));
	buf_release(&start);
	return charset;
}

/* In pieces, so that the first screenful of a long text goes out early. */
static void
decode_text(struct rendering *r, const struct mime_part *p, struct mime_charset *charset,
	    struct text_sink *sink)
{
	struct buf bytes = BUF_INIT, utf8 = BUF_INIT;
	struct mime_decoder d;
	size_t at = 0;
	bool is_last;

	mime_decoder_init(&d, p->encoding);
	do {
		struct str chunk = str_head(str_from(p->body, at), CHUNK_BYTES);
		at += chunk.len;
		is_last = at >= p->body.len || r->out.is_cut;
		buf_reset(&bytes);
		buf_reset(&utf8);
		mime_decoder_feed(&d, chunk, is_last, &bytes);
		mime_charset_feed(charset, buf_str(&bytes), is_last, &utf8);
		sink_feed(sink, buf_str(&utf8), is_last);
	} while (!is_last);
	buf_release(&bytes);
	buf_release(&utf8);
}

static void
note_missing(struct rendering *r, const struct mime_part *p)
{
	struct buf have = BUF_INIT, all = BUF_INIT;

	if (p->presence != MIME_PARTIAL)
		return;
	r->has_more = true;
	buf_add_size(&have, p->body.len);
	buf_add_size(&all, p->octets);
	out_notice(&r->out, DOC_MORE, "[text continues: %s of %s are here]", have.ptr, all.ptr);
	buf_release(&have);
	buf_release(&all);
}

static void
render_text(struct rendering *r, int index)
{
	const struct mime_part *p = &r->m.parts[index];
	bool is_html = mime_type_is(p, "text", "html");
	struct text_sink sink = { .is_html = is_html, .html = BUF_INIT };
	struct str name = charset_of(r, p, is_html);
	struct mime_charset *charset = mime_charset_new(name, r->options->assumed_charset);

	r->is_shown[index] = true;
	if (name.len > 0 && !mime_charset_is_known(charset)) {
		struct buf b = BUF_INIT;
		utf8_add_valid(&b, str_head(name, 60));
		out_notice(&r->out, 0, "[the charset '%s' is not known; this is a guess]", b.ptr);
		buf_release(&b);
	}
	plain_init(&sink.plain, &r->out, p);
	decode_text(r, p, charset, &sink);
	if (is_html)
		html_render(&r->out, buf_str(&sink.html));
	plain_release(&sink.plain);
	buf_release(&sink.html);
	mime_charset_free(charset);
	note_missing(r, p);
}

/* --- Choosing ---------------------------------------------------------------------- */

/* A type with or without its subtype; a star, or nothing, stands for any. */
static bool
type_matches(const struct mime_part *p, struct str want)
{
	long slash = str_find(want, '/');
	struct str type = slash < 0 ? want : str_head(want, (size_t)slash);
	struct str subtype = slash < 0 ? STR("*") : str_from(want, (size_t)slash + 1);

	if (!str_eqc(type, "*") && !str_ieq(type, p->type.type))
		return false;
	return subtype.len == 0 || str_eqc(subtype, "*") || str_ieq(subtype, p->type.subtype);
}

static bool
is_in_list(const struct mime_part *p, struct str list)
{
	struct str word;

	while (str_next_word(&list, &word))
		if (type_matches(p, word))
			return true;
	return false;
}

static bool
is_attached(const struct mime_part *p)
{
	return str_eqc(p->disposition.type, "attachment");
}

/* Text is shown, unless it was sent as a file: then only if it is all there is,
 * or $auto_view has it. A message without disposition is text (RFC 2183, 2.8). */
static bool
is_readable(struct rendering *r, int index)
{
	const struct mime_part *p = &r->m.parts[index];
	bool is_text = str_eqc(p->type.type, "text") ||
		       (str_eqc(p->type.type, "message") && !str_eqc(p->type.subtype, "rfc822") &&
			!str_eqc(p->type.subtype, "external-body"));

	if (p->presence == MIME_NOT_FETCHED)
		return false;
	if (str_eqc(p->type.type, "multipart")) /* one that was not taken apart */
		return true;
	if (!is_text)
		return false;
	return !is_attached(p) || p->parent < 0 || is_in_list(p, r->options->auto_view);
}

/* The part that stands for an alternative: a multipart/related is its HTML. */
static int
face_of(const struct rendering *r, int index)
{
	while (r->m.parts[index].first_child >= 0 &&
	       !mime_type_is(&r->m.parts[index], "message", "rfc822"))
		index = r->m.parts[index].first_child;
	return index;
}

static bool
is_blank_body(const struct mime_part *p)
{
	for (size_t i = 0; i < p->body.len; i++)
		if (!ascii_is_space((unsigned char)p->body.ptr[i]))
			return false;
	return true;
}

static bool
is_choosable(const struct rendering *r, int index)
{
	const struct mime_part *face = &r->m.parts[face_of(r, index)];

	return face->presence != MIME_NOT_FETCHED && !is_blank_body(face);
}

static int
find_alternative(const struct rendering *r, int multipart, struct str want)
{
	int found = -1;

	/* The last of a kind is the best (RFC 2046, 5.1.4). */
	for (int i = r->m.parts[multipart].first_child; i >= 0; i = r->m.parts[i].next)
		if (is_choosable(r, i) && (type_matches(&r->m.parts[i], want) ||
					   type_matches(&r->m.parts[face_of(r, i)], want)))
			found = i;
	return found;
}

static int
choose_alternative(const struct rendering *r, int multipart)
{
	static const char *const otherwise[] = { "text/plain", "text/html", "text/*",
						 "message/*", "multipart/*" };
	struct str list = r->options->alternative_order, want;

	while (str_next_word(&list, &want)) {
		int found = find_alternative(r, multipart, want);
		if (found >= 0)
			return found;
	}
	for (size_t i = 0; i < ARRAY_LEN(otherwise); i++) {
		int found = find_alternative(r, multipart, str_c(otherwise[i]));
		if (found >= 0)
			return found;
	}
	return r->m.parts[multipart].first_child;
}

/* multipart/related: the part that `start` names, else the first. */
static int
root_of_related(const struct rendering *r, int multipart)
{
	struct str start = mime_param(&r->m.parts[multipart].type, "start"), id, want;
	int first = r->m.parts[multipart].first_child;

	if (!mime_next_id(&start, &want))
		return first;
	for (int i = first; i >= 0; i = r->m.parts[i].next) {
		struct str raw = mime_find_field(r->m.parts[i].header, "content-id");
		if (mime_next_id(&raw, &id) && str_eq(id, want))
			return i;
	}
	return first;
}

/* --- The walk ------------------------------------------------------------------------ */

/* Recursion is bounded: mime_parse_message stops at MIME_MAX_DEPTH. */
static void render_part(struct rendering *r, int index);

static void
note_limit(struct rendering *r, const struct mime_part *p)
{
	static const char *const text[] = {
		[MIME_LIMIT_NONE] = NULL,
		[MIME_LIMIT_DEPTH] = "[parts are nested too deep; this one is not taken apart]",
		[MIME_LIMIT_PARTS] = "[there are too many parts; the rest is not shown]",
		[MIME_LIMIT_HEADER] = "[the header is too long; the rest of it is not shown]",
	};

	if (text[p->limit] != NULL)
		out_notice(&r->out, 0, "%s", text[p->limit]);
}

static void
attach(struct rendering *r, int index)
{
	vec_push(&r->attachments, index);
}

/* Parts that are not the chosen one: text in another form is left out, anything
 * else (a calendar, a picture) is listed. */
static void
attach_others(struct rendering *r, int multipart, int chosen, bool is_alternative)
{
	for (int i = r->m.parts[multipart].first_child; i >= 0; i = r->m.parts[i].next) {
		const struct mime_part *p = &r->m.parts[i];
		bool is_other_form = mime_type_is(p, "text", "plain") ||
				     mime_type_is(p, "text", "html") ||
				     mime_type_is(p, "text", "enriched") ||
				     str_eqc(p->type.type, "multipart");
		if (i != chosen && !(is_alternative && is_other_form))
			attach(r, i);
	}
}

static void
render_children(struct rendering *r, int index)
{
	for (int i = r->m.parts[index].first_child; i >= 0; i = r->m.parts[i].next)
		render_part(r, i);
}

static void
render_multipart(struct rendering *r, int index)
{
	const struct mime_part *p = &r->m.parts[index];
	int chosen;

	r->is_shown[index] = true;
	if (str_eqc(p->type.subtype, "alternative")) {
		chosen = choose_alternative(r, index);
		render_part(r, chosen);
		attach_others(r, index, chosen, true);
	} else if (str_eqc(p->type.subtype, "related")) {
		chosen = root_of_related(r, index);
		render_part(r, chosen);
		attach_others(r, index, chosen, false);
	} else {
		if (str_eqc(p->type.subtype, "encrypted"))
			out_notice(&r->out, 0, "[this message is encrypted]");
		render_children(r, index);
	}
	note_limit(r, p);
}

static void
render_inner_message(struct rendering *r, int index)
{
	const struct mime_part *inner = &r->m.parts[r->m.parts[index].first_child];
	struct doc_line rule = { .kind = DOC_RULE };

	r->is_shown[index] = true;
	out_space(&r->out, 0);
	out_line(&r->out, &rule);
	header_render(&r->out, inner->header, r->options);
	out_blank(&r->out, 0);
	render_part(r, r->m.parts[index].first_child);
}

static void
render_part(struct rendering *r, int index)
{
	const struct mime_part *p = &r->m.parts[index];

	if (p->first_child >= 0 && mime_type_is(p, "message", "rfc822")) {
		render_inner_message(r, index);
	} else if (p->first_child >= 0) {
		render_multipart(r, index);
	} else if (is_readable(r, index)) {
		out_space(&r->out, 0);
		note_limit(r, p);
		if (p->file_name.len > 0)
			attach(r, index);
		render_text(r, index);
	} else {
		attach(r, index);
	}
}

/* --- Attachments ------------------------------------------------------------------------ */

static void
add_name(struct rendering *r, struct buf *b, const struct mime_part *p)
{
	if (p->file_name.len > 0) {
		buf_addstr(b, p->file_name);
		return;
	}
	mime_decode_text(b, mime_find_field(p->header, "content-description"),
			 r->options->assumed_charset);
	if (b->len == 0)
		buf_adds(b, "(no name)");
}

static void
add_type(struct buf *b, const struct mime_part *p)
{
	buf_addstr(b, p->type.type);
	buf_addc(b, '/');
	buf_addstr(b, p->type.subtype);
}

/* Text cut to its column and filled up to it. */
static void
add_column(struct buf *b, struct str s, int cols)
{
	int used;
	struct str fit = utf8_fit(s, cols, &used);

	buf_addstr(b, fit);
	buf_addn(b, ' ', (size_t)(cols - used) + 2);
}

static void
measure(struct rendering *r, int *name_cols, int *type_cols)
{
	for (size_t i = 0; i < r->attachments.n; i++) {
		struct buf name = BUF_INIT, type = BUF_INIT;
		const struct mime_part *p = &r->m.parts[r->attachments.v[i]];
		add_name(r, &name, p);
		add_type(&type, p);
		int cols = utf8_cols(buf_str(&name));
		*name_cols = cols > *name_cols ? cols : *name_cols;
		cols = utf8_cols(buf_str(&type));
		*type_cols = cols > *type_cols ? cols : *type_cols;
		buf_release(&name);
		buf_release(&type);
	}
	*name_cols = *name_cols < MAX_NAME_COLS ? *name_cols : MAX_NAME_COLS;
	*type_cols = *type_cols < MAX_TYPE_COLS ? *type_cols : MAX_TYPE_COLS;
}

static void
put_attachment(struct rendering *r, int index, int name_cols, int type_cols)
{
	const struct mime_part *p = &r->m.parts[index];
	struct buf text = BUF_INIT, word = BUF_INIT;

	add_name(r, &word, p);
	add_column(&text, buf_str(&word), name_cols);
	buf_reset(&word);
	add_type(&word, p);
	add_column(&text, buf_str(&word), type_cols);
	buf_reset(&word);
	buf_add_size(&word, decoded_octets(p));
	add_column(&text, buf_str(&word), SIZE_COLS);
	if (p->presence == MIME_NOT_FETCHED)
		buf_adds(&text, "not fetched");
	else if (r->is_shown[index])
		buf_adds(&text, "shown above");
	struct doc_line line = { .kind = DOC_ATTACHMENT,
				 .flags = DOC_PREFORMATTED,
				 .part = (uint16_t)index,
				 .text = str_trim(buf_str(&text)) };
	out_line(&r->out, &line);
	buf_release(&text);
	buf_release(&word);
}

static void
render_attachments(struct rendering *r)
{
	int name_cols = 0, type_cols = 0;

	if (r->attachments.n == 0)
		return;
	measure(r, &name_cols, &type_cols);
	out_space(&r->out, 0);
	for (size_t i = 0; i < r->attachments.n; i++)
		put_attachment(r, r->attachments.v[i], name_cols, type_cols);
}

static enum doc_disposition
disposition_of(const struct mime_part *p)
{
	if (p->disposition.type.len == 0)
		return DOC_NO_DISPOSITION;
	return str_eqc(p->disposition.type, "inline") ? DOC_INLINE : DOC_ATTACHED;
}

static struct str
clean(struct rendering *r, struct str s)
{
	struct buf b = BUF_INIT;

	mime_decode_text(&b, s, STR_NONE);
	struct str copy = arena_str(&r->arena, buf_str(&b));
	buf_release(&b);
	return copy;
}

static struct doc_part
describe(struct rendering *r, int index)
{
	const struct mime_part *p = &r->m.parts[index];
	struct buf type = BUF_INIT;
	struct doc_part d = { .section = p->section,
			      .file_name = p->file_name,
			      .charset = clean(r, p->charset),
			      .encoding = str_c(mime_encoding_name(p->encoding)),
			      .octets = p->octets,
			      .depth = (uint8_t)p->depth,
			      .disposition = disposition_of(p),
			      .presence = (enum doc_presence)p->presence,
			      .is_shown = r->is_shown[index],
			      .is_multipart = p->first_child >= 0 &&
					      !mime_type_is(p, "message", "rfc822") };

	add_type(&type, p);
	d.type = clean(r, buf_str(&type));
	d.description = clean(r, mime_find_field(p->header, "content-description"));
	buf_release(&type);
	return d;
}

static void
send_parts(struct rendering *r)
{
	struct doc_part *parts = arena_alloc(&r->arena, r->m.n_parts * sizeof(*parts));

	for (size_t i = 0; i < r->m.n_parts; i++)
		parts[i] = describe(r, (int)i);
	out_parts(&r->out, parts, r->m.n_parts);
}

/* --- The whole ------------------------------------------------------------------------------ */

static void
render_raw(struct rendering *r, struct str message)
{
	struct mime_part as_it_is = { .body = message, .encoding = MIME_7BIT };
	struct mime_charset *charset = mime_charset_new(STR_NONE, r->options->assumed_charset);
	struct text_sink sink = { .is_html = false, .html = BUF_INIT };

	plain_init(&sink.plain, &r->out, NULL);
	sink.plain.is_preformatted = true;
	decode_text(r, &as_it_is, charset, &sink);
	plain_release(&sink.plain);
	mime_charset_free(charset);
}

/* One part, whatever its disposition: the user asked for it. */
static void
render_section(struct rendering *r)
{
	size_t i = 0;

	while (i < r->m.n_parts && !str_eq(r->m.parts[i].section, r->options->section))
		i++;
	if (i == r->m.n_parts) {
		out_notice(&r->out, 0, "[the message has no such part]");
		return;
	}
	const struct mime_part *p = &r->m.parts[i];
	if (p->first_child >= 0 && mime_type_is(p, "message", "rfc822"))
		render_inner_message(r, (int)i);
	else if (p->first_child >= 0)
		render_multipart(r, (int)i);
	else if (p->presence == MIME_NOT_FETCHED)
		out_notice(&r->out, 0, "[this part has not been fetched]");
	else
		render_text(r, (int)i);
}

static void
render_cooked(struct rendering *r)
{
	header_render(&r->out, r->m.parts[0].header, r->options);
	out_blank(&r->out, 0);
	render_part(r, 0);
	render_attachments(r);
}

void
render_message(struct str message, bool is_cut, const struct msg_render *options,
	       render_send *send, void *ctx)
{
	struct rendering r = { .arena = ARENA_INIT, .options = options, .attachments = VEC_INIT };

	out_init(&r.out, &r.arena, options->first_lines, send, ctx);
	mime_parse_message(&r.arena, message, options->assumed_charset, &r.m);
	r.is_shown = arena_alloc(&r.arena, r.m.n_parts * sizeof(*r.is_shown));
	if (options->raw)
		render_raw(&r, message);
	else if (options->section.len > 0)
		render_section(&r);
	else
		render_cooked(&r);
	if (is_cut)
		out_notice(&r.out, 0, "[the message is longer than can be shown here]");
	out_flush(&r.out);
	send_parts(&r);
	out_end(&r.out, r.has_more, clean(&r, mime_find_field(r.m.parts[0].header, "subject")));
	vec_release(&r.attachments);
	out_release(&r.out);
	arena_release(&r.arena);
}
