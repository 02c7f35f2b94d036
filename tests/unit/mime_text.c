/* Header fields, encoded words, charsets, parameters. */
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/test.h"
#include "tern/base/utf8.h"
#include "tern/mime.h"

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
test_fields(void **state)
{
	struct str h = STR("From someone Mon Jan 1\n"
			   "A: one\r\n"
			   "junk without colon\n"
			   "  folded junk\n"
			   "B : two\n"
			   "\tmore\n"
			   " : nothing\n"
			   "C:\n"
			   "\n"
			   "D: body\n");
	struct mime_field f;

	assert_true(mime_next_field(&h, &f));
	assert_str(f.name, "A");
	assert_str(f.body, " one");
	assert_true(mime_next_field(&h, &f));
	assert_str(f.name, "B");
	assert_str(f.body, " two\n\tmore\n : nothing");
	assert_true(mime_next_field(&h, &f));
	assert_str(f.name, "C");
	assert_str(f.body, "");
	assert_false(mime_next_field(&h, &f));
	assert_int_equal(mime_header_bytes(STR("A: b\r\n\r\nrest")), 8);
	assert_int_equal(mime_header_bytes(STR("A: b")), 4);
}

static void
test_unfold(void **state)
{
	struct buf b = BUF_INIT;

	mime_unfold(&b, STR(" a\r\n b\0c\td\r\n\te\rf "));
	assert_str(buf_str(&b), "a b c d e f");
	buf_release(&b);
}

/* given, assumed, expected */
static const struct {
	const char *raw, *assumed, *text;
} words[] = {
	{ "plain", "", "plain" },
	{ "=?utf-8?q?a=C3=A9_b?=", "", "aé b" },
	{ "=?UTF-8?B?w6k=?= x", "", "é x" },
	{ "=?iso-8859-1?Q?=80=E9?=", "", "€é" },
	/* blanks between words go, other blanks stay */
	{ "=?utf-8?q?a?= \r\n =?utf-8?q?b?= c =?utf-8?q?d?=", "", "ab c d" },
	/* a character over two words, also of different encodings */
	{ "=?utf-8?B?w?= =?utf-8?B?w6k=?=", "", "é" },
	{ "=?utf-8?Q?=C3?= =?utf-8?B?qQ==?=", "", "é" },
	/* multi-byte charsets, RFC 2231's language */
	{ "=?gb2312?B?xOO6ww==?=", "", "你好" },
	{ "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "", "日本" },
	{ "=?shift_jis*ja?B?k/qWew==?=", "", "日本" },
	{ "=?koi8-r?B?8NLJ18XU?=", "", "Привет" },
	/* raw 8-bit */
	{ "caf\xc3\xa9", "", "café" },
	{ "caf\xe9 \x80", "", "café €" },
	{ "\xf0\xd2\xc9\xd7\xc5\xd4", "us-ascii:koi8-r", "Привет" },
	{ "\x1b$BF|K\\\x1b(B", "", "日本" },
	/* broken ones stay readable */
	{ "=?utf-8?x?abc?=", "", "=?utf-8?x?abc?=" },
	{ "=?utf-8?q?abc", "", "=?utf-8?q?abc" },
	{ "=?" "?q?abc?=", "", "=?" "?q?abc?=" },
	{ "=?utf-8?q?a b?=", "", "a b" },
	{ "(=?utf-8?q?a?=)", "", "(a)" },
	{ "=?no-such-charset?q?a=E9?=", "", "aé" },
	{ "=?utf-8//TRANSLIT?q?a?=", "", "a" },
	{ "=?../../x?q?a?=", "", "a" },
	{ "=?utf-8?q?" "?=", "", "" },
	{ "=?utf-8?q?=ff=41?=", "", "\xef\xbf\xbd" "A" },
	{ "=?utf-8?q?100=?=", "", "100=" },
	/* nothing encoded ends the line, or hides */
	{ "=?utf-8?q?a=0D=0ABcc:_x=09=1B[2J?=", "", "a  Bcc: x  [2J" },
	{ "=?utf-8?q?a=00b?=", "", "a\xef\xbf\xbd" "b" },
};

static void
test_words(void **state)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct buf b = BUF_INIT;
		mime_decode_text(&b, str_c(words[i].raw), str_c(words[i].assumed));
		if (!str_eqc(buf_str(&b), words[i].text))
			print_message("of '%s':\n", words[i].raw);
		assert_str(buf_str(&b), words[i].text);
		buf_release(&b);
	}
}

