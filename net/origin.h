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
 * Programs that are no browsers send none and are let through. hosts: further
 * names that are allowed, with commas ("*": any), or NULL.
 */
bool origin_allowed(const struct http_head *head, const char *hosts);

/* host part of "host:port" or "[v6]:port", without the brackets */
struct str origin_host(struct str authority);

/* is this host the machine itself, or on the list? */
bool origin_is_loopback(struct str host);
bool origin_is_listed(struct str host, const char *hosts);

#endif
