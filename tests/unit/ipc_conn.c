/* ipc: frames over a socket, with peers that behave and peers that do not. */
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/ipc.h"

/* A connection and a raw socket at its other end. */
struct ends {
	struct ipc_conn *conn;
	int raw;
};

static struct ends
ends_new(void)
{
	struct err err = ERR_INIT;
	int fds[2];

	assert_int_equal(ipc_pair(fds, &err), 0);
	fs_set_nonblocking(fds[1]);
	return (struct ends){ ipc_conn_new(fds[0]), fds[1] };
}

static void
ends_free(struct ends *e)
{
	ipc_conn_free(e->conn);
	if (e->raw >= 0)
		close(e->raw);
}

static void
add_frame(struct buf *b, uint32_t len, uint16_t type, uint16_t flags, uint64_t id, const char *data)
{
	ipc_put_u32(b, len);
	ipc_put_u16(b, type);
	ipc_put_u16(b, flags);
	ipc_put_u64(b, id);
	buf_adds(b, data);
}

static void
write_raw(struct ends *e, struct str s)
{
	assert_int_equal(write(e->raw, s.ptr, s.len), (ssize_t)s.len);
}

static void
send_fds(int sock, const int *fds, size_t n, struct str data)
{
	char control[CMSG_SPACE(64 * sizeof(int))];
	struct iovec iov = { (void *)(uintptr_t)data.ptr, data.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(control, 0, sizeof(control));
	msg.msg_control = control;
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	assert_int_equal(sendmsg(sock, &msg, 0), (ssize_t)data.len);
}

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
test_round_trip(void **state)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	int fds[2];

	assert_int_equal(ipc_pair(fds, &err), 0);
	struct ipc_conn *a = ipc_conn_new(fds[0]), *b = ipc_conn_new(fds[1]);
	assert_int_equal(ipc_next(b, &f, &err), 0);
	assert_int_equal(ipc_fill(b, &err), 0);
	assert_int_equal(ipc_next(b, &f, &err), 0);
	assert_false(ipc_wants_write(a));
	assert_int_equal(ipc_send(a, MSG_DONE, 0x1122334455667788ULL, STR("one"), -1, &err), 0);
	assert_int_equal(ipc_send(a, MSG_CANCELED, 2, STR_NONE, -1, &err), 0);
	assert_true(ipc_wants_write(a));
	assert_int_equal(ipc_queued_bytes(a), 16 + 3 + 16);
	assert_int_equal(ipc_flush(a, &err), 0);
	assert_false(ipc_wants_write(a));
	assert_int_equal(ipc_fill(b, &err), 0);
	assert_int_equal(ipc_next(b, &f, &err), 1);
	assert_int_equal(f.type, MSG_DONE);
	assert_true(f.id == 0x1122334455667788ULL);
	assert_str(f.payload, "one");
	assert_int_equal(f.fd, -1);
	assert_int_equal(ipc_next(b, &f, &err), 1);
	assert_int_equal(f.type, MSG_CANCELED);
	assert_int_equal(f.payload.len, 0);
	assert_int_equal(ipc_next(b, &f, &err), 0);
	ipc_conn_free(a);
	assert_int_equal(ipc_fill(b, &err), -1);
	assert_err(err, ERR_GONE);
	ipc_conn_free(b);
	ipc_conn_free(NULL);
}

static void
assert_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

/* Where a frame was received nothing of it stays once it was used. */
static void
test_used_frames_are_overwritten(void **state)
{
	struct ends e = ends_new();
	struct err err = ERR_INIT;
	struct ipc_frame one, two, none;
	struct buf wire = BUF_INIT;

	add_frame(&wire, 6, 7, 0, 9, "xyzzy1");
	add_frame(&wire, 6, 7, 0, 10, "xyzzy2");
	write_raw(&e, buf_str(&wire));
	assert_int_equal(ipc_fill(e.conn, &err), 0);
	assert_int_equal(ipc_next(e.conn, &one, &err), 1);
	assert_str(one.payload, "xyzzy1");
	assert_int_equal(ipc_next(e.conn, &two, &err), 1);
	assert_zero(one.payload.ptr, 6);
	assert_str(two.payload, "xyzzy2");
	assert_int_equal(ipc_next(e.conn, &none, &err), 0);
	assert_zero(two.payload.ptr, 6);
	buf_release(&wire);
	ends_free(&e);
}

