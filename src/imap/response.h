/* One complete response, read by one table: what is hot and what decides. What
 * is not known is skipped, what is malformed says so and costs itself alone. */
#ifndef TERN_IMAP_RESPONSE_H
#define TERN_IMAP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>
#include "framer.h"
#include "tern/base/arena.h"
#include "tern/base/buf.h"
#include "tern/base/seqset.h"
#include "tern/base/str.h"

enum response_kind {
	RESPONSE_UNKNOWN,   /* well, or not at all, formed: nothing for us */
	RESPONSE_MALFORMED, /* one we know, but not so */
	RESPONSE_CONTINUE,  /* "+ text" */
	RESPONSE_TAGGED,    /* tag, status, code, text */
	RESPONSE_CONDITION, /* untagged OK, NO, BAD: status, code, text */
	RESPONSE_BYE,
	RESPONSE_PREAUTH,
	RESPONSE_CAPABILITY, /* args */
	RESPONSE_ENABLED,    /* args */
	RESPONSE_ID,	     /* id */
	RESPONSE_FLAGS,
	RESPONSE_EXISTS, /* number */
	RESPONSE_RECENT,
	RESPONSE_EXPUNGE,  /* number */
	RESPONSE_FETCH,	   /* fetch */
	RESPONSE_VANISHED, /* uids, is_earlier */
	RESPONSE_SEARCH,   /* uids, modseq */
	RESPONSE_ESEARCH,  /* uids, tag, count, modseq */
	RESPONSE_LIST,	   /* name, list */
	RESPONSE_LSUB,	   /* name, list */
	RESPONSE_STATUS,   /* mailbox */
};

enum response_status { STATUS_OK, STATUS_NO, STATUS_BAD };

enum response_code {
	CODE_NONE,
	CODE_UNKNOWN,
#define RESPONSE_CODES(X)                                                                  \
	X(ALERT, "ALERT", NOTHING) X(AUTHENTICATIONFAILED, "AUTHENTICATIONFAILED", NOTHING) \
	X(AUTHORIZATIONFAILED, "AUTHORIZATIONFAILED", NOTHING)                             \
	X(ALREADYEXISTS, "ALREADYEXISTS", NOTHING) X(CANNOT, "CANNOT", NOTHING)            \
	X(CAPABILITY, "CAPABILITY", REST) X(CLIENTBUG, "CLIENTBUG", NOTHING)               \
	X(CLOSED, "CLOSED", NOTHING) X(CONTACTADMIN, "CONTACTADMIN", NOTHING)              \
	X(CORRUPTION, "CORRUPTION", NOTHING) X(EXPIRED, "EXPIRED", NOTHING)                \
	X(EXPUNGEISSUED, "EXPUNGEISSUED", NOTHING) X(INUSE, "INUSE", NOTHING)              \
	X(LIMIT, "LIMIT", NOTHING) X(NONEXISTENT, "NONEXISTENT", NOTHING)                  \
	X(NOPERM, "NOPERM", NOTHING) X(OVERQUOTA, "OVERQUOTA", NOTHING)                    \
	X(PRIVACYREQUIRED, "PRIVACYREQUIRED", NOTHING) X(READ_ONLY, "READ-ONLY", NOTHING)  \
	X(READ_WRITE, "READ-WRITE", NOTHING) X(SERVERBUG, "SERVERBUG", NOTHING)            \
	X(TOOBIG, "TOOBIG", NOTHING) X(TRYCREATE, "TRYCREATE", NOTHING)                    \
	X(UNAVAILABLE, "UNAVAILABLE", NOTHING) X(UIDNOTSTICKY, "UIDNOTSTICKY", NOTHING)    \
	X(NOMODSEQ, "NOMODSEQ", NOTHING) X(INPROGRESS, "INPROGRESS", NOTHING)              \
	X(HIGHESTMODSEQ, "HIGHESTMODSEQ", MODSEQ) X(UIDNEXT, "UIDNEXT", NUMBER)            \
	X(UIDVALIDITY, "UIDVALIDITY", NUMBER) X(UNSEEN, "UNSEEN", NUMBER)                  \
	X(PERMANENTFLAGS, "PERMANENTFLAGS", FLAG_LIST) X(APPENDUID, "APPENDUID", APPENDED) \
	X(COPYUID, "COPYUID", COPIED) X(MODIFIED, "MODIFIED", REST)                        \
	X(MAILBOXID, "MAILBOXID", REST) X(BADCHARSET, "BADCHARSET", NOTHING)
#define X(sym, wire, args) CODE_##sym,
	RESPONSE_CODES(X)
#undef X
	CODE_N
};

struct flag_list {
	uint32_t bits;	     /* enum row_flags */
	struct str keywords; /* one blank between; borrowed from the parser */
	bool has_star;	     /* \* */
};

struct body_item {
	struct str section; /* "", "1.2", "HEADER", "HEADER.FIELDS (DATE FROM)" */
	bool is_binary;
	bool has_origin;
	uint32_t origin;
	bool is_nil;
	struct str data; /* borrowed from the frame */
};

enum { FETCH_MAX_BODIES = 16 };

struct fetch {
	uint32_t seq;
	uint32_t uid; /* 0: not told */
	bool has_flags, has_size, has_date, has_structure;
	struct flag_list flags;
	uint64_t modseq; /* 0: not told */
	uint32_t size_bytes;
	int64_t internaldate;
	struct str structure; /* raw BODYSTRUCTURE */
	struct body_item bodies[FETCH_MAX_BODIES];
	size_t n_bodies;
};

struct list_item {
	uint32_t attributes; /* enum imap_folder_attr */
	char delimiter;	     /* 0: none */
};

struct status_items {
	bool has_messages, has_unseen, has_uidnext, has_uidvalidity;
	uint32_t messages, unseen, uidnext, uidvalidity;
	uint64_t modseq;
};

struct response {
	enum response_kind kind;
	enum response_kind meant; /* MALFORMED: what it would have been */
	enum response_status status;
	enum response_code code;
	struct str tag;
	struct str text; /* for people, of a status line */
	struct str args; /* what stands behind a name or a code, raw */
	uint32_t number;
	uint32_t count;
	bool has_count;
	uint64_t modseq;
	bool is_earlier;
	struct flag_list flags;
	struct str sources, targets; /* COPYUID: sets, raw; number is the UIDVALIDITY */
	struct str name;	     /* LIST, STATUS: the mailbox, wire bytes; ID: name and version */
	struct list_item list;
	struct status_items mailbox;
	struct fetch fetch;
};

/* What parsing needs and the results point into; reset with every response. */
struct response_parser {
	struct arena arena;
	struct buf keywords;
	struct seqset uids; /* of VANISHED, SEARCH, ESEARCH */
};

#define RESPONSE_PARSER_INIT { ARENA_INIT, BUF_INIT, SEQSET_INIT }

void response_parser_release(struct response_parser *p);
/* Results are borrowed from the frame and the parser. */
void response_parse(struct response_parser *p, const struct frame *frame, struct response *out);
/* The whitelist for the first response of a connection: OK, PREAUTH or BYE. */
bool response_is_greeting(const struct response *r);
/* What may come before login (and in the clear before STARTTLS). */
bool response_is_allowed_before_login(const struct response *r);

/* "17-Jul-1996 02:44:25 -0700", also with a blank for the first digit. */
bool parse_internaldate(struct str s, int64_t *out);

#endif
