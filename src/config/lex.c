/* The lexer of the rc language: tokens with quotes, escapes, $variables and
 * backticks. It runs nothing: a backtick stops it (LEX_TICK), the command's
 * output is put into the line in its place, and the command of the rc that the
 * token belongs to is read again from its start. */
#include "internal.h"

/* ---- the line -------------------------------------------------------------------- */

void
line_init(struct line *l)
{
	*l = (struct line){ .text = BUF_INIT };
}

void
line_release(struct line *l)
{
	buf_wipe(&l->text);
	vec_release(&l->origins);
}

void
line_position(const struct line *l, size_t at, int *line_out, int *column_out)
{
	size_t i = l->origins.n;

	*line_out = *column_out = 0;
	while (i > 0 && l->origins.v[i - 1].at > at)
		i--;
	if (i == 0)
		return;
	const struct origin *o = &l->origins.v[i - 1];
	*line_out = o->line;
	*column_out = o->column == 0 ? 0 : o->column + (int)(at - o->at);
}

void
line_splice(struct line *l, size_t start, size_t end, struct str text)
{
	struct buf tail = BUF_INIT;
	struct origin behind = { .at = start + text.len };

	line_position(l, end, &behind.line, &behind.column);
	buf_add(&tail, l->text.ptr + end, l->text.len - end);
	buf_truncate(&l->text, start);
	buf_addstr(&l->text, text);
	buf_add(&l->text, tail.ptr, tail.len);
	buf_wipe(&tail);
	/* What came from the command has the position of its backtick. */
	size_t i = 0;
	while (i < l->origins.n && l->origins.v[i].at <= start)
		i++;
	while (i < l->origins.n && l->origins.v[i].at <= end)
		vec_remove(&l->origins, i);
	for (size_t k = i; k < l->origins.n; k++)
		l->origins.v[k].at += text.len - (end - start);
	vec_insert(&l->origins, i, behind);
}

void
lex_escape(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("\\\"$`^;#' \t", text.ptr[i]) != NULL && text.ptr[i] != '\0')
			buf_addc(out, '\\');
		buf_addc(out, text.ptr[i]);
	}
}

/* ---- pieces ------------------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static struct str
rest(const struct lexer *x)
{
	return str_from(buf_str(&x->line->text), x->line->at);
}

static char
peek(const struct lexer *x, size_t ahead)
{
	size_t at = x->line->at + ahead;

	return at < x->line->text.len ? x->line->text.ptr[at] : '\0';
}

void
lex_blanks(struct lexer *x)
{
	while (x->line->at < x->line->text.len && is_blank(peek(x, 0)))
		x->line->at++;
}

/* #rrggbb, and nothing more of a word. */
static bool
is_rgb(struct str s)
{
	if (s.len < 7 || s.ptr[0] != '#')
		return false;
	for (size_t i = 1; i < 7; i++)
		if (strchr("0123456789abcdefABCDEF", s.ptr[i]) == NULL || s.ptr[i] == '\0')
			return false;
	return s.len == 7 || is_blank(s.ptr[7]) || s.ptr[7] == ';';
}

bool
lex_more(struct lexer *x)
{
	lex_blanks(x);
	if (x->line->at >= x->line->text.len || peek(x, 0) == ';')
		return false;
	return peek(x, 0) != '#' || is_rgb(rest(x));
}

/* The position of the ` that ends what begins at `at`; -1 if it does not end. */
static long
tick_end(struct str s, size_t at)
{
	while (at < s.len && s.ptr[at] != '`')
		at += s.ptr[at] == '\\' ? 2 : 1;
	return at < s.len ? (long)at : -1;
}

static bool
is_name_char(char c)
{
	return ascii_is_alnum((unsigned char)c) || c == '_';
}

/* s[0] is '$': the name behind it and the length of it all; 0: it is no variable. */
static size_t
variable_at(struct str s, struct str *name_out)
{
	size_t i = 1;

	if (s.len >= 2 && s.ptr[1] == '{') {
		long end = str_find(s, '}');
		if (end < 3)
			return 0;
		*name_out = str_n(s.ptr + 2, (size_t)end - 2);
		return (size_t)end + 1;
	}
	if (s.len < 2 || !(ascii_is_alpha((unsigned char)s.ptr[1]) || s.ptr[1] == '_'))
		return 0;
	while (i < s.len && is_name_char(s.ptr[i]))
		i++;
	*name_out = str_n(s.ptr + 1, i - 1);
	return i;
}

static const char *
environment(struct str name)
{
	char buf[128];

	if (name.len == 0 || name.len >= sizeof(buf))
		return NULL;
	memcpy(buf, name.ptr, name.len);
	buf[name.len] = '\0';
	return getenv(buf);
}

