/* The prompt: a line editor that is a state, its history and its candidates. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/key.h"

#define MAX_TEXT 8192	/* of one line */
#define MAX_LIST_ROWS 10
#define NONE ((size_t)-1)

const struct ui_edit ui_edits[] = {
#define EDIT(sym, name, keys, help) { name, keys, help, EDIT_##sym },
#include "edit.def"
#undef EDIT
};
const size_t ui_n_edits = ARRAY_LEN(ui_edits);

struct ui_prompt {
	struct history *history;
	struct buf kill; /* what <yank> puts back */

	bool is_open;
	struct ui_prompt_spec spec; /* its strings are ours */
	struct buf text;
	size_t cursor; /* byte in text, between two graphemes */
	struct buf note;
	bool takes_next_as_is;

	size_t history_at; /* 0: the line being typed; n: the n-th newest */
	struct buf typed;  /* that line, while the history is shown */

	/* Candidates: for the text as it was typed; choosing one does not ask anew. */
	size_t n_candidates;
	size_t candidate_start;
	size_t candidate_len; /* bytes of text that the chosen one takes up */
	size_t chosen;
	bool shows_list;
};

struct ui_prompt *
ui_prompt_new(void)
{
	struct ui_prompt *p = xcalloc(1, sizeof(*p));

	p->history = history_new();
	buf_init(&p->kill);
	buf_init(&p->text);
	buf_init(&p->note);
	buf_init(&p->typed);
	p->chosen = NONE;
	return p;
}

static void
release_spec(struct ui_prompt *p)
{
	free((char *)p->spec.label);
	free((char *)p->spec.about);
	free((char *)p->spec.initial);
	free((char *)p->spec.history);
	free((char *)p->spec.choices);
	memset(&p->spec, 0, sizeof(p->spec));
}

static void
forget_line(struct ui_prompt *p)
{
	if (p->spec.is_secret)
		buf_wipe(&p->text);
	buf_reset(&p->text);
	buf_reset(&p->typed);
	buf_reset(&p->note);
	p->cursor = 0;
	p->history_at = 0;
	p->n_candidates = 0;
	p->chosen = NONE;
	p->shows_list = false;
	p->takes_next_as_is = false;
}

void
ui_prompt_free(struct ui_prompt *p)
{
	if (p == NULL)
		return;
	forget_line(p);
	release_spec(p);
	history_free(p->history);
	buf_release(&p->kill);
	buf_wipe(&p->text);
	buf_release(&p->note);
	buf_release(&p->typed);
	free(p);
}

/* ---- candidates ----------------------------------------------------------- */

static void
ask_candidates(struct ui_prompt *p)
{
	p->n_candidates = 0;
	p->chosen = NONE;
	if (p->spec.complete == NULL)
		return;
	size_t start = 0;
	p->n_candidates =
		p->spec.complete(p->spec.ctx, str_head(buf_str(&p->text), p->cursor), &start);
	p->candidate_start = start > p->cursor ? p->cursor : start;
	p->candidate_len = p->cursor - p->candidate_start;
	if (p->n_candidates == 0)
		p->shows_list = false;
}

static void
text_changed(struct ui_prompt *p)
{
	if (p->spec.lists_unasked || p->shows_list) {
		ask_candidates(p);
		p->shows_list = p->n_candidates > 0;
	} else {
		p->n_candidates = 0;
		p->chosen = NONE;
	}
	if (p->spec.changed != NULL)
		p->spec.changed(p->spec.ctx, buf_str(&p->text));
}

void
ui_prompt_candidates_changed(struct ui_prompt *p)
{
	if (p->is_open && p->chosen == NONE && (p->spec.lists_unasked || p->shows_list)) {
		ask_candidates(p);
		p->shows_list = p->n_candidates > 0;
	}
}

