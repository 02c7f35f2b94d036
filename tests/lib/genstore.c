#include "lib/genstore.h"

#include <stdio.h>
#include <string.h>
#include "tern/base/map.h"
#include "tern/base/tick.h"

#define BATCH 5000
#define FIRST_DATE 1000000000
#define STEP_S 300

static const char *const names[] = { "Ada Lovelace",   "Grace Hopper",	 "Alan Turing",
				     "Бажена Коваль",  "山田 太郎",	 "Barbara Liskov",
				     "Edsger Dijkstra", "Frances Allen", "José Núñez",
				     "Katherine Johnson" };
static const char *const words[] = { "Release", "schedule", "review", "budget", "patch",  "meeting",
				     "draft",	"question", "build",  "invoice", "holiday", "report" };

/* Spread, the same everywhere. */
static uint32_t
mix(uint32_t n, uint32_t salt)
{
	uint32_t h = n * 2654435761u ^ salt * 40503u;

	h ^= h >> 15;
	h *= 2246822519u;
	return h ^ h >> 13;
}

/* Which message starts the thread of n: about one in four starts one. */
static uint32_t
thread_of(uint32_t n)
{
	if (n < 4 || mix(n, 1) % 4 == 0)
		return n;
	return n - 1 - mix(n, 2) % (n < 40 ? n / 2 : 20);
}

static uint64_t
id_of(uint32_t n, char *text, size_t size)
{
	int len = snprintf(text, size, "<%u.%08x@example.org>", n, mix(n, 3));

	return hash64(str_n(text + 1, (size_t)len - 2));
}

static uint32_t
root_of(uint32_t n)
{
	while (thread_of(n) != n)
		n = thread_of(n);
	return n;
}

static struct str
ancestors_of(uint32_t n, struct arena *a)
{
	uint64_t ids[ROW_MAX_ANCESTORS];
	size_t len = 0;
	char text[64];

	for (uint32_t at = n; thread_of(at) != at && len < ROW_MAX_ANCESTORS; len++) {
		at = thread_of(at);
		ids[len] = id_of(at, text, sizeof(text));
	}
	for (size_t i = 0; i < len / 2; i++) {
		uint64_t swap = ids[i];
		ids[i] = ids[len - 1 - i];
		ids[len - 1 - i] = swap;
	}
	return arena_str(a, str_n((const char *)ids, len * sizeof(ids[0])));
}

void
gen_row(uint32_t n, struct row *out, struct arena *a)
{
	char text[64];
	uint32_t root = root_of(n), who = mix(n, 4) % 10;

	memset(out, 0, sizeof(*out));
	out->uid = n + 1;
	out->size_bytes = 1000 + mix(n, 5) % 50000;
	out->date = FIRST_DATE + (int64_t)n * STEP_S - (mix(n, 6) % 50 == 0 ? 20 * STEP_S : 0);
	out->internaldate = FIRST_DATE + (int64_t)n * STEP_S + 7;
	out->zone_min = 60;
	out->modseq = n + 1;
	out->flags = mix(n, 7) % 5 != 0 ? ROW_SEEN : 0;
	if (mix(n, 8) % 20 == 0)
		out->flags |= ROW_FLAGGED;
	if (mix(n, 9) % 10 == 0)
		out->flags |= ROW_ATTACHMENT;
	out->id_hash = id_of(n, text, sizeof(text));
	out->message_id = arena_str(a, str_c(text));
	out->ancestors = ancestors_of(n, a);
	const char *subject = arena_printf(a, "%s%s %s %s %u", root == n ? "" : "Re: ",
					   words[mix(root, 10) % 12], words[mix(root, 11) % 12],
					   words[mix(root, 12) % 12], root);
	out->subject = str_c(subject);
	out->from_name = str_c(names[who]);
	out->from_addr = str_c(arena_printf(a, "person%u@example.org", who));
	out->to = STR("Me Myself <me@example.net>");
	if (mix(n, 13) % 3 == 0)
		out->list_id = STR("devel.lists.example.org");
}

static int
put_batch(struct store_writer *w, uint32_t mailbox, uint32_t from, uint32_t to,
	  struct arena *a, struct err *err)
{
	struct store_txn *t = store_txn_begin(w, err);
	struct row row;

	if (t == NULL)
		return -1;
	for (uint32_t n = from; n < to; n++) {
		gen_row(n, &row, a);
		if (store_put_row(t, mailbox, &row, NULL, err) != 0) {
			store_txn_abort(t);
			return -1;
		}
		arena_reset(a);
	}
	return store_txn_commit(t, err);
}

static int
finish(struct store_writer *w, uint32_t id, uint32_t n, struct err *err)
{
	char covered[32] = "";
	struct store_txn *t = store_txn_begin(w, err);
	struct mailbox m = { .id = id,
			     .delimiter = '/',
			     .uidvalidity = 1234,
			     .uidnext = n + 1,
			     .modseq = n + 1,
			     .exists = n,
			     .keywords_ok = true,
			     .status_messages = MAILBOX_COUNT_ROWS,
			     .status_unseen = MAILBOX_COUNT_ROWS,
			     .in_step_wall = FIRST_DATE };

	if (n > 0)
		snprintf(covered, sizeof(covered), "1:%u", n);
	m.covered = str_c(covered);
	if (t == NULL)
		return -1;
	if (store_put_mailbox(t, &m, err) != 0) {
		store_txn_abort(t);
		return -1;
	}
	return store_txn_commit(t, err);
}

int
gen_mailbox(struct store_writer *w, const char *account, const char *name, uint32_t n,
	    uint32_t *mailbox_out, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct store_txn *t = store_txn_begin(w, err);
	uint32_t id;

	if (t == NULL)
		return -1;
	if (store_put_mailbox_name(t, str_c(account), str_c(name), &id, err) != 0) {
		store_txn_abort(t);
		return -1;
	}
	int rc = store_txn_commit(t, err);
	for (uint32_t from = 0; rc == 0 && from < n; from += BATCH)
		rc = put_batch(w, id, from, from + BATCH < n ? from + BATCH : n, &a, err);
	if (rc == 0)
		rc = finish(w, id, n, err);
	arena_release(&a);
	if (mailbox_out != NULL)
		*mailbox_out = id;
	return rc;
}
