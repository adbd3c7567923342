/* SPDX-License-Identifier: MIT */
/*
 * net/stream.h - a connection to a server: bytes both ways, plain or TLS.
 *
 * input: untrusted
 *
 * Over a non-blocking socket, in two manners. Blocking, by poll(2): each wait
 * is bounded by a deadline, by a longest silence, and by a flag that another
 * thread or a signal handler may set. Or for an event loop (`async`): what
 * would wait gives -EAGAIN, and is called again after stream_events().
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/tls.h"

enum { STREAM_ERROR_SIZE = TLS_ERROR_SIZE };

struct stream {
	int fd;
	bool async;           /* never wait: -EAGAIN */
	struct tls *tls;      /* NULL: plain */
	uint64_t deadline_ms; /* of clock_ms(); UINT64_MAX: none */
	uint64_t idle_ms;     /* the longest wait; 0: no limit */
	const int *cancel;    /* once it is not 0: -ECANCELED; or NULL */
	char error[STREAM_ERROR_SIZE]; /* what was wrong, after -EPROTO */
};

/* no connection yet, no limits */
void stream_init(struct stream *s);

/*
 * Connect to host, which is an address or "localhost"; with lookup, also a
 * name. 0, or a negative errno: -EINVAL when there can be no such host,
 * -EPROTO with an error when the name is not known.
 */
int stream_open_tcp(
	struct stream *s, const char *host, uint16_t port, bool lookup);
int stream_open_unix(struct stream *s, const char *path);

/*
 * Connect to this address. async: -EAGAIN, and stream_connected() tells how it
 * went once the socket is writable.
 */
int stream_open_address(
	struct stream *s, const struct sockaddr *to, socklen_t size);
int stream_connected(const struct stream *s);

/* speak TLS from here on, with the server of that name; 0 or -errno */
int stream_start_tls(
	struct stream *s, struct tls_context *context, const char *name);

/* async: go on with what stream_start_tls() began; 0, -EAGAIN or -errno */
int stream_handshake(struct stream *s);

/* tell the peer (when that does not block) and release everything */
void stream_close(struct stream *s);

/* bytes read (at least 1), 0 at the end, or a negative errno */
ssize_t stream_read(struct stream *s, void *p, size_t n);

/*
 * Send all of data, unless the peer speaks or hangs up meanwhile: it has made
 * up its mind then, and what it says tells why. 0: sent; 1: not all; -errno.
 */
int stream_send(struct stream *s, struct str data);

/* some of data, as much as goes without waiting: how much, or -errno */
ssize_t stream_write(struct stream *s, struct str data);

/* what an event loop waits for: EPOLLIN, with EPOLLOUT when records wait */
uint32_t stream_events(const struct stream *s);

/* has the peer said or ended something while nothing was expected? */
bool stream_is_stale(const struct stream *s);

#endif
