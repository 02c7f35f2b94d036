/* The two stores, write side: linked by tern-session alone, the only writer.
 *
 * A change to the cache is one transaction with the cursor that vouches for it.
 * A change to the journal is on the disk (full sync) when the call returns.
 * Every call either happened whole or not at all. Errors: NOSPACE (nothing is
 * forgotten; 8 MiB are kept in reserve in the state directory so that deleting
 * still works), DAMAGED, SYSTEM. */
#ifndef TERN_STORE_WRITE_H
#define TERN_STORE_WRITE_H

#include "tern/store.h"

struct store_writer;

/* Takes the lock file in the state directory (or uses lock_fd, already locked,
 * if >= 0), creates what is missing, refuses NFS and CIFS with a sentence, moves
 * a damaged or foreign cache aside and starts a new one (*rebuilt_out), migrates
 * or refuses a journal, never drops it. */
struct store_writer *store_writer_open(const struct store_paths *paths, int lock_fd,
				       bool *rebuilt_out, struct err *err);
void store_writer_close(struct store_writer *w);
/* The read side on the same environments, for the manager's own reading. */
struct store *store_writer_reader(struct store_writer *w);

/* ---- cache: one transaction ------------------------------------------------------ */

struct store_txn;
struct store_txn *store_txn_begin(struct store_writer *w, struct err *err);
/* Commits with NOMETASYNC; generations of the mailboxes touched go up by one. */
int store_txn_commit(struct store_txn *t, struct err *err);
void store_txn_abort(struct store_txn *t);
/* What this transaction touched so far, for NEWS: up to `max` local ids. */
size_t store_txn_touched(const struct store_txn *t, uint32_t mailbox, uint64_t *locals_out,
			 size_t max, bool *many_out);
bool store_txn_next_mailbox(const struct store_txn *t, uint32_t *mailbox_io);

/* Find or make the record; INBOX in any case is one. */
int store_put_mailbox_name(struct store_txn *t, struct str account, struct str name,
			   uint32_t *id_out, struct err *err);
/* All fields but id, name, counts of rows and generation. */
int store_put_mailbox(struct store_txn *t, const struct mailbox *m, struct err *err);
/* The record as this transaction has it so far; slices are good until the next
 * change of it. 0, 1 not there, -1. */
int store_txn_mailbox(struct store_txn *t, uint32_t id, struct mailbox *out, struct err *err);

/* Insert or replace by (mailbox, uid). A new row gets a local id unless one is
 * given (a move carries it along); *local_out says which. Row flags of ours
 * (BROKEN, ATTACHMENT) are kept, overlay flags ignored. */
int store_put_row(struct store_txn *t, uint32_t mailbox, const struct row *row,
		  uint64_t *local_out, struct err *err);
/* Server flags and keywords of a row; unknown UIDs are ignored. */
int store_put_flags(struct store_txn *t, uint32_t mailbox,
		    const struct row_flags_change *change, struct err *err);
/* Remove rows of a UID set (seqset text); their texts are kept as orphans and
 * swept by store_sweep(). *removed_out counts. */
int store_remove_uids(struct store_txn *t, uint32_t mailbox, struct str uids,
		      uint32_t *removed_out, struct err *err);
/* UIDVALIDITY changed: rows become orphans, by fingerprint, for 30 days; a new row
 * with the same (Message-ID, size, INTERNALDATE) inherits local id and text. */
int store_orphan_mailbox(struct store_txn *t, uint32_t mailbox, struct err *err);
int store_put_structure(struct store_txn *t, uint64_t local, struct str structure,
			struct err *err);
int store_put_text(struct store_txn *t, uint64_t local, const struct text_state *state,
		   struct err *err);
/* UIDs that the cache has of a mailbox, as seqset text; yours to free. */
char *store_known_uids(struct store_writer *w, uint32_t mailbox, struct err *err);

/* A temporary file to give to a worker, then its rename to store_text_path(). */
int store_text_create(struct store_writer *w, uint64_t local, char **tmp_path_out,
		      struct err *err);
int store_text_install(struct store_writer *w, uint64_t local, const char *tmp_path,
		       struct err *err);
