/* Content-Type and Content-Disposition with their parameters (RFC 2045, 2183),
 * continued and in charsets (RFC 2231), or wrongly with encoded words in them. */
#include <string.h>
#include "internal.h"

/* name*1*=value as it stands. */
struct segment {
	struct str name;
	struct str value; /* unquoted */
	int index;	  /* -1: not continued */
	bool is_extended; /* charset'lang'percent%20encoded */
	bool is_used;
};

struct segments {
	struct segment v[MIME_MAX_PARAMS];
	size_t n;
};

static struct str
lower(struct arena *a, struct str s)
{
	struct str copy = arena_str(a, s);

	for (size_t i = 0; i < copy.len; i++)
		((char *)(uintptr_t)copy.ptr)[i] = (char)ascii_lower(copy.ptr[i]);
	return copy;
}

/* A type's word: letters, digits and the signs that media types have. */
static struct str
take_token(struct str *s)
{
	size_t n = 0;

	*s = str_trim_left(*s);
	while (n < s->len && n < 127 && s->ptr[n] > ' ' && s->ptr[n] < 0x7f &&
	       strchr("()<>@,;:\\\"/[]?=", s->ptr[n]) == NULL)
		n++;
	struct str token = str_head(*s, n);
	*s = str_from(*s, n);
	return token;
}

/* The text of a quoted string that starts at *s; goes behind its end. */
static struct str
take_quoted(struct arena *a, struct str *s)
{
	struct buf b = BUF_INIT;
	size_t i = 1;

	for (; i < s->len && s->ptr[i] != '"'; i++) {
		/* "C:\dir\file" is sent too: a backslash escapes only what needs it */
		if (s->ptr[i] == '\\' && i + 1 < s->len && strchr("\"\\", s->ptr[i + 1]) != NULL)
			i++;
		buf_addc(&b, s->ptr[i]);
	}
	*s = str_from(*s, i < s->len ? i + 1 : i);
	struct str text = mime_keep(a, &b);
	buf_release(&b);
	return text;
}

static struct str
take_value(struct arena *a, struct str *s)
{
	*s = str_trim_left(*s);
	if (s->len > 0 && s->ptr[0] == '"') {
		struct str text = take_quoted(a, s);
		long semi = str_find(*s, ';');
		*s = str_from(*s, semi < 0 ? s->len : (size_t)semi);
		return text;
	}
	/* A file name with blanks and no quotes is read to its end. */
	long semi = str_find(*s, ';');
	struct str text = str_head(*s, semi < 0 ? s->len : (size_t)semi);
	*s = str_from(*s, text.len);
	return str_trim(text);
}

/* filename*0*: the name, the index, the star. */
static void
split_name(struct str raw, struct segment *seg)
{
	uint32_t index;

	seg->index = -1;
	if (str_ends(raw, "*")) {
		seg->is_extended = true;
		raw.len--;
	}
	long star = str_find(raw, '*');
	if (star > 0 && raw.len - (size_t)star <= 4 &&
	    str_u32(str_from(raw, (size_t)star + 1), &index)) {
		seg->index = (int)index;
		raw.len = (size_t)star;
	}
	seg->name = str_trim(raw);
}

static bool
next_segment(struct arena *a, struct str *s, struct segment *seg)
{
	memset(seg, 0, sizeof(*seg));
	while (s->len > 0) {
		while (s->len > 0 && (s->ptr[0] == ';' || ascii_is_space((unsigned char)s->ptr[0])))
			*s = str_from(*s, 1);
		size_t n = 0;
		while (n < s->len && s->ptr[n] != '=' && s->ptr[n] != ';')
			n++;
		struct str name = str_trim(str_head(*s, n));
		bool has_value = n < s->len && s->ptr[n] == '=';
		*s = str_from(*s, has_value ? n + 1 : n);
		if (!has_value)
			continue;
		split_name(name, seg);
		seg->value = take_value(a, s);
		if (seg->name.len > 0 && seg->name.len < 128)
			return true;
	}
	return false;
}

