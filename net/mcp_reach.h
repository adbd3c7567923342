/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_reach.h - is there an HTTP server at a URL? For those that are
 * reached by plain HTTP only; private to the upstream.
 */
#ifndef NET_MCP_REACH_H
#define NET_MCP_REACH_H

#include "net/http_fetch.h"

struct mcp_server_config;

/*
 * Ask it (HEAD). Any answer will do: on_end tells of it. NULL: it cannot be
 * asked.
 */
struct http_fetch *mcp_reach(struct http_fetcher *f,
	const struct mcp_server_config *config,
	const struct http_fetch_events *events);

#endif