/* $my_name in a shell command is ours; options are too where mutt does so; the
 * rest is the shell's. */
static void
expand_command(struct lexer *x, struct str s, enum token_flags flags, struct buf *out)
{
	for (size_t i = 0; i < s.len;) {
		struct str name;
		struct text *command;
		size_t len = s.ptr[i] == '$' ? variable_at(str_from(s, i), &name) : 0;
		bool is_ours = len > 0 && environment(name) == NULL &&
			       (str_starts(name, "my_") || (flags & TOKEN_TICK_VARS)) &&
			       variable_expand(x->config, name, out, &command);
		if (is_ours) {
			i += len;
			continue;
		}
		if (s.ptr[i] == '\\' && i + 1 < s.len)
			buf_addc(out, s.ptr[i++]);
		buf_addc(out, s.ptr[i++]);
	}
}

/* Does what has been read end in "imap_pass =" or the like? */
static bool
is_for_secret(struct str s)
{
	s = str_trim(s);
	if (!str_ends(s, "=") && !str_ends(s, "=\""))
		return false;
	s.len -= str_ends(s, "\"") ? 2 : 1;
	s = str_trim(s);
	size_t start = s.len;
	while (start > 0 && is_name_char(s.ptr[start - 1]))
		start--;
	return str_ends(str_from(s, start), "_pass");
}

/* ---- the token ------------------------------------------------------------------------ */

static void
take_escape(struct lexer *x, struct buf *out)
{
	char c = peek(x, 0);

	if (x->line->at >= x->line->text.len) {
		buf_addc(out, '\\');
		return;
	}
	x->line->at++;
	switch (c) {
	case 'c':
	case 'C':
		if (x->line->at >= x->line->text.len) {
			buf_addc(out, c);
			return;
		}
		buf_addc(out, (char)((ascii_upper((unsigned char)peek(x, 0)) - '@') & 0x7f));
		x->line->at++;
		return;
	case 'r':
		buf_addc(out, '\r');
		return;
	case 'n':
		buf_addc(out, '\n');
		return;
	case 't':
		buf_addc(out, '\t');
		return;
	case 'f':
		buf_addc(out, '\f');
		return;
	case 'e':
		buf_addc(out, '\033');
		return;
	}
	char d = peek(x, 0), e = peek(x, 1);
	if (c >= '0' && c <= '3' && d >= '0' && d <= '7' && e >= '0' && e <= '7') {
		int code = (c - '0') * 64 + (d - '0') * 8 + (e - '0');
		x->line->at += 2;
		buf_addc(out, code == 0 ? ' ' : (char)code);
		return;
	}
	buf_addc(out, c);
}

static void
take_caret(struct lexer *x, struct buf *out)
{
	int c = ascii_upper((unsigned char)peek(x, 0));

	if (c == '^' || c == '?' || (c > '@' && c <= '_' && c != '\\')) {
		x->line->at++;
		buf_addc(out, c == '^' ? '^' : c == '?' ? 127 : (char)(c - '@'));
		return;
	}
	buf_addc(out, '^');
}

/* The lexer stands behind the opening `. */
static enum lex
take_tick(struct lexer *x, enum token_flags flags, bool is_quoted, struct buf *out,
	  struct err *err)
{
	struct str all = buf_str(&x->line->text);
	size_t start = x->line->at - 1;
	long end = tick_end(all, x->line->at);

	if (end < 0) {
		err_set(err, ERR_USER, "a backtick (`) is not closed by another");
		return LEX_ERROR;
	}
	struct str command = str_n(all.ptr + start + 1, (size_t)end - start - 1);
	if ((flags & TOKEN_HOOK) && is_quoted && is_for_secret(buf_str(out))) {
		buf_add(out, all.ptr + start, (size_t)end + 1 - start);
		x->line->at = (size_t)end + 1;
		return LEX_OK;
	}
	x->tick->start = start;
	x->tick->end = (size_t)end + 1;
	x->tick->is_quoted = is_quoted;
	buf_reset(&x->tick->command);
	expand_command(x, command, flags, &x->tick->command);
	return LEX_TICK;
}

/* The lexer stands on the $. */
static enum lex
take_variable(struct lexer *x, struct buf *out)
{
	struct str name;
	struct text *command = NULL;
	size_t len = variable_at(rest(x), &name);

	if (len == 0) {
		buf_addc(out, '$');
		x->line->at++;
		return LEX_OK;
	}
	const char *env = environment(name);
	if (env != NULL)
		buf_adds(out, env);
	else if (!variable_expand(x->config, name, out, &command))
		x->unknown = name;
	if (command != NULL) {
		x->tick->start = x->line->at;
		x->tick->end = x->line->at + len;
		x->tick->is_quoted = true;
		buf_reset(&x->tick->command);
		buf_add(&x->tick->command, command->s, command->len);
		return LEX_TICK;
	}
	x->line->at += len;
	return LEX_OK;
}

