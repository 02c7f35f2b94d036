/* Look-up, sockets, tunnels, clear text: everything below and beside TLS. */
#include "lib/test.h"

#include <sched.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../src/net/internal.h"
#include "lib/net_drive.h"
#include "lib/tls_server.h"
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/net.h"

static const char greeting[] = "* PREAUTH ready\r\n";

static struct net_params
params(const char *host, uint16_t port, enum net_tls tls)
{
	return (struct net_params){
		.label = "test", .host = host, .port = port, .tls = tls, .allow_cleartext = true
	};
}

static struct net_stream *
opened(struct net_params p)
{
	struct err err = ERR_INIT;
	struct net_stream *s = net_open(&p, tick_ms(), &err);

	if (s == NULL)
		fail_msg("%s", err.text);
	return s;
}

static void
assert_failed(struct net_stream *s, enum err_kind kind, const char *words)
{
	assert_int_equal(net_drive_to(s, NET_OPEN), NET_FAILED);
	assert_err(*net_error(s), kind);
	if (strstr(net_error(s)->text, words) == NULL)
		fail_msg("'%s' does not say '%s'", net_error(s)->text, words);
}

static int
serve_echo(int fd, void *ctx)
{
	char bytes[1000];
	ssize_t n;

	if (write(fd, greeting, strlen(greeting)) < 0)
		return 1;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) < 0)
			return 2;
	return 0;
}

static int
serve_silence(int fd, void *ctx)
{
	char bytes[1000];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		continue;
	return 0;
}

/* A port of 127.0.0.1 where a connection neither comes to be nor is refused:
 * its queue of one is full. */
struct tar_pit {
	int listener, fillers[3];
	struct address address;
};

static void
tar_pit_open(struct tar_pit *pit)
{
	struct address *a = &pit->address;

	memset(a, 0, sizeof(*a));
	a->len = sizeof(a->sa.v4);
	a->sa.v4.sin_family = AF_INET;
	a->sa.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pit->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(pit->listener, &a->sa.any, a->len), 0);
	assert_int_equal(listen(pit->listener, 0), 0);
	assert_int_equal(getsockname(pit->listener, &a->sa.any, &a->len), 0);
	for (size_t i = 0; i < ARRAY_LEN(pit->fillers); i++) {
		pit->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(pit->fillers[i], &a->sa.any, a->len);
	}
}

static void
tar_pit_close(struct tar_pit *pit)
{
	close(pit->listener);
	for (size_t i = 0; i < ARRAY_LEN(pit->fillers); i++)
		close(pit->fillers[i]);
}

/* --- Clear text. --- */

static void
test_clear_text_to_this_machine(void **state)
{
	struct test_server server = test_server_start(serve_echo, NULL);
	struct net_stream *s = opened(params("localhost", server.port, NET_TLS_NONE));
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(net_drive_to(s, NET_OPEN), NET_OPEN);
	assert_true(net_is_secure(s));
	assert_false(net_has_tls(s));
	assert_null(net_cert(s));
	assert_int_equal(net_write(s, "bye", 3, NET_SECRET, &err), 0);
	net_drive_read(s, strlen(greeting) + 3, &got);
	assert_true(str_ends(buf_str(&got), "\r\nbye"));
	net_close(s);
	assert_int_equal(test_server_end(server.pid), 0);
	buf_release(&got);
}

static void
test_clear_text_to_nobody_else(void **state)
{
	struct net_params p = params("192.0.2.1", 143, NET_TLS_NONE);
	struct err err = ERR_INIT;

	struct net_stream *s = opened(p);
	assert_failed(s, ERR_USER, "in clear text");
	net_close(s);
	/* not even here unless the user says so */
	p.host = "127.0.0.1";
	p.allow_cleartext = false;
	assert_null(net_open(&p, tick_ms(), &err));
	assert_err(err, ERR_USER);
}

static int
serve_reset(int fd, void *ctx)
{
	static const char bye[] = "* BYE go away\r\n";
	char byte;

	/* bytes of the client's left unread make it a reset */
	return write(fd, bye, strlen(bye)) < 0 || read(fd, &byte, 1) < 0;
}

static void
test_last_words_are_heard(void **state)
{
	struct test_server server = test_server_start(serve_reset, NULL);
	struct net_stream *s = opened(params("127.0.0.1", server.port, NET_TLS_NONE));
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(net_drive_to(s, NET_OPEN), NET_OPEN);
	net_write(s, "12", 2, NET_PLAIN, &err);
	net_drive_out(s);
	test_server_end(server.pid); /* it is gone, and we write on */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(net_write(s, "more", 4, NET_PLAIN, &err), 0);
		net_on_ready(s, tick_ms());
	}
	net_drive_read(s, 1000, &got);
	assert_int_equal(net_state(s), NET_FAILED);
	assert_err(*net_error(s), ERR_GONE);
	net_close(s);
	buf_release(&got);
}

