/* What the files of this module share. Read in this order: framer, tokens,
 * response (bytes in); command (bytes out); connection (the engine: one turn,
 * queues, deadlines, ends); login; mailbox (what is selected, and its news);
 * then a file per group of requests: open, rows, search, body, change, folders;
 * and compress. */
#ifndef TERN_IMAP_INTERNAL_H
#define TERN_IMAP_INTERNAL_H

#include "auth.h"
#include "bodystructure.h"
#include "command.h"
#include "framer.h"
#include "response.h"
#include "tern/base/map.h"
#include "tern/imap.h"

struct op;
struct sent;

/* ---- requests ----------------------------------------------------------------- */

enum send_flags {
	SEND_CHANGES = 1 << 0, /* waits for an open mailbox; the outcome matters */
	SEND_ALONE = 1 << 1,   /* sequence numbers: nothing else in flight */
	SEND_IS_SELECT = 1 << 2,
	SEND_EXCLUSIVE = 1 << 4, /* a change that waits for those before it */
	SEND_SEARCHES = 1 << 3, /* one at a time: answers do not say whose they are */
};

/* How a kind of request works. Only `next` must be there. */
struct op_type {
	const char *name;
	size_t size_bytes;
	/* Send the next command if there is one and it may go: true if it did. */
	bool (*next)(struct imap *c, struct op *op);
	/* A FETCH answer: true if it was this request's. */
	bool (*fetch)(struct imap *c, struct op *op, const struct fetch *f);
	/* Another untagged response, while a command of its is in flight. */
	bool (*untagged)(struct imap *c, struct op *op, const struct response *r);
	/* A command of its has ended. */
	void (*tagged)(struct imap *c, struct op *op, const struct sent *s,
		       const struct response *r);
	void (*release)(struct op *op);
	bool is_internal; /* sends nothing to the sink when it ends */
	bool is_news;	  /* for nobody, of the mailbox that is open: ends with that */
	bool blocks;	  /* those behind it wait until op_unblock() */
};

struct op {
	const struct op_type *type;
	uint64_t id;
	unsigned n_in_flight;
	bool is_ended;	 /* done() was called; goes when nothing is in flight */
	bool is_blocking;
	int step;
};

/* A command in flight. */
struct sent {
	uint32_t tag;
	enum send_flags flags;
	int timeout_ms;
	int64_t since_ms;
	uint64_t bytes_before; /* what had come when it was sent */
	struct op *op; /* NULL: our own, or one that was canceled */
	int step;      /* of the request when it was sent */
	bool is_idle;
	bool is_enable;
};

struct send_options {
	enum send_flags flags;
	int timeout_ms;
	uint64_t bytes;	    /* what it may answer with, at most */
	uint64_t responses;
};

/* ---- the selected mailbox ----------------------------------------------------------- */

struct mailbox {
	bool is_open; /* SELECT said OK, UIDVALIDITY is known */
	struct buf name;
	uint32_t uidvalidity, uidnext, exists;
	uint64_t modseq;
	bool is_read_only, has_nomodseq, keywords_ok;
	uint32_t permanent_flags;
	struct buf permanent_keywords;
	struct buf mailbox_id;
	/* Sequence numbers, where EXPUNGE speaks in them: the n-th UID. */
	struct seqset map;
	bool has_map;
	uint32_t n_expunged; /* counts on, for who must know that a message went */
	/* What must be asked for, as the server hinted at it. */
	struct seqset gone; /* not told yet */
	bool wants_rows;  /* EXISTS grew */
	bool wants_uids;  /* a number we cannot translate went */
	bool wants_flags; /* flags of a number we cannot translate changed */
	bool is_cursor_stale;
	int64_t news_at; /* when to ask, so that a burst is asked for once */
	/* How to watch it. */
	bool stay, use_idle;
	int64_t poll_ms;
};

/* ---- the connection ------------------------------------------------------------------- */

