/* The list in an order of its own: limited, sorted, threaded. Made in slices
 * while the list that was there stays on the screen. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

#define ROWS_PER_CLOCK 32	   /* rows between two looks at the clock */
#define MIN_REBUILD_US 250000	   /* between two builds, when news come all the time */
#define STEPS_PER_CLOCK 4000

void
list_free(struct list *l)
{
	if (l == NULL)
		return;
	free(l->keys);
	free(l->rows);
	free(l->place);
	free(l->shown);
	free(l);
}

uint32_t
list_count(const struct list *l)
{
	return (uint32_t)(l->shown != NULL ? l->n_shown : l->n_keys);
}

uint32_t
list_row_index(const struct list *l, uint32_t ordinal)
{
	return l->shown != NULL ? l->shown[ordinal] : ordinal;
}

uint32_t
list_msg(const struct list *l, uint32_t ordinal)
{
	uint32_t index = list_row_index(l, ordinal);

	if (l->rows != NULL)
		return l->rows[index].msg;
	return index;
}

static int
compare_keys(struct row_key a, const struct key *b)
{
	if (a.date != b->date)
		return a.date < b->date ? -1 : 1;
	return (a.uid > b->uid) - (a.uid < b->uid);
}

/* Where a key stands, or would stand. */
static size_t
key_position(const struct list *l, struct row_key key)
{
	size_t low = 0, high = l->n_keys;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare_keys(key, &l->keys[mid]) > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
list_find(const struct list *l, struct row_key key, uint32_t *msg_out)
{
	size_t at = key_position(l, key);

	*msg_out = (uint32_t)at;
	return at < l->n_keys && compare_keys(key, &l->keys[at]) == 0;
}

bool
list_ordinal(const struct list *l, uint32_t msg, uint32_t *ordinal_out)
{
	uint32_t index = l->rows != NULL ? l->place[msg] : msg;

	if (l->shown == NULL) {
		*ordinal_out = index;
		return true;
	}
	size_t low = 0, high = l->n_shown;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (l->shown[mid] < index)
			low = mid + 1;
		else
			high = mid;
	}
	*ordinal_out = (uint32_t)low;
	return low < l->n_shown && l->shown[low] == index;
}

/* ---- folding ------------------------------------------------------------------------- */

/* With reverse-threads the list stands upside down: a root below its thread. */
static bool
is_upside_down(const struct model *m)
{
	return m->box->order.reverse;
}

/* A thread begins at its root; where that is not in the mailbox, at the first of its
 * children. */
bool
list_is_head(const struct list *l, uint32_t index)
{
	return l->rows[index].depth == 0 || (l->rows[index].flags & THREAD_FIRST) != 0;
}

void
list_fold(struct model *m, struct list *l)
{
	const struct idset *folded = &m->box->collapsed;
	uint32_t n = (uint32_t)l->n_keys;
	bool up = is_upside_down(m), is_hiding = false;

	free(l->shown);
	l->shown = NULL;
	l->n_shown = 0;
	if (l->rows == NULL || folded->count == 0 || !m->box->list_is_threads)
		return;
	l->shown = xreallocarray(NULL, l->n_keys + 1, sizeof(*l->shown));
	/* Root first, whichever way; then in the order of the screen. */
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = up ? n - 1 - k : k;
		if (list_is_head(l, i))
			is_hiding = idset_has(folded, l->keys[l->rows[i].msg].local);
		else if (is_hiding)
			continue;
		l->shown[l->n_shown++] = i;
	}
	for (size_t i = 0; up && i < l->n_shown / 2; i++) {
		uint32_t swapped = l->shown[i];
		l->shown[i] = l->shown[l->n_shown - 1 - i];
		l->shown[l->n_shown - 1 - i] = swapped;
	}
}

static uint32_t
thread_root(const struct list *l, uint32_t index, bool up)
{
	while (!list_is_head(l, index) && (up ? index + 1 < l->n_keys : index > 0))
		index = up ? index + 1 : index - 1;
	return index;
}

void
list_thread_range(struct model *m, uint32_t index, bool whole, uint32_t *first_out,
		  uint32_t *end_out)
{
	const struct list *l = m->box->list;
	uint32_t n = (uint32_t)l->n_keys;
	bool up = is_upside_down(m);
	uint32_t head = whole ? thread_root(l, index, up) : index;
	uint32_t far = head;

	while (up ? far > 0 : far + 1 < n) {
		uint32_t next = up ? far - 1 : far + 1;
		if (list_is_head(l, next) || (!whole && l->rows[next].depth <= l->rows[head].depth))
			break;
		far = next;
	}
	*first_out = up ? far : head;
	*end_out = (up ? head : far) + 1;
}

