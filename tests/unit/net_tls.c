#include "lib/test.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/net_drive.h"
#include "lib/tls_server.h"
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"
#include "tern/net.h"

static const char greeting[] = "* OK ready\r\n";
static struct test_cert authority, stranger, good;
static char ca_file[4096];

/* --- Servers. --- */

/* How a server behaves; the exit status of all is how many bytes the client
 * sent it, at most 200, or 255 if TLS was not set up. */
struct manners {
	const struct test_cert *cert;
	int max_version;
	bool is_cut; /* no close_notify */
	bool wants_starttls;
	const char *behind_ok; /* injected in the same write as the OK */
	bool echoes;
};

static void
read_line(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1 && c != '\n')
		continue;
}

static int
echo_all(SSL *ssl, bool echoes)
{
	char bytes[4096];
	int total = 0, n;

	while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0) {
		total += n;
		if (echoes && SSL_write(ssl, bytes, n) != n)
			break;
	}
	return total > 200 ? 200 : total;
}

static int
serve(int fd, void *ctx)
{
	const struct manners *m = ctx;
	char ok[200];

	if (m->wants_starttls) {
		snprintf(ok, sizeof(ok), "a1 OK\r\n%s", m->behind_ok != NULL ? m->behind_ok : "");
		if (write(fd, greeting, strlen(greeting)) < 0)
			return 254;
		read_line(fd);
		if (write(fd, ok, strlen(ok)) < 0)
			return 254;
	}
	SSL *ssl = test_server_tls(fd, m->cert, m->max_version ? m->max_version : TLS1_3_VERSION);
	if (ssl == NULL)
		return 255;
	SSL_write(ssl, greeting, (int)strlen(greeting));
	if (m->is_cut)
		return 0;
	int n = echo_all(ssl, m->echoes);
	SSL_shutdown(ssl);
	return n;
}

static struct net_params
params(uint16_t port)
{
	return (struct net_params){ .label = "test",
				    .host = "localhost",
				    .port = port,
				    .tls = NET_TLS_IMPLICIT,
				    .ca_file = ca_file };
}

static struct net_stream *
opened(const struct net_params *p)
{
	struct err err = ERR_INIT;
	struct net_stream *s = net_open(p, tick_ms(), &err);

	if (s == NULL)
		fail_msg("%s", err.text);
	return s;
}

/* Connect as `host` to a server of these manners, without a name look-up. */
static struct net_stream *
opened_as(const char *host, struct net_params p, struct manners *m, pid_t *pid_out)
{
	struct err err = ERR_INIT;
	int fd = test_server_on_pair(serve, m, pid_out);

	p.host = host;
	struct net_stream *s = net_open_fd(fd, &p, tick_ms(), &err);
	if (s == NULL)
		fail_msg("%s", err.text);
	net_drive_to(s, NET_OPEN);
	return s;
}

static void
assert_open(struct net_stream *s)
{
	if (net_drive_to(s, NET_OPEN) == NET_FAILED)
		fail_msg("%s", net_error(s)->text);
	assert_int_equal(net_state(s), NET_OPEN);
}

static void
assert_failed(struct net_stream *s, enum err_kind kind, const char *words)
{
	assert_int_equal(net_drive_to(s, NET_OPEN), NET_FAILED);
	assert_err(*net_error(s), kind);
	if (strstr(net_error(s)->text, words) == NULL)
		fail_msg("'%s' does not say '%s'", net_error(s)->text, words);
}

/* --- A good certificate. --- */

