/* The connection to the manager: found, started, greeted, and found again. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/log.h"
#include "tern/base/tick.h"
#include "tern/have.h"
#include "tern/store.h"

#define FIRST_RETRY_MS 4    /* somebody else is just starting it */
#define MAX_RETRY_MS 10000
#define QUIET_FAILURES 8    /* that many are not worth a word */
#define STEADY_MS 30000	    /* it ran for so long: earlier failures are forgotten */
#define SILENT_MS 3000	    /* a greeting, or an older one's end, takes a few milliseconds */

bool
link_send(void *ctx, enum msg_type type, uint64_t id, struct str payload)
{
	struct link *l = ctx;
	struct err err = ERR_INIT;

	if (l->state != LINK_UP)
		return false;
	if (ipc_send(l->conn, type, id, payload, -1, &err) == 0)
		return true;
	log_at(LOG_WARN, "link", "%s", err.text);
	return false;
}

/* Attaching is like typing, for a window: what is asked from now on is asked here. */
void
link_tell_window(struct link *l)
{
	if (l->is_of_window)
		link_send(l, MSG_TYPED, 0, STR_NONE);
}

static void
back_off(struct link *l, int64_t now_ms)
{
	int64_t wait_ms = FIRST_RETRY_MS << (l->n_failures < 12 ? l->n_failures : 12);

	l->n_failures++;
	l->retry_ms = now_ms + (wait_ms < MAX_RETRY_MS ? wait_ms : MAX_RETRY_MS);
}

static void
hang_up(struct link *l, struct app *app, int64_t now_ms, const char *why)
{
	bool was_up = l->state == LINK_UP;

	log_at(LOG_INFO, "link", "the session manager is gone: %s", why);
	ipc_conn_free(l->conn);
	l->conn = NULL;
	l->state = LINK_DOWN;
	snprintf(l->trouble, sizeof(l->trouble), "%s", why);
	if (was_up) {
		model_disconnected(app_model(app));
		if (now_ms - l->up_ms > STEADY_MS)
			l->n_failures = 0;
	}
	back_off(l, now_ms);
}

static void
connect_now(struct link *l, struct app *app, int64_t now_ms)
{
	struct err err = ERR_INIT;
	struct msg_hello hello = { .protocol = IPC_PROTOCOL,
				   .schema = STORE_SCHEMA,
				   .build = STR(TERN_VERSION),
				   .pid = (uint32_t)getpid() };
	int fd = session_connect(l->state_dir, &err);

	if (fd < 0) {
		snprintf(l->trouble, sizeof(l->trouble), "%s", err.text);
		back_off(l, now_ms);
		return;
	}
	l->conn = ipc_conn_new(fd);
	l->state = LINK_GREETING;
	l->since_ms = now_ms;
	l->retry_ms = TICK_NEVER;
	IPC_SEND(l->conn, HELLO, hello, 0, -1, &hello, NULL);
	if (ipc_flush(l->conn, &err) < 0)
		hang_up(l, app, now_ms, err.text);
}

void
link_open(struct link *l, struct app *app, int64_t now_ms)
{
	connect_now(l, app, now_ms);
}

void
link_close(struct link *l)
{
	ipc_conn_free(l->conn);
	free(l->state_dir);
	l->conn = NULL;
	l->state_dir = NULL;
}

int64_t
link_deadline(const struct link *l)
{
	switch (l->state) {
	case LINK_DOWN:
		return l->retry_ms;
	case LINK_GREETING:
	case LINK_FINISHING:
		return l->has_told ? TICK_NEVER : l->since_ms + SILENT_MS;
	case LINK_UP:
	case LINK_REFUSED:
		break;
	}
	return TICK_NEVER;
}

/* Words only when it lasts: a start takes a few milliseconds. */
void
link_tell_trouble(struct link *l, struct app *app, int64_t now_ms)
{
	char text[500];

	if (l->state == LINK_REFUSED) {
		app_set_trouble(app, l->trouble);
		return;
	}
	bool is_silent = l->state == LINK_GREETING || l->state == LINK_FINISHING;
	if (is_silent && now_ms >= link_deadline(l)) {
		snprintf(text, sizeof(text),
			 l->state == LINK_GREETING ?
				 "the session manager does not answer" :
				 "the session manager of an older tern (process %u) has not finished yet",
			 l->older_pid);
		app_set_trouble(app, text);
		l->has_told = true;
		return;
	}
	if (is_silent && l->has_told)
		return;
	l->has_told = false;
	if (l->state == LINK_UP || l->n_failures < QUIET_FAILURES) {
		app_set_trouble(app, NULL);
		return;
	}
	snprintf(text, sizeof(text), "no session manager: %s; trying again", l->trouble);
	app_set_trouble(app, text);
}

