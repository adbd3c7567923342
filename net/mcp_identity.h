/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_identity.h - what of a client's HTTP request a server at a URL gets
 * to see: who acts, and the fields that are not about the connection.
 *
 * input: untrusted
 */
#ifndef NET_MCP_IDENTITY_H
#define NET_MCP_IDENTITY_H

#include "lib/buf.h"
#include "net/http.h"

/* of whom nothing says who it is */
#define MCP_ACTOR_STANDARD "target_agent"

/*
 * Append who acts: the actor that the message names (raw JSON, or p == NULL),
 * else the one whose name is the client's bearer token, else the standard.
 * head: of the client's request, or NULL.
 */
void mcp_identity_actor(
	struct buf *out, const struct http_head *head, struct str actor);

/*
 * Is this field passed on? Not what belongs to this connection, to the body
 * as it came, to our own session with the client, or is a credential.
 */
bool mcp_identity_passes(struct str name);

/* append the fields that are passed on, as "Name: value" lines */
void mcp_identity_put_fields(struct buf *out, const struct http_head *head);

#endif
