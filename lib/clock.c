/* SPDX-License-Identifier: MIT */
/* lib/clock.c - clocks and the two date forms that we print. */
#include "lib/clock.h"

#include <time.h>

#include "lib/fmt.h"

uint64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t clock_wall(unsigned *ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (ms)
		*ms = (unsigned)(now.tv_nsec / 1000000);
	return now.tv_sec;
}

void clock_http_date(char dst[CLOCK_HTTP_SIZE], int64_t seconds)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm t = {0};
	time_t when = (time_t)seconds;
	gmtime_r(&when, &t);
	fmt_str(dst, CLOCK_HTTP_SIZE,
		"%.3s, %02d %.3s %04ld %02d:%02d:%02d GMT",
		days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
		t.tm_year + 1900L, t.tm_hour, t.tm_min, t.tm_sec);
}

void clock_iso(char dst[CLOCK_ISO_SIZE], int64_t seconds, unsigned ms)
{
	struct tm t = {0};
	time_t when = (time_t)seconds;
	gmtime_r(&when, &t);
	fmt_str(dst, CLOCK_ISO_SIZE, "%04ld-%02d-%02dT%02d:%02d:%02d.%03uZ",
		t.tm_year + 1900L, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
		t.tm_sec, ms % 1000);
}
