/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_trace.h - the trace context of a request: from its HTTP fields into
 * its params._meta, where servers look for it (W3C Trace Context; MCP 2026-07-28,
 * "Trace Context").
 *
 * input: untrusted
 */
#ifndef NET_MCP_TRACE_H
#define NET_MCP_TRACE_H

#include "net/http.h"
#include "net/jsonrpc.h"

/*
 * Append the text of a request (which json_check() accepted) with the fields
 * traceparent and tracestate of the head in params._meta. false, and nothing
 * is appended: there is no sound traceparent, the message says one itself, or
 * it is no request with an object for params.
 */
bool mcp_trace_put(
	struct buf *out, struct str text, const struct http_head *head);

/* is it "00-TRACE-PARENT-FLAGS", with neither id all zeroes? */
bool mcp_trace_is_parent(struct str value);

#endif
