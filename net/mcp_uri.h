/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_uri.h - resource URIs of several servers side by side.
 *
 * input: untrusted
 *
 * A URI is shown as its server wrote it. When an earlier server lists the
 * same one, the server's name is inserted as first path segment, which can be
 * undone by cutting the inserted bytes out again.
 */
#ifndef NET_MCP_URI_H
#define NET_MCP_URI_H

#include "lib/buf.h"

/* longer URIs and templates are compared as a whole, not matched */
enum { MCP_URI_MATCH_MAX = 4096 };

/* where in a URI the name is inserted: behind "://", or at its start */
size_t mcp_uri_place(struct str uri);

/* append a server's name, its bytes that cannot stand in a URI escaped */
void mcp_uri_put_name(struct buf *out, const char *name);

/*
 * Append the URI with the name of its server inserted; returns how many bytes
 * were: file:///x becomes file://NAME/x, a://b a://NAME/b, urn:x NAME+urn:x.
 */
size_t mcp_uri_insert(struct buf *out, struct str uri, const char *name);

/* append the URI without the bytes inserted at its place */
void mcp_uri_cut(struct buf *out, struct str uri, size_t inserted);

/*
 * Could this URI be an expansion of the template (RFC 6570)? {x} stands for
 * any run without '/', expressions with an operator for any run at all.
 */
bool mcp_uri_matches(struct str tmpl, struct str uri);

#endif
