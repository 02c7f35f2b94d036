/* Rows and changes of flags as frames carry them. */
#include <endian.h>
#include <string.h>
#include "tern/row.h"

#define ROW_TEXTS(X) X(subject) X(from_name) X(from_addr) X(to) X(cc) X(reply_to) \
	X(list_id) X(message_id) X(keywords)

void
row_put(struct buf *b, const struct row *row)
{
	ipc_put_u64(b, row->local);
	ipc_put_u32(b, row->uid);
	ipc_put_u32(b, row->size_bytes);
	ipc_put_u32(b, row->flags);
	ipc_put_i64(b, row->date);
	ipc_put_i64(b, row->internaldate);
	ipc_put_u16(b, (uint16_t)row->zone_min);
	ipc_put_u64(b, row->modseq);
	ipc_put_u64(b, row->id_hash);
	ipc_put_str(b, row->ancestors);
#define PUT_TEXT(field) ipc_put_str(b, row->field);
	ROW_TEXTS(PUT_TEXT)
}

int
row_get(struct ipc_reader *r, struct row *row, struct err *err)
{
	bool is_over = false;

	row->local = ipc_get_u64(r);
	row->uid = ipc_get_u32(r);
	row->size_bytes = ipc_get_u32(r);
	row->flags = ipc_get_u32(r);
	row->date = ipc_get_i64(r);
	row->internaldate = ipc_get_i64(r);
	row->zone_min = (int16_t)ipc_get_u16(r);
	row->modseq = ipc_get_u64(r);
	row->id_hash = ipc_get_u64(r);
	row->ancestors = ipc_get_str(r);
#define GET_TEXT(field)                    \
	row->field = ipc_get_text(r);      \
	is_over |= row->field.len > ROW_MAX_TEXT;
	ROW_TEXTS(GET_TEXT)
	if (r->is_bad || is_over || row->ancestors.len % 8 != 0 ||
	    row->ancestors.len > 8 * ROW_MAX_ANCESTORS)
		return err_set(err, ERR_PROTO, "malformed row in a frame");
	return 0;
}

size_t
row_n_ancestors(const struct row *row)
{
	return row->ancestors.len / 8;
}

uint64_t
row_ancestor(const struct row *row, size_t i)
{
	uint64_t hash;

	memcpy(&hash, row->ancestors.ptr + i * 8, 8);
	return le64toh(hash);
}

void
row_flags_put(struct buf *b, const struct row_flags_change *c)
{
	ipc_put_u32(b, c->uid);
	ipc_put_u32(b, c->flags);
	ipc_put_u64(b, c->modseq);
	ipc_put_str(b, c->keywords);
}

int
row_flags_get(struct ipc_reader *r, struct row_flags_change *c, struct err *err)
{
	c->uid = ipc_get_u32(r);
	c->flags = ipc_get_u32(r);
	c->modseq = ipc_get_u64(r);
	c->keywords = ipc_get_text(r);
	if (r->is_bad || c->uid == 0 || c->keywords.len > ROW_MAX_TEXT ||
	    (c->flags & ~(uint32_t)ROW_SERVER_FLAGS) != 0)
		return err_set(err, ERR_PROTO, "malformed change of flags in a frame");
	return 0;
}
