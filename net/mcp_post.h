/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_post.h - one POST to the MCP endpoint and its requests until each
 * has its answer; private to the router.
 *
 * The answer is one JSON body when nothing precedes the result, and becomes
 * an event stream with the first notification or after a silence. A batch is
 * answered by one array. The client may go away at any time: the requests
 * then run on and their answers are dropped, as a broken connection is no
 * cancellation in the session-based revisions.
 */
#ifndef NET_MCP_POST_H
#define NET_MCP_POST_H

#include "net/mcp_router.h"

struct mcp_post {
	struct mcp_router *router;
	struct http_exchange *x; /* NULL: answered, or the client is gone */
	struct mcp_session *session;
	unsigned open; /* requests without an answer, + 1 while reading */
	bool batch;
	bool may_stream; /* the client takes an event stream */
	bool streaming;
	struct buf answers; /* of a batch */
	struct loop_timer timer;
	struct mcp_post *next; /* in the free list */
};

/* one request that a server has to answer */
struct mcp_request {
	struct mcp_call call;
	struct mcp_post *post;
	struct mcp_request *prev, *next; /* of the session */
	struct buf text;                 /* id, token, tool name */
	size_t id_len, token_len;
};

/* session may be NULL; the post is closed by mcp_post_read() */
struct mcp_post *mcp_post_new(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *session);

/* all messages of the body have been looked at */
void mcp_post_read(struct mcp_post *p);

/* one answer: a complete JSON-RPC message */
void mcp_post_answer(struct mcp_post *p, struct str message);

/* an error answer; id as raw JSON, or p == NULL */
void mcp_post_error(
	struct mcp_post *p, struct str id, int code, struct str message);

/* forward a tools/call, or answer it at once when that cannot be */
void mcp_post_tools_call(struct mcp_post *p, const struct jsonrpc *m);

/* notifications/cancelled of the client */
void mcp_post_cancelled(struct mcp_post *p, const struct jsonrpc *m);

/* cancel every request of a session (it ends) */
void mcp_session_cancel_all(struct mcp_session *s);

/* release what the router keeps for reuse */
void mcp_post_free_lists(struct mcp_router *r);

/* the fields of an event stream, and its start */
void mcp_stream_start(struct http_exchange *x);
/* one message as an event */
void mcp_stream_put(struct http_exchange *x, struct str message);
/* a comment that keeps the connection from looking dead */
void mcp_stream_ping(struct http_exchange *x);

#endif
