/* The journal's records and indexes, and the commit that makes them durable. */
#include "writer.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"

/* ---- one operation, one commit -------------------------------------------------------- */

int
j_error(const struct jop *j, int rc, struct err *err)
{
	return env_error(j->e, rc, "write", err);
}

void
j_count(struct account_counts *c, uint64_t account, int64_t n)
{
	for (size_t i = 0; i < c->of.n; i++)
		if (c->of.v[i].account == account) {
			c->of.v[i].n += n;
			return;
		}
	struct account_count one = { account, n };
	vec_push(&c->of, one);
}

static bool
count_waiting(const struct intent *i, void *ctx)
{
	j_count(ctx, hash64(i->account), 1);
	return true;
}

int
journal_count(struct store_writer *w, struct err *err)
{
	struct store_view *v = store_begin(w->reader, err);

	if (v == NULL)
		return -1;
	int rc = store_each_intent(v, (1u << INTENT_PLANNED) | (1u << INTENT_SENT), count_waiting,
				   &w->waiting, err);
	store_end(v);
	return rc;
}

uint32_t
journal_n_waiting(const struct store_writer *w, struct str account)
{
	uint64_t hash = hash64(account);

	for (size_t i = 0; i < w->waiting.of.n; i++)
		if (w->waiting.of.v[i].account == hash)
			return (uint32_t)w->waiting.of.v[i].n;
	return 0;
}

static int
run_once(struct store_writer *w, jop_fn fn, void *ctx, struct err *err)
{
	struct jop j = { .w = w, .e = &w->journal, .arena = ARENA_INIT, .buf = BUF_INIT };
	int result = -1;

	if (!env_is_current(&w->journal, w->state_dir))
		return err_set(err, ERR_DAMAGED, "the journal in '%s' was deleted",
			       w->journal.dir);
	/* What the cache says is read from its last commit. While the writer opens
	 * there is no reader yet, and nothing to read. */
	j.view = w->reader != NULL ? store_begin(w->reader, err) : NULL;
	if (w->reader != NULL && j.view == NULL)
		return -1;
	int rc = mdb_txn_begin(w->journal.mdb, NULL, 0, &j.txn);
	if (rc != 0) {
		j_error(&j, rc, err);
	} else if (fn(&j, ctx, err) != 0) {
		mdb_txn_abort(j.txn);
	} else {
		rc = mdb_txn_commit(j.txn);
		result = rc == 0 ? 0 : j_error(&j, rc, err);
		for (size_t i = 0; rc == 0 && i < j.waiting.of.n; i++)
			j_count(&w->waiting, j.waiting.of.v[i].account, j.waiting.of.v[i].n);
	}
	vec_release(&j.waiting.of);
	store_end(j.view);
	map_release(&j.moved, NULL);
	arena_release(&j.arena);
	buf_release(&j.buf);
	return result;
}

int
journal_run(struct store_writer *w, jop_fn fn, void *ctx, struct err *err)
{
	struct err why = ERR_INIT;

	if (run_once(w, fn, ctx, &why) == 0)
		return 0;
	if (why.kind == ERR_NOSPACE && reserve_release(w)) {
		log_at(LOG_WARN, "store", "%s: the reserve is given up", why.text);
		why = (struct err)ERR_INIT;
		if (run_once(w, fn, ctx, &why) == 0)
			return 0;
	}
	if (err != NULL)
		*err = why;
	return -1;
}

/* ---- puts ---------------------------------------------------------------------------------- */

static int
put(struct jop *j, unsigned db, MDB_val key, MDB_val val, struct err *err)
{
	int rc = mdb_put(j->txn, j->e->dbi[db], &key, &val, 0);

	return rc == 0 ? 0 : j_error(j, rc, err);
}

