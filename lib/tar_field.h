/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_field.h - the numbers and texts in tar headers.
 *
 * input: untrusted
 *
 * Numbers are octal digits between optional spaces and NULs, or base 256 when
 * the first byte has its top bit set (GNU). All return false for what is not
 * understood or does not fit.
 */
#ifndef LIB_TAR_FIELD_H
#define LIB_TAR_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/str.h"

/* a signed number; blank is 0 */
bool tar_field_int(const char *field, size_t n, int64_t *out);

/* the same, not negative */
bool tar_field_uint(const char *field, size_t n, uint64_t *out);

/* up to the first NUL */
struct str tar_field_text(const char *field, size_t n);

/* "-12.345": seconds and nanoseconds, further digits are dropped */
bool tar_parse_time(struct str text, struct timespec *out);

/* octal with a terminating NUL, base 256 when that does not fit */
void tar_put_number(char *field, size_t n, uint64_t v);

/* would it fit as octal? */
bool tar_fits_octal(size_t n, uint64_t v);

#endif
