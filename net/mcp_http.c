/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_http.c - the MCP endpoint: Streamable HTTP for the session-based
 * revisions (basic/transports of 2025-03-26, 2025-06-18 and 2025-11-25).
 *
 * input: untrusted
 */
#include "lib/log.h"
#include "lib/size.h"
#include "lib/version.h"
#include "net/mcp.h"
#include "net/mcp_post.h"

enum {
	BODY_MAX = 64 << 20, /* one POST */
	FIRST_BODY_MAX = 1 << 20,
	BATCH_MAX = 256,
	STREAM_PING_MS = 15000,
	STREAM_QUEUE_MAX = 1 << 20,
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

static bool is_json(const struct http_head *head)
{
	struct str type = http_field(head, "Content-Type");
	type = str_trim(str_first(type, str_index(type, ';')));
	return str_eq_nocase(type, STR("application/json"));
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
	struct buf version;
	struct str raw = json_member(m->params, "protocolVersion");
	if (!raw.p || json_type_of(raw) != JSON_STRING) {
		refuse(r, x, m->id,
			(struct refusal){200, JSONRPC_INVALID_PARAMS,
				"params.protocolVersion must be a string"});
		return;
	}
	buf_init(&version, 64);
	json_unquote(&version, raw);
	struct str chosen = STR(MCP_VERSION_LEGACY);
	if (!version.err && mcp_version_known(buf_str(&version)))
		chosen = buf_str(&version);
	struct mcp_session *s = mcp_session_new(&r->sessions, chosen);
	buf_fini(&version);
	if (!s) {
		refuse(r, x, m->id,
			(struct refusal){503, JSONRPC_INTERNAL_ERROR,
				"too many sessions are in use"});
		return;
	}
	struct buf *out = &r->scratch;
	buf_reset(out);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, m->id);
	buf_putf(out,
		",\"result\":{\"protocolVersion\":\"%s\",\"capabilities\":"
		"{\"tools\":{\"listChanged\":true}},\"serverInfo\":"
		"{\"name\":\"coracle\",\"version\":\"%s\"}}}",
		s->version, coracle_version);
	http_add_field(x, "Mcp-Session-Id", str_of(s->id));
	http_reply(x, 200, "application/json", buf_str(out));
}

static void answer_request(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_router *r = p->router;
	struct str result = {NULL, 0};
	if (jsonrpc_is(m, "tools/call")) {
		mcp_post_tools_call(p, m);
		return;
	}
	if (jsonrpc_is(m, "tools/list"))
		result = buf_str(&r->index.list);
	else if (jsonrpc_is(m, "ping"))
		result = STR("{}");
	if (!result.p) {
		mcp_post_error(p, m->id, JSONRPC_METHOD_NOT_FOUND,
			STR("Method not found"));
		return;
	}
	buf_reset(&r->scratch);
	jsonrpc_put_result(&r->scratch, m->id, result);
	mcp_post_answer(p, buf_str(&r->scratch));
}

static void take_message(struct mcp_post *p, const struct jsonrpc *m)
{
	switch (m->kind) {
	case JSONRPC_REQUEST:
		answer_request(p, m);
		break;
	case JSONRPC_NOTIFICATION:
		if (jsonrpc_is(m, "notifications/cancelled"))
			mcp_post_cancelled(p, m);
		break;
	case JSONRPC_RESULT:
	case JSONRPC_ERROR:
		break; /* we ask clients nothing, so this answers nothing */
	}
}

static struct mcp_post *open_post(struct mcp_router *r, struct http_exchange *x,
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
	if (m.kind == JSONRPC_REQUEST && jsonrpc_is(&m, "initialize")) {
		initialize(r, x, &m);
		return;
	}
	struct mcp_session *s = need_session(r, x, m.id);
	struct mcp_post *p = s ? open_post(r, x, s, false) : NULL;
	if (!p)
		return;
	take_message(p, &m);
	mcp_post_read(p);
}

/* an array: 2025-03-26 has batches; other revisions' clients send none */
static void take_batch(
	struct mcp_router *r, struct http_exchange *x, struct str body)
{
	struct json_cursor c;
	struct str item;
	size_t n = 0;
	(void)json_open(&c, body);
	while (json_next(&c, NULL, &item))
		n++;
	if (n == 0 || n > BATCH_MAX) {
		refuse(r, x, no_id,
			(struct refusal){400, JSONRPC_INVALID_REQUEST,
				"a batch has 1 to 256 messages"});
		return;
	}
	struct mcp_session *s = need_session(r, x, no_id);
	struct mcp_post *p = s ? open_post(r, x, s, true) : NULL;
	if (!p)
		return;
	(void)json_open(&c, body);
	while (json_next(&c, NULL, &item)) {
		struct jsonrpc m;
		const char *why;
		if (jsonrpc_read_checked(&m, item, &why) != 0)
			mcp_post_error(
				p, m.id, JSONRPC_INVALID_REQUEST, str_of(why));
		else
			take_message(p, &m);
	}
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
	if (json_open(&c, body) && !c.object)
		take_batch(r, x, body);
	else
		take_single(r, x, body);
}

