/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_http.c - the MCP endpoint: Streamable HTTP for the session-based
 * revisions (basic/transports of 2025-03-26, 2025-06-18 and 2025-11-25).
 *
 * input: untrusted
 */
#include "lib/size.h"
#include "net/mcp.h"
#include "net/mcp_client.h"
#include "net/mcp_modern.h"
#include "net/mcp_origin.h"
#include "net/mcp_request.h"
#include "net/mcp_trace.h"

enum {
	BODY_MAX = 64 << 20, /* one POST */
	FIRST_BODY_MAX = 1 << 20,
};

/* --------------------------------------------------------------- refusals */

struct refusal {
	int status;
	int code;
	const char *message;
};

/* a JSON-RPC error with an HTTP status of its own */
static void refuse(struct mcp_router *r, struct http_exchange *x, struct str id,
	struct refusal why)
{
	struct buf *out = &r->scratch;
	buf_reset(out);
	jsonrpc_put_error(out, id, why.code, str_of(why.message));
	http_reply(x, why.status, "application/json", buf_str(out));
}

static const struct str no_id = {NULL, 0};

/* does an Accept field admit this media type? Wildcards and absence do */
static bool accepts(const struct http_head *head, const char *type)
{
	struct str rest = http_field(head, "Accept");
	if (!rest.p)
		return true;
	struct str major =
		str_first(str_of(type), str_index(str_of(type), '/'));
	while (rest.p) {
		struct str range = str_cut(&rest, ',');
		range = str_trim(str_first(range, str_index(range, ';')));
		if (str_eq_nocase(range, str_of(type)) || str_is(range, "*/*"))
			return true;
		if (range.n == major.n + 2 && str_ends(range, STR("/*")) &&
			str_eq_nocase(str_first(range, major.n), major))
			return true;
	}
	return false;
}

/* the session that a request names, or NULL when the refusal is given */
static struct mcp_session *need_session(
	struct mcp_router *r, struct http_exchange *x, struct str id)
{
	const struct http_head *head = http_request(x);
	struct str sid = http_field(head, "Mcp-Session-Id");
	struct str version = http_field(head, "MCP-Protocol-Version");
	if (!sid.p) {
		refuse(r, x, id,
			(struct refusal){400, MCP_CODE_TRANSPORT,
				"Bad Request: Mcp-Session-Id header is "
				"missing; "
				"send initialize first"});
		return NULL;
	}
	struct mcp_session *s = mcp_session_find(&r->sessions, sid);
	/* an id that leaks to another role opens nothing to it */
	if (s && s->role != mcp_router_role(x))
		s = NULL;
	if (s)
		s->used_ms = loop_now(r->loop);
	if (!s) {
		refuse(r, x, id,
			(struct refusal){
				404, MCP_CODE_NO_SESSION, "Session not found"});
		return NULL;
	}
	if (version.p && !mcp_version_known(version)) {
		refuse(r, x, id,
			(struct refusal){400, MCP_CODE_TRANSPORT,
				"Bad Request: unsupported "
				"MCP-Protocol-Version; "
				"supported: 2025-11-25, 2025-06-18, "
				"2025-03-26, "
				"2024-11-05"});
		return NULL;
	}
	return s;
}

/* --------------------------------------------------------------- messages */

static void initialize(
	struct mcp_router *r, struct http_exchange *x, const struct jsonrpc *m)
{
	struct mcp_hello hello;
	if (!mcp_hello_read(&hello, m)) {
		refuse(r, x, m->id,
			(struct refusal){
				200, JSONRPC_INVALID_PARAMS, MCP_HELLO_WRONG});
		return;
	}
	struct mcp_session *s = mcp_client_new(r, &hello);
	if (!s) {
		refuse(r, x, m->id,
			(struct refusal){503, JSONRPC_INTERNAL_ERROR,
				"too many sessions are in use"});
		return;
	}
	s->role = mcp_router_role(x);
	struct buf *out = &r->scratch;
	buf_reset(out);
	mcp_client_put_hello(out, r, s, m->id);
	http_add_field(x, "Mcp-Session-Id", str_of(s->id));
	http_reply(x, 200, "application/json", buf_str(out));
}

