#include "lib/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"

/* Bytes as they can be printed: controls escaped, at most a screenful. */
static void
print_bytes(const char *label, struct str s)
{
	fprintf(stderr, "# %s %zu bytes: \"", label, s.len);
	for (size_t i = 0; i < s.len && i < 2000; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < 0x20 || c == 0x7f || c == '\\' || c == '"')
			fprintf(stderr, "\\x%02x", c);
		else
			fputc(c, stderr);
	}
	fprintf(stderr, "\"\n");
}

void
test_assert_str(struct str got, struct str want, const char *file, int line)
{
	if (str_eq(got, want))
		return;
	print_bytes("got ", got);
	print_bytes("want", want);
	_fail(file, line);
}

void
test_assert_err(const struct err *err, enum err_kind kind, const char *file, int line)
{
	size_t len = strlen(err->text);
	bool is_sentence = len > 0 && err->text[len - 1] != '.' && err->text[len - 1] != '\n' &&
			   !(err->text[0] >= 'A' && err->text[0] <= 'Z' &&
			     err->text[1] >= 'a' && err->text[1] <= 'z');

	if (err->kind == kind && is_sentence)
		return;
	fprintf(stderr, "# error is %s '%s', not %s\n", err_kind_name(err->kind), err->text,
		err_kind_name(kind));
	_fail(file, line);
}

void
test_assert_manual(const char *path, struct str tables)
{
	struct buf page = BUF_INIT, want = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(fs_read(path, 4 << 20, &page, &err), 0);
	buf_addf(&want, "\n.\\\" BEGIN TABLES\n%.*s.\\\" END TABLES\n", STR_ARG(tables));
	if (str_find_str(buf_str(&page), buf_str(&want)) < 0)
		fail_msg("%s is stale: run make man", path);
	buf_release(&page);
	buf_release(&want);
}

static char *made_dir;
static pid_t made_by;

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void
remove_dir(void)
{
	/* A forked child that exits must not take its parent's files away. */
	if (getpid() == made_by)
		nftw(made_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(made_dir);
}

const char *
test_dir(void)
{
	if (made_dir != NULL)
		return made_dir;
	const char *tmp = getenv("TMPDIR");
	made_dir = xasprintf("%s/tern-unit.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(made_dir) == NULL)
		BUG("cannot make a temporary directory");
	made_by = getpid();
	atexit(remove_dir);
	return made_dir;
}

/* xorshift64*: enough for tests, the same everywhere. */
uint32_t
test_random(struct test_random *r, uint32_t below)
{
	if (r->state == 0)
		r->state = 0x9e3779b97f4a7c15ULL;
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}
