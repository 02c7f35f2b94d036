/* What a row of the index needs of a header. */
#include <string.h>
#include "internal.h"

/* Most fields are plain: printable ASCII on one line, no encoded words. They are
 * what they mean, and stay where they are. */
static bool
is_plain(struct str s)
{
	return str_is_printable(s) && str_find(s, '=') < 0;
}

static struct str
short_text(struct arena *a, struct str s, size_t max)
{
	return s.len <= max ? s : arena_str(a, mime_utf8_head(s, max));
}

static struct mime_addresses
row_addresses(struct arena *a, struct str raw, struct str assumed)
{
	struct mime_addresses list;

	if (raw.len == 0)
		return (struct mime_addresses){ NULL, 0, 0 };
	if (!mime_plain_addresses(a, raw, MIME_ROW_MAX_ADDRESSES, &list))
		mime_parse_addresses(a, raw, assumed, MIME_ROW_MAX_ADDRESSES, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct mime_address *m = &list.v[i];
		m->name = short_text(a, m->name, MIME_ROW_MAX_NAME);
		/* A cut address must not be written to. */
		m->is_malformed |= m->addr.len > MIME_ROW_MAX_ADDR;
		m->addr = short_text(a, m->addr, MIME_ROW_MAX_ADDR);
	}
	return list;
}

static struct str
row_text(struct arena *a, struct str raw, struct str assumed, size_t max)
{
	struct buf b = BUF_INIT;

	raw = str_trim(raw);
	if (raw.len <= max && is_plain(raw))
		return raw;
	/* No encoding makes text longer than this. */
	mime_decode_text(&b, str_head(raw, 16 * max), assumed);
	struct str s = arena_str(a, mime_utf8_head(str_trim(buf_str(&b)), max));
	buf_release(&b);
	return s;
}

static struct str
row_id(struct arena *a, struct str id)
{
	struct buf b = BUF_INIT;

	if (id.len <= MIME_ROW_MAX_ID && str_is_printable(id))
		return id;
	mime_to_utf8(&b, id, STR_NONE, STR_NONE);
	struct str s = arena_str(a, mime_utf8_head(buf_str(&b), MIME_ROW_MAX_ID));
	buf_release(&b);
	return s;
}

static struct str
row_list_id(struct arena *a, struct str raw, struct str assumed)
{
	struct str id, s = raw;

	if (mime_next_id(&s, &id))
		return row_text(a, id, assumed, MIME_ROW_MAX_NAME);
	return row_text(a, raw, assumed, MIME_ROW_MAX_NAME);
}

static bool
is_type_byte(char c)
{
	return ascii_is_alnum(c) || c == '/' || c == '-' || c == '+' || c == '.' || c == '_';
}

/* "text/plain", with or without parameters, which a row does not look at. */
static struct str
row_content_type(struct arena *a, struct str raw)
{
	struct str s = str_trim(raw);
	size_t n = 0, slash = 0;

	while (n < s.len && is_type_byte(s.ptr[n])) {
		if (s.ptr[n] == '/' && slash > 0)
			break;
		if (s.ptr[n] == '/')
			slash = n;
		n++;
	}
	if (slash > 0 && n > slash + 1 && n < 127 && (n == s.len || s.ptr[n] == ';')) {
		char *type = arena_cstr(a, str_head(s, n));
		for (size_t i = 0; i < n; i++)
			type[i] = (char)ascii_lower(type[i]);
		return (struct str){ type, n };
	}
	struct mime_value v;
	mime_parse_value(a, raw, STR_NONE, &v);
	if (v.type.len == 0 || v.subtype.len == 0)
		return STR("text/plain");
	return str_c(arena_printf(a, "%.*s/%.*s", STR_ARG(v.type), STR_ARG(v.subtype)));
}

struct ancestors {
	uint64_t v[MIME_ROW_MAX_ANCESTORS];
	size_t n;
};

/* The last mention of an id says where it stands: drop an earlier one. With
 * too many, the first (the thread's root) and the latest stay. */
