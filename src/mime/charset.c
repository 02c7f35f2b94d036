/* Charsets to UTF-8.
 *
 * Only charsets of the tables below are converted: the single-byte ones by our
 * own tables, the rest by iconv under a name of ours, never the sender's. The
 * C library knows hundreds more that no mail uses and whose converters had the
 * bugs; and the result must not depend on what a sandbox could still load. */
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "tern/base/utf8.h"

#define GUESS_LINE_BYTES 65536

/* What senders write, and what they mean by it (mostly as encoding.spec.whatwg.org). */
static const struct {
	const char *name, *canonical;
} aliases[] = {
	{ "ascii", "US-ASCII" },
	{ "us", "US-ASCII" },
	{ "ansi_x3.4-1968", "US-ASCII" },
	{ "iso646-us", "US-ASCII" },
	{ "646", "US-ASCII" },
	{ "cp367", "US-ASCII" },
	{ "unknown", "US-ASCII" },
	{ "x-unknown", "US-ASCII" },
	{ "unknown-8bit", "US-ASCII" },
	{ "8bit", "US-ASCII" },
	{ "default", "US-ASCII" },
	{ "utf8", "UTF-8" },
	{ "utf_8", "UTF-8" },
	{ "utf-8n", "UTF-8" },
	{ "utf8mb4", "UTF-8" },
	{ "x-utf-8", "UTF-8" },
	{ "unicode-1-1-utf-8", "UTF-8" },
	{ "cp65001", "UTF-8" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "x-unicode-2-0-utf-7", "UTF-7" },
	{ "utf7", "UTF-7" },
	{ "utf16", "UTF-16" },
	{ "unicode", "UTF-16" },
	{ "ucs-2", "UTF-16" },
	{ "iso-10646-ucs-2", "UTF-16" },
	{ "iso-8859-1", "WINDOWS-1252" },
	{ "iso8859-1", "WINDOWS-1252" },
	{ "iso_8859-1", "WINDOWS-1252" },
	{ "iso-8859-1-windows-3.1-latin-1", "WINDOWS-1252" },
	{ "iso-8859-1-windows-3.0-latin-1", "WINDOWS-1252" },
	{ "iso88591", "WINDOWS-1252" },
	{ "8859-1", "WINDOWS-1252" },
	{ "iso-ir-100", "WINDOWS-1252" },
	{ "latin1", "WINDOWS-1252" },
	{ "latin-1", "WINDOWS-1252" },
	{ "l1", "WINDOWS-1252" },
	{ "cp819", "WINDOWS-1252" },
	{ "ibm819", "WINDOWS-1252" },
	{ "ansi", "WINDOWS-1252" },
	{ "x-ansi", "WINDOWS-1252" },
	{ "x-user-defined", "WINDOWS-1252" },
	{ "latin2", "ISO-8859-2" },
	{ "latin-2", "ISO-8859-2" },
	{ "latin3", "ISO-8859-3" },
	{ "latin4", "ISO-8859-4" },
	{ "cyrillic", "ISO-8859-5" },
	{ "arabic", "ISO-8859-6" },
	{ "iso-8859-6-i", "ISO-8859-6" },
	{ "iso-8859-6-e", "ISO-8859-6" },
	{ "greek", "ISO-8859-7" },
	{ "hebrew", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-8-e", "ISO-8859-8" },
	{ "logical", "ISO-8859-8" },
	{ "visual", "ISO-8859-8" },
	{ "iso-8859-9", "WINDOWS-1254" },
	{ "iso8859-9", "WINDOWS-1254" },
	{ "latin5", "WINDOWS-1254" },
	{ "latin6", "ISO-8859-10" },
	{ "iso-8859-11", "CP874" },
	{ "tis-620", "CP874" },
	{ "tis620", "CP874" },
	{ "windows-874", "CP874" },
	{ "dos-874", "CP874" },
	{ "latin9", "ISO-8859-15" },
	{ "latin-9", "ISO-8859-15" },
	{ "iso8859-15", "ISO-8859-15" },
	{ "koi8", "KOI8-R" },
	{ "koi", "KOI8-R" },
	{ "cskoi8r", "KOI8-R" },
	{ "koi8-ru", "KOI8-U" },
	{ "x-cp1250", "WINDOWS-1250" },
	{ "x-cp1251", "WINDOWS-1251" },
	{ "x-cp1252", "WINDOWS-1252" },
	{ "mac", "MACINTOSH" },
	{ "x-mac-roman", "MACINTOSH" },
	{ "macroman", "MACINTOSH" },
	{ "x-mac-cyrillic", "MAC-CYRILLIC" },
	{ "x-mac-ukrainian", "MAC-CYRILLIC" },
	{ "gb2312", "GB18030" },
	{ "gb_2312-80", "GB18030" },
	{ "csgb2312", "GB18030" },
	{ "euc-cn", "GB18030" },
	{ "gbk", "GB18030" },
	{ "x-gbk", "GB18030" },
	{ "cp936", "GB18030" },
	{ "windows-936", "GB18030" },
	{ "chinese", "GB18030" },
	{ "gb18030-2000", "GB18030" },
	{ "big5", "BIG5-HKSCS" },
	{ "big-5", "BIG5-HKSCS" },
	{ "x-big5", "BIG5-HKSCS" },
	{ "cn-big5", "BIG5-HKSCS" },
	{ "csbig5", "BIG5-HKSCS" },
	{ "big5-hkscs", "BIG5-HKSCS" },
	{ "cp950", "BIG5-HKSCS" },
	{ "x-x-big5", "BIG5-HKSCS" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "sjis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "ms_kanji", "CP932" },
	{ "windows-31j", "CP932" },
	{ "cswindows31j", "CP932" },
	{ "eucjp", "EUC-JP" },
	{ "x-euc-jp", "EUC-JP" },
	{ "ujis", "EUC-JP" },
	{ "csiso2022jp", "ISO-2022-JP" },
	{ "iso-2022-jp-1", "ISO-2022-JP" },
	{ "iso-2022-jp-2", "ISO-2022-JP" },
	{ "cp50220", "ISO-2022-JP" },
	{ "cp50221", "ISO-2022-JP" },
	{ "euc-kr", "CP949" },
	{ "euckr", "CP949" },
	{ "ks_c_5601-1987", "CP949" },
	{ "ks_c_5601-1989", "CP949" },
	{ "ksc5601", "CP949" },
	{ "ksc_5601", "CP949" },
	{ "korean", "CP949" },
	{ "uhc", "CP949" },
	{ "windows-949", "CP949" },
	{ "iso-2022-kr", "ISO-2022-KR" },
};

/* By iconv: our name and the C library's. */
static const struct {
	const char *name, *iconv_name;
} multibyte[] = {
	{ "GB18030", "GB18030" },
	{ "BIG5-HKSCS", "BIG5-HKSCS" },
	{ "CP932", "CP932" },
	{ "EUC-JP", "EUC-JP" },
	{ "ISO-2022-JP", "ISO-2022-JP-2" },
	{ "CP949", "CP949" },
	{ "ISO-2022-KR", "ISO-2022-KR" },
	{ "UTF-7", "UTF-7" },
	{ "UTF-16", "UTF-16" },
	{ "UTF-16LE", "UTF-16LE" },
	{ "UTF-16BE", "UTF-16BE" },
};

/* Held open for the life of the program: they keep their modules loaded. */
static iconv_t preloaded[ARRAY_LEN(multibyte)];
static bool is_preloaded;

void
mime_charset_preload(void)
{
	if (is_preloaded)
		return;
	for (size_t i = 0; i < ARRAY_LEN(multibyte); i++)
		preloaded[i] = iconv_open("UTF-8", multibyte[i].iconv_name);
	is_preloaded = true;
}

static const struct charset_table *
find_table(struct str name)
{
	for (size_t i = 0; i < n_charset_tables; i++)
		if (str_ieqc(name, charset_tables[i].name))
			return &charset_tables[i];
	return NULL;
}

static const char *
known_name(struct str name)
{
	static const char *const plain[] = { "US-ASCII", "UTF-8" };
	const struct charset_table *t = find_table(name);

	if (t != NULL)
		return t->name;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (str_ieqc(name, plain[i]))
			return plain[i];
	for (size_t i = 0; i < ARRAY_LEN(multibyte); i++)
		if (str_ieqc(name, multibyte[i].name))
			return multibyte[i].name;
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (str_ieqc(name, aliases[i].name))
			return aliases[i].canonical;
	return NULL;
}

/* Families whose members are written in many ways: the digits decide. */
static const struct {
	const char *prefix, *family;
} families[] = {
	{ "windows-", "WINDOWS-" }, { "windows", "WINDOWS-" }, { "win-", "WINDOWS-" },
	{ "win", "WINDOWS-" },	    { "ms-ansi-", "WINDOWS-" }, { "cp-", "CP" },
	{ "cp", "WINDOWS-" },	    { "ibm-", "CP" },	       { "ibm", "CP" },
	{ "x-cp", "WINDOWS-" },	    { "iso_8859-", "ISO-8859-" }, { "iso8859-", "ISO-8859-" },
	{ "iso8859", "ISO-8859-" }, { "iso-8859", "ISO-8859-" }, { "8859-", "ISO-8859-" },
};

static const char *
family_name(struct str name)
{
	char room[48];
	/* "ISO_8859-2:1987" */
	long colon = str_find(name, ':');
	struct str s = colon > 0 ? str_head(name, (size_t)colon) : name;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		if (!str_istarts(s, families[i].prefix))
			continue;
		struct str rest = str_from(s, strlen(families[i].prefix));
		int n = snprintf(room, sizeof(room), "%s%.*s", families[i].family,
				 STR_ARG(rest));
		if (n < 0 || (size_t)n >= sizeof(room))
			continue;
		const char *known = known_name(str_c(room));
		if (known != NULL)
			return known;
	}
	return NULL;
}

static struct str
clean_name(struct str name)
{
	name = str_trim(name);
	while (name.len > 0 && (name.ptr[0] == '"' || name.ptr[0] == '\''))
		name = str_from(name, 1);
	while (name.len > 0 && strchr("\"';", name.ptr[name.len - 1]) != NULL)
		name.len--;
	return name;
}

const char *
mime_charset_canonical(struct str name)
{
	name = clean_name(name);
	if (name.len == 0 || name.len > 40)
		return NULL;
	const char *known = known_name(name);
	return known != NULL ? known : family_name(name);
}

enum kind { KIND_GUESS, KIND_UTF8, KIND_TABLE, KIND_ICONV };

struct mime_charset {
	enum kind kind;
	bool is_known;
	const struct charset_table *table;
	iconv_t cd;
	char assumed[64];
	struct buf held; /* the start of a character; guessing: of a line */
};

static iconv_t
open_multibyte(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(multibyte); i++)
		if (strcmp(name, multibyte[i].name) == 0)
			return iconv_open("UTF-8", multibyte[i].iconv_name);
	return (iconv_t)-1;
}

