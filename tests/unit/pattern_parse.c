/* pattern: what parses, what matches, what is said about mistakes. */
#include "lib/test.h"
#include "tern/base/tick.h"
#include "tern/pattern.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1795168800 /* Fri, 20 Nov 2026 10:00 UTC */

static bool
is_me(void *ctx, struct str address)
{
	return str_ieqc(address, "ada@example.org");
}

static bool
is_list(void *ctx, struct str address, bool subscribed)
{
	return str_eqc(address, "list@example.org") ||
	       (!subscribed && str_eqc(address, "other@example.org"));
}

static const struct pattern_context context = { .is_me = is_me, .is_list = is_list, .now = NOW };

static struct row
sample(void)
{
	struct row row = { .local = 1,
			   .flags = ROW_SEEN | ROW_FLAGGED,
			   .size_bytes = 20480,
			   .date = NOW - 2 * 86400,
			   .internaldate = NOW - 86400,
			   .subject = STR("Re: Release plan [draft] Łódź"),
			   .from_name = STR("Jun Watanabe"),
			   .from_addr = STR("jun@example.org"),
			   .to = STR("\"Nygaard, Ada\" <ada@example.org>, list@example.org"),
			   .cc = STR("Bob <bob@example.com>"),
			   .message_id = STR("<x1@example.org>"),
			   .keywords = STR("work $Forwarded") };
	return row;
}

static enum pattern_answer
match(const char *text, const struct pattern_subject *s)
{
	struct err err = ERR_INIT;
	struct pattern *p = pattern_parse(str_c(text), NULL, &context, NULL, &err);

	if (p == NULL)
		fail_msg("'%s': %s", text, err.text);
	enum pattern_answer a = pattern_match(p, s);
	pattern_free(p);
	return a;
}

static void
test_matches(void **state)
{
	static const struct {
		const char *pattern;
		enum pattern_answer want;
	} rows[] = {
		{ "~A", PATTERN_YES }, { "!~A", PATTERN_NO }, { "!!~A", PATTERN_YES },
		{ "~F", PATTERN_YES }, { "~R", PATTERN_YES }, { "~U", PATTERN_NO },
		{ "~N", PATTERN_NO }, { "~D", PATTERN_NO }, { "~Q", PATTERN_NO },
		{ "~T", PATTERN_YES }, { "~F ~U", PATTERN_NO }, { "~F|~U", PATTERN_YES },
		{ "~F~R", PATTERN_YES }, { "~U | ~F ~R", PATTERN_YES },
		{ "~U ~F | ~R", PATTERN_YES }, { "~U (~F | ~R)", PATTERN_NO },
		{ "!(~U | ~D)", PATTERN_YES },
		{ "~f jun", PATTERN_YES }, { "~f JUN", PATTERN_NO }, { "~f Jun", PATTERN_YES },
		{ "~f \"jun wat\"", PATTERN_YES }, { "~f 'jun wat'", PATTERN_YES },
		{ "~f ^jun@", PATTERN_YES }, { "~f bob", PATTERN_NO },
		{ "~s plan", PATTERN_YES }, { "~s '^re: .*draft'", PATTERN_YES },
		{ "~s \"[[]draft\"", PATTERN_YES }, { "=s [draft]", PATTERN_YES },
		{ "~s (plan|party)", PATTERN_YES }, { "~s łódź", PATTERN_YES },
		{ "~t nygaard", PATTERN_YES }, { "~c bob", PATTERN_YES }, { "~c ada", PATTERN_NO },
		{ "~C bob", PATTERN_YES }, { "~L jun", PATTERN_YES }, { "~L carol", PATTERN_NO },
		{ "^~t example.org", PATTERN_YES }, { "^~C example.org", PATTERN_NO },
		{ "~p", PATTERN_YES }, { "~P", PATTERN_NO }, { "~l", PATTERN_YES },
		{ "~u", PATTERN_YES }, { "~i x1@", PATTERN_YES }, { "~y work", PATTERN_YES },
		{ "~y ^forw", PATTERN_NO }, { "~z >10K", PATTERN_YES }, { "~z <10K", PATTERN_NO },
		{ "~z 20K", PATTERN_YES }, { "~z 10K-30K", PATTERN_YES }, { "~z -30K", PATTERN_YES },
		{ "~z 1M-", PATTERN_NO }, { "~m 7", PATTERN_YES }, { "~m 1-6", PATTERN_NO },
		{ "~m >5", PATTERN_YES }, { "~n 0", PATTERN_YES },
		{ "~d <3d", PATTERN_YES }, { "~d >3d", PATTERN_NO }, { "~d =2d", PATTERN_YES },
		{ "~d >1d", PATTERN_YES }, { "~d <1w", PATTERN_YES }, { "~d 18/11/2026", PATTERN_YES },
		{ "~d 18/11", PATTERN_YES }, { "~d 18", PATTERN_YES }, { "~d 17", PATTERN_NO },
		{ "~d 1/11/2026-18/11/2026", PATTERN_YES }, { "~d 18/11/26-1/11/26", PATTERN_YES },
		{ "~d -17/11/2026", PATTERN_NO }, { "~d 1/1/2025-", PATTERN_YES },
		{ "~d 20261118", PATTERN_YES }, { "~d 2026-11-18", PATTERN_YES },
		{ "~d 20/11/2026-3d", PATTERN_YES }, { "~d 15/11/2026*1w", PATTERN_YES },
		{ "~d 15/11/2026+1d", PATTERN_NO }, { "~r 19/11/2026", PATTERN_YES },
		{ "~=", PATTERN_NO }, { "~$", PATTERN_NO }, { "~v", PATTERN_NO }, { "~E", PATTERN_NO },
		{ "~X 0", PATTERN_YES }, { "~X 1-", PATTERN_NO },
		{ "~b text", PATTERN_UNKNOWN }, { "!~b text", PATTERN_UNKNOWN },
		{ "~b text ~U", PATTERN_NO }, { "~b text | ~F", PATTERN_YES },
		{ "~h ^subject:.*plan", PATTERN_YES }, { "~h x-spam", PATTERN_UNKNOWN },
		/* Simple searches. */
		{ "jun", PATTERN_YES }, { "plan", PATTERN_YES }, { "carol", PATTERN_NO },
		{ "all", PATTERN_YES }, { "flag", PATTERN_YES }, { "new", PATTERN_NO },
		{ "release plan", PATTERN_YES },
	};
	struct row row = sample();
	struct pattern_subject s = { .row = &row, .number = 7, .is_tagged = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		enum pattern_answer got = match(rows[i].pattern, &s);
		if (got != rows[i].want)
			fail_msg("'%s' gives %d instead of %d", rows[i].pattern, got, rows[i].want);
	}
}

