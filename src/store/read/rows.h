/* What lies over a mailbox: its intents by message, what they hide, and the
 * counted chunks of its rows. Kept as long as neither store was committed to. */
#ifndef TERN_STORE_READ_ROWS_H
#define TERN_STORE_READ_ROWS_H

#include "../internal.h"

struct laid {
	struct intent i;
	bool stays; /* a later move brings it back here */
};

struct chunk {
	unsigned char lower[ROW_KEY_LEN];
	uint32_t first; /* ordinal of its first row */
	uint32_t n;
};

struct hidden {
	unsigned char key[ROW_KEY_LEN];
	uint32_t raw; /* ordinal among the cached rows */
};

struct overlay {
	unsigned n_refs;
	uint32_t mailbox;
	size_t cache_txn, journal_txn;
	struct arena arena;
	VEC(struct laid) laid; /* by local, seq */
	VEC(struct hidden) hidden; /* by key */
	VEC(struct chunk) chunks;
	uint32_t n_raw;
};

void overlay_free(struct overlay *o); /* drops a reference; NULL is fine */

#endif
