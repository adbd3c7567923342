/* SPDX-License-Identifier: MIT */
/*
 * net/http_client.c - requests and answers over a stream.
 *
 * input: untrusted
 */
#include "net/http_client.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/fmt.h"
#include "net/http_chars.h"

enum {
	READ_MAX = 256 * 1024,
	INTERIM_MAX = 16,
	SMALL_BODY = 16 * 1024,
};

/* ------------------------------------------------------------ connecting */

static void reset(struct http_client *c)
{
	*c = (struct http_client){0};
	stream_init(&c->stream);
	buf_init(&c->in, HTTP_HEAD_MAX + READ_MAX);
}

/* what the stream has to say about a failure, if anything */
static int seen(struct http_client *c, int r)
{
	if (r == -EPROTO && !c->error)
		c->error = c->stream.error;
	return r;
}

int http_client_open_tcp(struct http_client *c, const char *host, uint16_t port,
	uint64_t timeout_ms)
{
	reset(c);
	c->stream.deadline_ms = clock_ms() + timeout_ms;
	return stream_open_tcp(&c->stream, host, port, false);
}

int http_client_open_unix(
	struct http_client *c, const char *path, uint64_t timeout_ms)
{
	reset(c);
	c->stream.deadline_ms = clock_ms() + timeout_ms;
	return stream_open_unix(&c->stream, path);
}

int http_client_open(struct http_client *c, const struct http_client_to *to)
{
	uint64_t deadline = to->deadline_ms ? to->deadline_ms : UINT64_MAX;
	uint64_t connect = UINT64_MAX;
	reset(c);
	if (to->connect_ms)
		connect = clock_ms() + to->connect_ms;
	c->stream.deadline_ms = connect < deadline ? connect : deadline;
	c->stream.cancel = to->cancel;
	int r = to->unix_path
			? stream_open_unix(&c->stream, to->unix_path)
			: stream_open_tcp(&c->stream, to->host, to->port, true);
	if (r == 0 && to->tls)
		r = stream_start_tls(&c->stream, to->tls,
			to->tls_name ? to->tls_name : to->host);
	c->stream.deadline_ms = deadline;
	c->stream.idle_ms = to->idle_ms;
	return seen(c, r);
}

void http_client_close(struct http_client *c)
{
	stream_close(&c->stream);
	buf_fini(&c->in);
}

/* ------------------------------------------------------------ the request */

static int unsound(struct http_client *c, const char *why)
{
	c->error = why;
	return -EPROTO;
}

static bool sound_request(const struct http_client_call *call)
{
	struct str method = str_of(call->method);
	struct str target = str_of(call->target);
	if (method.n == 0 || !http_chars_all(method, HTTP_TCHAR) ||
		target.n == 0 || !http_chars_all(target, HTTP_URI) ||
		!http_chars_all(str_of(call->host), HTTP_VALUE))
		return false;
	for (size_t i = 0; i < call->nfields; i++) {
		const struct http_field *field = &call->fields[i];
		if (field->name.n == 0 ||
			!http_chars_all(field->name, HTTP_TCHAR) ||
			!http_chars_all(field->value, HTTP_VALUE))
			return false;
	}
	return true;
}

static void put_head(struct buf *out, const struct http_client_call *call)
{
	buf_putf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", call->method,
		call->target, call->host);
	if (!call->keep_alive)
		buf_put_str(out, STR("Connection: close\r\n"));
	if (call->next_body && call->body_length < 0)
		buf_puts(out, "Transfer-Encoding: chunked\r\n");
	else if (call->next_body)
		buf_putf(out, "Content-Length: %jd\r\n",
			(intmax_t)call->body_length);
	else if (call->body.p)
		buf_putf(out, "Content-Length: %zu\r\n", call->body.n);
	for (size_t i = 0; i < call->nfields; i++) {
		buf_put_str(out, call->fields[i].name);
		buf_put_str(out, STR(": "));
		buf_put_str(out, call->fields[i].value);
		buf_put_str(out, STR("\r\n"));
	}
	buf_put_str(out, STR("\r\n"));
}

bool http_client_put_head(struct buf *out, const struct http_client_call *call)
{
	bool sound = sound_request(call);
	if (sound)
		put_head(out, call);
	return sound;
}

/* one piece of a body that streams */
static int send_piece(struct http_client *c, struct str piece, bool chunked)
{
	char line[24];
	size_t n = fmt_str(line, sizeof(line), "%zx\r\n", piece.n);
	if (!chunked)
		return stream_send(&c->stream, piece);
	int r = stream_send(&c->stream, str_from(line, n));
	if (r == 0)
		r = stream_send(&c->stream, piece);
	return r ? r : stream_send(&c->stream, STR("\r\n"));
}

