/* SPDX-License-Identifier: MIT */
/*
 * lib/fmt.h - the one formatter: a small printf without stdio or locale.
 *
 * Conversions: %s %c %d %i %u %x %o %%, with the flags '-' and '0', a width,
 * a precision for %s, '*' for both, and the sizes l, ll, z and j. Anything
 * else is a programming error and is printed as it stands. It never allocates
 * and is safe between fork and exec.
 */
#ifndef LIB_FMT_H
#define LIB_FMT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum { FMT_U64_MAX = 20 }; /* decimal digits of the largest uint64_t */

/* writes digits of v to dst (no NUL); returns how many, 1..FMT_U64_MAX */
size_t fmt_u64(char *dst, uint64_t v);

/*
 * Format into dst of cap bytes, always NUL-terminated when cap > 0. Returns
 * the length that the whole text has or would have had, as snprintf does.
 */
size_t fmt_str(char *dst, size_t cap, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t fmt_vstr(char *dst, size_t cap, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#endif
