/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_conn.h - a connection to one MCP server: messages both ways, each
 * one line.
 *
 * input: untrusted
 *
 * What is at the other end is of no interest to who uses it: a process of ours
 * (net/mcp_child.c) or a URL (net/mcp_remote.c).
 */
#ifndef NET_MCP_CONN_H
#define NET_MCP_CONN_H

#include "lib/buf.h"
#include "lib/keeper.h"
#include "lib/loop.h"
#include "net/http_fetch.h"
#include "net/mcp_config.h"

enum {
	MCP_LINE_MAX = 64 << 20,   /* one message from a server */
	MCP_QUEUE_MAX = 128 << 20, /* waiting for a server that does not read */
	MCP_TAIL_MAX = 2048,       /* end of what it said on the side */
};

struct mcp_conn;
struct mcp_upstream;

/* an era that was found out, by command or URL */
struct mcp_known {
	uint64_t key;
	bool set, modern;
};

enum { MCP_KNOWN_MAX = 256 };

/* what every connection belongs to; counts those that are not gone yet */
struct mcp_conns {
	struct loop *loop;
	struct mcp_conn *first;
	size_t alive;
	struct http_fetcher fetcher;  /* of the remote ones */
	struct keeper keeper;         /* of the processes */
	unsigned starting;            /* servers, see net/mcp_start.h */
	struct mcp_upstream *waiting; /* for their turn */
	struct mcp_known known[MCP_KNOWN_MAX];
	size_t nknown; /* ever; the oldest is overwritten */
};

struct mcp_conn_events {
	/* one message without a line end; valid during the call */
	void (*on_line)(void *owner, struct str line);
	/*
	 * The server is gone and all it wrote was delivered; the connection is
	 * released when this returns. reason: "exit 3", "killed by SIGKILL".
	 * later: it could not be reached, which may change by itself.
	 */
	void (*on_exit)(void *owner, const char *reason, bool later);
	/*
	 * The server does not know us any more, though it can be reached: the
	 * handshake has to be done again. line is a message that it refused
	 * therefore (n == 0: none). anew: this is the first word of it.
	 */
	void (*on_lost)(void *owner, struct str line, bool anew);
	void *owner;
};

/* a sentence that says why something could not be done */
struct mcp_why {
	char text[512];
};

/*
 * Connect to the server; the configuration is not needed afterwards. NULL: it
 * cannot be, and why says the reason.
 */
struct mcp_conn *mcp_conn_start(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events, struct mcp_why *why);

/* where to append the next message and its newline; then mcp_conn_flush() */
struct buf *mcp_conn_queue(struct mcp_conn *c);
void mcp_conn_flush(struct mcp_conn *c);

/* of its process; 0: it is none of ours */
pid_t mcp_conn_pid(const struct mcp_conn *c);

/* the last bytes it said on the side (stderr), without the last line break */
struct str mcp_conn_tail(const struct mcp_conn *c);

/*
 * No more events; the server is told in its own way, and made to leave when
 * it does not. The connection releases itself.
 */
void mcp_conn_retire(struct mcp_conn *c);

/* end every connection within 2 s (for our own end) */
void mcp_conns_stop(struct mcp_conns *all);

void mcp_conns_init(struct mcp_conns *all, struct loop *loop);
void mcp_conns_fini(struct mcp_conns *all);

/* ---- for the kinds of connection only */

struct mcp_conn_kind {
	/* send what is in the queue */
	void (*flush)(struct mcp_conn *c);
	/* events are off already */
	void (*retire)(struct mcp_conn *c);
	void (*stop)(struct mcp_conn *c);
	void (*release)(struct mcp_conn *c);
};

/* first member of each kind's own struct */
struct mcp_conn {
	const struct mcp_conn_kind *kind;
	struct mcp_conns *all;
	struct mcp_conn *prev, *next;
	char *name;
	struct mcp_conn_events events; /* on_line == NULL: retired */
	pid_t pid;
	struct buf queue; /* to the server */
	struct buf tail;
	struct loop_defer release;
};

/* fill in a zeroed one, which is not listed yet; false: no memory */
bool mcp_conn_init(struct mcp_conn *c, const struct mcp_conn_kind *kind,
	struct mcp_conns *all, const struct mcp_server_config *config,
	const struct mcp_conn_events *events);
void mcp_conn_fini(struct mcp_conn *c);

void mcp_conn_enlist(struct mcp_conn *c);

/* it is over: unlist it now, release it at the end of the turn */
void mcp_conn_delist(struct mcp_conn *c);

void mcp_conn_keep_tail(struct mcp_conn *c, struct str text);

/* hand a message on, without a carriage return at its end */
void mcp_conn_deliver(struct mcp_conn *c, struct str line);

#endif