/* Replace text[start, start + len) and put the cursor behind it. */
static void
replace(struct ui_prompt *p, size_t start, size_t len, struct str with)
{
	struct buf all = BUF_INIT;

	buf_add(&all, p->text.ptr, start);
	buf_addstr(&all, str_head(with, MAX_TEXT));
	size_t cursor = all.len;
	buf_addstr(&all, str_from(buf_str(&p->text), start + len));
	buf_reset(&p->text);
	buf_addstr(&p->text, str_head(buf_str(&all), MAX_TEXT));
	p->cursor = cursor < p->text.len ? cursor : p->text.len;
	if (p->spec.is_secret)
		buf_wipe(&all);
	buf_release(&all);
}

static bool
get_candidate(const struct ui_prompt *p, size_t i, struct ui_candidate *out)
{
	memset(out, 0, sizeof(*out));
	return p->spec.candidate != NULL && p->spec.candidate(p->spec.ctx, i, out);
}

static void
choose(struct ui_prompt *p, size_t i)
{
	struct ui_candidate c;

	if (!get_candidate(p, i, &c))
		return;
	p->chosen = i;
	replace(p, p->candidate_start, p->candidate_len, c.text);
	p->candidate_len = p->cursor - p->candidate_start;
	if (p->spec.changed != NULL)
		p->spec.changed(p->spec.ctx, buf_str(&p->text));
}

/* How many bytes all candidates have in common, whole characters. */
static struct buf
common_start(const struct ui_prompt *p)
{
	struct buf common = BUF_INIT;
	struct ui_candidate c;

	for (size_t i = 0; i < p->n_candidates && get_candidate(p, i, &c); i++) {
		if (i == 0) {
			buf_addstr(&common, c.text);
			continue;
		}
		size_t len = 0;
		while (len < common.len && len < c.text.len && common.ptr[len] == c.text.ptr[len])
			len++;
		while (len > 0 && len < common.len && ((unsigned char)common.ptr[len] & 0xc0) == 0x80)
			len--;
		buf_truncate(&common, len);
	}
	return common;
}

static void
complete(struct ui_prompt *p, bool backwards)
{
	if (p->chosen != NONE) {
		size_t n = p->n_candidates;
		choose(p, backwards ? (p->chosen + n - 1) % n : (p->chosen + 1) % n);
		return;
	}
	bool was_listed = p->shows_list;
	ask_candidates(p);
	if (p->n_candidates == 0)
		return;
	if (p->n_candidates == 1) {
		choose(p, 0);
		/* It may lead on: a folder with folders in it. */
		ask_candidates(p);
		p->shows_list = p->n_candidates > 1;
		return;
	}
	struct buf common = common_start(p);
	bool is_longer = common.len > p->candidate_len &&
			 memcmp(common.ptr, p->text.ptr + p->candidate_start, p->candidate_len) == 0;
	if (is_longer) {
		replace(p, p->candidate_start, p->candidate_len, buf_str(&common));
		ask_candidates(p);
	}
	buf_release(&common);
	p->shows_list = p->n_candidates > 0;
	if (!is_longer && (was_listed || p->spec.lists_unasked))
		choose(p, backwards ? p->n_candidates - 1 : 0);
}

/* ---- opening and ending --------------------------------------------------- */

void
ui_prompt_open(struct ui_prompt *p, const struct ui_prompt_spec *spec)
{
	if (p->is_open)
		ui_prompt_dismiss(p);
	p->spec = *spec;
	p->spec.label = xstrdup(spec->label == NULL ? "" : spec->label);
	p->spec.about = xstrdup(spec->about);
	p->spec.initial = xstrdup(spec->initial);
	p->spec.history = xstrdup(spec->history);
	p->spec.choices = xstrdup(spec->choices);
	p->is_open = true;
	forget_line(p);
	/* A secret never moves in memory: what realloc leaves behind cannot be wiped. */
	if (spec->is_secret)
		buf_reserve(&p->text, MAX_TEXT);
	if (spec->initial != NULL)
		buf_addstr(&p->text, str_head(str_c(spec->initial), MAX_TEXT));
	p->cursor = p->text.len;
	if (p->spec.lists_unasked)
		text_changed(p);
}

