/* What the two archives of the store share: environments, keys, records.
 * Keys are big-endian, so that LMDB's order is ours; records begin with a
 * version and are decoded in place, every length checked. */
#ifndef TERN_STORE_INTERNAL_H
#define TERN_STORE_INTERNAL_H

#include <endian.h>
#include <lmdb.h>
#include <string.h>
#include <sys/types.h>
#include "tern/base/arena.h"
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/mem.h"
#include "tern/base/vec.h"
#include "tern/store.h"

/* ---- environments ------------------------------------------------------------ */

enum cache_db {
	C_META = 0,	/* "schema" */
	C_MAILBOX,	/* id -> record */
	C_NAME,		/* account, name -> id */
	C_ROW,		/* mailbox, date, uid -> record: the list, clustered */
	C_UID,		/* mailbox, uid -> date, local */
	C_LOCAL,	/* local -> mailbox, date, uid */
	C_RANK,		/* lower bound of a chunk of rows -> how many */
	C_STRUCTURE,	/* local -> bytes */
	C_TEXT,		/* local -> struct text_state */
	C_ORPHAN,	/* fingerprint, local -> when it lost its row */
	C_ORPHAN_LOCAL, /* local -> fingerprint */
	C_N
};

enum journal_db {
	J_META = 0, /* "schema", counters */
	J_OPEN,	    /* seq -> record that still matters */
	J_DONE,	    /* seq -> record kept for undo */
	J_BOX,	    /* mailbox_hash, seq: of J_OPEN */
	J_LOCAL,    /* local, seq: of J_OPEN */
	J_BY_GROUP, /* group, seq: of both */
	J_GROUP,    /* group -> time, is_undone, is_beyond_undo */
	J_POST,	    /* post id -> time, text */
	J_N
};

#define ENV_MAX_DBS 16
_Static_assert((int)C_N <= ENV_MAX_DBS && (int)J_N <= ENV_MAX_DBS, "room for all tables");

struct env_spec {
	const char *subdir; /* below the cache or state directory */
	const char *const *db_names;
	unsigned n_dbs;
	unsigned flags; /* of mdb_env_open, for a writer */
	const char *what; /* for sentences */
};
extern const struct env_spec env_cache_spec, env_journal_spec;

struct env {
	const struct env_spec *spec;
	char *dir;
	MDB_env *mdb; /* NULL: not there */
	MDB_dbi dbi[ENV_MAX_DBS];
	dev_t dev; /* of the data file mapped */
	ino_t ino;
};

/* Open for reading: 0, 1 when there is none yet, -1. */
int env_open_read(struct env *e, const struct env_spec *spec, const char *parent,
		  struct err *err);
/* Open for writing, making what is missing. DAMAGED when it is not ours. */
int env_open_write(struct env *e, const struct env_spec *spec, const char *parent,
		   struct err *err);
void env_close(struct env *e);
bool env_is_network(long f_type); /* of statfs() */
/* The file at its place is the one that is mapped (or both are missing). */
bool env_is_current(const struct env *e, const char *parent);
/* Schema as this snapshot has it. */
int env_check_schema(const struct env *e, MDB_txn *txn, struct err *err);
/* LMDB's code as an error of ours: DAMAGED, NOSPACE, SYSTEM; returns -1. */
int env_error(const struct env *e, int rc, const char *doing, struct err *err);

/* ---- snapshots ------------------------------------------------------------------ */

struct store {
	char *cache_dir;
	char *state_dir;
	struct env *cache;   /* owned unless is_writers */
	struct env *journal;
	bool is_writers; /* the environments belong to a store_writer */
	unsigned n_views; /* handed out */
	struct store_view *idle;
	struct overlay *overlay; /* the last one, as long as nothing was committed */
};

struct store_view {
	struct store *s;
	struct store_view *next_idle;
	MDB_txn *cache;	  /* NULL: there is none */
	MDB_txn *journal;
	MDB_txn *cache_reset, *journal_reset; /* idle transactions, to renew */
	struct arena arena; /* texts made by the merge; until store_end() */
};

/* A reader on the writer's own environments. */
struct store *store_new_on(struct env *cache, struct env *journal, const char *cache_dir,
			   const char *state_dir);
int store_dirs(const struct store_paths *paths, char **cache_dir_out, char **state_dir_out,
	       struct err *err);

/* mdb_get: 0, 1 not there, -1. */
int db_get(const struct env *e, MDB_txn *txn, unsigned db, MDB_val key, MDB_val *val_out,
	   struct err *err);

/* ---- keys -------------------------------------------------------------------------- */

#define ROW_KEY_LEN 16
#define UID_KEY_LEN 8
#define PAIR_KEY_LEN 16
#define NAME_KEY_MAX 511

static inline void
put_be32(unsigned char *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, 4);
}

