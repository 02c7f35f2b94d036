/* Inside the reader: frames, children, jobs, overlays. */
#ifndef TERN_CONFIG_READER_H
#define TERN_CONFIG_READER_H

#include <sys/types.h>
#include "internal.h"

/* A text that is being read: a file, a command's output, a hook's command. */
struct frame {
	char *name;
	char *directory; /* of a file, with its slash; else NULL */
	bool is_source;	 /* `finish` ends it */
	bool is_regular;
	dev_t dev;
	ino_t ino;
	struct buf text;
	size_t at;
	int line_number; /* of what stands at `at` */
	struct line line;
	bool has_line;
	size_t resume_at; /* where to go on when the child has answered */
	const struct command *resume_command;
};

/* ---- a command that is being run (child.c) ---------------------------------------- */

enum child_kind { CHILD_TICK, CHILD_SOURCE };

struct child {
	enum child_kind kind;
	pid_t pid; /* -1 when it has been waited for */
	int pid_fd;
	int out_fd, err_fd;
	int status;
	bool is_late, is_canceled, is_too_long, wants_terminal;
	int64_t deadline_ms;
	int limit_ms;
	char *command;
	struct buf out, err_out;
	int line, column;
};

struct child *child_start(enum child_kind kind, struct str command, int64_t deadline_ms,
			  struct err *err);
/* Read what is there; true when it has ended, or has been ended. */
bool child_read(struct child *c, int64_t now_ms);
size_t child_poll(const struct child *c, struct pollfd *fds, size_t max);
void child_cancel(struct child *c);
/* What went wrong, as a sentence; true if its output is not to be used. */
bool child_problem(const struct child *c, struct buf *out);
void child_free(struct child *c); /* kills it; NULL is fine */

/* ---- jobs -------------------------------------------------------------------------- */

#define MAX_SOURCES 2000 /* in one go: two files that source a third twice, and so on */

struct overlay;

struct job {
	struct config_reader *r;
	struct config **target;
	struct overlay *overlay; /* what it works on; NULL: the globals */
	VEC(struct frame *) stack;
	VEC(struct frame *) queue;
	struct child *child;
	struct tick tick;
	size_t n_sources;
};

struct job *job_new(struct config_reader *r, struct config **target);
void job_free(struct job *j);
bool job_start(struct job *j); /* as far as it goes; true: it has ended */
void job_add_text(struct job *j, const char *name, struct str text, int line, int column);

void job_report(struct job *j, const char *file, int line, int column, bool is_warning,
		const char *text);
struct frame *job_top(const struct job *j);
struct frame *frame_new(const char *name);
void frame_free(struct frame *f);
bool exec_is_too_deep(struct exec *x); /* and it has been said */

struct config_reader {
	struct config_params params;
	struct config *config;
	VEC(struct job *) jobs;
	struct job *main;
	unsigned effects;
	uint64_t generation; /* of the globals: overlays made before are stale */
	size_t n_errors;
	struct map noted;
	struct map overlays; /* account NUL folder to struct overlay */
	struct map regexes;  /* of hooks */
};

void overlay_done(struct job *j); /* its hooks have run */
void overlays_release(struct config_reader *r);

#endif
