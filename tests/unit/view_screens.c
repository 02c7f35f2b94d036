/* The screens, drawn into memory: index, pager, folders, help, the whole frame. */
#include "lib/test.h"
#include "tern/base/tick.h"
#include "tern/base/utf8.h"
#include "tern/pattern.h"
#include "tern/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1795168800 /* Fri, 20 Nov 2026 10:00 UTC */

/* ---- a list of messages ------------------------------------------------------- */

struct list {
	struct view_row rows[64];
	uint32_t n;
	uint32_t pretended; /* this many, all alike, instead */
	unsigned n_asked;
};

static uint32_t
list_count(void *ctx)
{
	struct list *l = ctx;

	return l->pretended > 0 ? l->pretended : l->n;
}

static bool
list_at(void *ctx, uint32_t i, struct view_row *out)
{
	struct list *l = ctx;

	l->n_asked++;
	if (l->pretended > 0) {
		*out = l->rows[i % l->n];
		out->row.local = i + 1;
		out->number = i + 1;
		return true;
	}
	if (i >= l->n || l->rows[i].row.local == 0)
		return false;
	*out = l->rows[i];
	out->number = i + 1;
	return true;
}

static bool
list_find(void *ctx, uint64_t local, uint32_t *out)
{
	struct list *l = ctx;

	if (l->pretended > 0) {
		*out = (uint32_t)local - 1;
		return local >= 1 && local <= l->pretended;
	}
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->rows[i].row.local == local) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void
list_mailbox(void *ctx, struct view_mailbox *out)
{
	out->name = STR("home/Inbox");
	out->n_messages = list_count(ctx);
	out->n_new = 2;
	out->sort = STR("threads");
}

static void
add_message(struct list *l, uint64_t local, const char *from, const char *subject, unsigned flags)
{
	struct view_row *r = &l->rows[l->n++];

	memset(r, 0, sizeof(*r));
	r->row.local = local;
	r->row.flags = flags;
	r->row.from_name = str_c(from);
	r->row.from_addr = STR("x@example.org");
	r->row.subject = str_c(subject);
	r->row.size_bytes = 3174;
	r->row.date = NOW - 3600;
}

static struct list
sample_list(void)
{
	struct list l = { .n = 0 };

	add_message(&l, 11, "Ada Nygaard", "Release plan", 0);
	add_message(&l, 12, "Jun Watanabe", "Re: Release plan", ROW_SEEN | ROW_FLAGGED);
	l.rows[1].tree_depth = 1;
	l.rows[1].tree_more = 1;
	add_message(&l, 13, "me", "Re: Release plan", ROW_SEEN);
	l.rows[2].tree_depth = 2;
	l.rows[2].tree_more = 1;
	l.rows[2].is_from_me = true;
	l.rows[2].row.to = STR("\"Jun \\Watanabe\" <jun@example.org>");
	l.rows[2].elsewhere = STR("Sent");
	add_message(&l, 14, "Build", "green", ROW_SEEN | ROW_TO_DELETE);
	l.rows[3].tree_depth = 1;
	add_message(&l, 15, "山田 太郎", "来週の打ち合わせ\033[31m", ROW_SEEN);
	add_message(&l, 16, "Evil\xe2\x80\xae\x07", "🏔️ x", ROW_SEEN);
	return l;
}

static struct view *
open_index(struct list *l)
{
	struct view_rows rows = { list_count, list_at, list_find, list_mailbox, NULL, l };

	return view_index_open(&rows);
}

static struct view_look
test_look(void)
{
	struct view_look look;

	view_look_init(&look, VIEW_DARK, 256);
	look.now = NOW;
	look.sidebar_cols = 20;
	return look;
}

static void
assert_row(struct ui_screen *s, int row, const char *want)
{
	struct buf text = BUF_INIT;

	ui_screen_row_text(s, row, &text);
	assert_str(buf_str(&text), want);
	buf_release(&text);
}

static bool
screen_has(struct ui_screen *s, const char *text)
{
	struct buf all = BUF_INIT;

	ui_screen_text(s, &all);
	bool has = str_find_str(buf_str(&all), str_c(text)) >= 0;
	buf_release(&all);
	return has;
}

