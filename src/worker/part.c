/* One part, decoded, into a descriptor: in chunks that grow while they are
 * quick, two on their way at a time, so that it can be told how far it is, taken
 * back, and gone on with later. What the server says of a chunk's place is
 * checked; one that sends all of it each time is asked for all of it. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/mime.h"

enum {
	FIRST_CHUNK = 256 * 1024,
	MAX_CHUNK = 2 * 1024 * 1024,
	MIN_CHUNK = 32 * 1024,
	QUICK_MS = 1000,
	SLOW_MS = 3000,
	CHUNKS_IN_FLIGHT = 2,
	/* base64 as everybody writes it: 57 octets a line of 76 characters */
	LINE_DECODED = 57,
	LINE_ENCODED = 78,
};

struct chunk {
	uint64_t sub_id;
	uint32_t offset, asked;
	int64_t sent_ms;
	struct buf data;
	bool has_come, is_done;
};

struct part_job {
	uint64_t id;
	int fd;
	uint32_t uid;
	char *section;
	uint32_t size_octets; /* encoded; 0 unknown */
	uint32_t next_offset; /* to be asked for */
	uint32_t chunk_octets;
	bool asks_whole, is_at_end;
	VEC(struct chunk) chunks;
	enum mime_encoding encoding;
	struct mime_decoder decoder;
	uint64_t offset;  /* where in the file the decoded octets go on */
	uint64_t to_skip; /* decoded octets that the file already has */
	uint64_t file_at;
	bool checks_lines; /* went on in the middle of base64: is it laid out so? */
	struct buf decoded;
};

static void
chunk_release(struct chunk *c)
{
	buf_release(&c->data);
}

