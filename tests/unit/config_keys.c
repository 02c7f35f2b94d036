/* bind, macro, push, exec; color and mono; what is unknown there. */
#include "unit/config.h"

static void
show_binds(const struct config *c, struct buf *out)
{
	static const char *const kinds[] = { "bind", "macro", "unbind", "unmacro" };
	size_t n;
	const struct config_bind *b = config_binds(c, &n);

	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s %s ", kinds[b[i].kind], b[i].map);
		key_add_seq(out, b[i].keys, b[i].n_keys);
		buf_addf(out, " [%s][%s]\n", b[i].text, b[i].description);
	}
}

static const struct {
	const char *text, *want, *errors, *notes;
} binds[] = {
	{ "bind index G last-entry", "bind index G [last-entry][]\n", "", "" },
	{ "bind index,pager gg noop", "bind index gg [noop][]\nbind pager gg [noop][]\n", "", "" },
	{ "bind index \\CO exit\nbind index ^N exit\nbind index ^ exit\nbind index \\Cx1 exit",
	  "bind index ^O [exit][]\nbind index ^N [exit][]\nbind index ^ [exit][]\n"
	  "bind index ^X1 [exit][]\n", "", "" },
	{ "bind index <esc>v exit\nbind index \\ev exit\nbind index \"\\e<Up>\" exit",
	  "bind index <Esc>v [exit][]\nbind index <Esc>v [exit][]\nbind index <Esc><Up> [exit][]\n",
	  "", "" },
	{ "bind index <f5> exit\nbind index <PageDown> exit\nbind index <c-right> exit\n"
	  "bind index \\t exit\nbind index <space> exit\nbind index <Return> exit\n"
	  "bind index \\# exit\nbind index \\` exit\nbind index <0177> exit",
	  "bind index <F5> [exit][]\nbind index <PageDown> [exit][]\n"
	  "bind index <c-Right> [exit][]\nbind index <Tab> [exit][]\n"
	  "bind index <Space> [exit][]\nbind index <Return> [exit][]\nbind index # [exit][]\n"
	  "bind index ` [exit][]\nbind index ^? [exit][]\n", "", "" },
	{ "bind index \xc3\xa9 exit", "bind index \xc3\xa9 [exit][]\n", "", "" },
	{ "bind index j sidebar-next", "bind index j [sidebar-next][]\n", "",
	  "rc:1: the function 'sidebar-next' is not supported in 'index'\n" },
	{ "bind index j frobnicate", "", "rc:1:14: unknown function 'frobnicate'\n", "" },
	{ "bind index j last-entri", "",
	  "rc:1:14: unknown function 'last-entri'; did you mean 'last-entry'?\n", "" },
	{ "bind nowhere j exit", "",
	  "rc:1:6: unknown map 'nowhere'; one of generic, index, pager, browser, attach, editor, "
	  "...\n", "" },
	{ "bind index j", "",
	  "rc:1:13: 'bind' needs a function here: bind MAP[,MAP...] KEY FUNCTION\n", "" },
	{ "bind index j exit now", "",
	  "rc:1:19: 'now' is too much: bind MAP[,MAP...] KEY FUNCTION\n", "" },
	{ "bind index abcdefghijklmnopq exit", "", "rc:1:12: a sequence has at most 16 keys\n", "" },
	{ "macro index,pager \\Cb \"<pipe-message> urlscan<Enter>\" \"call urlscan\"",
	  "macro index ^B [<pipe-message> urlscan<Enter>][call urlscan]\n"
	  "macro pager ^B [<pipe-message> urlscan<Enter>][call urlscan]\n", "", "" },
	{ "macro index A \":set confirmappend=no\\n<save-message>=Archive\\n\"",
	  "macro index A [:set confirmappend=no\n<save-message>=Archive\n][]\n", "", "" },
	{ "macro index S \"set my_o=\\$sort ^M^^x\"", "macro index S [set my_o=$sort \r^x][]\n", "",
	  "" },
	{ "unbind * \\CD\nunbind index\nunbind pager *\nunmacro index gi",
	  "unbind * ^D [][]\nunbind index  [][]\nunbind pager  [][]\nunmacro index gi [][]\n", "",
	  "" },
};

static void
test_binds(void **state)
{
	for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
		struct rc *rc = rc_new();
		struct buf b = BUF_INIT;
		show_binds(rc_read(rc, binds[i].text), &b);
		/* "too much" is told of a command that was done all the same */
		bool is_done = strstr(binds[i].errors, "too much") != NULL;
		if (!is_done && strcmp(b.ptr, binds[i].want) != 0)
			fail_msg("%s\n got: %s\nwant: %s\n%s", binds[i].text, b.ptr, binds[i].want,
				 rc->errors.ptr);
		assert_str(buf_str(&rc->errors), binds[i].errors);
		assert_str(buf_str(&rc->notes), binds[i].notes);
		buf_release(&b);
		rc_free(rc);
	}
}

static void
test_push(void **state)
{
	struct rc *rc = rc_new();

	rc_read(rc, "push '<limit>~N<Enter>'\nexec collapse-all exit\nexec nonsense");
	assert_str(buf_str(&rc->pushed), "<limit>~N<Enter>\n<collapse-all><exit>\n");
	assert_str(buf_str(&rc->errors), "rc:3:6: unknown function 'nonsense'\n");
	rc_free(rc);
}

