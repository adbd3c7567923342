/* SPDX-License-Identifier: MIT */
/* lib/hash.c - hashes: the frame around the two block functions, HMAC, MD5. */
#include "lib/hash.h"

#include <bearssl_hash.h>

#include "lib/size.h"

static void put_be32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static uint32_t get_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

void hash_blocks_portable(
	uint32_t state[8], const unsigned char *p, size_t blocks)
{
	br_sha256_context ctx;
	unsigned char bytes[HASH_SHA256_SIZE];
	for (int i = 0; i < 8; i++)
		put_be32(bytes + 4 * i, state[i]);
	br_sha256_init(&ctx);
	br_sha256_set_state(&ctx, bytes, 0);
	br_sha256_update(&ctx, p, blocks * HASH_SHA256_BLOCK);
	br_sha256_state(&ctx, bytes);
	for (int i = 0; i < 8; i++)
		state[i] = get_be32(bytes + 4 * i);
}

static void blocks(uint32_t state[8], const unsigned char *p, size_t n)
{
	if (hash_has_instructions())
		hash_blocks_fast(state, p, n);
	else
		hash_blocks_portable(state, p, n);
}

void hash_start(struct hash_stream *h)
{
	static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
		0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memcpy(h->state, first, sizeof(first));
	h->total = 0;
}

void hash_more(struct hash_stream *h, struct str data)
{
	const unsigned char *p = (const unsigned char *)data.p;
	size_t n = data.n;
	size_t have = h->total % HASH_SHA256_BLOCK;
	h->total += n;
	if (have) {
		size_t part = size_min(n, HASH_SHA256_BLOCK - have);
		memcpy(h->block + have, p, part);
		p += part;
		n -= part;
		if (have + part < HASH_SHA256_BLOCK)
			return;
		blocks(h->state, h->block, 1);
	}
	if (n >= HASH_SHA256_BLOCK)
		blocks(h->state, p, n / HASH_SHA256_BLOCK);
	size_t rest = n % HASH_SHA256_BLOCK;
	if (rest)
		memcpy(h->block, p + (n - rest), rest);
}

void hash_end(struct hash_stream *h, unsigned char out[HASH_SHA256_SIZE])
{
	static const unsigned char padding[HASH_SHA256_BLOCK] = {0x80};
	unsigned char bits[8];
	uint64_t n = h->total * 8;
	size_t have = h->total % HASH_SHA256_BLOCK;
	size_t pad = (have < 56 ? 56 : 120) - have;
	put_be32(bits, (uint32_t)(n >> 32));
	put_be32(bits + 4, (uint32_t)n);
	hash_more(h, str_from((const char *)padding, pad));
	hash_more(h, str_from((const char *)bits, sizeof(bits)));
	for (int i = 0; i < 8; i++)
		put_be32(out + 4 * i, h->state[i]);
}

void hash_sha256(unsigned char out[HASH_SHA256_SIZE], struct str data)
{
	struct hash_stream h;
	hash_start(&h);
	hash_more(&h, data);
	hash_end(&h, out);
}

void hash_hmac(
	unsigned char out[HASH_SHA256_SIZE], struct str key, struct str data)
{
	unsigned char pad[HASH_SHA256_BLOCK] = {0};
	struct hash_stream h;
	if (key.n > sizeof(pad))
		hash_sha256(pad, key);
	else if (key.n)
		memcpy(pad, key.p, key.n);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	hash_start(&h);
	hash_more(&h, str_from((const char *)pad, sizeof(pad)));
	hash_more(&h, data);
	hash_end(&h, out);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_start(&h);
	hash_more(&h, str_from((const char *)pad, sizeof(pad)));
	hash_more(&h, str_from((const char *)out, HASH_SHA256_SIZE));
	hash_end(&h, out);
}

void hash_sha512(
	unsigned char out[HASH_SHA512_SIZE], const struct str *pieces, size_t n)
{
	br_sha512_context ctx;
	br_sha512_init(&ctx);
	for (size_t i = 0; i < n; i++)
		br_sha512_update(&ctx, pieces[i].p, pieces[i].n);
	br_sha512_out(&ctx, out);
}

void hash_md5(unsigned char out[HASH_MD5_SIZE], struct str data)
{
	br_md5_context ctx;
	br_md5_init(&ctx);
	br_md5_update(&ctx, data.p, data.n);
	br_md5_out(&ctx, out);
}

void hash_hex(char *dst, const unsigned char *hash, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[hash[i] >> 4];
		dst[2 * i + 1] = digits[hash[i] & 15];
	}
	dst[2 * n] = '\0';
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
