/* Reading: texts fetched as skeletons, renderers started on them, attachments
 * written to files. The document goes straight from the renderer to the
 * interface that asked. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"
#include "tern/structure.h"

#define FIRST_TEXT (64 * 1024)
#define MAX_PREFETCH 4
#define PART_SUFFIX ".part"

/* ---- renderers -------------------------------------------------------------------------- */

static int
start_renderer(struct session *s, int file_fd, int *socket_out, struct err *err)
{
	int pair[2];

	if (ipc_pair(pair, err) < 0)
		return -1;
	const char *argv[] = { s->renderer_path, NULL };
	struct proc_fd fds[] = { { file_fd, 3 }, { pair[1], 4 } };
	pid_t pid = proc_start(argv, fds, ARRAY_LEN(fds), 0, err);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	*socket_out = pair[0];
	return 0;
}

static int
show(struct client *c, uint64_t id, uint64_t local, const struct text_state *text, struct err *err)
{
	struct session *s = c->session;
	char *path = store_text_path(s->store, local);
	int socket = -1, status = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		err_errno(err, errno, "cannot open the message's text");
	else if (start_renderer(s, fd, &socket, err) == 0) {
		struct msg_document m = { .local = local,
					  .complete = text->is_complete,
					  .have = text->have,
					  .total = text->total };
		status = IPC_SEND(c->conn, DOCUMENT, document, id, socket, &m, err);
		close(socket);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

/* ---- requests ----------------------------------------------------------------------------- */

struct where {
	struct box *box;
	uint32_t uid, size_bytes;
	struct text_state text;
	bool has_text, is_set_aside;
};

static int
look_up(struct session *s, uint64_t local, struct where *out, struct err *err)
{
	struct row row;
	uint32_t mailbox = 0;

	memset(out, 0, sizeof(*out));
	session_commit(s);
	struct store_view *v = store_begin(s->store, err);
	if (v == NULL)
		return -1;
	int found = store_row(v, local, &mailbox, &row, err);
	if (found == 0) {
		out->uid = row.uid;
		out->size_bytes = row.size_bytes;
		out->is_set_aside = (row.flags & ROW_BROKEN) != 0;
		out->has_text = store_text(v, local, &out->text, err) == 0;
	}
	store_end(v);
	if (found == 0 && out->has_text) {
		/* The cache may have been swept by hand, or the power failed before its file
		 * was on the disk. */
		char *path = store_text_path(s->store, local);
		struct stat st;
		out->has_text = stat(path, &st) == 0 && st.st_size > 0 &&
				(uint64_t)st.st_size >= out->text.text_end;
		free(path);
	}
	out->box = found == 0 ? box_get(s, mailbox) : NULL;
	if (found == 1)
		return err_set(err, ERR_GONE, "the message is no longer there");
	if (found == 0 && out->box == NULL)
		return err_set(err, ERR_GONE, "its mailbox is no longer there");
	return found;
}

static bool
is_enough(const struct where *at, bool wants_more, bool wants_whole)
{
	if (!at->has_text)
		return false;
	if (wants_whole)
		return at->text.is_whole;
	return !wants_more || at->text.is_complete;
}

void
read_request(struct client *c, uint64_t id, const struct msg_read *m)
{
	struct err err = ERR_INIT;
	struct where at;

	if (look_up(c->session, m->local, &at, &err) < 0) {
		client_failed(c, id, &err);
		return;
	}
	/* What is there is shown at once, also while more is fetched. */
	if (is_enough(&at, m->more != 0, m->whole != 0)) {
		if (show(c, id, m->local, &at.text, &err) < 0)
			client_failed(c, id, &err);
		else
			client_done(c, id, "");
		return;
	}
	if (at.box->account == NULL) {
		err_set(&err, ERR_WAIT, "no account is set up for this mailbox");
		client_failed(c, id, &err);
		return;
	}
	/* A prefetch under way becomes the reading itself. */
	struct account *a = at.box->account;
	for (size_t i = 0; i < a->tasks.n; i++) {
		struct task *t = a->tasks.v[i];
		if (t->kind == TASK_PREFETCH && t->local == m->local && !m->whole) {
			t->kind = TASK_READ;
			t->client = c;
			t->client_id = id;
			return;
		}
	}
	struct task *t = task_new(a, TASK_READ, at.box);
	t->client = c;
	t->client_id = id;
	t->local = m->local;
	t->prefer = str_dup(m->prefer);
	t->want_more = m->more != 0;
	t->want_whole = m->whole != 0;
	if (a->state == ACCOUNT_WAITING)
		session_notice(c->session, LOG_INFO, a->name, false,
			       "this message is not here yet, and there is no connection");
}

void
prefetch_request(struct client *c, uint64_t id, const struct msg_prefetch *m)
{
	struct ipc_reader r = { m->locals, false };
	size_t n = m->locals.len / 8;

	for (size_t i = 0; i < n && i < MAX_PREFETCH; i++) {
		struct where at;
		uint64_t local = ipc_get_u64(&r);
		if (look_up(c->session, local, &at, NULL) < 0 || at.has_text ||
		    at.is_set_aside || at.box->account == NULL)
			continue;
		bool is_under_way = false;
		for (size_t k = 0; k < at.box->account->tasks.n; k++)
			is_under_way |= at.box->account->tasks.v[k]->local == local;
		if (is_under_way)
			continue;
		struct task *t = task_new(at.box->account, TASK_PREFETCH, at.box);
		t->local = local;
		t->prefer = str_dup(m->prefer);
	}
	client_done(c, id, "");
}

/* ---- fetching a text ------------------------------------------------------------------------ */

/* The new file begins with what is there already, up to the end of the text. */
static int
copy_begin(struct session *s, uint64_t local, int to, uint64_t len, struct err *err)
{
	char *path = store_text_path(s->store, local);
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int status = from < 0 ? err_errno(err, errno, "cannot open the message's text") : 0;
	char block[65536];

	free(path);
	while (status == 0 && len > 0) {
		ssize_t n = read(from, block, len < sizeof(block) ? len : sizeof(block));
		if (n <= 0)
			status = err_set(err, ERR_DAMAGED, "the cached text is shorter than it was");
		else if (fs_write_all(to, block, (size_t)n, err) < 0)
			status = -1;
		else
			len -= (uint64_t)n;
	}
	if (from >= 0)
		close(from);
	return status;
}

static uint32_t
next_piece(const struct text_state *text)
{
	uint32_t have = text->have;

	/* Twice what is there: 64, 64, 128, 256 KiB ... 8 MiB at most. */
	return have < FIRST_TEXT ? FIRST_TEXT : have > 8u << 20 ? 8u << 20 : have;
}

static void
send_text(struct task *t, struct worker *w, const struct where *at)
{
	struct session *s = w->session;
	struct err err = ERR_INIT;
	struct buf structure = BUF_INIT;
	struct str cached = STR_NONE;
	bool goes_on = at->has_text && t->want_more && !t->want_whole && !at->text.is_whole;

	t->fd = store_text_create(s->writer, t->local, &t->tmp_path, &err);
	if (t->fd < 0 || (goes_on && copy_begin(s, t->local, t->fd, at->text.text_end, &err) < 0)) {
		client_failed(t->client, t->client_id, &err);
		task_free(t);
		return;
	}
	struct store_view *v = store_begin(s->store, NULL);
	if (v != NULL) {
		if (store_structure(v, t->local, &cached, NULL) == 0)
			buf_addstr(&structure, cached);
		store_end(v);
	}
	struct msg_w_fetch_text m = { .uid = at->uid,
				      .structure = buf_str(&structure),
				      .text_have = goes_on ? at->text.have : 0,
				      .max_octets = goes_on ? next_piece(&at->text) : FIRST_TEXT,
				      .size_bytes = at->size_bytes,
				      .prefer = str_c(t->prefer),
				      .whole = t->want_whole };
	IPC_SEND(w->conn, W_FETCH_TEXT, w_fetch_text, t->id, t->fd, &m, NULL);
	buf_release(&structure);
}

/* ---- attachments ------------------------------------------------------------------------------ */

/* Write beside the place it is for, under a name that nobody has: whatever else
 * lies there is not ours. A file that is there is not written over unless asked. */
static int
open_part_file(struct task *t, struct err *err)
{
	struct stat st;

	if (!t->may_overwrite && lstat(t->final_path, &st) == 0)
		return err_set(err, ERR_USER, "'%s' exists", t->final_path);
	char *path = xasprintf("%s.XXXXXX%s", t->final_path, PART_SUFFIX);
	t->fd = mkostemps(path, sizeof(PART_SUFFIX) - 1, O_CLOEXEC); /* 0600, O_EXCL */
	if (t->fd < 0) {
		free(path);
		return err_errno(err, errno, "cannot write '%s'", t->final_path);
	}
	t->tmp_path = path;
	return 0;
}

void
save_part_request(struct client *c, uint64_t id, const struct msg_save_part *m)
{
	struct err err = ERR_INIT;
	struct where at;

	if (m->path.len == 0 || m->path.ptr[0] != '/' || m->path.len > 4000 ||
	    str_find(m->path, '\0') >= 0)
		err_set(&err, ERR_USER, "that is not a path");
	else if (look_up(c->session, m->local, &at, &err) == 0 && at.box->account == NULL)
		err_set(&err, ERR_WAIT, "no account is set up for this mailbox");
	if (err.kind != ERR_NONE) {
		client_failed(c, id, &err);
		return;
	}
	struct task *t = task_new(at.box->account, TASK_PART, at.box);
	t->client = c;
	t->client_id = id;
	t->local = m->local;
	t->section = str_dup(m->section);
	t->final_path = str_dup(m->path);
	t->may_overwrite = m->overwrite != 0;
	if (open_part_file(t, &err) < 0) {
		client_failed(c, id, &err);
		task_free(t);
	}
}

static void
send_part(struct task *t, struct worker *w, const struct where *at)
{
	struct session *s = w->session;
	struct err err = ERR_INIT;
	struct arena arena = ARENA_INIT;
	struct structure structure;
	struct str data;
	struct msg_w_fetch_part m = { .uid = at->uid, .section = str_c(t->section) };
	bool is_found = false;
	struct store_view *v = store_begin(s->store, &err);

	if (v != NULL && store_structure(v, t->local, &data, NULL) == 0 &&
	    structure_get(data, &arena, &structure, NULL) == 0)
		for (size_t i = 0; i < structure.n_parts && !is_found; i++)
			if (str_eqc(structure.parts[i].section, t->section)) {
				m.encoding = structure.parts[i].encoding;
				m.size_octets = structure.parts[i].size_octets;
				is_found = true;
			}
	if (!is_found) {
		err_set(&err, ERR_GONE, "the message has no part %s", t->section);
		goto failed;
	}
	off_t have = lseek(t->fd, 0, SEEK_END);
	m.offset = have > 0 ? (uint64_t)have : 0;
	IPC_SEND(w->conn, W_FETCH_PART, w_fetch_part, t->id, t->fd, &m, NULL);
	if (v != NULL)
		store_end(v);
	arena_release(&arena);
	return;
failed:
	if (v != NULL)
		store_end(v);
	arena_release(&arena);
	client_failed(t->client, t->client_id, &err);
	task_free(t);
}

void
read_send(struct task *t, struct worker *w)
{
	struct err err = ERR_INIT;
	struct where at;

	if (look_up(w->session, t->local, &at, &err) < 0 || at.box != t->box) {
		if (err.kind == ERR_NONE)
			err_set(&err, ERR_RETRY, "the message was moved meanwhile: try again");
		client_failed(t->client, t->client_id, &err);
		task_free(t);
		return;
	}
	t->uid = at.uid;
	if (t->kind == TASK_PART)
		send_part(t, w, &at);
	else
		send_text(t, w, &at);
}

/* ---- what comes back ---------------------------------------------------------------------------- */

void
read_event(struct task *t, const struct ipc_frame *f)
{
	struct session *s = t->account->session;
	struct err err = ERR_INIT;

	if (f->type == MSG_PROGRESS && t->client != NULL) {
		struct msg_progress m;
		if (msg_get_progress(f->payload, &m, &err) == 0)
			IPC_SEND(t->client->conn, PROGRESS, progress, t->client_id, -1, &m, NULL);
	} else if (f->type == MSG_W_STRUCTURE) {
		struct msg_w_structure m;
		struct structure structure;
		struct arena arena = ARENA_INIT;
		if (msg_get_w_structure(f->payload, &m, &err) == 0 &&
		    structure_get(m.structure, &arena, &structure, &err) == 0 && m.uid == t->uid) {
			struct store_txn *txn = session_txn(s, &err);
			if (txn == NULL || store_put_structure(txn, t->local, m.structure, &err) < 0)
				session_store_failed(s, &err);
		}
		arena_release(&arena);
	} else if (f->type == MSG_W_TEXT) {
		struct msg_w_text m;
		if (msg_get_w_text(f->payload, &m, &err) == 0 && m.uid == t->uid &&
		    m.have <= m.total) {
			t->text = (struct text_state){ .have = m.have,
						       .total = m.total,
						       .text_end = m.text_end,
						       .is_complete = m.have == m.total,
						       .is_whole = m.is_whole != 0 };
			t->has_text = true;
		}
	}
}

static int
install_text(struct task *t, struct err *err)
{
	struct session *s = t->account->session;

	if (!t->has_text)
		return err_set(err, ERR_REFUSED, "the server did not send the message's text");
	close(t->fd);
	t->fd = -1;
	if (store_text_install(s->writer, t->local, t->tmp_path, err) < 0)
		return -1;
	free(t->tmp_path);
	t->tmp_path = NULL;
	struct store_txn *txn = session_txn(s, err);
	if (txn == NULL || store_put_text(txn, t->local, &t->text, err) < 0)
		return -1;
	session_touch(s, 0, true);
	return session_commit(s) < 0 ? err_set(err, ERR_SYSTEM, "the cache cannot be written") : 0;
}

/* rename() that never takes another file's place. */
static int
rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* Not every file system can; a second name is as good. */
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(from, to) < 0)
		return -1;
	unlink(from);
	return 0;
}

