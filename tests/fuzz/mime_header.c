/* Headers: every reader of them over the same bytes. What comes out is valid
 * UTF-8 without controls, and addresses are the same when read again. */
#include <stdlib.h>
#include "tern/base/utf8.h"
#include "tern/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_so)
{
	if (!is_so)
		abort();
}

static void
check_text(struct str s)
{
	check(utf8_is_valid(s));
	for (size_t i = 0; i < s.len; i++)
		check((unsigned char)s.ptr[i] >= ' ' && s.ptr[i] != 0x7f);
}

static void
read_addresses(struct str raw)
{
	struct arena a = ARENA_INIT;
	struct mime_addresses first, second;
	struct buf text = BUF_INIT;

	mime_parse_addresses(&a, raw, STR_NONE, 0, &first);
	for (size_t i = 0; i < first.n; i++) {
		check_text(first.v[i].name);
		check_text(first.v[i].addr);
	}
	mime_add_addresses(&text, &first);
	mime_parse_addresses(&a, buf_str(&text), STR_NONE, 0, &second);
	/* Where all is well formed, writing and reading changes nobody. */
	bool is_well_formed = first.n_left_out == 0;
	for (size_t i = 0; i < first.n; i++)
		is_well_formed &= !first.v[i].is_malformed && !first.v[i].is_group;
	for (size_t i = 0; i < first.n && is_well_formed; i++)
		check(second.n == first.n && str_eq(first.v[i].addr, second.v[i].addr));
	buf_release(&text);
	arena_release(&a);
}

static void
read_field(struct mime_field f)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct mime_date date;
	struct mime_value value;
	struct str ids = f.body, id;

	mime_decode_text(&b, f.body, STR_NONE);
	check_text(buf_str(&b));
	buf_reset(&b);
	mime_decode_text(&b, f.body, STR("iso-2022-jp:gb18030"));
	check_text(buf_str(&b));
	read_addresses(f.body);
	mime_parse_date(f.body, &date);
	while (mime_next_id(&ids, &id))
		check(id.len > 0);
	mime_parse_value(&a, f.body, STR_NONE, &value);
	for (size_t i = 0; i < value.n_params; i++)
		check_text(value.params[i].value);
	buf_release(&b);
	arena_release(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n((const char *)data, size), rest = s;
	struct arena a = ARENA_INIT;
	struct mime_row row;
	struct mime_field f;

	while (mime_next_field(&rest, &f))
		read_field(f);
	read_field((struct mime_field){ STR("To"), s });
	mime_row_headers(&a, s, STR_NONE, &row);
	check_text(row.subject);
	check_text(row.message_id);
	check_text(row.list_id);
	check(row.subject.len <= MIME_ROW_MAX_SUBJECT);
	arena_release(&a);
	return 0;
}
