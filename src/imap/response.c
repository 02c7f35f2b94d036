/* One complete response: the table, and a small parser for each row. */
#include "response.h"

#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/imap.h"
#include "tern/row.h"
#include "tokens.h"

void
response_parser_release(struct response_parser *p)
{
	arena_release(&p->arena);
	buf_release(&p->keywords);
	seqset_release(&p->uids);
}

/* --- Flags ----------------------------------------------------------------- */

static const struct {
	struct str wire;
	uint32_t bit;
} system_flags[] = {
	{ STR_INIT("\\Seen"), ROW_SEEN },
	{ STR_INIT("\\Answered"), ROW_ANSWERED },
	{ STR_INIT("\\Flagged"), ROW_FLAGGED },
	{ STR_INIT("\\Deleted"), ROW_DELETED },
	{ STR_INIT("\\Draft"), ROW_DRAFT },
	{ STR_INIT("\\Recent"), ROW_RECENT },
};

static bool
is_keyword(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f)
			return false;
	return s.len > 0 && s.ptr[0] != '\\' && !str_eqc(s, "*");
}

static void
add_flag(struct response_parser *p, struct str flag, struct flag_list *out)
{
	if (str_eqc(flag, "\\*")) {
		out->has_star = true;
		return;
	}
	for (size_t i = 0; flag.ptr[0] == '\\' && i < ARRAY_LEN(system_flags); i++) {
		if (str_ieq(flag, system_flags[i].wire)) {
			out->bits |= system_flags[i].bit;
			return;
		}
	}
	/* Whole ones up to the bound of a row; a message has few. */
	if (!is_keyword(flag) || p->keywords.len + 1 + flag.len > ROW_MAX_TEXT)
		return;
	if (p->keywords.len > 0)
		buf_addc(&p->keywords, ' ');
	buf_addstr(&p->keywords, flag);
}

/* "(\Seen word)", lenient inside: stray blanks, a lone \, a star. */
static bool
parse_flags(struct response_parser *p, struct tokens *t, struct flag_list *out)
{
	struct str flag;

	*out = (struct flag_list){ 0 };
	buf_reset(&p->keywords);
	if (!tok_char(t, '('))
		return false;
	for (tok_blanks(t); !tok_char(t, ')'); tok_blanks(t)) {
		if (!tok_astring(t, &p->arena, &flag))
			return false;
		if (flag.len > 0)
			add_flag(p, flag, out);
	}
	out->keywords = buf_str(&p->keywords);
	return true;
}

/* --- Response codes ------------------------------------------------------------ */

enum code_args { ARGS_NOTHING, ARGS_REST, ARGS_NUMBER, ARGS_MODSEQ, ARGS_FLAG_LIST, ARGS_APPENDED,
		 ARGS_COPIED };

static const struct {
	const char *wire;
	enum response_code code;
	enum code_args args;
} codes[] = {
#define X(sym, wire, args) { wire, CODE_##sym, ARGS_##args },
	RESPONSE_CODES(X)
#undef X
};

static bool
parse_code_args(struct response_parser *p, struct tokens *t, enum code_args args,
		struct response *r)
{
	switch (args) {
	case ARGS_NOTHING:
		return true;
	case ARGS_REST:
		tok_blanks(t);
		r->args = tok_rest(t);
		return true;
	case ARGS_NUMBER:
		return tok_space(t) && tok_u32(t, &r->number);
	case ARGS_MODSEQ:
		return tok_space(t) && tok_u63(t, &r->modseq);
	case ARGS_FLAG_LIST:
		return tok_space(t) && parse_flags(p, t, &r->flags);
	case ARGS_APPENDED:
		return tok_space(t) && tok_u32(t, &r->number) && tok_space(t) &&
		       tok_atom(t, &r->targets);
	case ARGS_COPIED:
		return tok_space(t) && tok_u32(t, &r->number) && tok_space(t) &&
		       tok_atom(t, &r->sources) && tok_space(t) && tok_atom(t, &r->targets);
	}
	return false;
}

static void
parse_code(struct response_parser *p, struct str inside, struct response *r)
{
	struct tokens t = tokens_of(inside);
	struct str name;

	r->code = CODE_UNKNOWN;
	if (!tok_name(&t, &name))
		return;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (!str_ieqc(name, codes[i].wire))
			continue;
		if (parse_code_args(p, &t, codes[i].args, r))
			r->code = codes[i].code;
		return;
	}
}

/* Where the code ends: the bracket outside quotes and inner brackets; a server
 * that lost it has no code. */