static void
test_mistakes(void **state)
{
	static const struct {
		const char *pattern;
		size_t pos;
	} rows[] = {
		{ "", 0 }, { "  ", 0 }, { "~", 0 }, { "~j", 0 }, { "~F ~j", 3 }, { "~F )", 3 },
		{ "(~F", 0 }, { "~F (~N", 3 }, { "~f", 2 }, { "~F ~s ", 6 }, { "~s \"open", 3 },
		{ "~z big", 3 }, { "~d yesterday", 3 }, { "~d 32/1", 3 }, { "~s '['", 3 },
		{ "~F |", 4 }, { "%f people", 0 }, { "~<x", 0 }, { "~F foo", 3 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		size_t pos = 99;
		struct pattern *p = pattern_parse(str_c(rows[i].pattern), NULL, &context, &pos, &err);
		if (p != NULL)
			fail_msg("'%s' parses", rows[i].pattern);
		assert_err(err, ERR_USER);
		if (pos != rows[i].pos)
			fail_msg("'%s': noticed at %zu instead of %zu: %s", rows[i].pattern, pos,
				 rows[i].pos, err.text);
	}
}

static void
test_nesting_is_bounded(void **state)
{
	struct err err = ERR_INIT;
	char deep[2001];

	memset(deep, '(', sizeof(deep) - 1);
	deep[1999] = '~';
	deep[2000] = '\0';
	assert_null(pattern_parse(str_c(deep), NULL, &context, NULL, &err));
	memset(deep, '!', sizeof(deep) - 2);
	assert_null(pattern_parse(str_c(deep), NULL, &context, NULL, &err));
}

static void
test_print_and_parse_again(void **state)
{
	static const char *const patterns[] = {
		"~F ~U | !~D", "(~F | ~U) ~s 'a \"quoted\" \\\\ word'", "!(~A ~F)", "~(~P)",
		"~<(~F ~s x) | ~>(~N)", "=f jun ^~C x", "~z >10K ~d 1/2/2024-",
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct buf once = BUF_INIT, twice = BUF_INIT;
		struct pattern *p = pattern_parse(str_c(patterns[i]), NULL, &context, NULL, NULL);
		assert_non_null(p);
		pattern_print(p, &once);
		pattern_free(p);
		p = pattern_parse(buf_str(&once), NULL, &context, NULL, NULL);
		if (p == NULL)
			fail_msg("'%s' does not parse", once.ptr);
		pattern_print(p, &twice);
		assert_str(buf_str(&twice), once.ptr);
		pattern_free(p);
		buf_release(&once);
		buf_release(&twice);
	}
}

static void
test_needs(void **state)
{
	struct pattern *p = pattern_parse(STR("~F ~b x | ~(~h y)"), NULL, &context, NULL, NULL);
	struct buf what = BUF_INIT;

	assert_int_equal(pattern_needs(p),
			 PATTERN_NEEDS_BODY | PATTERN_NEEDS_HEADER | PATTERN_NEEDS_THREAD);
	pattern_describe_needs(p, &what);
	assert_str(buf_str(&what), "~b, ~h");
	assert_false(pattern_is_cheap(p));
	pattern_free(p);
	p = pattern_parse(STR("~F !~D | ~z >1M"), NULL, &context, NULL, NULL);
	assert_true(pattern_is_cheap(p));
	assert_int_equal(pattern_needs(p), 0);
	pattern_free(p);
	buf_release(&what);
}

/* ---- threads ----------------------------------------------------------------- */

static struct row parent_row, reply_row;

static bool
relative(void *ctx, enum pattern_relation relation, size_t i, struct pattern_subject *out)
{
	memset(out, 0, sizeof(*out));
	out->row = relation == PATTERN_CHILDREN ? &reply_row : &parent_row;
	out->relative = relative;
	return i == 0;
}

static void
test_threads(void **state)
{
	struct row row = sample();
	struct pattern_subject s = { .row = &row, .relative = relative };

	parent_row = reply_row = sample();
	parent_row.flags = 0;
	reply_row.subject = STR("answer");
	assert_int_equal(match("~(~U)", &s), PATTERN_YES);
	assert_int_equal(match("~<(~U)", &s), PATTERN_YES);
	assert_int_equal(match("~>(~U)", &s), PATTERN_NO);
	assert_int_equal(match("~>(~s answer)", &s), PATTERN_YES);
	assert_int_equal(match("!~(~U)", &s), PATTERN_NO);
	s.relative = NULL;
	assert_int_equal(match("~(~U)", &s), PATTERN_UNKNOWN);
}

static void
test_old_and_new(void **state)
{
	struct pattern_context marking = context;
	struct row row = sample();
	struct pattern_subject s = { .row = &row };

	row.flags = 0;
	assert_int_equal(match("~N", &s), PATTERN_YES);
	assert_int_equal(match("~O", &s), PATTERN_NO);
	marking.marks_old = true;
	struct pattern *new = pattern_parse(STR("~N"), NULL, &marking, NULL, NULL);
	struct pattern *old = pattern_parse(STR("~O"), NULL, &marking, NULL, NULL);
	assert_int_equal(pattern_match(new, &s), PATTERN_NO);
	assert_int_equal(pattern_match(old, &s), PATTERN_YES);
	row.flags = ROW_RECENT;
	assert_int_equal(pattern_match(new, &s), PATTERN_YES);
	assert_int_equal(pattern_match(old, &s), PATTERN_NO);
	pattern_free(new);
	pattern_free(old);
}

static void
test_simple_search_of_ones_own(void **state)
{
	struct row row = sample();
	struct pattern_subject s = { .row = &row };
	struct pattern *p = pattern_parse(STR("bob \"b"), "~c %s | ~t %s", &context, NULL, NULL);
	struct buf text = BUF_INIT;

	assert_non_null(p);
	pattern_print(p, &text);
	assert_str(buf_str(&text), "~c \"bob \\\"b\" | ~t \"bob \\\"b\"");
	pattern_free(p);
	p = pattern_parse(STR("bob"), "~c %s", &context, NULL, NULL);
	assert_int_equal(pattern_match(p, &s), PATTERN_YES);
	pattern_free(p);
	buf_release(&text);
}

/* A regex that would end the program, or keep it busy for hours, is a mistake of who types. */
static void
test_monstrous_regex(void **state)
{
	struct buf deep = BUF_INIT;
	struct err err = ERR_INIT;

	buf_adds(&deep, "~s '");
	for (int i = 0; i < 2000; i++)
		buf_addc(&deep, '(');
	buf_addc(&deep, '\'');
	assert_null(pattern_parse(buf_str(&deep), NULL, &context, NULL, &err));
	if (strstr(err.text, "more than 50 '(' in each other") == NULL)
		fail_msg("%s", err.text);
	assert_null(pattern_parse(STR("~s '((((a{1,255}){1,255}){1,255}){1,255})'"), NULL, &context,
				  NULL, &err));
	assert_non_null(strstr(err.text, "more than 1000 letters"));
	buf_release(&deep);
}

static void
test_help_is_complete(void **state)
{
	const char *help, *syntax;
	size_t n = 0;

	for (; (syntax = pattern_help(n, &help)) != NULL; n++) {
		assert_true(strlen(syntax) > 0);
		assert_true(strlen(help) > 0);
	}
	assert_true(n > 40);
}

/* Nothing that is typed breaks it. */
static void
test_random_text(void **state)
{
	struct test_random r = { 5 };
	static const char letters[] = "~~=%!|()<> \\\"'^fsdzmXAFN0123456789/-+*dwK";
	struct row row = sample();
	struct pattern_subject s = { .row = &row };

	for (int i = 0; i < 100000; i++) {
		char text[24];
		size_t len = test_random(&r, sizeof(text) - 1);
		for (size_t j = 0; j < len; j++)
			text[j] = letters[test_random(&r, sizeof(letters) - 1)];
		struct err err = ERR_INIT;
		struct pattern *p = pattern_parse(str_n(text, len), NULL, &context, NULL, &err);
		if (p != NULL)
			pattern_match(p, &s);
		else
			assert_true(err.text[0] != '\0');
		pattern_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_nesting_is_bounded),
		cmocka_unit_test(test_print_and_parse_again),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_old_and_new),
		cmocka_unit_test(test_simple_search_of_ones_own),
		cmocka_unit_test(test_monstrous_regex),
		cmocka_unit_test(test_help_is_complete),
		cmocka_unit_test(test_random_text),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
