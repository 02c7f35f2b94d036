/* The pager: a document, wrapped to the width as far as it is looked at. */
#include "internal.h"
#include "wrap.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/config.h"

#define MAX_MATCHED_BYTES 4096 /* of a line: regular expressions can be slow */
#define MAX_MATCHES 200	       /* of one rule in a line */
#define MAX_STYLES 1000	       /* of all in a line */

/* One line of the screen. */
struct piece {
	uint32_t line; /* of the document */
	uint32_t from, to;
	uint32_t n_hidden; /* quoted lines left out behind it */
};

/* Compiled from an option; kept, because what is looked at between two drawings
 * goes by it too. */
struct own_regex {
	char *text;
	regex_t regex;
	bool is_compiled;
};

struct pager {
	struct view v;
	struct view_document doc;
	/* Wrapped up to (not with) document line `wrapped_to`. */
	VEC(struct piece) pieces;
	size_t wrapped_to;
	int wrapped_cols;
	struct wrap_options wrap;
	size_t top; /* piece */
	size_t keep_line; /* where to be after wrapping anew */
	bool must_wrap;
	bool hides_quoted;
	int quoted_levels; /* shown even then */
	struct own_regex quote, smileys;
	bool shows_search;
	bool has_search;
	regex_t search;
	struct flat flat;
	struct format_line line;
	/* From the look, for what happens between two drawings. */
	bool wrap_search, pager_stop;
	int context, search_context, skip_offset;
};

static struct pager *
pager_of(struct view *v)
{
	return (struct pager *)v;
}

static const struct doc_line *
doc_at(const struct pager *p, size_t i)
{
	return p->doc.at(p->doc.ctx, i);
}

static size_t
doc_count(const struct pager *p)
{
	return p->doc.count(p->doc.ctx);
}

/* ---- wrapping -------------------------------------------------------------------------- */

static void
regex_release(struct own_regex *r)
{
	if (r->is_compiled)
		regfree(&r->regex);
	free(r->text);
	*r = (struct own_regex){ 0 };
}

/* True if it is another now. */
static bool
regex_use(struct own_regex *r, const char *text)
{
	if (r->text != NULL && strcmp(r->text, text) == 0)
		return false;
	regex_release(r);
	r->text = xstrdup(text);
	r->is_compiled = *text != '\0' &&
			 config_compile(text, false, 0, &r->regex, NULL) == 0;
	return true;
}

/* At the beginning of the line, where a quote is marked. */
static bool
regex_matches(const struct own_regex *r, struct str line)
{
	char start[256];
	struct str head = str_head(line, sizeof(start) - 1);

	if (!r->is_compiled || head.len == 0)
		return false;
	memcpy(start, head.ptr, head.len);
	start[head.len] = '\0';
	return regexec(&r->regex, start, 0, NULL, 0) == 0;
}

/* How deep: marks of '>' were counted before; $quote_regexp knows others. */
static int
quote_depth(const struct pager *p, const struct doc_line *line)
{
	if (line->quote > 0 || line->kind != DOC_TEXT)
		return line->quote;
	return regex_matches(&p->quote, line->text) && !regex_matches(&p->smileys, line->text);
}

static bool
is_quoted(const struct pager *p, size_t i)
{
	const struct doc_line *line = doc_at(p, i);

	return line != NULL && quote_depth(p, line) > (p->hides_quoted ? p->quoted_levels : 0);
}

static void
wrap_line(struct pager *p, size_t i)
{
	const struct doc_line *line = doc_at(p, i);
	struct piece piece = { (uint32_t)i, 0, 0, 0 };
	size_t at = 0, next;

	if (line == NULL)
		return;
	flat_set(&p->flat, line);
	do {
		size_t end = wrap_piece(&p->flat, line, at, &p->wrap, &next);
		piece.from = (uint32_t)at;
		piece.to = (uint32_t)end;
		vec_push(&p->pieces, piece);
		at = next;
	} while (at < p->flat.text.len);
}

/* Of quoted lines in a row the first is shown, and how many more there are. */
static void
wrap_next(struct pager *p)
{
	size_t i = p->wrapped_to++;

	wrap_line(p, i);
	if (!p->hides_quoted || !is_quoted(p, i))
		return;
	size_t count = doc_count(p), first = p->wrapped_to;
	while (p->wrapped_to < count && is_quoted(p, p->wrapped_to))
		p->wrapped_to++;
	if (p->pieces.n > 0)
		p->pieces.v[p->pieces.n - 1].n_hidden = (uint32_t)(p->wrapped_to - first);
}

