/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_upstream.c - handshake and restarts of one MCP server.
 *
 * input: untrusted
 */
#include "net/mcp_upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/mcp.h"
#include "net/mcp_call.h"
#include "net/mcp_handshake.h"
#include "net/mcp_lists.h"
#include "net/mcp_offer.h"
#include "net/mcp_watch.h"
#include "net/mcp_reach.h"
#include "net/mcp_start.h"

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 30000,
	LOST_AGAIN_MS = 1000, /* a session so short is no session */
	STEADY_MS = 5000, /* up that long: the next failure is a new story */
	PAUSE_TOLD_MS = 1000,
	INSTRUCTIONS_MAX = 1 << 20,
	HELD_MAX = 64 << 20,
};

static void start(struct mcp_upstream *u);
static void restart(struct mcp_upstream *u);

/* ------------------------------------------------------------ handshake */

void mcp_lists_ready(struct mcp_upstream *u)
{
	bool first = !u->was_ready;
	unsigned changed = u->changed;
	u->state = MCP_READY;
	u->was_ready = true;
	u->changed = 0;
	loop_timer_clear(mcp_upstream_loop(u), &u->timer);
	mcp_start_over(u);
	if (!first && u->events.on_again)
		u->events.on_again(u->events.owner, u);
	buf_put_str(mcp_conn_queue(u->conn), buf_str(&u->held));
	buf_fini(&u->held);
	mcp_conn_flush(u->conn);
	if (u->era == MCP_MODERN)
		mcp_watch_lists(u);
	log_debug("server %s: ready after %llu ms, %zu tools", u->config->name,
		(unsigned long long)(loop_now(mcp_upstream_loop(u)) -
				     u->started_ms),
		u->items[MCP_TOOLS].n);
	if (first && u->events.on_ready)
		u->events.on_ready(u->events.owner, u);
	if (!first && changed && u->events.on_changed)
		u->events.on_changed(u->events.owner, u, changed);
}

/* before the first readiness there is no second try: the owner decides */
static void give_up(struct mcp_upstream *u)
{
	struct mcp_conn *conn = u->conn;
	mcp_watch_drop(u);
	mcp_start_over(u);
	log_warn("%s", u->why);
	u->state = MCP_FAILED;
	u->conn = NULL;
	loop_timer_clear(mcp_upstream_loop(u), &u->timer);
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	if (conn)
		mcp_conn_retire(conn);
	mcp_call_fail_all(u, u->why);
	if (u->events.on_failed)
		u->events.on_failed(u->events.owner, u);
}

void mcp_lists_failed(struct mcp_upstream *u, const char *why)
{
	fmt_str(u->why, sizeof(u->why), "server '%s': %s", u->config->name,
		why);
	mcp_handshake_forget(u);
	if (!u->was_ready) {
		give_up(u);
		return;
	}
	/* it was fine before: the next process may be so again */
	log_warn("%s", u->why);
	mcp_conn_retire(u->conn);
	u->conn = NULL;
	mcp_watch_drop(u);
	restart(u);
}

void mcp_upstream_ask(struct mcp_upstream *u, struct mcp_call *call,
	const char *method, struct str params)
{
	struct buf *out = mcp_conn_queue(u->conn);
	mcp_call_enlist(u, call);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_u64(out, call->id);
	buf_putf(out, ",\"method\":\"%s\",\"params\":", method);
	if (u->era == MCP_MODERN) {
		buf_puts(out, "{\"_meta\":{");
		mcp_offers_put_meta(out, MCP_OFFER_ALL, NULL);
		buf_puts(out, str_is(params, "{}") ? "}" : "},");
		params = str_from_index(params, 1);
	}
	buf_put_str(out, params);
	buf_puts(out, "}\n");
	mcp_conn_flush(u->conn);
}

/* --------------------------------------------------- what the server says */

