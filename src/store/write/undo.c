/* Undo: what was before, planned anew. What has not gone out is dropped; the rest
 * is an intent of its own, made from where things are now to where they were. */
#include "writer.h"

#include <stdio.h>

struct undo {
	struct jop *j;
	uint64_t group; /* of the inverse intents; 0 until one is needed */
	uint8_t post_id[16];
	uint32_t n_undone, n_lost;
	uint32_t n_copies; /* of undone moves, that may be left in the target */
	uint32_t kinds; /* 1 << kind */
};

/* The common part of an inverse intent: the message, and what it belongs to. */
static int
plan(struct undo *u, struct intent *inverse, const struct intent *of, struct err *err)
{
	bool kept;

	if (u->group == 0 && j_new_group(u->j, true, &u->group, err) != 0)
		return -1;
	inverse->group = u->group;
	inverse->is_beyond_undo = true;
	inverse->time = u->j->now_wall;
	memcpy(inverse->post_id, u->post_id, sizeof(u->post_id));
	if (inverse->local == 0)
		inverse->local = of->local;
	if (inverse->mailbox.len == 0) /* used only if the cache does not know the message */
		intent_place_as(inverse, of);
	intent_print_as(inverse, of);
	return j_accept(u->j, inverse, true, &kept, err);
}

static bool
went_out(const struct intent *i)
{
	return i->state == INTENT_SENT || i->state == INTENT_CONFIRMED;
}

static int
drop_planned(struct undo *u, struct intent *i, struct err *err)
{
	if (i->state != INTENT_PLANNED && i->state != INTENT_HELD)
		return 0;
	i->state = INTENT_DROPPED;
	return j_put(u->j, i, err);
}

/* ---- by kind -------------------------------------------------------------------------- */

static int
undo_flag(struct undo *u, struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_FLAG };
	uint32_t shown;
	bool has_gone = went_out(i);

	if (drop_planned(u, i, err) != 0)
		return -1;
	int rc = j_shown(u->j, i->local, STR_NONE, &shown, NULL, err);
	if (rc < 0)
		return -1;
	if (rc == 1) /* not cached: what it did, if it did */
		shown = has_gone ? (i->old_flags & ~i->touched) | i->set_flags : i->old_flags;
	uint32_t other = (shown ^ i->old_flags) & i->touched;
	inverse.set_flags = other & i->old_flags;
	inverse.clear_flags = other & ~i->old_flags;
	u->n_undone++;
	return other == 0 ? 0 : plan(u, &inverse, i, err);
}

static int
undo_keyword(struct undo *u, struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_KEYWORD,
				  .keyword = i->keyword,
				  .set_flags = i->old_flags };
	uint32_t flags;
	bool is_set = i->set_flags != 0;
	bool has_gone = went_out(i);

	if (drop_planned(u, i, err) != 0)
		return -1;
	int rc = j_shown(u->j, i->local, i->keyword, &flags, &is_set, err);
	if (rc < 0)
		return -1;
	if (rc == 1 && !has_gone)
		is_set = i->old_flags != 0;
	u->n_undone++;
	return is_set == (i->old_flags != 0) ? 0 : plan(u, &inverse, i, err);
}

/* What has not gone out and would take the message elsewhere gives way. */
static int
drop_other_places(struct undo *u, uint64_t local, struct err *err)
{
	struct intents open = VEC_INIT;
	int rc = j_of_local(u->j, local, &open, err);

	for (size_t n = 0; rc == 0 && n < open.n; n++)
		if (open.v[n].kind == INTENT_MOVE || open.v[n].kind == INTENT_DELETE)
			rc = drop_planned(u, &open.v[n], err);
	vec_release(&open);
	return rc;
}

/* Deleted for good, and the command that does it has not gone out: the mark may be
 * on the message already, so it is taken off. */
static int
undo_mark(struct undo *u, struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_FLAG, .clear_flags = ROW_DELETED };

	i->state = INTENT_DROPPED;
	u->n_undone++;
	if (j_put(u->j, i, err) != 0)
		return -1;
	return i->old_flags & ROW_DELETED ? 0 : plan(u, &inverse, i, err);
}

/* A server that cannot expunge single messages keeps what was moved, marked: the next
 * look at the mailbox brings its row back. 0 with the row's local id, 1 not so, -1. */
static int
find_marked(struct undo *u, const struct intent *i, uint64_t *local_out, struct err *err)
{
	const struct env *e = &u->j->w->cache;
	MDB_txn *txn = u->j->view->cache;
	struct mailbox m;
	struct place at;
	struct row row;

	if (i->uid == 0 || !str_eq(i->before_account, i->account) || !str_eq(i->before, i->mailbox))
		return 1;
	int rc = read_mailbox_by_name(e, txn, i->account, i->mailbox, &m, err);
	if (rc != 0 || m.uidvalidity != i->uidvalidity)
		return rc < 0 ? -1 : 1;
	/* Its row went along: it comes back from there. */
	rc = i->local == 0 ? 1 : read_place(e, txn, i->local, &at, err);
	if (rc < 0 || (rc == 0 && at.mailbox != m.id))
		return rc < 0 ? -1 : 1;
	rc = read_uid(e, txn, m.id, i->uid, &at, err);
	if (rc == 0)
		rc = read_row(e, txn, &at, &row, err);
	if (rc != 0)
		return rc;
	*local_out = row.local;
	return (row.flags & ROW_DELETED) && intent_means(i, &row) ? 0 : 1;
}

