/* Keys and records: how what is stored looks. A record begins with its version;
 * numbers are little-endian, texts stand behind a table of their ends. */
#include "../internal.h"

#include "tern/base/map.h"

#define RECORD_VERSION 1

/* ---- keys ------------------------------------------------------------------------ */

size_t
key_name(unsigned char k[NAME_KEY_MAX], struct str account, struct str name)
{
	size_t room = NAME_KEY_MAX - 1 - 8;
	struct str a = str_head(account, room / 4);
	struct str n = str_head(name, room - a.len);
	size_t len = 0;

	if (a.len > 0)
		memcpy(k, a.ptr, a.len);
	len = a.len;
	k[len++] = 0;
	if (n.len > 0)
		memcpy(k + len, n.ptr, n.len);
	len += n.len;
	if (a.len == account.len && n.len == name.len)
		return len;
	put_be64(k + len, mailbox_hash(account, name));
	return len + 8;
}

uint64_t
mailbox_hash(struct str account, struct str name)
{
	return hash64(account) * 31 + hash64(mailbox_canonical(name));
}

struct str
mailbox_canonical(struct str name)
{
	return str_ieqc(name, "INBOX") ? STR("INBOX") : name;
}

uint64_t
fingerprint(struct str message_id, uint32_t size_bytes, int64_t internaldate)
{
	uint64_t h = hash64(message_id);
	unsigned char rest[12];

	if (message_id.len == 0)
		return 0;
	put_be32(rest, size_bytes);
	put_be64(rest + 4, (uint64_t)internaldate);
	h ^= hash64(str_n((const char *)rest, sizeof(rest))) * 0x9e3779b97f4a7c15ULL;
	return h != 0 ? h : 1;
}

/* ---- reading packed values ---------------------------------------------------------- */

struct in {
	const unsigned char *p;
	size_t left;
	bool is_bad;
};

static const unsigned char *
take(struct in *in, size_t n)
{
	static const unsigned char zeros[16];

	if (in->left < n) {
		in->is_bad = true;
		in->left = 0;
		return zeros;
	}
	const unsigned char *p = in->p;
	in->p += n;
	in->left -= n;
	return p;
}

static uint8_t
in8(struct in *in)
{
	return *take(in, 1);
}

static uint32_t
in32(struct in *in)
{
	uint32_t v;
	memcpy(&v, take(in, 4), 4);
	return le32toh(v);
}

static uint64_t
in64(struct in *in)
{
	uint64_t v;
	memcpy(&v, take(in, 8), 8);
	return le64toh(v);
}

static struct str
in_str(struct in *in)
{
	uint32_t len = in32(in);

	if (len > in->left) {
		in->is_bad = true;
		return STR_NONE;
	}
	return str_n((const char *)take(in, len), len);
}

static void
out8(struct buf *b, uint8_t v)
{
	buf_addc(b, (char)v);
}

static void
out32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_add(b, &v, 4);
}

static void
out64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_add(b, &v, 8);
}

static void
out_str(struct buf *b, struct str s)
{
	out32(b, (uint32_t)s.len);
	buf_addstr(b, s);
}

/* ---- rows ------------------------------------------------------------------------------ */

/* version, ancestors, zone, flags, size, local, internaldate, modseq, id_hash,
 * ends of the texts. Then ancestors, texts. */
#define ROW_TEXTS 9
#define ROW_FIXED (1 + 1 + 2 + 4 + 4 + 4 * 8 + 2 * ROW_TEXTS)
#define ROW_AT_FLAGS 4
#define ROW_AT_ENDS (ROW_FIXED - 2 * ROW_TEXTS)

/* The order of the texts in a record: a change of it is another version. */
#define EACH_TEXT(X) X(subject) X(from_name) X(from_addr) X(to) X(cc) X(reply_to) \
	X(list_id) X(message_id) X(keywords)

static void
put_le(unsigned char **p, const void *v, size_t n)
{
	memcpy(*p, v, n);
	*p += n;
}

void
row_encode(struct buf *b, const struct row *row)
{
	unsigned char fixed[ROW_FIXED], *p = fixed;
	size_t n_ancestors = row->ancestors.len / 8;
	uint16_t zone = htole16((uint16_t)row->zone_min), end = 0;
	uint32_t flags = htole32(row->flags), size = htole32(row->size_bytes);
	uint64_t wide[4] = { htole64(row->local), htole64((uint64_t)row->internaldate),
			     htole64(row->modseq), htole64(row->id_hash) };

	if (n_ancestors > ROW_MAX_ANCESTORS)
		n_ancestors = ROW_MAX_ANCESTORS;
	*p++ = RECORD_VERSION;
	*p++ = (unsigned char)n_ancestors;
	put_le(&p, &zone, 2);
	put_le(&p, &flags, 4);
	put_le(&p, &size, 4);
	put_le(&p, wide, sizeof(wide));
#define PUT_END(field)                                                   \
	end = (uint16_t)(end + str_head(row->field, ROW_MAX_TEXT).len);  \
	zone = htole16(end);                                             \
	put_le(&p, &zone, 2);
	EACH_TEXT(PUT_END)
	buf_add(b, fixed, sizeof(fixed));
	buf_add(b, row->ancestors.ptr, n_ancestors * 8);
#define PUT_TEXT(field) buf_addstr(b, str_head(row->field, ROW_MAX_TEXT));
	EACH_TEXT(PUT_TEXT)
}

