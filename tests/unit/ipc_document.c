/* Documents in frames: what is put comes out; what is wrong is refused. */
#include "lib/test.h"
#include "tern/document.h"
#include "tern/ipc.h"

static const struct doc_span spans[] = { { 0, 2, DOC_BOLD, 0 }, { 3, 1, DOC_LINK, 7 } };

static struct doc_line
good_line(void)
{
	struct doc_line l = { .kind = DOC_TEXT,
			      .flags = DOC_FLOWED,
			      .quote = 2,
			      .indent = 4,
			      .hang = 1,
			      .part = 9,
			      .text = STR("é x"),
			      .spans = spans,
			      .n_spans = 2 };

	return l;
}

static void
test_lines(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct doc_line l = good_line();

	doc_put_line(&b, &l);
	doc_put_line(&b, &l);
	struct doc_line *got = doc_get_lines(&a, buf_str(&b), 2, &err);
	assert_non_null(got);
	assert_int_equal(got[1].kind, DOC_TEXT);
	assert_int_equal(got[1].quote, 2);
	assert_int_equal(got[1].part, 9);
	assert_str(got[1].text, "é x");
	assert_int_equal(got[1].n_spans, 2);
	assert_int_equal(got[1].spans[1].link, 7);
	/* one less, one more, and far too many */
	assert_null(doc_get_lines(&a, buf_str(&b), 1, &err));
	assert_null(doc_get_lines(&a, buf_str(&b), 3, &err));
	assert_null(doc_get_lines(&a, buf_str(&b), 0xffffffff, &err));
	assert_err(err, ERR_PROTO);
	buf_release(&b);
	arena_release(&a);
}

static void
assert_refused(const struct doc_line *l)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	doc_put_line(&b, l);
	assert_null(doc_get_lines(&a, buf_str(&b), 1, &err));
	assert_err(err, ERR_PROTO);
	buf_release(&b);
	arena_release(&a);
}

static void
test_wrong_lines(void **state)
{
	static const struct doc_span in_character[] = { { 1, 1, 0, 0 } };
	static const struct doc_span too_long[] = { { 2, 0xffffffff, 0, 0 } };
	static const struct doc_span behind[] = { { 5, 0, 0, 0 } };
	static const struct doc_span overlapping[] = { { 0, 2, 0, 0 }, { 0, 2, 0, 0 } };
	const struct doc_span *const wrong[] = { in_character, too_long, behind, overlapping };
	struct doc_line l;

	for (size_t i = 0; i < 4; i++) {
		l = good_line();
		l.spans = wrong[i];
		l.n_spans = i == 3 ? 2 : 1;
		assert_refused(&l);
	}
	l = good_line();
	l.kind = DOC_N_KINDS;
	assert_refused(&l);
	l = good_line();
	l.flags = 0x80;
	assert_refused(&l);
	l = good_line();
	l.quote = DOC_MAX_QUOTE + 1;
	assert_refused(&l);
	l = good_line();
	l.n_spans = 0;
	l.text = STR("\xff");
	assert_refused(&l);
	l.text = STR("a\nb");
	assert_refused(&l);
	l.text = STR("a\0b");
	assert_refused(&l);
}

static void
test_parts(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct doc_part p = { .section = STR("1.2"),
			      .type = STR("text/plain"),
			      .octets = 1ull << 40,
			      .presence = DOC_NOT_FETCHED,
			      .is_shown = true };

	doc_put_part(&b, &p);
	struct doc_part *got = doc_get_parts(&a, buf_str(&b), 1, &err);
	assert_non_null(got);
	assert_str(got->section, "1.2");
	assert_true(got->octets == 1ull << 40);
	assert_int_equal(got->presence, DOC_NOT_FETCHED);
	assert_true(got->is_shown);

	/* a section that would be a command */
	buf_reset(&b);
	p.section = STR("1] UID EXPUNGE");
	doc_put_part(&b, &p);
	assert_null(doc_get_parts(&a, buf_str(&b), 1, &err));
	assert_err(err, ERR_PROTO);
	buf_release(&b);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
