/* The list of mailboxes and their counts; CREATE; LOGOUT. */
#include "internal.h"

#include <string.h>
#include "tern/base/vec.h"

enum {
	LIST_TIMEOUT_MS = 60000,
	LIST_BYTES = 64 * 1024 * 1024,
	STATUS_IN_FLIGHT = 10,
	MAX_FOLDERS = 100000,
};

static const struct send_options list_options = { 0, LIST_TIMEOUT_MS, LIST_BYTES, 400000 };

/* ---- LIST ------------------------------------------------------------------------ */

/* LIST and LSUB answer in any order with STATUS, so they are told at the end. */
struct folder {
	struct buf name;
	struct list_item list;
	struct status_items status;
	bool has_status, is_listed;
};

struct listing {
	struct op op;
	struct map by_name; /* index + 1 */
	VEC(struct folder) folders;
	size_t next_status; /* of those to ask one by one */
	uint32_t lost_before; /* of the connection's lost names */
	bool is_cut;
};

static struct folder *
folder_named(struct listing *l, struct str name)
{
	size_t at = (size_t)(uintptr_t)map_get(&l->by_name, name);

	if (at > 0)
		return &l->folders.v[at - 1];
	if (l->folders.n >= MAX_FOLDERS) {
		l->is_cut = true;
		return NULL;
	}
	struct folder f = { .name = BUF_INIT };
	buf_addstr(&f.name, name);
	vec_push(&l->folders, f);
	map_set(&l->by_name, name, (void *)(uintptr_t)l->folders.n);
	return &l->folders.v[l->folders.n - 1];
}

static void
add_status_items(const struct imap *c, struct command_text *t)
{
	command_addf(t, "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY%s)",
		     can(c, IMAP_CAP_CONDSTORE) ? " HIGHESTMODSEQ" : "");
}

enum { LIST_STEP, LSUB_STEP, STATUS_STEP };

static bool
send_list(struct imap *c, struct listing *l)
{
	bool is_extended = can(c, IMAP_CAP_LIST_EXTENDED);
	struct command_text t;

	command_begin(c, &t);
	if (!is_extended) {
		command_adds(&t, can(c, IMAP_CAP_XLIST) && !can(c, IMAP_CAP_SPECIAL_USE)
					 ? "XLIST \"\" \"*\""
					 : "LIST \"\" \"*\"");
	} else {
		command_addf(&t, "LIST \"\" \"*\" RETURN (SUBSCRIBED%s%s",
			     can(c, IMAP_CAP_SPECIAL_USE) ? " SPECIAL-USE" : "",
			     can(c, IMAP_CAP_LIST_STATUS) ? " STATUS " : "");
		if (can(c, IMAP_CAP_LIST_STATUS))
			add_status_items(c, &t);
		command_adds(&t, ")");
	}
	l->lost_before = c->n_lost_names;
	if (!command_send(c, &l->op, &t, &list_options))
		return false;
	l->op.step = is_extended ? STATUS_STEP : LSUB_STEP;
	return true;
}

static bool
send_lsub(struct imap *c, struct listing *l)
{
	struct command_text t;

	command_begin(c, &t);
	command_adds(&t, "LSUB \"\" \"*\"");
	if (!command_send(c, &l->op, &t, &list_options))
		return false;
	l->op.step = STATUS_STEP;
	return true;
}

static bool
send_status(struct imap *c, struct op *op, struct str name)
{
	struct command_text t;

	command_begin(c, &t);
	command_adds(&t, "STATUS ");
	command_mailbox(&t, name);
	command_adds(&t, " ");
	add_status_items(c, &t);
	return command_send(c, op, &t, &list_options);
}

static bool
is_selected(const struct imap *c, struct str name)
{
	return c->box.is_open && str_eq(name, buf_str(&c->box.name));
}

static void
tell_folder(struct imap *c, uint64_t id, const struct folder *f)
{
	struct imap_folder told = {
		.name = buf_str(&f->name),
		.delimiter = f->list.delimiter,
		.attributes = f->list.attributes,
		.has_status = f->has_status && f->status.has_messages,
		.messages = f->status.messages,
		.unseen = f->status.unseen,
		.uidnext = f->status.uidnext,
		.uidvalidity = f->status.uidvalidity,
		.modseq = f->status.modseq,
	};

	TELL(c, folder, id, &told);
}

