/* regex: what the C library would need hours or gigabytes for is refused, and what
 * people have in their muttrc is not. */
#include "lib/test.h"
#include "tern/base/buf.h"
#include "tern/base/regex.h"

#include <stdio.h>
#include <string.h>

/* `head` and `tail`, each `n` times, around `middle` */
static const struct {
	const char *head, *middle, *tail;
	int n;
	const char *want;
} bad[] = {
	{ "(a|b)*", "", "", 100000, "a regular expression cannot be longer than 4096 bytes" },
	{ "a", "", "", 4097, "a regular expression cannot be longer than 4096 bytes" },
	{ "(", "", "", 20000, "a regular expression cannot be longer than 4096 bytes" },
	{ "(", "", "", 2000, "a regular expression cannot have more than 50 '(' in each other" },
	{ "(", "a", ")*", 51, "a regular expression cannot have more than 50 '(' in each other" },
	{ "", "((a{1,255}){1,255}){1,255}", "", 1,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "", "a{9}{9}{9}{9}{9}{9}{9}{9}", "", 1,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "", "((((a{30000}){30000}){30000}){30000}){0}", "", 1,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "(", "a", "{32000,})", 9,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "(", "a", "+)+", 40,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "", "a", "+", 40,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "(a|b*){255}", "", "", 9,
	  "what a regular expression repeats, written out, cannot be more than 1000 letters" },
	{ "", "(a*|\\<|\\>|^|$)*", "", 1,
	  "a regular expression has too many ^, $, \\< or \\> that stand alone in parentheses" },
	{ "(^|", "a", "*b*)*", 12,
	  "a regular expression has too many ^, $, \\< or \\> that stand alone in parentheses" },
	{ "(^|$)", "", "", 50,
	  "a regular expression has too many ^, $, \\< or \\> that stand alone in parentheses" },
	{ "",
	  "((b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)"
	  "(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?)(b?|c?))*",
	  "", 1, "a regular expression repeats what may be empty, in more than 1000 ways" },
	{ "(.*)+(b?|c+a?){0,8}", "", "", 6,
	  "a regular expression repeats what may be empty, in more than 1000 ways" },
	{ "", "a\\", "", 1, "a regular expression cannot end in a backslash" },
	{ "", "[]", "", 1, "'[' without its ']' in a regular expression" },
	{ "", "(a", "", 1, "'(' without its ')' in a regular expression" },
	{ "", "a{2,1}", "", 1, "'a{2,1}' is not a regular expression: invalid content of \\{\\}" },
};

static void
test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b = BUF_INIT;
		struct err err = ERR_INIT;
		regex_t re;
		for (int j = 0; j < bad[i].n; j++)
			buf_adds(&b, bad[i].head);
		buf_adds(&b, bad[i].middle);
		for (int j = 0; j < bad[i].n; j++)
			buf_adds(&b, bad[i].tail);
		if (regex_compile(&re, b.ptr, 0, &err) == 0)
			fail_msg("'%.60s' was taken", b.ptr);
		assert_int_equal(err.kind, ERR_USER);
		assert_string_equal(err.text, bad[i].want);
		buf_release(&b);
	}
}

static void
test_taken(void **state)
{
	static const struct {
		const char *regex, *text;
	} rows[] = {
		{ "^( {0,4}[>|:#%]| {0,4}[a-z0-9]+[>|]+)+", "> ada> x" },
		{ "^([ \t]*[|>:}#])+", " > >" },
		{ "^(([Rr][Ee]?(\\[[0-9]+\\])?: *)?(\\[[^]]+\\] *)?)*", "Re[2]: [list] x" },
		{ "(>From )|(:[-^]?[][)(><}{|/DP])", ":-)" },
		{ "((ftp|http|https)://|(file|news|mailto):|www\\.)[^ ,]+[^ ,.)>]{0,255}",
		  "www.example.org/x" },
		{ "([a-z0-9.+_-]{1,64})@([a-z0-9-]{1,63}\\.){1,5}[a-z]{2,63}",
		  "ada@mail.example.org" },
		{ "(^|[^0-9])([0-9]{1,3}\\.){3}[0-9]{1,3}($|[^0-9])", "at 192.0.2.1:993" },
		{ "(([0-9a-f]{1,4}:){7,7}[0-9a-f]{1,4}|([0-9a-f]{1,4}:){1,7}:|"
		  "([0-9a-f]{1,4}:){1,6}:[0-9a-f]{1,4}|([0-9a-f]{1,4}:){1,5}(:[0-9a-f]{1,4}){1,2}|"
		  "([0-9a-f]{1,4}:){1,4}(:[0-9a-f]{1,4}){1,3}|:((:[0-9a-f]{1,4}){1,7}|:))",
		  "2001:db8::1" },
		{ "(^|[[:space:]])(\\*[^*]+\\*|_[^_]+_|/[^/]+/)([[:space:]]|$)", "a *b* c" },
		{ "\\<(one|two)\\>|\\<three\\>|^four|^five$|\\<six\\>|\\<seven\\>|\\<eight\\>|\\<"
		  "nine\\>",
		  "a nine" },
		{ "[]a]|[^]b]|[[:alpha:](]|\\(|[(]|a{2}|x)", "(" },
		{ "foo.{0,80}( *[a-z]*)*bar.{0,80}", "foo bar" },
		{ "^(([a-z]* *)*>)+", "ada > bob>" },
		{ "a{1,255}", "a" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = ERR_INIT;
		regex_t re;
		if (regex_compile(&re, rows[i].regex, REG_NOSUB, &err) < 0)
			fail_msg("'%s': %s", rows[i].regex, err.text);
		if (regexec(&re, rows[i].text, 0, NULL, 0) != 0)
			fail_msg("'%s' does not match '%s'", rows[i].regex, rows[i].text);
		regfree(&re);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests_name("base_regex", tests, NULL, NULL);
}