bool
model_thread(struct model *m, uint32_t ordinal, bool whole, uint32_t *first_out,
	     uint32_t *end_out)
{
	uint32_t first, end;

	if (!model_is_threaded(m) || ordinal >= list_count(m->box->list))
		return false;
	const struct list *l = m->box->list;
	list_thread_range(m, list_row_index(l, ordinal), whole, &first, &end);
	/* From rows to places among those that are not folded away: at or behind. */
	list_ordinal(l, l->rows[first].msg, first_out);
	*end_out = list_count(l);
	if (end < l->n_keys)
		list_ordinal(l, l->rows[end].msg, end_out);
	return true;
}

static bool
row_index_of(struct model *m, uint64_t local, uint32_t *index_out)
{
	struct row_key key;
	uint32_t msg;

	if (!model_is_threaded(m) || box_rows(m) == NULL || box_key(m, local, &key) != 0 ||
	    !list_find(m->box->list, key, &msg))
		return false;
	*index_out = m->box->list->place[msg];
	return true;
}

bool
list_thread_of(struct model *m, uint64_t local, uint32_t *first_out, uint32_t *end_out)
{
	uint32_t index;

	if (!row_index_of(m, local, &index))
		return false;
	list_thread_range(m, index, true, first_out, end_out);
	return true;
}

bool
model_thread_locals(struct model *m, uint64_t local, bool whole,
		    void (*each)(uint64_t local, void *ctx), void *ctx)
{
	uint32_t index, first, end;

	if (!row_index_of(m, local, &index))
		return false;
	const struct list *l = m->box->list;
	list_thread_range(m, index, whole, &first, &end);
	for (uint32_t i = first; i < end; i++)
		each(l->keys[l->rows[i].msg].local, ctx);
	return true;
}

static uint64_t
root_of(struct model *m, uint64_t local)
{
	uint32_t index;

	if (!row_index_of(m, local, &index))
		return 0;
	const struct list *l = m->box->list;
	return l->keys[l->rows[thread_root(l, index, is_upside_down(m))].msg].local;
}

void
model_set_folding(struct model *m, struct model_folding folding)
{
	m->folding = folding;
}

static bool
has_unread(struct model *m, const struct list *l, uint32_t index)
{
	uint32_t first, end;

	list_thread_range(m, index, true, &first, &end);
	for (uint32_t i = first; i < end; i++) {
		const struct key *k = &l->keys[l->rows[i].msg];
		if (k->was_unread && box_is_unread(m, k))
			return true;
	}
	return false;
}

bool
model_may_collapse(struct model *m, uint64_t local)
{
	uint32_t index;

	return !m->folding.never_unread || !row_index_of(m, local, &index) ||
	       !has_unread(m, m->box->list, index);
}

void
model_collapse(struct model *m, uint64_t local, bool on)
{
	uint64_t root = root_of(m, local);

	if (root == 0)
		return;
	if (on)
		idset_add(&m->box->collapsed, root);
	else
		idset_remove(&m->box->collapsed, root);
	list_fold(m, m->box->list);
	model_mark(m, MODEL_ROWS);
}

bool
model_is_collapsed(struct model *m, uint64_t local)
{
	uint64_t root = root_of(m, local);

	return root != 0 && idset_has(&m->box->collapsed, root);
}

bool
model_has_collapsed(const struct model *m)
{
	return m->box != NULL && m->box->collapsed.count > 0;
}

static void
collapse_roots(struct model *m, struct list *l)
{
	for (uint32_t i = 0; i < l->n_keys; i++)
		if (list_is_head(l, i) && (l->rows[i].flags & (THREAD_HAS_CHILDREN | THREAD_FIRST)) &&
		    !(m->folding.never_unread && has_unread(m, l, i)))
			idset_add(&m->box->collapsed, l->keys[l->rows[i].msg].local);
}

void
model_collapse_all(struct model *m, bool on)
{
	if (!model_is_threaded(m))
		return;
	idset_release(&m->box->collapsed);
	if (on)
		collapse_roots(m, m->box->list);
	list_fold(m, m->box->list);
	model_mark(m, MODEL_ROWS);
}