enum phase {
	PHASE_NET,	  /* look-up, connect, handshake */
	PHASE_GREETING,
	PHASE_STARTTLS,	  /* in the clear; nothing but this */
	PHASE_TLS,	  /* the handshake behind it */
	PHASE_CAPABILITY, /* asked, before login */
	PHASE_CONNECTED,  /* waits for imap_login() */
	PHASE_AUTH,
	PHASE_CAPABILITY_AGAIN,
	PHASE_READY,
	PHASE_DEAD,
};

enum idle_state {
	IDLE_OFF,
	IDLE_ASKED, /* "+" has not come: nothing may be sent */
	IDLE_ON,
	IDLE_ENDING, /* DONE is out */
};

struct imap {
	const struct imap_sink *sink;
	void *ctx;
	struct net_stream *net;
	enum net_tls tls;
	char *host;
	uint16_t port;
	bool has_tunnel;
	int told_state; /* enum net_state; -1: none yet */
	enum phase phase;
	int64_t now_ms;
	int64_t progress_ms; /* the last byte, or the last start of a flight */
	int64_t phase_ms;
	int64_t paused_ms; /* since when */
	uint64_t n_bytes; /* that came */

	struct framer framer;
	struct response_parser parser;
	struct response response;
	struct bodystructure_parser *structures;
	struct arena arena; /* for what one response becomes */
	struct buf scratch, scratch2;

	bool has_cap[IMAP_N_CAPS]; /* offered, and not switched off */
	struct buf switched_off;   /* names, blanks between */
	bool has_new_capabilities; /* told since the login began */
	struct buf capabilities; /* blanks between */
	struct buf greeting;
	bool is_enabled_qresync, is_enable_in_flight;
	bool has_asked_compress;
	bool has_quirk_no_qresync, has_quirk_no_numbers, has_quirk_small_batches,
		has_quirk_shallow, has_quirk_no_partial_fetch;

	struct auth *auth;
	char *user, *mechanisms;
	struct buf password, token; /* until the login ended */
	unsigned auth_tried;
	const char *mechanism; /* that worked */

	uint32_t last_tag;
	VEC(struct sent) in_flight; /* in the order they went out */
	VEC(struct op *) ops;
	struct command_text pausing; /* a command that waits for "+", if it has pauses */
	size_t pause, pause_sent;
	enum idle_state idle;
	int64_t idle_since_ms, quiet_since_ms, last_probe_ms;
	bool must_probe; /* the user asks for news */
	int64_t hello_by_ms; /* ID and ENABLE wait till then for company */
	struct mailbox box;
	uint32_t n_lost_names; /* answers to LIST that could not be read */
	uint32_t expunged_at_found; /* how many had gone when the last answer came */
	uint32_t n_found, n_lost_found; /* answers to SEARCH: good, not to be read */
	unsigned n_news; /* requests of our own for news that are under way */
	bool is_leaving; /* LOGOUT is out */
	bool is_in_turn, is_paused, has_more;
};

