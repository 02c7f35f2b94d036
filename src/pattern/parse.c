/* Text to tree and back. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/buf.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

#define MAX_DEPTH 40
#define MAX_TEXT 4096

struct parser {
	struct str text;
	size_t at;
	int depth;
	struct pattern *pattern;
	size_t pos; /* where what is wrong was noticed */
	struct err *err;
};

static void
free_node(struct node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->children.n; i++)
		free_node(n->children.v[i]);
	vec_release(&n->children);
	text_release(&n->text);
	free(n->argument);
	free(n);
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	free_node(p->root);
	free(p);
}

static struct node *
new_node(struct parser *ps, enum pattern_kind kind)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->context = &ps->pattern->context;
	return n;
}

static int
peek(const struct parser *ps)
{
	return ps->at < ps->text.len ? (unsigned char)ps->text.ptr[ps->at] : -1;
}

static void
skip_blanks(struct parser *ps)
{
	while (peek(ps) >= 0 && ascii_is_space(peek(ps)))
		ps->at++;
}

static struct node *
fail(struct parser *ps, size_t pos, const char *sentence)
{
	ps->pos = pos;
	err_set(ps->err, ERR_USER, "%s", sentence);
	return NULL;
}

/* ---- arguments ------------------------------------------------------------ */

/* \t and so on; any other character stands for itself. */
static void
take_escape(struct parser *ps, struct buf *out)
{
	static const char letters[] = "trnfe", meant[] = "\t\r\n\f\033";
	int c = peek(ps);

	if (c < 0) {
		buf_addc(out, '\\');
		return;
	}
	const char *known = strchr(letters, c);
	buf_addc(out, known != NULL ? meant[known - letters] : (char)c);
	ps->at++;
}

/* A word as mutt reads it: quotes, backslashes; it ends at a blank, before an
 * operator, and before the parenthesis that closes a group around it. Otherwise
 * than there, one of its own parentheses may hold any of these: (a|b). */
static bool
take_word(struct parser *ps, struct buf *out)
{
	char quote = 0;
	int n_open = 0;
	bool has_any = false;

	for (; peek(ps) >= 0; has_any = true) {
		char c = (char)peek(ps);
		if (quote == 0) {
			if (ascii_is_space(c) || (n_open == 0 && strchr("~%=!|", c) != NULL))
				break;
			if (c == ')' && n_open == 0)
				break;
			n_open += c == '(' ? 1 : c == ')' ? -1 : 0;
		}
		ps->at++;
		if (c == quote) {
			quote = 0;
		} else if (quote == 0 && (c == '"' || c == '\'')) {
			quote = c;
		} else if (c == '\\' && quote != '\'') {
			take_escape(ps, out);
		} else {
			buf_addc(out, c);
		}
	}
	return has_any && quote == 0;
}

/* A range may begin with < > =, which end words elsewhere. */
static bool
take_range_word(struct parser *ps, struct buf *out)
{
	while (peek(ps) == '<' || peek(ps) == '>' || peek(ps) == '=')
		buf_addc(out, ps->text.ptr[ps->at++]);
	return take_word(ps, out);
}

static int
set_argument(struct parser *ps, struct node *n, struct str arg)
{
	n->argument = str_dup(arg);
	switch (n->op->arg) {
	case ARG_TEXT:
		return text_compile(&n->text, arg, n->is_string, ps->err);
	case ARG_RANGE:
		return range_parse(arg, &n->range, ps->err);
	case ARG_DATE:
		return range_parse_dates(arg, ps->pattern->context.now, &n->range, ps->err);
	default:
		return 0;
	}
}

static struct node *
take_argument(struct parser *ps, struct node *n)
{
	struct buf arg = BUF_INIT;

	skip_blanks(ps);
	size_t start = ps->at;
	bool has_one = n->op->arg == ARG_TEXT ? take_word(ps, &arg) : take_range_word(ps, &arg);
	if (!has_one) {
		ps->pos = start;
		err_set(ps->err, ERR_USER, "'%s' needs more behind it", n->op->syntax);
	} else if (set_argument(ps, n, buf_str(&arg)) < 0) {
		ps->pos = start;
		has_one = false;
	}
	buf_release(&arg);
	if (has_one)
		return n;
	free_node(n);
	return NULL;
}

/* ---- the grammar ---------------------------------------------------------- */

static struct node *parse_or(struct parser *ps);

static struct node *
parse_group(struct parser *ps, size_t start)
{
	if (++ps->depth > MAX_DEPTH)
		return fail(ps, start, "too many parentheses in each other");
	ps->at++; /* the ( */
	struct node *inside = parse_or(ps);
	ps->depth--;
	if (inside == NULL)
		return NULL;
	skip_blanks(ps);
	if (peek(ps) != ')') {
		free_node(inside);
		return fail(ps, start, "this parenthesis is not closed");
	}
	ps->at++;
	return inside;
}

