/* SPDX-License-Identifier: MIT */
/* tests/fuzz/ed25519_fuzz.c - any bytes as key, signature and message. */
#include <stdlib.h>
#include <string.h>

#include "lib/ed25519.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char key[ED25519_KEY_SIZE], signature[ED25519_SIGNATURE_SIZE];
	if (size < sizeof(key) + sizeof(signature))
		return 0;
	memcpy(key, data, sizeof(key));
	memcpy(signature, data + sizeof(key), sizeof(signature));
	const struct str message = {
		(const char *)data + sizeof(key) + sizeof(signature),
		size - sizeof(key) - sizeof(signature)};
	if (!ed25519_verify(key, signature, message))
		return 0;
	/* what is good has a sound key, and no second S */
	signature[ED25519_KEY_SIZE] ^= 1;
	if (!ed25519_key_sound(key) || ed25519_verify(key, signature, message))
		abort();
	return 0;
}
