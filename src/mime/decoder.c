/* Transfer encodings as streams: base64, quoted-printable, uuencode. */
#include <string.h>
#include "internal.h"

static const struct {
	const char *name;
	enum mime_encoding encoding;
} names[] = {
	{ "base64", MIME_BASE64 },
	{ "quoted-printable", MIME_QP },
	{ "quoted-printeable", MIME_QP }, /* seen */
	{ "x-uuencode", MIME_UUENCODE },
	{ "uuencode", MIME_UUENCODE },
	{ "x-uue", MIME_UUENCODE },
	{ "uue", MIME_UUENCODE },
};

enum mime_encoding
mime_encoding(struct str name)
{
	name = str_trim(name);
	/* "base64; charset=..." and "base64 (comment)" are sent too */
	size_t n = 0;
	while (n < name.len && !ascii_is_space((unsigned char)name.ptr[n]) &&
	       strchr(";(\"", name.ptr[n]) == NULL)
		n++;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieqc(str_head(name, n), names[i].name))
			return names[i].encoding;
	return MIME_7BIT;
}

const char *
mime_encoding_name(enum mime_encoding e)
{
	static const char *const text[] = { "7bit", "base64", "quoted-printable", "x-uuencode" };

	return text[e];
}

void
mime_decoder_init(struct mime_decoder *d, enum mime_encoding encoding)
{
	memset(d, 0, sizeof(*d));
	d->encoding = encoding;
}

static int
base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-') /* and the URL alphabet, which is sent by mistake */
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

/* The bytes of a group that is not full: two characters make one, three two. */
static void
base64_finish(struct mime_decoder *d, struct buf *out)
{
	if (d->n_bits == 2)
		buf_addc(out, (char)(d->bits >> 4));
	if (d->n_bits == 3) {
		buf_addc(out, (char)(d->bits >> 10));
		buf_addc(out, (char)(d->bits >> 2));
	}
	if (d->n_bits == 1)
		d->has_bad_bytes = true;
	d->n_bits = 0;
	d->bits = 0;
}

static void
base64_byte(struct mime_decoder *d, unsigned char c, struct buf *out)
{
	int v = base64_value(c);

	if (c == '=') {
		base64_finish(d, out);
		d->is_done = true; /* what a list's server adds behind is no data */
		return;
	}
	if (v < 0) {
		d->has_bad_bytes |= !ascii_is_space(c);
		return;
	}
	d->bits = d->bits << 6 | (uint32_t)v;
	if (++d->n_bits < 4)
		return;
	char bytes[3] = { (char)(d->bits >> 16), (char)(d->bits >> 8), (char)d->bits };
	buf_add(out, bytes, 3);
	d->n_bits = 0;
	d->bits = 0;
}

static void
base64_feed(struct mime_decoder *d, struct str s, bool is_last, struct buf *out)
{
	buf_reserve(out, s.len / 4 * 3 + 3);
	for (size_t i = 0; i < s.len && !d->is_done; i++)
		base64_byte(d, (unsigned char)s.ptr[i], out);
	if (is_last)
		base64_finish(d, out);
}

static void
release_hold(struct mime_decoder *d, struct buf *out)
{
	buf_add(out, d->hold, d->held);
	d->held = 0;
}

/* `hold` is empty, or starts with a blank (blanks at a line's end are no text),
 * or with a '=' (an escape, or a soft line break with blanks behind it). */
static void
qp_byte(struct mime_decoder *d, char c, struct buf *out)
{
	bool is_escape = d->held > 0 && d->hold[0] == '=';
	bool is_blank = c == ' ' || c == '\t';

	if (is_escape && d->held == 1 && mime_hex(c) >= 0) {
		d->hold[d->held++] = c;
		return;
	}
	if (is_escape && d->held == 2 && mime_hex(d->hold[1]) >= 0) {
		d->held = 0;
		if (mime_hex(c) >= 0) {
			buf_addc(out, (char)(mime_hex(d->hold[1]) * 16 + mime_hex(c)));
			return;
		}
		d->has_bad_bytes = true;
		buf_add(out, d->hold, 2);
		is_escape = false;
	}
	if (is_escape && c == '\n') {
		d->held = 0;
		return;
	}
	if (is_escape && (is_blank || c == '\r') && d->held < sizeof(d->hold)) {
		d->hold[d->held++] = c;
		return;
	}
	if (is_escape) {
		d->has_bad_bytes = true;
		release_hold(d, out);
	}
	if (c == '\n' || c == '\r')
		d->held = 0;
	if (is_blank || c == '=') {
		/* an '=' ends a run of blanks; a run that is too long is text */
		if (c == '=' || d->held == sizeof(d->hold))
			release_hold(d, out);
		d->hold[d->held++] = c;
		return;
	}
	release_hold(d, out);
	buf_addc(out, c);
}

static void
qp_feed(struct mime_decoder *d, struct str s, bool is_last, struct buf *out)
{
	buf_reserve(out, s.len);
	for (size_t i = 0; i < s.len; i++)
		qp_byte(d, s.ptr[i], out);
	if (is_last && d->held > 0 && d->hold[0] == '=' && d->held > 1)
		release_hold(d, out);
	if (is_last)
		d->held = 0;
}

static void
uu_line(struct mime_decoder *d, struct str line, struct buf *out)
{
	if (!d->has_begun) {
		d->has_begun = str_starts(line, "begin ");
		return;
	}
	if (str_eqc(str_trim(line), "end")) {
		d->is_done = true;
		return;
	}
	if (line.len == 0)
		return;
	size_t want = (size_t)((line.ptr[0] - ' ') & 0x3f);
	for (size_t i = 1; want > 0 && i < line.len; i += 4) {
		uint32_t bits = 0;
		for (size_t k = 0; k < 4; k++) {
			char c = i + k < line.len ? line.ptr[i + k] : ' ';
			bits = bits << 6 | (uint32_t)((c - ' ') & 0x3f);
		}
		char bytes[3] = { (char)(bits >> 16), (char)(bits >> 8), (char)bits };
		size_t n = want < 3 ? want : 3;
		buf_add(out, bytes, n);
		want -= n;
	}
	d->has_bad_bytes |= want > 0;
}

static void
uu_end_line(struct mime_decoder *d, struct buf *out)
{
	struct str line = { d->hold, d->held };

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	uu_line(d, line, out);
	d->held = 0;
}

static void
uu_feed(struct mime_decoder *d, struct str s, bool is_last, struct buf *out)
{
	for (size_t i = 0; i < s.len && !d->is_done; i++) {
		if (s.ptr[i] == '\n')
			uu_end_line(d, out);
		else if (d->held < sizeof(d->hold))
			d->hold[d->held++] = s.ptr[i];
		else
			d->has_bad_bytes = true;
	}
	if (is_last && !d->is_done && d->held > 0)
		uu_end_line(d, out);
}

void
mime_decoder_feed(struct mime_decoder *d, struct str chunk, bool is_last, struct buf *out)
{
	switch (d->encoding) {
	case MIME_BASE64:
		base64_feed(d, chunk, is_last, out);
		break;
	case MIME_QP:
		qp_feed(d, chunk, is_last, out);
		break;
	case MIME_UUENCODE:
		uu_feed(d, chunk, is_last, out);
		break;
	case MIME_7BIT:
		buf_addstr(out, chunk);
		break;
	}
}
