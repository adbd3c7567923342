/* SPDX-License-Identifier: MIT */
/* net/mcp.h - names and numbers of the Model Context Protocol. */
#ifndef NET_MCP_H
#define NET_MCP_H

#include <stdbool.h>

#include "lib/str.h"

/* the newest session-based revision; what we ask servers for */
#define MCP_VERSION_LEGACY "2025-11-25"
/* the first revision whose requests stand alone */
#define MCP_VERSION_MODERN "2026-07-28"

/* codes of MCP beside those of JSON-RPC */
enum mcp_code {
	MCP_CODE_TRANSPORT = -32000,  /* no session, bad header ... */
	MCP_CODE_NO_SESSION = -32001, /* makes clients initialize anew */
	MCP_CODE_NO_RESOURCE = -32002,
	MCP_CODE_HEADER = -32020,     /* a header says other than the body */
	MCP_CODE_CAPABILITY = -32021, /* the client did not declare it */
	MCP_CODE_VERSION = -32022,
	MCP_CODE_URL_ELICITATION = -32042,
};

/* is this one of the session-based revisions? */
static inline bool mcp_version_known(struct str version)
{
	static const char *const known[] = {"2025-11-25", "2025-06-18",
		"2025-03-26", "2024-11-05", "2024-10-07"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is(version, known[i]))
			return true;
	return false;
}

#endif
