/* Snapshots: what is set, shared and counted. A snapshot is written only while
 * nobody else holds it; else it is cloned first, which copies pointers. */
#include "internal.h"

/* ---- lists --------------------------------------------------------------------- */

static const size_t item_sizes[N_LISTS] = {
	[LIST_BINDS] = sizeof(struct config_bind),
	[LIST_COLORS] = sizeof(struct config_color),
	[LIST_MAILBOXES] = sizeof(struct config_mailbox),
	[LIST_HOOKS] = sizeof(struct hook),
};

static struct list *
list_new(enum list_id id)
{
	struct list *l = xcalloc(1, sizeof(*l));

	l->refs = 1;
	l->id = id;
	l->size = item_sizes[id] ? item_sizes[id] : sizeof(char *);
	return l;
}

static void
list_unref(struct list *l)
{
	if (--l->refs > 0)
		return;
	arena_release(&l->arena);
	free(l->items);
	free(l);
}

/* Take the strings of an item into the list's own memory. */
static void
copy_strings(struct list *l, void *item)
{
	struct arena *a = &l->arena;

	switch (l->id) {
	case LIST_BINDS: {
		struct config_bind *b = item;
		uint32_t *keys = arena_alloc(a, (b->n_keys + 1) * sizeof(*keys));
		if (b->n_keys > 0)
			memcpy(keys, b->keys, b->n_keys * sizeof(*keys));
		b->keys = keys;
		b->map = arena_cstr(a, str_c(b->map));
		b->text = arena_cstr(a, str_c(b->text));
		b->description = arena_cstr(a, str_c(b->description));
		break;
	}
	case LIST_COLORS: {
		struct config_color *c = item;
		c->pattern = arena_cstr(a, str_c(c->pattern));
		c->file = arena_cstr(a, str_c(c->file));
		break;
	}
	case LIST_MAILBOXES: {
		struct config_mailbox *m = item;
		m->url = arena_cstr(a, str_c(m->url));
		m->label = arena_cstr(a, str_c(m->label));
		break;
	}
	case LIST_HOOKS: {
		struct hook *h = item;
		h->regex = arena_cstr(a, str_c(h->regex));
		h->command = arena_cstr(a, str_c(h->command));
		h->file = arena_cstr(a, str_c(h->file));
		break;
	}
	default: {
		char **s = item;
		*s = arena_cstr(a, str_c(*s));
	}
	}
}

void
list_add(struct list *l, const void *item)
{
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 8;
		l->items = xreallocarray(l->items, l->cap, l->size);
	}
	void *place = l->items + l->n * l->size;
	memcpy(place, item, l->size);
	copy_strings(l, place);
	l->n++;
}

static struct list *
list_clone(const struct list *from)
{
	struct list *l = list_new(from->id);

	l->is_default = from->is_default;
	for (size_t i = 0; i < from->n; i++)
		list_add(l, from->items + i * from->size);
	l->clean_bytes = l->arena.used_bytes;
	return l;
}

void
list_cut(struct list *l, size_t i)
{
	memmove(l->items + i * l->size, l->items + (i + 1) * l->size, (l->n - i - 1) * l->size);
	l->n--;
}

void
list_clear(struct list *l)
{
	l->n = 0;
	arena_reset(&l->arena);
	l->clean_bytes = 0;
}

static char *
string_at(const struct list *l, size_t i)
{
	return *list_at(l, i, char *);
}

bool
list_has_string(const struct list *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_ieqc(s, string_at(l, i)))
			return true;
	return false;
}

bool
list_add_string(struct list *l, struct str s)
{
	if (list_has_string(l, s))
		return true;
	if (l->n >= MAX_LIST)
		return false;
	char *copy = str_dup(s);
	list_add(l, &copy);
	free(copy);
	return true;
}

bool
list_cut_string(struct list *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_ieqc(s, string_at(l, i))) {
			list_cut(l, i);
			return true;
		}
	return false;
}

/* ---- variables that are not options ------------------------------------------------ */

static void
unref_text(void *t)
{
	text_unref(t);
}

static struct vars *
vars_new(void)
{
	struct vars *v = xcalloc(1, sizeof(*v));

	v->refs = 1;
	return v;
}

static void
vars_unref(struct vars *v)
{
	if (--v->refs > 0)
		return;
	map_release(&v->map, unref_text);
	free(v);
}

static bool
copy_var(struct str name, void *text, void *ctx)
{
	struct vars *v = ctx;

	map_set(&v->map, name, text_ref(text));
	return true;
}

struct text *
vars_get(const struct config *c, struct str name)
{
	return map_get(&c->vars->map, name);
}

void
vars_set(struct config *c, struct str name, struct text *take)
{
	if (c->vars->refs > 1) {
		struct vars *mine = vars_new();
		map_each(&c->vars->map, copy_var, mine);
		vars_unref(c->vars);
		c->vars = mine;
	}
	text_unref(take != NULL ? map_set(&c->vars->map, name, take) :
				  map_remove(&c->vars->map, name));
}

