/* Rows in date order with the journal laid over them. The n-th row is found by
 * the counted chunks, so nothing here walks a mailbox; what the journal costs is
 * in proportion to what waits in it. */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>

struct store_rows {
	struct store_view *v;
	struct overlay *o;
	MDB_cursor *cur; /* NULL: no cache */
};

/* ---- collecting what waits ------------------------------------------------------------- */

void
overlay_free(struct overlay *o)
{
	if (o == NULL || --o->n_refs > 0)
		return;
	arena_release(&o->arena);
	vec_release(&o->laid);
	vec_release(&o->hidden);
	vec_release(&o->chunks);
	free(o);
}

#define LAID_STATES (1u << INTENT_HELD | 1u << INTENT_PLANNED | 1u << INTENT_SENT | \
		     1u << INTENT_REFUSED)

static bool
collect_one(const struct intent *i, void *ctx)
{
	struct overlay *o = ctx;
	struct laid l = { intent_copy(i, &o->arena), false };

	vec_push(&o->laid, l);
	return true;
}

static int
by_local_seq(const void *a, const void *b)
{
	const struct intent *x = &((const struct laid *)a)->i, *y = &((const struct laid *)b)->i;

	if (x->local != y->local)
		return x->local < y->local ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int
by_key(const void *a, const void *b)
{
	return memcmp(((const struct hidden *)a)->key, ((const struct hidden *)b)->key,
		      ROW_KEY_LEN);
}

struct return_search {
	const struct intent *move;
	struct str account, name; /* of the mailbox shown */
	bool comes_back;
};

/* Undo of a move that went out is a move back that waits: where does it end? */
static bool
see_later_move(const struct intent *i, void *ctx)
{
	struct return_search *r = ctx;

	if (i->seq <= r->move->seq || i->kind != INTENT_MOVE ||
	    (i->state != INTENT_PLANNED && i->state != INTENT_SENT))
		return true;
	r->comes_back = str_eq(i->target_account, r->account) &&
			str_eq(mailbox_canonical(i->target), r->name);
	return true;
}

static bool
takes_away(const struct intent *i)
{
	struct row row = { 0 };

	return (i->kind == INTENT_MOVE || i->kind == INTENT_DELETE) &&
	       !intent_overlay(i, &row, NULL);
}

/* Where the message of an intent lies, if it lies in this mailbox: 0, 1, -1. */
static int
place_of(struct store_view *v, uint32_t mailbox, struct intent *i, struct place *at,
	 struct err *err)
{
	int rc;

	if (i->local == 0) {
		rc = read_uid(v->s->cache, v->cache, mailbox, i->uid, at, err);
		if (rc == 0)
			i->local = at->local;
		return rc;
	}
	rc = read_place(v->s->cache, v->cache, i->local, at, err);
	return rc == 0 && at->mailbox != mailbox ? 1 : rc;
}

static int
hide(struct store_view *v, struct overlay *o, const struct mailbox *m, struct laid *l,
     struct err *err)
{
	struct return_search r = { &l->i, m->account, m->name, false };
	struct place at;
	struct hidden h = { .raw = 0 };

	int rc = place_of(v, m->id, &l->i, &at, err);
	if (rc != 0 || !takes_away(&l->i))
		return rc < 0 ? -1 : 0;
	if (read_intents_of_local(v->s->journal, v->journal, l->i.local, see_later_move, &r,
				  err) != 0)
		return -1;
	l->stays = r.comes_back;
	if (l->stays)
		return 0;
	key_row(h.key, at.mailbox, at.date, at.uid);
	vec_push(&o->hidden, h);
	return 0;
}

static void
unique_hidden(struct overlay *o)
{
	size_t n = 0;

	if (o->hidden.n == 0)
		return;
	qsort(o->hidden.v, o->hidden.n, sizeof(o->hidden.v[0]), by_key);
	for (size_t i = 0; i < o->hidden.n; i++)
		if (n == 0 || by_key(&o->hidden.v[n - 1], &o->hidden.v[i]) != 0)
			o->hidden.v[n++] = o->hidden.v[i];
	o->hidden.n = n;
}

static int
collect_intents(struct store_view *v, struct overlay *o, const struct mailbox *m,
		struct err *err)
{
	if (v->journal == NULL)
		return 0;
	if (store_each_intent_of(v, m->account, m->name, LAID_STATES, collect_one, o, err) != 0)
		return -1;
	for (size_t i = 0; i < o->laid.n; i++)
		if (hide(v, o, m, &o->laid.v[i], err) != 0)
			return -1;
	if (o->laid.n > 0)
		qsort(o->laid.v, o->laid.n, sizeof(o->laid.v[0]), by_local_seq);
	unique_hidden(o);
	return 0;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static int
read_chunks(struct store_view *v, struct overlay *o, struct err *err)
{
	const struct env *e = v->s->cache;
	unsigned char from[ROW_KEY_LEN];
	MDB_cursor *cur;
	MDB_val key, val;
	int result = 0;

	int rc = mdb_cursor_open(v->cache, e->dbi[C_RANK], &cur);
	if (rc != 0)
		return env_error(e, rc, "read", err);
	memset(from, 0, sizeof(from));
	put_be32(from, o->mailbox);
	key = val_of(from, sizeof(from));
	rc = mdb_cursor_get(cur, &key, &val, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		struct chunk c;
		if (key.mv_size != ROW_KEY_LEN || val.mv_size != 4) {
			result = damaged(e, "a count of rows", err);
			break;
		}
		if (get_be32(key.mv_data) != o->mailbox)
			break;
		memcpy(c.lower, key.mv_data, ROW_KEY_LEN);
		c.first = o->n_raw;
		c.n = get_be32(val.mv_data);
		o->n_raw += c.n;
		vec_push(&o->chunks, c);
	}
	mdb_cursor_close(cur);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return env_error(e, rc, "read", err);
	return result;
}

/* The chunk that a key falls into, or would. */
static size_t
chunk_of_key(const struct overlay *o, const unsigned char *key)
{
	size_t low = 0, high = o->chunks.n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (memcmp(o->chunks.v[mid].lower, key, ROW_KEY_LEN) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static size_t
chunk_of_ordinal(const struct overlay *o, uint32_t raw)
{
	size_t low = 0, high = o->chunks.n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (o->chunks.v[mid].first <= raw)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* ---- the cursor -------------------------------------------------------------------------------- */

struct at {
	MDB_val key, val;
};

static bool
in_mailbox(const struct store_rows *r, const struct at *at)
{
	return at->key.mv_size == ROW_KEY_LEN && get_be32(at->key.mv_data) == r->o->mailbox;
}

static int
move_cursor(struct store_rows *r, struct at *at, MDB_cursor_op op)
{
	return mdb_cursor_get(r->cur, &at->key, &at->val, op);
}

/* Stand on the first row not before key (of any mailbox), or behind the last. */
static int
seek(struct store_rows *r, const unsigned char *key, struct at *at)
{
	at->key = val_of(key, ROW_KEY_LEN);
	return move_cursor(r, at, MDB_SET_RANGE);
}

/* Stand on the row before where seek(key) would. */
static int
seek_before(struct store_rows *r, const unsigned char *key, struct at *at)
{
	int rc = seek(r, key, at);

	if (rc == 0)
		return move_cursor(r, at, MDB_PREV);
	return rc == MDB_NOTFOUND ? move_cursor(r, at, MDB_LAST) : rc;
}

static void
upper_bound(const struct overlay *o, size_t chunk, unsigned char *key)
{
	if (chunk + 1 < o->chunks.n) {
		memcpy(key, o->chunks.v[chunk + 1].lower, ROW_KEY_LEN);
		return;
	}
	memset(key, 0, ROW_KEY_LEN);
	put_be32(key, o->mailbox + 1);
}

/* From the nearer end of its chunk. */
static int
seek_ordinal(struct store_rows *r, uint32_t raw, struct at *at)
{
	const struct overlay *o = r->o;
	size_t n = chunk_of_ordinal(o, raw);
	const struct chunk *c = &o->chunks.v[n];
	uint32_t ahead = raw - c->first;
	unsigned char upper[ROW_KEY_LEN];
	int rc;

	if (ahead < c->n / 2) {
		rc = seek(r, c->lower, at);
		for (; rc == 0 && ahead > 0; ahead--)
			rc = move_cursor(r, at, MDB_NEXT);
		return rc;
	}
	upper_bound(o, n, upper);
	rc = seek_before(r, upper, at);
	for (uint32_t back = c->n - 1 - ahead; rc == 0 && back > 0; back--)
		rc = move_cursor(r, at, MDB_PREV);
	return rc;
}

/* How many cached rows come before a key, starting at the chunk that has it. */
static int
rank_raw(struct store_rows *r, const unsigned char *key, uint32_t *raw_out)
{
	const struct overlay *o = r->o;
	struct at at;

	*raw_out = 0;
	if (o->chunks.n == 0)
		return 0;
	const struct chunk *c = &o->chunks.v[chunk_of_key(o, key)];
	uint32_t raw = c->first;
	int rc = seek(r, c->lower, &at);
	while (rc == 0 && in_mailbox(r, &at) && memcmp(at.key.mv_data, key, ROW_KEY_LEN) < 0) {
		raw++;
		rc = move_cursor(r, &at, MDB_NEXT);
	}
	*raw_out = raw;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Ordinals of what is hidden: many of one chunk are found in one walk. */
static int
rank_hidden(struct store_rows *r)
{
	struct overlay *o = r->o;
	size_t chunk = SIZE_MAX;
	struct at at;
	uint32_t raw = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->hidden.n; i++) {
		struct hidden *h = &o->hidden.v[i];
		size_t c = chunk_of_key(o, h->key);
		if (c != chunk) {
			chunk = c;
			raw = o->chunks.v[c].first;
			rc = seek(r, o->chunks.v[c].lower, &at);
		}
		while (rc == 0 && memcmp(at.key.mv_data, h->key, ROW_KEY_LEN) < 0) {
			raw++;
			rc = move_cursor(r, &at, MDB_NEXT);
		}
		h->raw = raw;
	}
	return rc;
}

/* ---- begin, end ------------------------------------------------------------------------------------ */

static size_t
txn_id(MDB_txn *txn)
{
	return txn != NULL ? mdb_txn_id(txn) : 0;
}

static int
fill_overlay(struct store_rows *r, struct err *err)
{
	struct store_view *v = r->v;
	struct mailbox m;

	if (v->cache == NULL)
		return 0;
	int rc = read_mailbox(v->s->cache, v->cache, r->o->mailbox, &m, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (read_chunks(v, r->o, err) != 0 || collect_intents(v, r->o, &m, err) != 0)
		return -1;
	if (r->o->chunks.n == 0)
		r->o->hidden.n = 0;
	rc = rank_hidden(r);
	return rc == 0 ? 0 : env_error(v->s->cache, rc, "read", err);
}

static bool
take_kept_overlay(struct store_rows *r, uint32_t mailbox)
{
	struct overlay *o = r->v->s->overlay;

	if (o == NULL || o->mailbox != mailbox || o->cache_txn != txn_id(r->v->cache) ||
	    o->journal_txn != txn_id(r->v->journal))
		return false;
	o->n_refs++;
	r->o = o;
	return true;
}

static void
keep_overlay(struct store_rows *r)
{
	overlay_free(r->v->s->overlay);
	r->v->s->overlay = r->o;
	r->o->n_refs++;
}

struct store_rows *
store_rows_begin(struct store_view *v, uint32_t mailbox, struct err *err)
{
	struct store_rows *r = xcalloc(1, sizeof(*r));

	r->v = v;
	if (v->cache != NULL) {
		int rc = mdb_cursor_open(v->cache, v->s->cache->dbi[C_ROW], &r->cur);
		if (rc != 0) {
			env_error(v->s->cache, rc, "read", err);
			store_rows_end(r);
			return NULL;
		}
	}
	if (take_kept_overlay(r, mailbox))
		return r;
	r->o = xcalloc(1, sizeof(*r->o));
	r->o->n_refs = 1;
	r->o->mailbox = mailbox;
	r->o->cache_txn = txn_id(v->cache);
	r->o->journal_txn = txn_id(v->journal);
	if (fill_overlay(r, err) != 0) {
		store_rows_end(r);
		return NULL;
	}
	keep_overlay(r);
	return r;
}

void
store_rows_end(struct store_rows *r)
{
	if (r == NULL)
		return;
	if (r->cur != NULL)
		mdb_cursor_close(r->cur);
	overlay_free(r->o);
	free(r);
}

uint32_t
store_rows_count(const struct store_rows *r)
{
	return r->o->n_raw - (uint32_t)r->o->hidden.n;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void
lay_all(const struct overlay *o, struct row *row, struct arena *arena)
{
	size_t low = 0, high = o->laid.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (o->laid.v[mid].i.local < row->local)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < o->laid.n && o->laid.v[low].i.local == row->local; low++)
		intent_overlay(&o->laid.v[low].i, row, arena);
}

static int
give(struct store_rows *r, const struct at *at, struct row *out, struct err *err)
{
	if (row_decode(at->key.mv_data, at->val, out) != 0)
		return damaged(r->v->s->cache, "a row", err);
	if (r->o->laid.n > 0)
		lay_all(r->o, out, &r->v->arena);
	return 0;
}

/* How many hidden rows come before the shown row n. */
static uint32_t
hidden_before_ordinal(const struct overlay *o, uint32_t n)
{
	size_t low = 0, high = o->hidden.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (o->hidden.v[mid].raw - mid <= n)
			low = mid + 1;
		else
			high = mid;
	}
	return (uint32_t)low;
}

static size_t
hidden_before_key(const struct overlay *o, const unsigned char *key, bool *is_hidden_out)
{
	size_t low = 0, high = o->hidden.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (memcmp(o->hidden.v[mid].key, key, ROW_KEY_LEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*is_hidden_out = low < o->hidden.n &&
			 memcmp(o->hidden.v[low].key, key, ROW_KEY_LEN) == 0;
	return low;
}

int
store_rows_at(struct store_rows *r, uint32_t ordinal, struct row *out, struct err *err)
{
	struct at at;

	if (ordinal >= store_rows_count(r))
		return 1;
	int rc = seek_ordinal(r, ordinal + hidden_before_ordinal(r->o, ordinal), &at);
	if (rc != 0)
		return env_error(r->v->s->cache, rc, "read", err);
	if (!in_mailbox(r, &at))
		return damaged(r->v->s->cache, "counts of rows that are not true", err);
	return give(r, &at, out, err);
}

/* One step that skips what is hidden. At the end the cursor stands on the last row. */
static int
step(struct store_rows *r, MDB_cursor_op op, MDB_cursor_op back, struct row *out,
     struct err *err)
{
	struct at at;
	bool is_hidden = true;

	if (r->cur == NULL)
		return 1;
	while (is_hidden) {
		int rc = move_cursor(r, &at, op);
		if (rc == MDB_NOTFOUND || rc == EINVAL)
			return 1;
		if (rc != 0)
			return env_error(r->v->s->cache, rc, "read", err);
		if (!in_mailbox(r, &at)) {
			move_cursor(r, &at, back);
			return 1;
		}
		is_hidden = false;
		if (r->o->hidden.n > 0)
			hidden_before_key(r->o, at.key.mv_data, &is_hidden);
	}
	return give(r, &at, out, err);
}

int
store_rows_next(struct store_rows *r, struct row *out, struct err *err)
{
	return step(r, MDB_NEXT, MDB_PREV, out, err);
}

int
store_rows_prev(struct store_rows *r, struct row *out, struct err *err)
{
	return step(r, MDB_PREV, MDB_NEXT, out, err);
}

int
store_rows_rank(struct store_rows *r, struct row_key key, uint32_t *ordinal_out,
		struct err *err)
{
	unsigned char k[ROW_KEY_LEN];
	uint32_t raw;
	bool is_hidden;

	key_row(k, r->o->mailbox, key.date, key.uid);
	int rc = rank_raw(r, k, &raw);
	if (rc != 0)
		return env_error(r->v->s->cache, rc, "read", err);
	*ordinal_out = raw - (uint32_t)hidden_before_key(r->o, k, &is_hidden);
	return 0;
}

/* ---- one row, wherever it lies -------------------------------------------------------------------------- */

struct lay_one {
	const struct mailbox *m;
	struct row *row;
	struct arena *arena;
};

static bool
lay_if_here(const struct intent *i, void *ctx)
{
	struct lay_one *l = ctx;

	if (str_eq(i->account, l->m->account) && str_eq(i->mailbox, l->m->name))
		intent_overlay(i, l->row, l->arena);
	return true;
}

static int
row_at(struct store_view *v, const struct place *at, struct row *out, struct err *err)
{
	struct mailbox m;

	if (read_row(v->s->cache, v->cache, at, out, err) != 0)
		return -1;
	if (v->journal == NULL)
		return 0;
	int rc = read_mailbox(v->s->cache, v->cache, at->mailbox, &m, err);
	if (rc != 0)
		return rc < 0 ? -1 : damaged(v->s->cache, "a row without mailbox", err);
	struct lay_one l = { &m, out, &v->arena };
	return read_intents_of_local(v->s->journal, v->journal, out->local, lay_if_here, &l, err);
}

int
store_row(struct store_view *v, uint64_t local, uint32_t *mailbox_out, struct row *out,
	  struct err *err)
{
	struct place at;

	if (v->cache == NULL)
		return 1;
	int rc = read_place(v->s->cache, v->cache, local, &at, err);
	if (rc != 0)
		return rc;
	if (mailbox_out != NULL)
		*mailbox_out = at.mailbox;
	return row_at(v, &at, out, err);
}

int
store_row_by_uid(struct store_view *v, uint32_t mailbox, uint32_t uid, struct row *out,
		 struct err *err)
{
	struct place at;

	if (v->cache == NULL)
		return 1;
	int rc = read_uid(v->s->cache, v->cache, mailbox, uid, &at, err);
	return rc != 0 ? rc : row_at(v, &at, out, err);
}

bool
store_lies_in(struct store_view *v, uint64_t local, uint32_t mailbox)
{
	struct place at;

	return v->cache != NULL && read_place(v->s->cache, v->cache, local, &at, NULL) == 0 &&
	       at.mailbox == mailbox;
}

int
store_told_row(struct store_view *v, uint32_t mailbox, uint32_t uid, struct row *out,
	       struct err *err)
{
	struct place at;

	if (v->cache == NULL)
		return 1;
	int rc = read_uid(v->s->cache, v->cache, mailbox, uid, &at, err);
	return rc != 0 ? rc : read_row(v->s->cache, v->cache, &at, out, err);
}

/* ---- counts ---------------------------------------------------------------------------------------------- */

static void
count_down(uint32_t *n)
{
	if (*n > 0)
		--*n;
}

static void
count_flags(struct mailbox_counts *c, uint32_t before, uint32_t after)
{
	if ((before & ROW_SEEN) == 0 && (after & ROW_SEEN) != 0)
		count_down(&c->unseen);
	if ((before & ROW_SEEN) != 0 && (after & ROW_SEEN) == 0)
		c->unseen++;
	if ((before & ROW_FLAGGED) != 0 && (after & ROW_FLAGGED) == 0)
		count_down(&c->flagged);
	if ((before & ROW_FLAGGED) == 0 && (after & ROW_FLAGGED) != 0)
		c->flagged++;
}

/* All intents of one message, laid[from..to). */
static int
count_message(struct store_view *v, const struct mailbox *m, const struct overlay *o,
	      size_t from, size_t to, struct mailbox_counts *c, struct err *err)
{
	const struct intent *first = &o->laid.v[from].i;
	struct row row = { .flags = first->old_flags };
	struct place at;
	bool is_shown = true;

	if (first->local == 0)
		return 0;
	int rc = read_place(v->s->cache, v->cache, first->local, &at, err);
	if (rc == 0 && at.mailbox != m->id)
		return 0;
	if (rc == 0)
		rc = read_row(v->s->cache, v->cache, &at, &row, err);
	if (rc != 0) /* not cached: nothing is known to count */
		return rc < 0 ? -1 : 0;
	uint32_t before = row.flags;
	for (size_t i = from; i < to; i++)
		is_shown &= intent_overlay(&o->laid.v[i].i, &row, &v->arena) ||
			    o->laid.v[i].stays;
	count_flags(c, before, row.flags);
	if ((row.flags & ROW_TO_DELETE) != 0 && is_shown)
		c->to_delete++;
	if (!is_shown) {
		count_down(&c->messages);
		/* As a seen, unflagged one it would not be counted. */
		count_flags(c, row.flags, ROW_SEEN);
	}
	return 0;
}

static int
count_laid(struct store_view *v, const struct mailbox *m, const struct overlay *o,
	   struct mailbox_counts *c, struct err *err)
{
	size_t from = 0;

	for (size_t i = 1; i <= o->laid.n; i++) {
		if (i < o->laid.n && o->laid.v[i].i.local == o->laid.v[from].i.local)
			continue;
		if (count_message(v, m, o, from, i, c, err) != 0)
			return -1;
		from = i;
	}
	return 0;
}

int
store_mailbox_counts(struct store_view *v, const struct mailbox *m, struct mailbox_counts *out,
		     struct err *err)
{
	struct overlay *o = xcalloc(1, sizeof(*o));

	out->messages = m->status_messages == MAILBOX_COUNT_ROWS ? m->exists : m->status_messages;
	out->unseen = m->status_unseen == MAILBOX_COUNT_ROWS ? m->n_unseen : m->status_unseen;
	out->flagged = m->n_flagged;
	out->to_delete = 0;
	o->n_refs = 1;
	o->mailbox = m->id;
	int rc = 0;
	if (v->cache != NULL && v->journal != NULL)
		rc = collect_intents(v, o, m, err) != 0 || count_laid(v, m, o, out, err) != 0;
	overlay_free(o);
	return rc == 0 ? 0 : -1;
}
