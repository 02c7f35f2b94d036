/* The session manager: the only writer of both stores.
 *
 * One loop, one poll(). Interfaces attach by the listening socket and ask
 * (client.c); an account (account.c) has workers, one process per connection
 * (worker.c), and tasks for them (task.c). Once per turn it is decided which
 * connections an account has and which task each of them gets (schedule.c). What
 * servers say of a mailbox (box.c) goes into the cache through one open transaction
 * (commit.c, sync.c, fill.c, folders.c); what users want goes into the journal, is
 * acknowledged (post.c), gathered (gather.c) and pushed from there (push.c). Texts and
 * attachments go into files (read.c); what only the user knows is asked (question.c);
 * a damaged store is put aside (care.c). What has to be right whatever happens is
 * decided by pure functions (decide.c).
 * The manager never waits: everything here is a reaction to a frame, a timer or
 * the end of a child. */
#ifndef TERN_SESSION_INTERNAL_H
#define TERN_SESSION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/seqset.h"
#include "tern/base/str.h"
#include "tern/base/utf8.h"
#include "tern/base/vec.h"
#include "tern/ipc.h"
#include "tern/session.h"
#include "tern/store_write.h"

struct account;
struct box;
struct client;
struct question;
struct task;
struct worker;

struct check_waiter {
	struct client *client;
	uint64_t id;
};

enum { FILL_IN_FLIGHT = 4 }; /* slices of a mailbox's filling, on one connection */

struct worker_process {
	pid_t pid;
	int fd; /* our end of its socket */
};

struct session {
	struct store_writer *writer;
	struct store *store;
	int listen_fd;
	int lock_fd;
	int signal_fd;
	int timer_fd;
	char *socket_path;

	VEC(struct client *) clients;
	VEC(struct account *) accounts;
	VEC(struct worker *) workers;
	VEC(struct question *) questions;
	VEC(struct box *) boxes;

	struct store_txn *txn; /* the open one, or NULL */
	int64_t txn_since_ms;
	uint32_t txn_rows;
	bool txn_is_urgent; /* somebody looks at it: commit at the end of this turn */
	char *store_failed; /* why, until the turn ends: nothing is stored so long; or NULL */

	uint64_t next_id; /* of requests, questions, tasks */
	int64_t leave_at_ms; /* TICK_NEVER while an interface is attached */
	int64_t sweep_at_ms;
	bool is_finishing;
	char *start_notice; /* for the first interface, or NULL */
	pid_t check_pid; /* verifies the stores, or 0 */
	VEC(struct check_waiter) check_waiters;
	bool has_slow_reader; /* somebody holds an old snapshot: filling pauses */
	int64_t accept_ms; /* nobody is let in before that */
	int64_t now_ms; /* of this turn */
	int64_t wake_at_ms; /* when the next turn begins at the latest */
	char *renderer_path;
	char *worker_path;
	struct worker_process spare; /* pid 0: none */
};

/* Until nobody needs it any more: 5 s after the last interface left, or a signal. */
void session_loop(struct session *s);
uint64_t session_id(struct session *s);
void session_wake_at(struct session *s, int64_t at_ms); /* be awake then */
bool session_is_due(struct session *s, int64_t at_ms); /* if not yet: be awake then */

/* ---- client.c: attached interfaces ----------------------------------------- */

struct client {
	struct session *session;
	struct ipc_conn *conn;
	bool is_greeted;
	bool is_dead;	  /* to be freed at the end of the turn */
	bool missed_news; /* it reads too slowly: it gets one READ_AGAIN */
	int64_t typed_ms; /* 0: never, as in batch use */
	VEC(struct box *) open; /* mailboxes on its screen */
};

void client_new(struct session *s, int fd);
void client_ready(struct client *c, short revents);
void client_free(struct client *c);
void client_done(struct client *c, uint64_t id, const char *text);
void client_failed(struct client *c, uint64_t id, const struct err *err);
/* News go to those that read them; the others are told once, when they do again, to
 * read everything anew. What answers a request is never left out. */
