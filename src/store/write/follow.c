/* Records whose message went elsewhere: after a move of our own, and after the
 * cache or the mailbox was built anew. */
#include "writer.h"

#include <stdlib.h>
#include "tern/base/seqset.h"

/* ---- where a message is, and which it is ------------------------------------------------ */

struct str
intent_target_account(const struct intent *i)
{
	return i->target_account.len > 0 ? i->target_account : i->account;
}

void
intent_place_as(struct intent *i, const struct intent *of)
{
	i->account = of->account;
	i->mailbox = of->mailbox;
	i->mailbox_id = of->mailbox_id;
	i->uidvalidity = of->uidvalidity;
	i->uid = of->uid;
}

void
intent_place_behind(struct intent *i, const struct intent *move)
{
	i->account = intent_target_account(move);
	i->mailbox = mailbox_canonical(move->target);
	i->mailbox_id = STR_NONE;
	i->uidvalidity = move->target_uidvalidity;
	i->uid = move->target_uid;
}

void
intent_print_as(struct intent *i, const struct intent *of)
{
	i->size_bytes = of->size_bytes;
	i->internaldate = of->internaldate;
	i->message_id = of->message_id;
}

/* ---- behind a move ------------------------------------------------------------------ */

static bool
is_in(const struct intent *i, struct str account, struct str mailbox)
{
	return str_eq(i->account, account) && str_eq(i->mailbox, mailbox);
}

static int
put_there(struct jop *j, struct intent *i, struct err *err)
{
	/* A move to where it is has nothing left to do. */
	if (i->kind == INTENT_MOVE && i->state == INTENT_PLANNED &&
	    is_in(i, intent_target_account(i), i->target))
		i->state = INTENT_DROPPED;
	return j_put(j, i, err);
}

static int
follow_one(struct jop *j, const struct intent *moved, struct intent *i, struct err *err)
{
	struct str account = intent_target_account(moved);
	struct str target = mailbox_canonical(moved->target);

	if (moved->state == INTENT_CONFIRMED) {
		bool was_left = is_in(i, moved->account, moved->mailbox);
		bool waits = is_in(i, account, target) && i->uid == 0;
		if (i->state == INTENT_SENT || (!was_left && !waits))
			return 0;
		intent_place_behind(i, moved);
		return put_there(j, i, err);
	}
	/* Refused, parked or dropped: the message is where it was. */
	if (i->seq < moved->seq || i->state == INTENT_SENT || !is_in(i, account, target) ||
	    i->uid != moved->target_uid)
		return 0;
	intent_place_as(i, moved);
	return put_there(j, i, err);
}

int
j_follow(struct jop *j, const struct intent *moved, struct err *err)
{
	struct intents open = VEC_INIT;

	if ((moved->kind != INTENT_MOVE && moved->kind != INTENT_DELETE) ||
	    moved->target.len == 0 ||
	    (moved->state != INTENT_CONFIRMED && moved->state != INTENT_REFUSED &&
	     moved->state != INTENT_DROPPED && moved->state != INTENT_PARKED))
		return 0;
	int rc = j_of_local(j, moved->local, &open, err);
	for (size_t n = 0; rc == 0 && n < open.n; n++)
		if (open.v[n].seq != moved->seq)
			rc = follow_one(j, moved, &open.v[n], err);
	vec_release(&open);
	return rc;
}

/* ---- binding anew ------------------------------------------------------------------------ */

struct candidate {
	uint64_t print;
	size_t record; /* of the box */
	uint32_t uid;
	uint64_t local;
	unsigned n_matches;
	bool is_gone; /* its UID is: what looks the same is another message */
};

struct rebind {
	struct mailbox m;
	bool is_covered;
	struct intents box;
	VEC(struct candidate) sought;
};

/* Every message of the mailbox has a row. */
static bool
covers_all(const struct mailbox *m)
{
	struct seqset set = SEQSET_INIT;
	bool all = m->uidnext > 0 && m->uidvalidity != 0;

	if (all && m->uidnext > 1)
		all = seqset_parse(m->covered, &set, NULL) == 0 && set.n == 1 &&
		      set.v[0].first == 1 && set.v[0].last >= m->uidnext - 1;
	seqset_release(&set);
	return all;
}

static int
by_print(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->print < y->print ? -1 : x->print > y->print;
}

static void
match_row(struct rebind *r, uint64_t print, const struct row *row)
{
	size_t low = 0, high = r->sought.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (r->sought.v[mid].print < print)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < r->sought.n && r->sought.v[low].print == print; low++) {
		r->sought.v[low].uid = row->uid;
		r->sought.v[low].local = row->local;
		r->sought.v[low].n_matches++;
	}
}

/* One walk over the rows for all that is sought. */
static int
search_rows(struct jop *j, struct rebind *r, struct err *err)
{
	const struct env *e = &j->w->cache;
	unsigned char from[ROW_KEY_LEN] = { 0 };
	MDB_cursor *cur;
	MDB_val key, val;
	struct row row;
	int result = 0;

	if (r->sought.n == 0)
		return 0;
	qsort(r->sought.v, r->sought.n, sizeof(r->sought.v[0]), by_print);
	int rc = mdb_cursor_open(j->view->cache, e->dbi[C_ROW], &cur);
	if (rc != 0)
		return env_error(e, rc, "read", err);
	put_be32(from, r->m.id);
	key = val_of(from, sizeof(from));
	rc = mdb_cursor_get(cur, &key, &val, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) {
		if (key.mv_size != ROW_KEY_LEN || get_be32(key.mv_data) != r->m.id)
			break;
		if (row_decode(key.mv_data, val, &row) != 0) {
			result = damaged(e, "a row", err);
			break;
		}
		match_row(r, fingerprint(row.message_id, row.size_bytes, row.internaldate), &row);
	}
	mdb_cursor_close(cur);
	return rc == 0 || rc == MDB_NOTFOUND ? result : env_error(e, rc, "read", err);
}

