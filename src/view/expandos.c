/* The expandos of all formats: one row each, with its help. */
#include "internal.h"

#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"

#define NARROW_COLS 60

/* The i-th character of a string of them; "" behind its end. */
static struct str
nth_char(const char *chars, int i)
{
	struct str rest = str_c(chars);
	int cols;

	for (; i > 0 && rest.len > 0; i--)
		rest = str_from(rest, utf8_grapheme(rest, &cols));
	return str_head(rest, utf8_grapheme(rest, &cols));
}

static bool
put_str(struct buf *out, struct str s)
{
	buf_addstr(out, s);
	return s.len > 0;
}

static bool
put_number(struct buf *out, uint64_t n)
{
	buf_addf(out, "%llu", (unsigned long long)n);
	return n > 0;
}

static bool
put_count(struct buf *out, uint64_t n)
{
	view_add_count(out, n);
	return n > 0;
}

/* ---- index_format ------------------------------------------------------------ */

#define INDEX(name) \
	static bool index_##name(const void *ctx, struct buf *out)
#define ROW_OF(ctx) (((const struct index_context *)(ctx))->row)
#define LOOK_OF(ctx) (((const struct index_context *)(ctx))->look)

bool
row_is_new(const struct view_row *row, const struct view_look *look)
{
	return !(row->row.flags & ROW_SEEN) &&
	       (!look->marks_old || (row->row.flags & ROW_RECENT));
}

bool
row_has_new(const struct view_row *row, const struct view_look *look)
{
	return row_is_new(row, look) ||
	       (row->hides_unread && (!look->marks_old || row->hides_recent));
}

static struct str
real_name(const struct row *row)
{
	return row->from_name.len > 0 ? row->from_name : row->from_addr;
}

/* The first of a list "Name <a@b>, c@d": its name, else its address. */
static struct str
first_name(struct str list)
{
	bool in_quotes = false;
	size_t end = 0;

	while (end < list.len && (in_quotes || list.ptr[end] != ',')) {
		if (list.ptr[end] == '"')
			in_quotes = !in_quotes;
		else if (in_quotes && list.ptr[end] == '\\' && end + 1 < list.len)
			end++;
		end++;
	}
	struct str one = str_trim(str_head(list, end));
	long angle = str_find(one, '<');
	if (angle > 0)
		one = str_trim(str_head(one, (size_t)angle));
	else if (angle == 0)
		one = str_from(one, 1);
	if (one.len > 0 && one.ptr[one.len - 1] == '>')
		one.len--;
	if (one.len > 1 && one.ptr[0] == '"' && one.ptr[one.len - 1] == '"')
		one = str_n(one.ptr + 1, one.len - 2);
	return one;
}

/* The same, read: what is quoted has lost its backslashes. */
static bool
put_first_name(struct buf *out, struct str list)
{
	struct str name = first_name(list);

	for (size_t i = 0; i < name.len; i++) {
		i += name.ptr[i] == '\\' && i + 1 < name.len;
		buf_addc(out, name.ptr[i]);
	}
	return name.len > 0;
}

