/* Messages as documents: what is shown, what is listed, HTML, limits.
 *
 * A document is compared as text: each line with the letter of its kind, its
 * quote depth as '>', its indent as '.', spans as {style:...}. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/test.h"
#include "../../src/render/internal.h"
#include "tern/base/utf8.h"

struct result {
	struct buf text;
	struct buf links;
	struct doc_part *parts;
	uint32_t n_parts, n_lines, n_frames;
	struct msg_r_end end;
	bool has_end, shows_spans;
	struct arena arena;
};

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
add_text(struct result *r, const struct doc_line *l)
{
	size_t at = 0;

	for (size_t i = 0; i < l->n_spans && r->shows_spans; i++) {
		const struct doc_span *s = &l->spans[i];
		buf_add(&r->text, l->text.ptr + at, s->start - at);
		buf_addf(&r->text, "{%s%s%s%s%s%d:", s->style & DOC_BOLD ? "b" : "",
			 s->style & DOC_ITALIC ? "i" : "", s->style & DOC_LINK ? "l" : "",
			 s->style & DOC_HEADING ? "h" : "", s->style & DOC_NAME ? "n" : "", s->link);
		buf_add(&r->text, l->text.ptr + s->start, s->len);
		buf_addc(&r->text, '}');
		at = s->start + s->len;
	}
	buf_add(&r->text, l->text.ptr + at, l->text.len - at);
}

static void
add_line(struct result *r, const struct doc_line *l)
{
	static const char kinds[] = "-HTSAN=";

	buf_addc(&r->text, kinds[l->kind]);
	buf_addn(&r->text, '>', l->quote);
	buf_addn(&r->text, '.', l->indent);
	if (l->kind != DOC_BLANK && l->kind != DOC_RULE)
		buf_addc(&r->text, l->flags & DOC_PREFORMATTED ? '|' : l->flags & DOC_FLOWED ? '~' : ' ');
	add_text(r, l);
	buf_addc(&r->text, '\n');
}

static void
take(enum msg_type type, struct str payload, void *ctx)
{
	struct result *r = ctx;
	struct err err = ERR_INIT;
	struct msg_r_lines lines;
	struct msg_r_parts parts;
	struct msg_r_links links;

	assert_true(payload.len <= IPC_MAX_PAYLOAD);
	if (type == MSG_R_LINES) {
		struct arena a = ARENA_INIT;
		assert_int_equal(msg_get_r_lines(payload, &lines, &err), 0);
		struct doc_line *l = doc_get_lines(&a, lines.lines, lines.n, &err);
		assert_non_null(l);
		for (uint32_t i = 0; i < lines.n; i++)
			add_line(r, &l[i]);
		r->n_lines += lines.n;
		r->n_frames++;
		arena_release(&a);
	} else if (type == MSG_R_PARTS) {
		assert_int_equal(msg_get_r_parts(payload, &parts, &err), 0);
		parts.parts = arena_str(&r->arena, parts.parts);
		r->parts = doc_get_parts(&r->arena, parts.parts, parts.n, &err);
		assert_non_null(r->parts);
		r->n_parts += parts.n;
	} else if (type == MSG_R_LINKS) {
		assert_int_equal(msg_get_r_links(payload, &links, &err), 0);
		struct str *v = doc_get_links(&r->arena, links.links, links.n, &err);
		assert_non_null(v);
		for (uint32_t i = 0; i < links.n; i++)
			buf_addf(&r->links, "%.*s\n", STR_ARG(v[i]));
	} else {
		assert_int_equal(type, MSG_R_END);
		assert_false(r->has_end);
		assert_int_equal(msg_get_r_end(payload, &r->end, &err), 0);
		r->end.subject = arena_str(&r->arena, r->end.subject);
		r->has_end = true;
	}
}

static struct result result;

static struct str
show_with(struct str message, const struct msg_render *options, bool shows_spans)
{
	memset(&result, 0, sizeof(result));
	buf_init(&result.text);
	buf_init(&result.links);
	result.shows_spans = shows_spans;
	render_message(message, false, options, take, &result);
	assert_true(result.has_end);
	assert_int_equal(result.end.n_lines, result.n_lines);
	return buf_str(&result.text);
}

static struct str
show(const char *message)
{
	const struct msg_render options = { .weed = 1, .ignore = STR("*"),
					    .unignore = STR("from subject") };

	return show_with(str_c(message), &options, false);
}

static int
forget(void **state)
{
	buf_release(&result.text);
	buf_release(&result.links);
	arena_release(&result.arena);
	return 0;
}

#define HTML "Content-Type: text/html; charset=utf-8\n\n"

/* --- Headers ------------------------------------------------------------------ */

