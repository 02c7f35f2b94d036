/* Logging in: which mechanism, and what to say. A pure step machine: it sees
 * challenges and makes answers, the engine writes the lines.
 *
 *	a = auth_new(&params, &err);		NULL: nothing may be used here
 *	auth_is_login_command(a):		write LOGIN user password, as strings
 *						or literals, NET_SECRET; then wait
 *	else write "AUTHENTICATE " auth_mechanism(a), and if auth_first() gave
 *	text: " " text. For each "+ text": auth_step(), write its answer and CRLF.
 *	Tagged OK: auth_finish() must agree. Tagged NO or BAD: auth_refused().
 *
 * All answers are base64, complete, and go out with NET_SECRET. A password is
 * never put out when the connection is not secure. Challenges are hostile. */
#ifndef TERN_IMAP_AUTH_H
#define TERN_IMAP_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

struct auth_params {
	struct str mechanisms;	/* of the capabilities, without AUTH=, separated by blanks */
	bool has_sasl_ir;
	bool is_login_disabled;
	bool is_secure;		/* net_is_secure() */
	const char *user;
	struct str password;	/* empty if there is a token */
	struct str token;	/* an OAuth 2.0 access token, or empty */
	const char *host;	/* OAUTHBEARER tells them to the server */
	uint16_t port;
	const char *allowed;	/* $imap_authenticators: "scram-sha-256:plain", NULL for all;
				 * its order is the order of trying */
	unsigned tried;		/* auth_bit()s that were refused for other reasons than a
				 * wrong password: not again */
};

struct auth;

/* Choose the best that both sides have: OAUTHBEARER, XOAUTH2 with a token; else
 * SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN (mechanism), the LOGIN command, and
 * CRAM-MD5 only where `allowed` names it. NULL with AUTH (no common way, no
 * credentials), or USER (not secure, an unusable name). Copies what it needs. */
struct auth *auth_new(const struct auth_params *p, struct err *err);
void auth_free(struct auth *a); /* wipes; NULL is fine */

const char *auth_mechanism(const struct auth *a); /* "PLAIN"; "LOGIN" also for the command */
unsigned auth_bit(const struct auth *a);	  /* for auth_params.tried */
bool auth_is_login_command(const struct auth *a);
/* The initial response for the AUTHENTICATE line: 1 and text appended ("=" for
 * an empty one), 0 to send none and wait for "+", -1 with *err. */
int auth_first(struct auth *a, struct buf *out, struct err *err);
/* Answer the text behind "+ " (may be empty): 0 and the answer appended, which
 * may be an empty line; -1: write "*" and drop the connection. PROTO: the
 * server broke the mechanism; AUTH: it cannot prove that it knows the password,
 * and must not be given it in another way. */
int auth_step(struct auth *a, struct str challenge, struct buf *out, struct err *err);
/* On tagged OK: -1 with AUTH if the server owed a proof (SCRAM) and gave none. */
int auth_finish(struct auth *a, struct err *err);
/* On tagged NO or BAD: fills err with AUTH and the server's text, or the status
 * it gave for a token. Always -1. */
int auth_refused(struct auth *a, struct str server_text, struct err *err);

#endif
