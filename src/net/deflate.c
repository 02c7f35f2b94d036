/* The compressed stream of RFC 4978: raw deflate in both directions, over whatever
 * is below. What comes out is as much as the caller has room for: a few bytes that
 * unpack to gigabytes cost one buffer, and the framer's bounds hold as ever. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "internal.h"
#include "tern/base/mem.h"

enum {
	RAW_DEFLATE = -15, /* the whole window, no header */
	MEMORY_LEVEL = 8,
	PIECE_BYTES = 16 * 1024,
};

struct deflate {
	z_stream in, out;
	unsigned char packed[PIECE_BYTES];  /* came, not unpacked yet: in.next_in points here */
	unsigned char command[PIECE_BYTES]; /* to be packed: out.next_in points here */
	bool is_open; /* packed so far, not flushed: the server could not read all of it */
};

struct deflate *
deflate_new(void)
{
	struct deflate *d = xcalloc(1, sizeof(*d));

	if (inflateInit2(&d->in, RAW_DEFLATE) != Z_OK ||
	    deflateInit2(&d->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_DEFLATE, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* no memory, as everywhere */
	return d;
}

void
deflate_free(struct deflate *d)
{
	if (d == NULL)
		return;
	inflateEnd(&d->in);
	deflateEnd(&d->out);
	wipe(d->command, sizeof(d->command));
	free(d);
}

/* ---- in ---------------------------------------------------------------------------- */

void *
deflate_room(struct deflate *d, size_t *room_out)
{
	if (d->in.avail_in > 0)
		memmove(d->packed, d->in.next_in, d->in.avail_in);
	d->in.next_in = d->packed;
	*room_out = sizeof(d->packed) - d->in.avail_in;
	return d->packed + d->in.avail_in;
}

void
deflate_came(struct deflate *d, size_t n)
{
	d->in.avail_in += (unsigned)n;
}

ssize_t
deflate_read(struct deflate *d, void *out, size_t max, struct err *err)
{
	unsigned room = max < INT_MAX ? (unsigned)max : INT_MAX;

	d->in.next_out = out;
	d->in.avail_out = room;
	int rc = inflate(&d->in, Z_SYNC_FLUSH);
	if (rc == Z_STREAM_END)
		return err_set(err, ERR_PROTO, "the server ended the compression");
	if (rc != Z_OK && rc != Z_BUF_ERROR)
		return err_set(err, ERR_PROTO, "what the server sent compressed is damaged");
	return (ssize_t)(room - d->in.avail_out);
}

/* ---- out --------------------------------------------------------------------------- */

bool
deflate_has_output(const struct deflate *d)
{
	return d->is_open || d->out.avail_in > 0;
}

size_t
deflate_take(struct deflate *d, struct queue *q, void *out, size_t max)
{
	d->out.next_out = out;
	d->out.avail_out = (unsigned)max;
	while (d->out.avail_out > 0 && (q->size_bytes > 0 || deflate_has_output(d))) {
		if (d->out.avail_in == 0) {
			d->out.next_in = d->command;
			d->out.avail_in = (unsigned)queue_take(q, d->command, sizeof(d->command));
		}
		d->is_open = true;
		/* The end of what is to go out now: the server must be able to read it. */
		bool is_end = q->size_bytes == 0;
		deflate(&d->out, is_end ? Z_SYNC_FLUSH : Z_NO_FLUSH);
		/* With room to spare all of it is out, the flush as well. */
		if (is_end && d->out.avail_out > 0)
			d->is_open = false;
	}
	return max - d->out.avail_out;
}
