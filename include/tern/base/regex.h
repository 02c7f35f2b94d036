/* Regular expressions of the user: compiled here and nowhere else. regcomp() of the C
 * library knows no limits: a few dozen letters can keep it busy for hours, and some
 * thousand end the program for want of stack. */
#ifndef TERN_BASE_REGEX_H
#define TERN_BASE_REGEX_H

#include <regex.h>

#include "tern/base/err.h"
#include "tern/base/str.h"

/* Well-formed, as far as people get it wrong, and within the limits; much cheaper than
 * regcomp(). USER on error. */
int regex_check(struct str s, struct err *err);
/* regcomp() of an extended regex that passes regex_check(), with its flags. */
int regex_compile(regex_t *out, const char *s, int flags, struct err *err);

#endif
