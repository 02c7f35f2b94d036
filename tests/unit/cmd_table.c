/* The table of commands: whole, without doubles, and as the manual says. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/cmd.h"

static void
names_stand_once_in_a_map(void **state)
{
	const struct cmd *a, *b;

	for (size_t i = 0; (a = cmd_at(i)) != NULL; i++)
		for (size_t k = i + 1; (b = cmd_at(k)) != NULL; k++)
			if (strcmp(a->name, b->name) == 0 && (a->maps & b->maps) != 0)
				fail_msg("<%s> stands twice in a map", a->name);
}

static void
keys_can_be_read_and_are_free(void **state)
{
	uint32_t keys[KEY_MAX_SEQ];
	const struct cmd *a, *b;

	for (size_t i = 0; (a = cmd_at(i)) != NULL; i++) {
		struct str rest = str_c(a->keys), word;
		while (str_next_word(&rest, &word)) {
			if (key_parse(word, keys, KEY_MAX_SEQ) == 0)
				fail_msg("<%s>: '%.*s' is no key", a->name, STR_ARG(word));
			for (size_t k = i + 1; (b = cmd_at(k)) != NULL; k++) {
				struct str others = str_c(b->keys), other;
				while ((a->maps & b->maps) && str_next_word(&others, &other))
					if (str_eq(word, other))
						fail_msg("%.*s is both <%s> and <%s>", STR_ARG(word),
							 a->name, b->name);
			}
		}
	}
}

static void
help_is_one_line_without_a_full_stop(void **state)
{
	const struct cmd *c;

	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
		assert_non_null(c->help);
		assert_non_null(c->run);
		assert_true(strchr(c->help, '\n') == NULL);
		assert_true(c->help[strlen(c->help) - 1] != '.');
		assert_true(c->help[0] >= 'A' && c->help[0] <= 'Z');
	}
}

/* mutt's keys for what people do all day. */
static void
keys_are_mutts(void **state)
{
	static const struct {
		enum cmd_map map;
		const char *name, *key;
	} rows[] = {
		{ CMD_MAP_INDEX, "delete-message", "d" }, { CMD_MAP_INDEX, "toggle-new", "N" },
		{ CMD_MAP_INDEX, "flag-message", "F" },	  { CMD_MAP_INDEX, "save-message", "s" },
		{ CMD_MAP_INDEX, "copy-message", "C" },	  { CMD_MAP_INDEX, "sync-mailbox", "$" },
		{ CMD_MAP_INDEX, "change-folder", "c" },  { CMD_MAP_INDEX, "limit", "l" },
		{ CMD_MAP_INDEX, "tag-prefix", ";" },	  { CMD_MAP_PAGER, "exit", "q" },
		{ CMD_MAP_PAGER, "toggle-quoted", "T" },  { CMD_MAP_PAGER, "search-toggle", "\\" },
		{ CMD_MAP_GENERIC, "undo", "^_" },	  { CMD_MAP_ATTACH, "save-entry", "s" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct cmd *c = cmd_find(rows[i].map, str_c(rows[i].name));
		struct str rest, word;
		bool found = false;
		assert_non_null(c);
		for (rest = str_c(c->keys); str_next_word(&rest, &word);)
			found |= str_eqc(word, rows[i].key);
		if (!found)
			fail_msg("<%s> is not on %s", rows[i].name, rows[i].key);
	}
}

static void
what_is_missing_has_a_word(void **state)
{
	assert_string_equal(cmd_missing(STR("reply")), "replying");
	assert_null(cmd_missing(STR("delete-message")));
	assert_null(cmd_find(CMD_MAP_INDEX, STR("reply")));
	/* generic functions hold in lists, not in the pager */
	assert_non_null(cmd_find(CMD_MAP_INDEX, STR("next-page")));
	assert_null(cmd_find(CMD_MAP_PAGER, STR("top-page")));
}

static void
manual_is_up_to_date(void **state)
{
	struct buf tables = BUF_INIT;

	cmd_manual(&tables);
	test_assert_manual("man/tern.1", buf_str(&tables));
	buf_release(&tables);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_once_in_a_map),
		cmocka_unit_test(keys_can_be_read_and_are_free),
		cmocka_unit_test(help_is_one_line_without_a_full_stop),
		cmocka_unit_test(keys_are_mutts),
		cmocka_unit_test(what_is_missing_has_a_word),
		cmocka_unit_test(manual_is_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