static void
end(struct ui_prompt *p, struct str answer)
{
	void (*done)(void *ctx, struct str text) = p->spec.done;
	void *ctx = p->spec.ctx;
	bool is_secret = p->spec.is_secret;
	struct buf text = BUF_INIT;

	if (answer.ptr != NULL)
		buf_addstr(&text, answer);
	if (answer.ptr != NULL && !is_secret && p->spec.history != NULL && p->spec.choices == NULL)
		history_add(p->history, p->spec.history, answer);
	forget_line(p);
	release_spec(p);
	p->is_open = false;
	if (done != NULL)
		done(ctx, answer.ptr == NULL ? STR_NONE : buf_str(&text));
	if (is_secret)
		buf_wipe(&text);
	buf_release(&text);
}

void
ui_prompt_dismiss(struct ui_prompt *p)
{
	if (p->is_open)
		end(p, STR_NONE);
}

bool
ui_prompt_is_open(const struct ui_prompt *p)
{
	return p->is_open;
}

bool
ui_prompt_wants_key(const struct ui_prompt *p)
{
	return p->is_open && (p->spec.choices != NULL || p->takes_next_as_is);
}

struct str
ui_prompt_text(const struct ui_prompt *p)
{
	return buf_str(&p->text);
}

void
ui_prompt_note(struct ui_prompt *p, struct str note)
{
	buf_reset(&p->note);
	buf_addstr(&p->note, str_head(note, 400));
}

/* ---- moving and editing --------------------------------------------------- */

static size_t
next_grapheme(const struct ui_prompt *p, size_t at)
{
	int cols;

	return at + utf8_grapheme(str_from(buf_str(&p->text), at), &cols);
}

static size_t
previous_grapheme(const struct ui_prompt *p, size_t at)
{
	size_t before = 0;

	for (size_t i = 0; i < at; i = next_grapheme(p, i))
		before = i;
	return before;
}

static bool
is_word(const struct ui_prompt *p, size_t at)
{
	unsigned char c = (unsigned char)p->text.ptr[at];

	return c >= 0x80 || ascii_is_alnum(c) || c == '_';
}

static size_t
word_end(const struct ui_prompt *p, size_t at)
{
	while (at < p->text.len && !is_word(p, at))
		at = next_grapheme(p, at);
	while (at < p->text.len && is_word(p, at))
		at = next_grapheme(p, at);
	return at;
}

static size_t
word_start(const struct ui_prompt *p, size_t at)
{
	while (at > 0 && !is_word(p, previous_grapheme(p, at)))
		at = previous_grapheme(p, at);
	while (at > 0 && is_word(p, previous_grapheme(p, at)))
		at = previous_grapheme(p, at);
	return at;
}

/* Delete [from, to), the cursor stands at `from` then. */
static void
kill_range(struct ui_prompt *p, size_t from, size_t to, bool keep)
{
	if (from >= to)
		return;
	if (keep && !p->spec.is_secret) {
		buf_reset(&p->kill);
		buf_add(&p->kill, p->text.ptr + from, to - from);
	}
	replace(p, from, to - from, STR_NONE);
	p->cursor = from;
	text_changed(p);
}

static void
insert(struct ui_prompt *p, struct str text)
{
	if (text.len == 0 || p->text.len + text.len > MAX_TEXT)
		return;
	if (p->spec.is_secret) {
		/* In place, see ui_prompt_open(). */
		memmove(p->text.ptr + p->cursor + text.len, p->text.ptr + p->cursor,
			p->text.len - p->cursor);
		memcpy(p->text.ptr + p->cursor, text.ptr, text.len);
		p->text.len += text.len;
		p->text.ptr[p->text.len] = '\0';
		p->cursor += text.len;
		return;
	}
	replace(p, p->cursor, 0, text);
	text_changed(p);
}

