/* HTML as text: a walk over the parser's tree that writes paragraphs, lists, quotes
 * and tables. It follows no link and loads nothing. */
#include <string.h>
#include "html.h"
#include "tern/base/utf8.h"

#define MAX_INDENT 40
#define LIST_INDENT 2

/* --- The walk --------------------------------------------------------------------- */

enum list_kind { LIST_NONE, LIST_BULLETS, LIST_NUMBERS };

/* An open element, and what held before it. */
struct level {
	const GumboNode *node;
	unsigned next_child;
	uint8_t style;
	int link, quote, indent, pre;
	const char *href;
	enum list_kind list;
	int number; /* of the next item */
};

struct cell {
	struct str text;
	struct doc_span *spans;
	size_t n_spans;
	bool ends_row;
};

struct html {
	struct out *out;
	struct arena arena;
	VEC(struct level) levels;

	/* the line being written */
	struct buf text;
	VEC(struct doc_span) spans;
	struct buf bullet; /* goes in front of the next text */
	int bullet_cols;   /* of the one that this line has */
	bool has_space;	   /* a blank, before the next character */
	bool wants_margin; /* an empty line, before the next line */

	/* what holds now */
	uint8_t style;
	int link, quote, indent, pre;
	const char *href; /* of the link we are in, until its text begins */

	const GumboNode *table; /* the data table we are in */
	bool is_in_cell;
	VEC(struct cell) cells;
	size_t first_link;
};

enum {
	IS_BLOCK = 1 << 0,
	HAS_MARGIN = 1 << 1 | IS_BLOCK,
	IS_DROPPED = 1 << 2,
	IS_PRE = 1 << 3,
	IS_QUOTE = 1 << 4,
	IS_ITEM = 1 << 5,
};

