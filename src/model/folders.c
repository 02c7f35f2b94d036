/* All mailboxes of all accounts, for the folder list and the sidebar. */
#include "internal.h"

#include <stdlib.h>
#include "tern/base/mutf7.h"

void
folders_dirty(struct model *m)
{
	m->folders_known = false;
	model_mark(m, MODEL_FOLDERS);
}

void
model_clear_wanted(struct model *m)
{
	for (size_t i = 0; i < m->wanted.n; i++) {
		free(m->wanted.v[i].account);
		buf_release(&m->wanted.v[i].wire);
	}
	vec_reset(&m->wanted);
	folders_dirty(m);
}

static bool
is_wanted(const struct model *m, struct str account, struct str wire)
{
	for (size_t i = 0; i < m->wanted.n; i++)
		if (str_eqc(account, m->wanted.v[i].account) &&
		    str_eq(wire, buf_str(&m->wanted.v[i].wire)))
			return true;
	return false;
}

void
model_want_folder(struct model *m, struct str account, struct str wire)
{
	struct wanted w = { NULL, BUF_INIT };

	if (is_wanted(m, account, wire))
		return;
	w.account = str_dup(account);
	buf_addstr(&w.wire, wire);
	vec_push(&m->wanted, w);
	folders_dirty(m);
}

/* ---- made of the store ---------------------------------------------------------------- */

static uint64_t
folder_id(struct str account, struct str wire)
{
	struct buf both = BUF_INIT;

	buf_addstr(&both, account);
	buf_addc(&both, '\0');
	buf_addstr(&both, wire);
	uint64_t id = hash64(buf_str(&both));
	buf_release(&both);
	return id != 0 ? id : 1;
}

static struct model_folder
new_folder(struct model *m, const struct account *a, struct str wire)
{
	struct buf name = BUF_INIT;
	struct model_folder f = { .id = folder_id(str_c(a->name), wire),
				  .account = a->name,
				  .label = a->label,
				  .wire = arena_str(&m->folder_text, wire),
				  .delimiter = '/' };

	if (str_ieqc(wire, "INBOX"))
		buf_adds(&name, "Inbox");
	else
		mutf7_show(&name, wire);
	f.name = arena_cstr(&m->folder_text, buf_str(&name));
	f.is_wanted = is_wanted(m, str_c(a->name), wire);
	buf_release(&name);
	return f;
}

struct collecting {
	struct model *m;
	const struct account *account;
};

static bool
collect(const struct mailbox *record, void *ctx)
{
	struct collecting *c = ctx;
	struct mailbox_counts counts;
	struct err err = ERR_INIT;
	struct model_folder f = new_folder(c->m, c->account, record->name);

	if ((record->attrs & (FOLDER_GONE | FOLDER_NONEXISTENT)) && !f.is_wanted)
		return true;
	f.mailbox = record->id;
	f.delimiter = (char)record->delimiter;
	f.attrs = record->attrs;
	if (str_ieqc(record->name, "INBOX"))
		f.attrs |= FOLDER_INBOX;
	if (store_mailbox_counts(c->m->view, record, &counts, &err) == 0) {
		f.n_messages = counts.messages;
		f.n_unseen = counts.unseen;
		f.n_flagged = counts.flagged;
		f.n_to_delete = counts.to_delete;
		f.has_counts = !(record->attrs & FOLDER_NOSELECT);
	}
	vec_push(&c->m->folders, f);
	return true;
}

static int
compare_folders(const void *a, const void *b)
{
	const struct model_folder *x = a, *y = b;
	bool x_inbox = str_ieqc(x->wire, "INBOX"), y_inbox = str_ieqc(y->wire, "INBOX");

	if (x_inbox != y_inbox)
		return x_inbox ? -1 : 1;
	return str_icmp(str_c(x->name), str_c(y->name));
}

static void
add_account(struct model *m, const struct account *a)
{
	struct model_folder root = new_folder(m, a, STR_NONE);
	struct collecting c = { m, a };
	struct err err = ERR_INIT;

	root.is_root = true;
	root.name = a->label;
	vec_push(&m->folders, root);
	size_t first = m->folders.n;
	if (model_view(m) != NULL)
		store_each_mailbox(m->view, str_c(a->name), collect, &c, &err);
	model_read_trouble(m, &err);
	for (size_t i = 0; i < m->wanted.n; i++) {
		struct str wire = buf_str(&m->wanted.v[i].wire);
		bool is_there = false;
		for (size_t k = first; k < m->folders.n && !is_there; k++)
			is_there = str_eq(m->folders.v[k].wire, wire);
		if (is_there || strcmp(m->wanted.v[i].account, a->name) != 0)
			continue;
		struct model_folder f = new_folder(m, a, wire);
		vec_push(&m->folders, f);
	}
	if (m->folders.n > first)
		qsort(m->folders.v + first, m->folders.n - first, sizeof(*m->folders.v),
		      compare_folders);
}

static void
make_folders(struct model *m)
{
	if (m->folders_known)
		return;
	m->folders_known = true;
	vec_reset(&m->folders);
	arena_reset(&m->folder_text);
	for (size_t i = 0; i < m->accounts.n; i++)
		if (m->accounts.v[i]->params.len > 0)
			add_account(m, m->accounts.v[i]);
}

size_t
model_n_folders(struct model *m)
{
	make_folders(m);
	return m->folders.n;
}

const struct model_folder *
model_folder(struct model *m, size_t i)
{
	make_folders(m);
	return i < m->folders.n ? &m->folders.v[i] : NULL;
}

const struct model_folder *
model_folder_by_id(struct model *m, uint64_t id)
{
	make_folders(m);
	for (size_t i = 0; i < m->folders.n; i++)
		if (m->folders.v[i].id == id)
			return &m->folders.v[i];
	return NULL;
}

const struct model_folder *
model_folder_by_name(struct model *m, struct str account, struct str wire)
{
	return model_folder_by_id(m, folder_id(account, wire));
}

void
model_refresh_folders(struct model *m)
{
	for (size_t i = 0; i < m->accounts.n; i++) {
		struct msg_folders msg = { .account = str_c(m->accounts.v[i]->name) };
		struct buf payload = BUF_INIT;
		if (m->accounts.v[i]->params.len == 0 || !m->is_connected)
			continue;
		msg_put_folders(&payload, &msg);
		m->params.send(m->params.ctx, MSG_FOLDERS, ++m->next_id, buf_str(&payload));
		buf_release(&payload);
	}
}

/* ---- what waits --------------------------------------------------------------------------- */

void
model_each_waiting(struct model *m, bool (*each)(const struct intent *i, void *ctx), void *ctx)
{
	struct err err = ERR_INIT;
	uint32_t mask = 1u << INTENT_PLANNED | 1u << INTENT_SENT | 1u << INTENT_REFUSED |
			1u << INTENT_PARKED;

	if (model_view(m) != NULL)
		store_each_intent(m->view, mask, each, ctx, &err);
}

void
model_intent_retry(struct model *m, uint64_t seq)
{
	struct msg_intent_retry msg = { .seq = seq };

	REQUEST(m, INTENT_RETRY, intent_retry, &msg, NULL, NULL);
}

void
model_intent_drop(struct model *m, uint64_t seq)
{
	struct msg_intent_drop msg = { .seq = seq };

	REQUEST(m, INTENT_DROP, intent_drop, &msg, NULL, NULL);
}