static void
test_pair_that_closes_is_read_to_the_end(void **state)
{
	struct net_params p = params("localhost", 143, NET_TLS_NONE);
	struct err err = ERR_INIT;
	struct buf got = BUF_INIT;
	int ends[2];

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
	struct net_stream *s = net_open_fd(ends[0], &p, tick_ms(), &err);
	assert_int_equal(write(ends[1], "* BYE no\r\n", 10), 10);
	close(ends[1]);
	assert_int_equal(net_write(s, "a1 NOOP\r\n", 9, NET_PLAIN, &err), 0);
	net_on_ready(s, tick_ms());
	assert_int_equal(net_state(s), NET_OPEN);
	assert_int_equal(net_queued_bytes(s), 0);
	net_drive_read(s, 1000, &got);
	assert_str(buf_str(&got), "* BYE no\r\n");
	assert_int_equal(net_state(s), NET_FAILED);
	net_close(s);
	buf_release(&got);
}

/* --- Cannot be reached. --- */

static void
test_refused_port(void **state)
{
	struct test_server server = test_server_start(serve_echo, NULL);

	kill(server.pid, SIGKILL);
	test_server_end(server.pid);
	struct net_stream *s = opened(params("localhost", server.port, NET_TLS_IMPLICIT));
	assert_failed(s, ERR_WAIT, "connection refused");
	assert_int_equal(net_deadline(s), TICK_NEVER);
	net_close(s);
}

static void
test_unknown_host(void **state)
{
	struct net_stream *s = opened(params("no-such-host.invalid", 993, NET_TLS_IMPLICIT));

	assert_int_equal(net_state(s), NET_RESOLVING);
	assert_failed(s, ERR_WAIT, "cannot find 'no-such-host.invalid'");
	net_close(s);
}

/* --- Deadlines and cancelling, in every state. --- */

static void
test_look_up_has_a_deadline(void **state)
{
	struct net_params p = params("no-such-host.invalid", 993, NET_TLS_IMPLICIT);
	struct err err = ERR_INIT;
	struct net_stream *s = net_open(&p, 1000, &err);

	assert_int_equal(net_state(s), NET_RESOLVING);
	assert_int_equal(net_deadline(s), 11000);
	/* cancelled in the middle: after_each sees that no child is left */
	net_close(s);
}

static void
test_connecting_has_a_deadline(void **state)
{
	struct tar_pit pit;
	struct err err = ERR_INIT;

	tar_pit_open(&pit);
	struct net_params p =
		params("127.0.0.1", ntohs(pit.address.sa.v4.sin_port), NET_TLS_IMPLICIT);
	struct net_stream *s = net_open(&p, 5000, &err);
	assert_int_equal(net_state(s), NET_CONNECTING);
	assert_int_equal(net_deadline(s), 15000);
	net_on_ready(s, 14999);
	assert_int_equal(net_state(s), NET_CONNECTING);
	net_close(s);

	s = net_open(&p, 5000, &err);
	net_on_ready(s, 15000);
	assert_int_equal(net_state(s), NET_FAILED);
	assert_err(*net_error(s), ERR_WAIT);
	net_close(s);
	tar_pit_close(&pit);
}

static void
test_handshake_has_a_deadline(void **state)
{
	struct net_params p = params("localhost", 993, NET_TLS_IMPLICIT);
	struct err err = ERR_INIT;
	pid_t pid;

	for (int is_canceled = 0; is_canceled < 2; is_canceled++) {
		int fd = test_server_on_pair(serve_silence, NULL, &pid);
		struct net_stream *s = net_open_fd(fd, &p, 5000, &err);
		assert_int_equal(net_state(s), NET_HANDSHAKE);
		assert_int_equal(net_deadline(s), 15000);
		net_on_ready(s, 14999);
		assert_int_equal(net_state(s), NET_HANDSHAKE);
		if (!is_canceled) {
			net_on_ready(s, 15000);
			assert_int_equal(net_state(s), NET_FAILED);
			assert_err(*net_error(s), ERR_WAIT);
		}
		net_close(s);
		test_server_end(pid);
	}
}

