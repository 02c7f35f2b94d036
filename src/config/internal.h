/* Inside config: values, lists, the lexer, and what a command sees. */
#ifndef TERN_CONFIG_INTERNAL_H
#define TERN_CONFIG_INTERNAL_H

#include "tern/base/arena.h"
#include "tern/base/map.h"
#include "tern/base/vec.h"
#include "tern/config.h"

/* ---- tables (table.c) ----------------------------------------------------- */

struct known {
	const char *name;
	enum config_type type;
};
extern const struct known known_variables[];
extern const size_t n_known_variables;
struct synonym {
	const char *name;
	const char *of;
};
extern const struct synonym synonyms[];
extern const size_t n_synonyms;
extern const char *const known_commands[];
extern const size_t n_known_commands;
extern const char *const known_functions[];
extern const size_t n_known_functions;
extern const char *const map_names[]; /* ends with NULL */

/* A name that `set` may use: an option that works, one that is known, or a
 * my_ variable. `name` is the one to keep it by. */
struct variable {
	const struct config_row *row; /* NULL if it does not work here */
	const char *name;	      /* of the row, or of known.def; NULL for my_ */
	enum config_type type;
	bool is_negated; /* wrapmargin: the negative of wrap */
};
bool variable_find(struct str name, struct variable *out);
bool known_command(struct str name);
bool known_function(struct str name);
bool known_map(struct str name);

/* The closest of many names to a misspelt one, for "did you mean". */
struct closest {
	struct str wanted;
	const char *name; /* NULL: none is close */
	size_t distance;
};
void closest_try(struct closest *c, const char *name);
const char *closest_variable(struct str name);

/* ---- texts and values (value.c) ------------------------------------------- */

/* An immutable string, shared and counted; with the regex it makes, if asked. */
struct text {
	int refs;
	bool is_command; /* a secret not yet known: the command that tells it */
	bool is_secret;	 /* wiped when it goes */
	bool is_compiled, is_bad;
	regex_t *regex;
	size_t len;
	char s[];
};

struct text *text_new(struct str s);
struct text *text_ref(struct text *t);
void text_unref(struct text *t);
const regex_t *text_regex(struct text *t, bool is_sensitive);

struct value {
	long number; /* BOOL QUAD NUMBER ENUM, SORT packed */
	struct text *text;
	bool is_set;
};

/* Check and take `s` as a value of the row. */
int value_parse(const struct config_row *row, struct str s, const char *home,
		struct value *out, struct err *err);
void value_default(const struct config_row *row, struct value *out);
void value_show(const struct config_row *row, const struct value *v, struct buf *out);
struct config_sort sort_unpack(long number);
bool parse_bool(struct str s, bool *out);
void add_quoted(struct buf *out, const char *s); /* as it can be read again */

/* ---- lists and snapshots (snapshot.c) -------------------------------------- */

struct hook {
	bool is_account; /* else of a folder */
	bool is_negated;
	const char *regex;
	const char *command;
	const char *file;
	int line, column;
};

enum list_id {
	/* the string lists have the numbers of enum config_list */
	LIST_BINDS = CONFIG_N_LISTS,
	LIST_COLORS,
	LIST_MAILBOXES,
	LIST_HOOKS,
	LIST_ENVIRONMENT, /* strings too */
	N_LISTS
};

/* Counted; written only while one holds it. */
struct list {
	int refs;
	bool is_default; /* built in: the user's first word on it may replace it */
	enum list_id id;
	struct arena arena;
	size_t n, cap, size;
	unsigned char *items;
	size_t clean_bytes; /* of the arena when last compacted */
	size_t thin_at;	    /* binds: look for what no longer counts then */
};

struct vars {
	int refs;
	struct map map; /* name to struct text */
};

struct config {
	int refs;
	struct value values[OPT_N];
	struct list *lists[N_LISTS];
	struct vars *vars;
	const char *home; /* borrowed: lives as long as the process */
};

struct config *snapshot_new(const char *home);
struct config *snapshot_clone(const struct config *c);
/* For writing: the caller holds the only reference to *c afterwards. */
struct config *snapshot_own(struct config **c);
void snapshot_set(struct config *c, enum config_option o, struct value *take);

#define list_at(list, i, type) (((type *)(void *)(list)->items) + (i))
struct list *list_own(struct config *c, enum list_id id);
void list_add(struct list *l, const void *item); /* strings are copied */
void list_cut(struct list *l, size_t i);
void list_clear(struct list *l);
bool list_has_string(const struct list *l, struct str s); /* case does not matter */
bool list_add_string(struct list *l, struct str s); /* false: there are too many */
#define MAX_LIST 10000
bool list_cut_string(struct list *l, struct str s);

struct text *vars_get(const struct config *c, struct str name);
void vars_set(struct config *c, struct str name, struct text *take); /* NULL: remove */

/* The value of a variable for $name: a text to add, or a command not yet run.
 * False if there is no such variable. */
bool variable_expand(const struct config *c, struct str name, struct buf *out,
		     struct text **command_out);

/* Expand = + ! ~; false if it needs a $folder and there is none. */
bool mailbox_expand(const struct config *c, struct str name, struct buf *out);

/* ---- the lexer (lex.c) ------------------------------------------------------ */

