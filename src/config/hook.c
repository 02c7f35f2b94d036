/* account-hook and folder-hook, and the effective configurations they make: the
 * globals, with what the matching hooks say on top, each in a snapshot of its own.
 * Nothing is taken back when a folder is left, because nothing else was changed. */
#include "reader.h"

struct overlay {
	struct config *config;
	struct job *job; /* while its hooks run */
	uint64_t generation;
	struct config_reader *r;
};

/* ---- the commands ------------------------------------------------------------------- */

static void
add_regex_quoted(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '\0' && strchr("\\^$.*+?()[]{}|", s.ptr[i]) != NULL)
			buf_addc(out, '\\');
		buf_addc(out, s.ptr[i]);
	}
}

/* =x and +x in the pattern of a folder-hook: $folder, taken literally, and a
 * regular expression behind it, as in mutt. */
static void
expand_pattern(const struct config *c, struct str s, bool is_literal, struct buf *out)
{
	const char *folder = config_string(c, OPT_folder);
	bool is_below = (str_starts(s, "=") || str_starts(s, "+")) && folder[0] != '\0';

	if (is_below) {
		add_regex_quoted(out, str_c(folder));
		if (!str_ends(str_c(folder), "/"))
			buf_addc(out, '/');
		s = str_from(s, 1);
	} else if (str_starts(s, "~")) {
		struct buf home = BUF_INIT;
		path_expand(&home, STR("~"), c->home);
		add_regex_quoted(out, buf_str(&home));
		buf_release(&home);
		s = str_from(s, 1);
	}
	if (is_literal)
		add_regex_quoted(out, s);
	else
		buf_addstr(out, s);
}

static enum done
take_hook_pattern(struct exec *x, struct hook *h, struct buf *regex)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	bool is_literal = false;
	enum done done;

	if (exec_more(x) && x->lex.line->text.ptr[x->lex.line->at] == '!') {
		h->is_negated = true;
		x->lex.line->at++;
	}
	done = exec_need(x, 0, "a regular expression", &b);
	if (done == DONE_OK && str_eqc(buf_str(&b), "-noregex")) {
		is_literal = true;
		done = exec_need(x, 0, "a mailbox", &b);
	}
	if (done == DONE_OK) {
		if (h->is_account)
			buf_addstr(regex, buf_str(&b));
		else
			expand_pattern(exec_config(x), buf_str(&b), is_literal, regex);
		if (regex_check(buf_str(regex), &err) < 0)
			done = exec_error(x, "%s", err.text);
	}
	buf_release(&b);
	return done;
}

enum done
run_hook(struct exec *x)
{
	struct buf regex = BUF_INIT, command = BUF_INIT;
	struct hook h = { .is_account = x->command->data };
	enum done done = take_hook_pattern(x, &h, &regex);

	if (done == DONE_OK)
		done = exec_need(x, TOKEN_SPACE | TOKEN_HOOK, "a command", &command);
	if (done == DONE_OK && exec_config(x)->lists[LIST_HOOKS]->n >= MAX_LIST)
		done = exec_error(x, "there are more than %d hooks", MAX_LIST);
	if (done == DONE_OK) {
		h.regex = regex.ptr;
		h.command = command.ptr;
		h.file = exec_file(x);
		line_position(x->lex.line, x->lex.token_at, &h.line, &h.column);
		list_add(exec_list(x, LIST_HOOKS), &h);
		exec_effects(x, CONFIG_HOOKS);
	}
	buf_release(&regex);
	buf_wipe(&command);
	return done;
}

/* unhook *|KIND: mutt can only take away all of a kind, too. */
enum done
run_unhook(struct exec *x)
{
	struct buf kind = BUF_INIT;
	enum done done = exec_need(x, 0, "a kind of hook", &kind);

	if (done == DONE_OK) {
		struct list *l = exec_list(x, LIST_HOOKS);
		bool is_all = strcmp(kind.ptr, "*") == 0;
		size_t kept = 0;
		for (size_t i = 0; i < l->n; i++) {
			struct hook *h = list_at(l, i, struct hook);
			const char *name = h->is_account ? "account-hook" : "folder-hook";
			if (!is_all && strcmp(kind.ptr, name) != 0)
				*list_at(l, kept++, struct hook) = *h;
		}
		l->n = kept;
		exec_effects(x, CONFIG_HOOKS);
	}
	buf_release(&kind);
	return done;
}

/* ---- matching ------------------------------------------------------------------------- */

