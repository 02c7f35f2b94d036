/* The tree of a message, and its parts decoded: whole and in small pieces. */
#include <stdlib.h>
#include <string.h>
#include "tern/base/utf8.h"
#include "tern/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_so)
{
	if (!is_so)
		abort();
}

static void
decode(struct str raw, enum mime_encoding encoding, size_t piece, struct buf *out)
{
	struct mime_decoder d;

	mime_decoder_init(&d, encoding);
	for (size_t at = 0; at < raw.len; at += piece)
		mime_decoder_feed(&d, str_head(str_from(raw, at), piece), false, out);
	mime_decoder_feed(&d, STR_NONE, true, out);
}

static void
convert(struct str bytes, struct str charset, size_t piece, struct buf *out)
{
	struct mime_charset *c = mime_charset_new(charset, STR_NONE);

	for (size_t at = 0; at < bytes.len; at += piece)
		mime_charset_feed(c, str_head(str_from(bytes, at), piece), false, out);
	mime_charset_feed(c, STR_NONE, true, out);
	mime_charset_free(c);
}

static void
read_part(const struct mime_part *p)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT, text = BUF_INIT, again = BUF_INIT;

	decode(p->body, p->encoding, p->body.len + 1, &whole);
	decode(p->body, p->encoding, 3, &pieces);
	check(str_eq(buf_str(&whole), buf_str(&pieces)));
	convert(buf_str(&whole), p->charset, whole.len + 1, &text);
	convert(buf_str(&whole), p->charset, 5, &again);
	check(str_eq(buf_str(&text), buf_str(&again)));
	check(utf8_is_valid(buf_str(&text)));
	check(memchr(text.ptr, '\0', text.len) == NULL);
	buf_release(&whole);
	buf_release(&pieces);
	buf_release(&text);
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n((const char *)data, size);
	struct arena a = ARENA_INIT;
	struct mime_message m;

	mime_charset_preload(); /* else each conversion loads its module anew */
	mime_parse_message(&a, s, STR_NONE, &m);
	check(m.n_parts >= 1 && m.n_parts <= MIME_MAX_PARTS + MIME_MAX_DEPTH);
	for (size_t i = 0; i < m.n_parts; i++) {
		const struct mime_part *p = &m.parts[i];
		check(p->depth <= MIME_MAX_DEPTH && p->parent < (int)i && p->next < (int)m.n_parts);
		check(p->body.ptr >= s.ptr && p->body.ptr + p->body.len <= s.ptr + s.len);
		if (p->first_child < 0)
			read_part(p);
	}
	arena_release(&a);
	return 0;
}
