/* The screens: index, pager, folders, parts, lists of lines (help, message log,
 * activity), the sidebar, and the frame that puts them together.
 *
 * Views draw from what they are given (callbacks that hand out one row, line or
 * folder at a time) and hold nothing but where one is: cursor, scroll, search.
 * The cursor names a thing by its id, never a position: when rows come and go
 * it stays on its message. No view ever asks for all rows. All text goes through
 * the gate of ui.h. Used by cmd and tern. */
#ifndef TERN_VIEW_H
#define TERN_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/document.h"
#include "tern/row.h"
#include "tern/ui.h"

struct config;
struct pattern;
struct pattern_context;

/* ---- colours: mutt's objects ---------------------------------------------- */

enum view_color {
#define OBJECT(sym, name, kind) VIEW_##sym,
#include "tern/defs/object.def"
#undef OBJECT
	VIEW_N_COLORS
};

const char *view_color_name(enum view_color c);
int view_color_find(const char *name); /* -1 if there is none */

/* color body|header|status PATTERN: a regex and its group;
 * color index... PATTERN: a pattern. */
struct view_rule {
	enum view_color object; /* BODY, HEADER, STATUS, ATTACH_HEADERS; INDEX, INDEX_AUTHOR... */
	struct ui_style style;
	void *regex;	       /* regex_t, compiled; NULL for INDEX objects. Owned. */
	int group;	       /* 0: the whole match */
	struct pattern *pattern; /* owned */
};

enum view_background { VIEW_DARK, VIEW_LIGHT };

/* Everything that says how it looks; views read it and change nothing. */
struct view_look {
	struct ui_style colors[VIEW_N_COLORS]; /* TRANSPARENT where not set */
	struct ui_style warm;		       /* flagged rows, where nothing else says so */
	struct view_rule *rules;	       /* in the order of the rc file; owned */
	size_t n_rules;
	const char *index_format, *pager_format, *status_format, *folder_format, *attach_format,
		*sidebar_format, *date_format, *arrow; /* borrowed */
	const char *to_chars, *flag_chars, *status_chars;
	const char *hostname, *version;
	int menu_context, pager_context, search_context;
	int wrap_cols;	  /* $wrap: 0 the width, n columns, negative: margin on the right */
	int skip_quoted_offset;
	int sidebar_cols; /* $sidebar_width; 0: away */
	int pager_index_lines;
	const char *quote_regexp, *smileys; /* borrowed */
	int quoted_levels; /* that <toggle-quoted> leaves */
	bool sidebar_on_right, has_narrow_tree;
	bool has_help, status_on_top, has_arrow_cursor, has_ascii_chars;
	bool has_own_index_colors; /* the user's `color index` take the place of ours */
	bool menu_scroll, menu_move_off, pager_stop;
	bool smart_wrap, markers, tilde, hide_quoted;
	bool wrap_search;
	bool marks_old; /* ROW_RECENT tells new from old; else all unread is new */
	const char *sidebar_divider;
	int64_t now; /* for relative dates, set before each frame */
};

/* The built-in look: `colors` as ui_term_colors(). */
void view_look_init(struct view_look *look, enum view_background background, int colors);
void view_look_release(struct view_look *look);
/* Lay the user's `color` and `mono` lines and options over it. Rules that do not
 * compile are left out and told through `complain`. */
void view_look_configure(struct view_look *look, const struct config *config, int colors,
			 const struct pattern_context *context,
			 void (*complain)(void *ctx, const char *sentence), void *ctx);

/* ---- formats: mutt's expandos --------------------------------------------- */

/* One expando of a table. `put` appends its text; returns false if it is empty
 * or zero, which is what %?x? asks. */
struct format_expando {
	const char *name; /* "s", or two letters: "zs", "cr" */
	const char *help;
	bool (*put)(const void *ctx, struct buf *out);
	enum view_color color; /* VIEW_NORMAL: that of the line */
	/* What stands in front of it in the same field, in another colour: the thread
	 * tree; NULL: nothing. */
	bool (*lead)(const void *ctx, struct buf *out);
	enum view_color lead_color;
};