/* A move of its message is under way before it: where that is will be known when the
 * move has ended. */
static int
is_behind_move(struct jop *j, const struct intent *i, bool *is_behind_out, struct err *err)
{
	struct intents open = VEC_INIT;

	*is_behind_out = false;
	int rc = j_of_local(j, i->local, &open, err);
	for (size_t n = 0; n < open.n; n++) {
		const struct intent *o = &open.v[n];
		*is_behind_out |= o->seq < i->seq && o->state == INTENT_SENT &&
				  (o->kind == INTENT_MOVE || o->kind == INTENT_DELETE) &&
				  o->target.len > 0;
	}
	vec_release(&open);
	return rc;
}

static int
bind(struct jop *j, struct rebind *r, struct intent *i, uint32_t uid, uint64_t local,
     struct err *err)
{
	if (i->uid == uid && i->local == local && i->uidvalidity == r->m.uidvalidity)
		return 0;
	if (j_delete(j, i, err) != 0)
		return -1;
	i->uid = uid;
	i->local = local;
	i->uidvalidity = r->m.uidvalidity;
	i->mailbox_id = r->m.mailbox_id;
	return j_put(j, i, err);
}

/* By UID if it still means the same, else the fingerprint is sought. */
static int
bind_by_uid(struct jop *j, struct rebind *r, size_t n, struct err *err)
{
	struct intent *i = &r->box.v[n];
	struct place at;
	bool is_behind, is_gone = false;

	if (i->state == INTENT_PARKED && i->reason.len == 0)
		return 0;
	if (i->uid == 0) {
		if (is_behind_move(j, i, &is_behind, err) != 0)
			return -1;
		if (is_behind)
			return 0;
	}
	if (i->uid != 0 && i->uidvalidity == r->m.uidvalidity) {
		struct row row;
		int rc = read_uid(&j->w->cache, j->view->cache, r->m.id, i->uid, &at, err);
		if (rc < 0 ||
		    (rc == 0 && read_row(&j->w->cache, j->view->cache, &at, &row, err) != 0))
			return -1;
		if (rc == 0 && intent_means(i, &row))
			return bind(j, r, i, i->uid, at.local, err);
		is_gone = rc == 1 && i->uid < r->m.uidnext;
	}
	struct candidate c = { .record = n,
			       .is_gone = is_gone,
			       .print = fingerprint(i->message_id, i->size_bytes,
						    i->internaldate) };
	vec_push(&r->sought, c);
	return 0;
}

static int
bind_found(struct jop *j, struct rebind *r, const struct candidate *c, struct err *err)
{
	struct intent *i = &r->box.v[c->record];

	if (!c->is_gone && c->print != 0 && c->n_matches == 1)
		return bind(j, r, i, c->uid, c->local, err);
	/* What went out may have done it: who sent it finds out. Where it came to lie was
	 * never told, or told by another connection and this one has not heard of it: who
	 * sends it looks for it. */
	bool is_news = i->uidvalidity == r->m.uidvalidity && i->uid >= r->m.uidnext, is_behind;
	if (!r->is_covered || i->state == INTENT_SENT || i->state == INTENT_PARKED ||
	    i->uid == 0 || is_news)
		return 0;
	if (is_behind_move(j, i, &is_behind, err) != 0)
		return -1;
	if (is_behind)
		return 0;
	i->state = INTENT_PARKED;
	i->reason = !c->is_gone && c->n_matches > 1 ?
			    STR("several messages look like the one that was meant") :
			    STR("the message is no longer there");
	return j_put(j, i, err);
}

static int
rebind_in(struct jop *j, struct rebind *r, struct err *err)
{
	if (j_of_box(j, r->m.account, r->m.name, &r->box, err) != 0)
		return -1;
	for (size_t n = 0; n < r->box.n; n++)
		if (bind_by_uid(j, r, n, err) != 0)
			return -1;
	if (search_rows(j, r, err) != 0)
		return -1;
	for (size_t n = 0; n < r->sought.n; n++)
		if (bind_found(j, r, &r->sought.v[n], err) != 0)
			return -1;
	return 0;
}

static int
rebind_box(struct jop *j, void *ctx, struct err *err)
{
	struct rebind r = { .box = VEC_INIT };

	int rc = read_mailbox(&j->w->cache, j->view->cache, *(const uint32_t *)ctx, &r.m, err);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(err, ERR_GONE, "the mailbox is no longer there");
	r.is_covered = covers_all(&r.m);
	rc = rebind_in(j, &r, err);
	vec_release(&r.box);
	vec_release(&r.sought);
	return rc;
}

int
journal_rebind(struct store_writer *w, uint32_t mailbox, struct err *err)
{
	return journal_run(w, rebind_box, &mailbox, err);
}
