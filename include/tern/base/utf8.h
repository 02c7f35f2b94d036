/* UTF-8: decoding, validity, and the width of what a terminal shows.
 * Widths are those of a terminal cell grid: 0, 1 or 2 columns per grapheme
 * cluster (UAX 29), emoji sequences 2. Data from utf8proc. */
#ifndef TERN_BASE_UTF8_H
#define TERN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/str.h"

#define UTF8_BAD 0xfffdU

/* Decode one code point at s[0]; returns its length in bytes, at least 1 if
 * s.len > 0. Bytes that are not UTF-8 give UTF8_BAD and length 1. */
size_t utf8_decode(struct str s, uint32_t *cp_out);
void utf8_add(struct buf *b, uint32_t cp);
bool utf8_is_valid(struct str s);
/* Append s with each bad byte replaced by U+FFFD. */
void utf8_add_valid(struct buf *b, struct str s);

/* The next grapheme cluster at the start of s: its bytes and its columns.
 * At most 64 bytes: longer combining runs are cut. Returns 0 for empty s. */
size_t utf8_grapheme(struct str s, int *cols_out);
int utf8_cols(struct str s);
/* The longest prefix of whole graphemes that fits in `cols`. */
struct str utf8_fit(struct str s, int cols, int *cols_used_out);

/* What the terminal must never see as it is: C0, C1, DEL, bidi controls, line
 * and paragraph separators, tags, surrogates, private use, unassigned. */
bool utf8_is_unsafe(uint32_t cp);
/* Append s as the terminal may have it: unsafe characters become visible
 * stand-ins (U+FFFD; ^X-like pictures U+2400.. for C0), bad bytes U+FFFD, tabs
 * and newlines a blank. The only way for text from outside to the screen. */
void utf8_add_safe(struct buf *b, struct str s);
/* Append s case-folded, for comparing and searching. */
void utf8_add_folded(struct buf *b, struct str s);

#endif
