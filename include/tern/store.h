/* The two stores, read side. Linked by tern and tern-session.
 *
 * Cache ($XDG_CACHE_HOME/tern/cache, LMDB; texts beside it): what the servers
 * said. It may be deleted at any time. Journal ($XDG_STATE_HOME/tern/journal,
 * LMDB): what the user wants and the server has not confirmed, and what undo
 * needs. It may not. What is shown is cache (+) journal: this interface lays
 * the one over the other, so that readers never see them apart.
 *
 * A snapshot (struct store_view) is cheap, consistent and short: taken, used
 * for a screenful, and given back before poll(). The journal's snapshot is
 * taken before the cache's. Slices point into the map and die with it.
 * Errors: DAMAGED when a schema number or a record is not ours, SYSTEM. */
#ifndef TERN_STORE_H
#define TERN_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/row.h"

#define STORE_SCHEMA 1

/* ---- kinds and states of intents (journal records) ----------------------- */

enum intent_kind {
	INTENT_FLAG = 1, /* set_flags, clear_flags */
	INTENT_KEYWORD,	 /* keyword, set if set_flags != 0, else cleared */
	INTENT_MOVE,	 /* to target_account, target */
	INTENT_COPY,
	INTENT_DELETE,	/* held until released; then MOVE to trash, or \Deleted + UID EXPUNGE.
			   clear_flags != 0: an UNDELETE */
	INTENT_UNDELETE, /* takes a DELETE back that has not gone out; kept for undo, never waits */
	INTENT_N_KINDS
};

enum intent_state {
	INTENT_HELD = 1,  /* D: waits for <sync-mailbox> */
	INTENT_PLANNED,	  /* may go out */
	INTENT_SENT,	  /* went out: the outcome is unknown until it is confirmed */
	INTENT_CONFIRMED, /* kept for undo only; overlays nothing */
	INTENT_REFUSED,	  /* the server said no: shown, blocks only its message */
	INTENT_PARKED,	  /* its message could not be found again: shown */
	INTENT_DROPPED,	  /* taken back before it went out, or by the user */
};

/* Stages of a move that is done as COPY, STORE, EXPUNGE (IMAP.md 4.4). */
enum intent_stage {
	STAGE_NONE = 0,
	STAGE_COPYING,
	STAGE_COPIED, /* target_uid known or proven by a search */
	STAGE_MARKED, /* \Deleted is set */
};

struct intent {
	uint64_t seq;	/* order of acceptance; its key */
	uint64_t group; /* what one undo takes back */
	uint8_t post_id[16];
	uint8_t kind;  /* enum intent_kind */
	uint8_t state; /* enum intent_state */
	uint8_t stage; /* enum intent_stage */
	bool is_beyond_undo; /* <undo> passes it over: it is one itself, or nobody asked for it */
	uint64_t local;
	struct str account; /* name, as in the ACCOUNT frame */
	struct str mailbox; /* wire name */
	struct str mailbox_id;
	uint32_t uidvalidity;
	uint32_t uid;
	uint32_t size_bytes; /* size, internaldate, message_id: the fingerprint */
	int64_t internaldate;
	struct str message_id;
	uint32_t set_flags;
	uint32_t clear_flags;
	uint32_t touched;   /* set | clear when accepted: a later intent may take bits away there */
	uint32_t old_flags; /* as shown before: what undo goes back to (KEYWORD: 1 if it was set) */
	struct str keyword;
	struct str before_account; /* MOVE, DELETE: where it was meant to be before */
	struct str before;
	struct str target_account;
	struct str target;
	uint32_t target_uidvalidity; /* of COPYUID, or as noted before sending */
	uint32_t target_uidnext;     /* noted before sending: where to search */
	uint32_t target_uid;	     /* from COPYUID; 0 unknown */
	uint32_t attempts;
	int64_t not_before; /* wall seconds */
	int64_t time;	    /* wall seconds of acceptance */
	struct str reason;  /* why refused or parked: a sentence */
};

