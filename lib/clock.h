/* SPDX-License-Identifier: MIT */
/* lib/clock.h - the two clocks: one for deadlines, one for people. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds and microseconds; for every deadline */
uint64_t clock_ms(void);
uint64_t clock_us(void);

/* seconds since the epoch, and its milliseconds part when ms is not NULL */
int64_t clock_wall(unsigned *ms);

enum { CLOCK_HTTP_SIZE = 30, CLOCK_ISO_SIZE = 25 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7) */
void clock_http_date(char dst[CLOCK_HTTP_SIZE], int64_t seconds);

/* "1994-11-06T08:49:37.123Z" (RFC 3339) */
void clock_iso(char dst[CLOCK_ISO_SIZE], int64_t seconds, unsigned ms);

#endif
