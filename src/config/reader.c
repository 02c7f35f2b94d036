/* The reader: a stack of texts being read, the commands they wait for, and what
 * has been set so far. A job is one such stack: the rc files and -e are one, each
 * command line of the user's and each run of hooks has its own. What a command may
 * do meanwhile is in exec.c. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/tick.h"

#define MAX_FILE_BYTES (16u << 20)
#define MAX_LINE_BYTES (1u << 20)

/* ---- frames: a text being read --------------------------------------------------- */

struct frame *
frame_new(const char *name)
{
	struct frame *f = xcalloc(1, sizeof(*f));

	f->name = xstrdup(name);
	buf_init(&f->text);
	line_init(&f->line);
	f->line_number = 1;
	return f;
}

void
frame_free(struct frame *f)
{
	free(f->name);
	free(f->directory);
	buf_wipe(&f->text); /* it may hold a password */
	line_release(&f->line);
	free(f);
}

static void
take_physical_line(struct frame *f, struct str *out)
{
	struct str s = str_from(buf_str(&f->text), f->at);
	long end = str_find(s, '\n');
	size_t len = end < 0 ? s.len : (size_t)end;

	*out = str_head(s, len);
	f->at += len + (end >= 0);
	f->line_number++;
	if (str_ends(*out, "\r"))
		out->len--;
}

/* A line with those it goes on in: as in mutt a backslash at the end joins, in
 * comments too. Too long a line is passed over, and *is_too_long_out set. */
static bool
next_line(struct frame *f, bool *is_too_long_out)
{
	struct str piece;
	bool goes_on = true;

	*is_too_long_out = false;
	if (f->at >= f->text.len)
		return false;
	buf_reset(&f->line.text);
	vec_reset(&f->line.origins);
	f->line.at = 0;
	while (goes_on && f->at < f->text.len) {
		struct origin o = { f->line.text.len, f->line_number, 1 };
		take_physical_line(f, &piece);
		vec_push(&f->line.origins, o);
		goes_on = piece.len > 0 && piece.ptr[piece.len - 1] == '\\';
		piece.len -= goes_on;
		if (f->line.text.len + piece.len > MAX_LINE_BYTES)
			*is_too_long_out = true;
		else
			buf_addstr(&f->line.text, piece);
	}
	return true;
}

/* ---- jobs --------------------------------------------------------------------------- */

struct job *
job_new(struct config_reader *r, struct config **target)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->r = r;
	j->target = target;
	buf_init(&j->tick.command);
	vec_push(&r->jobs, j);
	return j;
}

static void
job_clear(struct job *j)
{
	child_free(j->child);
	j->child = NULL;
	for (size_t i = 0; i < j->stack.n; i++)
		frame_free(j->stack.v[i]);
	vec_reset(&j->stack);
	for (size_t i = 0; i < j->queue.n; i++)
		frame_free(j->queue.v[i]);
	vec_reset(&j->queue);
}

void
job_free(struct job *j)
{
	struct config_reader *r = j->r;

	vec_remove_item(&r->jobs, j);
	job_clear(j);
	vec_release(&j->stack);
	vec_release(&j->queue);
	buf_wipe(&j->tick.command);
	free(j);
}

void
job_add_text(struct job *j, const char *name, struct str text, int line, int column)
{
	struct frame *f = frame_new(name);
	struct origin o = { 0, line, column };

	buf_addstr(&f->line.text, text);
	vec_push(&f->line.origins, o);
	f->has_line = true;
	vec_push(&j->queue, f);
}

static bool
job_is_idle(const struct job *j)
{
	return j->stack.n == 0 && j->queue.n == 0 && j->child == NULL;
}

/* ---- files ------------------------------------------------------------------------------ */

static void
skip_bom(struct frame *f)
{
	if (str_starts(buf_str(&f->text), "\xef\xbb\xbf"))
		f->at = 3;
}

