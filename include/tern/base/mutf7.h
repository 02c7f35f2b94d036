/* Mailbox names on the wire: modified UTF-7 (RFC 3501, 5.1.3). Everywhere in
 * tern a mailbox is named by the server's own bytes; people see and type UTF-8. */
#ifndef TERN_BASE_MUTF7_H
#define TERN_BASE_MUTF7_H

#include <stdbool.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

/* Append the wire form of a name that somebody typed. USER if it is not valid
 * UTF-8, or holds a control character. */
int mutf7_encode(struct buf *out, struct str utf8, struct err *err);
/* Append the name as UTF-8. Strict: false, with nothing appended, for what
 * mutf7_encode() would not write (stray 8-bit, bad base64, encoded ASCII,
 * unpaired surrogates, controls): then two names could look like one. */
bool mutf7_decode(struct buf *out, struct str wire);
/* For showing: as mutf7_decode(); a name that is none, as it is, made valid. */
void mutf7_show(struct buf *out, struct str wire);

#endif
