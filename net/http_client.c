/* SPDX-License-Identifier: MIT */
/*
 * net/http_client.c - blocking calls over a non-blocking socket and poll(2).
 *
 * input: untrusted
 */
#include "net/http_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "net/http_chars.h"
#include "net/sock_addr.h"

enum { READ_MAX = 64 * 1024, INTERIM_MAX = 16 };

/* ------------------------------------------------------------ connecting */

/* 0 when one of the events (or the end) has come, or -ETIMEDOUT */
static int wait_for(const struct http_client *c, short events)
{
	struct pollfd fd = {.fd = c->fd, .events = events};
	for (;;) {
		uint64_t now = clock_ms();
		if (now >= c->deadline_ms)
			return -ETIMEDOUT;
		uint64_t left = c->deadline_ms - now;
		int r = poll(&fd, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int finish_connect(const struct http_client *c)
{
	int err = 0;
	socklen_t size = sizeof(err);
	int r = wait_for(c, POLLOUT);
	if (r < 0)
		return r;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		return -errno;
	return -err;
}

static int open_address(
	struct http_client *c, const union sock_addr *to, socklen_t size)
{
	if (size == 0)
		return -EINVAL;
	c->fd = socket(to->any.sa_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	if (connect(c->fd, &to->any, size) == 0)
		return 0;
	int r = errno == EINPROGRESS || errno == EINTR ? finish_connect(c)
						       : -errno;
	if (r < 0)
		fd_close(&c->fd);
	return r;
}

static void reset(struct http_client *c, uint64_t timeout_ms)
{
	*c = (struct http_client){.fd = -1};
	c->deadline_ms = clock_ms() + timeout_ms;
	buf_init(&c->in, HTTP_HEAD_MAX + READ_MAX);
}

int http_client_open_tcp(struct http_client *c, const char *host, uint16_t port,
	uint64_t timeout_ms)
{
	union sock_addr to;
	bool local = strcmp(host, "localhost") == 0;
	reset(c, timeout_ms);
	int r = open_address(
		c, &to, sock_addr_parse(&to, local ? "127.0.0.1" : host, port));
	if (local && r == -ECONNREFUSED)
		r = open_address(c, &to, sock_addr_parse(&to, "::1", port));
	return r;
}

int http_client_open_unix(
	struct http_client *c, const char *path, uint64_t timeout_ms)
{
	union sock_addr to;
	reset(c, timeout_ms);
	return open_address(c, &to, sock_addr_unix(&to, path));
}

void http_client_close(struct http_client *c)
{
	fd_close(&c->fd);
	buf_fini(&c->in);
}

/* ------------------------------------------------------------ the request */

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
	if (call->body.p)
		buf_putf(out, "Content-Length: %zu\r\n", call->body.n);
	for (size_t i = 0; i < call->nfields; i++) {
		buf_put_str(out, call->fields[i].name);
		buf_put_str(out, STR(": "));
		buf_put_str(out, call->fields[i].value);
		buf_put_str(out, STR("\r\n"));
	}
	buf_put_str(out, STR("\r\n"));
}

/*
 * Send all of it, unless the peer answers or hangs up meanwhile: it has made
 * up its mind then, and its answer says why.
 */
static int send_all(struct http_client *c, struct str data)
{
	while (data.n) {
		ssize_t n = send(c->fd, data.p, data.n, MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			data = str_from_index(data, (size_t)n);
		if (data.n == 0)
			break;
		struct pollfd now = {.fd = c->fd, .events = POLLIN};
		if (poll(&now, 1, 0) > 0)
			return 0;
		int r = wait_for(c, POLLOUT | POLLIN);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_request(
	struct http_client *c, const struct http_client_call *call)
{
	struct buf out;
	buf_init(&out, (size_t)HTTP_HEAD_MAX * 2);
	put_head(&out, call);
	int r = out.err ? out.err : send_all(c, buf_str(&out));
	if (r == 0 && call->body.n)
		r = send_all(c, call->body);
	buf_fini(&out);
	return r;
}

/* -------------------------------------------------------------- the answer */

static int unsound(struct http_client *c, const char *why)
{
	c->error = why;
	return -EPROTO;
}

/* more bytes into c->in: their number, 0 at the end, or a negative errno */
static ssize_t read_more(struct http_client *c)
{
	char *room = buf_reserve(&c->in, READ_MAX);
	if (!room)
		return c->in.err;
	for (;;) {
		ssize_t n = fd_read(c->fd, room, READ_MAX);
		if (n > 0)
			buf_commit(&c->in, (size_t)n);
		if (n != -EAGAIN)
			return n;
		int r = wait_for(c, POLLIN);
		if (r < 0)
			return r;
	}
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

static int take_data(struct http_client_call *call, struct str data)
{
	if (data.n == 0)
		return 0;
	if (call->on_data)
		return call->on_data(call->owner, data);
	buf_put_str(&call->content, data);
	return call->content.err;
}

static int read_body(struct http_client *c, struct http_client_call *call)
{
	struct http_error error;
	struct http_body body;
	http_body_init(&body, &call->head);
	while (!body.done) {
		struct str data;
		ssize_t n =
			http_body_feed(&body, buf_str(&c->in), &data, &error);
		if (n < 0)
			return unsound(c, error.reason);
		int r = take_data(call, data);
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

int http_client_call(struct http_client *c, struct http_client_call *call)
{
	buf_init(&call->head_bytes, HTTP_HEAD_MAX);
	buf_init(&call->content, call->content_max);
	if (!sound_request(call))
		return -EINVAL;
	int r = send_request(c, call);
	if (r < 0)
		return r;
	for (int i = 0; i < INTERIM_MAX; i++) {
		r = read_head(c, call);
		if (r < 0)
			return r;
		if (call->head.status >= 200)
			return read_body(c, call);
		if (call->head.status == 101)
			return unsound(c, "an unasked upgrade");
	}
	return unsound(c, "too many interim answers");
}

void http_client_call_fini(struct http_client_call *call)
{
	buf_fini(&call->head_bytes);
	buf_fini(&call->content);
}
