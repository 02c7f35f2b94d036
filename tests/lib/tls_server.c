#include "lib/test.h"
#include "lib/tls_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

struct test_cert
test_cert_make(const struct test_cert_params *p)
{
	static long serial;
	struct test_cert c = { X509_new(), p->key };
	X509_NAME *name = X509_get_subject_name(c.x);
	bool is_default_time = p->from_s == 0 && p->until_s == 0;

	if (c.key == NULL)
		c.key = EVP_EC_gen("P-256");
	else
		EVP_PKEY_up_ref(c.key);
	X509_set_version(c.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.x), is_default_time ? -3600 : p->from_s);
	X509_gmtime_adj(X509_getm_notAfter(c.x), is_default_time ? 86400 : p->until_s);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const void *)p->common_name, -1, -1,
				   0);
	X509_set_issuer_name(c.x, X509_get_subject_name(p->issuer ? p->issuer->x : c.x));
	X509_set_pubkey(c.x, c.key);
	if (p->names != NULL)
		add_extension(c.x, NID_subject_alt_name, p->names);
	if (p->is_authority) {
		add_extension(c.x, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(c.x, NID_key_usage, "keyCertSign,cRLSign");
	}
	assert_true(X509_sign(c.x, p->issuer ? p->issuer->key : c.key, EVP_sha256()) > 0);
	return c;
}

void
test_cert_free(struct test_cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	c->x = NULL;
	c->key = NULL;
}

const char *
test_cert_save(const struct test_cert *c, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, c->x), 1);
	fclose(f);
	return path;
}

_Noreturn static void
serve_and_leave(int (*serve)(int fd, void *ctx), void *ctx, int fd)
{
	signal(SIGPIPE, SIG_IGN);
	_exit(serve(fd, ctx));
}

static pid_t
fork_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(30); /* a test that hangs must not leave a server */
	}
	return pid;
}

struct test_server
test_server_start(int (*serve)(int fd, void *ctx), void *ctx)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		int client = accept(fd, NULL, NULL);
		close(fd);
		serve_and_leave(serve, ctx, client);
	}
	close(fd);
	return (struct test_server){ pid, ntohs(at.sin_port) };
}

int
test_server_on_pair(int (*serve)(int fd, void *ctx), void *ctx, pid_t *pid_out)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*pid_out = fork_child();
	if (*pid_out == 0) {
		close(ends[0]);
		serve_and_leave(serve, ctx, ends[1]);
	}
	close(ends[1]);
	return ends[0];
}

int
test_server_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

SSL *
test_server_tls(int fd, const struct test_cert *c, int max_version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(context, max_version);
	SSL_CTX_use_certificate(context, c->x);
	SSL_CTX_use_PrivateKey(context, c->key);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	return SSL_accept(ssl) == 1 ? ssl : NULL;
}
