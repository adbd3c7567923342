/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_modern.h - requests of the modern era (2026-07-28), each of which
 * stands alone; private to the router.
 */
#ifndef NET_MCP_MODERN_H
#define NET_MCP_MODERN_H

#include "net/mcp_era.h"
#include "net/mcp_post.h"

/* a POST with one modern message: check it, then answer it now or later */
void mcp_modern_post(
	struct mcp_router *r, struct http_exchange *x, const struct jsonrpc *m);

/* server/discover */
void mcp_modern_discover(struct mcp_post *p, const struct jsonrpc *m);

/* answer by this list ({"tools":[...]}) */
void mcp_modern_list(
	struct mcp_post *p, const struct jsonrpc *m, struct str list);

/*
 * An error with this (raw) data, and the status that belongs to its code, for
 * a request that is not, or not yet, on its way.
 */
void mcp_modern_refuse(struct mcp_post *p, struct str id, int code,
	const char *why, struct str data);

/* append an error that says which offers (enum mcp_offer) a request lacked */
void mcp_modern_put_lack(struct buf *out, struct str id, unsigned lacking);

#endif
