/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_index.h - all tools of a set of servers under the names that
 * clients see: the answer to tools/list, and from a name to its server.
 *
 * One serving server: its names as they are. Two or more: SERVER_NAME.
 */
#ifndef NET_MCP_INDEX_H
#define NET_MCP_INDEX_H

#include "net/mcp_upstream.h"

struct mcp_entry {
	size_t name_at; /* of the full name, in names */
	size_t name_len;
	size_t order; /* place in the configuration */
	bool prefixed;
	bool shadowed; /* an earlier one has the same name: not listed */
	struct mcp_upstream *upstream;
	size_t tool; /* index into upstream->tools */
};

struct mcp_index {
	struct buf list; /* {"tools":[...]} */
	struct buf names;
	struct mcp_entry *entry; /* sorted by name */
	size_t n;
};

void mcp_index_init(struct mcp_index *x);
void mcp_index_fini(struct mcp_index *x);

/*
 * Build it anew from these servers, in this order. 0 or -ENOMEM, which leaves
 * it as it was.
 */
int mcp_index_build(
	struct mcp_index *x, struct mcp_upstream *const *set, size_t n);

/* forget the tools of a server: calls to them find none */
void mcp_index_forget(struct mcp_index *x, const struct mcp_upstream *u);

/* the tool that clients call by this (plain) name; NULL: none */
const struct mcp_entry *mcp_index_find(
	const struct mcp_index *x, struct str name);

#endif
