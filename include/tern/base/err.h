/* Errors: a kind that says what the caller can do, and a finished sentence.
 * A function that can fail returns 0, or -1 with *err filled; on success *err
 * is untouched. Sentences are lower case without a full stop, the subject in
 * quotes: cannot open 'Archive': permission denied. */
#ifndef TERN_BASE_ERR_H
#define TERN_BASE_ERR_H

enum err_kind {
	ERR_NONE = 0,
#define ERR_KIND(sym, name, help) ERR_##sym,
#include "tern/defs/err.def"
#undef ERR_KIND
	ERR_N_KINDS
};

struct err {
	enum err_kind kind;
	char text[400];
};

#define ERR_INIT { ERR_NONE, "" }

/* Fill *err (NULL is fine); always returns -1, so: return err_set(...); */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As err_set, with ": " and strerror(errno_value) behind; ENOSPC and EDQUOT become NOSPACE. */
int err_errno(struct err *err, int errno_value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Put "context: " in front of the text; returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *err_kind_name(enum err_kind kind);

#endif
