/* The message read: asked for from the manager, streamed by the renderer. New
 * lines take the place of the old ones when there are as many, so that nothing
 * jumps when more of a text comes. */
#include "internal.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "tern/base/tick.h"

/* One rendering. */
struct lines {
	struct arena text;
	VEC(struct doc_line *) lines;
	VEC(struct doc_part *) parts;
	VEC(struct str) links;
	bool is_ended;
	bool has_more;
};

struct model_doc {
	struct model *m;
	uint64_t local;
	struct model_read how;
	struct arena how_text;
	uint64_t request; /* 0: answered */
	struct ipc_conn *conn;
	struct lines *shown, *coming;
	bool is_other; /* what comes is read in another way, not more of the same */
	uint64_t have, total;
	char *trouble;
	bool waits, wants_more; /* the server could not be reached: asked again when it can */
	unsigned version;
};

static void
lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	arena_release(&l->text);
	vec_release(&l->lines);
	vec_release(&l->parts);
	vec_release(&l->links);
	free(l);
}

static void
set_trouble(struct model_doc *d, const char *text)
{
	free(d->trouble);
	d->trouble = xstrdup(text);
	model_mark(d->m, MODEL_DOCUMENT);
}

static void
hang_up(struct model_doc *d)
{
	ipc_conn_free(d->conn);
	d->conn = NULL;
	if (d->coming != d->shown)
		lines_free(d->coming);
	d->coming = NULL;
}

static void
copy_how(struct model_doc *d, const struct model_read *how)
{
	struct model_read copy = *how;
	struct msg_render *r = &copy.render;
	struct str *texts[] = { &r->ignore, &r->unignore, &r->hdr_order, &r->alternative_order,
				&r->auto_view, &r->assumed_charset, &r->section };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(&d->how_text, *texts[i]);
	d->how = copy;
}

/* A socket to a renderer came. */
static void
take_document(struct model_doc *d, const struct ipc_frame *f)
{
	struct msg_document msg;
	struct err err = ERR_INIT;

	if (msg_get_document(f->payload, &msg, &err) < 0 || f->fd < 0)
		return;
	hang_up(d);
	d->conn = ipc_conn_new(f->fd);
	((struct ipc_frame *)(uintptr_t)f)->fd = -1; /* ours now */
	d->have = msg.have;
	d->total = msg.total;
	d->coming = xcalloc(1, sizeof(*d->coming));
	if (IPC_SEND(d->conn, RENDER, render, 0, -1, &d->how.render, &err) < 0 ||
	    ipc_flush(d->conn, &err) < 0) {
		set_trouble(d, err.text);
		hang_up(d);
	}
	model_mark(d->m, MODEL_DOCUMENT);
}

static void
answered(void *ctx, const struct ipc_frame *f, bool is_end)
{
	struct model_doc *d = ctx;
	struct msg_failed failed;
	struct msg_progress progress;
	struct err err = ERR_INIT;
	char *text;

	if (f->type == MSG_DOCUMENT)
		take_document(d, f);
	if (f->type == MSG_PROGRESS && msg_get_progress(f->payload, &progress, &err) == 0) {
		d->have = progress.done;
		d->total = progress.total;
		model_mark(d->m, MODEL_DOCUMENT);
	}
	if (f->type == MSG_FAILED && msg_get_failed(f->payload, &failed, &err) == 0) {
		text = str_dup(failed.text);
		set_trouble(d, text);
		free(text);
		d->waits = failed.kind == ERR_WAIT;
	}
	if (is_end) {
		d->request = 0;
		model_mark(d->m, MODEL_DOCUMENT);
	}
}

static void
ask(struct model_doc *d, bool more)
{
	struct msg_read msg = { .local = d->local,
				.prefer = d->how.render.alternative_order,
				.more = more,
				.whole = d->how.whole };

	d->waits = false;
	d->wants_more = more;
	if (d->request != 0)
		model_forget(d->m, d->request);
	d->request = REQUEST(d->m, READ, read, &msg, answered, d);
}

