/* A certificate in words. Everything in it was chosen by a stranger. */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "internal.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

/* The safe form of `text`, cut to fit between two characters. */
static void
put_text(char *out, size_t size, struct str text)
{
	struct buf safe = BUF_INIT;
	static const char more[] = "\xe2\x80\xa6"; /* an ellipsis */

	utf8_add_safe(&safe, str_head(text, size * 4));
	size_t len = safe.len;
	if (len >= size) {
		len = size - sizeof(more);
		while (len > 0 && ((unsigned char)safe.ptr[len] & 0xc0) == 0x80)
			len--;
		buf_truncate(&safe, len);
		buf_adds(&safe, more);
	}
	memcpy(out, safe.ptr, safe.len + 1);
	buf_release(&safe);
}

static void
put_name(char *out, size_t size, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	out[0] = '\0';
	if (bio == NULL || name == NULL)
		goto out;
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	long len = BIO_get_mem_data(bio, &text);
	if (len > 0)
		put_text(out, size, str_n(text, (size_t)len));
out:
	BIO_free(bio);
}

static void
add_general_name(struct buf *names, const GENERAL_NAME *name)
{
	char text[INET6_ADDRSTRLEN];
	const ASN1_STRING *value = name->d.ia5;

	if (name->type != GEN_DNS && name->type != GEN_IPADD)
		return;
	const unsigned char *bytes = ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	if (name->type == GEN_IPADD) {
		if ((len != 4 && len != 16) ||
		    inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) == NULL)
			return;
		bytes = (const unsigned char *)text;
		len = strlen(text);
	}
	if (names->len > 0)
		buf_adds(names, ", ");
	buf_add(names, bytes, len);
}

/* The names it is for: the subject's common name counts if there is no other. */
static void
put_host_names(char *out, size_t size, X509 *x)
{
	struct buf text = BUF_INIT;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && text.len < size; i++)
		add_general_name(&text, sk_GENERAL_NAME_value(names, i));
	if (text.len == 0) {
		char common[256];
		int len = X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
						    common, sizeof(common));
		if (len > 0)
			buf_add(&text, common, (size_t)len);
	}
	put_text(out, size, buf_str(&text));
	GENERAL_NAMES_free(names);
	buf_release(&text);
}

static int64_t
time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void
put_fingerprint(struct net_cert *cert, X509 *x)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	cert->sha256[0] = '\0';
	if (X509_digest(x, EVP_sha256(), hash, &len) != 1)
		return;
	struct buf text = BUF_INIT;
	for (unsigned i = 0; i < len; i++)
		buf_addf(&text, "%s%02X", i > 0 ? ":" : "", hash[i]);
	put_text(cert->sha256, sizeof(cert->sha256), buf_str(&text));
	buf_release(&text);
}

static void
put_key_hash(struct net_cert *cert, X509 *x)
{
	unsigned char *der = NULL, hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	cert->key_sha256[0] = '\0';
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	if (size > 0 && EVP_Digest(der, (size_t)size, hash, &len, EVP_sha256(), NULL) == 1)
		for (unsigned i = 0; i < 32; i++)
			snprintf(cert->key_sha256 + (size_t)2 * i, 3, "%02x", hash[i]);
	OPENSSL_free(der);
}

static void
add_date(struct buf *b, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[32] = "?";

	if (gmtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	buf_adds(b, text);
}

static void
say_expired(struct buf *b, const struct net_cert *cert)
{
	if (cert->not_after > wall_now()) {
		buf_adds(b, "a certificate that vouches for it has expired");
		return;
	}
	buf_adds(b, "it expired on ");
	add_date(b, cert->not_after);
}

static void
say_not_yet_valid(struct buf *b, const struct net_cert *cert)
{
	if (cert->not_before <= wall_now()) {
		buf_adds(b, "a certificate that vouches for it is not valid yet");
		return;
	}
	buf_adds(b, "it is valid only from ");
	add_date(b, cert->not_before);
	buf_adds(b, " on (is the clock right?)");
}

static void
say_wrong_host(struct buf *b, const struct net_cert *cert)
{
	char names[160];

	put_text(names, sizeof(names), str_c(cert->names));
	buf_addf(b, "it is for '%s', not for '%.100s'", names, cert->host);
}

static void
say_self_signed(struct buf *b, const struct net_cert *cert)
{
	buf_adds(b, "it is signed by itself alone");
}

static void
say_unknown_issuer(struct buf *b, const struct net_cert *cert)
{
	char issuer[160];

	put_text(issuer, sizeof(issuer), str_c(cert->issuer));
	buf_addf(b, "it is signed by '%s', whom this machine does not trust", issuer);
}

static void
say_revoked(struct buf *b, const struct net_cert *cert)
{
	buf_adds(b, "it was revoked by its issuer");
}

static const struct {
	enum net_cert_problem problem;
	void (*say)(struct buf *b, const struct net_cert *cert);
} sentences[] = {
	{ NET_CERT_EXPIRED, say_expired },
	{ NET_CERT_NOT_YET_VALID, say_not_yet_valid },
	{ NET_CERT_WRONG_HOST, say_wrong_host },
	{ NET_CERT_SELF_SIGNED, say_self_signed },
	{ NET_CERT_UNKNOWN_ISSUER, say_unknown_issuer },
	{ NET_CERT_REVOKED, say_revoked },
};

static void
put_reason(struct net_cert *cert, int other_error)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(sentences); i++) {
		if (!(cert->problems & sentences[i].problem))
			continue;
		if (b.len > 0)
			buf_adds(&b, "; ");
		sentences[i].say(&b, cert);
	}
	if (cert->problems & NET_CERT_OTHER)
		buf_addf(&b, "%sit is not sound: %s", b.len > 0 ? "; " : "",
			 X509_verify_cert_error_string(other_error));
	put_text(cert->reason, sizeof(cert->reason), buf_str(&b));
	buf_release(&b);
}

void
cert_describe(struct net_cert *cert, X509 *x, unsigned problems, int other_error)
{
	cert->problems = problems;
	put_name(cert->subject, sizeof(cert->subject), X509_get_subject_name(x));
	put_name(cert->issuer, sizeof(cert->issuer), X509_get_issuer_name(x));
	put_host_names(cert->names, sizeof(cert->names), x);
	cert->not_before = time_of(X509_get0_notBefore(x));
	cert->not_after = time_of(X509_get0_notAfter(x));
	put_fingerprint(cert, x);
	put_key_hash(cert, x);
	put_reason(cert, other_error);
}
