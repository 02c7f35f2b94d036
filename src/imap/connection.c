/* The engine: one turn of a connection. Bytes become responses, responses go to
 * who they are for by what is in them, and whoever has something to ask is
 * asked for his next command. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

enum {
	READ_BYTES = 64 * 1024,
	TURN_BYTES = 1024 * 1024, /* then the manager is looked at */
	MAX_DEPTH = 16,		  /* commands in flight (IMAP.md 2.3.6) */
	MAX_DEPTH_SHALLOW = 4,
	MAX_UNSENT_BYTES = 64 * 1024,
	BASE_BYTES = 16 * 1024 * 1024, /* what may come unasked, between flights */
	BASE_RESPONSES = 200000,
	DONE_TIMEOUT_MS = 15000,
	/* Bytes put off the end of a wait, but not for ever: who sends fewer than 100 a
	 * second has so many times as long as one who sends nothing. */
	TRICKLE_TIMES = 10,
	MS_PER_BYTE = 10,
};

static const struct framer_limits limits_before_login = { FRAMER_LINE_BEFORE_LOGIN,
							  FRAMER_LITERAL_BEFORE_LOGIN };

bool
can(const struct imap *c, enum imap_capability cap)
{
	return c->has_cap[cap];
}

bool
imap_can(const struct imap *c, enum imap_capability cap)
{
	return can(c, cap);
}

bool
imap_is_broken_partial(const struct imap *c)
{
	return c->has_quirk_no_partial_fetch;
}

const char *
imap_security(const struct imap *c)
{
	return c->net ? net_describe(c->net) : "";
}

size_t
max_uid_octets(const struct imap *c)
{
	return can(c, IMAP_CAP_CONDSTORE) ? COMMAND_MAX_UIDS_LONG : COMMAND_MAX_UIDS;
}

/* ---- beginning and end ------------------------------------------------------ */

struct imap *
imap_new(const struct net_params *p, const struct imap_sink *sink, void *ctx, int64_t now_ms,
	 struct err *err)
{
	struct net_stream *net = net_open(p, now_ms, err);

	if (!net)
		return NULL;
	struct imap *c = xcalloc(1, sizeof(*c));
	c->sink = sink;
	c->ctx = ctx;
	c->net = net;
	c->tls = p->tls;
	c->host = xstrdup(p->host ? p->host : "");
	c->port = p->port;
	c->has_tunnel = p->tunnel != NULL;
	c->told_state = -1;
	c->now_ms = c->progress_ms = c->phase_ms = now_ms;
	framer_init(&c->framer, &limits_before_login);
	c->parser = (struct response_parser)RESPONSE_PARSER_INIT;
	c->structures = bodystructure_parser_new();
	buf_init(&c->scratch);
	buf_init(&c->scratch2);
	buf_init(&c->capabilities);
	buf_init(&c->greeting);
	buf_init(&c->switched_off);
	buf_init(&c->password);
	buf_init(&c->token);
	buf_init(&c->box.name);
	buf_init(&c->box.permanent_keywords);
	buf_init(&c->box.mailbox_id);
	command_init(&c->pausing);
	return c;
}

static void
op_free(struct op *op)
{
	if (op->type->release)
		op->type->release(op);
	free(op);
}

void
imap_free(struct imap *c)
{
	if (!c)
		return;
	net_close(c->net);
	for (size_t i = 0; i < c->ops.n; i++)
		op_free(c->ops.v[i]);
	vec_release(&c->ops);
	vec_release(&c->in_flight);
	login_forget(c);
	command_release(&c->pausing);
	framer_release(&c->framer);
	response_parser_release(&c->parser);
	bodystructure_parser_free(c->structures);
	arena_release(&c->arena);
	mailbox_release(&c->box);
	buf_release(&c->scratch);
	buf_release(&c->scratch2);
	buf_release(&c->capabilities);
	buf_release(&c->greeting);
	buf_release(&c->switched_off);
	free(c->host);
	free(c);
}

