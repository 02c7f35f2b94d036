/* ipc: packed values, every message of the tables, rows and structures. */
#include "lib/test.h"

#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/have.h"
#include "tern/ipc.h"
#include "tern/row.h"
#include "tern/session.h"
#include "tern/structure.h"

static void
test_values(void **state)
{
	struct buf b = BUF_INIT;

	ipc_put_u8(&b, 0xfe);
	ipc_put_u16(&b, 0x1234);
	ipc_put_u32(&b, 0xdeadbeef);
	ipc_put_u64(&b, 0x0123456789abcdefULL);
	ipc_put_i64(&b, -2);
	ipc_put_str(&b, STR("text"));
	ipc_put_str(&b, STR_NONE);
	/* little-endian on the wire, whatever the machine */
	assert_memory_equal(b.ptr, "\xfe\x34\x12\xef\xbe\xad\xde", 7);
	struct ipc_reader r = { buf_str(&b), false };
	assert_int_equal(ipc_get_u8(&r), 0xfe);
	assert_int_equal(ipc_get_u16(&r), 0x1234);
	assert_int_equal(ipc_get_u32(&r), 0xdeadbeef);
	assert_true(ipc_get_u64(&r) == 0x0123456789abcdefULL);
	assert_true(ipc_get_i64(&r) == -2);
	assert_str(ipc_get_str(&r), "text");
	assert_str(ipc_get_str(&r), "");
	assert_false(r.is_bad);
	assert_int_equal(r.rest.len, 0);
	/* Past the end: zero, and bad from then on. */
	assert_int_equal(ipc_get_u8(&r), 0);
	assert_true(r.is_bad);
	r.rest = STR("plenty of bytes here");
	assert_int_equal(ipc_get_u64(&r), 0);
	assert_true(r.is_bad);
	buf_release(&b);
}

static void
test_texts(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool is_good;
	} rows[] = {
		{ "\0\0\0\0", 4, true },
		{ "\2\0\0\0ab", 6, true },
		{ "\2\0\0\0\xc3\xa4", 6, true },
		{ "\3\0\0\0ab", 6, false },		  /* longer than there is */
		{ "\xff\xff\xff\xff" "ab", 6, false },
		{ "\2\0\0\0a\0", 6, false },		  /* NUL */
		{ "\1\0\0\0\xff", 5, false },		  /* not UTF-8 */
		{ "\2\0\0", 3, false },
		{ "", 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipc_reader r = { str_n(rows[i].bytes, rows[i].len), false };
		struct str s = ipc_get_text(&r);
		if (r.is_bad == rows[i].is_good)
			fail_msg("row %zu", i);
		if (r.is_bad)
			assert_int_equal(s.len, 0);
	}
}

/* Each message: put and get again; cut at every byte; one byte more; noise. */
#define FILL_u8(f) m.f = 0xa5;
#define FILL_u16(f) m.f = 0xa5a6;
#define FILL_u32(f) m.f = 0xa5a6a7a8;
#define FILL_u64(f) m.f = 0xa5a6a7a8a9aaabacULL;
#define FILL_i64(f) m.f = INT64_MIN + 7;
#define FILL_text(f) m.f = STR("text \xe2\x82\xac");
#define FILL_blob(f) m.f = (struct str){ "\0\xff\n", 3 };
#define FILL_secret(f) m.f = STR("s3cret");
#define SAME_u8(f) assert_int_equal(got.f, m.f);
#define SAME_u16 SAME_u8
#define SAME_u32 SAME_u8
#define SAME_u64(f) assert_true(got.f == m.f);
#define SAME_i64 SAME_u64
#define SAME_text(f) assert_str_is(got.f, m.f);
#define SAME_blob SAME_text
#define SAME_secret SAME_text
#define FILL_FIELD(type, name) FILL_##type(name)
#define SAME_FIELD(type, name) SAME_##type(name)

