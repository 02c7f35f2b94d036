/* Dates: RFC 5322, its obsolete forms, asctime(), ISO 8601, and what clients
 * with a broken clock format send. Words are taken by what they look like,
 * not by where they stand. */
#include <string.h>
#include "internal.h"

struct date_parts {
	int day, month, year;	     /* -1: not seen */
	int hour, minute, second;    /* hour -1: not seen */
	int zone_minutes;
	bool has_zone, is_pm, is_am;
};

static const struct {
	const char *name;
	int minutes;
} zones[] = {
	{ "ut", 0 },	 { "utc", 0 },	   { "gmt", 0 },     { "z", 0 },      { "wet", 0 },
	{ "est", -300 }, { "edt", -240 },  { "cst", -360 },  { "cdt", -300 }, { "mst", -420 },
	{ "mdt", -360 }, { "pst", -480 },  { "pdt", -420 },  { "akst", -540 }, { "akdt", -480 },
	{ "hst", -600 }, { "bst", 60 },	   { "west", 60 },   { "cet", 60 },   { "met", 60 },
	{ "cest", 120 }, { "mest", 120 },  { "eet", 120 },  { "eest", 180 },
	{ "msk", 180 },	 { "msd", 240 },   { "jst", 540 },   { "kst", 540 },  { "hkt", 480 },
	{ "sgt", 480 },	 { "aest", 600 },  { "aedt", 660 },  { "nzst", 720 }, { "nzdt", 780 },
};

static int
month_of(struct str s)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (s.len < 3)
		return -1;
	for (int m = 0; m < 12; m++)
		if (ascii_lower(s.ptr[0]) == months[3 * m] &&
		    ascii_lower(s.ptr[1]) == months[3 * m + 1] &&
		    ascii_lower(s.ptr[2]) == months[3 * m + 2])
			return m + 1;
	return -1;
}

/* A run of at most nine digits; -1 if s is anything else. */
static int
number_of(struct str s)
{
	uint32_t v;

	return s.len <= 9 && str_u32(s, &v) ? (int)v : -1;
}

static bool
take_zone_digits(struct date_parts *p, struct str s)
{
	bool is_west = s.ptr[0] == '-';
	struct str digits = str_from(s, 1);
	long colon = str_find(digits, ':');
	int hours, minutes = 0;

	if (colon > 0) {
		hours = number_of(str_head(digits, (size_t)colon));
		minutes = number_of(str_from(digits, (size_t)colon + 1));
	} else if (digits.len <= 2) {
		hours = number_of(digits);
	} else {
		hours = number_of(str_head(digits, digits.len - 2));
		minutes = number_of(str_from(digits, digits.len - 2));
	}
	if (hours < 0 || minutes < 0)
		return false;
	/* +9900 and the like: the time is right, the zone is nobody's */
	if (hours > 15 || minutes > 59)
		hours = minutes = 0;
	p->zone_minutes = (hours * 60 + minutes) * (is_west ? -1 : 1);
	p->has_zone = true;
	return true;
}

static bool
take_zone_name(struct date_parts *p, struct str s)
{
	size_t n = 0;

	while (n < s.len && ascii_is_alpha(s.ptr[n]))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (!str_ieqc(str_head(s, n), zones[i].name))
			continue;
		/* "GMT+0100"; and "+0100 CET" said it before */
		if (!p->has_zone)
			p->zone_minutes = zones[i].minutes;
		p->has_zone = true;
		if (s.len > n + 1 && (s.ptr[n] == '+' || s.ptr[n] == '-'))
			take_zone_digits(p, str_from(s, n));
		return true;
	}
	return false;
}