bool
connection_failed(struct imap *c, const struct err *err)
{
	if (c->phase == PHASE_DEAD)
		return false;
	bool was_ready = c->phase == PHASE_READY;
	const struct net_cert *cert = err->kind == ERR_CERT && c->net ? net_cert(c->net) : NULL;
	struct err why = *err;
	/* For a request GONE would say that its mailbox is: the connection is. */
	if (why.kind == ERR_GONE)
		why.kind = was_ready ? ERR_RETRY : ERR_WAIT;
	c->phase = PHASE_DEAD;
	log_at(LOG_INFO, "imap", "connection over: %s", err->text);
	login_forget(c);
	TELL(c, failed, &why, cert);
	return false;
}

bool
connection_protocol_error(struct imap *c, const char *sentence)
{
	struct err err;

	err_set(&err, ERR_PROTO, "%s", sentence);
	return connection_failed(c, &err);
}

/* ---- the server's words --------------------------------------------------------- */

const char *
server_words(struct imap *c, struct str text)
{
	struct buf *b = &c->scratch2;

	buf_reset(b);
	utf8_add_safe(b, str_head(text, 250));
	return b->ptr;
}

/* What a NO means for who asked; one that says no more is worth a few tries. None
 * of them says anything about the connection. */
static const struct {
	enum response_code code;
	enum err_kind kind;
} meanings[] = {
	{ CODE_NONEXISTENT, ERR_GONE },		{ CODE_TRYCREATE, ERR_GONE },
	{ CODE_TOOBIG, ERR_REFUSED },		{ CODE_NOPERM, ERR_REFUSED },
	{ CODE_CANNOT, ERR_REFUSED },		{ CODE_READ_ONLY, ERR_REFUSED },
	{ CODE_ALREADYEXISTS, ERR_REFUSED },	{ CODE_AUTHENTICATIONFAILED, ERR_REFUSED },
	{ CODE_AUTHORIZATIONFAILED, ERR_REFUSED }, { CODE_EXPIRED, ERR_REFUSED },
	{ CODE_PRIVACYREQUIRED, ERR_REFUSED },	{ CODE_CONTACTADMIN, ERR_REFUSED },
	{ CODE_INUSE, ERR_WAIT },		{ CODE_UNAVAILABLE, ERR_WAIT },
	{ CODE_SERVERBUG, ERR_WAIT },		{ CODE_CORRUPTION, ERR_WAIT },
	/* A rate; for what takes room, change.c says otherwise. */
	{ CODE_OVERQUOTA, ERR_WAIT },		{ CODE_LIMIT, ERR_WAIT },
};

void
err_of_response(struct imap *c, const struct response *r, const char *what, struct err *err)
{
	enum err_kind kind = r->status == STATUS_BAD ? ERR_REFUSED : ERR_RETRY;

	for (size_t i = 0; i < ARRAY_LEN(meanings) && kind == ERR_RETRY; i++)
		if (meanings[i].code == r->code)
			kind = meanings[i].kind;
	err_set(err, kind, "%s: the server says '%s'", what, server_words(c, r->text));
}

/* ---- requests ---------------------------------------------------------------------- */

void *
op_new(struct imap *c, uint64_t id, const struct op_type *type)
{
	struct op *op = xcalloc(1, type->size_bytes);

	op->type = type;
	op->id = id;
	op->is_blocking = type->blocks;
	vec_push(&c->ops, op);
	return op;
}

void
op_unblock(struct op *op)
{
	op->is_blocking = false;
}

void
op_end(struct imap *c, struct op *op, const struct err *err, struct str text)
{
	if (op->is_ended)
		return;
	op->is_ended = true;
	op->is_blocking = false;
	for (size_t i = 0; i < c->in_flight.n; i++)
		if (c->in_flight.v[i].op == op)
			c->in_flight.v[i].op = NULL;
	op->n_in_flight = 0;
	if (!op->type->is_internal)
		TELL(c, done, op->id, err, text);
}

void
op_end_failed(struct imap *c, struct op *op, const struct response *r, const char *what)
{
	struct err err;

	err_of_response(c, r, what, &err);
	op_end(c, op, &err, STR_NONE);
}

void
imap_cancel(struct imap *c, uint64_t id)
{
	struct err err;

	err_set(&err, ERR_CANCELED, "canceled");
	for (size_t i = 0; i < c->ops.n; i++)
		if (c->ops.v[i]->id == id && id != IMAP_NEW_ID)
			op_end(c, c->ops.v[i], &err, STR_NONE);
}

