/* Accepting intents: where their message is, what they make superfluous. A record
 * that has not gone out gives way to a later one of the same kind; what has gone
 * out is never touched: the later one waits behind it. */
#include "writer.h"

#include <stdio.h>
#include "tern/base/tick.h"

/* ---- what is known of the message ------------------------------------------------------ */

struct lay_to {
	struct row *row;
	struct arena *arena;
};

static bool
lay_on(const struct intent *i, void *ctx)
{
	struct lay_to *to = ctx;

	intent_overlay(i, to->row, to->arena);
	return true;
}

int
j_shown(struct jop *j, uint64_t local, struct str keyword, uint32_t *flags_out,
	bool *has_keyword_out, struct err *err)
{
	struct place at;
	struct row row;
	struct lay_to to = { &row, &j->arena };

	if (local == 0)
		return 1;
	int rc = read_place(&j->w->cache, j->view->cache, local, &at, err);
	if (rc == 0)
		rc = read_row(&j->w->cache, j->view->cache, &at, &row, err);
	if (rc == 0)
		rc = read_intents_of_local(j->e, j->txn, local, lay_on, &to, err);
	if (rc != 0)
		return rc;
	*flags_out = row.flags;
	if (has_keyword_out != NULL)
		*has_keyword_out = row_has_keyword(&row, keyword);
	return 0;
}

/* Where the message is, filled into the record: 0, 1 not cached, -1. */
static int
locate(struct jop *j, struct intent *i, struct err *err)
{
	struct mailbox m;
	struct place at;
	struct row row;

	if (i->local == 0)
		return 1;
	int rc = read_place(&j->w->cache, j->view->cache, i->local, &at, err);
	if (rc == 0)
		rc = read_row(&j->w->cache, j->view->cache, &at, &row, err);
	if (rc == 0)
		rc = read_mailbox(&j->w->cache, j->view->cache, at.mailbox, &m, err);
	if (rc != 0)
		return rc;
	/* Slices of the snapshot of the cache, which outlives the operation. */
	i->account = m.account;
	i->mailbox = m.name;
	i->mailbox_id = m.mailbox_id;
	i->uidvalidity = m.uidvalidity;
	i->uid = row.uid;
	i->size_bytes = row.size_bytes;
	i->internaldate = row.internaldate;
	i->message_id = row.message_id;
	return 0;
}

/* ---- accepting, by kind -------------------------------------------------------------------- */

static bool
is_planned(const struct intent *i, unsigned kind)
{
	return i->kind == kind && i->state == INTENT_PLANNED;
}

static int
set_state(struct jop *j, struct intent *i, unsigned state, struct err *err)
{
	i->state = (uint8_t)state;
	return j_put(j, i, err);
}

/* The same flag: the last one wins. A refused one is replaced by the new try. */
static int
accept_flag(struct jop *j, struct intent *i, struct intents *open, bool *kept, struct err *err)
{
	i->clear_flags &= ROW_SERVER_FLAGS & ~i->set_flags;
	i->set_flags &= ROW_SERVER_FLAGS;
	i->touched = i->set_flags | i->clear_flags;
	*kept = i->touched != 0;
	for (size_t n = 0; n < open->n; n++) {
		struct intent *o = &open->v[n];
		if (o->kind != INTENT_FLAG || ((o->set_flags | o->clear_flags) & i->touched) == 0 ||
		    (o->state != INTENT_PLANNED && o->state != INTENT_REFUSED))
			continue;
		o->set_flags &= ~i->touched;
		o->clear_flags &= ~i->touched;
		if (set_state(j, o, (o->set_flags | o->clear_flags) == 0 ? INTENT_DROPPED : o->state,
			      err) != 0)
			return -1;
	}
	return 0;
}

static int
accept_keyword(struct jop *j, struct intent *i, struct intents *open, bool *kept,
	       struct err *err)
{
	*kept = i->keyword.len > 0;
	for (size_t n = 0; n < open->n; n++) {
		struct intent *o = &open->v[n];
		if (o->kind == INTENT_KEYWORD && str_ieq(o->keyword, i->keyword) &&
		    (o->state == INTENT_PLANNED || o->state == INTENT_REFUSED) &&
		    set_state(j, o, INTENT_DROPPED, err) != 0)
			return -1;
	}
	return 0;
}

