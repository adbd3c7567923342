/* SPDX-License-Identifier: MIT */
/* net/http_chars.h - which bytes may stand where (RFC 9110 section 5.6). */
#ifndef NET_HTTP_CHARS_H
#define NET_HTTP_CHARS_H

#include <stdbool.h>

#include "lib/str.h"

enum {
	HTTP_TCHAR = 1,     /* of a token: methods, field names */
	HTTP_VALUE = 2,     /* field values: visible, obs-text, SP, HTAB */
	HTTP_URI = 4,       /* request targets: visible ASCII but '#' */
	HTTP_HOST = 8,      /* reg-name of RFC 3986, without the comma */
	HTTP_BOUNDARY = 16, /* bchars of RFC 2046 section 5.1.1 */
};

extern const unsigned char http_chars[256];

static inline bool http_char_is(char c, unsigned class)
{
	return (http_chars[(unsigned char)c] & class) != 0;
}

/* true when every byte is of that class; also for no bytes at all */
bool http_chars_all(struct str s, unsigned class);

#endif