static const regex_t *
compiled(struct config_reader *r, const struct hook *h)
{
	struct err err = ERR_INIT;

	if (map_has(&r->regexes, str_c(h->regex)))
		return map_get(&r->regexes, str_c(h->regex));
	regex_t *re = xmalloc(sizeof(*re));
	if (config_compile(h->regex, true, REG_NOSUB, re, &err) < 0) {
		struct config_error e = { h->file, h->line, 0, false, err.text };
		if (r->params.error != NULL)
			r->params.error(&e, r->params.ctx);
		r->n_errors++;
		free(re);
		re = NULL;
	}
	map_set(&r->regexes, str_c(h->regex), re);
	return re;
}

/* The ways people write a mailbox: with and without user and port, below $folder. */
struct spellings {
	struct buf all; /* each ends in NUL */
};

static void
add_spelling(struct spellings *s, const struct account_url *u, bool with_user, bool with_port)
{
	bool is_v6 = strchr(u->host, ':') != NULL;

	if (with_user && u->user == NULL)
		return;
	buf_adds(&s->all, u->is_tls ? "imaps://" : "imap://");
	if (with_user)
		buf_addf(&s->all, "%s@", u->user);
	buf_addf(&s->all, "%s%s%s", is_v6 ? "[" : "", u->host, is_v6 ? "]" : "");
	if (with_port)
		buf_addf(&s->all, ":%u", u->port);
	buf_addf(&s->all, "/%s", u->mailbox);
	buf_addc(&s->all, '\0');
}

static void
spellings_init(struct spellings *s, const struct config *c, const char *url)
{
	struct account_url u;

	*s = (struct spellings){ BUF_INIT };
	buf_add(&s->all, url, strlen(url) + 1);
	if (account_url_parse(str_c(url), &u, NULL) < 0)
		return;
	for (int i = 0; i < 4; i++)
		add_spelling(s, &u, i & 1, i & 2);
	config_abbreviate(c, str_c(url), &s->all);
	buf_addc(&s->all, '\0');
	account_url_release(&u);
}

static bool
hook_matches(struct config_reader *r, const struct hook *h, const struct spellings *s)
{
	const regex_t *re = compiled(r, h);
	bool is_match = false;

	if (re == NULL)
		return false;
	for (size_t at = 0; at < s->all.len && !is_match; at += strlen(s->all.ptr + at) + 1)
		is_match = regexec(re, s->all.ptr + at, 0, NULL, 0) == 0;
	return is_match != h->is_negated;
}

static void
queue_hooks(struct overlay *o, const struct config *c, const char *url, bool is_account)
{
	const struct list *l = c->lists[LIST_HOOKS];
	struct spellings s;

	if (url == NULL)
		return;
	spellings_init(&s, c, url);
	for (size_t i = 0; i < l->n; i++) {
		const struct hook *h = list_at(l, i, struct hook);
		if (h->is_account == is_account && hook_matches(o->r, h, &s))
			job_add_text(o->job, h->file, str_c(h->command), h->line, h->column);
	}
	buf_release(&s.all);
}

/* ---- effective configurations ------------------------------------------------------------ */

static void
overlay_free(void *p)
{
	struct overlay *o = p;

	if (o->job != NULL)
		job_free(o->job);
	config_unref(o->config);
	free(o);
}

void
overlays_release(struct config_reader *r)
{
	map_release(&r->overlays, overlay_free);
}

/* Called when the hooks of an overlay had to wait for a command. */
void
overlay_done(struct job *j)
{
	j->overlay->job = NULL;
	j->r->effects |= CONFIG_HOOKS;
	job_free(j);
}

static struct overlay *
overlay_new(struct config_reader *r, const char *account, const char *folder)
{
	struct overlay *o = xcalloc(1, sizeof(*o));

	o->r = r;
	o->generation = r->generation;
	o->config = config_ref(r->config);
	o->job = job_new(r, &o->config);
	o->job->overlay = o;
	queue_hooks(o, r->config, account, true);
	queue_hooks(o, r->config, folder, false);
	if (job_start(o->job)) {
		job_free(o->job);
		o->job = NULL;
	}
	return o;
}

const struct config *
config_for(struct config_reader *r, const char *account_url, const char *folder_url)
{
	struct buf key = BUF_INIT;

	if (r->config->lists[LIST_HOOKS]->n == 0)
		return r->config;
	buf_adds(&key, account_url != NULL ? account_url : "");
	buf_addc(&key, '\0');
	buf_adds(&key, folder_url != NULL ? folder_url : "");
	struct overlay *o = map_get(&r->overlays, buf_str(&key));
	if (o == NULL || o->generation != r->generation) {
		if (o != NULL)
			overlay_free(map_remove(&r->overlays, buf_str(&key)));
		else if (r->overlays.count > 1000)
			overlays_release(r);
		o = overlay_new(r, account_url, folder_url);
		map_set(&r->overlays, buf_str(&key), o);
	}
	buf_release(&key);
	return o->config;
}