/* It takes the message elsewhere, and has gone out. */
static bool
is_under_way(const struct intent *i)
{
	return i->state == INTENT_SENT && i->target.len > 0 &&
	       (i->kind == INTENT_MOVE || i->kind == INTENT_DELETE);
}

/* Where the message is, or is meant to be, for an intent that comes last: behind a
 * move that is under way it waits in the target. `before` is what the user sees as
 * its place now. */
static void
stand_behind(struct intent *i, const struct intents *open)
{
	i->before_account = i->account;
	i->before = i->mailbox;
	for (size_t n = 0; n < open->n; n++) {
		const struct intent *o = &open->v[n];
		if (is_under_way(o)) {
			intent_place_behind(i, o);
			i->before_account = i->account;
			i->before = i->mailbox;
		} else if (is_planned(o, INTENT_MOVE)) {
			i->before_account = intent_target_account(o);
			i->before = mailbox_canonical(o->target);
		}
	}
}

/* Moves and deletes that have not gone out, or were refused, give way. */
static int
replace_places(struct jop *j, struct intents *open, struct err *err)
{
	for (size_t n = 0; n < open->n; n++) {
		struct intent *o = &open->v[n];
		if ((o->kind == INTENT_MOVE || o->kind == INTENT_DELETE) &&
		    (o->state == INTENT_PLANNED || o->state == INTENT_HELD ||
		     o->state == INTENT_REFUSED) &&
		    set_state(j, o, INTENT_DROPPED, err) != 0)
			return -1;
	}
	return 0;
}

static int
accept_move(struct jop *j, struct intent *i, struct intents *open, bool *kept, struct err *err)
{
	i->target = mailbox_canonical(i->target);
	i->target_account = intent_target_account(i);
	stand_behind(i, open);
	bool goes_nowhere = str_eq(i->target_account, i->before_account) &&
			    str_eq(i->target, i->before);
	bool goes_home = str_eq(i->target_account, i->account) && str_eq(i->target, i->mailbox);
	*kept = !goes_nowhere && i->target.len > 0;
	if (!*kept)
		return 0;
	/* a -> b, b -> a before anything went out: nothing, but undo knows of it. */
	if (goes_home)
		i->state = INTENT_DROPPED;
	return replace_places(j, open, err);
}

static int
accept_copy(struct jop *j, struct intent *i, struct intents *open, bool *kept, struct err *err)
{
	i->target = mailbox_canonical(i->target);
	i->target_account = intent_target_account(i);
	stand_behind(i, open);
	*kept = i->target.len > 0;
	return 0;
}

/* A later move brings it back from where this one takes it: a user who took a delete
 * back while it was under way. */
static const struct intent *
way_back(const struct intents *open, size_t n)
{
	for (size_t k = n + 1; k < open->n; k++)
		if (is_planned(&open->v[k], INTENT_MOVE) || is_under_way(&open->v[k]))
			return &open->v[k];
	return NULL;
}

static int
accept_delete(struct jop *j, struct intent *i, struct intents *open, bool *kept, struct err *err)
{
	for (size_t n = 0; n < open->n; n++) {
		struct intent *o = &open->v[n];
		if (o->kind != INTENT_DELETE || o->state == INTENT_REFUSED ||
		    o->state == INTENT_PARKED)
			continue;
		const struct intent *back = is_under_way(o) ? way_back(open, n) : NULL;
		if (back != NULL && back->state == INTENT_PLANNED) {
			/* That one gives way, and it is where it is going already. As a delete
			 * it would be one in the trash: for good. */
			i->kind = INTENT_MOVE;
			i->state = INTENT_PLANNED;
			i->target_account = intent_target_account(o);
			i->target = o->target;
			return accept_move(j, i, open, kept, err);
		}
		if (back != NULL)
			continue;
		*kept = false;
		if (o->state != INTENT_HELD || i->state != INTENT_PLANNED)
			return 0;
		/* The held one is let go: it belongs to what the user does now. */
		if (j_delete(j, o, err) != 0)
			return -1;
		*kept = true;
	}
	stand_behind(i, open);
	return replace_places(j, open, err);
}

