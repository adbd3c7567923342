/* SPDX-License-Identifier: MIT */
/*
 * net/stream.c - sockets, with or without TLS, behind one pair of calls.
 *
 * input: untrusted
 */
#include "net/stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/size.h"
#include "net/lookup.h"

enum { CANCEL_POLL_MS = 200 };

void stream_init(struct stream *s)
{
	*s = (struct stream){.fd = -1, .deadline_ms = UINT64_MAX};
}

static int fail(struct stream *s, const char *why)
{
	fmt_str(s->error, sizeof(s->error), "%s", why);
	return -EPROTO;
}

/* ---------------------------------------------------------------- waiting */

static bool cancelled(const struct stream *s)
{
	return s->cancel && __atomic_load_n(s->cancel, __ATOMIC_RELAXED);
}

/* 0 when one of the events (or the end) has come by `until`, or -errno */
static int wait_until(const struct stream *s, short events, uint64_t until)
{
	struct pollfd fd = {.fd = s->fd, .events = events};
	for (;;) {
		uint64_t now = clock_ms();
		if (s->async)
			return -EAGAIN;
		if (cancelled(s))
			return -ECANCELED;
		if (now >= until)
			return -ETIMEDOUT;
		uint64_t left = until - now;
		uint64_t most = s->cancel ? CANCEL_POLL_MS : INT32_MAX;
		int r = poll(&fd, 1, (int)(left < most ? left : most));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int wait_for(const struct stream *s, short events)
{
	uint64_t until = s->deadline_ms;
	uint64_t now = clock_ms();
	if (s->idle_ms && until > now && until - now > s->idle_ms)
		until = now + s->idle_ms;
	return wait_until(s, events, until);
}

/* ------------------------------------------------------------- connecting */

int stream_connected(const struct stream *s)
{
	int err = 0;
	socklen_t size = sizeof(err);
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		return -errno;
	return -err;
}

static int finish_connect(const struct stream *s)
{
	int r = wait_for(s, POLLOUT);
	return r < 0 ? r : stream_connected(s);
}

int stream_open_address(
	struct stream *s, const struct sockaddr *to, socklen_t size)
{
	int one = 1;
	if (size == 0)
		return -EINVAL;
	s->fd = socket(
		to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (to->sa_family != AF_UNIX)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* an event stream may be silent for hours: is the peer still there? */
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	int r = connect(s->fd, to, size) == 0 ? 0 : -errno;
	if (r == -EINPROGRESS || r == -EINTR)
		r = finish_connect(s);
	if (r < 0 && r != -EAGAIN)
		fd_close(&s->fd);
	return r;
}

static int lookup_failed(struct stream *s, const char *host, int code)
{
	lookup_explain(s->error, sizeof(s->error), host, code);
	return -EPROTO;
}

/* every address of the name in turn; the last failure counts */
static int open_name(struct stream *s, const char *host, uint16_t port)
{
	struct addrinfo *list;
	int code = lookup_wait(host, port, &list);
	if (code)
		return lookup_failed(s, host, code);
	int r = -EINVAL;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next) {
		r = stream_open_address(s, a->ai_addr, a->ai_addrlen);
		if (r == -ECANCELED)
			break;
	}
	freeaddrinfo(list);
	return r;
}

int stream_open_tcp(
	struct stream *s, const char *host, uint16_t port, bool lookup)
{
	union sock_addr to;
	bool local = strcmp(host, "localhost") == 0;
	socklen_t size = sock_addr_parse(&to, local ? "127.0.0.1" : host, port);
	if (size == 0 && lookup)
		return open_name(s, host, port);
	int r = stream_open_address(s, &to.any, size);
	if (local && r == -ECONNREFUSED) {
		size = sock_addr_parse(&to, "::1", port);
		r = stream_open_address(s, &to.any, size);
	}
	return r;
}

int stream_open_unix(struct stream *s, const char *path)
{
	union sock_addr to;
	socklen_t size = sock_addr_unix(&to, path);
	return stream_open_address(s, &to.any, size);
}

/* ---------------------------------------------------------------- records */

/* send what waits; 0, or -errno with -EAGAIN */
static int push_records(struct stream *s)
{
	struct str bytes = tls_send_bytes(s->tls);
	ssize_t n = send(s->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	tls_send_done(s->tls, (size_t)n);
	return 0;
}

/* read what has come; 0, or -errno with -EAGAIN */
static int pull_records(struct stream *s)
{
	size_t n;
	char *room = tls_recv_room(s->tls, &n);
	ssize_t r = fd_read(s->fd, room, n);
	if (r < 0)
		return (int)r;
	if (r == 0)
		return fail(s, "the server hung up in the middle of TLS");
	tls_recv_done(s->tls, (size_t)r);
	return 0;
}

/* 1: an orderly end, or what was wrong */
static int closed(struct stream *s)
{
	const char *why = tls_error(s->tls);
	return *why ? fail(s, why) : 1;
}

/* what is wrong with the peer tells more than how its connection broke */
static int broke(struct stream *s, int r)
{
	const char *why = tls_error(s->tls);
	return *why ? fail(s, why) : r;
}

/* move records until one of the wanted states: 0, 1 at the end, -errno */
static int pump(struct stream *s, unsigned wanted)
{
	for (;;) {
		unsigned now = tls_state(s->tls);
		short events = 0;
		int r = -EAGAIN;
		if (now & TLS_SEND) {
			r = push_records(s);
			events |= POLLOUT;
		} else if (now & TLS_CLOSED) {
			return closed(s);
		}
		if (r == 0)
			continue;
		/* a peer that hangs up may have said why before */
		if (r != -EAGAIN && !(now & TLS_RECV))
			return broke(s, r);
		if (now & wanted)
			return 0;
		if (now & TLS_RECV) {
			r = pull_records(s);
			events |= POLLIN;
		}
		if (r == 0)
			continue;
		if (r != -EAGAIN)
			return broke(s, r);
		r = wait_for(s, events);
		if (r < 0)
			return r;
	}
}

int stream_start_tls(
	struct stream *s, struct tls_context *context, const char *name)
{
	s->tls = tls_new(context, name);
	return s->tls ? stream_handshake(s) : -ENOMEM;
}

int stream_handshake(struct stream *s)
{
	int r = pump(s, TLS_ROOM);
	if (r == 1)
		return fail(s, "the server ended TLS before it began");
	if (r == 0)
		tls_keep_session(s->tls);
	return r;
}

void stream_close(struct stream *s)
{
	if (s->tls && s->fd >= 0) {
		tls_close(s->tls);
		if (tls_state(s->tls) & TLS_SEND)
			(void)push_records(s);
	}
	tls_free(s->tls);
	s->tls = NULL;
	fd_close(&s->fd);
}

/* ------------------------------------------------------------- both ways */

static ssize_t read_tls(struct stream *s, void *p, size_t n)
{
	int r = pump(s, TLS_DATA);
	if (r)
		return r == 1 ? 0 : r;
	struct str data = str_first(tls_data_bytes(s->tls), n);
	memcpy(p, data.p, data.n);
	tls_data_done(s->tls, data.n);
	return (ssize_t)data.n;
}

ssize_t stream_read(struct stream *s, void *p, size_t n)
{
	if (s->tls)
		return read_tls(s, p, n);
	for (;;) {
		ssize_t got = fd_read(s->fd, p, n);
		if (got != -EAGAIN)
			return got;
		int r = wait_for(s, POLLIN);
		if (r < 0)
			return r;
	}
}

/* until no record waits to be sent, or the peer speaks: 0, 1 or -errno */
static int drain(struct stream *s)
{
	while (tls_state(s->tls) & TLS_SEND) {
		int r = push_records(s);
		if (r == 0)
			continue;
		if (r != -EAGAIN)
			return 1;
		if (tls_state(s->tls) & TLS_RECV)
			r = pull_records(s);
		if (tls_state(s->tls) & TLS_DATA)
			return 1;
		if (r == -EAGAIN)
			r = wait_for(s, POLLOUT | POLLIN);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_tls(struct stream *s, struct str data)
{
	while (data.n) {
		size_t n;
		int r = pump(s, TLS_ROOM | TLS_DATA);
		if (r)
			return r;
		if (tls_state(s->tls) & TLS_DATA)
			return 1;
		char *room = tls_data_room(s->tls, &n);
		n = size_min(n, data.n);
		memcpy(room, data.p, n);
		tls_data_room_done(s->tls, n);
		data = str_from_index(data, n);
	}
	tls_flush(s->tls);
	return drain(s);
}

static int send_plain(struct stream *s, struct str data)
{
	while (data.n) {
		ssize_t n = send(s->fd, data.p, data.n, MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 1;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			data = str_from_index(data, (size_t)n);
		if (data.n == 0)
			break;
		struct pollfd now = {.fd = s->fd, .events = POLLIN};
		if (poll(&now, 1, 0) > 0)
			return 1;
		int r = wait_for(s, POLLOUT | POLLIN);
		if (r < 0)
			return r;
	}
	return 0;
}

int stream_send(struct stream *s, struct str data)
{
	return s->tls ? send_tls(s, data) : send_plain(s, data);
}

static ssize_t write_tls(struct stream *s, struct str data)
{
	size_t taken = 0;
	while (taken < data.n && tls_state(s->tls) & TLS_ROOM) {
		size_t n;
		char *room = tls_data_room(s->tls, &n);
		n = size_min(n, data.n - taken);
		memcpy(room, data.p + taken, n);
		tls_data_room_done(s->tls, n);
		taken += n;
		tls_flush(s->tls);
		int r = 0;
		while (r == 0 && tls_state(s->tls) & TLS_SEND)
			r = push_records(s);
		if (r < 0 && r != -EAGAIN)
			return r;
	}
	if (tls_state(s->tls) & TLS_CLOSED)
		return closed(s) == 1 ? -EPIPE : -EPROTO;
	return taken || data.n == 0 ? (ssize_t)taken : -EAGAIN;
}

ssize_t stream_write(struct stream *s, struct str data)
{
	if (s->tls) {
		/* records that an earlier call has left */
		while (tls_state(s->tls) & TLS_SEND) {
			int r = push_records(s);
			if (r < 0)
				return r;
		}
		return write_tls(s, data);
	}
	ssize_t n = send(s->fd, data.p, data.n, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

uint32_t stream_events(const struct stream *s)
{
	bool records = s->tls && tls_state(s->tls) & TLS_SEND;
	return EPOLLIN | (records ? (uint32_t)EPOLLOUT : 0);
}

bool stream_is_stale(const struct stream *s)
{
	struct pollfd now = {.fd = s->fd, .events = POLLIN};
	return poll(&now, 1, 0) != 0;
}
