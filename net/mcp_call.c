/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_call.c - the calls that are under way at one MCP server.
 *
 * input: untrusted
 */
#include "net/mcp_call.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "net/mcp_watch.h"

enum { EDITS_MAX = MCP_ERA_EDITS + 2 };

static struct mcp_call **bucket(struct mcp_upstream *u, uint64_t id)
{
	return &u->calls[id % MCP_CALL_BUCKETS];
}

void mcp_call_enlist(struct mcp_upstream *u, struct mcp_call *call)
{
	struct mcp_call **head = bucket(u, ++u->last_id);
	call->upstream = u;
	call->id = u->last_id;
	call->next = *head;
	*head = call;
	if (call->own)
		return;
	u->ncalls++;
	call->started_us = clock_us();
}

void mcp_call_delist(struct mcp_call *call)
{
	struct mcp_upstream *u = call->upstream;
	struct mcp_call **at = bucket(u, call->id);
	while (*at && *at != call)
		at = &(*at)->next;
	if (*at)
		*at = call->next;
	loop_timer_clear(mcp_upstream_loop(u), &call->timer);
	call->upstream = NULL;
	if (!call->own && --u->ncalls == 0 && u->events.on_idle)
		u->events.on_idle(u->events.owner, u);
}

struct mcp_call *mcp_call_find(struct mcp_upstream *u, struct str raw_id)
{
	uint64_t id;
	/* some servers give a number back as a string */
	if (raw_id.n > 2 && *raw_id.p == '"')
		raw_id = str_from(raw_id.p + 1, raw_id.n - 2);
	if (!str_to_u64(raw_id, &id))
		return NULL;
	struct mcp_call *call = *bucket(u, id);
	while (call && call->id != id)
		call = call->next;
	return call;
}

struct mcp_stats *mcp_call_stats(struct mcp_upstream *u)
{
	return u->original ? &u->original->stats : &u->stats;
}

void mcp_call_count(const struct mcp_call *call, enum mcp_outcome outcome)
{
	if (!call->own)
		mcp_stats_add(mcp_call_stats(call->upstream),
			clock_us() - call->started_us, outcome);
}

void mcp_call_fail(struct mcp_call *call, const char *why)
{
	mcp_call_count(call, MCP_CALL_FAILED);
	mcp_call_delist(call);
	call->ops->on_failure(call, why);
}

static void fail_some(struct mcp_upstream *u, const char *why, bool own_only)
{
	/* a failure handler may start a call: take what is there now only */
	for (size_t i = 0; i < MCP_CALL_BUCKETS; i++) {
		uint64_t last = u->last_id;
		struct mcp_call *call = u->calls[i];
		while (call) {
			struct mcp_call *next = call->next;
			if (call->id <= last && (call->own || !own_only))
				mcp_call_fail(call, why);
			call = next;
		}
	}
}

void mcp_call_fail_all(struct mcp_upstream *u, const char *why)
{
	fail_some(u, why, false);
}

void mcp_call_fail_own(struct mcp_upstream *u, const char *why)
{
	fail_some(u, why, true);
}

struct buf *mcp_call_outlet(struct mcp_upstream *u)
{
	return u->state == MCP_READY ? mcp_conn_queue(u->conn) : &u->held;
}

static void flush(struct mcp_upstream *u)
{
	if (u->state == MCP_READY)
		mcp_conn_flush(u->conn);
}

static void put_cancelled(
	struct mcp_upstream *u, uint64_t id, struct str reason)
{
	struct buf *out = mcp_call_outlet(u);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":"
		      "\"notifications/cancelled\",\"params\":{\"requestId\":");
	buf_put_u64(out, id);
	if (reason.p) {
		buf_puts(out, ",\"reason\":");
		buf_put_str(out, reason);
	}
	buf_puts(out, "}}\n");
}

/* the server is told, and its answer will be dropped */
static void give_up(
	struct mcp_call *call, struct str reason, enum mcp_outcome outcome)
{
	struct mcp_upstream *u = call->upstream;
	mcp_call_count(call, outcome);
	mcp_call_delist(call);
	put_cancelled(u, call->id, reason);
	flush(u);
}