static void
set_charset(struct mime_charset *c, const char *name)
{
	c->kind = KIND_GUESS;
	c->is_known = name != NULL;
	if (name == NULL || strcmp(name, "US-ASCII") == 0)
		return;
	if (strcmp(name, "UTF-8") == 0) {
		c->kind = KIND_UTF8;
		return;
	}
	c->table = find_table(str_c(name));
	if (c->table != NULL) {
		c->kind = KIND_TABLE;
		return;
	}
	c->cd = open_multibyte(name);
	if (c->cd != (iconv_t)-1)
		c->kind = KIND_ICONV;
	else
		c->is_known = false;
}

struct mime_charset *
mime_charset_new(struct str charset, struct str assumed)
{
	struct mime_charset *c = xcalloc(1, sizeof(*c));

	buf_init(&c->held);
	c->cd = (iconv_t)-1;
	snprintf(c->assumed, sizeof(c->assumed), "%.*s", STR_ARG(assumed));
	set_charset(c, mime_charset_canonical(charset));
	return c;
}

void
mime_charset_free(struct mime_charset *c)
{
	if (c == NULL)
		return;
	if (c->cd != (iconv_t)-1)
		iconv_close(c->cd);
	buf_release(&c->held);
	free(c);
}

bool
mime_charset_is_known(const struct mime_charset *c)
{
	return c->is_known;
}

