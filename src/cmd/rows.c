/* What the views are given: the model's rows and folders in their terms. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/utf8.h"

/* ---- who is who ----------------------------------------------------------------------- */

/* An address of "Name <a@b>" or "a@b". */
static struct str
bare_address(struct str one)
{
	long open = str_find(one, '<'), close;

	if (open < 0)
		return str_trim(one);
	one = str_from(one, (size_t)open + 1);
	close = str_find(one, '>');
	return close >= 0 ? str_head(one, (size_t)close) : one;
}

/* `alternates` */
static bool
is_alternate(const struct app *app, struct str address)
{
	char text[512];

	if (app->alternates.n == 0 || address.len >= sizeof(text))
		return false;
	memcpy(text, address.ptr, address.len);
	text[address.len] = '\0';
	for (size_t i = 0; i < app->alternates.n; i++)
		if (regexec(&app->alternates.v[i], text, 0, NULL, 0) == 0)
			return true;
	return false;
}

bool
app_is_me(struct app *app, struct str address)
{
	struct str from = bare_address(str_c(config_string(app->conf, OPT_from)));
	const char *user = config_string(app->conf, OPT_imap_user);

	address = bare_address(address);
	if (address.len == 0)
		return false;
	if (from.len > 0 && str_ieq(address, from))
		return true;
	if (strchr(user, '@') != NULL && str_ieqc(address, user))
		return true;
	for (size_t i = 0; i < app->accounts.n; i++) {
		const char *name = app->accounts.v[i].name;
		const char *at = strrchr(name, '@');
		/* A user that is an address. */
		if (at != NULL && str_ieq(address, str_n(name, (size_t)(at - name))))
			return true;
	}
	return is_alternate(app, address);
}

/* Addresses are shown with commas between; a comma in quotes does not count. */
static bool
next_address(struct str *list, struct str *out)
{
	bool quoted = false;
	size_t i = 0;

	if (list->len == 0)
		return false;
	for (; i < list->len && (quoted || list->ptr[i] != ','); i++)
		if (list->ptr[i] == '"')
			quoted = !quoted;
	*out = str_head(*list, i);
	*list = str_from(*list, i < list->len ? i + 1 : i);
	return true;
}

static bool
has_me(struct app *app, struct str list, unsigned *n_out)
{
	struct str one;
	bool found = false;

	*n_out = 0;
	/* A list of thousands is not read to its end for a mark. */
	while (*n_out < 50 && next_address(&list, &one)) {
		++*n_out;
		found |= app_is_me(app, one);
	}
	return found;
}

/* Index into $to_chars. */
static uint8_t
to_me(struct app *app, const struct row *row)
{
	unsigned n_to, n_cc;
	bool in_to = has_me(app, row->to, &n_to), in_cc = has_me(app, row->cc, &n_cc);

	if (app_is_me(app, row->from_addr))
		return 4;
	if (in_to)
		return n_to == 1 && n_cc == 0 ? 1 : 2;
	if (in_cc)
		return 3;
	return 0;
}

/* ---- the index --------------------------------------------------------------------------- */

static bool
repeats_subject(struct app *app, const struct model_row *mr)
{
	struct model_row parent;
	bool unused;

	if (mr->parent == 0 || !config_bool(app->conf, OPT_hide_thread_subject) ||
	    !model_row_of(app->model, mr->parent, &parent))
		return false;
	return str_ieq(thread_base_subject(mr->row.subject, &unused),
		       thread_base_subject(parent.row.subject, &unused));
}

bool
app_view_row(struct app *app, const struct model_row *mr, struct view_row *out)
{
	*out = (struct view_row){
		.row = mr->row,
		.number = mr->number,
		.is_tagged = mr->is_tagged,
		.to_me = to_me(app, &mr->row),
		.is_to_list = mr->row.list_id.len > 0,
		.tree_depth = mr->tree_depth,
		.tree_more = mr->tree_more,
		.is_tree_broken = mr->is_tree_broken,
		.is_collapsed = mr->is_collapsed,
		.n_hidden = mr->n_hidden,
		.hides_unread = mr->hides != MODEL_HIDES_READ,
		.hides_recent = mr->hides == MODEL_HIDES_NEW,
		.n_thread = mr->n_hidden + 1,
		.n_attachments = mr->row.flags & ROW_ATTACHMENT ? 1 : 0,
	};
	out->is_from_me = out->to_me == 4;
	out->hides_subject = repeats_subject(app, mr);
	return true;
}

static uint32_t
row_count(void *ctx)
{
	return model_count(((struct app *)ctx)->model);
}

