#include "auth.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

enum {
	MAX_CHALLENGE = 16 * 1024, /* base64 */
	MAX_CREDENTIAL = 4096,
	/* SCRAM rounds: what a hostile server may make us compute, and what a
	 * weak one may offer. RFC 7677 asks for 4096 and servers use up to 600,000;
	 * libgsasl takes 3.8 s for the most allowed, and the worker's loop stands
	 * still meanwhile: a user who cancels then kills the worker. */
	MIN_ROUNDS = 1000,
	MAX_ROUNDS = 1000000,
	MAX_STEPS = 8
};

enum method {
	METHOD_OAUTHBEARER,
	METHOD_XOAUTH2,
	METHOD_SCRAM_SHA_256,
	METHOD_SCRAM_SHA_1,
	METHOD_PLAIN,
	METHOD_LOGIN,
	METHOD_LOGIN_COMMAND,
	METHOD_CRAM_MD5,
	N_METHODS
};

struct auth {
	enum method method;
	char *user, *password, *token, *host; /* owned; secrets are wiped */
	uint16_t port;
	bool has_sasl_ir;
	int n_steps;
	Gsasl *gsasl; /* SCRAM and CRAM-MD5 */
	Gsasl_session *session;
	bool is_proved; /* the server has shown that it knows the password */
	struct buf server_error; /* of OAuth: what went wrong, made safe */
};

/* What a mechanism says: to nothing (the initial response), and to a challenge.
 * Plain bytes; base64 is done around them. */
struct method_ops {
	const char *name;    /* on the wire */
	const char *setting; /* in $imap_authenticators */
	bool needs_token;
	bool is_by_name_only; /* used only where the setting names it */
	bool is_gsasl;
	bool has_first;		/* the client speaks first */
	bool ignores_challenge; /* which may be any text: "+ go ahead" */
	int (*first)(struct auth *a, struct buf *out, struct err *err);
	int (*step)(struct auth *a, struct str challenge, struct buf *out, struct err *err);
};

/* --- Base64: of secrets, so nothing is left behind in memory. ----------------- */

static void
add_base64(struct buf *out, struct str in)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	/* At once, so that no half-grown copy is freed unwiped. */
	buf_reserve(out, (in.len + 2) / 3 * 4);
	for (size_t i = 0; i < in.len; i += 3) {
		unsigned v = (unsigned char)in.ptr[i] * 0x10000u;
		if (i + 1 < in.len)
			v |= (unsigned char)in.ptr[i + 1] * 0x100u;
		if (i + 2 < in.len)
			v |= (unsigned char)in.ptr[i + 2];
		buf_addc(out, digits[v >> 18]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, i + 1 < in.len ? digits[v >> 6 & 63] : '=');
		buf_addc(out, i + 2 < in.len ? digits[v & 63] : '=');
	}
}

static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Strict: whole groups, padding at the end only. */
static bool
add_decoded(struct buf *out, struct str in)
{
	if (in.len % 4 != 0)
		return false;
	for (size_t i = 0; i < in.len; i += 4) {
		bool is_last = i + 4 == in.len;
		int padding = is_last && in.ptr[i + 3] == '=' ? 1 + (in.ptr[i + 2] == '=') : 0;
		unsigned v = 0;
		for (size_t k = 0; k < 4; k++) {
			bool is_pad = padding > 0 && k >= 4 - (size_t)padding;
			int digit = is_pad ? 0 : digit_value(in.ptr[i + k]);
			if (digit < 0)
				return false;
			v = v << 6 | (unsigned)digit;
		}
		buf_addc(out, (char)(v >> 16));
		if (padding < 2)
			buf_addc(out, (char)(v >> 8));
		if (padding < 1)
			buf_addc(out, (char)v);
	}
	return true;
}

/* --- Mechanisms of one message. ------------------------------------------------ */

static int
unexpected(const struct auth *a, struct err *err)
{
	return err_set(err, ERR_PROTO, "the server broke the rules of %s", auth_mechanism(a));
}

