/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_enums.h - schemas of arguments without the enums that clients choke
 * on.
 *
 * input: untrusted
 */
#ifndef NET_MCP_ENUMS_H
#define NET_MCP_ENUMS_H

#include "lib/json.h"

/* does a tool's raw inputSchema hold an enum with a member that is no string? */
bool mcp_enums_odd(struct str schema);

/* append the schema without them; all else as the bytes that came */
void mcp_enums_put(struct buf *out, struct str schema);

#endif