static bool
row_at(void *ctx, uint32_t ordinal, struct view_row *out)
{
	struct app *app = ctx;
	struct model_row mr;

	return model_row(app->model, ordinal, &mr) && app_view_row(app, &mr, out);
}

static bool
row_find(void *ctx, uint64_t local, uint32_t *ordinal_out)
{
	return model_find(((struct app *)ctx)->model, local, ordinal_out);
}

static uint32_t
n_folders_with_new(struct app *app)
{
	uint32_t n = 0;

	for (size_t i = 0; i < model_n_folders(app->model); i++)
		n += model_folder(app->model, i)->n_unseen > 0;
	return n;
}

/* What stands in the status line besides the numbers. */
static struct str
what_is_busy(struct app *app, const struct model_mailbox *m)
{
	static struct buf text = BUF_INIT;

	buf_reset(&text);
	model_progress(app->model, &text);
	if (text.len == 0 && *m->busy != '\0')
		buf_adds(&text, m->busy);
	if (text.len == 0 && m->n_server > m->n_cached && m->n_cached > 0)
		buf_addf(&text, "reading headers %u of %u", m->n_cached, m->n_server);
	return buf_str(&text);
}

static const char *
why_empty(struct app *app, const struct model_mailbox *m)
{
	struct model_account a = { .state = ACCOUNT_OFFLINE };

	if (m->n_shown > 0)
		return NULL;
	if (model_limit(app->model).len > 0)
		return model_is_ordering(app->model) ? "looking for messages that match" :
						       "no message matches the limit";
	if (app->wanted_error != NULL)
		return "the mailbox could not be opened";
	if (m->n_messages > 0)
		return "its messages are being put in order";
	if (m->is_in_step || (m->is_known && m->n_server == 0))
		return "no messages";
	model_account_by_name(app->model, str_c(m->account), &a);
	return a.state == ACCOUNT_WAITING || a.state == ACCOUNT_STOPPED ? "nothing of it has been fetched yet" :
									  "its messages are being fetched";
}

void
app_fill_mailbox(struct app *app, struct view_mailbox *out)
{
	static struct buf name = BUF_INIT, sort = BUF_INIT, aux = BUF_INIT;
	struct model_mailbox m;

	memset(out, 0, sizeof(*out));
	if (!model_mailbox(app->model, &m)) {
		out->name = STR("(no mailbox)"); /* as in mutt */
		out->empty = app->why_no_mailbox.ptr;
		return;
	}
	buf_reset(&name);
	buf_addf(&name, "%s/%s", m.label, m.name);
	buf_reset(&sort);
	buf_reset(&aux);
	app_sort_word(app, OPT_sort, &sort);
	app_sort_word(app, OPT_sort_aux, &aux);
	*out = (struct view_mailbox){
		.name = buf_str(&name),
		.n_messages = m.n_listed,
		.n_new = m.n_unseen,
		.n_unread = m.n_unseen,
		.n_flagged = m.n_flagged,
		.n_to_delete = m.n_to_delete,
		.n_tagged = m.n_tagged,
		.n_mailboxes_with_new = n_folders_with_new(app),
		.n_shown = m.n_shown,
		.limit = model_limit(app->model),
		.sort = buf_str(&sort),
		.sort_aux = buf_str(&aux),
		.is_read_only = m.is_read_only,
		.is_changed = m.has_held,
		.is_read = app_pager(app) != NULL,
		.busy = what_is_busy(app, &m),
		.empty = why_empty(app, &m),
	};
}

static void
row_mailbox(void *ctx, struct view_mailbox *out)
{
	app_fill_mailbox(ctx, out);
}

struct view_rows
app_view_rows(struct app *app)
{
	return (struct view_rows){ .count = row_count,
				   .at = row_at,
				   .find = row_find,
				   .mailbox = row_mailbox,
				   .ctx = app };
}

/* ---- folders ----------------------------------------------------------------------------------- */

void
app_dirty_folders(struct app *app)
{
	app->folders_known = false;
	app_mark(app);
}

static void
add_folder(struct app *app, const struct model_folder *f)
{
	struct folder_line line = { .folder = *f, .last = f->name };
	struct buf url = BUF_INIT, path = BUF_INIT;

	if (!f->is_root) {
		place_url(app, f, &url);
		place_show(app, buf_str(&url), &path);
	}
	line.path = buf_take(&path);
	buf_release(&url);
	/* Below the nearest one before it whose name is the beginning of this one's. */
	for (size_t i = app->folders.n; i-- > 0 && !f->is_root && f->delimiter != '\0';) {
		struct folder_line *up = &app->folders.v[i];
		size_t len = strlen(up->folder.name);
		if (up->folder.is_root)
			break;
		if (strncmp(f->name, up->folder.name, len) != 0 || f->name[len] != f->delimiter)
			continue;
		line.depth = (uint8_t)(up->depth + 1);
		line.last = f->name + len + 1;
		up->has_children = true;
		break;
	}
	vec_push(&app->folders, line);
}

