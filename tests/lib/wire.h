/* The model of an interface whose manager only records what it is sent. */
#ifndef TERN_TESTS_LIB_WIRE_H
#define TERN_TESTS_LIB_WIRE_H

#include "lib/test.h"
#include "tern/base/vec.h"
#include "tern/model.h"

struct wire_frame {
	enum msg_type type;
	uint64_t id;
	char *payload;
	size_t len;
};

extern struct wire {
	VEC(struct wire_frame) frames;
	uint8_t next_id; /* of a post: its first byte counts up */
} wire;

struct model *wire_model(void); /* on empty stores; what was recorded is forgotten */
void wire_forget(void);
const struct wire_frame *wire_last(enum msg_type type); /* or NULL */
size_t wire_count(enum msg_type type);
/* The manager says it; takes the payload. */
void wire_event(struct model *m, enum msg_type type, uint64_t id, struct buf *payload);

#endif
