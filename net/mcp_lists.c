/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_lists.c - reading what a server has: tools, prompts, resources.
 *
 * input: untrusted
 */
#include "net/mcp_lists.h"

#include <errno.h>

#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"
#include "net/mcp_call.h"

enum {
	POLL_MS = 250,      /* between two looks for a first tool */
	PAGES_MAX = 1024,   /* a cursor that comes again and again */
	PATIENCE_MS = 5000, /* with lists other than the tools' */
};

static const struct str no_cursor = {NULL, 0};

static void ask_page(
	struct mcp_upstream *u, enum mcp_kind kind, struct str cursor);

void mcp_lists_init(struct mcp_upstream *u)
{
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		mcp_items_init(&u->items[k]);
		mcp_items_init(&u->listing[k].fresh);
	}
}

void mcp_lists_fini(struct mcp_upstream *u)
{
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		mcp_items_fini(&u->items[k]);
		mcp_items_fini(&u->listing[k].fresh);
	}
}

void mcp_lists_restart(struct mcp_upstream *u)
{
	u->changed = 0;
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		u->listing[k].stale = false;
		u->listing[k].done = false;
		mcp_items_fini(&u->listing[k].fresh);
	}
}

/* can the server have items of this kind? */
static bool has_kind(const struct mcp_upstream *u, enum mcp_kind kind)
{
	static const unsigned bits[MCP_KINDS] = {
		[MCP_TOOLS] = MCP_CAN_TOOLS,
		[MCP_PROMPTS] = MCP_CAN_PROMPTS,
		[MCP_RESOURCES] = MCP_CAN_RESOURCES,
		[MCP_TEMPLATES] = MCP_CAN_RESOURCES,
	};
	return u->can & bits[kind];
}

static void on_patience_over(void *owner)
{
	struct mcp_upstream *u = owner;
	log_warn("server %s: ready, but not all its lists came within %d s",
		u->config->name, PATIENCE_MS / 1000);
	mcp_lists_ready(u);
}

/* one more list is there: is that all? */
static void check_ready(struct mcp_upstream *u)
{
	bool all = true;
	if (u->state != MCP_STARTING || !u->listing[MCP_TOOLS].done)
		return;
	for (unsigned k = 0; k < MCP_KINDS; k++)
		all = all && u->listing[k].done;
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	if (all)
		mcp_lists_ready(u);
	else
		(void)loop_timer_at(mcp_upstream_loop(u), &u->poll,
			loop_now(mcp_upstream_loop(u)) + PATIENCE_MS,
			on_patience_over, u);
}

/* take what was read, and tell when it differs from what was known */
static void finish(struct mcp_upstream *u, enum mcp_kind kind)
{
	struct mcp_listing *l = &u->listing[kind];
	bool changed = !mcp_items_equal(&u->items[kind], &l->fresh);
	struct mcp_items old = u->items[kind];
	u->items[kind] = l->fresh;
	mcp_items_init(&l->fresh);
	mcp_items_fini(&old);
	l->done = true;
	if (l->stale)
		ask_page(u, kind, no_cursor);
	if (u->state == MCP_STARTING) {
		u->changed |= changed ? 1u << kind : 0;
		check_ready(u);
	} else if (changed && u->events.on_changed) {
		u->events.on_changed(u->events.owner, u, 1u << kind);
	}
}

/* while it serves, the list that is known stays; before, there is none */
static void bad_list(struct mcp_upstream *u, enum mcp_kind kind, int err)
{
	const char *method = mcp_words(kind)->list;
	char why[128];
	if (err == -EACCES)
		fmt_str(why, sizeof(why), "it refused %s", method);
	else if (err == -EPROTO)
		fmt_str(why, sizeof(why), "its answer to %s is no such list",
			method);
	else
		fmt_str(why, sizeof(why), "its answer to %s is too large",
			method);
	if (u->state == MCP_STARTING && kind == MCP_TOOLS) {
		mcp_lists_failed(u, why);
		return;
	}
	log_at(err == -EACCES ? LOG_DEBUG : LOG_WARN, "server %s: %s",
		u->config->name, why);
	mcp_items_fini(&u->listing[kind].fresh);
	u->listing[kind].done = true;
	check_ready(u);
}

static void on_poll(void *owner)
{
	struct mcp_upstream *u = owner;
	if (!u->listing[MCP_TOOLS].call.upstream && u->conn)
		ask_page(u, MCP_TOOLS, no_cursor);
}

static void on_page(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_listing *l = CONTAINER_OF(call, struct mcp_listing, call);
	struct mcp_upstream *u = l->upstream;
	enum mcp_kind kind = (enum mcp_kind)(l - u->listing);
	struct str cursor = no_cursor;
	int r = m->kind == JSONRPC_ERROR ? -EACCES
					 : mcp_items_add_page(&l->fresh, kind,
						   m->result, &cursor);
	if (r == 0 && cursor.p && ++l->pages > PAGES_MAX)
		r = -E2BIG;
	if (r < 0) {
		bad_list(u, kind, r);
		return;
	}
	if (cursor.p) {
		ask_page(u, kind, cursor);
		return;
	}
	/* some servers register their tools after they answer initialize */
	if (kind == MCP_TOOLS && l->fresh.n == 0 && u->state == MCP_STARTING &&
		!u->was_ready) {
		fmt_str(u->why, sizeof(u->why), "server '%s': it has no tools",
			u->config->name);
		(void)loop_timer_at(mcp_upstream_loop(u), &u->poll,
			loop_now(mcp_upstream_loop(u)) + POLL_MS, on_poll, u);
		return;
	}
	finish(u, kind);
}

static void on_no_page(struct mcp_call *call, const char *why)
{
	/* the exit, deadline or retirement that caused it is dealt with there */
	(void)call;
	(void)why;
}

static void ask_page(
	struct mcp_upstream *u, enum mcp_kind kind, struct str cursor)
{
	static const struct mcp_call_ops ops = {
		.on_answer = on_page, .on_failure = on_no_page};
	struct mcp_listing *l = &u->listing[kind];
	struct buf params;
	buf_init(&params, cursor.n + 64);
	if (!cursor.p) {
		mcp_items_fini(&l->fresh);
		l->stale = false;
		l->pages = 0;
		buf_puts(&params, "{}");
	} else {
		buf_puts(&params, "{\"cursor\":");
		buf_put_str(&params, cursor);
		buf_putc(&params, '}');
	}
	l->upstream = u;
	l->call.ops = &ops;
	l->call.own = true;
	mcp_upstream_ask(u, &l->call, mcp_words(kind)->list, buf_str(&params));
	buf_fini(&params);
}

void mcp_lists_ask(struct mcp_upstream *u)
{
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		u->listing[k].done = !has_kind(u, (enum mcp_kind)k);
		if (!u->listing[k].done)
			ask_page(u, (enum mcp_kind)k, no_cursor);
	}
	mcp_conn_flush(u->conn);
	check_ready(u);
}

bool mcp_lists_changed(struct mcp_upstream *u, const struct jsonrpc *m)
{
	bool meant = false;
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		struct mcp_listing *l = &u->listing[k];
		if (!jsonrpc_is(m, mcp_words((enum mcp_kind)k)->changed))
			continue;
		meant = true;
		if (l->call.upstream)
			l->stale = true;
		else if (u->state == MCP_READY && u->conn)
			ask_page(u, (enum mcp_kind)k, no_cursor);
	}
	return meant;
}