static bool
is_clean(struct str s)
{
	return (s.len == 0 || memchr(s.ptr, '\0', s.len) == NULL) && utf8_is_valid(s);
}

/* Valid UTF-8 as it is; bad bytes and NUL become U+FFFD. */
static void
add_utf8(struct buf *out, struct str s)
{
	if (is_clean(s)) {
		buf_addstr(out, s);
		return;
	}
	struct str piece;
	for (bool is_first = true; str_next(&s, '\0', &piece); is_first = false) {
		if (!is_first)
			utf8_add(out, UTF8_BAD);
		utf8_add_valid(out, piece);
	}
}

static bool
add_table(struct buf *out, struct str s, const struct charset_table *t)
{
	bool is_good = true;

	buf_reserve(out, s.len);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char byte = (unsigned char)s.ptr[i];
		if (byte >= 0x80) {
			utf8_add(out, t->high[byte - 0x80]);
			is_good &= t->high[byte - 0x80] != UTF8_BAD;
		} else if (byte == 0) {
			utf8_add(out, UTF8_BAD);
			is_good = false;
		} else {
			buf_addc(out, (char)byte);
		}
	}
	return is_good;
}

/* Returns how many bytes at the end are the start of a character. */
static size_t
add_iconv(struct buf *out, struct str s, iconv_t cd, bool is_last, bool *is_good)
{
	char *in = (char *)(uintptr_t)s.ptr;
	size_t in_left = s.len;

	while (in_left > 0) {
		char room[4096], *to = room;
		size_t to_left = sizeof(room);
		size_t n = iconv(cd, &in, &in_left, &to, &to_left);
		int why = n == (size_t)-1 ? errno : 0;
		add_utf8(out, str_n(room, (size_t)(to - room)));
		if (why == E2BIG || why == 0)
			continue;
		if (why == EINVAL && !is_last && in_left < 16)
			return in_left;
		*is_good = false;
		utf8_add(out, UTF8_BAD);
		in++;
		in_left--;
	}
	return 0;
}

