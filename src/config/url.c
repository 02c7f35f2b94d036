/* URLs of accounts and mailboxes, and the short names of mailboxes. */
#include <pwd.h>
#include "internal.h"
#include "tern/base/fs.h"

/* ---- account_url ------------------------------------------------------------------ */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A % that is no escape stands for itself: people write names as they are. */
static char *
decode(struct str s)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < s.len; i++) {
		int high = s.ptr[i] == '%' && i + 2 < s.len ? hex(s.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex(s.ptr[i + 2]) : -1;
		if (low < 0 || high * 16 + low == 0) {
			buf_addc(&b, s.ptr[i]);
			continue;
		}
		buf_addc(&b, (char)(high * 16 + low));
		i += 2;
	}
	return buf_take(&b);
}

static void
escape(struct buf *b, struct str s, const char *also)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c == 127 || c == '%' || strchr(also, c) != NULL)
			buf_addf(b, "%%%02X", c);
		else
			buf_addc(b, (char)c);
	}
}

void
account_url_escape(struct buf *b, struct str text)
{
	escape(b, text, "?#\"<>");
}

static long
find_last(struct str s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.ptr[i - 1] == c)
			return (long)i - 1;
	return -1;
}

/* user[;AUTH=...][:password] */
static void
parse_userinfo(struct str s, struct account_url *u)
{
	long colon = str_find(s, ':');

	if (colon >= 0)
		u->password = decode(str_from(s, (size_t)colon + 1));
	struct str user = colon >= 0 ? str_head(s, (size_t)colon) : s;
	long auth = str_find(user, ';');
	if (auth >= 0)
		user = str_head(user, (size_t)auth);
	if (user.len > 0)
		u->user = decode(user);
}

static int
parse_port(struct str text, struct str port, struct account_url *u, struct err *err)
{
	uint32_t n;

	if (port.len == 0)
		return 0;
	if (!str_u32(port, &n) || n == 0 || n > 65535)
		return err_set(err, ERR_USER, "'%.*s': the port must be from 1 to 65535",
			       (int)(text.len < 200 ? text.len : 200), text.ptr);
	u->port = (uint16_t)n;
	u->has_port = true;
	return 0;
}

static bool
is_host(struct str s)
{
	if (s.len == 0 || s.len > 255)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c == 127 || strchr("/\\?#@[]%<>\"'`$", c) != NULL)
			return false;
	}
	return s.ptr[0] != '-';
}

