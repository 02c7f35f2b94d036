/* Every name that mutt or NeoMutt ever had is accepted; the tables are in order;
 * ternrc(5) is up to date; a usual rc is read in no time. */
#include "unit/config.h"

#include <limits.h>

static const char *const known[] = {
#define KNOWN(name, type) #name,
#include "tern/defs/known.def"
#undef KNOWN
};
static const char *const old_names[] = {
#define SYNONYM(name, of) #name,
#include "tern/defs/synonym.def"
#undef SYNONYM
};
static const char *const commands[] = {
#define KNOWN_COMMAND(name) name,
#include "tern/defs/known_command.def"
#undef KNOWN_COMMAND
};
static const char *const functions[] = {
#define KNOWN_FUNCTION(name) name,
#include "tern/defs/known_function.def"
#undef KNOWN_FUNCTION
};
#define N(a) (sizeof(a) / sizeof((a)[0]))

static size_t
n_lines(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->ptr[i] == '\n';
	return n;
}

/* In this test's words, so that a name cannot fall out of the table unseen. */
static void
test_every_name(void **state)
{
	struct rc *rc = rc_new();
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	size_t n_all = 0;

	assert_int_equal(fs_read("tests/data/rc/every-name", 1 << 20, &b, &err), 0);
	rc_read_n(rc, buf_str(&b));
	n_all = n_lines(&b);
	assert_str(buf_str(&rc->errors), "");
	/* each that does not work is named once, with its line */
	assert_true(n_all > 640);
	assert_true(n_lines(&rc->notes) >= N(known) - 1);
	assert_true(str_find_str(buf_str(&rc->notes), STR("'pgp_sign_as' is not supported")) > 0);
	size_t before = n_lines(&rc->notes);
	rc_read_n(rc, buf_str(&b));
	assert_int_equal(n_lines(&rc->notes), before);
	buf_release(&b);
	rc_free(rc);
}

static void
test_every_row(void **state)
{
	struct rc *rc = rc_new();
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < N(known); i++)
		buf_addf(&b, "set %s=x\n", known[i]);
	for (size_t i = 0; i < N(old_names); i++)
		buf_addf(&b, "reset %s\n", old_names[i]);
	for (size_t i = 0; i < OPT_N; i++)
		buf_addf(&b, "reset %s\n", config_rows[i].name);
	for (size_t i = 0; i < N(commands); i++)
		buf_addf(&b, "%s some `exit 1` \"arguments\" ~x ; \n", commands[i]);
	for (size_t i = 0; i < N(functions); i++)
		buf_addf(&b, "bind index x %s\n", functions[i]);
	rc_read_n(rc, buf_str(&b));
	assert_str(buf_str(&rc->errors), "");
	/* each of them is kept for $name */
	for (size_t i = 0; i < N(known); i++) {
		struct buf shown = BUF_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(config_show(config_now(rc->r), str_c(known[i]), &shown, &err), 0);
		assert_true(shown.len > strlen(known[i]) + 2);
		buf_release(&shown);
	}
	buf_release(&b);
	rc_free(rc);
}

static void
is_sorted(const char *const *names, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) >= 0)
			fail_msg("'%s' stands before '%s'", names[i - 1], names[i]);
}

static void
test_tables(void **state)
{
	is_sorted(known, N(known));
	is_sorted(old_names, N(old_names));
	is_sorted(commands, N(commands));
	is_sorted(functions, N(functions));
	for (size_t i = 0; i < N(known); i++)
		if (config_row_by_name(str_c(known[i])) != NULL)
			fail_msg("'%s' is known and works", known[i]);
	for (size_t i = 0; i < OPT_N; i++) {
		assert_ptr_equal(config_row_by_name(str_c(config_rows[i].name)), &config_rows[i]);
		assert_true(strlen(config_rows[i].help) >= 10);
	}
	struct config_reader *r = config_reader_new(NULL);
	struct buf b = BUF_INIT;
	config_show_changed(config_now(r), &b);
	assert_str(buf_str(&b), "");
	buf_release(&b);
	config_reader_free(r);
}

static void
test_manual(void **state)
{
	struct buf tables = BUF_INIT;

	config_doc(&tables);
	test_assert_manual("man/ternrc.5", buf_str(&tables));
	buf_release(&tables);
}

static void
test_speed(void **state)
{
	struct buf b = BUF_INIT;
	long best_us = LONG_MAX;
	struct err err = ERR_INIT;

	assert_int_equal(fs_read("tests/data/rc/usual", 1 << 20, &b, &err), 0);
	assert_true(n_lines(&b) >= 250);
	for (int i = 0; i < 10; i++) {
		long start = cpu_us();
		struct rc *rc = rc_new();
		rc_read_n(rc, buf_str(&b));
		long took_us = cpu_us() - start;
		if (took_us < best_us)
			best_us = took_us;
		assert_str(buf_str(&rc->errors), "");
		rc_free(rc);
	}
	print_message("# %zu lines in %ld us\n", n_lines(&b), best_us);
	assert_true(best_us < allowed_us(2000));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_name), cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_tables),	   cmocka_unit_test(test_manual),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
