/* What the interface and the manager must name alike, besides their frames. */
#ifndef TERN_SESSION_H
#define TERN_SESSION_H

enum account_state {
	ACCOUNT_OFFLINE = 0, /* not asked for anything yet */
	ACCOUNT_CONNECTING,
	ACCOUNT_READY,	 /* in step, or busy as the text says */
	ACCOUNT_BUSY,
	ACCOUNT_WAITING, /* no network or server: retry_wall says when */
	ACCOUNT_STOPPED, /* needs the user: password, certificate */
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
