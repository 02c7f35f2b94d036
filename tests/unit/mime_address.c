/* Addresses, dates, message ids, rows. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/test.h"
#include "tern/base/map.h"
#include "tern/base/utf8.h"
#include "tern/mime.h"

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* given, expected: "name|addr" each, ':' before a group's, '!' before a malformed one's */
static const struct {
	const char *raw, *want;
} lists[] = {
	{ "", "" },
	{ "a@b", "|a@b" },
	{ "Ada <a@b>", "Ada|a@b" },
	{ "Ada  M.\r\n Lovelace <a@b> , c@d", "Ada M. Lovelace|a@b, |c@d" },
	{ "\"Lovelace, Ada\" <a@b>", "Lovelace, Ada|a@b" },
	{ "\"say \\\"hi\\\"\" <a@b>", "say \"hi\"|a@b" },
	{ "a@b (Ada (the) L)", "Ada (the) L|a@b" },
	{ "a @ b . c (x)", "x|a@b.c" },
	{ "\"john doe\"@b", "|\"john doe\"@b" },
	{ "=?utf-8?q?Jos=C3=A9?= <j@b>", "José|j@b" },
	{ "\"=?utf-8?q?Jos=C3=A9?=\" <j@b>", "José|j@b" },
	{ "=?utf-8?q?a,b?= <j@b>", "a,b|j@b" },
	{ "Friends: a@b, Bo <c@d>; e@f", ":Friends|, |a@b, Bo|c@d, |e@f" },
	{ "undisclosed-recipients:;", ":undisclosed-recipients|" },
	{ "<@relay,@x:a@b>", "|a@b" },
	{ "a@[192.0.2.1]", "|a@[192.0.2.1]" },
	{ "a@[IPv6:1::2], c@d", "|a@[IPv6:1::2], |c@d" },
	{ "Ada a@b", "Ada|a@b" },
	{ "a@b, , ;c@d,", "|a@b, |c@d" },
	{ "a@b;c@d", "|a@b, |c@d" },
	{ "<a@b> Ada", "Ada|a@b" },
	{ "j\xc3\xb8@b\xc3\xbc.de", "|jø@bü.de" },
	{ "caf\xe9 <a@b>", "café|a@b" },
	/* malformed, and still there */
	{ "root", "!|root" },
	{ "Ada Lovelace", "!|Ada Lovelace" },
	{ "Ada <>", "!Ada|" },
	{ "Ada <a>", "!Ada|a" },
	{ "Ada <a@b, Bo <c@d>", "Ada|a@b, Bo|c@d" },
	{ "A <a@b> B <c@d>, <e@f><g@h>", "A|a@b, B|c@d, |e@f, |g@h" },
	{ "a@b@c", "!|a@b@c" },
	{ "\"unclosed, a@b", "!|unclosed, a@b" },
	{ "(unclosed, a@b", "!unclosed, a@b|" },
	{ "<<a@b>>", ">|a@b" },
	/* a name cannot look like two addresses */
	{ "=?utf-8?q?x=0A<evil@e>,?= <a@b>", "x <evil@e>,|a@b" },
	{ "=?utf-8?q?potus=40gov=00?= <a@b>", "potus@gov\xef\xbf\xbd|a@b" },
};

static void
test_addresses(void **state)
{
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct mime_addresses list;
		struct buf b = BUF_INIT;
		mime_parse_addresses(&a, str_c(lists[i].raw), STR_NONE, 0, &list);
		for (size_t k = 0; k < list.n; k++)
			buf_addf(&b, "%s%s%s%.*s|%.*s", k > 0 ? ", " : "",
				 list.v[k].is_group ? ":" : "", list.v[k].is_malformed ? "!" : "",
				 STR_ARG(list.v[k].name), STR_ARG(list.v[k].addr));
		if (!str_eqc(buf_str(&b), lists[i].want))
			print_message("of '%s':\n", lists[i].raw);
		assert_str(buf_str(&b), lists[i].want);
		buf_release(&b);
	}
	arena_release(&a);
}

static void
test_addresses_again(void **state)
{
	static const char *const lists_as_text[] = {
		"Ada <a@b>, c@d",
		"\"Lovelace, Ada\" <a@b>",
		"\"a\\\\b \\\"c\\\"\" <a@b>",
		"x:;, a@b",
	};

	/* what is written is what was read */
	for (size_t i = 0; i < sizeof(lists_as_text) / sizeof(lists_as_text[0]); i++) {
		struct arena a = ARENA_INIT;
		struct mime_addresses list;
		struct buf b = BUF_INIT;
		mime_parse_addresses(&a, str_c(lists_as_text[i]), STR_NONE, 0, &list);
		mime_add_addresses(&b, &list);
		assert_str(buf_str(&b), lists_as_text[i]);
		buf_release(&b);
		arena_release(&a);
	}
}