INDEX(a) { return put_str(out, ROW_OF(ctx)->row.from_addr); }
INDEX(A)
{
	const struct row *row = &ROW_OF(ctx)->row;
	return row->reply_to.len > 0 ? put_first_name(out, row->reply_to) :
					 put_str(out, row->from_addr);
}
INDEX(b) { return put_str(out, ROW_OF(ctx)->mailbox); }
INDEX(B)
{
	const struct view_row *row = ROW_OF(ctx);
	return put_str(out, row->row.list_id.len > 0 ? row->row.list_id : row->mailbox);
}
INDEX(c)
{
	buf_add_size(out, ROW_OF(ctx)->row.size_bytes);
	return ROW_OF(ctx)->row.size_bytes > 0;
}
INDEX(cr) { return put_number(out, ROW_OF(ctx)->row.size_bytes); }
INDEX(C) { return put_number(out, ROW_OF(ctx)->number); }
INDEX(d)
{
	struct format_line line = { 0 };
	const struct row *row = &ROW_OF(ctx)->row;
	struct format_dates dates = { row->date, row->internaldate, row->zone_min,
				      LOOK_OF(ctx)->now };
	static const struct format_expando none[] = { { 0 } };
	buf_init(&line.text);
	char *format = xasprintf("%%{%s}", LOOK_OF(ctx)->date_format);
	format_expand(format, 200, none, &dates, NULL, &line);
	buf_addstr(out, buf_str(&line.text));
	free(format);
	format_line_release(&line);
	return true;
}
INDEX(D)
{
	struct format_line line = { 0 };
	const struct row *row = &ROW_OF(ctx)->row;
	struct format_dates dates = { row->date, row->internaldate, row->zone_min,
				      LOOK_OF(ctx)->now };
	static const struct format_expando none[] = { { 0 } };
	buf_init(&line.text);
	char *format = xasprintf("%%[%s]", LOOK_OF(ctx)->date_format);
	format_expand(format, 200, none, &dates, NULL, &line);
	buf_addstr(out, buf_str(&line.text));
	free(format);
	format_line_release(&line);
	return true;
}
INDEX(e) { return put_number(out, ROW_OF(ctx)->thread_at); }
INDEX(E) { return put_number(out, ROW_OF(ctx)->n_thread); }
INDEX(f)
{
	const struct row *row = &ROW_OF(ctx)->row;
	if (row->from_name.len > 0)
		buf_addf(out, "%.*s <%.*s>", STR_ARG(row->from_name), STR_ARG(row->from_addr));
	else
		buf_addstr(out, row->from_addr);
	return true;
}
static bool
put_me_to(const void *ctx, struct str to, struct buf *out)
{
	buf_adds(out, LOOK_OF(ctx)->has_ascii_chars ? "To " : "me → ");
	return put_first_name(out, to);
}
INDEX(F)
{
	const struct view_row *row = ROW_OF(ctx);
	if (row->is_from_me && row->row.to.len > 0)
		return put_me_to(ctx, row->row.to, out);
	return put_str(out, real_name(&row->row));
}
INDEX(i) { return put_str(out, ROW_OF(ctx)->row.message_id); }
INDEX(I)
{
	struct str rest = real_name(&ROW_OF(ctx)->row), word;
	int cols;
	while (str_next_word(&rest, &word))
		buf_addstr(out, str_head(word, utf8_grapheme(word, &cols)));
	return out->len > 0;
}
INDEX(l)
{
	return false; /* lines: the server does not tell, and mutt shows nothing then */
}
INDEX(L)
{
	const struct view_row *row = ROW_OF(ctx);
	if (row->is_to_list && row->row.to.len > 0) {
		buf_adds(out, "To ");
		return put_first_name(out, row->row.to);
	}
	return index_F(ctx, out);
}
INDEX(m)
{
	const struct view_mailbox *m = ((const struct index_context *)ctx)->mailbox;
	return put_count(out, m != NULL ? m->n_messages : 0);
}
INDEX(M) { return put_number(out, ROW_OF(ctx)->n_hidden); }
INDEX(n) { return put_str(out, real_name(&ROW_OF(ctx)->row)); }
INDEX(N) { return put_number(out, (uint64_t)(ROW_OF(ctx)->score > 0 ? ROW_OF(ctx)->score : 0)); }
INDEX(O)
{
	const struct view_row *row = ROW_OF(ctx);
	return row->is_to_list ? put_first_name(out, row->row.to) : index_a(ctx, out);
}
INDEX(P)
{
	const char *percent = ((const struct index_context *)ctx)->percent;
	return put_str(out, str_c(percent));
}
INDEX(r) { return put_str(out, ROW_OF(ctx)->row.to); }
INDEX(R) { return put_str(out, ROW_OF(ctx)->row.cc); }
INDEX(s)
{
	const struct view_row *row = ROW_OF(ctx);
	if (row->elsewhere.len > 0) {
		buf_addf(out, "(%.*s)", STR_ARG(row->elsewhere));
		return true;
	}
	if (row->hides_subject && row->tree_depth > 0)
		return false;
	return put_str(out, row->row.subject);
}
static bool
put_tree(const void *ctx, struct buf *out)
{
	const struct view_row *row = ROW_OF(ctx);
	view_add_tree(out, row->tree_depth, row->tree_more, row->is_tree_broken,
		      LOOK_OF(ctx));
	return row->tree_depth > 0;
}

/* $flag_chars: tagged, flagged, deleted, attachment deleted, replied, old, new,
 * thread with old, thread with new, read, read of a thread. */
enum { FLAG_TAGGED, FLAG_FLAGGED, FLAG_DELETED, FLAG_ATTACH_DELETED, FLAG_REPLIED, FLAG_OLD,
       FLAG_NEW, FLAG_OLD_THREAD, FLAG_NEW_THREAD };

