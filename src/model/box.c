/* The mailbox shown: its rows as they are drawn, tags, and the way it is opened. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include "tern/base/mutf7.h"
#include "tern/base/tick.h"

/* ---- rows in the store's order ------------------------------------------------------ */

struct store_rows *
box_rows(struct model *m)
{
	struct err err = ERR_INIT;
	struct mailbox record;

	if (m->box == NULL || model_view(m) == NULL)
		return NULL;
	if (m->box->id == 0 &&
	    store_mailbox_by_name(m->view, str_c(m->box->account), buf_str(&m->box->wire), &record,
				  &err) == 0)
		m->box->id = record.id;
	if (m->box->id == 0) {
		model_read_trouble(m, &err);
		return NULL;
	}
	if (m->rows == NULL) {
		m->rows = store_rows_begin(m->view, m->box->id, &err);
		m->rows_at = UINT32_MAX;
		m->hidden_known = false;
	}
	model_read_trouble(m, &err);
	return m->rows;
}

void
box_rows_end(struct model *m)
{
	if (m->rows != NULL)
		store_rows_end(m->rows);
	m->rows = NULL;
	m->rows_at = UINT32_MAX;
}

/* The next and the previous row cost less than any row. */
static int
raw_row(struct model *m, uint32_t ordinal, struct row *out)
{
	struct err err = ERR_INIT;
	int status;

	if (m->rows_at != UINT32_MAX && ordinal == m->rows_at + 1)
		status = store_rows_next(m->rows, out, &err);
	else if (m->rows_at != UINT32_MAX && m->rows_at > 0 && ordinal == m->rows_at - 1)
		status = store_rows_prev(m->rows, out, &err);
	else
		status = store_rows_at(m->rows, ordinal, out, &err);
	m->rows_at = status == 0 ? ordinal : UINT32_MAX;
	model_read_trouble(m, &err);
	return status;
}

int
box_store_row(struct model *m, uint32_t store_ordinal, struct row *out)
{
	if (box_rows(m) == NULL || raw_row(m, store_ordinal, out) != 0)
		return 1;
	return posts_overlay(m, m->box->id, out) ? 0 : 1;
}

uint32_t
box_store_count(struct model *m)
{
	return box_rows(m) != NULL ? store_rows_count(m->rows) : 0;
}

int
box_key(struct model *m, uint64_t local, struct row_key *out)
{
	struct err err = ERR_INIT;
	uint32_t mailbox;
	struct row row;

	if (m->box == NULL || model_view(m) == NULL ||
	    store_row(m->view, local, &mailbox, &row, &err) != 0 || mailbox != m->box->id)
		return 1;
	*out = (struct row_key){ row.date, row.uid };
	return 0;
}

/* The place of a key that is among the rows now. */
static bool
rank_of(struct model *m, struct row_key key, uint64_t local, uint32_t *ordinal_out)
{
	struct err err = ERR_INIT;
	struct row row;

	if (box_rows(m) == NULL || store_rows_rank(m->rows, key, ordinal_out, &err) != 0)
		return false;
	m->rows_at = UINT32_MAX; /* looking moved the cursor */
	return raw_row(m, *ordinal_out, &row) == 0 && row.local == local;
}

/* ---- what posts take away, in the store's order -------------------------------------------- */

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
find_hidden(struct model *m)
{
	struct row_key key;
	uint32_t ordinal;

	if (m->hidden_known)
		return;
	vec_reset(&m->hidden);
	m->hidden_known = true;
	for (size_t i = 0; i < m->posts.n; i++) {
		const struct post *p = m->posts.v[i];
		if (!post_hides(p) || p->mailbox != m->box->id)
			continue;
		for (size_t k = 0; k < p->n; k++)
			if (box_key(m, p->locals[k], &key) == 0 &&
			    rank_of(m, key, p->locals[k], &ordinal))
				vec_push(&m->hidden, ordinal);
	}
	if (m->hidden.n > 1)
		qsort(m->hidden.v, m->hidden.n, sizeof(*m->hidden.v), compare_u32);
	/* Two posts may take away the same message. */
	size_t n = 0;
	for (size_t i = 0; i < m->hidden.n; i++)
		if (n == 0 || m->hidden.v[n - 1] != m->hidden.v[i])
			m->hidden.v[n++] = m->hidden.v[i];
	m->hidden.n = n;
}

