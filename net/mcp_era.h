/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_era.h - the two eras of MCP, and messages from one to the other.
 *
 * input: untrusted
 *
 * Legacy revisions (to 2025-11-25) have sessions, and servers that ask their
 * clients; since 2026-07-28 each request carries in params._meta all that a
 * server has to know, and a server that needs an answer ends the request with
 * a result that says so. What differs in one message is a handful of edits of
 * its text: the functions here find them, and know of nothing else.
 */
#ifndef NET_MCP_ERA_H
#define NET_MCP_ERA_H

#include "net/jsonrpc.h"
#include "net/mcp.h"

enum mcp_era {
	MCP_LEGACY,
	MCP_MODERN,
};

#define MCP_META "io.modelcontextprotocol/"

/* what a modern request says in params._meta; raw, p == NULL: absent */
struct mcp_meta {
	struct str raw; /* all of _meta */
	struct str version, capabilities, level;
};

/* false: _meta is no object, or has a member twice */
bool mcp_meta_read(struct mcp_meta *out, struct str params);

/*
 * The era of a client's message: modern when its _meta holds a version or
 * capabilities, or when the header MCP-Protocol-Version (p == NULL: absent)
 * is a date of 2026-07-28 or later. Sessions have no say in it.
 */
enum mcp_era mcp_era_of(const struct jsonrpc *m, struct str version_header);

/* is this a version (as in the header) that only the modern era can mean? */
bool mcp_era_is_modern(struct str version);

/* ------------------------------------------------------------ translation */

enum { MCP_ERA_EDITS = 10 };

/* edits of one text, in order of position */
struct mcp_edits {
	struct jsonrpc_edit e[MCP_ERA_EDITS];
	size_t n;
};

void mcp_edits_add(struct mcp_edits *l, struct str at, struct str with);

/*
 * A modern request for a legacy server: without what _meta says of the era,
 * without the answers and the state of earlier rounds, and without the wish for
 * a task in the form of an era that its client does not speak.
 */
void mcp_era_request_to_legacy(struct mcp_edits *l, const struct jsonrpc *m);

/*
 * A legacy request for a modern server: with these members of _meta ("a":1,
 * ...) inserted. room holds what is inserted and must outlive the edits.
 */
void mcp_era_request_to_modern(struct mcp_edits *l, const struct jsonrpc *m,
	struct str meta, struct buf *room);

/*
 * A legacy result for a modern client: with a resultType, our name in _meta
 * and, when it may be cached, for how long.
 */
void mcp_era_result_to_modern(struct mcp_edits *l, struct str result,
	bool cacheable, struct buf *room);

/* a modern result for a legacy client: without what only its era has */
void mcp_era_result_to_legacy(struct mcp_edits *l, struct str result);

/* an error of a legacy server for a modern client: its code, and edits */
int mcp_era_error_to_modern(struct mcp_edits *l, struct str error);

/* does a result say that it is of this type ("input_required", "task")? */
bool mcp_result_is(struct str result, const char *type);

/* append {..., the members that every modern result of ours begins with */
void mcp_era_put_head(struct buf *out, bool cacheable);

#endif