static void
wrap_until_piece(struct pager *p, size_t piece)
{
	size_t count = doc_count(p);

	while (p->pieces.n <= piece && p->wrapped_to < count)
		wrap_next(p);
}

static void
wrap_until_line(struct pager *p, size_t line)
{
	size_t count = doc_count(p);

	while (p->wrapped_to <= line && p->wrapped_to < count)
		wrap_next(p);
}

/* The first piece of a document line, or of what stands for it. */
static size_t
piece_of_line(struct pager *p, size_t line)
{
	wrap_until_line(p, line);
	size_t low = 0, high = p->pieces.n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (p->pieces.v[mid].line < line)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == p->pieces.n && low > 0)
		low--;
	if (low > 0 && low < p->pieces.n && p->pieces.v[low].line > line)
		low--;
	return low;
}

static size_t
top_line(const struct pager *p)
{
	return p->must_wrap || p->top >= p->pieces.n ? p->keep_line : p->pieces.v[p->top].line;
}

static void
wrap_anew(struct pager *p)
{
	if (!p->must_wrap)
		p->keep_line = top_line(p);
	p->must_wrap = true;
}

static void
wrap_if_needed(struct pager *p)
{
	if (!p->must_wrap)
		return;
	vec_reset(&p->pieces);
	p->wrapped_to = 0;
	p->must_wrap = false;
	p->top = p->keep_line == 0 ? 0 : piece_of_line(p, p->keep_line);
}

static void
take_look(struct pager *p, struct ui_area area, const struct view_look *look)
{
	int cols = area.cols;

	if (look->wrap_cols > 0 && look->wrap_cols < cols)
		cols = look->wrap_cols;
	else if (look->wrap_cols < 0 && cols + look->wrap_cols >= 20)
		cols += look->wrap_cols;
	bool is_other = regex_use(&p->quote, look->quote_regexp);
	is_other |= regex_use(&p->smileys, look->smileys);
	if (is_other && p->hides_quoted)
		wrap_anew(p);
	if (cols != p->wrap.cols || look->smart_wrap != p->wrap.at_words ||
	    look->markers != p->wrap.markers || look->quoted_levels != p->quoted_levels)
		wrap_anew(p);
	p->quoted_levels = look->quoted_levels;
	p->wrap = (struct wrap_options){ cols, look->smart_wrap, look->markers };
	p->wrap_search = look->wrap_search;
	p->pager_stop = look->pager_stop;
	p->context = look->pager_context;
	p->search_context = look->search_context;
	p->skip_offset = look->skip_quoted_offset;
	p->v.rows = area.rows;
	p->v.cols = area.cols;
	wrap_if_needed(p);
}

/* ---- colours ------------------------------------------------------------------------------- */

static enum view_color
base_color(const struct pager *p, const struct doc_line *line)
{
	int depth = quote_depth(p, line);

	if (depth > 0)
		return (enum view_color)(VIEW_QUOTED + (depth - 1) % 10);
	switch (line->kind) {
	case DOC_HEADER:
		return VIEW_HDRDEFAULT;
	case DOC_SIGNATURE:
		return VIEW_SIGNATURE;
	case DOC_ATTACHMENT:
	case DOC_NOTICE:
		return VIEW_ATTACHMENT;
	default:
		return VIEW_NORMAL;
	}
}

static bool
rule_is_for(const struct view_rule *rule, const struct doc_line *line)
{
	if (rule->regex == NULL)
		return false;
	switch (rule->object) {
	case VIEW_HEADER:
		return line->kind == DOC_HEADER;
	case VIEW_BODY:
		return line->kind == DOC_TEXT || line->kind == DOC_SIGNATURE;
	case VIEW_ATTACH_HEADERS:
		return line->kind == DOC_ATTACHMENT || line->kind == DOC_NOTICE;
	default:
		return false;
	}
}

/* A range of the flat text with a style, in the order in which they are laid on. */
struct styled {
	size_t start, end;
	struct ui_style style;
};

struct styles {
	struct styled v[MAX_STYLES];
	size_t n;
};

