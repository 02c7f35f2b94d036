/* URLs of accounts and mailboxes; names as typed. */
#include "unit/config.h"

static const struct {
	const char *text, *user, *password, *host, *mailbox;
	int port;
	const char *written; /* with user and mailbox */
} urls[] = {
	{ "imaps://imap.example.org", NULL, NULL, "imap.example.org", "", 993,
	  "imaps://imap.example.org/" },
	{ "imap://h/INBOX", NULL, NULL, "h", "INBOX", 143, "imap://h/INBOX" },
	{ "IMAPS://H.Example:993/", NULL, NULL, "h.example", "", 993, "imaps://h.example/" },
	{ "imaps://me@h:1993/a/b", "me", NULL, "h", "a/b", 1993, "imaps://me@h:1993/a/b" },
	{ "imaps://me@example.org@h/", "me@example.org", NULL, "h", "", 993,
	  "imaps://me%40example.org@h/" },
	{ "imaps://me%40example.org:p%3Aw@h/x", "me@example.org", "p:w", "h", "x", 993,
	  "imaps://me%40example.org@h/x" },
	{ "imaps://me;AUTH=PLAIN@h/", "me", NULL, "h", "", 993, "imaps://me@h/" },
	{ "imaps://h/[Gmail]/All Mail", NULL, NULL, "h", "[Gmail]/All Mail", 993,
	  "imaps://h/[Gmail]/All%20Mail" },
	{ "imaps://h/100%25/%C3%A4", NULL, NULL, "h", "100%/\xc3\xa4", 993,
	  "imaps://h/100%25/\xc3\xa4" },
	{ "imaps://h/100%", NULL, NULL, "h", "100%", 993, "imaps://h/100%25" },
	{ "imaps://[::1]:14300/INBOX", NULL, NULL, "::1", "INBOX", 14300,
	  "imaps://[::1]:14300/INBOX" },
	{ "imap://h:/x", NULL, NULL, "h", "x", 143, "imap://h/x" },
};

static void
test_parse(void **state)
{
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct account_url u;
		struct err err = ERR_INIT;
		struct buf b = BUF_INIT;
		if (account_url_parse(str_c(urls[i].text), &u, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(u.host, urls[i].host);
		assert_string_equal(u.mailbox, urls[i].mailbox);
		assert_int_equal(u.port, urls[i].port);
		assert_string_equal(u.user ? u.user : "-", urls[i].user ? urls[i].user : "-");
		assert_string_equal(u.password ? u.password : "-",
				    urls[i].password ? urls[i].password : "-");
		account_url_add(&b, &u, true, true);
		assert_str(buf_str(&b), urls[i].written);
		/* what is written is read as the same */
		struct account_url again;
		assert_int_equal(account_url_parse(buf_str(&b), &again, &err), 0);
		assert_string_equal(again.mailbox, u.mailbox);
		account_url_release(&again);
		account_url_release(&u);
		buf_release(&b);
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "",	"imap:/h", "http://h/",	     "imaps://",
					   "imaps:///x", "imaps://h:0/", "imaps://h:65536/",
					   "imaps://h:x/", "imaps://-oProxy/", "imaps://a b/",
					   "imaps://[::1/", "imaps://h$(x)/", "imaps://[::1]x/" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct account_url u;
		struct err err = ERR_INIT;
		if (account_url_parse(str_c(bad[i]), &u, &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_err(err, ERR_USER);
	}
}

static void
test_expand(void **state)
{
	static const struct {
		const char *name, *want;
	} names[] = {
		{ "=Archive", "imaps://me@h/Archive" },	   { "+", "imaps://me@h/" },
		{ "=/x", "imaps://me@h/x" },		   { "=50%", "imaps://me@h/50%25" },
		{ "!", "imaps://me@h/Start" },		   { "~/x", "/home/me/x" },
		{ "imaps://o/INBOX", "imaps://o/INBOX" },  { "-", "-" },
		{ "Archive", "Archive" },		   { "", "" },
	};
	struct rc *rc = rc_new();
	const struct config *c = rc_read(rc, "set folder=imaps://me@h/ spoolfile==Start");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b = BUF_INIT;
		config_expand(c, str_c(names[i].name), &b);
		assert_str(buf_str(&b), names[i].want);
		buf_release(&b);
	}
	rc_free(rc);
}

static void
test_abbreviate(void **state)
{
	static const struct {
		const char *url, *want;
	} names[] = {
		{ "imaps://me@h/Archive/2025", "=Archive/2025" },
		{ "imaps://h:993/All%20Mail", "=All Mail" },
		{ "imaps://you@h/x", "imaps://h/x" },
		{ "imaps://me@other/x", "imaps://other/x" },
		{ "imap://me@h/x", "imap://h/x" },
		{ "imaps://me@h/", "imaps://h/" },
		{ "/var/mail/me", "/var/mail/me" },
	};
	struct rc *rc = rc_new();
	const struct config *c = rc_read(rc, "set folder=imaps://me@h/");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b = BUF_INIT;
		config_abbreviate(c, str_c(names[i].url), &b);
		assert_str(buf_str(&b), names[i].want);
		buf_release(&b);
	}
	rc_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_abbreviate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
