/* TLS by OpenSSL. The library never sees a socket of ours directly: its bytes
 * go through recv() and send() here, so that a broken pipe is an error and not
 * a signal. Verification is not allowed to end the handshake; what it found is
 * kept, and judged before a byte of the program's goes either way. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"

struct tls {
	SSL_CTX *context;
	SSL *ssl;
	BIO_METHOD *method;
	char *host;
	uint16_t port;
	struct str pins; /* borrowed from the stream */
	const char *pins_name;
	unsigned problems; /* enum net_cert_problem, as verification met them */
	int other_error;   /* the first X509_V_ERR_* of NET_CERT_OTHER */
	int fd;
	int io_errno; /* of the last recv() or send() that failed */
	short read_waits, write_waits;
};

/* --- The descriptor as a BIO. ---------------------------------------------- */

static int
bio_result(BIO *bio, ssize_t n, int retry_flag)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(bio, BIO_FLAGS_SHOULD_RETRY | retry_flag);
	else if (n < 0)
		t->io_errno = errno;
	return (int)n;
}

static int
bio_read(BIO *bio, char *out, int max)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t n = recv(t->fd, out, (size_t)max, 0);

	if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return bio_result(bio, n, BIO_FLAGS_READ);
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	struct tls *t = BIO_get_data(bio);

	return bio_result(bio, send(t->fd, data, (size_t)len, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static BIO *
make_bio(struct tls *t)
{
	t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (t->method == NULL)
		return NULL;
	BIO_meth_set_read(t->method, bio_read);
	BIO_meth_set_write(t->method, bio_write);
	BIO_meth_set_ctrl(t->method, bio_ctrl);
	BIO *bio = BIO_new(t->method);
	if (bio != NULL) {
		BIO_set_data(bio, t);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* --- Verification: take note and go on. ------------------------------------ */

static const struct {
	int error; /* X509_V_ERR_* */
	enum net_cert_problem problem;
} known_errors[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, NET_CERT_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, NET_CERT_NOT_YET_VALID },
	{ X509_V_ERR_HOSTNAME_MISMATCH, NET_CERT_WRONG_HOST },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, NET_CERT_WRONG_HOST },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, NET_CERT_SELF_SIGNED },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, NET_CERT_UNKNOWN_ISSUER },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, NET_CERT_UNKNOWN_ISSUER },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, NET_CERT_UNKNOWN_ISSUER },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, NET_CERT_UNKNOWN_ISSUER },
	{ X509_V_ERR_CERT_UNTRUSTED, NET_CERT_UNKNOWN_ISSUER },
	{ X509_V_ERR_CERT_REVOKED, NET_CERT_REVOKED },
};

static void
note_error(struct tls *t, int error)
{
	for (size_t i = 0; i < ARRAY_LEN(known_errors); i++) {
		if (known_errors[i].error == error) {
			t->problems |= known_errors[i].problem;
			return;
		}
	}
	if (!(t->problems & NET_CERT_OTHER))
		t->other_error = error;
	t->problems |= NET_CERT_OTHER;
}

static int
on_verified(int is_ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	if (!is_ok)
		note_error(SSL_get_app_data(ssl), X509_STORE_CTX_get_error(store));
	return 1;
}

/* --- Setting up. ------------------------------------------------------------ */

static const char *
last_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason != NULL ? reason : "no reason given";
}

/* A certificate file may hold a key: never ask a terminal for its password. */
static int
no_password(char *out, int size, int is_writing, void *ctx)
{
	return -1;
}

/* The PEM certificates of mutt users are trusted like authorities, as in mutt;
 * the names they are for are checked all the same. */
