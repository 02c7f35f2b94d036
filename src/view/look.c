/* Colours: the built-in look, and what the rc file lays over it. */
#include "internal.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/config.h"
#include "tern/pattern.h"

static const char *const names[] = {
#define OBJECT(sym, name, kind) name,
#include "tern/defs/object.def"
#undef OBJECT
};

const char *
view_color_name(enum view_color c)
{
	return names[c];
}

int
view_color_find(const char *name)
{
	for (int i = 0; i < VIEW_N_COLORS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* ---- the built-in look ------------------------------------------------------------ */

/* One row of a look: the same object for a dark and a light background, with 256
 * colours and with 8 or 16. Contrast of text is at least 4.5:1. KEEP: none. */
struct built_in {
	enum view_color object;
	uint16_t attrs;		     /* also without colours */
	int32_t dark, light;	     /* foreground of 256 */
	int32_t dark_bg, light_bg;
	int32_t basic;		     /* foreground of 8 and 16 */
	uint16_t plain_attrs;	     /* without any colour, or where basic ones are too few */
};

#define K UI_COLOR_KEEP
#define D UI_COLOR_DEFAULT

/* One accent (blue-green), one warning (amber), greys. */
static const struct built_in built_in[] = {
	{ VIEW_NORMAL, 0, D, D, D, D, D, 0 },
	{ VIEW_INDICATOR, 0, K, K, 238, 253, K, UI_REVERSE },
	{ VIEW_STATUS, 0, 250, 238, 236, 254, K, UI_REVERSE },
	{ VIEW_HELP, 0, 245, 241, K, K, K, UI_DIM },
	{ VIEW_ACTIVITY, 0, 245, 241, K, K, K, 0 },
	{ VIEW_MESSAGE, 0, K, K, K, K, K, 0 },
	{ VIEW_ERROR, UI_BOLD, 215, 130, K, K, 3, 0 },
	{ VIEW_WARNING, 0, 215, 130, K, K, 3, 0 },
	{ VIEW_PROMPT, UI_BOLD, 80, 24, K, K, 6, 0 },
	{ VIEW_PROGRESS, 0, 245, 241, K, K, K, 0 },
	{ VIEW_OPTIONS, UI_BOLD, K, K, K, K, K, 0 },
	{ VIEW_TREE, 0, 243, 243, K, K, K, UI_DIM },
	{ VIEW_SEARCH, 0, 16, 16, 221, 222, K, UI_REVERSE },
	{ VIEW_MARKERS, 0, 243, 243, K, K, K, UI_DIM },
	{ VIEW_TILDE, 0, 243, 243, K, K, K, UI_DIM },
	{ VIEW_HDRDEFAULT, 0, 247, 240, K, K, K, 0 },
	{ VIEW_SIGNATURE, 0, 245, 242, K, K, K, UI_DIM },
	{ VIEW_ATTACHMENT, 0, 80, 24, K, K, 6, 0 },
	{ VIEW_BOLD, UI_BOLD, K, K, K, K, K, 0 },
	{ VIEW_ITALIC, UI_ITALIC, K, K, K, K, K, 0 },
	{ VIEW_UNDERLINE, UI_UNDERLINE, K, K, K, K, K, 0 },
	{ VIEW_QUOTED, 0, 109, 24, K, K, 6, 0 },
	{ VIEW_QUOTED1, 0, 246, 241, K, K, K, UI_DIM },
	{ VIEW_QUOTED2, 0, 109, 24, K, K, 6, 0 },
	{ VIEW_QUOTED3, 0, 246, 241, K, K, K, UI_DIM },
	{ VIEW_QUOTED4, 0, 109, 24, K, K, 6, 0 },
	{ VIEW_QUOTED5, 0, 246, 241, K, K, K, UI_DIM },
	{ VIEW_QUOTED6, 0, 109, 24, K, K, 6, 0 },
	{ VIEW_QUOTED7, 0, 246, 241, K, K, K, UI_DIM },
	{ VIEW_QUOTED8, 0, 109, 24, K, K, 6, 0 },
	{ VIEW_QUOTED9, 0, 246, 241, K, K, K, UI_DIM },
	{ VIEW_INDEX_COLLAPSED, 0, 80, 24, K, K, 6, 0 },
	{ VIEW_SIDEBAR_DIVIDER, 0, 240, 248, K, K, K, UI_DIM },
	{ VIEW_SIDEBAR_NEW, UI_BOLD, K, K, K, K, K, 0 },
	{ VIEW_SIDEBAR_UNREAD, UI_BOLD, K, K, K, K, K, 0 },
	{ VIEW_SIDEBAR_INDICATOR, 0, K, K, 238, 253, K, UI_REVERSE },
	{ VIEW_SIDEBAR_HIGHLIGHT, UI_UNDERLINE, K, K, K, K, K, 0 },
};

static struct ui_style
built_in_style(const struct built_in *b, enum view_background background, int colors)
{
	bool is_dark = background == VIEW_DARK;
	struct ui_style style = { K, K, b->attrs };

	if (colors >= 256) {
		style.fg = is_dark ? b->dark : b->light;
		style.bg = is_dark ? b->dark_bg : b->light_bg;
		return style;
	}
	if (colors >= 8)
		style.fg = b->basic;
	if (b->object == VIEW_NORMAL)
		style.bg = D;
	style.attrs |= b->plain_attrs;
	return style;
}

void
view_look_init(struct view_look *look, enum view_background background, int colors)
{
	memset(look, 0, sizeof(*look));
	for (int i = 0; i < VIEW_N_COLORS; i++)
		look->colors[i] = UI_TRANSPARENT;
	for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
		look->colors[built_in[i].object] =
			built_in_style(&built_in[i], background, colors);
	look->warm = (struct ui_style){ colors >= 256 ? (background == VIEW_DARK ? 215 : 130) :
					colors >= 8	 ? 3 :
							   K,
					K, 0 };
	look->index_format = config_rows[OPT_index_format].deflt;
	look->pager_format = config_rows[OPT_pager_format].deflt;
	look->status_format = config_rows[OPT_status_format].deflt;
	look->folder_format = config_rows[OPT_folder_format].deflt;
	look->attach_format = config_rows[OPT_attach_format].deflt;
	look->sidebar_format = config_rows[OPT_sidebar_format].deflt;
	look->date_format = config_rows[OPT_date_format].deflt;
	look->to_chars = config_rows[OPT_to_chars].deflt;
	look->flag_chars = config_rows[OPT_flag_chars].deflt;
	look->status_chars = config_rows[OPT_status_chars].deflt;
	look->sidebar_divider = "│";
	look->arrow = "-> ";
	look->quote_regexp = look->smileys = "";
	look->hostname = look->version = "";
	look->has_help = look->menu_move_off = look->smart_wrap = look->wrap_search = true;
	look->sidebar_cols = 22;
}

void
view_look_release(struct view_look *look)
{
	for (size_t i = 0; i < look->n_rules; i++) {
		if (look->rules[i].regex != NULL)
			regfree(look->rules[i].regex);
		free(look->rules[i].regex);
		pattern_free(look->rules[i].pattern);
	}
	free(look->rules);
	look->rules = NULL;
	look->n_rules = 0;
}

/* ---- the user's ------------------------------------------------------------------------ */

static struct ui_style
style_of(const struct config_color *c)
{
	static const struct {
		unsigned theirs;
		uint16_t ours;
	} attrs[] = { { CONFIG_ATTR_BOLD, UI_BOLD },	       { CONFIG_ATTR_ITALIC, UI_ITALIC },
		      { CONFIG_ATTR_UNDERLINE, UI_UNDERLINE }, { CONFIG_ATTR_REVERSE, UI_REVERSE },
		      { CONFIG_ATTR_BLINK, UI_BLINK },	       { CONFIG_ATTR_STANDOUT, UI_REVERSE } };
	struct ui_style style = { c->fg, c->bg, 0 };

	/* CONFIG_COLOR_DEFAULT and _UNSET are UI_COLOR_DEFAULT and _KEEP. */
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if (c->attrs & attrs[i].theirs)
			style.attrs |= attrs[i].ours;
	return style;
}

static bool
is_pattern_object(enum view_color c)
{
	return c >= VIEW_INDEX && c <= VIEW_INDEX_TAGS;
}

static void
add_rule(struct view_look *look, struct view_rule rule)
{
	look->rules = xreallocarray(look->rules, look->n_rules + 1, sizeof(*look->rules));
	look->rules[look->n_rules++] = rule;
}

static void
complain_about(const struct config_color *c, const struct err *err,
	       void (*complain)(void *ctx, const char *sentence), void *ctx)
{
	if (complain == NULL)
		return;
	char *sentence = xasprintf("%s:%d: color %s: %s", c->file, c->line,
				   config_object_name(c->object), err->text);
	complain(ctx, sentence);
	free(sentence);
}

static int
compile_rule(struct view_rule *rule, const struct config_color *c,
	     const struct pattern_context *context, const char *simple_search, struct err *err)
{
	if (is_pattern_object(rule->object)) {
		rule->pattern =
			pattern_parse(str_c(c->pattern), simple_search, context, NULL, err);
		return rule->pattern == NULL ? -1 : 0;
	}
	rule->regex = xcalloc(1, sizeof(regex_t));
	if (config_compile(c->pattern, false, REG_NEWLINE, rule->regex, err) == 0)
		return 0;
	free(rule->regex);
	return -1;
}

static void
use_color(struct view_look *look, const struct config_color *c, const struct config *config,
	  const struct pattern_context *context,
	  void (*complain)(void *ctx, const char *sentence), void *ctx)
{
	struct view_rule rule = { .object = (enum view_color)c->object, .style = style_of(c),
				  .group = c->group };
	struct err err = ERR_INIT;

	if (rule.object == VIEW_INDEX)
		look->has_own_index_colors = true;
	if (c->pattern[0] == '\0' || rule.object == VIEW_INDEX_TAG) {
		/* An attribute of ours that the line does not name goes. */
		look->colors[rule.object] = rule.style;
		return;
	}
	if (compile_rule(&rule, c, context, config_string(config, OPT_simple_search), &err) < 0)
		complain_about(c, &err, complain, ctx);
	else
		add_rule(look, rule);
}

static void
use_options(struct view_look *look, const struct config *c)
{
	look->index_format = config_string(c, OPT_index_format);
	look->pager_format = config_string(c, OPT_pager_format);
	look->status_format = config_string(c, OPT_status_format);
	look->folder_format = config_string(c, OPT_folder_format);
	look->attach_format = config_string(c, OPT_attach_format);
	look->sidebar_format = config_string(c, OPT_sidebar_format);
	look->date_format = config_string(c, OPT_date_format);
	look->to_chars = config_string(c, OPT_to_chars);
	look->flag_chars = config_string(c, OPT_flag_chars);
	look->status_chars = config_string(c, OPT_status_chars);
	look->sidebar_divider = config_string(c, OPT_sidebar_divider_char);
	look->arrow = config_string(c, OPT_arrow_string);
	look->quote_regexp = config_string(c, OPT_quote_regexp);
	look->smileys = config_string(c, OPT_smileys);
	look->sidebar_on_right = config_bool(c, OPT_sidebar_on_right);
	look->has_narrow_tree = config_bool(c, OPT_narrow_tree);
	look->quoted_levels = (int)config_number(c, OPT_toggle_quoted_show_levels);
	look->menu_context = (int)config_number(c, OPT_menu_context);
	look->pager_context = (int)config_number(c, OPT_pager_context);
	look->search_context = (int)config_number(c, OPT_search_context);
	look->wrap_cols = (int)config_number(c, OPT_wrap);
	look->skip_quoted_offset = (int)config_number(c, OPT_skip_quoted_offset);
	look->sidebar_cols = (int)config_number(c, OPT_sidebar_width);
	look->pager_index_lines = (int)config_number(c, OPT_pager_index_lines);
	look->has_help = config_bool(c, OPT_help);
	look->status_on_top = config_bool(c, OPT_status_on_top);
	look->has_arrow_cursor = config_bool(c, OPT_arrow_cursor);
	look->has_ascii_chars = config_bool(c, OPT_ascii_chars);
	look->menu_scroll = config_bool(c, OPT_menu_scroll);
	look->menu_move_off = config_bool(c, OPT_menu_move_off);
	look->pager_stop = config_bool(c, OPT_pager_stop);
	look->smart_wrap = config_bool(c, OPT_smart_wrap);
	look->markers = config_bool(c, OPT_markers);
	look->tilde = config_bool(c, OPT_tilde);
	look->wrap_search = config_bool(c, OPT_wrap_search);
}

void
view_look_configure(struct view_look *look, const struct config *config, int colors,
		    const struct pattern_context *context,
		    void (*complain)(void *ctx, const char *sentence), void *ctx)
{
	size_t n;
	const struct config_color *list = config_colors(config, &n);

	use_options(look, config);
	for (size_t i = 0; i < n; i++)
		if (list[i].is_mono == (colors == 0))
			use_color(look, &list[i], config, context, complain, ctx);
}
