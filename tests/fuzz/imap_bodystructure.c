/* Any bytes as a BODYSTRUCTURE: through the scan and libetpan's grammar; what
 * comes out keeps its bounds. */
#include <stdlib.h>
#include "../src/imap/bodystructure.h"
#include "tern/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bodystructure_parser *parser;
	struct arena a = ARENA_INIT;
	struct structure s;
	struct err err;

	if (!parser)
		parser = bodystructure_parser_new();
	if (bodystructure_parse(parser, (struct str){ (const char *)data, size }, &a, &s, &err) == 0) {
		if (s.n_parts == 0 || s.n_parts > STRUCTURE_MAX_PARTS || s.parts[0].depth != 0)
			abort();
		for (size_t i = 0; i < s.n_parts; i++)
			if (s.parts[i].depth > STRUCTURE_MAX_DEPTH ||
			    !utf8_is_valid(s.parts[i].name) || s.parts[i].params.len > 2000)
				abort();
	}
	arena_release(&a);
	return 0;
}