static const char many_headers[] = "Received: x\nSubject: s\nX-A: a\nDate: d\n"
				   "From: =?utf-8?q?=C3=A9?= <f@x>\nx-ab: b\n\n";

static void
test_weed(void **state)
{
	const struct msg_render options = { .weed = 1, .ignore = STR("re x- date"),
					    .unignore = STR("x-ab"),
					    .hdr_order = STR("From: subject") };

	assert_str(show_with(STR(many_headers), &options, false),
		   "H~From: é <f@x>\nH~Subject: s\nH~x-ab: b\n-\n");
	forget(state);
}

static void
test_all_headers(void **state)
{
	const struct msg_render options = { .weed = 0, .ignore = STR("*") };

	assert_str(show_with(STR(many_headers), &options, true),
		   "H~{n0:Received:} x\nH~{n0:Subject:} s\nH~{n0:X-A:} a\nH~{n0:Date:} d\n"
		   "H~{n0:From:} é <f@x>\nH~{n0:x-ab:} b\n-\n");
}

/* --- Plain text ------------------------------------------------------------------ */

static void
test_plain(void **state)
{
	assert_str(show("Subject: s\n\na\tb\r\n> q\n>> > qq\n\n-- \nsig\n> quoted\n"),
		   "H~Subject: s\n-\nT a       b\nT> q\nT>>> qq\n-\nS -- \nS sig\nS> quoted\n");
	assert_str(result.end.subject, "s");
}

static void
test_plain_flowed(void **state)
{
	assert_str(show("Content-Type: text/plain; format=flowed\n\none \ntwo\n> a \n> b\nfixed\n"),
		   "-\nT~one two\nT>~a b\nT fixed\n");
}

static void
test_plain_links(void **state)
{
	const struct msg_render options = { .weed = 1, .ignore = STR("*") };

	assert_str(show_with(STR("\nsee (https://a.example/x_(y)), http://b.example.\n"
				 "again https://a.example/x_(y) javascript:alert(1) mailto: http://\n"),
			     &options, true),
		   "-\nT see ({l1:https://a.example/x_(y)}), {l2:http://b.example}.\n"
		   "T again {l1:https://a.example/x_(y)} javascript:alert(1) mailto: http://\n");
	assert_str(buf_str(&result.links), "https://a.example/x_(y)\nhttp://b.example\n");
}

static void
test_raw(void **state)
{
	const struct msg_render options = { .raw = 1 };

	assert_str(show_with(STR("A: b\n\n<p>\xe9\n> x"), &options, false),
		   "T|A: b\n-\nT|<p>é\nT|> x\n");
}

/* --- Choosing --------------------------------------------------------------------- */

static const char alternative[] =
	"Content-Type: multipart/alternative; boundary=b\n\n"
	"--b\nContent-Type: text/plain\n\nplain\n"
	"--b\nContent-Type: multipart/related; boundary=r\n\n"
	"--r\nContent-Type: text/html\n\n<p>rich\n"
	"--r\nContent-Type: image/png; name=i.png\n\nx\n--r--\n"
	"--b\nContent-Type: text/calendar; name=c.ics\n\nBEGIN\n"
	"--b--\n";

static void
test_alternative_is_plain(void **state)
{
	assert_str(show(alternative), "-\nT plain\n-\nA|c.ics  text/calendar  0.1K\n");
	assert_int_equal(result.n_parts, 6);
	assert_true(result.parts[1].is_shown);
	assert_false(result.parts[3].is_shown);
	assert_true(result.parts[2].is_multipart);
	assert_str(result.parts[4].section, "2.2");
}

static void
test_alternative_order(void **state)
{
	const struct msg_render options = { .alternative_order = STR("text/enriched text/html *") };

	assert_str(show_with(STR(alternative), &options, false),
		   "H~Content-Type: multipart/alternative; boundary=b\n-\nT~rich\n-\n"
		   "A|i.png  image/png      0.1K\nA|c.ics  text/calendar  0.1K\n");
}

