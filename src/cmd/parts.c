/* The parts of a message, and saving one. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/utf8.h"

/* ---- the list ------------------------------------------------------------------------------- */

static struct model_doc *
shown_doc(const struct screen *s)
{
	const struct app *app = s->app;
	bool is_above = true;

	/* The message below this screen; above it there may be one of its parts. */
	for (size_t i = app->screens.n; i-- > 0;) {
		if (app->screens.v[i] == s)
			is_above = false;
		else if (!is_above && app->screens.v[i]->doc != NULL)
			return app->screens.v[i]->doc;
	}
	return NULL;
}

/* Of the list of parts that is on top; NULL if it is another screen. */
static struct model_doc *
listed_doc(struct app *app)
{
	const struct screen *s = screen_top(app);

	return s->kind == SCREEN_PARTS ? shown_doc(s) : NULL;
}

/* The part the cursor is on; NULL if there is none. */
static const struct doc_part *
focused_part(struct app *app, uint32_t *at_out)
{
	const struct screen *s = screen_top(app);
	const struct model_doc *d = listed_doc(app);

	*at_out = s->view != NULL ? view_parts_focus(s->view) : UINT32_MAX;
	return d != NULL ? model_doc_part(d, *at_out) : NULL;
}

static uint32_t
part_count(void *ctx)
{
	const struct model_doc *d = shown_doc(ctx);

	return d != NULL ? (uint32_t)model_doc_n_parts(d) : 0;
}

static bool
has_later_sibling(const struct model_doc *d, uint32_t i, uint8_t depth)
{
	const struct doc_part *p;

	for (size_t k = i + 1; (p = model_doc_part(d, k)) != NULL && p->depth >= depth; k++)
		if (p->depth == depth)
			return true;
	return false;
}

/* Octets as they come out of base64. */
static uint64_t
decoded_size(const struct doc_part *p)
{
	return str_ieqc(p->encoding, "base64") ? p->octets / 78 * 57 + p->octets % 78 * 3 / 4
					       : p->octets;
}

static const struct saving *
saving_of(const struct app *app, uint64_t local, struct str section)
{
	for (size_t i = 0; i < app->savings.n; i++)
		if (app->savings.v[i]->local == local &&
		    str_eqc(section, app->savings.v[i]->section))
			return app->savings.v[i];
	return NULL;
}

static bool
part_at(void *ctx, uint32_t i, struct view_part *out)
{
	static const char *const presences[] = { [DOC_COMPLETE] = "here",
						 [DOC_PARTIAL] = "in part",
						 [DOC_NOT_FETCHED] = "not fetched" };
	static const char *const dispositions[] = { [DOC_NO_DISPOSITION] = "",
						    [DOC_INLINE] = "inline",
						    [DOC_ATTACHED] = "attachment" };
	static struct buf state = BUF_INIT;
	const struct screen *s = ctx;
	const struct model_doc *d = shown_doc(s);
	const struct doc_part *p = d != NULL ? model_doc_part(d, i) : NULL;

	if (p == NULL)
		return false;
	*out = (struct view_part){
		.id = i + 1,
		.number = i + 1,
		.depth = p->depth,
		.name = p->file_name,
		.description = p->description,
		.type = p->type,
		.charset = p->charset,
		.encoding = p->encoding,
		.disposition = str_c(dispositions[p->disposition]),
		.size_bytes = decoded_size(p),
		.is_container = p->is_multipart,
		.is_here = p->presence == DOC_COMPLETE,
		.state = str_c(presences[p->presence]),
	};
	for (uint8_t depth = 1; depth <= p->depth && depth <= 64; depth++)
		if (has_later_sibling(d, i, depth))
			out->tree_more |= 1ULL << (depth - 1);
	const struct saving *saving = saving_of(s->app, model_doc_local(d), p->section);
	if (saving != NULL) {
		buf_reset(&state);
		buf_add_size(&state, saving->done);
		buf_adds(&state, " of ");
		buf_add_size(&state, saving->total);
		out->state = buf_str(&state);
	}
	return true;
}

static struct str
parts_title(void *ctx)
{
	return STR("Parts of the message");
}

