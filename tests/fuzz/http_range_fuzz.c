/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/http_range_fuzz.c - any Range field, of a file of any size.
 *
 * What must hold: every range lies in the file, and together they are not
 * longer than it.
 */
#include <stdlib.h>
#include <string.h>

#include "net/http_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_range v[HTTP_RANGES_MAX];
	uint64_t length = 0, total = 0;
	if (size < 8)
		return 0;
	memcpy(&length, data, 8);
	length >>= data[0] & 63;
	length &= INT64_MAX;
	int n = http_range_read(
		str_from((const char *)data + 8, size - 8), length, v);
	if (n < -1 || n > HTTP_RANGES_MAX)
		abort();
	for (int i = 0; i < n; i++) {
		if (v[i].n == 0 || v[i].first >= length ||
			v[i].n > length - v[i].first)
			abort();
		total += v[i].n;
	}
	if (total > length)
		abort();
	return 0;
}
