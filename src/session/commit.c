/* The one open transaction of the cache. What a worker brings is gathered in it
 * and committed at the end of the turn when somebody looks at it, else after
 * 250 ms or 5000 rows: slices fetched are not commits. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

#define COMMIT_AFTER_MS 250
#define COMMIT_AFTER_ROWS 5000
#define MAX_LISTED 64

struct store_txn *
session_txn(struct session *s, struct err *err)
{
	/* What went before is lost: a cursor must not come to stand behind it. */
	if (s->store_failed != NULL) {
		err_set(err, ERR_WAIT, "%s", s->store_failed);
		return NULL;
	}
	if (s->txn == NULL) {
		s->txn = store_txn_begin(s->writer, err);
		s->txn_since_ms = s->now_ms;
		s->txn_rows = 0;
		s->txn_is_urgent = false;
	}
	return s->txn;
}

void
session_touch(struct session *s, uint32_t n_rows, bool is_urgent)
{
	s->txn_rows += n_rows;
	s->txn_is_urgent |= is_urgent;
}

/* Callers are in the middle of a task of a worker: both are let be until the turn
 * ends, in session_after_failure(). */
void
session_store_failed(struct session *s, const struct err *err)
{
	if (s->txn != NULL) {
		store_txn_abort(s->txn);
		s->txn = NULL;
	}
	if (s->store_failed != NULL)
		return; /* the same trouble */
	log_at(LOG_ERROR, "store", "%s", err->text);
	session_notice(s, LOG_ERROR, "", false, "%s", err->text);
	s->store_failed = xstrdup(err->text);
	if (err->kind == ERR_DAMAGED)
		care_give_up(s, err->text);
}

/* The rows of that transaction are lost, so what the workers believe to have told us
 * is not in the store: they begin again from the stored cursors. */
void
session_after_failure(struct session *s)
{
	if (s->store_failed == NULL)
		return;
	for (size_t i = 0; i < s->workers.n; i++)
		if (s->workers.v[i]->selected != NULL)
			worker_drop(s->workers.v[i], ERR_WAIT, s->store_failed);
	/* Last: what dropping would store is not stored either. */
	free(s->store_failed);
	s->store_failed = NULL;
}

/* many: it is to be read anew, `locals` are not all. */
static void
tell_news(struct session *s, uint32_t mailbox, const uint64_t *locals, size_t n, bool many)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		ipc_put_u64(&list, locals[i]);
	struct msg_news m = { .mailbox = mailbox, .many = many, .locals = buf_str(&list) };
	EVERY_CLIENT (s, c)
		if (client_takes_news(c))
			IPC_SEND(c->conn, NEWS, news, 0, -1, &m, NULL);
	buf_release(&list);
}

void
session_news(struct session *s, uint32_t mailbox)
{
	tell_news(s, mailbox, NULL, 0, true);
}

void
session_news_everywhere(struct session *s)
{
	for (size_t i = 0; i < s->boxes.n; i++)
		session_news(s, s->boxes.v[i]->id);
}

static void
tell_arrivals(struct session *s)
{
	for (size_t i = 0; i < s->boxes.n; i++) {
		struct box *b = s->boxes.v[i];
		if (b->arrived == 0)
			continue;
		struct msg_arrived m = { .mailbox = b->id, .n = b->arrived };
		EVERY_CLIENT (s, c)
			if (client_takes_news(c))
				IPC_SEND(c->conn, ARRIVED, arrived, 0, -1, &m, NULL);
		b->arrived = 0;
	}
}

int
session_commit(struct session *s)
{
	struct err err = ERR_INIT;
	struct {
		uint32_t mailbox;
		uint64_t locals[MAX_LISTED];
		size_t n;
		bool many;
	} touched[16];
	size_t n_touched = 0;
	bool is_more = false;
	uint32_t mailbox = 0;

	if (s->txn == NULL)
		return 0;
	while (store_txn_next_mailbox(s->txn, &mailbox)) {
		if (n_touched == ARRAY_LEN(touched)) {
			is_more = true;
			break;
		}
		touched[n_touched].mailbox = mailbox;
		touched[n_touched].n = store_txn_touched(s->txn, mailbox,
							 touched[n_touched].locals, MAX_LISTED,
							 &touched[n_touched].many);
		n_touched++;
	}
	struct store_txn *txn = s->txn;
	s->txn = NULL;
	if (store_txn_commit(txn, &err) < 0) {
		session_store_failed(s, &err);
		return -1;
	}
	care_is_well();
	for (size_t i = 0; i < n_touched; i++)
		tell_news(s, touched[i].mailbox, touched[i].locals, touched[i].n, touched[i].many);
	EVERY_CLIENT (s, c)
		if (is_more)
			c->missed_news = true;
	tell_arrivals(s);
	return 0;
}

void
session_commit_if_due(struct session *s)
{
	if (s->txn == NULL)
		return;
	if (s->txn_is_urgent || s->txn_rows >= COMMIT_AFTER_ROWS ||
	    session_is_due(s, s->txn_since_ms + COMMIT_AFTER_MS))
		session_commit(s);
}