/* What came since the last list unfolds its thread. */
static void
open_for_new(struct model *m, const struct list *l, uint32_t last_uid)
{
	bool up = is_upside_down(m);

	if (!m->folding.opens_for_new || m->box->collapsed.count == 0 || last_uid == 0)
		return;
	for (uint32_t i = 0; i < l->n_keys; i++)
		if (l->keys[l->rows[i].msg].uid > last_uid)
			idset_remove(&m->box->collapsed,
				     l->keys[l->rows[thread_root(l, i, up)].msg].local);
}

/* ---- making it ------------------------------------------------------------------------- */

void
build_free(struct build *b)
{
	if (b == NULL)
		return;
	thread_build_free(b->threads);
	free(b->list.keys);
	free(b->list.rows);
	free(b->list.place);
	free(b);
}

void
build_start(struct model *m)
{
	struct build *b = xcalloc(1, sizeof(*b));
	struct thread_spec spec = m->box->order;

	build_free(m->box->build);
	if (!thread_spec_is_date(&spec) || spec.reverse)
		b->threads = thread_build_new(&spec);
	b->started_us = tick_us();
	m->box->build = b;
	m->box->build_again = false;
}

bool
box_matches_limit(struct model *m, const struct row *row)
{
	struct model_row mr = { .row = *row, .is_tagged = idset_has(&m->box->tags, row->local) };

	return m->box->limit == NULL || model_matches(m, m->box->limit, &mr);
}

static struct key
key_of(const struct row *row)
{
	return (struct key){ row->local & INT64_MAX, !(row->flags & ROW_SEEN), row->date, row->uid };
}

static void
add_key(struct list *l, const struct row *row)
{
	if (l->n_keys == l->cap_keys) {
		l->cap_keys = l->cap_keys + l->cap_keys / 4 + 256;
		l->keys = xreallocarray(l->keys, l->cap_keys, sizeof(*l->keys));
	}
	l->keys[l->n_keys++] = key_of(row);
}

static void
add_to_threads(struct build *b, const struct thread_spec *spec, const struct row *row)
{
	bool is_reply = false;
	struct str base = thread_base_subject(row->subject, &is_reply);
	struct buf key = BUF_INIT;

	switch (thread_spec_key(spec)) {
	case ORDER_FROM:
		utf8_add_folded(&key, row->from_name.len > 0 ? row->from_name : row->from_addr);
		break;
	case ORDER_TO:
		utf8_add_folded(&key, row->to);
		break;
	case ORDER_SUBJECT:
		utf8_add_folded(&key, base);
		break;
	}
	struct thread_input in = { .uid = row->uid,
				   .size_bytes = row->size_bytes,
				   .date = row->date,
				   .received = row->internaldate,
				   .id_hash = row->id_hash,
				   .ancestors = row->ancestors,
				   .subject_hash = base.len > 0 ? hash64(base) : 0,
				   .is_reply = is_reply,
				   .key = buf_str(&key) };
	thread_build_add(b->threads, &in);
	buf_release(&key);
}

static void
scan_row(struct model *m, struct build *b, const struct row *row)
{
	b->at = (struct row_key){ row->date, row->uid };
	b->has_begun = true;
	b->n_scanned++;
	if (row->uid > b->last_uid)
		b->last_uid = row->uid;
	if (!box_matches_limit(m, row))
		return;
	add_key(&b->list, row);
	if (b->threads != NULL)
		add_to_threads(b, &m->box->order, row);
}

/* Where to go on: rows may have come and gone since the last slice. */
static uint32_t
scan_position(struct model *m, struct build *b)
{
	struct err err = ERR_INIT;
	struct row row;
	uint32_t at = 0;

	if (!b->has_begun || store_rows_rank(m->rows, b->at, &at, &err) != 0)
		return 0;
	if (store_rows_at(m->rows, at, &row, &err) == 0 && row.uid == b->at.uid &&
	    row.date == b->at.date)
		at++;
	m->rows_at = UINT32_MAX;
	return at;
}

