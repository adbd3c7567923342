/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_post.h - one POST to the MCP endpoint until each of its requests has
 * its answer; private to the router.
 *
 * The answer is one JSON body when nothing precedes the result, and becomes
 * an event stream with the first notification or after a silence. A batch is
 * answered by one array. The client may go away at any time: the requests
 * then run on, as a broken connection is no cancellation in the session-based
 * revisions, and a stream can be resumed. In the modern era it is one.
 */
#ifndef NET_MCP_POST_H
#define NET_MCP_POST_H

#include "net/mcp_router.h"

struct mcp_post {
	struct mcp_router *router;
	struct http_exchange *x;   /* NULL: answered, a stream, or gone */
	struct mcp_stream *stream; /* what the answer became, or NULL */
	struct mcp_session *session;
	unsigned open; /* requests without an answer, + 1 while reading */
	bool batch;
	bool may_stream;    /* the client takes an event stream */
	bool borrowed;      /* stream is the session's, for all its answers */
	struct buf answers; /* of a batch */
	struct loop_timer timer;
	struct mcp_post *next; /* in the free list */
};

struct mcp_post *mcp_post_new(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *session);

/* the same for a request that was just read; NULL: x was answered (no memory) */
struct mcp_post *mcp_post_open(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *session, bool batch);

/* messages that came on the one connection of a duplex session; or NULL */
struct mcp_post *mcp_post_new_duplex(
	struct mcp_router *r, struct mcp_session *session);

/* all messages of the body have been looked at */
void mcp_post_read(struct mcp_post *p);

/* a request was taken on; and: it has its answer, the post may go */
void mcp_post_opened(struct mcp_post *p);
void mcp_post_closed(struct mcp_post *p);

/* is there anybody to answer? */
bool mcp_post_listens(const struct mcp_post *p);

/* one answer: a complete JSON-RPC message */
void mcp_post_answer(struct mcp_post *p, struct str message);

/* the same when it is an error with this code, which has a status of its own */
void mcp_post_fault(struct mcp_post *p, int code, struct str message);

/* an error answer; id as raw JSON, or p == NULL */
void mcp_post_error(
	struct mcp_post *p, struct str id, int code, struct str message);

/*
 * A notification or request of a server that precedes the answer, as one
 * line. false: this client takes no event stream here. must: it is not left
 * out when the client does not read.
 */
bool mcp_post_precede(struct mcp_post *p, struct str message, bool must);
bool mcp_post_can_precede(const struct mcp_post *p);

/* release what the router keeps for reuse */
void mcp_post_free_list(struct mcp_router *r);

#endif
