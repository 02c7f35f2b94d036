/* utf8: decoding, width, and what the terminal may have. */
#include "lib/test.h"

#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

static void
test_decode(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t cp;
		size_t len;
	} rows[] = {
		{ "a", 'a', 1 },
		{ "\x7f", 0x7f, 1 },
		{ "\xc2\x80", 0x80, 2 },
		{ "\xdf\xbf", 0x7ff, 2 },
		{ "\xe0\xa0\x80", 0x800, 3 },
		{ "\xed\x9f\xbf", 0xd7ff, 3 },
		{ "\xee\x80\x80", 0xe000, 3 },
		{ "\xef\xbf\xbf", 0xffff, 3 },
		{ "\xf0\x90\x80\x80", 0x10000, 4 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff, 4 },
		/* too long, surrogates, out of range, cut, stray */
		{ "\xc0\x80", UTF8_BAD, 1 },
		{ "\xc1\xbf", UTF8_BAD, 1 },
		{ "\xe0\x9f\xbf", UTF8_BAD, 1 },
		{ "\xf0\x8f\xbf\xbf", UTF8_BAD, 1 },
		{ "\xed\xa0\x80", UTF8_BAD, 1 },
		{ "\xed\xbf\xbf", UTF8_BAD, 1 },
		{ "\xf4\x90\x80\x80", UTF8_BAD, 1 },
		{ "\xf5\x80\x80\x80", UTF8_BAD, 1 },
		{ "\xff", UTF8_BAD, 1 },
		{ "\x80", UTF8_BAD, 1 },
		{ "\xc3", UTF8_BAD, 1 },
		{ "\xe2\x82", UTF8_BAD, 1 },
		{ "\xf0\x9f\x98", UTF8_BAD, 1 },
		{ "\xe2\x82" "a", UTF8_BAD, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t cp = 1;
		size_t len = utf8_decode(str_c(rows[i].bytes), &cp);
		if (cp != rows[i].cp || len != rows[i].len)
			fail_msg("row %zu: U+%04X in %zu bytes", i, cp, len);
		bool is_bad = rows[i].cp == UTF8_BAD && rows[i].len == 1;
		if (utf8_is_valid(str_c(rows[i].bytes)) == is_bad)
			fail_msg("row %zu: validity", i);
	}
	/* U+FFFD itself is a good character. */
	assert_true(utf8_is_valid(STR("\xef\xbf\xbd")));
	uint32_t cp;
	assert_int_equal(utf8_decode(STR_NONE, &cp), 0);
}

/* Whatever comes in, what goes out is valid, and says the same again. */
static void
test_any_bytes(void **state)
{
	struct test_random chance = { 1 };
	struct buf raw = BUF_INIT, valid = BUF_INIT, again = BUF_INIT, safe = BUF_INIT,
		   folded = BUF_INIT;

	for (int n = 0; n < 3000; n++) {
		buf_reset(&raw), buf_reset(&valid), buf_reset(&again), buf_reset(&safe);
		buf_reset(&folded);
		size_t len = test_random(&chance, 60);
		for (size_t i = 0; i < len; i++) {
			static const unsigned char likely[] = "\xe2\x80\xae\xf0\x9f\x91\xed\xc2\x9b\x1b";
			uint32_t r = test_random(&chance, 512);
			buf_addc(&raw, r < 256 ? (char)r : (char)likely[r % (sizeof(likely) - 1)]);
		}
		utf8_add_valid(&valid, buf_str(&raw));
		assert_true(utf8_is_valid(buf_str(&valid)));
		utf8_add_valid(&again, buf_str(&valid));
		assert_str_is(buf_str(&again), buf_str(&valid));

		utf8_add_safe(&safe, buf_str(&raw));
		assert_true(utf8_is_valid(buf_str(&safe)));
		for (struct str s = buf_str(&safe); s.len > 0;) {
			uint32_t cp;
			size_t used = utf8_decode(s, &cp);
			assert_false(utf8_is_unsafe(cp));
			s = str_from(s, used);
		}
		utf8_add_folded(&folded, buf_str(&raw));
		assert_true(utf8_is_valid(buf_str(&folded)));

		/* Graphemes cover everything, and their columns are the sum. */
		int sum = 0;
		struct str rest = buf_str(&safe);
		while (rest.len > 0) {
			int cols = -1;
			size_t used = utf8_grapheme(rest, &cols);
			assert_true(used > 0 && used <= 64 && cols >= 0 && cols <= 2);
			sum += cols;
			rest = str_from(rest, used);
		}
		assert_int_equal(utf8_cols(buf_str(&safe)), sum);
		for (int limit = 0; limit < 20; limit += 3) {
			int used = -1;
			struct str head = utf8_fit(buf_str(&safe), limit, &used);
			assert_true(used <= limit && head.len <= safe.len);
			assert_int_equal(utf8_cols(head), used);
		}
	}
	buf_release(&raw), buf_release(&valid), buf_release(&again), buf_release(&safe);
	buf_release(&folded);
}

