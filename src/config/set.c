/* set, unset, reset, toggle. */
#include "internal.h"

enum what { ASSIGN, APPEND, SUBTRACT, TURN_ON, TURN_OFF, INVERT, RESET, ASK };

struct change {
	enum what what;
	struct variable var;
	struct str typed; /* the name as it was written */
	struct buf value;
	struct text *command; /* of a secret, instead of a value */
};

static char
look(const struct exec *x, size_t ahead)
{
	const struct line *l = x->lex.line;

	return l->at + ahead < l->text.len ? l->text.ptr[l->at + ahead] : '\0';
}

/* ---- doing it --------------------------------------------------------------------- */

static bool
is_same(const struct value *a, const struct value *b)
{
	if (a->number != b->number || (a->text == NULL) != (b->text == NULL))
		return false;
	return a->text == NULL ||
	       (a->text->is_command == b->text->is_command && strcmp(a->text->s, b->text->s) == 0);
}

/* $folder has come: names below it that were given before are known now. */
static void
expand_mailboxes(struct exec *x)
{
	struct list *l = exec_list(x, LIST_MAILBOXES);

	for (size_t i = 0; i < l->n; i++) {
		struct config_mailbox *m = list_at(l, i, struct config_mailbox);
		struct buf url = BUF_INIT;
		if (strchr("=+!", m->url[0]) != NULL && m->url[0] != '\0' &&
		    mailbox_expand(exec_config(x), str_c(m->url), &url))
			m->url = arena_cstr(&l->arena, buf_str(&url));
		buf_release(&url);
	}
}

static void
put(struct exec *x, const struct config_row *row, struct value *v, bool is_set)
{
	enum config_option o = config_row_option(row);
	bool is_changed = !is_same(v, &exec_config(x)->values[o]);
	bool was_set = exec_config(x)->values[o].is_set;

	v->is_set = is_set;
	snapshot_set(exec_own(x), o, v);
	if (is_changed)
		exec_effects(x, row->effects);
	else if (is_set != was_set)
		exec_effects(x, CONFIG_REDRAW); /* to have been asked for may show */
	if (is_changed && o == OPT_folder)
		expand_mailboxes(x);
}

static enum done
put_default(struct exec *x, const struct config_row *row)
{
	struct value v;

	if (row->is_read_only)
		return DONE_OK;
	value_default(row, &v);
	put(x, row, &v, false);
	return DONE_OK;
}

static enum done
put_text(struct exec *x, const struct config_row *row, struct str s)
{
	struct err err = ERR_INIT;
	struct value v;

	if (value_parse(row, s, exec_config(x)->home, &v, &err) < 0)
		return exec_error(x, "%s", err.text);
	put(x, row, &v, true);
	return DONE_OK;
}

static void
put_number(struct exec *x, const struct config_row *row, long n)
{
	struct value v = { .number = n };

	put(x, row, &v, true);
}

static enum done
show(struct exec *x, const struct change *c)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	int status = config_show(exec_config(x), c->typed, &b, &err);

	if (status == 0)
		exec_show(x, b.ptr);
	buf_release(&b);
	return status == 0 ? DONE_OK : exec_error(x, "%s", err.text);
}

/* A mailbox is expanded when it is set, as in mutt; before $folder is known it
 * is kept as it is, and expanded when it is used. */
static enum done
assign_text(struct exec *x, const struct change *c, struct str s)
{
	const struct config_row *row = c->var.row;
	struct buf b = BUF_INIT;
	enum done done;

	if (row->is_read_only) {
		const char *is = exec_config(x)->values[config_row_option(row)].text->s;
		if (s.len > 0 && !str_ieqc(s, is) && !(str_ieqc(s, "utf8") && str_eqc(s, is)))
			exec_warn(x, "'%s' cannot be changed: it is %s", row->name, is);
		return DONE_OK;
	}
	if (row->type == CONFIG_MAILBOX && str_eqc(s, "!") &&
	    config_row_option(row) == OPT_spoolfile)
		return exec_error(x, "'spoolfile' cannot be '!', which stands for itself");
	if (row->type == CONFIG_MAILBOX && mailbox_expand(exec_config(x), s, &b))
		s = buf_str(&b);
	else if (config_row_option(row) == OPT_folder) {
		buf_reset(&b);
		path_expand(&b, s, exec_config(x)->home);
		s = buf_str(&b);
	}
	done = put_text(x, row, s);
	buf_release(&b);
	return done;
}

