/* Frames of a renderer that was taken over: refused, or in bounds. */
#include <stdlib.h>
#include "tern/base/utf8.h"
#include "tern/document.h"
#include "tern/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_so)
{
	if (!is_so)
		abort();
}

static void
check_line(const struct doc_line *l)
{
	size_t at = 0;

	check(l->kind < DOC_N_KINDS && l->quote <= DOC_MAX_QUOTE);
	check(utf8_is_valid(l->text) && str_find(l->text, '\0') < 0);
	for (size_t i = 0; i < l->n_spans; i++) {
		const struct doc_span *s = &l->spans[i];
		check(s->start >= at && (size_t)s->start + s->len <= l->text.len);
		check(utf8_is_valid(str_head(str_from(l->text, s->start), s->len)));
		at = s->start + s->len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n((const char *)data, size);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct ipc_reader r = { s, false };
	uint32_t n = ipc_get_u32(&r);
	struct doc_line *lines = doc_get_lines(&a, r.rest, n, &err);

	for (uint32_t i = 0; lines != NULL && i < n; i++)
		check_line(&lines[i]);
	doc_get_parts(&a, r.rest, n, &err);
	doc_get_links(&a, r.rest, n, &err);
	arena_release(&a);
	return 0;
}
