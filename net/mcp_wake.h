/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_wake.h - servers that are started by the first request that needs
 * them; private to the router.
 *
 * What they have is not known before. So a request for a list, or for a tool
 * that nobody is known to have, starts them and waits - each server once and
 * for a bounded time, after which what it has is announced as a change.
 */
#ifndef NET_MCP_WAKE_H
#define NET_MCP_WAKE_H

#include "net/mcp_post.h"

enum { MCP_WAKE_MS = 5000 };

/*
 * true: the message waits and will be routed again; false: nothing is asleep
 * (any more), go on.
 */
bool mcp_wake(struct mcp_post *p, const struct jsonrpc *m);

/* a server woke, or failed to: who waited for it may go on */
void mcp_wake_look(struct mcp_router *r);

/* nobody waits any more (we end) */
void mcp_wake_stop(struct mcp_router *r);

#endif