static void
test_verified(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct manners m = { .cert = &good, .max_version = versions[i], .echoes = true };
		struct test_server server = test_server_start(serve, &m);
		struct net_params p = params(server.port);
		struct net_stream *s = opened(&p);
		struct buf got = BUF_INIT;
		struct err err = ERR_INIT;
		assert_open(s);
		assert_true(net_has_tls(s) && net_is_secure(s));
		assert_non_null(strstr(net_describe(s), i == 0 ? "TLSv1.2" : "TLSv1.3"));
		assert_int_equal(net_cert(s)->problems, 0);
		net_drive_read(s, strlen(greeting), &got);
		assert_str(buf_str(&got), greeting);
		assert_int_equal(net_write(s, "hello ", 6, NET_PLAIN, &err), 0);
		assert_int_equal(net_write(s, "world", 5, NET_SECRET, &err), 0);
		assert_int_equal(net_queued_bytes(s), 11);
		buf_reset(&got);
		net_drive_read(s, 11, &got);
		assert_str(buf_str(&got), "hello world");
		net_close(s);
		assert_int_equal(test_server_end(server.pid), 11);
		buf_release(&got);
	}
}

static void
test_much_both_ways(void **state)
{
	enum { MUCH = 300 * 1000 };
	struct manners m = { .cert = &good, .echoes = true };
	pid_t pid;
	struct net_stream *s = opened_as("localhost", params(993), &m, &pid);
	struct buf sent = BUF_INIT, got = BUF_INIT;
	struct err err = ERR_INIT;

	for (int i = 0; sent.len < MUCH; i++)
		buf_addf(&sent, "line %d\r\n", i);
	for (size_t at = 0; at < sent.len; at += 7001)
		assert_int_equal(net_write(s, sent.ptr + at,
					   sent.len - at < 7001 ? sent.len - at : 7001, NET_PLAIN,
					   &err), 0);
	net_drive_read(s, strlen(greeting) + sent.len, &got);
	assert_int_equal(net_queued_bytes(s), 0);
	assert_str_is(str_from(buf_str(&got), strlen(greeting)), buf_str(&sent));
	net_close(s);
	assert_int_equal(test_server_end(pid), 200);
	buf_release(&sent);
	buf_release(&got);
}

static void
test_end_of_file_is_an_error(void **state)
{
	for (int is_cut = 0; is_cut < 2; is_cut++) {
		struct manners m = { .cert = &good, .is_cut = is_cut };
		pid_t pid;
		struct net_stream *s = opened_as("localhost", params(993), &m, &pid);
		struct buf got = BUF_INIT;
		if (!is_cut) /* the server leaves when it has read our end */
			assert_int_equal(net_state(s), NET_OPEN);
		net_drive_read(s, strlen(greeting), &got);
		assert_str(buf_str(&got), greeting);
		if (is_cut) {
			net_drive_read(s, 1000, &got);
			assert_int_equal(net_state(s), NET_FAILED);
			assert_err(*net_error(s), ERR_GONE);
				assert_non_null(strstr(net_error(s)->text, "cut off"));
		}
		net_close(s);
		assert_int_equal(test_server_end(pid), 0);
		buf_release(&got);
	}
}

/* --- Certificates in doubt. --- */

struct doubt {
	const char *host;
	struct test_cert_params cert;
	unsigned problems;
	const char *words;
};

