/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_handshake.h - finding out which era a server speaks, and its first
 * words in it; private to the upstream.
 *
 * A server whose era nobody knows is asked server/discover. What that says of
 * it - also by an error, by silence or by leaving - is remembered for its
 * command or URL, so that it is asked once.
 */
#ifndef NET_MCP_HANDSHAKE_H
#define NET_MCP_HANDSHAKE_H

#include "net/mcp_upstream.h"

enum { MCP_PROBE_MS = 1000 }; /* silence so long: it may be of the other era */

/* the era that requests can be put in before the handshake */
enum mcp_era mcp_handshake_expects(const struct mcp_upstream *u);

/* the connection is there: begin */
void mcp_handshake_begin(struct mcp_upstream *u);

/*
 * The connection ended during the handshake, for this reason. true: because of
 * the question that was asked; it is to be made anew.
 */
bool mcp_handshake_left(struct mcp_upstream *u, const char *reason);

/* what was remembered of it was wrong */
void mcp_handshake_forget(struct mcp_upstream *u);

#endif
