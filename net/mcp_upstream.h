/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_upstream.h - one MCP server as the router sees it: started,
 * initialized once, its tools known, many calls under way at once.
 *
 * A call is a request with an id of ours. Each ends exactly once: by the
 * server's answer, or by a failure that says why there will be none.
 */
#ifndef NET_MCP_UPSTREAM_H
#define NET_MCP_UPSTREAM_H

#include "net/jsonrpc.h"
#include "net/mcp_child.h"
#include "net/mcp_tools.h"

enum { MCP_CALL_BUCKETS = 64 };

enum mcp_state {
	MCP_STARTING, /* process runs, initialize or tools/list is under way */
	MCP_READY,
	MCP_DOWN,   /* ended; will be started again after the backoff */
	MCP_FAILED, /* never got ready, and is not tried again */
};

struct mcp_call;
struct mcp_upstream;

struct mcp_call_ops {
	/* the answer; m->id is ours. The call is no longer known when called */
	void (*on_answer)(struct mcp_call *call, const struct jsonrpc *m);
	/* there will be no answer; why is one sentence */
	void (*on_failure)(struct mcp_call *call, const char *why);
	/* notifications/progress for this call; may be NULL */
	void (*on_progress)(struct mcp_call *call, const struct jsonrpc *m);
};

/* embedded in what the caller remembers of the call */
struct mcp_call {
	const struct mcp_call_ops *ops;
	struct mcp_upstream *upstream; /* NULL: not under way */
	uint64_t id;
	struct mcp_call *next;
	struct loop_timer timer;
};

struct mcp_upstream_events {
	void (*on_ready)(void *owner, struct mcp_upstream *u);
	/* it failed before it was ready for the first time */
	void (*on_failed)(void *owner, struct mcp_upstream *u);
	/* its tools are others than before (after the first time) */
	void (*on_tools)(void *owner, struct mcp_upstream *u);
	void *owner;
};

struct mcp_upstream {
	struct mcp_server_config *config; /* owned */
	struct mcp_upstream_events events;
	struct mcp_children *children;
	struct mcp_child *child; /* NULL: no process */
	enum mcp_state state;
	bool was_ready;
	struct mcp_tools tools;
	struct mcp_tools fresh; /* being read, page by page */
	unsigned pages;         /* of the list that is being read */
	bool tools_stale;       /* list_changed came while they were read */
	struct mcp_call own;    /* our initialize or tools/list */
	struct buf held;        /* requests that wait for the handshake */
	struct mcp_call *calls[MCP_CALL_BUCKETS];
	size_t ncalls; /* without our own */
	uint64_t last_id;
	uint64_t started_ms;
	unsigned attempts; /* of the current series of starts */
	uint64_t backoff_ms;
	struct loop_timer timer; /* startup deadline, or restart */
	struct loop_timer poll;  /* tools/list again while there are none */
	char version[16];        /* what it negotiated */
	char why[1024];          /* of the last failure */
};

/*
 * Start a server; takes the configuration. Only NULL (no memory) is reported
 * here: all else comes as an event in a later turn.
 */
struct mcp_upstream *mcp_upstream_new(struct mcp_children *children,
	struct mcp_server_config *config,
	const struct mcp_upstream_events *events);

/* whom it tells from now on */
void mcp_upstream_set_events(
	struct mcp_upstream *u, const struct mcp_upstream_events *events);

/* fail what is under way, let the process go, release */
void mcp_upstream_free(struct mcp_upstream *u);

/* what becomes of a client's request on its way */
struct mcp_outgoing {
	const struct jsonrpc *request; /* its id is replaced by ours */
	struct str token; /* its raw progress token, likewise; or p == NULL */
	const struct jsonrpc_edit *edits; /* what else changes in its text */
	size_t n;
};

/*
 * Send a request. The call must stay where it is until it ended. A failure
 * may be reported before this returns.
 */
void mcp_upstream_call(struct mcp_upstream *u, struct mcp_call *call,
	const struct mcp_outgoing *out);

/*
 * The caller lost interest: the server is told (notifications/cancelled with
 * the raw reason, when p is set) and its answer will be dropped.
 */
void mcp_upstream_cancel(struct mcp_call *call, struct str reason);

#endif
