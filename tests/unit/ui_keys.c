/* keymap, keys: sequences, fallback, macros and their loops. */
#include "lib/test.h"
#include "tern/key.h"
#include "tern/ui.h"

#include <string.h>

enum { GENERIC, INDEX, EDITOR };

struct setup {
	struct ui_keymap *km;
	struct ui_keys *q;
};

static void
bind(struct ui_keymap *km, int map, const char *keys, const char *function)
{
	uint32_t codes[UI_MAX_SEQUENCE];
	size_t n = key_parse(str_c(keys), codes, UI_MAX_SEQUENCE);
	struct ui_binding b = { .function = function, .is_noop = function == NULL };

	ui_keymap_bind(km, map, codes, n, &b);
}

static void
macro(struct ui_keymap *km, int map, const char *keys, const char *text)
{
	uint32_t codes[UI_MAX_SEQUENCE];
	size_t n = key_parse(str_c(keys), codes, UI_MAX_SEQUENCE);
	struct ui_binding b = { .macro = text };

	ui_keymap_bind(km, map, codes, n, &b);
}

static int
setup(void **state)
{
	static struct setup s;

	s.km = ui_keymap_new();
	s.q = ui_keys_new();
	ui_keymap_fallback(s.km, INDEX, GENERIC);
	ui_keymap_takes_text(s.km, EDITOR);
	*state = &s;
	return 0;
}

static int
teardown(void **state)
{
	struct setup *s = *state;

	ui_keymap_free(s->km);
	ui_keys_free(s->q);
	return 0;
}

/* What comes of the queue in a map: function names, ?key for what is unbound,
 * <name>, LOOP. */
static void
run(struct setup *s, int map, const char *want)
{
	struct buf got = BUF_INIT;
	const struct ui_binding *b;
	uint32_t key;
	struct str name;
	enum ui_keys_result result;

	while ((result = ui_keys_next(s->q, s->km, map, &b, &key, &name)) != UI_KEYS_EMPTY) {
		if (got.len > 0)
			buf_addc(&got, ' ');
		if (result == UI_KEYS_FUNCTION)
			buf_adds(&got, b->function);
		if (result == UI_KEYS_NAMED)
			buf_addf(&got, "<%.*s>", STR_ARG(name));
		if (result == UI_KEYS_LOOP)
			buf_adds(&got, "LOOP");
		if (result == UI_KEYS_UNBOUND) {
			buf_addc(&got, '?');
			key_add(&got, key);
		}
	}
	assert_str(buf_str(&got), want);
	buf_release(&got);
}

static void
type(struct setup *s, const char *keys)
{
	struct str rest = str_c(keys);
	uint32_t key;

	while ((key = key_next(&rest, NULL)) != KEYC_NONE)
		ui_keys_type(s->q, key);
}

static void
test_sequences(void **state)
{
	struct setup *s = *state;

	bind(s->km, INDEX, "gg", "first");
	bind(s->km, INDEX, "ga", "archive");
	bind(s->km, INDEX, "d", "delete");
	type(s, "gg");
	run(s, INDEX, "first");
	/* A sequence may take its time. */
	type(s, "g");
	run(s, INDEX, "");
	assert_true(ui_keys_in_sequence(s->q));
	type(s, "ad");
	run(s, INDEX, "archive delete");
	/* One that leads nowhere acts on nothing: d must not delete. */
	type(s, "gd");
	run(s, INDEX, "?g");
	assert_false(ui_keys_in_sequence(s->q));
}

static void
test_fallback(void **state)
{
	struct setup *s = *state;

	bind(s->km, GENERIC, "j", "next");
	bind(s->km, GENERIC, "k", "previous");
	bind(s->km, INDEX, "k", "kill");
	bind(s->km, INDEX, "jj", "far");
	type(s, "k");
	run(s, INDEX, "kill");
	/* "jx" is nothing here: the j of generic, then x. */
	type(s, "jk");
	run(s, INDEX, "next kill");
	/* noop hides what generic has. */
	bind(s->km, INDEX, "j", NULL);
	type(s, "j");
	run(s, INDEX, "?j");
	type(s, "k");
	run(s, GENERIC, "previous");
}