static void
add_style(struct styles *s, size_t start, size_t end, struct ui_style style)
{
	if (s->n < MAX_STYLES && start < end)
		s->v[s->n++] = (struct styled){ start, end, style };
}

/* All matches in text[0, len); `text` is terminated. */
static void
add_matches(struct styles *s, const regex_t *regex, int group, const char *text, size_t len,
	    struct ui_style style)
{
	regmatch_t m[10];
	size_t at = 0;

	if (group < 0 || group > 9)
		group = 0;
	for (int n = 0; n < MAX_MATCHES && at <= len; n++) {
		if (regexec(regex, text + at, 10, m, at > 0 ? REG_NOTBOL : 0) != 0)
			return;
		if (m[group].rm_so >= 0)
			add_style(s, at + (size_t)m[group].rm_so, at + (size_t)m[group].rm_eo, style);
		at += (size_t)(m[0].rm_eo > 0 ? m[0].rm_eo : 1);
	}
}

static void
add_doc_styles(struct styles *s, const struct flat *f, const struct view_look *look)
{
	for (size_t i = 0; i < f->n_spans; i++) {
		struct ui_style style = UI_TRANSPARENT;
		unsigned of = f->spans[i].style;
		if (of & (DOC_BOLD | DOC_HEADING))
			style = view_style(look, VIEW_BOLD, style);
		if (of & DOC_ITALIC)
			style = view_style(look, VIEW_ITALIC, style);
		if (of & (DOC_UNDERLINE | DOC_LINK))
			style = view_style(look, VIEW_UNDERLINE, style);
		if (of & DOC_STRIKE)
			style.attrs |= UI_STRIKE;
		add_style(s, f->spans[i].start, f->spans[i].start + f->spans[i].len, style);
	}
}

/* The styles of one document line: its flat text stands in p->flat. */
static void
style_line(struct pager *p, const struct doc_line *line, const struct view_look *look,
	   struct styles *s)
{
	size_t len = p->flat.text.len < MAX_MATCHED_BYTES ? p->flat.text.len : MAX_MATCHED_BYTES;
	char cut = p->flat.text.len > 0 ? p->flat.text.ptr[len] : '\0';

	s->n = 0;
	add_doc_styles(s, &p->flat, look);
	if (p->flat.text.len == 0)
		return;
	p->flat.text.ptr[len] = '\0';
	for (size_t i = 0; i < look->n_rules; i++) {
		const struct view_rule *rule = &look->rules[i];
		if (!rule_is_for(rule, line))
			continue;
		if (rule->object == VIEW_HEADER) {
			/* A header that matches is coloured as a whole. */
			regmatch_t m;
			if (regexec(rule->regex, p->flat.text.ptr, 1, &m, 0) == 0)
				add_style(s, 0, p->flat.text.len, rule->style);
			continue;
		}
		add_matches(s, rule->regex, rule->group, p->flat.text.ptr, len, rule->style);
	}
	if (p->has_search && p->shows_search)
		add_matches(s, &p->search, 0, p->flat.text.ptr, len, look->colors[VIEW_SEARCH]);
	p->flat.text.ptr[len] = cut;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static int
text_cols(const struct pager *p, size_t from, size_t to)
{
	return utf8_cols(str_n(p->flat.text.ptr + from, to - from));
}

static void
draw_rule(struct ui_area area, int row, const struct view_look *look)
{
	struct ui_style style = view_style(look, VIEW_TREE, view_style(look, VIEW_NORMAL, UI_PLAIN));

	for (int col = 0; col < area.cols; col++)
		ui_puts(area, row, col, look->has_ascii_chars ? "-" : "─", style);
}

static void
draw_hidden(struct ui_area area, int row, int col, uint32_t n_hidden, const struct view_look *look)
{
	char note[64];
	struct ui_style style =
		view_style(look, VIEW_MARKERS, view_style(look, VIEW_NORMAL, UI_PLAIN));

	int len = snprintf(note, sizeof(note), "[%u more quoted line%s: T]", n_hidden,
			   n_hidden == 1 ? "" : "s");
	int at = area.cols - len - 1;
	ui_puts(area, row, at > col + 1 ? at : col + 1, note, style);
}

static void
draw_piece(struct pager *p, struct ui_area area, int row, const struct piece *piece,
	   const struct doc_line *line, const struct styles *styles, const struct view_look *look)
{
	struct ui_style normal = view_style(look, VIEW_NORMAL, UI_PLAIN);
	struct ui_style base = view_style(look, base_color(p, line), normal);
	struct buf prefix = BUF_INIT;

	if (line->kind == DOC_RULE) {
		draw_rule(area, row, look);
		return;
	}
	wrap_prefix(line, piece->from == 0, &p->wrap, &prefix);
	int col = ui_put(area, row, 0, buf_str(&prefix), base);
	if (piece->from > 0 && prefix.len > 0 && prefix.ptr[prefix.len - 1] == '+')
		ui_restyle(area, row, col - 1, 1, look->colors[VIEW_MARKERS]);
	buf_release(&prefix);
	int used = ui_put(area, row, col,
			  str_n(p->flat.text.ptr + piece->from, piece->to - piece->from), base);
	for (size_t i = 0; i < styles->n; i++) {
		size_t start = styles->v[i].start > piece->from ? styles->v[i].start : piece->from;
		size_t end = styles->v[i].end < piece->to ? styles->v[i].end : piece->to;
		if (start < end)
			ui_restyle(area, row, col + text_cols(p, piece->from, start),
				   text_cols(p, start, end), styles->v[i].style);
	}
	if (piece->n_hidden > 0)
		draw_hidden(area, row, col + used, piece->n_hidden, look);
}

/* What is still to come, behind the last line. */
static int
draw_progress(struct pager *p, struct ui_area area, int row, const struct view_look *look)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	bool on_request = false;