static void
test_empty_plain_is_not_chosen(void **state)
{
	assert_str(show("Content-Type: multipart/alternative; boundary=b\n\n"
			"--b\n\n \n--b\nContent-Type: text/html\n\n<b>x</b>\n--b--\n"),
		   "-\nT~x\n");
}

static void
test_attachments(void **state)
{
	assert_str(show("Content-Type: multipart/mixed; boundary=b\n\n"
			"--b\n\ntext\n"
			"--b\nContent-Type: application/pdf; name=\"=?utf-8?q?pl=C3=A4n.pdf?=\"\n"
			"Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\nAAAA\n"
			"--b\nContent-Type: text/x-patch\nContent-Disposition: attachment; "
			"filename=a.patch\n\n+x\n"
			"--b\nContent-Type: text/x-patch; name=b.patch\nContent-Disposition: inline\n"
			"\n+y\n"
			"--b\nContent-Type: image/jpeg\nX-Tern-Part: not-fetched; octets=3400000\n\n\n"
			"--b--\n"),
		   "-\nT text\n-\nT +y\n-\n"
		   "A|plän.pdf   application/pdf  0.1K\n"
		   "A|a.patch    text/x-patch     0.1K\n"
		   "A|b.patch    text/x-patch     0.1K     shown above\n"
		   "A|(no name)  image/jpeg       3.2M     not fetched\n");
	assert_int_equal(result.parts[5].presence, DOC_NOT_FETCHED);
	assert_true(result.parts[5].octets == 3400000);
	assert_false(result.end.has_more);
}

static void
test_partial_text(void **state)
{
	assert_str(show("X-Tern-Part: partial; octets=2000\n\nthe start"),
		   "-\nT the start\nN [text continues: 0.1K of 2.0K are here]\n");
	assert_true(result.end.has_more);
}

static void
test_inner_message(void **state)
{
	assert_str(show("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n"
			"--b\n\nsee below\n"
			"--b\nContent-Type: message/rfc822\n\nFrom: c@d\nTo: x\nSubject: in\n\ninner\n"
			"--b--\n"),
		   "H~From: a@b\n-\nT see below\n-\n=\nH~From: c@d\nH~Subject: in\n-\nT inner\n");
	assert_str(result.parts[2].section, "2");
	assert_str(result.parts[3].section, "2.1");
}

static void
test_unknown_charset_is_said(void **state)
{
	assert_str(show("Content-Type: text/plain; charset=martian\n\n\xe9\n"),
		   "-\nN [the charset 'martian' is not known; this is a guess]\nT é\n");
}

/* --- HTML --------------------------------------------------------------------------- */

static const struct {
	const char *html, *text;
} pages[] = {
	{ "a  b\n\tc", "T~a b c\n" },
	{ "<p>one<p>two", "T~one\n-\nT~two\n" },
	{ "<div>one</div><div>two</div>", "T~one\nT~two\n" },
	{ "a<br>b<br><br>c", "T~a\nT~b\n-\nT~c\n" },
	{ "<h1>Head</h1>text", "T~Head\n-\nT~text\n" },
	{ "<ul><li>a<li>b<ol start=3><li>c</ol></ul>z",
	  "T..~• a\nT..~• b\nT......~3. c\n-\nT~z\n" },
	{ "<blockquote>q<blockquote>qq</blockquote></blockquote>t",
	  "T>~q\n->>\nT>>~qq\n-\nT~t\n" },
	{ "<pre>a  b\n\n  c</pre>", "T|a  b\n-\nT|  c\n" },
	{ "&lt;&eacute;&#x20ac;&nbsp;&amp;", "T~<é€ &\n" },
	{ "<table><tr><th>Item<th>Price<tr><td>Tea<td>3.50<tr><td>Biscuits<td>12</table>",
	  "T|Item      Price\nT|Tea       3.50\nT|Biscuits  12\n" },
	{ "<table><tr><td><p>long</p><ul><li>x</ul><td>right</table>", "T~long\n-\nT..~• x\n-\nT~right\n" },
	{ "a<hr>b", "T~a\n=\nT~b\n" },
	{ "<img src='http://x/y.png' alt='A cat'><img src=x><img width=1 alt=spy>", "T~[A cat]\n" },
	{ "<style>p{}</style><script>x()</script><title>t</title>v", "T~v\n" },
	{ "<p style='DISPLAY : none'>secret</p><span hidden>s</span><i style='mso-hide:all'>s</i>v",
	  "T~v\n" },
	{ "<a href='https://x.example/'>here</a>, and <a href='https://y.example'>there</a>.",
	  "T~here [1], and there [2].\n-\nT [1] https://x.example/\nT [2] https://y.example\n" },
	{ "<a href='javascript:x'>a</a> <a href='#b'>b</a> <a href='/c'>c</a> "
	  "<a href='data:text/html,x'>d</a> <a href=' htt\nps://e '>e</a><a href='https://f'></a>",
	  "T~a b c d e [1]\n-\nT [1] https://e\n" },
	{ "<a href=https://x>a</a> <a href=https://x>b</a>", "T~a [1] b [1]\n-\nT [1] https://x\n" },
	{ "<q>x</q>", "T~“x”\n" },
	{ "pre\u00adview\u200b&zwnj;&nbsp;&zwnj;&nbsp;", "T~preview\n" },
	{ "", "" },
	{ "<", "T~<\n" },
	{ "<!-- <p>x", "" },
	{ "<svg><p>x", "T~x\n" },
	{ "<object data=x>fallback</object><iframe src=x>i</iframe>", "T~fallback\n" },
	{ "a\001\033[2Jb", "T~a\xef\xbf\xbd\xef\xbf\xbd[2Jb\n" },
};

