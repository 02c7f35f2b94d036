/* Lines into frames: bounds, splitting, links. */
#include <stdarg.h>
#include <string.h>
#include "tern/base/map.h"
#include "tern/base/utf8.h"
#include "internal.h"

#define TAB_COLS 8
#define PART_FRAME_BYTES (512 * 1024)

void
out_init(struct out *o, struct arena *a, uint32_t first_lines, render_send *send, void *ctx)
{
	memset(o, 0, sizeof(*o));
	o->send = send;
	o->ctx = ctx;
	o->arena = a;
	o->frame_lines = first_lines > 0 ? first_lines : DOC_FIRST_LINES;
	if (o->frame_lines > DOC_BATCH_LINES)
		o->frame_lines = DOC_BATCH_LINES;
	o->is_last_blank = true;
	buf_init(&o->lines);
}

void
out_release(struct out *o)
{
	buf_release(&o->lines);
	map_release(&o->link_numbers, NULL);
	vec_release(&o->links);
}

void
out_flush(struct out *o)
{
	struct msg_r_lines m = { .n = o->n_lines, .lines = buf_str(&o->lines) };
	struct buf payload = BUF_INIT;

	if (o->n_lines == 0)
		return;
	msg_put_r_lines(&payload, &m);
	o->send(MSG_R_LINES, buf_str(&payload), o->ctx);
	buf_release(&payload);
	buf_reset(&o->lines);
	o->n_lines = 0;
	o->frame_lines = DOC_BATCH_LINES;
}

/* Exactly as it is: what is too much has been cut before. */
static void
put(struct out *o, const struct doc_line *line)
{
	doc_put_line(&o->lines, line);
	o->n_lines++;
	o->total_lines++;
	o->total_bytes += line->text.len;
	o->is_last_blank = line->kind == DOC_BLANK;
	if (o->n_lines >= o->frame_lines || o->lines.len >= DOC_BATCH_BYTES)
		out_flush(o);
}

static bool
has_room(struct out *o)
{
	if (o->is_cut)
		return false;
	if (o->total_lines < DOC_MAX_LINES && o->total_bytes < RENDER_MAX_TEXT_BYTES)
		return true;
	struct doc_line line = { .kind = DOC_NOTICE, .text = STR("[the text is longer than "
								  "can be shown here]") };
	put(o, &line);
	o->is_cut = true;
	return false;
}

/* The spans of a line that lie in one piece of its text, counted from there. */
static size_t
clip_spans(const struct doc_line *line, size_t from, size_t len, struct doc_span *room)
{
	size_t n = 0;

	for (size_t i = 0; i < line->n_spans && n < DOC_MAX_SPANS; i++) {
		struct doc_span s = line->spans[i];
		size_t end = (size_t)s.start + s.len;
		if (end <= from || s.start >= from + len)
			continue;
		size_t start = s.start > from ? s.start - from : 0;
		end = end - from < len ? end - from : len;
		s.start = (uint32_t)start;
		s.len = (uint32_t)(end - start);
		room[n++] = s;
	}
	return n;
}