static int
plain_first(struct auth *a, struct buf *out, struct err *err)
{
	buf_reserve(out, strlen(a->user) + strlen(a->password) + 2);
	buf_addc(out, '\0');
	buf_adds(out, a->user);
	buf_addc(out, '\0');
	buf_adds(out, a->password);
	return 0;
}

static int
plain_step(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	if (a->n_steps > 1 || a->has_sasl_ir)
		return unexpected(a, err);
	return plain_first(a, out, err);
}

/* The prompts are "Username:" and "Password:", or whatever the server likes:
 * they are answered by position. */
static int
login_step(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	if (a->n_steps > 2)
		return unexpected(a, err);
	buf_adds(out, a->n_steps == 1 ? a->user : a->password);
	return 0;
}

/* --- OAuth 2.0. ------------------------------------------------------------------- */

static int
xoauth2_first(struct auth *a, struct buf *out, struct err *err)
{
	buf_reserve(out, strlen(a->user) + strlen(a->token) + 32);
	buf_addf(out, "user=%s\001auth=Bearer ", a->user);
	buf_adds(out, a->token);
	buf_adds(out, "\001\001");
	return 0;
}

/* RFC 7628, 3.1; the name as a saslname of RFC 5801. */
static int
oauthbearer_first(struct auth *a, struct buf *out, struct err *err)
{
	buf_reserve(out, 3 * strlen(a->user) + strlen(a->host) + strlen(a->token) + 64);
	buf_adds(out, "n,a=");
	for (const char *p = a->user; *p != '\0'; p++) {
		if (*p == ',' || *p == '=')
			buf_adds(out, *p == ',' ? "=2C" : "=3D");
		else
			buf_addc(out, *p);
	}
	buf_addf(out, ",\001host=%s\001port=%u\001auth=Bearer ", a->host, a->port);
	buf_adds(out, a->token);
	buf_adds(out, "\001\001");
	return 0;
}

/* The value of a member of a flat JSON object: enough for an error report of
 * which only a word or a number is shown. */
static struct str
json_member(struct str json, const char *name)
{
	char *quoted = xasprintf("\"%s\"", name);
	long at = str_find_str(json, str_c(quoted));
	struct str rest = at < 0 ? STR_NONE : str_from(json, (size_t)at + strlen(quoted));

	free(quoted);
	rest = str_trim_left(rest);
	if (!str_starts(rest, ":"))
		return STR_NONE;
	rest = str_trim_left(str_from(rest, 1));
	bool is_string = str_starts(rest, "\"");
	if (is_string)
		rest = str_from(rest, 1);
	size_t len = 0;
	while (len < rest.len && (is_string ? rest.ptr[len] != '"' :
					      strchr(",} \t\r\n", rest.ptr[len]) == NULL))
		len++;
	return str_head(rest, len);
}

static void
note_oauth_error(struct auth *a, struct str json)
{
	static const char *const members[] = { "error_description", "error", "status" };

	buf_reset(&a->server_error);
	for (size_t i = 0; i < ARRAY_LEN(members) && a->server_error.len == 0; i++)
		utf8_add_safe(&a->server_error, str_head(json_member(json, members[i]), 200));
	if (a->server_error.len == 0)
		buf_adds(&a->server_error, "no reason given");
}

/* Without an initial response the first challenge is empty; the next is the
 * report of a failure, to be answered so that the server says NO: with nothing
 * (XOAUTH2), or with a lone 0x01 (RFC 7628, 3.2.3). */
static int
oauth_step(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	if (a->n_steps == 1 && !a->has_sasl_ir && challenge.len == 0)
		return a->method == METHOD_XOAUTH2 ? xoauth2_first(a, out, err) :
							   oauthbearer_first(a, out, err);
	if (a->server_error.len > 0)
		return unexpected(a, err);
	note_oauth_error(a, challenge);
	if (a->method == METHOD_OAUTHBEARER)
		buf_addc(out, '\001');
	return 0;
}

