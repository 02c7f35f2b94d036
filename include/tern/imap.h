/* One connection to an IMAP server: commands out, answers in. For tern-imap.
 *
 * Promises. Nothing here waits, opens a file or starts a process after
 * `connected` was called. What the server sends is bounded and checked before
 * it is looked at; what cannot be parsed costs itself alone. Callers say what
 * they want: which commands that takes is decided here, and sequence numbers
 * never leave. Arguments from outside go through one gate: no CR, LF, NUL.
 * Mailbox names are wire bytes.
 *
 * A request carries an id of the caller's and ends in exactly one
 * imap_sink.done(); failed() ends all of them at once, and what became of those
 * that were sent is not known. News that nobody asked for has id 0. Slices and
 * pointers are good during the call alone. A callback may make new requests, but
 * not imap_free().
 *
 * Changes (store, copy, move, expunge) never go out before the mailbox is open,
 * and UIDs are those of the mailbox of the last imap_open(). */
#ifndef TERN_IMAP_H
#define TERN_IMAP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include "tern/base/err.h"
#include "tern/base/seqset.h"
#include "tern/base/str.h"
#include "tern/net.h"
#include "tern/capability.h"
#include "tern/row.h"
#include "tern/structure.h"

enum {
	IMAP_MAX_MAILBOX_NAME = 1000,
	IMAP_NEW_ID = 0, /* the id of what was not asked for */
};

/* The bits of enum folder_attr in tern/store.h, which this module may not see. */
enum imap_folder_attr {
	IMAP_FOLDER_NOSELECT = 1 << 0,
	IMAP_FOLDER_NOINFERIORS = 1 << 1,
	IMAP_FOLDER_HAS_CHILDREN = 1 << 2,
	IMAP_FOLDER_SUBSCRIBED = 1 << 3,
	IMAP_FOLDER_NONEXISTENT = 1 << 4,
	IMAP_FOLDER_ALL = 1 << 8,
	IMAP_FOLDER_ARCHIVE = 1 << 9,
	IMAP_FOLDER_DRAFTS = 1 << 10,
	IMAP_FOLDER_FLAGGED = 1 << 11,
	IMAP_FOLDER_JUNK = 1 << 12,
	IMAP_FOLDER_SENT = 1 << 13,
	IMAP_FOLDER_TRASH = 1 << 14,
	IMAP_FOLDER_INBOX = 1 << 15,
};

enum imap_open_how { IMAP_COLD, IMAP_QRESYNC, IMAP_PLAIN };

struct imap_opened {
	struct str mailbox;
	uint32_t uidvalidity, uidnext, exists; /* uidnext 0: the server does not tell */
	uint64_t modseq;
	bool is_read_only;
	bool keywords_ok; /* new keywords can be made */
	uint32_t permanent_flags;
	struct str permanent_keywords;
	enum imap_open_how how;
	struct str mailbox_id;
};

struct imap_folder {
	struct str name;
	char delimiter;
	uint32_t attributes;
	bool has_status;
	uint32_t messages, unseen, uidnext, uidvalidity;
	uint64_t modseq;
};

/* A body section as it came. data is NULL for NIL. */
struct imap_body {
	uint32_t uid;
	struct str section;
	bool has_origin;
	uint32_t origin;
	struct str data;
};

struct imap_sink {
	/* The connection. */
	void (*state)(void *ctx, const char *text); /* for the activity line */
	void (*notice)(void *ctx, int log_level, bool is_alert, struct str text);
	/* Then imap_answer_certificate(). */
	void (*certificate)(void *ctx, const struct net_cert *cert);
	/* Greeted, TLS done: the last moment with files. Then imap_login(), unless
	 * logged_in() follows by itself (PREAUTH). */
	void (*connected)(void *ctx, struct str capabilities);
	void (*logged_in)(void *ctx, const char *mechanism, struct str capabilities,
			  struct str server);
	/* It is over, with all requests. err->kind CERT: `cert` says why. */
	void (*failed)(void *ctx, const struct err *err, const struct net_cert *cert);

