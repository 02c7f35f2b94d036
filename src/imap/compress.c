/* COMPRESS=DEFLATE (RFC 4978): lists shrink to a seventh. It takes a round trip in which
 * nothing else may be on the line, so it never comes before what a user waits for: only
 * when the line is quiet, and before many rows are fetched. */
#include "internal.h"

#include "tern/base/log.h"

enum { COMPRESS_TIMEOUT_MS = 30000 };

bool
compress_is_wanted(const struct imap *c)
{
	return can(c, IMAP_CAP_COMPRESS) && !c->has_asked_compress && !net_is_loopback(c->net);
}

static bool
compress_next(struct imap *c, struct op *op)
{
	static const struct send_options o = { SEND_ALONE, COMPRESS_TIMEOUT_MS, 64 * 1024, 100 };
	struct command_text t;

	if (op->step > 0 || !may_send(c, SEND_ALONE))
		return false;
	op->step++;
	command_begin(c, &t);
	command_adds(&t, "COMPRESS DEFLATE");
	return command_send(c, op, &t, &o);
}

static void
compress_tagged(struct imap *c, struct op *op, const struct sent *s, const struct response *r)
{
	struct err err;

	if (r->status != STATUS_OK)
		log_at(LOG_INFO, "imap", "the server does not compress: '%s'",
		       server_words(c, r->text));
	else if (net_compress(c->net, framer_take_rest(&c->framer), &err) < 0)
		connection_failed(c, &err);
	op_end(c, op, NULL, STR_NONE);
}

static const struct op_type compress_type = {
	.name = "compress",
	.size_bytes = sizeof(struct op),
	.next = compress_next,
	.tagged = compress_tagged,
	.is_internal = true,
	.blocks = true,
};

void
compress_ask(struct imap *c)
{
	struct op *op = op_new(c, IMAP_NEW_ID, &compress_type);

	c->has_asked_compress = true;
	if (c->ops.n == 1) /* else it is not its turn */
		compress_next(c, op);
}
