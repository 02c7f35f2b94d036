#include "lib/test.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include "../../src/imap/auth.h"
#include "tern/base/mem.h"

static const char password[] = "correct horse, battery";

static struct auth_params
params(const char *mechanisms)
{
	return (struct auth_params){ .mechanisms = str_c(mechanisms),
				     .has_sasl_ir = true,
				     .is_secure = true,
				     .user = "jane",
				     .password = str_c(password),
				     .host = "mail.example.org",
				     .port = 993 };
}

static struct auth *
made(const struct auth_params *p)
{
	struct err err = ERR_INIT;
	struct auth *a = auth_new(p, &err);

	if (a == NULL)
		fail_msg("%s", err.text);
	return a;
}

static char *
base64(const char *text)
{
	char *out = NULL;
	size_t len;

	assert_int_equal(gsasl_base64_to(text, strlen(text), &out, &len), GSASL_OK);
	return out;
}

static int
step(struct auth *a, const char *challenge, struct buf *out, struct err *err)
{
	char *encoded = base64(challenge);

	buf_reset(out);
	int rc = auth_step(a, str_c(encoded), out, err);
	gsasl_free(encoded);
	return rc;
}

/* --- The choice. --- */

static void
test_best_common_mechanism(void **state)
{
	static const struct {
		const char *offered, *allowed, *token, *want;
		bool is_command;
	} rows[] = {
		{ "PLAIN SCRAM-SHA-1 LOGIN SCRAM-SHA-256", NULL, NULL, "SCRAM-SHA-256", false },
		{ "PLAIN SCRAM-SHA-1 CRAM-MD5", NULL, NULL, "SCRAM-SHA-1", false },
		{ "CRAM-MD5 PLAIN LOGIN", NULL, NULL, "PLAIN", false },
		{ "plain", NULL, NULL, "PLAIN", false },
		{ "LOGIN", NULL, NULL, "LOGIN", false },
		{ "", NULL, NULL, "LOGIN", true },
		{ "CRAM-MD5", NULL, NULL, "LOGIN", true },
		{ "CRAM-MD5 PLAIN", "cram-md5", NULL, "CRAM-MD5", false },
		{ "SCRAM-SHA-256 PLAIN", "login:plain", NULL, "LOGIN", true },
		{ "SCRAM-SHA-256 PLAIN", "gssapi: PLAIN", NULL, "PLAIN", false },
		{ "XOAUTH2 PLAIN OAUTHBEARER", NULL, "tok", "OAUTHBEARER", false },
		{ "XOAUTH2 PLAIN", NULL, "tok", "XOAUTH2", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct auth_params p = params(rows[i].offered);
		p.allowed = rows[i].allowed;
		p.token = str_c(rows[i].token);
		struct auth *a = made(&p);
		assert_string_equal(auth_mechanism(a), rows[i].want);
		assert_int_equal(auth_is_login_command(a), rows[i].is_command);
		auth_free(a);
	}
}

static void
test_refused_mechanism_is_not_tried_again(void **state)
{
	struct auth_params p = params("SCRAM-SHA-256 PLAIN");
	struct auth *a = made(&p);

	p.tried |= auth_bit(a);
	auth_free(a);
	a = made(&p);
	assert_string_equal(auth_mechanism(a), "PLAIN");
	auth_free(a);
}

static void
assert_none(const struct auth_params *p, enum err_kind kind)
{
	struct err err = ERR_INIT;

	assert_null(auth_new(p, &err));
	assert_err(err, kind);
}

static void
test_no_way(void **state)
{
	struct auth_params p = params("PLAIN");

	p.is_secure = false;
	assert_none(&p, ERR_USER);
	p = params("");
	p.is_login_disabled = true;
	assert_none(&p, ERR_AUTH);
	p = params("PLAIN");
	p.allowed = "scram-sha-256";
	assert_none(&p, ERR_AUTH);
	p = params("PLAIN");
	p.token = STR("tok");
	p.password = STR_NONE;
	assert_none(&p, ERR_AUTH);
	p = params("PLAIN");
	p.password = STR_NONE;
	assert_none(&p, ERR_AUTH);
	p = params("PLAIN");
	p.password = str_n("a\0b", 3);
	assert_none(&p, ERR_USER);
	p = params("XOAUTH2");
	p.token = STR("tok\001auth=Bearer other");
	assert_none(&p, ERR_USER);
}

/* --- Mechanisms of one message. --- */

static void
test_plain(void **state)
{
	struct auth_params p = params("PLAIN");
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	char *want = NULL;
	size_t len;

	gsasl_base64_to("\0jane\0correct horse, battery", 6 + strlen(password), &want, &len);
	struct auth *a = made(&p);
	assert_int_equal(auth_first(a, &out, &err), 1);
	assert_str(buf_str(&out), want);
	/* a server that asks again after it has all */
	assert_int_equal(auth_step(a, STR(""), &out, &err), -1);
	assert_err(err, ERR_PROTO);
	auth_free(a);

	p.has_sasl_ir = false;
	a = made(&p);
	buf_reset(&out);
	assert_int_equal(auth_first(a, &out, &err), 0);
	assert_int_equal(auth_step(a, STR("go ahead"), &out, &err), 0);
	assert_str(buf_str(&out), want);
	assert_int_equal(auth_finish(a, &err), 0);
	auth_free(a);
	gsasl_free(want);
	buf_release(&out);
}

static void
test_login(void **state)
{
	struct auth_params p = params("LOGIN");
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	char *user = base64("jane"), *pass = base64(password);
	struct auth *a = made(&p);

	assert_int_equal(auth_first(a, &out, &err), 0);
	assert_int_equal(step(a, "Username:", &out, &err), 0);
	assert_str(buf_str(&out), user);
	assert_int_equal(step(a, "Password:", &out, &err), 0);
	assert_str(buf_str(&out), pass);
	assert_int_equal(step(a, "And?", &out, &err), -1);
	assert_err(err, ERR_PROTO);
	auth_free(a);
	gsasl_free(user);
	gsasl_free(pass);
	buf_release(&out);
}

static void
test_oauth(void **state)
{
	static const struct {
		const char *mechanism, *plain, *last;
	} rows[] = {
		{ "XOAUTH2", "user=ja=ne\001auth=Bearer to.k-en\001\001", "" },
		{ "OAUTHBEARER",
		  "n,a=ja=3Dne,\001host=mail.example.org\001port=993\001auth=Bearer to.k-en\001\001",
		  "AQ==" },
	};

	for (int with_ir = 0; with_ir < 2; with_ir++) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			struct auth_params p = params(rows[i].mechanism);
			struct buf out = BUF_INIT;
			struct err err = ERR_INIT;
			char *want = base64(rows[i].plain);
			p.user = "ja=ne";
			p.token = STR("to.k-en");
			p.has_sasl_ir = with_ir;
			struct auth *a = made(&p);
			assert_int_equal(auth_first(a, &out, &err), with_ir);
			if (!with_ir)
				assert_int_equal(step(a, "", &out, &err), 0);
			assert_str(buf_str(&out), want);
			/* the token is too old: the report is answered, then comes NO */
			assert_int_equal(step(a, "{\"status\":\"401\", \"schemes\":\"Bearer\"}", &out,
					      &err), 0);
			assert_str(buf_str(&out), rows[i].last);
			assert_int_equal(auth_refused(a, STR("SASL failed"), &err), -1);
			assert_err(err, ERR_AUTH);
			assert_string_equal(err.text, "'mail.example.org' refused the token: 401");
			auth_free(a);
			gsasl_free(want);
			buf_release(&out);
		}
	}
}

