/* The terminal: cells, keys, prompt. It knows no mail.
 *
 * Used by the interface (tern, view, cmd) alone. What is drawn goes into a
 * struct ui_screen, a grid of cells in memory, which tests read as text; a
 * struct ui_term sends what changed to a real terminal. Text comes in through
 * ui_put() only: whatever its source, control and bidi characters become
 * visible stand-ins there, and every grapheme cluster takes its true width.
 * Nothing here waits: keys are fed from the main loop's poll(), a prompt is a
 * state and never a nested loop. Colours and bindings are handed in. */
#ifndef TERN_UI_H
#define TERN_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/key.h"

/* ---- styles --------------------------------------------------------------- */

enum ui_attr {
	UI_BOLD = 1 << 0,
	UI_DIM = 1 << 1,
	UI_ITALIC = 1 << 2,
	UI_UNDERLINE = 1 << 3,
	UI_REVERSE = 1 << 4,
	UI_BLINK = 1 << 5,
	UI_STRIKE = 1 << 6,
};

/* A colour: 0..255 of the palette, UI_RGB, or one of these. */
enum {
	UI_COLOR_DEFAULT = -1, /* the terminal's own */
	UI_COLOR_KEEP = -2,    /* what lies below: for ui_style_over() and ui_restyle() */
};
#define UI_RGB(r, g, b) (0x1000000 | (r) << 16 | (g) << 8 | (b))

struct ui_style {
	int32_t fg;
	int32_t bg;
	uint16_t attrs; /* enum ui_attr */
};

#define UI_PLAIN ((struct ui_style){ UI_COLOR_DEFAULT, UI_COLOR_DEFAULT, 0 })
#define UI_TRANSPARENT ((struct ui_style){ UI_COLOR_KEEP, UI_COLOR_KEEP, 0 })

/* `over` laid upon `under`: its colours where it has any, attributes of both. */
struct ui_style ui_style_over(struct ui_style under, struct ui_style over);
bool ui_style_eq(struct ui_style a, struct ui_style b);

/* ---- cells ---------------------------------------------------------------- */

struct ui_screen;

struct ui_screen *ui_screen_new(int rows, int cols);
void ui_screen_free(struct ui_screen *s);
void ui_screen_resize(struct ui_screen *s, int rows, int cols); /* blank afterwards */
int ui_screen_rows(const struct ui_screen *s);
int ui_screen_cols(const struct ui_screen *s);

/* A rectangle of a screen; positions in it count from 0, what lies outside is
 * cut off. Passed by value. */
struct ui_area {
	struct ui_screen *screen;
	int row, col, rows, cols;
};

struct ui_area ui_area_all(struct ui_screen *s);
struct ui_area ui_area_sub(struct ui_area a, int row, int col, int rows, int cols);

/* The gate: text from anywhere, at (row, col), cut at the right edge. Returns
 * the columns taken. A style's UI_COLOR_KEEP takes what the cell had. */
int ui_put(struct ui_area a, int row, int col, struct str text, struct ui_style style);
int ui_puts(struct ui_area a, int row, int col, const char *text, struct ui_style style);
/* Exactly `cols` columns: cut, or filled with blanks. */
void ui_put_cols(struct ui_area a, int row, int col, int cols, struct str text,
		 struct ui_style style);
void ui_fill(struct ui_area a, int row, int col, int cols, struct ui_style style);
void ui_clear(struct ui_area a, struct ui_style style);
/* Lay a style over cells that are there (an indicator, a search hit). */
void ui_restyle(struct ui_area a, int row, int col, int cols, struct ui_style style);
/* Where the terminal's cursor stands: always on the focused line or field. */
void ui_cursor(struct ui_area a, int row, int col);
/* True if at least 40 x 8; else draws a sentence that asks for more room. */
bool ui_has_room(struct ui_screen *s);

/* For tests and for printing the view as text: one line per row, blanks at the
 * end of a row cut off. */
