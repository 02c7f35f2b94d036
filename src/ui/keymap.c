/* Bindings: per map the key sequences in order, so that all that begin with the
 * same keys are neighbours. */
#include "internal.h"
#include "keymap.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"

struct entry {
	uint32_t keys[UI_MAX_SEQUENCE];
	size_t n_keys;
	struct ui_binding binding;
};

struct map_of_keys {
	VEC(struct entry *) entries;
	int fallback;
	bool takes_text;
};

struct ui_keymap {
	struct map_of_keys maps[UI_MAX_MAPS];
};

struct ui_keymap *
ui_keymap_new(void)
{
	struct ui_keymap *km = xcalloc(1, sizeof(*km));

	for (int i = 0; i < UI_MAX_MAPS; i++)
		km->maps[i].fallback = -1;
	return km;
}

static void
free_entry(struct entry *e)
{
	free((char *)e->binding.macro);
	free((char *)e->binding.description);
	free(e);
}

void
ui_keymap_unbind_all(struct ui_keymap *km, int map)
{
	struct map_of_keys *m = &km->maps[map];

	for (size_t i = 0; i < m->entries.n; i++)
		free_entry(m->entries.v[i]);
	vec_reset(&m->entries);
}

void
ui_keymap_free(struct ui_keymap *km)
{
	if (km == NULL)
		return;
	for (int i = 0; i < UI_MAX_MAPS; i++) {
		ui_keymap_unbind_all(km, i);
		vec_release(&km->maps[i].entries);
	}
	free(km);
}

void
ui_keymap_fallback(struct ui_keymap *km, int map, int fallback)
{
	km->maps[map].fallback = fallback;
}

void
ui_keymap_takes_text(struct ui_keymap *km, int map)
{
	km->maps[map].takes_text = true;
}

bool
keymap_takes_text(const struct ui_keymap *km, int map)
{
	return km->maps[map].takes_text;
}

/* <0, 0, >0; a prefix comes before what it begins. */
static int
compare(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	for (size_t i = 0; i < n_a && i < n_b; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return n_a < n_b ? -1 : n_a > n_b;
}

/* The first entry not before `keys`. */
static size_t
lower_bound(const struct map_of_keys *m, const uint32_t *keys, size_t n_keys)
{
	size_t low = 0, high = m->entries.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct entry *e = m->entries.v[mid];
		if (compare(e->keys, e->n_keys, keys, n_keys) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
begins(const uint32_t *keys, size_t n_keys, const uint32_t *prefix, size_t n_prefix)
{
	return n_prefix <= n_keys && memcmp(keys, prefix, n_prefix * sizeof(*keys)) == 0;
}

static void
remove_at(struct map_of_keys *m, size_t i)
{
	free_entry(m->entries.v[i]);
	vec_remove(&m->entries, i);
}

void
ui_keymap_unbind(struct ui_keymap *km, int map, const uint32_t *keys, size_t n_keys)
{
	struct map_of_keys *m = &km->maps[map];
	size_t i = lower_bound(m, keys, n_keys);

	if (i < m->entries.n &&
	    compare(m->entries.v[i]->keys, m->entries.v[i]->n_keys, keys, n_keys) == 0)
		remove_at(m, i);
}

void
ui_keymap_bind(struct ui_keymap *km, int map, const uint32_t *keys, size_t n_keys,
	       const struct ui_binding *binding)
{
	struct map_of_keys *m = &km->maps[map];

	if (n_keys == 0 || n_keys > UI_MAX_SEQUENCE)
		return;
	for (size_t n = 1; n < n_keys; n++)
		ui_keymap_unbind(km, map, keys, n);
	size_t at = lower_bound(m, keys, n_keys);
	while (at < m->entries.n &&
	       begins(m->entries.v[at]->keys, m->entries.v[at]->n_keys, keys, n_keys))
		remove_at(m, at);
	struct entry *e = xcalloc(1, sizeof(*e));
	memcpy(e->keys, keys, n_keys * sizeof(*keys));
	e->n_keys = n_keys;
	e->binding = *binding;
	e->binding.macro = xstrdup(binding->macro);
	e->binding.description = xstrdup(binding->description);
	vec_insert(&m->entries, at, e);
}

static enum keymap_match
match_in(const struct map_of_keys *m, const uint32_t *keys, size_t n_keys,
	 const struct ui_binding **binding_out)
{
	size_t i = lower_bound(m, keys, n_keys);

	if (i == m->entries.n || !begins(m->entries.v[i]->keys, m->entries.v[i]->n_keys, keys,
					 n_keys))
		return KEYMAP_NONE;
	if (m->entries.v[i]->n_keys > n_keys)
		return KEYMAP_PREFIX;
	*binding_out = &m->entries.v[i]->binding;
	return KEYMAP_EXACT;
}

enum keymap_match
keymap_match(const struct ui_keymap *km, int map, const uint32_t *keys, size_t n_keys,
	     size_t *n_used_out, const struct ui_binding **binding_out)
{
	const struct map_of_keys *m = &km->maps[map];
	enum keymap_match found = match_in(m, keys, n_keys, binding_out);

	*n_used_out = n_keys;
	if (found != KEYMAP_NONE || m->fallback < 0)
		return found;
	/* Keys that waited for more in this map may be whole in the fallback. */
	for (size_t n = 1; n <= n_keys; n++) {
		found = match_in(&km->maps[m->fallback], keys, n, binding_out);
		*n_used_out = n;
		if (found != KEYMAP_PREFIX)
			return found;
	}
	return KEYMAP_PREFIX;
}

void
ui_keymap_each(const struct ui_keymap *km, int map,
	       void (*each)(const uint32_t *keys, size_t n_keys, const struct ui_binding *b,
			    void *ctx),
	       void *ctx)
{
	const struct map_of_keys *m = &km->maps[map];

	for (size_t i = 0; i < m->entries.n; i++)
		each(m->entries.v[i]->keys, m->entries.v[i]->n_keys, &m->entries.v[i]->binding, ctx);
}

static const struct entry *
shortest(const struct map_of_keys *m, const void *function)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < m->entries.n; i++) {
		const struct entry *e = m->entries.v[i];
		if (e->binding.function == function && (best == NULL || e->n_keys < best->n_keys))
			best = e;
	}
	return best;
}

size_t
ui_keymap_find(const struct ui_keymap *km, int map, const void *function,
	       uint32_t keys_out[UI_MAX_SEQUENCE])
{
	const struct entry *e = shortest(&km->maps[map], function);
	int fallback = km->maps[map].fallback;
	const struct ui_binding *hides;

	if (e == NULL && fallback >= 0) {
		e = shortest(&km->maps[fallback], function);
		/* Not if this map means something else by it. */
		if (e != NULL && match_in(&km->maps[map], e->keys, e->n_keys, &hides) != KEYMAP_NONE)
			e = NULL;
	}
	if (e == NULL)
		return 0;
	memcpy(keys_out, e->keys, e->n_keys * sizeof(*keys_out));
	return e->n_keys;
}