/* --- SCRAM and CRAM-MD5, by libgsasl. ---------------------------------------------- */

static bool
is_scram(const struct auth *a)
{
	return a->method == METHOD_SCRAM_SHA_256 || a->method == METHOD_SCRAM_SHA_1;
}

static int
gsasl_failed(const struct auth *a, int rc, struct err *err)
{
	if (rc == GSASL_AUTHENTICATION_ERROR && is_scram(a))
		return err_set(err, ERR_AUTH, "the server does not prove that it knows the "
			       "password: it may be an impostor");
	if (rc == GSASL_SASLPREP_ERROR)
		return err_set(err, ERR_AUTH,
			       "the user name or password has characters that %s cannot carry",
			       auth_mechanism(a));
	return err_set(err, ERR_PROTO, "%s failed: %s", auth_mechanism(a), gsasl_strerror(rc));
}

/* A number of rounds that would take minutes, or make the password easy to
 * guess from what we answer, never reaches the library. */
static int
check_rounds(const struct auth *a, struct str challenge, struct err *err)
{
	struct str piece;
	uint32_t rounds;

	while (str_next(&challenge, ',', &piece)) {
		if (!str_starts(piece, "i="))
			continue;
		if (!str_u32(str_from(piece, 2), &rounds) || rounds < MIN_ROUNDS ||
		    rounds > MAX_ROUNDS)
			return err_set(err, ERR_PROTO,
				       "%s failed: the server asks for a number of rounds "
				       "that is not safe", auth_mechanism(a));
	}
	return 0;
}

static int
gsasl_call(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	char *answer = NULL;
	size_t len = 0;
	int rc = gsasl_step(a->session, challenge.ptr, challenge.len, &answer, &len);

	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return gsasl_failed(a, rc, err);
	buf_reserve(out, len);
	buf_add(out, answer, len);
	if (answer != NULL)
		wipe(answer, len);
	gsasl_free(answer);
	/* In SCRAM the library is content only after the server's signature. */
	if (rc == GSASL_OK)
		a->is_proved = true;
	return 0;
}

static int
gsasl_first(struct auth *a, struct buf *out, struct err *err)
{
	return gsasl_call(a, STR(""), out, err);
}

static int
scram_step(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	/* After the proof a server may only ask for the last, empty, line. */
	if (a->is_proved)
		return challenge.len == 0 ? 0 : unexpected(a, err);
	if (check_rounds(a, challenge, err) < 0)
		return -1;
	return gsasl_call(a, challenge, out, err);
}

static int
cram_step(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	return a->n_steps == 1 ? gsasl_call(a, challenge, out, err) : unexpected(a, err);
}

/* Best first. */
static const struct method_ops methods[N_METHODS] = {
	[METHOD_OAUTHBEARER] = { .name = "OAUTHBEARER", .setting = "oauthbearer",
				 .needs_token = true, .has_first = true,
				 .first = oauthbearer_first, .step = oauth_step },
	[METHOD_XOAUTH2] = { .name = "XOAUTH2", .setting = "xoauth2", .needs_token = true,
			     .has_first = true, .first = xoauth2_first, .step = oauth_step },
	[METHOD_SCRAM_SHA_256] = { .name = "SCRAM-SHA-256", .setting = "scram-sha-256",
				   .is_gsasl = true, .has_first = true, .first = gsasl_first,
				   .step = scram_step },
	[METHOD_SCRAM_SHA_1] = { .name = "SCRAM-SHA-1", .setting = "scram-sha-1",
				 .is_gsasl = true, .has_first = true, .first = gsasl_first,
				 .step = scram_step },
	[METHOD_PLAIN] = { .name = "PLAIN", .setting = "plain", .has_first = true,
			   .ignores_challenge = true, .first = plain_first, .step = plain_step },
	[METHOD_LOGIN] = { .name = "LOGIN", .setting = "login", .ignores_challenge = true,
			   .step = login_step },
	[METHOD_LOGIN_COMMAND] = { .name = "LOGIN", .setting = "login" },
	[METHOD_CRAM_MD5] = { .name = "CRAM-MD5", .setting = "cram-md5", .is_by_name_only = true,
			      .is_gsasl = true, .step = cram_step },
};

