/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_session.h - the sessions of clients (MCP Streamable HTTP,
 * revisions 2025-03-26 to 2025-11-25).
 *
 * Clients hardly ever end their sessions, so their number is bounded: over
 * the limit the one that was used longest ago and has nothing open goes.
 */
#ifndef NET_MCP_SESSION_H
#define NET_MCP_SESSION_H

#include "net/http_server.h"

enum {
	MCP_SESSIONS_MAX = 16384,
	MCP_SESSION_BUCKETS = 1024,
	MCP_SESSION_ID_BYTES =
		16, /* random; shown as twice as many hex digits */
};

struct mcp_session {
	struct mcp_sessions *all;
	char id[2 * MCP_SESSION_ID_BYTES + 1];
	char version[16];             /* as negotiated */
	struct http_exchange *stream; /* its open GET, or NULL */
	struct mcp_request *requests; /* without an answer yet */
	unsigned posts;               /* open POSTs that refer to it */
	bool ended;                   /* DELETEd; freed when posts is 0 */
	struct mcp_session *next;     /* in its bucket */
	struct mcp_session *newer, *older;
};

struct mcp_sessions {
	struct mcp_session *bucket[MCP_SESSION_BUCKETS];
	struct mcp_session *newest, *oldest; /* by last use */
	size_t n;
	size_t streams; /* sessions with an open GET */
};

/* a new session; NULL: no memory, or all of them are busy */
struct mcp_session *mcp_session_new(
	struct mcp_sessions *all, struct str version);

/* the session of that id, marked as used now; NULL: there is none */
struct mcp_session *mcp_session_find(struct mcp_sessions *all, struct str id);

/* forget its id; the struct goes when nothing refers to it any more */
void mcp_session_end(struct mcp_sessions *all, struct mcp_session *s);

/* a POST that referred to it is over */
void mcp_session_unref(struct mcp_session *s);

#endif