static void
put_flag(const void *ctx, int i, struct buf *out)
{
	struct str c = nth_char(LOOK_OF(ctx)->flag_chars, i);

	buf_addstr(out, c.len > 0 ? c : STR(" "));
}

/* What is not saved or refused comes first: it is about what the user did. */
INDEX(S)
{
	const struct view_row *row = ROW_OF(ctx);
	unsigned flags = row->row.flags;
	if (flags & ROW_REFUSED)
		buf_addc(out, 'x');
	else if (flags & (ROW_DELETED | ROW_TO_DELETE))
		put_flag(ctx, FLAG_DELETED, out);
	else if (row->is_collapsed && row_has_new(row, LOOK_OF(ctx)))
		put_flag(ctx, FLAG_NEW_THREAD, out);
	else if (row->is_collapsed && (row->hides_unread || !(flags & ROW_SEEN)))
		put_flag(ctx, FLAG_OLD_THREAD, out);
	else if (row_is_new(row, LOOK_OF(ctx)))
		put_flag(ctx, FLAG_NEW, out);
	else if (!(flags & ROW_SEEN))
		put_flag(ctx, FLAG_OLD, out);
	else if (flags & ROW_ANSWERED)
		put_flag(ctx, FLAG_REPLIED, out);
	else
		buf_addc(out, ' ');
	return true;
}
INDEX(zc)
{
	/* Cryptography later; until then the mark of what is not durable yet. */
	buf_addc(out, ROW_OF(ctx)->row.flags & ROW_UNSAVED ? '?' : ' ');
	return true;
}
INDEX(T)
{
	struct str c = nth_char(LOOK_OF(ctx)->to_chars, ROW_OF(ctx)->to_me);
	buf_addstr(out, c.len > 0 ? c : STR(" "));
	return true;
}
INDEX(zt)
{
	const struct view_row *row = ROW_OF(ctx);
	if (row->is_tagged)
		put_flag(ctx, FLAG_TAGGED, out);
	else if (row->row.flags & ROW_FLAGGED)
		put_flag(ctx, FLAG_FLAGGED, out);
	else if ((row->row.flags & ROW_ANSWERED) && !(row->row.flags & ROW_SEEN))
		put_flag(ctx, FLAG_REPLIED, out);
	else
		index_T(ctx, out);
	return true;
}
INDEX(t)
{
	buf_adds(out, "To ");
	return put_first_name(out, ROW_OF(ctx)->row.to);
}
INDEX(u)
{
	struct str addr = ROW_OF(ctx)->row.from_addr;
	long at = str_find(addr, '@');
	return put_str(out, at >= 0 ? str_head(addr, (size_t)at) : addr);
}
INDEX(v)
{
	const struct view_row *row = ROW_OF(ctx);
	struct str name = row->is_from_me ? first_name(row->row.to) : real_name(&row->row);
	struct str word;
	return str_next_word(&name, &word) && put_str(out, word);
}
INDEX(X)
{
	const struct view_row *row = ROW_OF(ctx);
	uint32_t n = row->n_attachments;
	return put_number(out, n > 0 ? n : (row->row.flags & ROW_ATTACHMENT) != 0);
}
INDEX(y) { return put_str(out, ROW_OF(ctx)->row.keywords); }
INDEX(Z)
{
	index_S(ctx, out);
	index_zc(ctx, out);
	index_zt(ctx, out);
	return true;
}
INDEX(zw)
{
	format_when(out, ROW_OF(ctx)->row.date, LOOK_OF(ctx)->now);
	return true;
}

INDEX(zN)
{
	int cols = ((const struct index_context *)ctx)->cols;
	return cols > 0 && cols < NARROW_COLS;
}

