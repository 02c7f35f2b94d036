/* framer: complete responses out of any slicing, and every limit. */
#include "lib/test.h"
#include "../src/imap/framer.h"

#include <string.h>

static const struct framer_limits small = { .line_bytes = 200, .literal_bytes = 100 };

struct outcome {
	struct buf frames; /* each with its length and marks in front */
	int n;
	bool is_broken;
	char text[200];
};

static void
drain(struct framer *f, struct outcome *o)
{
	struct frame frame;
	struct err err = ERR_INIT;
	int got;

	if (o->is_broken)
		return;
	while ((got = framer_next(f, &frame, &err)) == 1) {
		buf_addf(&o->frames, "%zu,%zu,%d:", frame.bytes.len, frame.n_literals, frame.is_deep);
		buf_addstr(&o->frames, frame.bytes);
		o->n++;
	}
	if (got < 0) {
		assert_err(err, ERR_PROTO);
		o->is_broken = true;
		snprintf(o->text, sizeof(o->text), "%s", err.text);
		assert_int_equal(framer_next(f, &frame, &err), -1); /* and stays so */
	}
}

static struct outcome
feed(struct str bytes, size_t slice, const struct framer_limits *limits, uint64_t allowed)
{
	struct framer f;
	struct outcome o = { .frames = BUF_INIT };

	framer_init(&f, limits);
	framer_allow(&f, allowed, 1000);
	for (size_t i = 0; i < bytes.len; i += slice) {
		framer_feed(&f, str_head(str_from(bytes, i), slice));
		drain(&f, &o);
	}
	framer_release(&f);
	return o;
}

/* Whole, a byte at a time, and in threes: the same. */
static struct outcome
feed_all_ways(struct str bytes, const struct framer_limits *limits, uint64_t allowed)
{
	struct outcome whole = feed(bytes, bytes.len, limits, allowed);
	static const size_t slices[] = { 1, 2, 3, 7 };

	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		struct outcome o = feed(bytes, slices[i], limits, allowed);
		assert_str_is(buf_str(&o.frames), buf_str(&whole.frames));
		assert_int_equal(o.is_broken, whole.is_broken);
		buf_release(&o.frames);
	}
	return whole;
}

#define assert_frames(input, n_want, literals_want)                                       \
	do {                                                                              \
		struct outcome o_ = feed_all_ways(STR(input), &small, 10000);             \
		assert_false(o_.is_broken);                                               \
		assert_int_equal(o_.n, n_want);                                           \
		char want_[40];                                                           \
		snprintf(want_, sizeof(want_), ",%d,", literals_want);                    \
		assert_non_null(strstr(o_.frames.ptr, want_));                            \
		buf_release(&o_.frames);                                                  \
	} while (0)

static void
test_frames(void **state)
{
	assert_frames("* OK hello\r\n* 2 EXISTS\r\n", 2, 0);
	assert_frames("* 1 FETCH (BODY[] {5}\r\n\r\n)\r\n)\r\n* 2 EXISTS\r\n", 2, 1);
	assert_frames("* 1 FETCH (BODY[] {0}\r\n X {3}\r\na\0c)\r\n", 1, 2);
	assert_frames("* 1 FETCH (BINARY[1] ~{4}\r\n\r\n\r\n)\r\n", 1, 1);
	assert_frames("* LIST () \"/\" {3+}\r\na\"b\r\n", 1, 1);
	assert_frames("\r\n* 1 EXISTS\r\n", 2, 0);
	assert_frames("* X a\nb\rc\r\n", 1, 0); /* neither CR nor LF alone ends a line */
	assert_frames("* X {x}\r\n* X {}\r\n* X 3}\r\n* X {-3}\r\n", 4, 0);
	assert_frames("* X \"{3\"}\r\n", 1, 0);
}