/* ---- mailboxes ------------------------------------------------------------- */

enum folder_attr {
	FOLDER_NOSELECT = 1 << 0,
	FOLDER_NOINFERIORS = 1 << 1,
	FOLDER_HAS_CHILDREN = 1 << 2,
	FOLDER_SUBSCRIBED = 1 << 3,
	FOLDER_NONEXISTENT = 1 << 4,
	FOLDER_ALL = 1 << 8, /* special use, RFC 6154 */
	FOLDER_ARCHIVE = 1 << 9,
	FOLDER_DRAFTS = 1 << 10,
	FOLDER_FLAGGED = 1 << 11,
	FOLDER_JUNK = 1 << 12,
	FOLDER_SENT = 1 << 13,
	FOLDER_TRASH = 1 << 14,
	FOLDER_INBOX = 1 << 15,
	FOLDER_GONE = 1 << 16, /* was not in the last complete list */
};

#define MAILBOX_COUNT_ROWS UINT32_MAX

struct mailbox {
	uint32_t id;
	struct str account;
	struct str name; /* wire bytes; INBOX in capitals */
	struct str mailbox_id;
	uint8_t delimiter; /* 0: none */
	uint32_t attrs;	   /* enum folder_attr */
	uint32_t uidvalidity; /* 0: never opened */
	uint32_t uidnext;
	uint64_t modseq;  /* cursor; 0 unknown */
	uint32_t exists;  /* on the server, when last in step */
	bool is_read_only;
	bool keywords_ok;
	struct str covered; /* seqset text: UIDs of which every existing message has a row */
	uint64_t generation; /* goes up with every commit that touches its rows */
	/* of the rows that are cached */
	uint32_t n_rows, n_unseen, n_flagged;
	/* of the server: STATUS, or MAILBOX_COUNT_ROWS once in step: then exists and
	 * n_unseen are meant. What the folder list shows; (+) journal is added by
	 * store_mailbox_counts(). */
	uint32_t status_messages, status_unseen;
	int64_t in_step_wall; /* when it was last in step; 0 never */
};

/* ---- opening, snapshots ------------------------------------------------------ */

struct store;
struct store_paths {
	const char *cache_dir; /* NULL: the XDG directory */
	const char *state_dir;
};

/* Map both stores read-only. The cache may be absent (then every mailbox is
 * empty until the manager makes one), the journal too. store_begin() notices by
 * itself that a file was made, deleted or put in another's place. One process
 * may have only one `struct store` of the same files. */
struct store *store_open(const struct store_paths *paths, struct err *err);
void store_close(struct store *s);

struct store_view;
/* Take a snapshot / give it back. Reset and renewed inside: cheap. */
struct store_view *store_begin(struct store *s, struct err *err);
void store_end(struct store_view *v);

/* ---- folders ------------------------------------------------------------------- */

/* In order of account, name. `each` returns false to stop. */
int store_each_mailbox(struct store_view *v, struct str account,
		       bool (*each)(const struct mailbox *m, void *ctx), void *ctx,
		       struct err *err);
/* 0 found, 1 not there, -1 error. */
int store_mailbox(struct store_view *v, uint32_t id, struct mailbox *out, struct err *err);
int store_mailbox_by_name(struct store_view *v, struct str account, struct str name,
			  struct mailbox *out, struct err *err);

struct mailbox_counts {
	uint32_t messages, unseen, flagged, to_delete;
};
/* Server's counts with the journal laid over them. */
int store_mailbox_counts(struct store_view *v, const struct mailbox *m,
			 struct mailbox_counts *out, struct err *err);

/* ---- rows in date order ----------------------------------------------------------- */

/* A place in a mailbox: rows are ordered by (date, uid). */
struct row_key {
	int64_t date;
	uint32_t uid;
};

/* Rows shown of a mailbox: cached, without those that a pending move (or a
 * released delete) takes away. The overlay is read once per call of
 * store_rows_begin() and holds for the view. */
