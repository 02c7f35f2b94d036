/* Which part of the screen is for what. */
#include "tern/ui.h"

static struct ui_area
take_top(struct ui_area *rest, int rows)
{
	struct ui_area top = ui_area_sub(*rest, 0, 0, rows, rest->cols);

	*rest = ui_area_sub(*rest, top.rows, 0, rest->rows - top.rows, rest->cols);
	return top;
}

static struct ui_area
take_bottom(struct ui_area *rest, int rows)
{
	if (rows > rest->rows)
		rows = rest->rows;
	struct ui_area bottom = ui_area_sub(*rest, rest->rows - rows, 0, rows, rest->cols);
	*rest = ui_area_sub(*rest, 0, 0, rest->rows - rows, rest->cols);
	return bottom;
}

static struct ui_area
take_status(struct ui_area *rest, const struct ui_layout_options *o)
{
	return o->status_on_top ? take_top(rest, 1) : take_bottom(rest, 1);
}

struct ui_layout
ui_layout(struct ui_screen *s, const struct ui_layout_options *o)
{
	struct ui_layout l = { 0 };
	struct ui_area rest = ui_area_all(s);

	l.second = l.second_status = l.sidebar = ui_area_sub(rest, 0, 0, 0, 0);
	l.message = take_bottom(&rest, o->message_rows > 0 ? o->message_rows : 1);
	l.help = ui_area_sub(rest, 0, 0, 0, 0);
	if (o->has_help)
		l.help = o->status_on_top ? take_bottom(&rest, 1) : take_top(&rest, 1);
	l.body = rest;
	/* The sidebar leaves the views at least as much as the smallest screen has. */
	if (o->sidebar_cols > 0 && rest.cols - o->sidebar_cols >= 40) {
		int cols = rest.cols - o->sidebar_cols;
		l.sidebar = ui_area_sub(rest, 0, o->sidebar_on_right ? cols : 0, rest.rows,
					o->sidebar_cols);
		rest = ui_area_sub(rest, 0, o->sidebar_on_right ? 0 : o->sidebar_cols, rest.rows,
				   cols);
	}
	if (!o->has_second) {
		l.first_status = take_status(&rest, o);
		l.first = rest;
		return l;
	}
	/* The index above a pager may have a third of the rows, at most what it asks for. */
	int index_rows = o->index_rows;
	if (index_rows > rest.rows / 3)
		index_rows = rest.rows / 3;
	l.first = l.first_status = ui_area_sub(rest, 0, 0, 0, 0);
	if (index_rows > 1) {
		struct ui_area upper = take_top(&rest, index_rows);
		l.first_status = take_status(&upper, o);
		l.first = upper;
	}
	l.second_status = take_status(&rest, o);
	l.second = rest;
	return l;
}