/* ---- snapshots ---------------------------------------------------------------------- */

static void
default_list(struct config *c, enum config_list id, const char *words)
{
	struct str rest = str_c(words), word;

	while (str_next_word(&rest, &word))
		list_add_string(c->lists[id], word);
	c->lists[id]->is_default = true;
}

struct config *
snapshot_new(const char *home)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->refs = 1;
	c->home = home;
	for (size_t i = 0; i < OPT_N; i++)
		value_default(&config_rows[i], &c->values[i]);
	for (size_t i = 0; i < N_LISTS; i++)
		c->lists[i] = list_new((enum list_id)i);
	c->vars = vars_new();
	/* What a muttrc expects of the system's: little of the header is shown. */
	default_list(c, CONFIG_IGNORE, "*");
	default_list(c, CONFIG_UNIGNORE, "from to cc subject date reply-to list-id");
	default_list(c, CONFIG_HDR_ORDER, "from to cc reply-to subject date");
	return c;
}

struct config *
snapshot_clone(const struct config *from)
{
	struct config *c = xmemdup(from, sizeof(*from));

	c->refs = 1;
	for (size_t i = 0; i < OPT_N; i++)
		text_ref(c->values[i].text);
	for (size_t i = 0; i < N_LISTS; i++)
		c->lists[i]->refs++;
	c->vars->refs++;
	return c;
}

struct config *
config_ref(const struct config *c)
{
	struct config *mine = (struct config *)(uintptr_t)c;

	mine->refs++;
	return mine;
}

void
config_unref(struct config *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (size_t i = 0; i < OPT_N; i++)
		text_unref(c->values[i].text);
	for (size_t i = 0; i < N_LISTS; i++)
		list_unref(c->lists[i]);
	vars_unref(c->vars);
	free(c);
}

struct config *
snapshot_own(struct config **c)
{
	if ((*c)->refs > 1) {
		struct config *mine = snapshot_clone(*c);
		config_unref(*c);
		*c = mine;
	}
	return *c;
}

void
snapshot_set(struct config *c, enum config_option o, struct value *take)
{
	text_unref(c->values[o].text);
	c->values[o] = *take;
	*take = (struct value){ 0 };
}

/* Written over and over (a macro that binds), a list gives its memory back. */
struct list *
list_own(struct config *c, enum list_id id)
{
	struct list *l = c->lists[id];
	bool is_dirty = l->arena.used_bytes > 65536 && l->arena.used_bytes > 4 * l->clean_bytes &&
			l->clean_bytes > 0;

	if (l->clean_bytes == 0 && l->arena.used_bytes > 65536)
		l->clean_bytes = l->arena.used_bytes;
	if (l->refs > 1 || is_dirty) {
		c->lists[id] = list_clone(l);
		list_unref(l);
	}
	return c->lists[id];
}

/* ---- reading it ------------------------------------------------------------------------ */

static const struct value *
value_of(const struct config *c, enum config_option o, enum config_type type)
{
	if (o >= OPT_N || config_rows[o].type != type)
		BUG("'%s' is not a %s", o < OPT_N ? config_rows[o].name : "?",
		    config_type_name(type));
	return &c->values[o];
}

bool
config_bool(const struct config *c, enum config_option o)
{
	return value_of(c, o, CONFIG_BOOL)->number != 0;
}

enum config_quad
config_quad(const struct config *c, enum config_option o)
{
	return (enum config_quad)value_of(c, o, CONFIG_QUAD)->number;
}

long
config_number(const struct config *c, enum config_option o)
{
	return value_of(c, o, CONFIG_NUMBER)->number;
}

int
config_enum(const struct config *c, enum config_option o)
{
	return (int)value_of(c, o, CONFIG_ENUM)->number;
}

struct config_sort
config_sort(const struct config *c, enum config_option o)
{
	return sort_unpack(value_of(c, o, CONFIG_SORT)->number);
}

const char *
config_string(const struct config *c, enum config_option o)
{
	if (o >= OPT_N || c->values[o].text == NULL || config_rows[o].type == CONFIG_SECRET)
		BUG("'%s' is not a string", o < OPT_N ? config_rows[o].name : "?");
	return c->values[o].text->s;
}

const regex_t *
config_regex(const struct config *c, enum config_option o)
{
	return text_regex(value_of(c, o, CONFIG_REGEX)->text, false);
}

bool
config_secret(const struct config *c, enum config_option o, const char **text_out,
	      const char **command_out)
{
	const struct text *t = value_of(c, o, CONFIG_SECRET)->text;

	*text_out = *command_out = NULL;
	if (t->len == 0)
		return false;
	*(t->is_command ? command_out : text_out) = t->s;
	return true;
}

bool
config_is_set(const struct config *c, enum config_option o)
{
	return c->values[o].is_set;
}

