/* SPDX-License-Identifier: MIT */
/*
 * net/mime.h - field values with parameters: "form-data; name=\"a\"" (RFC
 * 9110 section 5.6.6, RFC 2183).
 *
 * input: untrusted
 */
#ifndef NET_MIME_H
#define NET_MIME_H

#include "lib/buf.h"
#include "lib/str.h"

struct mime_param {
	struct str name;
	struct str raw; /* without the quotes, escapes kept */
	bool quoted;
};

/* the value up to the first ';', trimmed; *rest is what mime_next() reads */
struct str mime_type(struct str value, struct str *rest);

/* 1 and *param; 0 at the end; -1 when the rest is malformed */
int mime_next(struct str *rest, struct mime_param *param);

/* append the value of a parameter, "\\" and "\"" resolved */
void mime_unquote(struct buf *out, const struct mime_param *param);

#endif
