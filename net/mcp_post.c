/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_post.c - one POST to the MCP endpoint until it is answered.
 *
 * input: untrusted
 */
#include "net/mcp_post.h"

#include "lib/mem.h"
#include "lib/size.h"
#include "net/mcp.h"

enum {
	SILENCE_MS = 10000, /* then the answer becomes an event stream */
	PING_MS = 15000,
	REQUEST_TEXT_MAX = 1 << 20,
	KEEP_TEXT = 4096,
	PROGRESS_QUEUE_MAX = 1 << 20,
};

/* --------------------------------------------------------- event streams */

void mcp_stream_start(struct http_exchange *x)
{
	http_add_field(x, "Cache-Control", STR("no-cache, no-transform"));
	http_add_field(x, "X-Accel-Buffering", STR("no"));
	http_set_long_lived(x);
	http_start(x, 200, "text/event-stream");
}

void mcp_stream_put(struct http_exchange *x, struct str message)
{
	http_write(x, STR("event: message\r\ndata: "));
	http_write(x, message);
	http_write(x, STR("\r\n\r\n"));
}

void mcp_stream_ping(struct http_exchange *x)
{
	http_write(x, STR(": ping\r\n\r\n"));
}

/* ----------------------------------------------------------------- posts */

static void post_free(struct mcp_post *p)
{
	struct mcp_router *r = p->router;
	loop_timer_clear(r->loop, &p->timer);
	if (p->session)
		mcp_session_unref(p->session);
	buf_fini(&p->answers);
	p->next = r->free_posts;
	r->free_posts = p;
}

static void on_exchange_close(void *owner, struct http_exchange *x)
{
	struct mcp_post *p = owner;
	(void)x;
	p->x = NULL;
	loop_timer_clear(p->router->loop, &p->timer);
	if (p->open == 0)
		post_free(p);
}

/* nothing more will be written for it */
static void let_go(struct mcp_post *p)
{
	http_set_owner(p->x, NULL, NULL);
	p->x = NULL;
}

static void start_stream(struct mcp_post *p)
{
	p->streaming = true;
	mcp_stream_start(p->x);
}

static void on_silence(void *owner)
{
	struct mcp_post *p = owner;
	if (!p->streaming)
		start_stream(p);
	mcp_stream_ping(p->x);
	(void)loop_timer_at(p->router->loop, &p->timer,
		loop_now(p->router->loop) + PING_MS, on_silence, p);
}

struct mcp_post *mcp_post_new(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *session)
{
	struct mcp_post *p = r->free_posts;
	if (p)
		r->free_posts = p->next;
	else
		p = mem_new(sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct mcp_post){
		.router = r, .x = x, .session = session, .open = 1};
	buf_init(&p->answers, MCP_LINE_MAX);
	if (session)
		session->posts++;
	http_set_owner(x, p, on_exchange_close);
	return p;
}

/* the last answer is there (or there was none to give) */
static void complete(struct mcp_post *p)
{
	if (p->x && p->streaming) {
		struct http_exchange *x = p->x;
		let_go(p);
		http_end(x);
	} else if (p->x) {
		struct http_exchange *x = p->x;
		let_go(p);
		buf_putc(&p->answers, ']');
		if (p->answers.n > 1 && !p->answers.err)
			http_reply(x, 200, "application/json",
				buf_str(&p->answers));
		else if (p->answers.err)
			http_reply_detail(x, 500,
				"the answers of the batch are too large");
		else
			http_reply(x, 202, NULL, STR(""));
	}
	post_free(p);
}

static void close_one(struct mcp_post *p)
{
	if (--p->open == 0)
		complete(p);
}

void mcp_post_read(struct mcp_post *p)
{
	if (p->open > 1 && p->x && p->may_stream)
		(void)loop_timer_at(p->router->loop, &p->timer,
			loop_now(p->router->loop) + SILENCE_MS, on_silence, p);
	close_one(p);
}

void mcp_post_answer(struct mcp_post *p, struct str message)
{
	if (!p->x)
		return;
	if (p->streaming) {
		mcp_stream_put(p->x, message);
	} else if (p->batch) {
		buf_putc(&p->answers, p->answers.n ? ',' : '[');
		buf_put_str(&p->answers, message);
	} else {
		struct http_exchange *x = p->x;
		let_go(p);
		http_reply(x, 200, "application/json", message);
	}
}

void mcp_post_error(
	struct mcp_post *p, struct str id, int code, struct str message)
{
	struct buf *out = &p->router->scratch;
	buf_reset(out);
	jsonrpc_put_error(out, id, code, message);
	mcp_post_answer(p, buf_str(out));
}

/* -------------------------------------------------------------- requests */

static struct mcp_request *request_of(struct mcp_call *call)
{
	return CONTAINER_OF(call, struct mcp_request, call);
}

static struct str request_id(const struct mcp_request *q)
{
	return str_first(buf_str(&q->text), q->id_len);
}

static struct str request_token(const struct mcp_request *q)
{
	return str_first(
		str_from_index(buf_str(&q->text), q->id_len), q->token_len);
}

