/* What the server tells, as frames: rows and changes of flags in batches, the
 * rest as it comes, always in the order in which it came. And the requests that
 * ask for it. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/log.h"
#include "tern/base/utf8.h"
#include "tern/session.h"

enum {
	BATCH_ROWS = 250,
	BATCH_BYTES = 512 * 1024,
	MAX_FRAME_UIDS = 900 * 1024,
	MAX_FOUND = 1000,
};

/* ---- batches ------------------------------------------------------------------------ */

static void
batch_send(struct worker *w, struct batch *b)
{
	struct msg_w_rows rows = { .n = b->n, .rows = buf_str(&b->data) };
	struct msg_w_flags flags = { .n = b->n, .changes = buf_str(&b->data) };

	if (b->n == 0)
		return;
	b->n = 0;
	if (b->type == MSG_W_ROWS)
		IPC_SEND(w->conn, W_ROWS, w_rows, b->id, -1, &rows, NULL);
	else
		IPC_SEND(w->conn, W_FLAGS, w_flags, b->id, -1, &flags, NULL);
	buf_reset(&b->data);
}

void
sync_flush(struct worker *w)
{
	batch_send(w, &w->batch);
}

void
sync_release(struct worker *w)
{
	buf_release(&w->batch.data);
	buf_release(&w->folders.data);
	vec_release(&w->lists);
}

static struct buf *
batch_for(struct worker *w, enum msg_type type, uint64_t id)
{
	struct batch *b = &w->batch;

	if (b->n >= BATCH_ROWS || b->data.len >= BATCH_BYTES || b->type != type || b->id != id)
		batch_send(w, b);
	b->type = type;
	b->id = id;
	b->n++;
	return &b->data;
}

static void
on_row(void *ctx, uint64_t id, const struct row *row)
{
	row_put(batch_for(ctx, MSG_W_ROWS, id), row);
}

static void
on_flags(void *ctx, uint64_t id, const struct row_flags_change *change)
{
	row_flags_put(batch_for(ctx, MSG_W_FLAGS, id), change);
}

/* ---- the connection -------------------------------------------------------------------- */

static void
on_state(void *ctx, const char *text)
{
	struct worker *w = ctx;
	struct msg_w_state m = { .text = str_c(text) };

	SEND(w, W_STATE, w_state, 0, &m);
}

static void
on_notice(void *ctx, int level, bool is_alert, struct str text)
{
	struct worker *w = ctx;
	struct msg_notice m = { .level = (uint8_t)level, .is_alert = is_alert, .text = text };

	SEND(w, NOTICE, notice, 0, &m);
}

static void
tell_certificate(struct worker *w, const struct net_cert *cert)
{
	char valid[80];
	struct tm from = { 0 }, until = { 0 };
	time_t a = (time_t)cert->not_before, b = (time_t)cert->not_after;

	gmtime_r(&a, &from);
	gmtime_r(&b, &until);
	snprintf(valid, sizeof(valid), "%04d-%02d-%02d to %04d-%02d-%02d", from.tm_year + 1900,
		 from.tm_mon + 1, from.tm_mday, until.tm_year + 1900, until.tm_mon + 1,
		 until.tm_mday);
	struct msg_w_cert m = {
		.subject = str_c(cert->subject),
		.issuer = str_c(cert->issuer),
		.reason = str_c(cert->reason),
		.valid = str_c(valid),
		.fingerprint = str_c(cert->sha256),
		.is_changed_pin = (cert->problems & NET_CERT_PIN_CHANGED) != 0,
		.key_sha256 = str_c(cert->key_sha256),
	};
	SEND(w, W_CERT, w_cert, w->start_id, &m);
}

static void
on_certificate(void *ctx, const struct net_cert *cert)
{
	tell_certificate(ctx, cert);
}

static void
leave(struct worker *w, const struct err *err)
{
	worker_failed(w, w->start_id, err);
	w->is_leaving = true;
}

static void
on_connected(void *ctx, struct str capabilities)
{
	struct worker *w = ctx;
	struct msg_w_connected m = { .capabilities = capabilities };
	struct err err;

	if (sandbox_enter(&err) < 0) {
		leave(w, &err);
		return;
	}
	SEND(w, W_CONNECTED, w_connected, w->start_id, &m);
	worker_done(w, w->start_id, STR_NONE);
	w->start_id = 0;
}

static void
on_logged_in(void *ctx, const char *mechanism, struct str capabilities, struct str server)
{
	struct worker *w = ctx;
	struct msg_w_logged_in m = { .mechanism = str_c(mechanism),
				     .security = str_c(imap_security(w->imap)),
				     .capabilities = capabilities,
				     .server = server };

	SEND(w, W_LOGGED_IN, w_logged_in, w->start_id, &m);
	if (w->start_id != 0)
		worker_done(w, w->start_id, STR_NONE);
	w->start_id = 0;
}

static void
on_failed(void *ctx, const struct err *err, const struct net_cert *cert)
{
	struct worker *w = ctx;

	if (cert && (cert->problems & NET_CERT_PIN_CHANGED))
		tell_certificate(w, cert);
	leave(w, err);
}

