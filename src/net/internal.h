/* The layers of a stream, lowest first: addresses (resolve.c), sockets
 * (connect.c) or a tunnel (tunnel.c), TLS (tls.c), compression (deflate.c), and
 * the stream itself (stream.c), which alone knows the states. Each layer takes steps: 1 done,
 * 0 not yet, -1 failed with *err. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "tern/base/buf.h"
#include "tern/net.h"

enum {
	RESOLVE_MS = 10 * 1000,
	CONNECT_MS = 10 * 1000, /* for each address */
	NEXT_ADDRESS_MS = 250,	/* RFC 8305 */
	HANDSHAKE_MS = 10 * 1000,
	MAX_ADDRESSES = 16,
	MAX_ATTEMPTS = 8 /* at a time */
};

/* resolve.c */

struct address {
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
};

struct addresses {
	size_t n;
	struct address v[MAX_ADDRESSES];
};

/* A look-up that runs in a child, because getaddrinfo() cannot be cancelled. */
struct resolver {
	pid_t pid; /* 0 when there is none */
	int fd;
	struct buf answer;
};

bool address_is_loopback(const struct address *a);
void address_text(const struct address *a, char *out, size_t size); /* "::1 port 993" */
/* An address or a name of this machine, without asking anybody: true if so. */
bool resolve_locally(const char *host, uint16_t port, struct addresses *out);
int resolve_start(struct resolver *r, const char *host, uint16_t port, struct err *err);
int resolve_step(struct resolver *r, const char *host, struct addresses *out, struct err *err);
void resolve_stop(struct resolver *r);
/* Take turns between the families, the first one's first (RFC 8305, 4). */
void addresses_interleave(struct addresses *list);

/* connect.c */

struct attempt {
	int fd;
	size_t address;
	int64_t deadline_ms;
};

struct dialer {
	struct addresses list;
	size_t next;	    /* address not tried yet */
	int64_t next_at_ms; /* when to start it although others still wait */
	size_t n_attempts;
	struct attempt attempts[MAX_ATTEMPTS];
	int failure; /* errno to tell of */
};

void dial_start(struct dialer *d, const struct addresses *list, int64_t now_ms);
/* 1: *fd_out is connected to *peer_out. */
int dial_step(struct dialer *d, int64_t now_ms, int *fd_out, struct address *peer_out);
size_t dial_poll(const struct dialer *d, struct pollfd *fds_out);
int64_t dial_deadline(const struct dialer *d);
void dial_stop(struct dialer *d);
void socket_options(int fd); /* keep-alive, no delay; for sockets that know them */

/* tunnel.c */

struct tunnel {
	pid_t pid; /* 0 when there is none; leads its process group */
	int stderr_fd;
	char last_line[391]; /* what it said last on stderr, made safe */
	struct buf partial;
};

int tunnel_start(struct tunnel *t, const char *command, int *fd_out, struct err *err);
void tunnel_read_stderr(struct tunnel *t, const char *label);
void tunnel_stop(struct tunnel *t);

/* tls.c */

struct tls;

struct tls_params {
	const char *host;
	uint16_t port;
	const char *ca_file;
	struct str pins;
	const char *pins_name;
};

enum tls_verdict { TLS_TRUSTED, TLS_PINNED, TLS_DOUBTFUL, TLS_REFUSED };

/* Reads the authorities; what follows opens files of the system's store only. */
struct tls *tls_new(const struct tls_params *p, struct err *err);
void tls_free(struct tls *t);
int tls_handshake(struct tls *t, int fd, struct err *err);
/* After the handshake: what to think of the certificate; fills *cert. For
 * TLS_REFUSED (a pin that differs) *err says why. */
enum tls_verdict tls_judge(struct tls *t, struct net_cert *cert, struct err *err);
/* Bytes, 0 for not now, -1 with *err. */
ssize_t tls_read(struct tls *t, void *out, size_t max, struct err *err);
ssize_t tls_write(struct tls *t, const void *data, size_t len, struct err *err);
void tls_bye(struct tls *t);
/* What the last call that could not go on waits for: POLLIN or POLLOUT. */
short tls_read_waits(const struct tls *t);
short tls_write_waits(const struct tls *t);
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);

/* cert.c */

struct x509_st; /* OpenSSL's X509 */

/* Describe `x` for people, with a sentence per problem; `other_error` is the
 * X509_V_ERR_* of NET_CERT_OTHER. */
void cert_describe(struct net_cert *cert, struct x509_st *x, unsigned problems, int other_error);

/* pin.c */

enum pin_state { PIN_NONE, PIN_MATCHES, PIN_DIFFERS };

/* What `pins` says of this host's key; *line_out is the line that differs. */
enum pin_state pin_find(struct str pins, const char *host, uint16_t port,
			const char *key_sha256, int *line_out);

/* wirelog.c */

void wire_log(const char *label, const char *direction, struct str bytes, bool is_secret);

/* queue.c: bytes to send, in pieces that never move, so that each can be wiped */

struct piece;
struct queue {
	struct piece *first, *last;
	size_t size_bytes;
};

void queue_add(struct queue *q, const void *data, size_t len);
/* Move up to `max` bytes from the front to `out`. */
size_t queue_take(struct queue *q, void *out, size_t max);
void queue_release(struct queue *q);

/* deflate.c */

struct deflate;

struct deflate *deflate_new(void);
void deflate_free(struct deflate *d); /* NULL is fine */
/* Where compressed bytes are to be put; deflate_came() says how many were. */
void *deflate_room(struct deflate *d, size_t *room_out);
void deflate_came(struct deflate *d, size_t n);
/* What they mean: 0 when more are needed, -1 (PROTO) when they mean nothing. */
ssize_t deflate_read(struct deflate *d, void *out, size_t max, struct err *err);
/* Up to `max` compressed bytes of what is queued, whole for the server to read once
 * the queue is empty. */
size_t deflate_take(struct deflate *d, struct queue *q, void *out, size_t max);
bool deflate_has_output(const struct deflate *d);

#endif
