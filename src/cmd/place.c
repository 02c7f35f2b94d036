/* Accounts and mailboxes by their names: what was typed, the URL, the name on the
 * wire. */
#include "internal.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/mutf7.h"

void
place_release(struct place *p)
{
	free(p->account);
	free(p->account_url);
	free(p->url);
	buf_release(&p->wire);
	*p = (struct place)PLACE_INIT;
}

/* ---- accounts ------------------------------------------------------------------------ */

static const char *
login_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "";
}

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
}

/* The name under which cache and journal know an account: who, where. It does not
 * change when the port's default or the scheme does. */
static char *
account_name(const struct account_url *u)
{
	if (u->port == 993 || u->port == 143)
		return xasprintf("%s@%s", u->user, u->host);
	return xasprintf("%s@%s:%u", u->user, u->host, (unsigned)u->port);
}

static char *
account_label(const struct account_url *u)
{
	static const char *const prefixes[] = { "imap.", "imaps.", "mail.", "mx." };

	if (strchr(u->user, '@') != NULL)
		return xstrdup(u->user);
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (strncmp(u->host, prefixes[i], strlen(prefixes[i])) == 0)
			return xstrdup(u->host + strlen(prefixes[i]));
	return xstrdup(u->host);
}

/* Two of one host are told apart by their users. */
static void
tell_apart(struct app_account *a, const struct account_url *u)
{
	free(a->label);
	a->label = xasprintf("%s@%s", u->user, u->host);
}

static uint8_t
tls_of(const struct config *conf, const struct account_url *u)
{
	bool may_be_clear = !config_bool(conf, OPT_ssl_force_tls) &&
			    config_quad(conf, OPT_ssl_starttls) == CONFIG_NO &&
			    is_loopback(u->host);

	if (*config_string(conf, OPT_tunnel) != '\0')
		return 0; /* the command is the channel */
	if (u->is_tls)
		return 2;
	return may_be_clear ? 0 : 1;
}

/* Fill in who the user is, where the URL does not tell. */
static void
complete_url(struct app *app, struct account_url *u)
{
	struct buf bare = BUF_INIT;

	if (u->user != NULL)
		return;
	account_url_add(&bare, u, false, false);
	const struct config *conf = config_for(app->reader, bare.ptr, NULL);
	const char *user = config_string(conf, OPT_imap_user);
	u->user = xstrdup(*user != '\0' ? user : login_name());
	buf_release(&bare);
}

struct app_account *
app_account_named(struct app *app, struct str name)
{
	for (size_t i = 0; i < app->accounts.n; i++)
		if (str_eqc(name, app->accounts.v[i].name))
			return &app->accounts.v[i];
	return NULL;
}

/* The wire name of a trash in the same account; empty: the server's own. */
static void
trash_of(struct app *app, const struct config *conf, const char *account, struct buf *wire)
{
	struct buf url = BUF_INIT;
	struct account_url u;

	config_mailbox(conf, OPT_trash, &url);
	if (url.len > 0 && account_url_parse(buf_str(&url), &u, NULL) == 0) {
		complete_url(app, &u);
		char *name = account_name(&u);
		if (strcmp(name, account) == 0 &&
		    mutf7_encode(wire, str_c(u.mailbox), NULL) < 0)
			buf_reset(wire);
		free(name);
		account_url_release(&u);
	}
	buf_release(&url);
}

/* Extensions that the configuration forbids, blanks between. */
static void
switched_off(struct config *conf, struct buf *out)
{
	static const struct {
		int option;
		const char *name;
	} switches[] = {
		{ OPT_imap_deflate, "COMPRESS=DEFLATE" },
		{ OPT_imap_condstore, "CONDSTORE" },
		{ OPT_imap_condstore, "QRESYNC" }, /* is built on it */
		{ OPT_imap_qresync, "QRESYNC" },
	};

	buf_adds(out, config_string(conf, OPT_imap_switched_off));
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (!config_bool(conf, switches[i].option))
			buf_addf(out, " %s", switches[i].name);
}

static void
send_account(struct app *app, const struct app_account *a, const struct account_url *u)
{
	struct buf trash = BUF_INIT, off = BUF_INIT;
	struct config *conf = config_ref(config_for(app->reader, a->url, NULL));
	const char *login = config_string(conf, OPT_imap_login);

	trash_of(app, conf, a->name, &trash);
	switched_off(conf, &off);
	struct msg_account m = {
		.name = str_c(a->name),
		.host = str_c(u->host),
		.port = u->port,
		.tls = tls_of(conf, u),
		.user = str_c(*login != '\0' ? login : u->user),
		.tunnel = str_c(config_string(conf, OPT_tunnel)),
		.ca_file = str_c(config_string(conf, OPT_ssl_ca_certificates_file)),
		.certificate_file = str_c(config_string(conf, OPT_certificate_file)),
		.mechanisms = str_c(config_string(conf, OPT_imap_authenticators)),
		.has_token_command =
			*config_string(conf, OPT_imap_oauth_refresh_command) != '\0',
		.trash = buf_str(&trash),
		.max_connections = (uint16_t)config_number(conf, OPT_imap_max_connections),
		.use_idle = config_bool(conf, OPT_imap_idle),
		.poll_s = (uint32_t)config_number(conf, OPT_mail_check),
		.switched_off = buf_str(&off),
	};
	model_set_account(app->model, &m, a->url, a->label);
	buf_release(&trash);
	buf_release(&off);
	config_unref(conf);
}

