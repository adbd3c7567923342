/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_call.h - the table of calls under way; private to the upstream.
 *
 * mcp_upstream.h has what others use: mcp_upstream_call() and
 * mcp_upstream_cancel().
 */
#ifndef NET_MCP_CALL_H
#define NET_MCP_CALL_H

#include "net/mcp_upstream.h"

static inline struct loop *mcp_upstream_loop(const struct mcp_upstream *u)
{
	return u->conns->loop;
}

/* give the call the next id and remember it until it is delisted */
void mcp_call_enlist(struct mcp_upstream *u, struct mcp_call *call);
void mcp_call_delist(struct mcp_call *call);

/* where a message goes now: to the process, or aside until it is ready */
struct buf *mcp_call_outlet(struct mcp_upstream *u);

/* the call that a server's raw id (or progress token) means; NULL: none */
struct mcp_call *mcp_call_find(struct mcp_upstream *u, struct str raw_id);

/* a call that is still enlisted is about to end: into the statistics */
void mcp_call_count(const struct mcp_call *call, enum mcp_outcome outcome);

/* where the calls of this server are counted */
struct mcp_stats *mcp_call_stats(struct mcp_upstream *u);

/* end one call without an answer */
void mcp_call_fail(struct mcp_call *call, const char *why);

/* end every call that is there now, our own included */
void mcp_call_fail_all(struct mcp_upstream *u, const char *why);

/* those of our own: the handshake is begun anew */
void mcp_call_fail_own(struct mcp_upstream *u, const char *why);

/* start its time limit, where the configuration has one, anew */
void mcp_call_arm(struct mcp_upstream *u, struct mcp_call *call);

#endif