/* Text with the colours of its pieces. */
struct format_span {
	size_t start, len; /* bytes of text */
	enum view_color color;
};
struct format_line {
	struct buf text; /* safe: through utf8_add_safe */
	struct format_span *spans;
	size_t n_spans, cap_spans;
	int missing_cols; /* so many columns more, and nothing would have been cut */
	bool has_items;	  /* given: ` · ` parts items, which are cut as a whole */
};
void format_line_release(struct format_line *l);
void format_line_reset(struct format_line *l);

/* The dates that %{...} %[...] %(...) and %d show. */
struct format_dates {
	int64_t date, received; /* UTC seconds; 0: none */
	int zone_min;		/* of `date` at the sender's */
	int64_t now;
};

/* Expand `format` to exactly `cols` columns when it has a fill, at most else. */
void format_expand(const char *format, int cols, const struct format_expando *table,
		   const struct format_dates *dates, const void *ctx, struct format_line *out);
/* A short relative time: 10:42 today, Tue this week, 14 Nov this year, 2024-11. */
void format_when(struct buf *out, int64_t date, int64_t now);

/* ---- what every view has -------------------------------------------------- */

enum view_move {
	VIEW_NEXT, VIEW_PREVIOUS,	   /* entries */
	VIEW_NEXT_LINE, VIEW_PREVIOUS_LINE, /* scroll by lines */
	VIEW_NEXT_PAGE, VIEW_PREVIOUS_PAGE,
	VIEW_HALF_DOWN, VIEW_HALF_UP,
	VIEW_FIRST, VIEW_LAST,
	VIEW_PAGE_TOP, VIEW_PAGE_MIDDLE, VIEW_PAGE_BOTTOM,
	VIEW_CURRENT_TOP, VIEW_CURRENT_MIDDLE, VIEW_CURRENT_BOTTOM,
	VIEW_JUMP, /* to entry number n, from 1 */
};

struct view;
struct view_ops {
	const char *name; /* also of its map: "index", "pager", "browser", "attach", "generic" */
	/* What it shows has changed: find the cursor's thing again. */
	void (*apply)(struct view *v);
	void (*draw)(struct view *v, struct ui_area area, const struct view_look *look);
	void (*draw_status)(struct view *v, struct ui_area area, const struct view_look *look);
	/* n: how many (or which, for JUMP); false: already at the end, nothing moved. */
	bool (*move)(struct view *v, enum view_move how, int n);
	void (*close)(struct view *v);
};
/* The first member of each view. */
struct view {
	const struct view_ops *ops;
	int rows, cols; /* as drawn last */
};

void view_apply(struct view *v);
bool view_move(struct view *v, enum view_move how, int n);
void view_close(struct view *v); /* NULL is fine */

/* ---- index ---------------------------------------------------------------- */

/* A row of the list: the message, and what is known where it stands. */
struct view_row {
	struct row row;
	uint32_t number; /* in the mailbox or limit, from 1 */
	bool is_tagged;
	uint8_t to_me;	/* index into $to_chars: 0 not to me, 1 only me, 2 to, 3 cc, 4 from me,
			   5 a subscribed list, 6 reply-to me */
	bool is_from_me, is_to_list;
	uint8_t tree_depth; /* 0: a root */
	uint64_t tree_more; /* bit i: the ancestor at depth i+1 (or itself) has a later sibling */
	bool is_tree_broken; /* stands at its depth by subject alone, or its parent is not here */
	bool hides_subject; /* as its parent's */
	bool is_collapsed;
	uint32_t n_hidden;   /* messages of the collapsed thread below */
	bool hides_unread, hides_recent; /* one of them is unread; and has come just now */
	uint32_t n_thread;   /* messages in its thread: %e of %E */
	uint32_t thread_at;
	uint32_t n_attachments;
	int score;
	struct str elsewhere; /* name of the folder, for a row that lives in another */
	struct str mailbox;   /* %b */
};

