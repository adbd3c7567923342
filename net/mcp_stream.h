/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_stream.h - event streams to clients that survive a lost connection.
 *
 * Each answer that became a stream, and the GET stream of each session, is
 * one. Its events have ids "STREAM-NUMBER" and the last ones are kept, so a
 * client that comes back with Last-Event-ID gets what it missed. Kept are
 * at most MCP_KEEP_BYTES a stream, MCP_KEEP_ALL altogether, and a stream that
 * has ended for MCP_KEEP_ENDED_MS. Streams of the modern era have no ids and are
 * not kept: there a lost connection means that nobody wants the answer.
 */
#ifndef NET_MCP_STREAM_H
#define NET_MCP_STREAM_H

#include "lib/buf.h"
#include "net/http_server.h"

enum {
	MCP_KEEP_BYTES = 256 << 10,
	MCP_KEEP_ALL = 64 << 20,
	MCP_KEEP_ENDED_MS = 60000,
	MCP_STREAM_QUEUE_MAX = 1 << 20, /* no more news over that */
	MCP_STREAM_PING_MS = 15000,
	MCP_STREAM_RETRY_MS = 1000, /* what clients are told to wait */
};

struct mcp_session;

/*
 * A client's connection that is no answer to an HTTP request: it takes whole
 * messages, and holds what it cannot send yet.
 */
struct mcp_sink {
	void (*send)(void *owner, struct str message);
	size_t (*queued)(void *owner);
	void *owner;
};

struct mcp_stream {
	struct mcp_streams *all;
	struct mcp_session *session;
	uint64_t id;                 /* within the session; 0: its GET stream */
	uint64_t last;               /* number of the last event */
	struct http_exchange *x;     /* NULL: nobody is connected */
	const struct mcp_sink *sink; /* a connection in place of x, or NULL */
	bool duplex; /* the session is this connection, and ends with it */
	bool ended;  /* there will be no more events */
	uint64_t ended_ms;
	struct buf kept;         /* events to be sent again */
	struct mcp_stream *next; /* of the session */
	struct mcp_stream *newer, *older;
};

struct mcp_streams {
	struct loop *loop;
	struct mcp_stream *newest, *oldest;
	size_t kept_bytes;
	struct loop_timer timer; /* keeps connections alive; set while any */
	/*
	 * The connection of a modern request, or of a duplex session, is gone;
	 * st may be ended in it.
	 */
	void (*on_lost)(void *owner, struct mcp_stream *st);
	void *owner;
};

void mcp_streams_init(struct mcp_streams *all, struct loop *loop);

/*
 * A new stream of a session, answered on x, which it owns from then on. NULL:
 * no memory, and nothing was done to x.
 */
struct mcp_stream *mcp_stream_open(struct mcp_streams *all,
	struct mcp_session *s, struct http_exchange *x, uint64_t id);

/*
 * The only stream of a session that is one connection both ways: the client
 * gets everything here and cannot come back for it. Either an event stream on
 * x or a sink, which stays the caller's. It becomes s->own. false: no memory,
 * and nothing was done to x.
 */
bool mcp_stream_open_duplex(struct mcp_streams *all, struct mcp_session *s,
	struct http_exchange *x, const struct mcp_sink *sink);

/* is anybody there to read it now? */
static inline bool mcp_stream_connected(const struct mcp_stream *st)
{
	return st && (st->x || st->sink);
}

/* one message (a single line) as an event */
void mcp_stream_send(struct mcp_stream *st, struct str message);

/*
 * The same for news: a client that does not read its stream can do without
 * the latest.
 */
void mcp_stream_tell(struct mcp_stream *st, struct str message);

/* a comment that keeps the connection from looking dead */
void mcp_stream_ping(struct mcp_stream *st);

/* no more events; it is released when nobody can ask for them any more */
void mcp_stream_end(struct mcp_stream *st);

/* end the connection, if there is one, and keep the stream */
void mcp_stream_detach(struct mcp_stream *st);

/*
 * A client came back on x: send what came after event number `after`, and
 * what is to come. A connection that it still had is ended.
 */
void mcp_stream_resume(
	struct mcp_stream *st, struct http_exchange *x, uint64_t after);

/* read a Last-Event-ID */
bool mcp_stream_read_id(struct str text, uint64_t *id, uint64_t *number);

struct mcp_stream *mcp_stream_find(const struct mcp_session *s, uint64_t id);

/* end and release all streams of a session */
void mcp_streams_drop(struct mcp_session *s);

#endif
