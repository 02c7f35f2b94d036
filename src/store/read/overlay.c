/* The merge: what an intent that waits does to the row it is shown on. Pure. */
#include "../internal.h"

/* What a record of this kind and state does to its row. */
enum effect {
	E_NOTHING = 0,
	E_FLAGS,
	E_KEYWORD,
	E_MARK,	 /* only "waits for the server" */
	E_HELD,
	E_GONE,	 /* the row is taken out of its mailbox */
	E_REFUSED,
};

static const uint8_t effects[INTENT_N_KINDS][INTENT_DROPPED + 1] = {
	[INTENT_FLAG] = { [INTENT_PLANNED] = E_FLAGS,
			  [INTENT_SENT] = E_FLAGS,
			  [INTENT_REFUSED] = E_REFUSED },
	[INTENT_KEYWORD] = { [INTENT_PLANNED] = E_KEYWORD,
			     [INTENT_SENT] = E_KEYWORD,
			     [INTENT_REFUSED] = E_REFUSED },
	[INTENT_MOVE] = { [INTENT_PLANNED] = E_GONE,
			  [INTENT_SENT] = E_GONE,
			  [INTENT_REFUSED] = E_REFUSED },
	[INTENT_COPY] = { [INTENT_PLANNED] = E_MARK,
			  [INTENT_SENT] = E_MARK,
			  [INTENT_REFUSED] = E_REFUSED },
	[INTENT_DELETE] = { [INTENT_HELD] = E_HELD,
			    [INTENT_PLANNED] = E_GONE,
			    [INTENT_SENT] = E_GONE,
			    [INTENT_REFUSED] = E_REFUSED },
};

bool
row_has_keyword(const struct row *row, struct str keyword)
{
	struct str rest = row->keywords, word;

	while (str_next_word(&rest, &word))
		if (str_ieq(word, keyword))
			return true;
	return false;
}

static void
set_keyword(struct row *row, struct str keyword, bool is_set, struct arena *arena)
{
	struct str rest = row->keywords, word;
	char *text;
	size_t len = 0;

	if (row_has_keyword(row, keyword) == is_set)
		return;
	text = arena_alloc(arena, row->keywords.len + keyword.len + 2);
	while (str_next_word(&rest, &word)) {
		if (str_ieq(word, keyword))
			continue;
		if (len > 0)
			text[len++] = ' ';
		memcpy(text + len, word.ptr, word.len);
		len += word.len;
	}
	if (is_set && keyword.len > 0) {
		if (len > 0)
			text[len++] = ' ';
		memcpy(text + len, keyword.ptr, keyword.len);
		len += keyword.len;
	}
	row->keywords = str_n(text, len);
}

bool
intent_means(const struct intent *i, const struct row *row)
{
	if (i->message_id.len > 0 && row->message_id.len > 0)
		return str_eq(i->message_id, row->message_id);
	if (i->size_bytes == 0 || row->size_bytes == 0)
		return true;
	return i->size_bytes == row->size_bytes && i->internaldate == row->internaldate;
}

bool
intent_overlay(const struct intent *i, struct row *row, struct arena *arena)
{
	if (i->kind >= INTENT_N_KINDS || i->state > INTENT_DROPPED)
		return true;
	switch (effects[i->kind][i->state]) {
	case E_FLAGS:
		row->flags &= ~(i->clear_flags & ROW_SERVER_FLAGS);
		row->flags |= (i->set_flags & ROW_SERVER_FLAGS) | ROW_PENDING;
		return true;
	case E_KEYWORD:
		set_keyword(row, i->keyword, i->set_flags != 0, arena);
		row->flags |= ROW_PENDING;
		return true;
	case E_MARK:
		row->flags |= ROW_PENDING;
		return true;
	case E_HELD:
		row->flags |= ROW_TO_DELETE;
		return true;
	case E_GONE:
		row->flags |= ROW_PENDING;
		return false;
	case E_REFUSED:
		row->flags |= ROW_REFUSED;
		return true;
	}
	return true;
}
