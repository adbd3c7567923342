/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_names.h - under which names clients know the tools and prompts of
 * many servers, and which tools they are given at all.
 */
#ifndef NET_MCP_NAMES_H
#define NET_MCP_NAMES_H

#include "lib/buf.h"

enum {
	MCP_SHOWN_MAX = 64, /* what model interfaces accept */
	MCP_SEPARATOR_MAX = 8,
};

enum mcp_prefix {
	MCP_PREFIX_AUTO, /* with two or more serving servers */
	MCP_PREFIX_ALWAYS,
	MCP_PREFIX_NEVER,
	MCP_PREFIX_ON_COLLISION, /* where several servers have one name */
};

struct mcp_naming {
	enum mcp_prefix prefix;
	char *separator; /* owned; NULL: "_" */
	char **allowed;  /* owned patterns; NULL or none: every tool */
};

void mcp_naming_fini(struct mcp_naming *naming);
bool mcp_naming_equal(const struct mcp_naming *a, const struct mcp_naming *b);

const char *mcp_naming_separator(const struct mcp_naming *naming);

/* how many tools the list names; 0: there is no list */
size_t mcp_naming_allowed(const struct mcp_naming *naming);

/*
 * May clients have the tool that they would know by this (plain) name? An
 * entry is the name, its part behind a separator, or a pattern (lib/glob.h)
 * for either.
 */
bool mcp_naming_allows(const struct mcp_naming *naming, struct str name);

/*
 * The name at the end of a buffer, from `at` on, is cut to MCP_SHOWN_MAX bytes
 * when it is longer: its beginning and a hash of all of it, so that it is the
 * same in every run and differs where names differ. true: it was cut.
 */
bool mcp_name_shorten(struct buf *names, size_t at);

#endif
