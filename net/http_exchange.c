/* SPDX-License-Identifier: MIT */
/*
 * net/http_exchange.c - one request and what its handler does with the body.
 *
 * Exchanges are pooled with their buffers, so that a connection in steady
 * use allocates nothing.
 */
#include <errno.h>

#include "lib/mem.h"
#include "net/http_conn.h"

/* memory that stays with a pooled exchange */
enum { KEEP_HEAD = 2048, KEEP_CONTENT = 16 * 1024 };

/* ---------------------------------------------------------- the pool */

struct http_exchange *http_exchange_take(struct http_server *s)
{
	struct http_exchange *x = s->pool;
	if (x) {
		s->pool = x->next;
		s->npool--;
		return x;
	}
	x = mem_new(sizeof(*x));
	if (!x)
		return NULL;
	buf_init(&x->bytes, HTTP_HEAD_MAX);
	buf_init(&x->fields, HTTP_HEAD_MAX);
	buf_init(&x->content, SIZE_MAX);
	buf_init(&x->out, OUT_MAX);
	return x;
}

static void recycle_buf(struct buf *b, size_t keep)
{
	buf_reset(b);
	buf_trim(b, keep);
}

void http_exchange_put(struct http_server *s, struct http_exchange *x)
{
	if (s->npool >= POOL_MAX) {
		http_exchange_free(x);
		return;
	}
	recycle_buf(&x->bytes, KEEP_HEAD);
	recycle_buf(&x->fields, KEEP_HEAD);
	recycle_buf(&x->content, KEEP_CONTENT);
	x->next = s->pool;
	s->pool = x;
	s->npool++;
}

void http_exchange_free(struct http_exchange *x)
{
	buf_fini(&x->bytes);
	buf_fini(&x->fields);
	buf_fini(&x->content);
	buf_fini(&x->out);
	mem_free(x);
}

/* ---------------------------------------------------- begin and finish */

/* a view into the bytes at `from` becomes one into their copy at `to` */
static void rebase(struct str *view, struct str from, const char *to)
{
	uintptr_t at = (uintptr_t)view->p;
	uintptr_t start = (uintptr_t)from.p;
	if (view->p && at >= start && at <= start + from.n)
		view->p = to + (at - start);
}

static void rebase_head(struct http_head *head, struct str from, const char *to)
{
	rebase(&head->method, from, to);
	rebase(&head->target, from, to);
	rebase(&head->path, from, to);
	rebase(&head->query, from, to);
	rebase(&head->host, from, to);
	for (size_t i = 0; i < head->nfields; i++) {
		rebase(&head->fields[i].name, from, to);
		rebase(&head->fields[i].value, from, to);
	}
}

/* everything but the head and the pooled buffers */
static void reset(struct http_exchange *x, struct http_conn *c)
{
	x->conn = c;
	x->owner = NULL;
	x->on_close = NULL;
	x->mode = BODY_UNDECIDED;
	x->sink = (struct http_sink){0};
	x->guard = (struct http_guard){0};
	x->collected = NULL;
	x->collected_owner = NULL;
	x->paused = false;
	x->probe = false;
	x->probed = false;
	x->end_told = false;
	x->body_begun = false;
	x->answer = ANSWER_NONE;
	x->status = 0;
	x->sent = 0;
	x->start_us = 0;
	x->drain = NULL;
	x->drain_owner = NULL;
	x->drain_low = 0;
	x->drain_armed = false;
	x->sized = false;
	x->sized_left = 0;
	x->file = (struct http_piece){.fd = -1};
	x->chunked = false;
	x->no_body = false;
	x->close = false;
	x->long_lived = false;
	x->note = 0;
}

bool http_exchange_begin(struct http_exchange *x, struct http_conn *c, size_t n)
{
	struct str head = str_first(http_conn_input(c), n);
	buf_put_str(&x->bytes, head);
	if (x->bytes.err)
		return false;
	reset(x, c);
	rebase_head(&x->head, head, x->bytes.p);
	http_body_init(&x->body, &x->head);
	if (c->server->config.on_log)
		x->start_us = clock_us();
	http_io_lend(c, x);
	http_conn_take(c, n);
	c->progress_ms = loop_now(c->server->loop);
	c->x = x;
	return true;
}

void http_exchange_finish(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	const struct http_server_config *config = &c->server->config;
	c->server->collected -= x->content.n;
	uint64_t unsent = c->out.n < x->sent ? c->out.n : x->sent;
	if (c->state == CONN_DEAD)
		x->sent -= unsent;
	if (config->on_log)
		config->on_log(config->owner, x, x->status, x->sent,
			clock_us() - x->start_us);
	if (x->on_close)
		x->on_close(x->owner, x);
	if (x->guard.verdict)
		x->guard.release(x->guard.owner);
	http_io_return(c, x);
	c->x = NULL;
	http_exchange_put(c->server, x);
}

/* -------------------------------------------------------------- the body */

static void too_large(struct http_exchange *x)
{
	http_reply_detail(x, 413, "Request body is too large");
}

