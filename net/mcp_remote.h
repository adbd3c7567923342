/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_remote.h - an MCP server at a URL: Streamable HTTP (2025-03-26 to
 * 2026-07-28), or HTTP+SSE (2024-11-05).
 *
 * input: untrusted
 *
 * Each message is a POST of its own. What the transport needs to know - the
 * session, the protocol version, which answer belongs to which request - it
 * learns from the messages that pass, so that whoever uses the connection
 * sees lines, as from a process.
 *
 * Redirects are followed on the same host only (and never from https to http):
 * the fields that go along may be secrets.
 */
#ifndef NET_MCP_REMOTE_H
#define NET_MCP_REMOTE_H

#include "net/http_fetch.h"
#include "net/jsonrpc.h"
#include "net/mcp_conn.h"
#include "net/sse_read.h"

/* mcp_conn_start() for a configuration with a URL */
struct mcp_conn *mcp_remote_start(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events, struct mcp_why *why);

/* ---- shared by net/mcp_remote*.c only */

enum {
	MCP_REMOTE_CONNECT_MS = 30000,
	MCP_REMOTE_LEAVE_MS = 2000, /* for the farewell */
	MCP_REMOTE_OPEN_MAX = 1024, /* POSTs under way */
	MCP_REMOTE_REDIRECTS = 5,
	MCP_REMOTE_SESSION_MAX = 4096, /* bytes of a session id */
};

enum mcp_errand_kind {
	MCP_REMOTE_POST,
	MCP_REMOTE_LISTEN, /* the GET event stream */
	MCP_REMOTE_DELETE,
};

struct mcp_remote;

/* one HTTP request, and those that continue it */
struct mcp_remote_errand {
	struct mcp_remote *remote;
	struct mcp_remote_errand *prev, *next;
	enum mcp_errand_kind kind;
	struct http_fetch *fetch; /* NULL: between two requests */
	struct loop_timer timer;
	struct buf line;   /* the message */
	struct str id;     /* raw, in line; p == NULL: no answer is due */
	struct buf fields; /* "Name: value\n" of this message alone */
	struct buf url;    /* where it goes now */
	bool initialize;
	bool initialized;
	bool with_session; /* the request named one */
	unsigned era;      /* of the session that it named */
	bool answered;
	bool stream; /* the answer is an event stream */
	bool resuming;
	int status;
	struct buf body; /* of another answer */
	struct buf location;
	struct sse_reader sse;
	unsigned redirects;
	unsigned fruitless; /* connections in a row that brought nothing */
};

struct mcp_remote {
	struct mcp_conn base;
	struct buf url;  /* as configured */
	struct buf post; /* where messages go; HTTP+SSE: empty until told */
	bool sse;        /* the transport of 2024-11-05 */
	char **headers;  /* "Name: value", NULL-terminated */
	char *bearer;    /* or NULL */
	struct buf session;
	char version[16]; /* what to say in MCP-Protocol-Version; or "" */
	unsigned era;     /* counts sessions */
	struct mcp_remote_errand *errands;
	size_t nerrands;
	struct mcp_remote_errand *listen;
	bool no_listen; /* the server has no such stream */
	bool heard;     /* it has answered something */
	bool ending;
	struct loop_timer timer;
};

/* ---- net/mcp_remote_http.c: requests */

/* a new errand; line and fields are copied. NULL: no memory */
struct mcp_remote_errand *mcp_remote_errand_new(struct mcp_remote *r,
	enum mcp_errand_kind kind, struct str line, struct str fields);

/* forget it, whatever is under way */
void mcp_remote_errand_free(struct mcp_remote_errand *e);

/* send the request (again); what comes of it is told in a later turn */
void mcp_remote_go(struct mcp_remote_errand *e);

/* ---- net/mcp_remote.c: what came of it */

/* a message of the server; false: the connection is over */
bool mcp_remote_message(struct mcp_remote_errand *e, struct str text);

/* an event of another name; false: the connection is over */
bool mcp_remote_event(
	struct mcp_remote_errand *e, const struct sse_event *event);

/* the head of an answer with its status is there */
void mcp_remote_head(struct mcp_remote_errand *e, const struct http_head *head);

/*
 * The request is over. error: NULL, or why there is no (whole) answer; later:
 * another try may do better. The errand may be gone afterwards.
 */
void mcp_remote_over(
	struct mcp_remote_errand *e, const char *error, bool later);

#endif
