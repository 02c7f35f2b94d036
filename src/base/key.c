#include "tern/key.h"

#include "tern/base/mem.h"
#include "tern/base/utf8.h"

static const struct {
	const char *name;
	uint32_t key;
} names[] = {
	/* the first name of a key is the one written */
	{ "Space", ' ' },
	{ "Tab", KEYC_TAB },
	{ "Enter", KEYC_ENTER },
	{ "Return", KEYC_RETURN },
	{ "Esc", KEYC_ESC },
	{ "Escape", KEYC_ESC },
	{ "Up", KEYC_UP },
	{ "Down", KEYC_DOWN },
	{ "Left", KEYC_LEFT },
	{ "Right", KEYC_RIGHT },
	{ "Home", KEYC_HOME },
	{ "End", KEYC_END },
	{ "PageUp", KEYC_PAGEUP },
	{ "PageDown", KEYC_PAGEDOWN },
	{ "Previous", KEYC_PAGEUP },
	{ "Prev", KEYC_PAGEUP },
	{ "Next", KEYC_PAGEDOWN },
	{ "Insert", KEYC_INSERT },
	{ "Delete", KEYC_DELETE },
	{ "BackSpace", KEYC_BACKSPACE },
	{ "BackTab", KEYC_BACKTAB },
	{ "KeypadEnter", KEYC_KP_ENTER },
	{ "KP-Enter", KEYC_KP_ENTER },
	{ "KP_Enter", KEYC_KP_ENTER },
};

static const struct {
	char letter;
	uint32_t bit;
} modifiers[] = {
	{ 's', KEYC_SHIFT },
	{ 'c', KEYC_CTRL },
	{ 'a', KEYC_ALT },
	{ 'm', KEYC_ALT },
};

static uint32_t
plain_by_name(struct str name)
{
	uint32_t n;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieqc(name, names[i].name))
			return names[i].key;
	if (name.len >= 2 && ascii_lower(name.ptr[0]) == 'f' && str_u32(str_from(name, 1), &n) &&
	    n >= 1 && n <= 63)
		return KEYC_F1 + n - 1;
	return KEYC_NONE;
}

/* "s-", "c-", "a-", "sc-": mutt's way to write modifiers. */
static bool
take_modifiers(struct str *name, uint32_t *bits_out)
{
	long dash = str_find(*name, '-');
	uint32_t bits = 0;

	if (dash < 1 || dash > 3)
		return false;
	for (long i = 0; i < dash; i++) {
		uint32_t bit = 0;
		for (size_t m = 0; m < ARRAY_LEN(modifiers); m++)
			if (ascii_lower(name->ptr[i]) == modifiers[m].letter)
				bit = modifiers[m].bit;
		if (bit == 0 || (bits & bit))
			return false;
		bits |= bit;
	}
	*name = str_from(*name, (size_t)dash + 1);
	*bits_out = bits;
	return true;
}

uint32_t
key_by_name(struct str name)
{
	uint32_t key = plain_by_name(name);
	uint32_t bits;

	if (key != KEYC_NONE || !take_modifiers(&name, &bits))
		return key;
	key = plain_by_name(name);
	return key_is_char(key) ? KEYC_NONE : key | bits;
}

/* <0177>: octal digits, the code of a character. */
static uint32_t
key_by_octal(struct str name)
{
	uint32_t code = 0;

	if (name.len < 2 || name.len > 7)
		return KEYC_NONE;
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '7')
			return KEYC_NONE;
		code = code * 8 + (uint32_t)(name.ptr[i] - '0');
	}
	return code < KEYC_BASE ? code : KEYC_NONE;
}

/* What stands in < > at the front; false if it cannot be a name. */
static bool
angle_name(struct str text, struct str *name_out)
{
	size_t len = 1;

	if (text.len < 3 || text.ptr[0] != '<')
		return false;
	while (len < text.len && len < 64 &&
	       (ascii_is_alnum((unsigned char)text.ptr[len]) || text.ptr[len] == '-' ||
		text.ptr[len] == '_'))
		len++;
	if (len < 2 || len >= text.len || text.ptr[len] != '>')
		return false;
	*name_out = str_n(text.ptr + 1, len - 1);
	return true;
}

static uint32_t
caret_key(struct str text)
{
	if (text.len < 2 || text.ptr[0] != '^')
		return KEYC_NONE;
	int c = ascii_upper((unsigned char)text.ptr[1]);
	if (c == '?')
		return 127;
	return c > '@' && c <= '_' ? (uint32_t)(c - '@') : KEYC_NONE;
}

uint32_t
key_next(struct str *text, struct str *name_out)
{
	struct str name;
	uint32_t key;

	if (name_out != NULL)
		*name_out = STR_NONE;
	if (text->len == 0)
		return KEYC_NONE;
	if (angle_name(*text, &name)) {
		key = key_by_name(name);
		if (key == KEYC_NONE)
			key = key_by_octal(name);
		if (key != KEYC_NONE || name_out != NULL)
			*text = str_from(*text, name.len + 2);
		if (key == KEYC_NONE && name_out != NULL)
			*name_out = name;
		if (key != KEYC_NONE || name_out != NULL)
			return key;
	}
	*text = str_from(*text, utf8_decode(*text, &key));
	/* A NUL cannot be typed, but Ctrl-@ sends it; it must not look like the end. */
	return key == KEYC_NONE ? UTF8_BAD : key;
}

size_t
key_parse(struct str text, uint32_t *keys_out, size_t max)
{
	size_t n = 0;

	while (text.len > 0) {
		uint32_t key = caret_key(text);
		if (key != KEYC_NONE)
			text = str_from(text, 2);
		else
			key = key_next(&text, NULL);
		if (n == max)
			return 0;
		keys_out[n++] = key;
	}
	return n;
}

static bool
add_name(struct buf *b, uint32_t key)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].key == key) {
			buf_adds(b, names[i].name);
			return true;
		}
	if (key < KEYC_F1 || key > KEYC_F63)
		return false;
	buf_addf(b, "F%u", (unsigned)(key - KEYC_F1 + 1));
	return true;
}

static void
add_modifiers(struct buf *b, uint32_t key)
{
	if ((key & KEYC_MODIFIERS) == 0)
		return;
	if (key & KEYC_SHIFT)
		buf_addc(b, 's');
	if (key & KEYC_CTRL)
		buf_addc(b, 'c');
	if (key & KEYC_ALT)
		buf_addc(b, 'a');
	buf_addc(b, '-');
}

void
key_add(struct buf *b, uint32_t key)
{
	size_t start = b->len;

	buf_addc(b, '<');
	add_modifiers(b, key);
	if (add_name(b, key & ~(uint32_t)KEYC_MODIFIERS)) {
		buf_addc(b, '>');
		return;
	}
	buf_truncate(b, start);
	if (key == 127)
		buf_adds(b, "^?");
	else if (key < 32)
		buf_addf(b, "^%c", (char)(key + '@'));
	else if (key_is_char(key))
		utf8_add(b, key);
	else
		buf_adds(b, "<?>");
}

void
key_add_seq(struct buf *b, const uint32_t *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		key_add(b, keys[i]);
}