static void
test_close_while_open_and_while_much_waits(void **state)
{
	struct net_params p = params("localhost", 143, NET_TLS_NONE);
	struct err err = ERR_INIT;
	int ends[2];
	static char much[4 * 1024 * 1024];

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
	struct net_stream *s = net_open_fd(ends[0], &p, tick_ms(), &err);
	assert_int_equal(net_write(s, much, sizeof(much), NET_PLAIN, &err), 0);
	assert_int_equal(net_flush(s, &err), 0);
	assert_true(net_queued_bytes(s) > 0);
	/* the queue has an end, and says so */
	int rc = 0;
	for (int i = 0; i < 20 && rc == 0; i++)
		rc = net_write(s, much, sizeof(much), NET_PLAIN, &err);
	assert_int_equal(rc, -1);
	assert_err(err, ERR_SYSTEM);
	assert_true(net_queued_bytes(s) <= NET_MAX_QUEUED);
	net_close(s);
	close(ends[1]);
}

/* --- Happy eyeballs. --- */

static struct address
address_of(const char *text, uint16_t port)
{
	struct addresses list;

	assert_true(resolve_locally(text, port, &list));
	return list.v[0];
}

static void
test_families_take_turns(void **state)
{
	static const char *const before[] = { "::1", "::2", "::3", "127.0.0.1", "127.0.0.2" };
	static const char *const after[] = { "::1", "127.0.0.1", "::2", "127.0.0.2", "::3" };
	struct addresses list = { 0 };
	char got[96], want[96];

	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		list.v[list.n++] = address_of(before[i], 993);
	addresses_interleave(&list);
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		address_text(&list.v[i], got, sizeof(got));
		snprintf(want, sizeof(want), "%s port 993", after[i]);
		assert_string_equal(got, want);
	}
}

static void
test_next_address_after_250_ms(void **state)
{
	struct test_server server = test_server_start(serve_silence, NULL);
	struct addresses list = { .n = 2 };
	struct address peer;
	struct dialer d;
	struct tar_pit pit;
	int fd = -1;

	tar_pit_open(&pit);
	list.v[0] = pit.address;
	list.v[1] = address_of("127.0.0.1", server.port);
	dial_start(&d, &list, 1000);
	assert_int_equal(dial_step(&d, 1000, &fd, &peer), 0);
	assert_int_equal(dial_deadline(&d), 1250);
	assert_int_equal(dial_step(&d, 1249, &fd, &peer), 0);
	assert_int_equal(d.n_attempts, 1);
	int done = dial_step(&d, 1250, &fd, &peer);
	struct pollfd fds[NET_MAX_FDS];
	while (done == 0) {
		poll(fds, dial_poll(&d, fds), 5000);
		done = dial_step(&d, 1250, &fd, &peer);
	}
	assert_int_equal(done, 1);
	assert_int_equal(ntohs(peer.sa.v4.sin_port), server.port);
	close(fd);
	tar_pit_close(&pit);
	test_server_end(server.pid);
}

static void
test_next_address_at_once_after_a_failure(void **state)
{
	struct test_server dead = test_server_start(serve_silence, NULL);
	struct test_server server = test_server_start(serve_silence, NULL);
	struct addresses list = { .n = 2 };
	struct address peer;
	struct dialer d;
	int fd = -1, done = 0;

	kill(dead.pid, SIGKILL);
	test_server_end(dead.pid);
	list.v[0] = address_of("127.0.0.1", dead.port);
	list.v[1] = address_of("127.0.0.1", server.port);
	dial_start(&d, &list, 1000);
	struct pollfd fds[NET_MAX_FDS];
	while ((done = dial_step(&d, 1000, &fd, &peer)) == 0)
		poll(fds, dial_poll(&d, fds), 5000);
	assert_int_equal(done, 1);
	close(fd);
	test_server_end(server.pid);
}

static void
test_loopback_addresses(void **state)
{
	static const struct {
		const char *text;
		bool is_loopback;
	} rows[] = {
		{ "127.0.0.1", true }, { "127.200.1.1", true },	     { "::1", true },
		{ "192.0.2.1", false }, { "::ffff:127.0.0.1", true }, { "::ffff:192.0.2.1", false },
		{ "fe80::1", false },	{ "0.0.0.0", false },	      { "128.0.0.1", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = address_of(rows[i].text, 1);
		assert_int_equal(address_is_loopback(&a), rows[i].is_loopback);
	}
}

static void
test_broken_answer_of_the_look_up(void **state)
{
	struct resolver r = { 0 };
	struct addresses list;
	struct err err = ERR_INIT;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "\0\0\0\0\377\377\377\377short", 13), 13);
	close(ends[1]);
	r.fd = ends[0];
	buf_init(&r.answer);
	assert_int_equal(resolve_step(&r, "host", &list, &err), -1);
	assert_err(err, ERR_WAIT);
	close(ends[0]);
	buf_release(&r.answer);
}