void
link_turn(struct link *l, struct app *app, int64_t now_ms)
{
	struct err err = ERR_INIT;

	if (l->state == LINK_DOWN && now_ms >= l->retry_ms)
		connect_now(l, app, now_ms);
	if (l->conn != NULL && ipc_wants_write(l->conn) && ipc_flush(l->conn, &err) < 0)
		hang_up(l, app, now_ms, err.text);
}

/* ---- what it says ------------------------------------------------------------------------- */

static int
greeted(struct link *l, struct app *app, const struct ipc_frame *f, int64_t now_ms,
	struct err *err)
{
	struct msg_hello hello;
	char build[64];

	if (f->type == MSG_NOTICE) { /* why it cannot be one: a store that does not open */
		struct msg_notice notice;
		if (msg_get_notice(f->payload, &notice, err) < 0)
			return -1;
		return err_set(err, ERR_SYSTEM, "%.*s", STR_ARG(notice.text));
	}
	if (f->type != MSG_HELLO)
		return err_set(err, ERR_PROTO, "it did not greet");
	if (msg_get_hello(f->payload, &hello, err) < 0)
		return -1;
	snprintf(build, sizeof(build), "%.*s", STR_ARG(hello.build));
	switch (session_match(hello.protocol, hello.schema, build, STORE_SCHEMA)) {
	case SESSION_FITS:
		l->state = LINK_UP;
		l->up_ms = now_ms;
		l->n_failures = 0;
		link_tell_window(l);
		model_connected(app_model(app));
		return 0;
	case SESSION_IS_OLDER:
		l->state = LINK_FINISHING;
		l->since_ms = now_ms;
		l->older_pid = hello.pid;
		ipc_send(l->conn, MSG_FINISH, 0, STR_NONE, -1, NULL);
		return 0;
	case SESSION_IS_NEWER:
		l->state = LINK_REFUSED;
		snprintf(l->trouble, sizeof(l->trouble),
			 "a newer tern (%s) runs beside this one: quit this one and start it again",
			 build);
		return 0;
	}
	return 0;
}

static int
take_frame(struct link *l, struct app *app, struct ipc_frame *f, int64_t now_ms, struct err *err)
{
	struct msg_left left;

	if (l->state == LINK_GREETING)
		return greeted(l, app, f, now_ms, err);
	if (l->state != LINK_UP)
		return 0;
	if (f->type == MSG_LEFT && msg_get_left(f->payload, &left, err) == 0) {
		l->has_left = true;
		l->n_left = left.n_waiting;
	}
	model_event(app_model(app), f);
	return 0;
}

void
link_ready(struct link *l, struct app *app, short revents, int64_t now_ms)
{
	struct err err = ERR_INIT, frame_err = ERR_INIT;
	struct ipc_frame f;
	int got = 0;

	if (l->conn == NULL || revents == 0)
		return;
	bool at_end = (revents & (POLLIN | POLLHUP | POLLERR)) && ipc_fill(l->conn, &err) < 0;
	while (l->conn != NULL && (got = ipc_next(l->conn, &f, &frame_err)) > 0)
		if (take_frame(l, app, &f, now_ms, &frame_err) < 0) {
			got = -1;
			break;
		}
	if (got < 0)
		hang_up(l, app, now_ms, frame_err.text);
	else if (at_end)
		hang_up(l, app, now_ms, err.text);
}

/* ---- leaving ----------------------------------------------------------------------------------- */

void
link_leave(struct link *l, struct app *app, int budget_ms)
{
	int64_t until_ms = tick_ms() + budget_ms;
	bool has_asked = false;

	for (int64_t now_ms = tick_ms(); now_ms < until_ms && !l->has_left; now_ms = tick_ms()) {
		link_turn(l, app, now_ms);
		if (l->state == LINK_REFUSED)
			return;
		if (l->state == LINK_UP && !has_asked) {
			has_asked = link_send(l, MSG_LEAVE, 0, STR_NONE);
			link_turn(l, app, now_ms);
		}
		if (has_asked && l->state != LINK_UP)
			return; /* it hung up without a word */
		struct pollfd p = { l->conn != NULL ? ipc_fd(l->conn) : -1, POLLIN, 0 };
		int64_t wake_ms = l->state == LINK_DOWN && l->retry_ms < until_ms ? l->retry_ms
										     : until_ms;
		poll(&p, 1, tick_until(now_ms, wake_ms));
		link_ready(l, app, p.revents, tick_ms());
	}
}
