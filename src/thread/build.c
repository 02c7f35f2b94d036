/* From messages to rows. Stages follow each other; each is a loop over b->at that
 * stops when the budget is used up. */
#include "internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* A walk upwards through messages that are only named ends here: longer chains
 * are nobody's conversation. */
#define MAX_PHANTOMS 1000
#define MAX_ANCESTRY 1000

/* ---- index ------------------------------------------------------------------------- */

static size_t
slot_of(const struct index *x, uint64_t key, uint64_t seed)
{
	uint64_t h = (key ^ seed) * 0x9e3779b97f4a7c15ULL;

	h ^= h >> 32;
	h *= seed | 1;
	return (size_t)(h ^ h >> 29) & (x->n_slots - 1);
}

/* The key of a value, to look again when the table grows. */
typedef uint64_t (*key_fn)(const struct thread_build *b, uint32_t value);

static uint64_t
key_of_node(const struct thread_build *b, uint32_t value)
{
	return b->nodes.v[value].id_hash;
}

static uint64_t
key_of_subject(const struct thread_build *b, uint32_t value)
{
	return b->msgs.v[value].subject_hash;
}

static uint32_t *
find(struct thread_build *b, struct index *x, uint64_t key, key_fn key_of)
{
	size_t i = slot_of(x, key, b->seed);

	while (x->slots[i] != 0 && key_of(b, x->slots[i] - 1) != key)
		i = (i + 1) & (x->n_slots - 1);
	return &x->slots[i];
}

static void
expect(struct index *x, size_t n)
{
	size_t size = 1024;

	while (size < n * 2 + 2)
		size *= 2;
	if (x->n_slots != 0)
		return;
	x->n_slots = size;
	x->slots = xcalloc(size, sizeof(*x->slots));
}

static void
make_room(struct thread_build *b, struct index *x, key_fn key_of)
{
	uint32_t *old = x->slots;
	size_t n_old = x->n_slots;

	if (x->n * 2 < x->n_slots)
		return;
	x->n_slots = n_old == 0 ? 1024 : n_old * 2;
	x->slots = xcalloc(x->n_slots, sizeof(*x->slots));
	for (size_t i = 0; i < n_old; i++)
		if (old[i] != 0)
			*find(b, x, key_of(b, old[i] - 1), key_of) = old[i];
	free(old);
}

/* ---- adding ---------------------------------------------------------------------------- */

/* Tables of the right size from the start: growing one is a pause. */
void
thread_build_expect(struct thread_build *b, uint32_t n)
{
	vec_reserve(&b->msgs, n);
	if (b->spec.sort != ORDER_THREADS)
		return;
	vec_reserve(&b->nodes, (size_t)n + n / 4);
	expect(&b->ids, (size_t)n + n / 4);
}

struct thread_build *
thread_build_new(const struct thread_spec *spec)
{
	struct thread_build *b = xcalloc(1, sizeof(*b));

	b->spec = *spec;
	/* The address is chance enough: nobody outside knows it. */
	b->seed = ((uint64_t)(uintptr_t)b * 0xbf58476d1ce4e5b9ULL) ^ 0x94d049bb133111ebULL;
	b->texts.seed = b->seed;
	buf_init(&b->texts.pool);
	b->roots = THREAD_NONE;
	b->walk = THREAD_NONE;
	return b;
}

static void
free_index(struct index *x)
{
	free(x->slots);
	*x = (struct index){ NULL, 0, 0 };
}

bool
thread_build_shed(struct thread_build *b)
{
	switch (b->n_shed++) {
	case 0:
		vec_release(&b->msgs);
		return false;
	case 1:
		vec_release(&b->nodes);
		return false;
	case 2:
		vec_release(&b->aux);
		texts_release(&b->texts);
		return false;
	case 3:
		free_index(&b->ids);
		free_index(&b->subjects);
		return false;
	case 4:
		sorter_release(&b->sorter);
	}
	return true;
}

