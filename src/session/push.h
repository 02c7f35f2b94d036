/* What push.c, gather.c and post.c share: a batch of intents under way. */
#ifndef TERN_SESSION_PUSH_H
#define TERN_SESSION_PUSH_H

#include "internal.h"
#include "tern/base/arena.h"

enum push_step {
	STEP_STORE,   /* flags, keywords */
	STEP_NOTE,    /* ask for the target's UIDNEXT */
	STEP_COPY,
	STEP_MOVE,
	STEP_MARK,    /* \Deleted on what was copied, or is deleted for good */
	STEP_EXPUNGE,
	STEP_CREATE,  /* the trash that is not there */
	STEP_FIND,    /* PROBE: look for one message in the mailbox */
};

struct push {
	struct arena arena;
	struct intent *v; /* copies: strings in the arena */
	size_t n;
	enum push_class class;
	enum push_step step;
	struct str target;
	bool has_created;
	size_t at; /* STEP_FIND: which one */
	uint32_t found;
	uint32_t n_found;
};

#endif
