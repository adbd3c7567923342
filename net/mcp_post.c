/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_post.c - one POST to the MCP endpoint until it is answered.
 *
 * input: untrusted
 */
#include "net/mcp_post.h"

#include "lib/mem.h"
#include "net/mcp.h"
#include "net/mcp_request.h"

enum { SILENCE_MS = 10000 }; /* then the answer becomes an event stream */

static void post_free(struct mcp_post *p)
{
	struct mcp_router *r = p->router;
	loop_timer_clear(r->loop, &p->timer);
	p->session->used_ms = loop_now(r->loop);
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
	else if (p->session->modern)
		mcp_session_cancel_all(p->session);
}

/* nothing more will be written for it */
static void let_go(struct mcp_post *p)
{
	http_set_owner(p->x, NULL, NULL);
	p->x = NULL;
}

/* false: no memory; the client has been told */
static bool start_stream(struct mcp_post *p)
{
	struct http_exchange *x = p->x;
	p->stream = mcp_stream_open(
		&p->router->streams, p->session, x, ++p->session->last_stream);
	if (!p->stream)
		let_go(p);
	p->x = NULL;
	if (!p->stream)
		http_reply_detail(x, 503, "out of memory");
	return p->stream;
}

static void on_silence(void *owner)
{
	struct mcp_post *p = owner;
	if (start_stream(p))
		mcp_stream_ping(p->stream);
}

static struct mcp_post *post_new(
	struct mcp_router *r, struct mcp_session *session)
{
	struct mcp_post *p = r->free_posts;
	if (p)
		r->free_posts = p->next;
	else
		p = mem_new(sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct mcp_post){.router = r, .session = session, .open = 1};
	buf_init(&p->answers, MCP_LINE_MAX);
	session->posts++;
	return p;
}

struct mcp_post *mcp_post_new(struct mcp_router *r, struct http_exchange *x,
	struct mcp_session *session)
{
	struct mcp_post *p = post_new(r, session);
	if (!p)
		return NULL;
	p->x = x;
	http_set_owner(x, p, on_exchange_close);
	return p;
}

struct mcp_post *mcp_post_new_duplex(
	struct mcp_router *r, struct mcp_session *session)
{
	struct mcp_post *p = post_new(r, session);
	if (!p)
		return NULL;
	p->stream = session->own;
	p->borrowed = true;
	return p;
}

/* what one HTTP answer says at the end */
static void reply_rest(struct mcp_post *p)
{
	struct http_exchange *x = p->x;
	let_go(p);
	if (p->answers.err)
		http_reply_detail(
			x, 500, "the answers of the batch are too large");
	else if (p->answers.n > 1)
		http_reply(x, 200, "application/json", buf_str(&p->answers));
	else
		http_reply(x, 202, NULL, STR(""));
}

/* the last answer is there (or there was none to give) */
static void complete(struct mcp_post *p)
{
	if (p->batch)
		buf_putc(&p->answers, ']');
	if (p->x)
		reply_rest(p);
	else if (p->borrowed && p->answers.n > 1 && !p->answers.err)
		mcp_stream_send(p->stream, buf_str(&p->answers));
	else if (p->stream && !p->borrowed)
		mcp_stream_end(p->stream);
	post_free(p);
}

void mcp_post_opened(struct mcp_post *p)
{
	p->open++;
}

void mcp_post_closed(struct mcp_post *p)
{
	if (--p->open == 0)
		complete(p);
}

void mcp_post_read(struct mcp_post *p)
{
	if (p->open > 1 && p->x && p->may_stream)
		(void)loop_timer_at(p->router->loop, &p->timer,
			loop_now(p->router->loop) + SILENCE_MS, on_silence, p);
	mcp_post_closed(p);
}

bool mcp_post_listens(const struct mcp_post *p)
{
	return p->x || p->stream;
}

static void answer(struct mcp_post *p, int status, struct str message)
{
	if (p->batch && (p->x || p->borrowed)) {
		buf_putc(&p->answers, p->answers.n ? ',' : '[');
		buf_put_str(&p->answers, message);
	} else if (p->stream) {
		mcp_stream_send(p->stream, message);
	} else if (p->x) {
		struct http_exchange *x = p->x;
		let_go(p);
		http_reply(x, status, "application/json", message);
	}
}

void mcp_post_answer(struct mcp_post *p, struct str message)
{
	answer(p, 200, message);
}

void mcp_post_fault(struct mcp_post *p, int code, struct str message)
{
	int status = 200;
	if (p->session->modern && code == JSONRPC_METHOD_NOT_FOUND)
		status = 404;
	else if (p->session->modern && code <= MCP_CODE_HEADER &&
		 code >= MCP_CODE_VERSION)
		status = 400;
	answer(p, status, message);
}

void mcp_post_error(
	struct mcp_post *p, struct str id, int code, struct str message)
{
	struct buf *out = &p->router->scratch;
	buf_reset(out);
	jsonrpc_put_error(out, id, code, message);
	mcp_post_fault(p, code, buf_str(out));
}

bool mcp_post_can_precede(const struct mcp_post *p)
{
	return p->stream || (p->x && p->may_stream);
}

bool mcp_post_precede(struct mcp_post *p, struct str message, bool must)
{
	if (!mcp_post_can_precede(p))
		return false;
	loop_timer_clear(p->router->loop, &p->timer);
	if (!p->stream && !start_stream(p))
		return false;
	if (must)
		mcp_stream_send(p->stream, message);
	else
		mcp_stream_tell(p->stream, message);
	return true;
}

void mcp_post_free_list(struct mcp_router *r)
{
	while (r->free_posts) {
		struct mcp_post *p = r->free_posts;
		r->free_posts = p->next;
		mem_free(p);
	}
}