enum word_case { UPPER, LOWER, CAPITAL };

/* ASCII letters only: what other scripts make of case is not ours to guess. */
static void
change_case(struct ui_prompt *p, enum word_case how)
{
	size_t to = word_end(p, p->cursor);
	bool is_first = true;

	for (size_t i = p->cursor; i < to; i++) {
		int c = (unsigned char)p->text.ptr[i];
		bool upper = how == UPPER || (how == CAPITAL && is_first);
		if (ascii_is_alpha(c)) {
			p->text.ptr[i] = (char)(upper ? ascii_upper(c) : ascii_lower(c));
			is_first = false;
		}
	}
	p->cursor = to;
	text_changed(p);
}

static void
transpose(struct ui_prompt *p)
{
	size_t at = p->cursor == p->text.len ? previous_grapheme(p, p->cursor) : p->cursor;

	if (at == 0 || p->spec.is_secret)
		return;
	size_t before = previous_grapheme(p, at), after = next_grapheme(p, at);
	struct buf swapped = BUF_INIT;
	buf_add(&swapped, p->text.ptr + at, after - at);
	buf_add(&swapped, p->text.ptr + before, at - before);
	replace(p, before, after - before, buf_str(&swapped));
	buf_release(&swapped);
	text_changed(p);
}

/* ---- history -------------------------------------------------------------- */

static void
show_history(struct ui_prompt *p, size_t at)
{
	if (p->spec.history == NULL || p->spec.is_secret)
		return;
	if (at > history_count(p->history, p->spec.history))
		return;
	if (p->history_at == 0) {
		buf_reset(&p->typed);
		buf_add(&p->typed, p->text.ptr, p->text.len);
	}
	p->history_at = at;
	const char *text =
		at == 0 ? p->typed.ptr : history_get(p->history, p->spec.history, at - 1);
	buf_reset(&p->text);
	buf_addstr(&p->text, str_head(str_c(text), MAX_TEXT));
	p->cursor = p->text.len;
	p->shows_list = false;
	text_changed(p);
}

/* The next older line that begins as what was typed. */
static void
search_history(struct ui_prompt *p)
{
	if (p->spec.history == NULL)
		return;
	const char *typed = p->history_at == 0 ? p->text.ptr : p->typed.ptr;
	size_t n = history_count(p->history, p->spec.history);
	for (size_t at = p->history_at + 1; at <= n; at++) {
		const char *text = history_get(p->history, p->spec.history, at - 1);
		if (str_starts(str_c(text), typed)) {
			show_history(p, at);
			return;
		}
	}
}

static void
up_or_down(struct ui_prompt *p, bool up)
{
	if (p->shows_list && p->n_candidates > 0 && p->history_at == 0) {
		size_t n = p->n_candidates;
		if (p->chosen == NONE)
			choose(p, up ? n - 1 : 0);
		else
			choose(p, up ? (p->chosen + n - 1) % n : (p->chosen + 1) % n);
	} else if (up) {
		show_history(p, p->history_at + 1);
	} else if (p->history_at > 0) {
		show_history(p, p->history_at - 1);
	}
}

static void
move_to(struct ui_prompt *p, size_t cursor)
{
	p->cursor = cursor;
	p->chosen = NONE;
	p->shows_list = false;
}

