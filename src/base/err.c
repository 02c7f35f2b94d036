#include "tern/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
fill(struct err *err, enum err_kind kind, const char *fmt, va_list ap)
{
	err->kind = kind;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int
err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	fill(err, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_errno(struct err *err, int errno_value, const char *fmt, ...)
{
	va_list ap;
	char reason[128];

	if (err == NULL)
		return -1;
	enum err_kind kind = errno_value == ENOSPC || errno_value == EDQUOT ? ERR_NOSPACE :
									      ERR_SYSTEM;
	va_start(ap, fmt);
	fill(err, kind, fmt, ap);
	va_end(ap);
	size_t len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s",
		 strerror_r(errno_value, reason, sizeof(reason)));
	/* "Permission denied" in the middle of a sentence */
	char *first = err->text + len + 2;
	if (len + 3 < sizeof(err->text) && first[1] >= 'a' && *first >= 'A' && *first <= 'Z')
		*first += 32;
	return -1;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	va_list ap;
	char rest[sizeof(err->text)];

	if (err == NULL)
		return -1;
	memcpy(rest, err->text, sizeof(rest));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	size_t len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %.*s",
		 (int)(sizeof(rest) - len - 3 > sizeof(rest) ? 0 : sizeof(rest) - len - 3), rest);
	return -1;
}

const char *
err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
#define ERR_KIND(sym, name, help) [ERR_##sym] = name,
#include "tern/defs/err.def"
#undef ERR_KIND
	};

	return kind < ERR_N_KINDS ? names[kind] : "unknown";
}