/* Facts about the mailbox, for $status_format and the first lines. */
struct view_mailbox {
	struct str name;	/* %f: home/Inbox */
	struct str description; /* %D */
	uint32_t n_messages, n_new, n_old, n_unread, n_flagged, n_to_delete, n_tagged, n_postponed,
		n_mailboxes_with_new, n_shown;
	uint64_t size_bytes, shown_bytes;
	struct str limit;	/* %V, empty if none */
	struct str sort, sort_aux;
	bool is_read_only, is_changed, is_attach_only;
	bool is_read; /* one of its messages is, below some rows of the index */
	const char *empty; /* what an empty list says; NULL: "no messages" */
	struct str busy; /* "reading headers 18,400 of 92,113", "threading", "not saved" */
};

struct view_rows {
	uint32_t (*count)(void *ctx);
	/* The row at a place of the list, counted from 0. False: not there (yet); then a
	 * place-holder is drawn and the source knows that it is wanted. */
	bool (*at)(void *ctx, uint32_t ordinal, struct view_row *out);
	/* Where a message stands now; false: not in the list any more. */
	bool (*find)(void *ctx, uint64_t local, uint32_t *ordinal_out);
	void (*mailbox)(void *ctx, struct view_mailbox *out);
	/* Does a pattern of a colour rule match? NULL: the row alone decides. */
	bool (*matches)(void *ctx, const struct pattern *p, const struct view_row *row);
	void *ctx;
};

/* $status_format and its like without an index: at most 200 columns. */
void view_expand_status(const char *format, const struct view_mailbox *m,
			const struct view_look *look, struct format_line *out);
struct view *view_index_open(const struct view_rows *rows); /* copied */
/* The message under the cursor: 0 if the list is empty. */
uint64_t view_index_focus(const struct view *v);
uint32_t view_index_ordinal(const struct view *v);
/* Put the cursor on a message; false if it is not there. */
bool view_index_go(struct view *v, uint64_t local);
void view_index_go_ordinal(struct view *v, uint32_t ordinal);
/* What is on the screen, to be fetched first: ordinals [first, end). */
void view_index_window(const struct view *v, uint32_t *first_out, uint32_t *end_out);
/* The expandos of index_format, with their help. Ends with a NULL name. */
extern const struct format_expando view_index_expandos[];
extern const struct format_expando view_status_expandos[]; /* pager_format: the index's */
extern const struct format_expando view_folder_expandos[];
extern const struct format_expando view_sidebar_expandos[];
extern const struct format_expando view_attach_expandos[];

/* ---- pager ---------------------------------------------------------------- */

struct view_document {
	size_t (*count)(void *ctx); /* lines there now: grows while the text comes */
	/* Logical lines, wrapped here; NULL if it is not there. */
	const struct doc_line *(*at)(void *ctx, size_t i);
	/* All of the text is there. If not, what is under way ("fetching 18 of 64 KB"),
	 * and whether more is fetched only when asked for. */
	bool (*is_complete)(void *ctx);
	void (*progress)(void *ctx, struct buf *out, bool *more_on_request_out);
	/* The message it belongs to, for $pager_format; may be NULL or return false. */
	bool (*row)(void *ctx, struct view_row *out);
	/* Its mailbox, for the expandos of the status line; may be NULL. */
	void (*mailbox)(void *ctx, struct view_mailbox *out);
	void *ctx;
};

struct view *view_pager_open(const struct view_document *document); /* copied */
void view_pager_toggle_quoted(struct view *v);
bool view_pager_skip_quoted(struct view *v);
bool view_pager_skip_headers(struct view *v);
/* Regex, smart case; NULL text: search again. Wraps if $wrap_search. 1: found
 * and there, 2: after wrapping around, 0: not found, -1 and *err: a wrong regex. */
int view_pager_search(struct view *v, const char *regex, bool backwards, struct err *err);
void view_pager_toggle_search_color(struct view *v);
/* The end of what is there is on the screen; with an incomplete document: fetch more. */
bool view_pager_is_at_end(const struct view *v);
bool view_pager_is_at_top(const struct view *v);
/* The first logical line on the screen: kept when the document is rendered anew. */
size_t view_pager_line(const struct view *v);
void view_pager_go_line(struct view *v, size_t line);

/* ---- folders, sidebar ----------------------------------------------------- */