struct model_doc *
model_doc_open(struct model *m, uint64_t local, const struct model_read *how)
{
	struct model_doc *d = xcalloc(1, sizeof(*d));

	d->m = m;
	d->local = local;
	copy_how(d, how);
	vec_push(&m->docs, d);
	ask(d, false);
	return d;
}

void
model_doc_free(struct model_doc *d)
{
	if (d == NULL)
		return;
	if (d->request != 0)
		model_forget(d->m, d->request);
	hang_up(d);
	lines_free(d->shown);
	vec_remove_item(&d->m->docs, d);
	arena_release(&d->how_text);
	free(d->trouble);
	free(d);
}

uint64_t
model_doc_local(const struct model_doc *d)
{
	return d->local;
}

void
model_doc_again(struct model_doc *d, const struct model_read *how)
{
	copy_how(d, how);
	free(d->trouble);
	d->trouble = NULL;
	/* Other lines, not more of the same: they are shown as they come. */
	lines_free(d->shown == d->coming ? NULL : d->coming);
	ipc_conn_free(d->conn);
	d->conn = NULL;
	d->coming = NULL;
	if (d->shown != NULL)
		d->shown->is_ended = false;
	d->is_other = true;
	ask(d, false);
}

void
model_doc_more(struct model_doc *d)
{
	if (d->request == 0)
		ask(d, true);
}

void
documents_connected(struct model *m)
{
	for (size_t i = 0; i < m->docs.n; i++) {
		struct model_doc *d = m->docs.v[i];
		if (!d->waits || d->request != 0)
			continue;
		free(d->trouble);
		d->trouble = NULL;
		ask(d, d->wants_more);
		model_mark(m, MODEL_DOCUMENT);
	}
}

/* ---- frames of the renderer -------------------------------------------------------------- */

static void
show_coming_if_enough(struct model_doc *d)
{
	struct lines *c = d->coming;

	if (c == NULL || d->shown == c)
		return;
	/* More of the same never takes away what is there. */
	if (d->shown != NULL && !d->is_other && !c->is_ended &&
	    (c->lines.n < d->shown->lines.n || c->parts.n < d->shown->parts.n))
		return;
	lines_free(d->shown);
	d->is_other = false;
	d->shown = c;
	d->version++;
}

/* Slices of a payload die with it. */
static struct str
keep(struct lines *l, struct str blob)
{
	return arena_str(&l->text, blob);
}

static int
take_frame(struct model_doc *d, const struct ipc_frame *f, struct err *err)
{
	struct lines *l = d->coming;
	struct msg_r_lines lines;
	struct msg_r_parts parts;
	struct msg_r_links links;
	struct msg_r_end end;

	switch (f->type) {
	case MSG_R_LINES: {
		if (msg_get_r_lines(f->payload, &lines, err) < 0 || l->lines.n > DOC_MAX_LINES)
			return -1;
		struct doc_line *got = doc_get_lines(&l->text, keep(l, lines.lines), lines.n, err);
		if (got == NULL && lines.n > 0)
			return -1;
		for (uint32_t i = 0; i < lines.n; i++)
			vec_push(&l->lines, &got[i]);
		break;
	}
	case MSG_R_PARTS: {
		if (msg_get_r_parts(f->payload, &parts, err) < 0 ||
		    l->parts.n > STRUCTURE_MAX_PARTS)
			return -1;
		struct doc_part *got = doc_get_parts(&l->text, keep(l, parts.parts), parts.n, err);
		if (got == NULL && parts.n > 0)
			return -1;
		for (uint32_t i = 0; i < parts.n; i++)
			vec_push(&l->parts, &got[i]);
		break;
	}
	case MSG_R_LINKS: {
		if (msg_get_r_links(f->payload, &links, err) < 0 || l->links.n > DOC_MAX_LINKS)
			return -1;
		struct str *got = doc_get_links(&l->text, keep(l, links.links), links.n, err);
		if (got == NULL && links.n > 0)
			return -1;
		for (uint32_t i = 0; i < links.n; i++)
			vec_push(&l->links, got[i]);
		break;
	}
	case MSG_R_END:
		if (msg_get_r_end(f->payload, &end, err) < 0)
			return -1;
		l->is_ended = true;
		l->has_more = end.has_more != 0;
		break;
	case MSG_FAILED: {
		struct msg_failed failed;
		if (msg_get_failed(f->payload, &failed, err) == 0)
			err_set(err, ERR_SYSTEM, "%.*s", STR_ARG(failed.text));
		return -1;
	}
	default:
		break; /* a newer renderer's; it hurts nobody */
	}
	show_coming_if_enough(d);
	model_mark(d->m, MODEL_DOCUMENT);
	return 0;
}

