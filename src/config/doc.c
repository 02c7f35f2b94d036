/* The generated part of ternrc(5). */
#include "internal.h"

/* Text as roff has it: nothing at the start of a line is a request. */
static void
add_roff(struct buf *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		buf_adds(out, "\\&");
	for (; *s != '\0'; s++)
		switch (*s) {
		case '\\':
			buf_adds(out, "\\e");
			break;
		case '-':
			buf_adds(out, "\\-");
			break;
		case '~':
			buf_adds(out, "\\(ti");
			break;
		case '^':
			buf_adds(out, "\\(ha");
			break;
		case '`':
			buf_adds(out, "\\(ga");
			break;
		default:
			buf_addc(out, *s);
		}
}

static void
add_choices(struct buf *out, const struct config_choice *c)
{
	buf_adds(out, "One of ");
	for (size_t i = 0; c[i].name != NULL; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		add_roff(out, c[i].name);
	}
	buf_adds(out, ".\n");
}

static void
add_default(struct buf *out, const struct config_row *row)
{
	struct value v;
	struct buf b = BUF_INIT;

	value_default(row, &v);
	value_show(row, &v, &b);
	text_unref(v.text);
	add_roff(out, b.ptr);
	buf_release(&b);
}

static void
add_option(struct buf *out, const struct config_row *row)
{
	static const char *const scopes[] = { "", ", per account", ", per mailbox" };

	buf_addf(out, ".TP\n.B %s\n", row->name);
	buf_addf(out, "(%s%s; default ", config_type_name(row->type), scopes[row->scope]);
	add_default(out, row);
	buf_adds(out, ")\n.br\n");
	add_roff(out, row->help);
	buf_addc(out, '\n');
	if (row->choices != NULL)
		add_choices(out, row->choices);
	else if (row->type == CONFIG_NUMBER)
		buf_addf(out, "From %s%ld to %ld.\n", row->min < 0 ? "\\" : "", row->min, row->max);
	bool has_names = false;
	for (size_t i = 0; i < n_synonyms; i++)
		if (strcmp(synonyms[i].of, row->name) == 0) {
			buf_addf(out, "%s%s", has_names ? ", " : "Also called ", synonyms[i].name);
			has_names = true;
		}
	if (has_names)
		buf_adds(out, ".\n");
}

static void
add_commands(struct buf *out)
{
	buf_adds(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < n_commands; i++) {
		buf_adds(out, ".TP\n.B ");
		add_roff(out, commands[i].name);
		buf_addc(out, ' ');
		add_roff(out, commands[i].syntax);
		buf_addc(out, '\n');
		if (commands[i].help[0] != '\0')
			add_roff(out, commands[i].help);
		else
			buf_addf(out, "The opposite of %s.", commands[i].name + 2);
		buf_addc(out, '\n');
	}
}

static void
add_objects(struct buf *out)
{
	buf_adds(out, ".SH COLOURED OBJECTS\n");
	for (size_t i = 0; color_object_at(i) != NULL; i++)
		buf_addf(out, "%s%s", i > 0 ? ",\n" : "", color_object_at(i));
	buf_adds(out, ".\n");
}

static void
add_known(struct buf *out)
{
	buf_adds(out, ".SH KNOWN, BUT WITHOUT EFFECT\n"
		      "These variables of mutt and NeoMutt are accepted, kept for\n.RI $ name ,\n"
		      "and named once in the log:\n.PP\n");
	for (size_t i = 0; i < n_known_variables; i++)
		buf_addf(out, "%s%s", i > 0 ? ",\n" : "", known_variables[i].name);
	buf_adds(out, ".\n.PP\nOther names of theirs:\n");
	bool has_one = false;
	for (size_t i = 0; i < n_synonyms; i++)
		if (config_row_by_name(str_c(synonyms[i].of)) == NULL) {
			buf_addf(out, "%s%s", has_one ? ",\n" : "", synonyms[i].name);
			has_one = true;
		}
	buf_adds(out, ".\n.PP\nCommands that are accepted and do nothing:\n");
	for (size_t i = 0; i < n_known_commands; i++) {
		buf_adds(out, i > 0 ? ",\n" : "");
		add_roff(out, known_commands[i]);
	}
	buf_adds(out, ".\n");
}

void
config_doc(struct buf *out)
{
	buf_adds(out, ".SH VARIABLES\n");
	for (size_t i = 0; i < OPT_N; i++)
		add_option(out, &config_rows[i]);
	add_commands(out);
	add_objects(out);
	add_known(out);
}
