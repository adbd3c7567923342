/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_field.c - the numbers and texts in tar headers.
 *
 * input: untrusted
 */
#include "lib/tar_field.h"

#include <string.h>

#include "lib/tar_entry.h"

/* two's complement, big endian, the top bit of the first byte set aside */
static bool base256(const char *field, size_t n, int64_t *out)
{
	bool negative = (field[0] & 0x40) != 0;
	uint64_t v = negative ? ~(uint64_t)0 : 0;
	uint64_t fill = v;
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)field[i];
		if (i == 0)
			byte = (uint8_t)(negative ? byte : byte & 0x7f);
		/* what is shifted out must be nothing but sign */
		if (v >> 55 != fill >> 55)
			return false;
		v = v << 8 | byte;
	}
	if (v >> 63 != fill >> 63)
		return false;
	*out = (int64_t)v;
	return true;
}

bool tar_field_int(const char *field, size_t n, int64_t *out)
{
	size_t i = 0;
	uint64_t v = 0;
	if ((uint8_t)field[0] & 0x80)
		return base256(field, n, out);
	while (i < n && field[i] == ' ')
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
		/* twelve digits of three bits cannot overflow */
		v = v << 3 | (uint64_t)(field[i] - '0');
	}
	if (i < n && field[i] != ' ' && field[i] != '\0')
		return false;
	*out = (int64_t)v;
	return true;
}

bool tar_field_uint(const char *field, size_t n, uint64_t *out)
{
	int64_t v;
	if (!tar_field_int(field, n, &v) || v < 0)
		return false;
	*out = (uint64_t)v;
	return true;
}

struct str tar_field_text(const char *field, size_t n)
{
	return str_from(field, strnlen(field, n));
}

bool tar_parse_time(struct str text, struct timespec *out)
{
	bool negative = text.n && text.p[0] == '-';
	if (negative)
		text = str_from_index(text, 1);
	struct str fraction = text;
	struct str whole = str_cut(&fraction, '.');
	uint64_t seconds;
	if (!str_to_u64(whole, &seconds) || seconds > INT64_MAX - 1)
		return false;
	uint32_t ns = 0;
	uint32_t unit = 100000000;
	for (size_t i = 0; fraction.p && i < fraction.n; i++, unit /= 10) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return false;
		ns += unit * (uint32_t)(fraction.p[i] - '0');
	}
	int64_t s = (int64_t)seconds;
	out->tv_sec = negative ? -s : s;
	out->tv_nsec = (long)ns;
	if (negative && ns) {
		out->tv_sec--;
		out->tv_nsec = 1000000000L - (long)ns;
	}
	return true;
}

bool tar_fits_octal(size_t n, uint64_t v)
{
	return v >> 3 * (n - 1) == 0;
}

void tar_put_number(char *field, size_t n, uint64_t v)
{
	bool octal = tar_fits_octal(n, v);
	if (octal)
		field[n - 1] = '\0';
	for (size_t i = n - (octal ? 1 : 0); i-- > 0;) {
		field[i] = (char)(octal ? '0' + (v & 7) : v & 0xff);
		v >>= octal ? 3 : 8;
	}
	if (!octal)
		field[0] = (char)0x80;
}

uint32_t tar_checksum(const struct tar_header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	uint32_t sum = 0;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += p[i];
	for (size_t i = 0; i < sizeof(h->sum); i++)
		sum = sum - (uint8_t)h->sum[i] + ' ';
	return sum;
}
