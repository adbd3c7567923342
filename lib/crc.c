/* SPDX-License-Identifier: MIT */
/* lib/crc.c - CRC-32, CRC-32C and CRC-64/NVME, from ISA-L. */
#include "lib/crc.h"

#include <isa-l/crc.h>
#include <isa-l/crc64.h>

#include "lib/size.h"

enum { PIECE = 1 << 30 }; /* crc32_iscsi() counts with an int */

uint32_t crc_32(uint32_t crc, struct str data)
{
	return crc32_gzip_refl(crc, (const unsigned char *)data.p, data.n);
}

uint32_t crc_32c(uint32_t crc, struct str data)
{
	while (data.n) {
		size_t n = size_min(data.n, PIECE);
		/* it only reads, whatever its type says */
		unsigned char *p = (unsigned char *)(uintptr_t)data.p;
		crc = ~crc32_iscsi(p, (int)n, ~crc);
		data = str_from_index(data, n);
	}
	return crc;
}

uint64_t crc_64nvme(uint64_t crc, struct str data)
{
	return crc64_rocksoft_refl(crc, (const unsigned char *)data.p, data.n);
}

/* the matrix times the vector, over bits */
static uint64_t times(const uint64_t matrix[64], uint64_t vector)
{
	uint64_t sum = 0;
	for (int i = 0; vector; i++, vector >>= 1)
		if (vector & 1)
			sum ^= matrix[i];
	return sum;
}

static void square(uint64_t out[64], const uint64_t matrix[64])
{
	for (int i = 0; i < 64; i++)
		out[i] = times(matrix, matrix[i]);
}

/*
 * Zeros behind the first piece change its CRC by a linear operator: that of
 * one zero bit, raised to the power of their number by squaring.
 */
uint64_t crc_join(uint64_t poly, uint64_t first, uint64_t second, uint64_t n)
{
	uint64_t a[64], b[64];
	a[0] = poly;
	for (int i = 1; i < 64; i++)
		a[i] = 1ULL << (i - 1);
	/* one byte: eight bits */
	square(b, a);
	square(a, b);
	square(b, a);
	memcpy(a, b, sizeof(a));
	for (; n; n >>= 1) {
		if (n & 1)
			first = times(a, first);
		square(b, a);
		memcpy(a, b, sizeof(a));
	}
	return first ^ second;
}
