/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_request.h - requests of clients that servers have to answer; private
 * to the router.
 */
#ifndef NET_MCP_REQUEST_H
#define NET_MCP_REQUEST_H

#include "net/mcp_post.h"

/* what its answer means to us */
enum mcp_errand {
	MCP_ERRAND_TOOL, /* failures become results: models read results */
	MCP_ERRAND_PLAIN,
	MCP_ERRAND_READ, /* may be asked of several servers in turn */
	MCP_ERRAND_SUBSCRIBE,
};

struct mcp_request {
	struct mcp_call call;
	struct mcp_router *router;
	struct mcp_session *session; /* whose it is */
	struct mcp_post *post;       /* NULL: nobody waits for it now */
	enum mcp_errand errand;
	struct mcp_upstream *upstream;
	struct mcp_request *prev, *next; /* of the session, newest first */
	struct buf text;                 /* id, token, name or URI */
	size_t id_len, token_len;
	struct buf message;      /* of a READ: to be sent again; or empty */
	size_t place;            /* of a READ: which one was asked */
	struct mcp_park *park;   /* what it asks a modern client; or NULL */
	char method[32];         /* for the log, if it is wanted */
	char trace[56];          /* traceparent, likewise */
	unsigned lacking;        /* offers that its client would have needed */
	struct mcp_round *round; /* what a modern server requires; or NULL */
};

/* the members of params that routing needs; raw, p == NULL: absent */
struct mcp_params {
	struct str name, uri, ref, arguments;
	struct str token;            /* _meta.progressToken */
	struct str actor;            /* _meta.actor_id */
	struct str responses, state; /* of an earlier round */
};

/* NULL, or what is wrong with the params */
const char *mcp_params_read(struct str params, struct mcp_params *out);

/* how to send a request on */
struct mcp_way {
	struct mcp_upstream *upstream;
	enum mcp_errand errand;
	struct str name; /* plain; for messages, subscriptions, reading */
	const struct jsonrpc_edit *edits;
	size_t n;
};

/*
 * Send a request's message to its server, in the server's era and with these
 * edits.
 */
void mcp_request_forward(struct mcp_request *q, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_edits *edits);

/* the same for one that its server knows, which requires more of it */
void mcp_request_repeat(struct mcp_request *q, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_edits *edits);

/* it has no call under way any more, and this is why there is no answer */
void mcp_request_fail(struct mcp_request *q, const char *why);

/* send it, or answer by an error when that cannot be */
void mcp_request_send(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_way *way);

/* its id, and the name or URI */
struct str mcp_request_id(const struct mcp_request *q);
struct str mcp_request_name(const struct mcp_request *q);

/* another POST, with this raw id and progress token, waits for it from now on */
void mcp_request_attach(struct mcp_request *q, struct mcp_post *p,
	struct str id, struct str token);

/* answer a tools/call by a result that says what went wrong */
void mcp_answer_tool_error(
	struct mcp_post *p, struct str id, const struct buf *text);

/* notifications/cancelled of the client */
void mcp_request_cancelled(struct mcp_post *p, const struct jsonrpc *m);

/* cancel every request of a session (it ends) */
void mcp_session_cancel_all(struct mcp_session *s);

/* the newest request of a session that is under way at a server; or NULL */
struct mcp_request *mcp_request_newest(
	const struct mcp_session *s, const struct mcp_upstream *u);

/* the client's request that a call of this upstream is; NULL: our own */
struct mcp_request *mcp_request_of(struct mcp_call *call);

void mcp_request_free_list(struct mcp_router *r);

/* ---- net/mcp_route.c */

/* answer a client's request, now or later */
void mcp_route(struct mcp_post *p, const struct jsonrpc *m);

/* the server that was asked does not have it: ask the next. false: no next */
bool mcp_route_read_again(struct mcp_request *q);

#endif
