/* The writer's own, for the files of src/store/write.
 *
 * The cache is changed in a struct store_txn, one at a time, which the manager keeps
 * open over many news (txn.c): a row goes into all its tables and out of them together
 * (row.c), the chunks that count rows go along (rank.c), and so do texts and what lost
 * its row (text.c). The journal is changed by operations, each a transaction of its own
 * with a full sync, a struct jop (journal.c): changes are accepted (accept.c), undone
 * (undo.c), and go after a message that went elsewhere (follow.c). */
#ifndef TERN_STORE_WRITE_WRITER_H
#define TERN_STORE_WRITE_WRITER_H

#include "../internal.h"
#include "tern/base/map.h"
#include "tern/store_write.h"

/* Changes that wait, by account: counted as they are put, so that nobody has to walk
 * through all of them. */
struct account_count {
	uint64_t account; /* hash64() of its name */
	int64_t n;
};
struct account_counts {
	VEC(struct account_count) of;
};

struct store_writer {
	char *cache_dir;
	char *state_dir;
	struct env cache, journal;
	struct store *reader;
	int lock_fd;
	bool owns_lock;
	struct store_txn *txn;	     /* the one that is open */
	uint64_t next_local, end_local; /* what is left of the lease */
	unsigned sweep_at;	     /* directory of texts to look at next */
	struct account_counts waiting;
};

/* ---- cache ---------------------------------------------------------------------- */

/* A chunk of C_RANK while it is being changed. */
struct open_chunk {
	bool is_loaded, is_dirty;
	unsigned char lower[ROW_KEY_LEN];
	unsigned char upper[ROW_KEY_LEN]; /* not in it any more */
	uint32_t n;
};

#define TOUCHED_MAX 4096 /* local ids remembered per mailbox, for NEWS */

struct touched {
	uint32_t mailbox;
	int64_t rows, unseen, flagged; /* changes of the counters */
	int64_t status_messages, status_unseen;
	VEC(uint64_t) locals;
	bool is_many;
	bool has_rows; /* rows were touched: the generation goes up */
};

struct store_txn {
	struct store_writer *w;
	MDB_txn *txn;
	MDB_cursor *row, *uid, *rank;
	struct open_chunk chunk;
	bool has_orphans;
	int64_t now_wall;
	VEC(struct touched) touched;
	struct buf buf; /* for records */
};

struct touched *touch(struct store_txn *t, uint32_t mailbox, struct err *err);
void touch_local(struct touched *m, uint64_t local);
int txn_error(const struct store_txn *t, int rc, struct err *err);
int txn_put(struct store_txn *t, unsigned db, MDB_val key, MDB_val val, struct err *err);
/* 0 also when it was not there. */
int txn_del(struct store_txn *t, unsigned db, MDB_val key, struct err *err);
/* Counters of a row that comes (+1) or goes (-1). */
void count_row(struct touched *m, uint32_t flags, int sign);

/* A row came under this key / went away from it. */
int rank_add(struct store_txn *t, const unsigned char *key, struct err *err);
int rank_remove(struct store_txn *t, const unsigned char *key, struct err *err);
int rank_flush(struct store_txn *t, struct err *err);

/* The only orphan with this fingerprint is taken: 0, 1 there is none or several, -1. */
int orphan_take(struct store_txn *t, const struct row *row, uint64_t *local_out,
		struct err *err);
int orphan_put(struct store_txn *t, const struct row *row, struct err *err);
int orphan_forget(struct store_txn *t, uint64_t local, struct err *err);
/* Structure and text of a local id, their file too. */
int forget_text(struct store_txn *t, uint64_t local, struct err *err);

/* ---- journal ------------------------------------------------------------------------ */

/* One operation on the journal. It may be run twice: the reserve is given up in
 * between when the disk is full. */
struct jop {
	struct store_writer *w;
	const struct env *e;
	MDB_txn *txn;
	struct store_view *view; /* of the cache as committed */
	struct arena arena;
	struct buf buf;
	int64_t now_wall;
	struct map moved; /* local to the seq of its last move that is done; see j_last_move() */
	bool has_moved;
	struct account_counts waiting; /* what is added to the writer's with the commit */
};

typedef int (*jop_fn)(struct jop *j, void *ctx, struct err *err);
int journal_run(struct store_writer *w, jop_fn fn, void *ctx, struct err *err);

struct intents {
	struct intent *v; /* texts in the operation's arena */
	size_t n, cap;
};

void j_count(struct account_counts *c, uint64_t account, int64_t n);
/* From what is on the disk. */
int journal_count(struct store_writer *w, struct err *err);
int j_error(const struct jop *j, int rc, struct err *err);
int j_counter_add(struct jop *j, const char *name, int64_t delta, uint64_t *before_out,
		  struct err *err);
/* Store a record under its seq, whatever was there, with all its indexes. */
int j_put(struct jop *j, const struct intent *i, struct err *err);
int j_delete(struct jop *j, const struct intent *i, struct err *err);
int j_next_seq(struct jop *j, uint64_t *seq_out, struct err *err);
int j_of_local(struct jop *j, uint64_t local, struct intents *out, struct err *err);
/* The last move or delete of a message that was confirmed before this operation:
 * 0, 1 none, -1. */
int j_last_move(struct jop *j, uint64_t local, struct intent *out, struct err *err);
/* Where *i is looked for without a UID its message came as a row of its own: the local id
 * by which the records after that speak of it; 0 if none does. */
int j_known_as(struct jop *j, const struct intent *i, uint64_t *local_out, struct err *err);
int j_of_group(struct jop *j, uint64_t group, struct intents *out, struct err *err);
int j_of_box(struct jop *j, struct str account, struct str mailbox, struct intents *out,
	     struct err *err);
/* 0 found, 1 not there. */
int j_post(struct jop *j, const uint8_t post_id[16], struct str *text_out, struct err *err);
int j_put_post(struct jop *j, const uint8_t post_id[16], struct str text, struct err *err);
int j_new_group(struct jop *j, bool is_beyond_undo, uint64_t *group_out, struct err *err);
int j_put_group(struct jop *j, uint64_t group, const struct group *g, struct err *err);
/* Flags as shown: cached, with the open records of the journal laid over them.
 * keyword may be empty. 0, 1 not cached, -1. */
int j_shown(struct jop *j, uint64_t local, struct str keyword, uint32_t *flags_out,
	    bool *has_keyword_out, struct err *err);
/* Accept one record that has kind, local, group and arguments; coalesces.
 * *kept_out: it was not in vain. */
int j_accept(struct jop *j, struct intent *i, bool release_now, bool *kept_out,
	     struct err *err);
/* After a move or delete changed its state: records that follow it, or come back. */
int j_follow(struct jop *j, const struct intent *moved, struct err *err);

/* ---- where a message is, and which it is, by its records ------------------------------ */

/* The account of `target`. */
struct str intent_target_account(const struct intent *i);
/* Where that record has it. */
void intent_place_as(struct intent *i, const struct intent *of);
/* Where that move took it. */
void intent_place_behind(struct intent *i, const struct intent *move);
/* By what the message is told from others. */
void intent_print_as(struct intent *i, const struct intent *of);

void reserve_make(struct store_writer *w);
bool reserve_release(struct store_writer *w);

#endif