static const struct element {
	GumboTag tag;
	uint8_t flags;
	uint8_t style;
} elements[] = {
	{ GUMBO_TAG_ADDRESS, IS_BLOCK, 0 },
	{ GUMBO_TAG_ARTICLE, IS_BLOCK, 0 },
	{ GUMBO_TAG_ASIDE, IS_BLOCK, 0 },
	{ GUMBO_TAG_AUDIO, IS_DROPPED, 0 },
	{ GUMBO_TAG_B, 0, DOC_BOLD },
	{ GUMBO_TAG_BLOCKQUOTE, HAS_MARGIN | IS_QUOTE, 0 },
	{ GUMBO_TAG_BODY, IS_BLOCK, 0 },
	{ GUMBO_TAG_CANVAS, IS_DROPPED, 0 },
	{ GUMBO_TAG_CAPTION, IS_BLOCK, 0 },
	{ GUMBO_TAG_CENTER, IS_BLOCK, 0 },
	{ GUMBO_TAG_CITE, 0, DOC_ITALIC },
	{ GUMBO_TAG_CODE, 0, DOC_CODE },
	{ GUMBO_TAG_DD, IS_BLOCK, 0 },
	{ GUMBO_TAG_DEL, 0, DOC_STRIKE },
	{ GUMBO_TAG_DIV, IS_BLOCK, 0 },
	{ GUMBO_TAG_DL, HAS_MARGIN, 0 },
	{ GUMBO_TAG_DT, IS_BLOCK, DOC_BOLD },
	{ GUMBO_TAG_EM, 0, DOC_ITALIC },
	{ GUMBO_TAG_FIELDSET, IS_BLOCK, 0 },
	{ GUMBO_TAG_FIGCAPTION, IS_BLOCK, 0 },
	{ GUMBO_TAG_FIGURE, HAS_MARGIN, 0 },
	{ GUMBO_TAG_FOOTER, IS_BLOCK, 0 },
	{ GUMBO_TAG_FORM, IS_BLOCK, 0 },
	{ GUMBO_TAG_H1, HAS_MARGIN, DOC_HEADING | DOC_BOLD },
	{ GUMBO_TAG_H2, HAS_MARGIN, DOC_HEADING | DOC_BOLD },
	{ GUMBO_TAG_H3, HAS_MARGIN, DOC_HEADING | DOC_BOLD },
	{ GUMBO_TAG_H4, HAS_MARGIN, DOC_HEADING | DOC_BOLD },
	{ GUMBO_TAG_H5, HAS_MARGIN, DOC_HEADING | DOC_BOLD },
	{ GUMBO_TAG_H6, HAS_MARGIN, DOC_HEADING | DOC_BOLD },
	{ GUMBO_TAG_HEAD, IS_DROPPED, 0 },
	{ GUMBO_TAG_HEADER, IS_BLOCK, 0 },
	{ GUMBO_TAG_I, 0, DOC_ITALIC },
	{ GUMBO_TAG_IFRAME, IS_DROPPED, 0 },
	{ GUMBO_TAG_INS, 0, DOC_UNDERLINE },
	{ GUMBO_TAG_KBD, 0, DOC_CODE },
	{ GUMBO_TAG_LI, IS_BLOCK | IS_ITEM, 0 },
	{ GUMBO_TAG_MAIN, IS_BLOCK, 0 },
	{ GUMBO_TAG_MATH, IS_DROPPED, 0 },
	{ GUMBO_TAG_NAV, IS_BLOCK, 0 },
	{ GUMBO_TAG_NOFRAMES, IS_DROPPED, 0 },
	{ GUMBO_TAG_OL, HAS_MARGIN, 0 },
	{ GUMBO_TAG_P, HAS_MARGIN, 0 },
	{ GUMBO_TAG_PRE, HAS_MARGIN | IS_PRE, 0 },
	{ GUMBO_TAG_S, 0, DOC_STRIKE },
	{ GUMBO_TAG_SAMP, 0, DOC_CODE },
	{ GUMBO_TAG_SCRIPT, IS_DROPPED, 0 },
	{ GUMBO_TAG_SECTION, IS_BLOCK, 0 },
	{ GUMBO_TAG_SELECT, IS_DROPPED, 0 },
	{ GUMBO_TAG_STRIKE, 0, DOC_STRIKE },
	{ GUMBO_TAG_STRONG, 0, DOC_BOLD },
	{ GUMBO_TAG_STYLE, IS_DROPPED, 0 },
	{ GUMBO_TAG_SVG, IS_DROPPED, 0 },
	{ GUMBO_TAG_TABLE, HAS_MARGIN, 0 },
	{ GUMBO_TAG_TBODY, IS_BLOCK, 0 },
	{ GUMBO_TAG_TD, IS_BLOCK, 0 },
	{ GUMBO_TAG_TEMPLATE, IS_DROPPED, 0 },
	{ GUMBO_TAG_TEXTAREA, IS_DROPPED, 0 },
	{ GUMBO_TAG_TFOOT, IS_BLOCK, 0 },
	{ GUMBO_TAG_TH, IS_BLOCK, DOC_BOLD },
	{ GUMBO_TAG_THEAD, IS_BLOCK, 0 },
	{ GUMBO_TAG_TITLE, IS_DROPPED, 0 },
	{ GUMBO_TAG_TR, IS_BLOCK, 0 },
	{ GUMBO_TAG_TT, 0, DOC_CODE },
	{ GUMBO_TAG_U, 0, DOC_UNDERLINE },
	{ GUMBO_TAG_UL, HAS_MARGIN, 0 },
	{ GUMBO_TAG_VAR, 0, DOC_ITALIC },
	{ GUMBO_TAG_VIDEO, IS_DROPPED, 0 },
	{ GUMBO_TAG_XMP, HAS_MARGIN | IS_PRE, 0 },
};

static const struct element *
find_element(GumboTag tag)
{
	static const struct element other = { GUMBO_TAG_UNKNOWN, 0, 0 };

	for (size_t i = 0; i < ARRAY_LEN(elements); i++)
		if (elements[i].tag == tag)
			return &elements[i];
	return &other;
}

static const char *
attribute(const GumboNode *node, const char *name)
{
	const GumboAttribute *a = gumbo_get_attribute(&node->v.element.attributes, name);

	return a != NULL ? a->value : NULL;
}