static void
test_hostile_challenges(void **state)
{
	static const char *const challenges[] = { "*", "=", "====", "A", "AA=A", "QUJD\n!", "Zm9=" };
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(challenges); i++) {
		struct auth_params p = params("SCRAM-SHA-256");
		struct auth *a = made(&p);
		assert_int_equal(auth_first(a, &out, &err), 1);
		assert_int_equal(auth_step(a, str_c(challenges[i]), &out, &err), -1);
		assert_err(err, ERR_PROTO);
		auth_free(a);
	}
	buf_release(&out);
}

/* --- SCRAM, against the library's own server. --- */

static int
give_server_password(Gsasl *ctx, Gsasl_session *session, Gsasl_property what)
{
	if (what == GSASL_PASSWORD)
		return gsasl_property_set(session, GSASL_PASSWORD, gsasl_callback_hook_get(ctx));
	if (what == GSASL_SCRAM_ITER)
		return gsasl_property_set(session, GSASL_SCRAM_ITER, "4096");
	return GSASL_NO_CALLBACK;
}

struct server {
	Gsasl *gsasl;
	Gsasl_session *session;
};

static struct server
server_start(const char *mechanism, const char *secret)
{
	struct server s;

	assert_int_equal(gsasl_init(&s.gsasl), GSASL_OK);
	gsasl_callback_hook_set(s.gsasl, (void *)(uintptr_t)secret);
	gsasl_callback_set(s.gsasl, give_server_password);
	assert_int_equal(gsasl_server_start(s.gsasl, mechanism, &s.session), GSASL_OK);
	return s;
}