static void
ask_reject_accept(const struct doubt *d)
{
	struct test_cert cert = test_cert_make(&d->cert);
	struct manners m = { .cert = &cert, .echoes = true };
	struct net_params p = params(993);
	char fingerprint[96];
	pid_t pid;

	/* rejected: the server has not got a byte */
	struct net_stream *s = opened_as(d->host, p, &m, &pid);
	assert_int_equal(net_state(s), NET_QUESTION);
	const struct net_cert *c = net_cert(s);
	if (c->problems != d->problems || strstr(c->reason, d->words) == NULL)
		fail_msg("%s: problems %x: %s", d->host, c->problems, c->reason);
	assert_string_equal(c->host, d->host);
	assert_int_equal(strlen(c->sha256), 95);
	assert_int_equal(strlen(c->key_sha256), 64);
	snprintf(fingerprint, sizeof(fingerprint), "%s", c->sha256);
	struct err err = ERR_INIT;
	char byte;
	assert_int_equal(net_read(s, &byte, 1, &err), -1);
	assert_int_equal(net_write(s, "secret", 6, NET_SECRET, &err), -1);
	net_answer(s, false);
	assert_failed(s, ERR_CERT, "was not accepted");
	net_close(s);
	assert_int_equal(test_server_end(pid), 0);

	/* accepted once */
	struct buf got = BUF_INIT;
	s = opened_as(d->host, p, &m, &pid);
	assert_int_equal(net_state(s), NET_QUESTION);
	net_answer(s, true);
	assert_int_equal(net_state(s), NET_OPEN);
	net_drive_read(s, strlen(greeting), &got);
	assert_str(buf_str(&got), greeting);
	net_close(s);
	test_server_end(pid);
	buf_release(&got);

	/* the next connection of the same run */
	p.accepted_sha256 = fingerprint;
	s = opened_as(d->host, p, &m, &pid);
	assert_int_equal(net_state(s), NET_OPEN);
	net_close(s);
	test_server_end(pid);
	test_cert_free(&cert);
}

static void
test_doubtful_certificates(void **state)
{
	const struct doubt doubts[] = {
		{ "localhost", { .common_name = "localhost", .names = "DNS:localhost" },
		  NET_CERT_SELF_SIGNED, "signed by itself" },
		{ "localhost", { .common_name = "localhost", .names = "DNS:localhost",
				 .issuer = &stranger }, NET_CERT_UNKNOWN_ISSUER, "'CN = Stranger'" },
		{ "localhost", { .common_name = "x", .names = "DNS:localhost", .issuer = &authority,
				 .from_s = -864000, .until_s = -86400 }, NET_CERT_EXPIRED,
		  "it expired on 2" },
		{ "localhost", { .common_name = "x", .names = "DNS:localhost", .issuer = &authority,
				 .from_s = 86400, .until_s = 864000 }, NET_CERT_NOT_YET_VALID,
		  "valid only from 2" },
		{ "mail.example.org", { .common_name = "mail.example.org",
					.names = "DNS:other.example.org,DNS:b", .issuer = &authority },
		  NET_CERT_WRONG_HOST, "it is for 'other.example.org, b', not for 'mail.example.org'" },
		{ "mail.example.org", { .common_name = "x", .names = "DNS:m*.example.org",
					.issuer = &authority }, NET_CERT_WRONG_HOST, "it is for" },
		{ "a.b.example.org", { .common_name = "x", .names = "DNS:*.example.org",
				       .issuer = &authority }, NET_CERT_WRONG_HOST, "it is for" },
		{ "127.0.0.1", { .common_name = "127.0.0.1", .names = "DNS:127.0.0.1",
				 .issuer = &authority }, NET_CERT_WRONG_HOST, "it is for" },
		{ "localhost", { .common_name = "x", .names = "DNS:y", .from_s = -9, .until_s = -3 },
		  NET_CERT_EXPIRED | NET_CERT_WRONG_HOST | NET_CERT_SELF_SIGNED, "; it is for 'y'" },
	};

	for (size_t i = 0; i < ARRAY_LEN(doubts); i++)
		ask_reject_accept(&doubts[i]);
}

static void
test_names_that_fit(void **state)
{
	static const struct {
		const char *host, *names;
	} rows[] = {
		{ "mail.example.org", "DNS:*.example.org" },
		{ "mail.example.org.", "DNS:mail.example.org" },
		{ "MAIL.example.org", "DNS:mail.Example.ORG" },
		{ "127.0.0.1", "IP:127.0.0.1" },
		{ "::1", "DNS:a,IP:::1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct test_cert_params cp = { .common_name = "x", .names = rows[i].names,
					       .issuer = &authority };
		struct test_cert cert = test_cert_make(&cp);
		struct manners m = { .cert = &cert };
		pid_t pid;
		struct net_stream *s = opened_as(rows[i].host, params(993), &m, &pid);
		if (net_state(s) != NET_OPEN)
			fail_msg("%s: %s", rows[i].host, net_cert(s)->reason);
		net_close(s);
		test_server_end(pid);
		test_cert_free(&cert);
	}
}