/* By what $sort_browser and $sidebar_sort_method name; equal ones as they were. */
struct ranked {
	struct config_sort sort;
	const struct folder_line *line;
	size_t at;
};

static uint32_t
count_for(const struct ranked *r)
{
	const struct model_folder *f = &r->line->folder;

	switch (r->sort.method) {
	case CONFIG_SORT_COUNT:
	case CONFIG_SORT_SIZE:
		return f->n_messages;
	case CONFIG_SORT_UNREAD:
		return f->n_unseen;
	case CONFIG_SORT_FLAGGED:
		return f->n_flagged;
	default:
		return 0;
	}
}

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	uint32_t n = count_for(x), m = count_for(y);
	int by = x->sort.method == CONFIG_SORT_ALPHA
			 ? str_icmp(str_c(x->line->folder.name), str_c(y->line->folder.name))
			 : (n < m) - (n > m); /* the most first */

	if (x->sort.is_reverse)
		by = -by;
	return by != 0 ? by : (x->at > y->at) - (x->at < y->at);
}

/* One account's, without its own line. */
static void
sort_lines(struct app *app, struct config_sort sort, uint32_t *lines, size_t n)
{
	struct ranked *r = xcalloc(n + 1, sizeof(*r));

	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){ sort, &app->folders.v[lines[i]], i };
	if (n > 1)
		qsort(r, n, sizeof(*r), compare_ranked);
	for (size_t i = 0; i < n; i++)
		lines[i] = (uint32_t)(r[i].line - app->folders.v);
	free(r);
}

static void
sort_by_account(struct app *app, struct config_sort sort, uint32_t *lines, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		end = i + 1;
		while (end < n && !app->folders.v[lines[end]].folder.is_root)
			end++;
		bool is_root = app->folders.v[lines[i]].folder.is_root;
		sort_lines(app, sort, lines + i + is_root, end - i - is_root);
	}
}

static void
sort_sidebar(struct app *app)
{
	struct config_sort sort = config_sort(app->conf, OPT_sidebar_sort_method);

	if (sort.method != CONFIG_SORT_UNSORTED)
		sort_by_account(app, sort, app->sidebar_folders.v, app->sidebar_folders.n);
}