static inline uint16_t
le16_at(const unsigned char *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return le16toh(v);
}

static inline uint32_t
le32_at(const unsigned char *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return le32toh(v);
}

static inline uint64_t
le64_at(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return le64toh(v);
}

int
row_decode(const unsigned char *key, MDB_val val, struct row *row)
{
	const unsigned char *p = val.mv_data;

	if (val.mv_size < ROW_FIXED || p[0] != RECORD_VERSION || p[1] > ROW_MAX_ANCESTORS)
		return -1;
	const unsigned char *ends = p + ROW_AT_ENDS;
	const char *texts = (const char *)p + ROW_FIXED + p[1] * 8;
	if (val.mv_size != (size_t)ROW_FIXED + p[1] * 8u + le16_at(ends + 2 * (ROW_TEXTS - 1)))
		return -1;
	row->date = date_of_key(get_be64(key + 4));
	row->uid = get_be32(key + 12);
	row->zone_min = (int16_t)le16_at(p + 2);
	row->flags = le32_at(p + ROW_AT_FLAGS);
	row->size_bytes = le32_at(p + 8);
	row->local = le64_at(p + 12);
	row->internaldate = (int64_t)le64_at(p + 20);
	row->modseq = le64_at(p + 28);
	row->id_hash = le64_at(p + 36);
	row->ancestors = str_n((const char *)p + ROW_FIXED, p[1] * 8u);
	uint16_t from = 0, to;
	bool is_bad = false;
#define GET_TEXT(field)                                          \
	to = le16_at(ends);                                      \
	ends += 2;                                               \
	is_bad |= to < from;                                     \
	row->field = str_n(texts + from, (uint16_t)(to - from)); \
	from = to;
	EACH_TEXT(GET_TEXT)
	return is_bad ? -1 : 0;
}

/* ---- mailboxes --------------------------------------------------------------------------- */

void
mailbox_encode(struct buf *b, const struct mailbox *m)
{
	out8(b, RECORD_VERSION);
	out8(b, m->delimiter);
	out8(b, m->is_read_only);
	out8(b, m->keywords_ok);
	out32(b, m->id);
	out32(b, m->attrs);
	out32(b, m->uidvalidity);
	out32(b, m->uidnext);
	out32(b, m->exists);
	out32(b, m->n_rows);
	out32(b, m->n_unseen);
	out32(b, m->n_flagged);
	out32(b, m->status_messages);
	out32(b, m->status_unseen);
	out64(b, m->modseq);
	out64(b, m->generation);
	out64(b, (uint64_t)m->in_step_wall);
	out_str(b, m->account);
	out_str(b, m->name);
	out_str(b, m->mailbox_id);
	out_str(b, m->covered);
}

int
mailbox_decode(MDB_val val, struct mailbox *m)
{
	struct in in = { val.mv_data, val.mv_size, false };

	if (in8(&in) != RECORD_VERSION)
		return -1;
	m->delimiter = in8(&in);
	m->is_read_only = in8(&in) != 0;
	m->keywords_ok = in8(&in) != 0;
	m->id = in32(&in);
	m->attrs = in32(&in);
	m->uidvalidity = in32(&in);
	m->uidnext = in32(&in);
	m->exists = in32(&in);
	m->n_rows = in32(&in);
	m->n_unseen = in32(&in);
	m->n_flagged = in32(&in);
	m->status_messages = in32(&in);
	m->status_unseen = in32(&in);
	m->modseq = in64(&in);
	m->generation = in64(&in);
	m->in_step_wall = (int64_t)in64(&in);
	m->account = in_str(&in);
	m->name = in_str(&in);
	m->mailbox_id = in_str(&in);
	m->covered = in_str(&in);
	return in.is_bad || in.left != 0 ? -1 : 0;
}

/* ---- intents ------------------------------------------------------------------------------- */

#define INTENT_TEXTS(X) X(account) X(mailbox) X(mailbox_id) X(message_id) X(keyword) \
	X(target_account) X(target) X(before_account) X(before) X(reason)
