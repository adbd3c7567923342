/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_lists.h - reading what a server has; private to the upstream.
 *
 * All its lists are asked for at once. It is ready when its tools are known
 * and the others are too, or were waited for long enough: a list that comes
 * later is a change like any other.
 */
#ifndef NET_MCP_LISTS_H
#define NET_MCP_LISTS_H

#include "net/mcp_upstream.h"

void mcp_lists_init(struct mcp_upstream *u);
void mcp_lists_fini(struct mcp_upstream *u);

/* a new process: nothing of it is known */
void mcp_lists_restart(struct mcp_upstream *u);

/* ask for every list that the server can have */
void mcp_lists_ask(struct mcp_upstream *u);

/* a notification: if it says that a list changed, read that again; true */
bool mcp_lists_changed(struct mcp_upstream *u, const struct jsonrpc *m);

/* ---- what the upstream does for the lists */

/* send a request of our own; call->ops and call->own are set */
void mcp_upstream_ask(struct mcp_upstream *u, struct mcp_call *call,
	const char *method, struct str params);

/* all that was waited for is there */
void mcp_lists_ready(struct mcp_upstream *u);

/* the handshake cannot succeed */
void mcp_lists_failed(struct mcp_upstream *u, const char *why);

#endif