static void
draw(struct view *v, struct ui_screen *s, const struct view_look *look)
{
	v->ops->draw(v, ui_area_all(s), look);
}

static void
test_index_looks_as_meant(void **state)
{
	struct list l = sample_list();
	struct view *v = open_index(&l);
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(8, 80);
	int row, col;

	draw(v, s, &look);
	assert_row(s, 0, "   1 N   09:00   Ada Nygaard          Release plan                         3.1K");
	assert_row(s, 1, "   2   F 09:00   Jun Watanabe         ├─▶ Re: Release plan                 3.1K");
	assert_row(s, 2, "   3     09:00   me → Jun Watanabe    │ └─▶ (Sent)                         3.1K");
	assert_row(s, 3, "   4 D   09:00   Build                └─▶ green                            3.1K");
	/* What mail brings is shown, and takes its true width. */
	assert_row(s, 4, "   5     09:00   山田 太郎            来週の打ち合わせ␛[31m                3.1K");
	assert_row(s, 5, "   6     09:00   Evil\xef\xbf\xbd␇               🏔️ x                                 3.1K");
	/* New is bold, to be deleted is struck, the cursor is on its line. */
	assert_true(ui_screen_style(s, 0, 30).attrs & UI_BOLD);
	assert_true(ui_screen_style(s, 3, 30).attrs & UI_STRIKE);
	assert_int_equal(ui_screen_style(s, 0, 79).bg, look.colors[VIEW_INDICATOR].bg);
	view_move(v, VIEW_NEXT, 2);
	draw(v, s, &look);
	ui_screen_cursor(s, &row, &col);
	assert_int_equal(row, 2);
	assert_true(view_index_focus(v) == 13);
	view_close(v);
	ui_screen_free(s);
}

static void
test_index_follows_its_message(void **state)
{
	struct list l = sample_list();
	struct view *v = open_index(&l);
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(3, 80);
	int row, col, row_after;

	draw(v, s, &look);
	view_index_go(v, 14);
	draw(v, s, &look);
	ui_screen_cursor(s, &row, &col);
	/* One arrives above: the same message is under the cursor, on the same line. */
	memmove(l.rows + 1, l.rows, 6 * sizeof(l.rows[0]));
	l.n = 0;
	add_message(&l, 99, "New", "one", 0);
	l.n = 7;
	view_apply(v);
	draw(v, s, &look);
	assert_true(view_index_focus(v) == 14);
	ui_screen_cursor(s, &row_after, &col);
	assert_int_equal(row_after, row);
	/* It goes: the one in its place has the cursor. */
	memmove(l.rows + 4, l.rows + 5, 2 * sizeof(l.rows[0]));
	l.n = 6;
	view_apply(v);
	draw(v, s, &look);
	assert_true(view_index_focus(v) == 15);
	/* All go. */
	l.n = 0;
	view_apply(v);
	draw(v, s, &look);
	assert_true(view_index_focus(v) == 0);
	assert_true(screen_has(s, "no messages"));
	assert_false(view_move(v, VIEW_NEXT, 1));
	view_close(v);
	ui_screen_free(s);
}

/* A list of six on a screen of four; one more comes. */
static void
test_index_shows_what_arrives(void **state)
{
	struct list l = sample_list();
	struct view *v = open_index(&l);
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(4, 80);

	/* At the end of the list it is seen, and the cursor stays on its message. */
	view_index_go(v, 16);
	draw(v, s, &look);
	add_message(&l, 21, "Dana", "arrived at the end", 0);
	view_apply(v);
	draw(v, s, &look);
	assert_true(screen_has(s, "arrived at the end"));
	assert_true(view_index_focus(v) == 16);
	/* The same when as many have gone. */
	memmove(l.rows, l.rows + 1, 6 * sizeof(l.rows[0]));
	l.n = 6;
	add_message(&l, 22, "Dana", "arrived again", 0);
	view_apply(v);
	draw(v, s, &look);
	assert_true(screen_has(s, "arrived again"));
	assert_true(view_index_focus(v) == 16);
	/* Elsewhere in the list nothing moves. */
	view_index_go(v, 12);
	draw(v, s, &look);
	add_message(&l, 23, "Dana", "arrived unseen", 0);
	view_apply(v);
	draw(v, s, &look);
	assert_false(screen_has(s, "arrived unseen"));
	/* The newest on top: it pushes the others down. */
	memmove(l.rows + 1, l.rows, l.n * sizeof(l.rows[0]));
	uint32_t n = l.n + 1;
	l.n = 0;
	add_message(&l, 24, "Dana", "arrived on top", 0);
	l.n = n;
	view_apply(v);
	draw(v, s, &look);
	assert_true(screen_has(s, "arrived on top"));
	assert_true(view_index_focus(v) == 12);
	view_close(v);
	ui_screen_free(s);
}