static void
test_html(void **state)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct buf m = BUF_INIT, want = BUF_INIT;
		buf_addf(&m, HTML "%s", pages[i].html);
		buf_addf(&want, "-\n%s", pages[i].text);
		if (!str_eq(show(m.ptr), buf_str(&want)))
			print_message("of '%s':\n", pages[i].html);
		assert_str_is(buf_str(&result.text), buf_str(&want));
		buf_release(&m);
		buf_release(&want);
		forget(state);
	}
}

static void
test_html_spans(void **state)
{
	const struct msg_render options = { .weed = 1, .ignore = STR("*") };

	assert_str(show_with(STR(HTML "<h2>T</h2><b>bold <i>both</i></b> <a href='http://x'>two "
				      "<b>words</b></a><ul><li><em>x y</em></ul>"),
			     &options, true),
		   "-\nT~{bh0:T}\n-\nT~{b0:bold} {bi0:both} {l1:two} {bl1:words} {l1:[1]}\n-\n"
		   "T..~• {i0:x y}\n-\nT [1] {l1:http://x}\n");
}

static void
test_html_names_its_charset(void **state)
{
	assert_str(show("Content-Type: text/html\n\n<meta charset=koi8-r><p>\xf0\xd2"),
		   "-\nT~Пр\n");
}

/* --- Hostile -------------------------------------------------------------------------- */

static void
repeat(struct buf *b, const char *what, int n)
{
	for (int i = 0; i < n; i++)
		buf_adds(b, what);
}

static void
test_html_nesting(void **state)
{
	static const char *const tags[] = { "<div>",	   "<b>",	  "<table>",
					    "<table><tr><td>", "<ul><li>",   "<blockquote>",
					    "<font size=1>", "<a href=http://x>", "<p><b>",
					    "<svg>",	   "<x-y>",	  "<select>",
					    "<i></p>",	   "<object>",	  "<div></x>",
					    "<button><p>", "<template>", "<frameset>" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		struct buf m = BUF_INIT;
		buf_adds(&m, HTML);
		repeat(&m, tags[i], 100000);
		buf_adds(&m, "bottom");
		double before = seconds();
		show(m.ptr);
		if (seconds() - before > 5)
			print_message("%s: %.1f s\n", tags[i], seconds() - before);
		assert_true(seconds() - before < 20);
		buf_release(&m);
		forget(state);
	}
}

/* Each paragraph opens all the fonts again: quadratic in HTML's own rules. */
static void
test_html_formatting_bomb(void **state)
{
	struct buf m = BUF_INIT;

	buf_adds(&m, HTML);
	for (int i = 0; i < 10000; i++)
		buf_addf(&m, "<font size=%d>", i);
	repeat(&m, "<p>x", 100000);
	double before = seconds();
	struct str text = show(m.ptr);
	assert_true(seconds() - before < 20);
	/* it is shown, in one way or the other */
	assert_true(str_find(text, 'x') >= 0);
	buf_release(&m);
}

