/* The interface program: one loop, one poll() over the terminal, the manager, the
 * renderers, the rc's commands, child processes and signals. */
#ifndef TERN_TERN_INTERNAL_H
#define TERN_TERN_INTERNAL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "tern/base/buf.h"
#include "tern/base/vec.h"
#include "tern/cmd.h"
#include "tern/ipc.h"
#include "tern/session.h"
#include "tern/ui.h"

#define MAX_FDS 64

/* ---- options.c: the command line ------------------------------------------------------- */

struct options {
	const char *mailbox; /* -f */
	const char *rc;	     /* -F */
	VEC(const char *) commands; /* -e */
	VEC(const char *) queries;  /* -Q */
	bool read_only, folders, only_if_new, only_if_any, all_variables;
	int debug_level;
};
/* -1: go on; else the exit status, and what was to be said has been. */
int options_read(struct options *o, int argc, char **argv);
void options_release(struct options *o);

/* ---- link.c: the manager ------------------------------------------------------------------ */

enum link_state { LINK_DOWN, LINK_GREETING, LINK_UP, LINK_FINISHING, LINK_REFUSED };

struct link {
	enum link_state state;
	struct ipc_conn *conn;
	char *state_dir;
	int64_t retry_ms; /* LINK_DOWN: when to try again; TICK_NEVER: not yet wanted */
	unsigned n_failures;
	int64_t up_ms;
	int64_t since_ms;   /* LINK_GREETING, LINK_FINISHING */
	bool has_told;	    /* that it lasts */
	uint32_t older_pid; /* LINK_FINISHING: whose end is awaited */
	bool is_of_window; /* somebody sits there: no batch use */
	bool has_left;	/* LEFT came */
	uint32_t n_left;
	char trouble[400]; /* why it is down */
};

bool link_send(void *ctx, enum msg_type type, uint64_t id, struct str payload);
void link_open(struct link *l, struct app *app, int64_t now_ms);
void link_turn(struct link *l, struct app *app, int64_t now_ms); /* try again, flush */
/* In a turn before app_turn(), which has what changed drawn. */
void link_tell_trouble(struct link *l, struct app *app, int64_t now_ms);
void link_ready(struct link *l, struct app *app, short revents, int64_t now_ms);
/* When link_turn() has something to do, if nothing happens before; TICK_NEVER. */
int64_t link_deadline(const struct link *l);
void link_tell_window(struct link *l);
void link_close(struct link *l);
/* LEAVE, and wait at most so long for what it says. */
void link_leave(struct link *l, struct app *app, int budget_ms);

/* ---- child.c: programs the user asked for -------------------------------------------------- */

struct capture {
	pid_t pid;
	int fd, error_fd;
	struct buf output, errors;
	char *command;
	bool is_stopped; /* wants the terminal */
	bool may_repeat; /* with the terminal, if gpg fails without */
	void (*done)(void *ctx, const struct buf *output, const char *trouble);
	void *done_ctx;
	bool has_ended;
	int status;
};

struct program;

struct children {
	struct program *program;
	struct ui_term **term;
	struct app *app;
	pid_t foreground; /* has the terminal, a capture or another; 0 none */
	bool is_lent; /* to a capture */
	bool waits_for_key, wait_key;
	VEC(struct capture *) captures;
};

void child_shell(void *ctx, const char *command, bool wait_key);
void child_capture(void *ctx, const char *command,
		   void (*done)(void *ctx, const struct buf *output, const char *trouble),
		   void *done_ctx);
void children_reap(struct children *c);
size_t children_poll(struct children *c, struct pollfd *fds, size_t max);
void children_polled(struct children *c, const struct pollfd *fds, size_t n);
/* The terminal's key behind "press any key". */
void children_key(struct children *c);
void children_free(struct children *c);

/* ---- signals.c ---------------------------------------------------------------------------------- */

/* Signals arrive as bytes; returns the descriptor to poll. */
int signals_open(void);
/* The next that came, 0 if none. */
int signals_next(void);
/* Stop as the user's ^Z does, until somebody continues us. */
void signals_stop(void);
/* SIGSEGV, SIGBUS, SIGABRT: give the terminal back and start anew, once, without
 * the stores. */
void crash_prepare(int argc, char **argv);
bool crash_is_restart(void);

/* ---- loop.c ------------------------------------------------------------------------------------------ */

struct program {
	struct app *app;
	struct link link;
	struct children children;
	struct ui_term *term; /* NULL in batch use */
	struct ui_screen *screen;
	int signal_fd;
	int64_t until_ms; /* batch use: a turn lasts no longer; 0: as long as nothing happens */
	bool must_repaint;
	bool must_draw;
	bool has_hung_up;
};

/* One turn: draw what is marked, wait, take what came. */
void program_turn(struct program *p);
void program_draw(struct program *p);
/* What commands ask for; ctx is the struct children, as for child_shell(). */
void program_suspend(void *ctx);
void program_repaint(void *ctx);
void program_bell(void *ctx);
void program_title(void *ctx, struct str text);

/* ---- batch.c ------------------------------------------------------------------------------------------ */

/* -Q, -D: print, exit status. */
int batch_variables(struct app *app, const struct options *o);
/* -z, -Z: is there something to read? *mailbox_out (may stay NULL) is what to open,
 * yours. 0 go on, else the exit status. */
int batch_look(struct program *p, const struct options *o, char **mailbox_out);

#endif
