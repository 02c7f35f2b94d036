/* From the greeting to the login. On a connection that must become TLS by
 * STARTTLS nothing else is sent in the clear, and nothing that came before it
 * is believed afterwards. */
#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/have.h"

enum {
	GREETING_MS = 30000,
	AUTH_MS = 30000,
	BYTES_BEFORE_LOGIN = 256 * 1024,
	RESPONSES_BEFORE_LOGIN = 200,
	MAX_CAPABILITY_BYTES = 8192,
};

static const char *const capability_names[] = {
#define CAPABILITY(sym, wire, rfc, use, help) wire,
#include "tern/defs/capability.def"
#undef CAPABILITY
};

static const enum capability_use capability_uses[] = {
#define CAPABILITY(sym, wire, rfc, use, help) CAPABILITY_##use,
#include "tern/defs/capability.def"
#undef CAPABILITY
};

/* ---- capabilities and quirks ------------------------------------------------- */

enum { QUIRK_NO_QRESYNC, QUIRK_NO_NUMBERS, QUIRK_SMALL_BATCHES, QUIRK_SHALLOW,
       QUIRK_NO_PARTIAL_FETCH };

static const struct {
	int quirk;
	const char *name, *server, *what;
} quirks[] = {
#define QUIRK(sym, server, symptom, what) { QUIRK_##sym, #sym, server, what },
#include "tern/defs/quirk.def"
#undef QUIRK
};

static void
quirk_set(struct imap *c, size_t i)
{
	bool *flags[] = {
		[QUIRK_NO_QRESYNC] = &c->has_quirk_no_qresync,
		[QUIRK_NO_NUMBERS] = &c->has_quirk_no_numbers,
		[QUIRK_SMALL_BATCHES] = &c->has_quirk_small_batches,
		[QUIRK_SHALLOW] = &c->has_quirk_shallow,
		[QUIRK_NO_PARTIAL_FETCH] = &c->has_quirk_no_partial_fetch,
	};

	if (*flags[quirks[i].quirk])
		return;
	*flags[quirks[i].quirk] = true;
	log_at(LOG_INFO, "imap", "quirk %s: %s", quirks[i].name, quirks[i].what);
}

/* `id` is a greeting or an ID answer; empty to look at the host alone. */
static void
quirks_find(struct imap *c, struct str id)
{
	for (size_t i = 0; i < ARRAY_LEN(quirks); i++) {
		bool is_host = quirks[i].server[0] == '.';
		if (is_host ? str_ends(str_c(c->host), quirks[i].server)
			    : str_icontains(id, str_c(quirks[i].server)))
			quirk_set(c, i);
	}
	if (c->has_quirk_no_qresync)
		c->has_cap[IMAP_CAP_QRESYNC] = false;
}

static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f)
			return false;
	return true;
}

void
imap_switch_off(struct imap *c, struct str names)
{
	buf_reset(&c->switched_off);
	buf_addstr(&c->switched_off, names);
}

static bool
is_switched_off(const struct imap *c, struct str name)
{
	struct str rest = buf_str(&c->switched_off), word;

	while (str_next_word(&rest, &word))
		if (str_ieq(word, name))
			return true;
	return false;
}

void
capabilities_set(struct imap *c, struct str list)
{
	struct str word;

	buf_reset(&c->capabilities);
	memset(c->has_cap, 0, sizeof(c->has_cap));
	while (str_next_word(&list, &word)) {
		if (!is_printable(word) || c->capabilities.len + word.len > MAX_CAPABILITY_BYTES)
			continue;
		if (c->capabilities.len > 0)
			buf_addc(&c->capabilities, ' ');
		for (size_t i = 0; i < word.len; i++)
			buf_addc(&c->capabilities, (char)ascii_upper(word.ptr[i]));
		for (size_t i = 0; i < IMAP_N_CAPS && !is_switched_off(c, word); i++)
			if (str_ieqc(word, capability_names[i]))
				c->has_cap[i] = true;
	}
	/* RFC 7162: it implies it. */
	if (can(c, IMAP_CAP_QRESYNC) && !is_switched_off(c, STR("CONDSTORE")))
		c->has_cap[IMAP_CAP_CONDSTORE] = true;
	quirks_find(c, STR_NONE);
}

