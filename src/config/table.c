/* The tables made of the lists in defs, and finding a name in them. */
#include "internal.h"

/* ---- choices ----------------------------------------------------------------- */

static const struct config_choice background_choices[] = {
	{ "auto", CONFIG_BACKGROUND_AUTO },
	{ "dark", CONFIG_BACKGROUND_DARK },
	{ "light", CONFIG_BACKGROUND_LIGHT },
	{ NULL, 0 },
};

static const struct config_choice threads_choices[] = {
	{ "unset", CONFIG_THREADS_UNSET }, { "no", CONFIG_THREADS_FLAT },
	{ "flat", CONFIG_THREADS_FLAT },   { "yes", CONFIG_THREADS_YES },
	{ "threads", CONFIG_THREADS_YES }, { "reverse", CONFIG_THREADS_REVERSE },
	{ NULL, 0 },
};

/* The first name of a method is the one shown. */
#define MESSAGE_METHODS                                                                        \
	{ "date", CONFIG_SORT_DATE }, { "date-sent", CONFIG_SORT_DATE },                       \
	{ "date-received", CONFIG_SORT_RECEIVED }, { "from", CONFIG_SORT_FROM },               \
	{ "to", CONFIG_SORT_TO }, { "subject", CONFIG_SORT_SUBJECT },                          \
	{ "size", CONFIG_SORT_SIZE }, { "score", CONFIG_SORT_SCORE },                          \
	{ "spam", CONFIG_SORT_SPAM }, { "label", CONFIG_SORT_LABEL },                          \
	{ "mailbox-order", CONFIG_SORT_UNSORTED }, { "unsorted", CONFIG_SORT_UNSORTED }

static const struct config_choice sort_choices[] = {
	{ "threads", CONFIG_SORT_THREADS }, MESSAGE_METHODS, { NULL, 0 },
};
static const struct config_choice sort_aux_choices[] = {
	/* mutt takes it here as well; it means the date of the thread then */
	MESSAGE_METHODS, { "threads", CONFIG_SORT_DATE }, { NULL, 0 },
};
static const struct config_choice browser_choices[] = {
	{ "alpha", CONFIG_SORT_ALPHA },	    { "name", CONFIG_SORT_ALPHA },
	{ "desc", CONFIG_SORT_ALPHA },	    { "count", CONFIG_SORT_COUNT },
	{ "unread", CONFIG_SORT_UNREAD },   { "new", CONFIG_SORT_UNREAD },
	{ "date", CONFIG_SORT_DATE },	    { "size", CONFIG_SORT_SIZE },
	{ "unsorted", CONFIG_SORT_UNSORTED }, { NULL, 0 },
};
static const struct config_choice sidebar_choices[] = {
	{ "unsorted", CONFIG_SORT_UNSORTED }, { "mailbox-order", CONFIG_SORT_UNSORTED },
	{ "alpha", CONFIG_SORT_ALPHA },	      { "name", CONFIG_SORT_ALPHA },
	{ "path", CONFIG_SORT_ALPHA },	      { "desc", CONFIG_SORT_ALPHA },
	{ "count", CONFIG_SORT_COUNT },	      { "unread", CONFIG_SORT_UNREAD },
	{ "new", CONFIG_SORT_UNREAD },	      { "flagged", CONFIG_SORT_FLAGGED },
	{ NULL, 0 },
};

/* ---- rows -------------------------------------------------------------------- */

enum {
	NONE = CONFIG_NONE,
	REDRAW = CONFIG_REDRAW,
	RESORT = CONFIG_RESORT,
	REFORMAT = CONFIG_REFORMAT,
	RECONNECT = CONFIG_RECONNECT,
	MAILBOXES = CONFIG_MAILBOXES,
};
#define NO_ARG .min = 0
#define RANGE(low, high) .min = (low), .max = (high)
#define CHOICES(table) .choices = (table)
#define READ_ONLY .is_read_only = true

const struct config_row config_rows[OPT_N] = {
#define OPTION(sym, kind, where, def, arg, what, text)                            \
	[OPT_##sym] = { .name = #sym, .type = CONFIG_##kind, .scope = CONFIG_##where, \
			.deflt = def, .effects = what, .help = text, arg },
#include "tern/defs/option.def"
#undef OPTION
};

const struct known known_variables[] = {
#define KNOWN(name, type) { #name, CONFIG_##type },
#include "tern/defs/known.def"
#undef KNOWN
};
const size_t n_known_variables = ARRAY_LEN(known_variables);

const struct synonym synonyms[] = {
#define SYNONYM(name, of) { #name, #of },
#include "tern/defs/synonym.def"
#undef SYNONYM
};
const size_t n_synonyms = ARRAY_LEN(synonyms);

const char *const known_commands[] = {
#define KNOWN_COMMAND(name) name,
#include "tern/defs/known_command.def"
#undef KNOWN_COMMAND
};
const size_t n_known_commands = ARRAY_LEN(known_commands);

const char *const known_functions[] = {
#define KNOWN_FUNCTION(name) name,
#include "tern/defs/known_function.def"
#undef KNOWN_FUNCTION
};
const size_t n_known_functions = ARRAY_LEN(known_functions);

