/* SPDX-License-Identifier: MIT */
/*
 * lib/crc.h - the cyclic checks of object stores, from ISA-L.
 *
 * Each continues from the value of what came before; 0 to begin. Tens of
 * gigabytes a second, so nothing is gained by leaving them out.
 */
#ifndef LIB_CRC_H
#define LIB_CRC_H

#include <stdint.h>

#include "lib/str.h"

uint32_t crc_32(uint32_t crc, struct str data);
uint32_t crc_32c(uint32_t crc, struct str data);
uint64_t crc_64nvme(uint64_t crc, struct str data);

/*
 * The CRC of two pieces after each other, from those of the pieces and the
 * length of the second. poly is the reflected polynomial.
 */
uint64_t crc_join(uint64_t poly, uint64_t first, uint64_t second, uint64_t n);

#endif