struct view_folder {
	uint64_t id;
	bool is_root;	   /* an account: name, url in `note` */
	uint8_t depth;	   /* below its root, from 0 */
	struct str name;   /* last part, decoded */
	struct str path;   /* as one types it: =Archive, or a URL */
	struct str account;
	uint32_t n_messages, n_new, n_unread, n_flagged;
	bool has_counts;   /* the server told */
	bool is_subscribed, is_selectable, has_children, is_open;
	bool is_current;   /* shown in the index now */
	struct str note;   /* quota, rights, trouble */
	char delimiter;
};

struct view_folders {
	uint32_t (*count)(void *ctx);
	bool (*at)(void *ctx, uint32_t i, struct view_folder *out);
	bool (*find)(void *ctx, uint64_t id, uint32_t *i_out);
	void *ctx;
};

struct view *view_folders_open(const struct view_folders *folders);
uint64_t view_folders_focus(const struct view *v);
bool view_folders_go(struct view *v, uint64_t id);
struct view *view_sidebar_open(const struct view_folders *folders);
/* Focus as view_folders; <sidebar-next-new>: */
bool view_sidebar_next_new(struct view *v, bool backwards, bool wraps);

/* ---- parts of a message --------------------------------------------------- */

struct view_part {
	uint64_t id;
	uint32_t number; /* from 1 */
	uint8_t depth;
	uint64_t tree_more; /* as in struct view_row */
	struct str name, description, type, charset, encoding, disposition;
	uint64_t size_bytes; /* decoded, about */
	bool is_tagged, is_to_delete, is_here, is_container;
	struct str state;    /* "not fetched", "1.2 of 3.4 MB", "saved" */
};

struct view_parts {
	uint32_t (*count)(void *ctx);
	bool (*at)(void *ctx, uint32_t i, struct view_part *out);
	struct str (*title)(void *ctx);
	void *ctx;
};

struct view *view_parts_open(const struct view_parts *parts);
uint32_t view_parts_focus(const struct view *v); /* its place; UINT32_MAX: none */

/* ---- lists of lines: help, message log, activity -------------------------- */

struct view_text_line {
	struct str text;
	uint64_t id; /* 0: nothing to do with it */
	enum view_color color;
	bool is_title;
	int indent; /* of what does not fit on the first line */
};

struct view_lines {
	const char *title;
	const char *map; /* "generic" */
	uint32_t (*count)(void *ctx);
	bool (*at)(void *ctx, uint32_t i, struct view_text_line *out);
	bool follows_end; /* a log: the newest line stays in view */
	void (*close)(void *ctx); /* may be NULL: the ctx is the view's */
	void *ctx;
};

struct view *view_lines_open(const struct view_lines *lines);
uint64_t view_lines_focus(const struct view *v);
/* Folded text, as <search> in a list. */
int view_lines_search(struct view *v, struct str text, bool backwards);

/* Help: a list of lines made from the tables. Copied. */
struct view_help_row {
	const char *section;  /* a title stands where it changes */
	const char *keys;     /* in words: "^D", "<Esc>t" */
	const char *function; /* NULL: a macro */
	const char *help;
};
struct view *view_help_open(const char *title, const struct view_help_row *rows, size_t n_rows);

/* ---- the frame ------------------------------------------------------------ */

enum view_message_kind { VIEW_MESSAGE_NONE, VIEW_MESSAGE_INFO, VIEW_MESSAGE_ERROR };

struct view_help_item {
	const char *keys;
	const char *label;
};

#define VIEW_WIDE_COLS 100 /* from here on there is a sidebar unasked */

/* What one screen consists of. Filled in by the main loop, drawn as a whole. */
struct view_frame {
	struct view *first;   /* index, folders, parts, lines: whatever is lowest */
	struct view *second;  /* pager above $pager_index_lines rows of `first`, or NULL */
	struct view *sidebar; /* NULL: away */
	const struct view_help_item *help;
	size_t n_help;
	enum view_message_kind message_kind;
	struct str message;  /* the last message; else: */
	struct str activity; /* what each account does */
	const struct ui_prompt *prompt;
};

/* Draw it all and set the cursor. Below 40 x 8: a sentence. */
void view_frame_draw(const struct view_frame *f, struct ui_screen *s, const struct view_look *look);

#endif
