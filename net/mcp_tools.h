/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_tools.h - the tools of one server, kept as the bytes that came.
 *
 * input: untrusted
 */
#ifndef NET_MCP_TOOLS_H
#define NET_MCP_TOOLS_H

#include "lib/buf.h"

enum {
	MCP_TOOLS_MAX = 4096,
	MCP_TOOLS_BYTES_MAX = 16 << 20,
};

/* one tool; offsets into mcp_tools.text */
struct mcp_tool {
	size_t at; /* its JSON object */
	size_t len;
	size_t name_at; /* the raw name in it, with quotes */
	size_t name_len;
};

struct mcp_tools {
	struct buf text; /* the JSON objects, one after the other */
	struct mcp_tool *tool;
	size_t n;
	size_t cap;
};

void mcp_tools_init(struct mcp_tools *t);
void mcp_tools_fini(struct mcp_tools *t);

/*
 * Add the tools of one page: the raw result of tools/list. *cursor becomes
 * the raw nextCursor (p == NULL: this was the last page). 0, or a negative
 * errno: -EPROTO when it is no list of tools, -E2BIG over the limits.
 */
int mcp_tools_add_page(
	struct mcp_tools *t, struct str result, struct str *cursor);

/* the same tools in the same order, byte for byte? */
bool mcp_tools_equal(const struct mcp_tools *a, const struct mcp_tools *b);

/* raw object, and raw name (with quotes) of a tool */
struct str mcp_tool_raw(const struct mcp_tools *t, size_t i);
struct str mcp_tool_name(const struct mcp_tools *t, size_t i);

#endif
