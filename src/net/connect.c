/* Happy eyeballs (RFC 8305): the next address is tried when one fails or has
 * not answered in 250 ms; the first that answers wins. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"
#include "tern/base/fs.h"
#include "tern/base/tick.h"

void
socket_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },	  { IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },	  { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 }, { IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	/* Comfort: a socket that does not know one is used all the same. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* Tell of a refusal rather than of a family that has no route here. */
static void
note_failure(struct dialer *d, int errno_value)
{
	if (d->failure == 0 || d->failure == ENETUNREACH || d->failure == EADDRNOTAVAIL ||
	    d->failure == EAFNOSUPPORT)
		d->failure = errno_value;
}

void
dial_start(struct dialer *d, const struct addresses *list, int64_t now_ms)
{
	memset(d, 0, sizeof(*d));
	d->list = *list;
	addresses_interleave(&d->list);
	d->next_at_ms = now_ms;
}

static void
try_next(struct dialer *d, int64_t now_ms)
{
	const struct address *a = &d->list.v[d->next];
	int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	d->next_at_ms = now_ms; /* unless this one is under way */
	if (fd < 0) {
		note_failure(d, errno);
		d->next++;
		return;
	}
	socket_options(fd);
	if (connect(fd, &a->sa.any, a->len) < 0 && errno != EINPROGRESS) {
		note_failure(d, errno);
		close(fd);
		d->next++;
		return;
	}
	d->attempts[d->n_attempts++] = (struct attempt){ fd, d->next++, now_ms + CONNECT_MS };
	d->next_at_ms = now_ms + NEXT_ADDRESS_MS;
}

/* 1 connected, 0 under way, -1 failed with errno. */
static int
check_attempt(const struct attempt *a, int64_t now_ms)
{
	struct pollfd p = { .fd = a->fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, 0) <= 0) {
		errno = ETIMEDOUT;
		return now_ms >= a->deadline_ms ? -1 : 0;
	}
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -1;
	errno = error;
	return error == 0 ? 1 : -1;
}

int
dial_step(struct dialer *d, int64_t now_ms, int *fd_out, struct address *peer_out)
{
	for (size_t i = 0; i < d->n_attempts;) {
		int result = check_attempt(&d->attempts[i], now_ms);
		if (result > 0) {
			*fd_out = d->attempts[i].fd;
			*peer_out = d->list.v[d->attempts[i].address];
			d->attempts[i] = d->attempts[--d->n_attempts];
			dial_stop(d);
			return 1;
		}
		if (result < 0) {
			note_failure(d, errno);
			close(d->attempts[i].fd);
			d->attempts[i] = d->attempts[--d->n_attempts];
			d->next_at_ms = now_ms;
		} else {
			i++;
		}
	}
	while (d->next < d->list.n && d->n_attempts < MAX_ATTEMPTS && now_ms >= d->next_at_ms)
		try_next(d, now_ms);
	return d->n_attempts > 0 || d->next < d->list.n ? 0 : -1;
}

size_t
dial_poll(const struct dialer *d, struct pollfd *fds_out)
{
	for (size_t i = 0; i < d->n_attempts; i++)
		fds_out[i] = (struct pollfd){ .fd = d->attempts[i].fd, .events = POLLOUT };
	return d->n_attempts;
}

int64_t
dial_deadline(const struct dialer *d)
{
	int64_t at = TICK_NEVER;

	if (d->next < d->list.n && d->n_attempts < MAX_ATTEMPTS)
		at = d->next_at_ms;
	for (size_t i = 0; i < d->n_attempts; i++)
		if (d->attempts[i].deadline_ms < at)
			at = d->attempts[i].deadline_ms;
	return at;
}

void
dial_stop(struct dialer *d)
{
	while (d->n_attempts > 0)
		close(d->attempts[--d->n_attempts].fd);
}