const struct format_expando view_index_expandos[] = {
	{ "a", "address of the author", index_a, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "A", "address for replies, else of the author", index_A, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "b", "name of the mailbox", index_b, VIEW_NORMAL, NULL, 0 },
	{ "B", "mailing list, else name of the mailbox", index_B, VIEW_NORMAL, NULL, 0 },
	{ "c", "size, short: 4.2M", index_c, VIEW_INDEX_SIZE, NULL, 0 },
	{ "cr", "size in bytes", index_cr, VIEW_INDEX_SIZE, NULL, 0 },
	{ "C", "number in the list", index_C, VIEW_INDEX_NUMBER, NULL, 0 },
	{ "d", "date by $date_format, as the sender's clock had it", index_d, VIEW_INDEX_DATE, NULL,
	  0 },
	{ "D", "date by $date_format, in your time", index_D, VIEW_INDEX_DATE, NULL, 0 },
	{ "e", "place in its thread", index_e, VIEW_INDEX_NUMBER, NULL, 0 },
	{ "E", "number of messages in its thread", index_E, VIEW_INDEX_NUMBER, NULL, 0 },
	{ "f", "author: name and address", index_f, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "F", "author, or the recipient of a message of yours", index_F, VIEW_INDEX_AUTHOR, NULL,
	  0 },
	{ "g", "keywords", index_y, VIEW_INDEX_TAGS, NULL, 0 },
	{ "i", "Message-ID", index_i, VIEW_NORMAL, NULL, 0 },
	{ "I", "initials of the author", index_I, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "l", "number of lines, where it is known", index_l, VIEW_INDEX_SIZE, NULL, 0 },
	{ "L", "as %F, but of mail to a list the list", index_L, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "m", "number of messages in the mailbox", index_m, VIEW_NORMAL, NULL, 0 },
	{ "M", "number of messages hidden below it", index_M, VIEW_INDEX_COLLAPSED, NULL, 0 },
	{ "n", "name of the author", index_n, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "N", "score", index_N, VIEW_INDEX_NUMBER, NULL, 0 },
	{ "O", "mailing list, else address of the author", index_O, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "P", "how much of the message has been shown", index_P, VIEW_NORMAL, NULL, 0 },
	{ "r", "all of To", index_r, VIEW_NORMAL, NULL, 0 },
	{ "R", "all of Cc", index_R, VIEW_NORMAL, NULL, 0 },
	{ "s", "subject, with the thread's tree in front", index_s, VIEW_INDEX_SUBJECT, put_tree,
	  VIEW_TREE },
	{ "S", "status: N O D A, as $flag_chars says", index_S, VIEW_INDEX_FLAGS, NULL, 0 },
	{ "t", "\"To\" and the first recipient", index_t, VIEW_NORMAL, NULL, 0 },
	{ "T", "how it is addressed to you, by $to_chars", index_T, VIEW_INDEX_FLAGS, NULL, 0 },
	{ "u", "author's address before the @", index_u, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "v", "first name of the author", index_v, VIEW_INDEX_AUTHOR, NULL, 0 },
	{ "X", "number of attachments", index_X, VIEW_NORMAL, NULL, 0 },
	{ "y", "keywords", index_y, VIEW_INDEX_LABEL, NULL, 0 },
	{ "Y", "keywords", index_y, VIEW_INDEX_LABEL, NULL, 0 },
	{ "zN", "nothing; as a condition: the line is shorter than 60 columns", index_zN,
	  VIEW_NORMAL, NULL, 0 },
	{ "zs", "status letter, as %S", index_S, VIEW_INDEX_FLAGS, NULL, 0 },
	{ "zc", "a ? where a change is not saved yet", index_zc, VIEW_INDEX_FLAGS, NULL, 0 },
	{ "zt", "tagged, flagged, answered, or as %T", index_zt, VIEW_INDEX_FLAGS, NULL, 0 },
	{ "zw", "when, short: 10:42, Tue, 14 Nov, 2024-11", index_zw, VIEW_INDEX_DATE, NULL, 0 },
	{ "Z", "status, mark and flag: %zs%zc%zt", index_Z, VIEW_INDEX_FLAGS, NULL, 0 },
	{ NULL, NULL, NULL, 0, NULL, 0 },
};

/* ---- status_format -------------------------------------------------------------- */

#define STATUS(name, body)                                               \
	static bool status_##name(const void *ctx, struct buf *out)      \
	{                                                                \
		const struct status_context *c = ctx;                    \
		const struct view_mailbox *m = c->mailbox;               \
		(void)c, (void)m;                                        \
		body                                                     \
	}