	if (p->doc.is_complete == NULL || p->doc.is_complete(p->doc.ctx))
		return row;
	if (p->doc.progress != NULL)
		p->doc.progress(p->doc.ctx, &text, &on_request);
	if (text.len == 0)
		buf_adds(&text, on_request ? "more to fetch" : "fetching");
	buf_addf(&line, "[-- %.*s%s --]", STR_ARG(buf_str(&text)),
		 on_request ? "; go on to fetch it" : "");
	ui_put(area, row, 0, buf_str(&line),
	       view_style(look, VIEW_PROGRESS, view_style(look, VIEW_NORMAL, UI_PLAIN)));
	buf_release(&text);
	buf_release(&line);
	return row + 1;
}

static void
draw_lines(struct pager *p, struct ui_area area, const struct view_look *look)
{
	static struct styles styles; /* large, and not needed between two drawings */
	size_t styled_line = SIZE_MAX;
	const struct doc_line *line = NULL;
	int row = 0;

	wrap_until_piece(p, p->top + (size_t)area.rows);
	for (; row < area.rows && p->top + (size_t)row < p->pieces.n; row++) {
		const struct piece *piece = &p->pieces.v[p->top + (size_t)row];
		if (piece->line != styled_line) {
			line = doc_at(p, piece->line);
			if (line == NULL)
				break;
			flat_set(&p->flat, line);
			style_line(p, line, look, &styles);
			styled_line = piece->line;
		}
		if (piece->to <= p->flat.text.len)
			draw_piece(p, area, row, piece, line, &styles, look);
	}
	if (row < area.rows)
		row = draw_progress(p, area, row, look);
	struct ui_style tilde = view_style(look, VIEW_TILDE, view_style(look, VIEW_NORMAL, UI_PLAIN));
	for (; look->tilde && row < area.rows; row++)
		ui_puts(area, row, 0, "~", tilde);
}

static void
pager_draw(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct pager *p = pager_of(v);

	take_look(p, area, look);
	ui_clear(area, view_style(look, VIEW_NORMAL, UI_PLAIN));
	draw_lines(p, area, look);
	ui_cursor(area, 0, 0);
}

/* By lines of the document: those of the screen behind the end are not counted. */
static void
percent(struct pager *p, struct buf *out)
{
	size_t count = doc_count(p), end = p->top + (size_t)p->v.rows;
	bool at_end = p->wrapped_to >= count && end >= p->pieces.n;

	if (at_end && p->doc.is_complete != NULL && !p->doc.is_complete(p->doc.ctx))
		buf_adds(out, "more");
	else if (at_end && p->top == 0)
		buf_adds(out, "all");
	else if (at_end)
		buf_adds(out, "end");
	else if (end <= p->pieces.n && end > 0 && count > 0)
		buf_addf(out, "%d%%", (int)((p->pieces.v[end - 1].line + 1) * 100 / count));
	else
		buf_adds(out, "0%");
}

