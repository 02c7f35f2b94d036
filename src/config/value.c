/* Texts, and values of the types that options have. */
#include "internal.h"

struct text *
text_new(struct str s)
{
	struct text *t = xcalloc(1, sizeof(*t) + s.len + 1);

	t->refs = 1;
	t->len = s.len;
	if (s.len > 0)
		memcpy(t->s, s.ptr, s.len);
	return t;
}

struct text *
text_ref(struct text *t)
{
	if (t != NULL)
		t->refs++;
	return t;
}

void
text_unref(struct text *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	if (t->regex != NULL) {
		regfree(t->regex);
		free(t->regex);
	}
	if (t->is_secret)
		wipe(t->s, t->len);
	free(t);
}

/* mutt's rule: a capital letter makes it case-sensitive. */
static bool
has_capital(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			return true;
	return false;
}

int
config_compile(const char *s, bool is_sensitive, int regcomp_flags, regex_t *out, struct err *err)
{
	bool has_case = is_sensitive || has_capital(s);

	return regex_compile(out, s, regcomp_flags | (has_case ? 0 : REG_ICASE), err);
}

const regex_t *
text_regex(struct text *t, bool is_sensitive)
{
	if (t == NULL || t->len == 0 || t->is_bad)
		return NULL;
	if (t->is_compiled)
		return t->regex;
	t->is_compiled = true;
	regex_t *re = xmalloc(sizeof(*re));
	if (config_compile(t->s, is_sensitive, 0, re, NULL) < 0) {
		t->is_bad = true;
		free(re);
		return NULL;
	}
	return t->regex = re;
}

/* ---- parsing ------------------------------------------------------------------- */

static const struct config_choice quads[] = {
	{ "no", CONFIG_NO },	     { "yes", CONFIG_YES },
	{ "ask-no", CONFIG_ASK_NO }, { "ask-yes", CONFIG_ASK_YES },
	{ NULL, 0 },
};

/* What NeoMutt takes for yes and no as well. */
static const struct config_choice bools[] = {
	{ "no", 0 }, { "yes", 1 }, { "n", 0 },	   { "y", 1 },	  { "off", 0 },
	{ "on", 1 }, { "0", 0 },   { "1", 1 }, { "false", 0 }, { "true", 1 },
	{ NULL, 0 },
};

static bool
choose(const struct config_choice *c, struct str s, int *out)
{
	for (; c->name != NULL; c++)
		if (str_ieqc(s, c->name)) {
			*out = c->value;
			return true;
		}
	return false;
}

bool
parse_bool(struct str s, bool *out)
{
	int n = 0;
	bool is_one = choose(bools, s, &n);

	if (is_one)
		*out = n;
	return is_one;
}

static void
add_choices(struct buf *out, const struct config_choice *choices)
{
	for (const struct config_choice *c = choices; c->name != NULL; c++)
		buf_addf(out, "%s%s", c == choices ? "" : ", ", c->name);
}

static int
bad_choice(const struct config_row *row, struct str s, const char *what, struct err *err)
{
	struct buf all = BUF_INIT;

	add_choices(&all, row->choices);
	err_set(err, ERR_USER, "'%s': unknown %s '%.*s'; one of %s", row->name, what,
		(int)(s.len < 40 ? s.len : 40), s.ptr ? s.ptr : "", all.ptr);
	buf_release(&all);
	return -1;
}

#define SORT_REVERSE 0x100
#define SORT_LAST 0x200

struct config_sort
sort_unpack(long number)
{
	return (struct config_sort){ (enum config_sort_method)(number & 0xff),
				     (number & SORT_REVERSE) != 0, (number & SORT_LAST) != 0 };
}

static int
parse_sort(const struct config_row *row, struct str s, long *out, struct err *err)
{
	struct str rest = s;
	long bits = 0;
	int method;

	for (;;) {
		if (str_istarts(rest, "reverse-")) {
			bits |= SORT_REVERSE;
			rest = str_from(rest, 8);
		} else if (str_istarts(rest, "last-")) {
			bits |= SORT_LAST;
			rest = str_from(rest, 5);
		} else {
			break;
		}
	}
	if (!choose(row->choices, rest, &method))
		return bad_choice(row, s, "method", err);
	*out = method | bits;
	return 0;
}

