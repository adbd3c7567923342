/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_child.h - one MCP server as a child process: newline-delimited
 * messages over its stdin and stdout (MCP stdio transport).
 *
 * input: untrusted
 *
 * Owns the process, its process group and its three pipes. stderr goes to our
 * log, rate-limited, and its end is kept for error messages.
 */
#ifndef NET_MCP_CHILD_H
#define NET_MCP_CHILD_H

#include "lib/buf.h"
#include "lib/loop.h"
#include "net/mcp_config.h"

enum {
	MCP_LINE_MAX = 64 << 20,   /* one message from a server */
	MCP_QUEUE_MAX = 128 << 20, /* waiting for a server that does not read */
	MCP_TAIL_MAX = 2048,       /* end of stderr that is kept */
};

struct mcp_child;

/* what every child belongs to; counts those that are not gone yet */
struct mcp_children {
	struct loop *loop;
	struct mcp_child *first;
	size_t alive;
};

struct mcp_child_events {
	/* one line without its end; valid during the call */
	void (*on_line)(void *owner, struct str line);
	/*
	 * The process is gone and all it wrote was delivered; the child is
	 * released when this returns. reason: "exit 3", "killed by SIGKILL"
	 */
	void (*on_exit)(void *owner, const char *reason);
	void *owner;
};

/* a sentence that says why something could not be done */
struct mcp_why {
	char text[512];
};

/*
 * Start the server; the configuration is not needed afterwards. NULL: it
 * could not be started, and why says the reason.
 */
struct mcp_child *mcp_child_start(struct mcp_children *all,
	const struct mcp_server_config *config,
	const struct mcp_child_events *events, struct mcp_why *why);

/* where to append the next message and its newline; then mcp_child_flush() */
struct buf *mcp_child_queue(struct mcp_child *c);
void mcp_child_flush(struct mcp_child *c);

pid_t mcp_child_pid(const struct mcp_child *c);

/* the last bytes of stderr, without the final line break */
struct str mcp_child_tail(const struct mcp_child *c);

/*
 * No more events; its stdin is closed, then after 2 s its group gets SIGTERM,
 * after 2 s more SIGKILL. It releases itself.
 */
void mcp_child_retire(struct mcp_child *c);

/* SIGTERM to every group at once; SIGKILL after 2 s (for our own end) */
void mcp_children_stop(struct mcp_children *all);

#endif
