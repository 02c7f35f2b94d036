/* mutt's format language: % expandos, widths, conditions, dates, fills. */
#include "internal.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

#define MAX_NESTING 20
#define MAX_FIELD_COLS 2000
#define MAX_DATE_FORMAT 128

struct expansion {
	const struct format_expando *table;
	const struct format_dates *dates;
	const void *ctx;
	struct format_line *out;
	int cols;     /* of the whole line */
	size_t start; /* where the line begins in out->text */
	int depth;
	bool has_filled;
};

void
format_line_release(struct format_line *l)
{
	buf_release(&l->text);
	free(l->spans);
	memset(l, 0, sizeof(*l));
	buf_init(&l->text);
}

void
format_line_reset(struct format_line *l)
{
	if (l->text.ptr == NULL)
		buf_init(&l->text);
	buf_reset(&l->text);
	l->n_spans = 0;
	l->missing_cols = 0;
}

static void
add_span(struct format_line *l, size_t start, size_t len, enum view_color color)
{
	if (len == 0 || color == VIEW_NORMAL)
		return;
	if (l->n_spans == l->cap_spans) {
		l->cap_spans = l->cap_spans * 2 + 8;
		l->spans = xreallocarray(l->spans, l->cap_spans, sizeof(*l->spans));
	}
	l->spans[l->n_spans++] = (struct format_span){ start, len, color };
}

/* ---- %-N.Mx ---------------------------------------------------------------- */

enum align { ALIGN_RIGHT, ALIGN_LEFT, ALIGN_CENTRE };

struct field {
	enum align align;
	bool zeros, lower, no_dots;
	int width;     /* 0: as it comes */
	int precision; /* -1: all of it */
};

static int
take_int(const char **p)
{
	int n = 0;

	while (ascii_is_digit((unsigned char)**p)) {
		n = n * 10 + (**p - '0');
		if (n > MAX_FIELD_COLS)
			n = MAX_FIELD_COLS;
		(*p)++;
	}
	return n;
}

static struct field
take_field(const char **p)
{
	struct field f = { ALIGN_RIGHT, false, false, false, 0, -1 };

	for (;; (*p)++) {
		if (**p == '-')
			f.align = ALIGN_LEFT;
		else if (**p == '=' || **p == '^')
			f.align = ALIGN_CENTRE;
		else if (**p == '0')
			f.zeros = true;
		else if (**p != ' ')
			break;
	}
	f.width = take_int(p);
	if (**p == '.') {
		(*p)++;
		f.precision = take_int(p);
	}
	for (; **p == '_' || **p == ':'; (*p)++) {
		f.lower |= **p == '_';
		f.no_dots |= **p == ':';
	}
	return f;
}

static void
change_letters(struct buf *text, const struct field *f)
{
	for (size_t i = 0; i < text->len; i++) {
		if (f->lower)
			text->ptr[i] = (char)ascii_lower((unsigned char)text->ptr[i]);
		if (f->no_dots && text->ptr[i] == '.')
			text->ptr[i] = '_';
	}
}

/* Text (safe already) as the field wants it. `lead` bytes of it have a colour of
 * their own. */
static void
add_field(struct expansion *x, const struct field *f, struct str text, size_t lead,
	  enum view_color lead_color, enum view_color color)
{
	int cols;
	struct str cut = f->precision >= 0 ? utf8_fit(text, f->precision, &cols) : text;

	if (f->precision < 0)
		cols = utf8_cols(cut);
	int pad = f->width > cols ? f->width - cols : 0;
	int before = f->align == ALIGN_RIGHT ? pad : f->align == ALIGN_CENTRE ? pad / 2 : 0;
	buf_addn(&x->out->text, f->zeros && f->align == ALIGN_RIGHT ? '0' : ' ', (size_t)before);
	size_t at = x->out->text.len;
	buf_addstr(&x->out->text, cut);
	if (lead > cut.len)
		lead = cut.len;
	add_span(x->out, at, lead, lead_color);
	/* The colour of a column fills it. */
	buf_addn(&x->out->text, ' ', (size_t)(pad - before));
	add_span(x->out, at + lead, x->out->text.len - at - lead, color);
}

/* ---- expandos --------------------------------------------------------------- */