void
ui_prompt_edit(struct ui_prompt *p, const struct ui_edit *edit)
{
	if (!p->is_open)
		return;
	switch ((enum edit_id)edit->id) {
	case EDIT_BACKSPACE:
		/* On an empty line it leaves, as in mutt. */
		if (p->text.len == 0)
			ui_prompt_dismiss(p);
		else
			kill_range(p, previous_grapheme(p, p->cursor), p->cursor, false);
		break;
	case EDIT_DELETE_CHAR:
		if (p->cursor < p->text.len)
			kill_range(p, p->cursor, next_grapheme(p, p->cursor), false);
		break;
	case EDIT_BACKWARD_CHAR:
		move_to(p, previous_grapheme(p, p->cursor));
		break;
	case EDIT_FORWARD_CHAR:
		if (p->cursor < p->text.len)
			move_to(p, next_grapheme(p, p->cursor));
		break;
	case EDIT_BACKWARD_WORD:
		move_to(p, word_start(p, p->cursor));
		break;
	case EDIT_FORWARD_WORD:
		move_to(p, word_end(p, p->cursor));
		break;
	case EDIT_BOL:
		move_to(p, 0);
		break;
	case EDIT_EOL:
		move_to(p, p->text.len);
		break;
	case EDIT_KILL_EOL:
		kill_range(p, p->cursor, p->text.len, true);
		break;
	case EDIT_KILL_EOW:
		kill_range(p, p->cursor, word_end(p, p->cursor), true);
		break;
	case EDIT_KILL_LINE:
	case EDIT_KILL_WHOLE_LINE:
		kill_range(p, 0, p->text.len, true);
		break;
	case EDIT_KILL_WORD:
		kill_range(p, word_start(p, p->cursor), p->cursor, true);
		break;
	case EDIT_YANK:
		insert(p, buf_str(&p->kill));
		break;
	case EDIT_CAPITALIZE_WORD:
		change_case(p, CAPITAL);
		break;
	case EDIT_UPCASE_WORD:
		change_case(p, UPPER);
		break;
	case EDIT_DOWNCASE_WORD:
		change_case(p, LOWER);
		break;
	case EDIT_TRANSPOSE_CHARS:
		transpose(p);
		break;
	case EDIT_COMPLETE:
	case EDIT_COMPLETE_QUERY:
	case EDIT_BUFFY_CYCLE:
		complete(p, false);
		break;
	case EDIT_COMPLETE_BACK:
		complete(p, true);
		break;
	case EDIT_HISTORY_UP:
		up_or_down(p, true);
		break;
	case EDIT_HISTORY_DOWN:
		up_or_down(p, false);
		break;
	case EDIT_HISTORY_SEARCH:
		search_history(p);
		break;
	case EDIT_QUOTE_CHAR:
		p->takes_next_as_is = true;
		break;
	case EDIT_ACCEPT:
		end(p, buf_str(&p->text));
		break;
	case EDIT_ABORT:
		ui_prompt_dismiss(p);
		break;
	case EDIT_REDRAW_SCREEN: /* the main loop's */
	case EDIT_N:
		break;
	}
}

static bool
take_choice(struct ui_prompt *p, uint32_t key)
{
	/* Y is y, as in mutt. */
	char letter[2] = { (char)(key >= 'A' && key <= 'Z' ? key | 32 : key), '\0' };

	if (key == KEYC_RETURN || key == KEYC_ENTER || key == KEYC_KP_ENTER)
		letter[0] = p->spec.choices[0];
	else if (key >= 0x80 || key < ' ' || strchr(p->spec.choices, letter[0]) == NULL)
		letter[0] = '\0';
	if (letter[0] != '\0')
		end(p, str_n(letter, 1));
	else if (key == KEYC_ESC || key == 'q' || key == 7 || key == 3)
		ui_prompt_dismiss(p);
	else
		return false;
	return true;
}

bool
ui_prompt_key(struct ui_prompt *p, uint32_t key)
{
	if (!p->is_open)
		return false;
	if (p->spec.choices != NULL)
		return take_choice(p, key);
	bool as_is = p->takes_next_as_is;
	p->takes_next_as_is = false;
	if (!key_is_char(key) || key == 0 || (key < ' ' && !as_is))
		return false;
	struct buf one = BUF_INIT;
	utf8_add(&one, key);
	insert(p, buf_str(&one));
	if (p->spec.is_secret)
		buf_wipe(&one);
	buf_release(&one);
	return true;
}