static void
pager_draw_status(struct view *v, struct ui_area area, const struct view_look *look)
{
	struct pager *p = pager_of(v);
	struct view_row row;
	struct view_mailbox mailbox;
	struct buf how_far = BUF_INIT;

	memset(&row, 0, sizeof(row));
	memset(&mailbox, 0, sizeof(mailbox));
	if (p->doc.row != NULL)
		p->doc.row(p->doc.ctx, &row);
	if (p->doc.mailbox != NULL)
		p->doc.mailbox(p->doc.ctx, &mailbox);
	row.tree_depth = 0; /* the subject alone */
	row.hides_subject = false;
	percent(p, &how_far);
	struct format_dates dates = { row.row.date, row.row.internaldate, row.row.zone_min,
				      look->now };
	struct index_context context = { look, &row, &mailbox, how_far.ptr, 0 };
	format_expand(look->pager_format, area.cols, view_index_expandos, &dates, &context,
		      &p->line);
	view_draw_status_line(area, &p->line, look);
	buf_release(&how_far);
}

/* ---- moving ------------------------------------------------------------------------------------ */

static size_t
n_pieces(struct pager *p)
{
	wrap_until_line(p, doc_count(p));
	return p->pieces.n;
}

/* The last place for the top: with $pager_stop no further than a full screen. As in
 * mutt the end may be scrolled up to its last line by single lines. */
static bool
go_to(struct pager *p, int64_t top, bool fills_screen)
{
	size_t before = p->top;

	if (top < 0)
		top = 0;
	wrap_until_piece(p, (size_t)top + (size_t)p->v.rows);
	if (p->wrapped_to >= doc_count(p)) {
		int64_t last = (int64_t)p->pieces.n - (fills_screen ? p->v.rows : 1);
		if (last < 0)
			last = 0;
		if (top > last)
			top = last > (int64_t)before || !fills_screen ? last : (int64_t)before;
	}
	p->top = (size_t)top;
	return p->top != before;
}

static bool
pager_move(struct view *v, enum view_move how, int n)
{
	struct pager *p = pager_of(v);
	int64_t page = v->rows - p->context, top = (int64_t)p->top;

	wrap_if_needed(p);
	top = (int64_t)p->top;
	if (n < 1)
		n = 1;
	if (page < 1)
		page = 1;
	switch (how) {
	case VIEW_NEXT:
	case VIEW_NEXT_LINE:
		return go_to(p, top + n, true);
	case VIEW_PREVIOUS:
	case VIEW_PREVIOUS_LINE:
		return go_to(p, top - n, true);
	case VIEW_NEXT_PAGE:
		return !view_pager_is_at_end(v) && go_to(p, top + page * n, true);
	case VIEW_PREVIOUS_PAGE:
		return go_to(p, top - page * n, true);
	case VIEW_HALF_DOWN:
		return go_to(p, top + (page + 1) / 2 * n, true);
	case VIEW_HALF_UP:
		return go_to(p, top - (page + 1) / 2 * n, true);
	case VIEW_FIRST:
		return go_to(p, 0, true);
	case VIEW_LAST:
		return go_to(p, (int64_t)n_pieces(p) - v->rows, true);
	case VIEW_JUMP:
		return go_to(p, (int64_t)piece_of_line(p, (size_t)n - 1), false);
	default:
		return false;
	}
}

/* The document changed: what is wrapped stays if lines only came behind it. */
static void
pager_apply(struct view *v)
{
	struct pager *p = pager_of(v);

	if (p->wrapped_to > doc_count(p))
		wrap_anew(p);
}

bool
view_pager_is_at_end(const struct view *v)
{
	struct pager *p = (struct pager *)v;

	wrap_until_piece(p, p->top + (size_t)v->rows);
	return p->wrapped_to >= doc_count(p) && p->top + (size_t)v->rows >= p->pieces.n;
}

bool
view_pager_is_at_top(const struct view *v)
{
	return ((const struct pager *)v)->top == 0;
}

size_t
view_pager_line(const struct view *v)
{
	return top_line((const struct pager *)v);
}

void
view_pager_go_line(struct view *v, size_t line)
{
	struct pager *p = pager_of(v);

	p->keep_line = line;
	p->must_wrap = true;
	if (p->wrap.cols > 0)
		wrap_if_needed(p);
}