static int
number_attribute(const GumboNode *node, const char *name, int otherwise)
{
	const char *value = attribute(node, name);
	int64_t n;

	if (value == NULL || !str_i64(str_trim(str_c(value)), &n) || n < -9999 || n > 999999)
		return otherwise;
	return (int)n;
}

/* --- Writing ------------------------------------------------------------------------ */

static void
style_bytes(struct html *h, size_t from)
{
	struct doc_span *last = h->spans.n > 0 ? &h->spans.v[h->spans.n - 1] : NULL;

	if (h->style == 0 && h->link == 0)
		return;
	uint8_t style = h->link > 0 ? h->style | DOC_LINK : h->style;
	/* The blank between two words of one style has it too. */
	if (last != NULL && last->style == style && last->link == h->link &&
	    last->start + last->len + 1 >= from) {
		last->len = (uint32_t)(h->text.len - last->start);
		return;
	}
	struct doc_span s = { (uint32_t)from, (uint32_t)(h->text.len - from), style,
			      (uint16_t)h->link };
	vec_push(&h->spans, s);
}

static void
begin_text(struct html *h)
{
	if (h->href != NULL) {
		h->link = out_link(h->out, str_c(h->href));
		h->href = NULL;
	}
	if (h->text.len == 0 && h->bullet.len > 0) {
		h->bullet_cols = utf8_cols(buf_str(&h->bullet));
		buf_addstr(&h->text, buf_str(&h->bullet));
		buf_reset(&h->bullet);
	} else if (h->has_space && h->text.len > 0) {
		buf_addc(&h->text, ' ');
	}
	h->has_space = false;
}

static void
add_bytes(struct html *h, struct str s)
{
	if (s.len == 0)
		return;
	begin_text(h);
	size_t from = h->text.len;
	buf_addstr(&h->text, s);
	style_bytes(h, from);
}

/* Blanks at the end, and joiners that join nothing. */
static size_t
trailing_bytes(struct str s)
{
	if (s.len > 0 && s.ptr[s.len - 1] == ' ')
		return 1;
	return str_ends(s, "\xe2\x80\x8c") || str_ends(s, "\xe2\x80\x8d") ? 3 : 0;
}

static void
trim_line(struct html *h)
{
	size_t n;

	while ((n = trailing_bytes(buf_str(&h->text))) > 0)
		buf_truncate(&h->text, h->text.len - n);
	while (h->spans.n > 0) {
		struct doc_span *last = &h->spans.v[h->spans.n - 1];
		if (last->start < h->text.len) {
			if (last->start + last->len > h->text.len)
				last->len = (uint32_t)(h->text.len - last->start);
			return;
		}
		h->spans.n--;
	}
}

static void
reset_line(struct html *h)
{
	buf_reset(&h->text);
	vec_reset(&h->spans);
	h->bullet_cols = 0;
	h->has_space = false;
}

static void
end_line(struct html *h, uint8_t flags)
{
	if (h->is_in_cell) {
		h->has_space = true;
		return;
	}
	trim_line(h);
	if (h->text.len == 0) {
		reset_line(h);
		return;
	}
	if (h->wants_margin)
		out_space(h->out, h->quote);
	h->wants_margin = false;
	int indent = h->indent - h->bullet_cols;
	struct doc_line line = { .kind = DOC_TEXT,
				 .flags = flags,
				 .quote = (uint8_t)(h->quote < DOC_MAX_QUOTE ? h->quote : DOC_MAX_QUOTE),
				 .indent = (uint8_t)(indent > 0 ? indent : 0),
				 .hang = (uint8_t)h->bullet_cols,
				 .text = buf_str(&h->text),
				 .spans = h->spans.v,
				 .n_spans = h->spans.n };
	out_line(h->out, &line);
	reset_line(h);
}

static void
end_block(struct html *h, bool has_margin)
{
	end_line(h, h->pre > 0 ? DOC_PREFORMATTED : DOC_FLOWED);
	if (has_margin && !h->is_in_cell)
		h->wants_margin = true;
}

static void
line_break(struct html *h)
{
	bool is_empty = h->text.len == 0;

	end_block(h, is_empty);
}

