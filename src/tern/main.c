/* tern: the interface. What is on the screen first comes from the cache; the
 * manager is looked for, or started, once that is painted. */
#include "internal.h"

#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/tick.h"

#define RC_BUDGET_MS 20	   /* for commands in the rc, before the first paint */
#define LEAVE_BUDGET_MS 100 /* for the manager, when quitting */

/* ---- the configuration ------------------------------------------------------------------ */

static int
read_rc(struct app *app, const struct options *o, struct err *err)
{
	struct config_reader *r = app_reader(app);
	char *config_dir = fs_config_dir();
	char *paths[] = { xasprintf("%s/ternrc", config_dir), xasprintf("%s/.ternrc", fs_home()) };
	int status = 0;

	if (o->rc != NULL) {
		status = config_read_file(r, o->rc, err);
	} else {
		/* The first that is there; an unreadable one is worth a sentence. */
		for (size_t i = 0; i < ARRAY_LEN(paths); i++)
			if (access(paths[i], F_OK) == 0) {
				status = config_read_file(r, paths[i], err);
				break;
			}
	}
	for (size_t i = 0; i < o->commands.n; i++)
		config_read_text(r, "command line", str_c(o->commands.v[i]));
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		free(paths[i]);
	free(config_dir);
	return status;
}

/* ---- the debug log ------------------------------------------------------------------------- */

static void
open_debug_log(const struct options *o, const char *state_dir)
{
	const char *given = getenv("TERN_LOG");
	char *path = given != NULL ? xstrdup(given) : xasprintf("%s/debug.log", state_dir);
	char level[16];

	if (o->debug_level > 0) {
		snprintf(level, sizeof(level), "%d", o->debug_level);
		setenv("TERN_LOG", path, 1);
		setenv("TERN_LOG_LEVEL", level, 1);
		log_open(path, o->debug_level, "tern");
	} else if (given != NULL && getenv("TERN_LOG_LEVEL") != NULL) {
		log_open(path, atoi(getenv("TERN_LOG_LEVEL")), "tern");
	}
	free(path);
}

/* ---- the screen ------------------------------------------------------------------------------ */

static int
open_terminal(struct program *p, struct err *err)
{
	struct ui_term_options options = { .in_fd = STDIN_FILENO,
					   .out_fd = STDOUT_FILENO,
					   .without_colors = getenv("NO_COLOR") != NULL };
	int rows, cols;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, ERR_USER, "tern needs a terminal");
	p->term = ui_term_open(&options, err);
	if (p->term == NULL)
		return -1;
	ui_term_size(p->term, &rows, &cols);
	p->screen = ui_screen_new(rows, cols);
	app_set_colors(p->app, ui_term_colors(p->term));
	return 0;
}

/* For tests and figures: the first screen as text, and nothing else. */
static int
print_screen(struct program *p, const char *size)
{
	int rows = 24, cols = 80;
	struct buf text = BUF_INIT;

	if (sscanf(size, "%dx%d", &rows, &cols) != 2 || rows < 1 || cols < 1 || rows > 1000 ||
	    cols > 1000)
		return 1;
	p->screen = ui_screen_new(rows, cols);
	app_turn(p->app, tick_ms());
	app_draw(p->app, p->screen);
	ui_screen_text(p->screen, &text);
	fputs(text.ptr, stdout);
	buf_release(&text);
	return 0;
}

static int
run(struct program *p, const struct options *o, const char *mailbox)
{
	struct err err = ERR_INIT;
	const char *print = getenv("TERN_PRINT_SCREEN");
	int status = 0;

	if (!model_is_open(app_model(p->app)) && app_start(p->app, mailbox, &err) < 0 &&
	    !app_start_without(p->app, mailbox, &err))
		goto failed;
	if (o->folders)
		app_start_folders(p->app);
	if (print != NULL)
		return print_screen(p, print);
	if (open_terminal(p, &err) < 0)
		goto failed;
	app_turn(p->app, tick_ms());
	program_draw(p);
	p->link.is_of_window = true;
	link_tell_window(&p->link);
	if (p->link.state == LINK_DOWN && p->link.conn == NULL)
		link_open(&p->link, p->app, tick_ms());
	while (!app_is_done(p->app, &status))
		program_turn(p);
	if (p->has_hung_up)
		ui_term_forget(p->term);
	else
		ui_term_close(p->term);
	p->term = NULL; /* what is heard while leaving is not drawn any more */
	return status;
failed:
	fprintf(stderr, "tern: %s\n", err.text);
	return 1;
}

static void
leave(struct program *p)
{
	uint32_t n_unsaved;

	link_leave(&p->link, p->app, LEAVE_BUDGET_MS);
	n_unsaved = model_n_unsaved(app_model(p->app));
	if (p->link.n_left > 0 && !p->has_hung_up)
		printf("tern: %u %s to be sent to the server%s\n", p->link.n_left,
		       p->link.n_left == 1 ? "change waits" : "changes wait",
		       "; it goes on by itself as long as it can");
	if (n_unsaved > 0 && !p->has_hung_up)
		fprintf(stderr, "tern: %u %s not be saved: the session manager did not answer\n",
			n_unsaved, n_unsaved == 1 ? "change could" : "changes could");
}

static int
start(const struct options *o)
{
	struct program p = { .signal_fd = -1 };
	struct err err = ERR_INIT;
	char *mailbox = NULL;
	int status;

	p.link.state_dir = fs_state_dir(&err);
	if (p.link.state_dir == NULL) {
		fprintf(stderr, "tern: %s\n", err.text);
		return 1;
	}
	p.link.retry_ms = TICK_NEVER;
	open_debug_log(o, p.link.state_dir);
	p.signal_fd = signals_open();
	char *history = xasprintf("%s/history", p.link.state_dir);
	struct app_params params = {
		.host = { .suspend = program_suspend,
			  .repaint = program_repaint,
			  .bell = program_bell,
			  .title = program_title,
			  .shell = child_shell,
			  .capture = child_capture,
			  .ctx = &p.children },
		.model = { .send = link_send,
			   .ctx = &p.link,
			   .is_without_cache = crash_is_restart() },
		.read_only = o->read_only,
		.history_file = history,
	};
	p.app = app_new(&params);
	p.children.app = p.app;
	p.children.term = &p.term;
	p.children.program = &p;
	if (read_rc(p.app, o, &err) < 0) {
		fprintf(stderr, "tern: %s\n", err.text);
		status = 1;
		goto out;
	}
	config_run(app_reader(p.app), RC_BUDGET_MS);
	app_configure(p.app);
	if (o->all_variables || o->queries.n > 0) {
		while (!config_run(app_reader(p.app), 1000))
			continue;
		fputs(app_config_errors(p.app), stderr);
		status = batch_variables(p.app, o);
		goto out;
	}
	status = o->only_if_new || o->only_if_any ? batch_look(&p, o, &mailbox) : 0;
	if (status == 0)
		status = run(&p, o, mailbox != NULL ? mailbox : o->mailbox);
	if (p.link.conn != NULL || model_n_unsaved(app_model(p.app)) > 0)
		leave(&p);
out:
	children_free(&p.children);
	app_free(p.app);
	ui_screen_free(p.screen);
	link_close(&p.link);
	free(mailbox);
	free(history);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	int status;

	setlocale(LC_ALL, "");
	/* glibc raises it by itself when a large array is freed; then the next ones come from
	 * the heap, and what an order of a million messages needed stays there for good. */
	mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	crash_prepare(argc, argv);
	status = options_read(&o, argc, argv);
	if (status < 0)
		status = start(&o);
	options_release(&o);
	return status;
}
