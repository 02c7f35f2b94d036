/* The stream: the states, and the one way for bytes in and out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

enum { STAGE_SIZE = 16 * 1024 }; /* one TLS record */

struct net_stream {
	enum net_state state;
	struct err error;
	int64_t deadline_ms; /* of RESOLVING and HANDSHAKE */
	char *label, *host, *accepted;
	uint16_t port;
	enum net_tls mode;
	struct buf pins;
	char *pins_name;
	struct resolver resolver;
	struct dialer dialer;
	struct tunnel tunnel;
	int fd;
	char peer[96];
	bool is_loopback;
	struct tls *tls; /* made at the start unless the mode is NONE */
	bool is_tls_on;	 /* the handshake is done and the certificate accepted */
	struct net_cert cert;
	bool has_cert;
	bool is_paused;
	bool is_write_dead; /* writing failed: read what the server still says */
	struct err write_error;
	struct queue queue;
	struct deflate *deflate; /* NULL: not compressed */
	size_t stage_start, stage_end;
	char stage[STAGE_SIZE]; /* taken from the queue, being sent */
	char description[200];
};

/* --- States. ----------------------------------------------------------------- */

const char *
net_state_name(enum net_state state)
{
	static const char *const names[] = {
		[NET_RESOLVING] = "looking up", [NET_CONNECTING] = "connecting",
		[NET_HANDSHAKE] = "setting up TLS", [NET_QUESTION] = "certificate in doubt",
		[NET_OPEN] = "open", [NET_FAILED] = "failed",
	};

	return (size_t)state < ARRAY_LEN(names) ? names[state] : "?";
}

static void
drop_output(struct net_stream *s)
{
	queue_release(&s->queue);
	wipe(s->stage, sizeof(s->stage));
	s->stage_start = s->stage_end = 0;
}

static void
fail(struct net_stream *s, const struct err *why)
{
	if (s->state == NET_FAILED)
		return;
	log_at(LOG_INFO, s->label, "%s failed: %s", net_state_name(s->state), why->text);
	s->state = NET_FAILED;
	s->error = *why;
	resolve_stop(&s->resolver);
	dial_stop(&s->dialer);
	drop_output(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void
enter(struct net_stream *s, enum net_state state, int64_t deadline_ms)
{
	s->state = state;
	s->deadline_ms = deadline_ms;
	log_at(LOG_DEBUG, s->label, "%s '%s'", net_state_name(state), s->host);
}

static void
enter_open(struct net_stream *s)
{
	if (s->is_tls_on)
		snprintf(s->description, sizeof(s->description), "%s %.60s %s",
			 tls_version(s->tls), tls_cipher(s->tls), s->peer);
	else
		snprintf(s->description, sizeof(s->description), "clear text %s", s->peer);
	enter(s, NET_OPEN, TICK_NEVER);
	log_at(LOG_INFO, s->label, "connected to '%s': %s", s->host, s->description);
}

/* --- The certificate. --------------------------------------------------------- */

static void
fail_cert(struct net_stream *s)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_CERT, "the certificate of '%s' was not accepted: %s", s->host,
		s->cert.reason);
	fail(s, &why);
}

static void
accept_cert(struct net_stream *s, const char *how)
{
	log_at(LOG_INFO, s->label, "certificate %s: %s", how, s->cert.sha256);
	s->is_tls_on = true;
	enter_open(s);
}

static bool
was_accepted_before(const struct net_stream *s)
{
	return s->accepted != NULL && s->cert.sha256[0] != '\0' &&
	       str_ieqc(str_c(s->accepted), s->cert.sha256);
}

static void
judge_cert(struct net_stream *s)
{
	struct err why = ERR_INIT;
	enum tls_verdict verdict = tls_judge(s->tls, &s->cert, &why);

	s->has_cert = true;
	if (verdict == TLS_REFUSED)
		fail(s, &why);
	else if (verdict == TLS_TRUSTED)
		accept_cert(s, "verified");
	else if (verdict == TLS_PINNED)
		accept_cert(s, "pinned");
	else if (was_accepted_before(s))
		accept_cert(s, "accepted by the user");
	else
		enter(s, NET_QUESTION, TICK_NEVER);
}

