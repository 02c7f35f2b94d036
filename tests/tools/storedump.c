/* What an interface would show, as JSON: mailboxes with their rows, cache and
 * journal laid over each other, and the records of the journal. For tests. */
#include <stdio.h>
#include "tern/store.h"

static void
put_string(struct str s)
{
	putchar('"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

struct ctx {
	struct store_view *view;
	int n;
	int status;
	struct err err;
};

static int
put_rows(struct ctx *c, uint32_t mailbox)
{
	struct row row;
	struct store_rows *rows = store_rows_begin(c->view, mailbox, &c->err);

	if (rows == NULL)
		return -1;
	uint32_t n = store_rows_count(rows);
	printf("\"rows\":[");
	for (uint32_t i = 0; i < n; i++) {
		int found = i == 0 ? store_rows_at(rows, 0, &row, &c->err) :
				     store_rows_next(rows, &row, &c->err);
		if (found != 0)
			break;
		printf("%s{\"uid\":%u,\"local\":%llu,\"flags\":%u,\"size\":%u,\"date\":%lld,\"subject\":",
		       i ? "," : "", row.uid, (unsigned long long)row.local, row.flags,
		       row.size_bytes, (long long)row.date);
		put_string(row.subject);
		printf(",\"message_id\":");
		put_string(row.message_id);
		printf(",\"keywords\":");
		put_string(row.keywords);
		printf("}");
	}
	printf("]");
	store_rows_end(rows);
	return 0;
}

static bool
put_mailbox(const struct mailbox *m, void *ctx)
{
	struct ctx *c = ctx;
	struct mailbox_counts counts = { 0 };

	c->status |= store_mailbox_counts(c->view, m, &counts, &c->err);
	printf("%s{\"id\":%u,\"account\":", c->n++ ? ",\n" : "", m->id);
	put_string(m->account);
	printf(",\"name\":");
	put_string(m->name);
	printf(",\"uidvalidity\":%u,\"uidnext\":%u,\"modseq\":%llu,\"exists\":%u,\"n_rows\":%u,"
	       "\"attrs\":%u,\"messages\":%u,\"unseen\":%u,\"flagged\":%u,\"to_delete\":%u,\"covered\":",
	       m->uidvalidity, m->uidnext, (unsigned long long)m->modseq, m->exists, m->n_rows,
	       m->attrs, counts.messages, counts.unseen, counts.flagged, counts.to_delete);
	put_string(m->covered);
	printf(",");
	c->status |= put_rows(c, m->id);
	printf("}");
	return true;
}

static bool
put_intent(const struct intent *i, void *ctx)
{
	struct ctx *c = ctx;

	printf("%s{\"seq\":%llu,\"kind\":%u,\"state\":%u,\"stage\":%u,\"local\":%llu,\"uid\":%u,"
	       "\"set\":%u,\"clear\":%u,\"target_uid\":%u,\"mailbox\":",
	       c->n++ ? ",\n" : "", (unsigned long long)i->seq, i->kind, i->state, i->stage,
	       (unsigned long long)i->local, i->uid, i->set_flags, i->clear_flags, i->target_uid);
	put_string(i->mailbox);
	printf(",\"target\":");
	put_string(i->target);
	printf(",\"reason\":");
	put_string(i->reason);
	printf("}");
	return true;
}

int
main(void)
{
	struct ctx c = { .err = ERR_INIT };
	struct store_paths paths = { NULL, NULL };
	struct store *s = store_open(&paths, &c.err);

	if (s == NULL || (c.view = store_begin(s, &c.err)) == NULL) {
		fprintf(stderr, "%s\n", c.err.text);
		return 1;
	}
	printf("{\"mailboxes\":[");
	c.status |= store_each_mailbox(c.view, STR_NONE, put_mailbox, &c, &c.err);
	c.n = 0;
	printf("],\n\"intents\":[");
	c.status |= store_each_intent(c.view, ~0u, put_intent, &c, &c.err);
	printf("]}\n");
	store_end(c.view);
	store_close(s);
	if (c.status < 0)
		fprintf(stderr, "%s\n", c.err.text);
	return c.status < 0;
}
