/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_roles.h - who may use what of a server: its "roles" in the
 * configuration.
 *
 *     "roles": {"agent": {"allow": ["read_*"], "deny": ["*secret*"]},
 *               "verifier": {}}
 *
 * A server without it is everybody's. With it, a role that is not named finds
 * nothing of the server; one that is finds its prompts and resources, and
 * the tools that a pattern of allow (all, when absent) matches and none of
 * deny. Patterns are those of the shell, over the server's own names.
 *
 * input: untrusted
 */
#ifndef NET_MCP_ROLES_H
#define NET_MCP_ROLES_H

#include "lib/json.h"
#include "lib/role.h"

struct mcp_roles;

/* what is wrong with it */
struct mcp_roles_fault {
	const char *message; /* NULL: no memory */
	int at;              /* the value in the document */
};

/*
 * Read the value at `at`. A fresh struct for mcp_roles_free(), or NULL and
 * *fault.
 */
struct mcp_roles *mcp_roles_read(
	const struct json_doc *doc, int at, struct mcp_roles_fault *fault);
void mcp_roles_free(struct mcp_roles *r);

/* both may be NULL: everybody's */
bool mcp_roles_equal(const struct mcp_roles *a, const struct mcp_roles *b);

/* bits 1 << role of those who find the server, and its tool of this name */
unsigned mcp_roles_server(const struct mcp_roles *r);
unsigned mcp_roles_tool(const struct mcp_roles *r, struct str name);

#endif