/* A frame that has come in part moves down in the buffer: not twice there. */
static void
test_a_frame_that_moved_is_there_once(void **state)
{
	struct ends e = ends_new();
	struct err err = ERR_INIT;
	struct ipc_frame f;
	struct buf wire = BUF_INIT;

	add_frame(&wire, 40, 7, 0, 9, "----------------------------------------");
	add_frame(&wire, 6, 7, 0, 10, "xyzzy");
	write_raw(&e, buf_str(&wire));
	assert_int_equal(ipc_fill(e.conn, &err), 0);
	assert_int_equal(ipc_next(e.conn, &f, &err), 1);
	const char *was_at = f.payload.ptr + 40 + 16;
	assert_int_equal(ipc_next(e.conn, &f, &err), 0);
	assert_memory_equal(was_at, "xyzzy", 5);
	write_raw(&e, STR("!"));
	assert_int_equal(ipc_fill(e.conn, &err), 0);
	assert_zero(was_at, 5);
	assert_int_equal(ipc_next(e.conn, &f, &err), 1);
	assert_str(f.payload, "xyzzy!");
	buf_release(&wire);
	ends_free(&e);
}

static void
test_one_byte_at_a_time(void **state)
{
	struct ends e = ends_new();
	struct err err = ERR_INIT;
	struct ipc_frame f;
	struct buf wire = BUF_INIT;

	add_frame(&wire, 5, 7, 0, 9, "hello");
	add_frame(&wire, 0, 60000, 0, 10, ""); /* a type nobody knows is no error here */
	int n_frames = 0;
	for (size_t i = 0; i < wire.len; i++) {
		write_raw(&e, str_n(wire.ptr + i, 1));
		assert_int_equal(ipc_fill(e.conn, &err), 0);
		int got = ipc_next(e.conn, &f, &err);
		assert_int_equal(got, i == 20 || i == 36);
		n_frames += got;
		if (i == 20)
			assert_str(f.payload, "hello");
	}
	assert_int_equal(n_frames, 2);
	assert_int_equal(f.type, 60000);
	assert_string_equal(msg_type_name(60000), "?");
	buf_release(&wire);
	ends_free(&e);
}

static void
test_last_words_are_heard(void **state)
{
	struct ends e = ends_new();
	struct err err = ERR_INIT;
	struct ipc_frame f;
	struct buf wire = BUF_INIT;

	add_frame(&wire, 4, MSG_FAILED, 0, 1, "last");
	write_raw(&e, buf_str(&wire));
	close(e.raw);
	e.raw = -1;
	assert_int_equal(ipc_fill(e.conn, &err), 0);
	assert_int_equal(ipc_next(e.conn, &f, &err), 1);
	assert_str(f.payload, "last");
	assert_int_equal(ipc_fill(e.conn, &err), -1);
	assert_err(err, ERR_GONE);
	assert_int_equal(ipc_send(e.conn, MSG_DONE, 1, STR("x"), -1, &err), 0);
	assert_int_equal(ipc_flush(e.conn, &err), -1); /* and no SIGPIPE */
	assert_err(err, ERR_GONE);
	buf_release(&wire);
	ends_free(&e);
}

static void
test_hostile_lengths(void **state)
{
	static const uint32_t lengths[] = { IPC_MAX_PAYLOAD + 1, 0x7fffffff, 0x80000000, 0xffffffff,
					    0xfffffff0 };

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct ends e = ends_new();
		struct err err = ERR_INIT;
		struct ipc_frame f;
		struct buf wire = BUF_INIT;
		add_frame(&wire, lengths[i], MSG_DONE, 0, 1, "data");
		write_raw(&e, buf_str(&wire));
		assert_int_equal(ipc_fill(e.conn, &err), 0);
		assert_int_equal(ipc_next(e.conn, &f, &err), -1);
		assert_err(err, ERR_PROTO);
		buf_release(&wire);
		ends_free(&e);
	}
}

static void
test_big_frames(void **state)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	int fds[2];
	char *big = xmalloc(IPC_MAX_PAYLOAD);

	for (size_t i = 0; i < IPC_MAX_PAYLOAD; i++)
		big[i] = (char)(i * 7 + i / 251);
	assert_int_equal(ipc_pair(fds, &err), 0);
	struct ipc_conn *a = ipc_conn_new(fds[0]), *b = ipc_conn_new(fds[1]);
	/* More than a socket takes at once: partial writes on the way. */
	for (uint64_t id = 1; id <= 8; id++)
		assert_int_equal(ipc_send(a, MSG_DONE, id, str_n(big, IPC_MAX_PAYLOAD - (id - 1)),
					  -1, &err), 0);
	uint64_t next = 1;
	int turns = 0;
	while (next <= 8 && turns++ < 100000) {
		assert_int_equal(ipc_flush(a, &err), 0);
		assert_int_equal(ipc_fill(b, &err), 0);
		while (ipc_next(b, &f, &err) == 1) {
			assert_true(f.id == next);
			assert_int_equal(f.payload.len, IPC_MAX_PAYLOAD - (next - 1));
			assert_memory_equal(f.payload.ptr, big, f.payload.len);
			next++;
		}
	}
	assert_int_equal(next, 9);
	assert_true(turns > 8); /* it did come in pieces */
	ipc_conn_free(a);
	ipc_conn_free(b);
	free(big);
}