struct store_rows;
struct store_rows *store_rows_begin(struct store_view *v, uint32_t mailbox, struct err *err);
void store_rows_end(struct store_rows *r);

uint32_t store_rows_count(const struct store_rows *r);
/* The n-th row, 0 is the oldest; a few microseconds at a million rows (counted
 * chunks, no scan). 0 found, 1 beyond the end. The row has the journal laid over
 * it, with ROW_TO_DELETE, ROW_PENDING, ROW_REFUSED set. */
int store_rows_at(struct store_rows *r, uint32_t ordinal, struct row *out, struct err *err);
/* From where the last _at/_next/_prev stood. 0 found, 1 no more. */
int store_rows_next(struct store_rows *r, struct row *out, struct err *err);
int store_rows_prev(struct store_rows *r, struct row *out, struct err *err);
/* How many shown rows come before the key. */
int store_rows_rank(struct store_rows *r, struct row_key key, uint32_t *ordinal_out,
		    struct err *err);

/* A row by local id, wherever it lies now; shown or not. 0, 1 not there, -1. */
int store_row(struct store_view *v, uint64_t local, uint32_t *mailbox_out, struct row *out,
	      struct err *err);
bool store_lies_in(struct store_view *v, uint64_t local, uint32_t mailbox);
int store_row_by_uid(struct store_view *v, uint32_t mailbox, uint32_t uid, struct row *out,
		     struct err *err);
/* As the server told it: without what the journal lays over it. */
int store_told_row(struct store_view *v, uint32_t mailbox, uint32_t uid, struct row *out,
		   struct err *err);

/* ---- structure and text -------------------------------------------------------------- */

/* Bytes of structure_put(); 1 if unknown. */
int store_structure(struct store_view *v, uint64_t local, struct str *out, struct err *err);

struct text_state {
	uint32_t have, total; /* octets of the main text */
	uint64_t text_end;    /* position in the file */
	bool is_complete;     /* nothing more to fetch for reading */
	bool is_whole;	      /* the complete message */
	bool is_html;	      /* the main text is HTML (for another $alternative_order) */
};
/* 1 if nothing is cached. The file is store_text_path(). */
int store_text(struct store_view *v, uint64_t local, struct text_state *out, struct err *err);
/* $CACHE/text/xx/ID: yours to free. */
char *store_text_path(const struct store *s, uint64_t local);

/* ---- journal -------------------------------------------------------------------------- */

/* Records of a state mask (1 << state), in order of seq; for the activity screen
 * and for replay. */
int store_each_intent(struct store_view *v, uint32_t state_mask,
		      bool (*each)(const struct intent *i, void *ctx), void *ctx,
		      struct err *err);
int store_each_intent_of(struct store_view *v, struct str account, struct str mailbox,
			 uint32_t state_mask, bool (*each)(const struct intent *i, void *ctx),
			 void *ctx, struct err *err);
int store_intent(struct store_view *v, uint64_t seq, struct intent *out, struct err *err);
/* Waiting to reach a server (planned or sent). */
uint32_t store_n_waiting(struct store_view *v);

/* A copy whose texts live in the arena: it outlives the snapshot it was read from. */
struct intent intent_copy(const struct intent *i, struct arena *a);
/* Whether a row with the record's UID can be the message it was made for: by Message-ID,
 * else by size and date. A server that was restored gives old UIDs to other messages. */
bool intent_means(const struct intent *i, const struct row *row);
/* The merge itself, pure: lay one intent over a row. false: the row is taken
 * out of its mailbox by it. Keywords that change are made in `arena`. Posted
 * intents that are not acknowledged yet are laid over as if they were planned. */
bool intent_overlay(const struct intent *i, struct row *row, struct arena *arena);
/* A keyword is among row->keywords (ASCII case folded). */
bool row_has_keyword(const struct row *row, struct str keyword);

#endif