static void
sweep(struct imap *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->ops.n; i++) {
		if (c->ops.v[i]->is_ended)
			op_free(c->ops.v[i]);
		else
			c->ops.v[n++] = c->ops.v[i];
	}
	c->ops.n = n;
}

/* ---- sending ------------------------------------------------------------------------- */

static bool
is_in_flight(const struct imap *c, enum send_flags flags)
{
	for (size_t i = 0; i < c->in_flight.n; i++)
		if (c->in_flight.v[i].flags & flags)
			return true;
	return false;
}

static void
start_clock(const struct imap *c, struct sent *s)
{
	s->since_ms = c->now_ms;
	s->bytes_before = c->n_bytes;
}

bool
idle_end(struct imap *c)
{
	struct err err;

	if (net_write(c->net, "DONE\r\n", 6, NET_PLAIN, &err) < 0)
		return connection_failed(c, &err);
	for (size_t i = 0; i < c->in_flight.n; i++)
		if (c->in_flight.v[i].is_idle)
			start_clock(c, &c->in_flight.v[i]);
	c->idle = IDLE_ENDING;
	c->progress_ms = c->now_ms;
	return true;
}

bool
may_send(const struct imap *c, enum send_flags flags)
{
	size_t max = c->has_quirk_shallow ? MAX_DEPTH_SHALLOW : MAX_DEPTH;

	if (c->phase != PHASE_READY || c->pausing.wire.len > 0 || c->idle == IDLE_ASKED ||
	    c->in_flight.n >= max || net_queued_bytes(c->net) >= MAX_UNSENT_BYTES ||
	    is_in_flight(c, SEND_ALONE))
		return false;
	if ((flags & SEND_ALONE) && (c->in_flight.n > 0 || c->idle != IDLE_OFF))
		return false;
	if ((flags & SEND_SEARCHES) && is_in_flight(c, SEND_SEARCHES))
		return false;
	if ((flags & SEND_EXCLUSIVE) ? is_in_flight(c, SEND_CHANGES)
				     : (flags & SEND_CHANGES) && is_in_flight(c, SEND_EXCLUSIVE))
		return false;
	if ((flags & SEND_IS_SELECT) && is_in_flight(c, SEND_CHANGES | SEND_IS_SELECT))
		return false;
	if ((flags & SEND_CHANGES) && (!c->box.is_open || is_in_flight(c, SEND_IS_SELECT)))
		return false;
	return true;
}

void
command_begin(struct imap *c, struct command_text *t)
{
	command_init(t);
	t->has_literal_plus = can(c, IMAP_CAP_LITERAL_PLUS);
	t->has_literal_minus = can(c, IMAP_CAP_LITERAL_MINUS);
}

bool
command_piece(struct imap *c)
{
	struct command_text *t = &c->pausing;
	bool is_last = c->pause == t->pauses.n;
	size_t end = is_last ? t->wire.len : t->pauses.v[c->pause];
	struct err err;

	if (net_write(c->net, t->wire.ptr + c->pause_sent, end - c->pause_sent,
		      t->is_secret ? NET_SECRET : NET_PLAIN, &err) < 0)
		return connection_failed(c, &err);
	c->pause_sent = end;
	c->pause++;
	if (is_last) {
		command_release(t);
		command_init(t);
	}
	return true;
}


bool
command_write(struct imap *c, uint32_t tag, struct command_text *t)
{
	char name[16];
	size_t len = (size_t)snprintf(name, sizeof(name), "A%u ", tag);

	/* In front, in place: room for it and the end was made at the start. */
	buf_reserve(&t->wire, len + 2);
	memmove(t->wire.ptr + len, t->wire.ptr, t->wire.len);
	memcpy(t->wire.ptr, name, len);
	t->wire.len += len;
	buf_adds(&t->wire, "\r\n");
	for (size_t i = 0; i < t->pauses.n; i++)
		t->pauses.v[i] += len;
	c->pausing = *t;
	c->pause = c->pause_sent = 0;
	return command_piece(c);
}

