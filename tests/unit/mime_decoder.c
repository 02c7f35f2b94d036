/* Transfer encodings and format=flowed: whole, and a byte at a time. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/test.h"
#include "tern/mime.h"

static const struct {
	enum mime_encoding encoding;
	const char *raw, *text;
} rows[] = {
	{ MIME_7BIT, "a\r\nb", "a\r\nb" },
	{ MIME_BASE64, "aGVsbG8=", "hello" },
	{ MIME_BASE64, "aGVs\r\nbG8=\r\n", "hello" },
	{ MIME_BASE64, "aGVsbG8", "hello" },
	{ MIME_BASE64, "aG!Vs*bG8=", "hello" },
	{ MIME_BASE64, "aGk=\r\n-- \r\nlist footer", "hi" },
	{ MIME_BASE64, "a", "" },
	{ MIME_BASE64, "====", "" },
	{ MIME_QP, "a=3Db=3d", "a=b=" },
	{ MIME_QP, "soft=\r\nbreak=\nagain", "softbreakagain" },
	{ MIME_QP, "soft= \t \r\nbreak", "softbreak" },
	{ MIME_QP, "trailing  \r\nblanks \t\n", "trailing\r\nblanks\n" },
	{ MIME_QP, "a b", "a b" },
	{ MIME_QP, "=E2=82=AC", "€" },
	{ MIME_QP, "bad =x =4 =G1 =", "bad =x =4 =G1 " },
	{ MIME_QP, "==3D", "==" },
	{ MIME_QP, "=4=41", "=4A" },
	{ MIME_QP, "a =41", "a A" },
	{ MIME_UUENCODE, "prose\nbegin 644 a.txt\n%:&5L;&\\\n`\nend\n", "hello" },
	{ MIME_UUENCODE, "begin 644 a\r\n#:&5L\r\n", "hel" },
	{ MIME_UUENCODE, "#:&5L\n", "" },
};

static void
test_decoders(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str s = str_c(rows[i].raw);
		struct mime_decoder d;
		struct buf b = BUF_INIT;

		mime_decoder_init(&d, rows[i].encoding);
		mime_decoder_feed(&d, s, true, &b);
		assert_str(buf_str(&b), rows[i].text);
		buf_reset(&b);
		mime_decoder_init(&d, rows[i].encoding);
		for (size_t k = 0; k < s.len; k++)
			mime_decoder_feed(&d, str_n(s.ptr + k, 1), k + 1 == s.len, &b);
		assert_str(buf_str(&b), rows[i].text);
		buf_release(&b);
	}
}

static void
test_state_is_a_value(void **state)
{
	struct mime_decoder d, saved;
	struct buf b = BUF_INIT;

	/* given a decoder saved in the middle of a group */
	mime_decoder_init(&d, MIME_BASE64);
	mime_decoder_feed(&d, STR("aGVsb"), false, &b);
	saved = d;
	mime_decoder_feed(&d, STR("garbage"), false, &b);
	/* it goes on from there */
	buf_reset(&b);
	mime_decoder_feed(&saved, STR("G8="), true, &b);
	assert_str(buf_str(&b), "lo");
	buf_release(&b);
}

static void
test_long_runs(void **state)
{
	static const char *const runs[] = { " ", "=", "= ", "=\r", "\t=" };

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct buf in = BUF_INIT, out = BUF_INIT;
		struct mime_decoder d;
		while (in.len < 1000 * 1000)
			buf_adds(&in, runs[i]);
		mime_decoder_init(&d, MIME_QP);
		mime_decoder_feed(&d, buf_str(&in), true, &out);
		assert_true(out.len <= in.len);
		buf_release(&in);
		buf_release(&out);
	}
}

static void
test_encoding_names(void **state)
{
	assert_int_equal(mime_encoding(STR(" Base64 ")), MIME_BASE64);
	assert_int_equal(mime_encoding(STR("quoted-printable; x")), MIME_QP);
	assert_int_equal(mime_encoding(STR("X-UUENCODE")), MIME_UUENCODE);
	assert_int_equal(mime_encoding(STR("8bit")), MIME_7BIT);
	assert_int_equal(mime_encoding(STR_NONE), MIME_7BIT);
}

static void
note_paragraph(struct str text, int quote, bool is_fixed, void *ctx)
{
	buf_addf(ctx, "%d%c%.*s|", quote, is_fixed ? '=' : '~', STR_ARG(text));
}

static void
test_flowed(void **state)
{
	static const char *const lines[] = { "one ", "two ", "three", "fixed", "> quoted ",
					     ">still ", "other ", "-- ", "sig ", "nature",
					     " stuffed", ">> deep", "open " };
	struct mime_flowed f;
	struct buf b = BUF_INIT;

	mime_flowed_init(&f, false);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		mime_flowed_line(&f, str_c(lines[i]), note_paragraph, &b);
	mime_flowed_end(&f, note_paragraph, &b);
	assert_str(buf_str(&b), "0~one two three|0=fixed|1~quoted still |0~other |0=-- |"
				"0~sig nature|0=stuffed|2=deep|0~open |");
	mime_flowed_release(&f);

	buf_reset(&b);
	mime_flowed_init(&f, true);
	mime_flowed_line(&f, STR("日 "), note_paragraph, &b);
	mime_flowed_line(&f, STR("本"), note_paragraph, &b);
	assert_str(buf_str(&b), "0~日本|");
	mime_flowed_release(&f);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoders),	cmocka_unit_test(test_state_is_a_value),
		cmocka_unit_test(test_long_runs),	cmocka_unit_test(test_encoding_names),
		cmocka_unit_test(test_flowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
