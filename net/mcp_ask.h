/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_ask.h - what servers ask and tell clients; private to the router.
 *
 * A server is one process for many clients and does not say whom it means.
 * While calls are under way at it, it means the client whose calls they are;
 * without any, the one client that can be asked. Where that is not clear it
 * gets an error, and never somebody else's answer.
 */
#ifndef NET_MCP_ASK_H
#define NET_MCP_ASK_H

#include "net/mcp_router.h"

enum { MCP_ASKS_SESSION_MAX = 64, MCP_ASKS_MAX = 4096 };

/* a request of a server that a client has not answered yet */
struct mcp_request;

struct mcp_ask {
	uint64_t id; /* that the client knows it by */
	struct mcp_session *session;
	struct mcp_upstream *upstream;
	struct mcp_request *request_of; /* at a modern server; or NULL */
	bool related;    /* to calls of the session that are under way */
	struct buf text; /* raw id of the server, raw progress token */
	size_t id_len;
	struct buf request; /* {"method":..,"params":..}, for modern clients */
	struct mcp_ask *prev, *next;
};

/* a request of a server for a client */
void mcp_ask(
	struct mcp_router *r, struct mcp_upstream *u, const struct jsonrpc *m);

/* a notification of a server for clients */
void mcp_ask_told(
	struct mcp_router *r, struct mcp_upstream *u, const struct jsonrpc *m);

/* a client's answer; and its notification about a request of a server */
void mcp_ask_answered(
	struct mcp_router *r, struct mcp_session *s, const struct jsonrpc *m);
void mcp_ask_progress(
	struct mcp_router *r, struct mcp_session *s, const struct jsonrpc *m);
void mcp_ask_roots_changed(struct mcp_router *r, struct mcp_session *s);

/* the session has no call under way at the server any more */
void mcp_asks_settle(
	struct mcp_router *r, struct mcp_session *s, struct mcp_upstream *u);

/* the session, or the server's process, is gone */
void mcp_asks_end_session(struct mcp_router *r, struct mcp_session *s);
void mcp_asks_end_server(struct mcp_router *r, struct mcp_upstream *u);

/* ---- for net/mcp_round.c */

/*
 * Ask the client of this request something in the name of its modern server;
 * m->id is the raw key. false: it cannot be asked.
 */
bool mcp_ask_for(struct mcp_request *q, const struct jsonrpc *m);

/* its answers are not waited for any more: the client is told */
void mcp_asks_end_request(struct mcp_router *r, const struct mcp_request *q);

/* ---- for net/mcp_park.c */

/*
 * Remember a request of a server for the client of this session; NULL: too
 * many are remembered, or it is too large.
 */
struct mcp_ask *mcp_ask_new(struct mcp_router *r, struct mcp_session *s,
	struct mcp_upstream *u, const struct jsonrpc *m);
void mcp_ask_release(struct mcp_router *r, struct mcp_ask *ask);

/* the raw id that its server knows it by, and (plain) what clients see of it */
struct str mcp_ask_id(const struct mcp_ask *ask);
void mcp_ask_put_key(struct buf *out, const struct mcp_ask *ask);

/* answer a server's request by an error */
void mcp_ask_refuse(
	struct mcp_upstream *u, struct str id, int code, const char *why);

/* what was asked of one session is asked of another from now on */
void mcp_asks_move(struct mcp_router *r, const struct mcp_session *from,
	struct mcp_session *to);

#endif
