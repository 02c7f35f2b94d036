/* Encoded words (RFC 2047): =?charset?B?...?= and =?charset?Q?...?=.
 *
 * Read as leniently as they are written: inside words, with blanks in them,
 * longer than allowed, with a character split over two of them. */
#include <string.h>
#include "internal.h"

struct word {
	struct str charset;
	char encoding; /* 'b' or 'q' */
	struct str text;
	size_t n_bytes; /* of the whole */
};

/* One pass over a text. */
struct decoding {
	struct buf *out;
	struct str assumed;
	struct buf bytes;    /* decoded words not yet converted */
	struct str charset;  /* of them */
	const char *mark;    /* the next "?=" at or behind here, NULL: none */
	bool has_mark;
};

static bool
is_token_byte(char c)
{
	return c > ' ' && c < 0x7f && c != '?';
}

static size_t
token_bytes(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && n < 76 && is_token_byte(s.ptr[at + n]))
		n++;
	return n;
}

/* The next "?=" at or behind s; remembered, so that many openings without an
 * end cost one search and not one each. */
static const char *
find_mark(struct decoding *d, struct str s)
{
	if (d->has_mark && (d->mark == NULL || d->mark >= s.ptr))
		return d->mark;
	d->has_mark = true;
	d->mark = s.len > 0 ? memmem(s.ptr, s.len, "?=", 2) : NULL;
	return d->mark;
}

static bool
parse_word(struct decoding *d, struct str s, struct word *w)
{
	if (!str_starts(s, "=?"))
		return false;
	size_t n = token_bytes(s, 2);
	if (n == 0 || 2 + n + 3 > s.len || s.ptr[2 + n] != '?' || s.ptr[2 + n + 2] != '?')
		return false;
	w->charset = str_head(str_from(s, 2), n);
	long star = str_find(w->charset, '*'); /* a language (RFC 2231, 5) */
	if (star >= 0)
		w->charset.len = (size_t)star;
	w->encoding = (char)ascii_lower(s.ptr[2 + n + 1]);
	if (w->encoding != 'b' && w->encoding != 'q')
		return false;
	struct str text = str_from(s, 2 + n + 3);
	const char *mark = find_mark(d, text);
	if (mark == NULL)
		return false;
	w->text = str_n(text.ptr, (size_t)(mark - text.ptr));
	w->n_bytes = (size_t)(mark - s.ptr) + 2;
	return true;
}

static void
add_b(struct buf *out, struct str s)
{
	struct mime_decoder d;

	mime_decoder_init(&d, MIME_BASE64);
	mime_decoder_feed(&d, s, true, out);
}

static void
flush_words(struct decoding *d)
{
	if (d->bytes.len > 0)
		mime_to_utf8(d->out, buf_str(&d->bytes), d->charset, d->assumed);
	buf_reset(&d->bytes);
	d->charset = STR_NONE;
}

static void
add_word(struct decoding *d, const struct word *w)
{
	/* A character may be split over words of one charset: convert them together. */
	if (!str_ieq(d->charset, w->charset))
		flush_words(d);
	d->charset = w->charset;
	if (w->encoding == 'q')
		mime_add_hex_decoded(&d->bytes, w->text, '=', true);
	else
		add_b(&d->bytes, w->text);
}

static void
decode(struct decoding *d, struct str s)
{
	size_t plain = 0; /* where the text since the last word begins */
	bool is_after_word = false;
	struct word w;

	for (size_t i = 0; i < s.len;) {
		const char *eq = memchr(s.ptr + i, '=', s.len - i);
		if (eq == NULL)
			break;
		i = (size_t)(eq - s.ptr);
		if (!parse_word(d, str_from(s, i), &w)) {
			i++;
			continue;
		}
		struct str between = str_n(s.ptr + plain, i - plain);
		/* Blanks between two words are no text (RFC 2047, 6.2). */
		if (!is_after_word || str_trim(between).len > 0) {
			flush_words(d);
			mime_to_utf8(d->out, between, STR_NONE, d->assumed);
		}
		add_word(d, &w);
		i += w.n_bytes;
		plain = i;
		is_after_word = true;
	}
	flush_words(d);
	mime_to_utf8(d->out, str_from(s, plain), STR_NONE, d->assumed);
}

void
mime_decode_text(struct buf *out, struct str raw, struct str assumed)
{
	struct buf flat = BUF_INIT;
	struct decoding d = { .out = out, .assumed = assumed, .bytes = BUF_INIT };
	size_t at = out->len;

	mime_unfold(&flat, raw);
	/* ISO-2022-JP without encoded words: its escapes are controls. */
	if (str_find(raw, '\033') >= 0)
		mime_to_utf8(out, str_trim(raw), STR("iso-2022-jp"), assumed);
	else
		decode(&d, buf_str(&flat));
	mime_blank_controls(out, at);
	buf_release(&d.bytes);
	buf_release(&flat);
}

/* Fields made of addresses (RFC 5322, 3.6). */
static const char *const address_fields[] = {
	"from", "to", "cc", "bcc", "reply-to", "sender", "resent-from", "resent-to",
	"resent-cc", "resent-bcc", "resent-sender", "mail-followup-to", "mail-reply-to",
};

void
mime_decode_field(struct buf *out, struct mime_field field, struct str assumed)
{
	struct arena a = ARENA_INIT;
	struct mime_addresses list;

	for (size_t i = 0; i < ARRAY_LEN(address_fields); i++) {
		if (!str_ieqc(field.name, address_fields[i]))
			continue;
		mime_parse_addresses(&a, field.body, assumed, 0, &list);
		mime_add_addresses(out, &list);
		arena_release(&a);
		return;
	}
	mime_decode_text(out, field.body, assumed);
}