STATUS(at, return put_count(out, c->at);)
STATUS(b, return put_count(out, m->n_mailboxes_with_new);)
STATUS(d, return put_count(out, m->n_to_delete);)
STATUS(D, return put_str(out, m->description.len > 0 ? m->description : m->name);)
STATUS(f, return put_str(out, m->name);)
STATUS(F, return put_count(out, m->n_flagged);)
STATUS(h, return put_str(out, str_c(c->look->hostname));)
STATUS(l, buf_add_size(out, m->size_bytes); return m->size_bytes > 0;)
STATUS(L, buf_add_size(out, m->shown_bytes); return m->shown_bytes > 0;)
STATUS(m, return put_count(out, m->n_messages);)
STATUS(M, return put_count(out, m->limit.len > 0 ? m->n_shown : 0);)
STATUS(n, return put_count(out, m->n_new);)
STATUS(o, return put_count(out, m->n_old);)
STATUS(p, return put_count(out, m->n_postponed);)
STATUS(P, return put_str(out, str_c(c->percent));)
/* $status_chars: unchanged, changed, read-only, attaching a message */
STATUS(r, int i = m->is_attach_only ? 3 : m->is_read_only ? 2 : m->is_changed ? 1 : 0;
       struct str mark = nth_char(c->look->status_chars, i);
       buf_addstr(out, mark); return i > 0;)
STATUS(R, return put_count(out, m->n_messages - (m->n_unread < m->n_messages ? m->n_unread :
									       m->n_messages));)
STATUS(s, return put_str(out, m->sort);)
STATUS(S, return put_str(out, m->sort_aux);)
STATUS(t, return put_count(out, m->n_tagged);)
STATUS(u, return put_count(out, m->n_unread);)
STATUS(v, buf_addf(out, "tern %s", c->look->version); return true;)
STATUS(V, return put_str(out, m->limit);)
STATUS(zp, return put_count(out, m->is_read ? c->at : 0);)
STATUS(zT, return c->is_tight;)
STATUS(zb, return put_str(out, m->busy);)
STATUS(zr, if (m->is_read_only) buf_adds(out, "read-only"); return m->is_read_only;)

const struct format_expando view_status_expandos[] = {
	{ "b", "number of mailboxes with new mail", status_b, VIEW_NORMAL, NULL, 0 },
	{ "C", "place of the cursor in the list", status_at, VIEW_NORMAL, NULL, 0 },
	{ "d", "number of messages to be deleted", status_d, VIEW_NORMAL, NULL, 0 },
	{ "D", "description of the mailbox", status_D, VIEW_NORMAL, NULL, 0 },
	{ "f", "name of the mailbox", status_f, VIEW_NORMAL, NULL, 0 },
	{ "F", "number of flagged messages", status_F, VIEW_NORMAL, NULL, 0 },
	{ "h", "name of this machine", status_h, VIEW_NORMAL, NULL, 0 },
	{ "l", "size of the mailbox", status_l, VIEW_NORMAL, NULL, 0 },
	{ "L", "size of the messages shown", status_L, VIEW_NORMAL, NULL, 0 },
	{ "m", "number of messages", status_m, VIEW_NORMAL, NULL, 0 },
	{ "M", "number of messages shown, with a limit", status_M, VIEW_NORMAL, NULL, 0 },
	{ "n", "number of new messages", status_n, VIEW_NORMAL, NULL, 0 },
	{ "o", "number of old unread messages", status_o, VIEW_NORMAL, NULL, 0 },
	{ "p", "number of postponed messages", status_p, VIEW_NORMAL, NULL, 0 },
	{ "P", "how much of the list is above the end of the screen", status_P, VIEW_NORMAL, NULL,
	  0 },
	{ "r", "changed or read-only, by $status_chars", status_r, VIEW_NORMAL, NULL, 0 },
	{ "R", "number of read messages", status_R, VIEW_NORMAL, NULL, 0 },
	{ "s", "order ($sort)", status_s, VIEW_NORMAL, NULL, 0 },
	{ "S", "second order ($sort_aux)", status_S, VIEW_NORMAL, NULL, 0 },
	{ "t", "number of tagged messages", status_t, VIEW_NORMAL, NULL, 0 },
	{ "u", "number of unread messages", status_u, VIEW_NORMAL, NULL, 0 },
	{ "v", "program and version", status_v, VIEW_NORMAL, NULL, 0 },
	{ "V", "the limit", status_V, VIEW_NORMAL, NULL, 0 },
	{ "zp", "place of the message being read, below the rows of the index above it", status_zp,
	  VIEW_NORMAL, NULL, 0 },
	{ "zT", "nothing; as a condition: there is not room for all of the line", status_zT, VIEW_NORMAL,
	  NULL, 0 },
	{ "zb", "what is under way in this mailbox", status_zb, VIEW_NORMAL, NULL, 0 },
	{ "zr", "\"read-only\" if it is", status_zr, VIEW_NORMAL, NULL, 0 },
	{ NULL, NULL, NULL, 0, NULL, 0 },
};