static void
test_index_never_asks_for_all(void **state)
{
	struct list l = sample_list();
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(40, 120);
	uint32_t first, end;

	l.pretended = 1000000;
	struct view *v = open_index(&l);
	view_index_go_ordinal(v, 999999);
	draw(v, s, &look);
	l.n_asked = 0;
	view_move(v, VIEW_PREVIOUS_PAGE, 1);
	view_apply(v);
	draw(v, s, &look);
	assert_in_range(l.n_asked, 1, 60);
	view_index_window(v, &first, &end);
	assert_int_equal(end - first, 40);
	/* Places that have not come yet are held. */
	l.pretended = 0;
	l.rows[2].row.local = 0;
	view_index_go_ordinal(v, 0);
	draw(v, s, &look);
	assert_row(s, 2, "   3     …");
	view_close(v);
	ui_screen_free(s);
}

static void
test_index_moves(void **state)
{
	struct list l = sample_list();
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(10, 80);

	l.pretended = 100;
	struct view *v = open_index(&l);
	draw(v, s, &look);
	static const struct {
		enum view_move how;
		int n;
		uint64_t focus;
	} steps[] = {
		{ VIEW_PREVIOUS, 1, 1 }, { VIEW_NEXT, 1, 2 }, { VIEW_NEXT_PAGE, 1, 12 },
		{ VIEW_PREVIOUS_PAGE, 1, 2 }, { VIEW_LAST, 1, 100 }, { VIEW_NEXT, 1, 100 },
		{ VIEW_FIRST, 1, 1 }, { VIEW_HALF_DOWN, 1, 6 }, { VIEW_PAGE_BOTTOM, 1, 15 },
		{ VIEW_PAGE_TOP, 1, 6 }, { VIEW_JUMP, 50, 50 }, { VIEW_JUMP, 9999, 100 },
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		view_move(v, steps[i].how, steps[i].n);
		draw(v, s, &look);
		if (view_index_focus(v) != steps[i].focus)
			fail_msg("step %zu: at %d", i, (int)view_index_focus(v));
	}
	view_close(v);
	ui_screen_free(s);
}

static void
test_index_rules(void **state)
{
	struct list l = sample_list();
	struct view *v = open_index(&l);
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(8, 80);
	struct pattern_context context = { .now = NOW };

	look.n_rules = 2;
	look.rules = calloc(2, sizeof(*look.rules));
	look.has_own_index_colors = true;
	look.rules[0] = (struct view_rule){ VIEW_INDEX, { 2, UI_COLOR_KEEP, 0 }, NULL, 0,
					    pattern_parse(STR("~F"), NULL, &context, NULL, NULL) };
	look.rules[1] =
		(struct view_rule){ VIEW_INDEX_SUBJECT, { 5, UI_COLOR_KEEP, 0 }, NULL, 0,
				    pattern_parse(STR("~s green"), NULL, &context, NULL, NULL) };
	view_move(v, VIEW_LAST, 1);
	draw(v, s, &look);
	assert_int_equal(ui_screen_style(s, 1, 20).fg, 2);
	assert_int_equal(ui_screen_style(s, 3, 43).fg, 5);
	assert_int_equal(ui_screen_style(s, 3, 20).fg, UI_COLOR_DEFAULT);
	view_look_release(&look);
	view_close(v);
	ui_screen_free(s);
}

/* ---- a document ----------------------------------------------------------------- */

struct text {
	struct doc_line lines[600];
	size_t n;
	bool is_complete, on_request;
};

static size_t
text_count(void *ctx)
{
	return ((struct text *)ctx)->n;
}

