/* What the files of view share: scrolling a list, drawing a formatted line, and
 * what the expandos of a format look at. */
#ifndef VIEW_INTERNAL_H
#define VIEW_INTERNAL_H

#include "tern/base/vec.h"
#include "tern/view.h"

/* ---- scroll.c: a cursor in a list, and which part of it is shown ------------ */

struct scroll {
	uint32_t top, cursor, count;
	int rows; /* as drawn last, and with which options: */
	int menu_context;
	bool menu_scroll, menu_move_off;
	/* Drawn above the pager: what to show behind it. */
	bool is_short;
	uint32_t tall_top;
};

/* Keep both within the list and the cursor on the screen. */
void scroll_fit(struct scroll *s, uint32_t count, int rows, const struct view_look *look);
/* The cursor stands elsewhere; what is shown moves as $menu_scroll says. */
bool scroll_move(struct scroll *s, enum view_move how, int n);
/* The list changed and the cursor's entry stands at `now`: keep it on its line. */
void scroll_follow(struct scroll *s, uint32_t now);
void scroll_keep_end(struct scroll *s);
void scroll_keep_start(struct scroll *s);
/* "all", "top", "bot", "34%" */
void scroll_percent(const struct scroll *s, struct buf *out);

/* ---- line.c ------------------------------------------------------------------ */

/* The look's style of an object, laid over `under`. */
struct ui_style view_style(const struct view_look *look, enum view_color c, struct ui_style under);
/* A formatted line over the whole width. `spans_over`: colours of spans apply. */
void view_draw_line(struct ui_area area, int row, const struct format_line *line,
		    struct ui_style style, const struct view_look *look);
/* The bar under the cursor; also puts the terminal's cursor there. */
void view_draw_indicator(struct ui_area area, int row, const struct view_look *look);
void view_draw_status_line(struct ui_area area, const struct format_line *line,
			   const struct view_look *look);
/* Take what fits in `cols` off the line, up to a space if there is one. */
struct str view_take_words(struct str *line, int cols);
/* Lines in an empty list. */
void view_draw_empty(struct ui_area area, const char *sentence, const struct view_look *look);
/* "│ └─▶": the tree of a row at `depth`. */
void view_add_tree(struct buf *out, uint8_t depth, uint64_t more, bool is_broken,
		   const struct view_look *look);
void view_add_count(struct buf *out, uint64_t n); /* 18,220 */

/* ---- what expandos look at ------------------------------------------------------ */

struct index_context {
	const struct view_look *look;
	const struct view_row *row;
	const struct view_mailbox *mailbox; /* may be NULL */
	const char *percent;		    /* for pager_format */
	int cols;			    /* of the line; 0: not told */
};

struct status_context {
	const struct view_look *look;
	const struct view_mailbox *mailbox;
	const char *percent;
	uint32_t at; /* place of the cursor, from 1 */
	uint32_t n_shown;
	bool is_tight; /* there was not room for all */
};

struct folder_context {
	const struct view_look *look;
	const struct view_folder *folder;
	uint32_t number;
};

struct part_context {
	const struct view_look *look;
	const struct view_part *part;
};

bool row_is_new(const struct view_row *row, const struct view_look *look);
/* It, or a message that is folded away under it. */
bool row_has_new(const struct view_row *row, const struct view_look *look);

#endif