static void
capabilities_drop(struct imap *c)
{
	capabilities_set(c, STR_NONE);
}

static bool
has_capabilities(const struct imap *c)
{
	return c->capabilities.len > 0;
}

/* ---- lines ------------------------------------------------------------------------ */

static bool
write_line(struct imap *c, const char *line)
{
	struct err err;
	char tagged[64];
	int n = snprintf(tagged, sizeof(tagged), "A%u %s\r\n", ++c->last_tag, line);

	if (net_write(c->net, tagged, (size_t)n, NET_PLAIN, &err) < 0)
		return connection_failed(c, &err);
	return true;
}

static void
enter(struct imap *c, enum phase phase)
{
	c->phase = phase;
	c->phase_ms = c->now_ms;
}

static bool
ask_capabilities(struct imap *c, enum phase phase)
{
	enter(c, phase);
	return write_line(c, "CAPABILITY");
}

int64_t
login_deadline(const struct imap *c)
{
	switch (c->phase) {
	case PHASE_NET:	      /* net has its own */
	case PHASE_TLS:
	case PHASE_CONNECTED: /* a user types a password */
		return TICK_NEVER;
	case PHASE_AUTH:
		return c->phase_ms + AUTH_MS;
	default:
		return c->phase_ms + GREETING_MS;
	}
}

void
login_forget(struct imap *c)
{
	auth_free(c->auth);
	c->auth = NULL;
	buf_wipe(&c->password);
	buf_wipe(&c->token);
	free(c->user);
	free(c->mechanisms);
	c->user = c->mechanisms = NULL;
}

/* ---- connected ------------------------------------------------------------------------ */

static bool ready(struct imap *c);

static bool
connected(struct imap *c, bool is_preauth)
{
	enter(c, PHASE_CONNECTED);
	TELL(c, connected, buf_str(&c->capabilities));
	if (!is_preauth || c->phase == PHASE_DEAD)
		return c->phase != PHASE_DEAD;
	c->mechanism = "PREAUTH";
	if (!has_capabilities(c))
		return ask_capabilities(c, PHASE_CAPABILITY_AGAIN);
	return ready(c);
}

/* The stream is open: for the first time, or with TLS after STARTTLS. */
bool
login_on_open(struct imap *c)
{
	framer_limit(&c->framer, BYTES_BEFORE_LOGIN, RESPONSES_BEFORE_LOGIN);
	if (c->phase == PHASE_NET) {
		TELL(c, state, "waiting for the greeting");
		enter(c, PHASE_GREETING);
		return true;
	}
	if (c->phase != PHASE_TLS)
		return true;
	return ask_capabilities(c, PHASE_CAPABILITY);
}

static bool
start_tls(struct imap *c)
{
	struct err err;

	capabilities_drop(c);
	buf_reset(&c->greeting);
	if (net_start_tls(c->net, framer_pending(&c->framer), c->now_ms, &err) < 0)
		return connection_failed(c, &err);
	/* A server nearby may have answered by now: the turn sees that it is open, or in doubt. */
	c->told_state = NET_HANDSHAKE;
	enter(c, PHASE_TLS);
	TELL(c, state, net_state_name(NET_HANDSHAKE));
	return true;
}