static void
test_word_bombs_are_linear(void **state)
{
	static const char *const bombs[] = { "=?utf-8?q?", "=?", "=?a?q?=?", "?=", "=?utf-8?q?a?= ",
					     "=?utf-8?b?", "=" };

	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		struct buf raw = BUF_INIT, out = BUF_INIT;
		while (raw.len < 1000 * 1000)
			buf_adds(&raw, bombs[i]);
		double before = seconds();
		mime_decode_text(&out, buf_str(&raw), STR_NONE);
		assert_true(seconds() - before < 5);
		assert_true(out.len <= raw.len * 3);
		assert_true(utf8_is_valid(buf_str(&out)));
		buf_release(&raw);
		buf_release(&out);
	}
}

static void
test_charset_names(void **state)
{
	static const struct {
		const char *given, *canonical;
	} rows[] = {
		{ "utf8", "UTF-8" },		 { "\"UTF-8\"", "UTF-8" },
		{ "Latin1", "WINDOWS-1252" },	 { "cp1251", "WINDOWS-1251" },
		{ "win-1251", "WINDOWS-1251" },	 { "ISO_8859-2:1987", "ISO-8859-2" },
		{ "iso8859-15", "ISO-8859-15" }, { "ibm850", "CP850" },
		{ "GBK", "GB18030" },		 { "x-sjis", "CP932" },
		{ "utf-8//IGNORE", NULL },	 { "/etc/passwd", NULL },
		{ "", NULL },			 { "martian", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = mime_charset_canonical(str_c(rows[i].given));
		if (rows[i].canonical == NULL)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].canonical);
	}
}

/* Our tables say what the C library says, where that has an opinion. */
static void
test_tables_agree_with_iconv(void **state)
{
	static const char *const names[] = { "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252",
					     "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1256",
					     "WINDOWS-1257", "ISO-8859-2",   "ISO-8859-5",
					     "ISO-8859-7",   "ISO-8859-15",  "ISO-8859-16",
					     "KOI8-R",	     "KOI8-U",	     "CP437",
					     "CP850",	     "CP866",	     "MACINTOSH" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		iconv_t cd = iconv_open("UTF-8", names[i]);
		assert_true(cd != (iconv_t)-1);
		for (int byte = 0x80; byte < 0x100; byte++) {
			char in[1] = { (char)byte }, out[8], *from = in, *to = out;
			size_t in_left = 1, out_left = sizeof(out);
			struct buf b = BUF_INIT;
			iconv(cd, NULL, NULL, NULL, NULL);
			bool is_defined = iconv(cd, &from, &in_left, &to, &out_left) == 0;
			mime_to_utf8(&b, str_n(in, 1), str_c(names[i]), STR_NONE);
			/* C1 controls and private use say nothing; the Greek currency
			 * and letters came to ISO-8859-7 later. */
			bool is_c1 = is_defined && to - out == 2 && (unsigned char)out[0] == 0xc2 &&
				     (unsigned char)out[1] < 0xa0;
			if (is_defined && !is_c1 && !str_eqc(buf_str(&b), "\xef\xbf\xbd") &&
			    !str_eqc(str_c(names[i]), "MACINTOSH"))
				assert_str_is(buf_str(&b), str_n(out, (size_t)(to - out)));
			buf_release(&b);
		}
		iconv_close(cd);
	}
}