static void
cmd_view_parts(struct app *app, const struct cmd *c)
{
	struct screen *s;

	if (!app_needs_message(app))
		return;
	/* The parts come with the message as it is rendered. */
	if (screen_of(app, SCREEN_PAGER) == NULL) {
		app_display(app, view_index_focus(app_index(app)));
		if ((s = screen_of(app, SCREEN_PAGER)) != NULL)
			s->is_for_parts = true;
	}
	s = screen_push(app, SCREEN_PARTS, CMD_MAP_ATTACH);
	struct view_parts parts = { part_count, part_at, parts_title, s };
	s->view = view_parts_open(&parts);
}

/* ---- saving ------------------------------------------------------------------------------------ */

void
saving_free(struct saving *s)
{
	struct app *app = s->app;

	vec_remove_item(&app->savings, s);
	free(s->section);
	free(s->path);
	free(s);
}

void
parts_stop(struct app *app)
{
	/* Each ends with a CANCELED. */
	for (size_t i = app->savings.n; i-- > 0;)
		model_cancel(app->model, app->savings.v[i]->request);
}

void
parts_progress(const struct app *app, struct buf *out)
{
	for (size_t i = 0; i < app->savings.n; i++) {
		const struct saving *s = app->savings.v[i];
		const char *slash = strrchr(s->path, '/');
		buf_addf(out, "%ssaving %s ", out->len > 0 ? " · " : "", slash != NULL ? slash + 1 : s->path);
		buf_add_size(out, s->done);
		buf_adds(out, " of ");
		buf_add_size(out, s->total);
		buf_adds(out, " (^G: stop)");
	}
}

static void
saving_event(void *ctx, const struct ipc_frame *f, bool is_end)
{
	struct saving *s = ctx;
	struct app *app = s->app;
	struct msg_progress progress;
	struct msg_failed failed;

	app_mark(app);
	if (f->type == MSG_PROGRESS && msg_get_progress(f->payload, &progress, NULL) == 0) {
		/* It counts octets of base64; what is told is of the file. */
		s->done = progress.total > 0 ? progress.done * s->total / progress.total :
					       progress.done;
	}
	if (f->type == MSG_DONE)
		app_say(app, "saved to %s", s->path);
	else if (f->type == MSG_CANCELED)
		app_say(app, "saving stopped");
	else if (f->type == MSG_FAILED && msg_get_failed(f->payload, &failed, NULL) == 0)
		app_complain(app, "%.*s", STR_ARG(failed.text));
	if (is_end)
		saving_free(s);
}

static void
start_saving(struct app *app, const char *path, bool overwrite)
{
	const struct model_doc *d = listed_doc(app);
	const struct doc_part *p =
		d != NULL ? model_doc_part(d, (size_t)app->then_arg) : NULL;
	struct buf payload = BUF_INIT;

	if (p == NULL)
		return;
	struct saving *s = xcalloc(1, sizeof(*s));
	*s = (struct saving){ .app = app,
			      .local = model_doc_local(d),
			      .section = str_dup(p->section),
			      .path = xstrdup(path),
			      .total = decoded_size(p) };
	struct msg_save_part msg = { .local = s->local,
				     .section = str_c(s->section),
				     .path = str_c(path),
				     .overwrite = overwrite };
	msg_put_save_part(&payload, &msg);
	vec_push(&app->savings, s);
	s->request = model_request(app->model, MSG_SAVE_PART, buf_str(&payload), saving_event, s);
	buf_release(&payload);
}

static void
overwrite_answered(struct app *app, struct str answer)
{
	if (answer_is_yes(answer))
		start_saving(app, app->then_text, true);
}

/* What was typed, as a full path: the manager has a directory of its own. */
static char *
full_path(struct str typed)
{
	char here[4096];

	if (str_starts(typed, "~/"))
		return xasprintf("%s%.*s", fs_home(), STR_ARG(str_from(typed, 1)));
	if (typed.len > 0 && typed.ptr[0] == '/')
		return str_dup(typed);
	if (getcwd(here, sizeof(here)) == NULL)
		return str_dup(typed);
	return xasprintf("%s/%.*s", here, STR_ARG(typed));
}

