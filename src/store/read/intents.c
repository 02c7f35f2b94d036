/* Reading the journal. */
#include "../internal.h"

uint64_t
read_counter(const struct env *e, MDB_txn *txn, const char *name)
{
	MDB_val val;

	if (db_get(e, txn, 0, val_of(name, strlen(name)), &val, NULL) != 0 || val.mv_size != 8)
		return 0;
	return get_be64(val.mv_data);
}

static int
get_intent(const struct env *e, MDB_txn *txn, unsigned db, uint64_t seq, struct intent *out,
	   struct err *err)
{
	unsigned char key[8];
	MDB_val val;

	put_be64(key, seq);
	int rc = db_get(e, txn, db, val_of(key, 8), &val, err);
	if (rc == 0 && intent_decode(val, out) != 0)
		return damaged(e, "a record of a change", err);
	return rc;
}

int
read_intent(const struct env *e, MDB_txn *txn, uint64_t seq, struct intent *out,
	    struct err *err)
{
	int rc = get_intent(e, txn, J_OPEN, seq, out, err);

	return rc == 1 ? get_intent(e, txn, J_DONE, seq, out, err) : rc;
}

/* The open records that an index names under a 64-bit number, in order of seq. */
static int
each_of_index(const struct env *e, MDB_txn *txn, unsigned db, uint64_t number,
	      bool (*each)(const struct intent *i, void *ctx), void *ctx, struct err *err)
{
	unsigned char from[PAIR_KEY_LEN];
	MDB_cursor *cur;
	MDB_val key, val;
	int result = 0;

	int rc = mdb_cursor_open(txn, e->dbi[db], &cur);
	if (rc != 0)
		return env_error(e, rc, "read", err);
	key_pair(from, number, 0);
	key = val_of(from, sizeof(from));
	rc = mdb_cursor_get(cur, &key, &val, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		struct intent i;
		if (key.mv_size != PAIR_KEY_LEN || get_be64(key.mv_data) != number)
			break;
		uint64_t seq = get_be64((const char *)key.mv_data + 8);
		result = get_intent(e, txn, J_OPEN, seq, &i, err);
		if (result == 1)
			result = damaged(e, "an index of changes", err);
		if (result != 0 || !each(&i, ctx))
			break;
	}
	mdb_cursor_close(cur);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return env_error(e, rc, "read", err);
	return result;
}

int
read_intents_of_local(const struct env *e, MDB_txn *txn, uint64_t local,
		      bool (*each)(const struct intent *i, void *ctx), void *ctx,
		      struct err *err)
{
	return local == 0 ? 0 : each_of_index(e, txn, J_LOCAL, local, each, ctx, err);
}

struct box_filter {
	struct str account, mailbox;
	uint32_t mask;
	bool (*each)(const struct intent *i, void *ctx);
	void *ctx;
};

static bool
filter_box(const struct intent *i, void *ctx)
{
	const struct box_filter *f = ctx;

	if ((f->mask >> i->state & 1) == 0 || !str_eq(i->account, f->account) ||
	    !str_eq(i->mailbox, f->mailbox))
		return true;
	return f->each(i, f->ctx);
}

/* Records of all states, in order of seq: two tables walked side by side. */
struct merge {
	const struct env *e;
	MDB_cursor *cur[2];
	MDB_val key[2], val[2];
	bool has[2];
};

static int
merge_step(struct merge *m, int n, MDB_cursor_op op, struct err *err)
{
	int rc = mdb_cursor_get(m->cur[n], &m->key[n], &m->val[n], op);

	m->has[n] = rc == 0 && m->key[n].mv_size == 8;
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : env_error(m->e, rc, "read", err);
}

static int
merge_each(struct merge *m, const struct box_filter *f, bool any_box, struct err *err)
{
	while (m->has[0] || m->has[1]) {
		int n = !m->has[0] || (m->has[1] && get_be64(m->key[1].mv_data) <
							    get_be64(m->key[0].mv_data));
		struct intent i;
		if (intent_decode(m->val[n], &i) != 0)
			return damaged(m->e, "a record of a change", err);
		bool go_on = any_box ? (f->mask >> i.state & 1) == 0 || f->each(&i, f->ctx)
				     : filter_box(&i, (void *)(uintptr_t)f);
		if (!go_on)
			return 0;
		if (merge_step(m, n, MDB_NEXT, err) != 0)
			return -1;
	}
	return 0;
}

static int
each_in_order(struct store_view *v, const struct box_filter *f, bool any_box, struct err *err)
{
	struct merge m = { .e = v->s->journal };
	bool wants_done = (f->mask & (1u << INTENT_CONFIRMED | 1u << INTENT_DROPPED)) != 0;
	int result = -1;

	int rc = mdb_cursor_open(v->journal, m.e->dbi[J_OPEN], &m.cur[0]);
	if (rc == 0 && wants_done)
		rc = mdb_cursor_open(v->journal, m.e->dbi[J_DONE], &m.cur[1]);
	if (rc != 0)
		env_error(m.e, rc, "read", err);
	else if (merge_step(&m, 0, MDB_FIRST, err) == 0 &&
		 (!wants_done || merge_step(&m, 1, MDB_FIRST, err) == 0))
		result = merge_each(&m, f, any_box, err);
	for (int n = 0; n < 2; n++)
		if (m.cur[n] != NULL)
			mdb_cursor_close(m.cur[n]);
	return result;
}

int
store_each_intent(struct store_view *v, uint32_t state_mask,
		  bool (*each)(const struct intent *i, void *ctx), void *ctx, struct err *err)
{
	struct box_filter f = { STR_NONE, STR_NONE, state_mask, each, ctx };

	return v->journal == NULL ? 0 : each_in_order(v, &f, true, err);
}

int
store_each_intent_of(struct store_view *v, struct str account, struct str mailbox,
		     uint32_t state_mask, bool (*each)(const struct intent *i, void *ctx),
		     void *ctx, struct err *err)
{
	struct box_filter f = { account, mailbox_canonical(mailbox), state_mask, each, ctx };

	if (v->journal == NULL)
		return 0;
	if ((state_mask & (1u << INTENT_CONFIRMED | 1u << INTENT_DROPPED)) != 0)
		return each_in_order(v, &f, false, err);
	return each_of_index(v->s->journal, v->journal, J_BOX, mailbox_hash(account, f.mailbox),
			     filter_box, &f, err);
}

int
store_intent(struct store_view *v, uint64_t seq, struct intent *out, struct err *err)
{
	return v->journal == NULL ? 1 : read_intent(v->s->journal, v->journal, seq, out, err);
}

uint32_t
store_n_waiting(struct store_view *v)
{
	if (v->journal == NULL)
		return 0;
	return (uint32_t)read_counter(v->s->journal, v->journal, "n_waiting");
}
