/* The grid of cells, and the gate through which all text enters it. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

#define MAX_CLUSTERS 4096
/* A cell never needs more of a text than this: the rest is cut before the gate. */
#define MAX_BYTES_PER_COLUMN 64

struct ui_style
ui_style_over(struct ui_style under, struct ui_style over)
{
	if (over.fg != UI_COLOR_KEEP)
		under.fg = over.fg;
	if (over.bg != UI_COLOR_KEEP)
		under.bg = over.bg;
	under.attrs |= over.attrs;
	return under;
}

bool
ui_style_eq(struct ui_style a, struct ui_style b)
{
	return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

struct ui_cell *
screen_cell(const struct ui_screen *s, int row, int col)
{
	return &s->cells[(size_t)row * (size_t)s->cols + (size_t)col];
}

static void
blank_all(struct ui_screen *s)
{
	for (int i = 0; i < s->rows * s->cols; i++)
		s->cells[i] = (struct ui_cell){ ' ', UI_PLAIN, 1 };
}

static void
forget_clusters(struct ui_screen *s)
{
	for (size_t i = 0; i < s->clusters.n; i++)
		free(s->clusters.v[i]);
	vec_reset(&s->clusters);
	map_release(&s->cluster_index, NULL);
	s->generation++;
}

static int
sane(int size)
{
	return size < 1 ? 1 : size > 4096 ? 4096 : size;
}

void
ui_screen_resize(struct ui_screen *s, int rows, int cols)
{
	s->rows = sane(rows);
	s->cols = sane(cols);
	free(s->cells);
	s->cells = xcalloc((size_t)s->rows * (size_t)s->cols, sizeof(*s->cells));
	s->cursor_row = s->cursor_col = 0;
	forget_clusters(s);
	blank_all(s);
}

struct ui_screen *
ui_screen_new(int rows, int cols)
{
	struct ui_screen *s = xcalloc(1, sizeof(*s));

	ui_screen_resize(s, rows, cols);
	return s;
}

void
ui_screen_free(struct ui_screen *s)
{
	if (s == NULL)
		return;
	forget_clusters(s);
	vec_release(&s->clusters);
	free(s->cells);
	free(s);
}

int
ui_screen_rows(const struct ui_screen *s)
{
	return s->rows;
}

int
ui_screen_cols(const struct ui_screen *s)
{
	return s->cols;
}

struct ui_area
ui_area_all(struct ui_screen *s)
{
	return (struct ui_area){ s, 0, 0, s->rows, s->cols };
}

static int
clamp(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

struct ui_area
ui_area_sub(struct ui_area a, int row, int col, int rows, int cols)
{
	int top = clamp(row, 0, a.rows), left = clamp(col, 0, a.cols);

	return (struct ui_area){ a.screen, a.row + top, a.col + left,
				 clamp(rows, 0, a.rows - top), clamp(cols, 0, a.cols - left) };
}

/* ---- clusters ------------------------------------------------------------- */

static uint32_t
intern(struct ui_screen *s, struct str cluster)
{
	uintptr_t known = (uintptr_t)map_get(&s->cluster_index, cluster);

	if (known == 0) {
		vec_push(&s->clusters, str_dup(cluster));
		known = s->clusters.n;
		map_set(&s->cluster_index, cluster, (void *)known);
	}
	return GLYPH_CLUSTER | (uint32_t)(known - 1);
}

/* Too many have been seen: keep those that stand on the screen. */
static void
collect_clusters(struct ui_screen *s)
{
	struct ui_screen old = *s;

	memset(&s->clusters, 0, sizeof(s->clusters));
	s->cluster_index = (struct map)MAP_INIT;
	for (int i = 0; i < s->rows * s->cols; i++) {
		struct ui_cell *c = &s->cells[i];
		if (c->glyph & GLYPH_CLUSTER)
			c->glyph = intern(s, str_c(old.clusters.v[c->glyph & ~GLYPH_CLUSTER]));
	}
	forget_clusters(&old);
	vec_release(&old.clusters);
	s->generation++;
}

static uint32_t
glyph_of(struct ui_screen *s, struct str cluster)
{
	uint32_t cp;
	size_t len = utf8_decode(cluster, &cp);

	if (len == cluster.len)
		return cp;
	if (s->clusters.n >= MAX_CLUSTERS)
		collect_clusters(s);
	return intern(s, cluster);
}

const char *
screen_glyph_text(const struct ui_screen *s, uint32_t glyph, char buf[8])
{
	static struct buf b; /* reused: every cell comes this way */

	if (glyph & GLYPH_CLUSTER)
		return s->clusters.v[glyph & ~GLYPH_CLUSTER];
	if (glyph < 0x80) {
		buf[0] = (char)glyph;
		buf[1] = '\0';
		return buf;
	}
	if (b.ptr == NULL)
		buf_init(&b);
	buf_reset(&b);
	utf8_add(&b, glyph);
	memcpy(buf, b.ptr, b.len + 1);
	return buf;
}

/* ---- writing -------------------------------------------------------------- */

/* A wide character of which one half is written over leaves a blank. */
static void
break_wide(struct ui_screen *s, int row, int col)
{
	struct ui_cell *c = screen_cell(s, row, col);

	if (c->cols == 0 && col > 0) {
		struct ui_cell *left = c - 1;
		left->glyph = c->glyph = ' ';
		left->cols = c->cols = 1;
	} else if (c->cols == 2) {
		c[1].glyph = c->glyph = ' ';
		c[1].cols = c->cols = 1;
	}
}

/* The common case of set_cell(), for a cell that is no half of a wide one. */
static inline bool
set_narrow(struct ui_cell *c, uint32_t glyph, struct ui_style style)
{
	if (c->cols != 1)
		return false;
	c->glyph = glyph;
	if (style.fg != UI_COLOR_KEEP)
		c->style.fg = style.fg;
	if (style.bg != UI_COLOR_KEEP)
		c->style.bg = style.bg;
	c->style.attrs = style.attrs;
	return true;
}

static void
set_cell(struct ui_screen *s, int row, int col, uint32_t glyph, int cols, struct ui_style style)
{
	for (int i = 0; i < cols; i++) {
		break_wide(s, row, col + i);
		struct ui_cell *c = screen_cell(s, row, col + i);
		c->style = ui_style_over((struct ui_style){ c->style.fg, c->style.bg, 0 }, style);
		c->glyph = i == 0 ? glyph : 0;
		c->cols = (uint8_t)(i > 0 ? 0 : cols);
	}
}

static bool
has_row(struct ui_area a, int row)
{
	return row >= 0 && row < a.rows && a.row + row < a.screen->rows;
}

int
ui_put(struct ui_area a, int row, int col, struct str text, struct ui_style style)
{
	static struct buf safe; /* reused: this is the innermost of all drawing */

	if (!has_row(a, row) || col < 0 || col >= a.cols)
		return 0;
	int start = col;
	if (safe.ptr == NULL)
		buf_init(&safe);
	buf_reset(&safe);
	utf8_add_safe(&safe, str_head(text, (size_t)(a.cols - col) * MAX_BYTES_PER_COLUMN));
	struct str rest = buf_str(&safe);
	while (rest.len > 0) {
		int cols;
		/* One ASCII character before another is a cluster of its own. */
		bool is_ascii = (unsigned char)rest.ptr[0] < 0x80 &&
				(rest.len == 1 || (unsigned char)rest.ptr[1] < 0x80);
		if (is_ascii && col < a.cols &&
		    set_narrow(screen_cell(a.screen, a.row + row, a.col + col),
			       (unsigned char)rest.ptr[0], style)) {
			col++;
			rest = str_from(rest, 1);
			continue;
		}
		size_t len = utf8_grapheme(rest, &cols);
		if (col + cols > a.cols)
			break;
		/* What has no width has nothing to stand on: soft hyphens, marks alone. */
		if (cols > 0)
			set_cell(a.screen, a.row + row, a.col + col,
				 glyph_of(a.screen, str_head(rest, len)), cols, style);
		col += cols;
		rest = str_from(rest, len);
	}
	return col - start;
}

int
ui_puts(struct ui_area a, int row, int col, const char *text, struct ui_style style)
{
	return ui_put(a, row, col, str_c(text), style);
}

void
ui_fill(struct ui_area a, int row, int col, int cols, struct ui_style style)
{
	if (!has_row(a, row))
		return;
	int end = clamp(col + cols, 0, a.cols);
	for (int at = clamp(col, 0, a.cols); at < end; at++)
		if (!set_narrow(screen_cell(a.screen, a.row + row, a.col + at), ' ', style))
			set_cell(a.screen, a.row + row, a.col + at, ' ', 1, style);
}

void
ui_put_cols(struct ui_area a, int row, int col, int cols, struct str text, struct ui_style style)
{
	struct ui_area field = ui_area_sub(a, row, col, 1, cols);
	int used = ui_put(field, 0, 0, text, style);

	ui_fill(field, 0, used, field.cols - used, style);
}

void
ui_clear(struct ui_area a, struct ui_style style)
{
	for (int row = 0; row < a.rows; row++)
		ui_fill(a, row, 0, a.cols, style);
}

void
ui_restyle(struct ui_area a, int row, int col, int cols, struct ui_style style)
{
	if (!has_row(a, row))
		return;
	int end = clamp(col + cols, 0, a.cols);
	for (int at = clamp(col, 0, a.cols); at < end; at++) {
		struct ui_cell *c = screen_cell(a.screen, a.row + row, a.col + at);
		c->style = ui_style_over(c->style, style);
	}
}

void
ui_cursor(struct ui_area a, int row, int col)
{
	a.screen->cursor_row = clamp(a.row + row, 0, a.screen->rows - 1);
	a.screen->cursor_col = clamp(a.col + clamp(col, 0, a.cols - 1), 0, a.screen->cols - 1);
}

bool
ui_has_room(struct ui_screen *s)
{
	if (s->cols >= 40 && s->rows >= 8)
		return true;
	struct ui_area all = ui_area_all(s);
	ui_clear(all, UI_PLAIN);
	ui_puts(all, 0, 0, "tern needs more room:", UI_PLAIN);
	ui_puts(all, 1, 0, "40 columns, 8 rows", UI_PLAIN);
	ui_cursor(all, 0, 0);
	return false;
}

/* ---- reading -------------------------------------------------------------- */

void
ui_screen_row_text(const struct ui_screen *s, int row, struct buf *out)
{
	size_t end = out->len;

	for (int col = 0; col < s->cols; col++) {
		const struct ui_cell *c = screen_cell(s, row, col);
		char one[8];
		if (c->cols == 0)
			continue;
		buf_adds(out, screen_glyph_text(s, c->glyph, one));
		if (c->glyph != ' ')
			end = out->len;
	}
	buf_truncate(out, end);
}

void
ui_screen_text(const struct ui_screen *s, struct buf *out)
{
	for (int row = 0; row < s->rows; row++) {
		ui_screen_row_text(s, row, out);
		buf_addc(out, '\n');
	}
}

struct ui_style
ui_screen_style(const struct ui_screen *s, int row, int col)
{
	return screen_cell(s, clamp(row, 0, s->rows - 1), clamp(col, 0, s->cols - 1))->style;
}

void
ui_screen_cursor(const struct ui_screen *s, int *row_out, int *col_out)
{
	*row_out = s->cursor_row;
	*col_out = s->cursor_col;
}