/* charset'language'text */
static struct str
split_charset(struct str *value)
{
	struct str s = *value, charset, language;

	if (str_next(&s, '\'', &charset) && str_next(&s, '\'', &language) && s.ptr != NULL) {
		*value = s;
		return charset;
	}
	return STR_NONE;
}

static struct segment *
find_segment(struct segments *list, struct str name, int index)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->v[i].is_used && list->v[i].index == index &&
		    str_ieq(list->v[i].name, name))
			return &list->v[i];
	return NULL;
}

static struct str
finish(struct arena *a, struct buf *bytes, struct str charset, struct str assumed)
{
	struct buf text = BUF_INIT;

	mime_to_utf8(&text, buf_str(bytes), charset, assumed);
	mime_blank_controls(&text, 0);
	struct str s = mime_keep(a, &text);
	buf_release(&text);
	return s;
}

static struct str
join_segments(struct arena *a, struct segments *list, struct segment *first, struct str assumed)
{
	struct buf bytes = BUF_INIT;
	struct str charset = STR_NONE;
	struct segment *seg = first;

	for (int index = first->index; seg != NULL;
	     seg = find_segment(list, first->name, ++index)) {
		struct str value = seg->value;
		if (seg == first && seg->is_extended)
			charset = split_charset(&value);
		if (seg->is_extended)
			mime_add_hex_decoded(&bytes, value, '%', false);
		else
			buf_addstr(&bytes, value);
		seg->is_used = true;
		if (seg->index < 0)
			break;
	}
	struct str s;
	if (charset.len == 0 && str_find_str(buf_str(&bytes), STR("=?")) >= 0) {
		struct buf text = BUF_INIT;
		mime_decode_text(&text, buf_str(&bytes), assumed);
		s = mime_keep(a, &text);
		buf_release(&text);
	} else {
		s = finish(a, &bytes, charset, assumed);
	}
	buf_release(&bytes);
	return s;
}

/* Which of several spellings of one parameter holds: name*, name*0, name*1 (an
 * off by one that is sent), name. */
static struct segment *
best_segment(struct segments *list, struct str name)
{
	static const int by_index[] = { -1, 0, 1 };
	struct segment *plain = NULL;

	for (size_t i = 0; i < list->n; i++) {
		struct segment *seg = &list->v[i];
		if (seg->is_used || seg->index >= 0 || !str_ieq(seg->name, name))
			continue;
		if (seg->is_extended)
			return seg;
		if (plain == NULL)
			plain = seg;
	}
	for (size_t i = 1; i < ARRAY_LEN(by_index); i++) {
		struct segment *seg = find_segment(list, name, by_index[i]);
		if (seg != NULL)
			return seg;
	}
	return plain;
}

static void
mark_used(struct segments *list, struct str name)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_ieq(list->v[i].name, name))
			list->v[i].is_used = true;
}

void
mime_parse_value(struct arena *a, struct str raw, struct str assumed, struct mime_value *out)
{
	struct buf flat = BUF_INIT;
	struct segments list = { .n = 0 };

	memset(out, 0, sizeof(*out));
	mime_unfold(&flat, raw);
	struct str s = buf_str(&flat);
	out->type = lower(a, take_token(&s));
	s = str_trim_left(s);
	if (s.len > 0 && s.ptr[0] == '/') {
		s = str_from(s, 1);
		out->subtype = lower(a, take_token(&s));
	}
	while (list.n < MIME_MAX_PARAMS && next_segment(a, &s, &list.v[list.n]))
		list.n++;
	if (list.n > 0)
		out->params = arena_alloc(a, list.n * sizeof(*out->params));
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i].is_used)
			continue;
		struct segment *best = best_segment(&list, list.v[i].name);
		if (best == NULL) { /* a later piece without its first */
			list.v[i].is_used = true;
			continue;
		}
		struct mime_param *p = &out->params[out->n_params++];
		p->name = lower(a, best->name);
		p->value = join_segments(a, &list, best, assumed);
		mark_used(&list, best->name);
	}
	buf_release(&flat);
}

struct str
mime_param(const struct mime_value *v, const char *name)
{
	for (size_t i = 0; i < v->n_params; i++)
		if (str_eqc(v->params[i].name, name))
			return v->params[i].value;
	return STR_NONE;
}
