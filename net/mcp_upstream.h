/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_upstream.h - one MCP server as the router sees it: started,
 * initialized once, its lists known, many calls under way at once.
 *
 * A call is a request with an id of ours. Each ends exactly once: by the
 * server's answer, or by a failure that says why there will be none.
 */
#ifndef NET_MCP_UPSTREAM_H
#define NET_MCP_UPSTREAM_H

#include "net/jsonrpc.h"
#include "net/mcp_conn.h"
#include "net/mcp_era.h"
#include "net/mcp_items.h"
#include "net/mcp_stats.h"

enum { MCP_CALL_BUCKETS = 64 };

enum mcp_state {
	MCP_ASLEEP,   /* started by the first request that needs it */
	MCP_STARTING, /* process runs, initialize or its lists are under way */
	MCP_READY,
	MCP_DOWN,   /* ended; will be started again after the backoff */
	MCP_FAILED, /* never got ready, and is not tried again */
};

/* to start, see net/mcp_start.h */
enum mcp_turn {
	MCP_TURN_NONE,
	MCP_TURN_WAITS,
	MCP_TURN_HAS,
};

/* what a server said in initialize that it can do */
enum mcp_can {
	MCP_CAN_TOOLS = 1,
	MCP_CAN_PROMPTS = 2,
	MCP_CAN_RESOURCES = 4,
	MCP_CAN_COMPLETE = 8,
	MCP_CAN_LOG = 16,
	MCP_CAN_SUBSCRIBE = 32,
	MCP_CAN_TASKS = 64, /* of 2025-11-25, for tools/call */
	MCP_CAN_CANCEL_TASKS = 128,
	MCP_CAN_TASK_EXTENSION = 256,
};

struct mcp_call;
struct mcp_instance;
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
	bool own; /* the upstream's, not a client's */
	uint64_t started_us;
	struct mcp_call *next;
	struct loop_timer timer;
};

struct mcp_upstream_events {
	void (*on_ready)(void *owner, struct mcp_upstream *u);
	/* it failed before it was ready for the first time */
	void (*on_failed)(void *owner, struct mcp_upstream *u);
	/* lists are others than before (after the first time): bits 1 << kind */
	void (*on_changed)(void *owner, struct mcp_upstream *u, unsigned kinds);
	/* a new process took the place of an ended one, and is ready */
	void (*on_again)(void *owner, struct mcp_upstream *u);
	/* the last call that was under way is over */
	void (*on_idle)(void *owner, struct mcp_upstream *u);
	/* its process has ended */
	void (*on_gone)(void *owner, struct mcp_upstream *u);
	/*
	 * What it asks clients (to be answered by mcp_upstream_forward()),
	 * and tells them. Without these a request is refused.
	 */
	void (*on_request)(
		void *owner, struct mcp_upstream *u, const struct jsonrpc *m);
	void (*on_notification)(
		void *owner, struct mcp_upstream *u, const struct jsonrpc *m);
	void *owner;
};

/* one list being read, page by page */
struct mcp_listing {
	unsigned pages; /* read of it so far */
	struct mcp_call call;
	struct mcp_items fresh;
	bool stale; /* list_changed came while it was read */
	struct mcp_upstream *upstream;
	bool done; /* read (or not to be had) since the process started */
};

struct mcp_upstream {
	struct mcp_server_config *config; /* owned */
	struct mcp_upstream *original; /* whose copy it is; NULL: it is one */
	struct mcp_instance *instance; /* the same as the router sees it */
	struct mcp_upstream_events events;
	struct mcp_conns *conns;
	struct mcp_conn *conn;    /* NULL: none now */
	struct http_fetch *reach; /* being asked whether it is there */
	enum mcp_state state;
	bool was_ready;
	struct mcp_items items[MCP_KINDS];
	struct mcp_listing listing[MCP_KINDS];
	unsigned changed;        /* kinds that this start brought anew */
	enum mcp_era era;        /* that it is spoken to in */
	unsigned can;            /* enum mcp_can */
	struct buf instructions; /* raw JSON string, or empty */
	struct mcp_call own;     /* our initialize */
	struct mcp_call probe;   /* our server/discover */
	bool probing;            /* its era is not known yet */
	struct mcp_watch *watches;
	struct buf held; /* requests that wait for the handshake */
	struct mcp_call *calls[MCP_CALL_BUCKETS];
	size_t ncalls; /* without our own */
	uint64_t last_id;
	uint64_t started_ms;
	uint64_t give_up_ms;    /* of the start that is under way */
	struct mcp_stats stats; /* of clients' calls */
	uint64_t restarts;
	unsigned attempts; /* of the current series of starts */
	uint64_t backoff_ms;
	enum mcp_turn turn;
	struct mcp_upstream *next_turn;
	void (*on_turn)(void *u);
	struct loop_timer turn_timer;
	uint64_t woken_ms;       /* when a request needed it first */
	struct loop_timer timer; /* startup deadline, or restart */
	struct loop_timer poll;  /* tools/list again, or patience with others */
	char version[16];        /* what it negotiated */
	char why[1024];          /* of the last failure */
};

/*
 * Start a server; takes the configuration. Only NULL (no memory) is reported
 * here: all else comes as an event in a later turn.
 */
struct mcp_upstream *mcp_upstream_new(struct mcp_conns *conns,
	struct mcp_server_config *config,
	const struct mcp_upstream_events *events);

/* a request needs it: if it is asleep (or failed to wake up), start it */
void mcp_upstream_wake(struct mcp_upstream *u);

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
	struct str fields; /* "Name: value" lines, for a server at a URL */
	size_t n;
};

/*
 * Send a request. The call must stay where it is until it ended. A failure
 * may be reported before this returns.
 */
void mcp_upstream_call(struct mcp_upstream *u, struct mcp_call *call,
	const struct mcp_outgoing *out);

/*
 * Send a notification, or a request whose answer is of no interest; params
 * are raw (p == NULL: none).
 */
void mcp_upstream_tell(
	struct mcp_upstream *u, const char *method, struct str params);

/* a client's answer to (or progress of) a request of the server */
void mcp_upstream_forward(struct mcp_upstream *u, struct str text,
	const struct jsonrpc_edit *edits, size_t n);

/*
 * The caller lost interest: the server is told (notifications/cancelled with
 * the raw reason, when p is set) and its answer will be dropped.
 */
void mcp_upstream_cancel(struct mcp_call *call, struct str reason);

#endif
