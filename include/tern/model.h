/* The model: what is known and shown, without a terminal.
 *
 * Used by the interface alone (view, cmd, tern). It reads the stores, asks the manager
 * through one function handed in, and hears its events; it writes nothing itself.
 * Shown = cache (+) journal (+) posted: a change asked for here is laid over the
 * row at once, marked ROW_UNSAVED, posted with a random id, and the mark goes when
 * the manager has it on the disk. What has not been answered is kept and asked
 * again when a new manager comes; the id makes it once.
 *
 * The list is a window: messages are read as they are drawn, never all at once in
 * date order. A limit, other orders and threads need a pass over the mailbox; it
 * is made in slices (model_work()) while the list stays usable in date order.
 * A message is named by its local id, so that nothing jumps when others come.
 *
 * What is borrowed from here (rows, folders) is good until model_rest(), which is
 * called before every poll(): then the store's snapshot is given back. */
#ifndef TERN_MODEL_H
#define TERN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/document.h"
#include "tern/ipc.h"
#include "tern/pattern.h"
#include "tern/row.h"
#include "tern/session.h"
#include "tern/store.h"
#include "tern/structure.h"
#include "tern/thread.h"

struct model;

/* ---- making one --------------------------------------------------------------- */

struct model_params {
	const struct store_paths *paths; /* NULL: the XDG directories */
	/* Queue a frame to the manager. False: there is none now; what must arrive is
	 * kept here and sent by model_connected(). */
	bool (*send)(void *ctx, enum msg_type type, uint64_t id, struct str payload);
	/* 16 bytes of chance for the ids of posts; NULL: the system's. */
	void (*random)(void *ctx, uint8_t out[16]);
	void *ctx;
	/* The stores may be damaged: nothing of them is read before the manager has
	 * looked at them (CHECK_STORES). */
	bool is_without_cache;
};

/* What a change of the model asks for; taken by model_take_changes(). */
enum model_change {
	MODEL_ROWS = 1 << 0,	/* the list, or a row of it */
	MODEL_FOLDERS = 1 << 1,
	MODEL_ACTIVITY = 1 << 2, /* what accounts do; changes waiting */
	MODEL_LOG = 1 << 3,
	MODEL_DOCUMENT = 1 << 4,
	MODEL_QUESTION = 1 << 5,
	MODEL_ARRIVED = 1 << 6, /* new mail in the mailbox shown */
};

/* The stores that are not there yet are empty. Errors are for showing: the model
 * works without stores, and tries again when the manager tells of news. */
struct model *model_new(const struct model_params *params, struct err *err);
void model_free(struct model *m);
unsigned model_take_changes(struct model *m);
/* Give the snapshot back. */
void model_rest(struct model *m);
/* Work off searches, limits and orders for at most so long; true: there is more. */
bool model_work(struct model *m, int64_t budget_us);
bool model_is_working(const struct model *m);
/* News want a limit or an order made anew, which rests between two times: for so
 * long; -1: nothing waits. */
int64_t model_pause_ms(const struct model *m);
/* A limit or an order that was asked for is not on the screen yet. */
bool model_is_ordering(const struct model *m);

/* ---- the manager ----------------------------------------------------------------- */

/* A manager has been greeted: accounts, then all that has no answer go to it. */
void model_connected(struct model *m);
void model_disconnected(struct model *m);
/* An event; takes the frame's descriptor. */
void model_event(struct model *m, struct ipc_frame *frame);

/* A request of the caller's own. `answer` hears every event with its id; after
 * DONE, FAILED or CANCELED (`is_end`) it is forgotten. Kept over managers until then. */
typedef void model_answer(void *ctx, const struct ipc_frame *frame, bool is_end);
uint64_t model_request(struct model *m, enum msg_type type, struct str payload,
		       model_answer *answer, void *ctx);
void model_cancel(struct model *m, uint64_t request);
/* Forget who wanted to hear of it; it is canceled if still under way. */
void model_forget(struct model *m, uint64_t request);
/* A frame that has no answer (TYPED, ANSWER): lost if there is no manager. */
void model_tell(struct model *m, enum msg_type type, struct str payload);
uint32_t model_n_unanswered(const struct model *m);