struct mcp_post *mcp_post_open(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *s, bool batch)
{
	struct mcp_post *p = mcp_post_new(r, x, s);
	if (!p) {
		http_reply_detail(x, 503, "out of memory");
		return NULL;
	}
	p->batch = batch;
	p->may_stream = accepts(http_request(x), "text/event-stream") && !batch;
	return p;
}

static struct str version_of(const struct http_exchange *x)
{
	return http_field(http_request(x), "MCP-Protocol-Version");
}

/* may this stand in a batch? In the modern era there are none */
static bool is_modern_item(struct str item, struct str version)
{
	struct jsonrpc m;
	const char *why;
	return jsonrpc_read_checked(&m, item, &why) == 0 &&
	       mcp_era_of(&m, version) == MCP_MODERN;
}

static void take_single(
	struct mcp_router *r, struct http_exchange *x, struct str body)
{
	struct jsonrpc m;
	const char *why;
	if (jsonrpc_read_checked(&m, body, &why) != 0) {
		refuse(r, x, m.id,
			(struct refusal){400, JSONRPC_INVALID_REQUEST, why});
		return;
	}
	if (mcp_era_of(&m, version_of(x)) == MCP_MODERN) {
		mcp_modern_post(r, x, &m);
		return;
	}
	if (m.kind == JSONRPC_REQUEST && jsonrpc_is(&m, "initialize")) {
		initialize(r, x, &m);
		return;
	}
	struct mcp_session *s = need_session(r, x, m.id);
	struct mcp_post *p = s ? mcp_post_open(r, x, s, false) : NULL;
	if (!p)
		return;
	mcp_client_take(p, &m);
	mcp_post_read(p);
}

/* an array: 2025-03-26 has batches; other revisions' clients send none */
static void take_batch(
	struct mcp_router *r, struct http_exchange *x, struct str body)
{
	struct json_cursor c;
	struct str item;
	bool modern = false;
	(void)json_open(&c, body);
	while (!modern && json_next(&c, NULL, &item))
		modern = is_modern_item(item, version_of(x));
	if (modern) {
		refuse(r, x, no_id,
			(struct refusal){400, JSONRPC_INVALID_REQUEST,
				"there are no batches in " MCP_VERSION_MODERN});
		return;
	}
	if (!mcp_client_batch_ok(body)) {
		refuse(r, x, no_id,
			(struct refusal){
				400, JSONRPC_INVALID_REQUEST, MCP_BATCH_WRONG});
		return;
	}
	struct mcp_session *s = need_session(r, x, no_id);
	struct mcp_post *p = s ? mcp_post_open(r, x, s, true) : NULL;
	if (!p)
		return;
	mcp_client_take_batch(p, body);
	mcp_post_read(p);
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct mcp_router *r = owner;
	size_t offset;
	int bad = json_check(body, &offset);
	if (bad) {
		refuse(r, x, no_id,
			(struct refusal){400, JSONRPC_PARSE_ERROR,
				json_error_text(bad)});
		return;
	}
	struct json_cursor c;
	if (json_open(&c, body) && !c.object) {
		take_batch(r, x, body);
		return;
	}
	struct buf traced;
	buf_init(&traced, BODY_MAX + 4096);
	if (mcp_trace_put(&traced, body, http_request(x)))
		body = buf_str(&traced);
	take_single(r, x, body);
	buf_fini(&traced);
}

