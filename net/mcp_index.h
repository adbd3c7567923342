/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_index.h - all that a set of servers has, under the names that
 * clients see: the answers to the list methods, and from a name to its server.
 *
 * Tools and prompts: with one serving server its names as they are, with two
 * or more SERVER_NAME, unless the naming says otherwise. Resource URIs stay as they are, also with many
 * servers; one that an earlier server has too gets the server's name as first
 * path segment (net/mcp_uri.h).
 */
#ifndef NET_MCP_INDEX_H
#define NET_MCP_INDEX_H

#include "net/mcp_upstream.h"

struct mcp_entry {
	size_t name_at; /* of the full name or URI, in names */
	size_t name_len;
	size_t order;    /* place in the list */
	bool renamed;    /* it is not what the server wrote */
	size_t inserted; /* bytes that were inserted into a URI */
	struct mcp_upstream *upstream;
	size_t item;    /* index into upstream->items of the kind */
	unsigned roles; /* who may use it: bits 1 << role */
	bool mutates;   /* a tool that does not say that it only reads */
};

/* everything of one kind */
struct mcp_table {
	enum mcp_kind kind;
	struct buf list; /* {"tools":[...]} */
	/* the same for each role, when they are not all the same */
	struct buf role_list[ROLES];
	bool restricted;
	struct buf names;
	struct mcp_entry *entry; /* sorted by name */
	size_t n;
};

struct mcp_index {
	struct mcp_table table[MCP_KINDS];
	/* "capabilities":{...} and, when there are any, "instructions":"..." */
	struct buf greeting;
	struct buf role_greeting[ROLES]; /* when a server is not everybody's */
	bool restricted;
	size_t serving; /* servers that serve tools */
	bool renamed;   /* some URIs are not what their servers wrote */
	const struct mcp_naming *naming; /* the owner's; NULL: as by default */
};

void mcp_index_init(struct mcp_index *x);
void mcp_index_fini(struct mcp_index *x);

/*
 * Build it anew from these servers, in this order. 0 or -ENOMEM, which leaves
 * it as it was.
 */
int mcp_index_build(
	struct mcp_index *x, struct mcp_upstream *const *set, size_t n);

/* what a role sees: the answer to a list method, and of the greeting */
struct str mcp_index_list(
	const struct mcp_index *x, enum mcp_kind kind, enum role role);
struct str mcp_index_greeting(const struct mcp_index *x, enum role role);

/* forget what a server has: nobody finds it any more */
void mcp_index_forget(struct mcp_index *x, const struct mcp_upstream *u);

/* what clients know by this (plain) name or URI; NULL: nothing */
const struct mcp_entry *mcp_index_find(
	const struct mcp_index *x, enum mcp_kind kind, struct str name);

/* the raw name or URI as the server wrote it */
struct str mcp_entry_key(const struct mcp_table *t, const struct mcp_entry *e);

/* who may have a resource, and what of its URI is not the server's */
struct mcp_place {
	struct mcp_upstream *upstream;
	size_t inserted;
};

enum { MCP_PLACES_MAX = 16 };

/*
 * Where to look for a (plain) URI, best first, no server twice: who lists it,
 * whose templates match it, then everybody with resources, since servers may
 * have some that they do not list. Returns how many places, at most
 * MCP_PLACES_MAX.
 */
size_t mcp_index_places(const struct mcp_index *x,
	struct mcp_upstream *const *set, size_t n, struct str uri,
	struct mcp_place *out);

/*
 * Append, unquoted, the URI that clients know this server's (plain) URI by.
 * false: it is the same, nothing was appended.
 */
bool mcp_index_show_uri(struct buf *out, const struct mcp_index *x,
	const struct mcp_upstream *u, struct str uri);

#endif