static void
make_label_unique(struct app *app, struct app_account *a, const struct account_url *u)
{
	char *plain = xstrdup(a->label);

	for (size_t i = 0; i < app->accounts.n; i++) {
		struct app_account *b = &app->accounts.v[i];
		struct account_url other;
		if (account_url_parse(str_c(b->url), &other, NULL) < 0)
			continue;
		char *theirs = account_label(&other);
		if (strcmp(theirs, plain) == 0) {
			tell_apart(a, u);
			tell_apart(b, &other);
			send_account(app, b, &other);
		}
		free(theirs);
		account_url_release(&other);
	}
	free(plain);
}

/* The account of a parsed URL becomes known and the manager hears of it. */
static const struct app_account *
use_account(struct app *app, const struct account_url *u)
{
	char *name = account_name(u);
	struct app_account *known = app_account_named(app, str_c(name));

	if (known == NULL) {
		struct buf url = BUF_INIT;
		account_url_add(&url, u, true, false);
		struct app_account a = { xstrdup(name), buf_take(&url), account_label(u), false };
		make_label_unique(app, &a, u);
		vec_push(&app->accounts, a);
		known = &app->accounts.v[app->accounts.n - 1];
	}
	free(name);
	send_account(app, known, u);
	return known;
}

int
app_account_of(struct app *app, struct str url, struct err *err)
{
	struct account_url u;

	if (account_url_parse(url, &u, err) < 0)
		return -1;
	complete_url(app, &u);
	use_account(app, &u);
	account_url_release(&u);
	return 0;
}

/* All accounts the configuration speaks of, and the mailboxes the user named. */
void
app_all_accounts(struct app *app)
{
	const struct config *now = config_now(app->reader);
	struct buf spool = BUF_INIT;
	struct place p = PLACE_INIT;
	char *folder = xstrdup(config_string(now, OPT_folder));
	size_t n;

	config_mailbox(now, OPT_spoolfile, &spool);
	if (account_url_is(str_c(folder)))
		app_account_of(app, str_c(folder), NULL);
	if (account_url_is(buf_str(&spool)))
		app_account_of(app, buf_str(&spool), NULL);
	model_clear_wanted(app->model);
	struct config *conf = config_ref(config_now(app->reader));
	const struct config_mailbox *boxes = config_mailboxes(conf, &n);
	for (size_t i = 0; i < n; i++) {
		if (place_of_url(app, str_c(boxes[i].url), &p, NULL) == 0)
			model_want_folder(app->model, str_c(p.account), buf_str(&p.wire));
		place_release(&p);
	}
	/* Parameters may have changed for those that only a URL has named. */
	for (size_t i = 0; i < app->accounts.n; i++) {
		char *url = xstrdup(app->accounts.v[i].url);
		app_account_of(app, str_c(url), NULL);
		free(url);
	}
	config_unref(conf);
	buf_release(&spool);
	free(folder);
	app_dirty_folders(app);
}

/* ---- mailboxes ------------------------------------------------------------------------ */

int
place_of_url(struct app *app, struct str url, struct place *out, struct err *err)
{
	struct account_url u;
	struct buf full = BUF_INIT;
	const char *mailbox;
	int status = -1;

	if (account_url_parse(url, &u, err) < 0)
		return -1;
	complete_url(app, &u);
	mailbox = *u.mailbox != '\0' ? u.mailbox : "INBOX";
	if (str_ieqc(str_c(mailbox), "INBOX"))
		mailbox = "INBOX";
	*out = (struct place)PLACE_INIT;
	if (mutf7_encode(&out->wire, str_c(mailbox), err) == 0) {
		const struct app_account *a = use_account(app, &u);
		out->account = xstrdup(a->name);
		out->account_url = xstrdup(a->url);
		buf_adds(&full, a->url);
		account_url_escape(&full, str_c(mailbox));
		out->url = buf_take(&full);
		status = 0;
	} else {
		buf_release(&out->wire);
	}
	account_url_release(&u);
	return status;
}

/* mutt's shorthands for what only we know. */
static bool
is_last_place(struct str typed)
{
	return str_eqc(typed, "-") || str_eqc(typed, "!!");
}

