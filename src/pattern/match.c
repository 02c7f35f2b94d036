/* The operators, each a row of the table, and what they look at. */
#include "internal.h"

#include <string.h>
#include "tern/base/buf.h"
#include "tern/base/mem.h"

static enum pattern_answer
yes_if(bool is)
{
	return is ? PATTERN_YES : PATTERN_NO;
}

static enum pattern_answer
match_all(const struct node *n, const struct pattern_subject *s)
{
	return PATTERN_YES;
}

static enum pattern_answer
match_unknown(const struct node *n, const struct pattern_subject *s)
{
	return PATTERN_UNKNOWN;
}

static enum pattern_answer
match_never(const struct node *n, const struct pattern_subject *s)
{
	return PATTERN_NO;
}

/* ---- flags ---------------------------------------------------------------- */

static enum pattern_answer
match_deleted(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->row->flags & (ROW_DELETED | ROW_TO_DELETE));
}

static enum pattern_answer
match_flagged(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->row->flags & ROW_FLAGGED);
}

static enum pattern_answer
match_new(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(!(s->row->flags & ROW_SEEN) &&
		      (!n->context->marks_old || (s->row->flags & ROW_RECENT)));
}

static enum pattern_answer
match_old(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(n->context->marks_old && !(s->row->flags & (ROW_SEEN | ROW_RECENT)));
}

static enum pattern_answer
match_unread(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(!(s->row->flags & ROW_SEEN));
}

static enum pattern_answer
match_read(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->row->flags & ROW_SEEN);
}

static enum pattern_answer
match_replied(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->row->flags & ROW_ANSWERED);
}

static enum pattern_answer
match_tagged(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->is_tagged);
}

static enum pattern_answer
match_collapsed(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->is_collapsed);
}

static enum pattern_answer
match_duplicate(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->is_duplicate);
}

static enum pattern_answer
match_unthreaded(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->is_unthreaded);
}

static enum pattern_answer
match_broken(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->is_broken_thread);
}

/* ---- addresses ------------------------------------------------------------ */

/* One address of a list "Name <a@b>, c@d": the piece, and the bare address. */
static bool
next_address(struct str *list, struct str *piece_out, struct str *addr_out)
{
	bool in_quotes = false, in_angle = false;
	size_t i = 0;

	if (list->len == 0)
		return false;
	while (i < list->len && (in_quotes || in_angle || list->ptr[i] != ',')) {
		if (list->ptr[i] == '"')
			in_quotes = !in_quotes;
		else if (list->ptr[i] == '<')
			in_angle = true;
		else if (list->ptr[i] == '>')
			in_angle = false;
		i++;
	}
	*piece_out = str_trim(str_head(*list, i));
	*list = str_from(*list, i < list->len ? i + 1 : i);
	long open = str_find(*piece_out, '<');
	if (open >= 0) {
		struct str rest = str_from(*piece_out, (size_t)open + 1);
		long close = str_find(rest, '>');
		*addr_out = close >= 0 ? str_head(rest, (size_t)close) : rest;
	} else {
		*addr_out = str_find(*piece_out, '@') >= 0 ? *piece_out : STR_NONE;
	}
	return true;
}

/* Any address of the list, or with ^ each of them; an empty list has none. */
static bool
list_matches(const struct node *n, struct str list)
{
	struct str piece, addr;

	if (!n->is_all)
		return list.len > 0 && text_matches(&n->text, list);
	if (list.len == 0)
		return false;
	while (next_address(&list, &piece, &addr))
		if (piece.len > 0 && !text_matches(&n->text, piece))
			return false;
	return true;
}

static bool
from_matches(const struct node *n, const struct row *row)
{
	static struct buf both;

	if (both.ptr == NULL)
		buf_init(&both);
	buf_reset(&both);
	buf_addstr(&both, row->from_name);
	buf_adds(&both, row->from_name.len > 0 ? " <" : "<");
	buf_addstr(&both, row->from_addr);
	buf_addc(&both, '>');
	return text_matches(&n->text, buf_str(&both)) || text_matches(&n->text, row->from_addr);
}

static enum pattern_answer
match_from(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(from_matches(n, s->row));
}

static enum pattern_answer
match_to(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(list_matches(n, s->row->to));
}

