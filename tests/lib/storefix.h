/* A writer on directories of its own, for tests of the store. */
#ifndef TERN_TESTS_LIB_STOREFIX_H
#define TERN_TESTS_LIB_STOREFIX_H

#include "lib/genstore.h"
#include "lib/test.h"

struct fix {
	char *cache_dir, *state_dir;
	struct store_paths paths;
	struct store_writer *w; /* NULL while closed */
	struct store *s;	/* its reader */
	struct err err;
	uint8_t last_post;
};

int fix_setup(void **state);
/* store_check() must be content. */
int fix_teardown(void **state);
void fix_close(struct fix *f);
void fix_open(struct fix *f);

uint32_t fix_mailbox(struct fix *f, const char *name);
/* A row with these; its Message-ID and size follow from the UID. */
struct row fix_row(uint32_t uid, int64_t date, uint32_t flags);
uint64_t fix_put(struct fix *f, uint32_t mailbox, struct row row);
/* One intent as a post of its own. */
void fix_accept(struct fix *f, struct intent i);
char *fix_undo(struct fix *f);
/* "uid:flags ..." of the rows shown, oldest first; flags as letters: S seen,
 * F flagged, A answered, D \Deleted, d held, p pending, r refused. Yours to free. */
char *fix_shown(struct fix *f, uint32_t mailbox);
/* "kind state ..." of all records, in order of seq: FP is a planned FLAG. */
char *fix_journal(struct fix *f);
void fix_shows(struct fix *f, uint32_t mailbox, const char *want);
void fix_journal_is(struct fix *f, const char *want);
/* The newest record of a message as it is; set something and journal_update() it. */
struct intent fix_record(struct fix *f, uint64_t seq, struct arena *a);

#endif