/* The row of the table whose name stands at *p, the longest; *p behind it. */
static const struct format_expando *
take_expando(const struct expansion *x, const char **p)
{
	const struct format_expando *best = NULL;
	size_t best_len = 0;

	for (const struct format_expando *e = x->table; e->name != NULL; e++) {
		if (e->name[0] != **p)
			continue;
		size_t len = strlen(e->name);
		if (len > best_len && strncmp(*p, e->name, len) == 0) {
			best = e;
			best_len = len;
		}
	}
	*p += best_len;
	return best;
}

static void
add_expando(struct expansion *x, const struct format_expando *e, const struct field *f)
{
	struct buf raw = BUF_INIT, safe = BUF_INIT;

	if (e->lead != NULL)
		e->lead(x->ctx, &raw);
	utf8_add_safe(&safe, buf_str(&raw));
	size_t lead = safe.len;
	buf_reset(&raw);
	e->put(x->ctx, &raw);
	utf8_add_safe(&safe, buf_str(&raw));
	change_letters(&safe, f);
	add_field(x, f, buf_str(&safe), lead, e->lead_color, e->color);
	buf_release(&raw);
	buf_release(&safe);
}

/* ---- dates -------------------------------------------------------------------- */

static bool
is_closing(char open, char c)
{
	return c == (open == '{' ? '}' : open == '[' ? ']' : open == '(' ? ')' : '>');
}

static struct tm
broken_down(const struct format_dates *d, char open)
{
	time_t when = (time_t)(open == '(' ? d->received : open == '<' ? d->now : d->date);
	struct tm tm = { 0 };

	if (open != '{') {
		localtime_r(&when, &tm);
		return tm;
	}
	when += d->zone_min * 60;
	gmtime_r(&when, &tm);
	tm.tm_gmtoff = d->zone_min * 60;
	tm.tm_zone = "";
	return tm;
}

/* strftime; `!` in front: the names of the C locale. */
static void
add_time(struct buf *out, const char *format, const struct tm *tm)
{
	static locale_t plain;
	char text[MAX_DATE_FORMAT * 4];
	size_t len;

	if (plain == (locale_t)0)
		plain = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	if (plain == (locale_t)0)
		plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* it is the user's */
	if (*format == '!')
		len = strftime_l(text, sizeof(text), format + 1, tm, plain);
	else
		len = strftime(text, sizeof(text), format, tm);
#pragma GCC diagnostic pop
	buf_add(out, text, len);
}

/* %{...} %[...] %(...) %<...>; *p behind the opening bracket. */
static void
add_date(struct expansion *x, const char **p, char open, const struct field *f)
{
	char format[MAX_DATE_FORMAT];
	size_t len = 0;

	while (**p != '\0' && !is_closing(open, **p)) {
		if (len + 1 < sizeof(format))
			format[len++] = **p;
		(*p)++;
	}
	if (**p != '\0')
		(*p)++;
	format[len] = '\0';
	struct format_dates none = { 0 };
	struct tm tm = broken_down(x->dates != NULL ? x->dates : &none, open);
	struct buf raw = BUF_INIT, safe = BUF_INIT;
	if (x->dates != NULL && (open == '<' || x->dates->date != 0))
		add_time(&raw, format, &tm);
	utf8_add_safe(&safe, buf_str(&raw));
	add_field(x, f, buf_str(&safe), 0, VIEW_NORMAL, VIEW_INDEX_DATE);
	buf_release(&raw);
	buf_release(&safe);
}

/* The condition [3d: the message is at most so old. *p behind the bracket. */
static bool
is_recent(const struct expansion *x, const char **p)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 'y', 31557600 }, { 'm', 2629800 }, { 'w', 604800 }, { 'd', 86400 },
		      { 'H', 3600 },	 { 'M', 60 } };
	int n = take_int(p);

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (**p == units[i].letter) {
			(*p)++;
			return x->dates != NULL &&
			       x->dates->date >= x->dates->now - (n > 0 ? n : 1) * units[i].seconds;
		}
	}
	return false;
}

/* ---- the language ---------------------------------------------------------------- */

static void expand(struct expansion *x, const char *format);

static void
expand_part(struct expansion *x, const char *from, const char *to)
{
	char *part = xstrndup(from, (size_t)(to - from));

	x->depth++;
	if (x->depth < MAX_NESTING)
		expand(x, part);
	x->depth--;
	free(part);
}

