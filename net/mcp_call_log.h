/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_call_log.h - one line of log for each request of a client that
 * ended; private to the router.
 *
 * Both do nothing unless the router's log_calls is set.
 */
#ifndef NET_MCP_CALL_LOG_H
#define NET_MCP_CALL_LOG_H

#include "net/mcp_request.h"

/* remember what the line will say of the message */
void mcp_call_log_begin(struct mcp_request *q, const struct jsonrpc *m);

/* why: p == NULL: there is nothing more to say */
void mcp_call_log_end(
	const struct mcp_request *q, enum mcp_outcome outcome, struct str why);

#endif