static void
show_colors(const struct config *c, struct buf *out)
{
	size_t n;
	const struct config_color *k = config_colors(c, &n);

	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s %s %x %x %x [%s] %d\n", k[i].is_mono ? "mono" : "color",
			 config_object_name(k[i].object), (unsigned)k[i].fg, (unsigned)k[i].bg,
			 k[i].attrs, k[i].pattern, k[i].group);
}

static const struct {
	const char *text, *want, *errors;
} colors[] = {
	{ "color normal white black", "color normal 7 0 0 [] 0\n", "" },
	{ "color normal default brightblue # comment", "color normal ffffffff c 0 [] 0\n", "" },
	{ "color status #d8dee9 #3b4252", "color status 1d8dee9 13b4252 0 [] 0\n", "" },
	{ "color tree color235 colour9", "color tree eb 9 0 [] 0\n", "" },
	{ "color tree lightred default", "color tree 9 ffffffff 0 [] 0\n", "" },
	{ "color index brightyellow default \"~N !~D\"", "color index b ffffffff 0 [~N !~D] 0\n",
	  "" },
	{ "color index color12 default ~v~(~F)!~N", "color index c ffffffff 0 [~v~(~F)!~N] 0\n",
	  "" },
	{ "color header blue default ^(From|Subject):",
	  "color header 4 ffffffff 0 [^(From|Subject):] 0\n", "" },
	{ "color body green default \"\\`[^\\`]*\\`\"", "color body 2 ffffffff 0 [`[^`]*`] 0\n",
	  "" },
	{ "color status red default '([0-9]+) new' 1",
	  "color status 1 ffffffff 0 [([0-9]+) new] 1\n", "" },
	{ "color index bold underline red default ~N", "color index 1 ffffffff 9 [~N] 0\n", "" },
	{ "color compose header yellow default", "color compose_header 3 ffffffff 0 [] 0\n", "" },
	{ "color quoted0 red default\ncolor quoted3 red default",
	  "color quoted 1 ffffffff 0 [] 0\ncolor quoted3 1 ffffffff 0 [] 0\n", "" },
	{ "color index_author red default\ncolor index_author blue default ~N",
	  "color index_author 1 ffffffff 0 [] 0\ncolor index_author 4 ffffffff 0 [~N] 0\n", "" },
	/* the second takes the place of the first */
	{ "color index red default ~N\ncolor index blue default ~F\ncolor index green default ~N",
	  "color index 2 ffffffff 0 [~N] 0\ncolor index 4 ffffffff 0 [~F] 0\n", "" },
	{ "mono bold bold\nmono index reverse ~N",
	  "mono bold fffffffe fffffffe 1 [] 0\nmono index fffffffe fffffffe 10 [~N] 0\n", "" },
	{ "color index red default ~N\ncolor index red default ~F\ncolor tree red red\n"
	  "uncolor index ~N", "color index 1 ffffffff 0 [~F] 0\ncolor tree 1 1 0 [] 0\n", "" },
	{ "color index red default ~N\nmono tree bold\nuncolor *", "mono tree fffffffe fffffffe 1 [] 0\n",
	  "" },
	{ "color index red default ~N\ncolor tree red red\nuncolor index *",
	  "color tree 1 1 0 [] 0\n", "" },
	{ "color nothing red blue", "", "rc:1:7: unknown object 'nothing'\n" },
	{ "color indxe red blue ~A", "",
	  "rc:1:7: unknown object 'indxe'; did you mean 'index'?\n" },
	{ "color tree pink blue", "",
	  "rc:1:12: unknown colour 'pink'; a name, colorN, #rrggbb or default\n" },
	{ "color tree color256 blue", "",
	  "rc:1:12: unknown colour 'color256'; a name, colorN, #rrggbb or default\n" },
	{ "color tree red", "",
	  "rc:1:15: 'color' needs a background colour here: color OBJECT [ATTRIBUTE...] "
	  "FOREGROUND BACKGROUND [PATTERN [GROUP]]\n" },
	{ "color body red default '[a'", "",
	  "rc:1:24: '[' without its ']' in a regular expression\n" },
	{ "color index red default '~(x'", "", "rc:1:25: a '(' is not closed\n" },
	{ "color index red default ~N ~F", "",
	  "rc:1:28: the number of a group is expected, not '~F'; a pattern with blanks goes in "
	  "quotes\n" },
};

static void
test_colors(void **state)
{
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++) {
		struct rc *rc = rc_new();
		struct buf b = BUF_INIT;
		show_colors(rc_read(rc, colors[i].text), &b);
		if (strcmp(b.ptr, colors[i].want) != 0 ||
		    strcmp(rc->errors.ptr, colors[i].errors) != 0)
			fail_msg("%s\n got: %s%s\nwant: %s%s", colors[i].text, b.ptr,
				 rc->errors.ptr, colors[i].want, colors[i].errors);
		buf_release(&b);
		rc_free(rc);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_colors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