static uint32_t
to_store_ordinal(struct model *m, uint32_t shown)
{
	for (size_t i = 0; i < m->hidden.n && m->hidden.v[i] <= shown; i++)
		shown++;
	return shown;
}

static uint32_t
from_store_ordinal(struct model *m, uint32_t ordinal)
{
	uint32_t before = 0;

	while (before < m->hidden.n && m->hidden.v[before] < ordinal)
		before++;
	return ordinal - before;
}

/* ---- the list -------------------------------------------------------------------------- */

static uint32_t
plain_count(struct model *m)
{
	uint32_t n = box_store_count(m);

	if (n == 0)
		return 0;
	find_hidden(m);
	return n - (uint32_t)m->hidden.n;
}

uint32_t
model_count(struct model *m)
{
	if (m->box == NULL)
		return 0;
	return m->box->list != NULL ? list_count(m->box->list) : plain_count(m);
}

static void
tell_row(struct model *m, struct model_row *out)
{
	out->is_tagged = idset_has(&m->box->tags, out->row.local);
}

static bool
plain_row(struct model *m, uint32_t ordinal, struct model_row *out)
{
	uint32_t n = plain_count(m);

	if (ordinal >= n)
		return false;
	if (m->box->order.reverse)
		ordinal = n - 1 - ordinal;
	return box_store_row(m, to_store_ordinal(m, ordinal), &out->row) == 0;
}

static uint64_t
tree_bits(const struct list *l, uint32_t index)
{
	const struct thread_row *r = &l->rows[index];

	/* Bars count from depth 1, ours from the first level below a root. */
	uint64_t more = (uint64_t)(r->bars >> 1);
	if (r->depth > 0 && r->depth <= 32) {
		uint64_t own = 1ULL << (r->depth - 1);
		more = r->flags & THREAD_LAST ? more & ~own : more | own;
	}
	return more;
}

bool
box_is_unread(struct model *m, const struct key *k)
{
	struct row_key key = { k->date, k->uid };
	struct row row;
	uint32_t at;

	return rank_of(m, key, k->local, &at) && box_store_row(m, at, &row) == 0 &&
	       !(row.flags & ROW_SEEN);
}

static void
tell_tree(struct model *m, uint32_t ordinal, struct model_row *out)
{
	const struct list *l = m->box->list;
	uint32_t index = list_row_index(l, ordinal);
	const struct thread_row *r = &l->rows[index];

	out->tree_depth = r->depth < 255 ? (uint8_t)r->depth : 255;
	out->tree_more = tree_bits(l, index);
	out->is_tree_broken = (r->flags & (THREAD_BY_SUBJECT | THREAD_NO_PARENT)) != 0;
	out->has_children = (r->flags & THREAD_HAS_CHILDREN) != 0;
	out->parent = r->parent != THREAD_NONE ? l->keys[l->rows[r->parent].msg].local : 0;
	out->is_collapsed = list_is_head(l, index) && idset_has(&m->box->collapsed, out->row.local);
	if (out->is_collapsed) {
		uint32_t first, end;
		list_thread_range(m, index, true, &first, &end);
		out->n_hidden = end - first - 1;
		out->is_collapsed = out->n_hidden > 0;
		if (out->is_collapsed) {
			out->tree_depth = 0; /* no tree without the others */
			out->hides = folded_hides(m, out->row.local);
		}
	}
}

static bool
list_row(struct model *m, uint32_t ordinal, struct model_row *out)
{
	const struct list *l = m->box->list;
	uint32_t at;

	if (ordinal >= list_count(l))
		return false;
	const struct key *k = &l->keys[list_msg(l, ordinal)];
	struct row_key key = { k->date, k->uid };
	if (!rank_of(m, key, k->local, &at) || box_store_row(m, at, &out->row) != 0)
		return false;
	if (l->rows != NULL && m->box->list_is_threads)
		tell_tree(m, ordinal, out);
	return true;
}

