/* One connection to a server: name look-up, sockets, TLS, or a tunnel command,
 * behind one non-blocking stream. For tern-imap; one thread.
 *
 * Promises. No call waits: each does what can be done now and says through
 * net_poll() and net_deadline() when to come again. net_close() cancels in any
 * state and leaves no process behind. No byte of the program's is sent, and
 * none of the server's is handed out, before the certificate was accepted.
 * What is written with NET_SECRET is refused on a stream that is not secure,
 * never logged, and wiped when it is sent. End of file is an error, always.
 *
 * The loop:
 *	n = net_poll(s, fds);  poll(fds, n, timer...);  net_on_ready(s, now);
 *	look at net_state(); when NET_OPEN: net_read() until 0, net_write().
 *
 * Kinds of error: USER (a parameter), WAIT (cannot be reached, for now), GONE
 * (was open and is lost), PROTO (not TLS, too old, injected bytes), CERT (the
 * certificate was rejected, or is not the pinned one), SYSTEM.
 *
 * Files and processes are needed only until the first NET_OPEN with TLS on;
 * afterwards read, write, recvfrom, sendto, poll, close, shutdown do, and for a
 * tunnel kill, waitid and wait4 in net_close(). */
#ifndef TERN_NET_H
#define TERN_NET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "tern/base/err.h"
#include "tern/base/str.h"

enum net_tls {
	NET_TLS_IMPLICIT, /* from the first byte (imaps) */
	NET_TLS_START,	  /* opens in the clear; net_start_tls() must follow */
	NET_TLS_NONE	  /* a tunnel; else a loopback address, if allowed */
};

struct net_params {
	const char *label; /* names the connection in the log: "work/inbox" */
	const char *host;  /* name or address; also what the certificate must name */
	uint16_t port;
	const char *tunnel; /* NULL, or run by `sh -c` instead of connecting; from the rc alone */
	enum net_tls tls;
	bool allow_cleartext; /* NET_TLS_NONE to a loopback address may be */
	const char *ca_file;  /* NULL, or more authorities beside the system's */
	/* The content of $certificate_file: pins of ours, and PEM certificates,
	 * which are trusted like authorities. `pins_name` is for sentences. */
	struct str pins;
	const char *pins_name;
	/* NULL, or the fingerprint (net_cert.sha256) that the user has accepted
	 * for this run: no question is asked about it again. */
	const char *accepted_sha256;
};

enum net_state {
	NET_RESOLVING,
	NET_CONNECTING,
	NET_HANDSHAKE,
	NET_QUESTION, /* read net_cert(), then net_answer() or net_close() */
	NET_OPEN,
	NET_FAILED    /* read net_error(), then net_close() */
};

enum net_write_flags { NET_PLAIN = 0, NET_SECRET = 1 << 0 };

enum net_cert_problem {
	NET_CERT_EXPIRED = 1 << 0,
	NET_CERT_NOT_YET_VALID = 1 << 1,
	NET_CERT_WRONG_HOST = 1 << 2,
	NET_CERT_SELF_SIGNED = 1 << 3,
	NET_CERT_UNKNOWN_ISSUER = 1 << 4,
	NET_CERT_REVOKED = 1 << 5,
	NET_CERT_OTHER = 1 << 6,
	NET_CERT_PIN_CHANGED = 1 << 7 /* only with NET_FAILED: never a question */
};

/* A certificate for people: bounded, valid UTF-8 without control characters. */
struct net_cert {
	unsigned problems; /* of enum net_cert_problem */
	char reason[600];  /* a sentence per problem, joined by "; " */
	char host[256];
	uint16_t port;
	char subject[256];
	char issuer[256];
	char names[512]; /* host names and addresses it is for, with commas */
	int64_t not_before, not_after; /* seconds since 1970, UTC */
	char sha256[96];     /* of the certificate, AA:BB:... as openssl prints it */
	char key_sha256[65]; /* of its public key, lower case hex: what a pin holds */
};

struct net_stream;

#define NET_MAX_FDS 12
#define NET_MAX_QUEUED (64u * 1024 * 1024)

/* Start. NULL only for parameters that cannot work (USER, SYSTEM); everything
 * later is a state. Strings of `p` are copied. */