static void
test_rebinding(void **state)
{
	struct setup *s = *state;
	uint32_t keys[UI_MAX_SEQUENCE];

	bind(s->km, INDEX, "g", "g");
	bind(s->km, INDEX, "gg", "first");
	type(s, "gg");
	run(s, INDEX, "first");
	/* And the prefix again takes the longer one away. */
	bind(s->km, INDEX, "g", "g");
	type(s, "gg");
	run(s, INDEX, "g g");
	static const char far[] = "far";
	bind(s->km, GENERIC, "<F2>", far);
	bind(s->km, GENERIC, "zz", far);
	assert_int_equal(ui_keymap_find(s->km, INDEX, far, keys), 1);
	assert_int_equal(keys[0], KEYC_F1 + 1);
	/* Hidden by another meaning it is not found. */
	bind(s->km, INDEX, "<F2>", "other");
	assert_int_equal(ui_keymap_find(s->km, INDEX, "nowhere", keys), 0);
}

static void
test_macros(void **state)
{
	struct setup *s = *state;

	bind(s->km, INDEX, "d", "delete");
	bind(s->km, INDEX, "j", "next");
	macro(s->km, INDEX, "A", "<save-message>=x<enter>d<next-entry>");
	type(s, "Aj");
	run(s, INDEX, "<save-message> ?= ?x ?<Enter> delete <next-entry> next");
}

static void
test_macro_keys_before_typed_ones(void **state)
{
	struct setup *s = *state;

	bind(s->km, INDEX, "a", "a");
	bind(s->km, INDEX, "b", "b");
	bind(s->km, INDEX, "c", "c");
	macro(s->km, INDEX, "M", "ab<limit>");
	type(s, "Mc");
	run(s, INDEX, "a b <limit> c");
	/* An error forgets the rest of the macro, not what was typed. */
	type(s, "Mc");
	const struct ui_binding *b;
	uint32_t key;
	struct str name;
	assert_int_equal(ui_keys_next(s->q, s->km, INDEX, &b, &key, &name), UI_KEYS_FUNCTION);
	assert_true(ui_keys_is_pending(s->q));
	ui_keys_flush(s->q);
	run(s, INDEX, "c");
}

static void
test_loops_end(void **state)
{
	struct setup *s = *state;

	macro(s->km, INDEX, "x", "x");
	type(s, "x");
	run(s, INDEX, "LOOP");
	macro(s->km, INDEX, "y", "zz");
	macro(s->km, INDEX, "z", "yy");
	type(s, "y");
	run(s, INDEX, "LOOP");
	assert_false(ui_keys_is_pending(s->q));
	/* And after it all is as before. */
	bind(s->km, INDEX, "a", "a");
	type(s, "a");
	run(s, INDEX, "a");
}

static void
test_editor_takes_text(void **state)
{
	struct setup *s = *state;

	bind(s->km, EDITOR, "jk", "leave");
	bind(s->km, EDITOR, "<Space>", NULL);
	bind(s->km, EDITOR, "<Esc>b", "back");
	type(s, "jx<Space>");
	run(s, EDITOR, "?j ?x ?<Space>");
	type(s, "<Esc>b<Esc>z");
	run(s, EDITOR, "back ?<Esc>");
}

static void
test_push(void **state)
{
	struct setup *s = *state;

	bind(s->km, INDEX, "a", "a");
	ui_keys_type(s->q, 'a');
	ui_keys_push_text(s->q, STR("a<next-new>"));
	run(s, INDEX, "a <next-new> a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sequences, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fallback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rebinding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_macros, setup, teardown),
		cmocka_unit_test_setup_teardown(test_macro_keys_before_typed_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loops_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_editor_takes_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