static long
code_end(struct str s)
{
	bool is_quoted = false;
	int depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			is_quoted = !is_quoted;
		else if (s.ptr[i] == '[' && !is_quoted)
			depth++;
		else if (s.ptr[i] == ']' && !is_quoted && --depth == 0)
			return (long)i;
	}
	return -1;
}

/* Behind OK, NO, BAD, BYE, PREAUTH. */
static bool
parse_condition(struct response_parser *p, struct tokens *t, struct response *r)
{
	tok_blanks(t);
	struct str text = tok_rest(t);
	if (text.len > 0 && text.ptr[0] == '[') {
		long end = code_end(text);
		if (end > 0) {
			parse_code(p, str_head(str_from(text, 1), (size_t)end - 1), r);
			text = str_from(text, (size_t)end + 1);
		}
	}
	r->text = str_trim(text);
	return true;
}

/* --- FETCH ---------------------------------------------------------------------- */

static int64_t
days_since_1970(int year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

static int
digits(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!ascii_is_digit(p[i]))
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

bool
parse_internaldate(struct str s, int64_t *out)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	char p[26];

	if (s.len != 26) /* DD-Mon-YYYY HH:MM:SS +ZZZZ */
		return false;
	for (int i = 0; i < 26; i++)
		p[i] = (char)ascii_lower(s.ptr[i]);
	if (p[0] == ' ')
		p[0] = '0';
	int day = digits(p, 2), year = digits(p + 7, 4), month = 0;
	for (int i = 0; i < 12 && month == 0; i++)
		if (memcmp(p + 3, months + i * 3, 3) == 0)
			month = i + 1;
	int hour = digits(p + 12, 2), minute = digits(p + 15, 2), second = digits(p + 18, 2);
	int zone_h = digits(p + 22, 2), zone_m = digits(p + 24, 2);
	if (day < 1 || day > 31 || month == 0 || year < 0 || hour < 0 || hour > 24 || minute < 0 ||
	    minute > 59 || second < 0 || second > 60 || zone_h < 0 || zone_m < 0 ||
	    (p[21] != '+' && p[21] != '-'))
		return false;
	int64_t zone_s = (zone_h * 60 + zone_m) * 60;
	*out = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
	       (p[21] == '-' ? -zone_s : zone_s);
	return true;
}

static bool
item_uid(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	return tok_u32(t, &f->uid) && f->uid != 0;
}

static bool
item_flags(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	f->has_flags = parse_flags(p, t, &f->flags);
	return f->has_flags;
}

static bool
item_modseq(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	return tok_char(t, '(') && tok_u63(t, &f->modseq) && tok_char(t, ')');
}

static bool
item_size(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	uint64_t size;

	if (!tok_u63(t, &size))
		return false;
	f->size_bytes = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size; /* a hint */
	f->has_size = true;
	return true;
}

static bool
item_internaldate(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	struct str s;

	if (!tok_nstring(t, &p->arena, &s))
		return false;
	f->has_date = parse_internaldate(s, &f->internaldate);
	return true; /* an odd date costs the date */
}

static bool
item_structure(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	const char *start = t->p;

	if (!tok_skip(t))
		return false;
	f->structure = (struct str){ start, (size_t)(t->p - start) };
	f->has_structure = true;
	return true;
}

/* Behind '[': the section, up to the bracket that closes it. */
static bool
parse_section(struct tokens *t, struct str *out)
{
	const char *start = t->p;
	bool is_quoted = false;

	for (; t->p < t->end; t->p++) {
		if (*t->p == '"')
			is_quoted = !is_quoted;
		if (*t->p == ']' && !is_quoted) {
			*out = (struct str){ start, (size_t)(t->p - start) };
			t->p++;
			return true;
		}
	}
	return false;
}

static bool
parse_body(struct response_parser *p, struct tokens *t, bool is_binary, struct fetch *f)
{
	struct body_item item = { .is_binary = is_binary };

	if (!parse_section(t, &item.section))
		return false;
	if (tok_char(t, '<')) {
		item.has_origin = true;
		if (!tok_u32(t, &item.origin) || !tok_char(t, '>'))
			return false;
	}
	if (!tok_space(t) || !tok_nstring(t, &p->arena, &item.data))
		return false;
	item.is_nil = item.data.ptr == NULL;
	if (f->n_bodies < FETCH_MAX_BODIES)
		f->bodies[f->n_bodies++] = item;
	return true;
}

static const struct {
	struct str name;
	bool (*parse)(struct response_parser *, struct tokens *, struct fetch *);
} fetch_items[] = {
	{ STR_INIT("UID"), item_uid },
	{ STR_INIT("FLAGS"), item_flags },
	{ STR_INIT("INTERNALDATE"), item_internaldate },
	{ STR_INIT("RFC822.SIZE"), item_size },
	{ STR_INIT("MODSEQ"), item_modseq },
	{ STR_INIT("BODYSTRUCTURE"), item_structure },
};

