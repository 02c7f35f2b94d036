/* The configuration: reads muttrc text into an immutable struct config.
 *
 * Only the interface (tern, view, cmd) uses it. A struct config_reader owns what
 * has been set so far: it reads rc files, and later single command lines (`:`,
 * -e). What it has read is seen through a struct config, a snapshot that never
 * changes and is counted; after a change the reader gives another one, and tells
 * by effect flags what has to be done anew. Snapshots share what did not change.
 *
 * Nothing here blocks. A command in the rc (backticks, `source "cmd|"`) is a
 * child process: reading stops at that line, what was read so far can be used,
 * and goes on when config_run() is called after the child answered. A backtick
 * as the whole value of a *_pass variable is kept unevaluated.
 *
 * An error names file, line, column and what was expected; the rest is read.
 * Every variable and command that mutt or NeoMutt ever had is known: what does
 * not work here is accepted and told once by `note`.
 *
 * Files are bounded (16 MiB each, 1 MiB a logical line, 32 nested). */
#ifndef TERN_CONFIG_H
#define TERN_CONFIG_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/regex.h"
#include "tern/base/str.h"
#include "tern/key.h"

/* ---- options: the rows of defs/option.def --------------------------------- */

enum config_type {
	CONFIG_BOOL,	/* config_bool() */
	CONFIG_QUAD,	/* config_quad() */
	CONFIG_NUMBER,	/* config_number() */
	CONFIG_STRING,	/* config_string() for this and all below */
	CONFIG_PATH,	/* a file; ~ has been expanded */
	CONFIG_MAILBOX, /* also config_mailbox(): expanded to a URL */
	CONFIG_FORMAT,	/* % expandos */
	CONFIG_COMMAND, /* a shell command */
	CONFIG_REGEX,	/* also config_regex() */
	CONFIG_SORT,	/* also config_sort() */
	CONFIG_ENUM,	/* also config_enum() */
	CONFIG_SECRET,	/* config_secret() alone */
};

enum config_scope { CONFIG_GLOBAL, CONFIG_ACCOUNT, CONFIG_FOLDER };

/* What a change requires. */
enum config_effect {
	CONFIG_NONE = 0,
	CONFIG_REDRAW = 1 << 0,	   /* paint again; areas may have changed */
	CONFIG_RESORT = 1 << 1,	   /* orders and threads */
	CONFIG_REFORMAT = 1 << 2,  /* the lines of the message shown */
	CONFIG_RECONNECT = 1 << 3, /* account parameters go to the manager again */
	CONFIG_KEYS = 1 << 4,	   /* bindings and macros */
	CONFIG_COLORS = 1 << 5,
	CONFIG_MAILBOXES = 1 << 6, /* the list of mailboxes, $folder */
	CONFIG_HOOKS = 1 << 7, /* effective configurations: ask config_for() again */
};

enum config_option {
#define OPTION(name, ...) OPT_##name,
#include "tern/defs/option.def"
#undef OPTION
	OPT_N
};

struct config_choice {
	const char *name;
	int value;
};

struct config_row {
	const char *name;
	enum config_type type;
	enum config_scope scope;
	const char *deflt; /* as a string: "yes", "10", "ask-yes" */
	const char *help;  /* one sentence */
	unsigned effects;
	long min, max;				/* NUMBER */
	const struct config_choice *choices;	/* SORT and ENUM; ends with a NULL name */
	bool is_read_only;
};

extern const struct config_row config_rows[OPT_N];

/* The row of a name, or of a synonym; NULL if it is no option that works. */
const struct config_row *config_row_by_name(struct str name);
static inline enum config_option
config_row_option(const struct config_row *row)
{
	return (enum config_option)(row - config_rows);
}
const char *config_type_name(enum config_type type);

enum config_quad { CONFIG_NO, CONFIG_YES, CONFIG_ASK_NO, CONFIG_ASK_YES };

