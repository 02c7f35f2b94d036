/* Finding text as mutt does: an extended regex, without regard to case unless
 * it has a capital letter. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"
#include "tern/base/regex.h"
#include "tern/base/utf8.h"

#define MAX_SUBJECT (64 * 1024)

static bool
has_capital(struct str s)
{
	struct buf folded = BUF_INIT;

	/* Folding something without capitals leaves its ASCII alone; beyond ASCII a
	 * difference of any kind counts as one only if it is no mere normal form. */
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
			return true;
	bool differs = false;
	if (!utf8_is_valid(s))
		return false;
	utf8_add_folded(&folded, s);
	differs = folded.len == s.len && memcmp(folded.ptr, s.ptr, s.len) != 0;
	buf_release(&folded);
	return differs;
}

int
text_compile(struct pattern_text *t, struct str arg, bool is_string, struct err *err)
{
	t->arg = str_dup(arg);
	t->is_sensitive = has_capital(arg);
	t->is_plain = is_string || strpbrk(t->arg, "\\^$.[]|()?*+{}") == NULL;
	if (t->is_plain) {
		struct buf folded = BUF_INIT;
		if (!t->is_sensitive)
			utf8_add_folded(&folded, arg);
		else
			buf_addstr(&folded, arg);
		t->folded = buf_take(&folded);
		return 0;
	}
	int flags = REG_NOSUB | REG_NEWLINE | (t->is_sensitive ? 0 : REG_ICASE);
	if (regex_compile(&t->regex, t->arg, flags, err) < 0)
		return -1;
	t->has_regex = true;
	return 0;
}

void
text_release(struct pattern_text *t)
{
	free(t->arg);
	free(t->folded);
	if (t->has_regex)
		regfree(&t->regex);
}

static bool
has_plain(const struct pattern_text *t, struct str s)
{
	static struct buf folded; /* reused: a search looks at many rows */

	if (t->is_sensitive)
		return str_find_str(s, str_c(t->folded)) >= 0;
	if (folded.ptr == NULL)
		buf_init(&folded);
	buf_reset(&folded);
	utf8_add_folded(&folded, s);
	return str_find_str(buf_str(&folded), str_c(t->folded)) >= 0;
}

bool
text_matches(const struct pattern_text *t, struct str s)
{
	static struct buf subject;

	s = str_head(s, MAX_SUBJECT);
	if (t->is_plain)
		return has_plain(t, s);
	if (subject.ptr == NULL)
		buf_init(&subject);
	buf_reset(&subject);
	buf_addstr(&subject, s);
	return regexec(&t->regex, subject.ptr, 0, NULL, 0) == 0;
}