static void
test_huge_lists_are_linear(void **state)
{
	static const char *const pieces[] = { "a@b,", "(", "\"", "<", "a", "<a@b", ":", "a:", "=?",
					      " ", "a@b (x) ", "[", "a@[", "," };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct arena a = ARENA_INIT;
		struct mime_addresses list;
		struct buf b = BUF_INIT;
		while (b.len < 400 * 1000)
			buf_adds(&b, pieces[i]);
		double before = seconds();
		mime_parse_addresses(&a, buf_str(&b), STR_NONE, 0, &list);
		assert_true(seconds() - before < 5);
		assert_true(list.n <= MIME_MAX_ADDRESSES);
		if (i == 0)
			assert_int_equal(list.n + list.n_left_out, b.len / 4);
		buf_release(&b);
		arena_release(&a);
	}
}

/* given; UTC, zone. 1763633700 is 2025-11-20 10:15:00 UTC. */
static const struct {
	const char *raw;
	int64_t utc_s;
	int zone;
} dates[] = {
	{ "Thu, 20 Nov 2025 10:15:00 +0000", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 11:15:00 +0100 (CET)", 1763633700, 60 },
	{ "20 Nov 2025 10:15 GMT", 1763633700, 0 },
	{ "Thu, 20 Nov 25 05:15:00 EST", 1763633700, -300 },
	{ "Thu Nov 20 10:15:00 2025", 1763633700, 0 },
	{ "Thu Nov 20 10:15:00 UTC 2025", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 10:15:00", 1763633700, 0 },
	{ "20-Nov-2025 10:15:00 +0000", 1763633700, 0 },
	{ "2025-11-20T10:15:00Z", 1763633700, 0 },
	{ "2025-11-20T11:15:00.123+01:00", 1763633700, 60 },
	{ "2025-11-20 10:15:00 +0000", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 10.15.00 +0000", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 10:15:00 GMT+0100", 1763633700 - 3600, 60 },
	{ "Thu, 20 Nov 2025 10:15:00 -0330", 1763633700 + 12600, -210 },
	{ "Thu, 20 November 2025 10:15:00 AM +0000", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 10:15:00 PM", 1763633700 + 43200, 0 },
	{ "(comment) Thu,20 Nov 2025 (x) 10:15:00(y)+0000", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 10:15:00 XYZ", 1763633700, 0 },
	{ "Thu, 20 Nov 2025 10:15:00 +9999", 1763633700, 0 },
	{ "Thu, 01 Jan 1970 00:00:00 +0000", 0, 0 },
	{ "29 Feb 2024 00:00:00 +0000", 1709164800, 0 },
	{ "31 Dec 99 23:59:60 +0000", 946684800, 0 },
	{ "1 Jan 125 00:00:00 +0000", 1735689600, 0 },
	{ "20 Nov 2025", 1763596800, 0 },
};

static void
test_dates(void **state)
{
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct mime_date d = { -1, -1 };
		assert_true(mime_parse_date(str_c(dates[i].raw), &d));
		assert_int_equal(d.utc_s, dates[i].utc_s);
		assert_int_equal(d.zone_minutes, dates[i].zone);
	}
}

static void
test_no_dates(void **state)
{
	static const char *const rows[] = { "", "yesterday", "Thu,", "32 Nov 2025 10:15:00",
					    "20 Foo 2025", "99999999999 Nov 2025", "(((((",
					    "20 Nov", "2025-13-01", "::::", "+-+-", "\xff\xff" };
	struct mime_date d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(mime_parse_date(str_c(rows[i]), &d));
}

static void
test_ids(void **state)
{
	struct str s = STR("prose <a@b>\r\n <c d@e> <f@g <h@i> \"x\" <> <j@k>z"), id;

	assert_true(mime_next_id(&s, &id));
	assert_str(id, "a@b");
	/* one with a blank is none; one without its end is still one */
	assert_true(mime_next_id(&s, &id));
	assert_str(id, "f@g");
	assert_true(mime_next_id(&s, &id));
	assert_str(id, "h@i");
	assert_true(mime_next_id(&s, &id));
	assert_str(id, "j@k");
	assert_false(mime_next_id(&s, &id));
	assert_true(mime_id_hash(STR("a@b")) == hash64(STR("a@b")));
}

static void
test_row(void **state)
{
	struct arena a = ARENA_INIT;
	struct mime_row row;

	mime_row_headers(&a,
			 STR("Date: Thu, 20 Nov 2025 10:15:00 +0000\r\n"
			     "FROM: =?utf-8?q?Jos=C3=A9?= <j@b>\r\n"
			     "To: a@b, c@d\r\n"
			     "Subject: =?utf-8?q?=C5=81?=\r\n ucja\r\n"
			     "Message-ID: <self@x>\r\n"
			     "In-Reply-To: <other@x>\r\n"
			     "References: <one@x> <two@x> <self@x>\r\n <one@x> <three@x>\r\n"
			     "List-Id: A list <list.example.org>\r\n"
			     "Content-Type: Multipart/Mixed; boundary=x\r\n"
			     "Subject: second\r\n\r\n"),
			 STR_NONE, &row);
	assert_true(row.has_date);
	assert_int_equal(row.date.utc_s, 1763633700);
	assert_int_equal(row.from.n, 1);
	assert_str(row.from.v[0].name, "José");
	assert_int_equal(row.to.n, 2);
	assert_int_equal(row.cc.n, 0);
	assert_str(row.subject, "Ł ucja");
	assert_str(row.message_id, "self@x");
	assert_true(row.id_hash == mime_id_hash(STR("self@x")));
	assert_int_equal(row.n_ancestors, 3);
	assert_true(row.ancestors[0] == mime_id_hash(STR("two@x")));
	assert_true(row.ancestors[2] == mime_id_hash(STR("three@x")));
	assert_str(row.list_id, "list.example.org");
	assert_str(row.content_type, "multipart/mixed");
	arena_release(&a);
}

/* Rows take plain lists in a quicker way, which must not be another one. */
static void
test_a_rows_addresses_are_those_of_the_parser(void **state)
{
	static const char *const samples[] = {
		"a@b", "<a@b>", "Ann <a@b>", "Ann<a@b>", "Ann Berg  <a@b>", "Ann  Berg <a@b>",
		"\"Berg, Ann\" <a@b>", "\" Berg \" <a@b>", "\"Berg\" Ann <a@b>", "\"a b\"@c",
		"a@b, c@d", "a@b,c@d", "a@b ,  Ann <c@d> , \"X: (Y)\" <e@f>", "a@b,", ",a@b", "a@b,,c@d",
		"a@b c@d", "a@b;c@d", "Ann <a@b> Bert <c@d>", "Ann <a@b", "Ann <>", "Ann", "a@", "@b", "a@b@c",
		"a@b (Ann)", "Ann (x) <a@b>", "friends: a@b, c@d;", "undisclosed-recipients:;",
		"=?utf-8?q?Jos=C3=A9?= <j@b>", "\"=?utf-8?q?Jos=C3=A9?=\" <j@b>", "J=L <a@b>", "a=b@c",
		"Ann <a @b>", "Ann <a@b >", "Ann < a@b>", "Ann <a@[192.0.2.1]>", "a@[192.0.2.1]", "Ann <@r:a@b>",
		"Jos\xc3\xa9 <a@b>", "Ann\t<a@b>", "Ann\r\n <a@b>", "O'Neil. J <o'neil+x@b.c>", "a.b@c, Ann",
		"\"A \\\"B\\\" C\" <a@b>", "\"a@b\" <c@d>", "a@b <c@d>", "Ann <a@b>x", "Ann <a@b>, <", " ", "",
	};
	struct arena a = ARENA_INIT;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct mime_addresses want;
		struct mime_row row;
		struct buf header = BUF_INIT;
		mime_parse_addresses(&a, str_c(samples[i]), STR_NONE, MIME_ROW_MAX_ADDRESSES, &want);
		buf_addf(&header, "Cc: %s\r\n\r\n", samples[i]);
		mime_row_headers(&a, buf_str(&header), STR_NONE, &row);
		if (row.cc.n != want.n || row.cc.n_left_out != want.n_left_out)
			fail_msg("'%s': %zu addresses, not %zu", samples[i], row.cc.n, want.n);
		for (size_t k = 0; k < want.n; k++) {
			const struct mime_address *x = &row.cc.v[k], *y = &want.v[k];
			if (!str_eq(x->name, y->name) || !str_eq(x->addr, y->addr) ||
			    x->is_group != y->is_group || x->is_malformed != y->is_malformed)
				fail_msg("'%s': '%.*s' <%.*s>, not '%.*s' <%.*s>", samples[i],
					 STR_ARG(x->name), STR_ARG(x->addr), STR_ARG(y->name),
					 STR_ARG(y->addr));
		}
		buf_release(&header);
	}
	arena_release(&a);
}

/* With a second blank it is read by words. */
static void
test_exact_dates_are_those_read_by_words(void **state)
{
	static const char *const pairs[][2] = {
		{ "Fri, 20 Nov 2026 16:42:24 +0100", "Fri, 20 Nov  2026 16:42:24 +0100" },
		{ "1 feb 2026 01:02:03 -0330", "1  feb 2026 01:02:03 -0330" },
		{ "Sat, 29 Feb 2020 23:59:60 -0000 (UTC)", "Sat, 29 Feb  2020 23:59:60 -0000 (UTC)" },
		{ "20 Nov 2026 25:00:00 +0000", "20 Nov  2026 25:00:00 +0000" },
		{ "20 Nov 2026 10:00:00 +9900", "20 Nov  2026 10:00:00 +9900" },
		{ "32 Nov 2026 10:00:00 +0000", "32 Nov  2026 10:00:00 +0000" },
		{ "20 Nov 2026 10:00:00 +010", "20 Nov  2026 10:00:00 +010" },
		{ "20 Nov 2026 10:00:00 +0100 pm", "20 Nov  2026 10:00:00 +0100 pm" },
		{ "20 Foo 2026 10:00:00 +0100", "20 Foo  2026 10:00:00 +0100" },
		{ "00 Nov 2026 10:00:00 +0100", "00 Nov  2026 10:00:00 +0100" },
		{ "20 Nov 2026 24:00:00 +0000", "20 Nov  2026 24:00:00 +0000" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct mime_date x = { 0, 0 }, y = { 0, 0 };
		bool is_x = mime_parse_date(str_c(pairs[i][0]), &x);
		bool is_y = mime_parse_date(str_c(pairs[i][1]), &y);
		if (is_x != is_y || x.utc_s != y.utc_s || x.zone_minutes != y.zone_minutes)
			fail_msg("'%s': %lld %d, not %lld %d", pairs[i][0], (long long)x.utc_s,
				 x.zone_minutes, (long long)y.utc_s, y.zone_minutes);
	}
}

static void
test_empty_row(void **state)
{
	struct arena a = ARENA_INIT;
	struct mime_row row;

	mime_row_headers(&a, STR("\r\n"), STR_NONE, &row);
	assert_false(row.has_date);
	assert_int_equal(row.from.n, 0);
	assert_int_equal(row.subject.len, 0);
	assert_true(row.id_hash == 0);
	assert_int_equal(row.n_ancestors, 0);
	assert_str(row.content_type, "text/plain");
	mime_row_headers(&a, STR("In-Reply-To: <p@x>\n"), STR_NONE, &row);
	assert_int_equal(row.n_ancestors, 1);
	arena_release(&a);
}

static void
test_row_is_bounded(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct mime_row row;

	buf_adds(&b, "Subject: ");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "é");
	buf_adds(&b, "\nFrom: ");
	buf_addn(&b, 'n', 10000);
	buf_adds(&b, " <a@");
	buf_addn(&b, 'd', 10000);
	buf_adds(&b, ">\nTo: ");
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "a@b,");
	buf_adds(&b, "\nReferences:");
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, " <%d@x>", i);
	mime_row_headers(&a, buf_str(&b), STR_NONE, &row);
	assert_int_equal(row.subject.len, MIME_ROW_MAX_SUBJECT);
	assert_true(utf8_is_valid(row.subject));
	assert_int_equal(row.from.v[0].name.len, MIME_ROW_MAX_NAME);
	assert_int_equal(row.from.v[0].addr.len, MIME_ROW_MAX_ADDR);
	/* nobody writes to a cut address */
	assert_true(row.from.v[0].is_malformed);
	assert_int_equal(row.to.n, MIME_ROW_MAX_ADDRESSES);
	assert_int_equal(row.to.n_left_out, 10000 - MIME_ROW_MAX_ADDRESSES);
	assert_int_equal(row.n_ancestors, MIME_ROW_MAX_ANCESTORS);
	assert_true(row.ancestors[0] == mime_id_hash(STR("0@x")));
	assert_true(row.ancestors[MIME_ROW_MAX_ANCESTORS - 1] == mime_id_hash(STR("999@x")));
	buf_release(&b);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_addresses_again),
		cmocka_unit_test(test_huge_lists_are_linear),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_no_dates),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_a_rows_addresses_are_those_of_the_parser),
		cmocka_unit_test(test_exact_dates_are_those_read_by_words),
		cmocka_unit_test(test_empty_row),
		cmocka_unit_test(test_row_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