/* old_flags of an UNDELETE: the state that the delete had. */
static int
accept_undelete(struct jop *j, struct intent *i, struct intents *open, bool *kept,
		struct err *err)
{
	*kept = false;
	for (size_t n = 0; n < open->n; n++) {
		struct intent *o = &open->v[n];
		if (o->kind != INTENT_DELETE || (o->state != INTENT_HELD &&
						 o->state != INTENT_PLANNED &&
						 o->state != INTENT_REFUSED))
			continue;
		i->old_flags = o->state;
		i->before_account = o->before_account;
		i->before = o->before;
		i->state = INTENT_DROPPED;
		*kept = true;
		if (set_state(j, o, INTENT_DROPPED, err) != 0)
			return -1;
	}
	if (*kept || (i->old_flags & ROW_DELETED) == 0)
		return 0;
	/* Nothing held: it is the server's own mark that goes. */
	i->kind = INTENT_FLAG;
	i->set_flags = 0;
	i->clear_flags = ROW_DELETED;
	return accept_flag(j, i, open, kept, err);
}

static int (*const accept_kind[INTENT_N_KINDS])(struct jop *, struct intent *, struct intents *,
						bool *, struct err *) = {
	[INTENT_FLAG] = accept_flag,	   [INTENT_KEYWORD] = accept_keyword,
	[INTENT_MOVE] = accept_move,	   [INTENT_COPY] = accept_copy,
	[INTENT_DELETE] = accept_delete,   [INTENT_UNDELETE] = accept_undelete,
};

/* As that record has it. */
static void
take_over(struct intent *i, const struct intent *of)
{
	intent_place_as(i, of);
	intent_print_as(i, of);
	if (of->kind == INTENT_FLAG)
		i->old_flags = (of->old_flags & ~of->touched) | of->set_flags;
	else if (of->kind != INTENT_KEYWORD)
		i->old_flags = of->old_flags;
}

/* On its way from one mailbox to another it has no row: what is known of it is in its
 * last record that waits or, if all is done, in that of its last move. 0, 1, -1. */
static int
remember(struct jop *j, struct intent *i, struct err *err)
{
	struct intents open = VEC_INIT;
	struct intent last;
	int found = 1;

	int rc = j_of_local(j, i->local, &open, err);
	for (size_t n = 0; rc == 0 && n < open.n; n++)
		if (open.v[n].state == INTENT_HELD || open.v[n].state == INTENT_PLANNED ||
		    open.v[n].state == INTENT_SENT) {
			take_over(i, &open.v[n]);
			found = 0;
		}
	vec_release(&open);
	if (rc != 0 || found == 0)
		return rc;
	rc = j_last_move(j, i->local, &last, err);
	if (rc != 0 || last.target.len == 0) /* 1 too if it was expunged */
		return rc < 0 ? -1 : 1;
	take_over(i, &last);
	intent_place_behind(i, &last);
	return 0;
}

/* The same where it came as a row of its own, of which the caller had not heard. */
static int
remember_as(struct jop *j, struct intent *i, bool *has_row_out, struct err *err)
{
	uint64_t local;

	if (i->uid != 0)
		return 0;
	if (j_known_as(j, i, &local, err) < 0)
		return -1;
	if (local == 0)
		return 0;
	i->local = local;
	int rc = locate(j, i, err);
	*has_row_out = rc == 0;
	return rc == 1 ? remember(j, i, err) : rc;
}

/* A message that the cache does not have (any more): what the caller knows of it
 * must do, or the journal, else it is shown as parked and not forgotten. */
static int
describe(struct jop *j, struct intent *i, struct err *err)
{
	bool has_keyword = false;

	int rc = locate(j, i, err);
	bool has_row = rc == 0;
	if (rc == 1 && i->uid == 0) {
		rc = remember(j, i, err);
		if (rc == 0)
			rc = remember_as(j, i, &has_row, err);
		has_keyword = i->set_flags == 0; /* what it is to change */
	}
	if (has_row)
		rc = j_shown(j, i->local, i->keyword, &i->old_flags, &has_keyword, err);
	if (rc < 0)
		return -1;
	i->old_flags &= ROW_SERVER_FLAGS;
	if (i->kind == INTENT_KEYWORD)
		i->old_flags = has_keyword;
	if (rc == 1 && (i->uid == 0 || i->mailbox.len == 0)) {
		i->state = INTENT_PARKED;
		i->reason = STR("the message is no longer there");
	}
	return 0;
}