void
config_mailbox(const struct config *c, enum config_option o, struct buf *out)
{
	const struct text *t = value_of(c, o, CONFIG_MAILBOX)->text;

	if (t->len > 0)
		config_expand(c, str_n(t->s, t->len), out);
}

#define LIST_GETTER(name, type, id)                                \
	const type *name(const struct config *c, size_t *n_out)    \
	{                                                          \
		*n_out = c->lists[id]->n;                          \
		return (const type *)(void *)c->lists[id]->items;  \
	}
LIST_GETTER(config_binds, struct config_bind, LIST_BINDS)
LIST_GETTER(config_colors, struct config_color, LIST_COLORS)
LIST_GETTER(config_mailboxes, struct config_mailbox, LIST_MAILBOXES)
LIST_GETTER(config_environment, char *const, LIST_ENVIRONMENT)

const char *const *
config_list(const struct config *c, enum config_list list, size_t *n_out)
{
	*n_out = c->lists[list]->n;
	return (const char *const *)(void *)c->lists[list]->items;
}

/* mutt's: a word of the list is the beginning of the field's name. With a colon
 * behind it, it is all of it. */
static bool
names_header(const char *word, struct str name)
{
	struct str w = str_c(word);

	if (str_eqc(w, "*"))
		return true;
	if (str_ends(w, ":"))
		return str_ieq(str_head(w, w.len - 1), name);
	return w.len <= name.len && str_ieq(w, str_head(name, w.len));
}

static bool
list_names(const struct list *l, struct str name)
{
	for (size_t i = 0; i < l->n; i++)
		if (names_header(string_at(l, i), name))
			return true;
	return false;
}

bool
config_header_is_shown(const struct config *c, struct str name)
{
	return !list_names(c->lists[CONFIG_IGNORE], name) ||
	       list_names(c->lists[CONFIG_UNIGNORE], name);
}

int
config_header_rank(const struct config *c, struct str name)
{
	const struct list *l = c->lists[CONFIG_HDR_ORDER];
	size_t i = 0;

	while (i < l->n && !names_header(string_at(l, i), name))
		i++;
	return (int)i;
}

/* ---- by name --------------------------------------------------------------------------- */

bool
variable_expand(const struct config *c, struct str name, struct buf *out,
		struct text **command_out)
{
	struct variable v;

	*command_out = NULL;
	if (!variable_find(name, &v))
		return false;
	struct text *t = v.row != NULL ? c->values[config_row_option(v.row)].text :
					 vars_get(c, v.name != NULL ? str_c(v.name) : name);
	if (t == NULL && v.row == NULL)
		return v.name != NULL; /* known and not set: empty */
	if (t == NULL) {
		long n = c->values[config_row_option(v.row)].number;
		if (v.is_negated)
			buf_addf(out, "%ld", n < 0 ? -n : 0);
		else
			value_show(v.row, &c->values[config_row_option(v.row)], out);
	} else if (t->is_command) {
		*command_out = t;
	} else {
		buf_add(out, t->s, t->len);
	}
	return true;
}

static void
show_row(const struct config *c, const struct config_row *row, struct buf *out)
{
	buf_addf(out, "%s=", row->name);
	value_show(row, &c->values[config_row_option(row)], out);
}

int
config_show(const struct config *c, struct str name, struct buf *out, struct err *err)
{
	struct variable v;

	if (!variable_find(name, &v))
		return err_set(err, ERR_USER, "unknown variable '%.*s'",
			       (int)(name.len < 60 ? name.len : 60), name.ptr ? name.ptr : "");
	if (v.row != NULL) {
		show_row(c, v.row, out);
		return 0;
	}
	const struct text *t = vars_get(c, v.name != NULL ? str_c(v.name) : name);
	if (t == NULL && v.name == NULL)
		return err_set(err, ERR_USER, "'%.*s' is not set",
			       (int)(name.len < 60 ? name.len : 60), name.ptr);
	if (v.name != NULL)
		buf_addf(out, "%s=", v.name);
	else
		buf_addf(out, "%.*s=", STR_ARG(name));
	if (t != NULL && t->is_secret)
		buf_adds(out, "\"***\"");
	else
		add_quoted(out, t == NULL ? "" : t->s);
	return 0;
}

void
config_show_changed(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < OPT_N; i++) {
		struct value deflt;
		if (!c->values[i].is_set)
			continue;
		struct buf a = BUF_INIT, b = BUF_INIT;
		value_default(&config_rows[i], &deflt);
		value_show(&config_rows[i], &deflt, &a);
		value_show(&config_rows[i], &c->values[i], &b);
		if (!str_eq(buf_str(&a), buf_str(&b)))
			buf_addf(out, "set %s=%s\n", config_rows[i].name, b.ptr);
		text_unref(deflt.text);
		buf_release(&a);
		buf_release(&b);
	}
}