/* It never left: the mark goes. 0 done, 1 it is not there, -1. */
static int
take_mark_off(struct undo *u, const struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_FLAG, .clear_flags = ROW_DELETED };

	int rc = find_marked(u, i, &inverse.local, err);
	if (rc != 0 || (i->old_flags & ROW_DELETED))
		return rc;
	return plan(u, &inverse, i, err);
}

/* It cannot be found, or was given up: it is where it was, and so may its copy be. */
static int
undo_parked(struct undo *u, struct intent *i, struct err *err)
{
	u->n_undone++;
	u->n_copies += i->stage >= STAGE_COPYING;
	if (i->stage >= STAGE_COPIED && take_mark_off(u, i, err) < 0)
		return -1;
	i->state = INTENT_DROPPED;
	return j_put(u->j, i, err);
}

/* Bring the message back to i->before, from wherever it is by now. */
static int
undo_move(struct undo *u, struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_MOVE,
				  .target_account = i->before_account,
				  .target = i->before };
	bool has_gone = went_out(i);

	if (i->state == INTENT_REFUSED || i->state == INTENT_PARKED)
		return undo_parked(u, i, err);
	if (i->state == INTENT_SENT && i->target.len == 0 && i->stage != STAGE_MARKED)
		return undo_mark(u, i, err);
	if (has_gone && i->target.len == 0) { /* expunged: there is nothing to bring back */
		u->n_lost++;
		return 0;
	}
	if (drop_planned(u, i, err) != 0 || drop_other_places(u, i->local, err) != 0)
		return -1;
	u->n_undone++;
	if (i->state == INTENT_CONFIRMED) {
		int rc = take_mark_off(u, i, err);
		u->n_copies += rc == 0;
		if (rc <= 0)
			return rc;
	}
	if (has_gone)
		intent_place_behind(&inverse, i);
	/* Nobody told its new UID: it is looked for by its Message-ID, if it has one. */
	if (i->state == INTENT_CONFIRMED && i->target_uid == 0 && i->message_id.len == 0) {
		struct place at;
		int rc = i->local == 0 ? 1 :
					 read_place(&u->j->w->cache, u->j->view->cache, i->local,
						    &at, err);
		if (rc < 0)
			return -1;
		if (rc == 1) {
			u->n_undone--;
			u->n_lost++;
			return 0;
		}
	}
	return plan(u, &inverse, i, err); /* in vain if it is there already */
}

static int
undo_undelete(struct undo *u, struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_DELETE };
	struct intents open = VEC_INIT;
	bool is_deleted = false;

	int rc = j_of_local(u->j, i->local, &open, err);
	for (size_t n = 0; n < open.n; n++)
		is_deleted |= open.v[n].kind == INTENT_DELETE;
	if (rc == 0 && !is_deleted)
		rc = plan(u, &inverse, i, err);
	/* plan() lets go at once; this one was held. */
	if (rc == 0 && !is_deleted && i->old_flags == INTENT_HELD && inverse.seq != 0 &&
	    inverse.state == INTENT_PLANNED) {
		inverse.state = INTENT_HELD;
		rc = j_put(u->j, &inverse, err);
	}
	u->n_undone++;
	vec_release(&open);
	return rc;
}

/* A copy that was made goes to the trash. */
static int
undo_copy(struct undo *u, struct intent *i, struct err *err)
{
	struct intent inverse = { .kind = INTENT_DELETE };
	struct intent copy = *i;
	struct mailbox m;
	struct place at;

	if (!went_out(i)) {
		bool may_be_made = i->state == INTENT_PARKED && i->stage >= STAGE_COPYING;
		u->n_lost += may_be_made;
		u->n_undone += !may_be_made && i->state != INTENT_DROPPED;
		i->state = INTENT_DROPPED;
		return j_put(u->j, i, err);
	}
	if (i->target_uid == 0) {
		u->n_lost++;
		return 0;
	}
	int rc = read_mailbox_by_name(&u->j->w->cache, u->j->view->cache, i->target_account,
				      i->target, &m, err);
	if (rc == 0)
		rc = read_uid(&u->j->w->cache, u->j->view->cache, m.id, i->target_uid, &at, err);
	if (rc < 0)
		return -1;
	copy.local = 0; /* the original's */
	intent_place_behind(&inverse, i);
	inverse.local = rc == 0 ? at.local : 0;
	u->n_undone++;
	return plan(u, &inverse, &copy, err);
}

