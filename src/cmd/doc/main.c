/* tern-doc: a manual page with its tables made anew, on standard output; which page
 * is told by its name. What lies between the two marks is replaced; the rest is
 * written by hand. */
#include <stdio.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/cmd.h"
#include "tern/config.h"

static const struct {
	const char *page;
	void (*tables)(struct buf *out);
} pages[] = {
	{ "tern.1", cmd_manual },
	{ "ternrc.5", config_doc },
};

int
main(int argc, char **argv)
{
	const struct str begin = STR(".\\\" BEGIN TABLES\n"), end = STR(".\\\" END TABLES\n");
	struct buf page = BUF_INIT, tables = BUF_INIT;
	struct err err = ERR_INIT;

	if (argc != 2 || fs_read(argv[1], 4 << 20, &page, &err) < 0) {
		fprintf(stderr, "tern-doc: %s\n", argc != 2 ? "give the page" : err.text);
		return 1;
	}
	long from = str_find_str(buf_str(&page), begin);
	long to = str_find_str(buf_str(&page), end);
	if (from < 0 || to < from) {
		fprintf(stderr, "tern-doc: '%s' has no marks\n", argv[1]);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (str_ends(str_c(argv[1]), pages[i].page))
			pages[i].tables(&tables);
	printf("%.*s%s%s", (int)from + (int)begin.len, page.ptr, tables.ptr, page.ptr + to);
	buf_release(&page);
	buf_release(&tables);
	return 0;
}
