/* Internet messages: header fields, encoded words, addresses, dates, transfer
 * encodings, charsets, the tree of parts.
 *
 * Pure functions over bytes of a stranger: no input or output, no error that
 * loses text. Whatever is malformed is given as well as it can be read. Time
 * is linear in the input, memory bounded by it, and every limit below holds.
 * Text that comes out is valid UTF-8 without NUL; it may still hold controls
 * and bidi characters: the terminal's gate (utf8_add_safe) is the interface's.
 * Results live in the caller's arena or buf; slices called `raw` are borrowed
 * from the input. Any program may call it; a sandboxed one calls
 * mime_charset_preload() before it locks itself in. */
#ifndef TERN_MIME_H
#define TERN_MIME_H

#include <stdbool.h>
#include <stdint.h>
#include "tern/base/arena.h"
#include "tern/base/buf.h"
#include "tern/base/str.h"

enum {
	MIME_MAX_DEPTH = 50,
	MIME_MAX_PARTS = 1000,
	MIME_MAX_HEADER_BYTES = 1024 * 1024,
	MIME_MAX_FIELDS = 10000,
	MIME_MAX_PARAMS = 100,
	MIME_MAX_ADDRESSES = 10000,
	MIME_MAX_IDS = 1000,
	/* of a row */
	MIME_ROW_MAX_SUBJECT = 1000,
	MIME_ROW_MAX_NAME = 250,
	MIME_ROW_MAX_ADDR = 320,
	MIME_ROW_MAX_ID = 990,
	MIME_ROW_MAX_ADDRESSES = 64,
	MIME_ROW_MAX_ANCESTORS = 64,
};

/* --- Header fields --------------------------------------------------------- */

struct mime_field {
	struct str name; /* raw, without the colon and blanks before it */
	struct str body; /* raw, folded, without the last line end */
};

/* Cut the next field off *header, which starts at a field or a blank line.
 * Lines that are no field are skipped. False at the blank line or the end. */
bool mime_next_field(struct str *header, struct mime_field *field_out);
/* The first field of that name; its body is empty if there is none. */
struct str mime_find_field(struct str header, const char *name);
/* Where the header ends: the bytes up to and with the blank line. */
size_t mime_header_bytes(struct str message);
/* Append a body with its folds taken out; NUL and other controls become blanks. */
void mime_unfold(struct buf *out, struct str raw);

/* --- Text in headers: RFC 2047 --------------------------------------------- */

/* Append an unstructured body as UTF-8: unfolded, encoded words decoded,
 * adjacent ones joined, raw 8-bit taken as UTF-8, else as `assumed` (an empty
 * one is windows-1252). Controls become blanks. */
void mime_decode_text(struct buf *out, struct str raw, struct str assumed);
/* As before, by the field's kind: addresses are parsed and put together again,
 * so that a name cannot look like an address or like two. */
void mime_decode_field(struct buf *out, struct mime_field field, struct str assumed);

/* --- Addresses: RFC 5322 ---------------------------------------------------- */

struct mime_address {
	struct str name;  /* decoded; may be empty. A group: its name, no address */
	struct str addr;  /* local@domain, or what stood there; empty for a group */
	bool is_group;	  /* "undisclosed-recipients:;" with nobody in it, or a group's start */
	bool is_malformed; /* addr is not local@domain */
};

struct mime_addresses {
	struct mime_address *v;
	size_t n;
	size_t n_left_out; /* beyond MIME_MAX_ADDRESSES, or the caller's limit */
};

/* Nothing is lost: what cannot be parsed becomes the addr of a malformed one.
 * At most `max` (0: MIME_MAX_ADDRESSES). */
void mime_parse_addresses(struct arena *a, struct str raw, struct str assumed, size_t max,
			  struct mime_addresses *out);
/* Append "Name <addr>", the name quoted where it must be. */
void mime_add_address(struct buf *out, const struct mime_address *address);
void mime_add_addresses(struct buf *out, const struct mime_addresses *list);

/* --- Dates, message ids ------------------------------------------------------ */

struct mime_date {
	int64_t utc_s;	      /* seconds since 1970 */
	int16_t zone_minutes; /* east of Greenwich is positive */
};

/* RFC 5322 with its obsolete zones, and the usual broken forms. False if it is
 * no date, or none between the years 1900 and 9999. */
bool mime_parse_date(struct str raw, struct mime_date *date_out);

/* The next message id, without its <>: the lists of References and In-Reply-To,
 * or a Message-ID. Prose between them is skipped. */
bool mime_next_id(struct str *raw, struct str *id_out);
/* hash64 of an id as mime_next_id gives it; never 0, so that 0 can say none. */
uint64_t mime_id_hash(struct str id);

/* --- What a row of the index needs -------------------------------------------- */

struct mime_row {
	bool has_date;
	struct mime_date date;
	struct mime_addresses from, to, cc, reply_to;
	struct str subject;
	struct str message_id; /* without <>, empty if there is none */
	uint64_t id_hash;      /* 0 if there is none */
	/* Hashes of References and In-Reply-To, oldest first, no two the same, not
	 * its own; the last is the parent. If there are too many the first stays. */
	uint64_t *ancestors;
	size_t n_ancestors;
	struct str list_id;	 /* what stands in <>, else the text */
	struct str content_type; /* lower case "type/subtype", text/plain if absent */
};

/* Read header fields: the answer to BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC
 * REPLY-TO SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID CONTENT-TYPE)], or a
 * whole header. What *row points to lives in the arena, or in the header where it
 * stood there as it is; lengths as in MIME_ROW_MAX_*. */