/* A peer that reads nothing costs bounded memory and never blocks us. */
/* What goes into a frame may come from a stranger. */
static void
test_a_frame_that_is_too_long_is_an_error(void **state)
{
	struct ends e = ends_new();
	struct err err = ERR_INIT;
	char *big = xcalloc(1, IPC_MAX_PAYLOAD + 1);

	assert_int_equal(ipc_send(e.conn, MSG_DONE, 1, str_n(big, IPC_MAX_PAYLOAD + 1), -1, &err), -1);
	assert_err(err, ERR_GONE);
	assert_int_equal(ipc_queued_bytes(e.conn), 0);
	free(big);
	ends_free(&e);
}

static void
test_queue_limit(void **state)
{
	struct ends e = ends_new();
	struct err err = ERR_INIT;
	char *big = xcalloc(1, IPC_MAX_PAYLOAD);
	int64_t started = tick_us();
	int sent = 0;

	while (ipc_send(e.conn, MSG_DONE, 1, str_n(big, IPC_MAX_PAYLOAD), -1, &err) == 0) {
		assert_int_equal(ipc_flush(e.conn, &err), 0);
		assert_true(++sent < 200);
	}
	assert_err(err, ERR_GONE);
	assert_true(ipc_queued_bytes(e.conn) <= IPC_MAX_QUEUED);
	assert_in_range(sent, 60, 70);
	assert_true(tick_us() - started < 30 * 1000000);
	/* It missed a frame: it gets none of those that would come after it. */
	assert_int_equal(ipc_send(e.conn, MSG_DONE, 2, STR_NONE, -1, &err), -1);
	assert_int_equal(ipc_flush(e.conn, &err), -1);
	assert_err(err, ERR_GONE);
	free(big);
	ends_free(&e);
}

static void
test_descriptors_travel_with_their_frames(void **state)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	int fds[2], before = count_fds();
	char *big = xcalloc(1, 300000);

	assert_int_equal(ipc_pair(fds, &err), 0);
	struct ipc_conn *a = ipc_conn_new(fds[0]), *b = ipc_conn_new(fds[1]);
	/* Between frames so big that they do not go out in one write. */
	for (uint64_t id = 0; id < 12; id++) {
		int file[2] = { -1, -1 };
		if (id % 3 != 0) {
			assert_int_equal(pipe(file), 0);
			char c = (char)('a' + id);
			assert_int_equal(write(file[1], &c, 1), 1);
			close(file[1]);
		}
		assert_int_equal(ipc_send(a, MSG_DONE, id, str_n(big, id % 2 ? 300000 : 3),
					  file[0], &err), 0);
		if (file[0] >= 0)
			close(file[0]); /* it was duplicated */
	}
	uint64_t next = 0;
	for (int turn = 0; next < 12 && turn < 100000; turn++) {
		assert_int_equal(ipc_flush(a, &err), 0);
		assert_int_equal(ipc_fill(b, &err), 0);
		while (ipc_next(b, &f, &err) == 1) {
			assert_true(f.id == next);
			if (next % 3 == 0) {
				assert_int_equal(f.fd, -1);
			} else {
				char c = 0;
				assert_true(f.fd >= 0);
				assert_int_equal(fcntl(f.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
				assert_int_equal(read(f.fd, &c, 1), 1);
				assert_int_equal(c, 'a' + (char)next);
				close(f.fd);
			}
			next++;
		}
	}
	assert_int_equal(next, 12);
	ipc_conn_free(a);
	ipc_conn_free(b);
	assert_int_equal(count_fds(), before);
	free(big);
}

static void
test_descriptors_do_not_leak(void **state)
{
	struct err err = ERR_INIT;
	int before = count_fds();
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ends e = ends_new();
	struct buf wire = BUF_INIT;

	/* queued, never sent; received, never asked for */
	assert_int_equal(ipc_send(e.conn, MSG_DONE, 1, STR("x"), null_fd, &err), 0);
	add_frame(&wire, 0, MSG_DONE, 1, 1, "");
	send_fds(e.raw, &null_fd, 1, buf_str(&wire));
	assert_int_equal(ipc_fill(e.conn, &err), 0);
	ends_free(&e);
	close(null_fd);
	assert_int_equal(count_fds(), before);
	buf_release(&wire);
}

static void
test_hostile_descriptors(void **state)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	struct buf wire = BUF_INIT;
	int before = count_fds();
	int null_fds[64];

	for (size_t i = 0; i < ARRAY_LEN(null_fds); i++)
		null_fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* A frame that claims one and has none. */
	struct ends e = ends_new();
	add_frame(&wire, 0, MSG_DONE, 1, 1, "");
	write_raw(&e, buf_str(&wire));
	assert_int_equal(ipc_fill(e.conn, &err), 0);
	assert_int_equal(ipc_next(e.conn, &f, &err), -1);
	assert_err(err, ERR_PROTO);
	ends_free(&e);
	/* More than fit at once. */
	e = ends_new();
	send_fds(e.raw, null_fds, 60, buf_str(&wire));
	assert_int_equal(ipc_fill(e.conn, &err), -1);
	assert_err(err, ERR_PROTO);
	ends_free(&e);
	/* One after the other, without frames that take them. */
	e = ends_new();
	int status = 0;
	for (int i = 0; i < 40 && status == 0; i++) {
		send_fds(e.raw, null_fds, 1, STR("\x10"));
		status = ipc_fill(e.conn, &err);
	}
	assert_int_equal(status, -1);
	assert_err(err, ERR_PROTO);
	ends_free(&e);
	for (size_t i = 0; i < ARRAY_LEN(null_fds); i++)
		close(null_fds[i]);
	assert_int_equal(count_fds(), before);
	buf_release(&wire);
}

