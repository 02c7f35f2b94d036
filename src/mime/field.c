/* Header fields: cutting a header into them, and unfolding their bodies. */
#include <string.h>
#include "internal.h"

/* The bytes of the line at the start of s, with its end. */
static size_t
line_bytes(struct str s)
{
	const char *lf = s.len > 0 ? memchr(s.ptr, '\n', s.len) : NULL;

	return lf == NULL ? s.len : (size_t)(lf - s.ptr) + 1;
}

static bool
is_blank_line(struct str line)
{
	return str_eqc(line, "\n") || str_eqc(line, "\r\n");
}

static bool
is_folded(struct str s)
{
	return s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t');
}

/* A field's name is printable ASCII without colon (RFC 5322, 2.2); blanks
 * before the colon are obsolete syntax that is still sent. */
static bool
split_field(struct str line, struct mime_field *f)
{
	long colon = str_find(line, ':');

	if (colon <= 0)
		return false;
	f->name = str_head(line, (size_t)colon);
	while (f->name.len > 0 && (f->name.ptr[f->name.len - 1] == ' ' ||
				   f->name.ptr[f->name.len - 1] == '\t'))
		f->name.len--;
	for (size_t i = 0; i < f->name.len; i++)
		if (f->name.ptr[i] <= ' ' || f->name.ptr[i] > '~')
			return false;
	f->body = str_from(line, (size_t)colon + 1);
	return f->name.len > 0;
}

static struct str
without_line_end(struct str s)
{
	if (s.len > 0 && s.ptr[s.len - 1] == '\n')
		s.len--;
	if (s.len > 0 && s.ptr[s.len - 1] == '\r')
		s.len--;
	return s;
}

bool
mime_next_field(struct str *header, struct mime_field *field_out)
{
	while (header->len > 0) {
		size_t n = line_bytes(*header);
		struct str line = str_head(*header, n);

		if (is_blank_line(line))
			return false;
		bool is_field = split_field(line, field_out);
		while (is_folded(str_from(*header, n)))
			n += line_bytes(str_from(*header, n));
		struct str whole = str_head(*header, n);
		*header = str_from(*header, n);
		if (!is_field)
			continue;
		size_t at = (size_t)(field_out->body.ptr - whole.ptr);
		field_out->body = without_line_end(str_from(whole, at));
		return true;
	}
	return false;
}

struct str
mime_find_field(struct str header, const char *name)
{
	struct mime_field f;

	while (mime_next_field(&header, &f))
		if (str_ieqc(f.name, name))
			return f.body;
	return STR_NONE;
}

size_t
mime_header_bytes(struct str message)
{
	size_t at = 0;

	while (at < message.len) {
		struct str rest = str_from(message, at);
		size_t n = line_bytes(rest);

		at += n;
		if (is_blank_line(str_head(rest, n)))
			return at;
	}
	return at;
}

void
mime_unfold(struct buf *out, struct str raw)
{
	size_t at = out->len;

	raw = str_trim(raw);
	buf_reserve(out, raw.len);
	for (size_t i = 0; i < raw.len; i++) {
		size_t start = i;
		while (i < raw.len && raw.ptr[i] != '\r' && raw.ptr[i] != '\n')
			i++;
		buf_add(out, raw.ptr + start, i - start);
		if (i + 1 < raw.len && !ascii_is_space(raw.ptr[i + 1]))
			buf_addc(out, ' ');
	}
	mime_blank_controls(out, at);
}
