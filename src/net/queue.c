#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "tern/base/mem.h"

enum { PIECE_SIZE = 4000 };

struct piece {
	struct piece *next;
	size_t start, end, size;
	char bytes[];
};

static void
add_piece(struct queue *q, size_t at_least)
{
	size_t size = at_least > PIECE_SIZE ? at_least : PIECE_SIZE;
	struct piece *p = xmalloc(sizeof(*p) + size);

	p->next = NULL;
	p->start = p->end = 0;
	p->size = size;
	if (q->last != NULL)
		q->last->next = p;
	else
		q->first = p;
	q->last = p;
}

void
queue_add(struct queue *q, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (q->last == NULL || q->last->size - q->last->end < len)
		add_piece(q, len);
	memcpy(q->last->bytes + q->last->end, data, len);
	q->last->end += len;
	q->size_bytes += len;
}

/* Any piece may hold a secret: wiping is cheaper than remembering which. */
static void
drop_first(struct queue *q)
{
	struct piece *p = q->first;

	q->first = p->next;
	if (q->first == NULL)
		q->last = NULL;
	wipe(p->bytes, p->end);
	free(p);
}

size_t
queue_take(struct queue *q, void *out, size_t max)
{
	size_t taken = 0;

	while (q->first != NULL && taken < max) {
		struct piece *p = q->first;
		size_t n = p->end - p->start;
		if (n > max - taken)
			n = max - taken;
		memcpy((char *)out + taken, p->bytes + p->start, n);
		p->start += n;
		taken += n;
		if (p->start == p->end)
			drop_first(q);
	}
	q->size_bytes -= taken;
	return taken;
}

void
queue_release(struct queue *q)
{
	while (q->first != NULL)
		drop_first(q);
	q->size_bytes = 0;
}
