/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_offer.h - what a client can do for servers: its capabilities, in
 * both eras.
 *
 * input: untrusted
 */
#ifndef NET_MCP_OFFER_H
#define NET_MCP_OFFER_H

#include "net/jsonrpc.h"

enum mcp_offer {
	MCP_OFFER_SAMPLING = 1,
	MCP_OFFER_SAMPLING_TOOLS = 2,
	MCP_OFFER_ELICIT_FORM = 4,
	MCP_OFFER_ELICIT_URL = 8,
	MCP_OFFER_ROOTS = 16,
	MCP_OFFER_ALL = 31,
};

/* what a client's raw capabilities offer */
unsigned mcp_offers_read(struct str capabilities);

/* append the capabilities that offers are */
void mcp_offers_put(struct buf *out, unsigned offers);

/*
 * Append what params._meta of a modern request says ("a":1, ...) for a client
 * with these offers. level: of the log messages that it wants, or NULL: none.
 */
void mcp_offers_put_meta(struct buf *out, unsigned offers, const char *level);

/* what a client must offer to be asked this; 0: nobody is */
unsigned mcp_offers_needed(const struct jsonrpc *m);

#endif
