/* What every view has. */
#include "internal.h"

void
view_apply(struct view *v)
{
	if (v != NULL && v->ops->apply != NULL)
		v->ops->apply(v);
}

bool
view_move(struct view *v, enum view_move how, int n)
{
	return v != NULL && v->ops->move != NULL && v->ops->move(v, how, n);
}

void
view_close(struct view *v)
{
	if (v != NULL)
		v->ops->close(v);
}
