/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_upstream.c - handshake, tools and restarts of one MCP server.
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
#include "lib/version.h"
#include "net/mcp.h"
#include "net/mcp_call.h"

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 30000,
	STEADY_MS = 5000, /* up that long: the next failure is a new story */
	PAUSE_TOLD_MS = 1000,
	POLL_MS = 250, /* between two looks for a first tool */
	HELD_MAX = 64 << 20,
	PAGES_MAX = 1024,
};

static void start(struct mcp_upstream *u);
static void restart(struct mcp_upstream *u);
static void ask_tools(struct mcp_upstream *u, struct str cursor);

/* ------------------------------------------------------------ handshake */

static void become_ready(struct mcp_upstream *u)
{
	bool first = !u->was_ready;
	bool changed = !first && !mcp_tools_equal(&u->tools, &u->fresh);
	struct mcp_tools old = u->tools;
	u->tools = u->fresh;
	mcp_tools_init(&u->fresh);
	mcp_tools_fini(&old);
	if (u->state == MCP_STARTING) {
		u->state = MCP_READY;
		u->was_ready = true;
		loop_timer_clear(mcp_upstream_loop(u), &u->timer);
		buf_put_str(mcp_child_queue(u->child), buf_str(&u->held));
		buf_fini(&u->held);
		mcp_child_flush(u->child);
		log_debug("server %s: ready after %llu ms, %zu tools",
			u->config->name,
			(unsigned long long)(loop_now(mcp_upstream_loop(u)) -
					     u->started_ms),
			u->tools.n);
	}
	if (u->tools_stale)
		ask_tools(u, (struct str){NULL, 0});
	/* the owner may release it in there: nothing comes after */
	if (first && u->events.on_ready)
		u->events.on_ready(u->events.owner, u);
	else if (changed && u->events.on_tools)
		u->events.on_tools(u->events.owner, u);
}

/* before the first readiness there is no second try: the owner decides */
static void give_up(struct mcp_upstream *u)
{
	struct mcp_child *child = u->child;
	log_warn("%s", u->why);
	u->state = MCP_FAILED;
	u->child = NULL;
	loop_timer_clear(mcp_upstream_loop(u), &u->timer);
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	if (child)
		mcp_child_retire(child);
	mcp_call_fail_all(u, u->why);
	if (u->events.on_failed)
		u->events.on_failed(u->events.owner, u);
}

static void handshake_failed(struct mcp_upstream *u, const char *why)
{
	fmt_str(u->why, sizeof(u->why), "server '%s': %s", u->config->name,
		why);
	if (!u->was_ready) {
		give_up(u);
		return;
	}
	/* it was fine before: the next process may be so again */
	log_warn("%s", u->why);
	mcp_child_retire(u->child);
	u->child = NULL;
	restart(u);
}

static void on_own_failure(struct mcp_call *call, const char *why)
{
	/* the exit, deadline or retirement that caused it is dealt with there */
	(void)call;
	(void)why;
}

static void on_poll(void *owner)
{
	struct mcp_upstream *u = owner;
	if (u->own.upstream == NULL && u->child)
		ask_tools(u, (struct str){NULL, 0});
}

/* while it serves, the list that is known stays; before, there is none */
static void bad_list(struct mcp_upstream *u, int err)
{
	const char *why = "its list of tools is too large";
	if (err == -EACCES)
		why = "it refused tools/list";
	if (err == -EPROTO)
		why = "its answer to tools/list is no list of tools";
	if (u->state == MCP_STARTING)
		handshake_failed(u, why);
	else
		log_warn("server %s: %s", u->config->name, why);
}

