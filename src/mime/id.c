/* Message ids: <left@right>, alone or in lists with prose between. */
#include <string.h>
#include "internal.h"
#include "tern/base/map.h"

/* Blanks and folds in an id are damage done on the way. */
static bool
is_plain_id(struct str s)
{
	if (s.len == 0 || s.len > MIME_ROW_MAX_ID)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == '<' || s.ptr[i] == 0x7f)
			return false;
	return true;
}

bool
mime_next_id(struct str *raw, struct str *id_out)
{
	while (raw->len > 0) {
		const char *open = memchr(raw->ptr, '<', raw->len);
		if (open == NULL)
			break;
		*raw = str_from(*raw, (size_t)(open - raw->ptr) + 1);
		/* An id without its end is followed by the next one's start. */
		size_t n = 0;
		while (n < raw->len && raw->ptr[n] != '>' && raw->ptr[n] != '<')
			n++;
		struct str id = str_trim(str_head(*raw, n));
		*raw = str_from(*raw, n < raw->len && raw->ptr[n] == '>' ? n + 1 : n);
		if (!is_plain_id(id))
			continue;
		*id_out = id;
		return true;
	}
	*raw = STR_NONE;
	return false;
}

uint64_t
mime_id_hash(struct str id)
{
	uint64_t h = hash64(id);

	return h != 0 ? h : 1;
}
