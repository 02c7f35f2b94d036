/* BODYSTRUCTURE by libetpan's grammar, behind its public calls: a session on
 * memory that sees this one value and nothing else of the server's. */
#ifndef TERN_IMAP_BODYSTRUCTURE_H
#define TERN_IMAP_BODYSTRUCTURE_H

#include "tern/base/arena.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/structure.h"

struct bodystructure_parser; /* keeps a session, which is what takes time */

struct bodystructure_parser *bodystructure_parser_new(void);
void bodystructure_parser_free(struct bodystructure_parser *p);
/* `raw` is the value in the response. -1 with PROTO if it cannot be parsed, is
 * too deep or too big; then this one message has no structure. All of *out is
 * in the arena: valid UTF-8 without NUL, CR, LF, each text of bounded length. */
int bodystructure_parse(struct bodystructure_parser *p, struct str raw, struct arena *a,
			struct structure *out, struct err *err);

#endif
