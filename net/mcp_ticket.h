/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_ticket.h - requestState: which waiting call a modern client comes
 * back for.
 *
 * input: untrusted
 *
 * Clients hold it, so it is sealed (HMAC-SHA-256) together with what it is
 * bound to: who asked for what. It says when it ends, and which round it is
 * for, so that it works once.
 */
#ifndef NET_MCP_TICKET_H
#define NET_MCP_TICKET_H

#include <stdbool.h>

#include "lib/buf.h"

enum { MCP_TICKET_KEY = 32 };

struct mcp_ticket {
	uint64_t id;
	uint64_t round;
	uint64_t ends_s; /* on the clock that the caller chose */
};

/* append its text, sealed with the key */
void mcp_ticket_put(struct buf *out, const struct mcp_ticket *s,
	const unsigned char key[MCP_TICKET_KEY], struct str bound);

/* false: it is not ours, not bound to this, or over at now_s */
bool mcp_ticket_read(struct mcp_ticket *out, struct str text,
	const unsigned char key[MCP_TICKET_KEY], struct str bound,
	uint64_t now_s); /* lint: long because a seal is checked against all */

#endif