/* A line break in what is pasted is no Enter. */
void
ui_prompt_paste(struct ui_prompt *p, struct str text)
{
	struct buf line = BUF_INIT;

	if (!p->is_open || p->spec.choices != NULL)
		return;
	utf8_add_valid(&line, str_head(text, MAX_TEXT));
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.ptr[i] < ' ')
			line.ptr[i] = ' ';
	insert(p, p->spec.is_secret ? str_trim(buf_str(&line)) : buf_str(&line));
	buf_wipe(&line);
}

/* ---- drawing -------------------------------------------------------------- */

/* The first byte to show so that the cursor is in a field of `cols`. */
static size_t
scroll_to_cursor(const struct ui_prompt *p, int cols)
{
	size_t start = 0;
	int used = utf8_cols(str_head(buf_str(&p->text), p->cursor));

	while (used >= cols && start < p->cursor) {
		int width;
		start += utf8_grapheme(str_from(buf_str(&p->text), start), &width);
		used -= width;
	}
	return start;
}

static void
draw_line(const struct ui_prompt *p, struct ui_area line, struct ui_style normal,
	  struct ui_style prompt)
{
	ui_fill(line, 0, 0, line.cols, normal);
	int col = ui_puts(line, 0, 0, p->spec.label, prompt);
	int room = line.cols - col;
	if (room < 8) {
		/* A long question: its end and the answer are what matters. */
		struct str label = str_c(p->spec.label);
		while (label.len > 0 && utf8_cols(label) > line.cols - 12) {
			int width;
			label = str_from(label, utf8_grapheme(label, &width));
		}
		ui_fill(line, 0, 0, line.cols, normal);
		col = ui_put(line, 0, 0, label, prompt);
		room = line.cols - col;
	}
	int note_cols = utf8_cols(buf_str(&p->note));
	if (p->note.len > 0 && note_cols + 2 < room / 2) {
		ui_put(line, 0, line.cols - note_cols - 1, buf_str(&p->note), prompt);
		room -= note_cols + 2;
	}
	if (p->spec.is_secret) {
		ui_cursor(line, 0, col);
		return;
	}
	struct ui_area field = ui_area_sub(line, 0, col, 1, room);
	size_t start = scroll_to_cursor(p, room);
	/* Up to the cursor, then from it: where it stands is counted in what is drawn. */
	int before = ui_put(field, 0, 0,
			    str_head(str_from(buf_str(&p->text), start), p->cursor - start), normal);
	ui_put(field, 0, before, str_from(buf_str(&p->text), p->cursor), normal);
	ui_cursor(field, 0, before);
}

/* As much of the line as fits in `cols`. */
static struct str
take_row(struct str *line, int cols)
{
	size_t len = 0;
	int used = 0, width;

	while (len < line->len) {
		size_t n = utf8_grapheme(str_from(*line, len), &width);
		if (used + width > cols && len > 0)
			break;
		used += width;
		len += n;
	}
	struct str row = str_head(*line, len);
	*line = str_from(*line, len);
	return row;
}

/* The rows of `about`, drawn from `first` on unless area is NULL; how many there are. */
static int
about_rows(const struct ui_prompt *p, int cols, const struct ui_area *area, struct ui_style style)
{
	struct str rest = str_c(p->spec.about), line;
	int n = 0;

	while (str_next(&rest, '\n', &line))
		do {
			struct str row = take_row(&line, cols);
			if (area != NULL && n < area->rows)
				ui_put(*area, n, 0, row, style);
			n++;
		} while (line.len > 0);
	return n;
}

static void
draw_about(const struct ui_prompt *p, struct ui_area body, struct ui_style normal)
{
	int rows = about_rows(p, body.cols, NULL, normal);

	if (rows > body.rows)
		rows = body.rows;
	struct ui_area box = ui_area_sub(body, body.rows - rows, 0, rows, body.cols);
	ui_clear(box, normal);
	about_rows(p, body.cols, &box, normal);
}

