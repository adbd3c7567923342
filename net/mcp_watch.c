/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_watch.c - what a modern server is asked to tell.
 *
 * input: untrusted
 */
#include "net/mcp_watch.h"

#include "lib/mem.h"
#include "lib/size.h"
#include "net/mcp_call.h"
#include "net/mcp_lists.h"

enum { AGAIN_MS = 1000, PARAMS_MAX = 131072 };

static struct str params_of(const struct mcp_watch *w)
{
	return str_from(w->params, w->len);
}

static void ask_listen(struct mcp_watch *w)
{
	mcp_upstream_ask(
		w->upstream, &w->call, "subscriptions/listen", params_of(w));
}

static void release(struct mcp_watch *w)
{
	struct mcp_watch **at = &w->upstream->watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	loop_timer_clear(mcp_upstream_loop(w->upstream), &w->timer);
	if (w->call.upstream)
		mcp_call_delist(&w->call);
	mem_free(w->params);
	mem_free(w);
}

static void on_again(void *owner)
{
	struct mcp_watch *w = owner;
	if (w->upstream->state == MCP_READY && w->upstream->conn)
		ask_listen(w);
}

/* it ended in order: what changed meanwhile is not known, so not at once */
static void listen_again(struct mcp_watch *w)
{
	struct loop *loop = mcp_upstream_loop(w->upstream);
	(void)loop_timer_at(
		loop, &w->timer, loop_now(loop) + AGAIN_MS, on_again, w);
}

static void on_ended(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_watch *w = CONTAINER_OF(call, struct mcp_watch, call);
	if (m->kind == JSONRPC_ERROR)
		release(w); /* it tells nothing of this */
	else
		listen_again(w);
}

static void on_failed(struct mcp_call *call, const char *why)
{
	(void)call; /* the connection is gone, and mcp_watch_drop() follows */
	(void)why;
}

static const struct mcp_call_ops ops = {
	.on_answer = on_ended, .on_failure = on_failed};

static struct mcp_watch *find(struct mcp_upstream *u, struct str params)
{
	struct mcp_watch *w = u->watches;
	while (w && !str_eq(params_of(w), params))
		w = w->next;
	return w;
}

static void watch(struct mcp_upstream *u, struct str params)
{
	if (u->state != MCP_READY || !u->conn || find(u, params))
		return;
	struct mcp_watch *w = mem_new(sizeof(*w));
	if (!w)
		return;
	*w = (struct mcp_watch){.call = {.ops = &ops, .own = true},
		.upstream = u,
		.params = mem_dup(params.p, params.n),
		.len = params.n,
		.next = u->watches};
	if (!w->params) {
		mem_free(w);
		return;
	}
	u->watches = w;
	ask_listen(w);
}

void mcp_watch_lists(struct mcp_upstream *u)
{
	watch(u, STR("{\"notifications\":{\"toolsListChanged\":true,"
		     "\"promptsListChanged\":true,"
		     "\"resourcesListChanged\":true}}"));
}

/* the params of the listen for the resource that these params name */
static void put_listen(struct buf *out, struct str params)
{
	buf_puts(out, "{\"notifications\":{\"resourceSubscriptions\":[");
	buf_put_str(out, json_member(params, "uri"));
	buf_puts(out, "]}}");
}

void mcp_watch_resource(struct mcp_upstream *u, struct str params)
{
	struct buf text;
	buf_init(&text, PARAMS_MAX);
	put_listen(&text, params);
	if (!text.err)
		watch(u, buf_str(&text));
	buf_fini(&text);
}

static void put_cancelled(struct mcp_watch *w)
{
	if (w->call.upstream)
		mcp_upstream_cancel(&w->call, (struct str){NULL, 0});
}

void mcp_unwatch_resource(struct mcp_upstream *u, struct str params)
{
	struct buf text;
	buf_init(&text, PARAMS_MAX);
	put_listen(&text, params);
	struct mcp_watch *w = text.err ? NULL : find(u, buf_str(&text));
	if (w) {
		put_cancelled(w);
		release(w);
	}
	buf_fini(&text);
}

void mcp_watch_cancelled(struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct str id =
		m->params.p ? json_member(m->params, "requestId") : m->params;
	struct mcp_call *call = id.p ? mcp_call_find(u, id) : NULL;
	if (!call || call->ops != &ops)
		return;
	mcp_call_delist(call);
	listen_again(CONTAINER_OF(call, struct mcp_watch, call));
}

void mcp_watch_drop(struct mcp_upstream *u)
{
	while (u->watches)
		release(u->watches);
}