/* ---- the mailbox --------------------------------------------------------------------------- */

static void
add_word(struct buf *out, const char *word)
{
	if (out->len > 0)
		buf_addc(out, ' ');
	buf_adds(out, word);
}

static void
on_opened(void *ctx, uint64_t id, const struct imap_opened *o)
{
	static const enum open_path paths[] = {
		[IMAP_COLD] = OPEN_COLD, [IMAP_QRESYNC] = OPEN_QRESYNC, [IMAP_PLAIN] = OPEN_PLAIN
	};
	struct worker *w = ctx;

	buf_reset(&w->scratch);
#define FLAG(sym, bit, wire, letter, help)                             \
	if (wire && (o->permanent_flags & (1u << (bit))))              \
		add_word(&w->scratch, wire ? wire : "");
#include "tern/defs/flag.def"
#undef FLAG
	if (o->permanent_keywords.len > 0) {
		add_word(&w->scratch, "");
		buf_addstr(&w->scratch, o->permanent_keywords);
	}
	struct msg_w_opened m = {
		.mailbox = o->mailbox,
		.uidvalidity = o->uidvalidity,
		.uidnext = o->uidnext,
		.exists = o->exists,
		.modseq = o->modseq,
		.is_read_only = o->is_read_only,
		.keywords_ok = o->keywords_ok,
		.permanent = buf_str(&w->scratch),
		.path = (uint8_t)paths[o->how],
	};
	struct buf mailbox_id = BUF_INIT;
	utf8_add_valid(&mailbox_id, o->mailbox_id);
	m.mailbox_id = buf_str(&mailbox_id);
	SEND(w, W_OPENED, w_opened, id, &m);
	buf_release(&mailbox_id);
}

static struct str
set_text(struct worker *w, const struct seqset *s)
{
	buf_reset(&w->scratch);
	seqset_print(s, &w->scratch);
	return buf_str(&w->scratch);
}

static void
on_vanished(void *ctx, uint64_t id, bool is_earlier, const struct seqset *uids)
{
	struct worker *w = ctx;
	size_t at = 0;

	while (buf_reset(&w->scratch), seqset_line(uids, &at, MAX_FRAME_UIDS, &w->scratch)) {
		struct msg_w_vanished m = { .is_earlier = is_earlier, .uids = buf_str(&w->scratch) };
		SEND(w, W_VANISHED, w_vanished, id, &m);
	}
}

static void
on_uids(void *ctx, uint64_t id, const struct seqset *uids)
{
	struct worker *w = ctx;
	struct msg_w_uids m = { .is_last = false };
	size_t at = 0;

	/* An empty set is an answer, too. */
	do {
		buf_reset(&w->scratch);
		m.is_last = !seqset_line(uids, &at, MAX_FRAME_UIDS, &w->scratch) || at == uids->n;
		m.uids = buf_str(&w->scratch);
		SEND(w, W_UIDS, w_uids, id, &m);
	} while (!m.is_last);
}

static void
on_cursor(void *ctx, uint64_t id, uint32_t uidnext, uint32_t exists, uint64_t modseq)
{
	struct worker *w = ctx;
	struct msg_w_cursor m = { .uidnext = uidnext, .exists = exists, .modseq = modseq };

	SEND(w, W_CURSOR, w_cursor, id, &m);
}

static void
on_copied(void *ctx, uint64_t id, uint32_t uidvalidity, const struct seqset *sources,
	  const struct seqset *targets)
{
	struct worker *w = ctx;
	struct buf other = BUF_INIT;

	seqset_print(targets, &other);
	struct msg_w_copied m = { .uidvalidity = uidvalidity,
				  .sources = set_text(w, sources),
				  .targets = buf_str(&other) };
	SEND(w, W_COPIED, w_copied, id, &m);
	buf_release(&other);
}

static void
on_found(void *ctx, uint64_t id, const struct seqset *uids)
{
	struct worker *w = ctx;
	struct seqset all = SEQSET_INIT, last = SEQSET_INIT;

	/* One or several, and the newest: nobody needs a million of them. */
	seqset_copy(&all, uids);
	seqset_take_last(&all, MAX_FOUND, &last);
	struct msg_w_found m = { .uids = set_text(w, &last) };
	SEND(w, W_FOUND, w_found, id, &m);
	seqset_release(&all);
	seqset_release(&last);
}

/* ---- folders ----------------------------------------------------------------------------------- */

static void
folders_send(struct worker *w, uint64_t id, bool is_last, bool is_whole)
{
	struct msg_w_folders m = { .n = w->folders.n,
				   .folders = buf_str(&w->folders.data),
				   .is_last = is_last,
				   .is_whole = is_whole };

	SEND(w, W_FOLDERS, w_folders, id, &m);
	buf_reset(&w->folders.data);
	w->folders.n = 0;
}

static long
list_index(const struct worker *w, uint64_t id)
{
	for (size_t i = 0; i < w->lists.n; i++)
		if (w->lists.v[i] == id)
			return (long)i;
	return -1;
}