static void on_tools(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_upstream *u = CONTAINER_OF(call, struct mcp_upstream, own);
	struct str cursor = {NULL, 0};
	int r = m->kind == JSONRPC_ERROR
			? -EACCES
			: mcp_tools_add_page(&u->fresh, m->result, &cursor);
	/* a server that gives the same cursor again would never end */
	if (r == 0 && cursor.p && ++u->pages > PAGES_MAX)
		r = -E2BIG;
	if (r < 0) {
		bad_list(u, r);
		return;
	}
	if (cursor.p) {
		ask_tools(u, cursor);
		return;
	}
	/* some servers register their tools after they answer initialize */
	if (u->fresh.n == 0 && u->state == MCP_STARTING && !u->was_ready) {
		fmt_str(u->why, sizeof(u->why), "server '%s': it has no tools",
			u->config->name);
		(void)loop_timer_at(mcp_upstream_loop(u), &u->poll,
			loop_now(mcp_upstream_loop(u)) + POLL_MS, on_poll, u);
		return;
	}
	become_ready(u);
}

static const struct mcp_call_ops tools_ops = {
	.on_answer = on_tools, .on_failure = on_own_failure};

static void own_request(struct mcp_upstream *u, const struct mcp_call_ops *ops,
	const char *method, struct str params)
{
	struct buf *out = mcp_child_queue(u->child);
	u->own.ops = ops;
	mcp_call_enlist(u, &u->own);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_u64(out, u->own.id);
	buf_putf(out, ",\"method\":\"%s\",\"params\":", method);
	buf_put_str(out, params);
	buf_puts(out, "}\n");
	mcp_child_flush(u->child);
}

static void ask_tools(struct mcp_upstream *u, struct str cursor)
{
	struct buf params;
	buf_init(&params, cursor.n + 64);
	if (!cursor.p) {
		mcp_tools_fini(&u->fresh);
		u->tools_stale = false;
		u->pages = 0;
		buf_puts(&params, "{}");
	} else {
		buf_puts(&params, "{\"cursor\":");
		buf_put_str(&params, cursor);
		buf_putc(&params, '}');
	}
	own_request(u, &tools_ops, "tools/list", buf_str(&params));
	buf_fini(&params);
}

static void on_initialized(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_upstream *u = CONTAINER_OF(call, struct mcp_upstream, own);
	struct buf version;
	if (m->kind == JSONRPC_ERROR) {
		handshake_failed(u, "it refused initialize");
		return;
	}
	struct str raw = json_member(m->result, "protocolVersion");
	buf_init(&version, sizeof(u->version) - 1);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&version, raw);
	bool known = !version.err && mcp_version_known(buf_str(&version));
	fmt_str(u->version, sizeof(u->version), "%s", buf_cstr(&version));
	buf_fini(&version);
	if (!known) {
		handshake_failed(u, "it speaks no protocol version that we do");
		return;
	}
	buf_puts(mcp_child_queue(u->child), "{\"jsonrpc\":\"2.0\",\"method\":"
					    "\"notifications/initialized\"}\n");
	if (json_member(json_member(m->result, "capabilities"), "tools").p) {
		ask_tools(u, (struct str){NULL, 0});
		return;
	}
	mcp_child_flush(u->child);
	mcp_tools_fini(&u->fresh);
	become_ready(u);
}

static const struct mcp_call_ops initialize_ops = {
	.on_answer = on_initialized, .on_failure = on_own_failure};

static void ask_initialize(struct mcp_upstream *u)
{
	struct buf params;
	buf_init(&params, 512);
	buf_putf(&params,
		"{\"protocolVersion\":\"" MCP_VERSION_LEGACY "\","
		"\"capabilities\":{},\"clientInfo\":{\"name\":\"coracle\","
		"\"version\":\"%s\"}}",
		coracle_version);
	own_request(u, &initialize_ops, "initialize", buf_str(&params));
	buf_fini(&params);
}

/* --------------------------------------------------- what the server says */

/* we offer servers no client features; ping is everyone's duty */
static void answer_server(struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct buf *out = mcp_child_queue(u->child);
	if (jsonrpc_is(m, "ping"))
		jsonrpc_put_result(out, m->id, STR("{}"));
	else
		jsonrpc_put_error(out, m->id, JSONRPC_METHOD_NOT_FOUND,
			STR("Method not found"));
	buf_putc(out, '\n');
	mcp_child_flush(u->child);
}