/* --- Tunnels. --- */

static struct net_stream *
tunnel(const char *command)
{
	struct net_params p = params("imap.example.org", 143, NET_TLS_NONE);

	p.allow_cleartext = false;
	p.tunnel = command;
	return opened(p);
}

static void
test_tunnel(void **state)
{
	struct net_stream *s = tunnel("printf '* PREAUTH ready\\r\\n'; exec cat");
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(net_drive_to(s, NET_OPEN), NET_OPEN);
	assert_true(net_is_secure(s));
	assert_int_equal(net_write(s, "a1 NOOP\r\n", 9, NET_PLAIN, &err), 0);
	net_drive_read(s, strlen(greeting) + 9, &got);
	assert_true(str_ends(buf_str(&got), "a1 NOOP\r\n"));
	net_close(s);
	buf_release(&got);
}

static void
test_tunnel_that_ends_says_why(void **state)
{
	static const struct {
		const char *command, *words;
	} rows[] = {
		{ "echo one >&2; echo 'no \033[1mroute' >&2; exit 3", "the tunnel has ended: no " },
		{ "exit 0", "the tunnel has ended" },
		{ "no-such-command-anywhere", "not found" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_stream *s = tunnel(rows[i].command);
		struct buf got = BUF_INIT;
		net_drive_to(s, NET_OPEN);
		net_drive_read(s, 1, &got);
		assert_int_equal(net_state(s), NET_FAILED);
		assert_err(*net_error(s), ERR_GONE);
		if (strstr(net_error(s)->text, rows[i].words) == NULL)
			fail_msg("%s", net_error(s)->text);
		assert_null(strchr(net_error(s)->text, '\033'));
		net_close(s);
		buf_release(&got);
	}
}

/* It may have become a zombie of whoever adopts orphans here. */
static bool
is_running(pid_t pid)
{
	char path[64];
	struct buf stat = BUF_INIT;
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	bool is = fs_read(path, 10000, &stat, &err) == 0 &&
		  str_find_str(buf_str(&stat), STR(") Z ")) < 0;
	buf_release(&stat);
	return is;
}

static void
test_tunnel_ends_with_all_it_started(void **state)
{
	static const char *const commands[] = {
		"sleep 1000 & echo $!; wait",
		/* deaf to every polite word */
		"trap '' TERM HUP; (trap '' TERM HUP; while :; do sleep 1000; done) & echo $!; "
		"while :; do sleep 1000; done",
	};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct net_stream *s = tunnel(commands[i]);
		struct buf got = BUF_INIT;
		net_drive_to(s, NET_OPEN);
		while (!str_ends(buf_str(&got), "\n"))
			net_drive_read(s, got.len + 1, &got);
		pid_t pid = atoi(got.ptr);
		assert_true(pid > 1 && is_running(pid));
		net_close(s);
		/* Killed, but the kernel may take a moment to be done with it. */
		for (int64_t end = tick_ms() + 5000; is_running(pid) && tick_ms() < end;)
			sched_yield();
		assert_false(is_running(pid));
		buf_release(&got);
	}
}

/* Dovecot's imap as a tunnel: stopped in the middle of a MOVE it leaves half of it. */
static void
test_tunnel_may_end_what_it_is_doing(void **state)
{
	static const char *const commands[] = {
		/* at the end of its input, which is not looked at while it works */
		"echo go; sleep 0.5; rm \"$lock\"",
		"(echo go; sleep 0.5; rm \"$lock\") & wait",
		/* when asked; the shell goes at the first word, and leaves it alone */
		"trap 'sleep 0.5; rm \"$lock\"; exit' TERM; echo go; while :; do sleep 0.01; done",
		"(trap 'sleep 0.5; rm \"$lock\"; exit' TERM; echo go; while :; do sleep 0.01; done) & wait",
	};
	char path[4096], command[8192];

	snprintf(path, sizeof(path), "%s/lock", test_dir());
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		snprintf(command, sizeof(command), "lock='%s'; : > \"$lock\"; %s", path, commands[i]);
		struct net_stream *s = tunnel(command);
		struct buf got = BUF_INIT;
		net_drive_to(s, NET_OPEN);
		while (!str_ends(buf_str(&got), "\n"))
			net_drive_read(s, got.len + 1, &got);
		net_close(s);
		assert_int_not_equal(access(path, F_OK), 0);
		buf_release(&got);
	}
}

/* --- Pins in the file. --- */

