/* Passes over the list, in slices: the next message that counts, and all that do. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include "tern/base/tick.h"

#define ROWS_PER_CLOCK 32

void
pass_free(struct pass *p)
{
	if (p == NULL)
		return;
	vec_release(&p->locals);
	free(p);
}

void
model_set_pattern_context(struct model *m, const struct pattern_context *context)
{
	m->pattern_context = *context;
}

bool
model_matches(struct model *m, const struct pattern *p, const struct model_row *row)
{
	struct pattern_subject s = { .row = &row->row,
				     .number = row->number,
				     .is_tagged = row->is_tagged,
				     .is_collapsed = row->is_collapsed };

	/* What cannot be told from here does not match. */
	return pattern_match(p, &s) == PATTERN_YES;
}

/* Rows may have come and gone: go on from the message tested last. */
static void
find_again(struct model *m, struct pass *p)
{
	uint32_t at;

	if (p->at_local != 0 && model_find(m, p->at_local, &at))
		p->at = at;
}

static bool
step_to_next(struct pass *p, uint32_t count)
{
	if (p->left == 0 || count == 0)
		return false;
	p->left--;
	if (p->backwards ? p->at == 0 : p->at + 1 >= count) {
		if (!p->wraps)
			return false;
		p->has_wrapped = true;
		p->at = p->backwards ? count - 1 : 0;
	} else if (p->backwards) {
		p->at--;
	} else {
		p->at++;
	}
	return true;
}

enum slice { SLICE_MORE, SLICE_END, SLICE_FOUND };

static enum slice
seek_slice(struct model *m, struct pass *p, int64_t until_us)
{
	struct model_row row;
	uint32_t count = model_count(m);

	find_again(m, p);
	for (unsigned i = 1; step_to_next(p, count); i++) {
		if (model_row(m, p->at, &row)) {
			p->at_local = row.row.local;
			if (p->test(p->test_ctx, &row))
				return SLICE_FOUND;
		}
		if (i % ROWS_PER_CLOCK == 0) {
			arena_reset(&m->turn);
			if (tick_us() >= until_us)
				return SLICE_MORE;
		}
	}
	return SLICE_END;
}

static bool
seek_work(struct model *m, int64_t until_us)
{
	struct pass *p = m->seek;
	enum slice end = seek_slice(m, p, until_us);

	if (end == SLICE_MORE)
		return true;
	/* The answer may begin the next one. */
	m->seek = NULL;
	p->found(p->ctx, end == SLICE_FOUND ? p->at_local : 0, p->has_wrapped);
	pass_free(p);
	return false;
}

void
model_seek(struct model *m, uint32_t from, bool backwards, bool wraps, model_test *test,
	   void *test_ctx, void (*found)(void *ctx, uint64_t local, bool has_wrapped), void *ctx)
{
	struct pass *p = xcalloc(1, sizeof(*p));
	struct model_row row;
	uint32_t count = model_count(m);

	model_stop_seeking(m);
	p->at = from;
	p->backwards = backwards;
	p->wraps = wraps;
	p->left = p->total = count;
	p->test = test;
	p->test_ctx = test_ctx;
	p->found = found;
	p->ctx = ctx;
	if (from < count && model_row(m, from, &row))
		p->at_local = row.row.local;
	m->seek = p;
	/* Most are found at once: no key waits for the next turn. */
	if (seek_work(m, tick_us() + 1000))
		model_mark(m, MODEL_ACTIVITY);
}

bool
model_is_seeking(const struct model *m)
{
	return m->seek != NULL;
}

void
model_stop_seeking(struct model *m)
{
	pass_free(m->seek);
	m->seek = NULL;
}

/* ---- all that count -------------------------------------------------------------------- */

static bool
collect_work(struct model *m, int64_t until_us)
{
	struct pass *p = m->collect;
	struct model_row row;
	uint32_t count = model_count(m);

	find_again(m, p);
	if (p->at_local != 0)
		p->at++;
	for (unsigned i = 1; p->at < count; p->at++, i++) {
		if (model_row(m, p->at, &row)) {
			p->at_local = row.row.local;
			if (p->test(p->test_ctx, &row))
				vec_push(&p->locals, row.row.local);
		}
		if (i % ROWS_PER_CLOCK == 0) {
			arena_reset(&m->turn);
			if (tick_us() >= until_us)
				return true;
		}
	}
	m->collect = NULL;
	p->done(p->ctx, p->locals.v, p->locals.n);
	pass_free(p);
	return false;
}

uint32_t
model_collect(struct model *m, model_test *test, void *test_ctx,
	      void (*done)(void *ctx, const uint64_t *locals, size_t n), void *ctx)
{
	struct pass *p = xcalloc(1, sizeof(*p));

	model_stop_collecting(m);
	p->is_collect = true;
	p->id = ++m->next_pass;
	p->test = test;
	p->test_ctx = test_ctx;
	p->done = done;
	p->ctx = ctx;
	p->total = model_count(m);
	m->collect = p;
	return p->id;
}

void
model_stop_collecting(struct model *m)
{
	pass_free(m->collect);
	m->collect = NULL;
}

bool
model_is_collecting(const struct model *m)
{
	return m->collect != NULL;
}

bool
pass_work(struct model *m, int64_t until_us)
{
	bool more = m->seek != NULL && seek_work(m, until_us);

	if (m->collect != NULL && !more)
		more = collect_work(m, until_us);
	return more || m->seek != NULL || m->collect != NULL;
}

void
model_progress(struct model *m, struct buf *out)
{
	const struct pass *p = m->seek != NULL ? m->seek : m->collect;

	if (p == NULL)
		return;
	buf_addf(out, "searching %u of %u", p->is_collect ? p->at : p->total - p->left, p->total);
}