bool client_takes_news(struct client *c);
void client_catch_up(struct client *c);
/* To all interfaces. */
#define EVERY_CLIENT(s, c)                                                    \
	for (size_t c##_i_ = 0; c##_i_ < (s)->clients.n; c##_i_++)            \
		for (struct client *c = (s)->clients.v[c##_i_];               \
		     c != NULL && c->is_greeted && !c->is_dead; c = NULL)
void session_notice(struct session *s, int level, const char *account, bool is_alert,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Words that come from outside, for a frame: valid UTF-8, cut at 4 KiB. */
void session_add_words(struct buf *to, struct str words);
bool session_has_client(const struct session *s, const struct client *c);

/* ---- question.c: passwords and certificates ---------------------------------- */

struct question {
	uint64_t id;
	enum question_kind kind;
	struct account *account;
	struct worker *worker; /* certificate: who waits for the answer */
	char *prompt, *detail;
	struct client *asked; /* whom it was put to, or NULL: nobody is there */
};

struct question *question_ask(struct session *s, enum question_kind kind, struct account *a,
			      struct worker *w, const char *prompt, const char *detail);
void question_answer(struct client *c, uint64_t id, enum answer_verdict verdict,
		     struct str text);
void question_is_shown(struct client *c, uint64_t id);
void question_withdraw(struct session *s, struct question *q);
void questions_of_account(struct session *s, struct account *a); /* withdraw all */
/* Put what nobody has been asked to the interface last typed in. */
void questions_put(struct session *s);
/* From where nobody types, for c, which may have been such a one itself. */
void questions_take_back(struct session *s, struct client *c);
void questions_client_gone(struct session *s, struct client *c);

/* ---- account.c: its parameters, its secret, its state ------------------------ */

/* How many connections an account may have: what the user allows, or less for as long
 * as the server refuses more (IMAP.md 2.2). */
struct conn_cap {
	uint32_t max, now;
	int64_t raise_ms; /* by one */
	int64_t step_ms;
};

struct account {
	struct session *session;
	char *name;
	char *host, *user, *tunnel, *ca_file, *certificate_file, *mechanisms, *switched_off;
	struct buf trash; /* wire name, may be empty */
	uint16_t port;
	uint8_t tls;
	bool has_token_command;
	bool use_idle;
	uint32_t poll_s;
	struct client *owner; /* who configured it first: others are told */
	uint32_t n_told;      /* changes that wait, as told last */
	int64_t tell_ms;      /* when to tell that it is another number; 0: it is not */

	enum account_state state;
	struct buf text; /* what it does, in words */
	char *secret;	 /* locked memory, or NULL */
	bool secret_is_token;
	bool secret_asked;
	bool is_stopped; /* waits for the user */
	char *accepted;	 /* fingerprint accepted once */

	int n_failures; /* connects in a row */
	int n_short;	/* connections in a row that ended soon after login */
	int64_t short_ms; /* when the last of them did */
	int64_t retry_ms;
	int64_t login_ms; /* of the last login begun: they are staggered */
	struct conn_cap cap; /* connections the server lets us have */
	int n_extra_failures; /* in a row, while others were alive */
	uint64_t said_hash; /* of the last refusal that was told */
	int64_t said_ms;
	uint64_t alerts[16]; /* hashes of those that were shown */
	unsigned n_alerts;
	int64_t folders_ms; /* when the list is to be asked for again */
	bool is_in_list;     /* a part of the folder list has come, more is to come */
	bool has_folders; /* the whole list came, since we started */
	char *server, *mechanism, *security, *capabilities; /* of the last login; NULL before */
	bool has_move, has_uidplus, is_known; /* from capabilities */
	bool move_is_bad;		      /* it is among them, and was answered by BAD */

	VEC(struct task *) tasks;
};

/* Loops over the connections and the mailboxes of an account; no `break` in them. */
#define EVERY_OF(list, type, a, x)                                                       \
	for (size_t x##_i_ = 0; x##_i_ < (a)->session->list.n; x##_i_++)                 \
		for (struct type *x = (a)->session->list.v[x##_i_];                      \
		     x != NULL && x->account == (a); x = NULL)
#define EVERY_WORKER(a, w) EVERY_OF(workers, worker, a, w)
#define EVERY_BOX(a, b) EVERY_OF(boxes, box, a, b)

struct account *account_find(struct session *s, struct str name);
void account_set(struct client *c, uint64_t id, const struct msg_account *m);
void account_free(struct account *a);
void account_say(struct account *a, enum account_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void account_tell(struct account *a, struct client *only); /* ACCOUNT_STATE frames */
void account_tell_waiting(struct account *a); /* if other changes wait than was told */
void account_tell_server(struct account *a, struct client *only); /* SERVER frames */
/* It has logged us in: what it offers is believed from now on. */
void account_met_server(struct account *a, const struct msg_w_logged_in *m);
/* A connection came to nothing. While others live, one more than they only lowers the cap. */
void account_failed(struct account *a, struct worker *w, enum err_kind kind, const char *text);
void account_connected(struct account *a);
void account_use_secret(struct account *a, struct str secret);
/* why: what the server said to the last one, empty at first. */
void account_ask_secret(struct account *a, const char *why);
void account_forget_secret(struct account *a);
void account_connect_now(struct account *a);
/* Somebody wants in: what the user refused before is asked again. */
void account_wanted(struct account *a);
void account_without_secret(struct account *a, const char *why);
void account_add_pin(struct account *a, const char *key_sha256);

/* ---- worker.c: one process per connection -------------------------------------- */

enum worker_role { ROLE_WATCH, ROLE_WORK, ROLE_BULK };
enum worker_state {
	WORKER_CONNECTING,
	WORKER_WAITS_CERT,
	WORKER_WAITS_SECRET,
	WORKER_LOGIN,
	WORKER_READY,
	WORKER_ENDED, /* it hung up; whether it crashed is known when it is reaped */
	WORKER_DEAD,
};

struct worker {
	struct session *session;
	struct account *account;
	enum worker_role role;
	enum worker_state state;
	pid_t pid;
	struct ipc_conn *conn;
	struct box *home;     /* WATCH: the mailbox it is for */
	struct box *selected; /* what its news is about */
	bool is_open;	      /* the open is done: in step */
	struct box *opening;  /* asked for; until its W_OPENED news is of the one before */
	VEC(struct task *) running;
	struct seqset uids_so_far; /* of W_UIDS, until its last piece */
	bool has_more; /* frames that came and have not been looked at */
	int64_t idle_since_ms;
	int64_t ready_ms; /* when it had logged in */
	int64_t end_ms;	  /* ENDED: no longer than until then */
	int status;	  /* of waitpid(), once pid is 0 */
	char *cert_key; /* of the question under way */
	char *cert_fingerprint;
};

/* The first connection's process is started before anybody says where to: most of
 * what it takes is loading its libraries, meanwhile the stores are opened. */
void worker_prepare(struct session *s);
/* It ended unused, or the manager leaves. */
void worker_forget_spare(struct session *s);
struct worker *worker_start(struct account *a, enum worker_role role, struct err *err);
void worker_ready(struct worker *w, short revents);
void worker_login(struct worker *w);
/* It is no longer of use: kill it; its tasks go back to their queue or fail. */
void worker_drop(struct worker *w, enum err_kind kind, const char *why);
void worker_logout(struct worker *w); /* politely, when it is idle */
void worker_free(struct worker *w);
void worker_ended(struct worker *w); /* it hung up without a word */
/* Those that hung up without a word: did they crash? */
void workers_ended(struct session *s);
void worker_certificate_answer(struct worker *w, enum answer_verdict verdict);

/* ---- task.c: what a worker is asked to do ---------------------------------------- */

enum task_kind { /* in order of urgency */
	TASK_OPEN,
	TASK_READ,
	TASK_PUSH,
	TASK_UIDS,
	TASK_PROBE,
	TASK_FOLDERS,
	TASK_PART,
	TASK_FILL,
	TASK_PREFETCH,
};

struct task {
	uint64_t id; /* of the frame to the worker */
	enum task_kind kind;
	struct account *account;
	struct box *box;       /* must be selected; NULL: none need be */
	struct worker *worker; /* running there, or NULL: queued */
	struct client *client; /* who asked, or NULL */
	uint64_t client_id;    /* the id of their request */
	int n_crashes;	       /* workers it took with it */
	bool is_canceled;
	int64_t cancel_by_ms; /* is_canceled: its worker has let go of it by then */

	/* READ, PART, PREFETCH */
	uint64_t local;
	uint32_t uid;
	char *prefer;
	bool want_whole, want_more;
	int fd;
	char *tmp_path, *final_path;
	char *section;
	bool may_overwrite;
	struct text_state text;
	bool has_text;
	/* FILL, UIDS */
	struct seqset uids;
	bool has_answer; /* UIDS: they came */
	uint32_t low; /* FILL: everything from here up to `high` is covered when done */
	uint32_t high;
	int64_t failed_ms; /* when the slice it was part of first failed */
	/* PUSH, PROBE: see push.c */
	struct push *push;
};

struct task *task_new(struct account *a, enum task_kind kind, struct box *box);
void task_free(struct task *t); /* out of every list */
/* Hand it to a ready worker that has its mailbox. */
void task_send(struct task *t, struct worker *w);
void task_event(struct task *t, const struct ipc_frame *f);
/* It ended: DONE (kind ERR_NONE), or FAILED, CANCELED. */
void task_end(struct task *t, enum err_kind kind, const char *text);
/* Its worker is gone: queue it again, or give it up. */
void task_lost(struct task *t, enum err_kind kind, const char *why, bool was_crash);
void task_cancel(struct task *t);
struct task *task_of(struct account *a, enum task_kind kind, const struct box *box);

/* ---- schedule.c: which connections, and who gets the next task ---------------------- */

/* Connects, sends connections to mailboxes, places tasks, lets go of what is idle: what
 * an account can begin now. Called once per turn. */
void schedule_account(struct account *a);
/* With one connection in all the mailbox on the screen keeps it: it is lent for a
 * change, not for the filling of another one. */
bool schedule_may_fill(const struct box *b);

/* ---- box.c: a mailbox -------------------------------------------------------------- */

struct box_waiter {
	struct client *client;
	uint64_t id;
};

struct box {
	struct session *session;
	struct account *account; /* NULL until its account is configured */
	uint32_t id;
	char *account_name;
	struct buf name; /* wire */
	int n_watchers;	 /* interfaces that have it on screen */
	bool is_shut;	    /* not there, or refused for good: not tried by itself */
	bool is_gone;	    /* with it: the server does not list it */
	int n_open_failures; /* in a row */
	int n_open_crashes;
	int64_t open_ms;     /* not before */
	int n_fill_failures;
	int64_t fill_ms;     /* not before */
	int64_t fill_ok_ms;  /* of the last slice that came */
	bool may_fill;	    /* it was opened, and that connection was not lost since */
	bool wants_fill;    /* there may be holes to fill */
	bool has_uids;	    /* `server_uids` is known, as of the last open */
	bool wants_uids;    /* a verify is due */
	bool is_doubted;    /* the last list of UIDs was not believed */
	int64_t odd;	    /* so many more than its list of UIDs the server says there are */
	struct seqset server_uids;
	bool push_due; /* the journal has something for it */
	int64_t push_at_ms; /* not before */
	bool probe_due;
	uint32_t sought_uidvalidity, sought_uid; /* up to there it was looked for again */
	bool has_arrivals; /* we put something there, by another connection, since it was opened */
	bool awaits_folders; /* deletes: where is the trash? */
	bool awaits_rows; /* changes of messages whose rows are still to come */
	uint32_t fill_total, fill_done;
	bool open_is_cold;
	uint32_t first_low; /* lowest UID of a cold first screenful */
	uint32_t open_exists;
	uint32_t arrived; /* new mail in this turn, to be told */
	VEC(struct box_waiter) waiting; /* OPEN_MAILBOX to be ended */
};

struct box *box_get(struct session *s, uint32_t id);
struct box *box_by_name(struct session *s, struct str account, struct str name, bool make,
			struct err *err);
void box_free(struct box *b);
void box_unshut(struct box *b); /* somebody asks for it: try once more */
int box_record(struct box *b, struct mailbox *out, struct store_view *v, struct err *err);
/* Change the record, as the open transaction has it so far. */
typedef void box_changer(struct mailbox *m, struct buf *covered, void *ctx);
int box_change(struct box *b, box_changer *change, void *ctx, struct err *err);

/* ---- sync.c: opening, and what the server says of what is open ------------------------ */

/* Events of a worker about the mailbox it has selected. -1: the worker lied. */
int sync_event(struct worker *w, struct task *t, const struct ipc_frame *f, struct err *err);
void sync_send_open(struct worker *w, struct box *b);
void sync_opened(struct worker *w, struct box *b);	   /* the open is done */
/* A worker has it open, and tells what happens there. */
bool sync_is_in_step(const struct box *b);
void sync_open_failed(struct worker *w, struct box *b, enum err_kind kind, const char *text);
void sync_uids_done(struct task *t);
/* Everything is said to be here: is it as many as the server has? */
void sync_verify_count(struct box *b);

/* ---- fill.c: headers of what was there before ------------------------------------------- */

void fill_next(struct box *b); /* queue the next slices */
void fill_slice_done(struct task *t);
void fill_slice_failed(struct task *t, enum err_kind kind);
void fill_later(struct box *b); /* the server cannot now */

/* ---- folders.c ---------------------------------------------------------------------------- */

void folders_schedule(struct account *a); /* ask, when it is time */
void folders_store(struct account *a, const struct msg_w_folders *m);

/* ---- commit.c: the one open cache transaction ----------------------------------------- */

struct store_txn *session_txn(struct session *s, struct err *err); /* opened if need be */
void session_touch(struct session *s, uint32_t n_rows, bool is_urgent);
int session_commit(struct session *s); /* and tell the interfaces */
void session_commit_if_due(struct session *s);
/* What is in the transaction is lost. Frees and drops nothing: callers go on to the
 * end of what they do. At the top of the next turn the workers are dropped. */
void session_store_failed(struct session *s, const struct err *err);
void session_after_failure(struct session *s);
/* What the interfaces show of it is to be read anew: its changes, not its rows. */
void session_news(struct session *s, uint32_t mailbox);
void session_news_everywhere(struct session *s);

/* ---- care.c: a cache that is damaged ------------------------------------------------------ */

#define CARE_CHECK_OPTION "--check-stores"

/* From now on whoever dies of the cache leaves a mark. */
void care_watch(void);
bool care_is_suspect(void);
/* Have the cache verified and, when it is damaged, moved aside; then the mark goes. */
int care_before_open(char **said_out, struct err *err); /* what to tell the user */
/* main() of the child: its exit status says what is damaged. */
int care_check(void);
/* Leave, so that the next manager opens with care. */
void care_give_up(struct session *s, const char *why);
void care_request(struct client *c, uint64_t id); /* CHECK_STORES */
void care_is_well(void); /* a commit has succeeded */
void care_client_gone(struct session *s, const struct client *c);
void care_child_ended(struct session *s, pid_t pid, int status);

/* ---- gather.c, push.c: the journal to the server --------------------------------------- */

void push_scan(struct session *s); /* at start, and when an account appears */
void push_dirty(struct box *b);
void push_rows_came(struct box *b); /* `covered` has grown */
void push_schedule(struct account *a);
void push_send(struct task *t, struct worker *w);
void push_event(struct task *t, const struct ipc_frame *f);
/* The server says that they are gone, before it says that our move is done: those of
 * which it said where they lie now keep their rows, there. */
int push_vanishing(struct box *b, const struct seqset *uids, struct err *err);
void push_end(struct task *t, enum err_kind kind, const char *text);
/* The connection is gone. was_crash: the request may be what killed it. */
void push_lost(struct task *t, const char *why, bool was_crash);
void push_free(struct push *p);

/* ---- post.c: what interfaces want -------------------------------------------------------- */

void post_request(struct client *c, uint64_t id, const struct msg_post *m);
void release_request(struct client *c, uint64_t id, const struct msg_release *m);
void undo_request(struct client *c, uint64_t id, const struct msg_undo *m);
void intent_retry_request(struct client *c, uint64_t id, uint64_t seq, bool drop);

/* ---- read.c: texts, renderers, attachments -------------------------------------------- */

void read_request(struct client *c, uint64_t id, const struct msg_read *m);
void prefetch_request(struct client *c, uint64_t id, const struct msg_prefetch *m);
void save_part_request(struct client *c, uint64_t id, const struct msg_save_part *m);
void read_send(struct task *t, struct worker *w);
void read_event(struct task *t, const struct ipc_frame *f);
void read_end(struct task *t, enum err_kind kind, const char *text);
/* It killed its worker: never again by itself, also in later runs. */
void read_set_aside(struct task *t);

/* ---- decide.c: pure --------------------------------------------------------------------- */

/* ms to wait after n failures in a row: 1, 2, 4 ... 300 s, +-25 % by chance in [0,1). */
int64_t decide_backoff_ms(int n_failures, double chance);
/* One more than n_open came to nothing: no more than these, for a day when the server
 * refused it, else for the pause; and then by one a day, or a pause. */
void decide_cap_lower(struct conn_cap *c, uint32_t n_open, bool was_refused, int64_t pause_ms,
		      int64_t now_ms);
uint32_t decide_cap(struct conn_cap *c, int64_t now_ms); /* as of now */
/* May this many rows vanish at a stroke without asking for the UID set first? */
bool decide_vanish_is_plausible(uint32_t n_vanishing, uint32_t n_rows);

enum push_class { PUSH_FLAG, PUSH_KEYWORD, PUSH_COPY, PUSH_MOVE, PUSH_EXPUNGE };
/* What an intent comes to at the server; trash is where deletes go, empty: none. */
enum push_class decide_class(const struct intent *i, struct str trash, struct str *target_out);
/* Two intents may go out as one command. */
bool decide_same_batch(const struct intent *a, const struct intent *b, struct str trash);

/* What failed in company is tried again in smaller company, and at last alone: so
 * one message that the server does not want stops no other. */
size_t decide_batch_limit(uint32_t attempts);
/* The server refused it for the n-th time (IMAP.md 4.6): seconds to wait before it is
 * tried again, -1: not by itself. */
int64_t decide_try_again_s(enum err_kind kind, uint32_t n_tries);
/* Whether a change rests until `not_before`. Nothing rests longer than the longest
 * pause: further off, it is the clock that was set back. */
bool decide_must_wait(int64_t not_before, int64_t now_wall);

enum uncertain_fate { FATE_REPEAT, FATE_DONE, FATE_PROBE };
/* An intent was sent and its answer never came (IMAP.md 4.4). is_at_source: after
 * a resync its UID is still in the mailbox. */
enum uncertain_fate decide_uncertain(const struct intent *i, enum push_class class,
				     bool is_at_source);

#endif