/* --- Choosing. ----------------------------------------------------------------------- */

static bool
has_word(struct str words, const char *word)
{
	struct str w;

	while (str_next_word(&words, &w))
		if (str_ieqc(w, word))
			return true;
	return false;
}

static bool
is_usable(const struct auth_params *p, enum method m)
{
	const struct method_ops *ops = &methods[m];

	if ((p->tried & 1u << m) || ops->needs_token != (p->token.len > 0))
		return false;
	if (m == METHOD_LOGIN_COMMAND)
		return !p->is_login_disabled;
	return has_word(p->mechanisms, ops->name);
}

static int
choose_by_rank(const struct auth_params *p)
{
	for (int m = 0; m < N_METHODS; m++)
		if (!methods[m].is_by_name_only && is_usable(p, m))
			return m;
	return -1;
}

static int
choose_named(const struct auth_params *p, struct str name)
{
	for (int m = 0; m < N_METHODS; m++)
		if (str_ieqc(name, methods[m].setting) && is_usable(p, m))
			return m;
	return -1;
}

static int
choose(const struct auth_params *p)
{
	struct str rest = str_c(p->allowed), name;

	if (str_trim(rest).len == 0)
		return choose_by_rank(p);
	while (str_next(&rest, ':', &name)) {
		int m = choose_named(p, str_trim(name));
		if (m >= 0)
			return m;
	}
	return -1;
}

static int
check_credentials(const struct auth_params *p, struct err *err)
{
	struct str user = str_c(p->user);

	if (!p->is_secure)
		return err_set(err, ERR_USER, "will not log in to '%s' in clear text", p->host);
	if (user.len == 0 || p->password.len + p->token.len == 0)
		return err_set(err, ERR_AUTH, "no %s for '%s'",
			       user.len == 0 ? "user name" : "password", p->host);
	if (user.len > MAX_CREDENTIAL || p->password.len > MAX_CREDENTIAL ||
	    p->token.len > 4 * MAX_CREDENTIAL)
		return err_set(err, ERR_USER, "the user name or password is too long");
	if (str_find(p->password, '\0') >= 0 || str_find(p->token, '\0') >= 0)
		return err_set(err, ERR_USER, "the password has a NUL in it");
	/* OAuth separates its fields by 0x01, and a token is printable ASCII. */
	for (size_t i = 0; i < p->token.len; i++)
		if (p->token.ptr[i] <= ' ' || p->token.ptr[i] >= 0x7f)
			return err_set(err, ERR_USER, "the token is not one: it has blanks or "
				       "other characters in it");
	if (p->token.len > 0 && str_find(user, '\001') >= 0)
		return err_set(err, ERR_USER, "the user name has a control character in it");
	return 0;
}

static int
start_gsasl(struct auth *a, struct err *err)
{
	int rc = gsasl_init(&a->gsasl);

	if (rc == GSASL_OK)
		rc = gsasl_client_start(a->gsasl, methods[a->method].name, &a->session);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(a->session, GSASL_AUTHID, a->user);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(a->session, GSASL_PASSWORD, a->password);
	if (rc != GSASL_OK)
		return err_set(err, ERR_SYSTEM, "cannot use %s: %s", methods[a->method].name,
			       gsasl_strerror(rc));
	return 0;
}