const struct net_cert *
net_cert(const struct net_stream *s)
{
	return s->has_cert ? &s->cert : NULL;
}

void
net_answer(struct net_stream *s, bool is_accepted)
{
	if (s->state != NET_QUESTION)
		return;
	if (is_accepted)
		accept_cert(s, "accepted by the user");
	else
		fail_cert(s);
}

/* --- From an address to an open stream. --------------------------------------- */

static void
step_handshake(struct net_stream *s, int64_t now_ms)
{
	struct err why = ERR_INIT;
	int done = tls_handshake(s->tls, s->fd, &why);

	if (done == 0 && now_ms >= s->deadline_ms)
		done = err_set(&why, ERR_WAIT, "'%s' does not answer in setting up TLS", s->host);
	if (done < 0)
		fail(s, &why);
	else if (done > 0)
		judge_cert(s);
}

/* A byte stream there is: of a socket, a tunnel, or handed to us. */
static void
enter_connected(struct net_stream *s, int64_t now_ms)
{
	if (s->mode != NET_TLS_IMPLICIT) {
		enter_open(s);
		return;
	}
	enter(s, NET_HANDSHAKE, now_ms + HANDSHAKE_MS);
	step_handshake(s, now_ms);
}

static void
step_connecting(struct net_stream *s, int64_t now_ms)
{
	struct err why = ERR_INIT;
	struct address peer;
	int done = dial_step(&s->dialer, now_ms, &s->fd, &peer);

	if (done < 0) {
		err_errno(&why, s->dialer.failure, "cannot connect to '%s' port %u", s->host,
			  s->port);
		why.kind = ERR_WAIT;
		fail(s, &why);
	} else if (done > 0) {
		address_text(&peer, s->peer, sizeof(s->peer));
		s->is_loopback = address_is_loopback(&peer);
		enter_connected(s, now_ms);
	}
}

static void
keep_loopback(struct addresses *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (address_is_loopback(&list->v[i]))
			list->v[n++] = list->v[i];
	list->n = n;
}

static void
enter_connecting(struct net_stream *s, struct addresses *list, int64_t now_ms)
{
	struct err why = ERR_INIT;

	resolve_stop(&s->resolver);
	if (s->mode == NET_TLS_NONE)
		keep_loopback(list);
	if (list->n == 0) {
		err_set(&why, ERR_USER, "cannot connect to '%s' in clear text: it is another "
			"machine", s->host);
		fail(s, &why);
		return;
	}
	dial_start(&s->dialer, list, now_ms);
	enter(s, NET_CONNECTING, TICK_NEVER);
	step_connecting(s, now_ms);
}

static void
step_resolving(struct net_stream *s, int64_t now_ms)
{
	struct err why = ERR_INIT;
	struct addresses list = { 0 };
	int done = resolve_step(&s->resolver, s->host, &list, &why);

	if (done == 0 && now_ms >= s->deadline_ms)
		done = err_set(&why, ERR_WAIT, "cannot find '%s': no answer in time", s->host);
	if (done < 0)
		fail(s, &why);
	else if (done > 0)
		enter_connecting(s, &list, now_ms);
}

static void
start_by_name(struct net_stream *s, int64_t now_ms)
{
	struct err why = ERR_INIT;
	struct addresses list = { 0 };

	if (resolve_locally(s->host, s->port, &list)) {
		enter_connecting(s, &list, now_ms);
		return;
	}
	enter(s, NET_RESOLVING, now_ms + RESOLVE_MS);
	if (resolve_start(&s->resolver, s->host, s->port, &why) < 0)
		fail(s, &why);
}

static void
start_tunnel(struct net_stream *s, const char *command, int64_t now_ms)
{
	struct err why = ERR_INIT;

	snprintf(s->peer, sizeof(s->peer), "by a tunnel");
	log_at(LOG_INFO, s->label, "tunnel: starting %s", command);
	if (tunnel_start(&s->tunnel, command, &s->fd, &why) < 0)
		fail(s, &why);
	else
		enter_connected(s, now_ms);
}

