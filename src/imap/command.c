/* The encoder gate. */
#include "command.h"

#include <string.h>
#include "tern/imap.h"

void
command_init(struct command_text *c)
{
	*c = (struct command_text){ .wire = BUF_INIT, .pauses = VEC_INIT };
}

void
command_release(struct command_text *c)
{
	buf_wipe(&c->wire);
	vec_release(&c->pauses);
}

void
command_adds(struct command_text *c, const char *words)
{
	buf_adds(&c->wire, words);
}

void
command_addf(struct command_text *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&c->wire, fmt, ap);
	va_end(ap);
}

static void
refuse(struct command_text *c, const char *why)
{
	if (c->err.kind == ERR_NONE)
		err_set(&c->err, ERR_USER, "%s", why);
}

static bool
is_sendable(struct command_text *c, struct str s)
{
	if (s.len > COMMAND_MAX_STRING) {
		refuse(c, "a text is too long for the server");
		return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0') {
			refuse(c, "a text for the server holds a line end or a NUL");
			return false;
		}
	}
	return true;
}

static bool
can_be_quoted(struct str s)
{
	if (s.len > COMMAND_MAX_QUOTED)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

static void
add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.ptr[i]);
	}
	buf_addc(out, '"');
}

static void
add_literal(struct command_text *c, struct str s)
{
	bool is_quick = c->has_literal_plus || (c->has_literal_minus && s.len <= 4096);

	buf_addf(&c->wire, "{%zu%s}\r\n", s.len, is_quick ? "+" : "");
	if (!is_quick)
		vec_push(&c->pauses, c->wire.len);
	buf_addstr(&c->wire, s);
}

void
command_string(struct command_text *c, struct str s)
{
	if (!is_sendable(c, s))
		return;
	if (can_be_quoted(s))
		add_quoted(&c->wire, s);
	else
		add_literal(c, s);
}

void
command_secret(struct command_text *c, struct str s)
{
	c->is_secret = true;
	/* Growing by copies would leave the secret behind in freed memory. */
	buf_reserve(&c->wire, 2 * s.len + 4096);
	command_string(c, s);
}

void
command_mailbox(struct command_text *c, struct str name)
{
	if (name.len == 0 || name.len > IMAP_MAX_MAILBOX_NAME)
		refuse(c, "the mailbox name is empty or too long");
	else
		command_string(c, name);
}

void
command_keyword(struct command_text *c, struct str keyword)
{
	bool is_good = keyword.len > 0 && keyword.len <= 200;

	for (size_t i = 0; is_good && i < keyword.len; i++) {
		char ch = keyword.ptr[i];
		is_good = ch > ' ' && ch < 0x7f && !strchr("(){%*\"\\]", ch);
	}
	if (is_good)
		buf_addstr(&c->wire, keyword);
	else
		refuse(c, "this keyword cannot be stored on an IMAP server");
}

void
command_section(struct command_text *c, struct str section)
{
	bool is_good = section.len <= 400;

	for (size_t i = 0; is_good && i < section.len; i++)
		is_good = ascii_is_alnum(section.ptr[i]) || section.ptr[i] == '.';
	if (is_good)
		buf_addstr(&c->wire, section);
	else
		refuse(c, "this is no section of a message");
}