/* $sort_browser; as the model has them, by name, what is below another stands there. */
static void
sort_folders(struct app *app)
{
	struct config_sort sort = config_sort(app->conf, OPT_sort_browser);
	size_t n = app->folders.n;

	if (n == 0 || sort.method == CONFIG_SORT_UNSORTED || sort.method == CONFIG_SORT_DATE ||
	    (sort.method == CONFIG_SORT_ALPHA && !sort.is_reverse))
		return;
	uint32_t *lines = xreallocarray(NULL, n, sizeof(*lines));
	struct folder_line *copy = xreallocarray(NULL, n, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		lines[i] = (uint32_t)i;
	sort_by_account(app, sort, lines, n);
	for (size_t i = 0; i < n; i++) {
		copy[i] = app->folders.v[lines[i]];
		/* Away from what it is below, a name stands whole. */
		copy[i].depth = 0;
		copy[i].last = copy[i].folder.name;
	}
	memcpy(app->folders.v, copy, n * sizeof(*copy));
	free(copy);
	free(lines);
}

void
app_make_folders(struct app *app)
{
	bool any_wanted = false;

	if (app->folders_known)
		return;
	app->folders_known = true;
	for (size_t i = 0; i < app->folders.n; i++)
		free(app->folders.v[i].path);
	vec_reset(&app->folders);
	vec_reset(&app->sidebar_folders);
	for (size_t i = 0; i < model_n_folders(app->model); i++) {
		add_folder(app, model_folder(app->model, i));
		any_wanted |= model_folder(app->model, i)->is_wanted;
	}
	sort_folders(app);
	bool only_new = config_bool(app->conf, OPT_sidebar_new_mail_only);
	bool non_empty = config_bool(app->conf, OPT_sidebar_non_empty_mailbox_only);
	for (uint32_t i = 0; i < app->folders.n; i++) {
		const struct model_folder *f = &app->folders.v[i].folder;
		bool is_in = f->is_root || !any_wanted || f->is_wanted;
		if (only_new && !f->is_root && f->n_unseen == 0)
			is_in = false;
		if (non_empty && !f->is_root && f->has_counts && f->n_messages == 0)
			is_in = false;
		if (is_in && !(f->attrs & FOLDER_NOSELECT && !f->is_root && any_wanted))
			vec_push(&app->sidebar_folders, i);
	}
	sort_sidebar(app);
}

static void
tell_folder(struct app *app, const struct folder_line *l, struct view_folder *out)
{
	const struct model_folder *f = &l->folder;
	const struct app_account *a = app_account_named(app, str_c(f->account));

	*out = (struct view_folder){
		.id = f->id,
		.is_root = f->is_root,
		.depth = l->depth,
		.name = str_c(f->is_root ? f->label : l->last),
		.path = str_c(l->path),
		.account = str_c(f->label),
		.n_messages = f->n_messages,
		.n_new = f->n_unseen,
		.n_unread = f->n_unseen,
		.n_flagged = f->n_flagged,
		.has_counts = f->has_counts,
		.is_subscribed = (f->attrs & FOLDER_SUBSCRIBED) != 0,
		.is_selectable = !f->is_root && !(f->attrs & FOLDER_NOSELECT),
		.has_children = l->has_children,
		.is_open = true,
		.note = f->is_root && a != NULL ? str_c(a->url) : STR_NONE,
		.delimiter = f->delimiter,
	};
	out->is_current = !f->is_root && app->place.account != NULL &&
			  strcmp(app->place.account, f->account) == 0 &&
			  str_eq(buf_str(&app->place.wire), f->wire);
}

static uint32_t
all_count(void *ctx)
{
	app_make_folders(ctx);
	return (uint32_t)((struct app *)ctx)->folders.n;
}

static bool
all_at(void *ctx, uint32_t i, struct view_folder *out)
{
	struct app *app = ctx;

	app_make_folders(app);
	if (i >= app->folders.n)
		return false;
	tell_folder(app, &app->folders.v[i], out);
	return true;
}

static bool
all_find(void *ctx, uint64_t id, uint32_t *i_out)
{
	struct app *app = ctx;

	app_make_folders(app);
	for (uint32_t i = 0; i < app->folders.n; i++)
		if (app->folders.v[i].folder.id == id) {
			*i_out = i;
			return true;
		}
	return false;
}

static uint32_t
side_count(void *ctx)
{
	app_make_folders(ctx);
	return (uint32_t)((struct app *)ctx)->sidebar_folders.n;
}

/* $sidebar_short_path, $sidebar_component_depth, $sidebar_folder_indent. What a name
 * is below may not be there: without them it stands whole. */
static void
side_name(struct app *app, const struct folder_line *l, struct view_folder *out)
{
	static struct buf text = BUF_INIT;
	const char *delims = config_string(app->conf, OPT_sidebar_delim_chars);
	bool is_short = config_bool(app->conf, OPT_sidebar_short_path);
	long cut = config_number(app->conf, OPT_sidebar_component_depth);
	struct str name = str_c(l->folder.name), last = name;
	long depth = 0, left_out = 0;

	for (size_t i = 0; i + 1 < name.len; i++) {
		if (name.ptr[i] != l->folder.delimiter && strchr(delims, name.ptr[i]) == NULL)
			continue;
		depth++;
		if (is_short || depth <= cut) {
			last = str_from(name, i + 1);
			left_out = depth;
		}
	}
	buf_reset(&text);
	if (config_bool(app->conf, OPT_sidebar_folder_indent))
		for (long i = cut < left_out || is_short ? cut : left_out; i < depth; i++)
			buf_adds(&text, config_string(app->conf, OPT_sidebar_indent_string));
	buf_addstr(&text, last);
	out->name = buf_str(&text);
}

static bool
side_at(void *ctx, uint32_t i, struct view_folder *out)
{
	struct app *app = ctx;

	app_make_folders(app);
	if (i >= app->sidebar_folders.n || !all_at(app, app->sidebar_folders.v[i], out))
		return false;
	out->depth = 0;
	if (!out->is_root)
		side_name(app, &app->folders.v[app->sidebar_folders.v[i]], out);
	return true;
}

static bool
side_find(void *ctx, uint64_t id, uint32_t *i_out)
{
	struct app *app = ctx;

	app_make_folders(app);
	for (uint32_t i = 0; i < app->sidebar_folders.n; i++)
		if (app->folders.v[app->sidebar_folders.v[i]].folder.id == id) {
			*i_out = i;
			return true;
		}
	return false;
}

struct view_folders
app_view_folders(struct app *app, bool sidebar)
{
	if (sidebar)
		return (struct view_folders){ side_count, side_at, side_find, app };
	return (struct view_folders){ all_count, all_at, all_find, app };
}