/* --- Opening and closing. ------------------------------------------------------ */

/* What look-up, TLS and log can bear; a name with other letters is written in
 * its xn-- form. */
static int
check_host(const char *host, struct err *err)
{
	struct str h = str_c(host);

	for (size_t i = 0; i < h.len; i++) {
		unsigned char c = (unsigned char)h.ptr[i];
		if (c >= 0x80)
			return err_set(err, ERR_USER,
				       "cannot use '%.100s': write the host name in its xn-- form",
				       host);
		if (!ascii_is_alnum(c) && strchr(".-_:%", c) == NULL)
			return err_set(err, ERR_USER, "'%.100s' is not a host name", host);
	}
	if (h.len == 0 || h.len > 253)
		return err_set(err, ERR_USER, "'%.100s' is not a host name", host);
	return 0;
}

static int
check_params(const struct net_params *p, struct err *err)
{
	if (p->host == NULL)
		return err_set(err, ERR_USER, "no host is given");
	if (check_host(p->host, err) < 0)
		return -1;
	if (p->tunnel != NULL)
		return 0;
	if (p->port == 0)
		return err_set(err, ERR_USER, "no port is given for '%s'", p->host);
	if (p->tls == NET_TLS_NONE && !p->allow_cleartext)
		return err_set(err, ERR_USER, "will not connect to '%s' in clear text", p->host);
	return 0;
}

/* "host." names the same machine, but no certificate is made out so. */
static char *
host_of(const struct net_params *p)
{
	struct str h = str_c(p->host);

	if (h.len > 1 && str_ends(h, "."))
		h.len--;
	return str_dup(h);
}

static int
make_tls(struct net_stream *s, const struct net_params *p, struct err *err)
{
	struct tls_params params = { .host = s->host,
				     .port = s->port,
				     .ca_file = p->ca_file,
				     .pins = buf_str(&s->pins),
				     .pins_name = s->pins_name };

	if (s->mode == NET_TLS_NONE)
		return 0;
	s->tls = tls_new(&params, err);
	return s->tls != NULL ? 0 : -1;
}

static struct net_stream *
make_stream(const struct net_params *p, struct err *err)
{
	if (check_params(p, err) < 0)
		return NULL;
	struct net_stream *s = xcalloc(1, sizeof(*s));
	s->fd = -1;
	s->tunnel.stderr_fd = -1;
	s->deadline_ms = TICK_NEVER;
	s->label = xstrdup(p->label != NULL ? p->label : "net");
	s->host = host_of(p);
	s->port = p->port;
	s->mode = p->tls;
	s->accepted = xstrdup(p->accepted_sha256);
	s->pins_name = xstrdup(p->pins_name);
	buf_init(&s->pins);
	buf_addstr(&s->pins, p->pins);
	if (make_tls(s, p, err) < 0) {
		net_close(s);
		return NULL;
	}
	return s;
}

struct net_stream *
net_open(const struct net_params *p, int64_t now_ms, struct err *err)
{
	struct net_stream *s = make_stream(p, err);

	if (s == NULL)
		return NULL;
	if (p->tunnel != NULL)
		start_tunnel(s, p->tunnel, now_ms);
	else
		start_by_name(s, now_ms);
	return s;
}

static bool
is_fd_local(int fd)
{
	struct address a = { .len = sizeof(a.sa) };

	if (getpeername(fd, &a.sa.any, &a.len) < 0)
		return false;
	return a.sa.any.sa_family == AF_UNIX || address_is_loopback(&a);
}