bool
model_row(struct model *m, uint32_t ordinal, struct model_row *out)
{
	memset(out, 0, sizeof(*out));
	if (m->box == NULL)
		return false;
	if (m->box->list != NULL ? !list_row(m, ordinal, out) : !plain_row(m, ordinal, out))
		return false;
	out->number = ordinal + 1;
	tell_row(m, out);
	return true;
}

static bool
plain_find(struct model *m, struct row_key key, uint64_t local, uint32_t *ordinal_out)
{
	uint32_t at, n = plain_count(m);

	if (!rank_of(m, key, local, &at))
		return false;
	for (size_t i = 0; i < m->hidden.n; i++)
		if (m->hidden.v[i] == at)
			return false;
	at = from_store_ordinal(m, at);
	*ordinal_out = m->box->order.reverse ? n - 1 - at : at;
	return at < n;
}

bool
model_find(struct model *m, uint64_t local, uint32_t *ordinal_out)
{
	struct row_key key;
	uint32_t msg;

	if (m->box == NULL || local == 0 || box_rows(m) == NULL || box_key(m, local, &key) != 0)
		return false;
	if (m->box->list == NULL)
		return plain_find(m, key, local, ordinal_out);
	return list_find(m->box->list, key, &msg) && list_ordinal(m->box->list, msg, ordinal_out);
}

bool
model_row_of(struct model *m, uint64_t local, struct model_row *out)
{
	uint32_t ordinal;

	return model_find(m, local, &ordinal) && model_row(m, ordinal, out) &&
	       out->row.local == local;
}

/* ---- opening ---------------------------------------------------------------------------- */

void
box_free(struct box *b)
{
	if (b == NULL)
		return;
	free(b->account);
	free(b->name);
	free(b->open_error);
	buf_release(&b->wire);
	buf_release(&b->limit_text);
	pattern_free(b->limit);
	idset_release(&b->tags);
	idset_release(&b->tags_away);
	idset_release(&b->collapsed);
	vec_release(&b->folded);
	list_free(b->list);
	build_free(b->build);
	free(b);
}

static void
opened(void *ctx, const struct ipc_frame *f, bool is_end)
{
	struct model *m = ctx;
	struct box *b = m->box;
	struct msg_failed failed;
	struct err err = ERR_INIT;

	if (b == NULL || b->request != f->id || !is_end)
		return;
	b->request = 0;
	if (f->type == MSG_DONE)
		b->is_in_step = true;
	else if (f->type == MSG_FAILED && msg_get_failed(f->payload, &failed, &err) == 0)
		err_set(&err, failed.kind > 0 && failed.kind < ERR_N_KINDS ? failed.kind : ERR_SYSTEM,
			"%.*s", STR_ARG(failed.text));
	if (err.kind != ERR_NONE)
		b->open_error = xstrdup(err.text);
	model_mark(m, MODEL_ROWS);
	if (b->done != NULL && f->type != MSG_CANCELED)
		b->done(b->done_ctx, err.kind == ERR_NONE ? NULL : &err);
}

static void
ask_to_open(struct model *m)
{
	struct box *b = m->box;
	struct msg_open_mailbox msg = { .account = str_c(b->account),
					.mailbox = buf_str(&b->wire),
					.read_only = b->read_only };

	free(b->open_error);
	b->open_error = NULL;
	b->request = REQUEST(m, OPEN_MAILBOX, open_mailbox, &msg, opened, m);
}

/* A new manager does not know what is on the screen. */
void
box_open_again(struct model *m)
{
	struct box *b = m->box;
	bool was_connected = m->is_connected;

	if (b == NULL || (b->request != 0 && request_find(m, b->request) != NULL))
		return; /* the request that waits is sent with the others */
	m->is_connected = false; /* it is sent with the others, below */
	ask_to_open(m);
	m->is_connected = was_connected;
}

