/* The stages of a build, each a loop that can be left at any turn. */
#ifndef TERN_THREAD_INTERNAL_H
#define TERN_THREAD_INTERNAL_H

#include "tern/base/buf.h"
#include "tern/base/vec.h"
#include "tern/thread.h"

/* ---- sort.c: a merge sort of natural runs, in steps ------------------------------ */

struct sort_entry {
	uint64_t key;
	uint32_t item;
};

struct sorter {
	struct sort_entry *v, *spare; /* both owned */
	size_t n;
	/* What decides between equal keys; NULL: nothing, the order stays. */
	int (*tie)(uint32_t a, uint32_t b, const void *ctx);
	const void *ctx;
	bool is_reverse; /* of keys */
	size_t at;	 /* where the pair of runs begins */
	size_t left, left_end, right, right_end, out;
	bool is_merging;
	size_t n_runs; /* seen in this pass */
};

void sorter_init(struct sorter *s, size_t n);
void sorter_release(struct sorter *s);
/* True when v is sorted. *budget goes down by one per entry moved or looked at. */
bool sorter_step(struct sorter *s, int64_t *budget);

/* ---- text.c: texts by number, and their ranks --------------------------------------- */

struct texts {
	struct buf pool;
	VEC(uint32_t) starts; /* of each text; it ends with NUL */
	uint32_t *slots;      /* hash table: number + 1 */
	size_t n_slots;
	struct sorter sorter;
	bool is_sorting;
	uint32_t *ranks; /* once sorted */
	size_t ranked;
	uint64_t seed;
};

void texts_release(struct texts *t);
uint32_t texts_add(struct texts *t, struct str s); /* ASCII case does not count */
bool texts_rank_step(struct texts *t, int64_t *budget);

/* ---- build.c ----------------------------------------------------------------------------- */

/* A message, or one that is only named by others (msg == THREAD_NONE). */
struct node {
	uint64_t id_hash; /* later the key it is sorted by */
	uint32_t parent;
	uint32_t msg;
	uint32_t child, next;
	uint32_t mark;
	uint32_t n_children; /* of a phantom */
};

struct msg {
	uint64_t key; /* what it is sorted by */
	uint64_t subject_hash;
	uint32_t node;
	uint8_t is_reply;
	uint8_t by_subject;
};

/* u64 to u32, open addressing; the index is mixed with a seed. */
struct index {
	uint32_t *slots; /* value + 1 */
	size_t n_slots, n;
};

enum stage {
	STAGE_ADD = 0,
	STAGE_TEXTS,
	STAGE_LOOPS,
	STAGE_PARENTS,
	STAGE_SINGLES,
	STAGE_SUBJECTS,
	STAGE_KEYS,
	STAGE_SORT_OWN,
	STAGE_SPREAD,
	STAGE_FILL,
	STAGE_SORT,
	STAGE_LISTS,
	STAGE_ROWS,
	STAGE_REVERSE,
	STAGE_DONE,
};

struct thread_build {
	struct thread_spec spec;
	uint64_t seed;
	enum stage stage;
	size_t at; /* of the stage's loop */
	VEC(struct msg) msgs;
	VEC(struct node) nodes; /* of threads only */
	VEC(uint64_t) aux;	/* second key, of other orders only */
	struct index ids;	/* id_hash -> node */
	struct index subjects;	/* subject_hash -> message */
	struct texts texts;
	struct sorter sorter;
	uint32_t walk; /* node where a walk stands */
	uint32_t roots; /* first of the list of roots */
	struct thread_row *rows;
	size_t n_rows;
	unsigned n_shed; /* parts given back */
};

#endif
