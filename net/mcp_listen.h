/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_listen.h - subscriptions/listen: what takes the place of the GET
 * stream and of resources/subscribe for modern clients; private to the router.
 *
 * A listen is a POST whose answer stays an open event stream. Everything on it
 * names the listen's own request id, and nothing is sent that was not asked
 * for.
 */
#ifndef NET_MCP_LISTEN_H
#define NET_MCP_LISTEN_H

#include "net/mcp_post.h"

enum { MCP_LISTENS_MAX = 4096, MCP_LISTEN_URIS_MAX = 1024 };

struct mcp_listen {
	struct mcp_router *router;
	struct mcp_post *post;
	struct buf id;  /* raw, of the request */
	unsigned kinds; /* whose changes it wants: bits 1 << enum mcp_kind */
	struct mcp_listen *prev, *next;
};

/* a request subscriptions/listen */
void mcp_listen_open(struct mcp_post *p, const struct jsonrpc *m);

/* the list of this kind has changed */
void mcp_listen_changed(struct mcp_router *r, enum mcp_kind kind);

/* append "_meta":{...} that names the subscription */
void mcp_listen_put_meta(struct buf *out, const struct mcp_listen *l);

/* its client has left */
void mcp_listen_drop(struct mcp_listen *l);

/* end all of them in order (we end) */
void mcp_listen_end_all(struct mcp_router *r);

#endif