enum config_sort_method {
	CONFIG_SORT_DATE,
	CONFIG_SORT_RECEIVED,
	CONFIG_SORT_FROM,
	CONFIG_SORT_TO,
	CONFIG_SORT_SUBJECT,
	CONFIG_SORT_SIZE,
	CONFIG_SORT_SCORE,
	CONFIG_SORT_SPAM,
	CONFIG_SORT_LABEL,
	CONFIG_SORT_UNSORTED, /* mailbox-order */
	CONFIG_SORT_THREADS,
	/* of the folder list and the sidebar */
	CONFIG_SORT_ALPHA,
	CONFIG_SORT_COUNT,
	CONFIG_SORT_UNREAD,
	CONFIG_SORT_FLAGGED,
};

struct config_sort {
	enum config_sort_method method;
	bool is_reverse; /* reverse- */
	bool is_last;	 /* last-: by the last message of a thread */
};

enum config_use_threads { CONFIG_THREADS_UNSET, CONFIG_THREADS_FLAT, CONFIG_THREADS_YES,
			  CONFIG_THREADS_REVERSE };
enum config_background { CONFIG_BACKGROUND_AUTO, CONFIG_BACKGROUND_DARK, CONFIG_BACKGROUND_LIGHT };

/* ---- a snapshot ----------------------------------------------------------- */

struct config;

struct config *config_ref(const struct config *c);
void config_unref(struct config *c); /* NULL is fine */

/* The option must have that type: it is a bug otherwise. Strings are never NULL
 * and live as long as the snapshot. */
bool config_bool(const struct config *c, enum config_option o);
enum config_quad config_quad(const struct config *c, enum config_option o);
long config_number(const struct config *c, enum config_option o);
const char *config_string(const struct config *c, enum config_option o);
int config_enum(const struct config *c, enum config_option o);
struct config_sort config_sort(const struct config *c, enum config_option o);
/* NULL when it is empty or does not compile. Compiled at the first use. */
const regex_t *config_regex(const struct config *c, enum config_option o);
/* A mailbox option as config_expand() gives it; "" when not set. Append. */
void config_mailbox(const struct config *c, enum config_option o, struct buf *out);
/* A secret: false if not set. Either *text_out, or *command_out: a shell command
 * (run by sh -c) whose first line of output is the secret; the other is NULL. */
bool config_secret(const struct config *c, enum config_option o, const char **text_out,
		   const char **command_out);
/* Was it ever set by the user (to whatever value)? */
bool config_is_set(const struct config *c, enum config_option o);

/* Expand a mailbox name as typed: = and + by $folder, ! by $spoolfile, ~ by the
 * home directory. For an IMAP $folder the result is a URL with % escapes.
 * Names that need what config does not know (-, !!, ^, @) are given as they are. */
void config_expand(const struct config *c, struct str name, struct buf *out);
/* The other way: "=Archive" for a URL below $folder, else the URL without user. */
void config_abbreviate(const struct config *c, struct str url, struct buf *out);

/* A variable by name (options, what is known but does not work, my_ variables)
 * as `set name?` shows it: name="value". Secrets are not shown. -1: unknown. */
int config_show(const struct config *c, struct str name, struct buf *out, struct err *err);
/* All that differ from their default, one `set` line each. */
void config_show_changed(const struct config *c, struct buf *out);

/* Candidates for the word that ends before_cursor (a command line: commands,
 * variables, values, maps, colours). `note` is a line of help. *start_out: where
 * the word starts. */
void config_complete(const struct config *c, struct str before_cursor, size_t *start_out,
		     void (*each)(const char *text, const char *note, void *ctx), void *ctx);

/* ---- lists ---------------------------------------------------------------- */

/* bind, macro, unbind, unmacro: one row per map, in the order in which they were
 * given; apply them in that order upon the defaults. */
enum config_bind_kind {
	CONFIG_BIND,
	CONFIG_MACRO,
	CONFIG_UNBIND, /* n_keys 0: all of the map */
	CONFIG_UNMACRO,
};