#define MSG(sym, name, fields)                                                         \
	static void test_msg_##name(void **state)                                      \
	{                                                                              \
		struct msg_##name m, got;                                              \
		struct buf b = BUF_INIT;                                               \
		struct err err = ERR_INIT;                                             \
		memset(&m, 0, sizeof(m));                                              \
		fields(FILL_FIELD)                                                     \
		msg_put_##name(&b, &m);                                                \
		assert_int_equal(msg_get_##name(buf_str(&b), &got, &err), 0);          \
		fields(SAME_FIELD)                                                     \
		for (size_t len = 0; len < b.len; len++) {                             \
			assert_int_equal(msg_get_##name(str_n(b.ptr, len), &got, &err), -1); \
			assert_err(err, ERR_PROTO);                                    \
		}                                                                      \
		buf_addc(&b, 0);                                                       \
		assert_int_equal(msg_get_##name(buf_str(&b), &got, &err), -1);         \
		struct test_random chance = { MSG_##sym + 1 };                         \
		for (int n = 0; n < 200 && b.len > 1; n++) {                           \
			b.ptr[test_random(&chance, (uint32_t)b.len)] =                 \
				(char)test_random(&chance, 256);                       \
			msg_get_##name(str_n(b.ptr, b.len - 1), &got, NULL);           \
		}                                                                      \
		buf_release(&b);                                                       \
		assert_string_equal(msg_type_name(MSG_##sym), #name);                  \
	}
#include "tern/defs/request.def"
#include "tern/defs/event.def"
#undef MSG

static void
test_types_are_unique(void **state)
{
	assert_true(MSG_FIRST_EVENT == 1000);
	assert_string_equal(msg_type_name(MSG_NONE), "?");
	assert_string_equal(msg_type_name(MSG_FIRST_EVENT), "?");
	assert_string_equal(msg_type_name(MSG_END), "?");
	/* A type travels in 16 bits; requests must not run into events. */
	assert_true(MSG_END < 65536);
	for (unsigned type = MSG_FIRST_EVENT - 1; type > 500; type--)
		assert_string_equal(msg_type_name(type), "?");
}

static struct row
sample_row(void)
{
	return (struct row){
		.local = 77, .uid = 5, .size_bytes = 1234, .flags = ROW_SEEN | ROW_FLAGGED,
		.date = -1, .internaldate = 1700000000, .zone_min = -330, .modseq = 1ULL << 62,
		.id_hash = 99, .ancestors = STR("12345678abcdefgh"), .subject = STR("Subject"),
		.from_name = STR("Anna"), .from_addr = STR("anna@example.org"), .to = STR("b@c"),
		.cc = STR(""), .reply_to = STR(""), .list_id = STR("list"),
		.message_id = STR("<1@x>"), .keywords = STR("$Label1 work"),
	};
}

/* Programs of two protocols greet each other, the older manager says what is wrong with
 * it, and is asked to finish: whatever rows come and go. */
static void
test_what_strangers_say_keeps_its_number(void **state)
{
	assert_int_equal(MSG_HELLO, 1);
	assert_int_equal(MSG_FINISH, 2);
	assert_int_equal(MSG_NOTICE, 1005);
}

static void
test_rows(void **state)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct row row = sample_row(), got;

	row_put(&b, &row);
	row.uid = 6;
	row_put(&b, &row);
	struct ipc_reader r = { buf_str(&b), false };
	assert_int_equal(row_get(&r, &got, &err), 0);
	assert_int_equal(got.uid, 5);
	assert_int_equal(got.zone_min, -330);
	assert_true(got.date == -1);
	assert_str(got.subject, "Subject");
	assert_str(got.keywords, "$Label1 work");
	assert_int_equal(row_n_ancestors(&got), 2);
	assert_true(row_ancestor(&got, 0) == 0x3837363534333231ULL);
	assert_int_equal(row_get(&r, &got, &err), 0);
	assert_int_equal(got.uid, 6);
	assert_int_equal(r.rest.len, 0);
	assert_int_equal(row_get(&r, &got, &err), -1);
	assert_err(err, ERR_PROTO);
	for (size_t len = 0; len < b.len / 2; len++) {
		r = (struct ipc_reader){ str_n(b.ptr, len), false };
		assert_int_equal(row_get(&r, &got, &err), -1);
	}
	buf_release(&b);
}

static void
refuse_row(const struct row *row)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct row got;

	row_put(&b, row);
	struct ipc_reader r = { buf_str(&b), false };
	assert_int_equal(row_get(&r, &got, &err), -1);
	assert_err(err, ERR_PROTO);
	buf_release(&b);
}

static void
test_rows_are_bounded(void **state)
{
	static char big[ROW_MAX_TEXT + 2];
	struct row row = sample_row();

	memset(big, 'x', sizeof(big));
	row.subject = str_n(big, ROW_MAX_TEXT + 1);
	refuse_row(&row);
	row = sample_row();
	row.keywords = str_n(big, ROW_MAX_TEXT + 1);
	refuse_row(&row);
	row = sample_row();
	row.ancestors = STR("1234567");
	refuse_row(&row);
	row.ancestors = str_n(big, 8 * (ROW_MAX_ANCESTORS + 1));
	refuse_row(&row);
	row = sample_row();
	row.from_name = STR("\xff");
	refuse_row(&row);
	row = sample_row();
	row.to = (struct str){ "a\0b", 3 };
	refuse_row(&row);
}

static void
test_flag_changes(void **state)
{
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct row_flags_change c = { 5, ROW_SEEN, 7, STR("work") }, got;

	row_flags_put(&b, &c);
	struct ipc_reader r = { buf_str(&b), false };
	assert_int_equal(row_flags_get(&r, &got, &err), 0);
	assert_int_equal(got.flags, ROW_SEEN);
	/* UID 0, and flags that are ours alone, a server cannot set. */
	c.uid = 0;
	buf_reset(&b);
	row_flags_put(&b, &c);
	r = (struct ipc_reader){ buf_str(&b), false };
	assert_int_equal(row_flags_get(&r, &got, &err), -1);
	c = (struct row_flags_change){ 5, ROW_TO_DELETE, 7, STR("") };
	buf_reset(&b);
	row_flags_put(&b, &c);
	r = (struct ipc_reader){ buf_str(&b), false };
	assert_int_equal(row_flags_get(&r, &got, &err), -1);
	assert_err(err, ERR_PROTO);
	buf_release(&b);
}

static struct part
a_part(uint8_t depth, const char *type, const char *subtype, const char *disposition)
{
	return (struct part){ .depth = depth, .type = str_c(type), .subtype = str_c(subtype),
			      .disposition = str_c(disposition), .section = STR("1") };
}

static int
get_again(const struct structure *s, struct structure *got, struct arena *a)
{
	static struct buf b = BUF_INIT; /* the slices are borrowed from it */
	struct err err = ERR_INIT;

	buf_release(&b);
	structure_put(&b, s);
	int status = structure_get(buf_str(&b), a, got, &err);
	if (status < 0)
		assert_err(err, ERR_PROTO);
	for (size_t len = 0; len < b.len; len += 1 + b.len / 300)
		assert_int_equal(structure_get(str_n(b.ptr, len), a, &(struct structure){ 0 }, NULL), -1);
	if (s->n_parts > STRUCTURE_MAX_PARTS)
		buf_release(&b);
	return status;
}

static void
test_structures(void **state)
{
	struct arena a = ARENA_INIT;
	struct part parts[] = {
		a_part(0, "multipart", "mixed", ""),
		a_part(1, "multipart", "alternative", ""),
		a_part(2, "text", "plain", ""),
		a_part(2, "text", "html", ""),
		a_part(1, "text", "plain", "attachment"),
		a_part(1, "image", "png", "inline"),
	};
	struct structure s = { parts, ARRAY_LEN(parts) }, got;

	assert_int_equal(get_again(&s, &got, &a), 0);
	assert_int_equal(got.n_parts, 6);
	assert_str(got.parts[3].subtype, "html");
	assert_int_equal(structure_text(&got, STR("")), 2);
	assert_int_equal(structure_text(&got, STR("text/html text/plain")), 3);
	assert_int_equal(structure_text(&got, STR("TEXT/*")), 2);
	assert_int_equal(structure_text(&got, STR("nonsense /")), 2);
	assert_false(part_is_attachment(&got.parts[2]));
	assert_true(part_is_attachment(&got.parts[4]));
	assert_true(part_is_attachment(&got.parts[5]));
	/* Nothing to read */
	struct part only = a_part(0, "application", "pdf", "");
	s = (struct structure){ &only, 1 };
	assert_int_equal(get_again(&s, &got, &a), 0);
	assert_int_equal(structure_text(&got, STR("")), -1);
	arena_release(&a);
}

static void
test_hostile_structures(void **state)
{
	struct arena a = ARENA_INIT;
	struct structure got;
	struct part parts[60];

	/* a first part that is not at the top; a level left out; too deep; none; too many */
	parts[0] = a_part(1, "text", "plain", "");
	assert_int_equal(get_again(&(struct structure){ parts, 1 }, &got, &a), -1);
	parts[0] = a_part(0, "multipart", "mixed", "");
	parts[1] = a_part(2, "text", "plain", "");
	assert_int_equal(get_again(&(struct structure){ parts, 2 }, &got, &a), -1);
	for (uint8_t i = 0; i < 60; i++)
		parts[i] = a_part(i, "multipart", "mixed", "");
	assert_int_equal(get_again(&(struct structure){ parts, 60 }, &got, &a), -1);
	assert_int_equal(get_again(&(struct structure){ parts, STRUCTURE_MAX_DEPTH + 1 }, &got, &a), 0);
	assert_int_equal(get_again(&(struct structure){ parts, 0 }, &got, &a), -1);
	size_t n = STRUCTURE_MAX_PARTS + 1;
	struct part *many = arena_alloc(&a, n * sizeof(*many));
	for (size_t i = 0; i < n; i++)
		many[i] = a_part(i > 0, "text", "plain", "");
	assert_int_equal(get_again(&(struct structure){ many, n }, &got, &a), -1);
	/* A count without parts behind it must not cost memory. */
	struct arena small = ARENA_INIT;
	assert_int_equal(structure_get(STR("\xff\xff\xff\xff"), &small, &got, NULL), -1);
	assert_int_equal(small.used_bytes, 0);
	arena_release(&small);
	arena_release(&a);
}

static void
test_which_manager_fits(void **state)
{
	static const struct {
		int protocol, schema; /* more than ours */
		const char *build;
		enum session_match want;
	} of[] = {
		{ 0, 0, TERN_VERSION, SESSION_FITS },
		{ -1, 0, TERN_VERSION, SESSION_IS_OLDER },
		{ 1, 0, TERN_VERSION, SESSION_IS_NEWER },
		{ 1, -1, "0.0.1", SESSION_IS_NEWER }, /* who does not speak as we do */
		{ 0, -1, TERN_VERSION, SESSION_IS_OLDER },
		{ 0, 1, TERN_VERSION, SESSION_IS_NEWER },
		{ 0, 0, "0.0.99", SESSION_IS_OLDER },
		{ 0, 0, "999.10", SESSION_FITS }, /* it speaks as we do: it stays */
		{ 0, 0, "", SESSION_FITS },
		{ 0, 0, "nonsense", SESSION_FITS },
	};

	for (size_t i = 0; i < ARRAY_LEN(of); i++)
		assert_int_equal(session_match((unsigned)(IPC_PROTOCOL + of[i].protocol),
					       (unsigned)(5 + of[i].schema), of[i].build, 5),
				 of[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_which_manager_fits),
		cmocka_unit_test(test_texts),
#define MSG(sym, name, fields) cmocka_unit_test(test_msg_##name),
#include "tern/defs/request.def"
#include "tern/defs/event.def"
#undef MSG
		cmocka_unit_test(test_types_are_unique),
		cmocka_unit_test(test_what_strangers_say_keeps_its_number),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_are_bounded),
		cmocka_unit_test(test_flag_changes),
		cmocka_unit_test(test_structures),
		cmocka_unit_test(test_hostile_structures),
	};

	return cmocka_run_group_tests_name("ipc_values", tests, NULL, NULL);
}