static void
add_preformatted(struct html *h, struct str s)
{
	struct str piece;

	for (bool is_first = true; str_next(&s, '\n', &piece); is_first = false) {
		if (!is_first && h->text.len == 0 && !h->is_in_cell)
			h->wants_margin = true;
		if (!is_first)
			end_line(h, DOC_PREFORMATTED);
		if (piece.len > 0 && piece.ptr[piece.len - 1] == '\r')
			piece.len--;
		add_bytes(h, piece);
	}
}

/* Fillers that senders put behind a preview, and marks that show nothing. */
static bool
is_filler(uint32_t cp, bool is_after_blank)
{
	switch (cp) {
	case 0xad: /* soft hyphen */
	case 0x34f: /* combining grapheme joiner */
	case 0x200b: /* zero width space */
	case 0x2060: /* word joiner */
	case 0xfeff: /* zero width no-break space */
		return true;
	case 0x200c: /* the joiners mean something within words */
	case 0x200d:
		return is_after_blank;
	default:
		return false;
	}
}

static void
add_text(struct html *h, struct str s)
{
	if (h->pre > 0) {
		add_preformatted(h, s);
		return;
	}
	while (s.len > 0) {
		size_t n = 0;
		while (n < s.len && (unsigned char)s.ptr[n] < 0x80 &&
		       !ascii_is_space((unsigned char)s.ptr[n]))
			n++;
		if (n > 0) {
			add_bytes(h, str_head(s, n));
			s = str_from(s, n);
			continue;
		}
		uint32_t cp;
		n = utf8_decode(s, &cp);
		bool is_after_blank = h->text.len == 0 || h->has_space ||
				      h->text.ptr[h->text.len - 1] == ' ';
		if (cp < 0x80)
			h->has_space = h->text.len > 0;
		else if (cp == 0xa0) /* no-break space: kept, but not at a line's start */
			h->text.len > 0 ? add_bytes(h, STR(" ")) : (void)0;
		else if (!is_filler(cp, is_after_blank))
			add_bytes(h, str_head(s, n));
		s = str_from(s, n);
	}
}

/* --- Tables ----------------------------------------------------------------------------- */

#define MAX_COLUMNS 30
#define MAX_CELL_BYTES 120
#define MAX_TABLE_COLS 100
#define MAX_TABLE_CELLS 20000

/* The node after this one in the order of the text, within `root`. */
static const GumboNode *
next_node(const GumboNode *root, const GumboNode *node)
{
	bool is_element = node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;

	if (is_element && node->v.element.children.length > 0)
		return node->v.element.children.data[0];
	while (node != root) {
		const GumboNode *parent = node->parent;
		size_t next = node->index_within_parent + 1;
		if (next < parent->v.element.children.length)
			return parent->v.element.children.data[next];
		node = parent;
	}
	return NULL;
}

static bool
forbids_data(GumboTag tag)
{
	static const GumboTag tags[] = { GUMBO_TAG_TABLE, GUMBO_TAG_UL,	 GUMBO_TAG_OL,
					 GUMBO_TAG_PRE,	  GUMBO_TAG_HR,	 GUMBO_TAG_BLOCKQUOTE,
					 GUMBO_TAG_H1,	  GUMBO_TAG_H2,	 GUMBO_TAG_H3,
					 GUMBO_TAG_DL,	  GUMBO_TAG_STYLE };

	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (tag == tags[i])
			return true;
	return false;
}

/* A table of short cells in two columns at least is data; the others are there
 * for the layout, and read cell by cell. */
static bool
is_data_table(const GumboNode *table)
{
	size_t cell_bytes = 0, n_cells = 0, n_columns = 0, n_total = 0;
	const char *role = attribute(table, "role");

	if (role != NULL && str_ieqc(str_c(role), "presentation"))
		return false;
	for (const GumboNode *n = next_node(table, table); n != NULL; n = next_node(table, n)) {
		if (n->type == GUMBO_NODE_TEXT)
			cell_bytes += strlen(n->v.text.text);
		if (n->type != GUMBO_NODE_ELEMENT) {
			if (cell_bytes > MAX_CELL_BYTES)
				return false;
			continue;
		}
		GumboTag tag = n->v.element.tag;
		if (forbids_data(tag))
			return false;
		if (tag == GUMBO_TAG_TR)
			n_cells = 0;
		if (tag != GUMBO_TAG_TD && tag != GUMBO_TAG_TH)
			continue;
		cell_bytes = 0;
		if (++n_cells > n_columns)
			n_columns = n_cells;
		if (++n_total > MAX_TABLE_CELLS)
			return false;
	}
	return n_columns >= 2 && n_columns <= MAX_COLUMNS;
}