static enum done
assign_number(struct exec *x, const struct change *c, struct str s)
{
	const struct config_row *row = c->var.row;
	long old = exec_config(x)->values[config_row_option(row)].number;
	int64_t n = 0;

	if (c->what == ASSIGN && !c->var.is_negated)
		return put_text(x, row, s);
	if (!str_i64(s, &n) || n < -1000000000 || n > 1000000000)
		return exec_error(x, "'%.*s' must be a number, not '%.*s'", STR_ARG(c->typed),
				  STR_ARG(str_head(s, 40)));
	if (c->var.is_negated)
		n = -n;
	if (c->what != ASSIGN)
		n = c->what == APPEND ? old + n : old - n;
	if (n < row->min || n > row->max)
		return exec_error(x, "'%s' must be from %ld to %ld, not %lld", row->name, row->min,
				  row->max, (long long)n);
	put_number(x, row, n);
	return DONE_OK;
}

static enum done
assign(struct exec *x, struct change *c)
{
	const struct config_row *row = c->var.row;
	struct str s = buf_str(&c->value);

	if (c->command != NULL) {
		struct value v = { .text = text_ref(c->command) };
		put(x, row, &v, true);
		return DONE_OK;
	}
	if (row->type == CONFIG_NUMBER)
		return assign_number(x, c, s);
	struct text *old = exec_config(x)->values[config_row_option(row)].text;
	if (c->what == ASSIGN)
		return assign_text(x, c, s);
	if (old == NULL || old->is_command)
		return exec_error(x, "'%s' is a %s: += does not apply", row->name,
				  config_type_name(row->type));
	if (c->what == SUBTRACT)
		return exec_error(x, "'%s' is no number: -= does not apply", row->name);
	struct buf b = BUF_INIT;
	buf_add(&b, old->s, old->len);
	buf_addstr(&b, s);
	enum done done = assign_text(x, c, buf_str(&b));
	buf_wipe(&b);
	return done;
}

static enum done
change_option(struct exec *x, struct change *c)
{
	static const long inverse[] = { CONFIG_YES, CONFIG_NO, CONFIG_ASK_YES, CONFIG_ASK_NO };
	const struct config_row *row = c->var.row;
	long old = exec_config(x)->values[config_row_option(row)].number;
	bool is_yes_no = row->type == CONFIG_BOOL || row->type == CONFIG_QUAD;

	switch (c->what) {
	case RESET:
		return put_default(x, row);
	case TURN_ON:
		if (!is_yes_no)
			return show(x, c);
		put_number(x, row, row->type == CONFIG_BOOL ? 1 : CONFIG_YES);
		return DONE_OK;
	case TURN_OFF:
		if (is_yes_no || row->type == CONFIG_NUMBER)
			put_number(x, row, 0);
		else if (row->type == CONFIG_SORT || row->type == CONFIG_ENUM || row->is_read_only)
			return put_default(x, row);
		else
			return put_text(x, row, STR(""));
		return DONE_OK;
	case INVERT:
		if (!is_yes_no)
			return exec_error(x, "'%s' is a %s: only yes and no can be inverted",
					  row->name, config_type_name(row->type));
		put_number(x, row, row->type == CONFIG_BOOL ? !old : inverse[old & 3]);
		return DONE_OK;
	default:
		return assign(x, c);
	}
}

