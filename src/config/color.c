/* color, mono, uncolor, unmono. */
#include "internal.h"

enum object_kind { PLAIN, REGEX, REGEX_MAYBE, PATTERN, PATTERN_MAYBE, PATTERN_ARGUMENT };

static const struct {
	const char *name;
	enum object_kind kind;
} objects[] = {
#define OBJECT(sym, name, kind) { name, kind },
#include "tern/defs/object.def"
#undef OBJECT
};

static const struct synonym object_synonyms[] = {
	{ "quoted0", "quoted" },
	{ "sidebar_spool_file", "sidebar_spoolfile" },
	{ "hdr_default", "hdrdefault" },
};

static const struct {
	const char *name;
	unsigned bit;
} attrs[] = {
	{ "none", CONFIG_ATTR_NONE },		{ "normal", CONFIG_ATTR_NONE },
	{ "bold", CONFIG_ATTR_BOLD },		{ "underline", CONFIG_ATTR_UNDERLINE },
	{ "reverse", CONFIG_ATTR_REVERSE },	{ "standout", CONFIG_ATTR_STANDOUT },
	{ "italic", CONFIG_ATTR_ITALIC },	{ "blink", CONFIG_ATTR_BLINK },
};

const char *const color_words[] = {
	"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "default", NULL,
};

const char *
config_object_name(enum config_object o)
{
	return o < CONFIG_COLOR_N ? objects[o].name : "?";
}

const char *
color_object_at(size_t i)
{
	return i < ARRAY_LEN(objects) ? objects[i].name : NULL;
}

/* ---- words ------------------------------------------------------------------------ */

static bool
parse_attr(struct str s, unsigned *bits)
{
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if (str_ieqc(s, attrs[i].name)) {
			*bits |= attrs[i].bit;
			return true;
		}
	return false;
}