static int
list_width(const struct ui_prompt *p, size_t first, size_t n, int max)
{
	struct ui_candidate c;
	int text_cols = 20, note_cols = 0;

	for (size_t i = first; i < first + n && get_candidate(p, i, &c); i++) {
		int cols = utf8_cols(c.text);
		text_cols = cols > text_cols ? cols : text_cols;
		cols = utf8_cols(c.note);
		note_cols = cols > note_cols ? cols : note_cols;
	}
	int width = text_cols + (note_cols > 0 ? note_cols + 2 : 0) + 4;
	return width > max ? max : width;
}

static void
draw_frame_row(struct ui_area box, int row, const char *left, const char *right,
	       struct ui_style style)
{
	for (int col = 0; col < box.cols; col++)
		ui_puts(box, row, col, "─", style);
	ui_puts(box, row, 0, left, style);
	ui_puts(box, row, box.cols - 1, right, style);
}

static void
draw_list(const struct ui_prompt *p, struct ui_area body, struct ui_style normal,
	  struct ui_style frame, struct ui_style chosen)
{
	int rows = p->n_candidates < MAX_LIST_ROWS ? (int)p->n_candidates : MAX_LIST_ROWS;

	if (rows + 2 > body.rows)
		rows = body.rows - 2;
	if (rows < 1)
		return;
	size_t at = p->chosen == NONE ? 0 : p->chosen;
	size_t first = at < (size_t)rows ? 0 : at - (size_t)rows + 1;
	int width = list_width(p, first, (size_t)rows, body.cols);
	struct ui_area box = ui_area_sub(body, body.rows - rows - 2, 0, rows + 2, width);
	ui_clear(box, normal);
	draw_frame_row(box, 0, "┌", "┐", frame);
	draw_frame_row(box, rows + 1, "└", "┘", frame);
	if (p->n_candidates > (size_t)rows) {
		char more[48];
		snprintf(more, sizeof(more), " %zu of %zu ", first + (size_t)rows, p->n_candidates);
		ui_puts(box, rows + 1, 2, more, frame);
	}
	for (int i = 0; i < rows; i++) {
		struct ui_candidate c;
		if (!get_candidate(p, first + (size_t)i, &c))
			break;
		bool is_chosen = p->chosen == first + (size_t)i;
		struct ui_style style = is_chosen ? ui_style_over(normal, chosen) : normal;
		struct ui_area line = ui_area_sub(box, i + 1, 1, 1, box.cols - 2);
		int note_cols = utf8_cols(c.note);
		ui_puts(box, i + 1, 0, "│", frame);
		ui_puts(box, i + 1, box.cols - 1, "│", frame);
		ui_fill(line, 0, 0, line.cols, style);
		if (is_chosen)
			ui_puts(line, 0, 0, "▸", style);
		ui_put(line, 0, 1, c.text, style);
		if (c.note.len > 0 && note_cols < line.cols - 4)
			ui_put(line, 0, line.cols - note_cols - 1, c.note, style);
	}
}

void
ui_prompt_draw(const struct ui_prompt *p, struct ui_area message, struct ui_area body,
	       struct ui_style normal, struct ui_style prompt, struct ui_style chosen)
{
	if (!p->is_open)
		return;
	if (p->spec.about != NULL)
		draw_about(p, body, normal);
	if (p->shows_list && p->n_candidates > 0)
		draw_list(p, body, normal, prompt, chosen);
	draw_line(p, ui_area_sub(message, message.rows - 1, 0, 1, message.cols), normal, prompt);
}

void
ui_prompt_set_history(struct ui_prompt *p, size_t max_entries)
{
	history_set_max(p->history, max_entries);
}

int
ui_prompt_load_history(struct ui_prompt *p, const char *path, struct err *err)
{
	return history_load(p->history, path, err);
}

int
ui_prompt_save_history(const struct ui_prompt *p, const char *path, size_t max_entries,
		       struct err *err)
{
	return history_save(p->history, path, max_entries, err);
}
