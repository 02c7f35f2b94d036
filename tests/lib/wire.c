#include "lib/wire.h"

#include <string.h>

struct wire wire;

static bool
record(void *ctx, enum msg_type type, uint64_t id, struct str payload)
{
	struct wire_frame f = { type, id,
				xmemdup(payload.ptr != NULL ? payload.ptr : "", payload.len + 1),
				payload.len };

	vec_push(&wire.frames, f);
	return true;
}

static void
count_up(void *ctx, uint8_t out[16])
{
	memset(out, 0, 16);
	out[0] = ++wire.next_id;
}

const struct wire_frame *
wire_last(enum msg_type type)
{
	for (size_t i = wire.frames.n; i-- > 0;)
		if (wire.frames.v[i].type == type)
			return &wire.frames.v[i];
	return NULL;
}

size_t
wire_count(enum msg_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < wire.frames.n; i++)
		n += wire.frames.v[i].type == type;
	return n;
}

void
wire_forget(void)
{
	for (size_t i = 0; i < wire.frames.n; i++)
		free(wire.frames.v[i].payload);
	vec_release(&wire.frames);
}

struct model *
wire_model(void)
{
	static struct store_paths paths;
	struct model_params params = { .paths = &paths, .send = record, .random = count_up };
	struct err err = ERR_INIT;

	wire_forget();
	paths.cache_dir = test_dir();
	paths.state_dir = test_dir();
	return model_new(&params, &err);
}

void
wire_event(struct model *m, enum msg_type type, uint64_t id, struct buf *payload)
{
	struct ipc_frame f = { .type = (uint16_t)type, .id = id, .payload = buf_str(payload),
			       .fd = -1 };

	model_event(m, &f);
	buf_release(payload);
}
