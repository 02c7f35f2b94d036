/* What every cmocka test includes first: its header wants these before it. */
#ifndef TERN_TESTS_LIB_TEST_H
#define TERN_TESTS_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"
#include "tern/base/str.h"

/* A slice, or a buffer, is exactly these bytes. */
#define assert_str(s, want) test_assert_str((s), str_c(want), __FILE__, __LINE__)
#define assert_str_is(s, want) test_assert_str((s), (want), __FILE__, __LINE__)
void test_assert_str(struct str got, struct str want, const char *file, int line);

/* It failed in this way, with a finished sentence: no capital, no full stop. */
#define assert_err(err, kind) test_assert_err(&(err), (kind), __FILE__, __LINE__)
void test_assert_err(const struct err *err, enum err_kind kind, const char *file, int line);

/* The manual page has these tables, in lines of their own between its marks. */
void test_assert_manual(const char *path, struct str tables);

/* A private directory, removed with all in it at exit. Not to be freed. */
const char *test_dir(void);

/* Times, where a sanitizer looks at every access: the factor for a limit. */
#ifdef __SANITIZE_ADDRESS__
#define TEST_SLOW 10
#else
#define TEST_SLOW 1
#endif

/* Reproducible chance: the seed is printed when a test fails by it. */
struct test_random {
	uint64_t state;
};
uint32_t test_random(struct test_random *r, uint32_t below);

#endif
