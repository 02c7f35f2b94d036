/* bind, macro, unbind, unmacro, push, exec. */
#include "internal.h"

bool
exec_check_function(struct exec *x, const char *map, struct str name)
{
	const struct config_params *p = exec_params(x);

	if (str_eqc(name, "noop") || p->is_function == NULL || p->is_function(map, name, p->ctx))
		return true;
	if (known_function(name)) {
		char *key = xasprintf("function %.*s", STR_ARG(name));
		exec_note_once(x, key, "the function '%.*s' is not supported in '%s'",
			       STR_ARG(name), map);
		free(key);
		return true;
	}
	struct closest c = { .wanted = name };
	for (size_t i = 0; i < n_known_functions; i++)
		closest_try(&c, known_functions[i]);
	if (c.name != NULL)
		exec_error(x, "unknown function '%.*s'; did you mean '%s'?",
			   STR_ARG(str_head(name, 60)), c.name);
	else
		exec_error(x, "unknown function '%.*s'", STR_ARG(str_head(name, 60)));
	return false;
}

/* ---- the list ------------------------------------------------------------------------ */

static void
bind_key(struct buf *out, const struct config_bind *b)
{
	buf_adds(out, b->map);
	buf_addc(out, '\0');
	buf_add(out, b->keys, b->n_keys * sizeof(*b->keys));
}

/* Only the last word on a sequence counts. When many have piled up, the others go. */
static void
thin_out(struct list *l)
{
	struct map last = MAP_INIT;
	struct buf key = BUF_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		buf_reset(&key);
		bind_key(&key, list_at(l, i, struct config_bind));
		map_set(&last, buf_str(&key), (void *)(uintptr_t)(i + 1));
	}
	for (size_t i = 0; i < l->n; i++) {
		struct config_bind *b = list_at(l, i, struct config_bind);
		buf_reset(&key);
		bind_key(&key, b);
		/* "everything off" must stay before what was bound after it */
		if ((uintptr_t)map_get(&last, buf_str(&key)) == i + 1 || b->n_keys == 0)
			*list_at(l, kept++, struct config_bind) = *b;
	}
	l->n = kept;
	map_release(&last, NULL);
	buf_release(&key);
}

static void
add_bind(struct exec *x, const struct config_bind *b)
{
	struct list *l = exec_list(x, LIST_BINDS);

	if (l->n >= 1024 && l->n >= l->thin_at) {
		thin_out(l);
		l->thin_at = l->n * 2;
	}
	list_add(l, b);
	exec_effects(x, CONFIG_KEYS);
}

static bool
check_maps(struct exec *x, struct str maps)
{
	struct str map;

	while (str_next(&maps, ',', &map)) {
		if (known_map(map))
			continue;
		exec_error(x, "unknown map '%.*s'; one of generic, index, pager, browser, attach, "
			      "editor, ...", STR_ARG(str_head(map, 40)));
		return false;
	}
	return true;
}

/* Add `b` for each map of a comma list. */
static void
add_for_maps(struct exec *x, struct str maps, struct config_bind *b)
{
	struct str map;

	while (str_next(&maps, ',', &map)) {
		char *name = str_dup(map);
		b->map = name;
		add_bind(x, b);
		free(name);
	}
}

static bool
parse_keys(struct exec *x, const struct buf *text, uint32_t *keys, size_t *n_out)
{
	*n_out = key_parse(buf_str(text), keys, KEY_MAX_SEQ);
	if (*n_out > 0)
		return true;
	if (text->len == 0)
		exec_error(x, "a key is expected here");
	else
		exec_error(x, "a sequence has at most %d keys", KEY_MAX_SEQ);
	return false;
}

/* The maps and the keys, in front of all these commands. */
static enum done
take_place(struct exec *x, struct buf *maps, uint32_t *keys, size_t *n_out)
{
	struct buf text = BUF_INIT;
	enum done done = exec_need(x, 0, "a map", maps);

	if (done == DONE_OK && !check_maps(x, buf_str(maps)))
		done = DONE_FAILED;
	if (done == DONE_OK)
		done = exec_need(x, 0, "a key", &text);
	if (done == DONE_OK && !parse_keys(x, &text, keys, n_out))
		done = DONE_FAILED;
	buf_release(&text);
	return done;
}