static void
test_charset_streams_in_pieces(void **state)
{
	static const struct {
		const char *charset, *bytes, *text;
	} rows[] = {
		{ "utf-8", "a\xe2\x82\xac\xf0\x9f\x98\x80z", "a€😀z" },
		{ "utf-8", "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd" },
		{ "gb18030", "\xc4\xe3\xba\xc3", "你好" },
		{ "iso-2022-jp", "\x1b$BF|K\\\x1b(Bx", "日本x" },
		{ "windows-1252", "\x80\x81", "€\xef\xbf\xbd" },
		{ "", "caf\xe9\ncaf\xc3\xa9\n", "café\ncafé\n" },
		{ "us-ascii", "caf\xc3\xa9", "café" },
		{ "utf-7", "a+AOk-", "aé" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mime_charset *c = mime_charset_new(str_c(rows[i].charset), STR_NONE);
		struct buf b = BUF_INIT;
		struct str s = str_c(rows[i].bytes);
		for (size_t k = 0; k < s.len; k++)
			mime_charset_feed(c, str_n(s.ptr + k, 1), k + 1 == s.len, &b);
		assert_str(buf_str(&b), rows[i].text);
		buf_reset(&b);
		mime_to_utf8(&b, s, str_c(rows[i].charset), STR_NONE);
		assert_str(buf_str(&b), rows[i].text);
		buf_release(&b);
		mime_charset_free(c);
	}
}

static void
test_long_line_without_charset(void **state)
{
	struct mime_charset *c = mime_charset_new(STR_NONE, STR_NONE);
	struct buf in = BUF_INIT, out = BUF_INIT;

	while (in.len < 10 * 1000 * 1000)
		buf_adds(&in, "é€");
	double before = seconds();
	for (size_t at = 0; at < in.len; at += 4096)
		mime_charset_feed(c, str_head(str_from(buf_str(&in), at), 4096),
				  at + 4096 >= in.len, &out);
	assert_true(seconds() - before < 5);
	assert_true(str_eq(buf_str(&in), buf_str(&out)));
	mime_charset_free(c);
	buf_release(&in);
	buf_release(&out);
}

static const struct {
	const char *raw, *type, *param, *value;
} values[] = {
	{ "text/plain; charset=utf-8", "text/plain", "charset", "utf-8" },
	{ "TEXT / HTML ; Charset = \"UTF-8\" ; x=y", "text/html", "charset", "UTF-8" },
	{ "attachment; filename=\"a;\\\"b\\\".txt\"", "attachment/", "filename", "a;\"b\".txt" },
	{ "attachment; filename=my file.pdf", "attachment/", "filename", "my file.pdf" },
	{ "attachment; filename*=utf-8'en'%e2%82%ac.txt", "attachment/", "filename", "€.txt" },
	{ "attachment; filename*=iso-8859-1''%e9", "attachment/", "filename", "é" },
	{ "x; name*0=abc; name*1=def", "x/", "name", "abcdef" },
	{ "x; name*1*=%c3; name*0*=utf-8''a; name*2*=%a9", "x/", "name", "aé" },
	{ "x; name*1=b; name*2=c", "x/", "name", "bc" },
	{ "x; name=\"=?utf-8?b?w6k=?=\"", "x/", "name", "é" },
	{ "x; name==?utf-8?q?a=C3=A9.txt?=", "x/", "name", "aé.txt" },
	/* the better spelling holds, wherever it stands */
	{ "x; filename=plain; filename*=utf-8''%c3%a9", "x/", "filename", "é" },
	{ "x; filename=\"caf\xe9\"", "x/", "filename", "café" },
	{ "x; filename=\"unclosed", "x/", "filename", "unclosed" },
	{ "x; filename=\"C:\\dir\\file\"", "x/", "filename", "C:\\dir\\file" },
	{ "x; ; =y; name; name=z", "x/", "name", "z" },
	{ "x; name*=utf-8''a%00b%0ac", "x/", "name", "a\xef\xbf\xbd" "b c" },
	{ "", "/", "x", "" },
	{ "\"garbage", "/", "x", "" },
};

static void
test_values(void **state)
{
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct mime_value v;
		char type[100];
		mime_parse_value(&a, str_c(values[i].raw), STR_NONE, &v);
		snprintf(type, sizeof(type), "%.*s/%.*s", STR_ARG(v.type), STR_ARG(v.subtype));
		if (!str_eqc(mime_param(&v, values[i].param), values[i].value))
			print_message("of '%s':\n", values[i].raw);
		assert_string_equal(type, values[i].type);
		assert_str(mime_param(&v, values[i].param), values[i].value);
	}
	arena_release(&a);
}

static void
test_many_parameters(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct mime_value v;

	buf_adds(&b, "text/plain");
	for (int i = 0; i < 100000; i++)
		buf_addf(&b, "; x*%d=y", i % 2000);
	double before = seconds();
	mime_parse_value(&a, buf_str(&b), STR_NONE, &v);
	assert_true(seconds() - before < 2);
	assert_true(v.n_params <= MIME_MAX_PARAMS);
	buf_release(&b);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_unfold),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_word_bombs_are_linear),
		cmocka_unit_test(test_charset_names),
		cmocka_unit_test(test_tables_agree_with_iconv),
		cmocka_unit_test(test_charset_streams_in_pieces),
		cmocka_unit_test(test_long_line_without_charset),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_many_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