static void
read_document(struct model_doc *d)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	int got = 0;

	if (d->conn == NULL)
		return;
	bool at_end = ipc_flush(d->conn, &err) < 0 || ipc_fill(d->conn, &err) < 0;
	while (d->conn != NULL && (got = ipc_next(d->conn, &f, &err)) > 0) {
		if (f.fd >= 0)
			close(f.fd);
		if (take_frame(d, &f, &err) < 0) {
			got = -1;
			break;
		}
	}
	bool is_ended = d->coming != NULL && d->coming->is_ended;
	if (got < 0) {
		set_trouble(d, err.text);
		hang_up(d);
	} else if (is_ended || at_end) {
		if (!is_ended)
			set_trouble(d, "the message could not be shown: its renderer ended early");
		hang_up(d);
	}
}

size_t
model_poll(const struct model *m, struct pollfd *fds, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < m->docs.n && n < max; i++) {
		struct ipc_conn *c = m->docs.v[i]->conn;
		if (c != NULL)
			fds[n++] = (struct pollfd){
				ipc_fd(c), (short)(POLLIN | (ipc_wants_write(c) ? POLLOUT : 0)), 0
			};
	}
	return n;
}

void
model_polled(struct model *m, const struct pollfd *fds, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < m->docs.n && fds[k].revents != 0; i++) {
			struct model_doc *d = m->docs.v[i];
			if (d->conn != NULL && ipc_fd(d->conn) == fds[k].fd) {
				read_document(d);
				break;
			}
		}
}

/* ---- reading it ------------------------------------------------------------------------------ */

unsigned
model_doc_version(const struct model_doc *d)
{
	return d->version;
}

size_t
model_doc_n_lines(const struct model_doc *d)
{
	return d->shown != NULL ? d->shown->lines.n : 0;
}

const struct doc_line *
model_doc_line(const struct model_doc *d, size_t i)
{
	return i < model_doc_n_lines(d) ? d->shown->lines.v[i] : NULL;
}

size_t
model_doc_n_parts(const struct model_doc *d)
{
	return d->shown != NULL ? d->shown->parts.n : 0;
}

const struct doc_part *
model_doc_part(const struct model_doc *d, size_t i)
{
	return i < model_doc_n_parts(d) ? d->shown->parts.v[i] : NULL;
}

size_t
model_doc_n_links(const struct model_doc *d)
{
	return d->shown != NULL ? d->shown->links.n : 0;
}

struct str
model_doc_link(const struct model_doc *d, size_t i)
{
	return i < model_doc_n_links(d) ? d->shown->links.v[i] : STR_NONE;
}

bool
model_doc_is_complete(const struct model_doc *d, bool *more_out)
{
	bool is_ended = d->shown != NULL && d->shown->is_ended;

	if (more_out != NULL)
		*more_out = is_ended && d->shown->has_more && d->request == 0;
	return is_ended && d->request == 0 && d->coming == NULL;
}

const char *
model_doc_trouble(const struct model_doc *d)
{
	return d->trouble;
}

void
model_doc_progress(const struct model_doc *d, uint64_t *have_out, uint64_t *total_out)
{
	*have_out = d->have;
	*total_out = d->total;
}
