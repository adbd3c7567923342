/* SPDX-License-Identifier: MIT */
/* lib/hash.h - hashes, from BearSSL; its only caller beside TLS. */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stdbool.h>

#include "lib/str.h"

enum { HASH_SHA256_SIZE = 32 };

/* SHA-256 (FIPS 180-4) of the data */
void hash_sha256(unsigned char out[HASH_SHA256_SIZE], struct str data);

/*
 * Are two secrets equal? Takes the same time wherever they differ, and does
 * not tell their length.
 */
bool hash_secret_eq(struct str a, struct str b);

#endif
