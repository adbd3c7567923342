/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_router.h - many MCP servers behind one endpoint.
 *
 * Owns the set of servers that serves now, the set that is being prepared
 * beside it, and the clients' sessions, which outlive every swap.
 */
#ifndef NET_MCP_ROUTER_H
#define NET_MCP_ROUTER_H

#include "lib/phase.h"
#include "net/mcp_index.h"
#include "net/mcp_session.h"

enum { MCP_SESSION_IDLE_S = 24 * 3600 };

struct mcp_swap;

struct mcp_router {
	struct loop *loop;
	struct mcp_conns conns;
	struct mcp_sessions sessions;
	struct mcp_upstream **set; /* what serves now */
	size_t n;
	bool configured; /* a swap has succeeded */
	struct mcp_index index;
	struct mcp_naming naming;
	struct mcp_swap *swap; /* being prepared; waiting ones behind it */
	struct mcp_waiting *waiting; /* for servers that are waking up */
	struct loop_timer wake;
	bool woken;                     /* those that waited are being routed */
	struct mcp_instance *instances; /* of servers that are not shared */
	struct mcp_retired *retired; /* out of service, calls still under way */
	struct mcp_post *free_posts; /* kept for the next ones */
	struct mcp_request *free_requests;
	struct loop_timer expiry; /* of sessions; set while there are any */
	struct buf scratch;       /* one message being put together */
	struct mcp_streams streams;
	struct mcp_ask *asks; /* what clients have not answered yet */
	size_t nasks;
	uint64_t last_ask;
	struct mcp_session *roots_session; /* the last that changed its roots */
	struct mcp_sub *subs;              /* subscriptions to resources */
	size_t nsubs;
	struct mcp_listen *listens; /* of modern clients */
	struct mcp_park *parks;     /* calls that wait for modern clients */
	size_t nparks;
	size_t parked_bytes;
	unsigned char ticket_key[32]; /* that their states are sealed with */
	bool has_ticket_key;
	size_t levels[8];  /* sessions that asked for each log level */
	int level;         /* what servers were told; -1: nothing */
	uint64_t idle_ms;  /* a session unused for so long is dropped */
	bool log_calls;    /* a line of log for each request that ended */
	const char *hosts; /* names that Host may have, or NULL */
	struct phase_watch phase; /* after it, tools only read */
};

/* idle_ms and hosts may be changed afterwards */
void mcp_router_init(struct mcp_router *r, struct loop *loop);

/*
 * Fail the swaps, end every event stream and every server at once; then
 * mcp_router_idle().
 */
void mcp_router_stop(struct mcp_router *r);
bool mcp_router_idle(const struct mcp_router *r);
void mcp_router_fini(struct mcp_router *r);

/* ----------------------------------------------------------- hot swap */

struct mcp_swap_result {
	bool ok;
	bool unchanged;            /* it was the configuration that serves */
	const char *failed_server; /* when not ok; "": none of them */
	const char *why;
	unsigned attempts;
	uint64_t us; /* how long it took */
};

typedef void mcp_swap_fn(void *owner, const struct mcp_swap_result *result);

/*
 * Prepare these servers beside those that serve; when all are ready they take
 * over in one step, and when one fails nothing changes. Swaps are done one
 * after the other. Takes the configuration; fn is called once, in a later
 * turn. NULL: no memory (the configuration is released).
 */
struct mcp_swap *mcp_router_swap(struct mcp_router *r,
	struct mcp_config *config, mcp_swap_fn *fn, void *owner);

/* who asked has gone: what was prepared is dropped, fn is not called */
void mcp_router_cancel(struct mcp_router *r, struct mcp_swap *swap);

/* out of service: it goes when its calls are answered or out of time */
void mcp_router_retire(struct mcp_router *r, struct mcp_upstream *u);

/* append {"servers":[{"name", "state", "pid", ...}],"sessions":N} */
void mcp_router_status(const struct mcp_router *r, struct buf *out);

/* ------------------------------------------------------------ endpoint */

/*
 * Who sends a request is what http_note() has: the owner of the endpoint put
 * an enum role there.
 */
static inline enum role mcp_router_role(struct http_exchange *x)
{
	return (enum role) * http_note(x);
}

/* an HTTP request to the MCP endpoint (any method) */
void mcp_router_http(struct mcp_router *r, struct http_exchange *x);

/*
 * The transport of 2024-11-05: GET opens the client's event stream, which
 * names MCP_MESSAGES_PATH as the address for its messages.
 */
#define MCP_MESSAGES_PATH "/messages"
void mcp_router_sse(struct mcp_router *r, struct http_exchange *x);
void mcp_router_messages(struct mcp_router *r, struct http_exchange *x);

#define MCP_NOT_CONFIGURED "no MCP servers yet: POST /apps configures them"

/*
 * A client that is one connection both ways: the sink takes what it is told
 * and stays the caller's. NULL: no memory.
 */
struct mcp_session *mcp_router_connect(
	struct mcp_router *r, const struct mcp_sink *sink);

/* what it sent: a message, or an array of them */
void mcp_router_take(
	struct mcp_router *r, struct mcp_session *s, struct str text);

/* has all that it asked been answered? */
bool mcp_router_is_answered(const struct mcp_session *s);

/* end the event streams of all sessions (we end) */
void mcp_router_end_streams(struct mcp_router *r);

/* to the event stream of every session that has one open */
void mcp_router_broadcast(struct mcp_router *r, struct str message);

#endif