/* Read a file into a new frame. A FIFO must not hold us up: *is_fifo_out. */
static struct frame *
frame_of_file(const char *path, bool *is_fifo_out, struct err *err)
{
	struct stat st;

	*is_fifo_out = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, errno, "cannot read '%s'", path);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		err_set(err, ERR_USER, "'%s' is a directory, not a file of commands", path);
		return NULL;
	}
	if (S_ISFIFO(st.st_mode)) {
		close(fd);
		*is_fifo_out = true;
		return NULL;
	}
	struct frame *f = frame_new(path);
	if (fs_read_fd(fd, MAX_FILE_BYTES, &f->text, err) < 0) {
		err_prefix(err, "cannot read '%s'", path);
		close(fd);
		frame_free(f);
		return NULL;
	}
	close(fd);
	f->is_source = true;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->is_regular = S_ISREG(st.st_mode);
	const char *slash = strrchr(path, '/');
	f->directory = slash == NULL ? xstrdup(".") : xstrndup(path, (size_t)(slash - path) + 1);
	skip_bom(f);
	return f;
}

static char *
cat_command(const char *path)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "exec cat < '");
	for (const char *p = path; *p != '\0'; p++)
		buf_adds(&b, *p == '\'' ? "'\\''" : (char[]){ *p, '\0' });
	buf_addc(&b, '\'');
	return buf_take(&b);
}

enum done
exec_push_file(struct exec *x, const char *path)
{
	struct err err = ERR_INIT;
	bool is_fifo;

	if (exec_is_too_deep(x))
		return DONE_FAILED;
	struct frame *f = frame_of_file(path, &is_fifo, &err);
	if (is_fifo) {
		char *command = cat_command(path);
		enum done done = exec_start_source(x, str_c(command));
		free(command);
		return done;
	}
	if (f == NULL)
		return exec_error(x, "%s", err.text);
	for (size_t i = 0; i < x->job->stack.n; i++) {
		const struct frame *above = x->job->stack.v[i];
		if (f->is_regular && above->is_regular && above->dev == f->dev &&
		    above->ino == f->ino) {
			frame_free(f);
			return exec_error(x, "'%s' sources itself", path);
		}
	}
	vec_push(&x->job->stack, f);
	return DONE_OK;
}

/* ---- commands that are run ----------------------------------------------------------------- */

static int64_t
now(const struct config_reader *r)
{
	return r->params.now_ms != NULL ? r->params.now_ms(r->params.ctx) : tick_ms();
}

static enum done
start(struct exec *x, enum child_kind kind, struct str command)
{
	struct config_reader *r = x->r;
	struct err err = ERR_INIT;
	int limit_ms = r->params.command_deadline_ms > 0 ? r->params.command_deadline_ms : 30000;

	if (++x->job->n_sources >= MAX_SOURCES)
		return exec_error(x, "too many commands are run");
	x->job->child = child_start(kind, command, now(r) + limit_ms, &err);
	if (x->job->child == NULL)
		return exec_error(x, "%s", err.text);
	x->job->child->limit_ms = limit_ms;
	line_position(x->lex.line, x->lex.token_at, &x->job->child->line,
		      &x->job->child->column);
	return DONE_OK;
}

enum done
exec_start_source(struct exec *x, struct str command)
{
	if (exec_is_too_deep(x))
		return DONE_FAILED;
	return start(x, CHILD_SOURCE, command);
}

enum done
exec_start_tick(struct exec *x)
{
	enum done done = start(x, CHILD_TICK, buf_str(&x->job->tick.command));

	return done == DONE_OK ? DONE_WAIT : done;
}

/* mutt's: one line of the output, and unquoted it is read as if it stood there. */
static void
splice_output(struct job *j, struct str output)
{
	struct frame *f = job_top(j);
	struct buf text = BUF_INIT;
	struct str line;

	if (!str_next(&output, '\n', &line))
		line = STR_NONE;
	if (str_ends(line, "\r"))
		line.len--;
	/* $name in front must not grow by it; "" is nothing, in quotes and outside */
	if (j->tick.start > 0 && (ascii_is_alnum((unsigned char)f->line.text.ptr[j->tick.start - 1]) ||
				  f->line.text.ptr[j->tick.start - 1] == '_'))
		buf_adds(&text, "\"\"");
	if (j->tick.is_quoted)
		lex_escape(&text, line);
	else
		for (size_t i = 0; i < line.len; i++) {
			/* what a command prints runs no further command */
			if (line.ptr[i] == '`')
				buf_addc(&text, '\\');
			buf_addc(&text, line.ptr[i]);
		}
	line_splice(&f->line, j->tick.start, j->tick.end, buf_str(&text));
	f->line.at = f->resume_at;
	buf_wipe(&text);
}

