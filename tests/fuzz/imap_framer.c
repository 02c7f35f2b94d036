/* Any bytes through the framer: whole and in single bytes it cuts the same
 * frames, each is within its limits, and response_parse() takes each. */
#include <stdlib.h>
#include <string.h>
#include "../src/imap/framer.h"
#include "../src/imap/response.h"

static const struct framer_limits limits = { 4096, 4096 };

static bool
run(struct str bytes, size_t slice, struct buf *frames)
{
	struct framer f;
	struct response_parser parser = RESPONSE_PARSER_INIT;
	struct response r;
	struct frame frame;
	struct err err;
	int got = 0;

	framer_init(&f, &limits);
	framer_allow(&f, 1 << 20, 1000);
	for (size_t i = 0; i < bytes.len && got >= 0; i += slice) {
		framer_feed(&f, str_head(str_from(bytes, i), slice));
		while ((got = framer_next(&f, &frame, &err)) == 1) {
			if (frame.bytes.len > 4096 * 2 + 4096 || !str_ends(frame.bytes, "\r\n"))
				abort();
			buf_addf(frames, "%zu:", frame.bytes.len);
			buf_addstr(frames, frame.bytes);
			response_parse(&parser, &frame, &r);
			for (size_t k = 0; k < r.fetch.n_bodies && r.kind == RESPONSE_FETCH; k++)
				if (r.fetch.bodies[k].data.len > frame.bytes.len)
					abort();
		}
	}
	framer_release(&f);
	response_parser_release(&parser);
	return got >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, sliced = BUF_INIT;
	struct str bytes = { (const char *)data, size };

	bool is_good = run(bytes, size > 0 ? size : 1, &whole);
	if (run(bytes, 1, &sliced) != is_good || !str_eq(buf_str(&whole), buf_str(&sliced)))
		abort();
	buf_release(&whole);
	buf_release(&sliced);
	return 0;
}