void
thread_build_free(struct thread_build *b)
{
	if (b == NULL)
		return;
	while (!thread_build_shed(b))
		;
	free(b->rows);
	free(b);
}

static uint32_t
new_node(struct thread_build *b, uint64_t id_hash, uint32_t msg)
{
	struct node node = { .id_hash = id_hash,
			     .parent = THREAD_NONE,
			     .msg = msg,
			     .child = THREAD_NONE,
			     .next = THREAD_NONE };

	vec_push(&b->nodes, node);
	return (uint32_t)b->nodes.n - 1;
}

/* The node of an id; made without a message if there is none. */
static uint32_t
node_of_id(struct thread_build *b, uint64_t id_hash)
{
	make_room(b, &b->ids, key_of_node);
	uint32_t *slot = find(b, &b->ids, id_hash, key_of_node);
	if (*slot != 0)
		return *slot - 1;
	uint32_t node = new_node(b, id_hash, THREAD_NONE);
	*slot = node + 1;
	b->ids.n++;
	return node;
}

/* The second message with an id is a message, but nobody's parent. */
static uint32_t
node_of_message(struct thread_build *b, uint64_t id_hash, uint32_t msg)
{
	if (id_hash == 0)
		return new_node(b, 0, msg);
	uint32_t node = node_of_id(b, id_hash);
	if (b->nodes.v[node].msg != THREAD_NONE)
		return new_node(b, 0, msg);
	b->nodes.v[node].msg = msg;
	return node;
}

static void
add_node(struct thread_build *b, const struct thread_input *in, struct msg *m, uint32_t msg)
{
	uint32_t parent = THREAD_NONE;
	uint64_t id;

	m->node = node_of_message(b, in->id_hash, msg);
	for (size_t at = 0; at + 8 <= in->ancestors.len; at += 8) {
		memcpy(&id, in->ancestors.ptr + at, 8);
		id = le64toh(id);
		if (id == 0 || id == in->id_hash)
			continue;
		uint32_t node = node_of_id(b, id);
		/* What a message says of itself is worth more than what others say. */
		if (b->nodes.v[node].parent == THREAD_NONE && node != parent)
			b->nodes.v[node].parent = parent;
		parent = node;
	}
	if (parent != THREAD_NONE)
		b->nodes.v[m->node].parent = parent;
}

static uint64_t
key_of(struct thread_build *b, unsigned order, const struct thread_input *in)
{
	const uint64_t sign = 0x8000000000000000ULL;

	switch (order) {
	case ORDER_RECEIVED:
		return (uint64_t)in->received ^ sign;
	case ORDER_SIZE:
		return in->size_bytes;
	case ORDER_MAILBOX:
		return in->uid;
	case ORDER_FROM:
	case ORDER_TO:
	case ORDER_SUBJECT:
		return texts_add(&b->texts, in->key);
	}
	return (uint64_t)in->date ^ sign;
}

static bool
is_text(unsigned order)
{
	return order == ORDER_FROM || order == ORDER_TO || order == ORDER_SUBJECT;
}

static unsigned
first_order(const struct thread_build *b)
{
	return b->spec.sort == ORDER_THREADS ? b->spec.aux : b->spec.sort;
}

void
thread_build_add(struct thread_build *b, const struct thread_input *in)
{
	uint32_t n = (uint32_t)b->msgs.n;
	struct msg m = { .subject_hash = in->subject_hash, .is_reply = in->is_reply };

	if (b->stage != STAGE_ADD)
		BUG("a message after the first step");
	if (b->spec.sort == ORDER_THREADS)
		add_node(b, in, &m, n);
	else if (b->spec.aux != b->spec.sort && !is_text(b->spec.aux))
		vec_push(&b->aux, key_of(b, b->spec.aux, in));
	m.key = key_of(b, first_order(b), in);
	vec_push(&b->msgs, m);
}

