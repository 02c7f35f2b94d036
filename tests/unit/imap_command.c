/* command: what goes out is what was meant, or nothing. */
#include "lib/test.h"
#include "../src/imap/command.h"

#include <string.h>

static void
test_strings(void **state)
{
	static const struct {
		struct str in;
		const char *want; /* NULL: refused */
	} rows[] = {
		{ { "INBOX", 5 }, "\"INBOX\"" },
		{ { "a\"b\\c", 5 }, "\"a\\\"b\\\\c\"" },
		{ { "", 0 }, "\"\"" },
		{ { "p\xc3\xa4", 3 }, "{3}\r\np\xc3\xa4" },
		{ { "a\r\nb", 4 }, NULL },
		{ { "a\nb", 3 }, NULL },
		{ { "a\0b", 3 }, NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct command_text t;
		command_init(&t);
		command_string(&t, rows[i].in);
		if (rows[i].want) {
			assert_int_equal(t.err.kind, ERR_NONE);
			assert_str(buf_str(&t.wire), rows[i].want);
		} else {
			assert_err(t.err, ERR_USER);
			assert_int_equal(t.wire.len, 0);
		}
		command_release(&t);
	}
}

static void
test_literals(void **state)
{
	struct command_text t;
	struct buf big = BUF_INIT;

	command_init(&t);
	command_adds(&t, "X ");
	command_string(&t, STR("\xff"));
	assert_int_equal(t.pauses.n, 1);
	assert_int_equal(t.pauses.v[0], 7); /* behind the line end */
	command_release(&t);

	command_init(&t);
	t.has_literal_plus = true;
	command_string(&t, STR("\xff"));
	assert_str(buf_str(&t.wire), "{1+}\r\n\xff");
	assert_int_equal(t.pauses.n, 0);
	command_release(&t);

	buf_addn(&big, 'x', 5000); /* LITERAL- ends at 4096 */
	command_init(&t);
	t.has_literal_minus = true;
	command_string(&t, buf_str(&big));
	assert_int_equal(t.pauses.n, 1);
	command_string(&t, STR("\xff"));
	assert_int_equal(t.pauses.n, 1);
	command_release(&t);

	buf_addn(&big, 'x', COMMAND_MAX_STRING);
	command_init(&t);
	command_string(&t, buf_str(&big));
	assert_err(t.err, ERR_USER);
	command_release(&t);
	buf_release(&big);
}

static void
test_atoms(void **state)
{
	static const struct {
		void (*add)(struct command_text *, struct str);
		const char *text;
		bool is_good;
	} rows[] = {
		{ command_keyword, "$Label1", true },	{ command_keyword, "a b", false },
		{ command_keyword, "", false },		{ command_keyword, "a)", false },
		{ command_keyword, "\\Seen", false },	{ command_keyword, "a\r\n", false },
		{ command_keyword, "\xc3\xa4", false }, { command_section, "1.2.MIME", true },
		{ command_section, "", true },		{ command_section, "1]", false },
		{ command_section, "1 2", false },	{ command_mailbox, "", false },
		{ command_mailbox, "M&APw-ll", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct command_text t;
		command_init(&t);
		rows[i].add(&t, str_c(rows[i].text));
		if ((t.err.kind == ERR_NONE) != rows[i].is_good)
			fail_msg("'%s'", rows[i].text);
		command_release(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_atoms),
	};

	return cmocka_run_group_tests_name("imap_command", tests, NULL, NULL);
}