/* ---- folder_format and sidebar_format --------------------------------------------- */

#define FOLDER(name, body)                                               \
	static bool folder_##name(const void *ctx, struct buf *out)      \
	{                                                                \
		const struct folder_context *c = ctx;                    \
		const struct view_folder *f = c->folder;                 \
		(void)c, (void)f;                                        \
		body                                                     \
	}

static bool
put_known(const struct view_folder *f, uint32_t n, struct buf *out)
{
	if (!f->has_counts)
		return false;
	return put_count(out, n);
}

FOLDER(B, buf_addn(out, ' ', (size_t)f->depth * 2); return put_str(out, f->name);)
FOLDER(C, return put_number(out, c->number);)
FOLDER(f, buf_addn(out, ' ', (size_t)f->depth * 2); buf_addstr(out, f->name);
       if (f->has_children && f->delimiter != '\0' && !f->is_open) buf_addc(out, f->delimiter);
       return true;)
FOLDER(F, return put_known(f, f->n_flagged, out);)
FOLDER(i, return put_str(out, f->path);)
FOLDER(m, return put_known(f, f->n_messages, out);)
FOLDER(n, return put_known(f, f->n_unread, out);)
FOLDER(N, buf_addc(out, f->has_counts && f->n_new > 0 ? 'N' : ' ');
       return f->has_counts && f->n_new > 0;)
FOLDER(t, buf_addc(out, f->is_current ? '*' : ' '); return f->is_current;)
FOLDER(zn, return put_known(f, f->n_new, out);)
FOLDER(zs, if (f->is_subscribed) buf_adds(out, "subscribed"); return f->is_subscribed;)
FOLDER(zo, return put_str(out, f->note);)

const struct format_expando view_folder_expandos[] = {
	{ "B", "name, with blanks for what it is below", folder_B, VIEW_NORMAL, NULL, 0 },
	{ "C", "number in the list", folder_C, VIEW_NORMAL, NULL, 0 },
	{ "D", "name, with blanks for what it is below", folder_B, VIEW_NORMAL, NULL, 0 },
	{ "f", "name, with a / if there is something below", folder_f, VIEW_NORMAL, NULL, 0 },
	{ "F", "number of flagged messages", folder_F, VIEW_NORMAL, NULL, 0 },
	{ "i", "name as one types it", folder_i, VIEW_NORMAL, NULL, 0 },
	{ "m", "number of messages", folder_m, VIEW_NORMAL, NULL, 0 },
	{ "n", "number of unread messages", folder_n, VIEW_NORMAL, NULL, 0 },
	{ "N", "N if it has new mail", folder_N, VIEW_NORMAL, NULL, 0 },
	{ "S", "number of messages", folder_m, VIEW_NORMAL, NULL, 0 },
	{ "t", "* if it is open", folder_t, VIEW_NORMAL, NULL, 0 },
	{ "zn", "number of new messages", folder_zn, VIEW_NORMAL, NULL, 0 },
	{ "zs", "\"subscribed\" if it is", folder_zs, VIEW_NORMAL, NULL, 0 },
	{ "zo", "what else the server says of it", folder_zo, VIEW_NORMAL, NULL, 0 },
	{ NULL, NULL, NULL, 0, NULL, 0 },
};

FOLDER(zN, return put_known(f, f->n_unread, out);)
FOLDER(zbang, if (!f->has_counts || f->n_flagged == 0) return false;
       if (f->n_flagged == 1) buf_addc(out, '!');
       else if (f->n_flagged == 2) buf_adds(out, "!!");
       else buf_addf(out, "%u!", f->n_flagged);
       return true;)