static enum pattern_answer
match_cc(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(list_matches(n, s->row->cc));
}

static enum pattern_answer
match_recipients(const struct node *n, const struct pattern_subject *s)
{
	bool to = list_matches(n, s->row->to), cc = list_matches(n, s->row->cc);

	if (n->is_all)
		return yes_if((to || s->row->to.len == 0) && (cc || s->row->cc.len == 0) &&
			      (to || cc));
	return yes_if(to || cc);
}

static enum pattern_answer
match_anybody(const struct node *n, const struct pattern_subject *s)
{
	bool from = from_matches(n, s->row), others = match_recipients(n, s) == PATTERN_YES;

	return yes_if(n->is_all ? from && others : from || others);
}

static bool
has_address(struct str list, bool (*is)(const struct pattern_context *c, struct str addr),
	    const struct pattern_context *c)
{
	struct str piece, addr;

	while (next_address(&list, &piece, &addr))
		if (addr.len > 0 && is(c, addr))
			return true;
	return false;
}

static bool
is_me(const struct pattern_context *c, struct str addr)
{
	return c->is_me != NULL && c->is_me(c->ctx, addr);
}

static bool
is_known_list(const struct pattern_context *c, struct str addr)
{
	return c->is_list != NULL && c->is_list(c->ctx, addr, false);
}

static bool
is_subscribed_list(const struct pattern_context *c, struct str addr)
{
	return c->is_list != NULL && c->is_list(c->ctx, addr, true);
}

static enum pattern_answer
match_to_me(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(has_address(s->row->to, is_me, n->context) ||
		      has_address(s->row->cc, is_me, n->context));
}

static enum pattern_answer
match_from_me(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(is_me(n->context, s->row->from_addr));
}

static enum pattern_answer
match_known_list(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(s->row->list_id.len > 0 ||
		      has_address(s->row->to, is_known_list, n->context) ||
		      has_address(s->row->cc, is_known_list, n->context));
}

static enum pattern_answer
match_subscribed_list(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(has_address(s->row->to, is_subscribed_list, n->context) ||
		      has_address(s->row->cc, is_subscribed_list, n->context));
}

/* ---- other text ----------------------------------------------------------- */

static enum pattern_answer
match_subject(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(text_matches(&n->text, s->row->subject));
}

static enum pattern_answer
match_id(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(text_matches(&n->text, s->row->message_id));
}

static enum pattern_answer
match_keywords(const struct node *n, const struct pattern_subject *s)
{
	struct str rest = s->row->keywords, one;

	while (str_next_word(&rest, &one))
		if (text_matches(&n->text, one))
			return PATTERN_YES;
	return PATTERN_NO;
}

static void
add_field(struct buf *b, const char *name, struct str value)
{
	if (value.len > 0)
		buf_addf(b, "%s: %.*s\n", name, STR_ARG(value));
}

/* The fields that the list keeps; what is not in them may be in another. */
static enum pattern_answer
match_header(const struct node *n, const struct pattern_subject *s)
{
	struct buf b = BUF_INIT;
	const struct row *row = s->row;

	buf_addf(&b, "From: %.*s <%.*s>\n", STR_ARG(row->from_name), STR_ARG(row->from_addr));
	add_field(&b, "To", row->to);
	add_field(&b, "Cc", row->cc);
	add_field(&b, "Reply-To", row->reply_to);
	add_field(&b, "Subject", row->subject);
	add_field(&b, "List-Id", row->list_id);
	add_field(&b, "Message-ID", row->message_id);
	bool found = text_matches(&n->text, buf_str(&b));
	buf_release(&b);
	return found ? PATTERN_YES : PATTERN_UNKNOWN;
}

/* ---- ranges --------------------------------------------------------------- */

static bool
is_in(const struct node *n, int64_t v)
{
	return v >= n->range.min && v <= n->range.max;
}

static enum pattern_answer
match_date(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(is_in(n, s->row->date));
}

static enum pattern_answer
match_received(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(is_in(n, s->row->internaldate));
}

static enum pattern_answer
match_size(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(is_in(n, s->row->size_bytes));
}

static enum pattern_answer
match_number(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(is_in(n, s->number));
}

static enum pattern_answer
match_score(const struct node *n, const struct pattern_subject *s)
{
	return yes_if(is_in(n, s->score));
}

