/* SPDX-License-Identifier: MIT */
/*
 * lib/base64.h - base64 (RFC 4648 section 4).
 *
 * input: untrusted
 */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stdbool.h>

#include "lib/buf.h"

/* append the text of the data, padded */
void base64_put(struct buf *out, struct str data);

/*
 * Append the data of the text; blanks and line ends between digits are
 * passed over. false: not base64, and out holds a part of it.
 */
bool base64_get(struct buf *out, struct str text);

#endif