static bool
parse_item(struct response_parser *p, struct tokens *t, struct fetch *f)
{
	struct str name;

	if (!tok_name(t, &name))
		return false;
	if (tok_char(t, '[')) {
		if (str_ieqc(name, "BODY") || str_ieqc(name, "BINARY"))
			return parse_body(p, t, str_ieqc(name, "BINARY"), f);
		struct str ignored; /* BINARY.SIZE[1] 77 */
		return parse_section(t, &ignored) && tok_space(t) && tok_skip(t);
	}
	if (!tok_space(t))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(fetch_items); i++)
		if (str_ieq(name, fetch_items[i].name))
			return fetch_items[i].parse(p, t, f);
	return tok_skip(t);
}

static bool
parse_fetch(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct fetch *f = &r->fetch;

	f->seq = r->number;
	if (f->seq == 0 || !tok_space(t) || !tok_char(t, '('))
		return false;
	for (tok_blanks(t); !tok_char(t, ')'); tok_blanks(t))
		if (!parse_item(p, t, f))
			return false;
	return true;
}

/* --- The other ones ------------------------------------------------------------- */

static bool
parse_rest(struct response_parser *p, struct tokens *t, struct response *r)
{
	tok_blanks(t);
	r->args = tok_rest(t);
	return true;
}

static bool
parse_number_only(struct response_parser *p, struct tokens *t, struct response *r)
{
	return true;
}

static bool
parse_expunge(struct response_parser *p, struct tokens *t, struct response *r)
{
	return r->number > 0;
}

static bool
parse_flags_response(struct response_parser *p, struct tokens *t, struct response *r)
{
	return tok_space(t) && parse_flags(p, t, &r->flags);
}

/* A set of UIDs; Dovecot once sent 0:1, James an empty one. */
static bool
parse_uids(struct response_parser *p, struct str text)
{
	struct err ignored;

	if (str_starts(text, "0:"))
		text = str_c(arena_printf(&p->arena, "1%.*s", STR_ARG(str_from(text, 1))));
	return seqset_parse(text, &p->uids, &ignored) == 0;
}

static bool
parse_vanished(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct str set = STR_NONE, word;

	tok_blanks(t);
	if (tok_char(t, '(')) {
		if (!tok_name(t, &word) || !str_ieqc(word, "EARLIER") || !tok_char(t, ')'))
			return false;
		r->is_earlier = true;
		tok_blanks(t);
	}
	tok_atom(t, &set);
	return parse_uids(p, set);
}

static bool
parse_search_numbers(struct response_parser *p, struct tokens *t, struct response *r)
{
	uint32_t uid;

	for (tok_blanks(t); !tok_at_end(t); tok_blanks(t)) {
		if (tok_char(t, '(')) { /* (MODSEQ n) */
			struct str word;
			if (!tok_name(t, &word) || !tok_space(t) || !tok_u63(t, &r->modseq))
				return false;
			return tok_char(t, ')');
		}
		if (!tok_u32(t, &uid))
			return false;
		seqset_append(&p->uids, uid);
	}
	return true;
}

static bool
parse_search(struct response_parser *p, struct tokens *t, struct response *r)
{
	bool is_good = parse_search_numbers(p, t, r);

	seqset_sort(&p->uids);
	return is_good;
}

static bool
parse_esearch_correlator(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct str word;

	if (!tok_char(t, '('))
		return true;
	return tok_name(t, &word) && tok_space(t) && tok_astring(t, &p->arena, &r->tag) &&
	       tok_char(t, ')');
}

static bool
parse_esearch(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct str name, set;

	tok_blanks(t);
	if (!parse_esearch_correlator(p, t, r))
		return false;
	for (tok_blanks(t); !tok_at_end(t); tok_blanks(t)) {
		if (!tok_name(t, &name))
			return false;
		if (str_ieqc(name, "UID"))
			continue;
		tok_blanks(t);
		bool is_good = true;
		if (str_ieqc(name, "ALL"))
			is_good = tok_atom(t, &set) && parse_uids(p, set);
		else if (str_ieqc(name, "COUNT"))
			is_good = r->has_count = tok_u32(t, &r->count);
		else if (str_ieqc(name, "MODSEQ"))
			is_good = tok_u63(t, &r->modseq);
		else
			is_good = tok_skip(t);
		if (!is_good)
			return false;
	}
	return true;
}

