/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_client.c - clients with a session and what their messages do.
 *
 * input: untrusted
 */
#include "net/mcp_client.h"

#include <unistd.h>

#include "lib/fmt.h"
#include "lib/version.h"
#include "net/mcp.h"
#include "net/mcp_ask.h"
#include "net/mcp_request.h"
#include "net/mcp_tasks.h"

enum { BATCH_MAX = 256, EXPIRY_MAX_MS = 600000 };

/* ---------------------------------------------------------------- sessions */

static void on_expiry(void *owner);

static void arm_expiry(struct mcp_router *r)
{
	uint64_t wait = r->idle_ms / 16 < EXPIRY_MAX_MS ? r->idle_ms / 16
							: EXPIRY_MAX_MS;
	(void)loop_timer_at(r->loop, &r->expiry, loop_now(r->loop) + wait + 1,
		on_expiry, r);
}

static void on_expiry(void *owner)
{
	struct mcp_router *r = owner;
	uint64_t now = loop_now(r->loop);
	if (now > r->idle_ms)
		mcp_sessions_expire(&r->sessions, now - r->idle_ms);
	if (r->sessions.n)
		arm_expiry(r);
}

bool mcp_hello_read(struct mcp_hello *hello, const struct jsonrpc *m)
{
	struct buf version;
	struct str raw = json_member(m->params, "protocolVersion");
	struct str chosen = STR(MCP_VERSION_LEGACY);
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return false;
	buf_init(&version, 64);
	json_unquote(&version, raw);
	if (!version.err && mcp_version_known(buf_str(&version)))
		chosen = buf_str(&version);
	fmt_str(hello->version, sizeof(hello->version), "%.*s",
		STR_FMT(chosen));
	buf_fini(&version);
	hello->offers = mcp_offers_read(json_member(m->params, "capabilities"));
	return true;
}

struct mcp_session *mcp_client_new(
	struct mcp_router *r, const struct mcp_hello *hello)
{
	struct mcp_session *s =
		mcp_session_new(&r->sessions, str_of(hello->version));
	if (!s)
		return NULL;
	s->used_ms = loop_now(r->loop);
	s->offers = hello->offers;
	if (r->sessions.n == 1)
		arm_expiry(r);
	return s;
}

void mcp_client_put_hello(struct buf *out, const struct mcp_router *r,
	const struct mcp_session *s, struct str id)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, id);
	buf_putf(out, ",\"result\":{\"protocolVersion\":\"%s\",", s->version);
	mcp_tasks_put_greeting(out, r, s);
	buf_putf(out,
		",\"serverInfo\":{\"name\":\"coracle\",\"version\":\"%s\"}}}",
		coracle_version);
}

void mcp_client_lost(struct mcp_router *r, struct mcp_session *s)
{
	mcp_session_cancel_all(s);
	mcp_session_end(&r->sessions, s);
}

/* ---------------------------------------------------------------- messages */

static void take_notification(struct mcp_post *p, const struct jsonrpc *m)
{
	if (jsonrpc_is(m, "notifications/cancelled"))
		mcp_request_cancelled(p, m);
	else if (jsonrpc_is(m, "notifications/progress"))
		mcp_ask_progress(p->router, p->session, m);
	else if (jsonrpc_is(m, "notifications/roots/list_changed"))
		mcp_ask_roots_changed(p->router, p->session);
}

void mcp_client_take(struct mcp_post *p, const struct jsonrpc *m)
{
	switch (m->kind) {
	case JSONRPC_REQUEST:
		mcp_route(p, m);
		break;
	case JSONRPC_NOTIFICATION:
		take_notification(p, m);
		break;
	case JSONRPC_RESULT:
	case JSONRPC_ERROR:
		mcp_ask_answered(p->router, p->session, m);
		break;
	}
}

bool mcp_client_batch_ok(struct str array)
{
	struct json_cursor c;
	struct str item;
	size_t n = 0;
	(void)json_open(&c, array);
	while (json_next(&c, NULL, &item))
		n++;
	return n > 0 && n <= BATCH_MAX;
}

void mcp_client_take_batch(struct mcp_post *p, struct str array)
{
	struct json_cursor c;
	struct str item;
	(void)json_open(&c, array);
	while (json_next(&c, NULL, &item)) {
		struct jsonrpc m;
		const char *why;
		if (jsonrpc_read_checked(&m, item, &why) != 0)
			mcp_post_error(
				p, m.id, JSONRPC_INVALID_REQUEST, str_of(why));
		else
			mcp_client_take(p, &m);
	}
}

/* ------------------------------------------------------ one connection both ways */

/* the session is there already: initialize says what its client can do */
static void hello_again(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_session *s = p->session;
	struct buf *out = &p->router->scratch;
	struct mcp_hello hello;
	if (!mcp_hello_read(&hello, m)) {
		mcp_post_error(
			p, m->id, JSONRPC_INVALID_PARAMS, STR(MCP_HELLO_WRONG));
		return;
	}
	fmt_str(s->version, sizeof(s->version), "%s", hello.version);
	s->offers = hello.offers;
	buf_reset(out);
	mcp_client_put_hello(out, p->router, s, m->id);
	mcp_post_answer(p, buf_str(out));
}

static void take_one(struct mcp_post *p, struct str text)
{
	struct jsonrpc m;
	const char *why;
	if (jsonrpc_read_checked(&m, text, &why) != 0)
		mcp_post_error(p, m.id, JSONRPC_INVALID_REQUEST, str_of(why));
	else if (m.kind == JSONRPC_REQUEST && jsonrpc_is(&m, "initialize"))
		hello_again(p, &m);
	else
		mcp_client_take(p, &m);
}

void mcp_router_take(
	struct mcp_router *r, struct mcp_session *s, struct str text)
{
	const struct str no_id = {NULL, 0};
	struct json_cursor c;
	int bad = json_check(text, NULL);
	struct mcp_post *p = mcp_post_new_duplex(r, s);
	if (!p)
		return;
	s->used_ms = loop_now(r->loop);
	if (bad) {
		mcp_post_error(p, no_id, JSONRPC_PARSE_ERROR,
			str_of(json_error_text(bad)));
	} else if (!json_open(&c, text) || c.object) {
		take_one(p, text);
	} else if (!mcp_client_batch_ok(text)) {
		mcp_post_error(p, no_id, JSONRPC_INVALID_REQUEST,
			STR(MCP_BATCH_WRONG));
	} else {
		p->batch = true;
		mcp_client_take_batch(p, text);
	}
	mcp_post_read(p);
}

struct mcp_session *mcp_router_connect(
	struct mcp_router *r, const struct mcp_sink *sink)
{
	const struct mcp_hello unsaid = {.version = MCP_VERSION_LEGACY};
	struct mcp_session *s = mcp_client_new(r, &unsaid);
	if (!s)
		return NULL;
	s->role = role_of_uid(getuid());
	if (mcp_stream_open_duplex(&r->streams, s, NULL, sink))
		return s;
	mcp_session_end(&r->sessions, s);
	return NULL;
}

bool mcp_router_is_answered(const struct mcp_session *s)
{
	return s->posts == 0;
}