static void
push_output(struct job *j, struct child *c)
{
	char *name = xasprintf("%s|", c->command);
	struct frame *f = frame_new(name);

	free(name);
	buf_addstr(&f->text, buf_str(&c->out));
	f->is_source = true;
	skip_bom(f);
	vec_push(&j->stack, f);
}

static void
give_up_line(struct job *j)
{
	struct frame *f = job_top(j);

	f->line.at = f->line.text.len;
	f->resume_command = NULL;
}

static void
finish_child(struct job *j)
{
	struct child *c = j->child;
	struct buf why = BUF_INIT;
	bool has_failed = child_problem(c, &why);

	if (has_failed)
		job_report(j, job_top(j)->name, c->line, c->column, false, why.ptr);
	else if (why.len > 0)
		job_report(j, job_top(j)->name, c->line, c->column, true, why.ptr);
	buf_release(&why);
	j->child = NULL;
	if (c->kind == CHILD_SOURCE && !has_failed)
		push_output(j, c);
	else if (c->kind == CHILD_SOURCE)
		; /* half a file may say the opposite of the whole */
	else if (has_failed)
		give_up_line(j);
	else
		splice_output(j, buf_str(&c->out));
	child_free(c);
}

/* ---- running ---------------------------------------------------------------------------------- */

static bool
find_command(struct exec *x, struct buf *name)
{
	struct closest c = { .wanted = buf_str(name) };

	x->command = command_find(buf_str(name));
	if (x->command != NULL)
		return true;
	if (known_command(buf_str(name))) {
		char *key = xasprintf("command %s", name->ptr);
		exec_note_once(x, key, "the command '%s' is not supported and does nothing",
			       name->ptr);
		free(key);
		return false;
	}
	for (size_t i = 0; i < n_commands; i++)
		closest_try(&c, commands[i].name);
	for (size_t i = 0; i < n_known_commands; i++)
		closest_try(&c, known_commands[i]);
	if (name->len > 60)
		buf_truncate(name, 60);
	if (c.name != NULL)
		exec_error(x, "unknown command '%s'; did you mean '%s'?", name->ptr, c.name);
	else
		exec_error(x, "unknown command '%s'", name->ptr);
	return false;
}

static enum done
read_command_name(struct exec *x)
{
	struct buf name = BUF_INIT;
	enum done done = exec_token(x, 0, &name);

	if (done == DONE_OK && !find_command(x, &name))
		done = DONE_FAILED;
	buf_release(&name);
	return done;
}

static void
check_end(struct exec *x)
{
	if (!exec_more(x))
		return;
	size_t at = x->lex.token_at = x->lex.line->at;
	struct str rest = str_from(buf_str(&x->lex.line->text), at), word = STR_NONE;
	str_next_word(&rest, &word);
	exec_error(x, "'%.*s' is too much: %s %s", (int)(word.len < 40 ? word.len : 40),
		   word.ptr ? word.ptr : "", x->command->name, x->command->syntax);
	lex_skip_command(&x->lex);
}