/* the payload was taken from the input already */
static void deliver(struct http_exchange *x, struct str data)
{
	if (x->mode == BODY_COLLECT) {
		struct http_server *s = x->conn->server;
		if (data.n > COLLECTED_MAX - s->collected) {
			http_reply_detail(x, 503, "Too many large requests");
			return;
		}
		s->collected += data.n;
		if (x->guard.verdict)
			x->guard.data(x->guard.owner, data);
		buf_put_str(&x->content, data);
		if (x->content.err)
			s->collected -= data.n;
		if (x->content.err == -EMSGSIZE)
			too_large(x);
		else if (x->content.err)
			http_reply_detail(x, 503, "Out of memory");
		return;
	}
	struct http_conn *c = x->conn;
	size_t taken = x->sink.on_data(x->sink.owner, x, data);
	if (x->guard.verdict)
		x->guard.data(x->guard.owner, str_first(data, taken));
	/* answered or aborted in there: the rest has been dealt with */
	if (taken >= data.n || x->mode != BODY_STREAM)
		return;
	/* the payload is the end of what was taken: step back into it */
	size_t back = data.n - taken;
	http_body_unget(&x->body, back);
	c->view.p -= back;
	c->view.n += back;
	x->paused = true;
	x->paused_ms = loop_now(c->server->loop);
}

static void tell_end(struct http_exchange *x)
{
	x->end_told = true;
	if (x->guard.verdict && x->answer == ANSWER_NONE &&
		!x->guard.verdict(x->guard.owner, x))
		return;
	if (x->mode == BODY_COLLECT)
		x->collected(x->collected_owner, x, buf_str(&x->content));
	else if (x->sink.on_end)
		x->sink.on_end(x->sink.owner, x);
}

static void unsound(struct http_exchange *x, const struct http_error *error)
{
	x->close = true;
	if (x->answer == ANSWER_NONE)
		http_reply_detail(x, error->status, "%s", error->reason);
	else
		http_conn_kill(x->conn);
}

bool http_exchange_feed(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	struct http_error error;
	struct str data;
	bool reading = x->mode == BODY_COLLECT || x->mode == BODY_STREAM;
	if (!reading || x->paused || x->end_told)
		return false;
	if (x->body.done) {
		tell_end(x);
		return true;
	}
	if (c->view.n == 0) {
		/* the peer promised more, and will not send it */
		static const struct http_error cut = {
			400, "Request body ends before its announced end"};
		if (c->peer_done)
			unsound(x, &cut);
		return c->peer_done;
	}
	ssize_t n = http_body_feed(&x->body, c->view, &data, &error);
	if (n < 0) {
		unsound(x, &error);
		return true;
	}
	x->body_begun = true;
	http_conn_take(c, (size_t)n);
	x->patience_ms += data.n / SLOW_BYTES_PER_MS;
	if (data.n)
		deliver(x, data);
	return true;
}

bool http_exchange_skip(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	struct http_error error;
	struct str data;
	while (!x->body.done) {
		struct str input = http_conn_input(c);
		if (input.n == 0)
			break;
		ssize_t n = http_body_feed(&x->body, input, &data, &error);
		if (n < 0)
			return false;
		http_conn_take(c, (size_t)n);
		x->body_begun = true;
	}
	return true;
}

/* the handler wants the body: a peer that waits for that word gets it */
static void read_body(struct http_exchange *x, enum body_mode mode)
{
	struct http_conn *c = x->conn;
	x->mode = mode;
	c->progress_ms = loop_now(c->server->loop);
	x->patience_ms =
		c->progress_ms + c->server->config.limits.slow_grace_ms;
	if (x->head.expect_continue && !x->body.done && !x->body_begun &&
		http_conn_input(c).n == 0) {
		struct str go = STR("HTTP/1.1 100 Continue\r\n\r\n");
		x->body_begun = true;
		http_io_send(c, &go, 1, false);
	}
	http_conn_schedule(c);
}

void http_collect(
	struct http_exchange *x, size_t max, http_body_fn *fn, void *owner)
{
	if (x->mode != BODY_UNDECIDED || x->answer == ANSWER_ENDED)
		return;
	if (x->body.framing == HTTP_BODY_LENGTH && x->body.left > max) {
		too_large(x);
		return;
	}
	x->content.max = max;
	x->collected = fn;
	x->collected_owner = owner;
	read_body(x, BODY_COLLECT);
}

void http_stream(struct http_exchange *x, struct http_sink sink)
{
	if (x->mode != BODY_UNDECIDED || x->answer == ANSWER_ENDED)
		return;
	x->sink = sink;
	read_body(x, BODY_STREAM);
}

void http_set_guard(struct http_exchange *x, const struct http_guard *guard)
{
	x->guard = *guard;
}

void http_resume(struct http_exchange *x)
{
	if (!x->paused)
		return;
	x->paused = false;
	x->conn->progress_ms = loop_now(x->conn->server->loop);
	x->patience_ms += x->conn->progress_ms - x->paused_ms;
	http_conn_schedule(x->conn);
}

void http_set_probe(struct http_exchange *x)
{
	x->probe = true;
	http_conn_schedule(x->conn);
}

/* ------------------------------------------------------------ what it is */

const struct http_head *http_request(const struct http_exchange *x)
{
	return &x->head;
}

const char *http_peer(const struct http_exchange *x)
{
	return x->conn->peer;
}

int *http_note(struct http_exchange *x)
{
	return &x->note;
}

int *http_connection_note(struct http_exchange *x)
{
	return &x->conn->note;
}

int http_socket(const struct http_exchange *x)
{
	return x->conn->watch.fd;
}

void http_set_owner(struct http_exchange *x, void *owner,
	void (*on_close)(void *owner, struct http_exchange *x))
{
	x->owner = owner;
	x->on_close = on_close;
}

void *http_owner(const struct http_exchange *x)
{
	return x->owner;
}

void http_abort(struct http_exchange *x)
{
	http_conn_kill(x->conn);
}

void http_set_long_lived(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	x->long_lived = true;
	/* nobody listens to a stream with its sending side closed */
	if (c->peer_done || c->half_seen)
		http_conn_kill(c);
}
