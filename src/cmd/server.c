/* The servers: what each is, what it offers, and what of that is used. */
#include "internal.h"

#include "tern/capability.h"

static const struct {
	const char *name;
	enum capability_use use;
	const char *help;
} extensions[IMAP_N_CAPS] = {
#define CAPABILITY(sym, wire, rfc, use, help) [IMAP_CAP_##sym] = { wire, CAPABILITY_##use, help },
#include "tern/defs/capability.def"
#undef CAPABILITY
};

static bool
has_word(struct str list, struct str name)
{
	struct str word;

	while (str_next_word(&list, &word))
		if (str_ieq(word, name))
			return true;
	return false;
}

static const char *
state_of(const struct model_account *a, size_t i)
{
	if (!has_word(str_c(a->capabilities), str_c(extensions[i].name)))
		return "not offered";
	if (has_word(str_c(a->switched_off), str_c(extensions[i].name)))
		return "switched off";
	return extensions[i].use == CAPABILITY_NOT_YET ? "not used yet" : "used";
}

static bool
is_known(struct str name)
{
	for (size_t i = 0; i < IMAP_N_CAPS; i++)
		if (str_ieqc(name, extensions[i].name))
			return true;
	return false;
}

enum { OTHERS_COLS = 60 };

/* What tern has no name for, in lines. */
static void
add_others(struct screen *s, const struct model_account *a)
{
	struct str rest = str_c(a->capabilities), word;
	struct buf line = BUF_INIT;

	while (str_next_word(&rest, &word)) {
		if (is_known(word))
			continue;
		if (line.len > 0 && line.len + word.len > OTHERS_COLS) {
			screen_add_line(s, 0, false, VIEW_NORMAL, "   %s", line.ptr);
			buf_reset(&line);
		}
		buf_addf(&line, "%s%.*s", line.len > 0 ? " " : "", STR_ARG(word));
	}
	if (line.len > 0)
		screen_add_line(s, 0, false, VIEW_NORMAL, "   %s", line.ptr);
	buf_release(&line);
}

static void
add_server(struct screen *s, const struct model_account *a)
{
	screen_add_line(s, 0, true, VIEW_NORMAL, "%s", a->label);
	if (a->capabilities == NULL) {
		screen_add_line(s, 0, false, VIEW_NORMAL, " not connected yet");
		return;
	}
	if (*a->server != '\0')
		screen_add_line(s, 0, false, VIEW_NORMAL, " The server says: %s", a->server);
	screen_add_line(s, 0, false, VIEW_NORMAL, " Logged in by %s", a->mechanism);
	screen_add_line(s, 0, false, VIEW_NORMAL, " %s", a->security);
	for (size_t i = 0; i < IMAP_N_CAPS; i++)
		screen_add_line(s, 0, false, VIEW_NORMAL, "   %-17s %-13s %s", extensions[i].name,
				state_of(a, i), extensions[i].help);
	screen_add_line(s, 0, false, VIEW_NORMAL, " Offered besides");
	add_others(s, a);
}

static void
fill_servers(struct screen *s)
{
	struct model_account a;

	vec_reset(&s->lines);
	arena_reset(&s->text);
	for (size_t i = 0; model_account(s->app->model, i, &a); i++)
		if (a.is_configured)
			add_server(s, &a);
}

static void
cmd_capabilities(struct app *app, const struct cmd *c)
{
	struct screen *s = screen_push(app, SCREEN_TEXT, CMD_MAP_GENERIC);

	s->fill = fill_servers;
	fill_servers(s);
	screen_show_lines(s, "What the servers offer ($imap_switched_off)", "generic", false);
}

const struct cmd cmd_server_rows[] = {
	{ "capabilities", "", IN(GENERIC) | IN(PAGER), NULL,
	  "Show what the servers offer, and what of it is used", cmd_capabilities, 0, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
