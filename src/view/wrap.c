/* Logical lines to lines of the screen. */
#include "wrap.h"

#include <stdlib.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

#define TAB_COLS 8
#define MAX_PREFIX_PART 20 /* columns of quote marks: deeper ones are counted */

/* Append text that has no span border in it. */
static void
add_text(struct buf *out, struct str s)
{
	while (s.len > 0) {
		long tab = str_find(s, '\t');
		size_t len = tab < 0 ? s.len : (size_t)tab;
		utf8_add_safe(out, str_head(s, len));
		s = str_from(s, len);
		if (s.len > 0) {
			int cols = utf8_cols(buf_str(out)) % TAB_COLS;
			buf_addn(out, ' ', (size_t)(TAB_COLS - cols));
			s = str_from(s, 1);
		}
	}
}

static void
push_span(struct flat *f, size_t start, size_t len, uint8_t style)
{
	if (f->n_spans == f->cap_spans) {
		f->cap_spans = f->cap_spans * 2 + 8;
		f->spans = xreallocarray(f->spans, f->cap_spans, sizeof(*f->spans));
	}
	f->spans[f->n_spans].start = start;
	f->spans[f->n_spans].len = len;
	f->spans[f->n_spans++].style = style;
}

void
flat_set(struct flat *f, const struct doc_line *line)
{
	size_t at = 0;

	if (f->text.ptr == NULL)
		buf_init(&f->text);
	buf_reset(&f->text);
	f->n_spans = 0;
	for (size_t i = 0; i < line->n_spans; i++) {
		const struct doc_span *s = &line->spans[i];
		if (s->start < at || s->start > line->text.len)
			continue;
		add_text(&f->text, str_n(line->text.ptr + at, s->start - at));
		size_t start = f->text.len;
		struct str inside = str_head(str_from(line->text, s->start), s->len);
		add_text(&f->text, inside);
		push_span(f, start, f->text.len - start, s->style);
		at = s->start + inside.len;
	}
	add_text(&f->text, str_from(line->text, at));
}

void
flat_release(struct flat *f)
{
	if (f->text.ptr != NULL)
		buf_release(&f->text);
	free(f->spans);
}

void
wrap_prefix(const struct doc_line *line, bool is_first, const struct wrap_options *o,
	    struct buf *out)
{
	int quote = line->quote;

	if (quote > MAX_PREFIX_PART) {
		buf_addf(out, "%d", quote);
		quote = 1;
	}
	buf_addn(out, '>', (size_t)quote);
	if (line->quote > 0)
		buf_addc(out, ' ');
	int indent = line->indent + (is_first ? 0 : line->hang);
	if (indent > o->cols / 2)
		indent = o->cols / 2;
	buf_addn(out, ' ', (size_t)indent);
	bool is_prose = (line->flags & DOC_FLOWED) || line->kind == DOC_HEADER;
	if (!is_first && o->markers && !is_prose)
		buf_addc(out, '+');
}

/* How many columns are left for text behind the prefix: at least one. */
static int
room(const struct doc_line *line, bool is_first, const struct wrap_options *o)
{
	struct buf prefix = BUF_INIT;

	wrap_prefix(line, is_first, o, &prefix);
	int cols = o->cols - utf8_cols(buf_str(&prefix));
	buf_release(&prefix);
	return cols < 1 ? 1 : cols;
}

size_t
wrap_piece(const struct flat *f, const struct doc_line *line, size_t at,
	   const struct wrap_options *o, size_t *next_out)
{
	struct str rest = str_from(buf_str(&f->text), at);
	int cols = room(line, at == 0, o);
	bool at_words = o->at_words && !(line->flags & DOC_PREFORMATTED);
	size_t len = 0, word_end = 0, word_next = 0;
	int used = 0;

	while (len < rest.len) {
		int width;
		size_t n = utf8_grapheme(str_from(rest, len), &width);
		bool is_blank = rest.ptr[len] == ' ';
		if (used + width > cols && !(is_blank && at_words)) {
			/* A character wider than all there is: shown anyway, cut. */
			if (len == 0)
				len = n;
			break;
		}
		if (is_blank && used > 0 && (len == 0 || rest.ptr[len - 1] != ' '))
			word_end = len;
		len += n;
		used += width;
		if (is_blank)
			word_next = len;
	}
	if (len >= rest.len) {
		*next_out = f->text.len;
		/* Blanks that hang over the edge are not shown. */
		return f->text.len;
	}
	if (at_words && word_end > 0) {
		*next_out = at + word_next;
		return at + word_end;
	}
	*next_out = at + len;
	return at + len;
}
