/* response: one line (with literals) in, one meaning out; the rest is left alone. */
#include "lib/test.h"
#include "../src/imap/response.h"
#include "tern/row.h"

#include <string.h>

static struct response_parser parser = RESPONSE_PARSER_INIT;

static struct response
parse(const char *text)
{
	static struct buf line;
	struct response r;

	buf_release(&line);
	buf_init(&line);
	buf_addf(&line, "%s\r\n", text);
	struct frame frame = { .bytes = buf_str(&line) };
	response_parse(&parser, &frame, &r);
	return r;
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum response_kind kind;
	} rows[] = {
		{ "* OK hi", RESPONSE_CONDITION },
		{ "* ok [ALERT] hi", RESPONSE_CONDITION },
		{ "*  3 EXISTS", RESPONSE_EXISTS },
		{ "* 0 EXISTS", RESPONSE_EXISTS },
		{ "* 4294967296 EXISTS", RESPONSE_MALFORMED },
		{ "* -1 EXISTS", RESPONSE_UNKNOWN },
		{ "* 0 EXPUNGE", RESPONSE_MALFORMED },
		{ "* EXISTS", RESPONSE_UNKNOWN },
		{ "* 3 OK", RESPONSE_UNKNOWN },
		{ "* 3 FETCH", RESPONSE_MALFORMED },
		{ "* 0 FETCH (UID 1)", RESPONSE_MALFORMED },
		{ "* 1 FETCH ()", RESPONSE_FETCH },
		{ "* 1 FETCH (UID 1", RESPONSE_MALFORMED },
		{ "* 1 FETCH (UID 0)", RESPONSE_MALFORMED },
		{ "* 1 FETCH (UID 4294967296)", RESPONSE_MALFORMED },
		{ "* 1 FETCH (MODSEQ (9223372036854775808))", RESPONSE_MALFORMED },
		{ "* ESEARCH (TAG \"A1\") UID", RESPONSE_ESEARCH },
		{ "* SEARCH", RESPONSE_SEARCH },
		{ "* SEARCH 1 x", RESPONSE_MALFORMED },
		{ "* VANISHED", RESPONSE_VANISHED },
		{ "* VANISHED (SOON) 1", RESPONSE_MALFORMED },
		{ "* LIST () \"/\" INBOX", RESPONSE_LIST },
		{ "* LIST () \"//\" INBOX", RESPONSE_MALFORMED },
		{ "* LIST (\"/\" INBOX", RESPONSE_MALFORMED },
		{ "* STATUS x (MESSAGES 99999999999)", RESPONSE_MALFORMED },
		{ "* X-WHAT ever", RESPONSE_UNKNOWN },
		{ "*", RESPONSE_UNKNOWN },
		{ "", RESPONSE_UNKNOWN },
		{ "A1 OK done", RESPONSE_TAGGED },
		{ "A1 MAYBE", RESPONSE_UNKNOWN },
		{ "+", RESPONSE_CONTINUE },
		{ "+ abc", RESPONSE_CONTINUE },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct response r = parse(rows[i].text);
		if (r.kind != rows[i].kind)
			fail_msg("'%s': %d, not %d", rows[i].text, r.kind, rows[i].kind);
	}
}

static void
test_codes(void **state)
{
	struct response r = parse("* OK [UIDVALIDITY 7] fine ");
	assert_int_equal(r.code, CODE_UIDVALIDITY);
	assert_int_equal(r.number, 7);
	assert_str(r.text, "fine");
	r = parse("* OK [HIGHESTMODSEQ 9223372036854775807]");
	assert_true(r.modseq == INT64_MAX);
	r = parse("* OK [UIDNEXT 4294967296] x");
	assert_int_equal(r.code, CODE_UNKNOWN);
	r = parse("* OK [PERMANENTFLAGS (\\Seen word \\*)] x");
	assert_int_equal(r.flags.bits, ROW_SEEN);
	assert_true(r.flags.has_star);
	assert_str(r.flags.keywords, "word");
	r = parse("* OK [PERMANENTFLAGS (] x"); /* crashes others */
	assert_int_equal(r.code, CODE_UNKNOWN);
	r = parse("A1 OK [COPYUID 9 1:3,5 11:14] x");
	assert_int_equal(r.code, CODE_COPYUID);
	assert_str(r.sources, "1:3,5");
	assert_str(r.targets, "11:14");
	r = parse("A1 NO [BADCHARSET (\"]\")] x");
	assert_int_equal(r.code, CODE_BADCHARSET);
	assert_str(r.text, "x");
	r = parse("* OK [never closed");
	assert_int_equal(r.code, CODE_NONE);
	r = parse("* BYE [X-NEW [a] b] x");
	assert_int_equal(r.code, CODE_UNKNOWN);
	assert_str(r.text, "x");
}