static int (*const undo_kind[INTENT_N_KINDS])(struct undo *, struct intent *, struct err *) = {
	[INTENT_FLAG] = undo_flag,	 [INTENT_KEYWORD] = undo_keyword,
	[INTENT_MOVE] = undo_move,	 [INTENT_COPY] = undo_copy,
	[INTENT_DELETE] = undo_move,	 [INTENT_UNDELETE] = undo_undelete,
};

static const char *const kind_names[INTENT_N_KINDS] = {
	[INTENT_FLAG] = "change of flags",     [INTENT_KEYWORD] = "change of a keyword",
	[INTENT_MOVE] = "move",		       [INTENT_COPY] = "copy",
	[INTENT_DELETE] = "delete",	       [INTENT_UNDELETE] = "undelete",
};

/* ---- the newest group ---------------------------------------------------------------------- */

static int
newest_group(struct jop *j, uint64_t *group_out, struct group *g_out, struct err *err)
{
	MDB_cursor *cur;
	MDB_val key, val;

	*group_out = 0;
	int rc = mdb_cursor_open(j->txn, j->e->dbi[J_GROUP], &cur);
	if (rc != 0)
		return j_error(j, rc, err);
	rc = mdb_cursor_get(cur, &key, &val, MDB_LAST);
	for (; rc == 0; rc = mdb_cursor_get(cur, &key, &val, MDB_PREV)) {
		if (key.mv_size != 8 || group_val_get(val, g_out) != 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		struct intents records = VEC_INIT;
		uint64_t group = get_be64(key.mv_data);
		/* A group may have lost its records to a release. */
		bool may_be = !g_out->is_undone && !g_out->is_beyond_undo;
		if (may_be && j_of_group(j, group, &records, err) != 0) {
			mdb_cursor_close(cur);
			vec_release(&records);
			return -1;
		}
		bool is_it = records.n > 0;
		vec_release(&records);
		if (is_it) {
			*group_out = group;
			break;
		}
	}
	mdb_cursor_close(cur);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : j_error(j, rc, err);
}

static void
say(const struct undo *u, struct buf *text)
{
	const char *what = "change";

	for (unsigned kind = 1; kind < INTENT_N_KINDS; kind++)
		if (u->kinds == 1u << kind)
			what = kind_names[kind];
	if (u->n_undone > 0)
		buf_addf(text, "undone: %s of %u message%s", what, u->n_undone,
			 u->n_undone == 1 ? "" : "s");
	if (u->n_lost > 0)
		buf_addf(text, "%s%s of %u message%s cannot be undone", u->n_undone > 0 ? "; " : "",
			 what, u->n_lost, u->n_lost == 1 ? "" : "s");
	if (u->n_copies == 1)
		buf_addf(text, "; a copy may be left where it went");
	else if (u->n_copies > 1)
		buf_addf(text, "; %u copies may be left where they went", u->n_copies);
}

static int
undo_group(struct undo *u, uint64_t group, struct group *g, struct err *err)
{
	struct intents records = VEC_INIT;
	int rc = j_of_group(u->j, group, &records, err);

	for (size_t n = records.n; rc == 0 && n > 0; n--) {
		struct intent *i = &records.v[n - 1];
		u->kinds |= 1u << i->kind;
		rc = undo_kind[i->kind](u, i, err);
	}
	vec_release(&records);
	g->is_undone = true;
	return rc != 0 ? -1 : j_put_group(u->j, group, g, err);
}

struct undo_request {
	const uint8_t *post_id;
	int64_t now_wall;
	struct buf text;
};

static int
undo_newest(struct jop *j, void *ctx, struct err *err)
{
	struct undo_request *r = ctx;
	struct undo u = { .j = j };
	struct group g;
	uint64_t group;
	struct str said;

	buf_reset(&r->text);
	j->now_wall = r->now_wall;
	memcpy(u.post_id, r->post_id, sizeof(u.post_id));
	int rc = j_post(j, r->post_id, &said, err);
	if (rc == 0)
		buf_addstr(&r->text, said);
	if (rc <= 0)
		return rc;
	if (newest_group(j, &group, &g, err) != 0)
		return -1;
	if (group == 0)
		return err_set(err, ERR_USER, "there is nothing to undo");
	if (undo_group(&u, group, &g, err) != 0)
		return -1;
	say(&u, &r->text);
	return j_put_post(j, r->post_id, buf_str(&r->text), err);
}

int
journal_undo(struct store_writer *w, const uint8_t post_id[16], int64_t now_wall,
	     char **text_out, struct err *err)
{
	struct undo_request r = { post_id, now_wall, BUF_INIT };

	if (journal_run(w, undo_newest, &r, err) != 0) {
		buf_release(&r.text);
		return -1;
	}
	if (text_out != NULL)
		*text_out = buf_take(&r.text);
	else
		buf_release(&r.text);
	return 0;
}
