/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_headers.h - the headers that repeat what a modern request says:
 * Mcp-Method, Mcp-Name, Mcp-Param-* (MCP 2026-07-28, basic/transports).
 *
 * input: untrusted
 *
 * Proxies route by these headers, so one that says other than the body is an
 * attack or a bug, and is refused.
 */
#ifndef NET_MCP_HEADERS_H
#define NET_MCP_HEADERS_H

#include "net/http.h"
#include "net/jsonrpc.h"

/*
 * Append the value that a header means: itself, without blanks around it, or
 * what =?base64?...?= encodes. false: that is not base64, or not UTF-8.
 */
bool mcp_header_decode(struct buf *out, struct str value);

/*
 * Append a plain text as a header's value: itself, or encoded where it could
 * not travel as it is.
 */
void mcp_header_encode(struct buf *out, struct str text);

/* the raw parameter that Mcp-Name repeats for this method; p == NULL: none */
struct str mcp_header_subject(const struct jsonrpc *m);

/* NULL, or how Mcp-Method and Mcp-Name differ from the request */
const char *mcp_headers_check(
	const struct http_head *head, const struct jsonrpc *m);

/*
 * NULL, or how the Mcp-Param-* headers differ from these (raw) arguments of a
 * tool: its raw schema says by x-mcp-header which arguments they repeat.
 */
const char *mcp_headers_check_params(
	const struct http_head *head, struct str schema, struct str arguments);

#endif