struct net_stream *
net_open_fd(int fd, const struct net_params *p, int64_t now_ms, struct err *err)
{
	struct net_stream *s = make_stream(p, err);

	if (s != NULL && s->mode == NET_TLS_NONE && !is_fd_local(fd)) {
		err_set(err, ERR_USER, "will not speak to '%s' in clear text", s->host);
		net_close(s);
		s = NULL;
	}
	if (s == NULL) {
		close(fd);
		return NULL;
	}
	fs_set_nonblocking(fd);
	fs_set_cloexec(fd);
	socket_options(fd);
	s->is_loopback = is_fd_local(fd);
	s->fd = fd;
	snprintf(s->peer, sizeof(s->peer), "by a socket handed over");
	enter_connected(s, now_ms);
	return s;
}

void
net_close(struct net_stream *s)
{
	if (s == NULL)
		return;
	if (s->state == NET_OPEN && s->fd >= 0) {
		net_flush(s, NULL);
		if (s->is_tls_on && !s->is_write_dead && s->fd >= 0)
			tls_bye(s->tls);
	}
	resolve_stop(&s->resolver);
	dial_stop(&s->dialer);
	drop_output(s);
	if (s->fd >= 0)
		close(s->fd);
	tls_free(s->tls);
	deflate_free(s->deflate);
	tunnel_read_stderr(&s->tunnel, s->label);
	tunnel_stop(&s->tunnel);
	buf_release(&s->pins);
	free(s->pins_name);
	free(s->accepted);
	free(s->host);
	free(s->label);
	free(s);
}

/* --- What it is. ----------------------------------------------------------------- */

enum net_state
net_state(const struct net_stream *s)
{
	return s->state;
}

const struct err *
net_error(const struct net_stream *s)
{
	return &s->error;
}

bool
net_has_tls(const struct net_stream *s)
{
	return s->is_tls_on;
}

/* A stream in NET_TLS_NONE came to be only by a tunnel, or to a loopback
 * address with leave. */
bool
net_is_secure(const struct net_stream *s)
{
	return s->is_tls_on || s->mode == NET_TLS_NONE;
}

const char *
net_describe(const struct net_stream *s)
{
	return s->description;
}

size_t
net_queued_bytes(const struct net_stream *s)
{
	return s->queue.size_bytes + (s->stage_end - s->stage_start) +
	       (s->deflate != NULL && deflate_has_output(s->deflate));
}

bool
net_is_loopback(const struct net_stream *s)
{
	return s->is_loopback;
}

bool
net_is_compressed(const struct net_stream *s)
{
	return s->deflate != NULL;
}

/* --- Waiting. ---------------------------------------------------------------------- */

static short
open_events(const struct net_stream *s)
{
	short events = s->is_paused ? 0 : POLLIN;

	if (s->is_tls_on && !s->is_paused)
		events |= tls_read_waits(s->tls);
	if (net_queued_bytes(s) > 0)
		events |= s->is_tls_on ? tls_write_waits(s->tls) : POLLOUT;
	return events;
}

size_t
net_poll(const struct net_stream *s, struct pollfd fds_out[NET_MAX_FDS])
{
	size_t n = 0;
	short events = 0;

	if (s->state == NET_RESOLVING)
		fds_out[n++] = (struct pollfd){ .fd = s->resolver.fd, .events = POLLIN };
	else if (s->state == NET_CONNECTING)
		n = dial_poll(&s->dialer, fds_out);
	else if (s->state == NET_HANDSHAKE)
		events = tls_read_waits(s->tls);
	else if (s->state == NET_OPEN)
		events = open_events(s);
	/* Not with no events: poll() would tell of a hang-up again and again. */
	if (events != 0)
		fds_out[n++] = (struct pollfd){ .fd = s->fd, .events = events };
	if (s->tunnel.stderr_fd >= 0 && s->tunnel.pid > 0)
		fds_out[n++] = (struct pollfd){ .fd = s->tunnel.stderr_fd, .events = POLLIN };
	return n;
}

void
net_pause(struct net_stream *s, bool is_paused)
{
	s->is_paused = is_paused;
}

int64_t
net_deadline(const struct net_stream *s)
{
	if (s->state == NET_CONNECTING)
		return dial_deadline(&s->dialer);
	return s->state == NET_FAILED ? TICK_NEVER : s->deadline_ms;
}