static void
test_long_line(void **state)
{
	struct buf m = BUF_INIT;

	/* given a line of ten megabytes, of characters that are two bytes long */
	buf_adds(&m, "Content-Type: text/plain; charset=utf-8\n\nx");
	repeat(&m, "é", 5 * 1000 * 1000);
	double before = seconds();
	struct str text = show(m.ptr);
	assert_true(seconds() - before < 5);
	assert_true(text.len > 10 * 1000 * 1000);
	assert_int_equal(str_find_str(text, STR("\xef\xbf\xbd")), -1);
	buf_release(&m);
}

static void
test_endless_text(void **state)
{
	struct buf m = BUF_INIT;

	buf_adds(&m, "\n");
	repeat(&m, "x\n", 2 * DOC_MAX_LINES);
	show(m.ptr);
	assert_true(result.end.is_cut);
	assert_true(result.n_lines <= DOC_MAX_LINES + 10);
	assert_true(str_ends(buf_str(&result.text),
			     "N [the text is longer than can be shown here]\n"));
	buf_release(&m);
}

static void
test_many_links(void **state)
{
	struct buf m = BUF_INIT;

	buf_adds(&m, HTML);
	for (int i = 0; i < 20000; i++)
		buf_addf(&m, "<a href=http://x/%d>a</a>", i);
	buf_adds(&m, "<p>");
	repeat(&m, "http://", 100000);
	double before = seconds();
	show(m.ptr);
	assert_true(seconds() - before < 10);
	buf_release(&m);
	forget(state);

	m = (struct buf)BUF_INIT;
	buf_adds(&m, "\n");
	repeat(&m, "http://", 500000);
	before = seconds();
	show(m.ptr);
	assert_true(seconds() - before < 10);
	buf_release(&m);
}

static void
test_deep_parts_are_said(void **state)
{
	struct buf m = BUF_INIT;

	for (int i = 0; i < 1000; i++)
		buf_adds(&m, "Content-Type: message/rfc822\n\n");
	buf_adds(&m, "bottom\n");
	struct str text = show(m.ptr);
	assert_true(str_find_str(text, STR("application")) < 0);
	assert_int_equal(result.n_parts, MIME_MAX_DEPTH + 1);
	buf_reset(&m);
	for (int i = 0; i < 1000; i++)
		buf_addf(&m, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	text = (forget(state), show(m.ptr));
	assert_true(str_find_str(text, STR("nested too deep")) >= 0);
	buf_release(&m);
}

static void
test_bytes_of_every_kind(void **state)
{
	struct test_random random = { 20261120 };

	/* given noise in every place: what comes out is a document */
	for (int round = 0; round < 300; round++) {
		struct buf m = BUF_INIT;
		static const char *const pieces[] = {
			"Content-Type: ", "multipart/mixed; boundary=", "text/html", "text/plain",
			"; charset=", "utf-8", "iso-2022-jp", "\n\n", "--b\n", "b\n", "<p>", "<table>",
			"Content-Transfer-Encoding: base64\n", "quoted-printable", "=?utf-8?b?", "?=",
			"\xff\xfe", "=C3=A9", "&#0;", "http://", "> ", "-- \n", "<a href=", "'",
		};
		for (uint32_t i = test_random(&random, 60); i > 0; i--) {
			if (test_random(&random, 4) == 0)
				buf_addc(&m, (char)test_random(&random, 256));
			else
				buf_adds(&m, pieces[test_random(&random, sizeof(pieces) / sizeof(pieces[0]))]);
		}
		const struct msg_render options = { .weed = 0 };
		show_with(buf_str(&m), &options, false);
		forget(state);
		buf_release(&m);
	}
}

#define TEST(f) cmocka_unit_test_teardown(f, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_weed),
		TEST(test_all_headers),
		TEST(test_plain),
		TEST(test_plain_flowed),
		TEST(test_plain_links),
		TEST(test_raw),
		TEST(test_alternative_is_plain),
		TEST(test_alternative_order),
		TEST(test_empty_plain_is_not_chosen),
		TEST(test_attachments),
		TEST(test_partial_text),
		TEST(test_inner_message),
		TEST(test_unknown_charset_is_said),
		TEST(test_html),
		TEST(test_html_spans),
		TEST(test_html_names_its_charset),
		TEST(test_html_nesting),
		TEST(test_html_formatting_bomb),
		TEST(test_long_line),
		TEST(test_endless_text),
		TEST(test_many_links),
		TEST(test_deep_parts_are_said),
		TEST(test_bytes_of_every_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