/* It is on the disk: its worker has seen to that. */
static int
install_part(struct task *t, struct err *err)
{
	int status = t->may_overwrite ? rename(t->tmp_path, t->final_path) :
					rename_new(t->tmp_path, t->final_path);
	if (status < 0)
		return err_errno(err, errno, "cannot write '%s'", t->final_path);
	free(t->tmp_path);
	t->tmp_path = NULL;
	return 0;
}

void
read_end(struct task *t, enum err_kind kind, const char *text)
{
	struct err err = ERR_INIT;

	if (kind != ERR_NONE)
		err_set(&err, kind, "%s", text);
	else if (t->kind == TASK_PART)
		install_part(t, &err);
	else if (install_text(t, &err) == 0 && t->client != NULL)
		show(t->client, t->client_id, t->local, &t->text, &err);
	if (err.kind == ERR_NONE)
		client_done(t->client, t->client_id, "");
	else
		client_failed(t->client, t->client_id, &err);
	task_free(t);
}

void
read_set_aside(struct task *t)
{
	struct session *s = t->account->session;
	struct err err = ERR_INIT;
	struct row row;
	uint32_t mailbox;
	uint64_t local;

	log_at(LOG_WARN, "read", "%s: message %u of %s is set aside", t->account->name, t->uid,
	       t->box->name.ptr);
	session_commit(s);
	struct store_view *v = store_begin(s->store, NULL);
	if (v == NULL)
		return;
	if (store_row(v, t->local, &mailbox, &row, NULL) == 0) {
		struct store_txn *txn = session_txn(s, &err);
		row.flags |= ROW_BROKEN;
		if (txn == NULL || store_put_row(txn, mailbox, &row, &local, &err) < 0)
			log_at(LOG_WARN, "read", "%s", err.text);
		session_touch(s, 1, true);
	}
	store_end(v);
}