static void
job_free(struct part_job *j)
{
	for (size_t i = 0; i < j->chunks.n; i++)
		chunk_release(&j->chunks.v[i]);
	vec_release(&j->chunks);
	buf_release(&j->decoded);
	free(j->section);
	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

static void
cancel_chunks(struct worker *w, struct part_job *j)
{
	for (size_t i = 0; i < j->chunks.n; i++) {
		uint64_t sub_id = j->chunks.v[i].sub_id;
		chunk_release(&j->chunks.v[i]);
		j->chunks.v[i].data = (struct buf)BUF_INIT;
		j->chunks.v[i].sub_id = 0;
		imap_cancel(w->imap, sub_id);
	}
	vec_reset(&j->chunks);
}

static void
job_end(struct worker *w, struct part_job *j, const struct err *err)
{
	uint64_t id = j->id;
	struct err why;

	if (err)
		why = *err;
	cancel_chunks(w, j);
	vec_remove_item(&w->parts, j);
	job_free(j);
	worker_end(w, id, err ? &why : NULL, STR_NONE);
}

void
part_release(struct worker *w)
{
	for (size_t i = 0; i < w->parts.n; i++)
		job_free(w->parts.v[i]);
	vec_release(&w->parts);
}

/* ---- asking ---------------------------------------------------------------------------- */

/* Where in the encoded text to begin so that `offset` decoded octets are there. */
static void
seek(struct part_job *j)
{
	j->to_skip = j->offset;
	j->file_at = j->offset;
	j->next_offset = 0;
	j->is_at_end = j->checks_lines = false;
	mime_decoder_init(&j->decoder, j->encoding);
	if (j->asks_whole || j->offset == 0)
		return;
	if (j->encoding == MIME_7BIT && j->offset < UINT32_MAX) {
		j->next_offset = (uint32_t)j->offset;
		j->to_skip = 0;
	} else if (j->encoding == MIME_BASE64 && j->offset >= LINE_DECODED) {
		uint64_t lines = j->offset / LINE_DECODED;
		if (lines * LINE_ENCODED >= j->size_octets)
			return;
		/* The line end before it comes along, as a proof. */
		j->next_offset = (uint32_t)(lines * LINE_ENCODED - 2);
		j->to_skip = j->offset - lines * LINE_DECODED;
		j->checks_lines = true;
	}
}

static void
ask_next(struct worker *w, struct part_job *j)
{
	while (!j->is_at_end && j->chunks.n < CHUNKS_IN_FLIGHT &&
	       !(j->asks_whole && j->chunks.n > 0)) {
		uint32_t max = j->asks_whole ? 0 : j->chunk_octets;
		/* Never at or behind the end: some servers crash on it. */
		if (j->size_octets > 0 && j->next_offset >= j->size_octets)
			break;
		if (max > 0 && j->size_octets > 0 && max > j->size_octets - j->next_offset)
			max = j->size_octets - j->next_offset;
		if (max > UINT32_MAX - j->next_offset) /* no octet can be asked for behind it */
			max = UINT32_MAX - j->next_offset;
		/* The size is not known: then only the answer tells if there is more. */
		if (j->size_octets == 0 && j->chunks.n > 0)
			break;
		struct chunk c = { .sub_id = worker_sub_id(w), .offset = j->next_offset, .asked = max,
				   .sent_ms = w->now_ms, .data = BUF_INIT };
		struct imap_want want = { j->section, c.offset, max };
		vec_push(&j->chunks, c);
		j->next_offset += max;
		if (j->asks_whole)
			j->is_at_end = true;
		imap_fetch_bodies(w->imap, c.sub_id, j->uid, false, &want, 1);
	}
}

static void
adapt(struct worker *w, struct part_job *j, const struct chunk *c)
{
	int64_t took_ms = w->now_ms - c->sent_ms;

	if (took_ms < QUICK_MS && j->chunk_octets < MAX_CHUNK)
		j->chunk_octets *= 2;
	else if (took_ms > SLOW_MS && j->chunk_octets > MIN_CHUNK)
		j->chunk_octets /= 2;
}

static void
start_again(struct worker *w, struct part_job *j, bool asks_whole)
{
	cancel_chunks(w, j);
	j->asks_whole = asks_whole;
	seek(j);
	if (!asks_whole) { /* from the beginning: its lines are laid out otherwise */
		j->next_offset = 0;
		j->to_skip = j->offset;
		j->checks_lines = false;
	}
	ask_next(w, j);
}

/* ---- what came --------------------------------------------------------------------------- */

static int
write_decoded(struct part_job *j, struct err *err)
{
	struct str data = buf_str(&j->decoded);

	if (j->to_skip > 0) {
		size_t n = data.len < j->to_skip ? data.len : (size_t)j->to_skip;
		data = str_from(data, n);
		j->to_skip -= n;
	}
	while (data.len > 0) {
		ssize_t n = pwrite(j->fd, data.ptr, data.len, (off_t)j->file_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, n < 0 ? errno : EIO, "cannot write the attachment");
		data = str_from(data, (size_t)n);
		j->file_at += (uint64_t)n;
	}
	buf_reset(&j->decoded);
	return 0;
}

/* "\r\n", 76 characters, "\r\n": as it was taken to be. */
static bool
is_laid_out(struct str s)
{
	return s.len >= LINE_ENCODED && str_starts(s, "\r\n") && s.ptr[LINE_ENCODED - 1] != '\r' &&
	       (s.len < LINE_ENCODED + 2 ||
		(s.ptr[LINE_ENCODED] == '\r' && s.ptr[LINE_ENCODED + 1] == '\n')) &&
	       !memchr(s.ptr + 2, '\n', LINE_ENCODED - 2);
}

/* The first chunk is complete. True if the job goes on. */
static bool
take_chunk(struct worker *w, struct part_job *j)
{
	struct chunk c = j->chunks.v[0];
	struct str data = buf_str(&c.data);
	struct err err;
	bool is_short = c.asked > 0 && data.len < c.asked;
	bool is_last = j->asks_whole || is_short ||
		       (j->size_octets > 0 && c.offset + c.asked >= j->size_octets);

	if (!c.has_come) {
		err_set(&err, ERR_GONE, "the message or its part is no longer there");
		job_end(w, j, &err);
		return false;
	}
	if (!is_last && c.asked == UINT32_MAX - c.offset) {
		err_set(&err, ERR_PROTO, "the attachment has no end");
		job_end(w, j, &err);
		return false;
	}
	if (c.asked > 0 && data.len > c.asked) { /* took no notice of the length */
		start_again(w, j, true);
		return false;
	}
	if (j->checks_lines && !is_laid_out(data)) {
		start_again(w, j, false);
		return false;
	}
	j->checks_lines = false;
	adapt(w, j, &c);
	mime_decoder_feed(&j->decoder, data, is_last, &j->decoded);
	vec_remove(&j->chunks, 0);
	buf_release(&c.data);
	j->is_at_end |= is_last;
	struct msg_progress m = { .done = c.offset + data.len, .total = j->size_octets };
	if (write_decoded(j, &err) < 0) {
		job_end(w, j, &err);
		return false;
	}
	SEND(w, PROGRESS, progress, j->id, &m);
	if (!is_last)
		return true;
	/* Here, where nobody else waits for the disk. */
	if ((ftruncate(j->fd, (off_t)j->file_at) < 0 || fsync(j->fd) < 0) && errno != EINVAL) {
		err_errno(&err, errno, "cannot write the attachment");
		job_end(w, j, &err);
		return false;
	}
	job_end(w, j, NULL);
	return false;
}

static struct part_job *
job_of(struct worker *w, uint64_t sub_id, struct chunk **chunk_out)
{
	for (size_t i = 0; i < w->parts.n; i++) {
		struct part_job *j = w->parts.v[i];
		for (size_t k = 0; k < j->chunks.n; k++) {
			if (j->chunks.v[k].sub_id == sub_id) {
				*chunk_out = &j->chunks.v[k];
				return j;
			}
		}
	}
	return NULL;
}

bool
part_body(struct worker *w, uint64_t id, const struct imap_body *body)
{
	struct chunk *c;
	struct part_job *j = job_of(w, id, &c);

	if (!j)
		return false;
	if (c->has_come || !str_ieqc(body->section, j->section))
		return true;
	/* Without an origin it is the whole part, which take_chunk() sees by its length
	 * at the first chunk; behind it, it is nothing that fits. */
	if (!body->has_origin && c->offset > 0)
		start_again(w, j, true);
	else {
		buf_addstr(&c->data, body->data);
		c->has_come = true;
	}
	return true;
}

bool
part_done(struct worker *w, uint64_t id, const struct err *err)
{
	struct chunk *c;
	struct part_job *j = job_of(w, id, &c);

	if (!j)
		return (id & SUB_ID) != 0; /* of a job that went on without it */
	if (err) {
		job_end(w, j, err);
		return true;
	}
	c->is_done = true;
	while (j->chunks.n > 0 && j->chunks.v[0].is_done)
		if (!take_chunk(w, j))
			return true;
	ask_next(w, j);
	return true;
}

bool
part_cancel(struct worker *w, uint64_t id)
{
	struct err err;

	for (size_t i = 0; i < w->parts.n; i++) {
		if (w->parts.v[i]->id != id)
			continue;
		err_set(&err, ERR_CANCELED, "canceled");
		job_end(w, w->parts.v[i], &err);
		return true;
	}
	return false;
}

int
part_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_fetch_part m;

	if (!w->imap || f->fd < 0 || msg_get_w_fetch_part(f->payload, &m, err) < 0) {
		if (f->fd >= 0)
			close(f->fd);
		return err_set(err, ERR_PROTO, "a request for a part that makes no sense");
	}
	struct part_job *j = xcalloc(1, sizeof(*j));
	j->id = f->id;
	j->fd = f->fd;
	j->uid = m.uid;
	j->section = str_dup(m.section);
	j->size_octets = m.size_octets;
	j->offset = m.offset;
	j->chunk_octets = FIRST_CHUNK;
	j->encoding = mime_encoding(m.encoding);
	j->asks_whole = imap_is_broken_partial(w->imap);
	buf_init(&j->decoded);
	seek(j);
	vec_push(&w->parts, j);
	ask_next(w, j);
	return 0;
}