/* ---- stages --------------------------------------------------------------------------------- */

/* Each: true when it is through. */
typedef bool (*stage_fn)(struct thread_build *b, int64_t *budget);

static bool
stage_texts(struct thread_build *b, int64_t *budget)
{
	if (!is_text(first_order(b)))
		return true;
	if (!texts_rank_step(&b->texts, budget))
		return false;
	for (; b->at < b->msgs.n; b->at++) {
		if (--*budget <= 0)
			return false;
		b->msgs.v[b->at].key = b->texts.ranks[b->msgs.v[b->at].key];
	}
	return true;
}

/* Every walk upwards leaves its number; who meets the own number is in a loop. */
static bool
stage_loops(struct thread_build *b, int64_t *budget)
{
	free_index(&b->ids);
	for (; b->at < b->nodes.n; b->at++) {
		uint32_t number = (uint32_t)b->at + 1;
		if (b->walk == THREAD_NONE)
			b->walk = (uint32_t)b->at;
		while (b->walk != THREAD_NONE) {
			struct node *node = &b->nodes.v[b->walk];
			if (--*budget <= 0)
				return false;
			if (node->mark != 0)
				break;
			node->mark = number;
			if (node->parent != THREAD_NONE &&
			    b->nodes.v[node->parent].mark == number)
				node->parent = THREAD_NONE;
			b->walk = node->parent;
		}
		b->walk = THREAD_NONE;
	}
	return true;
}

/* The nearest message above, else the topmost one that is only named. */
static uint32_t
real_parent(struct thread_build *b, uint32_t parent, int64_t *budget)
{
	uint32_t at = parent;
	unsigned n = 0;

	while (b->nodes.v[at].msg == THREAD_NONE && b->nodes.v[at].parent != THREAD_NONE) {
		if (++n > MAX_PHANTOMS)
			return THREAD_NONE;
		at = b->nodes.v[at].parent;
	}
	*budget -= n;
	/* The next one that comes this way has it shorter. */
	while (parent != at) {
		uint32_t above = b->nodes.v[parent].parent;
		b->nodes.v[parent].parent = at;
		parent = above;
	}
	return at;
}

static bool
stage_parents(struct thread_build *b, int64_t *budget)
{
	for (; b->at < b->msgs.n; b->at++) {
		struct node *node = &b->nodes.v[b->msgs.v[b->at].node];
		if (--*budget <= 0)
			return false;
		if (node->parent == THREAD_NONE)
			continue;
		node->parent = real_parent(b, node->parent, budget);
		if (node->parent != THREAD_NONE && b->nodes.v[node->parent].msg == THREAD_NONE)
			b->nodes.v[node->parent].n_children++;
	}
	return true;
}

/* A missing parent of one message joins nothing. */
static bool
stage_singles(struct thread_build *b, int64_t *budget)
{
	for (; b->at < b->msgs.n; b->at++) {
		struct node *node = &b->nodes.v[b->msgs.v[b->at].node];
		if (--*budget <= 0)
			return false;
		if (node->parent != THREAD_NONE &&
		    b->nodes.v[node->parent].msg == THREAD_NONE &&
		    b->nodes.v[node->parent].n_children < 2)
			node->parent = THREAD_NONE;
	}
	return true;
}

static bool
is_above(const struct thread_build *b, uint32_t node, uint32_t of)
{
	for (unsigned n = 0; of != THREAD_NONE; n++) {
		if (of == node || n > MAX_ANCESTRY)
			return true;
		of = b->nodes.v[of].parent;
	}
	return false;
}

/* The subject is not the one of its parent: others may join it by that. */
static bool
brings_subject(const struct thread_build *b, const struct msg *m)
{
	uint32_t parent = b->nodes.v[m->node].parent;

	if (parent == THREAD_NONE || b->nodes.v[parent].msg == THREAD_NONE)
		return true;
	return b->msgs.v[b->nodes.v[parent].msg].subject_hash != m->subject_hash;
}