static void
test_cols(void **state)
{
	static const struct {
		const char *text;
		int cols;
	} rows[] = {
		{ "", 0 },
		{ "abc", 3 },
		{ "\xc3\xa4", 1 },			    /* a umlaut */
		{ "e\xcc\x81", 1 },			    /* e + combining acute */
		{ "\xe6\x97\xa5\xe6\x9c\xac", 4 },	    /* two CJK */
		{ "\xef\xbc\xa1", 2 },			    /* fullwidth A */
		{ "\xef\xbd\xb1", 1 },			    /* halfwidth katakana */
		{ "\xf0\x9f\x98\x80", 2 },		    /* grinning face */
		{ "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 2 },  /* a flag */
		{ "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", 2 },  /* thumb, skin tone */
		{ "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", 2 }, /* family */
		{ "\xe2\x9d\xa4\xef\xb8\x8f", 2 },	    /* heart, as emoji */
		{ "\xe2\x80\x8b", 0 },			    /* zero width space */
		{ "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", 4 },  /* Hebrew */
		{ "\xe0\xa4\xa8\xe0\xa4\xbf", 1 },	    /* Devanagari ni: the vowel joins */
		{ "\xea\xb0\x80", 2 },			    /* Hangul syllable */
		{ "\xe1\x84\x80\xe1\x85\xa1", 2 },	    /* the same in jamo */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int cols = utf8_cols(str_c(rows[i].text));
		if (cols != rows[i].cols)
			print_error("row %zu: %d columns, not %d\n", i, cols, rows[i].cols);
		assert_int_equal(cols, rows[i].cols);
	}
}

static void
test_fit(void **state)
{
	int used;

	assert_str(utf8_fit(STR("abc"), 2, &used), "ab");
	assert_int_equal(used, 2);
	/* A wide character does not fit by half. */
	assert_str(utf8_fit(STR("a\xe6\x97\xa5"), 2, &used), "a");
	assert_int_equal(used, 1);
	/* Combining marks stay with their base. */
	assert_str(utf8_fit(STR("e\xcc\x81x"), 1, NULL), "e\xcc\x81");
	assert_str(utf8_fit(STR("x"), 0, NULL), "");
}

/* A heap of marks on one letter does not grow without end. */
static void
test_long_cluster(void **state)
{
	struct buf b = BUF_INIT;
	int cols;

	buf_addc(&b, 'e');
	for (int i = 0; i < 1000; i++)
		buf_adds(&b, "\xcc\x81");
	assert_true(utf8_grapheme(buf_str(&b), &cols) <= 64);
	assert_int_equal(cols, 1);
	/* Four-byte parts: a limit in the middle of one. */
	buf_reset(&b);
	buf_adds(&b, "a");
	for (int i = 0; i < 100; i++)
		buf_adds(&b, "\xf0\x9d\x85\xa5"); /* musical stem, combining */
	assert_true(utf8_grapheme(buf_str(&b), &cols) <= 64);
	buf_release(&b);
}

static void
test_unsafe(void **state)
{
	static const uint32_t unsafe[] = {
		0, 7, 8, 9, 0xa, 0xd, 0x1b, 0x7f, 0x80, 0x90, 0x9b, 0x9f, 0x61c, 0x200e, 0x200f,
		0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff, 0xfff9, 0xe000, 0xf8ff,
		0x378, 0xe0041, 0xf0000, 0x10ffff, 0xd800,
	};
	static const uint32_t safe[] = {
		' ', '~', 0xa0, 0xe4, 0x301, 0x416, 0x5d0, 0x627, 0x65e5, 0x200d, 0xfe0f, 0x1f600,
		0xfffd, 0x2500, 0xac00,
	};

	for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
		if (!utf8_is_unsafe(unsafe[i]))
			fail_msg("U+%04X passes", unsafe[i]);
	for (size_t i = 0; i < ARRAY_LEN(safe); i++)
		if (utf8_is_unsafe(safe[i]))
			fail_msg("U+%04X does not pass", safe[i]);
}

static void
test_add_safe(void **state)
{
	struct buf b = BUF_INIT;

	utf8_add_safe(&b, STR("a\tb\nc"));
	assert_str(buf_str(&b), "a b c");
	buf_reset(&b);
	utf8_add_safe(&b, STR("\x1b[31m\x7f"));
	assert_str(buf_str(&b), "\xe2\x90\x9b[31m\xe2\x90\xa1");
	buf_reset(&b);
	/* C1 as UTF-8, C1 as a byte, right-to-left override */
	utf8_add_safe(&b, STR("\xc2\x9b\x9b\xe2\x80\xae"));
	assert_str(buf_str(&b), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	buf_reset(&b);
	utf8_add_safe(&b, ((struct str){ "x\0y", 3 }));
	assert_str(buf_str(&b), "x\xe2\x90\x80y");
	buf_release(&b);
}

static void
test_folded(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT;

	utf8_add_folded(&a, STR("INBOX Re"));
	assert_str(buf_str(&a), "inbox re");
	buf_reset(&a);
	/* composed and decomposed, sharp s, Greek sigma */
	utf8_add_folded(&a, STR("\xc3\x84stra\xc3\x9f" "e \xce\xa3\xcf\x82"));
	utf8_add_folded(&b, STR("a\xcc\x88STRASSE \xcf\x83\xcf\x83"));
	assert_str_is(buf_str(&a), buf_str(&b));
	buf_release(&a);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),	     cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_cols),	     cmocka_unit_test(test_fit),
		cmocka_unit_test(test_long_cluster), cmocka_unit_test(test_unsafe),
		cmocka_unit_test(test_add_safe),     cmocka_unit_test(test_folded),
	};

	return cmocka_run_group_tests_name("base_utf8", tests, NULL, NULL);
}
