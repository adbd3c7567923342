/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/signing.h - requests that are signed with Ed25519.
 *
 * input: untrusted
 *
 * With API_SIGNING_PUBLIC_KEY set, X-Studio-Signature is the signature, in
 * base64, of
 *
 *	METHOD \n PATH[?QUERY] \n TIMESTAMP \n NONCE \n HEX(SHA-256(BODY))
 *
 * with the timestamp (seconds, at most 300 off) and the nonce in fields of
 * their own. A body is hashed while it passes by; what it asks for takes
 * effect only after its last byte, so the verdict is in time.
 */
#ifndef APPLETS_GATEWAY_SIGNING_H
#define APPLETS_GATEWAY_SIGNING_H

#include "applets/gateway/gateway.h"

/* read the variable; dies when it is no key */
void signing_setup(struct gateway *g);

/*
 * May this request go on to its handler? false: 403 was answered. A request
 * with a body may, and is judged when that is complete.
 */
bool signing_admits(struct gateway *g, struct http_exchange *x);

#endif
