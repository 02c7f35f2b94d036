/* Small allocations do not fail: these abort when memory is gone.
 * A size that came from outside must have been bounded by the caller before. */
#ifndef TERN_BASE_MEM_H
#define TERN_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* What cannot happen. Bytes from outside never reach it. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void bug_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);		    /* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
void *xmemdup(const void *p, size_t size);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap);

/* Overwrite a secret so that the compiler cannot leave it out. */
void wipe(void *p, size_t size);
/* Wipe and free a string; NULL is fine. */
void free_secret(char *s);

#endif
