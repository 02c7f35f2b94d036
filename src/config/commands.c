/* The table of commands, and those that only keep a list or control the reading. */
#include "internal.h"

#include <glob.h>
#include <unistd.h>

enum done
exec_words(struct exec *x, enum token_flags flags, struct words *out)
{
	struct buf b = BUF_INIT;
	enum done done = DONE_OK;

	while (done == DONE_OK && exec_more(x)) {
		done = exec_token(x, flags, &b);
		if (done == DONE_OK)
			vec_push(&out->all, str_dup(buf_str(&b)));
	}
	buf_release(&b);
	return done;
}

void
words_release(struct words *w)
{
	for (size_t i = 0; i < w->all.n; i++)
		free(w->all.v[i]);
	vec_release(&w->all);
}

static enum done
need_words(struct exec *x, struct words *w)
{
	enum done done = exec_words(x, 0, w);

	if (done == DONE_OK && w->all.n == 0)
		done = exec_error(x, "'%s' needs something behind it: %s %s", x->command->name,
				  x->command->name, x->command->syntax);
	return done;
}

static enum done
too_many(struct exec *x)
{
	return exec_error(x, "'%s' has more than %d entries", x->command->name, MAX_LIST);
}

/* ---- lists of words ---------------------------------------------------------------- */

static unsigned
list_effect(int id)
{
	return id == CONFIG_AUTO_VIEW || id == CONFIG_ALTERNATIVE_ORDER || id == CONFIG_HDR_ORDER ?
		       CONFIG_REFORMAT :
		       0;
}

static enum done
run_list(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);

	if (done == DONE_OK) {
		struct list *l = exec_list(x, (enum list_id)x->command->data);
		/* What is built in holds until the user says something of his own. */
		if (l->is_default)
			list_clear(l);
		l->is_default = false;
		for (size_t i = 0; i < w.all.n && done == DONE_OK; i++)
			if (!list_add_string(l, str_c(w.all.v[i])))
				done = too_many(x);
		exec_effects(x, list_effect(x->command->data));
	}
	words_release(&w);
	return done;
}

static enum done
run_unlist(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);

	if (done == DONE_OK) {
		struct list *l = exec_list(x, (enum list_id)x->command->data);
		for (size_t i = 0; i < w.all.n; i++)
			if (strcmp(w.all.v[i], "*") == 0)
				list_clear(l);
			else
				list_cut_string(l, str_c(w.all.v[i]));
		l->is_default = false;
		exec_effects(x, list_effect(x->command->data));
	}
	words_release(&w);
	return done;
}

/* mutt's: each of the two takes out of the other what it puts in; "*" is all of it. */
/* Regular expressions; "-group NAME" is for what only mutt does with them. */
static enum done
run_alternates(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);
	struct err err = ERR_INIT;
	regex_t regex;

	for (size_t i = 0; i < w.all.n && done == DONE_OK; i++) {
		if (strcmp(w.all.v[i], "-group") == 0) {
			i++;
			continue;
		}
		if (config_compile(w.all.v[i], false, REG_ICASE | REG_NOSUB, &regex, &err) < 0) {
			done = exec_error(x, "%s", err.text);
			continue;
		}
		regfree(&regex);
		if (!list_add_string(exec_list(x, (enum list_id)CONFIG_ALTERNATES),
				     str_c(w.all.v[i])))
			done = too_many(x);
	}
	exec_effects(x, CONFIG_REDRAW | CONFIG_RESORT);
	words_release(&w);
	return done;
}

static enum done
run_ignore(struct exec *x)
{
	enum list_id into = (enum list_id)x->command->data;
	enum list_id from = (enum list_id)(into == (enum list_id)CONFIG_IGNORE ? CONFIG_UNIGNORE :
									       CONFIG_IGNORE);
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);

	for (size_t i = 0; i < w.all.n && done == DONE_OK; i++) {
		struct str word = str_c(w.all.v[i]);
		bool is_all = str_eqc(word, "*");
		struct list *other = exec_list(x, from);
		if (is_all)
			list_clear(other);
		else
			list_cut_string(other, word);
		bool is_put = !(is_all && into == (enum list_id)CONFIG_UNIGNORE);
		if (is_put && !list_add_string(exec_list(x, into), word))
			done = too_many(x);
	}
	exec_effects(x, CONFIG_REFORMAT);
	words_release(&w);
	return done;
}

