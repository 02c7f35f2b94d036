/* The guard between the server's bytes and everything that reads them. */
#include "framer.h"

#include <string.h>

enum { MAX_LITERAL_DIGITS = 10 };

void
framer_init(struct framer *f, const struct framer_limits *limits)
{
	*f = (struct framer){ .in = BUF_INIT, .limits = *limits };
}

void
framer_release(struct framer *f)
{
	buf_wipe(&f->in);
}

void
framer_set_limits(struct framer *f, const struct framer_limits *limits)
{
	f->limits = *limits;
}

static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void
framer_allow(struct framer *f, uint64_t bytes, uint64_t responses)
{
	f->bytes_allowed = sum(f->bytes_allowed, bytes);
	f->responses_allowed = sum(f->responses_allowed, responses);
}

void
framer_limit(struct framer *f, uint64_t bytes, uint64_t responses)
{
	f->bytes_allowed = bytes;
	f->responses_allowed = responses;
}

char *
framer_room(struct framer *f, size_t want, size_t *room_out)
{
	/* Moving the rest to the front is free when there is none, and cheap when
	 * it is less than what went before. */
	if (f->start > 0 && f->in.len - f->start <= f->start) {
		buf_consume(&f->in, f->start);
		f->pos -= f->start;
		f->line_start -= f->start;
		f->start = 0;
	}
	buf_reserve(&f->in, want + 1);
	*room_out = f->in.cap - f->in.len - 1;
	return f->in.ptr + f->in.len;
}

void
framer_add(struct framer *f, size_t n)
{
	f->in.len += n;
	if (n > 0)
		f->in.ptr[f->in.len] = '\0';
}

void
framer_feed(struct framer *f, struct str bytes)
{
	size_t room;

	if (bytes.len == 0)
		return;
	memcpy(framer_room(f, bytes.len, &room), bytes.ptr, bytes.len);
	framer_add(f, bytes.len);
}

size_t
framer_pending(const struct framer *f)
{
	return f->in.len - f->start;
}

struct str
framer_take_rest(struct framer *f)
{
	struct str rest = { f->in.ptr + f->start, framer_pending(f) };

	f->start = f->pos = f->line_start = f->in.len;
	return rest;
}

static int
broken(struct framer *f, struct err *err, const char *why)
{
	f->is_broken = true;
	return err_set(err, ERR_PROTO, "the server sent %s", why);
}

/* "* OK", "A12 NO", "+ ": a line whose rest is text for people. */
static bool
is_status_line(struct str line)
{
	static const char *const words[] = { "OK", "NO", "BAD", "BYE", "PREAUTH" };
	struct str rest = line, word;

	if (line.len > 0 && line.ptr[0] == '+')
		return true;
	if (!str_next_word(&rest, &word) || !str_next_word(&rest, &word))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_ieqc(word, words[i]))
			return true;
	return false;
}

/* The length in {n} or {n+} at the end of a line: 1; 0 if there is none; -1 if
 * it is there and over the limits. */
static int
literal_at_end(const struct framer *f, struct str line, size_t *len_out)
{
	size_t i = line.len, digits = 0, len = 0;

	if (i < 3 || line.ptr[--i] != '}')
		return 0;
	if (line.ptr[i - 1] == '+')
		i--;
	size_t end = i;
	while (i > 0 && ascii_is_digit(line.ptr[i - 1])) {
		i--;
		digits++;
	}
	if (digits == 0 || i == 0 || line.ptr[i - 1] != '{')
		return 0;
	if (digits > MAX_LITERAL_DIGITS)
		return -1;
	for (; i < end; i++)
		len = len * 10 + (size_t)(line.ptr[i] - '0');
	*len_out = len;
	return len > f->limits.literal_bytes - f->literal_bytes ? -1 : 1;
}

/* Look at the bytes of a line: what is forbidden, and how deep it nests. Quotes
 * end with the line, so that one stray quote cannot hide the rest. */