static void on_notification(struct mcp_upstream *u, const struct jsonrpc *m)
{
	if (jsonrpc_is(m, "notifications/tools/list_changed")) {
		if (u->own.upstream)
			u->tools_stale = true;
		else if (u->state == MCP_READY)
			ask_tools(u, (struct str){NULL, 0});
		return;
	}
	if (!jsonrpc_is(m, "notifications/progress"))
		return;
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
	if (call == &u->own && u->state == MCP_STARTING)
		handshake_failed(u, text);
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
	mcp_call_delist(call);
	call->ops->on_answer(call, &m);
}

/* ------------------------------------------------------- start and exit */

/* "server 'x': exit 1 ...: LAST LINE OF STDERR" */
static void explain_exit(struct mcp_upstream *u, const char *reason)
{
	struct str tail = mcp_child_tail(u->child);
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
	uint64_t now = loop_now(mcp_upstream_loop(u));
	uint64_t pause = 0;
	if (now - u->started_ms < STEADY_MS)
		pause = u->backoff_ms;
	u->backoff_ms =
		size_min(pause ? 2 * pause : BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
	/* calls wait for a short pause, and are told about a long one */
	u->state = pause >= PAUSE_TOLD_MS ? MCP_DOWN : MCP_STARTING;
	buf_fini(&u->held);
	(void)loop_timer_at(
		mcp_upstream_loop(u), &u->timer, now + pause, on_restart, u);
	mcp_call_fail_all(u, u->why);
}

static void on_child_gone(void *owner, const char *reason)
{
	struct mcp_upstream *u = owner;
	explain_exit(u, reason);
	u->child = NULL;
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	if (!u->was_ready) {
		give_up(u);
		return;
	}
	log_warn("%s", u->why);
	restart(u);
}

static void on_deadline(void *owner)
{
	struct mcp_upstream *u = owner;
	char why[512];
	fmt_str(why, sizeof(why), "%s within %llu s",
		u->own.upstream || u->fresh.n ? "it did not answer"
					      : "it listed no tool",
		(unsigned long long)(u->config->startup_timeout_ms / 1000));
	handshake_failed(u, why);
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

static void start(struct mcp_upstream *u)
{
	struct mcp_child_events events = {
		.on_line = on_line, .on_exit = on_child_gone, .owner = u};
	struct mcp_why why;
	u->started_ms = loop_now(mcp_upstream_loop(u));
	u->attempts++;
	u->child = mcp_child_start(u->children, u->config, &events, &why);
	if (!u->child) {
		fmt_str(u->why, sizeof(u->why), "server '%s': %s",
			u->config->name, why.text);
		start_failed(u);
		return;
	}
	u->state = MCP_STARTING;
	(void)loop_timer_at(mcp_upstream_loop(u), &u->timer,
		u->started_ms + u->config->startup_timeout_ms, on_deadline, u);
	ask_initialize(u);
}

struct mcp_upstream *mcp_upstream_new(struct mcp_children *children,
	struct mcp_server_config *config,
	const struct mcp_upstream_events *events)
{
	struct mcp_upstream *u = mem_new(sizeof(*u));
	if (!u)
		return NULL;
	u->children = children;
	u->config = config;
	u->events = *events;
	u->backoff_ms = BACKOFF_FIRST_MS;
	mcp_tools_init(&u->tools);
	mcp_tools_init(&u->fresh);
	buf_init(&u->held, HELD_MAX);
	u->state = MCP_STARTING;
	/* from the loop, so that a failure at once finds its owner complete */
	(void)loop_timer_at(mcp_upstream_loop(u), &u->timer,
		loop_now(mcp_upstream_loop(u)), on_restart, u);
	return u;
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
	loop_timer_clear(mcp_upstream_loop(u), &u->timer);
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	if (u->child)
		mcp_child_retire(u->child);
	mcp_tools_fini(&u->tools);
	mcp_tools_fini(&u->fresh);
	buf_fini(&u->held);
	mcp_server_config_free(u->config);
	mem_free(u);
}
