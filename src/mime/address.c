/* Address lists (RFC 5322, 3.4 and 4.4), in one pass over the bytes.
 *
 * Whatever is written gives a result in which all its text can be found. */
#include <string.h>
#include "internal.h"
#include "tern/base/utf8.h"

/* The mailbox being read. */
struct reading {
	struct arena *a;
	struct str assumed;
	size_t max;
	VEC(struct mime_address) found;
	size_t n_left_out;

	struct buf phrase;  /* words with their quotes taken off */
	struct buf spec;    /* the same text as an address: quotes kept, no comments */
	struct buf comment; /* the last one */
	struct buf angle;   /* between < and > */
	bool has_angle;
	bool has_at;	    /* in spec, outside of quotes */
	size_t name_bytes;  /* of phrase: what stood before the angle */
};

static void
reset(struct reading *r)
{
	buf_reset(&r->phrase);
	buf_reset(&r->spec);
	buf_reset(&r->comment);
	buf_reset(&r->angle);
	r->has_angle = r->has_at = false;
	r->name_bytes = 0;
}

static struct str
decoded(struct reading *r, struct str raw)
{
	struct buf b = BUF_INIT;

	mime_decode_text(&b, raw, r->assumed);
	struct str s = arena_str(r->a, str_trim(buf_str(&b)));
	buf_release(&b);
	return s;
}

static struct str
as_utf8(struct reading *r, struct str raw)
{
	struct buf b = BUF_INIT;

	mime_to_utf8(&b, raw, STR_NONE, r->assumed);
	mime_blank_controls(&b, 0);
	struct str s = arena_str(r->a, str_trim(buf_str(&b)));
	buf_release(&b);
	return s;
}

/* local@domain, neither empty, each of plain characters, a quoted string, or
 * (a domain) a literal in brackets. Letters beyond ASCII are plain (RFC 6532). */
static bool
is_address(struct str s)
{
	bool is_quoted = false, is_literal = false;
	size_t at = 0;
	int n_at = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (is_quoted && c == '\\')
			i++;
		else if (c == '"' && n_at == 0 && (is_quoted || i == 0))
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (c == '[' && n_at == 1 && i == at + 1)
			is_literal = true;
		else if (c == ']' && is_literal && i + 1 == s.len)
			is_literal = false;
		else if (c == '@')
			n_at++, at = i;
		else if (strchr(" ()<>,;\\\"[]", c) != NULL || (c == ':' && !is_literal))
			return false;
	}
	return n_at == 1 && at > 0 && at + 1 < s.len && !is_quoted && !is_literal;
}

static void
push(struct reading *r, struct mime_address m)
{
	if (m.name.len == 0 && m.addr.len == 0)
		return;
	m.is_malformed = !m.is_group && !is_address(m.addr);
	vec_push(&r->found, m);
}

/* <@relay,@relay2:local@domain>: the route is obsolete and means nothing. */
static struct str
without_route(struct str s)
{
	if (s.len == 0 || s.ptr[0] != '@')
		return s;
	long colon = str_find(s, ':');
	return colon < 0 ? s : str_from(s, (size_t)colon + 1);
}

/* Without quotes and backslashes, which a name's bare form does not have. */
static void
take_angle(struct reading *r, struct mime_address *m)
{
	struct str raw = without_route(str_trim(buf_str(&r->angle)));

	m->addr = as_utf8(r, raw);
	m->name = decoded(r, buf_str(&r->phrase));
	if (m->name.len == 0)
		m->name = decoded(r, buf_str(&r->comment));
	/* "<>" and "Name <>": the name is all there is */
	if (m->addr.len == 0)
		m->is_malformed = true;
}

static size_t
last_blank(struct str s)
{
	size_t at = s.len;
	bool is_quoted = false;

	/* Blanks in a quoted local part are no separators: from the front. */
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && is_quoted)
			i++;
		else if (s.ptr[i] == '"')
			is_quoted = !is_quoted;
		else if (s.ptr[i] == ' ' && !is_quoted)
			at = i;
	}
	return at;
}

/* "local@domain (Name)", or a name before it without brackets. */
static void
take_spec(struct reading *r, struct mime_address *m)
{
	struct str spec = str_trim(buf_str(&r->spec));
	size_t blank = last_blank(spec);
	struct str last = blank < spec.len ? str_from(spec, blank + 1) : spec;

	if (blank < spec.len && is_address(last)) {
		m->addr = as_utf8(r, last);
		m->name = decoded(r, str_head(spec, blank));
		return;
	}
	m->addr = as_utf8(r, spec);
	m->name = decoded(r, buf_str(&r->comment));
}