	/* Answers and news; id 0 if nobody asked. */
	void (*opened)(void *ctx, uint64_t id, const struct imap_opened *o);
	void (*row)(void *ctx, uint64_t id, const struct row *row);
	void (*flags)(void *ctx, uint64_t id, const struct row_flags_change *change);
	void (*vanished)(void *ctx, uint64_t id, bool is_earlier, const struct seqset *uids);
	void (*uids)(void *ctx, uint64_t id, const struct seqset *uids);
	void (*cursor)(void *ctx, uint64_t id, uint32_t uidnext, uint32_t exists, uint64_t modseq);
	/* Both ascending: the n-th became the n-th. May come more than once. */
	void (*copied)(void *ctx, uint64_t id, uint32_t uidvalidity, const struct seqset *sources,
		       const struct seqset *targets);
	void (*found)(void *ctx, uint64_t id, const struct seqset *uids);
	/* structure is NULL if the server's cannot be parsed. */
	void (*structure)(void *ctx, uint64_t id, const struct structure *structure);
	void (*body)(void *ctx, uint64_t id, const struct imap_body *body);
	void (*folder)(void *ctx, uint64_t id, const struct imap_folder *folder);
	/* That was the list. Not whole: a name may be missing that is there. */
	void (*folders_end)(void *ctx, uint64_t id, bool is_whole);
	/* err is NULL on success; text: the server's words. */
	void (*done)(void *ctx, uint64_t id, const struct err *err, struct str text);
};

struct imap;

/* Start. *p as net_open() takes it; the tls member decides on STARTTLS. */
struct imap *imap_new(const struct net_params *p, const struct imap_sink *sink, void *ctx,
		      int64_t now_ms, struct err *err);
void imap_free(struct imap *c);
/* Names of extensions that are not to be used, blanks between; before the first turn. */
void imap_switch_off(struct imap *c, struct str names);

size_t imap_poll(const struct imap *c, struct pollfd fds_out[NET_MAX_FDS]);
int64_t imap_deadline(const struct imap *c);
void imap_on_ready(struct imap *c, int64_t now_ms); /* any number of calls is right */
void imap_pause(struct imap *c, bool is_paused); /* read nothing: the caller is behind */
void imap_answer_certificate(struct imap *c, bool is_accepted);
const char *imap_security(const struct imap *c); /* net_describe() */

/* In answer to connected(). A token excludes the password. Wiped after use.
 * Errors come as failed(): AUTH. */
void imap_login(struct imap *c, const char *user, struct str password, struct str token,
		const char *mechanisms);
bool imap_can(const struct imap *c, enum imap_capability cap);

/* ---- requests ------------------------------------------------------------------ */

struct imap_open {
	struct str mailbox;
	uint32_t uidvalidity; /* 0: cold, the newest first_rows rows come first */
	uint32_t uidnext;
	uint64_t modseq;
	struct str known; /* seqset text of the UIDs that are cached */
	uint32_t first_rows;
	bool stay;     /* remain on it and tell news while nothing else is asked */
	bool use_idle; /* else NOOP */
	uint32_t poll_s; /* how often NOOP; 0 for the default */
};

/* opened, then rows, flags, vanished, uids, cursor, in this order of sense. */
void imap_open(struct imap *c, uint64_t id, const struct imap_open *o);
/* Newest first, in slices. */
void imap_fetch_rows(struct imap *c, uint64_t id, const struct seqset *uids);
void imap_fetch_uids(struct imap *c, uint64_t id);
/* The user asks whether there is news: NOOP, once nothing else is under way. */
void imap_ask_for_news(struct imap *c);

struct imap_want {
	const char *section; /* "1.2", "HEADER", "1.MIME", "" for all of it */
	uint32_t offset, max_octets; /* max_octets 0: the whole section */
};
/* Several sections of one message in one command; `structure` besides. */
void imap_fetch_bodies(struct imap *c, uint64_t id, uint32_t uid, bool structure,
		       const struct imap_want *want, size_t n_want);

void imap_store(struct imap *c, uint64_t id, const struct seqset *uids, uint32_t set,
		uint32_t clear, struct str set_keywords, struct str clear_keywords);
void imap_move(struct imap *c, uint64_t id, const struct seqset *uids, struct str target);
void imap_copy(struct imap *c, uint64_t id, const struct seqset *uids, struct str target);
void imap_expunge(struct imap *c, uint64_t id, const struct seqset *uids);
void imap_find(struct imap *c, uint64_t id, struct str message_id, uint32_t from_uid);
/* folder() for each that exists. */
void imap_status(struct imap *c, uint64_t id, const struct str *mailboxes, size_t n);
void imap_list(struct imap *c, uint64_t id);
void imap_create(struct imap *c, uint64_t id, struct str mailbox);
void imap_logout(struct imap *c, uint64_t id);

/* done(CANCELED) comes before it returns; what is in flight is thrown away when
 * it comes. An id that is not known does nothing. */
void imap_cancel(struct imap *c, uint64_t id);
bool imap_is_broken_partial(const struct imap *c); /* NO_PARTIAL_FETCH */

#endif
