/* Where one begins: the first mailbox, also when the configuration tells it late; and
 * the screen without any. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const char *
first_option(struct app *app, struct buf *url)
{
	config_mailbox(app->conf, OPT_spoolfile, url);
	if (url->len > 0)
		return "$spoolfile";
	buf_adds(url, config_string(app->conf, OPT_folder));
	return url->len > 0 ? "$folder" : NULL;
}

static int
first_place(struct app *app, const char *mailbox, struct place *out, struct err *err)
{
	struct buf url = BUF_INIT;
	int status;

	if (mailbox != NULL)
		return place_resolve(app, str_c(mailbox), out, err);
	const char *option = first_option(app, &url);
	if (option == NULL)
		status = err_set(err, ERR_USER,
				 "no mailbox is configured: write 'set folder = imaps://you@imap.example.org/' into ~/.config/tern/ternrc, or name one by -f");
	else if (!account_url_is(buf_str(&url)))
		status = err_set(err, ERR_USER, "%s is no IMAP mailbox, and tern has no local ones: '%s'",
				 option, url.ptr);
	else
		status = place_of_url(app, buf_str(&url), out, err);
	buf_release(&url);
	return status;
}

static void
load_history(struct app *app)
{
	const char *history = config_string(app->conf, OPT_history_file);

	if (*history == '\0' && app->history_file != NULL)
		history = app->history_file;
	if (*history != '\0')
		ui_prompt_load_history(app->prompt, history, NULL);
}

int
app_start(struct app *app, const char *mailbox, struct err *err)
{
	struct place p = PLACE_INIT;

	model_set_pattern_context(app->model, &app->pattern_context);
	if (first_place(app, mailbox, &p, err) < 0)
		return -1;
	app->start_mailbox = xstrdup(mailbox);
	app->is_starting = config_is_reading(app->reader);
	app_all_accounts(app);
	app_open(app, &p, false);
	place_release(&p);
	load_history(app);
	return 0;
}

/* ---- without a mailbox ------------------------------------------------------------------ */

static void
add_how(struct app *app, struct buf *b)
{
	struct buf key = BUF_INIT;

	buf_adds(b, "tern reads mail from IMAP servers. In its configuration, or typed at :\n"
		    "\n"
		    "    set folder    = imaps://you@imap.example.org/\n"
		    "    set spoolfile = +INBOX\n"
		    "\n");
	if (app_keys_of(app, CMD_MAP_INDEX, "change-folder", &key))
		buf_addf(b, "%s opens any other mailbox by its URL.", key.ptr);
	buf_release(&key);
}

static void
tell_why(struct app *app, const struct err *err)
{
	bool is_reading = config_is_reading(app->reader);
	struct buf why = BUF_INIT;

	buf_adds(&why, is_reading ? "a command of the configuration is still running" : err->text);
	if (!is_reading) {
		buf_adds(&why, "\n\n");
		add_how(app, &why);
	}
	if (!is_reading && !str_eq(buf_str(&why), buf_str(&app->why_no_mailbox)))
		app_complain(app, "%s", err->text);
	buf_release(&app->why_no_mailbox);
	app->why_no_mailbox = why;
}

bool
app_start_without(struct app *app, const char *mailbox, const struct err *err)
{
	/* A name that is wrong is not one of the configuration. */
	if (!config_is_reading(app->reader) &&
	    (mailbox != NULL || *config_string(app->conf, OPT_folder) == '\0'))
		return false;
	app->start_mailbox = xstrdup(mailbox);
	app->is_starting = true;
	app_all_accounts(app);
	struct screen *index = screen_push(app, SCREEN_INDEX, CMD_MAP_INDEX);
	struct view_rows rows = app_view_rows(app);
	index->view = view_index_open(&rows);
	tell_why(app, err);
	load_history(app);
	return true;
}

void
start_follow(struct app *app)
{
	struct place p = PLACE_INIT;
	struct err err = ERR_INIT;
	bool is_open = app->place.url != NULL;

	/* Not from under another screen: the key that leaves it would be one of the index. */
	if (!app->is_starting || app->screens.n != 1 || ui_prompt_is_open(app->prompt))
		return;
	app->is_starting = !is_open || config_is_reading(app->reader);
	if (is_open && app->typed_ms != 0)
		app->is_starting = false;
	else if (first_place(app, app->start_mailbox, &p, &err) < 0) {
		if (!is_open)
			tell_why(app, &err);
	} else if (!is_open || strcmp(p.url, app->place.url) != 0) {
		app_open(app, &p, false);
		free(app->last_place);
		app->last_place = NULL;
	}
	place_release(&p);
}

void
app_start_folders(struct app *app)
{
	folder_open_list(app, false);
}