/* Messages come by date: the newest that brought a subject is an older one. */
static void
join_by_subject(struct thread_build *b, uint32_t n)
{
	struct msg *m = &b->msgs.v[n];
	struct node *node = &b->nodes.v[m->node];

	if (m->subject_hash == 0)
		return;
	make_room(b, &b->subjects, key_of_subject);
	uint32_t *slot = find(b, &b->subjects, m->subject_hash, key_of_subject);
	if (*slot != 0 && node->parent == THREAD_NONE && (m->is_reply || !b->spec.sort_re)) {
		uint32_t older = b->msgs.v[*slot - 1].node;
		if (!is_above(b, m->node, older)) {
			node->parent = older;
			m->by_subject = true;
			return;
		}
	}
	if (!brings_subject(b, m))
		return;
	b->subjects.n += *slot == 0;
	*slot = n + 1;
}

static bool
stage_subjects(struct thread_build *b, int64_t *budget)
{
	expect(&b->subjects, b->msgs.n);
	for (; !b->spec.strict_threads && b->at < b->msgs.n; b->at++) {
		if (--*budget <= 0)
			return false;
		join_by_subject(b, (uint32_t)b->at);
	}
	free_index(&b->subjects);
	return true;
}

/* From here on id_hash is the key that a node is sorted by, mark: it has one. */
static bool
stage_keys(struct thread_build *b, int64_t *budget)
{
	for (; b->at < b->nodes.n; b->at++) {
		struct node *node = &b->nodes.v[b->at];
		if (--*budget <= 0)
			return false;
		node->mark = node->msg != THREAD_NONE && !b->spec.last;
		node->id_hash = node->mark ? b->msgs.v[node->msg].key : UINT64_MAX;
	}
	return true;
}

/* The sorter gets every message with its key. */
static bool
fill_messages(struct thread_build *b, int64_t *budget)
{
	if (b->sorter.v == NULL)
		sorter_init(&b->sorter, b->msgs.n);
	for (; b->at < b->msgs.n; b->at++) {
		if (--*budget <= 0)
			return false;
		b->sorter.v[b->at] =
			(struct sort_entry){ b->msgs.v[b->at].key, (uint32_t)b->at };
	}
	return true;
}

static bool
stage_sort_own(struct thread_build *b, int64_t *budget)
{
	if (!b->spec.last)
		return true;
	return fill_messages(b, budget) && sorter_step(&b->sorter, budget);
}

/* last-: from the greatest message down, each gives its key to all above it that
 * have none. Else a missing parent counts as its least child. */
static bool
stage_spread(struct thread_build *b, int64_t *budget)
{
	for (; b->at < b->msgs.n; b->at++) {
		uint32_t msg = b->spec.last ? b->sorter.v[b->msgs.n - 1 - b->at].item :
					      (uint32_t)b->at;
		uint64_t key = b->msgs.v[msg].key;
		if (b->walk == THREAD_NONE)
			b->walk = b->msgs.v[msg].node;
		if (!b->spec.last) {
			b->walk = b->nodes.v[b->walk].parent;
			if (b->walk != THREAD_NONE && b->nodes.v[b->walk].msg == THREAD_NONE &&
			    key < b->nodes.v[b->walk].id_hash)
				b->nodes.v[b->walk].id_hash = key;
			b->walk = THREAD_NONE;
		}
		while (b->walk != THREAD_NONE && !b->nodes.v[b->walk].mark) {
			if (--*budget <= 0)
				return false;
			b->nodes.v[b->walk].mark = 1;
			b->nodes.v[b->walk].id_hash = key;
			b->walk = b->nodes.v[b->walk].parent;
		}
		b->walk = THREAD_NONE;
		if (--*budget <= 0) {
			b->at++;
			return false;
		}
	}
	return true;
}