static struct str request_tool(const struct mcp_request *q)
{
	return str_from_index(buf_str(&q->text), q->id_len + q->token_len);
}

static struct mcp_request *request_new(
	struct mcp_post *p, struct str id, struct str token, struct str tool)
{
	struct mcp_router *r = p->router;
	struct mcp_request *q = r->free_requests;
	if (q) {
		r->free_requests = q->next;
	} else {
		q = mem_new(sizeof(*q));
		if (!q)
			return NULL;
		buf_init(&q->text, REQUEST_TEXT_MAX);
	}
	struct buf text = q->text;
	*q = (struct mcp_request){.post = p, .text = text};
	buf_put_str(&q->text, id);
	buf_put_str(&q->text, token);
	buf_put_str(&q->text, tool);
	q->id_len = id.n;
	q->token_len = token.n;
	q->next = p->session->requests;
	if (q->next)
		q->next->prev = q;
	p->session->requests = q;
	p->open++;
	return q;
}

/* unlink and keep for the next; the post may go with it */
static void request_done(struct mcp_request *q)
{
	struct mcp_post *p = q->post;
	struct mcp_router *r = p->router;
	if (q->prev)
		q->prev->next = q->next;
	else
		p->session->requests = q->next;
	if (q->next)
		q->next->prev = q->prev;
	buf_reset(&q->text);
	buf_trim(&q->text, KEEP_TEXT);
	q->next = r->free_requests;
	r->free_requests = q;
	close_one(p);
}

/* a tool result that says what went wrong: models read results */
static void put_tool_error(struct buf *out, struct str id, struct str text)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, id);
	buf_puts(out, ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":");
	json_quote(out, text);
	buf_puts(out, "}],\"isError\":true}}");
}

static void answer_tool_error(
	struct mcp_post *p, struct str id, const struct buf *text)
{
	struct buf *out = &p->router->scratch;
	buf_reset(out);
	put_tool_error(out, id, buf_str(text));
	mcp_post_answer(p, buf_str(out));
}

static void answer_error(struct mcp_request *q, struct str message)
{
	struct buf text;
	buf_init(&text, MCP_LINE_MAX);
	buf_puts(&text, "Error calling tool '");
	buf_put_str(&text, request_tool(q));
	buf_puts(&text, "': ");
	buf_put_str(&text, message);
	answer_tool_error(q->post, request_id(q), &text);
	buf_fini(&text);
}

/* a server's JSON-RPC error as a result, except the code that clients act on */
static void on_error(struct mcp_request *q, const struct jsonrpc *m)
{
	struct buf message;
	struct str code = json_member(m->error, "code");
	struct str raw = json_member(m->error, "message");
	if (code.p && str_is(code, "-32042")) {
		struct buf *out = &q->post->router->scratch;
		struct jsonrpc_edit id = {m->id, request_id(q)};
		buf_reset(out);
		jsonrpc_put_edited(out, m->text, &id, 1);
		mcp_post_answer(q->post, buf_str(out));
		return;
	}
	buf_init(&message, MCP_LINE_MAX);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&message, raw);
	else
		buf_puts(&message, "the server gave no reason");
	answer_error(q, buf_str(&message));
	buf_fini(&message);
}

static void on_answer(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_request *q = request_of(call);
	if (!q->post->x) {
		/* the client is gone */
	} else if (m->kind == JSONRPC_ERROR) {
		on_error(q, m);
	} else {
		struct buf *out = &q->post->router->scratch;
		struct jsonrpc_edit id = {m->id, request_id(q)};
		buf_reset(out);
		jsonrpc_put_edited(out, m->text, &id, 1);
		mcp_post_answer(q->post, buf_str(out));
		buf_reset(out);
		buf_trim(out, 1 << 16);
	}
	request_done(q);
}

static void on_failure(struct mcp_call *call, const char *why)
{
	struct mcp_request *q = request_of(call);
	if (q->post->x)
		answer_error(q, str_of(why));
	request_done(q);
}

static void on_progress(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_request *q = request_of(call);
	struct mcp_post *p = q->post;
	struct buf *out = &p->router->scratch;
	struct jsonrpc_edit token = {
		json_member(m->params, "progressToken"), request_token(q)};
	if (!p->x || !p->may_stream || q->token_len == 0)
		return;
	/* a client that does not read can do without the latest news */
	if (p->streaming && http_queued(p->x) > PROGRESS_QUEUE_MAX)
		return;
	if (!p->streaming)
		start_stream(p);
	buf_reset(out);
	jsonrpc_put_edited(out, m->text, &token, 1);
	mcp_stream_put(p->x, buf_str(out));
}

static const struct mcp_call_ops request_ops = {.on_answer = on_answer,
	.on_failure = on_failure,
	.on_progress = on_progress};

/* ------------------------------------------------------------ tools/call */

struct call_params {
	struct str name;
	struct str arguments;
	struct str meta;
	struct str token;
};

/* some clients write null for what they have not got */
static void drop_null(struct str *raw)
{
	if (raw->p && json_type_of(*raw) == JSON_NULL)
		*raw = (struct str){NULL, 0};
}

