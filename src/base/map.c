#include "tern/base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "tern/base/mem.h"

struct map_entry {
	struct map_entry *next;
	uint64_t hash;
	void *value;
	size_t key_len;
	char key[];
};

uint64_t
hash64(struct str s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3ULL;
	return h;
}

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
	v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 with a key of this process. */
static uint64_t
sip_hash(struct str s)
{
	static uint64_t seed[2];
	static bool is_seeded;

	if (!is_seeded) {
		if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
			seed[0] = (uint64_t)(uintptr_t)&seed;
		is_seeded = true;
	}
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575ULL, seed[1] ^ 0x646f72616e646f6dULL,
			  seed[0] ^ 0x6c7967656e657261ULL, seed[1] ^ 0x7465646279746573ULL };
	size_t i = 0;
	uint64_t m;
	for (; i + 8 <= s.len; i += 8) {
		memcpy(&m, s.ptr + i, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	m = (uint64_t)s.len << 56;
	if (i < s.len)
		memcpy(&m, s.ptr + i, s.len - i);
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff ^ ((uint64_t)s.len << 8);
	sip_round(v), sip_round(v), sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_entry **
find(const struct map *m, struct str key, uint64_t hash)
{
	struct map_entry **e = &m->slots[hash & (m->n_slots - 1)];

	while (*e != NULL && ((*e)->hash != hash ||
			      !str_eq(str_n((*e)->key, (*e)->key_len), key)))
		e = &(*e)->next;
	return e;
}

static void
grow(struct map *m)
{
	size_t n = m->n_slots ? m->n_slots * 2 : 16;
	struct map_entry **slots = xcalloc(n, sizeof(struct map_entry *));

	for (size_t i = 0; i < m->n_slots; i++)
		for (struct map_entry *e = m->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = slots[e->hash & (n - 1)];
			slots[e->hash & (n - 1)] = e;
		}
	free(m->slots);
	m->slots = slots;
	m->n_slots = n;
}

bool
map_has(const struct map *m, struct str key)
{
	return m->n_slots > 0 && *find(m, key, sip_hash(key)) != NULL;
}

void *
map_get(const struct map *m, struct str key)
{
	if (m->n_slots == 0)
		return NULL;
	struct map_entry *e = *find(m, key, sip_hash(key));
	return e == NULL ? NULL : e->value;
}

void *
map_set(struct map *m, struct str key, void *value)
{
	uint64_t hash = sip_hash(key);

	if (m->count >= m->n_slots)
		grow(m);
	struct map_entry **at = find(m, key, hash);
	if (*at != NULL) {
		void *old = (*at)->value;
		(*at)->value = value;
		return old;
	}
	struct map_entry *e = xmalloc(sizeof(*e) + key.len);
	e->next = NULL;
	e->hash = hash;
	e->value = value;
	e->key_len = key.len;
	if (key.len > 0)
		memcpy(e->key, key.ptr, key.len);
	*at = e;
	m->count++;
	return NULL;
}

void *
map_remove(struct map *m, struct str key)
{
	if (m->n_slots == 0)
		return NULL;
	struct map_entry **at = find(m, key, sip_hash(key));
	struct map_entry *e = *at;
	if (e == NULL)
		return NULL;
	void *value = e->value;
	*at = e->next;
	free(e);
	m->count--;
	return value;
}

static struct str
key64(const uint64_t *key)
{
	return str_n((const char *)key, sizeof(*key));
}

void *
map_get64(const struct map *m, uint64_t key)
{
	return map_get(m, key64(&key));
}

bool
map_has64(const struct map *m, uint64_t key)
{
	return map_has(m, key64(&key));
}

void *
map_set64(struct map *m, uint64_t key, void *value)
{
	return map_set(m, key64(&key), value);
}

void *
map_remove64(struct map *m, uint64_t key)
{
	return map_remove(m, key64(&key));
}

void
map_each(const struct map *m, bool (*each)(struct str key, void *value, void *ctx), void *ctx)
{
	for (size_t i = 0; i < m->n_slots; i++)
		for (struct map_entry *e = m->slots[i]; e != NULL; e = e->next)
			if (!each(str_n(e->key, e->key_len), e->value, ctx))
				return;
}

void
map_release(struct map *m, void (*free_value)(void *))
{
	for (size_t i = 0; i < m->n_slots; i++)
		for (struct map_entry *e = m->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			if (free_value != NULL)
				free_value(e->value);
			free(e);
		}
	free(m->slots);
	*m = (struct map)MAP_INIT;
}