/* my_ variables, and those that are only known: kept as text. */
static enum done
change_other(struct exec *x, struct change *c)
{
	struct str name = c->var.name != NULL ? str_c(c->var.name) : c->typed;
	struct text *old = vars_get(exec_config(x), name);
	bool is_on = old != NULL && (strcmp(old->s, "yes") == 0 || strcmp(old->s, "ask-yes") == 0);
	bool is_yes_no = c->var.type == CONFIG_BOOL || c->var.type == CONFIG_QUAD;
	struct buf b = BUF_INIT;

	if (c->var.name != NULL && c->what != ASK) {
		char *key = xasprintf("variable %s", c->var.name);
		exec_note_once(x, key, "'%.*s' is not supported: it is kept and changes nothing",
			       STR_ARG(c->typed));
		free(key);
	}
	if (c->what == TURN_ON && !is_yes_no)
		return show(x, c);
	if (c->what == RESET || (c->what == TURN_OFF && !is_yes_no)) {
		vars_set(exec_own(x), name, NULL);
		return DONE_OK;
	}
	if (c->command != NULL) {
		vars_set(exec_own(x), name, text_ref(c->command));
		return DONE_OK;
	}
	if (c->what == APPEND && old != NULL)
		buf_add(&b, old->s, old->len);
	if (c->what == ASSIGN || c->what == APPEND)
		buf_addstr(&b, buf_str(&c->value));
	else if (c->what == SUBTRACT)
		buf_adds(&b, old != NULL ? old->s : "");
	else
		buf_adds(&b, c->what == TURN_ON || (c->what == INVERT && !is_on) ? "yes" : "no");
	struct text *t = text_new(buf_str(&b));
	t->is_secret = c->var.type == CONFIG_SECRET;
	vars_set(exec_own(x), name, t);
	buf_wipe(&b);
	return DONE_OK;
}

/* ---- reading it --------------------------------------------------------------------- */

static struct str
take_name(struct exec *x)
{
	struct line *l = x->lex.line;
	size_t start = l->at;

	while (l->at < l->text.len &&
	       (ascii_is_alnum((unsigned char)l->text.ptr[l->at]) || l->text.ptr[l->at] == '_'))
		l->at++;
	return str_n(l->text.ptr + start, l->at - start);
}

/* "nohelp", "invhelp": only if it is not the name of something itself. */
static bool
take_prefix(struct str *name, const char *prefix, struct variable *var)
{
	struct str rest = str_from(*name, strlen(prefix));

	if (!str_starts(*name, prefix) || rest.len == 0 || !variable_find(rest, var))
		return false;
	*name = rest;
	return true;
}

static enum done
unknown_variable(struct exec *x, struct str name)
{
	const char *near = closest_variable(name);

	if (name.len == 0)
		return exec_error(x, "a variable's name is expected here");
	if (near != NULL)
		return exec_error(x, "unknown variable '%.*s'; did you mean '%s'?",
				  STR_ARG(str_head(name, 60)), near);
	return exec_error(x, "unknown variable '%.*s'", STR_ARG(str_head(name, 60)));
}

static enum done
find_variable(struct exec *x, struct change *c)
{
	if (variable_find(c->typed, &c->var))
		return DONE_OK;
	bool is_no = take_prefix(&c->typed, "no", &c->var);
	if (!is_no && !take_prefix(&c->typed, "inv", &c->var))
		return unknown_variable(x, c->typed);
	if (c->what != TURN_ON && c->what != TURN_OFF)
		return exec_error(x, "'%s' cannot go before this", is_no ? "no" : "inv");
	/* `unset nox` sets it, as in mutt */
	c->what = !is_no ? INVERT : c->what == TURN_ON ? TURN_OFF : TURN_ON;
	return DONE_OK;
}

/* = or += or -=, with blanks around: true when a value follows. */
static bool
take_operator(struct exec *x, enum what *what_out)
{
	size_t start = x->lex.line->at;
	char c;

	lex_blanks(&x->lex);
	c = look(x, 0);
	bool is_double = (c == '+' || c == '-') && look(x, 1) == '=';
	if (c != '=' && !is_double) {
		x->lex.line->at = start;
		return false;
	}
	*what_out = c == '=' ? ASSIGN : c == '+' ? APPEND : SUBTRACT;
	x->lex.line->at += is_double ? 2 : 1;
	return true;
}

