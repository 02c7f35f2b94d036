/* A cache full of plausible rows, in the XDG directories, for looking at a big
 * mailbox without a server: usage: genstore ACCOUNT MAILBOX N
 *
 * ACCOUNT is the name as tern makes it, USER@HOST (with :PORT when it is not the
 * scheme's own): for `set folder=imap://me@example.org/` me@example.org. */
#include <stdio.h>
#include <stdlib.h>
#include "lib/genstore.h"
#include "tern/base/tick.h"

int
main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct store_paths paths = { NULL, NULL };
	uint32_t n;

	if (argc != 4 || !str_u32(str_c(argv[3]), &n)) {
		fprintf(stderr, "usage: genstore ACCOUNT MAILBOX N\n");
		return 2;
	}
	struct store_writer *w = store_writer_open(&paths, -1, NULL, &err);
	int64_t start = tick_ms();
	if (w == NULL || gen_mailbox(w, argv[1], argv[2], n, NULL, &err) != 0) {
		fprintf(stderr, "genstore: %s\n", err.text);
		return 1;
	}
	printf("%u rows in %lld ms\n", n, (long long)(tick_ms() - start));
	store_writer_close(w);
	return 0;
}
