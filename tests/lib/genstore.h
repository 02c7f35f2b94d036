/* Stores full of plausible rows, made through the write API as fast as it goes. */
#ifndef TERN_TESTS_LIB_GENSTORE_H
#define TERN_TESTS_LIB_GENSTORE_H

#include "tern/base/arena.h"
#include "tern/store_write.h"

/* The n-th message (UID n + 1) of a sample: threads, lists, some unread, flagged,
 * with attachments; dates go up with n, a few are out of order. Deterministic. */
void gen_row(uint32_t n, struct row *out, struct arena *a);

/* A mailbox with rows 0 to n - 1, in step and covered, committed in batches. */
int gen_mailbox(struct store_writer *w, const char *account, const char *name, uint32_t n,
		uint32_t *mailbox_out, struct err *err);

#endif