static void
on_folder(void *ctx, uint64_t id, const struct imap_folder *f)
{
	struct worker *w = ctx;
	struct buf *b = &w->folders.data;

	if (list_index(w, id) < 0) {
		struct msg_w_status m = { .mailbox = f->name,
					  .uidvalidity = f->uidvalidity,
					  .uidnext = f->uidnext,
					  .messages = f->messages,
					  .unseen = f->unseen,
					  .modseq = f->modseq };
		SEND(w, W_STATUS, w_status, id, &m);
		return;
	}
	if (b->len > BATCH_BYTES)
		folders_send(w, id, false, false);
	ipc_put_str(b, f->name);
	ipc_put_u8(b, (uint8_t)f->delimiter);
	ipc_put_u32(b, f->attributes);
	ipc_put_u8(b, f->has_status);
	ipc_put_u32(b, f->messages);
	ipc_put_u32(b, f->unseen);
	ipc_put_u32(b, f->uidnext);
	ipc_put_u32(b, f->uidvalidity);
	ipc_put_u64(b, f->modseq);
	w->folders.n++;
}

static void
on_folders_end(void *ctx, uint64_t id, bool is_whole)
{
	folders_send(ctx, id, true, is_whole);
}

/* ---- texts, parts, ends ------------------------------------------------------------------------ */

static void
on_structure(void *ctx, uint64_t id, const struct structure *s)
{
	text_structure(ctx, id, s);
}

static void
on_body(void *ctx, uint64_t id, const struct imap_body *body)
{
	if (!text_body(ctx, id, body))
		part_body(ctx, id, body);
}

static void
on_done(void *ctx, uint64_t id, const struct err *err, struct str text)
{
	struct worker *w = ctx;
	long list = list_index(w, id);

	if (text_done(w, id, err) || part_done(w, id, err))
		return;
	if (list >= 0 && err) {
		buf_reset(&w->folders.data);
		w->folders.n = 0;
	}
	if (list >= 0)
		vec_remove(&w->lists, (size_t)list);
	worker_end(w, id, err, text);
}

const struct imap_sink worker_sink = {
	.state = on_state,	   .notice = on_notice,	  .certificate = on_certificate,
	.connected = on_connected, .logged_in = on_logged_in, .failed = on_failed,
	.opened = on_opened,	   .row = on_row,	  .flags = on_flags,
	.vanished = on_vanished,   .uids = on_uids,	  .cursor = on_cursor,
	.copied = on_copied,	   .found = on_found,	  .structure = on_structure,
	.body = on_body,	   .folder = on_folder,	  .folders_end = on_folders_end,
	.done = on_done,
};

/* ---- requests --------------------------------------------------------------------------------------- */

int
uids_of(struct str text, struct seqset *out, struct err *err)
{
	if (seqset_parse(text, out, err) < 0)
		return -1;
	return seqset_is_empty(out) ? err_set(err, ERR_USER, "no messages") : 0;
}

static int
open_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_open m;

	if (msg_get_w_open(f->payload, &m, err) < 0)
		return -1;
	struct imap_open o = {
		.mailbox = m.mailbox,
		.uidvalidity = m.uidvalidity,
		.uidnext = m.uidnext,
		.modseq = m.modseq,
		.known = m.known,
		.first_rows = m.first_rows,
		.stay = m.stay,
		.use_idle = m.use_idle,
		.poll_s = m.poll_s,
	};
	imap_open(w->imap, f->id, &o);
	return 0;
}

static int
fetch_rows(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_fetch_rows m;
	struct seqset uids = SEQSET_INIT;
	int r = msg_get_w_fetch_rows(f->payload, &m, err) < 0 ? -1 : uids_of(m.uids, &uids, err);

	if (r == 0)
		imap_fetch_rows(w->imap, f->id, &uids);
	seqset_release(&uids);
	return r;
}

static int
fetch_uids(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	imap_fetch_uids(w->imap, f->id);
	return 0;
}

static int
news_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	imap_ask_for_news(w->imap);
	return 0;
}

static int
list_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	vec_push(&w->lists, f->id);
	imap_list(w->imap, f->id);
	return 0;
}

/* One name, the mailbox's own bytes. */
static int
status_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	struct msg_w_status_of m;

	if (msg_get_w_status_of(f->payload, &m, err) < 0)
		return -1;
	imap_status(w->imap, f->id, &m.mailboxes, 1);
	return 0;
}

static int
logout_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	imap_logout(w->imap, f->id);
	return 0;
}

static const struct {
	enum msg_type type;
	int (*handle)(struct worker *w, const struct ipc_frame *f, struct err *err);
} requests[] = {
	{ MSG_W_OPEN, open_request },	       { MSG_W_FETCH_ROWS, fetch_rows },
	{ MSG_W_FETCH_UIDS, fetch_uids },      { MSG_W_LIST, list_request },
	{ MSG_W_STATUS_OF, status_request },   { MSG_W_LOGOUT, logout_request },
	{ MSG_W_NEWS, news_request },
};

bool
sync_request(struct worker *w, const struct ipc_frame *f, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (requests[i].type != f->type)
			continue;
		requests[i].handle(w, f, err);
		return true;
	}
	return false;
}
