/* SPDX-License-Identifier: MIT */
/*
 * net/http_range.h - which bytes a Range field asks for (RFC 9110 section 14).
 *
 * input: untrusted
 */
#ifndef NET_HTTP_RANGE_H
#define NET_HTTP_RANGE_H

#include <stdint.h>

#include "lib/str.h"

enum { HTTP_RANGES_MAX = 16 };

struct http_range {
	uint64_t first;
	uint64_t n; /* at least 1 */
};

/*
 * The ranges of a representation of size bytes, cut to what there is and in
 * the order they were asked for. Their number; 0 when none of them can be
 * satisfied (416); -1 when the field is to be ignored: not in bytes, malformed,
 * more than HTTP_RANGES_MAX, or together longer than the whole.
 */
int http_range_read(
	struct str value, uint64_t size, struct http_range v[HTTP_RANGES_MAX]);

#endif