struct auth *
auth_new(const struct auth_params *p, struct err *err)
{
	if (check_credentials(p, err) < 0)
		return NULL;
	int method = choose(p);
	if (method < 0) {
		err_set(err, ERR_AUTH, "'%s' offers no way to log in that can be used%s", p->host,
			p->allowed != NULL ? " ($imap_authenticators)" : "");
		return NULL;
	}
	struct auth *a = xcalloc(1, sizeof(*a));
	buf_init(&a->server_error);
	a->method = method;
	a->user = xstrdup(p->user);
	a->password = str_dup(p->password);
	a->token = str_dup(p->token);
	a->host = xstrdup(p->host);
	a->port = p->port;
	a->has_sasl_ir = p->has_sasl_ir;
	if (methods[method].is_gsasl && start_gsasl(a, err) < 0) {
		auth_free(a);
		return NULL;
	}
	return a;
}

/* The library frees its copies without a wipe; it does tell where they are. */
static void
wipe_properties(Gsasl_session *session)
{
	static const Gsasl_property secrets[] = { GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD };

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		const char *copy = gsasl_property_fast(session, secrets[i]);
		if (copy != NULL)
			wipe((void *)(uintptr_t)copy, strlen(copy));
	}
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	if (a->session != NULL)
		wipe_properties(a->session);
	gsasl_finish(a->session);
	gsasl_done(a->gsasl);
	free(a->user);
	free_secret(a->password);
	free_secret(a->token);
	free(a->host);
	buf_release(&a->server_error);
	free(a);
}

const char *
auth_mechanism(const struct auth *a)
{
	return methods[a->method].name;
}

unsigned
auth_bit(const struct auth *a)
{
	return 1u << a->method;
}

bool
auth_is_login_command(const struct auth *a)
{
	return a->method == METHOD_LOGIN_COMMAND;
}

/* --- The conversation. ------------------------------------------------------------------ */

int
auth_first(struct auth *a, struct buf *out, struct err *err)
{
	struct buf plain = BUF_INIT;

	if (!a->has_sasl_ir || !methods[a->method].has_first)
		return 0;
	int rc = methods[a->method].first(a, &plain, err);
	if (rc == 0 && plain.len == 0)
		buf_addc(out, '=');
	else if (rc == 0)
		add_base64(out, buf_str(&plain));
	buf_wipe(&plain);
	return rc < 0 ? -1 : 1;
}

/* The first "+" without an initial response has nothing to say. */
static int
answer(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	const struct method_ops *ops = &methods[a->method];

	if (a->n_steps == 1 && !a->has_sasl_ir && ops->is_gsasl && ops->has_first)
		return challenge.len == 0 ? ops->first(a, out, err) : unexpected(a, err);
	return ops->step(a, challenge, out, err);
}

int
auth_step(struct auth *a, struct str challenge, struct buf *out, struct err *err)
{
	struct buf given = BUF_INIT, plain = BUF_INIT;
	int rc = -1;

	const struct method_ops *ops = &methods[a->method];

	challenge = ops->ignores_challenge ? STR_NONE : str_trim(challenge);
	if (ops->step == NULL || ++a->n_steps > MAX_STEPS || challenge.len > MAX_CHALLENGE ||
	    !add_decoded(&given, challenge)) {
		unexpected(a, err);
		goto out;
	}
	rc = answer(a, buf_str(&given), &plain, err);
	if (rc == 0)
		add_base64(out, buf_str(&plain));
out:
	buf_wipe(&given);
	buf_wipe(&plain);
	return rc;
}

int
auth_finish(struct auth *a, struct err *err)
{
	if (is_scram(a) && !a->is_proved)
		return err_set(err, ERR_AUTH, "the server does not prove that it knows the "
			       "password: it may be an impostor");
	return 0;
}

int
auth_refused(struct auth *a, struct str server_text, struct err *err)
{
	struct buf text = BUF_INIT;

	utf8_add_safe(&text, str_head(server_text, 200));
	if (text.len == 0)
		buf_adds(&text, "no reason given");
	if (a->server_error.len > 0)
		err_set(err, ERR_AUTH, "'%s' refused the token: %s", a->host, a->server_error.ptr);
	else
		err_set(err, ERR_AUTH, "'%s' refused the login: %s", a->host, text.ptr);
	buf_release(&text);
	return -1;
}
