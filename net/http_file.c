/* SPDX-License-Identifier: MIT */
/*
 * net/http_file.c - pieces of an answer that come straight from a file.
 *
 * Slices are small enough that the receiver finds them in the processor's
 * cache, and a connection gets a few of them before the next one has its turn.
 */
#include <errno.h>
#include <sys/sendfile.h>

#include "net/http_conn.h"

enum { SLICE = 256 * 1024, SLICES_PER_TURN = 4 };

static void watch_output(struct http_conn *c, bool on)
{
	uint32_t events = c->watch.events & ~(uint32_t)EPOLLOUT;
	loop_mod(c->server->loop, &c->watch, on ? events | EPOLLOUT : events);
}

void http_write_file(struct http_exchange *x, const struct http_piece *piece,
	void (*fn)(void *owner, struct http_exchange *x), void *owner)
{
	if (x->answer != ANSWER_STARTED || x->no_body || piece->n == 0 ||
		piece->n > x->sized_left)
		return;
	x->sized_left -= piece->n;
	x->file = *piece;
	x->file_fn = fn;
	x->file_owner = owner;
	http_conn_schedule(x->conn);
}

/* bytes sent, 0: the socket is full, -1: the connection is dead now */
static ssize_t send_slice(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	off_t at = (off_t)x->file.offset;
	size_t want = x->file.n < SLICE ? (size_t)x->file.n : SLICE;
	ssize_t n = sendfile(c->watch.fd, x->file.fd, &at, want);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		/* the file is shorter than the head said: nothing else to do */
		http_conn_kill(c);
		return -1;
	}
	c->progress_ms = loop_now(c->server->loop);
	x->file.offset += (uint64_t)n;
	x->file.n -= (uint64_t)n;
	x->sent += (uint64_t)n;
	return n;
}

bool http_file_feed(struct http_exchange *x)
{
	struct http_conn *c = x->conn;
	if (x->file.n == 0)
		return false;
	/* the head first; more follows, so it need not leave by itself */
	http_io_flush(c);
	if (c->state == CONN_DEAD || c->out.n)
		return c->state == CONN_DEAD;
	for (int i = 0; i < SLICES_PER_TURN && x->file.n; i++) {
		ssize_t n = send_slice(x);
		if (n < 0)
			return true;
		if (n == 0)
			break;
	}
	watch_output(c, x->file.n > 0);
	if (x->file.n)
		return false;
	x->file_fn(x->file_owner, x);
	return true;
}