#define TELL(c, what, ...)                                            \
	do {                                                          \
		if ((c)->sink->what)                                  \
			(c)->sink->what((c)->ctx, ##__VA_ARGS__);     \
	} while (0)

/* connection.c */
void *op_new(struct imap *c, uint64_t id, const struct op_type *type);
/* done() with err (NULL: well); the request is gone for its owner. */
void op_end(struct imap *c, struct op *op, const struct err *err, struct str text);
void op_end_failed(struct imap *c, struct op *op, const struct response *r, const char *what);
void op_unblock(struct op *op);
bool may_send(const struct imap *c, enum send_flags flags);
void command_begin(struct imap *c, struct command_text *t); /* init, with literals' rules */
/* Takes *t. False if it could not be built: then op has ended. */
bool command_send(struct imap *c, struct op *op, struct command_text *t,
		  const struct send_options *o);
bool idle_end(struct imap *c); /* DONE: false if the connection is over */
/* With tag and line end, up to where "+" must come; takes *t. */
bool command_write(struct imap *c, uint32_t tag, struct command_text *t);
/* Write the next piece of c->pausing: up to where "+" must come. */
bool command_piece(struct imap *c);
/* The connection is over: everything ends, failed() is told. Always false. */
bool connection_failed(struct imap *c, const struct err *err);
bool connection_protocol_error(struct imap *c, const char *sentence);
/* Words of the server for a sentence: safe for a terminal, bounded. In
 * scratch2. */
const char *server_words(struct imap *c, struct str text);
void err_of_response(struct imap *c, const struct response *r, const char *what,
		     struct err *err);
bool can(const struct imap *c, enum imap_capability cap);
size_t max_uid_octets(const struct imap *c);
uint32_t tag_number(struct str tag); /* 0 if it is none of ours */

/* login.c: before PHASE_READY. False: the connection is over. */
bool login_on_open(struct imap *c);
bool login_response(struct imap *c, const struct response *r);
void login_forget(struct imap *c);
int64_t login_deadline(const struct imap *c);
void capabilities_set(struct imap *c, struct str list);

/* mailbox.c */
void mailbox_release(struct mailbox *m);
bool is_same_mailbox(struct str a, struct str b); /* names */
void mailbox_forget(struct mailbox *m); /* another one is selected */
/* What concerns the mailbox as such, whoever asked. */
void mailbox_note(struct imap *c, const struct response *r);
uint32_t mailbox_uid_of(const struct mailbox *m, const struct fetch *f);
void mailbox_saw_uid(struct mailbox *m, const struct fetch *f);
void mailbox_tagged(struct imap *c, const struct response *r);
void mailbox_want(struct imap *c, bool *what); /* one of the wants_, in a moment */
void mailbox_ask_for_news(struct imap *c);
void mailbox_turn(struct imap *c); /* IDLE, NOOP */
int64_t mailbox_deadline(const struct imap *c);
void mailbox_tell_gone(struct imap *c); /* before the end of what made them go */
void mailbox_end_turn(struct imap *c);
/* All UIDs there are: what sequence numbers mean, if there are as many. */
void mailbox_use_map(struct imap *c, const struct seqset *uids);

/* compress.c */
enum { COMPRESS_MIN_ROWS = 200 }; /* that are worth a round trip before them */
bool compress_is_wanted(const struct imap *c);
void compress_ask(struct imap *c); /* once, before what is asked for after this */

/* open.c */
extern const struct op_type open_type;
/* True if a SELECT is under way and this is part of its answer. */
bool open_takes(struct imap *c, const struct response *r);

/* rows.c */
extern const char row_items[]; /* H of IMAP.md, 1 */
bool is_row(const struct fetch *f);
void row_tell(struct imap *c, uint64_t id, const struct fetch *f);
/* As a row has it; good until the next response. */
struct str row_message_id(struct imap *c, const struct fetch *f);
void flags_tell(struct imap *c, uint64_t id, const struct fetch *f);
uint32_t rows_per_command(const struct imap *c);
void news_rows(struct imap *c);	 /* from uidnext on, for nobody */
void news_uids(struct imap *c);
void news_forget(struct imap *c); /* they were of the mailbox that is left */
void news_flags(struct imap *c);

/* search.c: all UIDs of the mailbox, in as many commands as keep each answer under
 * the limit of a line. Zeroed, it is at its beginning. */
struct uid_search {
	bool is_begun;
	uint32_t next;	/* of the next window; 0: all are asked for */
	uint32_t width; /* 0: one command for all */
	uint32_t uidnext;
	unsigned n_in_flight;
	uint32_t n_expunged; /* of the mailbox, when it began */
	uint32_t n_sent, found_before, lost_before; /* answers, when it began */
};

/* Send the next command of it, if there is one and it may go: true if it did.
 * uidnext is 0 if it is not known. */
bool uid_search_next(struct imap *c, struct op *op, struct uid_search *s, uint32_t uidnext);
/* One of its commands has ended well: 1 if that was the last, and `uids` are all; -1 if
 * it was, and an answer is missing: what is not in `uids` may be there. */
int uid_search_tagged(struct imap *c, struct uid_search *s, const struct seqset *uids,
		      struct err *err);
/* The answer to it: true if it is one; parser.uids holds it. */
bool is_search(const struct response *r);
/* Part of it, or what went since: true if nobody else needs to see it. */
bool uid_search_untagged(struct imap *c, struct seqset *uids, const struct response *r);

#endif