static const struct doc_line *
text_at(void *ctx, size_t i)
{
	struct text *t = ctx;

	return i < t->n ? &t->lines[i] : NULL;
}

static bool
text_is_complete(void *ctx)
{
	return ((struct text *)ctx)->is_complete;
}

static void
text_progress(void *ctx, struct buf *out, bool *on_request)
{
	buf_adds(out, "18 of 64 KB");
	*on_request = ((struct text *)ctx)->on_request;
}

static void
add_line(struct text *t, enum doc_kind kind, int quote, const char *text)
{
	t->lines[t->n++] = (struct doc_line){ .kind = kind, .quote = (uint8_t)quote,
					      .text = str_c(text) };
}

static struct view *
open_pager(struct text *t)
{
	struct view_document d = { text_count, text_at, text_is_complete, text_progress, NULL, NULL,
				   t };

	return view_pager_open(&d);
}

static void
test_pager_wraps(void **state)
{
	static struct text t;
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(12, 20);
	static const struct doc_span span = { 4, 6, DOC_BOLD, 0 };

	t.is_complete = true;
	add_line(&t, DOC_HEADER, 0, "Subject: hello");
	add_line(&t, DOC_BLANK, 0, "");
	add_line(&t, DOC_TEXT, 0, "the quick brown fox jumps over it");
	t.lines[2].spans = &span;
	t.lines[2].n_spans = 1;
	add_line(&t, DOC_TEXT, 2, "quoted words that go on");
	add_line(&t, DOC_TEXT, 0, "山山山山山山山山山山山");
	add_line(&t, DOC_TEXT, 0, "tab\there");
	add_line(&t, DOC_RULE, 0, "");
	add_line(&t, DOC_TEXT, 0, "esc\033[2J");
	look.markers = true;
	struct view *v = open_pager(&t);
	draw(v, s, &look);
	assert_row(s, 0, "Subject: hello");
	assert_row(s, 1, "");
	assert_row(s, 2, "the quick brown fox");
	assert_row(s, 3, "+jumps over it");
	assert_row(s, 4, ">> quoted words that");
	assert_row(s, 5, ">> +go on");
	assert_row(s, 6, "山山山山山山山山山山");
	assert_row(s, 7, "+山");
	assert_row(s, 8, "tab     here");
	assert_row(s, 9, "────────────────────");
	assert_row(s, 10, "esc␛[2J");
	assert_true(ui_screen_style(s, 2, 4).attrs & UI_BOLD);
	assert_false(ui_screen_style(s, 2, 3).attrs & UI_BOLD);
	assert_int_equal(ui_screen_style(s, 4, 5).fg, look.colors[VIEW_QUOTED1].fg);
	assert_int_equal(ui_screen_style(s, 0, 0).fg, look.colors[VIEW_HDRDEFAULT].fg);
	/* Wider: wrapped anew. Without blanks it is cut at the edge. */
	ui_screen_resize(s, 12, 60);
	draw(v, s, &look);
	assert_row(s, 2, "the quick brown fox jumps over it");
	/* One column still shows something, and ends. */
	ui_screen_resize(s, 12, 1);
	draw(v, s, &look);
	view_close(v);
	ui_screen_free(s);
}