/* ---- mailboxes ------------------------------------------------------------------------ */

static long
mailbox_index(const struct list *l, const char *url)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(list_at(l, i, struct config_mailbox)->url, url) == 0)
			return (long)i;
	return -1;
}

static enum done
add_mailbox(struct exec *x, const char *name, const char *label)
{
	struct buf url = BUF_INIT;
	enum done done = DONE_OK;

	if (name[0] == '\0')
		return DONE_OK;
	config_expand(exec_config(x), str_c(name), &url);
	struct list *l = exec_list(x, LIST_MAILBOXES);
	long at = mailbox_index(l, url.ptr);
	struct config_mailbox m = { url.ptr, label };
	if (at >= 0)
		list_at(l, at, struct config_mailbox)->label =
			arena_cstr(&l->arena, str_c(label));
	else if (l->n >= MAX_LIST)
		done = too_many(x);
	else
		list_add(l, &m);
	buf_release(&url);
	return done;
}

/* NeoMutt's -label NAME, -nolabel; -notify, -poll and their like mean nothing here. */
static enum done
run_mailboxes(struct exec *x)
{
	struct words w = { VEC_INIT };
	const char *label = "";
	enum done done = need_words(x, &w);

	for (size_t i = 0; i < w.all.n && done == DONE_OK; i++) {
		const char *word = w.all.v[i];
		if (strcmp(word, "-label") == 0 && i + 1 < w.all.n)
			label = w.all.v[++i];
		else if (strcmp(word, "-nolabel") == 0)
			label = "";
		else if (word[0] == '-' && (strstr(word, "poll") || strstr(word, "notify")))
			continue;
		else {
			done = add_mailbox(x, word, label);
			label = "";
		}
	}
	if (done == DONE_OK)
		exec_effects(x, CONFIG_MAILBOXES);
	words_release(&w);
	return done;
}

static enum done
run_named_mailboxes(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);

	if (done == DONE_OK && w.all.n % 2 != 0)
		done = exec_error(x, "'named-mailboxes' needs pairs: a name and a mailbox");
	for (size_t i = 0; i + 1 < w.all.n && done == DONE_OK; i += 2)
		done = add_mailbox(x, w.all.v[i + 1], w.all.v[i]);
	if (done == DONE_OK)
		exec_effects(x, CONFIG_MAILBOXES);
	words_release(&w);
	return done;
}

static enum done
run_unmailboxes(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);

	for (size_t i = 0; i < w.all.n && done == DONE_OK; i++) {
		struct list *l = exec_list(x, LIST_MAILBOXES);
		struct buf url = BUF_INIT;
		config_expand(exec_config(x), str_c(w.all.v[i]), &url);
		long at = mailbox_index(l, url.ptr);
		if (strcmp(w.all.v[i], "*") == 0)
			list_clear(l);
		else if (at >= 0)
			list_cut(l, (size_t)at);
		buf_release(&url);
	}
	if (done == DONE_OK)
		exec_effects(x, CONFIG_MAILBOXES);
	words_release(&w);
	return done;
}

/* ---- the environment -------------------------------------------------------------------- */

