/* The rc reader: whatever a file holds, it ends, within its limits, and what has
 * been read can be shown and read again. No command is run: the text has no way to
 * start one (the backtick, and | behind a source, are taken out). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tern/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nor is a file read: `source` becomes another word. */
static void
disarm(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->ptr[i] == '`')
			text->ptr[i] = '\'';
		else if (text->len - i >= 6 && memcmp(text->ptr + i, "source", 6) == 0)
			text->ptr[i + 5] = 'E';
	/* "s\ource" and `so"ur"ce` are source, too */
	for (size_t i = 0; i < text->len; i++)
		if (text->ptr[i] == '|')
			text->ptr[i] = '!';
}

static bool
has_source(const uint8_t *data, size_t size)
{
	/* Anything that might spell it by quotes or escapes is left alone. */
	size_t found = 0;

	for (size_t i = 0; i < size && found < 6; i++)
		if (data[i] == (uint8_t)"source"[found])
			found++;
		else if (strchr("\\\"'$", data[i]) == NULL)
			found = data[i] == 's';
	return found == 6 && memmem(data, size, "source", 6) == NULL;
}

static void
nothing(const char *text, const char *note, void *ctx)
{
	*(size_t *)ctx += strlen(text) + strlen(note);
}

/* What differs from the defaults, set again, is the same. */
static void
check_again(const struct config *c)
{
	struct buf before = BUF_INIT, after = BUF_INIT;
	struct config_reader *r = config_reader_new(NULL);

	config_show_changed(c, &before);
	config_read_text(r, "again", buf_str(&before));
	/* secrets are not shown; a mailbox is expanded by then */
	if (config_run(r, 0) && config_n_errors(r) == 0 &&
	    memmem(before.ptr, before.len, "***", 3) == NULL) {
		config_show_changed(config_now(r), &after);
		if (!str_eq(buf_str(&before), buf_str(&after)))
			abort();
	}
	config_reader_free(r);
	buf_release(&before);
	buf_release(&after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;
	size_t start, seen = 0;

	if (size > 65536 || has_source(data, size))
		return 0;
	buf_add(&text, data, size);
	disarm(&text);
	struct config_reader *r = config_reader_new(NULL);
	config_read_text(r, "rc", buf_str(&text));
	if (config_run(r, 0)) {
		config_for(r, "imaps://u@h/", "imaps://u@h/INBOX");
		check_again(config_now(r));
		config_complete(config_now(r), str_head(buf_str(&text), 200), &start, nothing, &seen);
	}
	config_reader_free(r);
	struct account_url u;
	if (account_url_parse(buf_str(&text), &u, NULL) == 0)
		account_url_release(&u);
	buf_release(&text);
	return 0;
}