static void
test_pager_moves_and_searches(void **state)
{
	static struct text t;
	static char texts[500][32];
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(10, 40);
	struct err err = ERR_INIT;

	for (int i = 0; i < 500; i++) {
		snprintf(texts[i], sizeof(texts[i]), "line %d", i + 1);
		add_line(&t, DOC_TEXT, i >= 100 && i < 130 ? 1 : 0, texts[i]);
	}
	struct view *v = open_pager(&t);
	draw(v, s, &look);
	assert_true(view_pager_is_at_top(v));
	assert_true(view_move(v, VIEW_NEXT_PAGE, 1));
	draw(v, s, &look);
	assert_row(s, 0, "line 11");
	assert_true(view_move(v, VIEW_NEXT_LINE, 1));
	draw(v, s, &look);
	assert_row(s, 0, "line 12");
	assert_int_equal(view_pager_search(v, "line 4[0-9]$", false, &err), 1);
	draw(v, s, &look);
	assert_row(s, 0, "line 40");
	assert_int_equal(ui_screen_style(s, 0, 0).bg, look.colors[VIEW_SEARCH].bg);
	assert_int_equal(view_pager_search(v, NULL, false, &err), 1);
	draw(v, s, &look);
	assert_row(s, 0, "line 41");
	assert_int_equal(view_pager_search(v, NULL, true, &err), 1);
	assert_int_equal(view_pager_search(v, NULL, true, &err), 2);
	draw(v, s, &look);
	assert_row(s, 0, "line 49");
	assert_int_equal(view_pager_search(v, "nowhere", false, &err), 0);
	assert_int_equal(view_pager_search(v, "(", false, &err), -1);
	assert_err(err, ERR_USER);
	/* Past the quoted lines; and folded into one. */
	assert_true(view_pager_skip_quoted(v));
	draw(v, s, &look);
	assert_row(s, 0, "line 131");
	view_pager_go_line(v, 98);
	view_pager_toggle_quoted(v);
	draw(v, s, &look);
	assert_row(s, 1, "line 100");
	assert_row(s, 2, "> line 101    [29 more quoted lines: T]");
	assert_row(s, 3, "line 131");
	assert_true(view_move(v, VIEW_LAST, 1));
	draw(v, s, &look);
	assert_row(s, 0, "line 491");
	assert_false(view_move(v, VIEW_NEXT_PAGE, 1));
	assert_true(view_pager_is_at_end(v));
	/* Still coming: it is said, and when more is there it goes on. */
	assert_true(view_move(v, VIEW_FIRST, 1));
	t.n = 5;
	view_apply(v);
	draw(v, s, &look);
	assert_row(s, 5, "[-- 18 of 64 KB --]");
	t.on_request = true;
	draw(v, s, &look);
	assert_row(s, 5, "[-- 18 of 64 KB; go on to fetch it --]");
	t.n = 500;
	t.is_complete = true;
	view_apply(v);
	draw(v, s, &look);
	assert_row(s, 5, "line 6");
	view_close(v);
	ui_screen_free(s);
}

/* ---- folders, help, the frame ------------------------------------------------------ */

static uint32_t
folders_count(void *ctx)
{
	return 4;
}

static bool
folders_at(void *ctx, uint32_t i, struct view_folder *out)
{
	static const char *const names[] = { "home", "Inbox", "Archive", "Evil\033[2J" };

	*out = (struct view_folder){ .id = i + 1, .name = str_c(names[i]), .is_root = i == 0,
				     .n_messages = 1204, .n_new = i == 1 ? 12 : 0,
				     .n_unread = i == 1 ? 12 : 0, .has_counts = i > 0,
				     .is_selectable = true, .is_subscribed = i == 1,
				     .is_current = i == 1 };
	if (i == 0)
		out->path = STR("imaps://ada@imap.example.org");
	return i < 4;
}

static bool
folders_find(void *ctx, uint64_t id, uint32_t *out)
{
	*out = (uint32_t)id - 1;
	return id >= 1 && id <= 4;
}

static void
test_folders(void **state)
{
	struct view_folders source = { folders_count, folders_at, folders_find, NULL };
	struct view *v = view_folders_open(&source);
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(8, 80);

	draw(v, s, &look);
	assert_row(s, 0, " home   imaps://ada@imap.example.org");
	assert_row(s, 1, " * Inbox                            1,204     12 new  subscribed");
	assert_row(s, 3, "   Evil␛[2J                         1,204");
	assert_true(view_folders_go(v, 3));
	assert_true(view_folders_focus(v) == 3);
	view_close(v);
	ui_screen_free(s);
}

