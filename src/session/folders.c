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
	for (size_t i = 0; i < s->boxes.n; i++)
		is_wanted |= s->boxes.v[i]->account == a && s->boxes.v[i]->awaits_folders;
	if (!is_wanted || !a->is_known || !session_is_due(s, a->folders_ms))
		return;
	if (task_of(a, TASK_FOLDERS, NULL) == NULL)
		task_new(a, TASK_FOLDERS, NULL);
	a->folders_ms = s->now_ms + EVERY_MS;
}

static int
store_folder(struct account *a, struct store_txn *txn, struct ipc_reader *r, struct err *err)
{
	struct mailbox m;
	uint32_t id;
	struct str name = ipc_get_str(r);
	uint8_t delimiter = ipc_get_u8(r);
	uint32_t attrs = ipc_get_u32(r);
	bool has_status = ipc_get_u8(r) != 0;
	uint32_t messages = ipc_get_u32(r), unseen = ipc_get_u32(r);
	uint32_t uidnext = ipc_get_u32(r), uidvalidity = ipc_get_u32(r);
	uint64_t modseq = ipc_get_u64(r);

	if (r->is_bad || name.len == 0 || name.len > 1000 || str_find(name, '\0') >= 0)
		return err_set(err, ERR_PROTO, "malformed folder list");
	if (store_put_mailbox_name(txn, str_c(a->name), name, &id, err) < 0 ||
	    store_txn_mailbox(txn, id, &m, err) != 0)
		return -1;
	m.delimiter = delimiter;
	m.attrs = attrs & ~(uint32_t)FOLDER_GONE;
	struct box *b = NULL;
	for (size_t i = 0; i < a->session->boxes.n; i++)
		if (a->session->boxes.v[i]->id == id)
			b = a->session->boxes.v[i];
	if (b != NULL)
		b->is_shut = b->is_gone = false;
	/* The rows know better than STATUS while the mailbox is open and complete. */
	bool rows_know = b != NULL && sync_is_in_step(b) &&
			 m.status_messages == MAILBOX_COUNT_ROWS;
	if (has_status && !rows_know) {
		bool is_same = m.uidvalidity == uidvalidity && m.uidnext == uidnext &&
			       m.modseq == modseq && modseq != 0 && m.exists == messages &&
			       m.n_rows == messages;
		m.status_messages = is_same ? MAILBOX_COUNT_ROWS : messages;
		m.status_unseen = is_same ? MAILBOX_COUNT_ROWS : unseen;
	}
	return store_put_mailbox(txn, &m, err);
}

struct listed {
	struct account *a;
	struct map *names;
	VEC(uint32_t) gone;
};

static bool
find_gone(const struct mailbox *m, void *ctx)
{
	struct listed *l = ctx;

	if (!map_has(l->names, m->name) && !(m->attrs & FOLDER_GONE))
		vec_push(&l->gone, m->id);
	return true;
}

static int
mark_gone(struct account *a, struct store_txn *txn, struct str all, uint32_t n, struct err *err)
{
	struct map names = MAP_INIT;
	struct listed l = { a, &names, VEC_INIT };
	struct ipc_reader r = { all, false };
	int status = 0;

	for (uint32_t i = 0; i < n; i++) {
		map_set(&names, ipc_get_str(&r), a);
		r.rest = str_from(r.rest, 1 + 4 + 1 + 4 * 4 + 8);
	}
	struct store_view *v = store_begin(a->session->store, err);
	if (v == NULL)
		return -1;
	status = store_each_mailbox(v, str_c(a->name), find_gone, &l, err);
	store_end(v);
	for (size_t i = 0; i < l.gone.n && status == 0; i++) {
		struct mailbox m;
		if (store_txn_mailbox(txn, l.gone.v[i], &m, err) != 0) {
			status = -1;
			break;
		}
		m.attrs |= FOLDER_GONE;
		status = store_put_mailbox(txn, &m, err);
	}
	vec_release(&l.gone);
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
	if (status == 0 && m->is_last && m->is_whole && m->n > 0 && !a->folders_asked)
		status = mark_gone(a, txn, m->folders, m->n, &err);
	a->folders_asked = !m->is_last;
	if (m->is_last && (status < 0 || !m->is_whole))
		session_notice(s, LOG_WARN, a->name, false,
			       "a part of the folder list could not be read: folders that are new may be missing");
	if (m->is_last && m->is_whole && status == 0) {
		a->has_folders = true;
		for (size_t i = 0; i < s->boxes.n; i++)
			if (s->boxes.v[i]->account == a && s->boxes.v[i]->awaits_folders) {
				s->boxes.v[i]->awaits_folders = false;
				push_dirty(s->boxes.v[i]);
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