static bool
greeted(struct imap *c, const struct response *r)
{
	struct err err;
	bool is_preauth = r->kind == RESPONSE_PREAUTH;

	if (!response_is_greeting(r))
		return connection_protocol_error(c, "this is not an IMAP server: its greeting is none");
	if (r->kind == RESPONSE_BYE) {
		err_set(&err, ERR_REFUSED, "the server does not want us now: '%s'",
			server_words(c, r->text));
		return connection_failed(c, &err);
	}
	if (c->tls == NET_TLS_START) {
		if (is_preauth)
			return connection_protocol_error(
				c, "the server says that we are logged in, without TLS: somebody may "
				   "stand between");
		enter(c, PHASE_STARTTLS);
		return write_line(c, "STARTTLS");
	}
	buf_adds(&c->greeting, server_words(c, r->text));
	quirks_find(c, buf_str(&c->greeting));
	if (r->code == CODE_CAPABILITY)
		capabilities_set(c, r->args);
	if (is_preauth || has_capabilities(c))
		return connected(c, is_preauth);
	return ask_capabilities(c, PHASE_CAPABILITY);
}

static bool
starttls_answered(struct imap *c, const struct response *r)
{
	struct err err;

	if (r->kind != RESPONSE_TAGGED)
		return true;
	if (r->status != STATUS_OK) {
		err_set(&err, ERR_WAIT, "the server refuses STARTTLS: '%s'", server_words(c, r->text));
		return connection_failed(c, &err);
	}
	return start_tls(c);
}

/* ---- logging in ------------------------------------------------------------------------- */

/* The mechanisms among the capabilities, without AUTH=. */
static void
list_mechanisms(const struct imap *c, struct buf *out)
{
	struct str rest = buf_str(&c->capabilities), word;

	while (str_next_word(&rest, &word)) {
		if (!str_istarts(word, "AUTH="))
			continue;
		if (out->len > 0)
			buf_addc(out, ' ');
		buf_addstr(out, str_from(word, 5));
	}
}

static bool
write_secret(struct imap *c, struct buf *line)
{
	struct err err;
	int r;

	buf_adds(line, "\r\n");
	r = net_write(c->net, line->ptr, line->len, NET_SECRET, &err);
	buf_wipe(line);
	return r == 0 || connection_failed(c, &err);
}

static bool
send_login_command(struct imap *c)
{
	struct command_text t;
	struct err err;

	command_begin(c, &t);
	command_adds(&t, "LOGIN ");
	command_secret(&t, str_c(c->user));
	command_adds(&t, " ");
	command_secret(&t, buf_str(&c->password));
	if (t.err.kind != ERR_NONE) {
		err = t.err;
		command_release(&t);
		return connection_failed(c, &err);
	}
	return command_write(c, ++c->last_tag, &t);
}

static bool
send_authenticate(struct imap *c)
{
	struct buf line = BUF_INIT;
	struct err err;

	/* As much as it can become, so that no copy of it is left behind. */
	buf_reserve(&line, 16 * 1024);
	buf_addf(&line, "A%u AUTHENTICATE %s", ++c->last_tag, auth_mechanism(c->auth));
	size_t mark = line.len;
	buf_addc(&line, ' ');
	int got = auth_first(c->auth, &line, &err);
	if (got < 0) {
		buf_wipe(&line);
		return connection_failed(c, &err);
	}
	if (got == 0)
		buf_truncate(&line, mark);
	return write_secret(c, &line);
}

static bool
try_login(struct imap *c)
{
	struct buf mechanisms = BUF_INIT;
	struct err err;

	list_mechanisms(c, &mechanisms);
	struct auth_params p = {
		.mechanisms = buf_str(&mechanisms),
		.has_sasl_ir = can(c, IMAP_CAP_SASL_IR),
		.is_login_disabled = can(c, IMAP_CAP_LOGINDISABLED),
		.is_secure = net_is_secure(c->net),
		.user = c->user,
		.password = buf_str(&c->password),
		.token = buf_str(&c->token),
		.host = c->host,
		.port = c->port,
		.allowed = c->mechanisms,
		.tried = c->auth_tried,
	};
	c->auth = auth_new(&p, &err);
	buf_release(&mechanisms);
	if (!c->auth)
		return connection_failed(c, &err);
	c->mechanism = auth_mechanism(c->auth);
	TELL(c, state, "logging in");
	enter(c, PHASE_AUTH);
	c->has_new_capabilities = false;
	return auth_is_login_command(c->auth) ? send_login_command(c) : send_authenticate(c);
}

