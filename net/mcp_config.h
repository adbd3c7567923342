/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_config.h - the configuration of the MCP router: {"mcpServers":{}}.
 *
 * input: untrusted
 */
#ifndef NET_MCP_CONFIG_H
#define NET_MCP_CONFIG_H

#include <stdbool.h>

#include "lib/buf.h"
#include "net/mcp_roles.h"
#include "net/mcp_names.h"

/* whom a process, or session at a remote server, is for */
enum mcp_lifetime {
	MCP_SHARED,      /* everybody */
	MCP_PER_SESSION, /* one client's session */
	MCP_PER_CALL,    /* one call */
};

enum {
	MCP_SERVERS_MAX = 256,
	MCP_NAME_MAX = 128,        /* bytes of a server's name */
	MCP_CONFIG_VALUES = 65536, /* JSON values in a configuration */
};

/* what is known of a server's era */
enum mcp_era_wish {
	MCP_ERA_AUTO, /* nothing: it is asked */
	MCP_ERA_LEGACY,
	MCP_ERA_MODERN,
};

/* one server: command or URL; every string is owned and NUL-terminated */
struct mcp_server_config {
	unsigned refs; /* beside the first */
	char *name;
	char *command;
	char **argv;         /* command, arguments, NULL */
	char **env;          /* "NAME=VALUE", sorted, NULL-terminated */
	char *cwd;           /* or NULL */
	char *url;           /* of a remote server; NULL: command */
	bool filter_openapi; /* of what its tools do already */
	bool rest_only;      /* at the URL is no MCP server */
	bool sse;            /* by the transport of 2024-11-05 */
	char **headers;      /* "Name: value", sorted, NULL-terminated */
	char *bearer;        /* token, or NULL */
	bool serve_tools;
	enum mcp_lifetime lifetime;
	bool lazy; /* started by the first request that needs it */
	enum mcp_era_wish era;
	uint64_t startup_timeout_ms;
	uint64_t call_timeout_ms; /* 0: none */
	struct mcp_roles *roles;  /* NULL: everybody's */
};

struct mcp_config {
	struct mcp_naming naming;
	struct mcp_server_config **servers; /* in the order that was given */
	size_t n;
};

/*
 * Read a request body. 0, or the HTTP status of the refusal with its body in
 * `error`: 422 {"detail":[{type, loc, msg, input}]} names the field, 400
 * {"detail":"..."} says which server cannot be used and why, 500 is given
 * when memory is short.
 */
int mcp_config_read(struct mcp_config *c, struct str body, struct buf *error);

/* release what has not been taken (entries that are NULL were) */
void mcp_config_fini(struct mcp_config *c);

/* one more owner; each calls mcp_server_config_free() */
struct mcp_server_config *mcp_server_config_ref(struct mcp_server_config *s);
void mcp_server_config_free(struct mcp_server_config *s);

/* would the two start the same process in the same way? */
bool mcp_server_config_equal(
	const struct mcp_server_config *a, const struct mcp_server_config *b);

#endif