int
j_accept(struct jop *j, struct intent *i, bool release_now, bool *kept_out, struct err *err)
{
	struct intents open = VEC_INIT;

	*kept_out = true;
	if (i->kind == INTENT_DELETE && i->clear_flags != 0) {
		i->kind = INTENT_UNDELETE;
		i->clear_flags = 0;
	}
	i->state = i->kind == INTENT_DELETE && !release_now ? INTENT_HELD : INTENT_PLANNED;
	i->stage = STAGE_NONE;
	i->mailbox = mailbox_canonical(i->mailbox);
	int rc = describe(j, i, err);
	if (rc == 0 && i->state != INTENT_PARKED) {
		rc = j_of_local(j, i->local, &open, err);
		if (rc == 0)
			rc = accept_kind[i->kind](j, i, &open, kept_out, err);
	}
	/* An UNDELETE waits for nothing. */
	if (rc == 0 && i->kind == INTENT_UNDELETE)
		i->state = INTENT_DROPPED;
	if (rc == 0 && *kept_out)
		rc = j_next_seq(j, &i->seq, err) != 0 || j_put(j, i, err) != 0 ? -1 : 0;
	vec_release(&open);
	return rc;
}

/* ---- posts -------------------------------------------------------------------------------------- */

struct accept {
	const uint8_t *post_id;
	const struct intent *v;
	size_t n;
	bool release_now;
	int64_t now_wall;
};

static int
accept_all(struct jop *j, void *ctx, struct err *err)
{
	const struct accept *a = ctx;
	uint64_t group = 0;
	bool kept;

	j->now_wall = a->now_wall;
	int rc = j_post(j, a->post_id, NULL, err);
	if (rc <= 0) /* accepted before */
		return rc;
	for (size_t n = 0; n < a->n; n++) {
		struct intent i = a->v[n];
		if (group == 0 && j_new_group(j, i.is_beyond_undo, &group, err) != 0)
			return -1;
		i.group = group;
		i.time = a->now_wall;
		memcpy(i.post_id, a->post_id, sizeof(i.post_id));
		if (j_accept(j, &i, a->release_now, &kept, err) != 0)
			return -1;
	}
	return j_put_post(j, a->post_id, STR_NONE, err);
}

int
journal_accept(struct store_writer *w, const uint8_t post_id[16], struct intent *intents,
	       size_t n, bool release_now, int64_t now_wall, struct err *err)
{
	struct accept a = { post_id, intents, n, release_now, now_wall };

	for (size_t i = 0; i < n; i++)
		if (intents[i].kind == 0 || intents[i].kind >= INTENT_N_KINDS)
			return err_set(err, ERR_PROTO, "a change of a kind that is none");
	return journal_run(w, accept_all, &a, err);
}

/* ---- release ---------------------------------------------------------------------------------------- */

struct release {
	const uint8_t *post_id;
	struct str account, mailbox;
	uint32_t n;
};

static int
release_held(struct jop *j, struct release *r, struct intents *box, struct err *err)
{
	uint64_t group = 0;

	if (j_of_box(j, r->account, r->mailbox, box, err) != 0)
		return -1;
	for (size_t n = 0; n < box->n; n++) {
		struct intent *i = &box->v[n];
		if (i->kind != INTENT_DELETE || i->state != INTENT_HELD)
			continue;
		if (group == 0 && j_new_group(j, false, &group, err) != 0)
			return -1;
		if (j_delete(j, i, err) != 0)
			return -1;
		i->group = group;
		i->state = INTENT_PLANNED;
		if (j_put(j, i, err) != 0)
			return -1;
		r->n++;
	}
	return 0;
}

static int
release_all(struct jop *j, void *ctx, struct err *err)
{
	struct release *r = ctx;
	struct intents box = VEC_INIT;
	char text[16];
	struct str said;

	r->n = 0;
	j->now_wall = wall_now();
	int rc = j_post(j, r->post_id, &said, err);
	if (rc == 0)
		str_u32(said, &r->n);
	if (rc <= 0)
		return rc;
	rc = release_held(j, r, &box, err);
	vec_release(&box);
	snprintf(text, sizeof(text), "%u", r->n);
	return rc != 0 ? rc : j_put_post(j, r->post_id, str_c(text), err);
}

int
journal_release(struct store_writer *w, const uint8_t post_id[16], struct str account,
		struct str mailbox, uint32_t *released_out, struct err *err)
{
	struct release r = { post_id, account, mailbox, 0 };

	if (journal_run(w, release_all, &r, err) != 0)
		return -1;
	if (released_out != NULL)
		*released_out = r.n;
	return 0;
}
