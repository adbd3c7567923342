/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_level.h - log levels of clients and servers; private to the router.
 *
 * A server has one level for all its clients: the most talkative that any
 * session asked for. What a session did not ask for is not sent to it.
 */
#ifndef NET_MCP_LEVEL_H
#define NET_MCP_LEVEL_H

#include "net/mcp_router.h"

enum { MCP_LEVELS = 8 };

/* 0 (debug) to 7 (emergency); -1: no such level. raw: a JSON string */
int mcp_level_read(struct str raw);

/*
 * The level that a session's calls ask modern servers for. Who said nothing
 * gets what is of common interest.
 */
const char *mcp_level_wanted(const struct mcp_session *s);

/* logging/setLevel of a session; false: there is no such level */
bool mcp_level_set(struct mcp_router *r, struct mcp_session *s, struct str raw);

/* the session ends: its wish does not count any more */
void mcp_level_drop(struct mcp_router *r, struct mcp_session *s);

/* tell a server (a new one, or a new process) what the level is */
void mcp_level_tell(const struct mcp_router *r, struct mcp_upstream *u);

#endif
