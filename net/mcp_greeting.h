/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_greeting.h - what many servers say in their answers to initialize,
 * as one.
 */
#ifndef NET_MCP_GREETING_H
#define NET_MCP_GREETING_H

#include "net/mcp_upstream.h"

/*
 * Append "capabilities":{...} and, when a server gave any,
 * ,"instructions":"...". Tools are always among the capabilities: a swap may
 * bring some at any time. The instructions of one server are passed on as
 * they came; of several each stands under its server's name.
 */
void mcp_greeting_put(
	struct buf *out, struct mcp_upstream *const *set, size_t n);

/* the bits (enum mcp_can) that a server's raw capabilities mean */
unsigned mcp_greeting_read(struct str capabilities);

#endif
