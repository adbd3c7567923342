/* SPDX-License-Identifier: MIT */
/* tests/unit/ed25519_test.c - the vectors of RFC 8032 section 7.1, and what
 * is no signature. */
#include "lib/ed25519.h"

#include "tests/unit/test.h"

struct vector {
	const char *key, *message, *signature;
};

static const struct vector vectors[] = {
	{"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901"
		"55"
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a10"
		"0b"},
	{"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		"72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69"
		"da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c"
		"00"},
	{"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
		"af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3"
		"ac"
		"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec4"
		"0a"},
};

static size_t unhex(unsigned char *out, const char *text)
{
	size_t n = strlen(text) / 2;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)(str_hex_digit(text[2 * i]) << 4 |
					 str_hex_digit(text[2 * i + 1]));
	return n;
}

static void read_vector(const struct vector *v, unsigned char key[32],
	unsigned char signature[64], unsigned char message[8], size_t *n)
{
	CHECK_EQ(unhex(key, v->key), 32);
	CHECK_EQ(unhex(signature, v->signature), 64);
	*n = unhex(message, v->message);
}

static bool verify(const unsigned char *key, const unsigned char *signature,
	const unsigned char *message, size_t n)
{
	return ed25519_verify(
		key, signature, str_from((const char *)message, n));
}

TEST(ed25519_takes_the_vectors_of_the_rfc)
{
	unsigned char key[32], signature[64], message[8];
	size_t n;
	for (size_t i = 0; i < 3; i++) {
		read_vector(&vectors[i], key, signature, message, &n);
		CHECK(ed25519_key_sound(key));
		CHECK(verify(key, signature, message, n));
	}
}

TEST(ed25519_refuses_any_changed_bit)
{
	unsigned char key[32], signature[64], message[8];
	size_t n;
	read_vector(&vectors[2], key, signature, message, &n);
	for (size_t i = 0; i < 64; i += 3) {
		signature[i] ^= (unsigned char)(1 << i % 8);
		CHECK(!verify(key, signature, message, n));
		signature[i] ^= (unsigned char)(1 << i % 8);
	}
	message[0] ^= 1;
	CHECK(!verify(key, signature, message, n));
	message[0] ^= 1;
	CHECK(!verify(key, signature, message, n - 1));
	key[3] ^= 4;
	CHECK(!verify(key, signature, message, n));
}

/* S + L signs the same in the equation: only the least one counts */
TEST(ed25519_refuses_a_second_form_of_a_signature)
{
	static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a,
		0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
		0x14, [31] = 0x10};
	unsigned char key[32], signature[64], message[8];
	size_t n;
	unsigned carry = 0;
	read_vector(&vectors[1], key, signature, message, &n);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)signature[32 + i] + order[i];
		signature[32 + i] = (unsigned char)carry;
		carry >>= 8;
	}
	CHECK(!verify(key, signature, message, n));
}

TEST(ed25519_knows_what_can_be_no_key)
{
	unsigned char key[32];
	/* y = p: above all that there is */
	memset(key, 0xff, sizeof(key));
	key[0] = 0xed;
	key[31] = 0x7f;
	CHECK(!ed25519_key_sound(key));
	/* y = 2 is on no point of the curve */
	memset(key, 0, sizeof(key));
	key[0] = 2;
	CHECK(!ed25519_key_sound(key));
	/* x = 0 has no sign */
	key[0] = 1;
	CHECK(ed25519_key_sound(key));
	key[31] = 0x80;
	CHECK(!ed25519_key_sound(key));
}
