#include "internal.h"
#include "tern/base/log.h"
#include "tern/base/utf8.h"

enum { MAX_LOGGED_LINE = 2000 };

static void
log_line(const char *label, const char *direction, struct str line, bool is_whole)
{
	struct buf text = BUF_INIT;

	utf8_add_safe(&text, str_head(line, MAX_LOGGED_LINE));
	if (line.len > MAX_LOGGED_LINE)
		buf_addf(&text, " [%zu more bytes]", line.len - MAX_LOGGED_LINE);
	/* A backslash for a line that goes on in the next read or write. */
	log_at(LOG_WIRE, label, "%s %s%s", direction, text.ptr, is_whole ? "" : "\\");
	buf_release(&text);
}

void
wire_log(const char *label, const char *direction, struct str bytes, bool is_secret)
{
	if (log_level() < LOG_WIRE || bytes.len == 0)
		return;
	if (is_secret) {
		log_at(LOG_WIRE, label, "%s [secret, %zu bytes]", direction, bytes.len);
		return;
	}
	while (bytes.len > 0) {
		long end = str_find(bytes, '\n');
		struct str line = end < 0 ? bytes : str_head(bytes, (size_t)end);
		bytes = str_from(bytes, end < 0 ? bytes.len : (size_t)end + 1);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		log_line(label, direction, line, end >= 0);
	}
}
