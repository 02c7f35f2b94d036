/* The table of all commands: looking up, binding keys, the manual. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/key.h"

static const struct cmd_table tables[] = {
	{ "Moving", cmd_move_rows },	   { "Messages", cmd_message_rows },
	{ "Reading", cmd_pager_rows },	   { "Folders", cmd_folder_rows },
	{ "Attachments", cmd_parts_rows }, { "Servers", cmd_server_rows },
	{ "General", cmd_general_rows },
};

static const char *const map_names[] = {
#define MAP(sym, name) name,
	CMD_MAPS(MAP)
#undef MAP
};

/* Functions of mutt whose work is not done here yet, and what that work is. */
static const struct {
	const char *name, *what, *keys;
} missing[] = {
	{ "reply", "replying", "r" },
	{ "group-reply", "replying to all", "g" },
	{ "group-chat-reply", "replying to all", "" },
	{ "list-reply", "replying to lists", "L" },
	{ "mail", "writing mail", "m" },
	{ "forward-message", "forwarding", "f" },
	{ "bounce-message", "bouncing", "b" },
	{ "recall-message", "drafts", "R" },
	{ "resend-message", "sending again", "<Esc>e" },
	{ "compose-to-sender", "writing mail", "" },
	{ "edit", "editing messages", "e" },
	{ "edit-type", "changing a content type", "^E" },
	{ "edit-label", "labels", "Y" },
	{ "modify-labels", "labels", "" },
	{ "modify-labels-then-hide", "labels", "" },
	{ "create-alias", "aliases", "a" },
	{ "query", "address books", "Q" },
	{ "pipe-message", "piping to a command", "|" },
	{ "pipe-entry", "piping to a command", "" },
	{ "print-message", "printing", "p" },
	{ "print-entry", "printing", "" },
	{ "decode-copy", "saving decoded", "<Esc>C" },
	{ "decode-save", "saving decoded", "<Esc>s" },
	{ "decrypt-copy", "encryption", "" },
	{ "decrypt-save", "encryption", "" },
	{ "extract-keys", "encryption", "^K" },
	{ "mail-key", "encryption", "<Esc>k" },
	{ "check-traditional-pgp", "encryption", "<Esc>P" },
	{ "forget-passphrase", "encryption", "^F" },
	{ "break-thread", "changing threads", "#" },
	{ "link-threads", "changing threads", "&" },
	{ "purge-message", "purging past the trash", "" },
	{ "quasi-delete", "hiding messages", "" },
	{ "mark-message", "marks", "~" },
	{ "toggle-write", "switching writing off", "%" },
	{ "view-raw-message", "showing the raw message", "" },
	{ "vfolder-from-query", "virtual folders", "" },
	{ "change-vfolder", "virtual folders", "" },
	{ "entire-thread", "virtual folders", "" },
	{ "sidebar-toggle-virtual", "virtual folders", "" },
	{ "create-mailbox", "making mailboxes", "" },
	{ "delete-mailbox", "deleting mailboxes", "" },
	{ "rename-mailbox", "renaming mailboxes", "" },
	{ "subscribe", "subscribing", "" },
	{ "unsubscribe", "subscribing", "" },
	{ "view-mailcap", "viewing by mailcap", "" },
	{ "mark-as-new", "", "" },
};

const struct cmd *
cmd_at(size_t i)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (const struct cmd *c = tables[t].rows; c->name != NULL; c++)
			if (i-- == 0)
				return c;
	return NULL;
}

const char *
cmd_group(size_t i)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (const struct cmd *c = tables[t].rows; c->name != NULL; c++)
			if (i-- == 0)
				return tables[t].group;
	return NULL;
}

static const struct cmd *
find_in(unsigned maps, struct str name)
{
	const struct cmd *c;

	/* Asked for every hint of every frame: most are told apart by a letter. */
	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++)
		if (name.len > 0 && c->name[0] == name.ptr[0] && (c->maps & maps) &&
		    str_eqc(name, c->name))
			return c;
	return NULL;
}

