/* The text of a message into a descriptor: whole if it is small or nothing but
 * text, else a skeleton with the texts in it (skeleton.c). One round trip where
 * the structure is known, and mostly where it is not: then the first part is
 * fetched with it, which nearly always is the text. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/mem.h"
#include "tern/mime.h"

enum {
	SMALL_MESSAGE = 8 * 1024,    /* comes whole, whatever is in it */
	WHOLE_CHUNK = 1024 * 1024,
	FALLBACK_WHOLE = 64 * 1024 * 1024, /* without a structure: no more than this */
	SPECULATIVE_OCTETS = 32 * 1024,
	DEFAULT_OCTETS = 64 * 1024,
	EXTRA_TEXT_OCTETS = 16 * 1024, /* another text beside the main one */
	MAX_EXTRA_TEXTS = 6,
	MAX_HEADERS = 8, /* of messages inside the message, around the main text */
};

enum text_step { STEP_WHOLE, STEP_GUESS, STEP_PARTS };

struct piece {
	char *section; /* owned */
	uint32_t offset;
	struct buf data;
	bool has_come;
};

struct text_job {
	uint64_t id, sub_id;
	int fd;
	enum text_step step;
	uint32_t uid, text_have, max_octets, size_bytes;
	bool whole;
	char *prefer;
	struct arena arena;
	struct structure structure;
	bool has_structure, asks_structure, is_structure_broken;
	VEC(struct piece) pieces;
	uint64_t written; /* of a whole one */
	bool is_write_failed;
	struct err write_err;
	/* the plan of STEP_PARTS */
	int main_part;
	size_t extra[MAX_EXTRA_TEXTS], n_extra;
	size_t headers[MAX_HEADERS], n_headers;
};

static struct text_job *
job_of(struct worker *w, uint64_t sub_id)
{
	for (size_t i = 0; i < w->texts.n; i++)
		if (w->texts.v[i]->sub_id == sub_id)
			return w->texts.v[i];
	return NULL;
}

static void
pieces_reset(struct text_job *j)
{
	for (size_t i = 0; i < j->pieces.n; i++) {
		free(j->pieces.v[i].section);
		buf_release(&j->pieces.v[i].data);
	}
	vec_reset(&j->pieces);
}

