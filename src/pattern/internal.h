/* What the files of pattern share: the tree, and the operators it is made of. */
#ifndef PATTERN_INTERNAL_H
#define PATTERN_INTERNAL_H

#include <regex.h>
#include "tern/base/vec.h"
#include "tern/pattern.h"

enum pattern_arg { ARG_NONE, ARG_TEXT, ARG_RANGE, ARG_DATE, ARG_PATTERN };

enum pattern_kind { KIND_OP, KIND_AND, KIND_OR, KIND_THREAD, KIND_PARENT, KIND_CHILDREN };

/* A text to be found: plain text is sought folded, the rest by regex. */
struct pattern_text {
	char *arg;
	bool is_plain;
	bool is_sensitive; /* it has a capital letter */
	char *folded;
	regex_t regex;
	bool has_regex;
};

/* Numbers, or seconds since 1970: both ends included. */
struct pattern_range {
	int64_t min, max;
};

struct node;
struct operator {
	char letter;
	enum pattern_arg arg;
	unsigned needs;	 /* enum pattern_needs */
	bool is_cheap;
	enum pattern_answer (*match)(const struct node *n, const struct pattern_subject *s);
	const char *syntax;
	const char *help;
};

struct node {
	enum pattern_kind kind;
	bool is_negated;
	bool is_string;	 /* =f: text, not a regex */
	bool is_all;	 /* ^~f: each address, not any */
	const struct operator *op;
	const struct pattern_context *context;
	struct pattern_text text;
	struct pattern_range range;
	char *argument; /* as written, for printing */
	VEC(struct node *) children;
};

struct pattern {
	struct node *root;
	struct pattern_context context;
};

const struct operator *operator_find(char letter);
extern const struct operator pattern_operators[];
extern const size_t pattern_n_operators;

/* text.c */
int text_compile(struct pattern_text *t, struct str arg, bool is_string, struct err *err);
void text_release(struct pattern_text *t);
bool text_matches(const struct pattern_text *t, struct str s);

/* range.c: -1 and a sentence if it is none */
int range_parse(struct str arg, struct pattern_range *out, struct err *err);
int range_parse_dates(struct str arg, int64_t now, struct pattern_range *out, struct err *err);

/* match.c */
enum pattern_answer node_match(const struct node *n, const struct pattern_subject *s);

#endif