static const struct {
	const char *wire;
	uint32_t attr;
} attributes[] = {
	{ "\\Noselect", IMAP_FOLDER_NOSELECT },
	{ "\\Noinferiors", IMAP_FOLDER_NOINFERIORS },
	{ "\\HasChildren", IMAP_FOLDER_HAS_CHILDREN },
	{ "\\Subscribed", IMAP_FOLDER_SUBSCRIBED },
	{ "\\NonExistent", IMAP_FOLDER_NONEXISTENT | IMAP_FOLDER_NOSELECT },
	{ "\\All", IMAP_FOLDER_ALL },	    { "\\AllMail", IMAP_FOLDER_ALL },
	{ "\\Archive", IMAP_FOLDER_ARCHIVE }, { "\\Drafts", IMAP_FOLDER_DRAFTS },
	{ "\\Flagged", IMAP_FOLDER_FLAGGED }, { "\\Starred", IMAP_FOLDER_FLAGGED },
	{ "\\Junk", IMAP_FOLDER_JUNK },	    { "\\Spam", IMAP_FOLDER_JUNK },
	{ "\\Sent", IMAP_FOLDER_SENT },	    { "\\Trash", IMAP_FOLDER_TRASH },
};

static bool
parse_attributes(struct response_parser *p, struct tokens *t, uint32_t *out)
{
	struct str flag;

	if (!tok_char(t, '('))
		return false;
	for (tok_blanks(t); !tok_char(t, ')'); tok_blanks(t)) {
		if (!tok_astring(t, &p->arena, &flag))
			return false;
		for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
			if (str_ieqc(flag, attributes[i].wire))
				*out |= attributes[i].attr;
	}
	return true;
}

/* INBOX is INBOX in any case; any other name is its bytes. */
static struct str
canonical(struct str name)
{
	return str_ieqc(name, "INBOX") ? STR("INBOX") : name;
}

static bool
parse_list(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct str delimiter;

	if (!tok_space(t) || !parse_attributes(p, t, &r->list.attributes) || !tok_space(t) ||
	    !tok_nstring(t, &p->arena, &delimiter) || delimiter.len > 1 || !tok_space(t) ||
	    !tok_astring(t, &p->arena, &r->name))
		return false;
	r->list.delimiter = delimiter.len > 0 ? delimiter.ptr[0] : 0;
	r->name = canonical(r->name);
	if (str_eqc(r->name, "INBOX"))
		r->list.attributes |= IMAP_FOLDER_INBOX;
	return r->name.len > 0 && r->name.len <= IMAP_MAX_MAILBOX_NAME; /* extended data: not for us */
}

static bool
parse_status_item(struct tokens *t, struct str name, struct status_items *s)
{
	const struct {
		const char *name;
		uint32_t *value;
		bool *has;
	} items[] = {
		{ "MESSAGES", &s->messages, &s->has_messages },
		{ "UNSEEN", &s->unseen, &s->has_unseen },
		{ "UIDNEXT", &s->uidnext, &s->has_uidnext },
		{ "UIDVALIDITY", &s->uidvalidity, &s->has_uidvalidity },
	};

	if (str_ieqc(name, "HIGHESTMODSEQ"))
		return tok_u63(t, &s->modseq);
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		if (str_ieqc(name, items[i].name))
			return *items[i].has = tok_u32(t, items[i].value);
	return tok_skip(t);
}

static bool
parse_status(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct str name;

	if (!tok_space(t) || !tok_astring(t, &p->arena, &r->name) || !tok_space(t) ||
	    !tok_char(t, '('))
		return false;
	r->name = canonical(r->name);
	for (tok_blanks(t); !tok_char(t, ')'); tok_blanks(t))
		if (!tok_name(t, &name) || !tok_space(t) ||
		    !parse_status_item(t, name, &r->mailbox))
			return false;
	return true;
}

/* ("name" "Dovecot" "version" "2.3"): the first two that name the server. */
static bool
parse_id(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct buf text = BUF_INIT;
	struct str key, value;

	tok_blanks(t);
	if (tok_char(t, '(')) {
		for (tok_blanks(t); !tok_char(t, ')'); tok_blanks(t)) {
			if (!tok_string(t, &p->arena, &key) || !tok_space(t) ||
			    !tok_nstring(t, &p->arena, &value))
				break;
			if (!str_ieqc(key, "name") && !str_ieqc(key, "version"))
				continue;
			if (text.len > 0)
				buf_addc(&text, ' ');
			utf8_add_valid(&text, str_head(value, 100));
		}
	}
	r->name = arena_str(&p->arena, buf_str(&text));
	buf_release(&text);
	return true;
}