void ui_screen_text(const struct ui_screen *s, struct buf *out);
void ui_screen_row_text(const struct ui_screen *s, int row, struct buf *out);
struct ui_style ui_screen_style(const struct ui_screen *s, int row, int col);
void ui_screen_cursor(const struct ui_screen *s, int *row_out, int *col_out);

/* ---- layout --------------------------------------------------------------- */

struct ui_layout_options {
	bool has_help;	    /* $help: key help in the first line */
	bool status_on_top; /* $status_on_top */
	int sidebar_cols;   /* $sidebar_width, 0 when away */
	bool sidebar_on_right;
	int index_rows;	    /* rows of index above the pager, 0 for none */
	bool has_second;    /* a pager (or preview) below the index rows */
	int message_rows;   /* at least 1 */
};

/* Areas that are away have no rows or no columns. Without a second view the
 * first takes all; with one, `first` has index_rows rows. */
struct ui_layout {
	struct ui_area help;
	struct ui_area sidebar; /* its last column is the divider; on the right its first */
	struct ui_area first, first_status;
	struct ui_area second, second_status;
	struct ui_area message; /* prompt, message or activity: the last line */
	struct ui_area body;	/* all between help and message: lists rise in it */
};

struct ui_layout ui_layout(struct ui_screen *s, const struct ui_layout_options *o);

/* ---- the terminal --------------------------------------------------------- */

struct ui_term;
struct ui_input;

struct ui_term_options {
	int in_fd, out_fd;     /* the terminal, or a pipe in tests */
	const char *term_name; /* NULL: $TERM */
	int rows, cols;	       /* 0: ask the terminal */
	bool without_colors;   /* $NO_COLOR and such */
	int escape_ms;	       /* how long a lone Escape waits for more; 0: 25 */
};

/* USER if the terminal cannot be used (unknown $TERM, cannot move its cursor). */
struct ui_term *ui_term_open(const struct ui_term_options *o, struct err *err);
void ui_term_close(struct ui_term *t); /* gives the terminal back; NULL is fine */
void ui_term_forget(struct ui_term *t); /* it has hung up: not a byte more is written */
int ui_term_colors(const struct ui_term *t); /* 0, 8, 16, 256, 1 << 24 */
/* Ask the terminal for its size: true if it changed (after SIGWINCH, resume). */
bool ui_term_size(struct ui_term *t, int *rows_out, int *cols_out);
/* Send what changed since the last time, and the cursor. */
void ui_term_draw(struct ui_term *t, struct ui_screen *s);
void ui_term_redraw(struct ui_term *t, struct ui_screen *s); /* all of it: <refresh> */
void ui_term_bell(struct ui_term *t);
void ui_term_title(struct ui_term *t, struct str title); /* where the terminal can */
/* Give the terminal to somebody else (an editor, the shell on ^Z), take it back. */
void ui_term_suspend(struct ui_term *t);
void ui_term_resume(struct ui_term *t);
bool ui_term_is_suspended(const struct ui_term *t);
/* Give the terminal back from a signal handler (async-signal-safe): once for
 * SIGSEGV, SIGBUS, SIGABRT. Uses the terminal opened last. */
void ui_term_emergency(void);
/* Read what is there on in_fd, never waiting (call when poll() says so), into
 * the input. GONE when the terminal hung up. */
int ui_term_read(struct ui_term *t, int64_t now_ms, struct err *err);
struct ui_input *ui_term_input(struct ui_term *t);

/* ---- keys from bytes ------------------------------------------------------ */

/* Decodes UTF-8, escape sequences (of terminfo and of xterm), Alt as Escape in
 * front, bracketed paste. Text that was pasted comes as one piece, never as
 * commands. */
enum ui_input_kind { UI_INPUT_NONE, UI_INPUT_KEY, UI_INPUT_PASTE };

