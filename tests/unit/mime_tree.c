/* The tree of a message: its parts, numbers, limits. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/test.h"
#include "tern/mime.h"

static struct arena arena = ARENA_INIT;

static struct mime_message
parse(struct str text)
{
	struct mime_message m;

	mime_parse_message(&arena, text, STR_NONE, &m);
	return m;
}

static int
release(void **state)
{
	arena_release(&arena);
	return 0;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
test_single(void **state)
{
	struct mime_message m = parse(STR("Subject: x\r\n\r\nhello\r\n"));

	assert_int_equal(m.n_parts, 1);
	assert_str(m.parts[0].section, "1");
	assert_str(m.parts[0].type.subtype, "plain");
	assert_str(m.parts[0].body, "hello\r\n");
	assert_str(m.parts[0].header, "Subject: x\r\n");
}

static void
test_empty(void **state)
{
	assert_int_equal(parse(STR_NONE).n_parts, 1);
	assert_int_equal(parse(STR("\r\n")).n_parts, 1);
	assert_str(parse(STR("no header at all")).parts[0].body, "");
}

static const char nested[] =
	"Content-Type: multipart/mixed; boundary=\"a b\"\n"
	"\n"
	"preamble\n"
	"--a b\n"
	"Content-Type: multipart/alternative; boundary=in\n"
	"\n"
	"--in\n"
	"\n"
	"plain\n"
	"--in\n"
	"Content-Type: TEXT/HTML; charset=utf-8\n"
	"\n"
	"<p>\n"
	"--in--\n"
	"epilogue\n"
	"--a b\n"
	"Content-Type: message/rfc822\n"
	"\n"
	"Subject: inner\n"
	"Content-Type: multipart/mixed; boundary=deep\n"
	"\n"
	"--deep\n"
	"\n"
	"one\n"
	"--deep--\n"
	"--a b\n"
	"Content-Type: message/rfc822\n"
	"\n"
	"Subject: single\n"
	"\n"
	"two\n"
	"--a b  \n"
	"Content-Disposition: attachment; filename=x.pdf\n"
	"Content-Type: application/pdf\n"
	"Content-Transfer-Encoding: BASE64\n"
	"\n"
	"AAAA\n"
	"--a b--\n";

static void
test_sections(void **state)
{
	static const char *const sections[] = { "",    "1",   "1.1", "1.2", "2",
						"2",   "2.1", "3",   "3.1", "4" };
	static const char *const subtypes[] = { "mixed",  "alternative", "plain",  "html",
						"rfc822", "mixed",	 "plain",  "rfc822",
						"plain",  "pdf" };

	struct mime_message m = parse(STR(nested));

	assert_int_equal(m.n_parts, 10);
	for (size_t i = 0; i < m.n_parts; i++) {
		assert_str(m.parts[i].section, sections[i]);
		assert_str(m.parts[i].type.subtype, subtypes[i]);
	}
	assert_str(m.parts[2].body, "plain");
	assert_str(m.parts[6].body, "one");
	assert_str(m.parts[8].body, "two");
	assert_str(mime_find_field(m.parts[8].header, "subject"), " single");
	assert_str(m.parts[9].file_name, "x.pdf");
	assert_int_equal(m.parts[9].encoding, MIME_BASE64);
	assert_int_equal(m.parts[9].octets, 4);
	assert_str_is(m.parts[4].body,
		      str_n(m.parts[4].body.ptr, strlen("Subject: inner\nContent-Type: "
						       "multipart/mixed; boundary=deep\n\n"
						       "--deep\n\none\n--deep--")));
	assert_int_equal(m.parts[4].first_child, 5);
	assert_int_equal(m.parts[1].next, 4);
}

static void
test_missing_end_costs_only_itself(void **state)
{
	/* given an inner multipart without its end */
	struct mime_message m = parse(STR("Content-Type: multipart/mixed; boundary=o\n\n"
					  "--o\nContent-Type: multipart/mixed; boundary=i\n\n"
					  "--i\n\na\n"
					  "--o\n\nb\n"
					  "--o--\n"));

	/* the outer boundary ends it, and the next part is the outer one's */
	assert_int_equal(m.n_parts, 4);
	assert_str(m.parts[2].body, "a");
	assert_str(m.parts[3].section, "2");
	assert_str(m.parts[3].body, "b");
}

static void
test_header_without_blank_line(void **state)
{
	struct mime_message m = parse(STR("Content-Type: multipart/mixed; boundary=o\n\n"
					  "--o\nContent-Type: text/html\n"
					  "--o\n\nb\n--o--\n"));

	assert_int_equal(m.n_parts, 3);
	assert_str(m.parts[1].type.subtype, "html");
	assert_str(m.parts[1].body, "");
	assert_str(m.parts[2].body, "b");
}