static void on_post(struct mcp_router *r, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	size_t max = BODY_MAX;
	if (!is_json(head)) {
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
	if (!http_field(head, "Mcp-Session-Id").p)
		max = FIRST_BODY_MAX;
	else if (!need_session(r, x, no_id))
		return;
	http_collect(x, max, on_body, r);
}

/* ---------------------------------------------------- the GET event stream */

/* a client that does not read its stream gets no more of it */
static bool is_read(const struct mcp_session *s)
{
	return s->stream && http_queued(s->stream) <= STREAM_QUEUE_MAX;
}

static void on_ping(void *owner)
{
	struct mcp_router *r = owner;
	for (struct mcp_session *s = r->sessions.newest; s; s = s->older)
		if (is_read(s))
			mcp_stream_ping(s->stream);
	if (r->sessions.streams)
		(void)loop_timer_at(r->loop, &r->ping,
			loop_now(r->loop) + STREAM_PING_MS, on_ping, r);
}

static void on_stream_close(void *owner, struct http_exchange *x)
{
	struct mcp_session *s = owner;
	(void)x;
	s->stream = NULL;
	s->all->streams--;
}

static void on_get(struct mcp_router *r, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	if (!accepts(head, "text/event-stream")) {
		refuse(r, x, no_id,
			(struct refusal){406, MCP_CODE_TRANSPORT,
				"Not Acceptable: Accept must list "
				"text/event-stream"});
		return;
	}
	struct mcp_session *s = need_session(r, x, no_id);
	if (!s)
		return;
	if (s->stream) {
		refuse(r, x, no_id,
			(struct refusal){409, MCP_CODE_TRANSPORT,
				"Conflict: this session has an event stream "
				"already"});
		return;
	}
	s->stream = x;
	if (r->sessions.streams++ == 0)
		(void)loop_timer_at(r->loop, &r->ping,
			loop_now(r->loop) + STREAM_PING_MS, on_ping, r);
	http_set_owner(x, s, on_stream_close);
	mcp_stream_start(x);
	mcp_stream_ping(x); /* sends the head: clients wait for it */
}

static void end_stream(struct mcp_session *s)
{
	struct http_exchange *x = s->stream;
	if (!x)
		return;
	s->stream = NULL;
	s->all->streams--;
	http_set_owner(x, NULL, NULL);
	http_end(x);
}

void mcp_router_end_streams(struct mcp_router *r)
{
	for (struct mcp_session *s = r->sessions.newest; s; s = s->older)
		end_stream(s);
}

void mcp_router_broadcast(struct mcp_router *r, struct str message)
{
	for (struct mcp_session *s = r->sessions.newest; s; s = s->older)
		if (is_read(s))
			mcp_stream_put(s->stream, message);
}

/* ----------------------------------------------------------------- DELETE */

static void on_delete(struct mcp_router *r, struct http_exchange *x)
{
	struct mcp_session *s = need_session(r, x, no_id);
	if (!s)
		return;
	end_stream(s);
	mcp_session_cancel_all(s);
	mcp_session_end(&r->sessions, s);
	http_reply(x, 200, NULL, STR(""));
}

void mcp_router_http(struct mcp_router *r, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	if (!r->configured) {
		http_reply_detail(x, 404,
			"no MCP servers yet: POST /apps configures them");
	} else if (str_is(head->method, "POST")) {
		on_post(r, x);
	} else if (str_is(head->method, "GET")) {
		on_get(r, x);
	} else if (str_is(head->method, "DELETE")) {
		on_delete(r, x);
	} else {
		http_add_field(x, "Allow", STR("GET, POST, DELETE"));
		refuse(r, x, no_id,
			(struct refusal){
				405, MCP_CODE_TRANSPORT, "Method not allowed"});
	}
}

void mcp_router_fini(struct mcp_router *r)
{
	while (r->sessions.newest)
		mcp_session_end(&r->sessions, r->sessions.newest);
	loop_timer_clear(r->loop, &r->ping);
	mcp_post_free_lists(r);
	buf_fini(&r->scratch);
}
