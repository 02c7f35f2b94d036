/* tern-render: a message file in, its document out.
 *
 * Started by the manager with the message open as descriptor 3 and a stream to
 * an interface as 4. Everything that a message could break is broken here, in a
 * process that can do nothing else; one message, then it ends. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

enum { MESSAGE_FD = 3, STREAM_FD = 4 };

#define MAX_MESSAGE_BYTES (256ul * 1024 * 1024)

/* Not exit(): what runs there is not needed, and not always allowed. */
static _Noreturn void
fail(struct ipc_conn *c, const struct err *err)
{
	struct msg_failed m = { .kind = (uint8_t)err->kind, .text = str_c(err->text) };

	if (c != NULL && IPC_SEND(c, FAILED, failed, 0, -1, &m, NULL) == 0)
		ipc_flush(c, NULL);
	_exit(1);
}

static void
wait_for(struct ipc_conn *c, short events)
{
	struct pollfd p = { ipc_fd(c), events, 0 };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* One frame is one piece of the document; wait until the socket takes it, so
 * that no more than that is ever held. */
static void
send_frame(enum msg_type type, struct str payload, void *ctx)
{
	struct ipc_conn *c = ctx;
	struct err err = ERR_INIT;

	if (ipc_send(c, type, 0, payload, -1, &err) < 0)
		_exit(1);
	while (ipc_flush(c, &err) == 0) {
		if (!ipc_wants_write(c))
			return;
		wait_for(c, POLLOUT);
	}
	_exit(0); /* nobody wants the rest */
}

static void
read_options(struct ipc_conn *c, struct msg_render *options)
{
	struct ipc_frame f;
	struct err err = ERR_INIT;
	static struct buf payload = BUF_INIT; /* the options point into it */
	bool is_open = true;
	int n;

	while ((n = ipc_next(c, &f, &err)) == 0) {
		if (!is_open)
			_exit(0);
		wait_for(c, POLLIN);
		is_open = ipc_fill(c, &err) == 0;
	}
	if (n < 0)
		fail(c, &err);
	buf_addstr(&payload, f.payload);
	if (f.type != MSG_RENDER) {
		err_set(&err, ERR_PROTO, "the renderer was not told how to show the message");
		fail(c, &err);
	}
	if (msg_get_render(buf_str(&payload), options, &err) < 0)
		fail(c, &err);
}

/* Mapped, because a message with its attachments need not be read whole. */
static struct str
open_message(struct ipc_conn *c, bool *is_cut)
{
	struct stat st;
	struct err err = ERR_INIT;

	if (fstat(MESSAGE_FD, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(&err, ERR_SYSTEM, "cannot read the message's file");
		fail(c, &err);
	}
	size_t len = (size_t)st.st_size;
	*is_cut = len > MAX_MESSAGE_BYTES;
	if (*is_cut)
		len = MAX_MESSAGE_BYTES;
	if (len == 0)
		return STR("");
	void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, MESSAGE_FD, 0);
	if (map == MAP_FAILED) {
		err_errno(&err, errno, "cannot read the message's file");
		fail(c, &err);
	}
	return str_n(map, len);
}

int
main(void)
{
	struct err err = ERR_INIT;
	struct msg_render options;
	bool is_cut;

	mime_charset_preload();
	struct ipc_conn *c = ipc_conn_new(STREAM_FD);
	if (sandbox_enter(&err) < 0)
		fail(c, &err);
	read_options(c, &options);
	struct str message = open_message(c, &is_cut);
	render_message(message, is_cut, &options, send_frame, c);
	_exit(0);
}