void
imap_login(struct imap *c, const char *user, struct str password, struct str token,
	   const char *mechanisms)
{
	if (c->phase != PHASE_CONNECTED)
		return;
	login_forget(c);
	c->user = xstrdup(user);
	c->mechanisms = mechanisms && *mechanisms ? xstrdup(mechanisms) : NULL;
	buf_reserve(&c->password, password.len);
	buf_addstr(&c->password, password);
	buf_reserve(&c->token, token.len);
	buf_addstr(&c->token, token);
	try_login(c);
}

static bool
auth_continue(struct imap *c, struct str challenge)
{
	struct buf line = BUF_INIT;
	struct err err;

	if (c->pausing.wire.len > 0)
		return command_piece(c);
	buf_reserve(&line, 16 * 1024);
	if (!c->auth || auth_is_login_command(c->auth))
		return connection_protocol_error(c, "the server asks in the middle of the login");
	if (auth_step(c->auth, challenge, &line, &err) < 0) {
		buf_wipe(&line);
		net_write(c->net, "*\r\n", 3, NET_PLAIN, NULL);
		net_flush(c->net, NULL);
		return connection_failed(c, &err);
	}
	return write_secret(c, &line);
}

/* Is it the mechanism that was refused, and not the user? */
static bool
is_mechanism_refused(const struct response *r)
{
	return r->code != CODE_AUTHENTICATIONFAILED && r->code != CODE_AUTHORIZATIONFAILED &&
	       r->code != CODE_EXPIRED &&
	       (r->status == STATUS_BAD || r->code == CODE_CANNOT ||
		str_icontains(r->text, STR("mechanism")));
}

/* Too many connections, or a server in trouble: nothing is wrong with the password. */
static bool
is_server_busy(const struct response *r)
{
	switch (r->code) {
	case CODE_LIMIT:
	case CODE_UNAVAILABLE:
	case CODE_INUSE:
	case CODE_SERVERBUG:
		return true;
	default:
		return str_icontains(r->text, STR("too many")) ||
		       str_icontains(r->text, STR("simultaneous connections"));
	}
}

static bool
auth_answered(struct imap *c, const struct response *r)
{
	struct err err;

	command_release(&c->pausing);
	command_init(&c->pausing);
	if (r->status != STATUS_OK) {
		if (is_server_busy(r)) {
			err_set(&err, ERR_REFUSED, "the server refuses the login for now: '%s'",
				server_words(c, r->text));
			return connection_failed(c, &err);
		}
		unsigned bit = auth_bit(c->auth);
		auth_refused(c->auth, str_c(server_words(c, r->text)), &err);
		auth_free(c->auth);
		c->auth = NULL;
		if (!is_mechanism_refused(r) || (c->auth_tried & bit))
			return connection_failed(c, &err);
		c->auth_tried |= bit;
		log_at(LOG_INFO, "imap", "the server refused %s, trying another way", c->mechanism);
		return try_login(c);
	}
	if (auth_finish(c->auth, &err) < 0)
		return connection_failed(c, &err);
	login_forget(c);
	if (r->code == CODE_CAPABILITY)
		capabilities_set(c, r->args);
	if (!c->has_new_capabilities && r->code != CODE_CAPABILITY)
		return ask_capabilities(c, PHASE_CAPABILITY_AGAIN);
	return ready(c);
}

/* ---- logged in ----------------------------------------------------------------------------- */

static bool
id_untagged(struct imap *c, struct op *op, const struct response *r)
{
	if (r->kind != RESPONSE_ID)
		return false;
	log_at(LOG_INFO, "imap", "server: %s", server_words(c, r->name));
	quirks_find(c, r->name);
	return true;
}

/* The first request usually comes within this: then all of it is one flight. */
#define HELLO_WAIT_MS 50

