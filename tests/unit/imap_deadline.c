/* How long a server may take: time is what we say it is. */
#include "lib/test.h"
#include "tern/imap.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tern/base/tick.h"

#define HOUR_S 3600
#define GREETING "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] ready\r\n"

static char failure[sizeof(((struct err *)0)->text)];

static void
on_failed(void *ctx, const struct err *err, const struct net_cert *cert)
{
	snprintf(failure, sizeof(failure), "%s", err->text);
}

static const struct imap_sink sink = { .failed = on_failed };

struct link {
	struct imap *imap;
	int server; /* its end */
	int64_t now_ms;
};

/* All that is on its way in either direction. */
static void
turn(struct link *l)
{
	char bytes[4096];
	struct pollfd fds[NET_MAX_FDS];

	for (int quiet = 0; quiet < 2;) {
		imap_on_ready(l->imap, l->now_ms);
		bool has_sent = l->server >= 0 &&
				recv(l->server, bytes, sizeof(bytes), MSG_DONTWAIT) > 0;
		size_t n = imap_poll(l->imap, fds);
		quiet = has_sent || (n > 0 && poll(fds, n, 1) > 0) ? 0 : quiet + 1;
	}
}

static void
say(struct link *l, const char *text)
{
	assert_int_equal(write(l->server, text, strlen(text)), (ssize_t)strlen(text));
	turn(l);
}

/* Logged in, one question asked. */
static struct link
asked(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	struct err err = ERR_INIT;
	struct link l = { .server = -1, .now_ms = 1000 };
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&sa, &len);
	struct net_params p = { .label = "test", .host = "127.0.0.1", .port = ntohs(sa.sin_port),
				.tls = NET_TLS_NONE, .allow_cleartext = true };
	failure[0] = '\0';
	l.imap = imap_new(&p, &sink, NULL, l.now_ms, &err);
	assert_non_null(l.imap);
	l.server = accept(listener, NULL, NULL);
	close(listener);
	setsockopt(l.server, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	say(&l, GREETING);
	imap_list(l.imap, 1);
	l.now_ms += 1000; /* it waits a moment for company */
	turn(&l);
	assert_string_equal(failure, "");
	return l;
}

static void
hang_up(struct link *l)
{
	imap_free(l->imap);
	close(l->server);
}

/* Seconds until it is given up, with `text` said every `every_s`; 0: it is not. */
static int64_t
lasts(struct link *l, const char *text, int64_t every_s, int64_t limit_s)
{
	int64_t start_ms = l->now_ms;

	while (failure[0] == '\0' && l->now_ms - start_ms < limit_s * 1000) {
		l->now_ms += every_s * 1000;
		say(l, text);
	}
	return failure[0] == '\0' ? 0 : (l->now_ms - start_ms) / 1000;
}

static void
test_silence(void **state)
{
	struct link l = asked();

	int64_t at = imap_deadline(l.imap);
	assert_true(at > l.now_ms && at <= l.now_ms + 120000);
	l.now_ms = at;
	turn(&l);
	assert_string_not_equal(failure, "");
	hang_up(&l);
}

static void
test_a_trickle_has_an_end(void **state)
{
	struct link l = asked();

	say(&l, "* LIST () \"/\" ");
	int64_t s = lasts(&l, "a", 5, HOUR_S);
	if (s == 0 || s > 1200)
		fail_msg("given up after %lld s", (long long)s);
	hang_up(&l);
}

/* So do responses that are whole, and say nothing. */
static void
test_small_talk_has_an_end(void **state)
{
	struct link l = asked();

	int64_t s = lasts(&l, "* OK still here\r\n", 10, HOUR_S);
	if (s == 0 || s > 1800)
		fail_msg("given up after %lld s", (long long)s);
	hang_up(&l);
}

/* A telephone of long ago: 1200 baud, for an hour. */
static void
test_a_slow_link_is_waited_for(void **state)
{
	static char line[601];
	struct link l = asked();

	memset(line, 'a', sizeof(line) - 1);
	memcpy(line, "* LIST () \"/\" ", 14);
	memcpy(line + sizeof(line) - 3, "\r\n", 2);
	assert_int_equal(lasts(&l, line, 5, HOUR_S), 0);
	hang_up(&l);
}

/* What was not read, because nobody took it, is not the server's fault. */
static void
test_a_pause_does_not_count(void **state)
{
	struct link l = asked();

	imap_pause(l.imap, true);
	turn(&l);
	l.now_ms += 24 * HOUR_S * 1000;
	turn(&l);
	imap_pause(l.imap, false);
	turn(&l);
	assert_string_equal(failure, "");
	l.now_ms += 10000;
	say(&l, "* OK still here\r\n");
	assert_string_equal(failure, "");
	hang_up(&l);
}

/* The machine slept: what IDLE has been waiting for may be long dead, and is asked at
 * once (SAFETY 3, row 25). */
static void
test_after_a_sleep_an_idle_connection_is_asked(void **state)
{
	struct link l = asked();
	struct imap_open o = { .mailbox = STR("INBOX"), .stay = true, .use_idle = true };

	say(&l, "A1 OK\r\nA2 OK\r\n");
	imap_open(l.imap, 2, &o);
	turn(&l);
	say(&l, "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nA3 OK [READ-WRITE]\r\n");
	l.now_ms += 1000;
	turn(&l);
	say(&l, "+ idling\r\n");
	assert_true(imap_deadline(l.imap) > l.now_ms + 60000);
	l.now_ms += 8 * HOUR_S * 1000;
	turn(&l);
	assert_string_equal(failure, "");
	assert_true(imap_deadline(l.imap) <= l.now_ms + 15000);
	l.now_ms += 15000;
	turn(&l);
	assert_string_not_equal(failure, "");
	hang_up(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_a_trickle_has_an_end),
		cmocka_unit_test(test_small_talk_has_an_end),
		cmocka_unit_test(test_a_slow_link_is_waited_for),
		cmocka_unit_test(test_a_pause_does_not_count),
		cmocka_unit_test(test_after_a_sleep_an_idle_connection_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
