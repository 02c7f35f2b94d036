/* What tests of config share: a reader that writes down all that it tells. */
#ifndef TERN_TESTS_UNIT_CONFIG_H
#define TERN_TESTS_UNIT_CONFIG_H

#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/tick.h"
#include "tern/config.h"

/* Time of this program alone: others on the machine do not count. Sanitizers take
 * ten times as long. */
static inline long
cpu_us(void)
{
	return (long)((double)clock() * 1e6 / CLOCKS_PER_SEC);
}

static inline long
allowed_us(long us)
{
	const char *san = getenv("TERN_SAN");

	return san != NULL && *san != '\0' ? us * 15 : us;
}

struct rc {
	struct config_reader *r;
	struct buf errors, notes, shown, pushed; /* one line each */
	int64_t now_ms;				 /* 0: the clock's */
	struct config_params params;
};

static inline bool
rc_is_function(const char *map, struct str name, void *ctx)
{
	static const char *const some[] = { "first-entry", "last-entry", "next-entry", "exit",
					    "collapse-all", "delete-message", "limit", NULL };

	for (size_t i = 0; some[i] != NULL; i++)
		if (str_eqc(name, some[i]))
			return true;
	return false;
}

static inline int
rc_check_pattern(struct str s, struct err *err, void *ctx)
{
	if (str_find(s, '(') >= 0 && str_find(s, ')') < 0)
		return err_set(err, ERR_USER, "a '(' is not closed");
	return 0;
}

static inline void
rc_error(const struct config_error *e, void *ctx)
{
	struct rc *rc = ctx;

	config_error_add(&rc->errors, e);
	buf_adds(&rc->errors, e->is_warning ? " (warning)\n" : "\n");
}

static inline void
rc_note(const char *text, void *ctx)
{
	buf_addf(&((struct rc *)ctx)->notes, "%s\n", text);
}

static inline void
rc_show(const char *text, void *ctx)
{
	buf_addf(&((struct rc *)ctx)->shown, "%s\n", text);
}

static inline void
rc_push(struct str keys, void *ctx)
{
	buf_addstr(&((struct rc *)ctx)->pushed, keys);
	buf_addc(&((struct rc *)ctx)->pushed, '\n');
}

static inline int64_t
rc_now(void *ctx)
{
	const struct rc *rc = ctx;

	return rc->now_ms > 0 ? rc->now_ms : tick_ms();
}

static inline struct rc *
rc_new(void)
{
	struct rc *rc = calloc(1, sizeof(*rc));

	rc->errors = rc->notes = rc->shown = rc->pushed = (struct buf)BUF_INIT;
	rc->params = (struct config_params){
		.is_function = rc_is_function, .check_pattern = rc_check_pattern,
		.error = rc_error, .note = rc_note, .show = rc_show, .push = rc_push,
		.now_ms = rc_now, .home = "/home/me", .ctx = rc,
	};
	rc->r = config_reader_new(&rc->params);
	return rc;
}

/* Read text as the file "rc", to the end. */
static inline const struct config *
rc_read_n(struct rc *rc, struct str text)
{
	config_read_text(rc->r, "rc", text);
	assert_true(config_run(rc->r, 20000));
	return config_now(rc->r);
}

static inline const struct config *
rc_read(struct rc *rc, const char *text)
{
	return rc_read_n(rc, str_c(text));
}

static inline void
rc_free(struct rc *rc)
{
	config_reader_free(rc->r);
	buf_release(&rc->errors);
	buf_release(&rc->notes);
	buf_release(&rc->shown);
	buf_release(&rc->pushed);
	free(rc);
}

/* Read `text` alone; then variable `name` shows as `want`, with those errors. */
static inline void
rc_expect(const char *text, const char *name, const char *want, const char *errors)
{
	struct rc *rc = rc_new();
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	const struct config *c = rc_read(rc, text);

	if (name != NULL) {
		if (config_show(c, str_c(name), &b, &err) < 0)
			fail_msg("%s: %s (after: %s)", name, err.text, text);
		if (strcmp(b.ptr, want) != 0)
			fail_msg("after: %s\n got: %s\nwant: %s\n%s", text, b.ptr, want,
				 rc->errors.ptr);
	}
	if (strcmp(rc->errors.ptr, errors) != 0)
		fail_msg("after: %s\n got: %s\nwant: %s", text, rc->errors.ptr, errors);
	buf_release(&b);
	rc_free(rc);
}

static inline const char *
rc_file(const char *name, const char *text)
{
	/* few and small: they live as long as the test program */
	static char *kept[256];
	static size_t n;
	char **path = &kept[n++ % 256];

	free(*path);
	if (asprintf(path, "%s/%s", test_dir(), name) < 0)
		abort();
	FILE *f = fopen(*path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return *path;
}

#endif