void
box_event_opened(struct model *m, uint32_t mailbox)
{
	box_rows_end(m);
	m->box->id = mailbox;
	m->box->is_opened = true;
	if (m->box->list == NULL && m->box->build == NULL) {
		if (build_is_needed(m->box))
			build_start(m);
	} else if (m->has_lost_one) { /* the next manager's cache may be a new one */
		m->box->build_again = true;
	}
	model_mark(m, MODEL_ROWS);
}

static char *
shown_name(struct str wire)
{
	struct buf name = BUF_INIT;

	if (str_ieqc(wire, "INBOX"))
		return xstrdup("Inbox");
	mutf7_show(&name, wire);
	return buf_take(&name);
}

void
model_close(struct model *m)
{
	struct box *b = m->box;
	struct buf payload = BUF_INIT;

	if (b == NULL)
		return;
	model_stop_seeking(m);
	model_stop_collecting(m);
	if (b->request != 0)
		model_forget(m, b->request);
	if (b->id != 0) {
		struct msg_close_mailbox msg = { .mailbox = b->id };
		msg_put_close_mailbox(&payload, &msg);
		model_tell(m, MSG_CLOSE_MAILBOX, buf_str(&payload));
		buf_release(&payload);
	}
	box_rows_end(m);
	m->hidden_known = false;
	m->box = NULL;
	box_free(b);
	model_mark(m, MODEL_ROWS);
}

void
model_open(struct model *m, struct str account, struct str wire, bool read_only,
	   void (*done)(void *ctx, const struct err *err), void *ctx)
{
	struct box *b = xcalloc(1, sizeof(*b));

	model_close(m);
	buf_init(&b->wire);
	buf_init(&b->limit_text);
	b->account = str_dup(account);
	buf_addstr(&b->wire, wire);
	b->name = shown_name(wire);
	b->read_only = read_only;
	b->tags_at = b->away_at = SIZE_MAX;
	b->order = (struct thread_spec)THREAD_SPEC_INIT;
	b->done = done;
	b->done_ctx = ctx;
	m->box = b;
	ask_to_open(m);
	model_mark(m, MODEL_ROWS | MODEL_FOLDERS);
}

bool
model_is_open(const struct model *m)
{
	return m->box != NULL;
}

/* ---- order, limit ------------------------------------------------------------------------- */

bool
build_is_needed(const struct box *b)
{
	return b->limit != NULL || !thread_spec_is_date(&b->order);
}

static void
make_list(struct model *m)
{
	struct box *b = m->box;

	build_free(b->build);
	b->build = NULL;
	b->build_is_asked = build_is_needed(b);
	if (b->build_is_asked) {
		build_start(m);
	} else {
		list_free(b->list);
		b->list = NULL;
		b->list_is_threads = false;
	}
	model_mark(m, MODEL_ROWS);
}

void
model_set_order(struct model *m, const struct thread_spec *spec, bool collapse_all)
{
	if (m->box == NULL)
		return;
	m->box->order = *spec;
	m->box->collapse_all = collapse_all;
	make_list(m);
}

const struct thread_spec *
model_order(const struct model *m)
{
	return m->box != NULL ? &m->box->order : NULL;
}

bool
model_is_ordering(const struct model *m)
{
	return m->box != NULL && m->box->build_is_asked;
}

bool
model_is_threaded(const struct model *m)
{
	return m->box != NULL && m->box->list != NULL && m->box->list_is_threads &&
	       m->box->list->rows != NULL;
}

void
model_set_limit(struct model *m, struct pattern *pattern, struct str text)
{
	if (m->box == NULL) {
		pattern_free(pattern);
		return;
	}
	pattern_free(m->box->limit);
	m->box->limit = pattern;
	buf_reset(&m->box->limit_text);
	buf_addstr(&m->box->limit_text, text);
	make_list(m);
}

struct str
model_limit(const struct model *m)
{
	return m->box != NULL ? buf_str(&m->box->limit_text) : STR_NONE;
}

/* ---- facts --------------------------------------------------------------------------------- */