/* --- The table --------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool has_number; /* "* 7 NAME" */
	enum response_kind kind;
	enum response_status status;
	bool (*parse)(struct response_parser *, struct tokens *, struct response *);
} responses[] = {
	{ "FETCH", true, RESPONSE_FETCH, 0, parse_fetch },
	{ "EXISTS", true, RESPONSE_EXISTS, 0, parse_number_only },
	{ "RECENT", true, RESPONSE_RECENT, 0, parse_number_only },
	{ "EXPUNGE", true, RESPONSE_EXPUNGE, 0, parse_expunge },
	{ "OK", false, RESPONSE_CONDITION, STATUS_OK, parse_condition },
	{ "NO", false, RESPONSE_CONDITION, STATUS_NO, parse_condition },
	{ "BAD", false, RESPONSE_CONDITION, STATUS_BAD, parse_condition },
	{ "BYE", false, RESPONSE_BYE, 0, parse_condition },
	{ "PREAUTH", false, RESPONSE_PREAUTH, 0, parse_condition },
	{ "CAPABILITY", false, RESPONSE_CAPABILITY, 0, parse_rest },
	{ "ENABLED", false, RESPONSE_ENABLED, 0, parse_rest },
	{ "ID", false, RESPONSE_ID, 0, parse_id },
	{ "FLAGS", false, RESPONSE_FLAGS, 0, parse_flags_response },
	{ "VANISHED", false, RESPONSE_VANISHED, 0, parse_vanished },
	{ "SEARCH", false, RESPONSE_SEARCH, 0, parse_search },
	{ "ESEARCH", false, RESPONSE_ESEARCH, 0, parse_esearch },
	{ "LIST", false, RESPONSE_LIST, 0, parse_list },
	{ "XLIST", false, RESPONSE_LIST, 0, parse_list },
	{ "LSUB", false, RESPONSE_LSUB, 0, parse_list },
	{ "STATUS", false, RESPONSE_STATUS, 0, parse_status },
};

static void
parse_untagged(struct response_parser *p, struct tokens *t, struct response *r)
{
	struct str name;
	bool has_number = false;

	if (t->p < t->end && ascii_is_digit(*t->p)) {
		has_number = true;
		if (!tok_u32(t, &r->number) || !tok_space(t)) {
			r->kind = RESPONSE_MALFORMED;
			return;
		}
	}
	if (!tok_name(t, &name))
		return;
	for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
		if (responses[i].has_number != has_number || !str_ieqc(name, responses[i].name))
			continue;
		r->status = responses[i].status;
		r->meant = responses[i].kind;
		r->kind = responses[i].parse(p, t, r) ? responses[i].kind : RESPONSE_MALFORMED;
		return;
	}
}

static void
parse_tagged(struct response_parser *p, struct tokens *t, struct response *r)
{
	static const char *const words[] = { "OK", "NO", "BAD" };
	struct str word;

	if (!tok_atom(t, &r->tag) || !tok_space(t) || !tok_name(t, &word))
		return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_ieqc(word, words[i])) {
			r->kind = RESPONSE_TAGGED;
			r->status = (enum response_status)i;
			parse_condition(p, t, r);
		}
	}
}

void
response_parse(struct response_parser *p, const struct frame *frame, struct response *r)
{
	struct tokens t = tokens_of(frame->bytes);

	memset(r, 0, offsetof(struct response, fetch));
	memset(&r->fetch, 0, offsetof(struct fetch, bodies));
	r->fetch.n_bodies = 0;
	if (p->arena.used_bytes > 0)
		arena_reset(&p->arena);
	seqset_reset(&p->uids);
	t.end -= 2; /* CR LF */
	if (tok_char(&t, '+')) {
		tok_blanks(&t);
		r->kind = RESPONSE_CONTINUE;
		r->text = tok_rest(&t);
	} else if (t.end - t.p > 1 && t.p[0] == '*' && t.p[1] == ' ') {
		t.p++;
		tok_blanks(&t);
		parse_untagged(p, &t, r);
	} else {
		parse_tagged(p, &t, r);
	}
}

bool
response_is_greeting(const struct response *r)
{
	return r->kind == RESPONSE_PREAUTH || r->kind == RESPONSE_BYE ||
	       (r->kind == RESPONSE_CONDITION && r->status == STATUS_OK);
}

bool
response_is_allowed_before_login(const struct response *r)
{
	switch (r->kind) {
	case RESPONSE_CONTINUE:
	case RESPONSE_TAGGED:
	case RESPONSE_CONDITION:
	case RESPONSE_BYE:
	case RESPONSE_CAPABILITY:
		return true;
	default:
		return false;
	}
}
