/* A message to its document: every frame can be read, its end comes. The first
 * byte chooses options; the rest is the message, or the HTML of one. */
#include <stdlib.h>
#include <string.h>
#include "../../src/render/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_so)
{
	if (!is_so)
		abort();
}

static void
take(enum msg_type type, struct str payload, void *ctx)
{
	bool *has_end = ctx;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct msg_r_lines lines;
	struct msg_r_parts parts;
	struct msg_r_links links;
	struct msg_r_end end;

	check(payload.len <= IPC_MAX_PAYLOAD && !*has_end);
	if (type == MSG_R_LINES) {
		check(msg_get_r_lines(payload, &lines, &err) == 0);
		check(doc_get_lines(&a, lines.lines, lines.n, &err) != NULL);
	} else if (type == MSG_R_PARTS) {
		check(msg_get_r_parts(payload, &parts, &err) == 0);
		check(doc_get_parts(&a, parts.parts, parts.n, &err) != NULL);
	} else if (type == MSG_R_LINKS) {
		check(msg_get_r_links(payload, &links, &err) == 0);
		check(doc_get_links(&a, links.links, links.n, &err) != NULL);
	} else {
		check(type == MSG_R_END && msg_get_r_end(payload, &end, &err) == 0);
		*has_end = true;
	}
	arena_release(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n((const char *)data, size);
	uint8_t choice = size > 0 ? data[0] : 0;
	struct msg_render options = { .weed = choice & 1,
				      .ignore = STR("x- received"),
				      .hdr_order = STR("from to subject"),
				      .raw = (choice & 6) == 6 };
	struct buf m = BUF_INIT;
	bool has_end = false;

	mime_charset_preload(); /* else each conversion loads its module anew */
	if (choice & 2)
		options.alternative_order = STR("text/html");
	if (choice & 8)
		buf_adds(&m, "Content-Type: text/html\n\n");
	buf_addstr(&m, str_from(s, 1));
	render_message(buf_str(&m), false, &options, take, &has_end);
	check(has_end);
	buf_release(&m);
	return 0;
}
