/* Extensions of IMAP, as defs/capability.def lists them: what tern does with each. The
 * module imap uses them; the interface shows them. */
#ifndef TERN_CAPABILITY_H
#define TERN_CAPABILITY_H

enum imap_capability {
#define CAPABILITY(sym, wire, rfc, use, help) IMAP_CAP_##sym,
#include "tern/defs/capability.def"
#undef CAPABILITY
	IMAP_N_CAPS
};

enum capability_use {
	CAPABILITY_USED,
	CAPABILITY_ENABLED, /* used, and sent with ENABLE */
	CAPABILITY_NOT_YET,
};

#endif