static int
del(struct jop *j, unsigned db, MDB_val key, struct err *err)
{
	int rc = mdb_del(j->txn, j->e->dbi[db], &key, NULL);

	return rc == 0 || rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

int
j_counter_add(struct jop *j, const char *name, int64_t delta, uint64_t *before_out,
	      struct err *err)
{
	unsigned char val[8];
	uint64_t now = read_counter(j->e, j->txn, name);

	if (before_out != NULL)
		*before_out = now;
	put_be64(val, now + (uint64_t)delta);
	return put(j, J_META, val_of(name, strlen(name)), val_of(val, 8), err);
}

int
j_next_seq(struct jop *j, uint64_t *seq_out, struct err *err)
{
	if (j_counter_add(j, "seq", 1, seq_out, err) != 0)
		return -1;
	++*seq_out;
	return 0;
}

static bool
is_waiting(const struct intent *i)
{
	return i->state == INTENT_PLANNED || i->state == INTENT_SENT;
}

/* The index entries of a record: 0 or more of those that its state asks for. */
static int
index_record(struct jop *j, const struct intent *i, bool is_put, struct err *err)
{
	unsigned char key[PAIR_KEY_LEN];
	MDB_val k = val_of(key, sizeof(key)), empty = val_of("", 0);
	struct {
		unsigned db;
		uint64_t number;
		bool is_wanted;
	} entries[] = {
		{ J_BOX, mailbox_hash(i->account, i->mailbox), state_is_open(i->state) },
		{ J_LOCAL, i->local, state_is_open(i->state) && i->local != 0 },
		{ J_BY_GROUP, i->group, true },
	};

	for (size_t n = 0; n < ARRAY_LEN(entries); n++) {
		if (!entries[n].is_wanted)
			continue;
		key_pair(key, entries[n].number, i->seq);
		if ((is_put ? put(j, entries[n].db, k, empty, err) :
			      del(j, entries[n].db, k, err)) != 0)
			return -1;
	}
	if (!is_waiting(i))
		return 0;
	j_count(&j->waiting, hash64(i->account), is_put ? 1 : -1);
	return j_counter_add(j, "n_waiting", is_put ? 1 : -1, NULL, err);
}

int
j_delete(struct jop *j, const struct intent *i, struct err *err)
{
	unsigned char key[8];

	put_be64(key, i->seq);
	if (index_record(j, i, false, err) != 0)
		return -1;
	return del(j, state_is_open(i->state) ? J_OPEN : J_DONE, val_of(key, 8), err);
}

int
j_put(struct jop *j, const struct intent *i, struct err *err)
{
	struct intent was;
	unsigned char key[8];

	int rc = read_intent(j->e, j->txn, i->seq, &was, err);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		was = intent_copy(&was, &j->arena);
		if (j_delete(j, &was, err) != 0)
			return -1;
	}
	buf_reset(&j->buf);
	intent_encode(&j->buf, i);
	put_be64(key, i->seq);
	if (put(j, state_is_open(i->state) ? J_OPEN : J_DONE, val_of(key, 8),
		val_of(j->buf.ptr, j->buf.len), err) != 0)
		return -1;
	return index_record(j, i, true, err);
}

/* ---- gets: copies, since what follows changes the pages ----------------------------------------- */

static int
get(struct jop *j, uint64_t seq, struct intent *out, struct err *err)
{
	int rc = read_intent(j->e, j->txn, seq, out, err);

	if (rc == 0)
		*out = intent_copy(out, &j->arena);
	return rc;
}

/* Sequence numbers under one number of an index; yours to free. */
static int
seqs_of(struct jop *j, unsigned db, uint64_t number, uint64_t **out, size_t *n_out,
	struct err *err)
{
	VEC(uint64_t) seqs = VEC_INIT;
	unsigned char from[PAIR_KEY_LEN];
	MDB_cursor *cur;
	MDB_val key, val;