static void
assert_harmless(const char *text, size_t size)
{
	struct buf safe = BUF_INIT;

	assert_true(strlen(text) < size);
	assert_true(utf8_is_valid(str_c(text)));
	utf8_add_safe(&safe, str_c(text));
	assert_str(buf_str(&safe), text);
	buf_release(&safe);
}

static void
test_hostile_text_in_a_certificate(void **state)
{
	struct buf name = BUF_INIT, names = BUF_INIT;
	pid_t pid;

	buf_adds(&name, "\033]0;x\007 \u202egro.knab ");
	buf_addn(&name, 'A', 30);
	for (int i = 0; i < 400; i++)
		buf_addf(&names, "%sDNS:%c\302\205host%d.example.org", i > 0 ? "," : "", 'a', i);
	struct test_cert_params cp = { .common_name = name.ptr, .names = names.ptr };
	struct test_cert cert = test_cert_make(&cp);
	struct manners m = { .cert = &cert };
	struct net_stream *s = opened_as("localhost", params(993), &m, &pid);
	assert_int_equal(net_state(s), NET_QUESTION);
	const struct net_cert *c = net_cert(s);
	assert_harmless(c->subject, sizeof(c->subject));
	assert_harmless(c->issuer, sizeof(c->issuer));
	assert_harmless(c->names, sizeof(c->names));
	assert_harmless(c->reason, sizeof(c->reason));
	assert_non_null(strstr(c->names, "host5.example.org"));
	net_close(s);
	test_server_end(pid);
	test_cert_free(&cert);
	buf_release(&name);
	buf_release(&names);
}

/* --- Pins. --- */

static void
save_pin(struct buf *pins, const char *host, uint16_t port, const char *key)
{
	char path[4096];
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "%s/certificates", test_dir());
	unlink(path);
	assert_int_equal(net_pin_save(path, host, port, key, &err), 0);
	buf_reset(pins);
	assert_int_equal(fs_read(path, 100000, pins, &err), 0);
}

static const char *accepted; /* as if the user had said so today */

static enum net_state
state_with_pins(struct str pins, uint16_t port, const struct test_cert *cert, struct err *err_out)
{
	struct manners m = { .cert = cert };
	struct net_params p = params(port);
	pid_t pid;

	p.pins = pins;
	p.accepted_sha256 = accepted;
	p.pins_name = "~/.certificates";
	struct net_stream *s = opened_as("pinned.example.org", p, &m, &pid);
	enum net_state state = net_state(s);
	*err_out = *net_error(s);
	if (state == NET_FAILED)
		assert_int_equal(net_cert(s)->problems & NET_CERT_PIN_CHANGED, NET_CERT_PIN_CHANGED);
	net_close(s);
	test_server_end(pid);
	return state;
}