/* Append s if every character of it exists in that charset. */
static bool
try_charset(struct buf *out, struct str s, const char *name)
{
	size_t at = out->len;
	bool is_good = true;

	if (name == NULL || strcmp(name, "US-ASCII") == 0 || strcmp(name, "UTF-8") == 0)
		return false; /* tried before */
	const struct charset_table *t = find_table(str_c(name));
	if (t != NULL) {
		is_good = add_table(out, s, t);
	} else {
		iconv_t cd = open_multibyte(name);
		if (cd == (iconv_t)-1)
			return false;
		add_iconv(out, s, cd, true, &is_good);
		iconv_close(cd);
	}
	if (!is_good)
		buf_truncate(out, at);
	return is_good;
}

/* The user's $assumed_charset is a list; the first in which the text exists. */
static void
add_guessed(struct buf *out, struct str s, struct str assumed)
{
	bool is_escaped = str_icontains(assumed, STR("iso-2022")) && str_find(s, '\033') >= 0;
	struct str name;

	if (!is_escaped && is_clean(s)) {
		buf_addstr(out, s);
		return;
	}
	while (str_next(&assumed, ':', &name))
		if (try_charset(out, s, mime_charset_canonical(name)))
			return;
	add_table(out, s, find_table(STR("WINDOWS-1252")));
}

/* Bytes at the end that may be the start of a UTF-8 character. */
static size_t
utf8_tail(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.len; back++) {
		unsigned char byte = (unsigned char)s.ptr[s.len - back];
		if (byte < 0x80)
			return 0;
		if (byte >= 0xc0)
			return (byte >= 0xf0 ? 4u : byte >= 0xe0 ? 3u : 2u) > back ? back : 0;
	}
	return 0;
}

/* Whole lines; a very long one in pieces. Returns what is left over. */
static size_t
feed_guess(struct mime_charset *c, struct str s, bool is_last, struct buf *out)
{
	while (s.len > 0) {
		const char *lf = memchr(s.ptr, '\n', s.len);
		size_t n = lf != NULL ? (size_t)(lf - s.ptr) + 1 : s.len;
		if (lf == NULL && !is_last && n < GUESS_LINE_BYTES)
			return n;
		if (n >= GUESS_LINE_BYTES)
			n = GUESS_LINE_BYTES - utf8_tail(str_head(s, GUESS_LINE_BYTES));
		add_guessed(out, str_head(s, n), str_c(c->assumed));
		s = str_from(s, n);
	}
	return 0;
}

static size_t
feed_some(struct mime_charset *c, struct str s, bool is_last, struct buf *out)
{
	bool is_good = true;
	size_t tail;

	switch (c->kind) {
	case KIND_TABLE:
		add_table(out, s, c->table);
		return 0;
	case KIND_ICONV:
		return add_iconv(out, s, c->cd, is_last, &is_good);
	case KIND_UTF8:
		tail = is_last ? 0 : utf8_tail(s);
		add_utf8(out, str_head(s, s.len - tail));
		return tail;
	case KIND_GUESS:
		break;
	}
	return feed_guess(c, s, is_last, out);
}

void
mime_charset_feed(struct mime_charset *c, struct str bytes, bool is_last, struct buf *out)
{
	/* What was held is short (a character, or less than one long line). */
	buf_addstr(&c->held, bytes);
	size_t left = feed_some(c, buf_str(&c->held), is_last, out);
	buf_consume(&c->held, c->held.len - left);
}

/* Most of what stands in headers: no converter has anything to do. */
static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)(s.ptr[i] - 1) >= 0x7f)
			return false;
	return true;
}

void
mime_to_utf8(struct buf *out, struct str bytes, struct str charset, struct str assumed)
{
	if (charset.len == 0 && is_ascii(bytes)) {
		buf_addstr(out, bytes);
		return;
	}
	struct mime_charset *c = mime_charset_new(charset, assumed);

	mime_charset_feed(c, bytes, true, out);
	mime_charset_free(c);
}