static void
server_stop(struct server s)
{
	gsasl_finish(s.session);
	gsasl_done(s.gsasl);
}

static int
server_step(struct server s, struct buf *from_client, char **challenge_out)
{
	*challenge_out = NULL;
	return gsasl_step64(s.session, from_client->ptr, challenge_out);
}

static void
scram_to_the_end(const char *mechanism, bool has_sasl_ir)
{
	struct auth_params p = params(mechanism);
	struct server s = server_start(mechanism, password);
	struct buf line = BUF_INIT;
	struct err err = ERR_INIT;
	char *challenge;

	p.has_sasl_ir = has_sasl_ir;
	struct auth *a = made(&p);
	assert_int_equal(auth_first(a, &line, &err), has_sasl_ir);
	if (!has_sasl_ir)
		assert_int_equal(auth_step(a, STR(""), &line, &err), 0);
	assert_int_equal(server_step(s, &line, &challenge), GSASL_NEEDS_MORE);
	buf_reset(&line);
	assert_int_equal(auth_step(a, str_c(challenge), &line, &err), 0);
	gsasl_free(challenge);
	/* a tagged OK now would come from one who need not know the password */
	assert_int_equal(auth_finish(a, &err), -1);
	assert_err(err, ERR_AUTH);
	assert_int_equal(server_step(s, &line, &challenge), GSASL_OK);
	buf_reset(&line);
	assert_int_equal(auth_step(a, str_c(challenge), &line, &err), 0);
	assert_str(buf_str(&line), "");
	gsasl_free(challenge);
	assert_int_equal(auth_finish(a, &err), 0);
	auth_free(a);
	server_stop(s);
	buf_release(&line);
}

static void
test_scram(void **state)
{
	scram_to_the_end("SCRAM-SHA-256", true);
	scram_to_the_end("SCRAM-SHA-256", false);
	scram_to_the_end("SCRAM-SHA-1", true);
}

/* The server's last words, as something else. */
static void
test_scram_server_cannot_prove_itself(void **state)
{
	static const char *const finals[] = {
		"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "e=other-error", "",
		"v=", "x",
	};

	for (size_t i = 0; i < ARRAY_LEN(finals); i++) {
		struct auth_params p = params("SCRAM-SHA-256");
		struct server s = server_start("SCRAM-SHA-256", password);
		struct buf line = BUF_INIT;
		struct err err = ERR_INIT;
		char *challenge;
		struct auth *a = made(&p);
		auth_first(a, &line, &err);
		server_step(s, &line, &challenge);
		buf_reset(&line);
		assert_int_equal(auth_step(a, str_c(challenge), &line, &err), 0);
		gsasl_free(challenge);
		assert_int_equal(step(a, finals[i], &line, &err), -1);
		assert_true(err.kind == ERR_AUTH || err.kind == ERR_PROTO);
		assert_int_equal(auth_finish(a, &err), -1);
		auth_free(a);
		server_stop(s);
		buf_release(&line);
	}
}

static void
test_scram_rounds_are_bounded(void **state)
{
	static const char *const rounds[] = { "4294967295", "1", "0", "-1", "99999999999", "4096x",
					      "" };

	for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
		struct auth_params p = params("SCRAM-SHA-256");
		struct buf line = BUF_INIT, plain = BUF_INIT;
		struct err err = ERR_INIT;
		struct auth *a = made(&p);
		char *nonce = NULL;
		size_t len;
		auth_first(a, &line, &err);
		assert_int_equal(gsasl_base64_from(line.ptr, line.len, &nonce, &len), GSASL_OK);
		struct str own = str_n(nonce, len);
		long at = str_find_str(own, STR("r="));
		assert_true(at >= 0);
		buf_addstr(&plain, str_from(own, (size_t)at));
		buf_addf(&plain, "server,s=c2FsdHNhbHQ=,i=%s", rounds[i]);
		assert_int_equal(step(a, plain.ptr, &line, &err), -1);
		assert_err(err, ERR_PROTO);
		gsasl_free(nonce);
		auth_free(a);
		buf_release(&plain);
		buf_release(&line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_best_common_mechanism),
		cmocka_unit_test(test_refused_mechanism_is_not_tried_again),
		cmocka_unit_test(test_no_way),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_oauth),
		cmocka_unit_test(test_hostile_challenges),
		cmocka_unit_test(test_scram),
		cmocka_unit_test(test_scram_server_cannot_prove_itself),
		cmocka_unit_test(test_scram_rounds_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