static void
test_pin_kept_and_changed(void **state)
{
	struct test_cert_params cp = { .common_name = "home server" };
	struct test_cert first = test_cert_make(&cp);
	cp.key = first.key;
	struct test_cert renewed = test_cert_make(&cp);
	cp = (struct test_cert_params){ .common_name = "x", .names = "DNS:pinned.example.org",
					.issuer = &authority };
	struct test_cert verified = test_cert_make(&cp);
	struct manners m = { .cert = &first };
	struct net_params p = params(993);
	struct buf pins = BUF_INIT;
	struct err err = ERR_INIT;
	pid_t pid;

	struct net_stream *s = opened_as("pinned.example.org", p, &m, &pid);
	assert_int_equal(net_state(s), NET_QUESTION);
	save_pin(&pins, "pinned.example.org", 993, net_cert(s)->key_sha256);
	net_close(s);
	test_server_end(pid);

	assert_int_equal(state_with_pins(buf_str(&pins), 993, &first, &err), NET_OPEN);
	assert_int_equal(state_with_pins(buf_str(&pins), 993, &renewed, &err), NET_OPEN);
	/* another port is another server */
	assert_int_equal(state_with_pins(buf_str(&pins), 143, &first, &err), NET_QUESTION);
	/* another key is no question, not even with the best of signatures */
	assert_int_equal(state_with_pins(STR(""), 993, &verified, &err), NET_OPEN);
	assert_int_equal(state_with_pins(buf_str(&pins), 993, &verified, &err), NET_FAILED);
	assert_err(err, ERR_CERT);
	assert_non_null(strstr(err.text, "is not the one you have pinned"));
	assert_non_null(strstr(err.text, "line 1 of '~/.certificates'"));
	/* nor does it help to have been accepted for the day */
	s = opened_as("pinned.example.org", p, &m, &pid);
	char fingerprint[96];
	snprintf(fingerprint, sizeof(fingerprint), "%s", net_cert(s)->sha256);
	net_close(s);
	test_server_end(pid);
	accepted = fingerprint;
	assert_int_equal(state_with_pins(STR(""), 993, &first, &err), NET_OPEN);
	assert_int_equal(state_with_pins(STR("#pin pinned.example.org:993 broken"), 993, &first, &err),
			 NET_FAILED);
	accepted = NULL;
	test_cert_free(&first);
	test_cert_free(&renewed);
	test_cert_free(&verified);
	buf_release(&pins);
}

/* As mutt writes it: PEM alone. It is trusted, its names still count. */
static void
test_pem_in_certificate_file(void **state)
{
	struct test_cert_params cp = { .common_name = "x", .names = "DNS:pinned.example.org" };
	struct test_cert cert = test_cert_make(&cp);
	cp.names = "DNS:elsewhere.example.org";
	struct test_cert other = test_cert_make(&cp);
	struct buf pem = BUF_INIT;
	struct err err = ERR_INIT;

	buf_adds(&pem, "#H some line of another program\n");
	assert_int_equal(fs_read(test_cert_save(&cert, "mutt.pem"), 100000, &pem, &err), 0);
	assert_int_equal(fs_read(test_cert_save(&other, "mutt.pem"), 100000, &pem, &err), 0);
	assert_int_equal(state_with_pins(STR(""), 993, &cert, &err), NET_QUESTION);
	assert_int_equal(state_with_pins(buf_str(&pem), 993, &cert, &err), NET_OPEN);
	assert_int_equal(state_with_pins(buf_str(&pem), 993, &other, &err), NET_QUESTION);
	test_cert_free(&cert);
	test_cert_free(&other);
	buf_release(&pem);
}

/* --- What is not TLS as we want it. --- */

static void
test_old_tls_is_refused(void **state)
{
	struct manners m = { .cert = &good, .max_version = TLS1_1_VERSION };
	pid_t pid;
	struct net_stream *s = opened_as("localhost", params(993), &m, &pid);

	assert_failed(s, ERR_PROTO, "no TLS of version 1.2 or later");
	net_close(s);
	assert_int_equal(test_server_end(pid), 255);
}

static int
serve_plain_greeting(int fd, void *ctx)
{
	return write(fd, greeting, strlen(greeting)) < 0 || read(fd, (char[1]){ 0 }, 1) < 0;
}

static int
serve_hangup(int fd, void *ctx)
{
	return read(fd, (char[1]){ 0 }, 1) < 0;
}

static void
assert_handshake_fails(int (*server)(int, void *), enum err_kind kind, const char *words)
{
	struct err err = ERR_INIT;
	struct net_params p = params(993);
	pid_t pid;
	int fd = test_server_on_pair(server, NULL, &pid);
	struct net_stream *s = net_open_fd(fd, &p, tick_ms(), &err);

	assert_non_null(s);
	assert_failed(s, kind, words);
	net_close(s);
	test_server_end(pid);
}