static void
end_cell(struct html *h)
{
	struct cell c = { STR_NONE, NULL, 0, false };

	h->is_in_cell = false;
	trim_line(h);
	c.text = arena_str(&h->arena, buf_str(&h->text));
	c.n_spans = h->spans.n;
	if (c.n_spans > 0) {
		c.spans = arena_alloc(&h->arena, c.n_spans * sizeof(*c.spans));
		memcpy(c.spans, h->spans.v, c.n_spans * sizeof(*c.spans));
	}
	vec_push(&h->cells, c);
	reset_line(h);
}

static void
end_row(struct html *h)
{
	if (h->cells.n > 0)
		h->cells.v[h->cells.n - 1].ends_row = true;
}

static int
column_widths(const struct html *h, int widths[MAX_COLUMNS])
{
	size_t column = 0;
	int total = 0;

	memset(widths, 0, MAX_COLUMNS * sizeof(widths[0]));
	for (size_t i = 0; i < h->cells.n; i++) {
		int cols = utf8_cols(h->cells.v[i].text);
		if (column < MAX_COLUMNS && cols > widths[column])
			widths[column] = cols;
		column = h->cells.v[i].ends_row ? 0 : column + 1;
	}
	for (size_t i = 0; i < MAX_COLUMNS; i++)
		total += widths[i] > 0 ? widths[i] + 2 : 0;
	return total;
}

static void
add_cell(struct html *h, const struct cell *c)
{
	size_t from = h->text.len;

	buf_addstr(&h->text, c->text);
	for (size_t i = 0; i < c->n_spans; i++) {
		struct doc_span s = c->spans[i];
		s.start += (uint32_t)from;
		vec_push(&h->spans, s);
	}
}

static void
end_data_table(struct html *h)
{
	int widths[MAX_COLUMNS];
	bool is_aligned = column_widths(h, widths) <= MAX_TABLE_COLS;
	size_t column = 0;

	h->table = NULL;
	for (size_t i = 0; i < h->cells.n; i++) {
		const struct cell *c = &h->cells.v[i];
		add_cell(h, c);
		int cols = utf8_cols(c->text);
		if (is_aligned && column < MAX_COLUMNS && widths[column] > 0)
			buf_addn(&h->text, ' ', (size_t)(widths[column] - cols + 2));
		else if (!is_aligned && !c->ends_row && c->text.len > 0)
			buf_adds(&h->text, " | ");
		column++;
		if (c->ends_row || i + 1 == h->cells.n) {
			end_line(h, is_aligned ? DOC_PREFORMATTED : DOC_FLOWED);
			column = 0;
		}
	}
	vec_reset(&h->cells);
}

/* --- Elements ----------------------------------------------------------------------------- */

/* A style attribute in lower case without blanks: so much of it as matters. */
static void
plain_style(const GumboNode *node, struct buf *out)
{
	const char *style = attribute(node, "style");

	for (; style != NULL && *style != '\0' && out->len < 1000; style++)
		if (!ascii_is_space((unsigned char)*style))
			buf_addc(out, (char)ascii_lower(*style));
}

static bool
says(const struct buf *style, const char *what)
{
	return str_find_str(buf_str(style), str_c(what)) >= 0;
}

static bool
is_hidden(const GumboNode *node, const struct buf *style)
{
	return attribute(node, "hidden") != NULL || says(style, "display:none") ||
	       says(style, "visibility:hidden") || says(style, "mso-hide:all") ||
	       (says(style, "max-height:0") && says(style, "overflow:hidden"));
}

