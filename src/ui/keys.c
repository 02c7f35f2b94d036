/* The queue between what is typed, or comes from a macro, and what it means. */
#include "internal.h"
#include "keymap.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/key.h"

#define MAX_QUEUED 100000 /* what one macro of macros may make */
#define MAX_EXPANSIONS 200 /* for one key typed: more is a macro that calls itself */

struct item {
	uint32_t key;
	char *name; /* a <function>; owned */
	bool is_macro;
};

struct ui_keys {
	/* The front is at the end: pushing in front is what happens most. */
	VEC(struct item) stack;
	uint32_t sequence[UI_MAX_SEQUENCE];
	size_t n_sequence;
	unsigned n_expansions;
	struct buf name;
};

struct ui_keys *
ui_keys_new(void)
{
	struct ui_keys *q = xcalloc(1, sizeof(*q));

	buf_init(&q->name);
	return q;
}

void
ui_keys_free(struct ui_keys *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->stack.n; i++)
		free(q->stack.v[i].name);
	wipe(q->stack.v, q->stack.n * sizeof(*q->stack.v));
	vec_release(&q->stack);
	buf_release(&q->name);
	free(q);
}

void
ui_keys_type(struct ui_keys *q, uint32_t key)
{
	struct item item = { key, NULL, false };

	if (q->stack.n < MAX_QUEUED)
		vec_insert(&q->stack, 0, item);
}

static void
push_item(struct ui_keys *q, struct item item)
{
	if (q->stack.n < MAX_QUEUED)
		vec_push(&q->stack, item);
	else
		free(item.name);
}

void
ui_keys_push(struct ui_keys *q, const uint32_t *keys, size_t n_keys)
{
	for (size_t i = n_keys; i > 0; i--)
		push_item(q, (struct item){ keys[i - 1], NULL, true });
}

void
ui_keys_push_text(struct ui_keys *q, struct str text)
{
	size_t first = q->stack.n;

	while (text.len > 0) {
		struct str name = STR_NONE;
		uint32_t key = key_next(&text, &name);
		if (key == KEYC_NONE && name.len == 0)
			break;
		push_item(q, (struct item){ key, key == KEYC_NONE ? str_dup(name) : NULL, true });
	}
	/* They were pushed in the order of the text: turn them round. */
	for (size_t i = first, j = q->stack.n; i + 1 < j; i++, j--) {
		struct item swap = q->stack.v[i];
		q->stack.v[i] = q->stack.v[j - 1];
		q->stack.v[j - 1] = swap;
	}
}

void
ui_keys_flush(struct ui_keys *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->stack.n; i++) {
		if (q->stack.v[i].is_macro)
			free(q->stack.v[i].name);
		else
			q->stack.v[kept++] = q->stack.v[i];
	}
	q->stack.n = kept;
	q->n_sequence = 0;
	q->n_expansions = 0;
}

bool
ui_keys_is_pending(const struct ui_keys *q)
{
	return q->stack.n > 0 && q->stack.v[q->stack.n - 1].is_macro;
}

bool
ui_keys_in_sequence(const struct ui_keys *q)
{
	return q->n_sequence > 0;
}

bool
ui_keys_waits_behind(const struct ui_keys *q, uint32_t key)
{
	return q->n_sequence == 1 && q->sequence[0] == key && q->stack.n == 0;
}

/* The keys of the sequence from n on are read again. */
static void
unread_from(struct ui_keys *q, size_t n)
{
	ui_keys_push(q, q->sequence + n, q->n_sequence - n);
	q->n_sequence = 0;
}

static enum ui_keys_result
give_up(struct ui_keys *q)
{
	while (q->stack.n > 0)
		free(q->stack.v[--q->stack.n].name);
	q->n_sequence = 0;
	q->n_expansions = 0;
	return UI_KEYS_LOOP;
}

/* "gx" with only "ga" bound is nothing, and x must not act; in an editor "g" and
 * "x" are letters. */
static enum ui_keys_result
unbound(struct ui_keys *q, bool takes_text, uint32_t *key_out)
{
	*key_out = q->sequence[0];
	if (takes_text && key_is_char(q->sequence[0]) && q->sequence[0] >= ' ')
		unread_from(q, 1);
	q->n_sequence = 0;
	return UI_KEYS_UNBOUND;
}

enum ui_keys_result
ui_keys_next(struct ui_keys *q, const struct ui_keymap *km, int map,
	     const struct ui_binding **binding_out, uint32_t *key_out, struct str *name_out)
{
	while (q->stack.n > 0) {
		struct item item = q->stack.v[--q->stack.n];
		if (!item.is_macro)
			q->n_expansions = 0;
		if (item.name != NULL) {
			buf_reset(&q->name);
			buf_adds(&q->name, item.name);
			free(item.name);
			q->n_sequence = 0;
			*name_out = buf_str(&q->name);
			return UI_KEYS_NAMED;
		}
		q->sequence[q->n_sequence++] = item.key;
		size_t n_used;
		const struct ui_binding *b = NULL;
		enum keymap_match found =
			keymap_match(km, map, q->sequence, q->n_sequence, &n_used, &b);
		if (found == KEYMAP_PREFIX && q->n_sequence < UI_MAX_SEQUENCE)
			continue;
		if (found != KEYMAP_EXACT)
			return unbound(q, keymap_takes_text(km, map), key_out);
		unread_from(q, n_used);
		if (b->macro != NULL) {
			if (++q->n_expansions > MAX_EXPANSIONS || q->stack.n >= MAX_QUEUED)
				return give_up(q);
			ui_keys_push_text(q, str_c(b->macro));
			continue;
		}
		*binding_out = b;
		if (b->is_noop) {
			*key_out = q->sequence[0];
			return UI_KEYS_UNBOUND;
		}
		return UI_KEYS_FUNCTION;
	}
	return UI_KEYS_EMPTY;
}
