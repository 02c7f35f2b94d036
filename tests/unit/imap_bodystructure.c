/* bodystructure: what servers send, becomes parts; what breaks parsers, nothing. */
#include "lib/test.h"
#include "../src/imap/bodystructure.h"

#include <string.h>

#define TEXT "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\" \"FORMAT\" \"flowed\") NIL NIL \"QUOTED-PRINTABLE\" 120 4 NIL NIL NIL NIL)"
#define HTML "(\"TEXT\" \"HTML\" (\"CHARSET\" \"iso-8859-1\") \"<i@d>\" \"=?utf-8?q?d=C3=A9?=\" \"BASE64\" 900 12)"
#define ENVELOPE "(NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL)"

static char *
flat(struct bodystructure_parser *p, const char *raw)
{
	struct arena a = ARENA_INIT;
	struct structure s;
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;

	if (bodystructure_parse(p, str_c(raw), &a, &s, &err) < 0) {
		assert_err(err, ERR_PROTO);
		buf_adds(&b, "none");
	} else {
		for (size_t i = 0; i < s.n_parts; i++)
			buf_addf(&b, "%s%d[%.*s]%.*s/%.*s", i ? " " : "", s.parts[i].depth,
				 STR_ARG(s.parts[i].section), STR_ARG(s.parts[i].type),
				 STR_ARG(s.parts[i].subtype));
	}
	arena_release(&a);
	return buf_take(&b);
}

static void
test_sections(void **state)
{
	static const struct {
		const char *raw, *want;
	} rows[] = {
		{ TEXT, "0[1]text/plain" },
		{ "(" TEXT HTML " \"ALTERNATIVE\" (\"BOUNDARY\" \"b\") NIL NIL)",
		  "0[]multipart/alternative 1[1]text/plain 1[2]text/html" },
		{ "((" TEXT HTML " \"ALTERNATIVE\")(\"APPLICATION\" \"PDF\" NIL NIL NIL \"BASE64\" 77) \"MIXED\")",
		  "0[]multipart/mixed 1[1]multipart/alternative 2[1.1]text/plain 2[1.2]text/html "
		  "1[2]application/pdf" },
		{ "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 500 " ENVELOPE " " TEXT " 20)",
		  "0[1]message/rfc822 1[1.1]text/plain" },
		{ "(" TEXT "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 500 " ENVELOPE " (" TEXT HTML
		  " \"ALTERNATIVE\") 20) \"MIXED\")",
		  "0[]multipart/mixed 1[1]text/plain 1[2]message/rfc822 2[2]multipart/alternative "
		  "3[2.1]text/plain 3[2.2]text/html" },
		{ "({4}\r\nTEXT {5}\r\nPLAIN NIL NIL NIL \"7BIT\" 1 1)", "0[1]text/plain" },
	};
	struct bodystructure_parser *p = bodystructure_parser_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = flat(p, rows[i].raw);
		assert_string_equal(got, rows[i].want);
		free(got);
	}
	bodystructure_parser_free(p);
}

static void
test_fields(void **state)
{
	struct bodystructure_parser *p = bodystructure_parser_new();
	struct arena a = ARENA_INIT;
	struct structure s;
	struct err err = ERR_INIT;
	const char *raw = "(" TEXT "(\"IMAGE\" \"PNG\" (\"NAME\" \"=?utf-8?q?b=C3=BCld?=.png\") \"<c@i>\" NIL \"BASE64\" "
			  "4711 NIL (\"ATTACHMENT\" (\"FILENAME*0*\" \"utf-8''b%C3%BC\" \"FILENAME*1\" \"ld.png\")) NIL) "
			  "\"MIXED\" (\"BOUNDARY\" \"a b\\\"c\" \"X\" \"y\") (\"INLINE\" NIL))";

	assert_int_equal(bodystructure_parse(p, str_c(raw), &a, &s, &err), 0);
	assert_int_equal(s.n_parts, 3);
	assert_int_equal(s.parts[0].n_children, 2);
	assert_str(s.parts[0].boundary, "a b\"c");
	assert_str(s.parts[0].params, "; X=y");
	assert_str(s.parts[0].disposition, "inline");
	assert_str(s.parts[1].charset, "utf-8");
	assert_str(s.parts[1].params, "; FORMAT=flowed");
	assert_str(s.parts[1].encoding, "quoted-printable");
	assert_int_equal(s.parts[1].size_octets, 120);
	assert_int_equal(s.parts[1].n_lines, 4);
	assert_str(s.parts[2].disposition, "attachment");
	assert_str(s.parts[2].name, "b\xc3\xbcld.png");
	assert_str(s.parts[2].content_id, "<c@i>");
	assert_int_equal(s.parts[2].size_octets, 4711);
	assert_int_equal(bodystructure_parse(p, STR(HTML), &a, &s, &err), 0);
	assert_str(s.parts[0].description, "d\xc3\xa9");
	arena_release(&a);
	bodystructure_parser_free(p);
}

static void
assert_none(struct bodystructure_parser *p, const char *raw)
{
	char *got = flat(p, raw);

	if (strcmp(got, "none") != 0)
		fail_msg("'%.60s' gave %s", raw, got);
	free(got);
}

static void
test_refused(void **state)
{
	static const char *const rows[] = {
		"", "NIL", "()", "(\"ALTERNATIVE\")", "(((", ")", "(\"TEXT\" \"PLAIN\"",
		"(\"TEXT\" \"PL\nAIN\" NIL NIL NIL \"7BIT\" 1 1)",
		"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 4294967296 1)",
		"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 9.37e+06 1)",
		"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1))\r\n* OK [PERMANENTFLAGS (] x\r\n",
		"(\"TEXT\" {5+}\r\nPLAIN NIL NIL NIL \"7BIT\" 1 1)",
		"(\"TEXT\" ~{5}\r\nPLAIN NIL NIL NIL \"7BIT\" 1 1)",
	};
	struct bodystructure_parser *p = bodystructure_parser_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_none(p, rows[i]);
		char *got = flat(p, TEXT); /* the next one is none the worse */
		assert_string_equal(got, "0[1]text/plain");
		free(got);
	}
	bodystructure_parser_free(p);
}

static void
test_too_much(void **state)
{
	struct bodystructure_parser *p = bodystructure_parser_new();
	struct buf b = BUF_INIT;

	for (int depth = 100; depth <= 100000; depth *= 10) {
		buf_reset(&b);
		buf_addn(&b, '(', (size_t)depth);
		buf_adds(&b, TEXT);
		for (int i = 0; i < depth; i++)
			buf_adds(&b, " \"MIXED\")");
		assert_none(p, b.ptr);
	}
	buf_reset(&b);
	buf_adds(&b, "(");
	for (int i = 0; i < 1001; i++)
		buf_adds(&b, TEXT);
	buf_adds(&b, " \"MIXED\")");
	assert_none(p, b.ptr);
	buf_reset(&b); /* extensions nest, too */
	buf_adds(&b, "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1 NIL NIL NIL NIL ");
	buf_addn(&b, '(', 100000);
	buf_adds(&b, "1");
	buf_addn(&b, ')', 100001);
	assert_none(p, b.ptr);
	buf_release(&b);
	bodystructure_parser_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests_name("imap_bodystructure", tests, NULL, NULL);
}