/* hh:mm, hh:mm:ss, hh.mm.ss, with a fraction or a zone behind. */
static bool
take_time(struct date_parts *p, struct str s)
{
	int v[3] = { 0, 0, 0 }, n = 0;
	size_t i = 0;

	if (p->hour >= 0)
		return false;
	while (n < 3) {
		size_t from = i;
		while (i < s.len && i - from < 2 && ascii_is_digit(s.ptr[i]))
			i++;
		if (i == from)
			return false;
		v[n++] = number_of(str_n(s.ptr + from, i - from));
		if (i < s.len && (s.ptr[i] == ':' || (s.ptr[i] == '.' && s.len > i + 1)) && n < 3)
			i++;
		else
			break;
	}
	if (n < 2 || v[0] > 24 || v[1] > 59 || v[2] > 60)
		return false;
	if (i < s.len && (s.ptr[i] == '.' || s.ptr[i] == ','))
		for (i++; i < s.len && ascii_is_digit(s.ptr[i]); i++)
			;
	struct str rest = str_from(s, i);
	if (rest.len > 0 && (rest.ptr[0] == '+' || rest.ptr[0] == '-'))
		take_zone_digits(p, rest);
	else if (str_ieqc(rest, "pm"))
		p->is_pm = true;
	else if (str_ieqc(rest, "am"))
		p->is_am = true;
	else if (rest.len > 0 && !take_zone_name(p, rest))
		return false;
	p->hour = v[0];
	p->minute = v[1];
	p->second = v[2];
	return true;
}

static int
full_year(int year, size_t n_digits)
{
	/* RFC 5322, 4.3 */
	if (n_digits <= 2)
		return year < 50 ? 2000 + year : 1900 + year;
	return n_digits == 3 ? 1900 + year : year;
}

static void
take_number(struct date_parts *p, struct str s)
{
	int v = number_of(s);

	if (v < 0)
		return;
	if (p->day < 0 && s.len <= 2 && v >= 1 && v <= 31)
		p->day = v;
	else if (p->year < 0 && (s.len == 4 || p->day >= 0))
		p->year = full_year(v, s.len);
}

/* 20-Nov-2026, 2026-11-20, 2026/11/20, with T and a time behind. */
static bool
take_dashed(struct date_parts *p, struct str s)
{
	struct str part[3], rest = STR_NONE;
	char sep = str_find(s, '/') >= 0 ? '/' : '-';
	int n = 0;

	for (size_t i = 4; i + 1 < s.len; i++) {
		if ((s.ptr[i] == 'T' || s.ptr[i] == 't') && ascii_is_digit(s.ptr[i + 1]) &&
		    ascii_is_digit(s.ptr[i - 1])) {
			rest = str_from(s, i + 1);
			s = str_head(s, i);
			break;
		}
	}
	while (n < 3 && str_next(&s, sep, &part[n]))
		n++;
	if (n < 3 || s.ptr != NULL)
		return false;
	int month = month_of(part[1]);
	bool is_iso = part[0].len == 4;
	if (month < 0 && is_iso)
		month = number_of(part[1]);
	if (month < 1 || month > 12 || number_of(part[0]) < 0 || number_of(part[2]) < 0)
		return false;
	p->month = month;
	p->day = number_of(part[is_iso ? 2 : 0]);
	p->year = is_iso ? number_of(part[0]) : full_year(number_of(part[2]), part[2].len);
	if (rest.len > 0)
		take_time(p, rest);
	return true;
}

static void
take_word(struct date_parts *p, struct str s)
{
	if (s.len == 0)
		return;
	char c = s.ptr[0];
	if ((c == '+' || c == '-') && s.len > 1 && p->hour >= 0 && !p->has_zone) {
		take_zone_digits(p, s);
		return;
	}
	if (ascii_is_digit(c)) {
		if (!take_time(p, s) && !take_dashed(p, s))
			take_number(p, s);
		return;
	}
	if (str_ieqc(s, "pm"))
		p->is_pm = true;
	else if (str_ieqc(s, "am"))
		p->is_am = true;
	else if (p->hour >= 0 && take_zone_name(p, s))
		return;
	else if (p->month < 0)
		p->month = month_of(s);
}

