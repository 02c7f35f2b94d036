#include "lib/storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tern/base/mem.h"

static unsigned n_dirs;

static void
must(struct fix *f, int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "# %s: %s\n", what, f->err.text);
	fail();
}

void
fix_open(struct fix *f)
{
	bool rebuilt;

	f->w = store_writer_open(&f->paths, -1, &rebuilt, &f->err);
	must(f, f->w == NULL, "open");
	f->s = store_writer_reader(f->w);
}

void
fix_close(struct fix *f)
{
	store_writer_close(f->w);
	f->w = NULL;
	f->s = NULL;
}

int
fix_setup(void **state)
{
	struct fix *f = xcalloc(1, sizeof(*f));

	f->cache_dir = xasprintf("%s/cache%u", test_dir(), n_dirs);
	f->state_dir = xasprintf("%s/state%u", test_dir(), n_dirs++);
	f->paths = (struct store_paths){ f->cache_dir, f->state_dir };
	fix_open(f);
	*state = f;
	return 0;
}

int
fix_teardown(void **state)
{
	struct fix *f = *state;
	struct err err = ERR_INIT;

	fix_close(f);
	int rc = store_check(&f->paths, &err);
	if (rc != 0)
		fprintf(stderr, "# %s\n", err.text);
	free(f->cache_dir);
	free(f->state_dir);
	free(f);
	return rc;
}

uint32_t
fix_mailbox(struct fix *f, const char *name)
{
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	uint32_t id = 0;

	must(f, t == NULL, "begin");
	must(f, store_put_mailbox_name(t, STR("acc"), str_c(name), &id, &f->err), "name");
	struct mailbox m = { .id = id, .uidvalidity = 9, .uidnext = 1 };
	must(f, store_put_mailbox(t, &m, &f->err), "mailbox");
	must(f, store_txn_commit(t, &f->err), "commit");
	return id;
}

struct row
fix_row(uint32_t uid, int64_t date, uint32_t flags)
{
	static char ids[64][32];
	static unsigned n;
	char *id = ids[n++ % 64];

	snprintf(id, sizeof(ids[0]), "<%u@example.org>", uid);
	return (struct row){ .uid = uid,
			     .date = date,
			     .internaldate = date,
			     .flags = flags,
			     .size_bytes = 100 + uid,
			     .subject = STR("a subject"),
			     .from_name = STR("Somebody"),
			     .keywords = STR("$Label1 work"),
			     .message_id = str_c(id) };
}

uint64_t
fix_put(struct fix *f, uint32_t mailbox, struct row row)
{
	struct store_txn *t = store_txn_begin(f->w, &f->err);
	uint64_t local = 0;

	must(f, t == NULL, "begin");
	must(f, store_put_row(t, mailbox, &row, &local, &f->err), "put row");
	must(f, store_txn_commit(t, &f->err), "commit");
	return local;
}

void
fix_accept(struct fix *f, struct intent i)
{
	uint8_t post_id[16] = { 1, ++f->last_post };

	must(f, journal_accept(f->w, post_id, &i, 1, false, 1000, &f->err), "accept");
}

char *
fix_undo(struct fix *f)
{
	uint8_t post_id[16] = { 2, ++f->last_post };
	char *text = NULL;

	must(f, journal_undo(f->w, post_id, 2000, &text, &f->err), "undo");
	return text;
}

static const struct {
	uint32_t flag;
	char letter;
} letters[] = { { ROW_SEEN, 'S' },    { ROW_FLAGGED, 'F' },   { ROW_ANSWERED, 'A' },
		{ ROW_DELETED, 'D' }, { ROW_TO_DELETE, 'd' }, { ROW_PENDING, 'p' },
		{ ROW_REFUSED, 'r' } };

char *
fix_shown(struct fix *f, uint32_t mailbox)
{
	struct store_view *v = store_begin(f->s, &f->err);
	struct buf out = BUF_INIT;
	struct row row;

	must(f, v == NULL, "snapshot");
	struct store_rows *r = store_rows_begin(v, mailbox, &f->err);
	must(f, r == NULL, "rows");
	for (uint32_t n = 0; store_rows_at(r, n, &row, &f->err) == 0; n++) {
		buf_addf(&out, "%s%u:", n > 0 ? " " : "", row.uid);
		for (size_t i = 0; i < ARRAY_LEN(letters); i++)
			if ((row.flags & letters[i].flag) != 0)
				buf_addc(&out, letters[i].letter);
	}
	store_rows_end(r);
	store_end(v);
	return buf_take(&out);
}

static bool
print_record(const struct intent *i, void *ctx)
{
	struct buf *out = ctx;

	buf_addf(out, "%s%c%c", out->len > 0 ? " " : "", " FKMCDU"[i->kind],
		 " HPSCRXd"[i->state]);
	return true;
}

static bool
count_record(const struct intent *i, void *ctx)
{
	*(uint32_t *)ctx += str_eqc(i->account, "acc");
	return true;
}

/* What is counted as it is put is what is there. */
static void
check_count(struct fix *f, struct store_view *v)
{
	uint32_t n = 0;

	must(f, store_each_intent(v, (1u << INTENT_PLANNED) | (1u << INTENT_SENT), count_record, &n,
				  &f->err), "records");
	assert_int_equal(journal_n_waiting(f->w, STR("acc")), n);
}

char *
fix_journal(struct fix *f)
{
	struct store_view *v = store_begin(f->s, &f->err);
	struct buf out = BUF_INIT;

	must(f, v == NULL, "snapshot");
	must(f, store_each_intent(v, UINT32_MAX, print_record, &out, &f->err), "records");
	check_count(f, v);
	store_end(v);
	return buf_take(&out);
}

void
fix_shows(struct fix *f, uint32_t mailbox, const char *want)
{
	char *got = fix_shown(f, mailbox);

	assert_string_equal(got, want);
	free(got);
}

void
fix_journal_is(struct fix *f, const char *want)
{
	char *got = fix_journal(f);

	assert_string_equal(got, want);
	free(got);
}

struct intent
fix_record(struct fix *f, uint64_t seq, struct arena *a)
{
	struct store_view *v = store_begin(f->s, &f->err);
	struct intent i;

	must(f, v == NULL, "snapshot");
	must(f, store_intent(v, seq, &i, &f->err), "record");
	struct str *texts[] = { &i.account, &i.mailbox, &i.mailbox_id, &i.message_id, &i.keyword,
				&i.target_account, &i.target, &i.before_account, &i.before,
				&i.reason };
	for (size_t n = 0; n < ARRAY_LEN(texts); n++)
		*texts[n] = arena_str(a, *texts[n]);
	store_end(v);
	return i;
}
