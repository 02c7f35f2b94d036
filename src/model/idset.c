/* A set of local ids: open addressing, at most three quarters full. */
#include "internal.h"

static size_t
slot_of(const struct idset *s, uint64_t id)
{
	uint64_t h = id * 0x9e3779b97f4a7c15ULL;

	return (size_t)(h >> 20) & (s->n_slots - 1);
}

static size_t
find(const struct idset *s, uint64_t id)
{
	size_t i = slot_of(s, id);

	while (s->slots[i] != 0 && s->slots[i] != id)
		i = (i + 1) & (s->n_slots - 1);
	return i;
}

bool
idset_has(const struct idset *s, uint64_t id)
{
	return s->count > 0 && id != 0 && s->slots[find(s, id)] == id;
}

static void
grow(struct idset *s)
{
	struct idset bigger = { NULL, s->n_slots > 0 ? s->n_slots * 2 : 16, s->count };

	bigger.slots = xcalloc(bigger.n_slots, sizeof(*bigger.slots));
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i] != 0)
			bigger.slots[find(&bigger, s->slots[i])] = s->slots[i];
	free(s->slots);
	*s = bigger;
}

void
idset_add(struct idset *s, uint64_t id)
{
	if (id == 0)
		return;
	if ((s->count + 1) * 4 > s->n_slots * 3)
		grow(s);
	size_t i = find(s, id);
	if (s->slots[i] == id)
		return;
	s->slots[i] = id;
	s->count++;
}

void
idset_remove(struct idset *s, uint64_t id)
{
	if (!idset_has(s, id))
		return;
	size_t hole = find(s, id);
	s->slots[hole] = 0;
	s->count--;
	/* Those behind it that stood there because of it move up. */
	for (size_t i = (hole + 1) & (s->n_slots - 1); s->slots[i] != 0;
	     i = (i + 1) & (s->n_slots - 1)) {
		uint64_t moved = s->slots[i];
		s->slots[i] = 0;
		s->slots[find(s, moved)] = moved;
	}
}

void
idset_release(struct idset *s)
{
	free(s->slots);
	*s = (struct idset){ NULL, 0, 0 };
}