static void
add_ancestor(struct ancestors *list, uint64_t hash)
{
	size_t at = 0;

	while (at < list->n && list->v[at] != hash)
		at++;
	if (at == list->n && list->n == MIME_ROW_MAX_ANCESTORS)
		at = 1;
	if (at < list->n) {
		memmove(list->v + at, list->v + at + 1, (list->n - at - 1) * sizeof(list->v[0]));
		list->n--;
	}
	list->v[list->n++] = hash;
}

static void
add_references(struct ancestors *list, struct str raw, uint64_t self)
{
	struct str id;

	for (int n = 0; n < MIME_MAX_IDS && mime_next_id(&raw, &id); n++) {
		uint64_t hash = mime_id_hash(id);
		if (hash != self)
			add_ancestor(list, hash);
	}
}

/* In-Reply-To is believed where References is silent; where both speak, the
 * end of References is the parent (jwz's rule, and mutt's). */
static void
row_ancestors(struct arena *a, struct str references, struct str in_reply_to,
	      struct mime_row *row)
{
	struct ancestors list = { .n = 0 };

	add_references(&list, references, row->id_hash);
	if (list.n == 0)
		add_references(&list, in_reply_to, row->id_hash);
	row->n_ancestors = list.n;
	if (list.n > 0) {
		row->ancestors = arena_alloc(a, list.n * sizeof(list.v[0]));
		memcpy(row->ancestors, list.v, list.n * sizeof(list.v[0]));
	}
}

enum { DATE, FROM, TO, CC, REPLY_TO, SUBJECT, MESSAGE_ID, IN_REPLY_TO, REFERENCES, LIST_ID,
       CONTENT_TYPE, N_FIELDS };

static const struct str field_names[N_FIELDS] = {
	[DATE] = STR_INIT("date"),
	[FROM] = STR_INIT("from"),
	[TO] = STR_INIT("to"),
	[CC] = STR_INIT("cc"),
	[REPLY_TO] = STR_INIT("reply-to"),
	[SUBJECT] = STR_INIT("subject"),
	[MESSAGE_ID] = STR_INIT("message-id"),
	[IN_REPLY_TO] = STR_INIT("in-reply-to"),
	[REFERENCES] = STR_INIT("references"),
	[LIST_ID] = STR_INIT("list-id"),
	[CONTENT_TYPE] = STR_INIT("content-type"),
};

/* The first of each name counts, as everywhere in mail. */
static void
collect(struct str header, struct str bodies[N_FIELDS])
{
	struct mime_field f;

	for (int n = 0; n < MIME_MAX_FIELDS && mime_next_field(&header, &f); n++)
		for (size_t i = 0; i < N_FIELDS; i++)
			if (str_ieq(f.name, field_names[i])) {
				if (bodies[i].ptr == NULL)
					bodies[i] = f.body;
				break;
			}
}

void
mime_row_headers(struct arena *a, struct str header, struct str assumed, struct mime_row *row)
{
	struct str body[N_FIELDS] = { { NULL, 0 } };

	memset(row, 0, sizeof(*row));
	collect(str_head(header, MIME_MAX_HEADER_BYTES), body);
	row->has_date = mime_parse_date(body[DATE], &row->date);
	row->from = row_addresses(a, body[FROM], assumed);
	row->to = row_addresses(a, body[TO], assumed);
	row->cc = row_addresses(a, body[CC], assumed);
	row->reply_to = row_addresses(a, body[REPLY_TO], assumed);
	row->subject = row_text(a, body[SUBJECT], assumed, MIME_ROW_MAX_SUBJECT);
	struct str id, raw = body[MESSAGE_ID];
	if (mime_next_id(&raw, &id)) {
		row->message_id = row_id(a, id);
		row->id_hash = mime_id_hash(id);
	}
	row_ancestors(a, body[REFERENCES], body[IN_REPLY_TO], row);
	row->list_id = row_list_id(a, body[LIST_ID], assumed);
	row->content_type = row_content_type(a, body[CONTENT_TYPE]);
}
