/* Ranges of numbers (~m ~n ~z ~X) and of dates (~d ~r). */
#include "internal.h"

#include <string.h>

#define NO_MIN (INT64_MIN / 2)
#define NO_MAX (INT64_MAX / 2)
#define MAX_NUMBER (INT64_C(1) << 50)
#define DAY_S 86400

static bool
take(struct str *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

static bool
take_number(struct str *s, int64_t *out)
{
	int64_t n = 0;
	size_t len = 0;

	while (len < s->len && ascii_is_digit((unsigned char)s->ptr[len])) {
		n = n * 10 + (s->ptr[len++] - '0');
		if (n > MAX_NUMBER)
			return false;
	}
	if (len == 0)
		return false;
	*s = str_from(*s, len);
	*out = n;
	return true;
}

/* 100, 100K, 4M */
static bool
take_size(struct str *s, int64_t *out)
{
	static const struct {
		char letter;
		int shift;
	} units[] = { { 'k', 10 }, { 'm', 20 }, { 'g', 30 } };

	if (!take_number(s, out))
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (s->len > 0 && ascii_lower((unsigned char)s->ptr[0]) == units[i].letter) {
			if (*out > MAX_NUMBER >> units[i].shift)
				return false;
			*out <<= units[i].shift;
			*s = str_from(*s, 1);
			return true;
		}
	}
	return true;
}

static int
not_a_range(struct str arg, struct err *err)
{
	return err_set(err, ERR_USER,
		       "'%.*s' is no range; expected <N, >N, N, N-M, N- or -M", STR_ARG(arg));
}

int
range_parse(struct str arg, struct pattern_range *out, struct err *err)
{
	struct str s = str_trim(arg);
	int64_t n;

	*out = (struct pattern_range){ NO_MIN, NO_MAX };
	if (take(&s, '<')) {
		if (!take_size(&s, &n) || s.len > 0)
			return not_a_range(arg, err);
		out->max = n - 1;
		return 0;
	}
	if (take(&s, '>')) {
		if (!take_size(&s, &n) || s.len > 0)
			return not_a_range(arg, err);
		out->min = n + 1;
		return 0;
	}
	bool has_first = take_size(&s, &out->min);
	if (!take(&s, '-')) {
		out->max = out->min;
		return has_first && s.len == 0 ? 0 : not_a_range(arg, err);
	}
	bool has_last = take_size(&s, &out->max);
	return (has_first || has_last) && s.len == 0 ? 0 : not_a_range(arg, err);
}

/* ---- dates ---------------------------------------------------------------- */

static int64_t
local_midnight(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month, .tm_mday = day, .tm_isdst = -1 };

	return (int64_t)mktime(&tm);
}

static struct tm
local_time(int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm = { 0 };

	localtime_r(&when, &tm);
	return tm;
}

/* `t` moved by n units of y m w d H M S; months and years by the calendar. */
static bool
move_by(int64_t *t, int64_t n, char unit)
{
	struct tm tm = local_time(*t);

	if (n > 100000 || n < -100000)
		return false;
	switch (unit) {
	case 'y':
		tm.tm_year += (int)n;
		break;
	case 'm':
		tm.tm_mon += (int)n;
		break;
	case 'w':
		tm.tm_mday += (int)n * 7;
		break;
	case 'd':
		tm.tm_mday += (int)n;
		break;
	case 'H':
		*t += n * 3600;
		return true;
	case 'M':
		*t += n * 60;
		return true;
	case 'S':
		*t += n;
		return true;
	default:
		return false;
	}
	tm.tm_isdst = -1;
	*t = (int64_t)mktime(&tm);
	return true;
}

/* <3d: newer than three days; >1w: older; =2d: two days ago. Whole days, unless
 * the unit is smaller. */
static int
relative(struct str s, char how, int64_t now, struct pattern_range *out)
{
	int64_t n, edge = now;
	struct tm today = local_time(now);

	if (!take_number(&s, &n) || s.len != 1)
		return -1;
	char unit = s.ptr[0];
	bool is_days = strchr("ymwd", unit) != NULL;
	if (is_days)
		edge = local_midnight(today.tm_year + 1900, today.tm_mon, today.tm_mday);
	if (!move_by(&edge, -n, unit))
		return -1;
	if (how == '<')
		out->min = edge;
	else if (how == '>')
		out->max = edge - 1;
	else {
		out->min = edge;
		out->max = edge;
		move_by(&out->max, 1, unit);
		out->max--;
	}
	return 0;
}