struct config_bind {
	enum config_bind_kind kind;
	const char *map; /* "index"; "*" is every map */
	const uint32_t *keys;
	size_t n_keys;
	const char *text;	 /* BIND: the function's name ("noop" unbinds);
				    MACRO: what it types, for key_next() */
	const char *description; /* of a macro, "" if none */
};
const struct config_bind *config_binds(const struct config *c, size_t *n_out);

enum config_object {
#define OBJECT(sym, name, kind) CONFIG_COLOR_##sym,
#include "tern/defs/object.def"
#undef OBJECT
	CONFIG_COLOR_N
};

enum config_attr {
	CONFIG_ATTR_BOLD = 1 << 0,
	CONFIG_ATTR_ITALIC = 1 << 2,
	CONFIG_ATTR_UNDERLINE = 1 << 3,
	CONFIG_ATTR_REVERSE = 1 << 4,
	CONFIG_ATTR_BLINK = 1 << 5,
	CONFIG_ATTR_STANDOUT = 1 << 7,
	CONFIG_ATTR_NONE = 1 << 8, /* none: takes the others away */
};

/* Colours are 0..255, 0x1000000 | rgb, or: */
enum { CONFIG_COLOR_DEFAULT = -1, CONFIG_COLOR_UNSET = -2 /* mono */ };

/* In the order given; of rows for the same object the last that matches wins.
 * A second line for the same object and pattern took the place of the first. */
struct config_color {
	enum config_object object;
	int32_t fg, bg;
	unsigned attrs;
	bool is_mono;	     /* from `mono`: for terminals without colours */
	int group;	     /* the sub-match to colour, 0 the whole */
	const char *pattern; /* a regex (header, body, ...) or a pattern (index*); "" */
	const char *file;    /* where it was given, for a message */
	int line;
};
const struct config_color *config_colors(const struct config *c, size_t *n_out);
const char *config_object_name(enum config_object o);

struct config_mailbox {
	const char *url;   /* expanded by config_expand() */
	const char *label; /* of -label or named-mailboxes, "" if none */
};
const struct config_mailbox *config_mailboxes(const struct config *c, size_t *n_out);

enum config_list {
	CONFIG_IGNORE,
	CONFIG_UNIGNORE,
	CONFIG_HDR_ORDER,
	CONFIG_ALTERNATIVE_ORDER,
	CONFIG_AUTO_VIEW,
	CONFIG_ALTERNATES, /* regular expressions, case does not matter */
	CONFIG_PUSHES, /* of a folder: keys to be typed whenever it is entered */
	CONFIG_N_LISTS
};
const char *const *config_list(const struct config *c, enum config_list list, size_t *n_out);

/* ignore, unignore: is a header field shown? `name` without colon. */
bool config_header_is_shown(const struct config *c, struct str name);
/* hdr_order: its place; those not named come behind, with the same number. */
int config_header_rank(const struct config *c, struct str name);

/* What setenv and unsetenv said: "NAME=value", or "NAME" that was taken away. Those
 * of the rc have been done to this process's environment; those of a hook not. */
const char *const *config_environment(const struct config *c, size_t *n_out);

/* A regex with mutt's rule for case: no capital letter in it, and case does not
 * matter, unless is_sensitive, within the limits of base/regex.h. Flags of regcomp() may
 * be added. USER on error. */
int config_compile(const char *text, bool is_sensitive, int regcomp_flags, regex_t *out,
		   struct err *err);

/* ---- reading -------------------------------------------------------------- */

struct config_error {
	const char *file; /* "command line", "hook of ..." where it is none; "": typed at the prompt */
	int line, column; /* from 1; column counts bytes; 0: does not apply */
	bool is_warning;  /* it was applied all the same */
	const char *text;
};
/* "FILE:LINE:COLUMN: text", as shown and logged; of the prompt the text alone. */
void config_error_add(struct buf *out, const struct config_error *e);

