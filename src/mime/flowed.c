/* format=flowed (RFC 3676): lines that end in a blank go on in the next. */
#include "internal.h"

#define MAX_PARAGRAPH_BYTES 65536

void
mime_flowed_init(struct mime_flowed *f, bool has_delsp)
{
	*f = (struct mime_flowed){ .has_delsp = has_delsp, .text = BUF_INIT };
}

void
mime_flowed_release(struct mime_flowed *f)
{
	buf_release(&f->text);
}

void
mime_flowed_end(struct mime_flowed *f, mime_flowed_each *each, void *ctx)
{
	if (!f->is_open)
		return;
	each(buf_str(&f->text), f->quote, false, ctx);
	buf_reset(&f->text);
	f->is_open = false;
}

void
mime_flowed_line(struct mime_flowed *f, struct str line, mime_flowed_each *each, void *ctx)
{
	int quote = 0;

	while (line.len > 0 && line.ptr[0] == '>') {
		quote++;
		line = str_from(line, 1);
	}
	if (line.len > 0 && line.ptr[0] == ' ') /* stuffed */
		line = str_from(line, 1);
	bool is_signature = str_eqc(line, "-- ");
	bool goes_on = line.len > 0 && line.ptr[line.len - 1] == ' ' && !is_signature;

	/* A change of depth ends a paragraph, whatever its last line says. */
	if (f->is_open && (quote != f->quote || is_signature))
		mime_flowed_end(f, each, ctx);
	if (!f->is_open && !goes_on) {
		each(line, quote, true, ctx);
		return;
	}
	f->is_open = true;
	f->quote = quote;
	if (goes_on && f->has_delsp)
		line.len--;
	buf_addstr(&f->text, line);
	if (!goes_on || f->text.len > MAX_PARAGRAPH_BYTES)
		mime_flowed_end(f, each, ctx);
}