static void
test_frame(void **state)
{
	struct list l = sample_list();
	struct view_folders source = { folders_count, folders_at, folders_find, NULL };
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(24, 100);
	static const struct view_help_item help[] = { { "q", "Quit" }, { "?", "Help" } };
	struct view_frame f = { .first = open_index(&l), .sidebar = view_sidebar_open(&source),
				.help = help, .n_help = 2,
				.activity = STR("home: in step 10:42\033]0;x\a") };
	int row, col;

	view_frame_draw(&f, s, &look);
	assert_row(s, 0, " q:Quit  ?:Help");
	assert_row(s, 1, ">home              │   1 N   09:00   Ada Nygaard          Release plan"
			 "                         3.1K");
	assert_true(screen_has(s, "   Inbox        12 │"));
	assert_true(screen_has(s, "─home/Inbox─ 6 messages · 2 new ─"));
	assert_true(screen_has(s, "─ threads ── all ─"));
	assert_row(s, 23, " home: in step 10:42␛]0;x␇");
	ui_screen_cursor(s, &row, &col);
	assert_int_equal(row, 1);
	assert_int_equal(col, 20);
	/* A message takes the place of what is under way. */
	f.message_kind = VIEW_MESSAGE_ERROR;
	f.message = STR("no such mailbox");
	view_frame_draw(&f, s, &look);
	assert_row(s, 23, "no such mailbox");
	/* Narrower, it is narrow too. */
	ui_screen_resize(s, 24, 80);
	view_frame_draw(&f, s, &look);
	assert_true(screen_has(s, "│   1 N"));
	ui_screen_resize(s, 7, 30);
	view_frame_draw(&f, s, &look);
	assert_row(s, 0, "tern needs more room:");
	view_close(f.first);
	view_close(f.sidebar);
	ui_screen_free(s);
}

static void
test_help_and_search(void **state)
{
	static const struct view_help_row rows[] = {
		{ "index", "d", "delete-message", "delete the message" },
		{ "index", "<Esc>t", "tag-thread", "tag the thread" },
		{ "generic", "q", "quit", "leave" },
		{ "generic", "A", NULL, "to the archive" },
	};
	struct view *v = view_help_open("help", rows, 4);
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(10, 80);
	int row, col;

	draw(v, s, &look);
	assert_row(s, 0, " index");
	assert_row(s, 1, " d             delete-message          delete the message");
	assert_row(s, 4, " generic");
	assert_row(s, 6, " A             macro                   to the archive");
	assert_int_equal(view_lines_search(v, STR("THREAD"), false), 1);
	draw(v, s, &look);
	ui_screen_cursor(s, &row, &col);
	assert_int_equal(row, 2);
	assert_int_equal(view_lines_search(v, STR("nothing"), false), 0);
	view_close(v);
	ui_screen_free(s);
}

/* With no colours at all every state can still be told. */
static void
test_states_without_colors(void **state)
{
	struct view_look look;

	view_look_init(&look, VIEW_DARK, 0);
	for (int i = 0; i < VIEW_N_COLORS; i++) {
		assert_true(look.colors[i].fg < 0);
		assert_true(look.colors[i].bg < 0);
	}
	assert_true(look.colors[VIEW_INDICATOR].attrs & UI_REVERSE);
	assert_true(look.colors[VIEW_STATUS].attrs & UI_REVERSE);
	view_look_release(&look);
}

/* One frame at 120 x 40. The bar is 1 ms; ten times that fails here, so that a busy
 * machine does not, and ten times more where a sanitizer looks at every access. */
static void
test_a_frame_is_quick(void **state)
{
	struct list l = sample_list();
	struct view_look look = test_look();
	struct ui_screen *s = ui_screen_new(40, 120);

	l.pretended = 1000000;
	struct view_frame f = { .first = open_index(&l) };
	int64_t best = INT64_MAX;
	for (int i = 0; i < 50; i++) {
		int64_t start = tick_us();
		view_move(f.first, VIEW_NEXT_PAGE, 1);
		view_frame_draw(&f, s, &look);
		int64_t took = tick_us() - start;
		best = took < best ? took : best;
	}
	printf("# a frame: %d us\n", (int)best);
	assert_true(best < 10000 * TEST_SLOW);
	view_close(f.first);
	ui_screen_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_looks_as_meant),
		cmocka_unit_test(test_index_follows_its_message),
		cmocka_unit_test(test_index_shows_what_arrives),
		cmocka_unit_test(test_index_never_asks_for_all),
		cmocka_unit_test(test_index_moves),
		cmocka_unit_test(test_index_rules),
		cmocka_unit_test(test_pager_wraps),
		cmocka_unit_test(test_pager_moves_and_searches),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_help_and_search),
		cmocka_unit_test(test_states_without_colors),
		cmocka_unit_test(test_a_frame_is_quick),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
