/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_round.h - calls of session clients at modern servers that require
 * input; private to the router.
 *
 * A result that requires input becomes requests to the client; when it has
 * answered all of them, its own request is sent again with the answers.
 */
#ifndef NET_MCP_ROUND_H
#define NET_MCP_ROUND_H

#include "net/mcp_ask.h"
#include "net/mcp_request.h"

enum { MCP_ROUNDS_MAX = 16 }; /* of one request */

/* what one request waits for */
struct mcp_round {
	unsigned number;    /* of rounds so far */
	size_t waiting;     /* for so many answers */
	struct buf answers; /* "KEY":RESULT, ... */
	struct buf state;   /* raw requestState, or empty */
	struct buf sent;    /* the request, as the server got it first */
};

/* remember a request in the words of its modern server */
void mcp_round_keep(struct mcp_request *q, const struct jsonrpc *m,
	const struct mcp_edits *edits);

/*
 * A result that requires input: ask the client. NULL, or why that cannot be
 * and the request has failed.
 */
const char *mcp_round_begin(struct mcp_request *q, struct str result);

/* the client has answered one of them */
void mcp_round_answered(
	struct mcp_router *r, struct mcp_ask *ask, const struct jsonrpc *m);

/* the request is over */
void mcp_round_free(struct mcp_request *q);

#endif