static void on_call_timeout(void *owner)
{
	struct mcp_call *call = owner;
	struct mcp_upstream *u = call->upstream;
	char why[256];
	fmt_str(why, sizeof(why), "server '%s' did not answer within %llu s",
		u->config->name,
		(unsigned long long)(u->config->call_timeout_ms / 1000));
	log_warn("%s", why);
	give_up(call, STR("\"timeout\""), MCP_CALL_TIMEOUT);
	call->ops->on_failure(call, why);
}

void mcp_call_arm(struct mcp_upstream *u, struct mcp_call *call)
{
	if (u->config->call_timeout_ms)
		(void)loop_timer_at(mcp_upstream_loop(u), &call->timer,
			loop_now(mcp_upstream_loop(u)) +
				u->config->call_timeout_ms,
			on_call_timeout, call);
}

void mcp_upstream_call(struct mcp_upstream *u, struct mcp_call *call,
	const struct mcp_outgoing *out)
{
	struct jsonrpc_edit all[EDITS_MAX];
	char digits[FMT_U64_MAX];
	size_t n = 0;
	mcp_upstream_wake(u);
	mcp_call_enlist(u, call);
	if (u->state == MCP_DOWN || u->state == MCP_FAILED ||
		out->n + 2 > EDITS_MAX) {
		mcp_call_fail(call, u->why);
		return;
	}
	struct str id = str_from(digits, fmt_u64(digits, call->id));
	for (size_t i = 0; i < out->n; i++)
		n = jsonrpc_add_edit(
			all, n, out->edits[i].at, out->edits[i].with);
	n = jsonrpc_add_edit(all, n, out->request->id, id);
	if (out->token.p)
		n = jsonrpc_add_edit(all, n, out->token, id);
	struct buf *queue = mcp_call_outlet(u);
	size_t before = queue->n;
	buf_put_str(queue, out->fields);
	jsonrpc_put_edited(queue, out->request->text, all, n);
	buf_putc(queue, '\n');
	/* a process that reads so little is ended by the flush below */
	if (queue->err && queue == &u->held) {
		char why[256];
		fmt_str(why, sizeof(why),
			"server '%s' has too much waiting for it already",
			u->config->name);
		buf_truncate(queue, before); /* the others' stays whole */
		mcp_call_fail(call, why);
		return;
	}
	if (!call->own)
		mcp_call_stats(u)->bytes_out += queue->n - before;
	mcp_call_arm(u, call);
	flush(u);
}

void mcp_upstream_tell(
	struct mcp_upstream *u, const char *method, struct str params)
{
	if (u->state == MCP_DOWN || u->state == MCP_FAILED ||
		u->state == MCP_ASLEEP || u->config->rest_only)
		return;
	if (u->era == MCP_MODERN) {
		/* of what the other era tells, this is all that there is */
		if (strcmp(method, "resources/subscribe") == 0)
			mcp_watch_resource(u, params);
		else if (strcmp(method, "resources/unsubscribe") == 0)
			mcp_unwatch_resource(u, params);
		return;
	}
	struct buf *out = mcp_call_outlet(u);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",");
	/* nobody waits for this id: the answer will be dropped */
	if (!str_starts(str_of(method), STR("notifications/")))
		buf_putf(out, "\"id\":%llu,", (unsigned long long)++u->last_id);
	buf_putf(out, "\"method\":\"%s\"", method);
	if (params.p) {
		buf_puts(out, ",\"params\":");
		buf_put_str(out, params);
	}
	buf_puts(out, "}\n");
	flush(u);
}

void mcp_upstream_forward(struct mcp_upstream *u, struct str text,
	const struct jsonrpc_edit *edits, size_t n)
{
	if (!u->conn)
		return;
	struct buf *out = mcp_conn_queue(u->conn);
	jsonrpc_put_edited(out, text, edits, n);
	buf_putc(out, '\n');
	mcp_conn_flush(u->conn);
}

void mcp_upstream_cancel(struct mcp_call *call, struct str reason)
{
	if (call->upstream)
		give_up(call, reason, MCP_CALL_CANCELLED);
}
