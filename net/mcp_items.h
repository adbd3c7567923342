/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_items.h - what one server lists (tools, prompts, resources,
 * resource templates), kept as the bytes that came.
 *
 * input: untrusted
 */
#ifndef NET_MCP_ITEMS_H
#define NET_MCP_ITEMS_H

#include "lib/buf.h"

enum {
	MCP_ITEMS_MAX = 16384, /* of one kind */
	MCP_ITEMS_BYTES_MAX = 16 << 20,
};

enum mcp_kind {
	MCP_TOOLS,
	MCP_PROMPTS,
	MCP_RESOURCES,
	MCP_TEMPLATES,
};
enum { MCP_KINDS = 4 };

/* the words of the protocol for one kind */
struct mcp_words {
	const char *noun;
	const char *list;       /* the method */
	const char *member;     /* of its result */
	const char *key;        /* what an item is known by */
	const char *capability; /* of servers that have them */
	const char *changed;    /* the notification */
};

const struct mcp_words *mcp_words(enum mcp_kind kind);

/* one item; offsets into mcp_items.text */
struct mcp_item {
	size_t at; /* its JSON object */
	size_t len;
	size_t key_at; /* the raw name or URI in it, with quotes */
	size_t key_len;
	bool marked; /* a tool with x-mcp-header in its schema */
};

struct mcp_items {
	struct buf text; /* the JSON objects, one after the other */
	struct mcp_item *item;
	size_t n;
	size_t cap;
};

void mcp_items_init(struct mcp_items *t);
void mcp_items_fini(struct mcp_items *t);

/*
 * Add the items of one page: the raw result of its list method. *cursor
 * becomes the raw nextCursor (p == NULL: this was the last page). 0, or a
 * negative errno: -EPROTO when it is no such list, -E2BIG over the limits.
 */
int mcp_items_add_page(struct mcp_items *t, enum mcp_kind kind,
	struct str result, struct str *cursor);

/* the same items in the same order, byte for byte? */
bool mcp_items_equal(const struct mcp_items *a, const struct mcp_items *b);

/* raw object, and raw name or URI (with quotes) of an item */
struct str mcp_item_raw(const struct mcp_items *t, size_t i);
struct str mcp_item_key(const struct mcp_items *t, size_t i);

#endif
