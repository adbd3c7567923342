/* SPDX-License-Identifier: MIT */
/*
 * net/http_date.h - dates that servers send, read.
 *
 * input: untrusted
 */
#ifndef NET_HTTP_DATE_H
#define NET_HTTP_DATE_H

#include <stdbool.h>

#include "lib/str.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate) to seconds */
bool http_date_read(struct str text, int64_t *seconds);

/* "1994-11-06T08:49:37[.123]Z" (RFC 3339, UTC only) to seconds */
bool http_date_read_iso(struct str text, int64_t *seconds);

#endif