struct ui_input *ui_input_new(int escape_ms);
void ui_input_free(struct ui_input *in);
/* A terminal's own sequence for a key. */
void ui_input_learn(struct ui_input *in, const char *sequence, uint32_t key);
void ui_input_feed(struct ui_input *in, struct str bytes, int64_t now_ms);
/* The next key; or a paste in *paste_out, good until the next call. */
enum ui_input_kind ui_input_next(struct ui_input *in, int64_t now_ms, uint32_t *key_out,
				 struct str *paste_out);
/* When ui_input_next() has something though nothing comes: TICK_NEVER if never. */
int64_t ui_input_deadline(const struct ui_input *in);

/* ---- keys to functions: bindings, macros ---------------------------------- */

#define UI_MAX_MAPS 32
#define UI_MAX_SEQUENCE 16

struct ui_keymap;

/* What a key sequence of a map means. */
struct ui_binding {
	const void *function;	   /* the caller's; NULL for a macro or noop */
	const char *macro;	   /* what it types, for key_next(); NULL for a function */
	const char *description;   /* may be NULL */
	bool is_noop;		   /* unbound on purpose: hides the fallback's */
};

struct ui_keymap *ui_keymap_new(void);
void ui_keymap_free(struct ui_keymap *km);
/* Keys not bound in `map` are looked for in `fallback` (generic); -1 for none. */
void ui_keymap_fallback(struct ui_keymap *km, int map, int fallback);
/* What is not bound in this map is text (the editor): of a sequence that leads
 * nowhere each letter counts; elsewhere all of it is dropped. */
void ui_keymap_takes_text(struct ui_keymap *km, int map);
/* Everything is copied but `function`. As in mutt a sequence that is a prefix of
 * another replaces it, and the other way round. */
void ui_keymap_bind(struct ui_keymap *km, int map, const uint32_t *keys, size_t n_keys,
		    const struct ui_binding *binding);
void ui_keymap_unbind(struct ui_keymap *km, int map, const uint32_t *keys, size_t n_keys);
void ui_keymap_unbind_all(struct ui_keymap *km, int map);
/* All of a map, in key order (not of its fallback). */
void ui_keymap_each(const struct ui_keymap *km, int map,
		    void (*each)(const uint32_t *keys, size_t n_keys,
				 const struct ui_binding *b, void *ctx),
		    void *ctx);
/* The shortest sequence bound to a function, its fallback included: 0 if none. */
size_t ui_keymap_find(const struct ui_keymap *km, int map, const void *function,
		      uint32_t keys_out[UI_MAX_SEQUENCE]);

/* The queue between input and functions. Typed keys go in at the end, macros
 * and `push` in front. */
struct ui_keys;

enum ui_keys_result {
	UI_KEYS_EMPTY,	  /* nothing to do, or in the middle of a sequence */
	UI_KEYS_FUNCTION, /* binding_out is what was asked for */
	UI_KEYS_UNBOUND,  /* key_out means nothing here (in the editor: a letter) */
	UI_KEYS_NAMED,	  /* <function> of a macro: its name is in name_out */
	UI_KEYS_LOOP,	  /* a macro that calls itself: the queue has been emptied */
};

struct ui_keys *ui_keys_new(void);
void ui_keys_free(struct ui_keys *q);
void ui_keys_type(struct ui_keys *q, uint32_t key); /* a real key: at the end */
/* In front, in order. */
void ui_keys_push(struct ui_keys *q, const uint32_t *keys, size_t n_keys);
/* The same for text in the notation of macros: keys, <functions>. */
void ui_keys_push_text(struct ui_keys *q, struct str text);
void ui_keys_flush(struct ui_keys *q); /* forget macros: after an error, as in mutt */
bool ui_keys_is_pending(const struct ui_keys *q); /* something from a macro waits */
/* This key alone has been typed, and others may follow. */
bool ui_keys_waits_behind(const struct ui_keys *q, uint32_t key);
bool ui_keys_in_sequence(const struct ui_keys *q); /* a prefix has been typed */
enum ui_keys_result ui_keys_next(struct ui_keys *q, const struct ui_keymap *km, int map,
				 const struct ui_binding **binding_out, uint32_t *key_out,
				 struct str *name_out);