enum done
run_bind(struct exec *x)
{
	struct buf maps = BUF_INIT, function = BUF_INIT;
	uint32_t keys[KEY_MAX_SEQ];
	struct config_bind b = { .kind = CONFIG_BIND, .keys = keys, .description = "" };
	enum done done = take_place(x, &maps, keys, &b.n_keys);
	struct str rest, map;

	if (done == DONE_OK)
		done = exec_need(x, 0, "a function", &function);
	rest = buf_str(&maps);
	while (done == DONE_OK && str_next(&rest, ',', &map)) {
		char *name = str_dup(map);
		if (!exec_check_function(x, name, buf_str(&function)))
			done = DONE_FAILED;
		free(name);
	}
	b.text = function.ptr;
	if (done == DONE_OK)
		add_for_maps(x, buf_str(&maps), &b);
	buf_release(&maps);
	buf_release(&function);
	return done;
}

enum done
run_macro(struct exec *x)
{
	struct buf maps = BUF_INIT, text = BUF_INIT, description = BUF_INIT;
	uint32_t keys[KEY_MAX_SEQ];
	struct config_bind b = { .kind = CONFIG_MACRO, .keys = keys };
	enum done done = take_place(x, &maps, keys, &b.n_keys);

	if (done == DONE_OK)
		done = exec_need(x, TOKEN_CONDENSE, "what it types", &text);
	if (done == DONE_OK && exec_more(x))
		done = exec_token(x, TOKEN_CONDENSE, &description);
	b.text = text.ptr;
	b.description = description.ptr;
	if (done == DONE_OK)
		add_for_maps(x, buf_str(&maps), &b);
	buf_release(&maps);
	buf_release(&text);
	buf_release(&description);
	return done;
}

/* unbind MAP|* [KEY|*], unmacro likewise. */
enum done
run_unbind(struct exec *x)
{
	struct buf maps = BUF_INIT, text = BUF_INIT;
	uint32_t keys[KEY_MAX_SEQ];
	struct config_bind b = { .keys = keys, .text = "", .description = "" };
	enum done done = exec_need(x, 0, "a map", &maps);

	b.kind = (enum config_bind_kind)x->command->data;
	if (done == DONE_OK && !check_maps(x, buf_str(&maps)))
		done = DONE_FAILED;
	if (done == DONE_OK && exec_more(x)) {
		done = exec_token(x, 0, &text);
		bool is_all = str_eqc(buf_str(&text), "*");
		if (done == DONE_OK && !is_all && !parse_keys(x, &text, keys, &b.n_keys))
			done = DONE_FAILED;
	}
	if (done == DONE_OK)
		add_for_maps(x, buf_str(&maps), &b);
	buf_release(&maps);
	buf_release(&text);
	return done;
}

/* ---- keys typed for the user ------------------------------------------------------------ */

enum done
run_push(struct exec *x)
{
	struct buf keys = BUF_INIT;
	enum done done = exec_need(x, TOKEN_CONDENSE, "keys", &keys);

	if (done == DONE_OK)
		exec_push_keys(x, buf_str(&keys));
	buf_release(&keys);
	return done;
}

enum done
run_exec(struct exec *x)
{
	struct words w = { VEC_INIT };
	struct buf keys = BUF_INIT;
	enum done done = exec_words(x, 0, &w);

	if (done == DONE_OK && w.all.n == 0)
		done = exec_error(x, "'exec' needs a function's name");
	for (size_t i = 0; i < w.all.n && done == DONE_OK; i++) {
		if (!exec_check_function(x, "*", str_c(w.all.v[i])))
			done = DONE_FAILED;
		buf_addf(&keys, "<%s>", w.all.v[i]);
	}
	if (done == DONE_OK)
		exec_push_keys(x, buf_str(&keys));
	words_release(&w);
	buf_release(&keys);
	return done;
}
