/* Words of $sort and $sort_aux; subjects. */
#include "internal.h"

static const struct {
	const char *word;
	uint8_t order;
} orders[] = {
	{ "date", ORDER_DATE },		  { "date-sent", ORDER_DATE },
	{ "spam", ORDER_DATE },		  { "score", ORDER_DATE },
	{ "label", ORDER_DATE },	  { "date-received", ORDER_RECEIVED },
	{ "from", ORDER_FROM },		  { "to", ORDER_TO },
	{ "subject", ORDER_SUBJECT },	  { "size", ORDER_SIZE },
	{ "mailbox-order", ORDER_MAILBOX }, { "unsorted", ORDER_MAILBOX },
	{ "threads", ORDER_THREADS },
};

static bool
cut(struct str *word, const char *prefix)
{
	size_t len = str_c(prefix).len;

	if (!str_istarts(*word, prefix))
		return false;
	*word = str_from(*word, len);
	return true;
}

static bool
parse(struct str word, uint8_t *order, bool *reverse, bool *last)
{
	bool is_reverse = false, is_last = false;

	for (;;) {
		if (!is_reverse && cut(&word, "reverse-"))
			is_reverse = true;
		else if (!is_last && cut(&word, "last-"))
			is_last = true;
		else
			break;
	}
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (!str_ieqc(word, orders[i].word))
			continue;
		*order = orders[i].order;
		*reverse = is_reverse;
		*last = is_last;
		return true;
	}
	return false;
}

bool
thread_spec_sort(struct thread_spec *spec, struct str word)
{
	bool last;

	return parse(word, &spec->sort, &spec->reverse, &last);
}

bool
thread_spec_aux(struct thread_spec *spec, struct str word)
{
	struct thread_spec parsed = *spec;

	if (!parse(word, &parsed.aux, &parsed.aux_reverse, &parsed.last) ||
	    parsed.aux == ORDER_THREADS)
		return false;
	*spec = parsed;
	return true;
}

bool
thread_spec_is_date(const struct thread_spec *spec)
{
	return spec->sort == ORDER_DATE;
}

static bool
is_text(unsigned order)
{
	return order == ORDER_FROM || order == ORDER_TO || order == ORDER_SUBJECT;
}

int
thread_spec_key(const struct thread_spec *spec)
{
	if (is_text(spec->sort))
		return spec->sort;
	return spec->sort == ORDER_THREADS && is_text(spec->aux) ? spec->aux : -1;
}

/* "Re:", "Fwd:", "AW[2]:" and their like, as $reply_regex has them. */
static size_t
reply_prefix(struct str s)
{
	static const char *const words[] = { "re", "aw", "antw", "sv", "vs", "ref", "rif", "odp" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = str_c(words[i]).len;
		if (!str_istarts(s, words[i]))
			continue;
		if (n < s.len && (s.ptr[n] == '[' || s.ptr[n] == '(')) {
			char end = s.ptr[n] == '[' ? ']' : ')';
			size_t at = n + 1;
			while (at < s.len && ascii_is_digit((unsigned char)s.ptr[at]))
				at++;
			if (at == n + 1 || at == s.len || s.ptr[at] != end)
				continue;
			n = at + 1;
		}
		if (n < s.len && s.ptr[n] == ':')
			return n + 1;
	}
	return 0;
}

struct str
thread_base_subject(struct str subject, bool *is_reply_out)
{
	size_t n;

	*is_reply_out = false;
	subject = str_trim(subject);
	while ((n = reply_prefix(subject)) > 0) {
		*is_reply_out = true;
		subject = str_trim_left(str_from(subject, n));
	}
	return subject;
}
