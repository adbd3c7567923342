/* SPDX-License-Identifier: MIT */
/*
 * lib/utf8.h - UTF-8 (RFC 3629): is this a well-formed sequence?
 *
 * input: untrusted
 */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the well-formed sequence at p (1..4), or 0: overlong forms,
 * surrogates, values over U+10FFFF and cut sequences are not well formed.
 */
size_t utf8_len(const char *p, const char *end);

/* encode a scalar value into dst; returns 1..4 */
size_t utf8_put(char dst[4], uint32_t code);

#endif
