/* A mailbox as the manager knows it: found by id or name, its record read and
 * changed. What it has on the disk is its record; what is in struct box can be
 * had again. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/mem.h"

struct box *
box_get(struct session *s, uint32_t id)
{
	for (size_t i = 0; i < s->boxes.n; i++)
		if (s->boxes.v[i]->id == id)
			return s->boxes.v[i];
	/* Known to the store, not to us yet. */
	struct mailbox m;
	struct box *b = NULL;
	struct store_view *v = store_begin(s->store, NULL);
	if (v == NULL)
		return NULL;
	if (store_mailbox(v, id, &m, NULL) == 0) {
		b = xcalloc(1, sizeof(*b));
		b->session = s;
		b->id = id;
		b->account_name = str_dup(m.account);
		b->account = account_find(s, m.account);
		buf_init(&b->name);
		buf_addstr(&b->name, m.name);
		vec_push(&s->boxes, b);
	}
	store_end(v);
	return b;
}

void
box_free(struct box *b)
{
	struct session *s = b->session;

	vec_remove_item(&s->boxes, b);
	free(b->account_name);
	buf_release(&b->name);
	seqset_release(&b->server_uids);
	vec_release(&b->waiting);
	free(b);
}

struct box *
box_by_name(struct session *s, struct str account, struct str name, bool make, struct err *err)
{
	struct mailbox m;
	uint32_t id = 0;
	bool is_inbox = str_ieqc(name, "INBOX");

	for (size_t i = 0; i < s->boxes.n; i++) {
		struct box *b = s->boxes.v[i];
		struct str its = buf_str(&b->name);
		if (str_eqc(account, b->account_name) &&
		    (str_eq(its, name) || (is_inbox && str_ieqc(its, "INBOX"))))
			return b;
	}
	struct store_view *v = store_begin(s->store, err);
	if (v == NULL)
		return NULL;
	int found = store_mailbox_by_name(v, account, name, &m, err);
	if (found == 0)
		id = m.id;
	store_end(v);
	if (found < 0)
		return NULL;
	if (found == 1 && make) {
		struct store_txn *txn = session_txn(s, err);
		if (txn == NULL || store_put_mailbox_name(txn, account, name, &id, err) < 0)
			return NULL;
		session_touch(s, 0, true);
		if (session_commit(s) < 0) {
			err_set(err, ERR_SYSTEM, "the cache cannot be written");
			return NULL;
		}
	}
	if (id == 0) {
		err_set(err, ERR_GONE, "no mailbox '%.*s'", STR_ARG(name));
		return NULL;
	}
	return box_get(s, id);
}

void
box_unshut(struct box *b)
{
	b->is_shut = b->is_gone = false;
	b->open_ms = 0;
}

/* Its record: slices are good until the view ends. */
int
box_record(struct box *b, struct mailbox *out, struct store_view *v, struct err *err)
{
	int found = store_mailbox(v, b->id, out, err);

	return found == 1 ? err_set(err, ERR_GONE, "the mailbox is not in the cache") : found;
}

int
box_change(struct box *b, box_changer *change, void *ctx, struct err *err)
{
	struct session *s = b->session;
	struct buf covered = BUF_INIT;
	struct mailbox m;
	int status = -1;
	struct store_txn *txn = session_txn(s, err);

	if (txn == NULL)
		return -1;
	int found = store_txn_mailbox(txn, b->id, &m, err);
	if (found == 0) {
		buf_addstr(&covered, m.covered);
		change(&m, &covered, ctx);
		m.covered = buf_str(&covered);
		status = store_put_mailbox(txn, &m, err);
	} else if (found == 1) {
		err_set(err, ERR_DAMAGED, "the mailbox is not in the cache any more");
	}
	buf_release(&covered);
	return status;
}