/* DD[/MM[/[CC]YY]] or YYYYMMDD or YYYY-MM-DD: the day's first second. */
static bool
take_day(struct str *s, int64_t now, int64_t *out)
{
	struct tm today = local_time(now);
	int64_t day, month = today.tm_mon + 1, year = today.tm_year + 1900;
	struct str before = *s;

	if (!take_number(s, &day))
		return false;
	if (before.len - s->len == 8) {
		year = day / 10000;
		month = day / 100 % 100;
		day %= 100;
	} else if (before.len - s->len == 4 && s->len >= 6 && s->ptr[0] == '-' &&
		   s->ptr[3] == '-') {
		year = day;
		if (!take(s, '-') || !take_number(s, &month) || !take(s, '-') ||
		    !take_number(s, &day))
			return false;
	} else if (take(s, '/')) {
		if (!take_number(s, &month))
			return false;
		if (take(s, '/')) {
			if (!take_number(s, &year))
				return false;
			if (year < 100)
				year += year < 70 ? 2000 : 1900;
		}
	}
	if (day < 1 || day > 31 || month < 1 || month > 12 || year < 1900 || year > 9999)
		return false;
	*out = local_midnight((int)year, (int)month - 1, (int)day);
	return true;
}

static int64_t
end_of_day(int64_t midnight)
{
	move_by(&midnight, 1, 'd');
	return midnight - 1;
}

/* Margins behind a date: +1d later, -1d earlier, *1w both. */
static bool
take_margins(struct str *s, struct pattern_range *out)
{
	while (s->len > 0) {
		char how = s->ptr[0];
		int64_t n;
		if (how != '+' && how != '-' && how != '*')
			return false;
		*s = str_from(*s, 1);
		if (!take_number(s, &n) || s->len == 0)
			return false;
		char unit = s->ptr[0];
		*s = str_from(*s, 1);
		if (strchr("ymwd", unit) == NULL)
			return false;
		if ((how == '+' || how == '*') && !move_by(&out->max, n, unit))
			return false;
		if ((how == '-' || how == '*') && !move_by(&out->min, -n, unit))
			return false;
	}
	return true;
}

/* Does a margin (1d) stand here, rather than a date (1/2)? */
static bool
is_margin(struct str s)
{
	int64_t n;

	return take_number(&s, &n) && s.len > 0 && strchr("ymwd", s.ptr[0]) != NULL;
}

static int
absolute(struct str s, int64_t now, struct pattern_range *out)
{
	int64_t day;

	if (take(&s, '-')) {
		if (!take_day(&s, now, &day))
			return -1;
		out->max = end_of_day(day);
		return s.len == 0 ? 0 : -1;
	}
	if (!take_day(&s, now, &day))
		return -1;
	out->min = day;
	out->max = end_of_day(day);
	if (s.len > 0 && s.ptr[0] == '-' && !is_margin(str_from(s, 1))) {
		take(&s, '-');
		out->max = NO_MAX;
		if (s.len == 0)
			return 0;
		if (!take_day(&s, now, &day))
			return -1;
		out->max = end_of_day(day);
		if (out->max < out->min) {
			/* The other way round means the same. */
			int64_t first = day;
			out->max = end_of_day(out->min);
			out->min = first;
		}
	}
	return take_margins(&s, out) ? 0 : -1;
}

int
range_parse_dates(struct str arg, int64_t now, struct pattern_range *out, struct err *err)
{
	struct str s = str_trim(arg);
	int rc = -1;

	*out = (struct pattern_range){ NO_MIN, NO_MAX };
	if (s.len > 0 && strchr("<>=", s.ptr[0]) != NULL)
		rc = relative(str_from(s, 1), s.ptr[0], now, out);
	else if (s.len > 0)
		rc = absolute(s, now, out);
	if (rc < 0)
		return err_set(err, ERR_USER,
			       "'%.*s' is no date; expected DD/MM/YYYY, DATE-DATE, <3d or >2w",
			       STR_ARG(arg));
	return 0;
}
