/* The messages of defs/request.def and defs/event.def: written and read. */
#include "tern/ipc.h"

#define ipc_put_text ipc_put_str
#define ipc_put_blob ipc_put_str
#define ipc_put_secret ipc_put_str
#define ipc_get_blob ipc_get_str
#define ipc_get_secret ipc_get_str

#define FIELD_PUT(type, name) ipc_put_##type(b, m->name);
#define FIELD_GET(type, name) m->name = ipc_get_##type(&r);

#define MSG(sym, name, fields)                                                       \
	void msg_put_##name(struct buf *b, const struct msg_##name *m)               \
	{                                                                            \
		(void)b, (void)m;                                                    \
		fields(FIELD_PUT)                                                    \
	}                                                                            \
	int msg_get_##name(struct str payload, struct msg_##name *m, struct err *err) \
	{                                                                            \
		struct ipc_reader r = { payload, false };                            \
		m->unused_ = 0;                                                      \
		fields(FIELD_GET)                                                    \
		if (r.is_bad || r.rest.len > 0)                                      \
			return err_set(err, ERR_PROTO, "malformed frame '%s'", #name); \
		return 0;                                                            \
	}
#include "tern/defs/request.def"
#include "tern/defs/event.def"
#undef MSG

const char *
msg_type_name(unsigned type)
{
	switch (type) {
#define MSG(sym, name, fields) \
	case MSG_##sym:        \
		return #name;
#include "tern/defs/request.def"
#include "tern/defs/event.def"
#undef MSG
	default:
		return "?";
	}
}