static struct node *
parse_relatives(struct parser *ps, enum pattern_kind kind, size_t start)
{
	if (peek(ps) != '(')
		return fail(ps, start, "'~<' and '~>' need a pattern in parentheses");
	struct node *inside = parse_group(ps, ps->at);
	if (inside == NULL)
		return NULL;
	struct node *n = new_node(ps, kind);
	vec_push(&n->children, inside);
	return n;
}

static struct node *
parse_operator(struct parser *ps, bool is_all)
{
	size_t start = ps->at;
	char how = (char)peek(ps);

	ps->at++;
	int letter = peek(ps);
	if (how == '%')
		return fail(ps, start, "groups of addresses ('%') are not supported");
	if (letter < 0)
		return fail(ps, start, "expected a letter behind '~'");
	if (how == '~' && letter == '(')
		return parse_relatives(ps, KIND_THREAD, start);
	if (how == '~' && (letter == '<' || letter == '>')) {
		ps->at++;
		return parse_relatives(ps, letter == '<' ? KIND_PARENT : KIND_CHILDREN, start);
	}
	const struct operator *op = operator_find((char)letter);
	if (op == NULL) {
		ps->pos = start;
		err_set(ps->err, ERR_USER, "unknown pattern '%c%c'", how,
			letter >= ' ' && letter < 0x7f ? letter : '?');
		return NULL;
	}
	ps->at++;
	struct node *n = new_node(ps, KIND_OP);
	n->op = op;
	n->is_all = is_all;
	n->is_string = how == '=';
	return op->arg == ARG_NONE ? n : take_argument(ps, n);
}

static struct node *
parse_term(struct parser *ps)
{
	bool is_negated = false, is_all = false;

	for (;;) {
		skip_blanks(ps);
		if (peek(ps) == '!')
			is_negated = !is_negated;
		else if (peek(ps) == '^')
			is_all = true;
		else
			break;
		ps->at++;
	}
	struct node *n;
	switch (peek(ps)) {
	case '(':
		n = parse_group(ps, ps->at);
		break;
	case '~':
	case '=':
	case '%':
		n = parse_operator(ps, is_all);
		break;
	case -1:
		return fail(ps, ps->at, "expected a pattern here");
	default:
		return fail(ps, ps->at, "expected a pattern: '~' and a letter, '(' or '!'");
	}
	if (n != NULL)
		n->is_negated ^= is_negated;
	return n;
}

/* A list of one is that one. */
static struct node *
unwrap(struct node *list)
{
	if (list->children.n != 1)
		return list;
	struct node *only = list->children.v[0];
	list->children.n = 0;
	free_node(list);
	return only;
}

static struct node *
parse_and(struct parser *ps)
{
	struct node *list = new_node(ps, KIND_AND);

	for (;;) {
		struct node *n = parse_term(ps);
		if (n == NULL) {
			free_node(list);
			return NULL;
		}
		vec_push(&list->children, n);
		skip_blanks(ps);
		if (peek(ps) < 0 || peek(ps) == '|' || peek(ps) == ')')
			return unwrap(list);
	}
}

static struct node *
parse_or(struct parser *ps)
{
	struct node *list = new_node(ps, KIND_OR);

	for (;;) {
		struct node *n = parse_and(ps);
		if (n == NULL) {
			free_node(list);
			return NULL;
		}
		vec_push(&list->children, n);
		skip_blanks(ps);
		if (peek(ps) != '|')
			return unwrap(list);
		/* || is written too */
		while (peek(ps) == '|')
			ps->at++;
	}
}

/* ---- simple searches ------------------------------------------------------ */

static bool
is_simple(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (strchr("~=%", s.ptr[i]) != NULL)
			return false;
	}
	return true;
}

static const struct {
	const char *word;
	const char *pattern;
} keywords[] = {
	{ "all", "~A" },  { ".", "~A" },   { "^", "~A" },    { "del", "~D" },  { "flag", "~F" },
	{ "new", "~N" },  { "old", "~O" }, { "repl", "~Q" }, { "read", "~R" }, { "tag", "~T" },
	{ "unread", "~U" },
};

static void
add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' || s.ptr[i] == '"')
			buf_addc(out, '\\');
		buf_addc(out, s.ptr[i]);
	}
	buf_addc(out, '"');
}

static void
expand_simple(struct str s, const char *simple_search, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (str_ieqc(s, keywords[i].word)) {
			buf_adds(out, keywords[i].pattern);
			return;
		}
	}
	const char *p = simple_search != NULL && *simple_search != '\0' ?
				simple_search :
				PATTERN_DEFAULT_SIMPLE_SEARCH;
	for (; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 's') {
			add_quoted(out, s);
			p++;
		} else {
			buf_addc(out, *p);
		}
	}
}