static int
tie_by_aux(uint32_t a, uint32_t b, const void *ctx)
{
	const struct thread_build *build = ctx;
	uint64_t x = a, y = b;
	bool is_reverse = false;

	if (build->aux.n > 0 && build->aux.v[a] != build->aux.v[b]) {
		x = build->aux.v[a];
		y = build->aux.v[b];
		is_reverse = build->spec.aux_reverse;
	}
	return x == y ? 0 : (x < y) != is_reverse ? -1 : 1;
}

/* Parents that are only named first, then nodes in the order of their messages:
 * equals keep it. */
static bool
fill_nodes(struct thread_build *b, int64_t *budget)
{
	for (; b->at < b->nodes.n + b->msgs.n; b->at++) {
		uint32_t n = (uint32_t)b->at;
		if (--*budget <= 0)
			return false;
		if (b->at >= b->nodes.n)
			n = b->msgs.v[b->at - b->nodes.n].node;
		else if (b->nodes.v[n].msg != THREAD_NONE || b->nodes.v[n].n_children < 2)
			continue;
		b->sorter.v[b->sorter.n++] = (struct sort_entry){ b->nodes.v[n].id_hash, n };
	}
	return true;
}

static bool
stage_fill(struct thread_build *b, int64_t *budget)
{
	if (b->spec.sort != ORDER_THREADS) {
		bool is_full = fill_messages(b, budget);
		b->sorter.tie = tie_by_aux;
		b->sorter.ctx = b;
		b->sorter.is_reverse = b->spec.reverse;
		return is_full;
	}
	if (b->at == 0) {
		sorter_release(&b->sorter);
		sorter_init(&b->sorter, b->nodes.n);
		b->sorter.n = 0;
		b->sorter.is_reverse = b->spec.aux_reverse;
	}
	return fill_nodes(b, budget);
}

static bool
stage_sort(struct thread_build *b, int64_t *budget)
{
	return sorter_step(&b->sorter, budget);
}

/* Backwards, each in front of its siblings. */
static bool
stage_lists(struct thread_build *b, int64_t *budget)
{
	for (; b->spec.sort == ORDER_THREADS && b->at < b->sorter.n; b->at++) {
		uint32_t n = b->sorter.v[b->sorter.n - 1 - b->at].item;
		struct node *node = &b->nodes.v[n];
		uint32_t *list = node->parent == THREAD_NONE ? &b->roots :
							       &b->nodes.v[node->parent].child;
		if (--*budget <= 0)
			return false;
		node->next = *list;
		*list = n;
	}
	return true;
}

static void
emit(struct thread_build *b, uint32_t n)
{
	const struct node *node = &b->nodes.v[n];
	struct thread_row *row = &b->rows[b->n_rows];
	const struct node *parent = node->parent == THREAD_NONE ? NULL : &b->nodes.v[node->parent];

	*row = (struct thread_row){ .msg = node->msg, .parent = THREAD_NONE };
	if (node->next == THREAD_NONE)
		row->flags |= THREAD_LAST;
	if (node->child != THREAD_NONE)
		row->flags |= THREAD_HAS_CHILDREN;
	if (b->msgs.v[node->msg].by_subject)
		row->flags |= THREAD_BY_SUBJECT;
	if (parent != NULL && parent->msg == THREAD_NONE) {
		row->depth = 1;
		row->flags |= THREAD_NO_PARENT;
		if (parent->child == n)
			row->flags |= THREAD_FIRST;
	} else if (parent != NULL) {
		const struct thread_row *above = &b->rows[parent->mark];
		row->parent = parent->mark;
		row->depth = above->depth < UINT16_MAX ? above->depth + 1 : above->depth;
		row->bars = above->bars;
		if (above->depth >= 1 && above->depth < 32 && (above->flags & THREAD_LAST) == 0)
			row->bars |= 1u << above->depth;
	}
	b->nodes.v[n].mark = (uint32_t)b->n_rows++;
}

