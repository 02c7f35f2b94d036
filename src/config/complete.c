/* What may follow on a command line. */
#include "internal.h"

struct completion {
	const struct config *config;
	struct str word;
	void (*each)(const char *text, const char *note, void *ctx);
	void *ctx;
};

static void
offer(const struct completion *c, const char *text, const char *note)
{
	if (str_ieq(c->word, str_head(str_c(text), c->word.len)))
		c->each(text, note, c->ctx);
}

static void
offer_commands(const struct completion *c)
{
	for (size_t i = 0; i < n_commands; i++)
		offer(c, commands[i].name, commands[i].help);
}

static bool
each_my(struct str name, void *value, void *ctx)
{
	char *s = str_dup(name);

	if (str_starts(name, "my_"))
		offer(ctx, s, "");
	free(s);
	return true;
}

/* "nohel" completes to "nohelp". */
static void
offer_variables(const struct completion *c)
{
	static const char *const prefixes[] = { "", "no", "inv", "&", "?" };

	for (size_t p = 0; p < ARRAY_LEN(prefixes); p++) {
		if (!str_starts(c->word, prefixes[p]))
			continue;
		bool is_no = prefixes[p][0] == 'n' || prefixes[p][0] == 'i';
		for (size_t i = 0; i < OPT_N; i++) {
			const struct config_row *row = &config_rows[i];
			if (is_no && row->type != CONFIG_BOOL && row->type != CONFIG_QUAD)
				continue;
			char *name = xasprintf("%s%s", prefixes[p], row->name);
			offer(c, name, row->help);
			free(name);
		}
	}
	map_each(&c->config->vars->map, each_my, (void *)(uintptr_t)c);
}

static void
offer_values(const struct completion *c, struct str name)
{
	static const char *const words[] = { "yes", "no", "ask-yes", "ask-no" };
	const struct config_row *row = config_row_by_name(name);

	if (row == NULL)
		return;
	size_t n = row->type == CONFIG_BOOL ? 2 : row->type == CONFIG_QUAD ? 4 : 0;
	for (size_t i = 0; i < n; i++)
		offer(c, words[i], "");
	for (const struct config_choice *k = row->choices; k != NULL && k->name != NULL; k++) {
		char *reverse = xasprintf("reverse-%s", k->name);
		offer(c, k->name, "");
		if (row->type == CONFIG_SORT && str_istarts(c->word, "r"))
			offer(c, reverse, "");
		free(reverse);
	}
	/* The value it has now, to be edited. */
	if (n == 0 && row->choices == NULL && row->type != CONFIG_SECRET && c->word.len == 0) {
		struct buf b = BUF_INIT;
		value_show(row, &c->config->values[config_row_option(row)], &b);
		c->each(b.ptr, "", c->ctx);
		buf_release(&b);
	}
}

static void
offer_set(const struct completion *c, size_t *start)
{
	long equals = str_find(c->word, '=');
	struct completion value = *c;

	if (equals < 0) {
		offer_variables(c);
		return;
	}
	value.word = str_from(c->word, (size_t)equals + 1);
	*start += (size_t)equals + 1;
	offer_values(&value, str_head(c->word, (size_t)equals));
}

static void
offer_maps(const struct completion *c)
{
	for (const char *const *m = map_names; *m != NULL; m++)
		offer(c, *m, "");
}

static void
offer_colors(const struct completion *c, size_t nth)
{
	for (size_t i = 0; nth == 1 && color_object_at(i) != NULL; i++)
		offer(c, color_object_at(i), "");
	for (size_t i = 0; nth > 1 && color_words[i] != NULL; i++)
		offer(c, color_words[i], "");
}

static bool
is_one_of(struct str s, const char *const *names)
{
	for (; *names != NULL; names++)
		if (str_eqc(s, *names))
			return true;
	return false;
}

void
config_complete(const struct config *config, struct str before, size_t *start_out,
		void (*each)(const char *text, const char *note, void *ctx), void *ctx)
{
	static const char *const sets[] = { "set", "unset", "reset", "toggle", NULL };
	static const char *const binds[] = { "bind", "macro", "unbind", "unmacro", NULL };
	static const char *const colors[] = { "color", "mono", "uncolor", "unmono", NULL };
	struct completion c = { config, STR_NONE, each, ctx };
	struct str rest = before, command = STR_NONE, word;
	size_t nth = 0, start = before.len;

	/* Only the last command of the line counts. */
	for (size_t i = before.len; i > 0; i--)
		if (before.ptr[i - 1] == ';') {
			rest = str_from(before, i);
			break;
		}
	while (start > 0 && !ascii_is_space((unsigned char)before.ptr[start - 1]) &&
	       before.ptr[start - 1] != ';')
		start--;
	c.word = str_from(before, start);
	struct str front = str_head(rest, rest.len - c.word.len);
	while (str_next_word(&front, &word)) {
		if (nth++ == 0)
			command = word;
	}
	*start_out = start;
	if (nth == 0)
		offer_commands(&c);
	else if (is_one_of(command, sets))
		offer_set(&c, start_out);
	else if (is_one_of(command, binds) && nth == 1)
		offer_maps(&c);
	else if (is_one_of(command, colors))
		offer_colors(&c, nth);
}