static enum pattern_answer
match_attachments(const struct node *n, const struct pattern_subject *s)
{
	if (s->has_n_attachments)
		return yes_if(is_in(n, s->n_attachments));
	/* "One or more" is what is mostly asked, and the row tells about that. */
	bool has = s->row->flags & ROW_ATTACHMENT;
	if (!has)
		return yes_if(is_in(n, 0));
	return n->range.min == 1 || n->range.max >= INT32_MAX ? PATTERN_YES : PATTERN_UNKNOWN;
}

/* ---- the table ------------------------------------------------------------ */

const struct operator pattern_operators[] = {
	{ 'A', ARG_NONE, 0, true, match_all, "~A", "all messages" },
	{ 'b', ARG_TEXT, PATTERN_NEEDS_BODY, false, match_unknown, "~b EXPR",
	  "text that matches EXPR" },
	{ 'B', ARG_TEXT, PATTERN_NEEDS_BODY, false, match_unknown, "~B EXPR",
	  "text or header that matches EXPR" },
	{ 'c', ARG_TEXT, 0, false, match_cc, "~c EXPR", "Cc matches EXPR" },
	{ 'C', ARG_TEXT, 0, false, match_recipients, "~C EXPR", "To or Cc matches EXPR" },
	{ 'd', ARG_DATE, 0, true, match_date, "~d DATES", "sent in DATES: 1/2/2026-, <3d, >1w" },
	{ 'D', ARG_NONE, 0, true, match_deleted, "~D", "to be deleted" },
	{ 'e', ARG_TEXT, 0, false, match_from, "~e EXPR", "sender matches EXPR" },
	{ 'E', ARG_NONE, 0, true, match_never, "~E", "expired" },
	{ 'f', ARG_TEXT, 0, false, match_from, "~f EXPR", "From matches EXPR" },
	{ 'F', ARG_NONE, 0, true, match_flagged, "~F", "flagged" },
	{ 'g', ARG_NONE, PATTERN_NEEDS_CRYPTO, false, match_unknown, "~g", "signed" },
	{ 'G', ARG_NONE, PATTERN_NEEDS_CRYPTO, false, match_unknown, "~G", "encrypted" },
	{ 'h', ARG_TEXT, PATTERN_NEEDS_HEADER, false, match_header, "~h EXPR",
	  "a header field matches EXPR" },
	{ 'H', ARG_TEXT, 0, true, match_never, "~H EXPR", "spam attribute matches EXPR" },
	{ 'i', ARG_TEXT, 0, false, match_id, "~i EXPR", "Message-ID matches EXPR" },
	{ 'k', ARG_NONE, PATTERN_NEEDS_CRYPTO, false, match_unknown, "~k", "contains a PGP key" },
	{ 'l', ARG_NONE, 0, false, match_known_list, "~l", "to a mailing list" },
	{ 'L', ARG_TEXT, 0, false, match_anybody, "~L EXPR", "From, To or Cc matches EXPR" },
	{ 'm', ARG_RANGE, 0, true, match_number, "~m MIN-MAX", "number in the list" },
	{ 'M', ARG_TEXT, PATTERN_NEEDS_PARTS, false, match_unknown, "~M EXPR",
	  "the type of a part matches EXPR" },
	{ 'n', ARG_RANGE, 0, true, match_score, "~n MIN-MAX", "score" },
	{ 'N', ARG_NONE, 0, true, match_new, "~N", "new" },
	{ 'O', ARG_NONE, 0, true, match_old, "~O", "old, not read" },
	{ 'p', ARG_NONE, 0, false, match_to_me, "~p", "to you" },
	{ 'P', ARG_NONE, 0, false, match_from_me, "~P", "from you" },
	{ 'Q', ARG_NONE, 0, true, match_replied, "~Q", "replied to" },
	{ 'r', ARG_DATE, 0, true, match_received, "~r DATES", "received in DATES" },
	{ 'R', ARG_NONE, 0, true, match_read, "~R", "read" },
	{ 's', ARG_TEXT, 0, false, match_subject, "~s EXPR", "Subject matches EXPR" },
	{ 'S', ARG_NONE, 0, true, match_never, "~S", "superseded" },
	{ 't', ARG_TEXT, 0, false, match_to, "~t EXPR", "To matches EXPR" },
	{ 'T', ARG_NONE, 0, true, match_tagged, "~T", "tagged" },
	{ 'u', ARG_NONE, 0, false, match_subscribed_list, "~u", "to a subscribed mailing list" },
	{ 'U', ARG_NONE, 0, true, match_unread, "~U", "unread" },
	{ 'v', ARG_NONE, 0, true, match_collapsed, "~v", "in a collapsed thread" },
	{ 'V', ARG_NONE, PATTERN_NEEDS_CRYPTO, false, match_unknown, "~V",
	  "with a verified signature" },
	{ 'x', ARG_TEXT, PATTERN_NEEDS_HEADER, false, match_unknown, "~x EXPR",
	  "References matches EXPR" },
	{ 'X', ARG_RANGE, PATTERN_NEEDS_PARTS, true, match_attachments, "~X MIN-MAX",
	  "number of attachments" },
	{ 'y', ARG_TEXT, 0, false, match_keywords, "~y EXPR", "a keyword matches EXPR" },
	{ 'Y', ARG_TEXT, 0, false, match_keywords, "~Y EXPR", "a keyword matches EXPR" },
	{ 'z', ARG_RANGE, 0, true, match_size, "~z MIN-MAX", "size in bytes: >100K, 1M-5M" },
	{ '=', ARG_NONE, 0, true, match_duplicate, "~=", "duplicates" },
	{ '$', ARG_NONE, 0, true, match_unthreaded, "~$", "in no thread" },
	{ '#', ARG_NONE, 0, true, match_broken, "~#", "broken threads" },
};
const size_t pattern_n_operators = ARRAY_LEN(pattern_operators);