static void
tell_busy(struct model *m)
{
	const struct build *b = m->box->build;
	const char *what = !thread_spec_is_date(&m->box->order)
				   ? m->box->order.sort == ORDER_THREADS ? "threading" : "sorting"
				   : "limiting";

	m->busy[0] = '\0';
	/* An order that is only brought up to date is no news. */
	if (b == NULL || !m->box->build_is_asked)
		return;
	unsigned percent = b->n_total > 0 ? (unsigned)(b->n_scanned * 100ULL / b->n_total) : 0;
	if (b->is_scanned && b->threads != NULL)
		percent = thread_build_percent(b->threads);
	snprintf(m->busy, sizeof(m->busy), "%s %u %%", what, percent > 100 ? 100 : percent);
}

/* The store does not count yet what was posted a moment ago. */
static void
count_posted_deletes(struct model *m, struct model_mailbox *out)
{
	struct err err = ERR_INIT;
	uint32_t mailbox;
	struct row row;

	for (size_t i = 0; i < m->posts.n; i++) {
		const struct post *p = m->posts.v[i];
		bool clears = p->clear != 0;
		if (p->kind != INTENT_DELETE || p->set != 0 || p->mailbox != m->box->id)
			continue;
		out->has_held |= !clears;
		for (size_t k = 0; k < p->n && k < MAX_HIDDEN_BY_POST; k++) {
			if (store_row(m->view, p->locals[k], &mailbox, &row, &err) != 0)
				continue;
			bool is_marked = (row.flags & ROW_TO_DELETE) != 0;
			if (!clears && !is_marked)
				out->n_to_delete++;
			else if (clears && is_marked && out->n_to_delete > 0)
				out->n_to_delete--;
		}
	}
}

/* Rows and their number come together, also while the list is being made anew. */
static uint32_t
n_listed(struct model *m)
{
	if (m->box->list == NULL)
		return plain_count(m);
	return m->box->limit == NULL ? (uint32_t)m->box->list->n_keys : box_store_count(m);
}

bool
model_mailbox(struct model *m, struct model_mailbox *out)
{
	struct err err = ERR_INIT;
	struct mailbox record;
	struct mailbox_counts counts = { 0 };
	struct model_account account;

	memset(out, 0, sizeof(*out));
	if (m->box == NULL)
		return false;
	tell_busy(m);
	*out = (struct model_mailbox){
		.id = m->box->id,
		.account = m->box->account,
		.label = m->box->account,
		.wire = buf_str(&m->box->wire),
		.name = m->box->name,
		.is_read_only = m->box->read_only,
		.is_opened = m->box->is_opened,
		.is_in_step = m->box->is_in_step,
		.open_error = m->box->open_error,
		.n_tagged = (uint32_t)m->box->tags.count,
		.n_shown = model_count(m),
		.n_messages = box_store_count(m),
		.n_listed = n_listed(m),
		.busy = m->busy,
	};
	if (model_account_by_name(m, str_c(m->box->account), &account))
		out->label = account.label;
	if (m->box->id == 0 || model_view(m) == NULL ||
	    store_mailbox(m->view, m->box->id, &record, &err) != 0)
		return true;
	out->n_server = record.exists;
	out->n_cached = record.n_rows;
	out->is_known = record.in_step_wall != 0;
	/* All of it is here: what we count is truer than what the server last told. */
	if (record.n_rows > 0 && record.n_rows >= record.exists)
		record.status_messages = record.status_unseen = MAILBOX_COUNT_ROWS;
	out->is_read_only |= record.is_read_only;
	if (store_mailbox_counts(m->view, &record, &counts, &err) == 0) {
		out->n_unseen = counts.unseen;
		out->n_flagged = counts.flagged;
		out->n_to_delete = counts.to_delete;
		out->has_held = counts.to_delete > 0;
	}
	count_posted_deletes(m, out);
	return true;
}

/* ---- tags ------------------------------------------------------------------------------------ */

void
model_tag(struct model *m, uint64_t local, bool on)
{
	if (m->box == NULL)
		return;
	if (on)
		idset_add(&m->box->tags, local);
	else
		idset_remove(&m->box->tags, local);
	idset_remove(&m->box->tags_away, local);
	model_mark(m, MODEL_ROWS);
}