void
net_on_ready(struct net_stream *s, int64_t now_ms)
{
	if (s->tunnel.pid > 0)
		tunnel_read_stderr(&s->tunnel, s->label);
	switch (s->state) {
	case NET_RESOLVING:
		step_resolving(s, now_ms);
		break;
	case NET_CONNECTING:
		step_connecting(s, now_ms);
		break;
	case NET_HANDSHAKE:
		step_handshake(s, now_ms);
		break;
	case NET_OPEN:
		net_flush(s, NULL);
		break;
	case NET_QUESTION:
	case NET_FAILED:
		break;
	}
}

/* --- Bytes in. ------------------------------------------------------------------------ */

static int
not_open(const struct net_stream *s, struct err *err)
{
	if (s->state == NET_FAILED) {
		if (err != NULL)
			*err = s->error;
		return -1;
	}
	return err_set(err, ERR_SYSTEM, "the connection to '%s' is not open", s->host);
}

static ssize_t
read_clear(struct net_stream *s, void *out, size_t max, struct err *err)
{
	ssize_t n;

	do
		n = recv(s->fd, out, max, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n == 0)
		return err_set(err, ERR_GONE, "'%s' closed the connection", s->host);
	err_errno(err, errno, "the connection to '%s' was lost", s->host);
	err->kind = ERR_GONE;
	return -1;
}

/* A tunnel that ends says why on its stderr, hardly ever in the stream. */
static void
add_tunnel_words(struct net_stream *s, struct err *why)
{
	struct err with = ERR_INIT;

	if (s->tunnel.pid == 0)
		return;
	tunnel_read_stderr(&s->tunnel, s->label);
	if (s->tunnel.last_line[0] == '\0')
		err_set(&with, why->kind, "the tunnel has ended");
	else
		err_set(&with, why->kind, "the tunnel has ended: %.300s", s->tunnel.last_line);
	*why = with;
}

static ssize_t
read_failed(struct net_stream *s, struct err *why, struct err *err)
{
	if (why->kind == ERR_GONE)
		add_tunnel_words(s, why);
	fail(s, why);
	return not_open(s, err);
}

static ssize_t
read_wire(struct net_stream *s, void *out, size_t max, struct err *err)
{
	return s->is_tls_on ? tls_read(s->tls, out, max, err) : read_clear(s, out, max, err);
}

static ssize_t
read_compressed(struct net_stream *s, void *out, size_t max, struct err *err)
{
	for (;;) {
		ssize_t n = deflate_read(s->deflate, out, max, err);
		if (n != 0)
			return n;
		size_t room;
		void *to = deflate_room(s->deflate, &room);
		n = read_wire(s, to, room, err);
		if (n <= 0)
			return n;
		deflate_came(s->deflate, (size_t)n);
	}
}

ssize_t
net_read(struct net_stream *s, void *out, size_t max, struct err *err)
{
	struct err why = ERR_INIT;
	ssize_t n;

	if (s->state != NET_OPEN)
		return not_open(s, err);
	if (max == 0)
		return 0;
	n = s->deflate != NULL ? read_compressed(s, out, max, &why) : read_wire(s, out, max, &why);
	if (n < 0)
		return read_failed(s, &why, err);
	if (n == 0 && s->is_write_dead)
		return read_failed(s, &s->write_error, err);
	wire_log(s->label, "S:", str_n(out, (size_t)n), false);
	return n;
}

/* --- Bytes out. ------------------------------------------------------------------------ */

int
net_write(struct net_stream *s, const void *data, size_t len, enum net_write_flags flags,
	  struct err *err)
{
	if (s->state != NET_OPEN)
		return not_open(s, err);
	if ((flags & NET_SECRET) && !net_is_secure(s))
		return err_set(err, ERR_USER, "will not send a password to '%s' in clear text",
			       s->host);
	if (len > NET_MAX_QUEUED - net_queued_bytes(s))
		return err_set(err, ERR_SYSTEM, "too much waits to be sent to '%s'", s->host);
	wire_log(s->label, "C:", str_n(data, len), flags & NET_SECRET);
	if (!s->is_write_dead)
		queue_add(&s->queue, data, len);
	return 0;
}

