/* SPDX-License-Identifier: MIT */
/*
 * lib/ed25519.h - checking Ed25519 signatures (RFC 8032 section 5.1.7).
 *
 * input: untrusted
 *
 * Only checking: everything here is public, so nothing has to take the same
 * time for all inputs.
 */
#ifndef LIB_ED25519_H
#define LIB_ED25519_H

#include <stdbool.h>

#include "lib/str.h"

enum { ED25519_KEY_SIZE = 32, ED25519_SIGNATURE_SIZE = 64 };

/* can this be a key, that is, does it name a point of the curve? */
bool ed25519_key_sound(const unsigned char key[ED25519_KEY_SIZE]);

/* was message signed by the owner of key? */
bool ed25519_verify(const unsigned char key[ED25519_KEY_SIZE],
	const unsigned char signature[ED25519_SIGNATURE_SIZE],
	struct str message);

#endif