static size_t
piece_bytes(struct str text, size_t from)
{
	size_t n = text.len - from;

	if (n <= DOC_MAX_LINE_BYTES)
		return n;
	n = DOC_MAX_LINE_BYTES;
	while (n > 1 && ((unsigned char)text.ptr[from + n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void
put_pieces(struct out *o, const struct doc_line *line)
{
	static struct doc_span room[DOC_MAX_SPANS];
	size_t from = 0;

	do {
		struct doc_line piece = *line;
		size_t n = piece_bytes(line->text, from);
		if (!has_room(o))
			return;
		piece.text = str_n(line->text.ptr + from, n);
		piece.n_spans = clip_spans(line, from, n, room);
		piece.spans = room;
		from += n;
		if (from < line->text.len)
			piece.flags |= DOC_CONTINUES;
		put(o, &piece);
	} while (from < line->text.len);
}

/* What stands in text for the columns it takes. Spans are only on lines that
 * have no tabs: headers and HTML. */
static void
add_without_tabs(struct buf *b, struct str s)
{
	struct str piece;
	int col = 0;

	for (bool is_first = true; str_next(&s, '\t', &piece); is_first = false) {
		if (!is_first) {
			int n = TAB_COLS - col % TAB_COLS;
			buf_addn(b, ' ', (size_t)n);
			col += n;
		}
		buf_addstr(b, piece);
		col += utf8_cols(piece);
	}
}

static bool
is_clean(struct str s)
{
	return str_find(s, '\t') < 0 && str_find(s, '\n') < 0 && str_find(s, '\0') < 0 &&
	       utf8_is_valid(s);
}

void
out_line(struct out *o, const struct doc_line *line)
{
	struct doc_line clean = *line;
	struct buf b = BUF_INIT, valid = BUF_INIT;

	if (clean.quote > DOC_MAX_QUOTE)
		clean.quote = DOC_MAX_QUOTE;
	if (!is_clean(line->text)) {
		utf8_add_valid(&valid, line->text);
		for (size_t i = 0; i < valid.len; i++)
			if (valid.ptr[i] == '\0' || valid.ptr[i] == '\n')
				valid.ptr[i] = ' ';
		add_without_tabs(&b, buf_str(&valid));
		clean.text = buf_str(&b);
		if (b.len != line->text.len)
			clean.n_spans = 0;
	}
	if (clean.text.ptr == NULL)
		clean.text = STR("");
	put_pieces(o, &clean);
	buf_release(&b);
	buf_release(&valid);
}

void
out_blank(struct out *o, int quote)
{
	struct doc_line line = { .kind = DOC_BLANK, .quote = (uint8_t)quote };

	out_line(o, &line);
}

void
out_space(struct out *o, int quote)
{
	if (!o->is_last_blank)
		out_blank(o, quote);
}

void
out_notice(struct out *o, uint8_t flags, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	struct doc_line line = { .kind = DOC_NOTICE, .flags = flags, .text = buf_str(&b) };
	out_line(o, &line);
	buf_release(&b);
}

/* What may be opened when the user asks for it; nothing else is a link. */
static bool
is_link_target(struct str s)
{
	static const char *const schemes[] = { "http://", "https://", "ftp://", "ftps://",
					       "mailto:", "tel:",     "sip:",	"xmpp:",
					       "news:",	  "geo:",     "irc://", "gemini://" };

	if (s.len > RENDER_MAX_URL_BYTES)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_istarts(s, schemes[i]))
			return s.len > strlen(schemes[i]);
	return false;
}

int
out_link(struct out *o, struct str target)
{
	struct buf b = BUF_INIT;
	int number = 0;

	/* Blanks and controls in a URL are taken out (as browsers do). */
	for (size_t i = 0; i < target.len && b.len <= RENDER_MAX_URL_BYTES; i++)
		if ((unsigned char)target.ptr[i] > ' ' && target.ptr[i] != 0x7f)
			buf_addc(&b, target.ptr[i]);
	if (is_link_target(buf_str(&b)) && utf8_is_valid(buf_str(&b))) {
		number = (int)(intptr_t)map_get(&o->link_numbers, buf_str(&b));
		if (number == 0 && o->links.n < DOC_MAX_LINKS) {
			vec_push(&o->links, arena_str(o->arena, buf_str(&b)));
			number = (int)o->links.n;
			map_set(&o->link_numbers, buf_str(&b), (void *)(intptr_t)number);
		}
	}
	buf_release(&b);
	return number;
}

static void
send_parts(struct out *o, struct buf *blob, uint32_t *n)
{
	struct msg_r_parts m = { .n = *n, .parts = buf_str(blob) };
	struct buf payload = BUF_INIT;

	if (*n > 0) {
		msg_put_r_parts(&payload, &m);
		o->send(MSG_R_PARTS, buf_str(&payload), o->ctx);
	}
	buf_release(&payload);
	buf_reset(blob);
	*n = 0;
}

void
out_parts(struct out *o, const struct doc_part *parts, size_t n_parts)
{
	struct buf blob = BUF_INIT;
	uint32_t n = 0;

	for (size_t i = 0; i < n_parts; i++) {
		doc_put_part(&blob, &parts[i]);
		n++;
		if (blob.len > PART_FRAME_BYTES)
			send_parts(o, &blob, &n);
	}
	send_parts(o, &blob, &n);
	buf_release(&blob);
}

static void
send_links(struct out *o, struct buf *blob, uint32_t *n)
{
	struct msg_r_links m = { .n = *n, .links = buf_str(blob) };
	struct buf payload = BUF_INIT;

	if (*n > 0) {
		msg_put_r_links(&payload, &m);
		o->send(MSG_R_LINKS, buf_str(&payload), o->ctx);
	}
	buf_release(&payload);
	buf_reset(blob);
	*n = 0;
}

static void
put_links(struct out *o)
{
	struct buf blob = BUF_INIT;
	uint32_t n = 0;

	for (size_t i = 0; i < o->links.n; i++) {
		ipc_put_str(&blob, o->links.v[i]);
		n++;
		if (blob.len > PART_FRAME_BYTES)
			send_links(o, &blob, &n);
	}
	send_links(o, &blob, &n);
	buf_release(&blob);
}

void
out_end(struct out *o, bool has_more, struct str subject)
{
	struct msg_r_end m = { .n_lines = o->total_lines,
			       .is_cut = o->is_cut,
			       .has_more = has_more,
			       .subject = subject };
	struct buf payload = BUF_INIT;

	out_flush(o);
	put_links(o);
	msg_put_r_end(&payload, &m);
	o->send(MSG_R_END, buf_str(&payload), o->ctx);
	buf_release(&payload);
}
