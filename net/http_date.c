/* SPDX-License-Identifier: MIT */
/*
 * net/http_date.c - dates that servers send, read.
 *
 * input: untrusted
 */
#include "net/http_date.h"

#include <time.h>

/* n digits at `at`, or -1 */
static int digits(struct str text, size_t at, size_t n)
{
	int v = 0;
	for (size_t i = at; i < at + n; i++) {
		if (i >= text.n || text.p[i] < '0' || text.p[i] > '9')
			return -1;
		v = 10 * v + (text.p[i] - '0');
	}
	return v;
}

static bool to_seconds(struct tm *tm, int64_t *seconds)
{
	if (tm->tm_year < 0 || tm->tm_mon < 0 || tm->tm_mon > 11 ||
		tm->tm_mday < 1 || tm->tm_mday > 31 || tm->tm_hour < 0 ||
		tm->tm_hour > 23 || tm->tm_min < 0 || tm->tm_min > 59 ||
		tm->tm_sec < 0 || tm->tm_sec > 60)
		return false;
	tm->tm_year -= 1900;
	*seconds = (int64_t)timegm(tm);
	return true;
}

bool http_date_read(struct str text, int64_t *seconds)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {.tm_mon = -1};
	if (text.n != 29 || !str_ends(text, STR(" GMT")))
		return false;
	for (int i = 0; i < 12; i++)
		if (memcmp(text.p + 8, months + 3 * i, 3) == 0)
			tm.tm_mon = i;
	tm.tm_mday = digits(text, 5, 2);
	tm.tm_year = digits(text, 12, 4);
	tm.tm_hour = digits(text, 17, 2);
	tm.tm_min = digits(text, 20, 2);
	tm.tm_sec = digits(text, 23, 2);
	return to_seconds(&tm, seconds);
}

bool http_date_read_iso(struct str text, int64_t *seconds)
{
	struct tm tm = {.tm_year = digits(text, 0, 4)};
	if (text.n < 20 || text.p[text.n - 1] != 'Z' || text.p[10] != 'T')
		return false;
	tm.tm_mon = digits(text, 5, 2) - 1;
	tm.tm_mday = digits(text, 8, 2);
	tm.tm_hour = digits(text, 11, 2);
	tm.tm_min = digits(text, 14, 2);
	tm.tm_sec = digits(text, 17, 2);
	return to_seconds(&tm, seconds);
}
