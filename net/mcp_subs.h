/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_subs.h - who wants to hear of changes to which resource; private to
 * the router.
 *
 * Subscriptions belong to sessions: they outlive the process of a server, and
 * a swap.
 */
#ifndef NET_MCP_SUBS_H
#define NET_MCP_SUBS_H

#include "net/mcp_router.h"

enum {
	MCP_SUBS_SESSION_MAX = 1024,
	MCP_SUBS_MAX = 65536,
	MCP_SUBS_URI_MAX = 8192,
};

/* one session and one resource */
struct mcp_sub {
	struct mcp_session *session;
	struct mcp_upstream *upstream; /* NULL: nobody has it now */
	char *shown;                   /* the URI as the client knows it */
	size_t len;
	struct mcp_sub *prev, *next;
};

/* may the session have one more? */
bool mcp_subs_room(const struct mcp_router *r, const struct mcp_session *s);

/* a server has accepted a subscription to this (plain) URI */
void mcp_subs_add(struct mcp_router *r, struct mcp_session *s,
	struct mcp_upstream *u, struct str shown);

/*
 * Subscribe to a (plain) URI without waiting for the server's word. false: no
 * server takes it, or there is no room.
 */
bool mcp_subs_want(
	struct mcp_router *r, struct mcp_session *s, struct str shown);

/* and end it */
void mcp_subs_unwant(
	struct mcp_router *r, struct mcp_session *s, struct str shown);

/* true: no other session is subscribed to it, the server has to be told */
bool mcp_subs_remove(
	struct mcp_router *r, struct mcp_session *s, struct str shown);

/* notifications/resources/updated of a server */
void mcp_subs_updated(struct mcp_router *r, const struct mcp_upstream *u,
	const struct jsonrpc *m);

/* the session ends */
void mcp_subs_drop(struct mcp_router *r, struct mcp_session *s);

/* subscribe again at a server whose process is a new one */
void mcp_subs_again(struct mcp_router *r, struct mcp_upstream *u);

/* the server is gone, and with it what it was told */
void mcp_subs_forget(struct mcp_router *r, const struct mcp_upstream *u);

/* after a swap: what was at a server that left is looked for anew */
void mcp_subs_reroute(struct mcp_router *r);

#endif