static bool
is_alone(const struct imap *c)
{
	return c->ops.n == 1 && c->now_ms < c->hello_by_ms;
}

/* ID first, then ENABLE, then what is asked for; all written at once. */
static bool
hello_next(struct imap *c, struct op *op)
{
	static const struct send_options o = { 0, 30000, 256 * 1024, 100 };
	struct command_text t;

	if (op->step == 0 && is_alone(c))
		return false;
	if (op->step > 1 && op->n_in_flight == 0)
		op_end(c, op, NULL, STR_NONE);
	if (op->step > 1 || !may_send(c, 0))
		return false;
	int step = op->step++;
	if (step == 0 ? !can(c, IMAP_CAP_ID) : !can(c, IMAP_CAP_ENABLE) || !can(c, IMAP_CAP_QRESYNC))
		return true; /* the next step */
	command_begin(c, &t);
	command_adds(&t, step == 0 ? "ID (\"name\" \"tern\" \"version\" \"" TERN_VERSION "\")" : "ENABLE");
	for (size_t i = 0; step == 1 && i < IMAP_N_CAPS; i++)
		if (capability_uses[i] == CAPABILITY_ENABLED && c->has_cap[i])
			command_addf(&t, " %s", capability_names[i]);
	if (!command_send(c, op, &t, &o))
		return false;
	if (step == 1)
		c->is_enable_in_flight = c->in_flight.v[c->in_flight.n - 1].is_enable = true;
	return true;
}

static const struct op_type hello_type = {
	.name = "hello",
	.size_bytes = sizeof(struct op),
	.next = hello_next,
	.untagged = id_untagged,
	.is_internal = true,
};

static const struct framer_limits limits_after_login = { FRAMER_LINE, FRAMER_LITERAL };

static bool
ready(struct imap *c)
{
	enter(c, PHASE_READY);
	framer_set_limits(&c->framer, &limits_after_login);
	framer_limit(&c->framer, FRAMER_LINE, RESPONSES_BEFORE_LOGIN);
	c->quiet_since_ms = c->last_probe_ms = c->now_ms;
	op_new(c, IMAP_NEW_ID, &hello_type);
	c->hello_by_ms = c->now_ms + HELLO_WAIT_MS;
	TELL(c, logged_in, c->mechanism, buf_str(&c->capabilities), buf_str(&c->greeting));
	return c->phase != PHASE_DEAD;
}

/* ---- the responses of these phases ----------------------------------------------------------- */

static bool
is_ours(const struct imap *c, const struct response *r)
{
	return tag_number(r->tag) == c->last_tag;
}

bool
login_response(struct imap *c, const struct response *r)
{
	if (c->phase == PHASE_GREETING)
		return greeted(c, r);
	if (!response_is_allowed_before_login(r) && r->kind != RESPONSE_UNKNOWN &&
	    r->kind != RESPONSE_ID && c->phase != PHASE_CAPABILITY_AGAIN)
		return connection_protocol_error(c, "the server speaks of mail before the login");
	if (r->kind == RESPONSE_TAGGED && !is_ours(c, r))
		return connection_protocol_error(c, "the server answered what was not asked");
	if (c->phase == PHASE_STARTTLS)
		return starttls_answered(c, r);
	if (r->kind == RESPONSE_CAPABILITY ||
	    (r->kind == RESPONSE_CONDITION && r->code == CODE_CAPABILITY)) {
		capabilities_set(c, r->args);
		c->has_new_capabilities = true;
	}
	switch (c->phase) {
	case PHASE_CAPABILITY:
		return r->kind != RESPONSE_TAGGED || connected(c, false);
	case PHASE_CAPABILITY_AGAIN:
		return r->kind != RESPONSE_TAGGED || ready(c);
	case PHASE_AUTH:
		if (r->kind == RESPONSE_CONTINUE)
			return auth_continue(c, r->text);
		return r->kind != RESPONSE_TAGGED || auth_answered(c, r);
	default:
		return true;
	}
}