	int rc = mdb_cursor_open(j->txn, j->e->dbi[db], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	key_pair(from, number, 0);
	key = val_of(from, sizeof(from));
	rc = mdb_cursor_get(cur, &key, &val, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		if (key.mv_size != PAIR_KEY_LEN || get_be64(key.mv_data) != number)
			break;
		vec_push(&seqs, get_be64((const char *)key.mv_data + 8));
	}
	mdb_cursor_close(cur);
	*out = seqs.v; /* to be freed also after an error */
	*n_out = seqs.n;
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

static int
records_of(struct jop *j, unsigned db, uint64_t number, struct intents *out, struct err *err)
{
	uint64_t *seqs = NULL;
	size_t n = 0;
	int rc = seqs_of(j, db, number, &seqs, &n, err);

	vec_reset(out);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct intent record;
		rc = get(j, seqs[i], &record, err);
		if (rc == 1)
			rc = damaged(j->e, "an index of changes", err);
		if (rc == 0)
			vec_push(out, record);
	}
	free(seqs);
	return rc;
}

int
j_of_local(struct jop *j, uint64_t local, struct intents *out, struct err *err)
{
	vec_reset(out);
	return local == 0 ? 0 : records_of(j, J_LOCAL, local, out, err);
}

static int
note_moves(struct jop *j, struct err *err)
{
	MDB_cursor *cur;
	MDB_val key, val;

	int rc = mdb_cursor_open(j->txn, j->e->dbi[J_DONE], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	while ((rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) == 0) {
		struct intent i;
		if (key.mv_size != 8 || intent_decode(val, &i) != 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		if (i.state == INTENT_CONFIRMED && i.local != 0 &&
		    (i.kind == INTENT_MOVE || i.kind == INTENT_DELETE))
			map_set64(&j->moved, i.local, (void *)(uintptr_t)get_be64(key.mv_data));
	}
	mdb_cursor_close(cur);
	j->has_moved = true;
	return rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

int
j_last_move(struct jop *j, uint64_t local, struct intent *out, struct err *err)
{
	if (!j->has_moved && note_moves(j, err) != 0)
		return -1;
	uint64_t seq = (uintptr_t)map_get64(&j->moved, local);
	return seq == 0 ? 1 : get(j, seq, out, err);
}

static bool
is_same_message(const struct intent *a, const struct intent *b)
{
	return a->message_id.len > 0 && str_eq(a->message_id, b->message_id) &&
	       a->size_bytes == b->size_bytes && a->internaldate == b->internaldate &&
	       str_eq(a->account, b->account) && str_eq(a->mailbox, b->mailbox);
}

/* Done ones that took it from there. */
static int
moved_as(struct jop *j, const struct intent *i, uint64_t *local_out, struct err *err)
{
	MDB_cursor *cur;
	MDB_val key, val;
	struct intent o;

	int rc = mdb_cursor_open(j->txn, j->e->dbi[J_DONE], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	while ((rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) == 0) {
		if (key.mv_size != 8 || intent_decode(val, &o) != 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		if (o.state == INTENT_CONFIRMED && o.local != i->local && is_same_message(&o, i) &&
		    (o.kind == INTENT_MOVE || o.kind == INTENT_DELETE))
			*local_out = o.local;
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

int
j_known_as(struct jop *j, const struct intent *i, uint64_t *local_out, struct err *err)
{
	struct intents there = VEC_INIT;

	*local_out = 0;
	int rc = moved_as(j, i, local_out, err);
	if (rc == 0)
		rc = j_of_box(j, i->account, i->mailbox, &there, err);
	for (size_t n = 0; rc == 0 && n < there.n; n++)
		if (there.v[n].local != i->local && is_same_message(&there.v[n], i))
			*local_out = there.v[n].local;
	vec_release(&there);
	return rc;
}

int
j_of_group(struct jop *j, uint64_t group, struct intents *out, struct err *err)
{
	return records_of(j, J_BY_GROUP, group, out, err);
}

int
j_of_box(struct jop *j, struct str account, struct str mailbox, struct intents *out,
	 struct err *err)
{
	struct str name = mailbox_canonical(mailbox);
	size_t n = 0;

	if (records_of(j, J_BOX, mailbox_hash(account, name), out, err) != 0)
		return -1;
	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->v[i].account, account) && str_eq(out->v[i].mailbox, name))
			out->v[n++] = out->v[i];
	out->n = n;
	return 0;
}

/* ---- posts and groups --------------------------------------------------------------------------- */

/* Value of a post: when, and what to say when it is asked again. */
int
j_post(struct jop *j, const uint8_t post_id[16], struct str *text_out, struct err *err)
{
	MDB_val val;
	int rc = db_get(j->e, j->txn, J_POST, val_of(post_id, 16), &val, err);

	if (rc == 0 && val.mv_size < 8)
		return damaged(j->e, "a post", err);
	if (rc == 0 && text_out != NULL)
		*text_out = arena_str(&j->arena, str_from(str_of_val(val), 8));
	return rc;
}

int
j_put_post(struct jop *j, const uint8_t post_id[16], struct str text, struct err *err)
{
	unsigned char time[8];

	put_be64(time, (uint64_t)j->now_wall);
	buf_reset(&j->buf);
	buf_add(&j->buf, time, 8);
	buf_addstr(&j->buf, text);
	return put(j, J_POST, val_of(post_id, 16), val_of(j->buf.ptr, j->buf.len), err);
}

int
j_put_group(struct jop *j, uint64_t group, const struct group *g, struct err *err)
{
	unsigned char key[8], val[GROUP_VAL_LEN];

	put_be64(key, group);
	group_val(val, g);
	return put(j, J_GROUP, val_of(key, 8), val_of(val, sizeof(val)), err);
}

int
j_new_group(struct jop *j, bool is_beyond_undo, uint64_t *group_out, struct err *err)
{
	struct group g = { j->now_wall, false, is_beyond_undo };

	if (j_counter_add(j, "group", 1, group_out, err) != 0)
		return -1;
	++*group_out;
	return j_put_group(j, *group_out, &g, err);
}

/* ---- local ids -------------------------------------------------------------------------------------- */

/* Each costs a commit with a full sync, in the middle of a fill. */
#define LEASE 65536

static int
lease(struct jop *j, void *ctx, struct err *err)
{
	uint64_t *first = ctx;

	/* 0 is nobody's. */
	if (read_counter(j->e, j->txn, "next_local") == 0 &&
	    j_counter_add(j, "next_local", 1, NULL, err) != 0)
		return -1;
	return j_counter_add(j, "next_local", LEASE, first, err);
}

int
journal_next_local(struct store_writer *w, uint64_t *local_out, struct err *err)
{
	if (w->next_local == w->end_local) {
		uint64_t first;
		if (journal_run(w, lease, &first, err) != 0)
			return -1;
		w->next_local = first;
		w->end_local = first + LEASE;
	}
	*local_out = w->next_local++;
	return 0;
}

/* ---- update, drop ------------------------------------------------------------------------------------- */

struct update {
	const struct intent *v;
	size_t n;
};

static int
update_one(struct jop *j, const struct intent *to, struct err *err)
{
	struct intent i;
	int rc = get(j, to->seq, &i, err);

	if (rc != 0) /* 1: swept meanwhile */
		return rc < 0 ? -1 : 0;
	/* The user took it back, or it was done: whoever has an older copy of the
	 * record does not open it again. */
	if (!state_is_open(i.state))
		return 0;
	uint8_t before = i.state;
	i.state = to->state;
	i.stage = to->stage;
	i.target_account = to->target_account;
	i.target = to->target;
	i.target_uidvalidity = to->target_uidvalidity;
	i.target_uidnext = to->target_uidnext;
	i.target_uid = to->target_uid;
	i.attempts = to->attempts;
	i.not_before = to->not_before;
	i.reason = to->reason;
	/* Nobody knew where it came to lie, and it was looked for and found. */
	if (i.uid == 0 && to->uid != 0 && str_eq(i.account, to->account) &&
	    str_eq(i.mailbox, to->mailbox)) {
		i.uidvalidity = to->uidvalidity;
		i.uid = to->uid;
	}
	if (j_put(j, &i, err) != 0)
		return -1;
	return i.state != before ? j_follow(j, &i, err) : 0;
}

static int
update_all(struct jop *j, void *ctx, struct err *err)
{
	const struct update *u = ctx;

	for (size_t i = 0; i < u->n; i++)
		if (update_one(j, &u->v[i], err) != 0)
			return -1;
	return 0;
}

static bool
states_are_sane(const struct intent *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].state < INTENT_HELD || v[i].state > INTENT_DROPPED)
			return false;
	return true;
}

int
journal_update(struct store_writer *w, const struct intent *intents, size_t n, struct err *err)
{
	struct update u = { intents, n };

	if (!states_are_sane(intents, n))
		BUG("a state that is none");
	return n == 0 ? 0 : journal_run(w, update_all, &u, err);
}

struct claim {
	const struct intent *v;
	size_t n;
	bool *has; /* which of them are ours; written anew by each try */
};

/* The record still asks for what the copy is about to do. */
static bool
is_same_change(const struct intent *i, const struct intent *copy)
{
	return (i->state == INTENT_PLANNED || i->state == INTENT_SENT) && i->kind == copy->kind &&
	       i->local == copy->local && i->set_flags == copy->set_flags &&
	       i->clear_flags == copy->clear_flags && str_eq(i->keyword, copy->keyword) &&
	       str_eq(i->account, copy->account) && str_eq(i->mailbox, copy->mailbox) &&
	       (i->target.len == 0 || str_eq(i->target, copy->target));
}

static int
claim_all(struct jop *j, void *ctx, struct err *err)
{
	struct claim *c = ctx;
	struct intent i;

	for (size_t n = 0; n < c->n; n++) {
		int rc = get(j, c->v[n].seq, &i, err);
		if (rc < 0)
			return -1;
		c->has[n] = rc == 0 && is_same_change(&i, &c->v[n]);
		if (!c->has[n])
			continue;
		struct intent to = c->v[n];
		to.state = INTENT_SENT;
		if (update_one(j, &to, err) != 0)
			return -1;
	}
	return 0;
}

int
journal_claim(struct store_writer *w, struct intent *intents, size_t *n, struct err *err)
{
	struct claim c = { intents, *n, xcalloc(*n + 1, sizeof(*c.has)) };
	size_t n_ours = 0;
	int status = *n == 0 ? 0 : journal_run(w, claim_all, &c, err);

	for (size_t i = 0; status == 0 && i < *n; i++)
		if (c.has[i]) {
			intents[n_ours] = intents[i];
			intents[n_ours++].state = INTENT_SENT;
		}
	if (status == 0)
		*n = n_ours;
	free(c.has);
	return status;
}

static int
drop(struct jop *j, void *ctx, struct err *err)
{
	struct intent i;
	int rc = get(j, *(const uint64_t *)ctx, &i, err);

	if (rc == 1)
		return err_set(err, ERR_GONE, "that change is no longer there");
	if (rc != 0)
		return -1;
	if (i.state == INTENT_SENT)
		return err_set(err, ERR_USER, "that change has gone out already");
	if (!state_is_open(i.state))
		return 0;
	i.state = INTENT_DROPPED;
	return j_put(j, &i, err) != 0 ? -1 : j_follow(j, &i, err);
}

int
journal_drop(struct store_writer *w, uint64_t seq, struct err *err)
{
	return journal_run(w, drop, &seq, err);
}

/* ---- sweeping -------------------------------------------------------------------------------------------- */

#define KEEP_GROUPS 1000
#define KEEP_SECONDS (30 * 24 * 3600)
#define SWEEP_MAX 10000 /* records per commit */

struct old_groups {
	VEC(uint64_t) groups;
	VEC(uint64_t) posts; /* pairs */
};

static int
find_old_groups(struct jop *j, struct old_groups *old, struct err *err)
{
	MDB_cursor *cur;
	MDB_val key, val;
	unsigned newer = 0;

	int rc = mdb_cursor_open(j->txn, j->e->dbi[J_GROUP], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	rc = mdb_cursor_get(cur, &key, &val, MDB_LAST);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_PREV), newer++) {
		struct group g;
		if (key.mv_size != 8 || group_val_get(val, &g) != 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		if (newer >= KEEP_GROUPS || g.time < j->now_wall - KEEP_SECONDS)
			vec_push(&old->groups, get_be64(key.mv_data));
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

static int
find_old_posts(struct jop *j, struct old_groups *old, struct err *err)
{
	MDB_cursor *cur;
	MDB_val key, val;

	int rc = mdb_cursor_open(j->txn, j->e->dbi[J_POST], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	rc = mdb_cursor_get(cur, &key, &val, MDB_FIRST);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		uint64_t id[2];
		if (key.mv_size != 16 || val.mv_size < 8 ||
		    (int64_t)get_be64(val.mv_data) >= j->now_wall - KEEP_SECONDS)
			continue;
		memcpy(id, key.mv_data, 16);
		vec_reserve(&old->posts, 2);
		vec_push(&old->posts, id[0]);
		vec_push(&old->posts, id[1]);
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

static int
posts_of_open(struct jop *j, struct map *ids, struct err *err)
{
	MDB_cursor *cur;
	MDB_val key, val;

	int rc = mdb_cursor_open(j->txn, j->e->dbi[J_OPEN], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	for (rc = mdb_cursor_get(cur, &key, &val, MDB_FIRST); rc == 0;
	     rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		struct intent i;
		if (key.mv_size != 8 || get(j, get_be64(key.mv_data), &i, err) != 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		map_set(ids, str_n((const char *)i.post_id, sizeof(i.post_id)), ids);
	}
	mdb_cursor_close(cur);
	return rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

/* Who posts again what still waits must not make it twice, however old it is. */
static int
keep_open_posts(struct jop *j, struct old_groups *old, struct err *err)
{
	struct map open = MAP_INIT;
	size_t n = 0;
	int rc = old->posts.n == 0 ? 0 : posts_of_open(j, &open, err);

	for (size_t i = 0; rc == 0 && i + 1 < old->posts.n; i += 2) {
		if (map_has(&open, str_n((const char *)&old->posts.v[i], 16)))
			continue;
		memmove(&old->posts.v[n], &old->posts.v[i], 16);
		n += 2;
	}
	old->posts.n = n;
	map_release(&open, NULL);
	return rc;
}

/* A group goes when none of its records matters any more. */
static int
sweep_group(struct jop *j, uint64_t group, size_t *n_swept, struct err *err)
{
	struct intents records = VEC_INIT;
	unsigned char key[8];
	bool is_open = false;

	int rc = j_of_group(j, group, &records, err);
	for (size_t i = 0; i < records.n; i++)
		is_open |= state_is_open(records.v[i].state);
	for (size_t i = 0; rc == 0 && !is_open && i < records.n; i++)
		rc = j_delete(j, &records.v[i], err);
	put_be64(key, group);
	if (rc == 0 && !is_open)
		rc = del(j, J_GROUP, val_of(key, 8), err);
	*n_swept += records.n;
	vec_release(&records);
	return rc;
}

static int
sweep_done(struct jop *j, void *ctx, struct err *err)
{
	struct old_groups old = { VEC_INIT, VEC_INIT };
	size_t n_swept = 0;

	j->now_wall = *(const int64_t *)ctx;
	int rc = find_old_groups(j, &old, err) != 0 || find_old_posts(j, &old, err) != 0 ||
		 keep_open_posts(j, &old, err) != 0;
	/* Oldest first. */
	for (size_t i = old.groups.n; rc == 0 && i > 0 && n_swept < SWEEP_MAX; i--)
		rc = sweep_group(j, old.groups.v[i - 1], &n_swept, err);
	for (size_t i = 0; rc == 0 && i + 1 < old.posts.n; i += 2)
		rc = del(j, J_POST, val_of(&old.posts.v[i], 16), err);
	vec_release(&old.groups);
	vec_release(&old.posts);
	return rc == 0 ? 0 : -1;
}

int
journal_sweep(struct store_writer *w, int64_t now_wall, struct err *err)
{
	return journal_run(w, sweep_done, &now_wall, err);
}
