/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_origin.h - may this web page, by this name, reach us?
 *
 * input: untrusted
 *
 * A page can make a browser resolve its own name to an address of ours (DNS
 * rebinding). So on a loopback address only loopback names are answered to,
 * and an Origin must be local or the host that was asked.
 */
#ifndef NET_MCP_ORIGIN_H
#define NET_MCP_ORIGIN_H

#include "net/http_server.h"

/*
 * NULL, or why the request is refused. hosts: further names that are allowed,
 * with commas ("*": any), or NULL; with it, other names are refused on every
 * address. Adds the fields of CORS for an Origin that is allowed.
 */
const char *mcp_origin_check(struct http_exchange *x, const char *hosts);

/* OPTIONS: what a page may send us (CORS preflight) */
void mcp_origin_preflight(struct http_exchange *x);

#endif