static uint8_t
style_bits(const struct buf *style)
{
	uint8_t bits = 0;

	if (says(style, "font-weight:bold") || says(style, "font-weight:700"))
		bits |= DOC_BOLD;
	if (says(style, "font-style:italic"))
		bits |= DOC_ITALIC;
	if (says(style, "text-decoration:line-through"))
		bits |= DOC_STRIKE;
	return bits;
}

static void
add_image(struct html *h, const GumboNode *node)
{
	const char *alt = attribute(node, "alt");
	struct str s = str_trim(str_c(alt));

	/* Pictures of one dot are there to be counted. */
	if (s.len == 0 || number_attribute(node, "width", 9) < 2 ||
	    number_attribute(node, "height", 9) < 2)
		return;
	add_bytes(h, STR("["));
	add_text(h, s);
	h->has_space = false;
	add_bytes(h, STR("]"));
}

static void
add_rule(struct html *h)
{
	struct doc_line line = { .kind = DOC_RULE, .quote = (uint8_t)h->quote };

	end_block(h, false);
	if (!h->is_in_cell)
		out_line(h->out, &line);
}

static bool
add_empty_element(struct html *h, const GumboNode *node)
{
	switch (node->v.element.tag) {
	case GUMBO_TAG_BR:
		if (h->pre > 0)
			add_preformatted(h, STR("\n"));
		else
			line_break(h);
		return true;
	case GUMBO_TAG_WBR:
		return true;
	case GUMBO_TAG_HR:
		add_rule(h);
		return true;
	case GUMBO_TAG_IMG:
		add_image(h, node);
		return true;
	default:
		return false;
	}
}

static struct level *
open_list(struct html *h)
{
	for (size_t i = h->levels.n; i-- > 0;)
		if (h->levels.v[i].list != LIST_NONE)
			return &h->levels.v[i];
	return NULL;
}

/* Lists within lists, and paragraphs within items, are set close. */
static bool
has_margin(struct html *h, const struct element *e, GumboTag tag)
{
	if ((e->flags & HAS_MARGIN) != HAS_MARGIN)
		return false;
	return (tag != GUMBO_TAG_UL && tag != GUMBO_TAG_OL && tag != GUMBO_TAG_P) ||
	       open_list(h) == NULL;
}

static void
begin_item(struct html *h)
{
	struct level *list = open_list(h);

	buf_reset(&h->bullet);
	if (list != NULL && list->list == LIST_NUMBERS)
		buf_addf(&h->bullet, "%d. ", list->number++);
	else
		buf_adds(&h->bullet, "\xe2\x80\xa2 ");
	h->indent += utf8_cols(buf_str(&h->bullet));
}

static void
begin_element(struct html *h, const GumboNode *node, const struct element *e, uint8_t style)
{
	GumboTag tag = node->v.element.tag;
	struct level level = { .node = node,
			       .style = h->style,
			       .link = h->link,
			       .quote = h->quote,
			       .indent = h->indent,
			       .pre = h->pre,
			       .href = h->href };

	if (e->flags & IS_BLOCK)
		end_block(h, has_margin(h, e, tag));
	if (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL) {
		level.list = tag == GUMBO_TAG_UL ? LIST_BULLETS : LIST_NUMBERS;
		level.number = number_attribute(node, "start", 1);
		h->indent += LIST_INDENT;
	}
	if (tag == GUMBO_TAG_DD)
		h->indent += 2 * LIST_INDENT;
	if (e->flags & IS_ITEM)
		begin_item(h);
	if (h->indent > MAX_INDENT)
		h->indent = MAX_INDENT;
	h->quote += (e->flags & IS_QUOTE) != 0;
	h->pre += (e->flags & IS_PRE) != 0;
	h->style |= e->style | style;
	if (tag == GUMBO_TAG_A && attribute(node, "href") != NULL) {
		h->href = attribute(node, "href");
		h->link = 0;
	}
	if (tag == GUMBO_TAG_TABLE && h->table == NULL && is_data_table(node))
		h->table = node;
	if (h->table != NULL && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)) {
		end_line(h, DOC_FLOWED);
		h->is_in_cell = true;
	}
	if (tag == GUMBO_TAG_Q)
		add_bytes(h, STR("\xe2\x80\x9c"));
	vec_push(&h->levels, level);
}