static void
test_digest(void **state)
{
	struct mime_message m = parse(STR("Content-Type: multipart/digest; boundary=o\n\n"
					  "--o\n\nSubject: in\n\nb\n--o--\n"));

	assert_str(m.parts[1].type.type, "message");
	assert_str(mime_find_field(m.parts[2].header, "Subject"), " in");
}

static void
test_skeleton(void **state)
{
	struct mime_message m = parse(STR(
		"Content-Type: multipart/mixed; boundary=o\n\n"
		"--o\nX-Tern-Part: partial; octets=10\n\n12345\n"
		"--o\nX-Tern-Part: partial; octets=5\n\n12345\n"
		"--o\nContent-Type: image/png; name=\"p.png\"\n"
		"X-Tern-Part: not-fetched; octets=4294967297\n\n\n"
		"--o--\n"));

	assert_int_equal(m.parts[1].presence, MIME_PARTIAL);
	assert_int_equal(m.parts[1].octets, 10);
	/* it has grown to its whole size */
	assert_int_equal(m.parts[2].presence, MIME_COMPLETE);
	assert_int_equal(m.parts[3].presence, MIME_NOT_FETCHED);
	assert_true(m.parts[3].octets == 4294967297u);
	assert_str(m.parts[3].file_name, "p.png");
}

static void
test_depth_is_limited(void **state)
{
	struct buf b = BUF_INIT;
	const int n = 100000;

	/* given multiparts within each other, a hundred thousand deep */
	for (int i = 0; i < n; i++)
		buf_addf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	buf_adds(&b, "\nbottom\n");
	double before = seconds();
	struct mime_message m = parse(buf_str(&b));

	/* it stops at the limit, says so, and does not take long */
	assert_int_equal(m.limit, MIME_LIMIT_DEPTH);
	assert_int_equal(m.n_parts, MIME_MAX_DEPTH + 1);
	assert_true(seconds() - before < 5);

	buf_reset(&b);
	for (int i = 0; i < n; i++)
		buf_adds(&b, "Content-Type: message/rfc822\n\n");
	m = parse(buf_str(&b));
	assert_int_equal(m.limit, MIME_LIMIT_DEPTH);
	assert_int_equal(m.n_parts, MIME_MAX_DEPTH + 1);
	buf_release(&b);
}

static void
test_parts_are_limited(void **state)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "Content-Type: multipart/mixed; boundary=o\n\n");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "--o\n\nx\n");
	struct mime_message m = parse(buf_str(&b));

	assert_int_equal(m.n_parts, MIME_MAX_PARTS);
	assert_int_equal(m.limit, MIME_LIMIT_PARTS);
	assert_int_equal(m.parts[0].limit, MIME_LIMIT_PARTS);
	buf_release(&b);
}

static void
test_header_is_limited(void **state)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "Subject: ");
	buf_addn(&b, 'x', 3 * MIME_MAX_HEADER_BYTES);
	buf_adds(&b, "\n\nbody");
	struct mime_message m = parse(buf_str(&b));

	assert_int_equal(m.limit, MIME_LIMIT_HEADER);
	assert_int_equal(m.parts[0].header.len, MIME_MAX_HEADER_BYTES);
	assert_str(m.parts[0].body, "body");
	buf_release(&b);
}

static void
test_boundary_lines_are_linear(void **state)
{
	struct buf b = BUF_INIT;

	/* given all levels open, and ten megabytes of lines that look like boundaries */
	for (int i = 0; i < MIME_MAX_DEPTH; i++)
		buf_addf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	buf_adds(&b, "\n");
	while (b.len < 10 * 1000 * 1000)
		buf_adds(&b, "--bx\n");
	double before = seconds();
	parse(buf_str(&b));
	assert_true(seconds() - before < 10);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_single, release),
		cmocka_unit_test_teardown(test_empty, release),
		cmocka_unit_test_teardown(test_sections, release),
		cmocka_unit_test_teardown(test_missing_end_costs_only_itself, release),
		cmocka_unit_test_teardown(test_header_without_blank_line, release),
		cmocka_unit_test_teardown(test_digest, release),
		cmocka_unit_test_teardown(test_skeleton, release),
		cmocka_unit_test_teardown(test_depth_is_limited, release),
		cmocka_unit_test_teardown(test_parts_are_limited, release),
		cmocka_unit_test_teardown(test_header_is_limited, release),
		cmocka_unit_test_teardown(test_boundary_lines_are_linear, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