static void on_post(struct mcp_router *r, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	size_t max = BODY_MAX;
	if (!http_type_is(head, "application/json")) {
		refuse(r, x, no_id,
			(struct refusal){415, MCP_CODE_TRANSPORT,
				"Unsupported Media Type: Content-Type must be "
				"application/json"});
		return;
	}
	if (!accepts(head, "application/json") &&
		!accepts(head, "text/event-stream")) {
		refuse(r, x, no_id,
			(struct refusal){406, MCP_CODE_TRANSPORT,
				"Not Acceptable: Accept must list "
				"application/json and text/event-stream"});
		return;
	}
	/* before the body is taken in: without a session it is initialize */
	struct str version = http_field(head, "MCP-Protocol-Version");
	if (version.p && mcp_era_is_modern(version))
		; /* has no session, and ignores the header of one */
	else if (!http_field(head, "Mcp-Session-Id").p)
		max = FIRST_BODY_MAX;
	else if (!need_session(r, x, no_id))
		return;
	http_collect(x, max, on_body, r);
}

/* ---------------------------------------------------- the GET event stream */

/* a stream of this session that broke is read on */
static void resume(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *s, struct str last)
{
	uint64_t id, number;
	struct mcp_stream *st = NULL;
	if (mcp_stream_read_id(last, &id, &number))
		st = mcp_stream_find(s, id);
	if (st)
		mcp_stream_resume(st, x, number);
	else
		refuse(r, x, no_id,
			(struct refusal){400, MCP_CODE_TRANSPORT,
				"Bad Request: no stream of this session has "
				"this Last-Event-ID, or not any more"});
}

static void open_own(
	struct mcp_router *r, struct http_exchange *x, struct mcp_session *s)
{
	if (s->own && s->own->x) {
		refuse(r, x, no_id,
			(struct refusal){409, MCP_CODE_TRANSPORT,
				"Conflict: this session has an event stream "
				"already"});
		return;
	}
	if (s->own) {
		mcp_stream_resume(s->own, x, s->own->last);
		return;
	}
	s->own = mcp_stream_open(&r->streams, s, x, 0);
	if (s->own)
		mcp_stream_ping(s->own); /* sends the head: clients wait */
	else
		http_reply_detail(x, 503, "out of memory");
}

static void on_get(struct mcp_router *r, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	struct str last = http_field(head, "Last-Event-ID");
	if (!accepts(head, "text/event-stream")) {
		refuse(r, x, no_id,
			(struct refusal){406, MCP_CODE_TRANSPORT,
				"Not Acceptable: Accept must list "
				"text/event-stream"});
		return;
	}
	struct mcp_session *s = need_session(r, x, no_id);
	if (s && last.p)
		resume(r, x, s, last);
	else if (s)
		open_own(r, x, s);
}

void mcp_router_end_streams(struct mcp_router *r)
{
	struct mcp_stream *st = r->streams.newest;
	for (; st; st = st->older)
		mcp_stream_detach(st);
}

void mcp_router_broadcast(struct mcp_router *r, struct str message)
{
	for (struct mcp_session *s = r->sessions.newest; s; s = s->older)
		if (s->own)
			mcp_stream_tell(s->own, message);
}

/* ----------------------------------------------------------------- DELETE */

static void on_delete(struct mcp_router *r, struct http_exchange *x)
{
	struct mcp_session *s = need_session(r, x, no_id);
	if (!s)
		return;
	mcp_session_cancel_all(s);
	mcp_session_end(&r->sessions, s);
	http_reply(x, 200, NULL, STR(""));
}

void mcp_router_http(struct mcp_router *r, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	const char *refused = mcp_origin_check(x, r->hosts);
	if (refused) {
		refuse(r, x, no_id,
			(struct refusal){403, MCP_CODE_TRANSPORT, refused});
	} else if (str_is(head->method, "OPTIONS")) {
		mcp_origin_preflight(x);
	} else if (!r->configured) {
		http_reply_detail(x, 404, MCP_NOT_CONFIGURED);
	} else if (str_is(head->method, "POST")) {
		on_post(r, x);
	} else if (str_is(head->method, "GET")) {
		on_get(r, x);
	} else if (str_is(head->method, "DELETE")) {
		on_delete(r, x);
	} else {
		http_add_field(x, "Allow", STR("GET, POST, DELETE, OPTIONS"));
		refuse(r, x, no_id,
			(struct refusal){
				405, MCP_CODE_TRANSPORT, "Method not allowed"});
	}
}
