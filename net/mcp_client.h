/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_client.h - clients with a session: how they begin, and what their
 * messages do, whatever transport brought them; private to the router.
 */
#ifndef NET_MCP_CLIENT_H
#define NET_MCP_CLIENT_H

#include "net/mcp_post.h"

/* what an initialize asks for */
struct mcp_hello {
	char version[16]; /* the revision that it gets */
	unsigned offers;  /* enum mcp_offer */
};

#define MCP_HELLO_WRONG "params.protocolVersion must be a string"

/* false: MCP_HELLO_WRONG */
bool mcp_hello_read(struct mcp_hello *hello, const struct jsonrpc *m);

/* a new session; NULL: no memory, or all that may be are busy */
struct mcp_session *mcp_client_new(
	struct mcp_router *r, const struct mcp_hello *hello);

/* append the answer to the initialize with this raw id */
void mcp_client_put_hello(struct buf *out, const struct mcp_router *r,
	const struct mcp_session *s, struct str id);

/* any message but initialize; a request is answered by its post */
void mcp_client_take(struct mcp_post *p, const struct jsonrpc *m);

#define MCP_BATCH_WRONG "a batch has 1 to 256 messages"

/* the raw array (which json_check() accepted) has as many as it may */
bool mcp_client_batch_ok(struct str array);

/* each message of it; the post is one for batches */
void mcp_client_take_batch(struct mcp_post *p, struct str array);

/* the connection is gone: nobody waits for what is under way */
void mcp_client_lost(struct mcp_router *r, struct mcp_session *s);

#endif