/* A secret that is a command, and nothing else, is not run now. */
static bool
take_secret_command(struct exec *x, struct change *c)
{
	struct str text;
	struct variable v;
	size_t end;

	if (c->var.type != CONFIG_SECRET || c->what != ASSIGN)
		return false;
	if (lex_whole_tick(&x->lex, &text)) {
		c->command = text_new(text);
		c->command->is_command = c->command->is_secret = true;
		return true;
	}
	if (!lex_whole_variable(&x->lex, &text, &end) || !variable_find(text, &v))
		return false;
	struct text *t = v.row != NULL ? exec_config(x)->values[config_row_option(v.row)].text :
					 vars_get(exec_config(x), v.name ? str_c(v.name) : text);
	if (t == NULL || !t->is_command)
		return false;
	c->command = text_ref(t);
	x->lex.line->at = end;
	return true;
}

static enum done
take_value(struct exec *x, struct change *c)
{
	enum what given = c->what, op;
	size_t name_at = x->lex.token_at;

	if (!take_operator(x, &op))
		return DONE_OK;
	if (given != TURN_ON || x->command->data != SET_SET) {
		lex_skip_token(&x->lex);
		x->lex.token_at = name_at;
		return exec_error(x, "'%.*s' takes no value here: only `set name=value` does",
				  STR_ARG(c->typed));
	}
	c->what = op;
	if (take_secret_command(x, c))
		return DONE_OK;
	/* `set x=` and a blank, or the end: the empty string */
	if (look(x, 0) == '\0' || !lex_more(&x->lex))
		return DONE_OK;
	return exec_token(x, TOKEN_TICK_VARS, &c->value);
}

static const enum what plain[] = {
	[SET_SET] = TURN_ON,
	[SET_UNSET] = TURN_OFF,
	[SET_RESET] = RESET,
	[SET_TOGGLE] = INVERT,
};

static enum done
reset_all(struct exec *x)
{
	for (size_t i = 0; i < OPT_N; i++)
		put_default(x, &config_rows[i]);
	return DONE_OK;
}

static enum done
read_change(struct exec *x, struct change *c)
{
	enum done done;

	lex_blanks(&x->lex);
	x->lex.token_at = x->lex.line->at;
	c->what = plain[x->command->data];
	if (look(x, 0) == '?' || look(x, 0) == '&') {
		c->what = look(x, 0) == '?' ? ASK : RESET;
		x->lex.line->at++;
	}
	c->typed = take_name(x);
	/* The line moves when a command's output is put in: keep the name. */
	if (c->what == RESET && str_eqc(c->typed, "all"))
		return reset_all(x);
	done = find_variable(x, c);
	if (done != DONE_OK) {
		if (take_operator(x, &c->what) || c->typed.len == 0)
			lex_skip_token(&x->lex);
		return done;
	}
	if (look(x, 0) == '?') {
		c->what = ASK;
		x->lex.line->at++;
	}
	done = take_value(x, c);
	if (done != DONE_OK)
		return done;
	if (c->what == ASK)
		return show(x, c);
	return c->var.row != NULL ? change_option(x, c) : change_other(x, c);
}

enum done
run_set(struct exec *x)
{
	enum done done = DONE_OK;

	if (!exec_more(x) && x->command->data == SET_SET) {
		struct buf b = BUF_INIT;
		config_show_changed(exec_config(x), &b);
		exec_show(x, b.ptr);
		buf_release(&b);
		return DONE_OK;
	}
	if (!exec_more(x)) {
		x->lex.token_at = x->lex.line->at;
		return exec_error(x, "'%s' needs a variable's name", x->command->name);
	}
	while (done != DONE_WAIT && exec_more(x)) {
		struct change c = { .value = BUF_INIT };
		x->lex.config = exec_config(x);
		done = read_change(x, &c);
		buf_wipe(&c.value);
		text_unref(c.command);
		if (done != DONE_WAIT)
			x->resume_at = x->lex.line->at;
	}
	return done == DONE_WAIT ? DONE_WAIT : DONE_OK;
}
