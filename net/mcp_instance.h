/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_instance.h - servers that are not shared: a process (or a session at
 * a remote server) of its own for each client's session, or for each call;
 * private to the router.
 *
 * The server that is configured is the original: it is started like any other,
 * its lists are what clients see, and requests without a session of their own
 * (the stateless revision) go to it. An instance runs the same configuration
 * for one tenant only. It ends with its session or call, and what it still has
 * to answer then is drained like that of a server taken out of service.
 */
#ifndef NET_MCP_INSTANCE_H
#define NET_MCP_INSTANCE_H

#include "net/mcp_router.h"

/* of one server; over it the one unused longest ends, or the call fails */
enum { MCP_INSTANCES_MAX = 64 };

struct mcp_instance {
	struct mcp_router *router;
	struct mcp_instance *next;
	struct mcp_upstream *upstream;
	struct mcp_upstream *original; /* NULL: out of service */
	struct mcp_session *session;   /* NULL: of one call */
	struct loop_timer timer;       /* it ends when this fires */
};

/* where a request of this session goes; NULL: nowhere, and *why says why */
struct mcp_upstream *mcp_instance_for(struct mcp_router *r,
	struct mcp_session *s, struct mcp_upstream *original, const char **why);

/* may the server mean this session when it has no call under way? */
bool mcp_instance_serves(
	const struct mcp_upstream *u, const struct mcp_session *s);

/* how many there are of a server */
size_t mcp_instances_of(
	const struct mcp_router *r, const struct mcp_upstream *original);

/* the session is over; and: the server is out of service (NULL: all are) */
void mcp_instances_end_session(struct mcp_router *r, struct mcp_session *s);
void mcp_instances_end(struct mcp_router *r, struct mcp_upstream *original);

#endif
