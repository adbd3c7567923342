/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/openapi.h - an OpenAPI document without what a server
 * offers as MCP tools already.
 *
 * input: untrusted
 */
#ifndef APPLETS_GATEWAY_OPENAPI_H
#define APPLETS_GATEWAY_OPENAPI_H

#include "lib/buf.h"
#include "net/mcp_items.h"

/*
 * Append the document without the operations that a tool names in its
 * annotations ("_route": "GET /path"); path items that lose all of theirs go,
 * unless they refer elsewhere. When there are tools and none names a route, no
 * path is left. All else stays byte for byte. false: it is no such document.
 */
bool openapi_filter(
	struct buf *out, struct str document, const struct mcp_items *tools);

#endif