/* Remove texts whose rows are gone, temporary files, old orphans. Bounded work
 * per call; true if there is more. */
bool store_sweep(struct store_writer *w, int64_t now_wall);

/* ---- journal: each call is one commit with a full sync ------------------------------ */

/* Accept a batch: one group, one undo. Intents come without seq and state; DELETE
 * becomes held (or planned when release_now), the others planned. A post_id that
 * is already there is accepted once: 0 without doing anything. Coalesces (IMAP.md
 * 4.2) with records that have not gone out. Where the message lies, fingerprint
 * and old flags are filled in from the cache by `local`; what is not there any
 * more becomes a parked record. */
int journal_accept(struct store_writer *w, const uint8_t post_id[16], struct intent *intents,
		   size_t n, bool release_now, int64_t now_wall, struct err *err);
/* Held deletes of a mailbox become planned, and one group: one undo takes back all. */
int journal_release(struct store_writer *w, const uint8_t post_id[16], struct str account,
		    struct str mailbox, uint32_t *released_out, struct err *err);
/* Post the inverse of the newest group that is not undone yet. What had not gone
 * out is dropped; else the inverse intent is planned (a move back, found by
 * target_uid). text_out says what, for the user. USER when there is nothing. */
int journal_undo(struct store_writer *w, const uint8_t post_id[16], int64_t now_wall,
		 char **text_out, struct err *err);

/* Take changes in hand, before a command that changes something goes out: as
 * journal_update() with state SENT, but of those alone that are still waiting and
 * still the same. What was taken back or made anew meanwhile leaves the array (*n
 * is what remains): it must not be done. An <undo> of what was claimed plans the
 * inverse. */
int journal_claim(struct store_writer *w, struct intent *intents, size_t *n, struct err *err);
/* Change state, stage, target (account, name, uid fields), attempts, not_before,
 * reason of records in one commit; seq says which. Where a MOVE or DELETE is
 * confirmed with its target_uid, later records of the same message follow it
 * there; where it is refused, those that waited for it come back. A record that is
 * confirmed or dropped stays so. */
int journal_update(struct store_writer *w, const struct intent *intents, size_t n,
		   struct err *err);
/* Confirmed records are kept for undo (the last 1000 groups, 30 days), then swept. */
int journal_sweep(struct store_writer *w, int64_t now_wall, struct err *err);
/* Drop a record that is refused, parked, held or planned (the user says so). */
int journal_drop(struct store_writer *w, uint64_t seq, struct err *err);
/* Waiting to reach this account's server (planned or sent). */
uint32_t journal_n_waiting(const struct store_writer *w, struct str account);
/* Lease of local ids: taken in blocks from the journal's counter, never reused. */
int journal_next_local(struct store_writer *w, uint64_t *local_out, struct err *err);
/* After the cache was rebuilt or UIDVALIDITY changed: bind records of a mailbox to
 * rows again, by UID under the same UIDVALIDITY, else by a unique fingerprint;
 * park the rest once the mailbox is fully covered. */
int journal_rebind(struct store_writer *w, uint32_t mailbox, struct err *err);

/* ---- care ---------------------------------------------------------------------------- */

/* Give back the slots of readers that died: at start, on every interface's death,
 * each minute. Then the oldest reader alive: how many commits it is behind. */
void store_readers(struct store_writer *w, uint64_t *behind_out, int *pid_out);
/* Walk both stores and compare everything with everything; DAMAGED says what is
 * wrong. A damaged page may kill the caller: run it in a child. */
int store_check(const struct store_paths *paths, struct err *err);
int store_check_journal(const struct store_paths *paths, struct err *err);
int store_check_cache(const struct store_paths *paths, struct err *err);
/* Move a damaged cache aside; under the lock, and nobody has it open for writing. */
int store_drop_cache(const struct store_paths *paths, struct err *err);
/* The same for a damaged journal. It stays for good: *where_out (yours) says where. */
int store_keep_journal_aside(const struct store_paths *paths, int64_t now_wall, char **where_out,
			     struct err *err);

#endif
