/* The folder list: asked for now and then while somebody is there. What LIST and
 * STATUS say goes into the records; what a complete list does not name is gone. */
#include "internal.h"

#include "tern/base/log.h"
#include "tern/base/map.h"

#define EVERY_MS (5 * 60 * 1000)

void
folders_schedule(struct account *a)
{
	struct session *s = a->session;
	bool is_wanted = false;

	EVERY_CLIENT (s, c)
		is_wanted = true;
	EVERY_BOX (a, b)
		is_wanted |= b->awaits_folders;
	if (!is_wanted || !a->is_known || !session_is_due(s, a->folders_ms))
		return;
	if (task_of(a, TASK_FOLDERS, NULL) == NULL)
		task_new(a, TASK_FOLDERS, NULL);
	a->folders_ms = s->now_ms + EVERY_MS;
}

/* One mailbox of the list. */
struct listed {
	struct str name;
	uint8_t delimiter;
	uint32_t attrs;
	bool has_status;
	uint32_t messages, unseen, uidnext, uidvalidity;
	uint64_t modseq;
};

static struct listed
get_listed(struct ipc_reader *r)
{
	struct listed l;

	l.name = ipc_get_str(r);
	l.delimiter = ipc_get_u8(r);
	l.attrs = ipc_get_u32(r);
	l.has_status = ipc_get_u8(r) != 0;
	l.messages = ipc_get_u32(r);
	l.unseen = ipc_get_u32(r);
	l.uidnext = ipc_get_u32(r);
	l.uidvalidity = ipc_get_u32(r);
	l.modseq = ipc_get_u64(r);
	return l;
}

static int
store_folder(struct account *a, struct store_txn *txn, struct ipc_reader *r, struct err *err)
{
	struct mailbox m;
	uint32_t id;
	struct listed l = get_listed(r);

	if (r->is_bad || l.name.len == 0 || l.name.len > 1000 || str_find(l.name, '\0') >= 0)
		return err_set(err, ERR_PROTO, "malformed folder list");
	if (store_put_mailbox_name(txn, str_c(a->name), l.name, &id, err) < 0 ||
	    store_txn_mailbox(txn, id, &m, err) != 0)
		return -1;
	m.delimiter = l.delimiter;
	m.attrs = l.attrs & ~(uint32_t)FOLDER_GONE;
	struct box *b = NULL;
	for (size_t i = 0; i < a->session->boxes.n; i++)
		if (a->session->boxes.v[i]->id == id)
			b = a->session->boxes.v[i];
	if (b != NULL)
		b->is_shut = b->is_gone = false;
	/* The rows know better than STATUS while the mailbox is open and complete. */
	bool rows_know = b != NULL && sync_is_in_step(b) &&
			 m.status_messages == MAILBOX_COUNT_ROWS;
	if (l.has_status && !rows_know) {
		bool is_same = m.uidvalidity == l.uidvalidity && m.uidnext == l.uidnext &&
			       m.modseq == l.modseq && l.modseq != 0 && m.exists == l.messages &&
			       m.n_rows == l.messages;
		m.status_messages = is_same ? MAILBOX_COUNT_ROWS : l.messages;
		m.status_unseen = is_same ? MAILBOX_COUNT_ROWS : l.unseen;
	}
	return store_put_mailbox(txn, &m, err);
}

struct missing {
	struct map *names; /* that are listed */
	VEC(uint32_t) gone;
};

static bool
find_gone(const struct mailbox *m, void *ctx)
{
	struct missing *x = ctx;

	if (!map_has(x->names, m->name) && !(m->attrs & FOLDER_GONE))
		vec_push(&x->gone, m->id);
	return true;
}

static int
mark_gone(struct account *a, struct store_txn *txn, struct str all, uint32_t n, struct err *err)
{
	struct map names = MAP_INIT;
	struct missing x = { &names, VEC_INIT };
	struct ipc_reader r = { all, false };
	struct store_view *v = store_begin(a->session->store, err);

	if (v == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		map_set(&names, get_listed(&r).name, a);
	int status = store_each_mailbox(v, str_c(a->name), find_gone, &x, err);
	store_end(v);
	for (size_t i = 0; i < x.gone.n && status == 0; i++) {
		struct mailbox m;
		if (store_txn_mailbox(txn, x.gone.v[i], &m, err) != 0) {
			status = -1;
			break;
		}
		m.attrs |= FOLDER_GONE;
		status = store_put_mailbox(txn, &m, err);
	}
	vec_release(&x.gone);
	map_release(&names, NULL);
	return status;
}

void
folders_store(struct account *a, const struct msg_w_folders *m)
{
	struct session *s = a->session;
	struct err err = ERR_INIT;
	struct ipc_reader r = { m->folders, false };
	struct store_txn *txn = session_txn(s, &err);
	int status = txn == NULL ? -1 : 0;

	for (uint32_t i = 0; i < m->n && status == 0; i++)
		status = store_folder(a, txn, &r, &err);
	/* Only a list that came in one piece tells what is no longer there. */
	if (status == 0 && m->is_last && m->is_whole && m->n > 0 && !a->is_in_list)
		status = mark_gone(a, txn, m->folders, m->n, &err);
	a->is_in_list = !m->is_last;
	if (m->is_last && (status < 0 || !m->is_whole))
		session_notice(s, LOG_WARN, a->name, false,
			       "a part of the folder list could not be read: folders that are new may be missing");
	if (m->is_last && m->is_whole && status == 0) {
		a->has_folders = true;
		EVERY_BOX (a, b)
			if (b->awaits_folders) {
				b->awaits_folders = false;
				push_dirty(b);
			}
	}
	if (status < 0 && err.kind != ERR_PROTO)
		session_store_failed(s, &err);
	session_touch(s, 0, true);
	session_commit(s);
	struct msg_folder_news news = { .account = str_c(a->name) };
	EVERY_CLIENT (s, c)
		if (client_takes_news(c))
			IPC_SEND(c->conn, FOLDER_NEWS, folder_news, 0, -1, &news, NULL);
}