static void
test_pin_file(void **state)
{
	static const char key1[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	static const char key2[] = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	char path[4096];
	int line;

	snprintf(path, sizeof(path), "%s/pins", test_dir());
	assert_int_equal(net_pin_save(path, "Mail.example.org", 993, key1, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* once is enough; another host, port or address is another line */
	assert_int_equal(net_pin_save(path, "mail.example.org", 993, key1, &err), 0);
	assert_int_equal(net_pin_save(path, "mail.example.org", 143, key2, &err), 0);
	assert_int_equal(net_pin_save(path, "::1", 993, key2, &err), 0);
	assert_int_equal(fs_read(path, 10000, &text, &err), 0);
	struct str pins = buf_str(&text);
	assert_int_equal(pin_find(pins, "mail.example.ORG", 993, key1, &line), PIN_MATCHES);
	assert_int_equal(pin_find(pins, "mail.example.org", 993, key2, &line), PIN_DIFFERS);
	assert_int_equal(line, 1);
	assert_int_equal(pin_find(pins, "mail.example.org", 143, key2, &line), PIN_MATCHES);
	assert_int_equal(pin_find(pins, "::1", 993, key2, &line), PIN_MATCHES);
	assert_int_equal(pin_find(pins, "::1", 143, key2, &line), PIN_NONE);
	assert_int_equal(pin_find(pins, "ail.example.org", 993, key1, &line), PIN_NONE);
	assert_int_equal(pin_find(STR("#pin h:1 key-sha256:"), "h", 1, key1, &line), PIN_DIFFERS);
	assert_int_equal(pin_find(STR("x\r\n#pin h:1\r\n"), "h", 1, key1, &line), PIN_DIFFERS);
	assert_int_equal(line, 2);
	buf_release(&text);
}

static void
test_pin_goes_behind_what_is_there(void **state)
{
	static const char key[] = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	char path[4096], want[300];

	snprintf(path, sizeof(path), "%s/mutt-certificates", test_dir());
	assert_int_equal(fs_write_atomic(path, STR("no newline at the end"), 0600, &err), 0);
	assert_int_equal(net_pin_save(path, "h", 993, key, &err), 0);
	assert_int_equal(fs_read(path, 10000, &text, &err), 0);
	snprintf(want, sizeof(want), "no newline at the end\n#pin h:993 key-sha256:%s\n", key);
	assert_str(buf_str(&text), want);
	buf_release(&text);

	assert_int_equal(net_pin_save(path, "h\n#pin bank", 993, key, &err), -1);
	assert_err(err, ERR_USER);
	assert_int_equal(net_pin_save(path, "h", 993, "abc", &err), -1);
	assert_err(err, ERR_USER);
	assert_int_equal(net_pin_save("/does/not/exist", "h", 993, key, &err), -1);
}

/* --- The timer. --- */

static bool
is_readable(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

static void
test_timer(void **state)
{
	struct err err = ERR_INIT;
	int fd = net_timer_open(&err);

	assert_true(fd >= 0);
	assert_false(is_readable(fd, 0));
	net_timer_set(fd, tick_ms() + 20);
	assert_true(is_readable(fd, 5000));
	net_timer_set(fd, tick_ms() + 100000);
	assert_false(is_readable(fd, 0));
	net_timer_set(fd, 0); /* long ago */
	assert_true(is_readable(fd, 5000));
	net_timer_set(fd, TICK_NEVER);
	assert_false(is_readable(fd, 0));
	close(fd);
}

/* --- */

static int fds_before;

static int
before_each(void **state)
{
	while (test_has_children())
		test_server_end(-1); /* of a test that failed */
	fds_before = test_count_fds();
	return 0;
}

static int
after_each(void **state)
{
	return test_count_fds() != fds_before || test_has_children();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, before_each, after_each)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clear_text_to_this_machine),
		TEST(test_clear_text_to_nobody_else),
		TEST(test_last_words_are_heard),
		TEST(test_pair_that_closes_is_read_to_the_end),
		TEST(test_refused_port),
		TEST(test_unknown_host),
		TEST(test_look_up_has_a_deadline),
		TEST(test_connecting_has_a_deadline),
		TEST(test_handshake_has_a_deadline),
		TEST(test_close_while_open_and_while_much_waits),
		TEST(test_families_take_turns),
		TEST(test_next_address_after_250_ms),
		TEST(test_next_address_at_once_after_a_failure),
		TEST(test_loopback_addresses),
		TEST(test_broken_answer_of_the_look_up),
		TEST(test_tunnel),
		TEST(test_tunnel_that_ends_says_why),
		TEST(test_tunnel_ends_with_all_it_started),
		TEST(test_tunnel_may_end_what_it_is_doing),
		TEST(test_pin_file),
		TEST(test_pin_goes_behind_what_is_there),
		TEST(test_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
