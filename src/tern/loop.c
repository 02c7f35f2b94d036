/* The loop. */
#include "internal.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "tern/base/tick.h"

/* ---- drawing -------------------------------------------------------------------------- */

void
program_draw(struct program *p)
{
	if (p->term == NULL || ui_term_is_suspended(p->term))
		return;
	p->must_draw = false;
	ui_clear(ui_area_all(p->screen), UI_PLAIN);
	app_draw(p->app, p->screen);
	if (p->must_repaint)
		ui_term_redraw(p->term, p->screen);
	else
		ui_term_draw(p->term, p->screen);
	p->must_repaint = false;
}

static void
repaint(struct program *p)
{
	p->must_repaint = true;
	p->must_draw = true;
}

static void
take_size(struct program *p)
{
	int rows, cols;

	if (p->term == NULL)
		return;
	ui_term_size(p->term, &rows, &cols);
	ui_screen_resize(p->screen, rows, cols);
	/* Also when the size is the old one: between two signals it may have been
	 * another, and the terminal has lost what no longer fitted. */
	repaint(p);
}

void
program_repaint(void *ctx)
{
	/* While it belonged to another program its size was told to that one. */
	take_size(((struct children *)ctx)->program);
}

void
program_bell(void *ctx)
{
	struct program *p = ((struct children *)ctx)->program;

	if (p->term != NULL && !ui_term_is_suspended(p->term))
		ui_term_bell(p->term);
}

void
program_title(void *ctx, struct str text)
{
	struct program *p = ((struct children *)ctx)->program;

	if (p->term != NULL)
		ui_term_title(p->term, text);
}

static void
suspend(struct program *p)
{
	if (p->term == NULL || ui_term_is_suspended(p->term))
		return;
	ui_term_suspend(p->term);
	signals_stop();
	/* Continued. */
	ui_term_resume(p->term);
	take_size(p);
}

void
program_suspend(void *ctx)
{
	suspend(((struct children *)ctx)->program);
}

/* ---- what came ---------------------------------------------------------------------------- */

static void
take_signals(struct program *p)
{
	int sig;

	while ((sig = signals_next()) != 0) {
		switch (sig) {
		case SIGWINCH:
			take_size(p);
			break;
		case SIGCHLD:
			children_reap(&p->children);
			break;
		case SIGTSTP:
			/* With a child on the terminal the ^Z was meant for both. */
			if (p->children.foreground != 0)
				raise(SIGSTOP);
			else
				suspend(p);
			break;
		case SIGHUP:
			p->has_hung_up = true;
			app_hang_up(p->app);
			break;
		case SIGTERM:
			app_hang_up(p->app);
			break;
		}
	}
}

static void
take_keys(struct program *p, int64_t now_ms)
{
	struct ui_input *in = ui_term_input(p->term);
	struct str paste;
	uint32_t key;

	for (;;) {
		switch (ui_input_next(in, now_ms, &key, &paste)) {
		case UI_INPUT_KEY:
			app_key(p->app, key, now_ms);
			break;
		case UI_INPUT_PASTE:
			app_paste(p->app, paste);
			break;
		case UI_INPUT_NONE:
			return;
		}
	}
}

static void
read_terminal(struct program *p, int64_t now_ms)
{
	struct err err = ERR_INIT;

	if (p->children.waits_for_key) {
		children_key(&p->children);
		repaint(p);
		return;
	}
	if (ui_term_read(p->term, now_ms, &err) < 0) {
		p->has_hung_up = true;
		app_hang_up(p->app);
	}
}

/* ---- one turn --------------------------------------------------------------------------------- */

struct poll_set {
	struct pollfd fds[MAX_FDS];
	size_t n;
	/* where each sort begins, and how many */
	size_t link, n_link, config, n_config, docs, n_docs, captures, n_captures;
	bool has_terminal;
};

static void
fill_poll(struct program *p, struct poll_set *s, int64_t *deadline_ms)
{
	bool reads = p->term != NULL &&
		     (!ui_term_is_suspended(p->term) || p->children.waits_for_key);

	s->fds[0] = (struct pollfd){ reads ? STDIN_FILENO : -1, POLLIN, 0 };
	s->fds[1] = (struct pollfd){ p->signal_fd, POLLIN, 0 };
	s->n = 2;
	s->link = s->n;
	if (p->link.conn != NULL)
		s->fds[s->n++] = (struct pollfd){
			ipc_fd(p->link.conn),
			(short)(POLLIN | (ipc_wants_write(p->link.conn) ? POLLOUT : 0)), 0
		};
	s->n_link = s->n - s->link;
	s->config = s->n;
	if (config_is_reading(app_reader(p->app)))
		s->n += config_poll(app_reader(p->app), s->fds + s->n, 16, deadline_ms);
	s->n_config = s->n - s->config;
	s->docs = s->n;
	s->n += model_poll(app_model(p->app), s->fds + s->n, 16);
	s->n_docs = s->n - s->docs;
	s->captures = s->n;
	s->n += children_poll(&p->children, s->fds + s->n, 16);
	s->n_captures = s->n - s->captures;
}

static int64_t
next_deadline(struct program *p, int64_t now_ms)
{
	int64_t at_ms = app_deadline(p->app, now_ms);

	int64_t link_ms = link_deadline(&p->link);

	if (link_ms < at_ms)
		at_ms = link_ms;
	if (p->until_ms != 0 && p->until_ms < at_ms)
		at_ms = p->until_ms;
	if (p->term != NULL && !ui_term_is_suspended(p->term)) {
		int64_t key_ms = ui_input_deadline(ui_term_input(p->term));
		if (key_ms < at_ms)
			at_ms = key_ms;
	}
	return at_ms;
}

static void
take_config(struct program *p)
{
	/* Hooks and typed lines may have begun a command, too. */
	config_run(app_reader(p->app), 0);
	app_configure(p->app);
}

void
program_turn(struct program *p)
{
	struct poll_set s = { .n = 0 };
	int64_t now_ms = tick_ms(), deadline_ms = TICK_NEVER;

	link_turn(&p->link, p->app, now_ms);
	if (p->must_draw)
		program_draw(p);
	fill_poll(p, &s, &deadline_ms);
	int64_t own_ms = next_deadline(p, now_ms);
	if (own_ms < deadline_ms)
		deadline_ms = own_ms;
	if (poll(s.fds, s.n, tick_until(now_ms, deadline_ms)) < 0)
		for (size_t i = 0; i < s.n; i++)
			s.fds[i].revents = 0;
	now_ms = tick_ms();
	if (s.fds[1].revents != 0)
		take_signals(p);
	/* What was typed goes before what others say. */
	if (s.fds[0].revents != 0 && p->term != NULL)
		read_terminal(p, now_ms);
	if (p->term != NULL && !ui_term_is_suspended(p->term))
		take_keys(p, now_ms);
	if (s.n_link > 0)
		link_ready(&p->link, p->app, s.fds[s.link].revents, now_ms);
	if (s.n_config > 0)
		take_config(p);
	model_polled(app_model(p->app), s.fds + s.docs, s.n_docs);
	children_polled(&p->children, s.fds + s.captures, s.n_captures);
	link_tell_trouble(&p->link, p->app, now_ms);
	if (app_turn(p->app, now_ms))
		p->must_draw = true;
}
