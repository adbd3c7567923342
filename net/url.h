/* SPDX-License-Identifier: MIT */
/*
 * net/url.h - http and https URLs (RFC 3986), taken apart and resolved.
 *
 * input: untrusted
 */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>

#include "lib/buf.h"

enum { URL_MAX = 8192, URL_HOST_MAX = 255 };

/* every str points into the text that was read */
struct url {
	bool tls;
	struct str user; /* "name:password", not decoded; p == NULL: none */
	struct str host; /* without brackets */
	struct str authority; /* host and port as they stand: a Host field */
	uint16_t port;        /* given, or 80 or 443 */
	bool has_port;        /* it was given and is not the scheme's own */
	struct str target;    /* path and query, "" for none; no fragment */
};

/* NULL, or what is wrong with it: "... is not understood" */
const char *url_read(struct url *u, struct str text);

/*
 * Append the URL that `reference` (of a Location field) means when it stands
 * in the resource u. Dot segments are removed.
 */
void url_resolve(struct buf *out, const struct url *u, struct str reference);

/* append the target of a request: at least "/" */
void url_put_target(struct buf *out, const struct url *u);

/* do both lead to the same server by the same scheme? */
bool url_same_server(const struct url *a, const struct url *b);

#endif
