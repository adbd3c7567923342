/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_park.h - calls of modern clients at servers of the session era that
 * ask their client something; private to the router.
 *
 * A modern client cannot be asked. Its call is answered by a result that says
 * what is required, while the server's own call stays under way, parked, under
 * a requestState. The client repeats the request with its answers, they are
 * passed on, and the call goes on for the new POST. A client that never comes
 * back costs one entry for MCP_PARK_MS.
 */
#ifndef NET_MCP_PARK_H
#define NET_MCP_PARK_H

#include "net/mcp_ask.h"
#include "net/mcp_request.h"

enum {
	MCP_PARKS_MAX = 1024,
	MCP_PARK_MS = 600000, /* for a person to find the answer */
	MCP_PARK_GATHER_MS = 10,
	MCP_PARK_KEPT_MAX = 64 << 20, /* bytes of answers, of all parks */
};

struct mcp_park {
	struct mcp_router *router;
	struct mcp_session *session;
	struct mcp_request *request; /* NULL: the server has answered */
	uint64_t id;
	uint64_t round;
	bool away;        /* the client has been told, and is to come back */
	struct buf bound; /* what its state is bound to */
	struct buf responses; /* raw, that came with its latest request */
	struct buf answer;    /* that came while it was away */
	int code;             /* of the answer when it is an error, else 0 */
	struct loop_timer timer;
	struct mcp_park *prev, *next; /* newest first */
};

/*
 * A modern request that brought inputResponses or a requestState, for a server
 * of the session era. true: it was dealt with; false: to be sent.
 */
bool mcp_park_take(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_way *way);

/* a request that brought inputResponses (raw) is on its way */
void mcp_park_prepare(struct mcp_request *q, struct str responses);

/* a server asks the client of this modern request; need: enum mcp_offer */
void mcp_park_ask(struct mcp_request *q, const struct jsonrpc *m);

/* its answer, complete but for the id, came while the client was away */
void mcp_park_keep(struct mcp_request *q, int code, struct str message);

/* its request is over */
void mcp_park_settle(struct mcp_request *q);

/*
 * An error -32042 of a server as a result that requires what it names. false:
 * it is no such error, or the client cannot do it.
 */
bool mcp_park_put_urls(
	struct buf *out, struct mcp_request *q, const struct jsonrpc *m);

/* end all of them (we end) */
void mcp_park_end_all(struct mcp_router *r);

#endif
