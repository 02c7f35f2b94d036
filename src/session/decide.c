/* The decisions that must be right whatever happens: pure functions. */
#include "internal.h"

int64_t
decide_backoff_ms(int n_failures, double chance)
{
	int64_t seconds = 1;

	for (int i = 1; i < n_failures && seconds < 300; i++)
		seconds *= 2;
	if (seconds > 300)
		seconds = 300;
	return (int64_t)((double)seconds * 1000 * (0.75 + 0.5 * chance));
}

#define DAY_MS (24 * 60 * 60 * 1000)

void
decide_cap_lower(struct conn_cap *c, uint32_t n_open, bool was_refused, int64_t pause_ms,
		 int64_t now_ms)
{
	c->now = n_open > 0 ? n_open : 1;
	c->step_ms = was_refused ? DAY_MS : pause_ms;
	c->raise_ms = now_ms + c->step_ms;
}

uint32_t
decide_cap(struct conn_cap *c, int64_t now_ms)
{
	if (c->now < c->max && now_ms >= c->raise_ms) {
		c->now++;
		c->raise_ms = now_ms + c->step_ms;
	}
	return c->now;
}

bool
decide_vanish_is_plausible(uint32_t n_vanishing, uint32_t n_rows)
{
	return n_vanishing <= 50 || (uint64_t)n_vanishing * 5 <= n_rows;
}

size_t
decide_batch_limit(uint32_t attempts)
{
	static const size_t limits[] = { 500, 22 };

	return attempts < ARRAY_LEN(limits) ? limits[attempts] : 1;
}

int64_t
decide_try_again_s(enum err_kind kind, uint32_t n_tries)
{
	if (kind == ERR_RETRY)
		return n_tries < 3 ? 1 << (n_tries - 1) : -1;
	if (kind == ERR_WAIT)
		return n_tries < 5 ? 2 << 2 * (n_tries - 1) : -1;
	return -1;
}

#define MAX_PAUSE_S 128 /* of decide_try_again_s() */

bool
decide_must_wait(int64_t not_before, int64_t now_wall)
{
	return not_before > now_wall && not_before - now_wall <= MAX_PAUSE_S;
}

enum push_class
decide_class(const struct intent *i, struct str trash, struct str *target_out)
{
	*target_out = STR_NONE;
	switch (i->kind) {
	case INTENT_FLAG:
		return PUSH_FLAG;
	case INTENT_KEYWORD:
		return PUSH_KEYWORD;
	case INTENT_COPY:
		*target_out = i->target;
		return PUSH_COPY;
	case INTENT_MOVE:
		*target_out = i->target;
		return PUSH_MOVE;
	default:
		break;
	}
	/* A delete: into the trash, and out of the trash for good. A record that had
	 * begun keeps the target it began with. */
	struct str target = i->target.len > 0 ? i->target : trash;
	if (target.len == 0 || str_eq(target, i->mailbox))
		return PUSH_EXPUNGE;
	*target_out = target;
	return PUSH_MOVE;
}

bool
decide_same_batch(const struct intent *a, const struct intent *b, struct str trash)
{
	struct str target_a, target_b;
	enum push_class class = decide_class(a, trash, &target_a);

	if (class != decide_class(b, trash, &target_b) || a->stage != b->stage ||
	    a->attempts != b->attempts)
		return false;
	switch (class) {
	case PUSH_FLAG:
		return a->set_flags == b->set_flags && a->clear_flags == b->clear_flags;
	case PUSH_KEYWORD:
		return str_eq(a->keyword, b->keyword) && !a->set_flags == !b->set_flags;
	case PUSH_COPY:
	case PUSH_MOVE:
		return str_eq(target_a, target_b);
	case PUSH_EXPUNGE:
		return true;
	}
	return false;
}

enum uncertain_fate
decide_uncertain(const struct intent *i, enum push_class class, bool is_at_source)
{
	switch (class) {
	case PUSH_FLAG:
	case PUSH_KEYWORD:
		return FATE_REPEAT; /* idempotent */
	case PUSH_EXPUNGE:
		return is_at_source ? FATE_REPEAT : FATE_DONE;
	case PUSH_COPY:
		return i->target_uid != 0 ? FATE_DONE : FATE_PROBE;
	case PUSH_MOVE:
		break;
	}
	if (!is_at_source)
		return FATE_DONE; /* moved, or somebody else took it: nothing to repeat */
	if (i->stage == STAGE_COPYING)
		return i->target_uid != 0 ? FATE_REPEAT : FATE_PROBE;
	return FATE_REPEAT;
}
