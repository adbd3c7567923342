/* SPDX-License-Identifier: MIT */
/*
 * lib/hash.h - hashes: SHA-256, HMAC over it, SHA-512, MD5.
 *
 * SHA-256 uses the processor's own instructions where it has them, and
 * BearSSL's portable code elsewhere; SHA-512 and MD5 are BearSSL's.
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stdbool.h>

#include "lib/str.h"

enum {
	HASH_SHA256_SIZE = 32,
	HASH_SHA256_BLOCK = 64,
	HASH_SHA512_SIZE = 64,
	HASH_MD5_SIZE = 16,
	HASH_HEX_SIZE = 2 * HASH_SHA256_SIZE + 1,
};

/* SHA-256 of data that comes in pieces */
struct hash_stream {
	uint32_t state[8];
	uint64_t total;
	unsigned char block[HASH_SHA256_BLOCK]; /* not hashed yet */
};

void hash_start(struct hash_stream *h);
void hash_more(struct hash_stream *h, struct str data);
void hash_end(struct hash_stream *h, unsigned char out[HASH_SHA256_SIZE]);

/* SHA-256 (FIPS 180-4) of the data */
void hash_sha256(unsigned char out[HASH_SHA256_SIZE], struct str data);

/* SHA-512 (FIPS 180-4) of the pieces, one after the other */
void hash_sha512(unsigned char out[HASH_SHA512_SIZE], const struct str *pieces,
	size_t n);

/* HMAC-SHA-256 (RFC 2104) */
void hash_hmac(
	unsigned char out[HASH_SHA256_SIZE], struct str key, struct str data);

/* MD5 (RFC 1321), where a protocol insists */
void hash_md5(unsigned char out[HASH_MD5_SIZE], struct str data);

/* 2 * n lower-case hex digits and a NUL */
void hash_hex(char *dst, const unsigned char *hash, size_t n);

/*
 * Whole blocks into the state, by the processor's instructions or by
 * BearSSL; what hash_more() chooses from.
 */
bool hash_has_instructions(void);
void hash_blocks_fast(uint32_t state[8], const unsigned char *p, size_t blocks);
void hash_blocks_portable(
	uint32_t state[8], const unsigned char *p, size_t blocks);

/*
 * Are two secrets equal? Takes the same time wherever they differ, and does
 * not tell their length.
 */
bool hash_secret_eq(struct str a, struct str b);

#endif