static void
add_authorities(SSL_CTX *context, struct str pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	X509 *x;

	if (pem.len == 0 || pem.len > INT_MAX)
		return;
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	while (bio != NULL && (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		X509_STORE_add_cert(store, x);
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
}

static const char *
setting(const char *variable, const char *otherwise)
{
	const char *value = getenv(variable);

	return value != NULL ? value : otherwise;
}

static bool
has_hashed_names(const char *path)
{
	static const char hex[] = "0123456789abcdef";
	DIR *dir = opendir(path);
	const struct dirent *entry = NULL;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strspn(entry->d_name, hex) == 8 && strcmp(entry->d_name + 8, ".0") == 0)
			break;
	if (dir != NULL)
		closedir(dir);
	return entry != NULL;
}

/* The system has its store as a directory, from which only what is needed is
 * read, and as one file, which takes 200 ms to parse. The file may be left out
 * if it lies in that directory: then both are the same certificates. */
static bool
is_directory_enough(void)
{
	char *file = realpath(setting(X509_get_default_cert_file_env(),
				      X509_get_default_cert_file()), NULL);
	char *dir = realpath(setting(X509_get_default_cert_dir_env(),
				     X509_get_default_cert_dir()), NULL);
	char *slash = file != NULL ? strrchr(file, '/') : NULL;

	if (slash != NULL)
		*slash = '\0';
	bool is_enough = dir != NULL && (file == NULL || strcmp(file, dir) == 0) &&
			 has_hashed_names(dir);
	free(file);
	free(dir);
	return is_enough;
}

/* No system store is no error: then every certificate is a question. */
static void
add_system_store(SSL_CTX *context)
{
	if (is_directory_enough())
		SSL_CTX_set_default_verify_dir(context);
	else
		SSL_CTX_set_default_verify_paths(context);
	ERR_clear_error();
}

static int
load_authorities(SSL_CTX *context, const struct tls_params *p, struct err *err)
{
	add_system_store(context);
	if (p->ca_file != NULL && p->ca_file[0] != '\0' &&
	    SSL_CTX_load_verify_file(context, p->ca_file) != 1)
		return err_set(err, ERR_USER, "cannot read certificates from '%s': %s", p->ca_file,
			       last_reason());
	add_authorities(context, p->pins);
	return 0;
}

static SSL_CTX *
make_context(const struct tls_params *p, struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL) {
		err_set(err, ERR_SYSTEM, "cannot set up TLS: %s", last_reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF |
					       SSL_OP_LEGACY_SERVER_CONNECT |
					       SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verified);
	/* An authority may also be an intermediate one, or the server's own. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	if (load_authorities(context, p, err) < 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

static bool
is_address(const char *host)
{
	struct addresses a;

	return resolve_locally(host, 1, &a) && a.n == 1;
}

/* The name that the certificate must hold, and the one we ask for. */
static int
set_names(struct tls *t)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(t->host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, t->host);
	return SSL_set1_host(t->ssl, t->host) == 1 && SSL_set_tlsext_host_name(t->ssl, t->host) == 1;
}

struct tls *
tls_new(const struct tls_params *p, struct err *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	BIO *bio;

	t->fd = -1;
	t->host = xstrdup(p->host);
	t->port = p->port;
	t->pins = p->pins;
	t->pins_name = p->pins_name;
	ERR_clear_error();
	t->context = make_context(p, err);
	if (t->context == NULL)
		goto fail;
	t->ssl = SSL_new(t->context);
	bio = t->ssl != NULL ? make_bio(t) : NULL;
	if (bio == NULL) {
		err_set(err, ERR_SYSTEM, "cannot set up TLS: %s", last_reason());
		goto fail;
	}
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	if (set_names(t) != 1) {
		err_set(err, ERR_USER, "'%s' is not a host name", p->host);
		goto fail;
	}
	return t;
fail:
	tls_free(t);
	return NULL;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->context);
	BIO_meth_free(t->method);
	free(t->host);
	free(t);
}

/* --- Bytes. ------------------------------------------------------------------ */

static const struct {
	int reason;
	const char *sentence;
} handshake_errors[] = {
	{ SSL_R_UNSUPPORTED_PROTOCOL, "it offers no TLS of version 1.2 or later" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "it offers no TLS of version 1.2 or later" },
	{ SSL_R_WRONG_SSL_VERSION, "it offers no TLS of version 1.2 or later" },
	{ SSL_R_WRONG_VERSION_NUMBER, "what it answers is not TLS: is the port right?" },
	{ SSL_R_HTTP_REQUEST, "what it answers is not TLS: is the port right?" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "it has no cipher in common with us" },
	{ SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, "its TLS is too old to be safe" },
	{ SSL_R_DH_KEY_TOO_SMALL, "its keys are too weak" },
	{ SSL_R_EE_KEY_TOO_SMALL, "its keys are too weak" },
};

static const char *
handshake_sentence(void)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	for (size_t i = 0; i < ARRAY_LEN(handshake_errors); i++)
		if (handshake_errors[i].reason == reason)
			return handshake_errors[i].sentence;
	return last_reason();
}

