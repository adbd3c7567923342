/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_watch.h - what a modern server is asked to tell: changes of its
 * lists and of resources (subscriptions/listen); private to the upstream.
 *
 * One listen for the lists, and one for each resource, so that one more or
 * less costs one message.
 */
#ifndef NET_MCP_WATCH_H
#define NET_MCP_WATCH_H

#include "net/mcp_upstream.h"

struct mcp_watch {
	struct mcp_call call; /* answered when it ends */
	struct mcp_upstream *upstream;
	char *params; /* of its listen */
	size_t len;
	struct loop_timer timer; /* until it is asked for again */
	struct mcp_watch *next;
};

/* the server is ready: listen for changes of its lists */
void mcp_watch_lists(struct mcp_upstream *u);

/* params: {"uri":...}, raw, of resources/subscribe and unsubscribe */
void mcp_watch_resource(struct mcp_upstream *u, struct str params);
void mcp_unwatch_resource(struct mcp_upstream *u, struct str params);

/* the server ended a listen by notifications/cancelled */
void mcp_watch_cancelled(struct mcp_upstream *u, const struct jsonrpc *m);

/* the connection is gone */
void mcp_watch_drop(struct mcp_upstream *u);

#endif