/* A bare name is below the account that is open, if there is such a mailbox. */
static bool
bare_name_url(struct app *app, struct str typed, struct buf *url)
{
	struct buf wire = BUF_INIT;
	bool found = false;

	if (app->place.account != NULL && mutf7_encode(&wire, typed, NULL) == 0 &&
	    model_folder_by_name(app->model, str_c(app->place.account), buf_str(&wire)) != NULL) {
		buf_adds(url, app->place.account_url);
		account_url_escape(url, typed);
		found = true;
	} else if (app->place.account != NULL && str_ieqc(typed, "INBOX")) {
		buf_addf(url, "%sINBOX", app->place.account_url);
		found = true;
	}
	buf_release(&wire);
	return found;
}

int
place_resolve(struct app *app, struct str typed, struct place *out, struct err *err)
{
	struct buf url = BUF_INIT;
	int status = -1;

	typed = str_trim(typed);
	if (typed.len == 0) {
		err_set(err, ERR_USER, "no mailbox was named");
	} else if (is_last_place(typed) && app->last_place == NULL) {
		err_set(err, ERR_USER, "no other mailbox has been open yet");
	} else if (is_last_place(typed)) {
		status = place_of_url(app, str_c(app->last_place), out, err);
	} else if (str_eqc(typed, "^") && app->place.url != NULL) {
		status = place_of_url(app, str_c(app->place.url), out, err);
	} else {
		config_expand(app->conf, typed, &url);
		if (account_url_is(buf_str(&url)))
			status = place_of_url(app, buf_str(&url), out, err);
		else if ((buf_reset(&url), bare_name_url(app, typed, &url)))
			status = place_of_url(app, buf_str(&url), out, err);
		else
			err_set(err, ERR_USER,
				"'%.*s' is no IMAP mailbox: name one by imaps://you@host/NAME, or by =NAME below $folder",
				STR_ARG(typed));
	}
	buf_release(&url);
	return status;
}

void
place_url(struct app *app, const struct model_folder *f, struct buf *out)
{
	const struct app_account *a = app_account_named(app, str_c(f->account));

	if (a == NULL)
		return;
	buf_adds(out, a->url);
	account_url_escape(out, str_c(f->attrs & FOLDER_INBOX ? "INBOX" : f->name));
}

void
place_show(struct app *app, struct str url, struct buf *out)
{
	config_abbreviate(app->conf, url, out);
}

/* ---- opening one ---------------------------------------------------------------------------- */

/* The one that was asked for does not exist: back to the one before. */
static bool
go_back(struct app *app)
{
	struct place p = PLACE_INIT;
	struct buf shown = BUF_INIT;

	if (app->last_place == NULL || model_count(app->model) > 0 ||
	    place_of_url(app, str_c(app->last_place), &p, NULL) < 0)
		return false;
	place_show(app, str_c(app->place.url), &shown);
	app_open(app, &p, false);
	free(app->last_place);
	app->last_place = NULL;
	app_complain(app, "there is no mailbox %s", shown.ptr);
	buf_release(&shown);
	place_release(&p);
	return true;
}

static void
in_step(void *ctx, const struct err *err)
{
	struct app *app = ctx;

	free(app->wanted_error);
	app->wanted_error = NULL;
	if (err == NULL)
		return;
	if (err->kind == ERR_GONE && go_back(app))
		return;
	app->wanted_error = xstrdup(err->text);
	app_complain(app, "%s", err->text);
}

void
app_open(struct app *app, const struct place *p, bool read_only)
{
	struct place copy = { xstrdup(p->account), xstrdup(p->account_url), xstrdup(p->url),
			      BUF_INIT };

	buf_addstr(&copy.wire, buf_str(&p->wire));
	if (app->place.url != NULL && strcmp(app->place.url, p->url) != 0) {
		free(app->last_place);
		app->last_place = xstrdup(app->place.url);
	}
	place_release(&app->place);
	app->place = copy;
	screen_pop_to_index(app);
	if (app->screens.n == 0)
		screen_push(app, SCREEN_INDEX, CMD_MAP_INDEX);
	app_use_folder_config(app);
	model_open(app->model, str_c(copy.account), buf_str(&app->place.wire),
		   read_only || app->read_only || config_bool(app->conf, OPT_read_only), in_step,
		   app);
	struct screen *index = app->screens.v[0];
	view_close(index->view);
	struct view_rows rows = app_view_rows(app);
	index->view = view_index_open(&rows);
	app_order(app);
	app->wants_cursor = true;
	app->placed_n = 0;
	app->place_until_ms = 0;
	buf_reset(&app->limit_text);
	app->sidebar_follows = true;
	size_t n;
	const char *const *pushes = config_list(app->conf, CONFIG_PUSHES, &n);
	for (size_t i = n; i-- > 0;)
		ui_keys_push_text(app->keys, str_c(pushes[i]));
	app_mark(app);
}
