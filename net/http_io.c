/* SPDX-License-Identifier: MIT */
/*
 * net/http_io.c - sending: at once when the socket takes it, else queued.
 *
 * A queued byte is followed by nothing that would overtake it. EPOLLOUT is
 * watched only while the socket is full.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/log.h"
#include "net/http_conn.h"

enum { PIECES_MAX = 6 };

bool http_io_blocked(const struct http_conn *c)
{
	return (c->watch.events & EPOLLOUT) != 0;
}

/* bytes taken by the kernel; 0: it is full or the connection is dead now */
static size_t send_pieces(struct http_conn *c, struct iovec *iov, size_t n)
{
	struct msghdr message = {.msg_iov = iov};
	/* an int in one libc, a size_t in another */
	message.msg_iovlen = (__typeof__(message.msg_iovlen))n;
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	if (c->x && c->x->file.n)
		flags |= MSG_MORE;
	ssize_t r;
	do {
		if (n == 1)
			r = send(c->watch.fd, iov->iov_base, iov->iov_len,
				flags);
		else
			r = sendmsg(c->watch.fd, &message, flags);
	} while (r < 0 && errno == EINTR);
	if (r > 0) {
		c->progress_ms = loop_now(c->server->loop);
		return (size_t)r;
	}
	if (r < 0 && errno != EAGAIN)
		http_conn_kill(c);
	return 0;
}

static void add_piece(struct iovec *iov, size_t *n, struct str piece)
{
	if (piece.n == 0)
		return;
	union {
		const char *from;
		void *to;
	} base = {.from = piece.p}; /* sendmsg(2) does not write there */
	iov[(*n)++] = (struct iovec){base.to, piece.n};
}

/* queue the pieces but the first `skip` bytes of them */
static void queue(
	struct http_conn *c, const struct str *pieces, size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		struct str rest = str_from_index(pieces[i], skip);
		skip -= pieces[i].n - rest.n;
		buf_put_str(&c->out, rest);
	}
	if (c->out.err == 0)
		return;
	log_error("http: %s: answer dropped, %zu bytes are queued", c->peer,
		c->out.n);
	http_conn_kill(c);
}

static void watch_output(struct http_conn *c)
{
	uint32_t events = c->watch.events;
	if (c->out.n)
		events |= EPOLLOUT;
	else
		events &= ~(uint32_t)EPOLLOUT;
	loop_mod(c->server->loop, &c->watch, events);
}

void http_io_send(
	struct http_conn *c, const struct str *pieces, size_t n, bool later)
{
	struct iovec iov[PIECES_MAX + 1];
	size_t niov = 0;
	size_t queued = c->out.n;
	if (c->state == CONN_DEAD)
		return;
	if (later || http_io_blocked(c)) {
		queue(c, pieces, n, 0);
		return;
	}
	add_piece(iov, &niov, buf_str(&c->out));
	for (size_t i = 0; i < n && niov <= PIECES_MAX; i++)
		add_piece(iov, &niov, pieces[i]);
	if (niov == 0)
		return;
	size_t sent = send_pieces(c, iov, niov);
	if (c->state == CONN_DEAD)
		return;
	buf_consume(&c->out, sent < queued ? sent : queued);
	queue(c, pieces, n, sent < queued ? 0 : sent - queued);
	watch_output(c);
}

void http_io_flush(struct http_conn *c)
{
	if (c->state == CONN_DEAD || c->out.n == 0)
		return;
	struct iovec iov[1];
	size_t niov = 0;
	add_piece(iov, &niov, buf_str(&c->out));
	buf_consume(&c->out, send_pieces(c, iov, niov));
	watch_output(c);
}

void http_io_lend(struct http_conn *c, struct http_exchange *x)
{
	if (c->out.p)
		return;
	c->out = x->out;
	buf_init(&x->out, OUT_MAX);
}

void http_io_return(struct http_conn *c, struct http_exchange *x)
{
	if (c->out.n || x->out.p)
		return;
	buf_trim(&c->out, COALESCE_MAX);
	x->out = c->out;
	buf_init(&c->out, OUT_MAX);
}