/* One command of the line; false when the line is done with. */
static bool
run_command(struct exec *x, struct frame *f, enum done *done_out)
{
	bool is_resumed = f->resume_command != NULL;

	*done_out = DONE_OK;
	x->command = f->resume_command;
	f->resume_command = NULL;
	x->resume_at = x->lex.line->at;
	if (x->command == NULL) {
		lex_blanks(&x->lex);
		while (x->lex.line->at < x->lex.line->text.len &&
		       x->lex.line->text.ptr[x->lex.line->at] == ';') {
			x->lex.line->at++;
			lex_blanks(&x->lex);
		}
		if (x->lex.line->at >= x->lex.line->text.len ||
		    x->lex.line->text.ptr[x->lex.line->at] == '#')
			return false;
		x->resume_at = x->lex.line->at;
		*done_out = read_command_name(x);
	}
	if (*done_out == DONE_OK) {
		size_t begin = x->resume_at;
		*done_out = x->command->run(x);
		/* `set` moves on; others are read again from their name. */
		if (*done_out == DONE_WAIT && (is_resumed || x->resume_at != begin))
			f->resume_command = x->command;
	}
	if (*done_out == DONE_WAIT)
		f->resume_at = x->resume_at;
	else if (*done_out == DONE_FAILED)
		lex_skip_command(&x->lex);
	else
		check_end(x);
	return true;
}

/* Until the line ends, waits, or puts something on the stack. */
static void
run_line(struct job *j, struct frame *f)
{
	struct exec x = { .r = j->r, .job = j, .target = j->target };
	size_t depth = j->stack.n;
	enum done done;

	x.lex.line = &f->line;
	x.lex.tick = &j->tick;
	while (j->stack.n == depth && j->child == NULL) {
		x.lex.config = *j->target;
		if (!run_command(&x, f, &done)) {
			f->has_line = false;
			return;
		}
		if (done == DONE_WAIT)
			return;
	}
}

static void
read_line(struct job *j, struct frame *f)
{
	bool is_too_long;

	if (!next_line(f, &is_too_long)) {
		vec_remove(&j->stack, j->stack.n - 1);
		frame_free(f);
		return;
	}
	if (is_too_long)
		job_report(j, f->name, f->line.origins.v[0].line, 1, false,
		       "the line is longer than a mebibyte: not read");
	else
		f->has_line = true;
}

/* Go on until it is idle (true) or waits for a child. */
bool
job_start(struct job *j)
{
	while (!job_is_idle(j)) {
		if (j->child != NULL) {
			if (!child_read(j->child, now(j->r)))
				return false;
			finish_child(j);
			continue;
		}
		if (j->stack.n == 0) {
			vec_push(&j->stack, j->queue.v[0]);
			vec_remove(&j->queue, 0);
		}
		struct frame *f = job_top(j);
		if (f->has_line)
			run_line(j, f);
		else
			read_line(j, f);
	}
	j->n_sources = 0;
	return true;
}

static bool
run_all(struct config_reader *r)
{
	bool is_done = true;

	for (size_t i = 0; i < r->jobs.n;) {
		struct job *j = r->jobs.v[i];
		if (!job_start(j)) {
			is_done = false;
			i++;
		} else if (j == r->main) {
			i++;
		} else if (j->overlay != NULL) {
			overlay_done(j);
		} else {
			job_free(j);
		}
	}
	return is_done;
}

bool
config_run(struct config_reader *r, int budget_ms)
{
	int64_t until_us = tick_us() + (int64_t)budget_ms * 1000;

	for (;;) {
		if (run_all(r))
			return true;
		int64_t left_us = until_us - tick_us();
		if (left_us <= 0)
			return false;
		struct pollfd fds[64];
		int64_t deadline;
		size_t n = config_poll(r, fds, ARRAY_LEN(fds), &deadline);
		int left_ms = (int)(left_us / 1000 + 1);
		int until_ms = tick_until(now(r), deadline);
		poll(fds, n, until_ms >= 0 && until_ms < left_ms ? until_ms : left_ms);
	}
}

bool
config_is_reading(const struct config_reader *r)
{
	for (size_t i = 0; i < r->jobs.n; i++)
		if (!job_is_idle(r->jobs.v[i]))
			return true;
	return false;
}

