/* SPDX-License-Identifier: MIT */
/*
 * net/origin.h - requests that a web page made its reader's browser send.
 *
 * input: untrusted
 */
#ifndef NET_ORIGIN_H
#define NET_ORIGIN_H

#include "net/http.h"

/*
 * May a request with this head have an effect? Browsers put an Origin into
 * whatever a page sends across sites. It must be this machine, or the very
 * address (not name: a name can be rebound in the DNS) that was asked.
 * Programs that are no browsers send none and are let through.
 */
bool origin_allowed(const struct http_head *head);

#endif
