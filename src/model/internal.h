/* The parts of the model. One turn of the main loop: events come in
 * (model.c), commands ask and change (request.c, post.c), the list is read as it
 * is drawn (box.c), passes go on a little (pass.c, list.c), the snapshot is given
 * back. */
#ifndef TERN_MODEL_INTERNAL_H
#define TERN_MODEL_INTERNAL_H

#include "tern/model.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/vec.h"

/* ---- idset.c: a set of local ids, 8 to 16 bytes each ---------------------------- */

struct idset {
	uint64_t *slots; /* 0: free */
	size_t n_slots, count;
};
bool idset_has(const struct idset *s, uint64_t id);
void idset_add(struct idset *s, uint64_t id);
void idset_remove(struct idset *s, uint64_t id);
void idset_release(struct idset *s);

/* ---- requests, posts ---------------------------------------------------------------- */

struct request {
	uint64_t id;
	enum msg_type type;
	struct buf payload;
	model_answer *answer; /* NULL: nobody wants to know */
	void *ctx;
};

struct post {
	uint8_t post_id[16];
	uint64_t request;
	uint8_t kind; /* enum intent_kind; 0: a release */
	uint32_t mailbox;
	uint64_t *locals; /* ascending */
	size_t n;
	uint32_t set, clear;
	char *keyword;
};

/* A message that is taken out of the list by a post: more of them than this are
 * shown with their mark instead. */
#define MAX_HIDDEN_BY_POST 2000

/* ---- the list, when it is not the store's own order ---------------------------------- */

struct key { /* in date order; 20 bytes */
	uint64_t local : 63;
	uint64_t was_unread : 1; /* when the list was made */
	int64_t date;
	uint32_t uid;
} __attribute__((packed));

struct list {
	struct key *keys;
	size_t n_keys, cap_keys;
	struct thread_row *rows; /* NULL: date order */
	uint32_t *place;	 /* of message i among rows */
	uint32_t *shown;	 /* rows not folded away; NULL: all */
	size_t n_shown;
	uint32_t n_scanned; /* rows of the mailbox when it was made */
};

struct build {
	struct list list;
	struct thread_build *threads; /* NULL: date order */
	bool is_scanned;
	bool has_begun;
	struct row_key at; /* scanned up to here */
	uint32_t n_scanned, n_total;
	uint32_t last_uid; /* the highest of all, of those the limit leaves out, too */
	uint32_t n_placed;
	int64_t started_us;
};

/* What a folded thread hides: see folded.c. */
struct folded {
	uint64_t head;		 /* its first message */
	enum model_hidden hides; /* as of the last look */
	bool is_due;		 /* something has changed since that look began */
	bool is_under_way;
	uint32_t left; /* under way: so many of its rows are still to be looked at */
};

struct box {
	char *account;
	struct buf wire;
	char *name; /* for showing */
	uint32_t id; /* 0: not in the store yet */
	bool read_only;
	bool is_opened; /* the manager has heard of it */
	bool is_in_step;
	char *open_error; /* why it did not come into step, or NULL */
	uint64_t request;
	void (*done)(void *ctx, const struct err *err);
	void *done_ctx;

	struct thread_spec order;
	bool collapse_all;
	struct pattern *limit;
	struct buf limit_text;
	struct idset tags;	/* of rows that are here */
	struct idset tags_away; /* of rows that left, for when they come back */
	size_t tags_at, away_at; /* looked through up to here; SIZE_MAX: to the end */
	uint32_t last_uid;	/* the highest when the list was made; 0: it is the first list */
	struct idset collapsed; /* local id of the thread's first message */
	VEC(struct folded) folded; /* of these, those that were on the screen */

	struct list *list; /* NULL: date order, nothing limited */
	bool list_is_threads;
	struct build *build;
	bool build_is_asked; /* by the user: not yet on the screen */
	bool build_again; /* news came while it was made */
	int64_t build_not_before_us;
};

/* ---- passes --------------------------------------------------------------------------- */

struct pass {
	uint32_t id;
	bool is_collect;
	uint32_t at, left, total;
	uint64_t at_local; /* the row tested last */
	bool backwards, has_wrapped, wraps;
	model_test *test;
	void *test_ctx;
	void (*found)(void *ctx, uint64_t local, bool has_wrapped);
	void (*done)(void *ctx, const uint64_t *locals, size_t n);
	void *ctx;
	VEC(uint64_t) locals;
};

struct account {
	char *told; /* trouble that is in the log already */
	char *name, *label, *url;
	struct buf params; /* of the ACCOUNT frame */
	uint8_t state;
	char *text;
	uint64_t done, total;
	uint32_t n_waiting;
	int64_t retry_wall;
	char *server, *mechanism, *security, *capabilities, *switched_off;
};

struct wanted {
	char *account;
	struct buf wire;
};

struct question {
	uint64_t id;
	uint8_t kind;
	char *account, *prompt, *detail;
};

#define LOG_LINES 1000

struct model {
	struct model_params params;
	char *cache_dir, *state_dir; /* as given, or NULL */
	struct store *store;
	bool is_without_cache;
	bool has_lost_one; /* a manager, since the start */
	bool store_trouble_told;
	bool read_trouble_told; /* to this manager */
	bool post_trouble; /* a change was refused: told once */
	unsigned changes;
	struct model_folding folding;

