/* One end of a stream socket: a queue of frames out, whole frames in. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/base/vec.h"
#include "tern/ipc.h"

#define HEADER_BYTES 16
#define MAX_FDS_IN 16
#define COMMON_BYTES 8192

/* A descriptor travels with the first byte of its frame. */
struct out_fd {
	uint64_t at; /* position in the stream of bytes sent */
	int fd;
};

struct ipc_conn {
	int fd;
	struct buf in;
	size_t in_done; /* bytes of `in` already given out */
	size_t in_wiped; /* of them, those overwritten */
	struct buf out;
	size_t out_done;
	bool is_cut; /* a frame did not fit: what came after it would mislead */
	uint64_t sent; /* bytes written in all: position of out_done */
	VEC(struct out_fd) out_fds;
	VEC(int) in_fds; /* received, not yet given out */
};

/* ---- buffers that may hold secrets: nothing of them is left behind ---------------- */

/* Room for more, without what realloc() would leave where it was. */
static void
grow(struct buf *b, size_t extra)
{
	struct buf larger = BUF_INIT;

	if (b->len + extra < b->cap)
		return;
	buf_reserve(&larger, b->len + extra > 2 * b->cap ? b->len + extra : 2 * b->cap);
	buf_addstr(&larger, buf_str(b));
	buf_wipe(b);
	*b = larger;
}

static void
drop_head(struct buf *b, size_t n)
{
	size_t had = b->len;

	if (n == 0)
		return;
	buf_consume(b, n);
	/* What moved down is still there behind the end. */
	wipe(b->ptr + b->len, had - b->len);
}

/* ---- a connection ---------------------------------------------------------------- */

struct ipc_conn *
ipc_conn_new(int fd)
{
	struct ipc_conn *c = xcalloc(1, sizeof(*c));

	fs_set_nonblocking(fd);
	fs_set_cloexec(fd);
	c->fd = fd;
	buf_init(&c->in);
	buf_init(&c->out);
	return c;
}

void
ipc_conn_free(struct ipc_conn *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->out_fds.n; i++)
		close(c->out_fds.v[i].fd);
	for (size_t i = 0; i < c->in_fds.n; i++)
		close(c->in_fds.v[i]);
	vec_release(&c->out_fds);
	vec_release(&c->in_fds);
	/* Frames may have carried secrets. */
	buf_wipe(&c->in);
	buf_wipe(&c->out);
	close(c->fd);
	free(c);
}

int
ipc_fd(const struct ipc_conn *c)
{
	return c->fd;
}

size_t
ipc_queued_bytes(const struct ipc_conn *c)
{
	return c->out.len - c->out_done;
}

bool
ipc_wants_write(const struct ipc_conn *c)
{
	return ipc_queued_bytes(c) > 0;
}

int
ipc_send(struct ipc_conn *c, enum msg_type type, uint64_t id, struct str payload, int fd,
	 struct err *err)
{
	/* How long one is may be a stranger's doing. */
	if (payload.len > IPC_MAX_PAYLOAD) {
		c->is_cut = true;
		return err_set(err, ERR_GONE, "frame '%s' of %zu bytes", msg_type_name(type),
			       payload.len);
	}
	c->is_cut |= ipc_queued_bytes(c) + payload.len > IPC_MAX_QUEUED;
	if (c->is_cut)
		return err_set(err, ERR_GONE, "the other program does not read its frames");
	if (fd >= 0) {
		int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (copy < 0)
			return err_errno(err, errno, "cannot pass a descriptor on");
		struct out_fd of = { c->sent + ipc_queued_bytes(c), copy };
		vec_push(&c->out_fds, of);
	}
	grow(&c->out, HEADER_BYTES + payload.len);
	ipc_put_u32(&c->out, (uint32_t)payload.len);
	ipc_put_u16(&c->out, (uint16_t)type);
	ipc_put_u16(&c->out, fd >= 0 ? 1 : 0);
	ipc_put_u64(&c->out, id);
	buf_addstr(&c->out, payload);
	return 0;
}

int
ipc_send_encoded(struct ipc_conn *c, enum msg_type type, uint64_t id, int fd,
		 void (*put)(struct buf *, const void *), const void *m, struct err *err)
{
	struct buf payload = BUF_INIT;

	/* Room first: whatever holds a secret fits, and growing would leave it behind. */
	buf_reserve(&payload, COMMON_BYTES);
	put(&payload, m);
	int status = ipc_send(c, type, id, buf_str(&payload), fd, err);
	buf_wipe(&payload);
	return status;
}

/* How much may go out in one sendmsg(): up to the byte that carries the next
 * descriptor. */
