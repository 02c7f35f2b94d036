/* The gate for everything that goes out: a command is built from our own words
 * and from arguments of strangers, which are checked and encoded here and
 * nowhere else. A bad argument makes the command bad; the bytes stay home. */
#ifndef TERN_IMAP_COMMAND_H
#define TERN_IMAP_COMMAND_H

#include <stdbool.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/seqset.h"
#include "tern/base/str.h"
#include "tern/base/vec.h"

enum {
	COMMAND_MAX_STRING = 64 * 1024,
	COMMAND_MAX_QUOTED = 1000, /* longer ones go as literals */
	COMMAND_MAX_UIDS = 900,	   /* octets of UIDs: a line below 1000 suits all servers */
	COMMAND_MAX_UIDS_LONG = 7000, /* with CONDSTORE (RFC 7162, 4) */
};

struct command_text {
	struct buf wire;	/* without tag and CR LF at the ends */
	VEC(size_t) pauses;	/* positions in wire where "+" must come first */
	bool has_literal_plus;	/* any size */
	bool has_literal_minus; /* up to 4096 octets */
	bool is_secret;
	struct err err; /* ERR_NONE, or why it cannot be sent */
};

void command_init(struct command_text *c);
void command_release(struct command_text *c); /* wipes */
void command_adds(struct command_text *c, const char *words); /* our own */
void command_addf(struct command_text *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* As a quoted string, or a literal; no CR, LF, NUL. */
void command_string(struct command_text *c, struct str s);
void command_secret(struct command_text *c, struct str s);
void command_mailbox(struct command_text *c, struct str wire_name);
/* A flag's keyword: an atom. */
void command_keyword(struct command_text *c, struct str keyword);
/* "HEADER", "1.2.MIME", "": digits, dots and the words of RFC 3501. */
void command_section(struct command_text *c, struct str section);

#endif