size_t
config_poll(const struct config_reader *r, struct pollfd *fds, size_t max,
	    int64_t *deadline_ms_out)
{
	size_t n = 0;

	*deadline_ms_out = TICK_NEVER;
	for (size_t i = 0; i < r->jobs.n; i++) {
		const struct child *c = r->jobs.v[i]->child;
		if (c == NULL) {
			if (!job_is_idle(r->jobs.v[i]))
				*deadline_ms_out = 0; /* just queued */
			continue;
		}
		n += child_poll(c, fds + n, max - n);
		if (c->deadline_ms < *deadline_ms_out)
			*deadline_ms_out = c->deadline_ms;
	}
	return n;
}

void
config_cancel(struct config_reader *r)
{
	for (size_t i = 0; i < r->jobs.n; i++)
		if (r->jobs.v[i]->child != NULL)
			child_cancel(r->jobs.v[i]->child);
}

/* ---- from outside -------------------------------------------------------------------------------- */

struct config_reader *
config_reader_new(const struct config_params *params)
{
	struct config_reader *r = xcalloc(1, sizeof(*r));

	if (params != NULL)
		r->params = *params;
	r->config = snapshot_new(r->params.home);
	r->main = job_new(r, &r->config);
	return r;
}

static void
free_regex(void *p)
{
	if (p == NULL)
		return;
	regfree(p);
	free(p);
}

void
config_reader_free(struct config_reader *r)
{
	if (r == NULL)
		return;
	overlays_release(r);
	while (r->jobs.n > 0)
		job_free(r->jobs.v[0]);
	vec_release(&r->jobs);
	config_unref(r->config);
	map_release(&r->noted, NULL);
	map_release(&r->regexes, free_regex);
	free(r);
}

int
config_read_file(struct config_reader *r, const char *path, struct err *err)
{
	bool is_fifo;
	struct frame *f = frame_of_file(path, &is_fifo, err);

	if (is_fifo) {
		char *command = cat_command(path);
		f = frame_new(path);
		buf_adds(&f->text, "source ");
		lex_escape(&f->text, str_c(command));
		buf_addc(&f->text, '|');
		free(command);
	}
	if (f == NULL)
		return -1;
	vec_push(&r->main->queue, f);
	return 0;
}

static struct frame *
frame_of_text(const char *name, struct str text)
{
	struct frame *f = frame_new(name);

	buf_addstr(&f->text, text.len <= MAX_FILE_BYTES ? text : STR_NONE);
	skip_bom(f);
	return f;
}

void
config_read_text(struct config_reader *r, const char *name, struct str text)
{
	vec_push(&r->main->queue, frame_of_text(name, text));
}

void
config_command(struct config_reader *r, struct str text)
{
	struct job *j = job_new(r, &r->config);

	vec_push(&j->queue, frame_of_text("", text));
	if (job_start(j))
		job_free(j);
}

const struct config *
config_now(struct config_reader *r)
{
	return r->config;
}

void
config_presume(struct config_reader *r, enum config_option o, const char *text)
{
	const struct value *old = &r->config->values[o];
	struct err err = ERR_INIT;
	struct value v;

	if (old->is_set || value_parse(&config_rows[o], str_c(text), r->config->home, &v, &err) < 0)
		return;
	if (v.number != old->number ||
	    (v.text != NULL && strcmp(v.text->s, old->text != NULL ? old->text->s : "") != 0)) {
		r->generation++;
		r->effects |= config_rows[o].effects;
		snapshot_set(snapshot_own(&r->config), o, &v);
	}
	text_unref(v.text);
}

unsigned
config_take_effects(struct config_reader *r)
{
	unsigned effects = r->effects;

	r->effects = 0;
	return effects;
}

size_t
config_n_errors(const struct config_reader *r)
{
	return r->n_errors;
}

void
config_error_add(struct buf *out, const struct config_error *e)
{
	/* Typed at the prompt: there it stands. */
	if (*e->file == '\0') {
		buf_adds(out, e->text);
		return;
	}
	buf_adds(out, e->file);
	if (e->line > 0)
		buf_addf(out, ":%d", e->line);
	if (e->line > 0 && e->column > 0)
		buf_addf(out, ":%d", e->column);
	buf_addf(out, ": %s", e->text);
}