/* The end of a branch: '&', or what closes the condition. Conditions of the kind
 * %<x?a&b> may stand in each other. */
static const char *
branch_end(const char *p, char close)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] != '\0') {
			p++;
		} else if (p[0] == '%' && p[1] == '<') {
			depth++;
			p++;
		} else if (depth > 0 && *p == '>') {
			depth--;
		} else if (p[0] == '%' && (p[1] == '>' || p[1] == '&') && p[2] != '\0') {
			p++; /* a fill, an ampersand */
		} else if (depth == 0 && (*p == '&' || *p == close)) {
			return p;
		}
	}
	return p;
}

/* %?x?yes&no? and %<x?yes&no>; *p behind the opening character. False: it is none. */
static bool
add_condition(struct expansion *x, const char **p, char close)
{
	const char *at = *p;
	bool holds;

	if (*at == '[') {
		at++;
		holds = is_recent(x, &at);
	} else {
		const struct format_expando *e = take_expando(x, &at);
		if (e == NULL) {
			/* An expando that we do not have: its condition never holds. */
			while (ascii_is_alpha((unsigned char)*at))
				at++;
			holds = false;
		} else {
			struct buf value = BUF_INIT;
			holds = e->put(x->ctx, &value);
			buf_release(&value);
		}
	}
	if (*at != '?')
		return false;
	const char *yes = at + 1, *yes_end = branch_end(yes, close);
	const char *no = *yes_end == '&' ? yes_end + 1 : yes_end;
	const char *no_end = *yes_end == '&' ? branch_end(no, close) : no;
	if (holds)
		expand_part(x, yes, yes_end);
	else
		expand_part(x, no, no_end);
	*p = *no_end != '\0' ? no_end + 1 : no_end;
	return true;
}

static int
used_cols(const struct expansion *x)
{
	return utf8_cols(str_from(buf_str(&x->out->text), x->start));
}

static void
add_filler(struct expansion *x, struct str filler, int cols)
{
	int width;

	utf8_grapheme(filler, &width);
	if (width < 1 || cols <= 0)
		return;
	for (; cols >= width; cols -= width)
		buf_addstr(&x->out->text, filler);
	buf_addn(&x->out->text, ' ', (size_t)cols);
}

/* Where the last item that ` · ` sets off begins, if `len` bytes do not hold it all. */
static size_t
whole_items(struct str text, size_t len)
{
	const char *between = " · ";

	if (str_trim(str_from(text, len)).len == 0)
		return len;
	for (size_t i = len + 1; i-- > 0;)
		if (str_starts(str_from(text, i), between))
			return i < len ? i + 1 : i; /* with the blank that sets off the fill */
	return len;
}

/* Cut what stands before a soft fill to `cols`. */
static void
cut_left(struct expansion *x, int cols)
{
	struct str left = str_from(buf_str(&x->out->text), x->start);
	int used;
	size_t keep = utf8_fit(left, cols < 0 ? 0 : cols, &used).len;

	keep = x->start + (x->out->has_items ? whole_items(left, keep) : keep);
	buf_truncate(&x->out->text, keep);
	for (size_t i = 0; i < x->out->n_spans; i++) {
		struct format_span *s = &x->out->spans[i];
		if (s->start > keep)
			s->start = keep;
		if (s->start + s->len > keep)
			s->len = keep - s->start;
	}
}

/* %>X what follows goes to the right end; %*X too, and it is what is kept if there
 * is not room for both; %|X fills up the line. Everything behind is done here. */
static void
add_fill(struct expansion *x, char kind, const char *rest)
{
	uint32_t cp;
	size_t len = utf8_decode(str_c(rest), &cp);
	struct buf filler = BUF_INIT;
	struct format_line right = { 0 };
	struct expansion inner = *x;

	utf8_add_safe(&filler, str_n(rest, len));
	format_line_reset(&right);
	inner.out = &right;
	inner.start = 0;
	inner.depth++;
	if (kind != '|' && inner.depth < MAX_NESTING)
		expand(&inner, rest + len);
	int right_cols = utf8_cols(buf_str(&right.text));
	if (kind == '*' && used_cols(x) + right_cols > x->cols) {
		x->out->missing_cols = used_cols(x) + right_cols - x->cols;
		cut_left(x, x->cols - right_cols);
	}
	add_filler(x, buf_str(&filler), x->cols - used_cols(x) - right_cols);
	size_t at = x->out->text.len;
	buf_addstr(&x->out->text, buf_str(&right.text));
	for (size_t i = 0; i < right.n_spans; i++)
		add_span(x->out, at + right.spans[i].start, right.spans[i].len,
			 right.spans[i].color);
	buf_release(&filler);
	format_line_release(&right);
	buf_release(&right.text);
	x->has_filled = true;
}

