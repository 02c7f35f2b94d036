/* What the files of ui share and nobody else sees. */
#ifndef UI_INTERNAL_H
#define UI_INTERNAL_H

#include "tern/base/map.h"
#include "tern/base/vec.h"
#include "tern/ui.h"

#define GLYPH_CLUSTER 0x80000000U /* the rest is an index into the clusters */

/* What stands in one column. */
struct ui_cell {
	uint32_t glyph; /* a code point, or GLYPH_CLUSTER | index */
	struct ui_style style;
	uint8_t cols; /* 1, 2, or 0: the right half of the one before */
};

struct ui_screen {
	int rows, cols;
	struct ui_cell *cells;
	int cursor_row, cursor_col;
	/* Clusters of more than one code point that occur on the screen. */
	VEC(char *) clusters;
	struct map cluster_index;
	unsigned generation; /* changes when the indexes do, and on a resize */
};

struct ui_cell *screen_cell(const struct ui_screen *s, int row, int col);
/* The glyph's UTF-8, terminated; `buf` holds a single code point. */
const char *screen_glyph_text(const struct ui_screen *s, uint32_t glyph, char buf[8]);

/* history.c */
struct history;
struct history *history_new(void);
void history_free(struct history *h);
void history_set_max(struct history *h, size_t max_entries);
void history_add(struct history *h, const char *class, struct str text);
size_t history_count(const struct history *h, const char *class);
/* 0 is the newest. */
const char *history_get(const struct history *h, const char *class, size_t i);
int history_load(struct history *h, const char *path, struct err *err);
int history_save(const struct history *h, const char *path, size_t max_entries,
		 struct err *err);

/* The names of the editor's functions, in the order of ui_edits[]. */
enum edit_id {
#define EDIT(sym, name, keys, help) EDIT_##sym,
#include "edit.def"
#undef EDIT
	EDIT_N
};

#endif