/* NULL, or what is wrong with params._meta */
static const char *read_meta(struct call_params *c)
{
	static const char *const names[] = {"progressToken"};
	drop_null(&c->meta);
	if (!c->meta.p)
		return NULL;
	if (!json_pick(c->meta, names, &c->token, 1))
		return "params._meta must be an object without repeated "
		       "members";
	drop_null(&c->token);
	if (c->token.p && json_type_of(c->token) != JSON_STRING &&
		json_type_of(c->token) != JSON_NUMBER)
		return "params._meta.progressToken must be a string or number";
	return NULL;
}

/* NULL, or what is wrong with the params of a tools/call */
static const char *read_params(struct str params, struct call_params *c)
{
	static const char *const names[] = {"name", "arguments", "_meta"};
	struct str v[ARRAY_LEN(names)];
	*c = (struct call_params){0};
	if (!params.p || !json_pick(params, names, v, ARRAY_LEN(names)))
		return "params must be an object without repeated members";
	c->name = v[0];
	c->arguments = v[1];
	c->meta = v[2];
	if (!c->name.p || json_type_of(c->name) != JSON_STRING)
		return "params.name must be a string";
	if (c->arguments.p && json_type_of(c->arguments) != JSON_OBJECT &&
		json_type_of(c->arguments) != JSON_NULL)
		return "params.arguments must be an object";
	return read_meta(c);
}

static void send_call(struct mcp_post *p, const struct jsonrpc *m,
	const struct call_params *c, const struct mcp_entry *e, struct str name)
{
	struct jsonrpc_edit edits[2];
	size_t n = 0;
	struct mcp_request *q = request_new(p, m->id, c->token, name);
	if (!q || q->text.err) {
		mcp_post_error(p, m->id, JSONRPC_INTERNAL_ERROR,
			STR("id, progress token or name too large"));
		if (q)
			request_done(q);
		return;
	}
	edits[n++] = (struct jsonrpc_edit){
		c->name, mcp_entry_key(&p->router->index.table[MCP_TOOLS], e)};
	/* servers may insist on an object; clients leave it out or say null */
	if (!c->arguments.p)
		edits[n++] = (struct jsonrpc_edit){
			str_from(m->params.p + 1, 0), STR("\"arguments\":{},")};
	else if (json_type_of(c->arguments) == JSON_NULL)
		edits[n++] = (struct jsonrpc_edit){c->arguments, STR("{}")};
	q->call.ops = &request_ops;
	struct mcp_outgoing out = {
		.request = m, .token = c->token, .edits = edits, .n = n};
	mcp_upstream_call(e->upstream, &q->call, &out);
}

void mcp_post_tools_call(struct mcp_post *p, const struct jsonrpc *m)
{
	struct call_params c;
	struct buf name;
	const char *wrong = read_params(m->params, &c);
	if (wrong) {
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS, str_of(wrong));
		return;
	}
	buf_init(&name, REQUEST_TEXT_MAX);
	json_unquote(&name, c.name);
	const struct mcp_entry *e =
		mcp_index_find(&p->router->index, MCP_TOOLS, buf_str(&name));
	if (e) {
		send_call(p, m, &c, e, buf_str(&name));
	} else {
		struct buf text;
		buf_init(&text, REQUEST_TEXT_MAX + 64);
		buf_puts(&text, "Unknown tool: '");
		buf_put_str(&text, buf_str(&name));
		buf_putc(&text, '\'');
		answer_tool_error(p, m->id, &text);
		buf_fini(&text);
	}
	buf_fini(&name);
}

/* ---------------------------------------------------------- cancellation */

void mcp_post_cancelled(struct mcp_post *p, const struct jsonrpc *m)
{
	static const char *const names[] = {"requestId", "reason"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(m->params, names, v, ARRAY_LEN(names)) || !v[0].p)
		return;
	struct mcp_request *q = p->session->requests;
	while (q && !str_eq(request_id(q), v[0]))
		q = q->next;
	if (!q || !q->call.upstream)
		return;
	mcp_upstream_cancel(&q->call, v[1]);
	/* no answer is owed to a cancelled request, but its POST must end */
	if (q->post->x && !q->post->streaming && !q->post->batch)
		mcp_post_error(
			q->post, request_id(q), 0, STR("Request cancelled"));
	request_done(q);
}

void mcp_session_cancel_all(struct mcp_session *s)
{
	struct mcp_request *q = s->requests;
	while (q) {
		struct mcp_request *next = q->next;
		mcp_upstream_cancel(&q->call, STR("\"the session ended\""));
		if (q->post->x && !q->post->streaming && !q->post->batch)
			mcp_post_error(q->post, request_id(q), 0,
				STR("the session ended"));
		request_done(q);
		q = next;
	}
}

void mcp_post_free_lists(struct mcp_router *r)
{
	while (r->free_posts) {
		struct mcp_post *p = r->free_posts;
		r->free_posts = p->next;
		mem_free(p);
	}
	while (r->free_requests) {
		struct mcp_request *q = r->free_requests;
		r->free_requests = q->next;
		buf_fini(&q->text);
		mem_free(q);
	}
}