/* ping is everyone's duty; all else is for clients */
static void answer_server(struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct buf *out = mcp_conn_queue(u->conn);
	if (jsonrpc_is(m, "ping")) {
		jsonrpc_put_result(out, m->id, STR("{}"));
	} else if (u->era == MCP_MODERN) {
		jsonrpc_put_error(out, m->id, JSONRPC_METHOD_NOT_FOUND,
			STR("servers ask nothing in " MCP_VERSION_MODERN));
	} else if (u->events.on_request) {
		u->events.on_request(u->events.owner, u, m);
		return;
	} else {
		jsonrpc_put_error(out, m->id, JSONRPC_METHOD_NOT_FOUND,
			STR("there is no client to ask yet"));
	}
	buf_putc(out, '\n');
	mcp_conn_flush(u->conn);
}

/* of the era itself, and for nobody but us; false: it is none of those */
static bool take_modern(struct mcp_upstream *u, const struct jsonrpc *m)
{
	if (jsonrpc_is(m, "notifications/cancelled"))
		mcp_watch_cancelled(u, m);
	else
		return jsonrpc_is(
			m, "notifications/subscriptions/acknowledged");
	return true;
}

static void on_notification(struct mcp_upstream *u, const struct jsonrpc *m)
{
	if (u->era == MCP_MODERN && take_modern(u, m))
		return;
	if (!jsonrpc_is(m, "notifications/progress")) {
		if (!mcp_lists_changed(u, m) && u->events.on_notification)
			u->events.on_notification(u->events.owner, u, m);
		return;
	}
	struct str token = json_member(m->params, "progressToken");
	struct mcp_call *call = token.p ? mcp_call_find(u, token) : NULL;
	if (!call)
		return;
	mcp_call_arm(u, call); /* progress is a sign of life */
	if (call->ops->on_progress)
		call->ops->on_progress(call, m);
}

/* no message; where it was meant as an answer, nobody shall wait for it */
static void on_unreadable(
	struct mcp_upstream *u, struct str line, const char *why)
{
	char text[256];
	struct mcp_call *call = mcp_call_find(u, jsonrpc_guess_id(line));
	log_debug("server %s: not a message (%s): %.*s", u->config->name, why,
		STR_FMT(str_first(line, 200)));
	fmt_str(text, sizeof(text), "its answer cannot be read: %s", why);
	bool vital = call == &u->own || call == &u->probe ||
		     call == &u->listing[MCP_TOOLS].call;
	if (call && vital && u->state == MCP_STARTING)
		mcp_lists_failed(u, text);
	else if (call)
		mcp_call_fail(call, text);
}

static void on_line(void *owner, struct str line)
{
	struct mcp_upstream *u = owner;
	struct jsonrpc m;
	const char *why;
	if (jsonrpc_read(&m, line, &why) != 0) {
		on_unreadable(u, line, why);
		return;
	}
	if (m.kind == JSONRPC_REQUEST) {
		answer_server(u, &m);
		return;
	}
	if (m.kind == JSONRPC_NOTIFICATION) {
		on_notification(u, &m);
		return;
	}
	struct mcp_call *call = m.id.p ? mcp_call_find(u, m.id) : NULL;
	if (!call)
		return; /* cancelled, or never asked */
	if (!call->own)
		mcp_call_stats(u)->bytes_in += line.n;
	mcp_call_count(
		call, m.kind == JSONRPC_ERROR ? MCP_CALL_ERROR : MCP_CALL_OK);
	mcp_call_delist(call);
	call->ops->on_answer(call, &m);
}

/* ------------------------------------------------------- start and exit */

/* "server 'x': exit 1 ...: LAST LINE OF STDERR" */
static void explain_exit(struct mcp_upstream *u, const char *reason)
{
	struct str tail = mcp_conn_tail(u->conn);
	enum { TAIL_SHOWN = 600 };
	if (tail.n > TAIL_SHOWN)
		tail = str_from_index(tail, tail.n - TAIL_SHOWN);
	fmt_str(u->why, sizeof(u->why), "server '%s': %s%s%s%.*s",
		u->config->name, reason,
		u->was_ready ? "" : " before it was ready",
		tail.n ? "; stderr: " : "", STR_FMT(tail));
}

static void on_restart(void *owner)
{
	start(owner);
}

/*
 * The process is gone or unusable: what waits for it fails, and it is started
 * again - at once after a long good time, else after a growing pause.
 */