/* Nothing was written between two commas, or nobody wants more. */
static bool
is_left_out(struct reading *r)
{
	if (!r->has_angle && r->spec.len == 0 && r->comment.len == 0)
		return true;
	if (r->found.n < r->max)
		return false;
	r->n_left_out++;
	reset(r);
	return true;
}

static void
flush(struct reading *r)
{
	struct mime_address m = { STR_NONE, STR_NONE, false, false };

	if (is_left_out(r))
		return;
	if (r->has_angle) {
		take_angle(r, &m);
	} else if (r->has_at) {
		take_spec(r, &m);
	} else if (r->phrase.len > 0) {
		m.addr = decoded(r, buf_str(&r->phrase));
		m.name = decoded(r, buf_str(&r->comment));
	} else {
		m.name = decoded(r, buf_str(&r->comment));
	}
	push(r, m);
	reset(r);
}

static void
flush_group(struct reading *r)
{
	struct mime_address m = { STR_NONE, STR_NONE, true, false };

	if (is_left_out(r))
		return;
	m.name = decoded(r, buf_str(&r->phrase));
	push(r, m);
	reset(r);
}

/* One blank between words; none around the dot or at-sign of an address. */
static void
add_blank(struct reading *r)
{
	if (r->phrase.len > 0 && r->phrase.ptr[r->phrase.len - 1] != ' ')
		buf_addc(&r->phrase, ' ');
	if (r->spec.len == 0 || strchr(" @", r->spec.ptr[r->spec.len - 1]) != NULL)
		return;
	if (!r->has_at || r->spec.ptr[r->spec.len - 1] != '.')
		buf_addc(&r->spec, ' ');
}

static void
add_plain(struct reading *r, char c)
{
	buf_addc(&r->phrase, c);
	r->has_at |= c == '@';
	if ((c == '@' || (c == '.' && r->has_at)) && r->spec.len > 0 &&
	    r->spec.ptr[r->spec.len - 1] == ' ')
		buf_truncate(&r->spec, r->spec.len - 1);
	buf_addc(&r->spec, c);
}

/* Each of these takes what opened at s[i] and returns where to go on. */
static size_t
take_comment(struct reading *r, struct str s, size_t i)
{
	int depth = 1;

	buf_reset(&r->comment);
	for (i++; i < s.len; i++) {
		if (s.ptr[i] == '\\' && i + 1 < s.len)
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
		buf_addc(&r->comment, s.ptr[i]);
	}
	return i;
}

static size_t
take_quoted(struct reading *r, struct str s, size_t i)
{
	buf_addc(&r->spec, '"');
	for (i++; i < s.len && s.ptr[i] != '"'; i++) {
		if (s.ptr[i] == '\\' && i + 1 < s.len)
			buf_addc(&r->spec, s.ptr[i++]);
		buf_addc(&r->spec, s.ptr[i]);
		buf_addc(&r->phrase, s.ptr[i]);
	}
	buf_addc(&r->spec, '"');
	return i + 1;
}

/* "A <a@b> B <c@d>": a comma is missing before B. */
static void
split_before_angle(struct reading *r)
{
	struct buf name = BUF_INIT;

	buf_addstr(&name, str_from(buf_str(&r->phrase), r->name_bytes));
	buf_truncate(&r->phrase, r->name_bytes);
	flush(r);
	buf_addstr(&r->phrase, buf_str(&name));
	buf_release(&name);
}

static size_t
take_angle_text(struct reading *r, struct str s, size_t i)
{
	bool is_quoted = false;

	if (r->has_angle)
		split_before_angle(r);
	r->has_angle = true;
	r->name_bytes = r->phrase.len;
	for (i++; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '"')
			is_quoted = !is_quoted;
		if (is_quoted) {
			if (c == '\\' && i + 1 < s.len)
				buf_addc(&r->angle, s.ptr[i++]);
			buf_addc(&r->angle, s.ptr[i]);
			continue;
		}
		if (c == '>')
			return i + 1;
		/* no '>' came: the list goes on, unless this is a route */
		if (c == ',' && (r->angle.len == 0 || r->angle.ptr[0] != '@'))
			return i;
		if (c != ' ' && c != '<')
			buf_addc(&r->angle, c);
	}
	return i;
}