static void
finish_list(struct imap *c, struct listing *l)
{
	for (size_t i = 0; i < l->folders.n && !l->op.is_ended; i++)
		if (l->folders.v[i].is_listed)
			tell_folder(c, l->op.id, &l->folders.v[i]);
	bool is_whole = !l->is_cut && l->lost_before == c->n_lost_names;
	TELL(c, folders_end, l->op.id, is_whole);
	op_end(c, &l->op, NULL, STR_NONE);
}

/* LIST-STATUS may leave some out; without it all are asked, in a pipeline. Not
 * the selected one (RFC 3501, 6.3.10). */
static bool
next_status(struct imap *c, struct listing *l)
{
	for (; l->next_status < l->folders.n; l->next_status++) {
		const struct folder *f = &l->folders.v[l->next_status];
		if (f->is_listed && !f->has_status && !(f->list.attributes & IMAP_FOLDER_NOSELECT) &&
		    !is_selected(c, buf_str(&f->name)))
			break;
	}
	if (l->next_status == l->folders.n) {
		if (l->op.n_in_flight == 0)
			finish_list(c, l);
		return false;
	}
	if (l->op.n_in_flight >= STATUS_IN_FLIGHT || !may_send(c, 0))
		return false;
	return send_status(c, &l->op, buf_str(&l->folders.v[l->next_status++].name));
}

static bool
list_next(struct imap *c, struct op *op)
{
	struct listing *l = (struct listing *)op;

	switch (op->step) {
	case LIST_STEP:
		return may_send(c, 0) && send_list(c, l);
	case LSUB_STEP:
		return may_send(c, 0) && send_lsub(c, l);
	default:
		/* Names first: who has no counts is known only at the end. */
		if (op->n_in_flight > 0 && l->next_status == 0)
			return false;
		return next_status(c, l);
	}
}

static bool
list_untagged(struct imap *c, struct op *op, const struct response *r)
{
	struct listing *l = (struct listing *)op;
	struct folder *f;

	switch (r->kind) {
	case RESPONSE_LIST:
		f = folder_named(l, r->name);
		if (f) {
			f->is_listed = true;
			f->list.attributes |= r->list.attributes;
			f->list.delimiter = r->list.delimiter;
		}
		return true;
	case RESPONSE_LSUB:
		f = folder_named(l, r->name);
		if (f)
			f->list.attributes |= IMAP_FOLDER_SUBSCRIBED;
		return true;
	case RESPONSE_STATUS:
		f = folder_named(l, r->name);
		if (f) {
			f->status = r->mailbox;
			f->has_status = true;
		}
		return false; /* who asked for this one alone waits for it, too */
	default:
		return false;
	}
}

static void
list_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	/* One mailbox's STATUS may fail; the list itself may not. */
	if (r->status != STATUS_OK && s->step == LIST_STEP)
		op_end_failed(c, op, r, "cannot list the mailboxes");
}

static void
list_release(struct op *op)
{
	struct listing *l = (struct listing *)op;

	for (size_t i = 0; i < l->folders.n; i++)
		buf_release(&l->folders.v[i].name);
	vec_release(&l->folders);
	map_release(&l->by_name, NULL);
}

static const struct op_type list_type = {
	.name = "list",
	.size_bytes = sizeof(struct listing),
	.next = list_next,
	.untagged = list_untagged,
	.tagged = list_tagged,
	.release = list_release,
};

void
imap_list(struct imap *c, uint64_t id)
{
	op_new(c, id, &list_type);
}

/* ---- STATUS of some ---------------------------------------------------------------- */

struct statuses {
	struct op op;
	VEC(char *) names;
	size_t next, n_answered;
};

static bool
statuses_next(struct imap *c, struct op *op)
{
	struct statuses *s = (struct statuses *)op;

	if (s->next == s->names.n) {
		if (op->n_in_flight == 0)
			op_end(c, op, NULL, STR_NONE);
		return false;
	}
	if (op->n_in_flight >= STATUS_IN_FLIGHT || !may_send(c, 0))
		return false;
	return send_status(c, op, str_c(s->names.v[s->next++]));
}