static size_t
next_piece(const struct ipc_conn *c, int *fd_out)
{
	size_t left = ipc_queued_bytes(c);

	*fd_out = -1;
	for (size_t i = 0; i < c->out_fds.n && i < 2; i++) {
		if (c->out_fds.v[i].at == c->sent)
			*fd_out = c->out_fds.v[i].fd;
		else if (c->out_fds.v[i].at - c->sent < left)
			left = (size_t)(c->out_fds.v[i].at - c->sent);
	}
	return left;
}

int
ipc_flush(struct ipc_conn *c, struct err *err)
{
	if (c->is_cut)
		return err_set(err, ERR_GONE, "the other program does not read its frames");
	while (ipc_wants_write(c)) {
		int fd;
		struct iovec iov = { c->out.ptr + c->out_done, next_piece(c, &fd) };
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control;
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		if (fd >= 0) {
			memset(&control, 0, sizeof(control));
			msg.msg_control = control.bytes;
			msg.msg_controllen = sizeof(control.bytes);
			struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
			cm->cmsg_level = SOL_SOCKET;
			cm->cmsg_type = SCM_RIGHTS;
			cm->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(cm), &fd, sizeof(int));
		}
		ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0)
			return err_set(err, ERR_GONE, "the other program is gone");
		if (fd >= 0 && n > 0) {
			close(fd);
			vec_remove(&c->out_fds, 0);
		}
		wipe(c->out.ptr + c->out_done, (size_t)n);
		c->out_done += (size_t)n;
		c->sent += (uint64_t)n;
		if (c->out_done == c->out.len) {
			buf_reset(&c->out);
			c->out_done = 0;
		} else if (c->out_done > 65536 && c->out_done > c->out.len / 2) {
			/* Not more often: moving the rest of a long queue costs. */
			drop_head(&c->out, c->out_done);
			c->out_done = 0;
		}
	}
	return 0;
}

static int
take_fds(struct ipc_conn *c, struct msghdr *msg, struct err *err)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm != NULL; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
			vec_push(&c->in_fds, fd);
		}
	}
	if (c->in_fds.n > MAX_FDS_IN || (msg->msg_flags & MSG_CTRUNC))
		return err_set(err, ERR_PROTO, "too many descriptors in frames");
	return 0;
}

/* What was given out has been used. */
static void
wipe_used(struct ipc_conn *c)
{
	wipe(c->in.ptr + c->in_wiped, c->in_done - c->in_wiped);
	c->in_wiped = c->in_done;
}

int
ipc_fill(struct ipc_conn *c, struct err *err)
{
	wipe_used(c);
	drop_head(&c->in, c->in_done);
	c->in_done = c->in_wiped = 0;
	size_t had = c->in.len;

	/* Bounded: one frame at most waits incomplete, and a fast sender must not
	 * keep us from the rest of the loop. */
	while (c->in.len < 2 * IPC_MAX_PAYLOAD) {
		char control[CMSG_SPACE(8 * sizeof(int))];
		grow(&c->in, 65536);
		struct iovec iov = { c->in.ptr + c->in.len, 65536 };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control,
				      .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		/* Its last words first: the end is told by the next call. */
		if (n <= 0 && c->in.len > had)
			return 0;
		if (n <= 0)
			return err_set(err, ERR_GONE, "the other program is gone");
		c->in.len += (size_t)n;
		c->in.ptr[c->in.len] = '\0';
		if (take_fds(c, &msg, err) < 0)
			return -1;
	}
	return 0;
}

int
ipc_next(struct ipc_conn *c, struct ipc_frame *f, struct err *err)
{
	wipe_used(c);
	struct str have = str_from(buf_str(&c->in), c->in_done);

	if (have.len < HEADER_BYTES)
		return 0;
	struct ipc_reader r = { str_head(have, HEADER_BYTES), false };
	uint32_t len = ipc_get_u32(&r);
	f->type = ipc_get_u16(&r);
	f->flags = ipc_get_u16(&r);
	f->id = ipc_get_u64(&r);
	f->fd = -1;
	if (len > IPC_MAX_PAYLOAD)
		return err_set(err, ERR_PROTO, "frame of %u bytes", len);
	if (have.len - HEADER_BYTES < len)
		return 0;
	f->payload = str_head(str_from(have, HEADER_BYTES), len);
	if (f->flags & 1) {
		if (c->in_fds.n == 0)
			return err_set(err, ERR_PROTO, "a frame came without its descriptor");
		f->fd = c->in_fds.v[0];
		vec_remove(&c->in_fds, 0);
	}
	c->in_done += HEADER_BYTES + len;
	return 1;
}