static inline void
put_be64(unsigned char *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, 8);
}

static inline uint32_t
get_be32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return be32toh(v);
}

static inline uint64_t
get_be64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return be64toh(v);
}

/* Dates before 1970 sort before those after it. */
static inline uint64_t
date_to_key(int64_t date)
{
	return (uint64_t)date ^ 0x8000000000000000ULL;
}

static inline int64_t
date_of_key(uint64_t key)
{
	return (int64_t)(key ^ 0x8000000000000000ULL);
}

static inline void
key_row(unsigned char *k, uint32_t mailbox, int64_t date, uint32_t uid)
{
	put_be32(k, mailbox);
	put_be64(k + 4, date_to_key(date));
	put_be32(k + 12, uid);
}

static inline void
key_uid(unsigned char *k, uint32_t mailbox, uint32_t uid)
{
	put_be32(k, mailbox);
	put_be32(k + 4, uid);
}

static inline void
key_pair(unsigned char *k, uint64_t a, uint64_t b)
{
	put_be64(k, a);
	put_be64(k + 8, b);
}

static inline MDB_val
val_of(const void *p, size_t len)
{
	return (MDB_val){ len, (void *)(uintptr_t)p };
}

static inline struct str
str_of_val(MDB_val v)
{
	return str_n(v.mv_data, v.mv_size);
}

/* Account and name; long ones are cut and made unique by a hash. Returns the length. */
size_t key_name(unsigned char k[NAME_KEY_MAX], struct str account, struct str name);
/* J_BOX's first half. */
uint64_t mailbox_hash(struct str account, struct str name);
/* INBOX in capitals, whatever the case. */
struct str mailbox_canonical(struct str name);

/* ---- records ------------------------------------------------------------------------- */

void row_encode(struct buf *b, const struct row *row);
/* uid and date come from the key. -1 without an error when it is not ours. */
int row_decode(const unsigned char *key, MDB_val val, struct row *row);
void mailbox_encode(struct buf *b, const struct mailbox *m);
int mailbox_decode(MDB_val val, struct mailbox *m);
void intent_encode(struct buf *b, const struct intent *i);
int intent_decode(MDB_val val, struct intent *i);
void text_encode(struct buf *b, const struct text_state *t);
int text_decode(MDB_val val, struct text_state *t);

/* Values of C_UID and C_LOCAL. */
struct place {
	uint32_t mailbox;
	uint32_t uid;
	int64_t date;
	uint64_t local;
};
#define UID_VAL_LEN 16
#define LOCAL_VAL_LEN 16
void uid_val(unsigned char *v, const struct place *p);
int uid_val_get(MDB_val val, struct place *p);
void local_val(unsigned char *v, const struct place *p);
int local_val_get(MDB_val val, struct place *p);

/* A group of J_GROUP. */
struct group {
	int64_t time;
	bool is_undone;
	bool is_beyond_undo;
};
#define GROUP_VAL_LEN 10
void group_val(unsigned char *v, const struct group *g);
int group_val_get(MDB_val val, struct group *g);

#define FINGERPRINT_LEN 8
/* Message-ID, size, INTERNALDATE; 0 without a Message-ID. */
uint64_t fingerprint(struct str message_id, uint32_t size_bytes, int64_t internaldate);

/* ---- reading with a given transaction (both sides use these) ----------------------------- */

int read_mailbox(const struct env *e, MDB_txn *txn, uint32_t id, struct mailbox *out,
		 struct err *err);
int read_mailbox_by_name(const struct env *e, MDB_txn *txn, struct str account, struct str name,
			 struct mailbox *out, struct err *err);
int read_place(const struct env *e, MDB_txn *txn, uint64_t local, struct place *out,
	       struct err *err);
int read_uid(const struct env *e, MDB_txn *txn, uint32_t mailbox, uint32_t uid,
	     struct place *out, struct err *err);
int read_row(const struct env *e, MDB_txn *txn, const struct place *at, struct row *out,
	     struct err *err);
/* From J_OPEN or J_DONE. */
int read_intent(const struct env *e, MDB_txn *txn, uint64_t seq, struct intent *out,
		struct err *err);
/* Open records of a local id, in order of seq. `each` returns false to stop. */
int read_intents_of_local(const struct env *e, MDB_txn *txn, uint64_t local,
			  bool (*each)(const struct intent *i, void *ctx), void *ctx,
			  struct err *err);
uint64_t read_counter(const struct env *e, MDB_txn *txn, const char *name);

/* A record of this state waits in J_OPEN. */
static inline bool
state_is_open(unsigned state)
{
	return state != INTENT_CONFIRMED && state != INTENT_DROPPED;
}

int damaged(const struct env *e, const char *what, struct err *err);

/* How many rows a chunk of C_RANK may have. */
#define RANK_MAX 1024

#endif