struct net_stream *net_open(const struct net_params *p, int64_t now_ms, struct err *err);
/* The same over a connected stream socket that we were handed (taken also on
 * failure). It counts as loopback exactly if its peer is one, or a socketpair. */
struct net_stream *net_open_fd(int fd, const struct net_params *p, int64_t now_ms,
			       struct err *err);
/* Cancel in any state, say goodbye if that costs no time, free. NULL is fine. */
void net_close(struct net_stream *s);

enum net_state net_state(const struct net_stream *s);
const char *net_state_name(enum net_state state); /* "looking up", "connecting"... */
const struct err *net_error(const struct net_stream *s); /* of NET_FAILED */
/* TLS, a tunnel, or a loopback address where clear text is allowed: what
 * NET_SECRET needs. */
bool net_is_secure(const struct net_stream *s);
bool net_has_tls(const struct net_stream *s);
/* For the log: "TLSv1.3 TLS_AES_256_GCM_SHA384 192.0.2.1 port 993". */
const char *net_describe(const struct net_stream *s);

/* What to wait for; returns how many were filled, at most NET_MAX_FDS. */
size_t net_poll(const struct net_stream *s, struct pollfd fds_out[NET_MAX_FDS]);
/* Do not ask poll() for bytes to read: the caller has enough for now. */
void net_pause(struct net_stream *s, bool is_paused);
/* When to call net_on_ready() at the latest; TICK_NEVER if only on readiness. */
int64_t net_deadline(const struct net_stream *s);
/* Do what can be done now: any number of calls is right. */
void net_on_ready(struct net_stream *s, int64_t now_ms);

/* Bytes read (> 0), 0 when there are none now, -1 when the stream is not open
 * or has just failed. Read until 0 before waiting: TLS holds bytes that poll()
 * does not see. */
ssize_t net_read(struct net_stream *s, void *out, size_t max, struct err *err);
/* Queue; it goes out with net_flush() or net_on_ready(), so what is queued
 * together leaves together. Fails if not open, for NET_SECRET on a stream that
 * is not secure, or when more than NET_MAX_QUEUED would wait. */
int net_write(struct net_stream *s, const void *data, size_t len, enum net_write_flags flags,
	      struct err *err);
int net_flush(struct net_stream *s, struct err *err); /* what the socket takes now */
size_t net_queued_bytes(const struct net_stream *s);

/* After the server's OK to STARTTLS. `n_unread` is how many bytes behind that
 * OK the caller has already read: must be 0, as must be what waits in either
 * direction, else PROTO and the stream fails. The state goes to NET_HANDSHAKE. */
int net_start_tls(struct net_stream *s, size_t n_unread, int64_t now_ms, struct err *err);

/* After the server's OK to COMPRESS DEFLATE (RFC 4978): both directions from here on.
 * `unread` is what was read behind that OK: compressed already. SYSTEM if it is
 * compressed, or something waits to be sent. */
int net_compress(struct net_stream *s, struct str unread, struct err *err);
bool net_is_compressed(const struct net_stream *s);
/* A loopback address: no byte is saved by compressing there. Of a tunnel nobody knows
 * where it ends. */
bool net_is_loopback(const struct net_stream *s);

/* The server's certificate: in NET_QUESTION, in NET_FAILED with CERT, and when
 * open with TLS; else NULL. Borrowed. */
const struct net_cert *net_cert(const struct net_stream *s);
/* In NET_QUESTION only: true opens, false fails with CERT. Storing the answer
 * is the caller's: accepted_sha256 next time, or net_pin_save(). */
void net_answer(struct net_stream *s, bool is_accepted);

/* Append the pin of `key_sha256` for host and port to $certificate_file (made
 * 0600 if missing): from then on this host has this key, whoever signs it, and
 * any other key is refused. Blocks on the disk; needs no OpenSSL; for the
 * manager. A PEM reader, mutt's too, skips the line. */
int net_pin_save(const char *path, const char *host, uint16_t port, const char *key_sha256,
		 struct err *err);

/* One timer for all deadlines of a loop: a descriptor that becomes readable at
 * `deadline_ms` of CLOCK_BOOTTIME, which counts time asleep too. */
int net_timer_open(struct err *err);
void net_timer_set(int timer_fd, int64_t deadline_ms); /* TICK_NEVER stops it; also clears */

#endif