static int
scan_piece(struct framer *f, struct str piece, struct err *err)
{
	if (memchr(piece.ptr, '\0', piece.len))
		return broken(f, err, "a NUL outside a literal");
	if (f->has_status)
		return 0;
	static const bool counts[256] = { ['\\'] = true, ['"'] = true, ['('] = true, [')'] = true };
	const char *p = piece.ptr, *end = piece.ptr + piece.len;
	uint32_t depth = f->depth, max_depth = f->max_depth;
	bool is_quoted = f->is_quoted;
	for (;; p++) {
		while (p < end && !counts[(unsigned char)*p])
			p++;
		if (p >= end)
			break;
		if (*p == '\\')
			p += is_quoted; /* may step over the end: the piece is whole lines' worth */
		else if (*p == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (*p == ')')
			depth -= depth > 0;
		else if (++depth > max_depth)
			max_depth = depth;
	}
	f->depth = depth;
	f->max_depth = max_depth;
	f->is_quoted = is_quoted;
	return 0;
}

static void
begin_response(struct framer *f)
{
	f->start = f->line_start = f->pos;
	f->line_bytes = f->literal_bytes = f->literal_left = f->n_literals = 0;
	f->depth = f->max_depth = 0;
	f->is_quoted = f->has_status = false;
}

/* The end of the line that starts at line_start: the position behind CR LF, or
 * 0 if it has not come. */
static size_t
find_line_end(struct framer *f)
{
	while (f->pos < f->in.len) {
		char *lf = memchr(f->in.ptr + f->pos, '\n', f->in.len - f->pos);
		if (!lf) {
			f->pos = f->in.len;
			return 0;
		}
		f->pos = (size_t)(lf - f->in.ptr) + 1;
		/* A lone LF is a byte like others: some servers let it through in strings. */
		if (f->pos - f->line_start >= 2 && lf[-1] == '\r')
			return f->pos;
	}
	return 0;
}

static bool
skip_literal(struct framer *f)
{
	size_t there = f->in.len - f->pos;
	size_t n = there < f->literal_left ? there : f->literal_left;

	f->pos += n;
	f->literal_left -= n;
	if (f->literal_left > 0)
		return false;
	f->line_start = f->pos;
	return true;
}

/* A line is complete. 1: the response is, too; 0: a literal follows. */
static int
end_line(struct framer *f, size_t end, struct err *err)
{
	struct str line = { f->in.ptr + f->line_start, end - 2 - f->line_start };
	size_t len;

	f->line_bytes += line.len;
	if (f->line_bytes > f->limits.line_bytes)
		return broken(f, err, "too long a line");
	if (f->n_literals == 0)
		f->has_status = is_status_line(line);
	if (scan_piece(f, line, err) < 0)
		return -1;
	int got = f->has_status ? 0 : literal_at_end(f, line, &len);
	if (got < 0)
		return broken(f, err, "too big a literal");
	if (got == 0)
		return 1;
	f->is_quoted = false;
	f->n_literals++;
	f->literal_bytes += len;
	f->literal_left = len;
	f->line_start = f->pos;
	return 0;
}

static int
spend(struct framer *f, size_t bytes, struct err *err)
{
	if (bytes > f->bytes_allowed || f->responses_allowed == 0)
		return broken(f, err, "more than was asked for");
	f->bytes_allowed -= bytes;
	f->responses_allowed--;
	return 0;
}

int
framer_next(struct framer *f, struct frame *out, struct err *err)
{
	if (f->is_broken)
		return broken(f, err, "something that broke the connection");
	for (;;) {
		if (f->literal_left > 0 && !skip_literal(f))
			break;
		size_t end = find_line_end(f);
		if (end == 0) {
			/* A line without end must not fill the memory. */
			if (f->line_bytes + (f->in.len - f->line_start) >
			    f->limits.line_bytes + 2)
				return broken(f, err, "too long a line");
			break;
		}
		int got = end_line(f, end, err);
		if (got < 0)
			return -1;
		if (got == 0)
			continue;
		if (spend(f, end - f->start, err) < 0)
			return -1;
		out->bytes = (struct str){ f->in.ptr + f->start, end - f->start };
		out->n_literals = f->n_literals;
		out->is_deep = f->max_depth > FRAMER_MAX_DEPTH;
		begin_response(f);
		return 1;
	}
	/* Not even the part that has come may be more than was asked for. */
	if (framer_pending(f) > f->bytes_allowed)
		return broken(f, err, "more than was asked for");
	return 0;
}