static bool
ends_token(const struct lexer *x, enum token_flags flags)
{
	char c = peek(x, 0);

	if (is_blank(c))
		return !(flags & TOKEN_SPACE);
	if (c == '#')
		return !((flags & TOKEN_HASH) && is_rgb(rest(x)));
	return c == ';' || (c == '=' && (flags & TOKEN_EQUAL));
}

enum lex
lex_token(struct lexer *x, enum token_flags flags, struct buf *out, struct err *err)
{
	char quote = '\0';
	enum lex status = LEX_OK;

	lex_blanks(x);
	x->token_at = x->line->at;
	x->is_unterminated = false;
	x->unknown = STR_NONE;
	while (status == LEX_OK && x->line->at < x->line->text.len) {
		char c = peek(x, 0);
		if (quote == '\0' && ends_token(x, flags))
			break;
		if (c == '$' && quote != '\'') {
			status = take_variable(x, out);
			continue;
		}
		x->line->at++;
		if (c == quote && c != '\0')
			quote = '\0';
		else if (quote == '\0' && (c == '\'' || c == '"'))
			quote = c;
		else if (c == '\\' && quote != '\'')
			take_escape(x, out);
		else if (c == '^' && (flags & TOKEN_CONDENSE))
			take_caret(x, out);
		else if (c == '`' && quote != '\'')
			status = take_tick(x, flags, quote == '"', out, err);
		else
			buf_addc(out, c);
	}
	x->is_unterminated = status == LEX_OK && quote != '\0';
	if (status == LEX_OK && (flags & TOKEN_SPACE))
		while (!x->is_unterminated && out->len > 0 && is_blank(out->ptr[out->len - 1]))
			buf_truncate(out, out->len - 1);
	return status;
}

static void
skip(struct lexer *x, bool is_to_blank)
{
	char quote = '\0';

	for (; x->line->at < x->line->text.len; x->line->at++) {
		char c = peek(x, 0);
		if (quote == '\0' && (c == ';' || c == '#' || (is_to_blank && is_blank(c))))
			return;
		if (c == quote && c != '\0')
			quote = '\0';
		else if (quote == '\0' && (c == '\'' || c == '"' || c == '`'))
			quote = c;
		else if (c == '\\' && quote != '\'' && x->line->at + 1 < x->line->text.len)
			x->line->at++;
	}
}

void
lex_skip_token(struct lexer *x)
{
	lex_blanks(x);
	skip(x, true);
}

void
lex_skip_command(struct lexer *x)
{
	skip(x, false);
}

static bool
is_end(struct str s, size_t at)
{
	return at >= s.len || is_blank(s.ptr[at]) || s.ptr[at] == ';' || s.ptr[at] == '#';
}

bool
lex_whole_tick(struct lexer *x, struct str *command_out)
{
	lex_blanks(x);
	struct str s = buf_str(&x->line->text);
	size_t at = x->line->at;
	bool is_quoted = peek(x, 0) == '"';

	at += is_quoted;
	if (at >= s.len || s.ptr[at] != '`')
		return false;
	long end = tick_end(s, at + 1);
	if (end < 0)
		return false;
	size_t behind = (size_t)end + 1;
	if (is_quoted && (behind >= s.len || s.ptr[behind] != '"'))
		return false;
	behind += is_quoted;
	if (!is_end(s, behind))
		return false;
	*command_out = str_n(s.ptr + at + 1, (size_t)end - at - 1);
	buf_reset(&x->tick->command);
	expand_command(x, *command_out, TOKEN_TICK_VARS, &x->tick->command);
	*command_out = buf_str(&x->tick->command);
	x->token_at = x->line->at;
	x->line->at = behind;
	return true;
}

bool
lex_whole_variable(struct lexer *x, struct str *name_out, size_t *end_out)
{
	lex_blanks(x);
	struct str s = buf_str(&x->line->text);
	size_t at = x->line->at;
	bool is_quoted = peek(x, 0) == '"';

	at += is_quoted;
	if (at >= s.len || s.ptr[at] != '$')
		return false;
	size_t len = variable_at(str_from(s, at), name_out);
	if (len == 0)
		return false;
	at += len;
	if (is_quoted && (at >= s.len || s.ptr[at] != '"'))
		return false;
	*end_out = at + is_quoted;
	return is_end(s, *end_out);
}
