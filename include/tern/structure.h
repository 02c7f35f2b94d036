/* The MIME structure of a message as the server tells it (BODYSTRUCTURE), in
 * the form that frames and the store carry: its parts in preorder. */
#ifndef TERN_STRUCTURE_H
#define TERN_STRUCTURE_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/err.h"
#include "tern/base/str.h"
#include "tern/ipc.h"

#define STRUCTURE_MAX_PARTS 1000
#define STRUCTURE_MAX_DEPTH 50

struct part {
	uint8_t depth;	     /* 0 for the message's own body */
	uint32_t n_children; /* of a multipart, or 1 below message/rfc822 */
	struct str section;  /* "1.2"; "" for a multipart at the top, "1" for a single part */
	struct str type;     /* lower case: "text" */
	struct str subtype;  /* lower case: "plain" */
	struct str charset;  /* as sent, may be empty */
	struct str boundary; /* of a multipart */
	struct str params;   /* the other parameters of Content-Type: "; name=value" as a
				header may carry them, without CR LF */
	struct str name;     /* decoded file name, UTF-8: from disposition, else type */
	struct str disposition; /* lower case: "attachment", "inline" or empty */
	struct str encoding; /* lower case: "base64" */
	struct str content_id;
	struct str description; /* decoded UTF-8 */
	uint32_t size_octets; /* as transferred (encoded) */
	uint32_t n_lines;
};

struct structure {
	struct part *parts;
	size_t n_parts;
};

void structure_put(struct buf *b, const struct structure *s);
/* The parts lie in the arena, their slices in `data`. */
int structure_get(struct str data, struct arena *a, struct structure *out, struct err *err);

/* The text to read first: the first text/plain that is not an attachment, of an
 * alternative the type that stands first in `prefer` ("text/html text/plain",
 * may be empty), else text/html, else the first text. -1 if there is none. */
int structure_text(const struct structure *s, struct str prefer);
/* A part that a reader would call an attachment. */
bool part_is_attachment(const struct part *p);

#endif