static void
test_text_has_no_literals(void **state)
{
	assert_frames("a1 NO no such mailbox {5}\r\n* BYE bye {9}\r\n", 2, 0);
	assert_frames("+ go on {3}\r\n* OK {3}\r\n* 1 EXISTS\r\n", 3, 0);
	/* but what only begins like one has */
	assert_frames("* OKAY {3}\r\nabc\r\n", 1, 1);
}

static void
test_incomplete(void **state)
{
	static const char *const rows[] = { "* 1 FETCH (BODY[] {5}\r\nabc", "* OK hello\r", "* OK",
		"* 1 FETCH (X {5}\r\nabcde" };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o = feed_all_ways(str_c(rows[i]), &small, 10000);
		assert_int_equal(o.n, 0);
		assert_false(o.is_broken);
		buf_release(&o.frames);
	}
}

static void
assert_broken(struct str bytes, uint64_t allowed, const char *why)
{
	struct outcome o = feed_all_ways(bytes, &small, allowed);

	if (!o.is_broken || !strstr(o.text, why))
		fail_msg("%.*s: got '%s', want '%s'", STR_ARG(bytes), o.text, why);
	buf_release(&o.frames);
}

static void
test_limits(void **state)
{
	struct buf b = BUF_INIT;

	assert_broken(STR("* X {101}\r\n"), 10000, "literal");
	assert_broken(STR("* X {4294967296}\r\n"), 10000, "literal");
	assert_broken(STR("* X {00000000001}\r\n"), 10000, "literal");
	assert_broken(STR("* X {18446744073709551617}\r\n"), 10000, "literal");
	assert_broken(STR("* X {60}\r\n123456789012345678901234567890123456789012345678901234567890 {60}\r\n"),
		      10000, "literal"); /* of a response, all together */
	assert_broken(STR("* X a\0b\r\n"), 10000, "NUL");
	assert_broken(STR("* OK a\0b\r\n"), 10000, "NUL");
	buf_addn(&b, 'x', 300); /* without an end */
	assert_broken(buf_str(&b), 10000, "line");
	buf_adds(&b, "\r\n");
	assert_broken(buf_str(&b), 10000, "line");
	assert_broken(STR("* 1 EXISTS\r\n* 2 EXISTS\r\n"), 20, "asked");
	assert_broken(STR("* 1 EXISTSSSSSSSSSSSSSSSSSSSSS"), 20, "asked");
	buf_reset(&b);
	for (int i = 0; i < 1001; i++)
		buf_adds(&b, "* 1 EXISTS\r\n");
	assert_broken(buf_str(&b), 1000000, "asked");
	buf_release(&b);
}

static void
test_depth_is_a_mark(void **state)
{
	struct buf b = BUF_INIT;
	struct framer_limits limits = { 1000, 1000 };

	buf_adds(&b, "* 1 FETCH ");
	buf_addn(&b, '(', 65);
	buf_adds(&b, "\r\n* 1 FETCH \"");
	buf_addn(&b, '(', 65);
	buf_adds(&b, "\"\r\n* OK ");
	buf_addn(&b, '(', 65);
	buf_adds(&b, "\r\n* 1 FETCH ");
	for (int i = 0; i < 65; i++)
		buf_adds(&b, "()");
	buf_adds(&b, "\r\n");
	struct outcome o = feed_all_ways(buf_str(&b), &limits, 10000);
	assert_int_equal(o.n, 4);
	assert_non_null(strstr(o.frames.ptr, "77,0,1:"));  /* the first alone */
	assert_non_null(strstr(o.frames.ptr, "79,0,0:"));
	assert_non_null(strstr(o.frames.ptr, "72,0,0:"));
	assert_non_null(strstr(o.frames.ptr, "142,0,0:"));
	buf_release(&o.frames);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	   cmocka_unit_test(test_text_has_no_literals),
		cmocka_unit_test(test_incomplete), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_depth_is_a_mark),
	};

	return cmocka_run_group_tests_name("imap_framer", tests, NULL, NULL);
}