struct pattern *
pattern_parse(struct str text, const char *simple_search, const struct pattern_context *context,
	      size_t *pos_out, struct err *err)
{
	struct buf expanded = BUF_INIT;
	struct err local = ERR_INIT;
	struct str trimmed = str_trim(text);
	bool simple = is_simple(trimmed);
	struct pattern *p = xcalloc(1, sizeof(*p));
	struct parser ps = { .pattern = p, .err = err != NULL ? err : &local };

	if (context != NULL)
		p->context = *context;
	if (p->context.now == 0)
		p->context.now = wall_now();
	if (simple)
		expand_simple(trimmed, simple_search, &expanded);
	ps.text = simple ? buf_str(&expanded) : text;
	if (text.len > MAX_TEXT || trimmed.len == 0)
		fail(&ps, 0, trimmed.len == 0 ? "the pattern is empty" : "the pattern is too long");
	else
		p->root = parse_or(&ps);
	if (p->root != NULL && ps.at < ps.text.len) {
		free_node(p->root);
		p->root = fail(&ps, ps.at, "there is a ')' too many");
	}
	buf_release(&expanded);
	if (p->root != NULL)
		return p;
	if (pos_out != NULL)
		*pos_out = simple ? 0 : ps.pos;
	pattern_free(p);
	return NULL;
}

/* ---- about a pattern ------------------------------------------------------ */

static unsigned
node_needs(const struct node *n)
{
	unsigned needs = n->kind == KIND_OP ? n->op->needs : 0;

	if (n->kind == KIND_THREAD || n->kind == KIND_PARENT || n->kind == KIND_CHILDREN)
		needs |= PATTERN_NEEDS_THREAD;
	for (size_t i = 0; i < n->children.n; i++)
		needs |= node_needs(n->children.v[i]);
	return needs;
}

unsigned
pattern_needs(const struct pattern *p)
{
	return node_needs(p->root);
}

static void
describe(const struct node *n, struct buf *out)
{
	if (n->kind == KIND_OP && n->op->needs != 0)
		buf_addf(out, "%s~%c", out->len > 0 ? ", " : "", n->op->letter);
	for (size_t i = 0; i < n->children.n; i++)
		describe(n->children.v[i], out);
}

void
pattern_describe_needs(const struct pattern *p, struct buf *out)
{
	struct buf list = BUF_INIT;

	describe(p->root, &list);
	buf_addstr(out, buf_str(&list));
	buf_release(&list);
}

static bool
is_cheap(const struct node *n)
{
	if (n->kind == KIND_OP)
		return n->op->is_cheap;
	if (n->kind != KIND_AND && n->kind != KIND_OR)
		return false;
	for (size_t i = 0; i < n->children.n; i++)
		if (!is_cheap(n->children.v[i]))
			return false;
	return true;
}

bool
pattern_is_cheap(const struct pattern *p)
{
	return is_cheap(p->root);
}

static void
print(const struct node *n, struct buf *out, bool in_parens)
{
	const char *between = n->kind == KIND_OR ? " | " : " ";
	bool is_list = n->kind == KIND_AND || n->kind == KIND_OR;

	if (n->is_negated)
		buf_addc(out, '!');
	if (n->kind == KIND_OP) {
		buf_addf(out, "%s%c%c", n->is_all ? "^" : "", n->is_string ? '=' : '~',
			 n->op->letter);
		if (n->argument != NULL)
			buf_addc(out, ' ');
		if (n->argument != NULL && n->op->arg == ARG_TEXT)
			add_quoted(out, str_c(n->argument));
		else if (n->argument != NULL)
			buf_adds(out, n->argument);
		return;
	}
	if (!is_list)
		buf_adds(out, n->kind == KIND_THREAD ? "~" : n->kind == KIND_PARENT ? "~<" : "~>");
	bool parens = !is_list || n->is_negated || in_parens;
	if (parens)
		buf_addc(out, '(');
	for (size_t i = 0; i < n->children.n; i++) {
		if (i > 0)
			buf_adds(out, between);
		print(n->children.v[i], out, is_list);
	}
	if (parens)
		buf_addc(out, ')');
}

void
pattern_print(const struct pattern *p, struct buf *out)
{
	print(p->root, out, false);
}

const char *
pattern_help(size_t i, const char **help_out)
{
	static const char *const others[][2] = {
		{ "!PATTERN", "not" },
		{ "PATTERN PATTERN", "both" },
		{ "PATTERN | PATTERN", "one of them" },
		{ "(PATTERN)", "together" },
		{ "~(PATTERN)", "threads with a message that matches" },
		{ "~<(PATTERN)", "replies to a message that matches" },
		{ "~>(PATTERN)", "messages with a reply that matches" },
		{ "=f TEXT", "as ~f, but TEXT is no regular expression" },
	};

	if (i < pattern_n_operators) {
		*help_out = pattern_operators[i].help;
		return pattern_operators[i].syntax;
	}
	i -= pattern_n_operators;
	if (i >= ARRAY_LEN(others))
		return NULL;
	*help_out = others[i][1];
	return others[i][0];
}
