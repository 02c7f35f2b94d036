/* What a command of the language may do while it runs: read its words, complain at
 * its place in the file, change the configuration, and push more text to be read. */
#include "reader.h"

#include <stdarg.h>

#define MAX_NESTED 32

void
job_report(struct job *j, const char *file, int line, int column, bool is_warning, const char *text)
{
	struct config_reader *r = j->r;
	struct config_error e = { file, line, column, is_warning, text };

	if (!is_warning)
		r->n_errors++;
	if (r->params.error != NULL)
		r->params.error(&e, r->params.ctx);
}

static void
report_at(struct exec *x, bool is_warning, const char *fmt, va_list ap)
{
	char *text = xvasprintf(fmt, ap);
	int line, column;

	line_position(x->lex.line, x->lex.token_at, &line, &column);
	job_report(x->job, exec_file(x), line, column, is_warning, text);
	free(text);
}

enum done
exec_error(struct exec *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_at(x, false, fmt, ap);
	va_end(ap);
	return DONE_FAILED;
}

void
exec_warn(struct exec *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_at(x, true, fmt, ap);
	va_end(ap);
}

void
exec_note_once(struct exec *x, const char *key, const char *fmt, ...)
{
	struct config_reader *r = x->r;
	va_list ap;
	int line, column;

	if (map_set(&r->noted, str_c(key), r) != NULL || r->params.note == NULL)
		return;
	va_start(ap, fmt);
	char *text = xvasprintf(fmt, ap);
	va_end(ap);
	line_position(x->lex.line, x->lex.token_at, &line, &column);
	char *all = line > 0 ? xasprintf("%s:%d: %s", exec_file(x), line, text) :
			       xasprintf("%s: %s", exec_file(x), text);
	r->params.note(all, r->params.ctx);
	free(all);
	free(text);
}

const struct config *
exec_config(const struct exec *x)
{
	return *x->target;
}

bool
exec_is_overlay(const struct exec *x)
{
	return x->job->overlay != NULL;
}

struct config *
exec_own(struct exec *x)
{
	if (!exec_is_overlay(x))
		x->r->generation++;
	return snapshot_own(x->target);
}

struct list *
exec_list(struct exec *x, enum list_id id)
{
	return list_own(exec_own(x), id);
}

void
exec_effects(struct exec *x, unsigned effects)
{
	if (!exec_is_overlay(x))
		x->r->effects |= effects;
}

const struct config_params *
exec_params(const struct exec *x)
{
	return &x->r->params;
}

struct frame *
job_top(const struct job *j)
{
	return j->stack.v[j->stack.n - 1];
}

const char *
exec_file(const struct exec *x)
{
	return x->job->stack.n > 0 ? job_top(x->job)->name : "configuration";
}

const char *
exec_directory(struct exec *x, struct buf *buf)
{
	const struct job *j = x->job;

	for (size_t i = j->stack.n; i > 0; i--)
		if (j->stack.v[i - 1]->directory != NULL) {
			buf_adds(buf, j->stack.v[i - 1]->directory);
			return buf->ptr;
		}
	return NULL;
}

void
exec_show(struct exec *x, const char *text)
{
	if (!exec_is_overlay(x) && x->r->params.show != NULL)
		x->r->params.show(text, x->r->params.ctx);
}

/* A hook's keys are typed whenever its folder is entered, so they are kept. */
void
exec_push_keys(struct exec *x, struct str keys)
{
	if (exec_is_overlay(x)) {
		char *copy = str_dup(keys);
		list_add(exec_list(x, (enum list_id)CONFIG_PUSHES), &copy);
		free(copy);
	} else if (x->r->params.push != NULL) {
		x->r->params.push(keys, x->r->params.ctx);
	}
}

bool
exec_more(struct exec *x)
{
	return lex_more(&x->lex);
}

enum done
exec_token(struct exec *x, enum token_flags flags, struct buf *out)
{
	struct err err = ERR_INIT;

	buf_reset(out);
	switch (lex_token(&x->lex, flags, out, &err)) {
	case LEX_TICK:
		return exec_start_tick(x);
	case LEX_ERROR:
		exec_error(x, "%s", err.text);
		x->lex.line->at = x->lex.line->text.len; /* who knows where it should end */
		return DONE_FAILED;
	default:
		break;
	}
	if (x->lex.is_unterminated)
		exec_warn(x, "a quote is not closed before the end of the line");
	if (x->lex.unknown.len > 0) {
		char *key = xasprintf("$%.*s", STR_ARG(x->lex.unknown));
		exec_note_once(x, key, "'%s' is neither in the environment nor a variable", key);
		free(key);
	}
	if (memchr(out->ptr, '\0', out->len) != NULL)
		return exec_error(x, "a NUL byte has no place here");
	return DONE_OK;
}

enum done
exec_need(struct exec *x, enum token_flags flags, const char *what, struct buf *out)
{
	if (exec_more(x))
		return exec_token(x, flags, out);
	x->lex.token_at = x->lex.line->at;
	return exec_error(x, "'%s' needs %s here: %s %s", x->command->name, what, x->command->name,
			  x->command->syntax);
}

bool
exec_is_too_deep(struct exec *x)
{
	if (x->job->stack.n < MAX_NESTED && ++x->job->n_sources < MAX_SOURCES)
		return false;
	exec_error(x, x->job->stack.n >= MAX_NESTED ? "files and hooks are nested too deeply" :
						      "too many files are sourced");
	return true;
}

void
exec_push_text(struct exec *x, struct str text, size_t from_at)
{
	struct origin o = { .at = 0 };

	if (exec_is_too_deep(x))
		return;
	struct frame *f = frame_new(exec_file(x));
	line_position(x->lex.line, from_at, &o.line, &o.column);
	buf_addstr(&f->line.text, text);
	vec_push(&f->line.origins, o);
	f->has_line = true;
	vec_push(&x->job->stack, f);
}

void
exec_finish_file(struct exec *x)
{
	struct job *j = x->job;

	for (size_t i = j->stack.n; i > 0; i--) {
		struct frame *f = j->stack.v[i - 1];
		f->at = f->text.len;
		f->line.at = f->line.text.len;
		if (f->is_source)
			return;
	}
}
