/* The commands, and the state they work on: everything a user does. No poll()
 * and no terminal here; the main loop feeds keys and hands out a screen to draw
 * on, so that a test can do the same.
 *
 * A command is one row of a table: name, keys, where it applies, arguments, help,
 * function (src/cmd/<group>.c). Nothing waits: what takes time is a state, and the keys
 * go on. State changes mark; app_draw() draws. Used by tern alone. */
#ifndef TERN_CMD_H
#define TERN_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/config.h"
#include "tern/model.h"
#include "tern/ui.h"

struct app;

/* ---- the table ------------------------------------------------------------------ */

/* Where keys can be bound; the order is that of the manual. */
#define CMD_MAPS(M)                                                                  \
	M(INDEX, "index") M(PAGER, "pager") M(GENERIC, "generic") M(BROWSER, "browser") \
	M(ATTACH, "attach") M(EDITOR, "editor") M(ALIAS, "alias") M(AUTOCRYPT, "autocrypt") \
	M(COMPOSE, "compose") M(KEY_SELECT_PGP, "key_select_pgp")                    \
	M(KEY_SELECT_SMIME, "key_select_smime") M(MIX, "mix") M(PGP, "pgp")          \
	M(POSTPONE, "postpone") M(QUERY, "query") M(SMIME, "smime") M(CHOICE, "choice")
enum cmd_map {
#define MAP(sym, name) CMD_MAP_##sym,
	CMD_MAPS(MAP)
#undef MAP
	CMD_N_MAPS
};

enum cmd_flags {
	CMD_WRITES = 1 << 0, /* refused in a mailbox that is read-only */
	CMD_MOVES = 1 << 1,  /* goes ahead while a search is under way, and ends it */
	CMD_KEEPS_PREFIX = 1 << 2, /* does not use up <tag-prefix> */
};

struct cmd {
	const char *name;
	const char *keys; /* as in the rc, a blank between sequences; "" for none */
	unsigned maps;	  /* 1 << enum cmd_map */
	const char *args; /* what it asks for; NULL */
	const char *help; /* one line */
	void (*run)(struct app *app, const struct cmd *c);
	int arg;	/* what it hands to `run` */
	unsigned flags; /* enum cmd_flags */
};

/* All of them, group by group; NULL behind the last. */
const struct cmd *cmd_at(size_t i);
const char *cmd_group(size_t i);
const struct cmd *cmd_find(enum cmd_map map, struct str name);
/* A function that mutt has and we do not: what it would be for ("reply"). */
const char *cmd_missing(struct str name);
const char *cmd_map_name(enum cmd_map map);
int cmd_map_find(struct str name); /* -1 if there is none */
/* The tables of tern(1): commands and keys, as lines of man(7). */
void cmd_manual(struct buf *out);

/* ---- the state -------------------------------------------------------------------- */

/* What the main loop does for commands. All of it returns at once. */
struct cmd_host {
	/* Run a shell command with the terminal; `wait_key`: then wait for one. */
	void (*shell)(void *ctx, const char *command, bool wait_key);
	/* Run one without, and hand over its output (bounded), or NULL if it failed with
	 * nothing to show; the output is wiped afterwards. */
	void (*capture)(void *ctx, const char *command,
			void (*done)(void *done_ctx, const struct buf *output, const char *trouble),
			void *done_ctx);
	void (*suspend)(void *ctx);
	void (*repaint)(void *ctx); /* all of the terminal */
	void (*bell)(void *ctx);
	void (*title)(void *ctx, struct str text); /* of the terminal; may be NULL */
	void *ctx;
};

struct app_params {
	struct cmd_host host;
	struct model_params model;
	int colors;	 /* ui_term_colors() */
	bool read_only; /* -R */
	const char *history_file; /* NULL: none */
};

struct app *app_new(const struct app_params *params);
void app_free(struct app *app);
struct model *app_model(struct app *app);
struct config_reader *app_reader(struct app *app);

/* What the reader has read so far takes effect: call after each config_run(). */
void app_configure(struct app *app);
void app_set_colors(struct app *app, int colors);
/* Errors of the rc so far, one a line, for batch use. */
const char *app_config_errors(struct app *app);

/* Open the first mailbox: a name as typed, NULL for $spoolfile. An err of USER:
 * there is none, or it is no mailbox. */
int app_start(struct app *app, const char *mailbox, struct err *err);
/* Then: a screen that says so, and waits for one that is typed, or that the rest of the
 * configuration tells. False: there is nothing to wait for. */
bool app_start_without(struct app *app, const char *mailbox, const struct err *err);
/* Begin with the folder list (-y). */
void app_start_folders(struct app *app);
/* Accounts of what is configured, for batch use. */
void app_use_accounts(struct app *app);

struct model_question;
/* For batch use: a question that the configuration does not answer. trouble_out: what
 * became of the password command, or NULL. */
bool app_unanswered(struct app *app, struct model_question *out, const char **trouble_out);

void app_key(struct app *app, uint32_t key, int64_t now_ms);
void app_paste(struct app *app, struct str text);
/* A turn of the loop: commands from the keys, passes, news. True: draw. */
bool app_turn(struct app *app, int64_t now_ms);
/* When to turn though nothing comes; TICK_NEVER. */
int64_t app_deadline(const struct app *app, int64_t now_ms);
void app_draw(struct app *app, struct ui_screen *screen);
void app_redraw(struct app *app); /* mark all */

/* Words for the last line. */
void app_say(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_complain(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What is the matter with the manager; NULL when all is well. */
void app_set_trouble(struct app *app, const char *text);

/* The user wants to go. */
bool app_is_done(const struct app *app, int *status_out);
/* A signal wants it: as <exit>, without a question. */
void app_hang_up(struct app *app);

#endif