/* Any callback may be NULL. */
struct config_params {
	/* Does the function exist in this map ("*": in any)? What only mutt has is
	 * accepted with a note, what nobody has is an error. */
	bool (*is_function)(const char *map, struct str name, void *ctx);
	/* Is it a pattern? Else *err says what is wrong. */
	int (*check_pattern)(struct str pattern, struct err *err, void *ctx);
	void (*error)(const struct config_error *e, void *ctx);
	void (*note)(const char *text, void *ctx);    /* for the log, each once */
	void (*show)(const char *text, void *ctx);    /* echo, set x? */
	void (*push)(struct str keys, void *ctx);     /* push, exec; for key_next() */
	int64_t (*now_ms)(void *ctx);		      /* tick_ms() if NULL */
	int command_deadline_ms;		      /* 0: 30000 */
	const char *home;			      /* NULL: $HOME; borrowed */
	void *ctx;
};

struct config_reader;

struct config_reader *config_reader_new(const struct config_params *params);
void config_reader_free(struct config_reader *r); /* children are killed */

/* Queue a file, or text, to be read after what is queued already. A missing or
 * unreadable file is an error, returned at once. */
int config_read_file(struct config_reader *r, const char *path, struct err *err);
/* `name` stands for the file in errors: "command line". */
void config_read_text(struct config_reader *r, const char *name, struct str text);
/* A command line of the user's (`:`, <enter-command>): run at once, even while a
 * rc file waits for a command of its own. */
void config_command(struct config_reader *r, struct str text);
bool config_has_command(struct str name);
/* Read on as far as possible without waiting for a child longer than budget_ms
 * (0: not at all). True: nothing is left to do. */
bool config_run(struct config_reader *r, int budget_ms);
bool config_is_reading(const struct config_reader *r);
/* What to poll for while it is reading, and until when; then config_run(r, 0). */
size_t config_poll(const struct config_reader *r, struct pollfd *fds, size_t max,
		   int64_t *deadline_ms_out);
/* Do not wait for the command that holds the reading up: it is killed. */
void config_cancel(struct config_reader *r);
size_t config_n_errors(const struct config_reader *r); /* since the start, no warnings */

/* What the program knows better than the table of options while the user has not
 * set it: a default that depends on the terminal. */
void config_presume(struct config_reader *r, enum config_option o, const char *text);

/* The snapshot of now: borrowed, good until the next call of a config_read_,
 * config_run or config_for; config_ref() it to keep it. */
const struct config *config_now(struct config_reader *r);
/* Effects since the last call (enum config_effect), and forget them. */
unsigned config_take_effects(struct config_reader *r);

/* What holds for an account and one of its folders: the globals with the
 * matching account-hooks and then folder-hooks on top, in the order given.
 * Borrowed as config_now(); kept until something global changes. The folder is a
 * mailbox URL; NULL: the account alone. A hook may run a command: what it gives
 * comes later, with the effect CONFIG_HOOKS. */
const struct config *config_for(struct config_reader *r, const char *account_url,
				const char *folder_url);

/* The tables of ternrc(5), in roff, made from the tables here. */
void config_doc(struct buf *out);

/* ---- the URL of an account or mailbox ------------------------------------- */

struct account_url {
	bool is_tls;	/* imaps */
	bool has_port;	/* it was written */
	uint16_t port;	/* 993, 143 if not written */
	char *user;	/* decoded; NULL if none */
	char *password; /* decoded; NULL if none. A secret */
	char *host;
	char *mailbox; /* decoded UTF-8, no leading slash; "" for none */
};

/* imap://[user[:password]@]host[:port]/[mailbox], imaps://...; % escapes are
 * decoded; a bare @ in the user is fine. USER with a sentence otherwise. */
int account_url_parse(struct str text, struct account_url *out, struct err *err);
void account_url_release(struct account_url *u); /* wipes the password */
/* Append it without the password; with_user, with_mailbox as asked; the port only
 * where it is not the scheme's own. */
void account_url_add(struct buf *b, const struct account_url *u, bool with_user,
		     bool with_mailbox);
/* Append text with % escapes where a URL path needs them. */
void account_url_escape(struct buf *b, struct str text);
static inline bool
account_url_is(struct str text)
{
	return str_istarts(text, "imap://") || str_istarts(text, "imaps://");
}

#endif