static bool
is_cut(int ssl_error)
{
	return ssl_error == SSL_ERROR_SYSCALL ||
	       (ssl_error == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) ==
						      SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

static void
prepare(struct tls *t)
{
	ERR_clear_error();
	t->io_errno = 0;
}

static int
say_lost(const struct tls *t, int ssl_error, struct err *err)
{
	/* At an unexpected end it tries to send an alert: that errno says nothing. */
	if (ssl_error == SSL_ERROR_SYSCALL && t->io_errno != 0)
		return err_errno(err, t->io_errno, "the connection to '%s' was lost", t->host);
	return err_set(err, ERR_GONE, "the connection to '%s' was cut off", t->host);
}

int
tls_handshake(struct tls *t, int fd, struct err *err)
{
	t->fd = fd;
	prepare(t);
	int result = SSL_do_handshake(t->ssl);
	int error = SSL_get_error(t->ssl, result);
	t->read_waits = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	t->write_waits = POLLOUT;
	if (result == 1)
		return 1;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return 0;
	if (is_cut(error))
		return err_set(err, ERR_WAIT, "'%s' hung up while TLS was set up", t->host);
	return err_set(err, ERR_PROTO, "cannot set up TLS with '%s': %s", t->host,
		       handshake_sentence());
}

/* 0 if it only has to wait; then *waits says for what. */
static ssize_t
io_failed(struct tls *t, int result, short *waits, struct err *err)
{
	int error = SSL_get_error(t->ssl, result);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		*waits = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return 0;
	}
	if (error == SSL_ERROR_ZERO_RETURN)
		return err_set(err, ERR_GONE, "'%s' closed the connection", t->host);
	if (is_cut(error)) {
		say_lost(t, error, err);
		if (err != NULL)
			err->kind = ERR_GONE;
		return -1;
	}
	return err_set(err, ERR_PROTO, "TLS with '%s' broke: %s", t->host, last_reason());
}

ssize_t
tls_read(struct tls *t, void *out, size_t max, struct err *err)
{
	prepare(t);
	int n = SSL_read(t->ssl, out, max > INT_MAX ? INT_MAX : (int)max);
	t->read_waits = POLLIN;
	return n > 0 ? n : io_failed(t, n, &t->read_waits, err);
}

ssize_t
tls_write(struct tls *t, const void *data, size_t len, struct err *err)
{
	prepare(t);
	int n = SSL_write(t->ssl, data, (int)len);
	t->write_waits = POLLOUT;
	return n > 0 ? n : io_failed(t, n, &t->write_waits, err);
}

void
tls_bye(struct tls *t)
{
	prepare(t);
	if (SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

short
tls_read_waits(const struct tls *t)
{
	return t->read_waits;
}

short
tls_write_waits(const struct tls *t)
{
	return t->write_waits;
}

const char *
tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *
tls_cipher(const struct tls *t)
{
	const char *name = SSL_get_cipher_name(t->ssl);

	return name != NULL ? name : "";
}

/* --- The verdict. ------------------------------------------------------------ */

static bool
names_host(const struct tls *t, X509 *x)
{
	if (is_address(t->host))
		return X509_check_ip_asc(x, t->host, 0) == 1;
	return X509_check_host(x, t->host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* The callback has noted what it was told; two questions asked once more, so
 * that nothing hangs on a callback having been called. */
static void
check_again(struct tls *t, X509 *x)
{
	long result = SSL_get_verify_result(t->ssl);

	if (t->problems == 0 && result != X509_V_OK)
		note_error(t, (int)result);
	if (!names_host(t, x))
		t->problems |= NET_CERT_WRONG_HOST;
}

static enum tls_verdict
pin_changed(struct tls *t, struct net_cert *cert, int line, struct err *err)
{
	cert->problems |= NET_CERT_PIN_CHANGED;
	err_set(err, ERR_CERT,
		"the certificate of '%s' is not the one you have pinned: somebody may be "
		"listening in; if you know that it changed, remove line %d of '%s'",
		t->host, line, t->pins_name != NULL ? t->pins_name : "certificate_file");
	return TLS_REFUSED;
}

enum tls_verdict
tls_judge(struct tls *t, struct net_cert *cert, struct err *err)
{
	X509 *x = SSL_get1_peer_certificate(t->ssl);
	int line;

	memset(cert, 0, sizeof(*cert));
	snprintf(cert->host, sizeof(cert->host), "%s", t->host);
	cert->port = t->port;
	if (x == NULL) {
		err_set(err, ERR_PROTO, "'%s' shows no certificate", t->host);
		return TLS_REFUSED;
	}
	check_again(t, x);
	cert_describe(cert, x, t->problems, t->other_error);
	X509_free(x);
	switch (pin_find(t->pins, t->host, t->port, cert->key_sha256, &line)) {
	case PIN_MATCHES:
		return TLS_PINNED;
	case PIN_DIFFERS:
		return pin_changed(t, cert, line, err);
	case PIN_NONE:
		break;
	}
	return t->problems == 0 ? TLS_TRUSTED : TLS_DOUBTFUL;
}