/* [192.0.2.1], [IPv6:...]: its colons and commas are its own. */
static size_t
take_literal(struct reading *r, struct str s, size_t i)
{
	while (i < s.len && s.ptr[i] != ']')
		add_plain(r, s.ptr[i++]);
	if (i < s.len)
		add_plain(r, s.ptr[i++]);
	return i;
}

/* An encoded word is one atom: its text may hold commas when badly encoded. */
static size_t
encoded_word_bytes(struct str s)
{
	int n_marks = 0;

	if (!str_starts(s, "=?"))
		return 0;
	for (size_t i = 2; i < s.len && i < 200; i++) {
		if (ascii_is_space((unsigned char)s.ptr[i]))
			return 0;
		if (s.ptr[i] == '?' && ++n_marks == 3)
			return i + 1 < s.len && s.ptr[i + 1] == '=' ? i + 2 : 0;
	}
	return 0;
}

static size_t
take_one(struct reading *r, struct str s, size_t i)
{
	char c = s.ptr[i];
	size_t n = encoded_word_bytes(str_from(s, i));

	if (n > 0) {
		for (size_t k = 0; k < n; k++)
			buf_addc(&r->phrase, s.ptr[i + k]);
		buf_add(&r->spec, s.ptr + i, n);
		return i + n;
	}
	switch (c) {
	case '(':
		return take_comment(r, s, i);
	case '"':
		return take_quoted(r, s, i);
	case '<':
		return take_angle_text(r, s, i);
	case '[':
		if (r->has_at)
			return take_literal(r, s, i);
		break;
	case ',':
	case ';':
		flush(r);
		return i + 1;
	case ':':
		if (!r->has_at && !r->has_angle && r->phrase.len > 0) {
			flush_group(r);
			return i + 1;
		}
		break;
	case ' ':
		add_blank(r);
		return i + 1;
	default:
		break;
	}
	add_plain(r, c);
	return i + 1;
}

void
mime_parse_addresses(struct arena *a, struct str raw, struct str assumed, size_t max,
		     struct mime_addresses *out)
{
	struct buf flat = BUF_INIT;
	struct reading r = { .a = a,
			     .assumed = assumed,
			     .max = max > 0 && max < MIME_MAX_ADDRESSES ? max : MIME_MAX_ADDRESSES,
			     .found = VEC_INIT,
			     .phrase = BUF_INIT,
			     .spec = BUF_INIT,
			     .comment = BUF_INIT,
			     .angle = BUF_INIT };

	mime_unfold(&flat, raw);
	for (size_t i = 0; i < flat.len;)
		i = take_one(&r, buf_str(&flat), i);
	flush(&r);
	*out = (struct mime_addresses){ NULL, r.found.n, r.n_left_out };
	if (r.found.n > 0) {
		out->v = arena_alloc(a, r.found.n * sizeof(*out->v));
		memcpy(out->v, r.found.v, r.found.n * sizeof(*out->v));
	}
	vec_release(&r.found);
	buf_release(&r.phrase);
	buf_release(&r.spec);
	buf_release(&r.comment);
	buf_release(&r.angle);
	buf_release(&flat);
}

/* ---- lists without anything special in them --------------------------------------------- */

enum { IN_NAME = 1, IN_ADDR = 2, IN_QUOTES = 4 };

#define ATOM (IN_NAME | IN_ADDR | IN_QUOTES)

/* Where a byte may stand in such a list. '=' begins encoded words: nowhere. */
static const unsigned char plain_bytes[256] = {
	[' '] = IN_NAME | IN_QUOTES,
	['0' ... '9'] = ATOM, ['A' ... 'Z'] = ATOM, ['a' ... 'z'] = ATOM,
	['!'] = ATOM, ['#'] = ATOM, ['$'] = ATOM, ['%'] = ATOM, ['&'] = ATOM, ['\''] = ATOM,
	['*'] = ATOM, ['+'] = ATOM, ['-'] = ATOM, ['.'] = ATOM, ['/'] = ATOM, ['?'] = ATOM,
	['^'] = ATOM, ['_'] = ATOM, ['`'] = ATOM, ['{'] = ATOM, ['|'] = ATOM, ['}'] = ATOM,
	['~'] = ATOM,
	['('] = IN_QUOTES, [')'] = IN_QUOTES, ['<'] = IN_QUOTES, ['>'] = IN_QUOTES,
	['['] = IN_QUOTES, [']'] = IN_QUOTES, [':'] = IN_QUOTES, [';'] = IN_QUOTES,
	['@'] = IN_QUOTES, [','] = IN_QUOTES,
};