bool
command_send(struct imap *c, struct op *op, struct command_text *t, const struct send_options *o)
{
	struct sent s = { .flags = o->flags, .timeout_ms = o->timeout_ms, .op = op };

	if (t->err.kind != ERR_NONE) {
		if (op)
			op_end(c, op, &t->err, STR_NONE);
		command_release(t);
		return false;
	}
	if (c->idle == IDLE_ON && !idle_end(c)) {
		command_release(t);
		return false;
	}
	if (c->in_flight.n == 0)
		c->progress_ms = c->now_ms;
	s.tag = ++c->last_tag;
	if (op) {
		s.step = op->step;
		op->n_in_flight++;
	}
	start_clock(c, &s);
	framer_allow(&c->framer, o->bytes, o->responses);
	vec_push(&c->in_flight, s);
	return command_write(c, s.tag, t);
}

/* ---- responses -------------------------------------------------------------------------- */

uint32_t
tag_number(struct str tag)
{
	uint32_t n;

	return tag.len > 1 && tag.ptr[0] == 'A' && str_u32(str_from(tag, 1), &n) ? n : 0;
}

static void
alert(struct imap *c, const struct response *r)
{
	/* Before TLS anybody may have said it (RFC 9051, 11.1). */
	bool is_clear = c->tls == NET_TLS_START && c->phase < PHASE_TLS;

	if (r->code == CODE_ALERT && r->text.len > 0 && !is_clear)
		TELL(c, notice, LOG_WARN, true, str_c(server_words(c, r->text)));
}

static void
idle_tagged(struct imap *c, const struct response *r)
{
	bool is_again = false; /* DONE and the next IDLE went out together */

	for (size_t i = 0; i < c->in_flight.n; i++)
		is_again |= c->in_flight.v[i].is_idle;
	if (!is_again)
		c->idle = IDLE_OFF;
	if (r->status != STATUS_OK) {
		log_at(LOG_INFO, "imap", "IDLE was refused, asking from time to time instead");
		c->has_cap[IMAP_CAP_IDLE] = false;
	}
}

static void
tagged(struct imap *c, const struct response *r)
{
	uint32_t tag = tag_number(r->tag);
	size_t i = 0;

	while (i < c->in_flight.n && c->in_flight.v[i].tag != tag)
		i++;
	if (tag == 0 || i == c->in_flight.n) {
		connection_protocol_error(c, "the server answered what was not asked");
		return;
	}
	struct sent s = c->in_flight.v[i];
	vec_remove(&c->in_flight, i);
	/* Refused before all of it was sent. */
	if (c->pausing.wire.len > 0 && tag == c->last_tag) {
		command_release(&c->pausing);
		command_init(&c->pausing);
	}
	if (s.is_idle)
		idle_tagged(c, r);
	if (s.is_enable)
		c->is_enable_in_flight = false;
	mailbox_tagged(c, r);
	mailbox_tell_gone(c);
	if (s.op) {
		s.op->n_in_flight--;
		if (s.op->type->tagged)
			s.op->type->tagged(c, s.op, &s, r);
	}
	if (c->in_flight.n == 0)
		framer_limit(&c->framer, BASE_BYTES, BASE_RESPONSES);
}

static void
fetched(struct imap *c, struct fetch *f)
{
	mailbox_tell_gone(c); /* in the order in which it came */
	f->uid = mailbox_uid_of(&c->box, f);
	if (f->uid == 0) {
		/* Not again for what our own question brings: it would never end. */
		if (f->has_flags && c->box.is_open && c->n_news == 0)
			mailbox_want(c, &c->box.wants_flags);
		return;
	}
	mailbox_saw_uid(&c->box, f);
	for (size_t i = 0; i < c->ops.n; i++) {
		struct op *op = c->ops.v[i];
		if (op->n_in_flight > 0 && !op->is_ended && op->type->fetch &&
		    op->type->fetch(c, op, f))
			return;
	}
	if (f->has_flags)
		flags_tell(c, IMAP_NEW_ID, f);
}

static void
untagged(struct imap *c, const struct response *r)
{
	if (open_takes(c, r))
		return;
	if (is_search(r)) {
		c->n_found++;
		c->expunged_at_found = c->box.n_expunged;
	}
	mailbox_note(c, r);
	for (size_t i = 0; i < c->ops.n; i++) {
		struct op *op = c->ops.v[i];
		if (op->n_in_flight > 0 && !op->is_ended && op->type->untagged &&
		    op->type->untagged(c, op, r))
			return;
	}
}

static void
enabled(struct imap *c, struct str args)
{
	struct str word;

	while (str_next_word(&args, &word))
		if (str_ieqc(word, "QRESYNC"))
			c->is_enabled_qresync = true;
}