/* The same letters mean other things beside the screen. */
const struct format_expando view_sidebar_expandos[] = {
	{ "!", "! for a flagged message, !! for two, then their number", folder_zbang, VIEW_NORMAL,
	  NULL, 0 },
	{ "B", "name, with blanks for what it is below", folder_B, VIEW_NORMAL, NULL, 0 },
	{ "D", "name, with blanks for what it is below", folder_B, VIEW_NORMAL, NULL, 0 },
	{ "F", "number of flagged messages", folder_F, VIEW_NORMAL, NULL, 0 },
	{ "n", "N if it has new mail", folder_N, VIEW_NORMAL, NULL, 0 },
	{ "N", "number of unread messages", folder_zN, VIEW_NORMAL, NULL, 0 },
	{ "S", "number of messages", folder_m, VIEW_NORMAL, NULL, 0 },
	{ "t", "* if it is open", folder_t, VIEW_NORMAL, NULL, 0 },
	{ "Z", "number of new messages", folder_zn, VIEW_NORMAL, NULL, 0 },
	{ NULL, NULL, NULL, 0, NULL, 0 },
};

/* ---- attach_format ------------------------------------------------------------------- */

#define PART(name, body)                                                 \
	static bool part_##name(const void *ctx, struct buf *out)        \
	{                                                                \
		const struct part_context *c = ctx;                      \
		const struct view_part *p = c->part;                     \
		(void)c, (void)p;                                        \
		body                                                     \
	}

static struct str
type_piece(struct str type, bool is_sub)
{
	long slash = str_find(type, '/');

	if (slash < 0)
		return is_sub ? STR_NONE : type;
	return is_sub ? str_from(type, (size_t)slash + 1) : str_head(type, (size_t)slash);
}

PART(C, return put_str(out, p->charset);)
PART(d, return put_str(out, p->description.len > 0 ? p->description :
			    p->name.len > 0	       ? p->name :
							 STR("<no description>"));)
PART(D, buf_addc(out, p->is_to_delete ? 'D' : ' '); return p->is_to_delete;)
PART(e, return put_str(out, p->encoding);)
PART(f, return put_str(out, p->name);)
PART(I, buf_addc(out, str_ieqc(p->disposition, "inline")	 ? 'I' :
		      str_ieqc(p->disposition, "attachment") ? 'A' :
								   ' ');
     return true;)
PART(m, return put_str(out, type_piece(p->type, false));)
PART(M, return put_str(out, type_piece(p->type, true));)
PART(zm, return put_str(out, p->type);)
PART(n, return put_number(out, p->number);)
PART(Q, return false;)
PART(s, buf_add_size(out, p->size_bytes); return p->size_bytes > 0;)
PART(t, buf_addc(out, p->is_tagged ? '*' : ' '); return p->is_tagged;)
PART(T, view_add_tree(out, p->depth, p->tree_more, false, c->look);
     return p->depth > 0;)
PART(u, buf_addc(out, ' '); return false;)
PART(zs, return put_str(out, p->state);)

const struct format_expando view_attach_expandos[] = {
	{ "c", "needs a change of encoding (never)", part_Q, VIEW_NORMAL, NULL, 0 },
	{ "C", "charset", part_C, VIEW_NORMAL, NULL, 0 },
	{ "d", "description, else file name", part_d, VIEW_NORMAL, NULL, 0 },
	{ "D", "D if it is to be deleted", part_D, VIEW_NORMAL, NULL, 0 },
	{ "e", "transfer encoding", part_e, VIEW_NORMAL, NULL, 0 },
	{ "f", "file name", part_f, VIEW_NORMAL, NULL, 0 },
	{ "F", "file name", part_f, VIEW_NORMAL, NULL, 0 },
	{ "I", "disposition: I inline, A attachment", part_I, VIEW_NORMAL, NULL, 0 },
	{ "m", "major type", part_m, VIEW_NORMAL, NULL, 0 },
	{ "M", "subtype", part_M, VIEW_NORMAL, NULL, 0 },
	{ "n", "number", part_n, VIEW_NORMAL, NULL, 0 },
	{ "Q", "counts as an attachment (not told)", part_Q, VIEW_NORMAL, NULL, 0 },
	{ "s", "size", part_s, VIEW_NORMAL, NULL, 0 },
	{ "t", "* if it is tagged", part_t, VIEW_NORMAL, NULL, 0 },
	{ "T", "tree of parts", part_T, VIEW_TREE, NULL, 0 },
	{ "u", "removed after sending (never)", part_u, VIEW_NORMAL, NULL, 0 },
	{ "zm", "type: text/plain", part_zm, VIEW_NORMAL, NULL, 0 },
	{ "zs", "where its data is: not fetched, 1.2M of 3.4M", part_zs, VIEW_NORMAL, NULL, 0 },
	{ NULL, NULL, NULL, 0, NULL, 0 },
};
