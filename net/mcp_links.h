/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_links.h - URIs inside the results of servers, as clients know them.
 *
 * input: untrusted
 */
#ifndef NET_MCP_LINKS_H
#define NET_MCP_LINKS_H

#include "net/mcp_era.h"
#include "net/mcp_index.h"

/*
 * Append an answer of u with these edits made and with the URIs of its resource
 * links, embedded resources and resource contents replaced where clients see
 * that server's under another one. More than 256 such URIs in one answer are
 * left as they are.
 */
void mcp_links_put(struct buf *out, const struct mcp_index *x,
	const struct mcp_upstream *u, struct str text,
	const struct mcp_edits *edits);

#endif
