/* SPDX-License-Identifier: MIT */
/* applets/tar/date.c - the DATE of --mtime. */
#include "applets/tar/tar.h"

#include "lib/tar_field.h"

/* days from 1970-01-01, any Gregorian date (Howard Hinnant's algorithm) */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
			     year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

/* a number of exactly `width` digits, then `end` unless that is 0 */
static bool number(struct str *s, size_t width, char end, int64_t *out)
{
	uint64_t v;
	if (s->n < width || !str_to_u64(str_first(*s, width), &v))
		return false;
	*s = str_from_index(*s, width);
	*out = (int64_t)v;
	if (!end)
		return true;
	if (!s->n || s->p[0] != end)
		return false;
	*s = str_from_index(*s, 1);
	return true;
}

static bool parse_clock(struct str s, int64_t *seconds)
{
	int64_t h;
	int64_t m;
	int64_t sec = 0;
	if (!number(&s, 2, ':', &h) || !number(&s, 2, 0, &m))
		return false;
	if (s.n && s.p[0] == ':') {
		s = str_from_index(s, 1);
		if (!number(&s, 2, 0, &sec))
			return false;
	}
	*seconds = h * 3600 + m * 60 + sec;
	return h < 24 && m < 60 && sec < 61 && (s.n == 0 || str_is(s, "Z"));
}

bool tar_parse_date(const char *text, struct timespec *out)
{
	struct str s = str_of(text);
	int64_t year;
	int64_t month;
	int64_t day;
	int64_t clock = 0;
	if (str_starts(s, STR("@")))
		return tar_parse_time(str_from_index(s, 1), out);
	if (!number(&s, 4, '-', &year) || !number(&s, 2, '-', &month) ||
		!number(&s, 2, 0, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (s.n && (s.p[0] == ' ' || s.p[0] == 'T')) {
		if (!parse_clock(str_from_index(s, 1), &clock))
			return false;
	} else if (s.n) {
		return false;
	}
	*out = (struct timespec){
		.tv_sec = days_from_civil(year, month, day) * 86400 + clock};
	return true;
}
