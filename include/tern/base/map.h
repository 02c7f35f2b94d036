/* A hash table from byte strings, or from 64-bit numbers, to pointers.
 * Keys are copied. The hash is seeded at random, so that keys chosen by a
 * stranger cannot make it slow. */
#ifndef TERN_BASE_MAP_H
#define TERN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/str.h"

struct map_entry;
struct map {
	struct map_entry **slots;
	size_t n_slots;
	size_t count;
};

#define MAP_INIT { NULL, 0, 0 }

void *map_get(const struct map *m, struct str key); /* NULL if absent */
bool map_has(const struct map *m, struct str key);
void *map_set(struct map *m, struct str key, void *value); /* returns what was there */
void *map_remove(struct map *m, struct str key);	   /* returns what was there */
void *map_get64(const struct map *m, uint64_t key);
bool map_has64(const struct map *m, uint64_t key);
void *map_set64(struct map *m, uint64_t key, void *value);
void *map_remove64(struct map *m, uint64_t key);
/* In no particular order; `each` returns false to stop and must not change the map. */
void map_each(const struct map *m, bool (*each)(struct str key, void *value, void *ctx),
	      void *ctx);
/* Free the table; `free_value` may be NULL. */
void map_release(struct map *m, void (*free_value)(void *));

/* FNV-1a, 64 bits: stable, for names of files and sockets; not for hash tables. */
uint64_t hash64(struct str s);

#endif