static void
path_typed(struct app *app, struct str answer)
{
	struct stat st;
	char *path;

	if (answer.len == 0)
		return;
	path = full_path(answer);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		app_complain(app, "%s is a directory", path);
	} else if (stat(path, &st) == 0) {
		free(app->then_text);
		app->then_text = xstrdup(path);
		ask_quad(app, CONFIG_ASK_NO, overwrite_answered, "%s exists. Overwrite it?", path);
	} else {
		start_saving(app, path, false);
	}
	free(path);
}

/* The sender's name for a file is a suggestion: its last part, without what would
 * hide it, be an option, or be a control. */
static void
clean_name(struct str name, struct buf *out)
{
	struct buf safe = BUF_INIT;
	struct str s;

	utf8_add_safe(&safe, name);
	s = buf_str(&safe);
	for (long at; (at = str_find(s, '/')) >= 0 || (at = str_find(s, '\\')) >= 0;)
		s = str_from(s, (size_t)at + 1);
	while (s.len > 0 && (s.ptr[0] == '.' || s.ptr[0] == '-' || s.ptr[0] == ' ' ||
			     s.ptr[0] == '~'))
		s = str_from(s, 1);
	/* 255 bytes is what file systems take */
	while (s.len > 200 && ((unsigned char)s.ptr[200] & 0xc0) == 0x80)
		s.len--;
	buf_addstr(out, str_head(s, 200));
	buf_release(&safe);
}

static void
cmd_save_part(struct app *app, const struct cmd *c)
{
	uint32_t at;
	const struct doc_part *p = focused_part(app, &at);
	struct buf name = BUF_INIT;

	if (p == NULL) {
		app_complain(app, "there is no part to save");
		return;
	}
	if (p->is_multipart) {
		app_complain(app, "that part only holds others");
		return;
	}
	clean_name(p->file_name, &name);
	app->then_arg = (int)at;
	ask_line(app, "file", name.ptr, path_typed, "Save to file: ");
	buf_release(&name);
}

/* ---- viewing ------------------------------------------------------------------------------------- */

#define MAX_VIEWED (16 << 20) /* octets of a message fetched whole for a part of text */

static bool
is_text(const struct doc_part *p)
{
	return p->is_multipart || str_starts(p->type, "text/") || str_starts(p->type, "message/");
}

static void
cmd_view_part(struct app *app, const struct cmd *c)
{
	uint32_t at;
	const struct doc_part *p = focused_part(app, &at);
	struct buf keys = BUF_INIT;
	struct model_row row;

	if (p == NULL) {
		app_complain(app, "there is no part to show");
		return;
	}
	uint64_t local = model_doc_local(listed_doc(app));
	bool is_here = p->presence != DOC_NOT_FETCHED;
	bool is_large = !is_here && (!model_row_of(app->model, local, &row) ||
				     row.row.size_bytes > MAX_VIEWED);
	if (!app_keys_of(app, CMD_MAP_ATTACH, "save-entry", &keys))
		buf_adds(&keys, "<save-entry>");
	if (!is_text(p))
		app_say(app, "tern has no viewer for %.*s yet: %s saves it to a file", STR_ARG(p->type),
			keys.ptr);
	else if (is_large)
		app_say(app, "the part is not fetched, and its message is large: %s saves it to a file",
			keys.ptr);
	else
		app_display_part(app, local, p->section, !is_here);
	buf_release(&keys);
}

const struct cmd cmd_parts_rows[] = {
	{ "view-attachments", "v", IN(INDEX) | IN(PAGER), NULL, "Show the parts of the message",
	  cmd_view_parts, 0, 0 },
	{ "view-attach", "<Return> <Enter>", IN(ATTACH), NULL,
	  "Show the part if it is text, a page or a message", cmd_view_part, 0, 0 },
	{ "view-text", "T", IN(ATTACH), NULL, "Show the part if it is text, a page or a message",
	  cmd_view_part, 0, 0 },
	{ "save-entry", "s", IN(ATTACH), "a file name", "Save the part to a file", cmd_save_part,
	  0, 0 },
	{ NULL, NULL, 0, NULL, NULL, NULL, 0, 0 },
};