static void
bye(struct imap *c, const struct response *r)
{
	struct err err;

	alert(c, r);
	err_set(&err, ERR_GONE, "the server closed the connection: '%s'", server_words(c, r->text));
	connection_failed(c, &err);
}

/* "+": for the rest of a command, or for IDLE. */
static void
continued(struct imap *c)
{
	if (c->pausing.wire.len > 0)
		command_piece(c);
	else if (c->idle == IDLE_ASKED)
		c->idle = IDLE_ON;
}

static void
dispatch(struct imap *c, struct response *r)
{
	if (r->kind == RESPONSE_CONDITION || r->kind == RESPONSE_TAGGED)
		alert(c, r);
	if (r->kind == RESPONSE_BYE && c->phase != PHASE_GREETING) {
		if (!c->is_leaving)
			bye(c, r);
		return;
	}
	if (c->phase != PHASE_READY) {
		login_response(c, r);
		return;
	}
	switch (r->kind) {
	case RESPONSE_TAGGED:
		tagged(c, r);
		break;
	case RESPONSE_CONTINUE:
		continued(c);
		break;
	case RESPONSE_FETCH:
		fetched(c, &r->fetch);
		break;
	case RESPONSE_CAPABILITY:
		capabilities_set(c, r->args);
		break;
	case RESPONSE_ENABLED:
		enabled(c, r->args);
		break;
	case RESPONSE_MALFORMED:
		log_at(LOG_INFO, "imap", "a malformed response was left out");
		c->n_lost_names += r->meant == RESPONSE_LIST;
		c->n_lost_found += r->meant == RESPONSE_SEARCH || r->meant == RESPONSE_ESEARCH;
		break;
	case RESPONSE_UNKNOWN:
		break;
	default:
		untagged(c, r);
	}
}

/* ---- one turn ------------------------------------------------------------------------------ */

/* All complete responses of what was read. False: the connection is over. */
static bool
take_frames(struct imap *c)
{
	struct frame frame;
	struct err err;
	int got;

	while ((got = framer_next(&c->framer, &frame, &err)) == 1) {
		response_parse(&c->parser, &frame, &c->response);
		if (frame.is_deep) /* nobody may take it apart; what is flat in it is good */
			c->response.fetch.structure = STR_NONE;
		dispatch(c, &c->response);
		if (c->phase == PHASE_DEAD)
			return false;
		/* The handshake begins: not a byte of the clear text is looked at again. */
		if (c->phase == PHASE_TLS)
			return true;
	}
	return got == 0 || connection_failed(c, &err);
}

/* True if there may be more to read at once. */
static bool
read_some(struct imap *c)
{
	size_t total = 0;

	while (c->phase != PHASE_DEAD && c->phase != PHASE_TLS && net_state(c->net) == NET_OPEN) {
		struct err err;
		size_t room;
		char *to = framer_room(&c->framer, READ_BYTES, &room);
		ssize_t n = net_read(c->net, to, room, &err);
		if (n < 0) {
			connection_failed(c, &err);
			return false;
		}
		if (n == 0)
			return false;
		framer_add(&c->framer, (size_t)n);
		c->n_bytes += (size_t)n;
		c->progress_ms = c->now_ms;
		if (!take_frames(c))
			return false;
		total += (size_t)n;
		if (total >= TURN_BYTES)
			return true;
	}
	return false;
}