static bool
is_environment_name(const char *s)
{
	if (*s == '\0' || ascii_is_digit((unsigned char)*s))
		return false;
	for (; *s != '\0'; s++)
		if (!ascii_is_alnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

/* Of the rc: to this process, so that its children have it. Of a hook: only kept. */
static void
put_environment(struct exec *x, const char *name, const char *value)
{
	struct list *l = exec_list(x, LIST_ENVIRONMENT);
	size_t len = strlen(name);
	char *entry = value == NULL ? xstrdup(name) : xasprintf("%s=%s", name, value);

	for (size_t i = 0; i < l->n; i++) {
		const char *old = *list_at(l, i, char *);
		if (strncmp(old, name, len) == 0 && (old[len] == '=' || old[len] == '\0')) {
			list_cut(l, i);
			break;
		}
	}
	if (l->n < MAX_LIST)
		list_add(l, &entry);
	free(entry);
	if (exec_is_overlay(x))
		return;
	if (value == NULL)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

static enum done
show_environment(struct exec *x, const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		return exec_error(x, "'%s' is not in the environment", name);
	char *text = xasprintf("%s=%s", name, value);
	exec_show(x, text);
	free(text);
	return DONE_OK;
}

/* setenv NAME VALUE, NAME=VALUE, ?NAME, NAME?; unsetenv NAME */
static enum done
run_setenv(struct exec *x)
{
	struct words w = { VEC_INIT };
	enum done done = need_words(x, &w);
	bool is_unset = x->command->data;

	if (done != DONE_OK) {
		words_release(&w);
		return done;
	}
	char *name = w.all.v[0];
	char *value = w.all.n > 1 ? w.all.v[1] : NULL;
	size_t len = strlen(name);
	bool is_query = !is_unset && value == NULL && len > 1 &&
			(name[0] == '?' || name[len - 1] == '?');
	char *equals = value == NULL ? strchr(name, '=') : NULL;

	if (is_query) {
		name[len - 1] = name[0] == '?' ? name[len - 1] : '\0';
		name += name[0] == '?';
	} else if (equals != NULL) {
		*equals = '\0';
		value = equals + 1;
	}
	if (!is_environment_name(name))
		done = exec_error(x, "'%.60s' is no name for the environment", name);
	else if (w.all.n > 2)
		done = exec_error(x, "'setenv' takes a name and a value");
	else if (is_query)
		done = show_environment(x, name);
	else if (!is_unset && value == NULL)
		done = exec_error(x, "'setenv' needs a value for '%s'", name);
	else
		put_environment(x, name, is_unset ? NULL : value);
	words_release(&w);
	return done;
}

/* ---- controlling ---------------------------------------------------------------------------- */

static enum done
run_echo(struct exec *x)
{
	struct words w = { VEC_INIT };
	struct buf b = BUF_INIT;
	enum done done = exec_words(x, 0, &w);

	for (size_t i = 0; i < w.all.n; i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", w.all.v[i]);
	if (done == DONE_OK)
		exec_show(x, b.ptr);
	words_release(&w);
	buf_release(&b);
	return done;
}

static enum done
run_finish(struct exec *x)
{
	exec_finish_file(x);
	return DONE_OK;
}

static const char *const features[] = { "tern", "imap", "ssl", "sidebar", "color", NULL };

static bool
is_defined(struct exec *x, struct str name)
{
	const struct config_params *p = exec_params(x);
	struct variable v;

	for (const char *const *f = features; *f != NULL; f++)
		if (str_eqc(name, *f))
			return true;
	if (str_starts(name, "my_"))
		return vars_get(exec_config(x), name) != NULL;
	if (variable_find(name, &v))
		return v.row != NULL;
	if (command_find(name) != NULL)
		return true;
	for (size_t i = 0; color_object_at(i) != NULL; i++)
		if (str_eqc(name, color_object_at(i)))
			return true;
	return p->is_function != NULL && p->is_function("*", name, p->ctx);
}

/* ifdef NAME COMMAND: the rest of the command is one text, as in mutt. */
static enum done
run_ifdef(struct exec *x)
{
	struct buf name = BUF_INIT, command = BUF_INIT;
	enum done done = exec_need(x, 0, "a name", &name);
	bool is_wanted = done == DONE_OK &&
			 is_defined(x, buf_str(&name)) == (x->command->data != 0);

	if (done == DONE_OK && !is_wanted) {
		/* What is not for us is not even evaluated. */
		lex_skip_command(&x->lex);
	} else if (done == DONE_OK) {
		done = exec_need(x, TOKEN_SPACE | TOKEN_HOOK, "a command", &command);
		if (done == DONE_OK)
			exec_push_text(x, buf_str(&command), x->lex.token_at);
	}
	buf_release(&name);
	buf_wipe(&command);
	return done;
}

/* ---- source --------------------------------------------------------------------------------- */

/* A relative name is beside the file that names it, else in the current
 * directory, else in the home directory. */
static void
find_relative(struct exec *x, struct str name, struct buf *out)
{
	struct buf directory = BUF_INIT;
	const char *places[3] = { exec_directory(x, &directory), "", NULL };
	char *home = NULL;

	if (name.len > 0 && name.ptr[0] == '/') {
		buf_addstr(out, name);
		buf_release(&directory);
		return;
	}
	struct buf b = BUF_INIT;
	path_expand(&b, STR("~/"), exec_config(x)->home);
	places[2] = home = buf_take(&b);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (places[i] == NULL)
			continue;
		buf_reset(out);
		buf_adds(out, places[i]);
		buf_addstr(out, name);
		if (access(out->ptr, F_OK) == 0)
			break;
	}
	if (access(out->ptr, F_OK) != 0) {
		buf_reset(out);
		buf_adds(out, places[0] != NULL ? places[0] : "");
		buf_addstr(out, name);
	}
	free(home);
	buf_release(&directory);
}

static enum done
source_glob(struct exec *x, const char *pattern)
{
	glob_t g = { 0 };
	enum done done = DONE_OK;

	if (glob(pattern, 0, NULL, &g) != 0 || g.gl_pathc == 0) {
		globfree(&g);
		return exec_error(x, "no file is named '%.200s'", pattern);
	}
	/* A stack: the first comes last. */
	for (size_t i = g.gl_pathc; i > 0; i--)
		if (exec_push_file(x, g.gl_pathv[i - 1]) != DONE_OK)
			done = DONE_FAILED;
	globfree(&g);
	return done;
}

static enum done
source_path(struct exec *x, struct str text)
{
	struct buf home = BUF_INIT, path = BUF_INIT;
	enum done done;

	path_expand(&home, text, exec_config(x)->home);
	find_relative(x, buf_str(&home), &path);
	if (strpbrk(path.ptr, "*?[") != NULL && access(path.ptr, F_OK) != 0)
		done = source_glob(x, path.ptr);
	else
		done = exec_push_file(x, path.ptr);
	buf_release(&home);
	buf_release(&path);
	return done;
}

static enum done
run_source(struct exec *x)
{
	struct buf b = BUF_INIT;
	enum done done = exec_need(x, 0, "a file", &b);

	if (done == DONE_OK) {
		struct str text = str_trim(buf_str(&b));
		if (text.len == 0)
			done = exec_error(x, "'source' needs the name of a file");
		else if (exec_more(x))
			done = exec_error(x, "'source' takes one file; a name with blanks goes in "
					     "quotes");
		else if (str_ends(text, "|"))
			done = exec_start_source(x, str_head(text, text.len - 1));
		else
			done = source_path(x, text);
	}
	buf_release(&b);
	return done;
}

/* ---- the table -------------------------------------------------------------------------------- */

const struct command commands[] = {
	{ "account-hook", run_hook, 1, "[!]REGEX COMMAND",
	  "Settings for the accounts whose URL matches." },
	{ "alternates", run_alternates, 0, "[-group NAME] REGEX...",
	  "Addresses that are yours, too." },
	{ "alternative_order", run_list, CONFIG_ALTERNATIVE_ORDER, "TYPE...",
	  "Which part of a multipart/alternative is shown." },
	{ "auto_view", run_list, CONFIG_AUTO_VIEW, "TYPE...",
	  "Types shown as text within the message." },
	{ "bind", run_bind, 0, "MAP[,MAP...] KEY FUNCTION", "Let keys call a function." },
	{ "color", run_color, 0, "OBJECT [ATTRIBUTE...] FOREGROUND BACKGROUND [PATTERN [GROUP]]",
	  "Give an object its colours." },
	{ "echo", run_echo, 0, "TEXT", "Show a text." },
	{ "exec", run_exec, 0, "FUNCTION...", "Call functions." },
	{ "finish", run_finish, 0, "", "Read no more of this file." },
	{ "folder-hook", run_hook, 0, "[!]REGEX COMMAND",
	  "Settings for the mailboxes whose URL matches." },
	{ "hdr_order", run_list, CONFIG_HDR_ORDER, "HEADER...", "The order of header fields." },
	{ "ifdef", run_ifdef, 1, "NAME COMMAND",
	  "A command only if there is such an option, command, function or object." },
	{ "ifndef", run_ifdef, 0, "NAME COMMAND", "A command only if there is none." },
	{ "ignore", run_ignore, CONFIG_IGNORE, "HEADER...", "Header fields not to show." },
	{ "macro", run_macro, 0, "MAP[,MAP...] KEY TEXT [DESCRIPTION]", "Let keys type others." },
	{ "mailboxes", run_mailboxes, 0, "[-label NAME] MAILBOX...",
	  "Mailboxes of the sidebar, looked at for new mail." },
	{ "mono", run_color, 1, "OBJECT ATTRIBUTE [PATTERN]",
	  "Attributes of an object where there are no colours." },
	{ "named-mailboxes", run_named_mailboxes, 0, "NAME MAILBOX...",
	  "As mailboxes, with names to show." },
	{ "push", run_push, 0, "KEYS", "Type keys." },
	{ "reset", run_set, SET_RESET, "VARIABLE...|all", "Give variables their defaults." },
	{ "set", run_set, SET_SET, "VARIABLE[=VALUE]...",
	  "Set variables: name=value, name, noname, invname, &name (default), name? (show), "
	  "name+=value, name-=value." },
	{ "setenv", run_setenv, 0, "NAME VALUE", "Set a variable of the environment." },
	{ "source", run_source, 0, "FILE|\"COMMAND|\"",
	  "Read a file, several (with * or ?), or what a command prints." },
	{ "toggle", run_set, SET_TOGGLE, "VARIABLE...", "Yes for no, no for yes." },
	{ "unalternates", run_unlist, CONFIG_ALTERNATES, "REGEX...|*", "" },
	{ "unalternative_order", run_unlist, CONFIG_ALTERNATIVE_ORDER, "TYPE...|*", "" },
	{ "unauto_view", run_unlist, CONFIG_AUTO_VIEW, "TYPE...|*", "" },
	{ "unbind", run_unbind, CONFIG_UNBIND, "MAP[,MAP...] [KEY]",
	  "Take a binding away, or all of a map; a map may be *." },
	{ "uncolor", run_uncolor, 0, "OBJECT [PATTERN...|*]", "Take colours away." },
	{ "unhdr_order", run_unlist, CONFIG_HDR_ORDER, "HEADER...|*", "" },
	{ "unhook", run_unhook, 0, "*|account-hook|folder-hook", "Forget hooks." },
	{ "unignore", run_ignore, CONFIG_UNIGNORE, "HEADER...",
	  "Header fields to show in spite of ignore." },
	{ "unmacro", run_unbind, CONFIG_UNMACRO, "MAP[,MAP...] [KEY]", "Take a macro away." },
	{ "unmailboxes", run_unmailboxes, 0, "MAILBOX...|*", "Forget mailboxes." },
	{ "unmono", run_uncolor, 1, "OBJECT [PATTERN...|*]", "" },
	{ "unset", run_set, SET_UNSET, "VARIABLE...", "Set variables to no, or to nothing." },
	{ "unsetenv", run_setenv, 1, "NAME", "Take a variable out of the environment." },
};
const size_t n_commands = ARRAY_LEN(commands);

static const struct command *
find_exact(struct str name)
{
	size_t low = 0, high = n_commands;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = str_cmp(name, str_c(commands[mid].name));
		if (c == 0)
			return &commands[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static const struct synonym command_synonyms[] = {
	{ "header-order", "hdr_order" },
	{ "unheader-order", "unhdr_order" },
};

/* NeoMutt writes auto-view for auto_view, too. */
bool
config_has_command(struct str name)
{
	return command_find(name) != NULL || known_command(name);
}

const struct command *
command_find(struct str name)
{
	const struct command *c = find_exact(name);
	char under[64];

	if (c != NULL || name.len >= sizeof(under))
		return c;
	for (size_t i = 0; i < ARRAY_LEN(command_synonyms); i++)
		if (str_eqc(name, command_synonyms[i].name))
			return find_exact(str_c(command_synonyms[i].of));
	for (size_t i = 0; i < name.len; i++)
		under[i] = name.ptr[i] == '-' ? '_' : name.ptr[i];
	return find_exact(str_n(under, name.len));
}
