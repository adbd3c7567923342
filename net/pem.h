/* SPDX-License-Identifier: MIT */
/*
 * net/pem.h - the blocks of a PEM file (RFC 7468).
 *
 * input: untrusted
 */
#ifndef NET_PEM_H
#define NET_PEM_H

#include "lib/buf.h"

/*
 * Cut the next block off *rest: its label ("CERTIFICATE") and the base64 text
 * between the two lines. What stands between blocks is passed over, and so is
 * a block without its end. false: there is none left.
 */
bool pem_next(struct str *rest, struct str *label, struct str *text);

#endif