static struct str
plain_run(struct str *s, unsigned where)
{
	size_t n = 0;

	while (n < s->len && (plain_bytes[(unsigned char)s->ptr[n]] & where))
		n++;
	struct str run = { s->ptr, n };
	*s = str_from(*s, n);
	return run;
}

static bool
plain_char(struct str *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

static bool
has_double_blank(struct str s)
{
	for (size_t i = 1; i < s.len; i++)
		if (s.ptr[i] == ' ' && s.ptr[i - 1] == ' ')
			return true;
	return false;
}

/* local@domain at the start of *s, up to a byte that is in neither. */
static bool
plain_spec(struct str *s, struct str *addr_out)
{
	struct str all = *s;
	struct str local = plain_run(s, IN_ADDR);

	if (local.len == 0 || !plain_char(s, '@'))
		return false;
	struct str domain = plain_run(s, IN_ADDR);
	*addr_out = str_head(all, local.len + 1 + domain.len);
	return domain.len > 0;
}

/* Name <local@domain>, "Name" <local@domain>, <local@domain>, local@domain */
static bool
plain_address(struct str *s, struct mime_address *m)
{
	struct str all = *s;

	*m = (struct mime_address){ STR_NONE, STR_NONE, false, false };
	if (plain_char(s, '"')) {
		m->name = str_trim(plain_run(s, IN_QUOTES));
		if (!plain_char(s, '"'))
			return false;
		*s = str_trim_left(*s);
	} else {
		m->name = str_trim(plain_run(s, IN_NAME));
		if (has_double_blank(m->name))
			return false;
	}
	if (plain_char(s, '<'))
		return plain_spec(s, &m->addr) && plain_char(s, '>');
	*s = all;
	m->name = STR_NONE;
	return plain_spec(s, &m->addr);
}

bool
mime_plain_addresses(struct arena *a, struct str raw, size_t max, struct mime_addresses *out)
{
	struct mime_address found[MIME_ROW_MAX_ADDRESSES];
	struct str s = str_trim(raw);
	size_t n = 0;

	if (max > ARRAY_LEN(found))
		max = ARRAY_LEN(found);
	do {
		s = str_trim_left(s);
		if (n == max || !plain_address(&s, &found[n++]))
			return false;
		while (plain_char(&s, ' '))
			;
	} while (plain_char(&s, ','));
	if (s.len > 0)
		return false;
	*out = (struct mime_addresses){ arena_alloc(a, n * sizeof(found[0])), n, 0 };
	memcpy(out->v, found, n * sizeof(found[0]));
	return true;
}

/* ---- as text ----------------------------------------------------------------------------- */

static bool
needs_quotes(struct str name)
{
	static const bool is_special[256] = {
		['('] = true, [')'] = true, ['<'] = true, ['>'] = true, ['['] = true,
		[']'] = true, [':'] = true, [';'] = true, ['@'] = true, ['\\'] = true,
		[','] = true, ['"'] = true, ['\0'] = true,
	};

	for (size_t i = 0; i < name.len; i++)
		if (is_special[(unsigned char)name.ptr[i]])
			return true;
	return false;
}

static void
add_name(struct buf *out, struct str name)
{
	if (!needs_quotes(name)) {
		buf_addstr(out, name);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, name.ptr[i]);
	}
	buf_addc(out, '"');
}

void
mime_add_address(struct buf *out, const struct mime_address *m)
{
	if (m->is_group) {
		add_name(out, m->name);
		buf_adds(out, ":;");
		return;
	}
	if (m->name.len == 0) {
		buf_addstr(out, m->addr);
		return;
	}
	add_name(out, m->name);
	if (m->addr.len == 0)
		return;
	buf_adds(out, " <");
	buf_addstr(out, m->addr);
	buf_addc(out, '>');
}

void
mime_add_addresses(struct buf *out, const struct mime_addresses *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (i > 0)
			buf_adds(out, ", ");
		mime_add_address(out, &list->v[i]);
	}
	if (list->n_left_out > 0)
		buf_addf(out, ", and %zu more", list->n_left_out);
}
