/* Bytes from the terminal become keys. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"

#define DEFAULT_ESCAPE_MS 25
#define MAX_REPORT 4096	     /* a longer answer of the terminal is not one */
#define MAX_PASTE (1 << 20) /* one piece of a paste; a longer one comes in pieces */

struct learnt {
	char *sequence;
	uint32_t key;
};

struct ui_input {
	struct buf bytes;
	struct buf paste;
	bool in_paste;
	int escape_ms;
	int64_t last_ms;
	bool waits; /* what is there may be the beginning of something longer */
	VEC(struct learnt) learnt;
};

static const struct {
	const char *sequence;
	uint32_t key;
} xterm_keys[] = {
	{ "\033[A", KEYC_UP },	       { "\033[B", KEYC_DOWN },	      { "\033[C", KEYC_RIGHT },
	{ "\033[D", KEYC_LEFT },       { "\033[H", KEYC_HOME },	      { "\033[F", KEYC_END },
	{ "\033OA", KEYC_UP },	       { "\033OB", KEYC_DOWN },	      { "\033OC", KEYC_RIGHT },
	{ "\033OD", KEYC_LEFT },       { "\033OH", KEYC_HOME },	      { "\033OF", KEYC_END },
	{ "\033[1~", KEYC_HOME },      { "\033[4~", KEYC_END },	      { "\033[7~", KEYC_HOME },
	{ "\033[8~", KEYC_END },       { "\033[2~", KEYC_INSERT },    { "\033[3~", KEYC_DELETE },
	{ "\033[5~", KEYC_PAGEUP },    { "\033[6~", KEYC_PAGEDOWN },  { "\033[Z", KEYC_BACKTAB },
	{ "\033OM", KEYC_KP_ENTER },   { "\033OP", KEYC_F1 },	      { "\033OQ", KEYC_F1 + 1 },
	{ "\033OR", KEYC_F1 + 2 },     { "\033OS", KEYC_F1 + 3 },     { "\033[11~", KEYC_F1 },
	{ "\033[12~", KEYC_F1 + 1 },   { "\033[13~", KEYC_F1 + 2 },   { "\033[14~", KEYC_F1 + 3 },
	{ "\033[15~", KEYC_F1 + 4 },   { "\033[17~", KEYC_F1 + 5 },   { "\033[18~", KEYC_F1 + 6 },
	{ "\033[19~", KEYC_F1 + 7 },   { "\033[20~", KEYC_F1 + 8 },   { "\033[21~", KEYC_F1 + 9 },
	{ "\033[23~", KEYC_F1 + 10 },  { "\033[24~", KEYC_F1 + 11 },  { "\033[25~", KEYC_F1 + 12 },
	{ "\033[26~", KEYC_F1 + 13 },  { "\033[28~", KEYC_F1 + 14 },  { "\033[29~", KEYC_F1 + 15 },
	{ "\033[31~", KEYC_F1 + 16 },  { "\033[32~", KEYC_F1 + 17 },  { "\033[33~", KEYC_F1 + 18 },
	{ "\033[34~", KEYC_F1 + 19 },  { "\177", KEYC_BACKSPACE },
};

struct ui_input *
ui_input_new(int escape_ms)
{
	struct ui_input *in = xcalloc(1, sizeof(*in));

	in->bytes = in->paste = (struct buf)BUF_INIT;
	in->escape_ms = escape_ms > 0 ? escape_ms : DEFAULT_ESCAPE_MS;
	return in;
}

void
ui_input_free(struct ui_input *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < in->learnt.n; i++)
		free(in->learnt.v[i].sequence);
	vec_release(&in->learnt);
	buf_wipe(&in->bytes); /* passwords come this way */
	buf_wipe(&in->paste);
	free(in);
}

void
ui_input_learn(struct ui_input *in, const char *sequence, uint32_t key)
{
	struct learnt l = { xstrdup(sequence), key };

	if (sequence[0] == '\0')
		free(l.sequence);
	else
		vec_push(&in->learnt, l);
}

void
ui_input_feed(struct ui_input *in, struct str bytes, int64_t now_ms)
{
	buf_addstr(&in->bytes, bytes);
	in->last_ms = now_ms;
	in->waits = false;
}

/* How a sequence and what is there agree. */
enum fit { FIT_NO, FIT_PART, FIT_WHOLE };

static enum fit
fits(const char *sequence, struct str s)
{
	size_t len = strlen(sequence);
	size_t common = len < s.len ? len : s.len;

	if (memcmp(sequence, s.ptr, common) != 0)
		return FIT_NO;
	return len <= s.len ? FIT_WHOLE : FIT_PART;
}

/* The longest known sequence at the start of s: its length, or 0. */
static size_t
known_sequence(const struct ui_input *in, struct str s, uint32_t *key_out, bool *is_part_out)
{
	size_t best = 0;

	*is_part_out = false;
	for (size_t i = 0; i < in->learnt.n + ARRAY_LEN(xterm_keys); i++) {
		bool is_own = i < in->learnt.n;
		const char *sequence = is_own ? in->learnt.v[i].sequence :
						xterm_keys[i - in->learnt.n].sequence;
		uint32_t key = is_own ? in->learnt.v[i].key : xterm_keys[i - in->learnt.n].key;
		enum fit fit = fits(sequence, s);
		if (fit == FIT_PART)
			*is_part_out = true;
		if (fit == FIT_WHOLE && strlen(sequence) > best) {
			best = strlen(sequence);
			*key_out = key;
		}
	}
	return best;
}