static bool
statuses_untagged(struct imap *c, struct op *op, const struct response *r)
{
	struct statuses *s = (struct statuses *)op;
	struct folder f = { .status = r->mailbox, .has_status = true };

	if (r->kind != RESPONSE_STATUS)
		return false;
	for (size_t i = 0; i < s->next; i++) {
		struct str name = str_c(s->names.v[i]); /* as it was asked for */
		f.name = (struct buf){ (char *)name.ptr, name.len, 0 };
		if (is_same_mailbox(r->name, name))
			tell_folder(c, op->id, &f);
	}
	return false; /* nor does it say whose it is */
}

/* For one mailbox the answer is the request's; of several some may be gone. */
static void
statuses_tagged(struct imap *c, struct op *op, const struct sent *sent, const struct response *r)
{
	struct statuses *s = (struct statuses *)op;

	if (r->status == STATUS_OK || s->names.n > 1)
		return;
	struct response gone = *r;
	if (r->code == CODE_NONE && r->status == STATUS_NO)
		gone.code = CODE_NONEXISTENT; /* few servers say it */
	op_end_failed(c, op, &gone, "cannot look at the mailbox");
}

static void
statuses_release(struct op *op)
{
	struct statuses *s = (struct statuses *)op;

	for (size_t i = 0; i < s->names.n; i++)
		free(s->names.v[i]);
	vec_release(&s->names);
}

static const struct op_type statuses_type = {
	.name = "status",
	.size_bytes = sizeof(struct statuses),
	.next = statuses_next,
	.untagged = statuses_untagged,
	.tagged = statuses_tagged,
	.release = statuses_release,
};

void
imap_status(struct imap *c, uint64_t id, const struct str *mailboxes, size_t n)
{
	struct statuses *s = op_new(c, id, &statuses_type);

	for (size_t i = 0; i < n; i++)
		vec_push(&s->names, str_dup(mailboxes[i]));
}

/* ---- CREATE, LOGOUT --------------------------------------------------------------------- */

struct simple {
	struct op op;
	struct buf mailbox; /* empty: LOGOUT */
};

static bool
simple_next(struct imap *c, struct op *op)
{
	struct simple *s = (struct simple *)op;
	struct command_text t;
	int n = s->mailbox.len > 0 ? 2 : 1;

	if (op->step >= n || op->n_in_flight > 0 || !may_send(c, 0))
		return false;
	op->step++;
	command_begin(c, &t);
	if (s->mailbox.len == 0) {
		c->is_leaving = true; /* the BYE is the answer */
		command_adds(&t, "LOGOUT");
	} else {
		command_adds(&t, op->step == 1 ? "CREATE " : "SUBSCRIBE ");
		command_mailbox(&t, buf_str(&s->mailbox));
	}
	return command_send(c, op, &t, &list_options);
}

static void
simple_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	bool is_create = ((struct simple *)op)->mailbox.len > 0 && s->step == 1;
	/* What there is already is as wanted. */
	bool is_there = r->status == STATUS_OK || r->code == CODE_ALREADYEXISTS ||
			str_icontains(r->text, STR("already exists"));

	if (is_create && !is_there)
		op_end_failed(c, op, r, "cannot make the mailbox");
	else if (!is_create) /* a subscription is a courtesy */
		op_end(c, op, NULL, STR_NONE);
}

static void
simple_release(struct op *op)
{
	buf_release(&((struct simple *)op)->mailbox);
}

static const struct op_type simple_type = {
	.name = "create",
	.size_bytes = sizeof(struct simple),
	.next = simple_next,
	.tagged = simple_tagged,
	.release = simple_release,
};

void
imap_create(struct imap *c, uint64_t id, struct str mailbox)
{
	struct simple *s = op_new(c, id, &simple_type);
	struct err err;

	buf_init(&s->mailbox);
	buf_addstr(&s->mailbox, mailbox);
	if (mailbox.len == 0) {
		err_set(&err, ERR_USER, "the mailbox name is empty");
		op_end(c, &s->op, &err, STR_NONE);
	}
}

void
imap_logout(struct imap *c, uint64_t id)
{
	struct simple *s = op_new(c, id, &simple_type);

	buf_init(&s->mailbox);
}
