/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_conn.c - what all connections to MCP servers have in common.
 *
 * input: untrusted
 */
#include "net/mcp_conn.h"

#include <string.h>

#include "lib/mem.h"
#include "net/mcp_child.h"
#include "net/mcp_remote.h"

struct mcp_conn *mcp_conn_start(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events, struct mcp_why *why)
{
	return config->url ? mcp_remote_start(all, config, events, why)
			   : mcp_child_start(all, config, events, why);
}

struct buf *mcp_conn_queue(struct mcp_conn *c)
{
	return &c->queue;
}

void mcp_conn_flush(struct mcp_conn *c)
{
	c->kind->flush(c);
}

pid_t mcp_conn_pid(const struct mcp_conn *c)
{
	return c->pid;
}

struct str mcp_conn_tail(const struct mcp_conn *c)
{
	struct str tail = buf_str(&c->tail);
	while (tail.n && strchr("\r\n \t", tail.p[tail.n - 1]))
		tail.n--;
	return tail;
}

void mcp_conn_retire(struct mcp_conn *c)
{
	c->events = (struct mcp_conn_events){0};
	c->kind->retire(c);
}

void mcp_conns_stop(struct mcp_conns *all)
{
	for (struct mcp_conn *c = all->first, *next; c; c = next) {
		next = c->next;
		c->kind->stop(c);
	}
}

void mcp_conns_init(struct mcp_conns *all, struct loop *loop)
{
	*all = (struct mcp_conns){
		.loop = loop, .fetcher = {.loop = loop}, .keeper = {.fd = -1}};
}

void mcp_conns_fini(struct mcp_conns *all)
{
	http_fetcher_fini(&all->fetcher);
	keeper_stop(&all->keeper);
}

/* ---------------------------------------------------- for the kinds only */

bool mcp_conn_init(struct mcp_conn *c, const struct mcp_conn_kind *kind,
	struct mcp_conns *all, const struct mcp_server_config *config,
	const struct mcp_conn_events *events)
{
	c->kind = kind;
	c->all = all;
	c->events = *events;
	buf_init(&c->queue, MCP_QUEUE_MAX);
	buf_init(&c->tail, MCP_TAIL_MAX);
	c->name = mem_dup(config->name, strlen(config->name));
	return c->name != NULL;
}

void mcp_conn_fini(struct mcp_conn *c)
{
	buf_fini(&c->queue);
	buf_fini(&c->tail);
	mem_free(c->name);
}

void mcp_conn_enlist(struct mcp_conn *c)
{
	c->next = c->all->first;
	if (c->next)
		c->next->prev = c;
	c->all->first = c;
	c->all->alive++;
}

static void release(void *owner)
{
	struct mcp_conn *c = owner;
	c->kind->release(c);
}

void mcp_conn_delist(struct mcp_conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->all->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->all->alive--;
	loop_defer(c->all->loop, &c->release, release, c);
}

void mcp_conn_keep_tail(struct mcp_conn *c, struct str text)
{
	if (text.n > MCP_TAIL_MAX)
		text = str_from_index(text, text.n - MCP_TAIL_MAX);
	if (c->tail.n + text.n > MCP_TAIL_MAX)
		buf_consume(&c->tail, c->tail.n + text.n - MCP_TAIL_MAX);
	buf_put_str(&c->tail, text);
}

void mcp_conn_deliver(struct mcp_conn *c, struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n && c->events.on_line)
		c->events.on_line(c->events.owner, line);
}