/* ---- accounts ----------------------------------------------------------------------- */

struct model_account {
	const char *name;   /* "ada@imap.example.org": the key in journal and cache */
	const char *label;  /* short, for showing */
	const char *url;    /* without mailbox: imaps://ada@imap.example.org/ */
	bool is_configured;
	uint8_t state;	    /* enum account_state */
	const char *text;
	uint64_t done, total;
	uint32_t n_waiting;
	int64_t retry_wall;
	/* As at the last login; NULL if there was none. */
	const char *server, *mechanism, *security;
	const char *capabilities, *switched_off; /* names, blanks between */
};

/* Its parameters; sent now and to every new manager. url, label: for showing. */
void model_set_account(struct model *m, const struct msg_account *params, const char *url,
		       const char *label);
size_t model_n_accounts(const struct model *m);
bool model_account(const struct model *m, size_t i, struct model_account *out);
bool model_account_by_name(const struct model *m, struct str name, struct model_account *out);

/* ---- folders -------------------------------------------------------------------------- */

/* What the folder list and the sidebar are made of. Only as many as there are
 * mailboxes, so it is an array; remade when FOLDER_NEWS says so. */
struct model_folder {
	uint64_t id;
	uint32_t mailbox;	/* 0: not in the store */
	const char *account;	/* name of the account */
	const char *label;	/* its label */
	struct str wire;	/* name on the wire */
	const char *name;	/* UTF-8; INBOX is "Inbox" */
	char delimiter;
	uint32_t attrs;
	uint32_t n_messages, n_unseen, n_flagged, n_to_delete;
	bool has_counts;
	bool is_wanted;		/* named by `mailboxes` */
	bool is_root;		/* an account */
};

/* Those the user named, in this order, besides what the server lists. */
void model_want_folder(struct model *m, struct str account, struct str wire);
void model_clear_wanted(struct model *m);
size_t model_n_folders(struct model *m);
const struct model_folder *model_folder(struct model *m, size_t i);
const struct model_folder *model_folder_by_id(struct model *m, uint64_t id);
const struct model_folder *model_folder_by_name(struct model *m, struct str account,
						struct str wire);
/* Ask all servers anew. */
void model_refresh_folders(struct model *m);

/* ---- the mailbox shown ------------------------------------------------------------------ */

/* Show it: from the cache at once; the server is asked as soon as there is a
 * manager. `done` (may be NULL) hears when it is in step, or why not. */
void model_open(struct model *m, struct str account, struct str wire, bool read_only,
		void (*done)(void *ctx, const struct err *err), void *ctx);
void model_close(struct model *m);
bool model_is_open(const struct model *m);
/* Show it in this order. */
void model_set_order(struct model *m, const struct thread_spec *spec, bool collapse_all);
struct model_folding {
	bool never_unread; /* a thread with unread mail stays open */
	bool opens_for_new;
};
/* How threads are folded, from the next one on. */
void model_set_folding(struct model *m, struct model_folding folding);
const struct thread_spec *model_order(const struct model *m);
bool model_is_threaded(const struct model *m); /* the order is threads, and ready */
/* Show only what matches; NULL: all. Owns the pattern. `text` for showing. */
void model_set_limit(struct model *m, struct pattern *pattern, struct str text);
struct str model_limit(const struct model *m);

struct model_mailbox {
	uint32_t id;
	const char *account, *label;
	struct str wire;
	const char *name;
	uint32_t n_messages; /* rows here */
	uint32_t n_listed;   /* and in the list, which may not have been made anew yet */
	uint32_t n_cached;   /* those of the server's that were fetched, whatever lies over them */
	uint32_t n_server;   /* as far as the server has told; may be more */
	uint32_t n_unseen, n_flagged, n_to_delete, n_tagged;
	uint32_t n_shown;
	bool is_read_only;
	bool is_known;	 /* it has been in step before */
	bool is_opened;	 /* the manager has heard that it is wanted */
	const char *open_error; /* why that came to nothing, or NULL; until the next turn */
	bool is_in_step; /* OPEN_MAILBOX was answered since the last manager came */
	bool has_held;	 /* something to let go with <sync-mailbox> */
	const char *busy; /* "threading 40 %", "limiting 12,000 of 90,000"; "" */
};
bool model_mailbox(struct model *m, struct model_mailbox *out);