static void
scan(struct model *m, struct build *b, int64_t until_us)
{
	struct row row;

	b->n_total = box_store_count(m);
	if (m->rows == NULL) {
		b->is_scanned = true;
		return;
	}
	if (!b->has_begun && b->threads != NULL)
		thread_build_expect(b->threads, b->n_total);
	for (uint32_t at = scan_position(m, b); at < b->n_total; at++) {
		if (box_store_row(m, at, &row) == 0)
			scan_row(m, b, &row);
		else if (m->rows_at == UINT32_MAX)
			break; /* the store failed; what is there is shown */
		arena_reset(&m->turn);
		if (at % ROWS_PER_CLOCK == 0 && tick_us() >= until_us)
			return;
	}
	b->is_scanned = true;
}

/* What threading has made, and where each message stands in it; then its memory. */
static bool
take_threads(struct build *b, int64_t until_us)
{
	struct list *l = &b->list;
	size_t n = 0;

	if (l->rows == NULL) {
		l->rows = thread_build_take(b->threads, &n);
		if (n != l->n_keys)
			BUG("an order of %zu rows for %zu messages", n, l->n_keys);
		l->place = xreallocarray(NULL, n + 1, sizeof(*l->place));
	}
	while (b->n_placed < l->n_keys) {
		l->place[l->rows[b->n_placed].msg] = b->n_placed;
		if (++b->n_placed % STEPS_PER_CLOCK == 0 && tick_us() >= until_us)
			return false;
	}
	while (!thread_build_shed(b->threads))
		if (tick_us() >= until_us)
			return false;
	return true;
}

static void
build_finish(struct model *m)
{
	struct box *box = m->box;
	struct build *b = box->build;
	struct list *l = xmemdup(&b->list, sizeof(*l));
	int64_t now = tick_us(), took = now - b->started_us;

	b->list = (struct list){ .keys = NULL };
	l->n_scanned = b->n_scanned;
	uint32_t last_uid = box->last_uid;
	box->last_uid = b->last_uid;
	build_free(b);
	box->build = NULL;
	list_free(box->list);
	folded_look_again(box);
	box->list = l;
	box->list_is_threads = box->order.sort == ORDER_THREADS;
	/* A list of nothing waits for nobody: the first rows of a mailbox come behind it. */
	int64_t pause = l->n_scanned == 0 || took * 2 > MIN_REBUILD_US ? took * 2 : MIN_REBUILD_US;
	box->build_not_before_us = now + pause;
	if (box->list_is_threads)
		open_for_new(m, l, last_uid);
	if (box->collapse_all && box->list_is_threads)
		collapse_roots(m, l);
	box->collapse_all = false;
	box->build_is_asked = false;
	list_fold(m, l);
	model_mark(m, MODEL_ROWS);
}

bool
build_work(struct model *m, int64_t until_us)
{
	struct box *box = m->box;

	if (box == NULL || (box->build == NULL && !box->build_again))
		return false;
	if (box->build == NULL) {
		if (tick_us() < box->build_not_before_us)
			return true;
		build_start(m);
	}
	struct build *b = box->build;
	if (!b->is_scanned)
		scan(m, b, until_us);
	if (!b->is_scanned)
		return true;
	if (b->threads != NULL)
		while (!thread_build_step(b->threads, STEPS_PER_CLOCK))
			if (tick_us() >= until_us)
				return true;
	if (b->threads != NULL && !take_threads(b, until_us))
		return true;
	build_finish(m);
	return box->build_again;
}

/* ---- news -------------------------------------------------------------------------------- */

/* A limit by date alone takes in and leaves out single messages. */
static void
insert_key(struct list *l, const struct row *row)
{
	struct row_key key = { row->date, row->uid };
	size_t at = key_position(l, key);

	add_key(l, row);
	memmove(&l->keys[at + 1], &l->keys[at], (l->n_keys - 1 - at) * sizeof(*l->keys));
	l->keys[at] = key_of(row);
}

static uint32_t
nearest_kept(const struct list *l, const uint32_t *moved, uint32_t parent)
{
	while (parent != THREAD_NONE && moved[parent] == UINT32_MAX)
		parent = l->rows[parent].parent;
	return parent == THREAD_NONE ? THREAD_NONE : moved[parent];
}

/* Until the build that follows, the next of a thread that lost its head is its head:
 * else it would belong to the thread before. */
static void
hand_heads_on(struct list *l, bool up)
{
	bool is_headless = false;

	for (uint32_t k = 0; k < l->n_keys; k++) {
		uint32_t i = up ? (uint32_t)l->n_keys - 1 - k : k;
		bool is_gone = l->keys[l->rows[i].msg].local == 0;
		if (list_is_head(l, i))
			is_headless = is_gone;
		else if (is_headless && !is_gone) {
			l->rows[i].flags |= THREAD_FIRST | THREAD_NO_PARENT;
			is_headless = false;
		}
	}
}