static int
parse_number(const struct config_row *row, struct str s, long *out, struct err *err)
{
	int64_t n;

	if (s.len == 0)
		n = 0; /* as in mutt */
	else if (!str_i64(str_trim(s), &n))
		return err_set(err, ERR_USER, "'%s' must be a number, not '%.*s'", row->name,
			       (int)(s.len < 40 ? s.len : 40), s.ptr);
	if (n < row->min || n > row->max)
		return err_set(err, ERR_USER, "'%s' must be from %ld to %ld, not %lld", row->name,
			       row->min, row->max, (long long)n);
	*out = (long)n;
	return 0;
}

static struct text *
path_text(struct str s, const char *home)
{
	struct buf b = BUF_INIT;

	path_expand(&b, s, home);
	struct text *t = text_new(buf_str(&b));
	buf_release(&b);
	return t;
}

int
value_parse(const struct config_row *row, struct str s, const char *home, struct value *out,
	    struct err *err)
{
	int n = 0;

	*out = (struct value){ 0 };
	switch (row->type) {
	case CONFIG_BOOL:
		if (!choose(bools, s, &n))
			return err_set(err, ERR_USER, "'%s' must be yes or no, not '%.*s'", row->name,
				       (int)(s.len < 40 ? s.len : 40), s.ptr ? s.ptr : "");
		out->number = n;
		return 0;
	case CONFIG_QUAD:
		if (!choose(quads, s, &n) && !choose(bools, s, &n))
			return err_set(err, ERR_USER,
				       "'%s' must be yes, no, ask-yes or ask-no, not '%.*s'",
				       row->name, (int)(s.len < 40 ? s.len : 40), s.ptr ? s.ptr : "");
		out->number = n;
		return 0;
	case CONFIG_NUMBER:
		return parse_number(row, s, &out->number, err);
	case CONFIG_SORT:
		return parse_sort(row, s, &out->number, err);
	case CONFIG_ENUM:
		if (!choose(row->choices, s, &n))
			return bad_choice(row, s, "value", err);
		out->number = n;
		return 0;
	case CONFIG_REGEX:
		if (regex_check(s, err) < 0)
			return err_prefix(err, "'%s'", row->name);
		break;
	case CONFIG_PATH:
		out->text = path_text(s, home);
		return 0;
	default:
		break;
	}
	out->text = text_new(s);
	out->text->is_secret = row->type == CONFIG_SECRET;
	return 0;
}

void
value_default(const struct config_row *row, struct value *out)
{
	struct err err = ERR_INIT;

	if (value_parse(row, str_c(row->deflt), NULL, out, &err) < 0)
		BUG("the default of '%s': %s", row->name, err.text);
}

/* ---- showing ------------------------------------------------------------------- */

void
add_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s != '\0'; s++)
		switch (*s) {
		case '"':
		case '\\':
		case '$':
		case '`':
			buf_addc(out, '\\');
			buf_addc(out, *s);
			break;
		case '\n':
			buf_adds(out, "\\n");
			break;
		case '\t':
			buf_adds(out, "\\t");
			break;
		case '\r':
			buf_adds(out, "\\r");
			break;
		case '\033':
			buf_adds(out, "\\e");
			break;
		default:
			if ((unsigned char)*s < ' ' || *s == 127)
				buf_addf(out, "\\%03o", (unsigned char)*s);
			else
				buf_addc(out, *s);
		}
	buf_addc(out, '"');
}

static const char *
choice_name(const struct config_choice *c, long n)
{
	while (c->name != NULL && c->value != n)
		c++;
	return c->name == NULL ? "?" : c->name;
}

void
value_show(const struct config_row *row, const struct value *v, struct buf *out)
{
	switch (row->type) {
	case CONFIG_BOOL:
		buf_adds(out, v->number ? "yes" : "no");
		break;
	case CONFIG_QUAD:
		buf_adds(out, choice_name(quads, v->number));
		break;
	case CONFIG_NUMBER:
		buf_addf(out, "%ld", v->number);
		break;
	case CONFIG_ENUM:
		buf_adds(out, choice_name(row->choices, v->number));
		break;
	case CONFIG_SORT:
		if (v->number & SORT_REVERSE)
			buf_adds(out, "reverse-");
		if (v->number & SORT_LAST)
			buf_adds(out, "last-");
		buf_adds(out, choice_name(row->choices, v->number & 0xff));
		break;
	case CONFIG_SECRET:
		buf_adds(out, v->text->len > 0 ? "\"***\"" : "\"\"");
		break;
	default:
		add_quoted(out, v->text->s);
	}
}