static void
test_not_tls_at_all(void **state)
{
	assert_handshake_fails(serve_plain_greeting, ERR_PROTO, "is not TLS");
	assert_handshake_fails(serve_hangup, ERR_WAIT, "hung up");
}

static void
test_bad_parameters(void **state)
{
	struct net_params p = params(993);
	struct err err = ERR_INIT;

	p.ca_file = "/does/not/exist.pem";
	assert_null(net_open(&p, 0, &err));
	assert_err(err, ERR_USER);
	p = params(993);
	p.host = "b\303\274cher.example";
	assert_null(net_open(&p, 0, &err));
	assert_err(err, ERR_USER);
	p.host = "two words";
	assert_null(net_open(&p, 0, &err));
	assert_err(err, ERR_USER);
	p = params(0);
	assert_null(net_open(&p, 0, &err));
	assert_err(err, ERR_USER);
}

/* --- STARTTLS. --- */

static struct net_stream *
at_starttls(struct manners *m, pid_t *pid_out, struct buf *got)
{
	struct net_params p = params(143);
	struct err err = ERR_INIT;

	m->wants_starttls = true;
	p.tls = NET_TLS_START;
	struct net_stream *s = opened_as("localhost", p, m, pid_out);
	assert_int_equal(net_state(s), NET_OPEN);
	assert_false(net_is_secure(s));
	net_drive_read(s, strlen(greeting), got);
	/* a password never goes out before TLS */
	assert_int_equal(net_write(s, "pass", 4, NET_SECRET, &err), -1);
	assert_err(err, ERR_USER);
	assert_int_equal(net_write(s, "a1 STARTTLS\r\n", 13, NET_PLAIN, &err), 0);
	buf_reset(got);
	net_drive_read(s, 7, got);
	return s;
}

static void
test_starttls(void **state)
{
	struct manners m = { .cert = &good, .echoes = true };
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	pid_t pid;
	struct net_stream *s = at_starttls(&m, &pid, &got);

	assert_str(buf_str(&got), "a1 OK\r\n");
	assert_int_equal(net_start_tls(s, 0, tick_ms(), &err), 0);
	assert_open(s);
	assert_true(net_is_secure(s));
	buf_reset(&got);
	net_drive_read(s, strlen(greeting), &got);
	assert_str(buf_str(&got), greeting);
	assert_int_equal(net_write(s, "pass", 4, NET_SECRET, &err), 0);
	net_drive_out(s);
	assert_int_equal(net_start_tls(s, 0, tick_ms(), &err), -1);
	net_close(s);
	assert_int_equal(test_server_end(pid), 4);
	buf_release(&got);
}

static void
test_starttls_injection(void **state)
{
	for (int is_read = 0; is_read < 2; is_read++) {
		struct manners m = { .cert = &good, .behind_ok = "* CAPABILITY evil\r\n" };
		struct buf got = BUF_INIT;
		struct err err = ERR_INIT;
		char bytes[7];
		pid_t pid;
		m.wants_starttls = true;
		struct net_params p = params(143);
		p.tls = NET_TLS_START;
		struct net_stream *s = opened_as("localhost", p, &m, &pid);
		net_drive_read(s, strlen(greeting), &got);
		net_write(s, "a1 STARTTLS\r\n", 13, NET_PLAIN, &err);
		net_drive_out(s);
		ssize_t n;
		if (is_read) { /* the framer has it all */
			buf_reset(&got);
			net_drive_read(s, 7 + 19, &got);
			n = 7;
		} else { /* the rest waits in the socket */
			while ((n = net_read(s, bytes, sizeof(bytes), &err)) == 0)
				continue;
		}
		assert_int_equal(n, 7);
		assert_int_equal(net_start_tls(s, is_read ? 19 : 0, tick_ms(), &err), -1);
		assert_err(err, ERR_PROTO);
		assert_int_equal(net_state(s), NET_FAILED);
		net_close(s);
		test_server_end(pid);
		buf_release(&got);
	}
}