/* Noise on the wire: any answer but a crash, and never more memory than two frames. */
static void
test_noise(void **state)
{
	struct test_random chance = { 42 };
	struct err err = ERR_INIT;

	for (int n = 0; n < 300; n++) {
		struct ends e = ends_new();
		struct buf wire = BUF_INIT;
		size_t len = 1 + test_random(&chance, 400);
		for (size_t i = 0; i < len; i++)
			buf_addc(&wire, test_random(&chance, 3) ? 0 : (char)test_random(&chance, 256));
		write_raw(&e, buf_str(&wire));
		int got = 1;
		if (ipc_fill(e.conn, &err) == 0) {
			struct ipc_frame f = { .fd = -1 };
			while ((got = ipc_next(e.conn, &f, &err)) == 1)
				assert_true(f.payload.len <= len);
			if (got < 0)
				assert_err(err, ERR_PROTO);
		}
		buf_release(&wire);
		ends_free(&e);
	}
}

static void
test_sockets(void **state)
{
	struct err err = ERR_INIT;
	struct ipc_frame f;
	struct stat st;
	char *path = xasprintf("%s/sock", test_dir());

	assert_int_equal(ipc_connect(path, &err), -1);
	assert_err(err, ERR_WAIT);
	int listener = ipc_listen(path, &err);
	assert_true(listener >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	int client = ipc_connect(path, &err);
	assert_true(client >= 0);
	int server = ipc_accept(listener, &err);
	assert_true(server >= 0);
	struct ipc_conn *a = ipc_conn_new(client), *b = ipc_conn_new(server);
	struct msg_done done = { .text = STR("moved 3 messages") };
	assert_int_equal(IPC_SEND(a, DONE, done, 5, -1, &done, &err), 0);
	assert_int_equal(ipc_flush(a, &err), 0);
	assert_int_equal(ipc_fill(b, &err), 0);
	assert_int_equal(ipc_next(b, &f, &err), 1);
	struct msg_done got;
	assert_int_equal(msg_get_done(f.payload, &got, &err), 0);
	assert_str(got.text, "moved 3 messages");
	ipc_conn_free(a);
	ipc_conn_free(b);
	/* Nobody listens any more: WAIT, although the file is there. A new one takes over. */
	close(listener);
	assert_int_equal(ipc_connect(path, &err), -1);
	assert_err(err, ERR_WAIT);
	listener = ipc_listen(path, &err);
	assert_true(listener >= 0);
	close(listener);
	free(path);

	char *long_path = xcalloc(1, 300);
	memset(long_path, 'x', 299);
	assert_int_equal(ipc_listen(long_path, &err), -1);
	assert_err(err, ERR_SYSTEM);
	assert_int_equal(ipc_connect(long_path, &err), -1);
	assert_err(err, ERR_SYSTEM);
	free(long_path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_used_frames_are_overwritten),
		cmocka_unit_test(test_a_frame_that_moved_is_there_once),
		cmocka_unit_test(test_one_byte_at_a_time),
		cmocka_unit_test(test_last_words_are_heard),
		cmocka_unit_test(test_hostile_lengths),
		cmocka_unit_test(test_big_frames),
		cmocka_unit_test(test_a_frame_that_is_too_long_is_an_error),
		cmocka_unit_test(test_queue_limit),
		cmocka_unit_test(test_descriptors_travel_with_their_frames),
		cmocka_unit_test(test_descriptors_do_not_leak),
		cmocka_unit_test(test_hostile_descriptors),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests_name("ipc_conn", tests, NULL, NULL);
}
