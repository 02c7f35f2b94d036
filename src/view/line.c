/* Drawing what all lists have in common. */
#include "internal.h"

#include <regex.h>
#include <string.h>
#include "tern/base/utf8.h"

struct ui_style
view_style(const struct view_look *look, enum view_color c, struct ui_style under)
{
	return ui_style_over(under, look->colors[c]);
}

void
view_draw_line(struct ui_area area, int row, const struct format_line *line,
	       struct ui_style style, const struct view_look *look)
{
	struct str text = buf_str(&line->text);

	ui_put_cols(area, row, 0, area.cols, text, style);
	for (size_t i = 0; i < line->n_spans; i++) {
		const struct format_span *s = &line->spans[i];
		int col = utf8_cols(str_head(text, s->start));
		int cols = utf8_cols(str_head(str_from(text, s->start), s->len));
		ui_restyle(area, row, col, cols, look->colors[s->color]);
	}
}

void
view_draw_indicator(struct ui_area area, int row, const struct view_look *look)
{
	if (look->has_arrow_cursor)
		ui_puts(area, row, 0, look->arrow, view_style(look, VIEW_INDICATOR, UI_PLAIN));
	else
		ui_restyle(area, row, 0, area.cols, look->colors[VIEW_INDICATOR]);
	ui_cursor(area, row, 0);
}

/* For $ascii_chars: a dash for the lines and dots of the formats. */
static void
add_ascii(struct buf *out, struct str text)
{
	while (text.len > 0) {
		uint32_t cp;
		size_t len = utf8_decode(text, &cp);
		if (cp == 0x2500 || cp == 0xb7)
			buf_addc(out, '-');
		else
			buf_addstr(out, str_head(text, len));
		text = str_from(text, len);
	}
}

static void
style_matches(struct ui_area area, const char *text, const struct view_look *look)
{
	for (size_t i = 0; i < look->n_rules; i++) {
		const struct view_rule *rule = &look->rules[i];
		regmatch_t m[10];
		int group = rule->group >= 0 && rule->group < 10 ? rule->group : 0;
		if (rule->object != VIEW_STATUS || rule->regex == NULL ||
		    regexec(rule->regex, text, 10, m, 0) != 0 || m[group].rm_so < 0)
			continue;
		struct str before = str_n(text, (size_t)m[group].rm_so);
		struct str match = str_n(text + m[group].rm_so,
					 (size_t)(m[group].rm_eo - m[group].rm_so));
		ui_restyle(area, 0, utf8_cols(before), utf8_cols(match), rule->style);
	}
}

void
view_draw_status_line(struct ui_area area, const struct format_line *line,
		      const struct view_look *look)
{
	struct ui_style style =
		view_style(look, VIEW_STATUS, view_style(look, VIEW_NORMAL, UI_PLAIN));
	struct buf text = BUF_INIT;

	if (look->has_ascii_chars)
		add_ascii(&text, buf_str(&line->text));
	else
		buf_addstr(&text, buf_str(&line->text));
	ui_put_cols(area, 0, 0, area.cols, buf_str(&text), style);
	style_matches(area, text.ptr, look);
	buf_release(&text);
}

struct str
view_take_words(struct str *line, int cols)
{
	struct str row = utf8_fit(*line, cols > 0 ? cols : 1, NULL);
	size_t len = row.len;

	while (row.len < line->len && len > 0 && line->ptr[len] != ' ')
		len--;
	if (len > 0)
		row = str_head(*line, len);
	*line = row.len > 0 ? str_from(*line, row.len) : STR_NONE;
	if (len > 0 && line->len > 0)
		*line = str_from(*line, 1); /* the space */
	return row;
}

void
view_draw_empty(struct ui_area area, const char *sentence, const struct view_look *look)
{
	struct ui_style style = view_style(look, VIEW_NORMAL, UI_PLAIN);

	struct str rest = str_c(sentence), line;
	style.attrs |= UI_DIM;
	for (int row = area.rows / 3; str_next(&rest, '\n', &line);)
		do
			ui_put(area, row++, 2, view_take_words(&line, area.cols - 4), style);
		while (line.len > 0);
	ui_cursor(area, 0, 0);
}

/* From the root down: for each level above the row's own a line if it goes on
 * below, then the corner. */
void
view_add_tree(struct buf *out, uint8_t depth, uint64_t more, bool is_broken,
	      const struct view_look *look)
{
	bool ascii = look->has_ascii_chars, is_narrow = look->has_narrow_tree;

	if (depth == 0)
		return;
	for (int level = 1; level < depth && level < 64; level++)
		buf_addf(out, "%s%s",
			 !(more & UINT64_C(1) << (level - 1)) ? " " : ascii ? "|" : "│",
			 is_narrow ? "" : " ");
	bool goes_on = depth <= 64 && (more & UINT64_C(1) << (depth - 1));
	if (ascii)
		buf_addf(out, "%c%s", goes_on ? '|' : '`', is_narrow ? "" : "-");
	else
		buf_addf(out, "%s%s", goes_on ? "├" : "└", is_narrow ? "" : "─");
	buf_adds(out, is_broken ? (ascii ? "*> " : "┄▶ ") : (ascii ? "> " : "▶ "));
}

void
view_add_count(struct buf *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
}