/* What is behind a %: *p there, and behind it afterwards. False: the rest of the
 * format has been dealt with. */
static bool
add_percent(struct expansion *x, const char **p)
{
	const char *start = *p;

	if (**p == '%' || **p == '&' || **p == '\0') {
		buf_addc(&x->out->text, '%');
		if (**p == '&')
			x->out->text.ptr[x->out->text.len - 1] = '&';
		*p += **p != '\0';
		return true;
	}
	if ((**p == '>' || **p == '*' || **p == '|') && (*p)[1] != '\0') {
		add_fill(x, **p, *p + 1);
		return false;
	}
	struct field f = take_field(p);
	char c = **p;
	if (c == '?' || c == '<') {
		const char *at = *p + 1;
		if (add_condition(x, &at, c == '?' ? '?' : '>')) {
			*p = at;
			return true;
		}
	}
	if (c == '{' || c == '[' || c == '(' || c == '<') {
		(*p)++;
		add_date(x, p, c, &f);
		return true;
	}
	if (c == '@') { /* %@hook@: index-format-hook is not supported */
		const char *end = strchr(*p + 1, '@');
		*p = end != NULL ? end + 1 : *p + strlen(*p);
		return true;
	}
	const struct format_expando *e = take_expando(x, p);
	if (e != NULL) {
		add_expando(x, e, &f);
		return true;
	}
	/* Unknown: shown as it is, so that one sees which. */
	if (**p != '\0')
		(*p)++;
	buf_addc(&x->out->text, '%');
	utf8_add_safe(&x->out->text, str_n(start, (size_t)(*p - start)));
	return true;
}

static void
add_backslash(struct expansion *x, const char **p)
{
	if (**p == '\0')
		return;
	if (strchr("nrtfva", **p) != NULL)
		buf_addc(&x->out->text, ' '); /* a line has no other white space */
	else
		buf_addc(&x->out->text, **p);
	(*p)++;
}

static void
expand(struct expansion *x, const char *format)
{
	const char *p = format;

	while (*p != '\0') {
		size_t plain = strcspn(p, "%\\");
		utf8_add_safe(&x->out->text, str_n(p, plain));
		p += plain;
		if (*p == '\\') {
			p++;
			add_backslash(x, &p);
		} else if (*p == '%') {
			p++;
			if (!add_percent(x, &p))
				return;
		}
	}
}

void
format_expand(const char *format, int cols, const struct format_expando *table,
	      const struct format_dates *dates, const void *ctx, struct format_line *out)
{
	struct expansion x = { table, dates, ctx, out, cols, 0, 0, false };

	format_line_reset(out);
	expand(&x, format);
	if (used_cols(&x) > cols) {
		out->missing_cols += used_cols(&x) - cols;
		cut_left(&x, cols);
	}
}

/* ---- pieces of text that many formats want ------------------------------------------ */

void
format_when(struct buf *out, int64_t date, int64_t now)
{
	time_t when = (time_t)date, today = (time_t)now;
	struct tm tm = { 0 }, tm_now = { 0 };

	if (date == 0)
		return;
	localtime_r(&when, &tm);
	localtime_r(&today, &tm_now);
	bool is_today = tm.tm_year == tm_now.tm_year && tm.tm_yday == tm_now.tm_yday;
	if (is_today)
		add_time(out, "%H:%M", &tm);
	else if (date < now && now - date < 6 * 86400)
		add_time(out, "%a", &tm);
	else if (date < now + 86400 && now - date < 300 * INT64_C(86400))
		add_time(out, "%e %b", &tm);
	else
		add_time(out, "%Y-%m", &tm);
}
