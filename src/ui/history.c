/* What was typed at prompts before, by class; newest first. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"

#define MAX_FILE (1 << 20)

struct entry {
	char *class;
	char *text;
};

struct history {
	VEC(struct entry) entries; /* oldest first */
	size_t max_entries;	   /* per class */
};

struct history *
history_new(void)
{
	struct history *h = xcalloc(1, sizeof(*h));

	h->max_entries = 100;
	return h;
}

static void
remove_entry(struct history *h, size_t i)
{
	free(h->entries.v[i].class);
	free(h->entries.v[i].text);
	vec_remove(&h->entries, i);
}

void
history_free(struct history *h)
{
	if (h == NULL)
		return;
	while (h->entries.n > 0)
		remove_entry(h, h->entries.n - 1);
	vec_release(&h->entries);
	free(h);
}

void
history_set_max(struct history *h, size_t max_entries)
{
	h->max_entries = max_entries;
}

size_t
history_count(const struct history *h, const char *class)
{
	size_t n = 0;

	for (size_t i = 0; i < h->entries.n; i++)
		n += strcmp(h->entries.v[i].class, class) == 0;
	return n;
}

void
history_add(struct history *h, const char *class, struct str text)
{
	if (text.len == 0 || h->max_entries == 0)
		return;
	/* A line typed again moves to the front. */
	for (size_t i = 0; i < h->entries.n; i++) {
		if (strcmp(h->entries.v[i].class, class) == 0 &&
		    str_eqc(text, h->entries.v[i].text)) {
			remove_entry(h, i);
			break;
		}
	}
	struct entry e = { xstrdup(class), str_dup(text) };
	vec_push(&h->entries, e);
	if (history_count(h, class) <= h->max_entries)
		return;
	size_t oldest = 0;
	while (strcmp(h->entries.v[oldest].class, class) != 0)
		oldest++;
	remove_entry(h, oldest);
}

const char *
history_get(const struct history *h, const char *class, size_t i)
{
	for (size_t at = h->entries.n; at > 0; at--) {
		const struct entry *e = &h->entries.v[at - 1];
		if (strcmp(e->class, class) == 0 && i-- == 0)
			return e->text;
	}
	return NULL;
}

/* The file has one line per entry: the class, a colon, the text. */
int
history_load(struct history *h, const char *path, struct err *err)
{
	struct buf data = BUF_INIT;

	if (fs_read(path, MAX_FILE, &data, err) < 0) {
		buf_release(&data);
		return -1;
	}
	struct str rest = buf_str(&data), line;
	while (str_next(&rest, '\n', &line)) {
		long colon = str_find(line, ':');
		if (colon <= 0 || colon > 32)
			continue;
		char *class = str_dup(str_head(line, (size_t)colon));
		history_add(h, class, str_from(line, (size_t)colon + 1));
		free(class);
	}
	buf_release(&data);
	return 0;
}

int
history_save(const struct history *h, const char *path, size_t max_entries, struct err *err)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < h->entries.n; i++) {
		const struct entry *e = &h->entries.v[i];
		size_t newer = 0;
		for (size_t j = i + 1; j < h->entries.n; j++)
			newer += strcmp(h->entries.v[j].class, e->class) == 0;
		if (newer < max_entries && strchr(e->text, '\n') == NULL)
			buf_addf(&out, "%s:%s\n", e->class, e->text);
	}
	int rc = fs_write_atomic(path, buf_str(&out), 0600, err);
	buf_release(&out);
	return rc;
}
