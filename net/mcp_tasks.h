/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_tasks.h - calls that are answered by a task, in the form of either
 * era: the experimental tasks of MCP 2025-11-25 and the extension
 * io.modelcontextprotocol/tasks of 2026-07-28; private to the router.
 *
 * input: untrusted
 *
 * Tasks live at their servers, and ids say which: with several serving servers
 * clients see SERVER+ID. The two forms differ in who decides that there is to
 * be a task, so they are not translated: a client finds the tasks of servers
 * that it shares the era with.
 */
#ifndef NET_MCP_TASKS_H
#define NET_MCP_TASKS_H

#include "net/mcp_post.h"

#define MCP_TASKS_EXTENSION "io.modelcontextprotocol/tasks"

enum {
	MCP_TASK_ID_MAX = 4096, /* longer ones are left as they are */
	/* of all ids of a message, each byte of them escaped */
	MCP_TASK_IDS_MAX = 128 * MCP_TASK_ID_MAX,
};

/* append the id that clients know a task of this server by */
void mcp_task_show(struct buf *out, const char *server, struct str id);

/* the id without this server's name; false: it does not begin with that */
bool mcp_task_cut(struct str shown, const char *server, struct str *id);

/*
 * Find the task ids of a result or of params: its own, that of the task in it,
 * that of the task that its _meta says it is related to. Edits replace them by
 * those that clients know, or (back) these by the server's; ids holds the new
 * ones and must be empty, and outlive the edits. Returns how many there are.
 */
size_t mcp_tasks_edit(struct mcp_edits *l, struct str object,
	const char *server, bool back, struct buf *ids);

/* does this server have tasks, and by other ids than clients know? */
bool mcp_tasks_at(const struct mcp_upstream *u);
bool mcp_tasks_renamed(const struct mcp_index *x, const struct mcp_upstream *u);

/* append what a client is greeted with: that of the index, and tasks */
void mcp_tasks_put_greeting(struct buf *out, const struct mcp_router *r,
	const struct mcp_session *s);

/* tasks/get, tasks/result, tasks/update, tasks/cancel: to the task's server */
void mcp_tasks_route(struct mcp_post *p, const struct jsonrpc *m);

#endif
