/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_sse.c - the transport of 2024-11-05: an event stream to the client,
 * which names the address that the client POSTs its messages to.
 *
 * input: untrusted
 *
 * The session is the stream: it begins and ends with it.
 */
#include "lib/fmt.h"
#include "net/mcp.h"
#include "net/mcp_client.h"
#include "net/mcp_origin.h"

enum { BODY_MAX = 64 << 20 };

/* false: refused, or answered already */
static bool may_ask(
	struct mcp_router *r, struct http_exchange *x, const char *method)
{
	const char *refused = mcp_origin_check(x, r->hosts);
	struct str given = http_request(x)->method;
	if (refused) {
		http_reply_detail(x, 403, "%s", refused);
	} else if (str_is(given, "OPTIONS")) {
		mcp_origin_preflight(x);
	} else if (!str_is(given, method)) {
		/* clients of later revisions try a POST first, and go on */
		http_add_field(x, "Allow", str_of(method));
		http_reply_detail(x, 405, "Method Not Allowed");
	} else if (!r->configured) {
		http_reply_detail(x, 404, MCP_NOT_CONFIGURED);
	} else {
		return true;
	}
	return false;
}

void mcp_router_sse(struct mcp_router *r, struct http_exchange *x)
{
	const struct mcp_hello unsaid = {.version = "2024-11-05"};
	char event[128];
	if (!may_ask(r, x, "GET"))
		return;
	struct mcp_session *s = mcp_client_new(r, &unsaid);
	if (s)
		s->role = mcp_router_role(x);
	if (s && !mcp_stream_open_duplex(&r->streams, s, x, NULL)) {
		mcp_session_end(&r->sessions, s);
		s = NULL;
	}
	if (!s) {
		http_reply_detail(x, 503, "too many sessions are in use");
		return;
	}
	size_t n = fmt_str(event, sizeof(event),
		"event: endpoint\r\ndata: " MCP_MESSAGES_PATH
		"?sessionId=%s\r\n\r\n",
		s->id);
	http_write(x, str_from(event, n));
}

/* the session of the query, when it has an event stream of ours; or NULL */
static struct mcp_session *find_session(
	struct mcp_router *r, struct http_exchange *x)
{
	struct buf id;
	buf_init(&id, 256);
	struct mcp_session *s = NULL;
	if (http_query_get(http_request(x)->query, "sessionId", &id))
		s = mcp_session_find(&r->sessions, buf_str(&id));
	if (s && s->role != mcp_router_role(x))
		s = NULL;
	buf_fini(&id);
	return s && s->own && s->own->duplex ? s : NULL;
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct mcp_router *r = owner;
	struct mcp_session *s = find_session(r, x); /* it may have gone */
	if (!s) {
		http_reply_detail(x, 404, "Session not found");
		return;
	}
	http_reply(x, 202, "text/plain", STR("Accepted"));
	mcp_router_take(r, s, body);
}

void mcp_router_messages(struct mcp_router *r, struct http_exchange *x)
{
	if (!may_ask(r, x, "POST"))
		return;
	if (!http_type_is(http_request(x), "application/json"))
		http_reply_detail(
			x, 415, "Content-Type must be application/json");
	else if (!find_session(r, x))
		http_reply_detail(x, 404, "Session not found");
	else
		http_collect(x, BODY_MAX, on_body, r);
}