static int send_stream(
	struct http_client *c, const struct http_client_call *call)
{
	bool chunked = call->body_length < 0;
	uint64_t left = chunked ? UINT64_MAX : (uint64_t)call->body_length;
	struct str piece;
	while (left) {
		ssize_t n = call->next_body(call->owner, &piece);
		if (n < 0)
			return (int)n;
		if (n == 0 && chunked)
			return stream_send(&c->stream, STR("0\r\n\r\n"));
		if (n == 0)
			return unsound(c, "the body is shorter than was said");
		piece = str_first(piece, left < piece.n ? left : piece.n);
		int r = send_piece(c, piece, chunked);
		if (r)
			return r;
		left -= chunked ? 0 : piece.n;
	}
	return 0;
}

/* 0: all was sent; 1: the peer did not want all of it; or -errno */
static int send_request(
	struct http_client *c, const struct http_client_call *call)
{
	struct buf out;
	buf_init(&out, (size_t)HTTP_HEAD_MAX * 2);
	put_head(&out, call);
	/* a small body goes with its head, in one packet */
	bool joined = !call->next_body && call->body.n <= SMALL_BODY;
	if (joined)
		buf_put_str(&out, call->body);
	int r = out.err ? out.err : stream_send(&c->stream, buf_str(&out));
	if (r == 0 && call->next_body)
		r = send_stream(c, call);
	else if (r == 0 && !joined)
		r = stream_send(&c->stream, call->body);
	buf_fini(&out);
	return r;
}

/* -------------------------------------------------------------- the answer */

/* more bytes into c->in: their number, 0 at the end, or a negative errno */
static ssize_t read_more(struct http_client *c)
{
	char *room = buf_reserve(&c->in, READ_MAX);
	if (!room)
		return c->in.err;
	ssize_t n = stream_read(&c->stream, room, READ_MAX);
	if (n > 0) {
		buf_commit(&c->in, (size_t)n);
		c->answered = true;
	}
	return seen(c, (int)n);
}

/* the next head: its length, with call->head filled from head_bytes */
static int read_head(struct http_client *c, struct http_client_call *call)
{
	struct http_error error;
	bool to_head = strcmp(call->method, "HEAD") == 0;
	int n;
	while ((n = http_parse_head(&call->head, HTTP_RESPONSE, to_head,
			buf_str(&c->in), &error)) == 0) {
		ssize_t r = read_more(c);
		if (r < 0)
			return (int)r;
		if (r == 0)
			return unsound(c, "no answer");
	}
	if (n < 0)
		return unsound(c, error.reason);
	buf_reset(&call->head_bytes);
	buf_put(&call->head_bytes, buf_str(&c->in).p, (size_t)n);
	if (call->head_bytes.err)
		return call->head_bytes.err;
	buf_consume(&c->in, (size_t)n);
	/* again, so that the strings point into what stays */
	return http_parse_head(&call->head, HTTP_RESPONSE, to_head,
		buf_str(&call->head_bytes), &error);
}

static int take_data(
	struct http_client_call *call, struct str data, bool collect)
{
	if (data.n == 0)
		return 0;
	if (!collect)
		return call->on_data(call->owner, data);
	buf_put_str(&call->content, data);
	return call->content.err;
}

static int read_body(struct http_client *c, struct http_client_call *call)
{
	struct http_error error;
	struct http_body body;
	int to_owner = call->on_data != NULL;
	if (call->on_head)
		to_owner = call->on_head(call->owner, &call->head);
	if (to_owner < 0)
		return to_owner;
	http_body_init(&body, &call->head);
	while (!body.done) {
		struct str data;
		ssize_t n =
			http_body_feed(&body, buf_str(&c->in), &data, &error);
		if (n < 0)
			return unsound(c, error.reason);
		int r = take_data(call, data, to_owner == 0);
		if (r < 0)
			return r;
		buf_consume(&c->in, (size_t)n);
		if (n > 0 || body.done)
			continue;
		ssize_t got = read_more(c);
		if (got < 0)
			return (int)got;
		if (got == 0 && body.framing == HTTP_BODY_UNTIL_CLOSE)
			return 0;
		if (got == 0)
			return unsound(c, "the answer is cut short");
	}
	return 0;
}

static int read_answer(struct http_client *c, struct http_client_call *call)
{
	for (int i = 0; i < INTERIM_MAX; i++) {
		int r = read_head(c, call);
		if (r < 0)
			return r;
		if (call->head.status >= 200)
			return read_body(c, call);
		if (call->head.status == 101)
			return unsound(c, "an unasked upgrade");
	}
	return unsound(c, "too many interim answers");
}

int http_client_call(struct http_client *c, struct http_client_call *call)
{
	buf_init(&call->head_bytes, HTTP_HEAD_MAX);
	buf_init(&call->content, call->content_max);
	c->reusable = false;
	c->answered = false;
	c->error = NULL;
	if (!sound_request(call))
		return -EINVAL;
	int sent = send_request(c, call);
	if (sent < 0)
		return seen(c, sent);
	int r = read_answer(c, call);
	c->reusable = r == 0 && sent == 0 && call->keep_alive &&
		      call->head.keep_alive && c->in.n == 0 &&
		      call->head.framing != HTTP_BODY_UNTIL_CLOSE;
	return r;
}

void http_client_call_fini(struct http_client_call *call)
{
	buf_fini(&call->head_bytes);
	buf_fini(&call->content);
}