static bool
has_generic(enum cmd_map map)
{
	return map != CMD_MAP_PAGER && map != CMD_MAP_EDITOR && map != CMD_MAP_CHOICE;
}

const struct cmd *
cmd_find(enum cmd_map map, struct str name)
{
	const struct cmd *c = find_in(1u << map, name);

	return c == NULL && has_generic(map) ? find_in(IN(GENERIC), name) : c;
}

const char *
cmd_missing(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(missing); i++)
		if (str_eqc(name, missing[i].name) && *missing[i].what != '\0')
			return missing[i].what;
	return NULL;
}

const char *
cmd_map_name(enum cmd_map map)
{
	return map_names[map];
}

int
cmd_map_find(struct str name)
{
	for (int i = 0; i < CMD_N_MAPS; i++)
		if (str_eqc(name, map_names[i]))
			return i;
	return -1;
}

/* ---- keys ----------------------------------------------------------------------- */

/* A missing function's key says so; this is what it is bound to. */
static void
run_missing(struct app *app, const struct cmd *c)
{
	app_complain(app, "not in tern yet: %s", c->help);
}

static struct cmd missing_rows[ARRAY_LEN(missing)];

static const struct cmd *
missing_row(size_t i)
{
	missing_rows[i] = (struct cmd){ .name = missing[i].name,
					.keys = missing[i].keys,
					.maps = IN(INDEX) | IN(PAGER) | IN(ATTACH),
					.help = missing[i].what,
					.run = run_missing };
	return &missing_rows[i];
}

/* \Cx, \e and \n as the reader of the rc makes them; a backslash alone is a key. */
static void
unescape(struct str word, struct buf *out)
{
	buf_reset(out);
	while (word.len > 0) {
		size_t n = 1;
		if (str_starts(word, "\\C") && word.len > 2) {
			buf_addc(out, (char)(ascii_upper(word.ptr[2]) ^ 64));
			n = 3;
		} else if (str_starts(word, "\\e")) {
			buf_addc(out, KEYC_ESC);
			n = 2;
		} else if (str_starts(word, "\\n")) {
			buf_addc(out, KEYC_ENTER);
			n = 2;
		} else {
			buf_addc(out, word.ptr[0]);
		}
		word = str_from(word, n);
	}
}

static void
bind_words(struct app *app, int map, const char *words, const void *function, const char *help)
{
	struct str rest = str_c(words), word;
	uint32_t keys[KEY_MAX_SEQ];
	struct buf plain = BUF_INIT;

	while (str_next_word(&rest, &word)) {
		struct ui_binding b = { .function = function, .description = help };
		unescape(word, &plain);
		size_t n = key_parse(buf_str(&plain), keys, KEY_MAX_SEQ);
		if (n > 0)
			ui_keymap_bind(app->keymap, map, keys, n, &b);
	}
	buf_release(&plain);
}

static void
bind_defaults(struct app *app)
{
	const struct cmd *c;

	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		c = missing_row(i);
		bind_words(app, CMD_MAP_INDEX, c->keys, c, c->help);
		bind_words(app, CMD_MAP_PAGER, c->keys, c, c->help);
	}
	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++)
		for (int map = 0; map < CMD_N_MAPS; map++)
			if (c->maps & 1u << map)
				bind_words(app, map, c->keys, c, c->help);
	for (size_t i = 0; i < ui_n_edits; i++)
		bind_words(app, CMD_MAP_EDITOR, ui_edits[i].keys, &ui_edits[i], ui_edits[i].help);
}

static const void *
function_of(int map, const char *name)
{
	const struct cmd *c;

	if (map == CMD_MAP_EDITOR) {
		for (size_t i = 0; i < ui_n_edits; i++)
			if (strcmp(ui_edits[i].name, name) == 0)
				return &ui_edits[i];
		return NULL;
	}
	c = cmd_find(map, str_c(name));
	for (size_t i = 0; c == NULL && i < ARRAY_LEN(missing); i++)
		if (strcmp(missing[i].name, name) == 0)
			c = missing_row(i);
	return c;
}

