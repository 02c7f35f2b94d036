#include "tern/base/regex.h"

#include <stdbool.h>
#include <stddef.h>

#define MAX_BYTES 4096
#define MAX_DEPTH 50
#define MAX_COPIED 1000
#define MAX_ANCHORS 12
#define MAX_WAYS 1000

/* glibc copies what is repeated, as often as it says: a{9} is nine a, a+ is aa*, and
 * (((a+)+)+)+ sixteen. And where anchors can be passed without a letter, it makes a
 * copy of what follows for every combination of them: (a*|\<|\>|^|$)* takes a second,
 * that twice for ever. So both are counted, as they multiply. And in a regex with a
 * loop around what may be empty, as (a*)*, it goes every way from letter to letter that
 * takes none: ((b?|c?)(b?|c?))* has four, twenty of them a million. */
struct count {
	size_t nodes;	/* letters and operators, with their copies */
	size_t anchors; /* that can be passed without a letter, with their copies */
};

/* The ways without a letter: through it (0: there is none), from before it to its first
 * letter, and from its last letter to behind it. */
struct ways {
	size_t through, in, out;
};

/* Between two '|', or parentheses. */
struct branch {
	struct count all;
	size_t own_anchors; /* of no group within */
	struct ways ways;
};

struct group {
	struct branch now;
	struct count before; /* of the branches that have ended */
	struct ways ways;
};

/* What a repeat behind it would repeat. */
struct atom {
	struct count n;
	struct ways ways;
	bool is_set, is_anchor;
};

struct regex_parse {
	struct group groups[MAX_DEPTH + 1];
	size_t depth;
	struct atom atom; /* not yet in its branch */
	size_t copied;
	size_t most_ways; /* from one letter to another */
	bool has_empty_loop;
};

static const struct branch new_branch = { .ways = { 1, 0, 1 } };

static size_t
at_most(size_t n)
{
	return n < 1000000 ? n : 1000000;
}

/* s[0] is '['; the length up to its ']', 0 if there is none. */
static size_t
bracket_len(struct str s)
{
	size_t i = 1;

	if (i < s.len && s.ptr[i] == '^')
		i++;
	if (i < s.len && s.ptr[i] == ']')
		i++;
	while (i < s.len && s.ptr[i] != ']') {
		char kind = i + 1 < s.len ? s.ptr[i + 1] : '\0';
		if (s.ptr[i] == '[' && (kind == ':' || kind == '.' || kind == '=')) {
			char end[3] = { kind, ']', '\0' };
			long at = str_find_str(str_from(s, i + 2), str_c(end));
			if (at < 0)
				return 0;
			i += (size_t)at + 4;
		} else {
			i++;
		}
	}
	return i < s.len ? i + 1 : 0;
}

/* s[0] is '{'; the length of {2} {2,} {,3} {2,3}, 0 if it is none of them. */
static size_t
interval_len(struct str s, size_t *min_out, size_t *max_out, bool *is_open_out)
{
	size_t n[2] = { 0, 0 }, i = 1, part = 0, digits = 0;

	for (; i < s.len && s.ptr[i] != '}'; i++) {
		if (s.ptr[i] == ',' && part == 0) {
			part = 1;
			digits = 0;
		} else if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
			n[part] = at_most(n[part] * 10 + (size_t)(s.ptr[i] - '0'));
			digits++;
		} else {
			return 0;
		}
	}
	if (i >= s.len || (part == 0 && digits == 0))
		return 0;
	*is_open_out = part == 1 && digits == 0;
	*min_out = n[0];
	*max_out = part == 1 && digits > 0 ? n[1] : n[0];
	return i + 1;
}

static void
end_atom(struct regex_parse *p)
{
	struct branch *b = &p->groups[p->depth].now;

	if (!p->atom.is_set)
		return;
	b->all.nodes = at_most(b->all.nodes + p->atom.n.nodes);
	if (p->atom.is_anchor)
		b->own_anchors = at_most(b->own_anchors + p->atom.n.anchors);
	else
		b->all.anchors = at_most(b->all.anchors + p->atom.n.anchors);
	struct ways *w = &b->ways, next = p->atom.ways;
	if (w->out * next.in > p->most_ways)
		p->most_ways = at_most(w->out * next.in);
	w->in = at_most(w->in + w->through * next.in);
	w->through = at_most(w->through * next.through);
	w->out = at_most(w->out * next.through + next.out);
	p->atom = (struct atom){ .is_set = false };
}

static void
new_atom(struct regex_parse *p, bool is_anchor)
{
	end_atom(p);
	p->atom = (struct atom){
		{ 1, is_anchor }, { is_anchor, !is_anchor, !is_anchor }, true, is_anchor
	};
}

static void
end_branch(struct regex_parse *p)
{
	struct group *g = &p->groups[p->depth];

	end_atom(p);
	g->before.nodes = at_most(g->before.nodes + g->now.all.nodes + 1);
	g->before.anchors = at_most(g->before.anchors + g->now.all.anchors +
				    (g->now.ways.through > 0 ? g->now.own_anchors : 0));
	g->ways.through = at_most(g->ways.through + g->now.ways.through);
	g->ways.in = at_most(g->ways.in + g->now.ways.in);
	g->ways.out = at_most(g->ways.out + g->now.ways.out);
	g->now = new_branch;
}