/* The next word; blanks, commas and comments separate. */
static bool
next_word(struct str *s, struct str *word_out)
{
	int depth = 0;
	size_t i = 0;

	if (s->len == 0)
		return false;
	while (i < s->len && (depth > 0 || ascii_is_space((unsigned char)s->ptr[i]) ||
			      strchr(",()", s->ptr[i]) != NULL)) {
		depth += s->ptr[i] == '(';
		depth -= s->ptr[i] == ')' && depth > 0;
		i++;
	}
	size_t from = i;
	while (i < s->len && !ascii_is_space((unsigned char)s->ptr[i]) &&
	       strchr(",(", s->ptr[i]) == NULL)
		i++;
	*word_out = str_n(s->ptr + from, i - from);
	*s = str_from(*s, i);
	return i > from;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_from(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

/* ---- the form of RFC 5322 ------------------------------------------------------------------ */

/* n digits at *p, which goes behind them. */
static bool
take_digits(const char **p, const char *end, int n, int *out)
{
	int v = 0;

	if (end - *p < n)
		return false;
	for (int i = 0; i < n; i++, (*p)++) {
		if (!ascii_is_digit(**p))
			return false;
		v = v * 10 + (**p - '0');
	}
	*out = v;
	return true;
}

static bool
take_byte(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* "Fri, 20 Nov 2026 16:42:24 +0000", which nearly all are; the name of the day is
 * optional, a comment may follow. Any doubt is left to the reading by words. */
static bool
parse_exact(struct str s, struct date_parts *d)
{
	const char *p = s.ptr, *end = s.ptr + s.len;
	int hours, minutes;

	if (s.len > 5 && ascii_is_alpha(p[0]) && ascii_is_alpha(p[1]) && ascii_is_alpha(p[2]) &&
	    p[3] == ',' && p[4] == ' ')
		p += 5;
	if (!take_digits(&p, end, end - p > 1 && ascii_is_digit(p[1]) ? 2 : 1, &d->day) ||
	    !take_byte(&p, end, ' ') || end - p < 4)
		return false;
	d->month = month_of(str_n(p, 3));
	p += 3;
	if (!take_byte(&p, end, ' ') || !take_digits(&p, end, 4, &d->year) ||
	    !take_byte(&p, end, ' ') || !take_digits(&p, end, 2, &d->hour) ||
	    !take_byte(&p, end, ':') || !take_digits(&p, end, 2, &d->minute) ||
	    !take_byte(&p, end, ':') || !take_digits(&p, end, 2, &d->second) ||
	    !take_byte(&p, end, ' ') || p == end || (*p != '+' && *p != '-'))
		return false;
	int sign = *p++ == '-' ? -1 : 1;
	if (!take_digits(&p, end, 2, &hours) || !take_digits(&p, end, 2, &minutes) ||
	    (p < end && (*p != ' ' || end - p < 2 || p[1] != '(' || end[-1] != ')')))
		return false;
	d->zone_minutes = sign * (hours * 60 + minutes);
	d->has_zone = true;
	return d->day > 0 && d->month > 0 && d->hour <= 24 && d->minute <= 59 &&
	       d->second <= 60 && hours <= 15 && minutes <= 59;
}

bool
mime_parse_date(struct str raw, struct mime_date *date_out)
{
	static const struct date_parts nothing = { -1, -1, -1, -1, 0, 0, 0, false, false, false };
	struct date_parts p = nothing;
	struct str word, s = str_head(str_trim(raw), 200);

	if (s.len == 0) /* of nothing at all not even the end is a pointer */
		return false;
	if (!parse_exact(s, &p)) {
		p = nothing;
		while (next_word(&s, &word))
			take_word(&p, word);
	}
	if (p.day < 1 || p.day > 31 || p.month < 1 || p.year < 1900 || p.year > 9999)
		return false;
	if (p.hour < 0)
		p.hour = 0;
	if (p.is_pm && p.hour < 12)
		p.hour += 12;
	if (p.is_am && p.hour == 12)
		p.hour = 0;
	date_out->utc_s = days_from(p.year, p.month, p.day) * 86400 + p.hour * 3600 +
			  p.minute * 60 + p.second - (int64_t)p.zone_minutes * 60;
	date_out->zone_minutes = (int16_t)p.zone_minutes;
	return true;
}