static void
job_free(struct text_job *j)
{
	pieces_reset(j);
	vec_release(&j->pieces);
	arena_release(&j->arena);
	free(j->prefer);
	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

static void
job_end(struct worker *w, struct text_job *j, const struct err *err)
{
	uint64_t id = j->id;

	vec_remove_item(&w->texts, j);
	job_free(j);
	worker_end(w, id, err, STR_NONE);
}

void
text_release(struct worker *w)
{
	for (size_t i = 0; i < w->texts.n; i++)
		job_free(w->texts.v[i]);
	vec_release(&w->texts);
}

/* ---- asking ------------------------------------------------------------------------- */

static void
want(struct text_job *j, struct str section, const char *suffix, uint32_t offset)
{
	struct piece p = { .offset = offset, .data = BUF_INIT };

	p.section = xasprintf("%.*s%s%s", STR_ARG(section),
			      section.len > 0 && *suffix ? "." : "", suffix);
	vec_push(&j->pieces, p);
}

static void
ask(struct worker *w, struct text_job *j, const uint32_t *max_octets)
{
	struct imap_want wants[2 + MAX_EXTRA_TEXTS + MAX_HEADERS];

	for (size_t i = 0; i < j->pieces.n; i++)
		wants[i] = (struct imap_want){ j->pieces.v[i].section, j->pieces.v[i].offset,
					       max_octets[i] };
	j->asks_structure = !j->has_structure && !j->is_structure_broken;
	j->sub_id = worker_sub_id(w);
	imap_fetch_bodies(w->imap, j->sub_id, j->uid, j->asks_structure, wants, j->pieces.n);
}

static void
ask_whole(struct worker *w, struct text_job *j)
{
	uint32_t max = j->size_bytes > 0 && j->size_bytes <= SMALL_MESSAGE ? 0 : WHOLE_CHUNK;

	if (imap_is_broken_partial(w->imap))
		max = 0;
	j->step = STEP_WHOLE;
	pieces_reset(j);
	want(j, STR_NONE, "", (uint32_t)j->written);
	ask(w, j, &max);
}

static void
ask_guess(struct worker *w, struct text_job *j)
{
	uint32_t max[] = { 0, j->max_octets > SPECULATIVE_OCTETS ? j->max_octets : SPECULATIVE_OCTETS };

	if (imap_is_broken_partial(w->imap))
		max[1] = 0;
	j->step = STEP_GUESS;
	pieces_reset(j);
	want(j, STR_NONE, "HEADER", 0);
	want(j, STR("1"), "", 0);
	ask(w, j, max);
}

/* ---- the plan ----------------------------------------------------------------------------- */

static size_t
end_of(const struct structure *s, size_t i)
{
	size_t end = i + 1;

	while (end < s->n_parts && s->parts[end].depth > s->parts[i].depth)
		end++;
	return end;
}

static bool
is_below(const struct structure *s, size_t i, size_t ancestor)
{
	return i >= ancestor && i < end_of(s, ancestor);
}

static bool
is_type(const struct part *p, const char *type, const char *subtype)
{
	return str_eqc(p->type, type) && str_eqc(p->subtype, subtype);
}

/* Texts beside the main one, like the footer of a list: not the other faces of
 * its alternative, not what is in other messages, nothing big. */
static bool
is_extra(const struct text_job *j, size_t i)
{
	const struct structure *s = &j->structure;
	const struct part *p = &s->parts[i];

	if ((int)i == j->main_part || !str_eqc(p->type, "text") || part_is_attachment(p) ||
	    p->size_octets > EXTRA_TEXT_OCTETS || (j->text_have > 0 && (int)i < j->main_part))
		return false;
	for (size_t k = 0; k < i; k++)
		if (is_below(s, i, k) && (is_type(&s->parts[k], "multipart", "alternative") ||
					  is_type(&s->parts[k], "message", "rfc822")))
			return false;
	return true;
}

static bool
has_attachments(const struct structure *s)
{
	for (size_t i = 0; i < s->n_parts; i++)
		if (part_is_attachment(&s->parts[i]))
			return true;
	return false;
}

static void
plan(struct text_job *j)
{
	const struct structure *s = &j->structure;

	j->main_part = structure_text(s, str_c(j->prefer));
	j->n_extra = j->n_headers = 0;
	if (j->main_part < 0)
		return;
	for (size_t i = 0; i < s->n_parts; i++) {
		if (j->n_extra < MAX_EXTRA_TEXTS && is_extra(j, i))
			j->extra[j->n_extra++] = i;
		if (j->n_headers < MAX_HEADERS && is_type(&s->parts[i], "message", "rfc822") &&
		    (size_t)j->main_part != i && is_below(s, (size_t)j->main_part, i))
			j->headers[j->n_headers++] = i;
	}
}

static struct piece *
piece_of(struct text_job *j, struct str section, const char *suffix)
{
	char *name = xasprintf("%.*s%s%s", STR_ARG(section),
			       section.len > 0 && *suffix ? "." : "", suffix);
	struct piece *found = NULL;

	for (size_t i = 0; i < j->pieces.n && !found; i++)
		if (j->pieces.v[i].has_come && strcmp(j->pieces.v[i].section, name) == 0)
			found = &j->pieces.v[i];
	free(name);
	return found;
}

/* What the plan needs and the guess has not brought. True if something is asked. */
static bool
ask_parts(struct worker *w, struct text_job *j)
{
	uint32_t max[2 + MAX_EXTRA_TEXTS + MAX_HEADERS];
	struct text_job old = *j;
	const struct part *parts = j->structure.parts;

	j->pieces.v = NULL;
	j->pieces.n = j->pieces.cap = 0;
	if (!piece_of(&old, STR_NONE, "HEADER")) {
		max[j->pieces.n] = 0;
		want(j, STR_NONE, "HEADER", 0);
	}
	if (j->main_part >= 0 && !piece_of(&old, parts[j->main_part].section, "")) {
		max[j->pieces.n] = imap_is_broken_partial(w->imap) ? 0 : j->max_octets;
		want(j, parts[j->main_part].section, "", j->text_have);
	}
	for (size_t i = 0; i < j->n_extra; i++) {
		max[j->pieces.n] = 0;
		want(j, parts[j->extra[i]].section, "", 0);
	}
	for (size_t i = 0; i < j->n_headers; i++) {
		max[j->pieces.n] = 0;
		want(j, parts[j->headers[i]].section, "HEADER", 0);
	}
	bool is_asking = j->pieces.n > 0;
	if (is_asking) {
		j->step = STEP_PARTS;
		ask(w, j, max);
	}
	/* What is there already stays. */
	for (size_t i = 0; i < old.pieces.n; i++)
		vec_push(&j->pieces, old.pieces.v[i]);
	vec_release(&old.pieces);
	return is_asking;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static bool
write_at(struct text_job *j, struct str data, uint64_t at)
{
	while (data.len > 0) {
		ssize_t n = pwrite(j->fd, data.ptr, data.len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_errno(&j->write_err, n < 0 ? errno : EIO, "cannot keep the message's text");
			j->is_write_failed = true;
			return false;
		}
		data = str_from(data, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

static void
tell_text(struct worker *w, struct text_job *j, uint64_t have, uint64_t total, uint64_t text_end,
	  bool is_whole)
{
	struct msg_w_text m = { .uid = j->uid,
				.have = (uint32_t)have,
				.total = (uint32_t)total,
				.text_end = text_end,
				.is_whole = is_whole };

	SEND(w, W_TEXT, w_text, j->id, &m);
}

/* Lay the pieces into their places and write them. False: j is gone. */
static bool
write_skeleton(struct worker *w, struct text_job *j)
{
	struct skeleton_text texts[1 + MAX_EXTRA_TEXTS], headers[MAX_HEADERS];
	struct skeleton s = { .structure = &j->structure,
			      .texts = texts,
			      .headers = headers,
			      .is_rest = j->text_have > 0 };
	const struct part *parts = j->structure.parts;
	struct piece *p = piece_of(j, STR_NONE, "HEADER");
	uint64_t have = j->text_have, total = 0, base = 0;
	struct buf out = BUF_INIT;
	size_t text_end;

	s.header = p ? buf_str(&p->data) : STR_NONE;
	texts[s.n_texts++] = (struct skeleton_text){ SIZE_MAX, STR_NONE, false };
	if (j->main_part >= 0) {
		p = piece_of(j, parts[j->main_part].section, "");
		have += p ? p->data.len : 0;
		total = parts[j->main_part].size_octets;
		/* Shorter than asked for: that was all, whatever the structure says. */
		if (have > total || !p || p->data.len < j->max_octets)
			total = have;
		texts[0] = (struct skeleton_text){ (size_t)j->main_part,
						   p ? buf_str(&p->data) : STR_NONE,
						   have >= total };
	}
	for (size_t i = 0; i < j->n_extra; i++) {
		p = piece_of(j, parts[j->extra[i]].section, "");
		if (p)
			texts[s.n_texts++] =
				(struct skeleton_text){ j->extra[i], buf_str(&p->data), true };
	}
	for (size_t i = 0; i < j->n_headers; i++) {
		p = piece_of(j, parts[j->headers[i]].section, "HEADER");
		if (p)
			headers[s.n_headers++] =
				(struct skeleton_text){ j->headers[i], buf_str(&p->data), true };
	}
	skeleton_write(&s, &out, &text_end);
	if (s.is_rest) {
		off_t end = lseek(j->fd, 0, SEEK_END);
		base = end > 0 ? (uint64_t)end : 0;
	} else if (ftruncate(j->fd, 0) < 0) {
		j->is_write_failed = true;
		err_errno(&j->write_err, errno, "cannot keep the message's text");
	}
	if (!j->is_write_failed && write_at(j, buf_str(&out), base))
		tell_text(w, j, have, total, base + text_end, false);
	buf_release(&out);
	return !j->is_write_failed;
}

static void
tell_structure(struct worker *w, struct text_job *j)
{
	struct buf b = BUF_INIT;

	structure_put(&b, &j->structure);
	struct msg_w_structure m = { .uid = j->uid, .structure = buf_str(&b) };
	SEND(w, W_STRUCTURE, w_structure, j->id, &m);
	buf_release(&b);
}

/* ---- step by step ----------------------------------------------------------------------------------- */

static void
finish(struct worker *w, struct text_job *j)
{
	struct err err = j->write_err;

	job_end(w, j, j->is_write_failed ? &err : NULL);
}

static void
gone(struct worker *w, struct text_job *j)
{
	struct err err;

	err_set(&err, ERR_GONE, "the message is no longer there");
	job_end(w, j, &err);
}

/* The server's structure cannot be read, or made its whole answer unreadable: the
 * message itself may come without. */
static void
go_on_without_structure(struct worker *w, struct text_job *j)
{
	struct err err;

	j->is_structure_broken = true;
	if (j->size_bytes <= FALLBACK_WHOLE) {
		ask_whole(w, j);
		return;
	}
	err_set(&err, ERR_REFUSED,
		"the server cannot tell what is in this message, and it is too "
		"big to be fetched for that");
	job_end(w, j, &err);
}

static void
whole_came(struct worker *w, struct text_job *j)
{
	struct piece *p = &j->pieces.v[0];
	bool was_small = j->size_bytes > 0 && j->size_bytes <= SMALL_MESSAGE;

	if (!p->has_come) {
		if (j->asks_structure)
			go_on_without_structure(w, j);
		else
			gone(w, j);
		return;
	}
	size_t n = p->data.len;
	if (j->written == 0 && ftruncate(j->fd, 0) < 0) {
		j->is_write_failed = true;
		err_errno(&j->write_err, errno, "cannot keep the message's text");
	}
	if (j->is_write_failed || !write_at(j, buf_str(&p->data), j->written)) {
		finish(w, j);
		return;
	}
	j->written += n;
	if (!was_small && n == WHOLE_CHUNK && !imap_is_broken_partial(w->imap) &&
	    j->written < UINT32_MAX - WHOLE_CHUNK) {
		struct msg_progress m = { .done = j->written, .total = j->size_bytes };
		SEND(w, PROGRESS, progress, j->id, &m);
		ask_whole(w, j);
		return;
	}
	tell_text(w, j, j->written, j->written, j->written, true);
	finish(w, j);
}

/* With the structure known, from here on: whole, or in parts. */
static void
go_on_with_structure(struct worker *w, struct text_job *j)
{
	bool is_all_text = !has_attachments(&j->structure) && j->size_bytes > 0 &&
			   j->size_bytes <= j->max_octets;

	if (j->step != STEP_GUESS && is_all_text && j->text_have == 0) {
		ask_whole(w, j);
		return;
	}
	plan(j);
	if (ask_parts(w, j))
		return;
	write_skeleton(w, j);
	finish(w, j);
}

static void
guess_came(struct worker *w, struct text_job *j)
{
	if (piece_of(j, STR_NONE, "HEADER") && j->has_structure)
		go_on_with_structure(w, j);
	else
		go_on_without_structure(w, j);
}

bool
text_done(struct worker *w, uint64_t id, const struct err *err)
{
	struct text_job *j = job_of(w, id);

	if (!j)
		return false;
	if (err) {
		job_end(w, j, err);
	} else if (j->step == STEP_WHOLE) {
		whole_came(w, j);
	} else if (j->step == STEP_GUESS) {
		guess_came(w, j);
	} else if (!piece_of(j, STR_NONE, "HEADER")) {
		gone(w, j);
	} else {
		write_skeleton(w, j);
		finish(w, j);
	}
	return true;
}

/* A server that takes no notice of <origin.length> sends all of it. */
static struct str
cut_to_origin(const struct imap_body *body, uint32_t offset)
{
	if (body->has_origin || offset == 0)
		return body->data;
	return str_from(body->data, offset);
}

bool
text_body(struct worker *w, uint64_t id, const struct imap_body *body)
{
	struct text_job *j = job_of(w, id);

	if (!j)
		return false;
	for (size_t i = 0; i < j->pieces.n; i++) {
		struct piece *p = &j->pieces.v[i];
		if (p->has_come || !str_ieqc(body->section, p->section))
			continue;
		buf_addstr(&p->data, cut_to_origin(body, p->offset));
		p->has_come = true;
		break;
	}
	return true;
}

static struct str
copied(struct arena *a, struct str s)
{
	return s.len > 0 ? arena_str(a, s) : STR_NONE;
}

void
text_structure(struct worker *w, uint64_t id, const struct structure *s)
{
	struct text_job *j = job_of(w, id);

	if (!j || !s || j->has_structure)
		return;
	/* It is the engine's until this returns: keep it packed, as the store does. */
	struct buf b = BUF_INIT;
	struct err err;
	structure_put(&b, s);
	struct str packed = copied(&j->arena, buf_str(&b));
	buf_release(&b);
	j->has_structure = structure_get(packed, &j->arena, &j->structure, &err) == 0;
	if (j->has_structure)
		tell_structure(w, j);
}

bool
text_cancel(struct worker *w, uint64_t id)
{
	struct err err;

	for (size_t i = 0; i < w->texts.n; i++) {
		struct text_job *j = w->texts.v[i];
		if (j->id != id)
			continue;
		uint64_t sub_id = j->sub_id;
		j->sub_id = 0;
		imap_cancel(w->imap, sub_id);
		err_set(&err, ERR_CANCELED, "canceled");
		job_end(w, j, &err);
		return true;
	}
	return false;
}

int
text_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_fetch_text m;

	if (!w->imap || f->fd < 0 || msg_get_w_fetch_text(f->payload, &m, err) < 0) {
		if (f->fd >= 0)
			close(f->fd);
		return err_set(err, ERR_PROTO, "a request for a text that makes no sense");
	}
	struct text_job *j = xcalloc(1, sizeof(*j));
	j->id = f->id;
	j->fd = f->fd;
	j->uid = m.uid;
	j->text_have = m.text_have;
	j->max_octets = m.max_octets > 0 ? m.max_octets : DEFAULT_OCTETS;
	j->size_bytes = m.size_bytes;
	j->whole = m.whole;
	j->prefer = str_dup(m.prefer);
	j->step = STEP_PARTS;
	if (m.structure.len > 0) {
		struct err ignored;
		struct str packed = arena_str(&j->arena, m.structure);
		j->has_structure = structure_get(packed, &j->arena, &j->structure, &ignored) == 0;
	}
	vec_push(&w->texts, j);
	bool is_small = j->size_bytes > 0 && j->size_bytes <= SMALL_MESSAGE && j->text_have == 0;
	if (j->whole || is_small)
		ask_whole(w, j);
	else if (j->has_structure)
		go_on_with_structure(w, j);
	else
		ask_guess(w, j);
	return 0;
}
