/* Plain text: quotes, the signature, links, paragraphs of format=flowed. */
#include <string.h>
#include "internal.h"

#define MAX_REST_BYTES (1024 * 1024)

void
plain_init(struct plain *p, struct out *out, const struct mime_part *part)
{
	memset(p, 0, sizeof(*p));
	p->out = out;
	p->is_flowed = part != NULL && str_ieqc(mime_param(&part->type, "format"), "flowed");
	mime_flowed_init(&p->flowed,
			 part != NULL && str_ieqc(mime_param(&part->type, "delsp"), "yes"));
	buf_init(&p->rest);
}

void
plain_release(struct plain *p)
{
	mime_flowed_release(&p->flowed);
	buf_release(&p->rest);
}

/* ">> text", "> > text": the depth, and the text without them. */
static int
take_quotes(struct str *s)
{
	int depth = 0;
	size_t i = 0;

	while (i < s->len && s->ptr[i] == '>') {
		depth++;
		i++;
		if (i < s->len && s->ptr[i] == ' ')
			i++;
	}
	*s = str_from(*s, i);
	return depth;
}

static bool
ends_url(char c)
{
	return (unsigned char)c <= ' ' || strchr("<>\"`{}|\\^", c) != NULL;
}

/* Where a URL in text ends: a full stop or bracket behind it is not its own. */
static size_t
url_bytes(struct str s)
{
	size_t n = 0;
	int open = 0;

	while (n < s.len && n < RENDER_MAX_URL_BYTES && !ends_url(s.ptr[n])) {
		open += s.ptr[n] == '(';
		if (s.ptr[n] == ')' && --open < 0)
			break;
		n++;
	}
	while (n > 0 && strchr(".,;:!?'*_~]", s.ptr[n - 1]) != NULL)
		n--;
	return n;
}

static size_t
find_links(struct out *o, struct str text, struct doc_span *spans, size_t max)
{
	static const char *const starts[] = { "https://", "http://", "mailto:" };
	size_t n = 0, at = 0;

	while (n < max && at < text.len) {
		const char *colon = memchr(text.ptr + at, ':', text.len - at);
		if (colon == NULL)
			break;
		size_t behind = (size_t)(colon - text.ptr) + 1, next = behind;
		for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
			size_t word = strcspn(starts[i], ":");
			if (behind - 1 < at + word)
				continue;
			struct str url = str_from(text, behind - 1 - word);
			size_t len = str_istarts(url, starts[i]) ? url_bytes(url) : 0;
			if (len == 0)
				continue;
			int link = out_link(o, str_head(url, len));
			if (link > 0)
				spans[n++] = (struct doc_span){ (uint32_t)(behind - 1 - word),
								(uint32_t)len, DOC_LINK,
								(uint16_t)link };
			next = behind - 1 - word + len > behind ? behind - 1 - word + len : behind;
			break;
		}
		at = next;
	}
	return n;
}

static void
put_text(struct plain *p, struct str text, int quote, uint8_t flags)
{
	static struct doc_span spans[DOC_MAX_SPANS];
	bool is_blank = str_trim(text).len == 0;

	if (str_eqc(text, "-- ") && quote == 0)
		p->is_in_signature = true;
	struct doc_line line = { .kind = is_blank	     ? DOC_BLANK :
					 p->is_in_signature ? DOC_SIGNATURE :
							      DOC_TEXT,
				 .flags = is_blank ? 0 : flags,
				 .quote = (uint8_t)(quote < DOC_MAX_QUOTE ? quote : DOC_MAX_QUOTE),
				 .text = is_blank ? STR("") : text,
				 .spans = spans };
	if (!is_blank)
		line.n_spans = find_links(p->out, text, spans, DOC_MAX_SPANS);
	out_line(p->out, &line);
}

static void
put_paragraph(struct str text, int quote, bool is_fixed, void *ctx)
{
	put_text(ctx, text, quote, is_fixed ? 0 : DOC_FLOWED);
}

static void
take_line(struct plain *p, struct str line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (p->is_preformatted) {
		put_text(p, line, 0, DOC_PREFORMATTED);
	} else if (p->is_flowed) {
		mime_flowed_line(&p->flowed, line, put_paragraph, p);
	} else {
		int quote = take_quotes(&line);
		put_text(p, line, quote, 0);
	}
}

void
plain_feed(struct plain *p, struct str s, bool is_last)
{
	const char *lf;

	while (s.len > 0 && (lf = memchr(s.ptr, '\n', s.len)) != NULL) {
		struct str line = str_n(s.ptr, (size_t)(lf - s.ptr));
		s = str_from(s, line.len + 1);
		if (p->rest.len > 0) {
			buf_addstr(&p->rest, line);
			line = buf_str(&p->rest);
		}
		take_line(p, line);
		buf_reset(&p->rest);
	}
	buf_addstr(&p->rest, s);
	if (p->rest.len > MAX_REST_BYTES || (is_last && p->rest.len > 0)) {
		take_line(p, buf_str(&p->rest));
		buf_reset(&p->rest);
	}
	if (is_last)
		mime_flowed_end(&p->flowed, put_paragraph, p);
}