static bool
take_net_state(struct imap *c)
{
	enum net_state state = net_state(c->net);

	if ((int)state == c->told_state)
		return true;
	c->told_state = (int)state;
	switch (state) {
	case NET_FAILED:
		return connection_failed(c, net_error(c->net));
	case NET_QUESTION:
		TELL(c, certificate, net_cert(c->net));
		return true;
	case NET_OPEN:
		return login_on_open(c);
	default:
		TELL(c, state, net_state_name(state));
		return true;
	}
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Of silence, and of a command that is answered too slowly. */
static int64_t
flight_deadline(const struct imap *c)
{
	int timeout_ms = 0;
	int64_t slowest = TICK_NEVER;

	if (c->is_paused)
		return TICK_NEVER;
	for (size_t i = 0; i < c->in_flight.n; i++) {
		const struct sent *s = &c->in_flight.v[i];
		int t = s->timeout_ms;
		if (s->is_idle) {
			if (c->idle == IDLE_ON)
				continue; /* silence is what it is for */
			t = DONE_TIMEOUT_MS;
		}
		if (t > timeout_ms)
			timeout_ms = t;
		slowest = earlier(slowest, s->since_ms +
						   (int64_t)(c->n_bytes - s->bytes_before) * MS_PER_BYTE);
	}
	if (timeout_ms == 0)
		return TICK_NEVER;
	return earlier(c->progress_ms + timeout_ms, slowest + (int64_t)timeout_ms * TRICKLE_TIMES);
}

static int64_t
deadline_of_phase(const struct imap *c)
{
	return c->phase == PHASE_READY ? flight_deadline(c) : login_deadline(c);
}

static bool
check_deadline(struct imap *c)
{
	struct err err;

	if (c->now_ms < deadline_of_phase(c))
		return true;
	err_set(&err, ERR_WAIT, "the server does not answer");
	return connection_failed(c, &err);
}

static bool
has_waiting(const struct imap *c)
{
	for (size_t i = 0; i < c->ops.n; i++)
		if (!c->ops.v[i]->is_ended)
			return true;
	return false;
}

/* Everyone in the order of asking, until nobody has more to send. */
static void
pump(struct imap *c)
{
	mailbox_ask_for_news(c);
	for (size_t i = 0; i < c->ops.n && c->phase == PHASE_READY; i++) {
		struct op *op = c->ops.v[i];
		while (!op->is_ended && c->phase == PHASE_READY && op->type->next(c, op))
			;
		if (op->is_blocking)
			break;
	}
	if (c->phase != PHASE_READY)
		return;
	/* Who still waits needs the line for himself. */
	if (c->idle == IDLE_ON && has_waiting(c) && !idle_end(c))
		return;
	mailbox_turn(c);
}

void
imap_on_ready(struct imap *c, int64_t now_ms)
{
	bool has_more = false;

	if (c->phase == PHASE_DEAD || c->is_in_turn)
		return;
	c->is_in_turn = true;
	c->now_ms = now_ms;
	net_on_ready(c->net, now_ms);
	if (take_net_state(c))
		has_more = !c->is_paused && read_some(c);
	if (c->phase != PHASE_DEAD && take_net_state(c) && check_deadline(c)) {
		if (c->phase == PHASE_READY)
			pump(c);
		if (c->phase == PHASE_READY)
			mailbox_end_turn(c);
	}
	struct err err;
	if (c->phase != PHASE_DEAD && net_state(c->net) == NET_OPEN && net_flush(c->net, &err) < 0)
		connection_failed(c, &err);
	sweep(c);
	c->has_more = has_more && c->phase != PHASE_DEAD;
	c->is_in_turn = false;
}

void
imap_pause(struct imap *c, bool is_paused)
{
	if (!c->is_paused && is_paused)
		c->paused_ms = c->now_ms;
	if (c->is_paused && !is_paused) { /* the silence was ours */
		c->progress_ms = c->now_ms;
		for (size_t i = 0; i < c->in_flight.n; i++)
			c->in_flight.v[i].since_ms += c->now_ms - c->paused_ms;
	}
	c->is_paused = is_paused;
	if (c->phase != PHASE_DEAD)
		net_pause(c->net, is_paused);
}

size_t
imap_poll(const struct imap *c, struct pollfd fds_out[NET_MAX_FDS])
{
	return c->phase == PHASE_DEAD ? 0 : net_poll(c->net, fds_out);
}

int64_t
imap_deadline(const struct imap *c)
{
	if (c->phase == PHASE_DEAD)
		return TICK_NEVER;
	if (c->has_more)
		return c->now_ms;
	int64_t at = earlier(net_deadline(c->net), deadline_of_phase(c));
	if (c->phase != PHASE_READY)
		return at;
	if (c->now_ms < c->hello_by_ms)
		at = earlier(at, c->hello_by_ms);
	return earlier(at, mailbox_deadline(c));
}

void
imap_answer_certificate(struct imap *c, bool is_accepted)
{
	if (c->phase != PHASE_DEAD && net_state(c->net) == NET_QUESTION)
		net_answer(c->net, is_accepted);
}
