/* Between wrap.c and pager.c: one logical line of a document, as text that may be
 * shown, and the pieces of it that fill one line of the screen each. */
#ifndef VIEW_WRAP_H
#define VIEW_WRAP_H

#include "internal.h"

/* The line's text through the gate, tabs as blanks; spans where they are then. */
struct flat {
	struct buf text;
	struct flat_span {
		size_t start, len;
		uint8_t style; /* enum doc_style */
	} *spans;
	size_t n_spans, cap_spans;
};

void flat_set(struct flat *f, const struct doc_line *line);
void flat_release(struct flat *f);

struct wrap_options {
	int cols;
	bool at_words; /* $smart_wrap */
	bool markers;
};

/* The next piece from `at` on: its end; *next_out is where the one after begins
 * (blanks at the break are left out). */
size_t wrap_piece(const struct flat *f, const struct doc_line *line, size_t at,
		  const struct wrap_options *o, size_t *next_out);
/* What stands in front of a piece: quote marks, indentation, the marker. */
void wrap_prefix(const struct doc_line *line, bool is_first, const struct wrap_options *o,
		 struct buf *out);

#endif
