/* For the files of this module alone. */
#ifndef MIME_INTERNAL_H
#define MIME_INTERNAL_H

#include <stdint.h>
#include "tern/base/mem.h"
#include "tern/base/vec.h"
#include "tern/mime.h"

struct charset_table {
	const char *name;
	uint16_t high[128]; /* the code points of bytes 0x80 to 0xff */
};

extern const struct charset_table charset_tables[];
extern const size_t n_charset_tables;

/* Controls (NUL, line ends, tabs, DEL) of the bytes from `at` on become blanks:
 * a header's text is one line, whatever was encoded in it. */
void mime_blank_controls(struct buf *b, size_t at);
/* The value of a hexadecimal digit, -1 if it is none. */
int mime_hex(char c);
/* Append s with %XX taken out. */
/* Bytes that are written as a mark and two hex digits; in Q a `_` is a blank. */
void mime_add_hex_decoded(struct buf *out, struct str s, char mark, bool is_q);
/* The arena's copy of a buf. */
struct str mime_keep(struct arena *a, const struct buf *b);
/* The longest prefix of valid UTF-8 `s` of at most `max` bytes. */
struct str mime_utf8_head(struct str s, size_t max);

/* An address list as most are: printable ASCII, names without more than single
 * blanks or quotes around them. False, and nothing in *out, for any other; then
 * mime_parse_addresses() is asked, which gives the same for these. Borrows. */
bool mime_plain_addresses(struct arena *a, struct str raw, size_t max,
			  struct mime_addresses *out);

#endif