/* From `min` to `max` copies; if it is_open, the last of them loops. */
static void
repeat(struct regex_parse *p, size_t min, size_t max, bool is_open)
{
	struct atom *a = &p->atom;
	size_t through = 0, way = 1;

	if (!a->is_set)
		return;
	if (is_open && a->ways.through > 0)
		p->has_empty_loop = true;
	if (is_open && a->n.anchors > 0)
		a->n.anchors = at_most((a->n.anchors + 1) * (a->n.anchors + 1));
	if (max > 1) {
		p->copied = at_most(p->copied + a->n.nodes * (max - 1));
		a->n.nodes = at_most(a->n.nodes * max);
		a->n.anchors = at_most(a->n.anchors * max);
	}
	a->n.nodes = at_most(a->n.nodes + 1);
	if (a->ways.through == 0) {
		through = min == 0 ? (max > 1 ? max : 1) : 0;
	} else {
		for (size_t i = 0; i <= max && through < 1000000; i++) {
			if (i >= min)
				through += way;
			way = at_most(way * a->ways.through);
		}
	}
	size_t copies = max > 1 ? max : 1;
	if (min == 0 || a->ways.through > 0)
		a->ways.in = at_most(a->ways.in * copies);
	if (min < max || a->ways.through > 0)
		a->ways.out = at_most(a->ways.out * copies);
	a->ways.through = at_most(through);
}

static int
open_group(struct regex_parse *p, struct err *err)
{
	end_atom(p);
	if (p->depth >= MAX_DEPTH)
		return err_set(err, ERR_USER,
			       "a regular expression cannot have more than %d '(' in each other",
			       MAX_DEPTH);
	p->groups[++p->depth] = (struct group){ .now = new_branch };
	return 0;
}

static void
close_group(struct regex_parse *p)
{
	end_branch(p);
	struct group *g = &p->groups[p->depth--];
	p->atom = (struct atom){ g->before, g->ways, true, false };
}

/* The operator or letter at s[0]; its length, 0 on error. */
static size_t
take(struct regex_parse *p, struct str s, struct err *err)
{
	size_t len = 1, min, max;
	bool is_open;

	switch (s.ptr[0]) {
	case '\\':
		if (s.len < 2) {
			err_set(err, ERR_USER, "a regular expression cannot end in a backslash");
			return 0;
		}
		len = 2;
		new_atom(p, str_find(STR("<>bB`'"), s.ptr[1]) >= 0);
		break;
	case '[':
		len = bracket_len(s);
		if (len == 0)
			err_set(err, ERR_USER, "'[' without its ']' in a regular expression");
		new_atom(p, false);
		break;
	case '(':
		len = open_group(p, err) == 0;
		break;
	case ')':
		if (p->depth > 0)
			close_group(p);
		else
			new_atom(p, false); /* alone it is a letter to glibc */
		break;
	case '|':
		end_branch(p);
		break;
	case '^':
	case '$':
		new_atom(p, true);
		break;
	case '*':
		repeat(p, 0, 1, true);
		break;
	case '+':
		repeat(p, 1, 2, true);
		break;
	case '?':
		repeat(p, 0, 1, false);
		break;
	case '{':
		len = interval_len(s, &min, &max, &is_open);
		if (len > 0)
			repeat(p, min, max + is_open, is_open);
		else
			new_atom(p, false);
		len = len > 0 ? len : 1;
		break;
	default:
		new_atom(p, false);
	}
	return len;
}

int
regex_check(struct str s, struct err *err)
{
	struct regex_parse p = { .groups = { { .now = new_branch } } };

	if (s.len > MAX_BYTES)
		return err_set(err, ERR_USER, "a regular expression cannot be longer than %d bytes",
			       MAX_BYTES);
	while (s.len > 0) {
		size_t len = take(&p, s, err);
		if (len == 0)
			return -1;
		if (p.copied > MAX_COPIED)
			return err_set(err, ERR_USER,
				       "what a regular expression repeats, written out, cannot be "
				       "more than %d letters",
				       MAX_COPIED);
		s = str_from(s, len);
	}
	if (p.depth > 0)
		return err_set(err, ERR_USER, "'(' without its ')' in a regular expression");
	new_atom(&p, false); /* so that what is before it is counted, too */
	end_branch(&p);
	if (p.has_empty_loop && p.most_ways > MAX_WAYS)
		return err_set(err, ERR_USER,
			       "a regular expression repeats what may be empty, in more "
			       "than %d ways",
			       MAX_WAYS);
	if (p.groups[0].before.anchors > MAX_ANCHORS)
		return err_set(err, ERR_USER,
			       "a regular expression has too many ^, $, \\< or \\> that "
			       "stand alone in parentheses");
	return 0;
}

int
regex_compile(regex_t *out, const char *s, int flags, struct err *err)
{
	char why[120];

	if (regex_check(str_c(s), err) < 0)
		return -1;
	int status = regcomp(out, s, REG_EXTENDED | flags);
	if (status == 0)
		return 0;
	regerror(status, NULL, why, sizeof(why));
	why[0] = (char)ascii_lower(why[0]);
	return err_set(err, ERR_USER, "'%.*s' is not a regular expression: %s",
		       STR_ARG(str_head(str_c(s), 200)), why);
}
