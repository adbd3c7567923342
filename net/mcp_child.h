/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_child.h - an MCP server that is a process of ours: newline-delimited
 * messages over its stdin and stdout (MCP stdio transport).
 *
 * input: untrusted
 *
 * Owns the process, its process group and its three pipes. stderr goes to our
 * log, rate-limited, and its end is kept for error messages. To leave it, its
 * stdin is closed, then after 2 s its group gets SIGTERM, after 2 s more
 * SIGKILL.
 */
#ifndef NET_MCP_CHILD_H
#define NET_MCP_CHILD_H

#include "net/mcp_conn.h"

/* mcp_conn_start() for a configuration with a command */
struct mcp_conn *mcp_child_start(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events, struct mcp_why *why);

#endif