static void
apply_bind(struct app *app, int map, const struct config_bind *row)
{
	struct ui_binding b = { .description = row->description };

	if (row->kind == CONFIG_UNBIND || row->kind == CONFIG_UNMACRO) {
		if (row->n_keys == 0)
			ui_keymap_unbind_all(app->keymap, map);
		else
			ui_keymap_unbind(app->keymap, map, row->keys, row->n_keys);
		return;
	}
	if (row->kind == CONFIG_MACRO)
		b.macro = row->text;
	else
		b.function = function_of(map, row->text);
	/* noop, and what only mutt knows: the key does nothing. */
	b.is_noop = b.macro == NULL && b.function == NULL;
	ui_keymap_bind(app->keymap, map, row->keys, row->n_keys, &b);
}

void
app_bind_keys(struct app *app)
{
	size_t n;
	const struct config_bind *rows = config_binds(config_now(app->reader), &n);

	ui_keymap_free(app->keymap);
	app->keymap = ui_keymap_new();
	for (int map = 0; map < CMD_N_MAPS; map++)
		ui_keymap_fallback(app->keymap, map,
				   has_generic(map) && map != CMD_MAP_GENERIC ? CMD_MAP_GENERIC
									       : -1);
	ui_keymap_takes_text(app->keymap, CMD_MAP_EDITOR);
	bind_defaults(app);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].map, "*") != 0) {
			int map = cmd_map_find(str_c(rows[i].map));
			if (map >= 0)
				apply_bind(app, map, &rows[i]);
			continue;
		}
		for (int map = 0; map < CMD_MAP_CHOICE; map++)
			apply_bind(app, map, &rows[i]);
	}
}

static void
add_key_words(struct buf *out, const uint32_t *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		key_add(out, keys[i]);
}

bool
app_keys_of(struct app *app, enum cmd_map map, const char *function, struct buf *out)
{
	uint32_t keys[UI_MAX_SEQUENCE];
	const void *f = function_of(map, function);
	size_t n = f != NULL ? ui_keymap_find(app->keymap, map, f, keys) : 0;

	add_key_words(out, keys, n);
	return n > 0;
}

/* ---- the manual --------------------------------------------------------------------- */

static void
add_man_text(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			buf_adds(out, "\\e");
		else if (*text == '-')
			buf_adds(out, "\\-");
		else if (*text == '^')
			buf_adds(out, "\\(ha");
		else if (*text == '~')
			buf_adds(out, "\\(ti");
		else
			buf_addc(out, *text);
	}
}

static void
add_man_row(struct buf *out, const struct cmd *c)
{
	bool first = true;

	buf_adds(out, ".TP\n\\fB");
	add_man_text(out, c->name);
	buf_adds(out, "\\fR");
	if (*c->keys != '\0') {
		buf_adds(out, " \\(em ");
		add_man_text(out, c->keys);
	}
	buf_adds(out, " (");
	for (int map = 0; map < CMD_N_MAPS; map++) {
		if (!(c->maps & 1u << map))
			continue;
		buf_addf(out, "%s%s", first ? "" : ", ", map_names[map]);
		first = false;
	}
	buf_adds(out, ")\n");
	add_man_text(out, c->help);
	if (c->args != NULL) {
		buf_adds(out, "; asks for ");
		add_man_text(out, c->args);
	}
	buf_adds(out, ".\n");
}

void
cmd_manual(struct buf *out)
{
	const char *group = "";
	const struct cmd *c;

	for (size_t i = 0; (c = cmd_at(i)) != NULL; i++) {
		if (strcmp(group, cmd_group(i)) != 0) {
			group = cmd_group(i);
			buf_addf(out, ".SS %s\n", group);
		}
		add_man_row(out, c);
	}
}