void mime_row_headers(struct arena *a, struct str header, struct str assumed,
		      struct mime_row *row_out);

/* --- Content-Type and Content-Disposition: RFC 2045, 2183, 2231 ---------------- */

struct mime_param {
	struct str name;  /* lower case */
	struct str value; /* decoded, UTF-8 */
};

struct mime_value {
	struct str type;    /* lower case: "text", "attachment" */
	struct str subtype; /* lower case, empty if there is none */
	struct mime_param *params;
	size_t n_params;
};

void mime_parse_value(struct arena *a, struct str raw, struct str assumed,
		      struct mime_value *out);
/* The value of a parameter, empty if it is absent. */
struct str mime_param(const struct mime_value *v, const char *name);

/* --- Charsets ------------------------------------------------------------------ */

/* Load the converters of all charsets that mail uses: afterwards they need no file. */
void mime_charset_preload(void);
/* What senders really mean by a name (iso-8859-1 is windows-1252, gb2312 is
 * gb18030); NULL if it is no charset that we know. */
const char *mime_charset_canonical(struct str name);
/* Append bytes in one piece. Empty or unknown names: guessed. */
void mime_to_utf8(struct buf *out, struct str bytes, struct str charset, struct str assumed);

/* As a stream; what cannot be converted becomes U+FFFD. Without a charset, or
 * with us-ascii, each line by itself is UTF-8 if it can be, else the first of
 * `assumed` (names with colons between, as $assumed_charset) that it can be, else
 * windows-1252. */
struct mime_charset;
struct mime_charset *mime_charset_new(struct str charset, struct str assumed);
void mime_charset_free(struct mime_charset *c);
void mime_charset_feed(struct mime_charset *c, struct str bytes, bool is_last,
		       struct buf *out);
bool mime_charset_is_known(const struct mime_charset *c);

/* --- Transfer encodings ----------------------------------------------------------- */

enum mime_encoding {
	MIME_7BIT, /* also 8bit, binary, and what is not known */
	MIME_BASE64,
	MIME_QP,
	MIME_UUENCODE,
};

enum mime_encoding mime_encoding(struct str name);
const char *mime_encoding_name(enum mime_encoding e);

/* A stream: chunks of any size in, decoded bytes appended to `out`. Its state is
 * a plain value; it may be copied, and needs no release. */
struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t bits;	     /* base64: what has come of the group of four */
	uint8_t n_bits;	     /* how many characters of it */
	bool is_done;	     /* base64: padding came. uuencode: end came */
	bool has_begun;	     /* uuencode: begin came */
	uint16_t held;	     /* bytes in `hold`: the start of a line or an escape */
	char hold[256];
	bool has_bad_bytes;  /* something was skipped */
};

void mime_decoder_init(struct mime_decoder *d, enum mime_encoding encoding);
void mime_decoder_feed(struct mime_decoder *d, struct str chunk, bool is_last,
		       struct buf *out);

/* --- format=flowed: RFC 3676 --------------------------------------------------------- */

/* Takes lines (without their ends), gives paragraphs. */
struct mime_flowed {
	bool has_delsp;
	bool is_open; /* `text` waits for its next line */
	int quote;
	struct buf text;
};

typedef void mime_flowed_each(struct str paragraph, int quote, bool is_fixed, void *ctx);
void mime_flowed_init(struct mime_flowed *f, bool has_delsp);
void mime_flowed_line(struct mime_flowed *f, struct str line, mime_flowed_each *each,
		      void *ctx);
void mime_flowed_end(struct mime_flowed *f, mime_flowed_each *each, void *ctx);
void mime_flowed_release(struct mime_flowed *f);

/* --- The tree of a message in memory --------------------------------------------------- */

enum mime_limit { MIME_LIMIT_NONE, MIME_LIMIT_DEPTH, MIME_LIMIT_PARTS, MIME_LIMIT_HEADER };

/* What a skeleton says of a part that is not all there. */
enum mime_presence { MIME_COMPLETE, MIME_PARTIAL, MIME_NOT_FETCHED };

struct mime_part {
	struct str section; /* as in IMAP: "1.2"; empty for a multipart at the top */
	struct str header;  /* raw */
	struct str body;    /* raw, encoded */
	struct mime_value type;
	struct mime_value disposition; /* type is empty if there is none */
	enum mime_encoding encoding;
	struct str file_name; /* decoded, of the sender's choosing: never a path */
	struct str charset;   /* as given; may be empty */
	enum mime_presence presence;
	uint64_t octets;      /* encoded size: said by the skeleton, else counted */
	enum mime_limit limit; /* why it was not taken apart further */
	int depth;
	/* Indexes into the message's parts, -1 for none. */
	int parent, first_child, next;
};

struct mime_message {
	struct mime_part *parts; /* in the order of the text; the first is the message */
	size_t n_parts;
	enum mime_limit limit; /* the last limit met anywhere */
};

/* Header of a part that a skeleton has left out, or not all of:
 *	X-Tern-Part: not-fetched; octets=1234
 *	X-Tern-Part: partial; octets=1234
 * octets: the encoded size at the server. A partial one is complete once its
 * body is that long: a file that grows needs no change in its header. */
#define MIME_PART_FIELD "X-Tern-Part"

void mime_parse_message(struct arena *a, struct str message, struct str assumed,
			struct mime_message *out);
bool mime_type_is(const struct mime_part *p, const char *type, const char *subtype);

#endif