const char *const map_names[] = {
	"alias",  "attach", "autocrypt", "browser", "compose",	"dialog", "editor",
	"generic", "index", "key_select_pgp", "key_select_smime", "list", "message", "mix", "pager",
	"pgp",	  "postpone", "preview", "query",	 "sidebar", "smime",	NULL,
};

const char *
config_type_name(enum config_type type)
{
	static const char *const names[] = {
		[CONFIG_BOOL] = "boolean",  [CONFIG_QUAD] = "quadoption",
		[CONFIG_NUMBER] = "number", [CONFIG_STRING] = "string",
		[CONFIG_PATH] = "path",	    [CONFIG_MAILBOX] = "mailbox",
		[CONFIG_FORMAT] = "format", [CONFIG_COMMAND] = "command",
		[CONFIG_REGEX] = "regular expression", [CONFIG_SORT] = "sort order",
		[CONFIG_ENUM] = "enumeration", [CONFIG_SECRET] = "secret",
	};
	return names[type];
}

/* ---- finding ----------------------------------------------------------------- */

static int
compare_row(const void *a, const void *b)
{
	const struct config_row *const *x = a;
	const struct config_row *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The rows by name: option.def is in an order for reading. */
static const struct config_row *
row_find(struct str name)
{
	static const struct config_row *sorted[OPT_N];

	if (sorted[0] == NULL) {
		for (size_t i = 0; i < OPT_N; i++)
			sorted[i] = &config_rows[i];
		qsort(sorted, OPT_N, sizeof(*sorted), compare_row);
	}
	size_t low = 0, high = OPT_N;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = str_cmp(name, str_c(sorted[mid]->name));
		if (c == 0)
			return sorted[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* A binary search for tables whose items begin with their name. */
static const void *
table_find(const void *table, size_t n, size_t size, struct str name)
{
	const char *base = table;
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const void *item = base + mid * size;
		int c = str_cmp(name, str_c(*(const char *const *)item));
		if (c == 0)
			return item;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

#define find_in(table, n, name) table_find((table), (n), sizeof((table)[0]), (name))

static struct str
resolve(struct str name)
{
	const struct synonym *s = find_in(synonyms, n_synonyms, name);

	return s == NULL ? name : str_c(s->of);
}

const struct config_row *
config_row_by_name(struct str name)
{
	return row_find(resolve(name));
}

bool
variable_find(struct str name, struct variable *out)
{
	*out = (struct variable){ .type = CONFIG_STRING };
	if (str_starts(name, "my_")) {
		if (str_ends(name, "_pass"))
			out->type = CONFIG_SECRET;
		return true;
	}
	if (str_eqc(name, "wrapmargin")) {
		out->is_negated = true;
		name = STR("wrap");
	}
	name = resolve(name);
	out->row = row_find(name);
	if (out->row != NULL) {
		out->name = out->row->name;
		out->type = out->row->type;
		return true;
	}
	const struct known *k = find_in(known_variables, n_known_variables, name);
	if (k == NULL)
		return false;
	out->name = k->name;
	out->type = k->type;
	return true;
}

/* NeoMutt writes alternative-order and alternative_order alike. */
bool
known_command(struct str name)
{
	char dashed[64];

	if (find_in(known_commands, n_known_commands, name) != NULL)
		return true;
	if (name.len >= sizeof(dashed))
		return false;
	for (size_t i = 0; i < name.len; i++)
		dashed[i] = name.ptr[i] == '-' ? '_' : name.ptr[i];
	return find_in(known_commands, n_known_commands, str_n(dashed, name.len)) != NULL;
}

bool
known_function(struct str name)
{
	return find_in(known_functions, n_known_functions, name) != NULL;
}

bool
known_map(struct str name)
{
	for (const char *const *m = map_names; *m != NULL; m++)
		if (str_eqc(name, *m))
			return true;
	return str_eqc(name, "*");
}

/* ---- did you mean ------------------------------------------------------------- */

/* Levenshtein's distance, of short names only. */
static size_t
distance(struct str a, struct str b)
{
	size_t row[48];

	if (a.len >= ARRAY_LEN(row) || b.len >= ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t i = 0; i <= a.len; i++)
		row[i] = i;
	for (size_t j = 1; j <= b.len; j++) {
		size_t diagonal = row[0];
		row[0] = j;
		for (size_t i = 1; i <= a.len; i++) {
			size_t best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
			diagonal = row[i];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			row[i] = best;
		}
	}
	return row[a.len];
}

void
closest_try(struct closest *c, const char *name)
{
	size_t d = distance(c->wanted, str_c(name));
	size_t limit = c->wanted.len / 4 + 1;

	if (d <= limit && (c->name == NULL || d < c->distance)) {
		c->name = name;
		c->distance = d;
	}
}

const char *
closest_variable(struct str name)
{
	struct closest c = { .wanted = name };

	for (size_t i = 0; i < OPT_N; i++)
		closest_try(&c, config_rows[i].name);
	for (size_t i = 0; i < n_known_variables; i++)
		closest_try(&c, known_variables[i].name);
	for (size_t i = 0; i < n_synonyms; i++)
		closest_try(&c, synonyms[i].name);
	return c.name;
}