	/* this turn's snapshot */
	struct store_view *view;
	struct store_rows *rows;
	uint32_t rows_of; /* mailbox */
	uint32_t rows_at; /* where its cursor stands, UINT32_MAX: nowhere */
	struct arena turn; /* what overlays made */
	VEC(uint32_t) hidden; /* places in the store's order taken away by posts, ascending */
	bool hidden_known;

	bool is_connected;
	uint64_t next_id;
	VEC(struct request) requests;
	VEC(struct post *) posts;
	VEC(struct account *) accounts;
	VEC(struct wanted) wanted;
	VEC(struct model_folder) folders;
	struct arena folder_text;
	bool folders_known;
	VEC(struct question) questions;
	VEC(struct model_log_line) log;
	VEC(struct model_doc *) docs;
	struct box *box;
	struct pass *seek;
	struct pass *collect;
	uint32_t next_pass;
	struct pattern_context pattern_context;
	char busy[120];
};

/* ---- model.c ---- */
struct store_view *model_view(struct model *m); /* NULL: nothing can be read now */
/* What came of reading a view; nothing if err says nothing. */
void model_read_trouble(struct model *m, const struct err *err);
void model_mark(struct model *m, unsigned changes);
/* ---- request.c ---- */
struct request *request_find(struct model *m, uint64_t id);
void request_remove(struct model *m, uint64_t id);
uint64_t request_raw(struct model *m, enum msg_type type, struct buf *payload,
		     model_answer *answer, void *ctx); /* takes the buffer */
#define REQUEST(m, SYM, name, msg, answer, ctx)                                   \
	({                                                                        \
		struct buf payload_ = BUF_INIT;                                   \
		msg_put_##name(&payload_, msg);                                   \
		request_raw(m, MSG_##SYM, &payload_, answer, ctx);                \
	})
/* ---- post.c ---- */
void post_free(struct post *p);
bool post_touches(const struct post *p, uint64_t local);
bool post_hides(const struct post *p);
bool posts_take_away(const struct model *m, uint64_t local);
/* Lay what is posted over a row. False: it is taken away. */
bool posts_overlay(struct model *m, uint32_t mailbox, struct row *row);
void posts_event(struct model *m, const struct ipc_frame *f);
/* ---- box.c ---- */
struct store_rows *box_rows(struct model *m); /* NULL: nothing there */
void box_rows_end(struct model *m);
/* A row of the store's order, posts laid over. 0, 1 not there. */
int box_store_row(struct model *m, uint32_t store_ordinal, struct row *out);
uint32_t box_store_count(struct model *m); /* with hidden ones */
void box_open_again(struct model *m);
void box_news(struct model *m, const struct msg_news *news);
void box_free(struct box *b);
void box_event_opened(struct model *m, uint32_t mailbox);
/* These rows are taken away: their tags go with them. */
void tags_leave(struct model *m, const uint64_t *locals, size_t n);
void tags_look_through(struct box *b);
bool tags_work(struct model *m, int64_t until_us);
int box_key(struct model *m, uint64_t local, struct row_key *out);
/* ---- document.c ---- */
void documents_connected(struct model *m); /* what could not be fetched is asked for again */
/* ---- folded.c ---- */
/* Of a thread that is folded, by its first message: as far as is known by now. */
enum model_hidden folded_hides(struct model *m, uint64_t head);
void folded_look_again(struct box *b);
bool folded_is_working(const struct box *b);
/* Work until the deadline; true when there is more. */
bool folded_work(struct model *m, int64_t until_us);
/* ---- list.c ---- */
void list_free(struct list *l);
uint32_t list_count(const struct list *l);
/* The message at a place of the list; its index among keys. */
uint32_t list_msg(const struct list *l, uint32_t ordinal);
uint32_t list_row_index(const struct list *l, uint32_t ordinal);
bool list_find(const struct list *l, struct row_key key, uint32_t *msg_out);
bool list_ordinal(const struct list *l, uint32_t msg, uint32_t *ordinal_out);
bool box_is_unread(struct model *m, const struct key *k); /* by the store, now */
void list_fold(struct model *m, struct list *l);
bool list_is_head(const struct list *l, uint32_t index);
/* Rows of the whole thread of a row, or of it and what is below it. */
void list_thread_range(struct model *m, uint32_t index, bool whole, uint32_t *first_out,
		       uint32_t *end_out);
/* Those of the thread that a message is in; false: there is none. */
bool list_thread_of(struct model *m, uint64_t local, uint32_t *first_out, uint32_t *end_out);
void list_news(struct model *m, const uint64_t *locals, size_t n, bool many);
void list_drop(struct model *m, const uint64_t *locals, size_t n);
void build_start(struct model *m);
void build_free(struct build *b);
bool build_is_needed(const struct box *b);
/* Work until the deadline; true when there is more. */
bool build_work(struct model *m, int64_t until_us);
bool box_matches_limit(struct model *m, const struct row *row);
/* ---- pass.c ---- */
void pass_free(struct pass *p);
bool pass_work(struct model *m, int64_t until_us);
/* ---- folders.c ---- */
void folders_dirty(struct model *m);

#endif