enum model_hidden { MODEL_HIDES_READ = 0, MODEL_HIDES_OLD, MODEL_HIDES_NEW };

struct model_row {
	struct row row;
	uint32_t number;
	bool is_tagged;
	bool is_collapsed;
	uint32_t n_hidden;
	enum model_hidden hides; /* the last of them that is unread */
	uint8_t tree_depth;
	uint64_t tree_more; /* as in struct view_row */
	bool is_tree_broken;
	bool has_children;
	uint64_t parent;    /* local id of the row above in its thread; 0 */
};

uint32_t model_count(struct model *m);
/* The row at a place of the list, from 0. False: not there (any more). */
bool model_row(struct model *m, uint32_t ordinal, struct model_row *out);
bool model_row_of(struct model *m, uint64_t local, struct model_row *out);
bool model_find(struct model *m, uint64_t local, uint32_t *ordinal_out);

/* Threads of the list: places of the first and behind the last row of the thread
 * at `ordinal` (whole), or of the part below it. False without threads. */
bool model_thread(struct model *m, uint32_t ordinal, bool whole, uint32_t *first_out,
		  uint32_t *end_out);
/* Locals of it, hidden ones too. */
bool model_thread_locals(struct model *m, uint64_t local, bool whole,
			 void (*each)(uint64_t local, void *ctx), void *ctx);
bool model_may_collapse(struct model *m, uint64_t local); /* by struct model_folding */
void model_collapse(struct model *m, uint64_t local, bool on);
void model_collapse_all(struct model *m, bool on);
bool model_is_collapsed(struct model *m, uint64_t local);
bool model_has_collapsed(const struct model *m); /* any thread is */

/* ---- tags -------------------------------------------------------------------------------- */

void model_tag(struct model *m, uint64_t local, bool on);
bool model_is_tagged(const struct model *m, uint64_t local);
uint32_t model_n_tagged(const struct model *m);
void model_untag_all(struct model *m);
/* Tagged messages that are in the list, in no order; yours to free. */
uint64_t *model_tagged(struct model *m, size_t *n_out);

/* ---- passes over the list --------------------------------------------------------------- */

/* Does the row count? `ctx` as handed in. */
typedef bool model_test(void *ctx, const struct model_row *row);

/* The next place from `from` (itself left out) that counts; goes on at the other
 * end if `wraps`. `found` is called once, maybe at once: local 0 if there is none.
 * One at a time: a new one takes the place of the old, which is not called. */
void model_seek(struct model *m, uint32_t from, bool backwards, bool wraps, model_test *test,
		void *test_ctx,
		void (*found)(void *ctx, uint64_t local, bool has_wrapped), void *ctx);
bool model_is_seeking(const struct model *m);
void model_stop_seeking(struct model *m);
/* All that count, of what is shown; `done` is called once with their locals, which
 * it does not own. Not at once. Returns a number to stop it by. */
uint32_t model_collect(struct model *m, model_test *test, void *test_ctx,
		       void (*done)(void *ctx, const uint64_t *locals, size_t n), void *ctx);
void model_stop_collecting(struct model *m);
bool model_is_collecting(const struct model *m);
/* "searching 12,000 of 90,000"; nothing if there is no pass. */
void model_progress(struct model *m, struct buf *out);

/* What patterns of this model's rows look at. */
void model_set_pattern_context(struct model *m, const struct pattern_context *context);
bool model_matches(struct model *m, const struct pattern *p, const struct model_row *row);

/* ---- changes -------------------------------------------------------------------------------- */