/* Down to the child, else to the sibling, else up until there is one. */
static bool
walk_tree(struct thread_build *b, int64_t *budget)
{
	while (b->walk != THREAD_NONE) {
		const struct node *node = &b->nodes.v[b->walk];
		if (--*budget <= 0)
			return false;
		if (b->at == 0) { /* on the way down */
			if (node->msg != THREAD_NONE)
				emit(b, b->walk);
			if (node->child != THREAD_NONE) {
				b->walk = node->child;
				continue;
			}
		}
		b->at = node->next == THREAD_NONE;
		b->walk = b->at ? node->parent : node->next;
	}
	return true;
}

static bool
stage_rows(struct thread_build *b, int64_t *budget)
{
	if (b->rows == NULL) {
		b->rows = xcalloc(b->msgs.n + 1, sizeof(*b->rows));
		b->walk = b->roots;
	}
	if (b->spec.sort == ORDER_THREADS)
		return walk_tree(b, budget);
	for (; b->n_rows < b->msgs.n; b->n_rows++) {
		if (--*budget <= 0)
			return false;
		b->rows[b->n_rows] = (struct thread_row){ .msg = b->sorter.v[b->n_rows].item,
							  .parent = THREAD_NONE,
							  .flags = THREAD_LAST };
	}
	return true;
}

/* reverse-threads: the whole list upside down. */
static bool
stage_reverse(struct thread_build *b, int64_t *budget)
{
	uint32_t last = (uint32_t)b->n_rows - 1;

	if (b->spec.sort != ORDER_THREADS || !b->spec.reverse)
		return true;
	for (; b->at < (b->n_rows + 1) / 2; b->at++) {
		struct thread_row *low = &b->rows[b->at], *high = &b->rows[last - b->at];
		struct thread_row swap = *low;
		if (--*budget <= 0)
			return false;
		*low = *high;
		if (low != high)
			*high = swap;
		if (low->parent != THREAD_NONE)
			low->parent = last - low->parent;
		if (low != high && high->parent != THREAD_NONE)
			high->parent = last - high->parent;
	}
	return true;
}

static const struct {
	stage_fn fn;
	bool is_threads; /* of threads only */
} stages[STAGE_DONE] = {
	[STAGE_TEXTS] = { stage_texts, false },	    [STAGE_LOOPS] = { stage_loops, true },
	[STAGE_PARENTS] = { stage_parents, true },  [STAGE_SINGLES] = { stage_singles, true },
	[STAGE_SUBJECTS] = { stage_subjects, true }, [STAGE_KEYS] = { stage_keys, true },
	[STAGE_SORT_OWN] = { stage_sort_own, true }, [STAGE_SPREAD] = { stage_spread, true },
	[STAGE_FILL] = { stage_fill, false },	    [STAGE_SORT] = { stage_sort, false },
	[STAGE_LISTS] = { stage_lists, false },	    [STAGE_ROWS] = { stage_rows, false },
	[STAGE_REVERSE] = { stage_reverse, false },
};

bool
thread_build_step(struct thread_build *b, uint32_t budget)
{
	int64_t left = (int64_t)budget + 1;

	while (b->stage < STAGE_DONE) {
		bool applies = b->stage != STAGE_ADD &&
			       (b->spec.sort == ORDER_THREADS || !stages[b->stage].is_threads);
		if (applies && !stages[b->stage].fn(b, &left))
			return false;
		b->stage++;
		b->at = 0;
		b->walk = THREAD_NONE;
	}
	return true;
}

unsigned
thread_build_percent(const struct thread_build *b)
{
	return (unsigned)b->stage * 100 / STAGE_DONE;
}

struct thread_row *
thread_build_take(struct thread_build *b, size_t *n_out)
{
	struct thread_row *rows = b->rows;

	if (b->stage != STAGE_DONE)
		BUG("an order is taken before it is done");
	*n_out = b->n_rows;
	b->rows = NULL;
	return rows;
}