enum token_flags {
	TOKEN_EQUAL = 1 << 0,	  /* ends at = too */
	TOKEN_CONDENSE = 1 << 1,  /* ^x is a control character */
	TOKEN_SPACE = 1 << 2,	  /* blanks belong to it: the rest of the command */
	TOKEN_TICK_VARS = 1 << 3, /* options are expanded in backticks: set */
	TOKEN_HOOK = 1 << 4,	  /* a backtick for a *_pass stays as it is */
	TOKEN_HASH = 1 << 5,	  /* #rrggbb is no comment */
};

/* A logical line and where its bytes came from. */
struct origin {
	size_t at; /* in the line, from here on: */
	int line, column;
};

struct line {
	struct buf text;
	size_t at;		  /* the lexer is here */
	VEC(struct origin) origins;
};

enum lex {
	LEX_OK,
	LEX_TICK,  /* a command must be run first: see struct tick */
	LEX_ERROR, /* *err says why */
};

/* A command in the line; its first line of output takes its place. */
struct tick {
	size_t start, end; /* in the line, with the backticks */
	bool is_quoted;
	struct buf command;
};

struct lexer {
	struct line *line;
	const struct config *config; /* for $name */
	struct tick *tick;	     /* filled for LEX_TICK */
	bool is_unterminated;	     /* a quote was not closed */
	struct str unknown;	     /* a $name that is nothing: it gave "" */
	size_t token_at;	     /* where the last token began */
};

void line_init(struct line *l);
void line_release(struct line *l);
void line_position(const struct line *l, size_t at, int *line_out, int *column_out);
void line_splice(struct line *l, size_t start, size_t end, struct str text);
/* Escape `text` so that the lexer reads it as it is (within double quotes too). */
void lex_escape(struct buf *out, struct str text);
void lex_blanks(struct lexer *x);
bool lex_more(struct lexer *x); /* is there another token in this command? */
enum lex lex_token(struct lexer *x, enum token_flags flags, struct buf *out, struct err *err);
void lex_skip_token(struct lexer *x);
void lex_skip_command(struct lexer *x); /* to the next ; nothing is evaluated */
/* A backtick, perhaps in double quotes, as the whole token at x: take it. */
bool lex_whole_tick(struct lexer *x, struct str *command_out);
/* $name, perhaps in double quotes, as the whole token: the name; takes nothing. */
bool lex_whole_variable(struct lexer *x, struct str *name_out, size_t *end_out);

/* ---- the reader (reader.c, set.c, commands.c ...) --------------------------- */

struct job;

struct exec {
	struct config_reader *r;
	struct job *job;
	struct lexer lex;
	struct config **target;
	const struct command *command;
	size_t resume_at; /* where to start again after a tick; set moves it on */
	bool has_pushed;  /* a command put more text on the stack */
};

/* What a command returns. */
enum done {
	DONE_OK,
	DONE_FAILED, /* reported already: the rest of the command is skipped */
	DONE_WAIT,   /* a child was started: begin again at resume_at */
};

struct command {
	const char *name;
	enum done (*run)(struct exec *x);
	int data;
	const char *syntax;
	const char *help;
};
extern const struct command commands[];
extern const size_t n_commands;
const struct command *command_find(struct str name);

const struct config *exec_config(const struct exec *x);
struct config *exec_own(struct exec *x);
struct list *exec_list(struct exec *x, enum list_id id);
void exec_effects(struct exec *x, unsigned effects);
bool exec_is_overlay(const struct exec *x);
const char *exec_file(const struct exec *x);

/* Reports at the last token; returns DONE_FAILED. */
enum done exec_error(struct exec *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void exec_warn(struct exec *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void exec_note_once(struct exec *x, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void exec_show(struct exec *x, const char *text);
void exec_push_keys(struct exec *x, struct str keys);
/* The next token into *out (reset first). DONE_OK, or what the command returns. */
enum done exec_token(struct exec *x, enum token_flags flags, struct buf *out);
/* As exec_token(); `what` is missing if there is none. */
enum done exec_need(struct exec *x, enum token_flags flags, const char *what, struct buf *out);
bool exec_more(struct exec *x);
/* Run text where we are, before the rest of the line. */
void exec_push_text(struct exec *x, struct str text, size_t from_at);
/* All tokens that are left, before anything is done with them. */
struct words {
	VEC(char *) all;
};
enum done exec_words(struct exec *x, enum token_flags flags, struct words *out);
void words_release(struct words *w);
enum done exec_start_source(struct exec *x, struct str command);
enum done exec_start_tick(struct exec *x); /* the lexer's */
enum done exec_push_file(struct exec *x, const char *path);
const char *exec_directory(struct exec *x, struct buf *buf); /* of the file being read */
void exec_finish_file(struct exec *x);
const struct config_params *exec_params(const struct exec *x);
/* Is it a function of this map? Tells what is only known, once. */
bool exec_check_function(struct exec *x, const char *map, struct str name);

enum done run_set(struct exec *x);
enum done run_bind(struct exec *x);
enum done run_macro(struct exec *x);
enum done run_unbind(struct exec *x);
enum done run_push(struct exec *x);
enum done run_exec(struct exec *x);
enum done run_color(struct exec *x);
enum done run_uncolor(struct exec *x);
enum done run_hook(struct exec *x);
enum done run_unhook(struct exec *x);

enum { SET_SET, SET_UNSET, SET_RESET, SET_TOGGLE };

/* ---- expanding (url.c) ------------------------------------------------------- */

/* Append a path with a leading ~ or ~user expanded. */
void path_expand(struct buf *out, struct str path, const char *home);

/* colour words, for completion */
extern const char *const color_words[];
const char *color_object_at(size_t i); /* NULL behind the last */

#endif