/* Each is one thing to undo. Rows show it at once. Nothing happens for n == 0. */
void model_flag(struct model *m, const uint64_t *locals, size_t n, uint32_t set, uint32_t clear);
/* It has been shown: nothing that <undo> takes back. */
void model_mark_read(struct model *m, uint64_t local);
void model_keyword(struct model *m, const uint64_t *locals, size_t n, struct str keyword,
		   bool on);
void model_delete(struct model *m, const uint64_t *locals, size_t n, bool now);
void model_undelete(struct model *m, const uint64_t *locals, size_t n);
void model_move(struct model *m, const uint64_t *locals, size_t n, struct str account,
		struct str target, bool copy);
/* Let the held deletes of the mailbox shown go. */
void model_release(struct model *m);
void model_undo(struct model *m, model_answer *answer, void *ctx);
/* Was a change refused since the last call? The log has the sentence. */
bool model_take_refusal(struct model *m);
/* Not acknowledged yet. */
uint32_t model_n_unsaved(const struct model *m);

/* ---- questions -------------------------------------------------------------------------------- */

struct model_question {
	uint64_t id;
	uint8_t kind; /* enum question_kind */
	const char *account, *prompt, *detail;
};
/* The oldest that is open; false if there is none. */
bool model_question(const struct model *m, struct model_question *out);
bool model_question_is_open(const struct model *m, uint64_t id);
/* Without an answer: for whom the manager finds when we are gone. */
void model_leave_question(struct model *m, uint64_t id);
void model_question_is_shown(struct model *m, uint64_t id); /* to the user */
void model_answer_question(struct model *m, uint64_t id, enum answer_verdict verdict,
			   struct str text);

/* ---- the message log ----------------------------------------------------------------------------- */

struct model_log_line {
	int64_t wall;
	int level; /* log.h */
	const char *text;
};
void model_log(struct model *m, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
size_t model_n_log(const struct model *m);
const struct model_log_line *model_log_line(const struct model *m, size_t i);

/* ---- the message read ------------------------------------------------------------------------------- */

/* How it is to be rendered, and what of it is wanted. */
struct model_read {
	struct msg_render render; /* text copied */
	bool whole;
};
struct model_doc;

/* Fetch and render; lines arrive as they come. Free it to stop. */
struct model_doc *model_doc_open(struct model *m, uint64_t local, const struct model_read *how);
void model_doc_free(struct model_doc *d);
uint64_t model_doc_local(const struct model_doc *d);
/* Render again in another way; lines stay until the new ones come. */
void model_doc_again(struct model_doc *d, const struct model_read *how);
void model_doc_more(struct model_doc *d); /* fetch the next piece of a long text */
/* The renderers' sockets, for poll(): at most `max`; then what poll() said of them. */
struct pollfd;
size_t model_poll(const struct model *m, struct pollfd *fds, size_t max);
void model_polled(struct model *m, const struct pollfd *fds, size_t n);

/* Goes up when other lines took the place of those that were there. */
unsigned model_doc_version(const struct model_doc *d);
size_t model_doc_n_lines(const struct model_doc *d);
const struct doc_line *model_doc_line(const struct model_doc *d, size_t i);
size_t model_doc_n_parts(const struct model_doc *d);
const struct doc_part *model_doc_part(const struct model_doc *d, size_t i);
size_t model_doc_n_links(const struct model_doc *d);
struct str model_doc_link(const struct model_doc *d, size_t i);
/* All of what was asked for is here; more_out: a longer text goes on at the server. */
bool model_doc_is_complete(const struct model_doc *d, bool *more_out);
/* Why it cannot be shown; NULL if it can. */
const char *model_doc_trouble(const struct model_doc *d);
void model_doc_progress(const struct model_doc *d, uint64_t *have_out, uint64_t *total_out);

/* ---- what waits (activity screen) ---------------------------------------------------------------------- */

/* Records of the journal that are not confirmed; `each` as in store_each_intent(). */
void model_each_waiting(struct model *m, bool (*each)(const struct intent *i, void *ctx),
			void *ctx);
void model_intent_retry(struct model *m, uint64_t seq);
void model_intent_drop(struct model *m, uint64_t seq);

#endif