/* ---- the prompt ----------------------------------------------------------- */

/* The editor's functions, with mutt's names and keys; bind them in the editor
 * map with `function` pointing at the row. */
struct ui_edit {
	const char *name;
	const char *keys; /* in the notation of the rc file, one blank between */
	const char *help;
	int id;
};
extern const struct ui_edit ui_edits[];
extern const size_t ui_n_edits;

/* One candidate of a completion; borrowed until the callback's next call. */
struct ui_candidate {
	struct str text; /* replaces what is being completed */
	struct str note; /* shown beside it: a count, a type, a line of help */
};

struct ui_prompt_spec {
	const char *label;   /* "Move to: " */
	const char *about;   /* lines to be read first, shown whole above it; may be NULL */
	const char *initial; /* may be NULL */
	const char *history; /* which list: "command", "pattern", "mailbox"; NULL: none */
	bool is_secret;	     /* shows nothing of what is typed, keeps no copy */
	const char *choices; /* "yna": one key answers, Enter is the first; NULL: a line */
	/* All may be NULL. `complete`: candidates for the text before the cursor; what
	 * lies before *start_out stays. Called after each change and on Tab; returns the
	 * number of candidates, get them with `candidate`. Must not wait: what comes
	 * later calls ui_prompt_candidates_changed(). */
	size_t (*complete)(void *ctx, struct str before_cursor, size_t *start_out);
	bool (*candidate)(void *ctx, size_t i, struct ui_candidate *out);
	bool lists_unasked; /* show the list while typing, not only after Tab */
	/* The text changed: live search, hits. Text for the right end may be set with
	 * ui_prompt_note(). */
	void (*changed)(void *ctx, struct str text);
	/* Enter: the text; dismissed: ptr NULL. The prompt is closed already, a new one
	 * may be opened from here. A choice gives one letter. */
	void (*done)(void *ctx, struct str text);
	void *ctx;
};

struct ui_prompt;

struct ui_prompt *ui_prompt_new(void); /* one per interface: keeps the histories */
void ui_prompt_free(struct ui_prompt *p);
/* One that is open is dismissed before. Strings of the spec are copied. */
void ui_prompt_open(struct ui_prompt *p, const struct ui_prompt_spec *spec);
void ui_prompt_dismiss(struct ui_prompt *p); /* calls done with ptr NULL */
bool ui_prompt_is_open(const struct ui_prompt *p);
bool ui_prompt_wants_key(const struct ui_prompt *p); /* a choice: no editor map */
/* What the editor map found, a key without binding, pasted text. */
void ui_prompt_edit(struct ui_prompt *p, const struct ui_edit *edit);
/* False: the key means nothing there. */
bool ui_prompt_key(struct ui_prompt *p, uint32_t key);
void ui_prompt_paste(struct ui_prompt *p, struct str text);
void ui_prompt_note(struct ui_prompt *p, struct str note);
void ui_prompt_candidates_changed(struct ui_prompt *p);
struct str ui_prompt_text(const struct ui_prompt *p);
/* In the message line, its list rising in `body`; sets the cursor. */
void ui_prompt_draw(const struct ui_prompt *p, struct ui_area message, struct ui_area body,
		    struct ui_style normal, struct ui_style prompt, struct ui_style chosen);
/* $history_file, $history, $save_history; secrets are never in it. */
void ui_prompt_set_history(struct ui_prompt *p, size_t max_entries);
int ui_prompt_load_history(struct ui_prompt *p, const char *path, struct err *err);
int ui_prompt_save_history(const struct ui_prompt *p, const char *path, size_t max_entries,
			   struct err *err);

#endif
