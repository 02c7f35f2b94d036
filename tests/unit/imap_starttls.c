/* connection: STARTTLS with a server so near that its answer is there when send() returns.
 * The whole handshake is then one call, and no state lies between clear text and TLS. */
#include "lib/test.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/tls_server.h"
#include "tern/base/tick.h"
#include "tern/imap.h"
#include "tern/net.h"

enum { LIMIT_MS = 20 * 1000 };

static struct test_cert authority, good, doubtful;
static char ca_file[4096];

/* In front of the C library's: an answer is waited for here, not in the loop. */
ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	ssize_t n = sendto(fd, data, len, flags, NULL, 0);

	if (n > 0)
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, LIMIT_MS);
	return n;
}

/* --- The server. --- */

static bool
says(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
hears(int fd, const char *line)
{
	char got[100] = "";
	size_t n = 0;

	while (n < sizeof(got) - 1 && read(fd, got + n, 1) == 1 && got[n++] != '\n')
		continue;
	return strcmp(got, line) == 0;
}

static int
serve(int fd, void *ctx)
{
	static const char answer[] = "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nA2 OK\r\n";
	char command[100] = "";

	if (!says(fd, "* OK hello\r\n") || !hears(fd, "A1 STARTTLS\r\n") || !says(fd, "A1 OK\r\n"))
		return 1;
	SSL *ssl = test_server_tls(fd, ctx, TLS1_3_VERSION);
	if (ssl == NULL)
		return 2;
	if (SSL_read(ssl, command, sizeof(command) - 1) <= 0 || strcmp(command, "A2 CAPABILITY\r\n") != 0)
		return 3;
	SSL_write(ssl, answer, (int)strlen(answer));
	SSL_read(ssl, command, sizeof(command)); /* the client leaves first */
	return 0;
}

/* --- What the connection tells. --- */

struct told {
	char capabilities[100];
	bool is_asked; /* about the certificate */
};

static void
on_text(void *ctx, const char *text)
{
}

static void
on_certificate(void *ctx, const struct net_cert *cert)
{
	struct told *told = ctx;

	told->is_asked = true;
}

static void
on_connected(void *ctx, struct str capabilities)
{
	struct told *told = ctx;

	snprintf(told->capabilities, sizeof(told->capabilities), "%.*s", (int)capabilities.len,
		 capabilities.ptr);
}

static void
on_failed(void *ctx, const struct err *err, const struct net_cert *cert)
{
	fail_msg("%s", err->text);
}

static void
turn(struct imap *c, int64_t limit_ms, const char *what)
{
	struct pollfd fds[NET_MAX_FDS];
	int64_t now = tick_ms();
	size_t n = imap_poll(c, fds);

	if (now >= limit_ms)
		fail_msg("waited for %s", what);
	poll(fds, n, tick_until(now, imap_deadline(c) < limit_ms ? imap_deadline(c) : limit_ms));
	imap_on_ready(c, tick_ms());
}

static void
start_tls_with(struct test_cert *cert, bool is_doubtful)
{
	const struct imap_sink sink = { .state = on_text,
					.certificate = on_certificate,
					.connected = on_connected,
					.failed = on_failed };
	struct test_server server = test_server_start(serve, cert);
	struct net_params p = { .label = "test",
				.host = "localhost",
				.port = server.port,
				.tls = NET_TLS_START,
				.ca_file = ca_file };
	struct told told = { 0 };
	struct err err = ERR_INIT;
	int64_t limit_ms = tick_ms() + LIMIT_MS;
	struct imap *c = imap_new(&p, &sink, &told, tick_ms(), &err);

	assert_non_null(c);
	while (is_doubtful && !told.is_asked)
		turn(c, limit_ms, "the question about the certificate");
	if (is_doubtful)
		imap_answer_certificate(c, true);
	while (told.capabilities[0] == '\0')
		turn(c, limit_ms, "the capabilities, asked with TLS");
	assert_string_equal(told.capabilities, "IMAP4REV1 LOGINDISABLED");
	assert_int_equal(told.is_asked, is_doubtful);
	imap_free(c);
	assert_int_equal(test_server_end(server.pid), 0);
}

static void
test_open_at_once(void **state)
{
	start_tls_with(&good, false);
}

static void
test_in_doubt_at_once(void **state)
{
	start_tls_with(&doubtful, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_at_once),
		cmocka_unit_test(test_in_doubt_at_once),
	};
	const struct test_cert_params an_authority = { .common_name = "Tests", .is_authority = true };
	struct test_cert_params host = { .common_name = "x", .names = "DNS:localhost" };

	authority = test_cert_make(&an_authority);
	doubtful = test_cert_make(&host);
	host.issuer = &authority;
	good = test_cert_make(&host);
	snprintf(ca_file, sizeof(ca_file), "%s", test_cert_save(&authority, "ca.pem"));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_cert_free(&authority);
	test_cert_free(&good);
	test_cert_free(&doubtful);
	return failed;
}