#define INTENT_U32(X) X(uidvalidity) X(uid) X(size_bytes) X(set_flags) X(clear_flags) X(touched) \
	X(old_flags) X(target_uidvalidity) X(target_uidnext) X(target_uid) X(attempts)

void
intent_encode(struct buf *b, const struct intent *i)
{
	out8(b, RECORD_VERSION);
	out8(b, i->kind);
	out8(b, i->state);
	out8(b, i->stage);
	out8(b, i->is_beyond_undo);
	buf_add(b, i->post_id, sizeof(i->post_id));
	out64(b, i->seq);
	out64(b, i->group);
	out64(b, i->local);
	out64(b, (uint64_t)i->internaldate);
	out64(b, (uint64_t)i->not_before);
	out64(b, (uint64_t)i->time);
#define PUT_U32(field) out32(b, i->field);
	INTENT_U32(PUT_U32)
#define PUT_STR(field) out_str(b, i->field);
	INTENT_TEXTS(PUT_STR)
}

int
intent_decode(MDB_val val, struct intent *i)
{
	struct in in = { val.mv_data, val.mv_size, false };

	if (in8(&in) != RECORD_VERSION)
		return -1;
	i->kind = in8(&in);
	i->state = in8(&in);
	i->stage = in8(&in);
	i->is_beyond_undo = in8(&in) != 0;
	memcpy(i->post_id, take(&in, sizeof(i->post_id)), sizeof(i->post_id));
	i->seq = in64(&in);
	i->group = in64(&in);
	i->local = in64(&in);
	i->internaldate = (int64_t)in64(&in);
	i->not_before = (int64_t)in64(&in);
	i->time = (int64_t)in64(&in);
#define GET_U32(field) i->field = in32(&in);
	INTENT_U32(GET_U32)
#define GET_STR(field) i->field = in_str(&in);
	INTENT_TEXTS(GET_STR)
	return in.is_bad || in.left != 0 || i->kind == 0 || i->kind >= INTENT_N_KINDS ? -1 : 0;
}

struct intent
intent_copy(const struct intent *i, struct arena *a)
{
	struct intent copy = *i;
#define COPY_STR(field) copy.field = arena_str(a, i->field);
	INTENT_TEXTS(COPY_STR)
	return copy;
}

/* ---- small ones ------------------------------------------------------------------------------ */

void
text_encode(struct buf *b, const struct text_state *t)
{
	out8(b, RECORD_VERSION);
	out8(b, (uint8_t)(t->is_complete | t->is_whole << 1 | t->is_html << 2));
	out32(b, t->have);
	out32(b, t->total);
	out64(b, t->text_end);
}

int
text_decode(MDB_val val, struct text_state *t)
{
	struct in in = { val.mv_data, val.mv_size, false };

	if (in8(&in) != RECORD_VERSION)
		return -1;
	uint8_t bits = in8(&in);
	t->is_complete = bits & 1;
	t->is_whole = bits >> 1 & 1;
	t->is_html = bits >> 2 & 1;
	t->have = in32(&in);
	t->total = in32(&in);
	t->text_end = in64(&in);
	return in.is_bad || in.left != 0 ? -1 : 0;
}

void
uid_val(unsigned char *v, const struct place *p)
{
	put_be64(v, (uint64_t)p->date);
	put_be64(v + 8, p->local);
}

int
uid_val_get(MDB_val val, struct place *p)
{
	if (val.mv_size != UID_VAL_LEN)
		return -1;
	p->date = (int64_t)get_be64(val.mv_data);
	p->local = get_be64((const char *)val.mv_data + 8);
	return 0;
}

void
local_val(unsigned char *v, const struct place *p)
{
	put_be32(v, p->mailbox);
	put_be64(v + 4, (uint64_t)p->date);
	put_be32(v + 12, p->uid);
}

int
local_val_get(MDB_val val, struct place *p)
{
	if (val.mv_size != LOCAL_VAL_LEN)
		return -1;
	p->mailbox = get_be32(val.mv_data);
	p->date = (int64_t)get_be64((const char *)val.mv_data + 4);
	p->uid = get_be32((const char *)val.mv_data + 12);
	return 0;
}

void
group_val(unsigned char *v, const struct group *g)
{
	put_be64(v, (uint64_t)g->time);
	v[8] = g->is_undone;
	v[9] = g->is_beyond_undo;
}

int
group_val_get(MDB_val val, struct group *g)
{
	if (val.mv_size != GROUP_VAL_LEN)
		return -1;
	g->time = (int64_t)get_be64(val.mv_data);
	g->is_undone = ((const unsigned char *)val.mv_data)[8] != 0;
	g->is_beyond_undo = ((const unsigned char *)val.mv_data)[9] != 0;
	return 0;
}