/* "[3]" behind the text of a link. */
static void
end_link(struct html *h)
{
	char mark[16];

	if (h->link == 0)
		return;
	int n = snprintf(mark, sizeof(mark), "[%d]", h->link);
	bool had_space = h->has_space;
	h->has_space = true;
	add_bytes(h, str_n(mark, (size_t)n));
	h->has_space = had_space;
}

static void
end_element(struct html *h)
{
	struct level l = h->levels.v[--h->levels.n];
	GumboTag tag = l.node->type == GUMBO_NODE_ELEMENT ? l.node->v.element.tag : GUMBO_TAG_BODY;
	const struct element *e = find_element(tag);

	if (tag == GUMBO_TAG_Q)
		add_bytes(h, STR("\xe2\x80\x9d"));
	if (tag == GUMBO_TAG_A)
		end_link(h);
	if (h->table != NULL && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH))
		end_cell(h);
	else if (h->table != NULL && tag == GUMBO_TAG_TR)
		end_row(h);
	else if (h->table == l.node)
		end_data_table(h);
	if (e->flags & IS_BLOCK)
		end_block(h, has_margin(h, e, tag));
	if (e->flags & IS_ITEM)
		buf_reset(&h->bullet); /* an empty item */
	h->style = l.style;
	/* A link that had no text yet stays open around an inner element's end. */
	if (tag == GUMBO_TAG_A) {
		h->link = l.link;
		h->href = l.href;
	}
	h->quote = l.quote;
	h->indent = l.indent;
	h->pre = l.pre;
}

static void
visit(struct html *h, const GumboNode *node)
{
	switch (node->type) {
	case GUMBO_NODE_TEXT:
	case GUMBO_NODE_CDATA:
	case GUMBO_NODE_WHITESPACE:
		add_text(h, str_c(node->v.text.text));
		return;
	case GUMBO_NODE_ELEMENT:
		break;
	default:
		return;
	}
	const struct element *e = find_element(node->v.element.tag);
	struct buf style = BUF_INIT;
	plain_style(node, &style);
	if (!(e->flags & IS_DROPPED) && !is_hidden(node, &style) && !add_empty_element(h, node))
		begin_element(h, node, e, style_bits(&style));
	buf_release(&style);
}

static void
walk(struct html *h, const GumboNode *root)
{
	struct level first = { .node = root };

	vec_push(&h->levels, first);
	while (h->levels.n > 0 && !h->out->is_cut) {
		struct level *l = &h->levels.v[h->levels.n - 1];
		const GumboVector *children = &l->node->v.element.children;
		if (l->next_child < children->length)
			visit(h, children->data[l->next_child++]);
		else
			end_element(h);
	}
	end_block(h, false);
}

static void
list_links(struct html *h)
{
	for (size_t i = h->first_link; i < h->out->links.n; i++) {
		struct buf b = BUF_INIT;
		buf_addf(&b, "[%zu] ", i + 1);
		struct doc_span s = { (uint32_t)b.len, (uint32_t)h->out->links.v[i].len, DOC_LINK,
				      (uint16_t)(i + 1) };
		struct doc_line line = { .kind = DOC_TEXT, .hang = (uint8_t)b.len, .spans = &s,
					 .n_spans = 1 };
		buf_addstr(&b, h->out->links.v[i]);
		line.text = buf_str(&b);
		if (i == h->first_link)
			out_space(h->out, 0);
		out_line(h->out, &line);
		buf_release(&b);
	}
}

static void
html_release(struct html *h)
{
	buf_release(&h->text);
	buf_release(&h->bullet);
	vec_release(&h->spans);
	vec_release(&h->levels);
	vec_release(&h->cells);
	arena_release(&h->arena);
}

void
html_walk(struct out *out, const GumboNode *root)
{
	static struct html h;

	memset(&h, 0, sizeof(h));
	h.out = out;
	buf_init(&h.text);
	buf_init(&h.bullet);
	h.first_link = out->links.n;
	walk(&h, root);
	list_links(&h);
	html_release(&h);
}