/* ESC [ 1 ; 5 C: xterm's modified keys; also any other control sequence, which
 * is eaten (KEYC_NONE): it is an answer of the terminal or a key unknown to us. */
static size_t
control_sequence(const struct ui_input *in, struct str s, uint32_t *key_out, bool *is_part_out)
{
	size_t i = 2;

	*is_part_out = false;
	if (s.len < 2 || s.ptr[1] != '[')
		return 0;
	while (i < s.len && (unsigned char)s.ptr[i] >= 0x20 && (unsigned char)s.ptr[i] < 0x40)
		i++;
	if (i == s.len) {
		*is_part_out = i < MAX_REPORT;
		return 0;
	}
	if ((unsigned char)s.ptr[i] < 0x40 || (unsigned char)s.ptr[i] > 0x7e)
		return 0;
	*key_out = KEYC_NONE;
	unsigned first = 0, modifier = 0;
	char plain[16];
	char final = s.ptr[i];
	if (i < 12 && sscanf(s.ptr + 2, "%u;%u", &first, &modifier) == 2 && modifier >= 2 &&
	    modifier <= 8) {
		if (final == '~')
			snprintf(plain, sizeof(plain), "\033[%u~", first);
		else
			snprintf(plain, sizeof(plain), final >= 'P' && final <= 'S' ? "\033O%c" :
										     "\033[%c",
				 final);
		bool is_part;
		uint32_t key;
		if (known_sequence(in, str_c(plain), &key, &is_part) == strlen(plain))
			*key_out = key | ((modifier - 1) & 1 ? KEYC_SHIFT : 0) |
				   ((modifier - 1) & 2 ? KEYC_ALT : 0) |
				   ((modifier - 1) & 4 ? KEYC_CTRL : 0);
	}
	return i + 1;
}

/* ESC ] ... ESC \ or BEL, ESC P ... ESC \: answers of the terminal, eaten. */
static size_t
string_report(struct str s, bool *is_part_out)
{
	*is_part_out = false;
	if (s.len < 2 || (s.ptr[1] != ']' && s.ptr[1] != 'P' && s.ptr[1] != '_'))
		return 0;
	for (size_t i = 2; i < s.len && i < MAX_REPORT; i++) {
		if (s.ptr[i] == '\a')
			return i + 1;
		if (s.ptr[i] == '\033' && i + 1 < s.len && s.ptr[i + 1] == '\\')
			return i + 2;
	}
	*is_part_out = s.len < MAX_REPORT;
	return 0;
}

static const char paste_begin[] = "\033[200~";
static const char paste_end[] = "\033[201~";

static enum ui_input_kind
take_paste(struct ui_input *in, struct str *paste_out)
{
	long end = str_find_str(buf_str(&in->bytes), str_c(paste_end));
	size_t keep = sizeof(paste_end) - 2; /* the end may be cut in two */

	buf_reset(&in->paste);
	if (end < 0 && in->bytes.len < MAX_PASTE + keep)
		return UI_INPUT_NONE;
	size_t len = end >= 0 ? (size_t)end : in->bytes.len - keep;
	buf_add(&in->paste, in->bytes.ptr, len);
	buf_consume(&in->bytes, len + (end >= 0 ? sizeof(paste_end) - 1 : 0));
	in->in_paste = end < 0;
	*paste_out = buf_str(&in->paste);
	return UI_INPUT_PASTE;
}

/* The next key of what is there: bytes taken, 0 if it may need more. */
static size_t
take_key(struct ui_input *in, bool is_late, uint32_t *key_out)
{
	struct str s = buf_str(&in->bytes);
	bool may_grow, is_part;
	size_t len = known_sequence(in, s, key_out, &may_grow);

	if (fits(paste_begin, s) == FIT_PART)
		may_grow = true;
	if (len > 0 && (!may_grow || is_late))
		return len;
	if (may_grow && !is_late)
		return 0;
	if (s.ptr[0] == '\033') {
		len = control_sequence(in, s, key_out, &is_part);
		may_grow = is_part;
		if (len == 0) {
			*key_out = KEYC_NONE;
			len = string_report(s, &is_part);
			may_grow |= is_part;
		}
		if (len > 0)
			return len;
		if (may_grow && !is_late)
			return 0;
		*key_out = KEYC_ESC;
		return 1;
	}
	/* A character that has not come whole: at most three bytes more. */
	unsigned char lead = (unsigned char)s.ptr[0];
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
	if (s.len < want && !is_late)
		return 0;
	len = utf8_decode(s, key_out);
	return len;
}

enum ui_input_kind
ui_input_next(struct ui_input *in, int64_t now_ms, uint32_t *key_out, struct str *paste_out)
{
	in->waits = false;
	while (in->bytes.len > 0) {
		if (!in->in_paste && fits(paste_begin, buf_str(&in->bytes)) == FIT_WHOLE) {
			buf_consume(&in->bytes, sizeof(paste_begin) - 1);
			in->in_paste = true;
		}
		if (in->in_paste)
			return take_paste(in, paste_out);
		bool is_late = now_ms - in->last_ms >= in->escape_ms;
		uint32_t key = KEYC_NONE;
		size_t len = take_key(in, is_late, &key);
		if (len == 0) {
			in->waits = true;
			return UI_INPUT_NONE;
		}
		buf_consume(&in->bytes, len);
		if (key != KEYC_NONE) {
			*key_out = key;
			return UI_INPUT_KEY;
		}
	}
	return UI_INPUT_NONE;
}

int64_t
ui_input_deadline(const struct ui_input *in)
{
	return in->waits ? in->last_ms + in->escape_ms : TICK_NEVER;
}
