/* SPDX-License-Identifier: MIT */
/* lib/utf8.c - the well-formed sequences of RFC 3629 section 4. */
#include "lib/utf8.h"

#include <stdbool.h>

static bool in(const char *p, unsigned low, unsigned high)
{
	unsigned c = (unsigned char)*p;
	return c >= low && c <= high;
}

static size_t three_len(const char *p)
{
	unsigned first = (unsigned char)p[0];
	unsigned low = first == 0xe0 ? 0xa0 : 0x80;  /* no overlong form */
	unsigned high = first == 0xed ? 0x9f : 0xbf; /* no surrogate */
	return in(p + 1, low, high) && in(p + 2, 0x80, 0xbf) ? 3 : 0;
}

static size_t four_len(const char *p)
{
	unsigned first = (unsigned char)p[0];
	unsigned low = first == 0xf0 ? 0x90 : 0x80;
	unsigned high = first == 0xf4 ? 0x8f : 0xbf; /* up to U+10FFFF */
	return in(p + 1, low, high) && in(p + 2, 0x80, 0xbf) &&
			       in(p + 3, 0x80, 0xbf)
		       ? 4
		       : 0;
}

size_t utf8_len(const char *p, const char *end)
{
	size_t left = (size_t)(end - p);
	if (left >= 1 && in(p, 0x00, 0x7f))
		return 1;
	if (left >= 2 && in(p, 0xc2, 0xdf))
		return in(p + 1, 0x80, 0xbf) ? 2 : 0;
	if (left >= 3 && in(p, 0xe0, 0xef))
		return three_len(p);
	if (left >= 4 && in(p, 0xf0, 0xf4))
		return four_len(p);
	return 0;
}

size_t utf8_put(char dst[4], uint32_t code)
{
	if (code < 0x80) {
		dst[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		dst[0] = (char)(0xc0 | code >> 6);
		dst[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		dst[0] = (char)(0xe0 | code >> 12);
		dst[1] = (char)(0x80 | (code >> 6 & 0x3f));
		dst[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	dst[0] = (char)(0xf0 | code >> 18);
	dst[1] = (char)(0x80 | (code >> 12 & 0x3f));
	dst[2] = (char)(0x80 | (code >> 6 & 0x3f));
	dst[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}