void
view_pager_toggle_quoted(struct view *v)
{
	struct pager *p = pager_of(v);

	wrap_anew(p);
	p->hides_quoted = !p->hides_quoted;
}

bool
view_pager_skip_quoted(struct view *v)
{
	struct pager *p = pager_of(v);
	size_t count = doc_count(p), i;

	wrap_if_needed(p);
	i = top_line(p) + (size_t)p->skip_offset;
	while (i < count && doc_at(p, i)->kind == DOC_HEADER)
		i++;
	while (i < count && !is_quoted(p, i))
		i++;
	if (i >= count)
		return false;
	while (i < count && is_quoted(p, i))
		i++;
	if (i >= count)
		return false;
	return go_to(p, (int64_t)piece_of_line(p, i) - p->skip_offset, false);
}

bool
view_pager_skip_headers(struct view *v)
{
	struct pager *p = pager_of(v);
	size_t count = doc_count(p), i = 0;

	wrap_if_needed(p);
	while (i < count && (doc_at(p, i)->kind == DOC_HEADER))
		i++;
	if (i >= count || top_line(p) >= i)
		return false;
	while (i < count && doc_at(p, i)->kind == DOC_BLANK)
		i++;
	return go_to(p, (int64_t)piece_of_line(p, i), false);
}

/* ---- search ----------------------------------------------------------------------------------------- */

static bool
line_matches(struct pager *p, size_t i)
{
	const struct doc_line *line = doc_at(p, i);

	if (line == NULL)
		return false;
	flat_set(&p->flat, line);
	return regexec(&p->search, p->flat.text.ptr, 0, NULL, 0) == 0;
}

/* From the line under the top one on; -1: nowhere. */
static int64_t
find_line(struct pager *p, bool backwards, bool *wrapped_out)
{
	size_t count = doc_count(p), start = top_line(p);
	size_t context = (size_t)p->search_context;

	if (start + context < count && p->top > 0)
		start += context;
	for (size_t n = 1; n <= count; n++) {
		size_t i = backwards ? (start + count - n % count) % count : (start + n) % count;
		*wrapped_out = backwards ? start < n : start + n >= count;
		if (*wrapped_out && !p->wrap_search)
			return -1;
		if (line_matches(p, i))
			return (int64_t)i;
	}
	return -1;
}

int
view_pager_search(struct view *v, const char *regex, bool backwards, struct err *err)
{
	struct pager *p = pager_of(v);
	bool has_wrapped;

	wrap_if_needed(p);
	bool is_first = regex != NULL;
	if (regex != NULL) {
		regex_t compiled;
		if (config_compile(regex, false, REG_NEWLINE, &compiled, err) < 0)
			return -1;
		if (p->has_search)
			regfree(&p->search);
		p->search = compiled;
		p->has_search = p->shows_search = true;
	}
	if (!p->has_search)
		return 0;
	if (is_first && !backwards && top_line(p) < doc_count(p) && line_matches(p, top_line(p)))
		return 1;
	int64_t line = find_line(p, backwards, &has_wrapped);
	if (line < 0)
		return 0;
	if (p->hides_quoted && is_quoted(p, (size_t)line))
		view_pager_toggle_quoted(v);
	wrap_if_needed(p);
	go_to(p, (int64_t)piece_of_line(p, (size_t)line) - p->search_context, false);
	return has_wrapped ? 2 : 1;
}

void
view_pager_toggle_search_color(struct view *v)
{
	struct pager *p = pager_of(v);

	p->shows_search = !p->shows_search;
}

static void
pager_close(struct view *v)
{
	struct pager *p = pager_of(v);

	if (p->has_search)
		regfree(&p->search);
	regex_release(&p->quote);
	regex_release(&p->smileys);
	vec_release(&p->pieces);
	flat_release(&p->flat);
	format_line_release(&p->line);
	free(p);
}

static const struct view_ops ops = { "pager",	 pager_apply, pager_draw, pager_draw_status,
				     pager_move, pager_close };

struct view *
view_pager_open(const struct view_document *document)
{
	struct pager *p = xcalloc(1, sizeof(*p));

	p->v.ops = &ops;
	p->doc = *document;
	p->must_wrap = true;
	buf_init(&p->flat.text);
	buf_init(&p->line.text);
	return &p->v;
}
