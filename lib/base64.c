/* SPDX-License-Identifier: MIT */
/*
 * lib/base64.c - base64, both ways.
 *
 * input: untrusted
 */
#include "lib/base64.h"

#include "lib/size.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *out, struct str data)
{
	for (size_t i = 0; i < data.n; i += 3) {
		size_t n = size_min(3, data.n - i);
		uint32_t v = 0;
		char four[4];
		for (size_t k = 0; k < 3; k++)
			v = v << 8 |
			    (k < n ? (unsigned char)data.p[i + k] : 0U);
		for (size_t k = 0; k < 4; k++)
			four[k] = k > n ? '=' : digits[v >> (18 - 6 * k) & 63];
		buf_put(out, four, sizeof(four));
	}
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool base64_get(struct buf *out, struct str text)
{
	uint32_t v = 0;
	unsigned have = 0, padding = 0;
	for (size_t i = 0; i < text.n; i++) {
		int digit = digit_value(text.p[i]);
		if (is_blank(text.p[i]))
			continue;
		if (text.p[i] == '=' && have + padding >= 2 &&
			have + padding < 4 && have) {
			padding++;
			continue;
		}
		if (digit < 0 || padding)
			return false;
		v = v << 6 | (uint32_t)digit;
		if (++have < 4)
			continue;
		char three[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		buf_put(out, three, sizeof(three));
		have = 0;
		v = 0;
	}
	if (have == 0 || have + padding != 4)
		return have == 0 && padding == 0;
	v <<= 6 * padding;
	char rest[2] = {(char)(v >> 16), (char)(v >> 8)};
	buf_put(out, rest, have - 1);
	return true;
}