static ssize_t
send_clear(struct net_stream *s, const void *data, size_t len, struct err *err)
{
	ssize_t n;

	do
		n = send(s->fd, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		return 0;
	err_errno(err, errno, "the connection to '%s' was lost", s->host);
	err->kind = ERR_GONE;
	return -1;
}

static bool
fill_stage(struct net_stream *s)
{
	if (s->stage_start == s->stage_end) {
		s->stage_start = 0;
		s->stage_end = s->deflate != NULL ?
				       deflate_take(s->deflate, &s->queue, s->stage, sizeof(s->stage)) :
				       queue_take(&s->queue, s->stage, sizeof(s->stage));
	}
	return s->stage_end > s->stage_start;
}

/* The stream does not fail here: a server that throws us out says why before
 * it closes, and that is still to be read. */
static void
stop_writing(struct net_stream *s, const struct err *why)
{
	log_at(LOG_INFO, s->label, "cannot write any more: %s", why->text);
	s->is_write_dead = true;
	s->write_error = *why;
	drop_output(s);
}

int
net_flush(struct net_stream *s, struct err *err)
{
	struct err why = ERR_INIT;

	if (s->state != NET_OPEN)
		return not_open(s, err);
	while (!s->is_write_dead && fill_stage(s)) {
		char *from = s->stage + s->stage_start;
		size_t len = s->stage_end - s->stage_start;
		ssize_t n = s->is_tls_on ? tls_write(s->tls, from, len, &why) :
						 send_clear(s, from, len, &why);
		if (n < 0)
			stop_writing(s, &why);
		if (n <= 0)
			break;
		wipe(from, (size_t)n);
		s->stage_start += (size_t)n;
	}
	return 0;
}

/* --- STARTTLS. ----------------------------------------------------------------------------- */

/* Bytes that came before the handshake would be taken for the server's after
 * it (CVE-2020-15953 and its kin): they end the connection. */
static int
check_nothing_waits(const struct net_stream *s, size_t n_unread, struct err *err)
{
	char byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n_unread > 0 || n > 0)
		return err_set(err, ERR_PROTO,
			       "'%s' sent something between STARTTLS and TLS: somebody may be "
			       "tampering with the connection", s->host);
	if (net_queued_bytes(s) > 0)
		return err_set(err, ERR_PROTO, "a command waits behind STARTTLS");
	if (n == 0)
		return err_set(err, ERR_GONE, "'%s' closed the connection", s->host);
	return 0;
}

int
net_start_tls(struct net_stream *s, size_t n_unread, int64_t now_ms, struct err *err)
{
	struct err why = ERR_INIT;

	if (s->state != NET_OPEN)
		return not_open(s, err);
	if (s->mode != NET_TLS_START || s->is_tls_on)
		return err_set(err, ERR_SYSTEM, "this connection is not to start TLS");
	if (check_nothing_waits(s, n_unread, &why) < 0) {
		fail(s, &why);
		return not_open(s, err);
	}
	enter(s, NET_HANDSHAKE, now_ms + HANDSHAKE_MS);
	step_handshake(s, now_ms);
	return 0;
}

/* --- Compression. --------------------------------------------------------------------------- */

int
net_compress(struct net_stream *s, struct str unread, struct err *err)
{
	size_t room;

	if (s->state != NET_OPEN)
		return not_open(s, err);
	if (s->deflate != NULL || net_queued_bytes(s) > 0)
		return err_set(err, ERR_SYSTEM, "this connection is not to be compressed now");
	s->deflate = deflate_new();
	void *to = deflate_room(s->deflate, &room);
	if (unread.len > room)
		return err_set(err, ERR_PROTO, "'%s' sent too much behind its answer", s->host);
	if (unread.len > 0)
		memcpy(to, unread.ptr, unread.len);
	deflate_came(s->deflate, unread.len);
	log_at(LOG_INFO, s->label, "compressed from here on");
	return 0;
}
