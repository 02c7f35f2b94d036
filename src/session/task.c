/* Tasks: queued at their account, given to a worker, ended exactly once. */
#include "internal.h"

#include <stdlib.h>
#include <unistd.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"

#define MAX_CRASHES 2
#define CANCEL_MS 10000

struct task *
task_new(struct account *a, enum task_kind kind, struct box *box)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->id = session_id(a->session);
	t->kind = kind;
	t->account = a;
	t->box = box;
	t->fd = -1;
	vec_push(&a->tasks, t);
	return t;
}

static void
leave_worker(struct task *t)
{
	if (t->worker == NULL)
		return;
	vec_remove_item(&t->worker->running, t);
	t->worker->idle_since_ms = t->worker->session->now_ms;
	t->worker = NULL;
}

/* What was not installed is nobody's: it goes. */
static void
drop_file(struct task *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	if (t->tmp_path != NULL)
		unlink(t->tmp_path);
	free(t->tmp_path);
	t->tmp_path = NULL;
}

void
task_free(struct task *t)
{
	struct account *a = t->account;

	leave_worker(t);
	vec_remove_item(&a->tasks, t);
	drop_file(t);
	free(t->prefer);
	free(t->final_path);
	free(t->section);
	seqset_release(&t->uids);
	push_free(t->push);
	free(t);
}

struct task *
task_of(struct account *a, enum task_kind kind, const struct box *box)
{
	for (size_t i = 0; i < a->tasks.n; i++)
		if (a->tasks.v[i]->kind == kind && a->tasks.v[i]->box == box)
			return a->tasks.v[i];
	return NULL;
}

void
task_send(struct task *t, struct worker *w)
{
	struct buf set = BUF_INIT;

	t->worker = w;
	t->id = session_id(w->session); /* a repeated request is another one on the wire */
	vec_push(&w->running, t);
	switch (t->kind) {
	case TASK_OPEN:
		break;
	case TASK_READ:
	case TASK_PREFETCH:
	case TASK_PART:
		read_send(t, w);
		break;
	case TASK_PUSH:
	case TASK_PROBE:
		push_send(t, w);
		break;
	case TASK_UIDS:
		IPC_SEND(w->conn, W_FETCH_UIDS, w_fetch_uids, t->id, -1,
			 &(struct msg_w_fetch_uids){ 0 }, NULL);
		break;
	case TASK_FOLDERS:
		IPC_SEND(w->conn, W_LIST, w_list, t->id, -1, &(struct msg_w_list){ 0 }, NULL);
		break;
	case TASK_FILL: {
		seqset_print(&t->uids, &set);
		struct msg_w_fetch_rows m = { .uids = buf_str(&set) };
		IPC_SEND(w->conn, W_FETCH_ROWS, w_fetch_rows, t->id, -1, &m, NULL);
		break;
	}
	}
	buf_release(&set);
}

void
task_event(struct task *t, const struct ipc_frame *f)
{
	struct err err = ERR_INIT;

	switch (t->kind) {
	case TASK_READ:
	case TASK_PREFETCH:
	case TASK_PART:
		read_event(t, f);
		return;
	case TASK_PUSH:
	case TASK_PROBE:
		push_event(t, f);
		return;
	case TASK_FOLDERS:
		if (f->type == MSG_W_FOLDERS) {
			struct msg_w_folders m;
			if (msg_get_w_folders(f->payload, &m, &err) == 0)
				folders_store(t->account, &m);
		}
		return;
	default:
		return;
	}
}

void
task_end(struct task *t, enum err_kind kind, const char *text)
{
	switch (t->kind) {
	case TASK_OPEN: {
		struct box *b = t->box;
		struct worker *w = t->worker;
		task_free(t);
		if (kind == ERR_NONE)
			sync_opened(w, b);
		else
			sync_open_failed(w, b, kind, text);
		return;
	}
	case TASK_READ:
	case TASK_PREFETCH:
	case TASK_PART:
		read_end(t, kind, text);
		return;
	case TASK_PUSH:
	case TASK_PROBE:
		push_end(t, kind, text);
		return;
	case TASK_UIDS:
		if (kind == ERR_NONE)
			sync_uids_done(t);
		else
			fill_later(t->box);
		break;
	case TASK_FILL:
		if (kind == ERR_NONE)
			fill_slice_done(t);
		else if (kind == ERR_WAIT || kind == ERR_CANCELED)
			fill_later(t->box);
		else
			fill_slice_failed(t, kind);
		break;
	case TASK_FOLDERS:
		break;
	}
	task_free(t);
}

void
task_lost(struct task *t, enum err_kind kind, const char *why, bool was_crash)
{
	leave_worker(t);
	if (t->is_canceled)
		kind = ERR_CANCELED;
	t->n_crashes += was_crash || kind == ERR_WAIT;
	if (was_crash && (t->kind == TASK_PREFETCH || (t->kind == TASK_READ && t->n_crashes > 1)))
		read_set_aside(t);
	switch (t->kind) {
	case TASK_READ:
	case TASK_PART:
	case TASK_PREFETCH:
		/* A request that kills two workers is not tried a third time by itself. */
		if (t->is_canceled || t->n_crashes >= MAX_CRASHES || t->kind == TASK_PREFETCH) {
			struct err err = ERR_INIT;
			err_set(&err, kind == ERR_CANCELED ? ERR_CANCELED : ERR_WAIT, "%s", why);
			client_failed(t->client, t->client_id, &err);
			task_free(t);
			return;
		}
		if (t->kind != TASK_PART)
			drop_file(t);
		t->has_text = false;
		return;
	case TASK_PUSH:
	case TASK_PROBE:
		push_lost(t, why, was_crash);
		return;
	case TASK_FILL:
		if (was_crash)
			fill_slice_failed(t, ERR_REFUSED); /* never again */
		else
			t->box->wants_fill = true;
		task_free(t);
		return;
	case TASK_OPEN: {
		struct box *b = t->box;
		task_free(t);
		if (was_crash && ++b->n_open_crashes >= MAX_CRASHES)
			sync_open_failed(NULL, b, ERR_REFUSED, why);
		return;
	}
	case TASK_FOLDERS:
		t->account->folders_ms = 0;
		task_free(t);
		return;
	case TASK_UIDS:
		if (was_crash)
			fill_later(t->box);
		task_free(t);
		return;
	}
}

void
task_cancel(struct task *t)
{
	struct err err = ERR_INIT;

	t->is_canceled = true;
	if (t->worker == NULL) {
		err_set(&err, ERR_CANCELED, "canceled");
		client_failed(t->client, t->client_id, &err);
		task_free(t);
		return;
	}
	t->cancel_by_ms = t->account->session->now_ms + CANCEL_MS;
	struct msg_cancel m = { .request = t->id };
	IPC_SEND(t->worker->conn, CANCEL, cancel, 0, -1, &m, NULL);
}
