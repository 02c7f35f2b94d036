/* What the interface and the manager must name alike, besides their frames; and
 * how the one starts the other. Implemented in ipc, so that both may use it.
 *
 * The manager of a store listens on a socket named by a hash of the state
 * directory's path. An interface connects; if nobody listens it takes the lock
 * in the state directory, binds, and starts tern-session, which inherits the
 * listening socket as descriptor 3 and the locked lock file as 4, and finds its
 * directories as we do, from the environment. Whoever does not get the lock
 * connects again a little later. */
#ifndef TERN_SESSION_H
#define TERN_SESSION_H

#include "tern/base/err.h"

#define SESSION_LISTEN_FD 3
#define SESSION_LOCK_FD 4
#define SESSION_PROGRAM "tern-session"
#define SESSION_LOCK_NAME "lock" /* in the state directory; flock() */

/* Below fs_runtime_dir(). Yours to free; NULL with *err. */
char *session_socket_path(const char *state_dir, struct err *err);
/* Connect to the manager, starting it if there is none. Returns the connected
 * descriptor. WAIT: another interface is just starting it, or it is just leaving:
 * try again in a few milliseconds. Anything else will not go away by itself. */
int session_connect(const char *state_dir, struct err *err);
/* What to do about a manager that said this in its HELLO. */
enum session_match {
	SESSION_FITS,
	SESSION_IS_OLDER, /* ask it to FINISH, connect again once it hung up */
	SESSION_IS_NEWER, /* this program is the old one: give up with a sentence */
};
enum session_match session_match(unsigned protocol, unsigned schema, const char *build,
				 unsigned our_schema);

enum account_state {
	ACCOUNT_OFFLINE = 0, /* not asked for anything yet */
	ACCOUNT_CONNECTING,
	ACCOUNT_READY,	 /* in step, or busy as the text says */
	ACCOUNT_BUSY,
	ACCOUNT_WAITING, /* no network or server: retry_wall says when */
	ACCOUNT_STOPPED, /* needs the user: password, certificate */
	ACCOUNT_ASKING,	 /* some interface shows the user the question */
};

enum question_kind {
	QUESTION_PASSWORD = 1,
	QUESTION_TOKEN,	      /* an OAuth access token, from $imap_oauth_refresh_command */
	QUESTION_CERTIFICATE, /* reject, accept once, pin */
};

enum answer_verdict {
	ANSWER_NO = 0, /* reject; also: nothing to answer with, or prompt dismissed */
	ANSWER_YES = 1, /* the text holds it; certificate: accept once */
	ANSWER_ALWAYS = 2, /* certificate: pin */
};

/* How a mailbox was brought into step, W_OPENED.path. */
enum open_path {
	OPEN_COLD = 0,
	OPEN_QRESYNC,
	OPEN_PLAIN, /* no QRESYNC here: W_UIDS and W_FLAGS follow */
};

#endif