static void
test_fetch(void **state)
{
	struct response r = parse("* 3 FETCH (FLAGS (\\Seen \\answered $Junk \\ \\X a) UID 9 X (1 (\"b)\" {1}\r\n)))  "
				  "RFC822.SIZE 17 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" MODSEQ (5) "
				  "BODYSTRUCTURE (\"A\" (\"b\")) BODY[HEADER.FIELDS (\"X]\" Y)] {3}\r\nabc "
				  "BODY[1]<100> \"d\\\"e\" BODY[2] NIL BINARY[3]<5> ~{2}\r\nfg BINARY.SIZE[3] 7)");
	const struct fetch *f = &r.fetch;

	assert_int_equal(r.kind, RESPONSE_FETCH);
	assert_int_equal(f->seq, 3);
	assert_int_equal(f->uid, 9);
	assert_int_equal(f->flags.bits, ROW_SEEN | ROW_ANSWERED);
	assert_str(f->flags.keywords, "$Junk a");
	assert_int_equal(f->size_bytes, 17);
	assert_int_equal(f->internaldate, 837596665);
	assert_int_equal(f->modseq, 5);
	assert_str(f->structure, "(\"A\" (\"b\"))");
	assert_int_equal(f->n_bodies, 4);
	assert_str(f->bodies[0].section, "HEADER.FIELDS (\"X]\" Y)");
	assert_str(f->bodies[0].data, "abc");
	assert_false(f->bodies[0].has_origin);
	assert_int_equal(f->bodies[1].origin, 100);
	assert_str(f->bodies[1].data, "d\"e");
	assert_true(f->bodies[2].is_nil);
	assert_true(f->bodies[3].is_binary);
	assert_str(f->bodies[3].data, "fg");
}

/* A literal that says more than there is must not be believed, whoever let it in. */
static void
test_literal_past_the_end(void **state)
{
	assert_int_equal(parse("* 1 FETCH (BODY[] {50}\r\nabc)").kind, RESPONSE_MALFORMED);
	assert_int_equal(parse("* 1 FETCH (BODY[] {4294967296}\r\nabc)").kind, RESPONSE_MALFORMED);
	assert_int_equal(parse("* LIST () {50}\r\n/ x").kind, RESPONSE_MALFORMED);
}

static void
test_sets(void **state)
{
	struct buf b = BUF_INIT;
	struct response r = parse("* VANISHED (EARLIER) 7,1:3");

	assert_true(r.is_earlier);
	seqset_print(&parser.uids, &b);
	assert_str(buf_str(&b), "1:3,7");
	r = parse("* ESEARCH (TAG \"A9\") UID ALL 5,2 COUNT 2 X (y) MODSEQ 8");
	assert_str(r.tag, "A9");
	assert_int_equal(r.count, 2);
	assert_int_equal(r.modseq, 8);
	assert_int_equal(seqset_count(&parser.uids), 2);
	r = parse("* SEARCH 4 5 (MODSEQ 9)");
	assert_int_equal(seqset_count(&parser.uids), 2);
	r = parse("* VANISHED 0:5");
	assert_int_equal(seqset_count(&parser.uids), 5);
	buf_release(&b);
}

static void
test_dates(void **state)
{
	int64_t t;

	assert_true(parse_internaldate(STR(" 1-Jan-1970 00:00:00 +0000"), &t));
	assert_int_equal(t, 0);
	assert_true(parse_internaldate(STR("29-FEB-2024 23:59:60 +0100"), &t));
	assert_int_equal(t, 1709247600);
	assert_false(parse_internaldate(STR("1-Jan-1970 00:00:00 +0000"), &t));
	assert_false(parse_internaldate(STR("32-Jan-1970 00:00:00 +0000"), &t));
	assert_false(parse_internaldate(STR("01-Foo-1970 00:00:00 +0000"), &t));
	assert_false(parse_internaldate(STR(""), &t));
}

static void
test_before_login(void **state)
{
	struct response r = parse("* PREAUTH hi");

	assert_true(response_is_greeting(&r));
	r = parse("* NO hi");
	assert_false(response_is_greeting(&r));
	r = parse("220 smtp");
	assert_false(response_is_greeting(&r));
	r = parse("* 1 EXISTS");
	assert_false(response_is_allowed_before_login(&r));
}

/* Each of so many at the front of a set would move all the others. */
static void
test_a_search_in_a_bad_order(void **state)
{
	static struct buf line;
	struct buf b = BUF_INIT;

	parse("* SEARCH 7 5 6 0 9 5 1 (MODSEQ 9)");
	seqset_print(&parser.uids, &b);
	assert_str(buf_str(&b), "1,5:7,9");
	buf_release(&b);
	buf_adds(&line, "* SEARCH");
	for (uint32_t uid = 600000; uid > 0; uid -= 2)
		buf_addf(&line, " %u", uid);
	parse(line.ptr);
	assert_int_equal(seqset_count(&parser.uids), 300000);
	assert_int_equal(seqset_min(&parser.uids), 2);
	buf_release(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_codes),
		cmocka_unit_test(test_fetch), cmocka_unit_test(test_literal_past_the_end),
		cmocka_unit_test(test_sets),  cmocka_unit_test(test_dates),
		cmocka_unit_test(test_a_search_in_a_bad_order),
		cmocka_unit_test(test_before_login),
	};

	int failed = cmocka_run_group_tests_name("imap_response", tests, NULL, NULL);
	response_parser_release(&parser);
	return failed;
}