/* Take messages out whose keys are marked by local 0; the tree is set right by the
 * build that follows. */
static void
drop_marked(struct model *m, struct list *l)
{
	size_t n = 0;

	if (l->rows != NULL) {
		uint32_t *moved_msg = xreallocarray(NULL, l->n_keys + 1, sizeof(*moved_msg));
		uint32_t *moved = xreallocarray(NULL, l->n_keys + 1, sizeof(*moved));
		uint32_t k = 0;
		hand_heads_on(l, is_upside_down(m));
		for (uint32_t i = 0; i < l->n_keys; i++)
			moved_msg[i] = l->keys[i].local != 0 ? k++ : UINT32_MAX;
		k = 0;
		for (uint32_t i = 0; i < l->n_keys; i++)
			moved[i] = moved_msg[l->rows[i].msg] != UINT32_MAX ? k++ : UINT32_MAX;
		for (uint32_t i = 0; i < l->n_keys; i++)
			if (moved[i] != UINT32_MAX && l->rows[i].parent != THREAD_NONE)
				l->rows[i].parent = nearest_kept(l, moved, l->rows[i].parent);
		for (uint32_t i = 0; i < l->n_keys; i++) {
			if (moved[i] == UINT32_MAX)
				continue;
			struct thread_row r = l->rows[i];
			r.msg = moved_msg[r.msg];
			l->rows[moved[i]] = r;
			l->place[r.msg] = moved[i];
		}
		free(moved);
		free(moved_msg);
	}
	for (size_t i = 0; i < l->n_keys; i++)
		if (l->keys[i].local != 0)
			l->keys[n++] = l->keys[i];
	l->n_keys = n;
}

/* What a post takes away leaves at once; if it is refused, a build brings it back. */
void
list_drop(struct model *m, const uint64_t *locals, size_t n)
{
	struct list *l = m->box->list;
	struct row_key key;
	uint32_t at;

	if (l == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		if (box_key(m, locals[i], &key) == 0 && list_find(l, key, &at))
			l->keys[at].local = 0;
	drop_marked(m, l);
	list_fold(m, l);
}

/* A message of the list that is no longer among the rows shown. */
static bool
is_gone(struct model *m, const struct key *k)
{
	struct err err = ERR_INIT;
	struct row_key key = { k->date, k->uid };
	struct row row;
	uint32_t at;

	return store_rows_rank(m->rows, key, &at, &err) != 0 ||
	       store_rows_at(m->rows, at, &row, &err) != 0 || row.local != k->local;
}

static bool
mark_gone(struct model *m, struct list *l, const uint64_t *locals, size_t n)
{
	struct idset news = { NULL, 0, 0 };
	bool any = false;

	for (size_t i = 0; i < n; i++)
		idset_add(&news, locals[i]);
	for (size_t i = 0; i < l->n_keys; i++)
		if (idset_has(&news, l->keys[i].local) && is_gone(m, &l->keys[i])) {
			l->keys[i].local = 0;
			any = true;
		}
	m->rows_at = UINT32_MAX;
	idset_release(&news);
	return any;
}

void
list_news(struct model *m, const uint64_t *locals, size_t n, bool many)
{
	struct box *b = m->box;
	struct list *l = b->list;
	bool needs_build = many;
	struct row_key key;
	struct row row;
	uint32_t mailbox, at;
	struct err err = ERR_INIT;

	if (l == NULL || box_rows(m) == NULL) {
		b->build_again = true;
		return;
	}
	if (!many && mark_gone(m, l, locals, n)) {
		drop_marked(m, l);
		needs_build = l->rows != NULL;
	}
	for (size_t i = 0; i < n && !needs_build; i++) {
		if (store_row(m->view, locals[i], &mailbox, &row, &err) != 0 || mailbox != b->id)
			continue;
		key = (struct row_key){ row.date, row.uid };
		if (list_find(l, key, &at))
			continue;
		if (l->rows != NULL)
			needs_build = box_matches_limit(m, &row);
		else if (box_matches_limit(m, &row))
			insert_key(l, &row);
	}
	if (needs_build)
		b->build_again = true;
	list_fold(m, l);
}