static bool
parse_rgb(struct str s, int32_t *out)
{
	int32_t n = 0;

	if (s.len != 7 || s.ptr[0] != '#')
		return false;
	for (size_t i = 1; i < 7; i++) {
		int c = ascii_lower((unsigned char)s.ptr[i]);
		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f'))
			return false;
		n = n * 16 + (ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*out = 0x1000000 | n;
	return true;
}

static bool
parse_color(struct str s, int32_t *out)
{
	uint32_t n;
	int32_t bright = 0;

	if (str_istarts(s, "color") && str_u32(str_from(s, 5), &n) && n < 256)
		return *out = (int32_t)n, true;
	if (str_istarts(s, "colour") && str_u32(str_from(s, 6), &n) && n < 256)
		return *out = (int32_t)n, true;
	if (parse_rgb(s, out))
		return true;
	if (str_istarts(s, "bright") || str_istarts(s, "light")) {
		s = str_from(s, ascii_lower((unsigned char)s.ptr[0]) == 'b' ? 6 : 5);
		bright = 8;
	}
	for (int32_t i = 0; color_words[i] != NULL; i++)
		if (str_ieqc(s, color_words[i])) {
			*out = i == 8 ? CONFIG_COLOR_DEFAULT : i + bright;
			return true;
		}
	return false;
}

static bool
find_object(struct str s, enum config_object *out)
{
	for (size_t i = 0; i < ARRAY_LEN(object_synonyms); i++)
		if (str_ieqc(s, object_synonyms[i].name))
			s = str_c(object_synonyms[i].of);
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		if (str_ieqc(s, objects[i].name)) {
			*out = (enum config_object)i;
			return true;
		}
	return false;
}

/* ---- color and mono ------------------------------------------------------------------ */

static enum done
take_object(struct exec *x, enum config_object *out)
{
	struct buf b = BUF_INIT, part = BUF_INIT;
	enum done done = exec_need(x, 0, "an object", &b);

	/* "compose header" is one object in two words */
	if (done == DONE_OK && str_ieqc(buf_str(&b), "compose")) {
		done = exec_need(x, 0, "a part", &part);
		buf_addf(&b, "_%s", part.ptr);
	}
	if (done == DONE_OK && !find_object(buf_str(&b), out)) {
		struct closest c = { .wanted = buf_str(&b) };
		for (size_t i = 0; i < ARRAY_LEN(objects); i++)
			closest_try(&c, objects[i].name);
		if (b.len > 60)
			buf_truncate(&b, 60);
		done = c.name != NULL ?
			       exec_error(x, "unknown object '%s'; did you mean '%s'?", b.ptr,
					  c.name) :
			       exec_error(x, "unknown object '%s'", b.ptr);
	}
	buf_release(&b);
	buf_release(&part);
	return done;
}

/* Attributes in front, then two colours. */
static enum done
take_colors(struct exec *x, struct config_color *c)
{
	struct buf b = BUF_INIT;
	int32_t *const wanted[] = { &c->fg, &c->bg };
	enum done done = DONE_OK;
	size_t n = 0;

	while (done == DONE_OK && n < ARRAY_LEN(wanted)) {
		done = exec_need(x, TOKEN_HASH, n == 0 ? "a foreground colour" :
							 "a background colour", &b);
		if (done != DONE_OK)
			break;
		if (n == 0 && parse_attr(buf_str(&b), &c->attrs))
			continue;
		if (!parse_color(buf_str(&b), wanted[n++]))
			done = exec_error(x, "unknown colour '%.*s'; a name, colorN, #rrggbb or "
					     "default", STR_ARG(str_head(buf_str(&b), 60)));
	}
	buf_release(&b);
	return done;
}

static enum done
take_attrs(struct exec *x, struct config_color *c)
{
	struct buf b = BUF_INIT;
	enum done done = exec_need(x, 0, "an attribute", &b);

	if (done == DONE_OK && !parse_attr(buf_str(&b), &c->attrs))
		done = exec_error(x, "unknown attribute '%.*s'; one of bold, underline, reverse, "
				     "standout, italic, blink, none",
				  STR_ARG(str_head(buf_str(&b), 60)));
	buf_release(&b);
	return done;
}

static enum done
check_pattern(struct exec *x, enum object_kind kind, struct str pattern)
{
	const struct config_params *p = exec_params(x);
	struct err err = ERR_INIT;
	int status = 0;

	if (kind == REGEX || kind == REGEX_MAYBE)
		status = regex_check(pattern, &err);
	else if (kind != PATTERN_ARGUMENT && p->check_pattern != NULL)
		status = p->check_pattern(pattern, &err, p->ctx);
	return status == 0 ? DONE_OK : exec_error(x, "%s", err.text);
}

static enum done
take_pattern(struct exec *x, struct config_color *c, struct buf *pattern)
{
	enum object_kind kind = objects[c->object].kind;
	struct buf group = BUF_INIT;
	enum done done = DONE_OK;
	uint32_t n;

	if (kind == PLAIN || (!exec_more(x) && (kind == REGEX_MAYBE || kind == PATTERN_MAYBE)))
		return DONE_OK;
	done = exec_need(x, 0, kind == REGEX ? "a regular expression" : "a pattern", pattern);
	if (done == DONE_OK)
		done = check_pattern(x, kind, buf_str(pattern));
	if (done == DONE_OK && exec_more(x)) {
		done = exec_token(x, 0, &group);
		if (done == DONE_OK && str_u32(buf_str(&group), &n) && n < 100)
			c->group = (int)n;
		else if (done == DONE_OK)
			done = exec_error(x, "the number of a group is expected, not '%.*s'; a "
					     "pattern with blanks goes in quotes",
					  STR_ARG(str_head(buf_str(&group), 40)));
	}
	buf_release(&group);
	return done;
}

static void
put_color(struct exec *x, const struct config_color *c)
{
	struct list *l = exec_list(x, LIST_COLORS);

	exec_effects(x, CONFIG_COLORS);
	for (size_t i = 0; i < l->n; i++) {
		struct config_color *old = list_at(l, i, struct config_color);
		if (old->object == c->object && old->is_mono == c->is_mono &&
		    strcmp(old->pattern, c->pattern) == 0) {
			const char *pattern = old->pattern;
			*old = *c;
			old->pattern = pattern;
			old->file = arena_cstr(&l->arena, str_c(c->file));
			return;
		}
	}
	if (l->n >= MAX_LIST)
		exec_error(x, "there are more than %d colours", MAX_LIST);
	else
		list_add(l, c);
}

enum done
run_color(struct exec *x)
{
	struct config_color c = { .is_mono = x->command->data, .fg = CONFIG_COLOR_UNSET,
				  .bg = CONFIG_COLOR_UNSET };
	struct buf pattern = BUF_INIT;
	int column;
	enum done done = take_object(x, &c.object);

	if (done == DONE_OK)
		done = c.is_mono ? take_attrs(x, &c) : take_colors(x, &c);
	if (done == DONE_OK)
		done = take_pattern(x, &c, &pattern);
	if (done == DONE_OK) {
		c.pattern = pattern.ptr;
		c.file = exec_file(x);
		line_position(x->lex.line, x->lex.token_at, &c.line, &column);
		put_color(x, &c);
	}
	buf_release(&pattern);
	return done;
}

/* ---- uncolor and unmono ------------------------------------------------------------------ */

static bool
is_named(const struct config_color *c, const struct words *w)
{
	if (w->all.n == 0)
		return true;
	for (size_t i = 0; i < w->all.n; i++)
		if (strcmp(w->all.v[i], "*") == 0 || strcmp(w->all.v[i], c->pattern) == 0)
			return true;
	return false;
}

static void
cut_colors(struct exec *x, bool is_all, enum config_object object, const struct words *w)
{
	struct list *l = exec_list(x, LIST_COLORS);
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct config_color *c = list_at(l, i, struct config_color);
		bool goes = c->is_mono == (bool)x->command->data &&
			    (is_all || (c->object == object && is_named(c, w)));
		if (!goes)
			*list_at(l, kept++, struct config_color) = *c;
	}
	l->n = kept;
	exec_effects(x, CONFIG_COLORS);
}

enum done
run_uncolor(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum config_object object = 0;
	bool is_all = exec_more(x) && x->lex.line->text.ptr[x->lex.line->at] == '*';
	enum done done = DONE_OK;

	if (!is_all)
		done = take_object(x, &object);
	if (done == DONE_OK)
		done = exec_words(x, 0, &w);
	if (done == DONE_OK)
		cut_colors(x, is_all, object, &w);
	words_release(&w);
	return done;
}