static void restart(struct mcp_upstream *u)
{
	mcp_start_over(u);
	uint64_t now = loop_now(mcp_upstream_loop(u));
	uint64_t pause = 0;
	if (now - u->started_ms < STEADY_MS)
		pause = u->backoff_ms;
	u->backoff_ms =
		size_min(pause ? 2 * pause : BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
	/* calls wait for a short pause, and are told about a long one */
	u->state = pause >= PAUSE_TOLD_MS ? MCP_DOWN : MCP_STARTING;
	buf_fini(&u->held);
	if (u->events.on_gone)
		u->events.on_gone(u->events.owner, u);
	(void)loop_timer_at(
		mcp_upstream_loop(u), &u->timer, now + pause, on_restart, u);
	mcp_call_fail_all(u, u->why);
}

/* not there yet: it has until the startup timeout to come */
static bool wait_for_it(struct mcp_upstream *u)
{
	uint64_t at = loop_now(mcp_upstream_loop(u)) + u->backoff_ms;
	if (at >= u->give_up_ms)
		return false;
	log_debug("%s", u->why);
	mcp_call_fail_own(u, u->why);
	u->backoff_ms = size_min(2 * u->backoff_ms, PAUSE_TOLD_MS);
	(void)loop_timer_at(mcp_upstream_loop(u), &u->timer, at, on_restart, u);
	return true;
}

static void on_conn_gone(void *owner, const char *reason, bool later)
{
	struct mcp_upstream *u = owner;
	explain_exit(u, reason);
	u->conn = NULL;
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	mcp_watch_drop(u);
	if (!later && mcp_handshake_left(u, reason)) {
		log_debug("%s; it is greeted first now", u->why);
		start(u);
		return;
	}
	if (u->was_ready) {
		log_warn("%s", u->why);
		restart(u);
	} else if (!later || !wait_for_it(u)) {
		give_up(u);
	}
}

static void on_deadline(void *owner);

/* the server forgot us: greet it again, and say again what it refused */
static void on_lost(void *owner, struct str line, bool anew)
{
	struct mcp_upstream *u = owner;
	uint64_t now = loop_now(mcp_upstream_loop(u));
	bool at_once =
		u->state == MCP_STARTING || now - u->started_ms < LOST_AGAIN_MS;
	if (anew && at_once) {
		mcp_lists_failed(u, "it ends its sessions at once");
		return;
	}
	if (anew) {
		u->state = MCP_STARTING;
		u->started_ms = now;
		u->restarts++;
		mcp_call_fail_own(u, "the session is lost");
		mcp_lists_restart(u);
		(void)loop_timer_at(mcp_upstream_loop(u), &u->timer,
			now + u->config->startup_timeout_ms, on_deadline, u);
		mcp_handshake_begin(u);
	}
	if (line.n == 0)
		return;
	buf_put_str(mcp_call_outlet(u), line);
	buf_putc(mcp_call_outlet(u), '\n');
	if (u->state == MCP_READY)
		mcp_conn_flush(u->conn);
}

static void on_deadline(void *owner)
{
	struct mcp_upstream *u = owner;
	char why[512];
	fmt_str(why, sizeof(why), "%s within %llu s",
		u->own.upstream || u->probe.upstream ||
				u->listing[MCP_TOOLS].call.upstream
			? "it did not answer"
			: "it listed no tool",
		(unsigned long long)(u->config->startup_timeout_ms / 1000));
	mcp_lists_failed(u, why);
}

static void start_failed(struct mcp_upstream *u)
{
	if (!u->was_ready) {
		give_up(u);
		return;
	}
	log_warn("%s", u->why);
	restart(u);
}

static void on_reached(void *owner, const char *error, bool later)
{
	struct mcp_upstream *u = owner;
	u->reach = NULL;
	if (error) {
		fmt_str(u->why, sizeof(u->why), "server '%s': %s",
			u->config->name, error);
		if (!later || !wait_for_it(u))
			give_up(u);
		return;
	}
	u->state = MCP_READY;
	u->was_ready = true;
	mcp_start_over(u);
	if (u->events.on_ready)
		u->events.on_ready(u->events.owner, u);
}

/* no MCP server: it is ready when it answers at all */
static void reach(struct mcp_upstream *u)
{
	const struct http_fetch_events events = {
		.on_end = on_reached, .owner = u};
	u->state = MCP_STARTING;
	u->reach = mcp_reach(&u->conns->fetcher, u->config, &events);
	if (u->reach)
		return;
	fmt_str(u->why, sizeof(u->why), "server '%s': it cannot be asked",
		u->config->name);
	give_up(u);
}

static void start(struct mcp_upstream *u)
{
	struct mcp_conn_events events = {.on_line = on_line,
		.on_exit = on_conn_gone,
		.on_lost = on_lost,
		.owner = u};
	struct mcp_why why;
	if (!mcp_start_turn(u, on_restart))
		return;
	u->started_ms = loop_now(mcp_upstream_loop(u));
	if (u->attempts++ == 0 || u->was_ready)
		u->give_up_ms = u->started_ms + u->config->startup_timeout_ms;
	u->restarts += u->was_ready;
	if (u->config->rest_only) {
		reach(u);
		return;
	}
	u->conn = mcp_conn_start(u->conns, u->config, &events, &why);
	if (!u->conn) {
		fmt_str(u->why, sizeof(u->why), "server '%s': %s",
			u->config->name, why.text);
		start_failed(u);
		return;
	}
	u->state = MCP_STARTING;
	mcp_lists_restart(u);
	(void)loop_timer_at(
		mcp_upstream_loop(u), &u->timer, u->give_up_ms, on_deadline, u);
	mcp_handshake_begin(u);
}

struct mcp_upstream *mcp_upstream_new(struct mcp_conns *conns,
	struct mcp_server_config *config,
	const struct mcp_upstream_events *events)
{
	struct mcp_upstream *u = mem_new(sizeof(*u));
	if (!u)
		return NULL;
	u->conns = conns;
	u->config = config;
	u->events = *events;
	u->backoff_ms = BACKOFF_FIRST_MS;
	mcp_lists_init(u);
	buf_init(&u->instructions, INSTRUCTIONS_MAX);
	buf_init(&u->held, HELD_MAX);
	u->state = MCP_STARTING;
	u->era = mcp_handshake_expects(u);
	if (config->lazy) {
		u->state = MCP_ASLEEP;
		return u;
	}
	/* from the loop, so that a failure at once finds its owner complete */
	(void)loop_timer_at(mcp_upstream_loop(u), &u->timer,
		loop_now(mcp_upstream_loop(u)), on_restart, u);
	return u;
}

void mcp_upstream_wake(struct mcp_upstream *u)
{
	uint64_t now = loop_now(mcp_upstream_loop(u));
	bool failed = u->config->lazy && u->state == MCP_FAILED &&
		      now - u->woken_ms > BACKOFF_MAX_MS;
	if (u->state != MCP_ASLEEP && !failed)
		return;
	u->state = MCP_STARTING;
	u->attempts = 0;
	u->backoff_ms = BACKOFF_FIRST_MS;
	u->woken_ms = now;
	(void)loop_timer_at(
		mcp_upstream_loop(u), &u->timer, u->woken_ms, on_restart, u);
}

void mcp_upstream_set_events(
	struct mcp_upstream *u, const struct mcp_upstream_events *events)
{
	u->events = *events;
}

void mcp_upstream_free(struct mcp_upstream *u)
{
	if (!u)
		return;
	u->events = (struct mcp_upstream_events){0};
	fmt_str(u->why, sizeof(u->why), "server '%s' was taken out of service",
		u->config->name);
	u->state = MCP_FAILED;
	mcp_call_fail_all(u, u->why);
	mcp_start_over(u);
	loop_timer_clear(mcp_upstream_loop(u), &u->timer);
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	mcp_watch_drop(u);
	if (u->reach)
		http_fetch_cancel(u->reach);
	if (u->conn)
		mcp_conn_retire(u->conn);
	mcp_lists_fini(u);
	buf_fini(&u->instructions);
	buf_fini(&u->held);
	mcp_server_config_free(u->config);
	mem_free(u);
}
