/* COMPRESS=DEFLATE below the lines: a server made of zlib at the other end of a pair. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include "lib/net_drive.h"
#include "tern/base/buf.h"
#include "tern/base/tick.h"
#include "tern/net.h"

struct link {
	struct net_stream *s;
	int peer;
	z_stream packs, unpacks; /* the server's */
};

static int
open_link(void **state)
{
	static struct link l;
	struct net_params p = { .label = "test", .host = "localhost", .port = 143,
				.tls = NET_TLS_NONE, .allow_cleartext = true };
	struct err err = ERR_INIT;
	int ends[2];

	l = (struct link){ 0 };
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
	l.s = net_open_fd(ends[0], &p, tick_ms(), &err);
	l.peer = ends[1];
	deflateInit2(&l.packs, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	inflateInit2(&l.unpacks, -15);
	*state = &l;
	return l.s == NULL;
}

static int
close_link(void **state)
{
	struct link *l = *state;

	net_close(l->s);
	close(l->peer);
	deflateEnd(&l->packs);
	inflateEnd(&l->unpacks);
	return 0;
}

/* What the server sends for these bytes. */
static struct buf
packed(struct link *l, struct str bytes, int flush)
{
	struct buf out = BUF_INIT;

	l->packs.next_in = (unsigned char *)bytes.ptr;
	l->packs.avail_in = (unsigned)bytes.len;
	do {
		buf_reserve(&out, 64 * 1024);
		l->packs.next_out = (unsigned char *)out.ptr + out.len;
		l->packs.avail_out = 64 * 1024;
		deflate(&l->packs, flush);
		out.len += 64 * 1024 - l->packs.avail_out;
	} while (l->packs.avail_out == 0);
	return out;
}

/* All that the server can read of what has come. */
static void
assert_server_reads(struct link *l, const char *words)
{
	unsigned char came[4096];
	char text[4096];
	ssize_t n = recv(l->peer, came, sizeof(came), MSG_DONTWAIT);

	assert_true(n > 0);
	l->unpacks.next_in = came;
	l->unpacks.avail_in = (unsigned)n;
	l->unpacks.next_out = (unsigned char *)text;
	l->unpacks.avail_out = sizeof(text);
	assert_int_equal(inflate(&l->unpacks, Z_SYNC_FLUSH), Z_OK);
	assert_str(str_n(text, sizeof(text) - l->unpacks.avail_out), words);
}

static void
say(struct link *l, const char *line)
{
	struct err err = ERR_INIT;

	assert_int_equal(net_write(l->s, line, strlen(line), NET_PLAIN, &err), 0);
	assert_int_equal(net_flush(l->s, &err), 0);
	assert_int_equal(net_queued_bytes(l->s), 0);
}

static void
begin(struct link *l, struct str unread)
{
	struct err err = ERR_INIT;

	assert_int_equal(net_compress(l->s, unread, &err), 0);
	assert_true(net_is_compressed(l->s));
}

static void
test_each_flush_can_be_read(void **state)
{
	struct link *l = *state;

	say(l, "A1 COMPRESS DEFLATE\r\n");
	char plain[64];
	assert_int_equal(recv(l->peer, plain, sizeof(plain), 0), 21);
	begin(l, STR_NONE);
	say(l, "A2 NOOP\r\n");
	assert_server_reads(l, "A2 NOOP\r\n");
	say(l, "A3 SELECT INBOX\r\n");
	say(l, "A4 UID FETCH 1:* (UID)\r\n");
	assert_server_reads(l, "A3 SELECT INBOX\r\nA4 UID FETCH 1:* (UID)\r\n");
}

static void
test_more_than_a_piece_goes_out_whole(void **state)
{
	struct link *l = *state;
	struct buf noise = BUF_INIT, got = BUF_INIT;
	struct err err = ERR_INIT;
	unsigned x = 1;

	/* It does not compress: pieces fill up to their last byte. */
	for (int i = 0; i < 200000; i++) {
		x = x * 1103515245 + 12345;
		buf_addc(&noise, (char)(x >> 23));
	}
	begin(l, STR_NONE);
	assert_int_equal(net_write(l->s, noise.ptr, noise.len, NET_PLAIN, &err), 0);
	while (got.len < noise.len) {
		unsigned char came[8192];
		net_flush(l->s, &err);
		ssize_t n = recv(l->peer, came, sizeof(came), MSG_DONTWAIT);
		assert_true(n > 0);
		l->unpacks.next_in = came;
		l->unpacks.avail_in = (unsigned)n;
		buf_reserve(&got, 256 * 1024);
		l->unpacks.next_out = (unsigned char *)got.ptr + got.len;
		l->unpacks.avail_out = 256 * 1024;
		assert_int_equal(inflate(&l->unpacks, Z_SYNC_FLUSH), Z_OK);
		got.len += 256 * 1024 - l->unpacks.avail_out;
	}
	assert_int_equal(net_queued_bytes(l->s), 0);
	assert_true(str_eq(buf_str(&got), buf_str(&noise)));
	buf_release(&noise);
	buf_release(&got);
}

/* In single bytes; the first of them came along with the OK. */
static void
test_what_comes_is_unpacked(void **state)
{
	static const char lines[] = "* 3 EXISTS\r\n* 3 FETCH (UID 7 FLAGS ())\r\n";
	struct link *l = *state;
	struct buf bytes = packed(l, str_c(lines), Z_SYNC_FLUSH), got = BUF_INIT;

	begin(l, str_n(bytes.ptr, 5));
	for (size_t i = 5; i < bytes.len; i++) {
		char some[100];
		struct err err = ERR_INIT;
		assert_int_equal(write(l->peer, bytes.ptr + i, 1), 1);
		ssize_t n = net_read(l->s, some, sizeof(some), &err);
		assert_true(n >= 0);
		buf_addstr(&got, str_n(some, (size_t)n));
	}
	assert_str(buf_str(&got), lines);
	buf_release(&bytes);
	buf_release(&got);
}

/* Gigabytes in a few kilobytes cost the reader no more than it asks for at a time. */
static void
test_a_bomb_comes_in_pieces(void **state)
{
	struct link *l = *state;
	struct buf zeros = BUF_INIT, bytes;
	struct err err = ERR_INIT;
	char some[1000];
	size_t total = 0;

	buf_reserve(&zeros, 8 * 1024 * 1024);
	memset(zeros.ptr, 0, 8 * 1024 * 1024);
	zeros.len = 8 * 1024 * 1024;
	bytes = packed(l, buf_str(&zeros), Z_SYNC_FLUSH);
	assert_true(bytes.len < 16 * 1024);
	begin(l, STR_NONE);
	assert_int_equal(write(l->peer, bytes.ptr, bytes.len), (ssize_t)bytes.len);
	for (ssize_t n; (n = net_read(l->s, some, sizeof(some), &err)) > 0;)
		total += (size_t)n;
	assert_int_equal(total, zeros.len);
	assert_int_equal(net_state(l->s), NET_OPEN);
	buf_release(&zeros);
	buf_release(&bytes);
}

static void
assert_read_fails(struct link *l, struct str bytes, const char *words)
{
	struct err err = ERR_INIT;
	char some[1000];
	ssize_t n;

	assert_int_equal(write(l->peer, bytes.ptr, bytes.len), (ssize_t)bytes.len);
	do
		n = net_read(l->s, some, sizeof(some), &err);
	while (n > 0);
	assert_int_equal(n, -1);
	assert_err(err, ERR_PROTO);
	assert_non_null(strstr(err.text, words));
	assert_int_equal(net_state(l->s), NET_FAILED);
}

static void
test_damage_ends_the_connection(void **state)
{
	struct link *l = *state;

	begin(l, STR_NONE);
	assert_read_fails(l, STR("\xff\xff\xff* OK in the clear\r\n"), "damaged");
}

static void
test_an_end_of_compression_ends_the_connection(void **state)
{
	struct link *l = *state;
	struct buf bytes = packed(l, STR("* OK\r\n"), Z_FINISH);

	begin(l, STR_NONE);
	assert_read_fails(l, buf_str(&bytes), "ended the compression");
	buf_release(&bytes);
}

static void
test_only_once_and_not_over_what_waits(void **state)
{
	struct link *l = *state;
	struct err err = ERR_INIT;

	net_write(l->s, "A1 NOOP\r\n", 9, NET_PLAIN, &err);
	assert_int_equal(net_compress(l->s, STR_NONE, &err), -1);
	assert_err(err, ERR_SYSTEM);
	assert_int_equal(net_flush(l->s, &err), 0);
	begin(l, STR_NONE);
	assert_int_equal(net_compress(l->s, STR_NONE, &err), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_link, close_link)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_flush_can_be_read),
		TEST(test_more_than_a_piece_goes_out_whole),
		TEST(test_what_comes_is_unpacked),
		TEST(test_a_bomb_comes_in_pieces),
		TEST(test_damage_ends_the_connection),
		TEST(test_an_end_of_compression_ends_the_connection),
		TEST(test_only_once_and_not_over_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