bool
model_is_tagged(const struct model *m, uint64_t local)
{
	return m->box != NULL && idset_has(&m->box->tags, local);
}

uint32_t
model_n_tagged(const struct model *m)
{
	return m->box != NULL ? (uint32_t)m->box->tags.count : 0;
}

void
model_untag_all(struct model *m)
{
	if (m->box != NULL) {
		idset_release(&m->box->tags);
		idset_release(&m->box->tags_away);
	}
	model_mark(m, MODEL_ROWS);
}

uint64_t *
model_tagged(struct model *m, size_t *n_out)
{
	uint64_t *out;
	uint32_t ordinal;
	size_t n = 0;

	*n_out = 0;
	if (m->box == NULL || m->box->tags.count == 0)
		return NULL;
	out = xreallocarray(NULL, m->box->tags.count, sizeof(*out));
	for (size_t i = 0; i < m->box->tags.n_slots; i++) {
		uint64_t local = m->box->tags.slots[i];
		if (local != 0 && model_find(m, local, &ordinal))
			out[n++] = local;
	}
	*n_out = n;
	return out;
}

/* A row that leaves takes its tag along, and has it when it is back: after <undo>, or
 * because the change was refused. */

static bool
is_here(struct model *m, uint64_t local)
{
	struct row_key key;
	uint32_t at;

	return box_key(m, local, &key) == 0 && rank_of(m, key, local, &at) &&
	       !posts_take_away(m, local);
}

static bool
put_tag(struct model *m, uint64_t local)
{
	struct box *b = m->box;
	bool here = is_here(m, local);
	struct idset *from = here ? &b->tags_away : &b->tags;

	if (!idset_has(from, local))
		return false;
	idset_remove(from, local);
	idset_add(here ? &b->tags : &b->tags_away, local);
	model_mark(m, MODEL_ROWS);
	return true;
}

void
tags_leave(struct model *m, const uint64_t *locals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (idset_has(&m->box->tags, locals[i])) {
			idset_remove(&m->box->tags, locals[i]);
			idset_add(&m->box->tags_away, locals[i]);
		}
}

void
tags_look_through(struct box *b)
{
	b->tags_at = b->away_at = 0;
}

/* One of the sets. A tag that goes lets another slip into its place. */
static bool
look_through(struct model *m, const struct idset *s, size_t *at, int64_t until_us)
{
	for (unsigned n = 1; *at < s->n_slots; n++) {
		if (s->slots[*at] == 0 || !put_tag(m, s->slots[*at]))
			++*at;
		if (n % 32 == 0 && tick_us() >= until_us)
			return true;
	}
	*at = SIZE_MAX;
	return false;
}

bool
tags_work(struct model *m, int64_t until_us)
{
	struct box *b = m->box;

	if (b == NULL)
		return false;
	if (box_rows(m) == NULL)
		b->tags_at = b->away_at = SIZE_MAX;
	return look_through(m, &b->tags, &b->tags_at, until_us) ||
	       look_through(m, &b->tags_away, &b->away_at, until_us);
}

/* ---- news ------------------------------------------------------------------------------------- */

void
box_news(struct model *m, const struct msg_news *news)
{
	uint64_t *locals;
	size_t n = news->locals.len / 8;

	folders_dirty(m);
	if (m->box == NULL || (m->box->id != 0 && news->mailbox != m->box->id))
		return;
	/* A snapshot older than the news must not be read any more. */
	model_rest(m);
	folded_look_again(m->box);
	m->hidden_known = false;
	model_mark(m, MODEL_ROWS);
	locals = xreallocarray(NULL, n + 1, sizeof(*locals));
	struct ipc_reader r = { .rest = news->locals };
	for (size_t i = 0; i < n; i++)
		locals[i] = ipc_get_u64(&r);
	for (size_t i = 0; i < n; i++)
		put_tag(m, locals[i]);
	if (news->many)
		tags_look_through(m->box);
	if (m->box->list != NULL || m->box->build != NULL)
		list_news(m, locals, n, news->many != 0);
	else if (build_is_needed(m->box))
		build_start(m);
	free(locals);
}
