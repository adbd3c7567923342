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