const struct operator *
operator_find(char letter)
{
	for (size_t i = 0; i < pattern_n_operators; i++)
		if (pattern_operators[i].letter == letter)
			return &pattern_operators[i];
	return NULL;
}

/* ---- the tree ------------------------------------------------------------- */

static enum pattern_answer
negate(enum pattern_answer a, bool is_negated)
{
	if (!is_negated || a == PATTERN_UNKNOWN)
		return a;
	return yes_if(a == PATTERN_NO);
}

/* One YES ends an "or", one NO an "and"; UNKNOWN only matters without them. */
static enum pattern_answer
match_children(const struct node *n, const struct pattern_subject *s)
{
	enum pattern_answer decides = n->kind == KIND_OR ? PATTERN_YES : PATTERN_NO;
	bool is_unknown = false;

	for (size_t i = 0; i < n->children.n; i++) {
		enum pattern_answer a = node_match(n->children.v[i], s);
		if (a == decides)
			return decides;
		is_unknown |= a == PATTERN_UNKNOWN;
	}
	return is_unknown ? PATTERN_UNKNOWN : yes_if(decides == PATTERN_NO);
}

static enum pattern_answer
match_relatives(const struct node *n, const struct pattern_subject *s)
{
	enum pattern_relation which = n->kind == KIND_THREAD ? PATTERN_THREAD :
				      n->kind == KIND_PARENT ? PATTERN_PARENT :
							       PATTERN_CHILDREN;
	struct pattern_subject other;
	bool is_unknown = false;

	if (s->relative == NULL)
		return PATTERN_UNKNOWN;
	for (size_t i = 0; s->relative(s->ctx, which, i, &other); i++) {
		enum pattern_answer a = node_match(n->children.v[0], &other);
		if (a == PATTERN_YES)
			return a;
		is_unknown |= a == PATTERN_UNKNOWN;
	}
	return is_unknown ? PATTERN_UNKNOWN : PATTERN_NO;
}

enum pattern_answer
node_match(const struct node *n, const struct pattern_subject *s)
{
	enum pattern_answer a;

	switch (n->kind) {
	case KIND_OP:
		a = n->op->match(n, s);
		break;
	case KIND_AND:
	case KIND_OR:
		a = match_children(n, s);
		break;
	default:
		a = match_relatives(n, s);
	}
	return negate(a, n->is_negated);
}

enum pattern_answer
pattern_match(const struct pattern *p, const struct pattern_subject *s)
{
	return node_match(p->root, s);
}
