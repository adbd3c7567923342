/* SPDX-License-Identifier: MIT */
/* lib/hash.c - hashes, from BearSSL. */
#include "lib/hash.h"

#include <bearssl_hash.h>

void hash_sha256(unsigned char out[HASH_SHA256_SIZE], struct str data)
{
	br_sha256_context ctx;
	br_sha256_init(&ctx);
	br_sha256_update(&ctx, data.p, data.n);
	br_sha256_out(&ctx, out);
}

bool hash_secret_eq(struct str a, struct str b)
{
	unsigned char x[HASH_SHA256_SIZE], y[HASH_SHA256_SIZE];
	unsigned difference = 0;
	hash_sha256(x, a);
	hash_sha256(y, b);
	for (size_t i = 0; i < sizeof(x); i++)
		difference |= (unsigned)(x[i] ^ y[i]);
	return difference == 0;
}
