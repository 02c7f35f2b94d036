/* Certificates made on the spot, and servers in child processes that use them.
 * A server serves one connection, then leaves; its exit status says how it went. */
#ifndef TERN_TESTS_LIB_TLS_SERVER_H
#define TERN_TESTS_LIB_TLS_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_cert {
	X509 *x;
	EVP_PKEY *key;
};

struct test_cert_params {
	const char *common_name;
	const char *names; /* "DNS:a,IP:127.0.0.1", NULL for none */
	long from_s, until_s; /* from now; 0, 0: an hour ago to tomorrow */
	const struct test_cert *issuer; /* NULL: signed by itself */
	bool is_authority;
	EVP_PKEY *key; /* NULL: a new one */
};

struct test_cert test_cert_make(const struct test_cert_params *p);
void test_cert_free(struct test_cert *c);
/* Write it as PEM to the file and return the path: below test_dir(), borrowed. */
const char *test_cert_save(const struct test_cert *c, const char *name);

struct test_server {
	pid_t pid;
	uint16_t port;
};

/* Run serve(fd, ctx) in a child for one connection to 127.0.0.1; its result,
 * 0 to 255, is what test_server_end() returns. */
struct test_server test_server_start(int (*serve)(int fd, void *ctx), void *ctx);
/* The same on one end of a socket pair; returns the other. */
int test_server_on_pair(int (*serve)(int fd, void *ctx), void *ctx, pid_t *pid_out);
int test_server_end(pid_t pid);

/* In the child: TLS as `c`, NULL if the client would not have it. */
SSL *test_server_tls(int fd, const struct test_cert *c, int max_version);

#endif