/* host[:port], [v6][:port] */
static int
parse_authority(struct str text, struct str s, struct account_url *u, struct err *err)
{
	struct str host = s, port = STR_NONE;

	if (str_starts(s, "[")) {
		long end = str_find(s, ']');
		if (end > 0) {
			host = str_n(s.ptr + 1, (size_t)end - 1);
			port = str_from(s, (size_t)end + 1);
			if (port.len > 0 && port.ptr[0] != ':')
				host = STR_NONE;
			port = str_from(port, 1);
		}
	} else {
		long colon = find_last(s, ':');
		if (colon >= 0) {
			host = str_head(s, (size_t)colon);
			port = str_from(s, (size_t)colon + 1);
		}
	}
	if (!is_host(host))
		return err_set(err, ERR_USER, "'%.*s' names no host",
			       (int)(text.len < 200 ? text.len : 200), text.ptr);
	u->host = str_dup(host);
	for (char *p = u->host; *p != '\0'; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return parse_port(text, port, u, err);
}

int
account_url_parse(struct str text, struct account_url *out, struct err *err)
{
	struct str rest = text;

	*out = (struct account_url){ 0 };
	if (!account_url_is(text) || text.len > 4096 || memchr(text.ptr, '\0', text.len) != NULL)
		return err_set(err, ERR_USER, "'%.*s' is not an imap:// or imaps:// URL",
			       (int)(text.len < 200 ? text.len : 200), text.ptr ? text.ptr : "");
	out->is_tls = str_istarts(text, "imaps:");
	out->port = out->is_tls ? 993 : 143;
	rest = str_from(rest, out->is_tls ? 8 : 7);
	long slash = str_find(rest, '/');
	struct str authority = slash >= 0 ? str_head(rest, (size_t)slash) : rest;
	struct str path = slash >= 0 ? str_from(rest, (size_t)slash + 1) : STR_NONE;
	/* A bare @ in the user is common: the last one counts. */
	long at = find_last(authority, '@');
	if (at >= 0)
		parse_userinfo(str_head(authority, (size_t)at), out);
	if (parse_authority(text, str_from(authority, (size_t)(at + 1)), out, err) < 0) {
		account_url_release(out);
		return -1;
	}
	while (str_ends(path, "/"))
		path.len--;
	out->mailbox = decode(path);
	return 0;
}

void
account_url_release(struct account_url *u)
{
	free(u->user);
	free_secret(u->password);
	free(u->host);
	free(u->mailbox);
	*u = (struct account_url){ 0 };
}

void
account_url_add(struct buf *b, const struct account_url *u, bool with_user, bool with_mailbox)
{
	buf_adds(b, u->is_tls ? "imaps://" : "imap://");
	if (with_user && u->user != NULL) {
		escape(b, str_c(u->user), "@:/;?#[]");
		buf_addc(b, '@');
	}
	bool is_v6 = strchr(u->host, ':') != NULL;
	buf_addf(b, "%s%s%s", is_v6 ? "[" : "", u->host, is_v6 ? "]" : "");
	if (u->port != (u->is_tls ? 993 : 143))
		buf_addf(b, ":%u", u->port);
	buf_addc(b, '/');
	if (with_mailbox)
		account_url_escape(b, str_c(u->mailbox));
}

/* ---- names as typed ---------------------------------------------------------------- */

void
path_expand(struct buf *out, struct str path, const char *home)
{
	if (!str_starts(path, "~")) {
		buf_addstr(out, path);
		return;
	}
	size_t len = 1;
	while (len < path.len && path.ptr[len] != '/')
		len++;
	if (len == 1) {
		buf_adds(out, home != NULL ? home : fs_home());
	} else {
		char *name = str_dup(str_n(path.ptr + 1, len - 1));
		const struct passwd *pw = len < 64 ? getpwnam(name) : NULL;
		free(name);
		if (pw == NULL)
			buf_add(out, path.ptr, len);
		else
			buf_adds(out, pw->pw_dir);
	}
	buf_addstr(out, str_from(path, len));
}

static void
add_below_folder(struct buf *out, const char *folder, struct str name)
{
	buf_adds(out, folder);
	if (name.len == 0)
		return;
	if (!str_ends(str_c(folder), "/"))
		buf_addc(out, '/');
	if (account_url_is(str_c(folder)))
		account_url_escape(out, name);
	else
		buf_addstr(out, name);
}

bool
mailbox_expand(const struct config *c, struct str name, struct buf *out)
{
	const char *folder = config_string(c, OPT_folder);

	if (str_eqc(name, "!")) {
		const char *spool = config_string(c, OPT_spoolfile);
		if (spool[0] != '\0' && strcmp(spool, "!") != 0)
			return mailbox_expand(c, str_c(spool), out);
		if (folder[0] == '\0')
			return false;
		add_below_folder(out, folder, STR("INBOX"));
		return true;
	}
	if (str_starts(name, "=") || str_starts(name, "+")) {
		if (folder[0] == '\0' || folder[0] == '=' || folder[0] == '+')
			return false;
		struct str below = str_from(name, 1);
		while (str_starts(below, "/"))
			below = str_from(below, 1);
		add_below_folder(out, folder, below);
		return true;
	}
	path_expand(out, name, c->home);
	return true;
}

void
config_expand(const struct config *c, struct str name, struct buf *out)
{
	size_t start = out->len;

	if (mailbox_expand(c, name, out))
		return;
	buf_truncate(out, start);
	buf_addstr(out, name);
}

void
config_abbreviate(const struct config *c, struct str url, struct buf *out)
{
	struct account_url u, f;
	bool is_below = false;

	if (account_url_parse(url, &u, NULL) < 0) {
		buf_addstr(out, url);
		return;
	}
	if (account_url_parse(str_c(config_string(c, OPT_folder)), &f, NULL) == 0) {
		size_t len = strlen(f.mailbox);
		bool is_same_user = u.user == NULL || f.user == NULL || strcmp(u.user, f.user) == 0;
		is_below = is_same_user && f.is_tls == u.is_tls && f.port == u.port &&
			   strcmp(f.host, u.host) == 0 &&
			   (len == 0 || (strncmp(f.mailbox, u.mailbox, len) == 0 &&
					 u.mailbox[len] == '/'));
		if (is_below && u.mailbox[0] != '\0')
			buf_addf(out, "=%s", u.mailbox + (len == 0 ? 0 : len + 1));
		account_url_release(&f);
	}
	if (!is_below || u.mailbox[0] == '\0')
		account_url_add(out, &u, false, true);
	account_url_release(&u);
}
