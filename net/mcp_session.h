/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_session.h - the sessions of clients (MCP Streamable HTTP,
 * revisions 2025-03-26 to 2025-11-25).
 *
 * Clients hardly ever end their sessions, so their number is bounded: over
 * the limit the one that was used longest ago and has nothing open goes, and
 * so do those that were idle for many hours.
 */
#ifndef NET_MCP_SESSION_H
#define NET_MCP_SESSION_H

#include "lib/role.h"
#include "net/mcp_offer.h"
#include "net/mcp_stream.h"
#include "net/mcp_upstream.h"

enum { MCP_LEVEL_NONE = 8 }; /* behind the last log level: nothing */

enum {
	MCP_SESSIONS_MAX = 16384,
	MCP_SESSION_BUCKETS = 1024,
	MCP_SESSION_ID_BYTES =
		16, /* random; shown as twice as many hex digits */
};

/*
 * A request of the modern era stands alone: its client has a session that
 * lives as long as the request, has no id, and is found by nobody.
 */
struct mcp_session {
	struct mcp_sessions *all;
	bool modern;
	char id[2 * MCP_SESSION_ID_BYTES + 1];
	char version[16];  /* as negotiated */
	unsigned offers;   /* enum mcp_offer */
	enum role role;    /* whose it is */
	signed char level; /* least log level wanted; -1: any.
			    MCP_LEVEL_NONE: no messages */
	uint64_t used_ms;  /* last request, or end of one */
	struct mcp_stream *streams;
	struct mcp_stream *own;       /* of its GET, or NULL; among streams */
	uint64_t last_stream;         /* id of the newest */
	unsigned subs;                /* its subscriptions to resources */
	struct mcp_request *requests; /* without an answer yet */
	struct mcp_listen *listen;    /* its request is one; or NULL */
	unsigned posts;               /* open POSTs that refer to it */
	bool ended;                   /* DELETEd; freed when posts is 0 */
	struct mcp_session *next;     /* in its bucket */
	struct mcp_session *newer, *older;
};

struct mcp_sessions {
	struct mcp_session *bucket[MCP_SESSION_BUCKETS];
	struct mcp_session *newest, *oldest; /* by last use */
	size_t n;
	/* it goes: let go of what refers to it */
	void (*on_end)(void *owner, struct mcp_session *s);
	void *owner;
};

/* a new session; NULL: no memory, or all of them are busy */
struct mcp_session *mcp_session_new(
	struct mcp_sessions *all, struct str version);

/* the client of one modern request; it goes with its last POST. NULL: no memory */
struct mcp_session *mcp_session_brief(struct mcp_sessions *all);

/* there was no POST of it after all */
void mcp_session_discard(struct mcp_session *brief);

/* the session of that id, marked as used now; NULL: there is none */
struct mcp_session *mcp_session_find(struct mcp_sessions *all, struct str id);

/* forget its id; the struct goes when nothing refers to it any more */
void mcp_session_end(struct mcp_sessions *all, struct mcp_session *s);

/* does its client know events without data? */
bool mcp_session_primes(const struct mcp_session *s);

/* may its role use this server at all? */
static inline bool mcp_session_finds(
	const struct mcp_session *s, const struct mcp_upstream *u)
{
	return mcp_roles_server(u->config->roles) & 1u << s->role;
}

/* may nobody miss it for now? */
bool mcp_session_idle(const struct mcp_session *s);

/* end the sessions that have been idle since before since_ms */
void mcp_sessions_expire(struct mcp_sessions *all, uint64_t since_ms);

/* a POST that referred to it is over */
void mcp_session_unref(struct mcp_session *s);

#endif