static void
test_starttls_with_commands_behind_it(void **state)
{
	struct manners m = { .cert = &good };
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	pid_t pid;
	struct net_stream *s = at_starttls(&m, &pid, &got);

	assert_int_equal(net_write(s, "a2 NOOP\r\n", 9, NET_PLAIN, &err), 0);
	assert_int_equal(net_start_tls(s, 0, tick_ms(), &err), -1);
	assert_err(err, ERR_PROTO);
	net_close(s);
	test_server_end(pid);
	buf_release(&got);
}

/* --- The wire log. --- */

static void
test_wire_log_has_no_secrets(void **state)
{
	struct manners m = { .cert = &good };
	struct buf log = BUF_INIT;
	struct err err = ERR_INIT;
	char path[4096];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/log", test_dir());
	assert_int_equal(log_open(path, LOG_TRACE, "test"), 0);
	struct net_stream *s = opened_as("localhost", params(993), &m, &pid);
	struct buf got = BUF_INIT;
	net_drive_read(s, strlen(greeting), &got);
	net_write(s, "a1 LOGIN jane ", 14, NET_PLAIN, &err);
	net_write(s, "hunter22", 8, NET_SECRET, &err);
	net_write(s, "\r\na2 NOOP\r\n", 11, NET_PLAIN, &err);
	net_write(s, "AGphbmUAaHVudGVyMjI=\r\n", 22, NET_SECRET, &err);
	net_drive_out(s);
	net_close(s);
	log_use_fd(-1, 0, "test");
	test_server_end(pid);
	assert_int_equal(fs_read(path, 1000000, &log, &err), 0);
	assert_true(str_find_str(buf_str(&log), STR("C: a2 NOOP")) >= 0);
	assert_true(str_find_str(buf_str(&log), STR("C: a1 LOGIN jane \\")) >= 0);
	assert_true(str_find_str(buf_str(&log), STR("C: [secret, 8 bytes]")) >= 0);
	assert_true(str_find_str(buf_str(&log), STR("S: * OK ready")) >= 0);
	assert_true(str_find_str(buf_str(&log), STR("hunter")) < 0);
	assert_true(str_find_str(buf_str(&log), STR("aHVudGVy")) < 0);
	buf_release(&log);
	buf_release(&got);
}

/* --- */

static int fds_before;

static int
setup(void **state)
{
	struct test_cert_params p = { .common_name = "Authority", .is_authority = true };

	authority = test_cert_make(&p);
	p.common_name = "Stranger";
	stranger = test_cert_make(&p);
	p = (struct test_cert_params){ .common_name = "x", .names = "DNS:localhost",
				       .issuer = &authority };
	good = test_cert_make(&p);
	snprintf(ca_file, sizeof(ca_file), "%s", test_cert_save(&authority, "ca.pem"));
	return 0;
}

static int
teardown(void **state)
{
	test_cert_free(&authority);
	test_cert_free(&stranger);
	test_cert_free(&good);
	return 0;
}

static int
before_each(void **state)
{
	while (test_has_children())
		test_server_end(-1); /* of a test that failed */
	fds_before = test_count_fds();
	return 0;
}

/* Nothing is left behind, whatever happened. */
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
		TEST(test_verified),
		TEST(test_much_both_ways),
		TEST(test_end_of_file_is_an_error),
		TEST(test_doubtful_certificates),
		TEST(test_names_that_fit),
		TEST(test_hostile_text_in_a_certificate),
		TEST(test_pin_kept_and_changed),
		TEST(test_pem_in_certificate_file),
		TEST(test_old_tls_is_refused),
		TEST(test_not_tls_at_all),
		TEST(test_bad_parameters),
		TEST(test_starttls),
		TEST(test_starttls_injection),
		TEST(test_starttls_with_commands_behind_it),
		TEST(test_wire_log_has_no_secrets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
