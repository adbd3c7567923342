/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_start.h - how many servers start at the same time; private to the
 * upstream.
 *
 * Twenty servers that start together, each installing itself first, keep each
 * other from getting ready. So a few start and the others wait; but one that
 * takes long gives its turn away, so that it delays nobody for long.
 */
#ifndef NET_MCP_START_H
#define NET_MCP_START_H

#include "net/mcp_upstream.h"

enum { MCP_STARTS_MAX = 8, MCP_START_TURN_MS = 2000 };

/*
 * Is it this server's turn? If not, fn(u) is called when it is (it then has
 * the turn already).
 */
bool mcp_start_turn(struct mcp_upstream *u, void (*fn)(void *u));

/* it has started, or failed to, or goes: the next one's turn */
void mcp_start_over(struct mcp_upstream *u);

#endif
