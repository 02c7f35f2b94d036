/* Whether a folded thread hides unread mail. A thread may have any number of messages:
 * drawing asks and is told what is known, model_work() looks, in slices. */
#include "internal.h"

#include "tern/base/tick.h"

#define ROWS_PER_CLOCK 32
#define MAX_KNOWN 1000 /* far more than a screen has */

static struct folded *
find(struct box *b, uint64_t head)
{
	for (size_t i = 0; i < b->folded.n; i++)
		if (b->folded.v[i].head == head)
			return &b->folded.v[i];
	return NULL;
}

enum model_hidden
folded_hides(struct model *m, uint64_t head)
{
	struct box *b = m->box;
	struct folded *f = find(b, head);

	if (f == NULL) {
		if (b->folded.n >= MAX_KNOWN)
			vec_reset(&b->folded);
		vec_push(&b->folded, ((struct folded){ .head = head, .is_due = true }));
		f = &b->folded.v[b->folded.n - 1];
	}
	if (f->is_due && !f->is_under_way) {
		f->is_due = false;
		f->is_under_way = true;
		f->left = UINT32_MAX;
	}
	return f->hides;
}

/* What is under way goes on: news that never end would let none come to its end. */
void
folded_look_again(struct box *b)
{
	for (size_t i = 0; i < b->folded.n; i++)
		b->folded.v[i].is_due = true;
}

bool
folded_is_working(const struct box *b)
{
	for (size_t i = 0; i < b->folded.n; i++)
		if (b->folded.v[i].is_under_way)
			return true;
	return false;
}

static bool
is_unread(struct model *m, uint64_t local, enum model_hidden *out)
{
	struct err err = ERR_INIT;
	uint32_t mailbox;
	struct row row;

	if (store_row(m->view, local, &mailbox, &row, &err) != 0 || mailbox != m->box->id ||
	    !posts_overlay(m, mailbox, &row) || (row.flags & ROW_SEEN))
		return false;
	*out = row.flags & ROW_RECENT ? MODEL_HIDES_NEW : MODEL_HIDES_OLD;
	return true;
}

/* From the end of the thread, where unread mail is. False: the time is up. */
static bool
look(struct model *m, struct folded *f, enum model_hidden *out, int64_t until_us)
{
	uint32_t first, end;

	*out = MODEL_HIDES_READ;
	if (!list_thread_of(m, f->head, &first, &end))
		return true;
	const struct list *l = m->box->list;
	if (f->left > end - first)
		f->left = end - first;
	for (unsigned n = 1; f->left > 0; n++) {
		uint64_t local = l->keys[l->rows[first + --f->left].msg].local;
		if (local != f->head && is_unread(m, local, out))
			return true;
		if (n % ROWS_PER_CLOCK == 0 && tick_us() >= until_us)
			return false;
	}
	return true;
}

bool
folded_work(struct model *m, int64_t until_us)
{
	enum model_hidden hides;

	if (m->box == NULL)
		return false;
	for (size_t i = 0; i < m->box->folded.n; i++) {
		struct folded *f = &m->box->folded.v[i];
		if (!f->is_under_way)
			continue;
		if (!look(m, f, &hides, until_us))
			return true;
		f->is_under_way = false;
		/* Drawing asks again if it is due again. */
		if (f->hides != hides || f->is_due)
			model_mark(m, MODEL_ROWS);
		f->hides = hides;
	}
	return false;
}
