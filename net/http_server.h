/* SPDX-License-Identifier: MIT */
/*
 * net/http_server.h - an HTTP/1.1 server on the event loop.
 *
 * Keep-alive, pipelining (one request at a time, in order), chunked bodies
 * both ways, back-pressure both ways, Expect: 100-continue, HEAD, limits of
 * head, body, time and connections, lingering close. One handler function
 * gets every request whose head is sound; everything unsound is answered
 * here with a JSON body {"detail":"..."} and closed.
 *
 * The life of an exchange: on_request(x) is called with the head complete.
 * The handler decides what happens to the body - http_collect() it,
 * http_stream() it, or ignore it - and answers with http_reply(), or with
 * http_start(), http_write() ... http_end(), now or at any later time. The
 * exchange is valid until on_close, which is called exactly once and last,
 * whether it was answered or the peer went away.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "lib/loop.h"
#include "net/http.h"

struct http_server;
struct http_exchange;

struct http_limits {
	size_t connections_max;   /* default 1024 */
	uint64_t head_timeout_ms; /* whole head, default 10000 */
	uint64_t idle_timeout_ms; /* between requests, default 75000 */
	uint64_t slow_grace_ms; /* a body slower than 1 KB/s after it, 30000 */
	uint64_t stall_timeout_ms; /* no byte moved in a body, default 30000 */
};

typedef void http_request_fn(void *owner, struct http_exchange *x);
/* one line for each finished exchange, for a request log; status 0: the peer
 * went away, or the handler aborted, before there was an answer */
typedef void http_log_fn(void *owner, const struct http_exchange *x, int status,
	uint64_t bytes_sent, uint64_t us);

struct http_server_config {
	http_request_fn *on_request;
	http_log_fn *on_log; /* or NULL */
	void *owner;
	struct http_limits limits; /* zeroes mean the defaults */
};

/* a server without listeners; NULL: no memory */
struct http_server *http_server_new(
	struct loop *loop, const struct http_server_config *config);

/* accept on a listening socket (non-blocking), which it owns from then on */
int http_server_listen(struct http_server *s, int fd);

/*
 * Orderly end: listeners close, idle connections close, running exchanges
 * get "Connection: close". http_server_idle() tells when none is left,
 * or only such as wait for their peer to close.
 */
void http_server_drain(struct http_server *s);
bool http_server_idle(const struct http_server *s);

/* how many connections there are now */
size_t http_server_connections(const struct http_server *s);

/*
 * Drop every connection (on_close is called) and release. Not from within a
 * callback of the server.
 */
void http_server_free(struct http_server *s);

/* a listening TCP socket, non-blocking; negative errno. port 0: any */
int http_listen_tcp(const char *address, uint16_t port);
/*
 * A listening unix socket. One that a server left behind is replaced; one with
 * a listener gives -EADDRINUSE.
 */
int http_listen_unix(const char *path);

/* the port that a TCP socket got */
uint16_t http_listen_port(int fd);

/* ------------------------------------------------ inside a request */

/* the parsed head; its strings live until on_close */
const struct http_head *http_request(const struct http_exchange *x);

/* the peer: numeric address in text, "" when unknown; and its socket */
const char *http_peer(const struct http_exchange *x);
int http_socket(const struct http_exchange *x);

/* what the handler wants to remember with the exchange */
void http_set_owner(struct http_exchange *x, void *owner,
	void (*on_close)(void *owner, struct http_exchange *x));
void *http_owner(const struct http_exchange *x);

/*
 * A number to keep with the exchange, and one with its connection; both are 0
 * at first.
 */
int *http_note(struct http_exchange *x);
int *http_connection_note(struct http_exchange *x);

/*
 * The whole body, at most max bytes (a larger one is answered with 413, and fn
 * is not called). The bytes live until on_close.
 */
typedef void http_body_fn(
	void *owner, struct http_exchange *x, struct str body);
void http_collect(
	struct http_exchange *x, size_t max, http_body_fn *fn, void *owner);

/*
 * The body as it arrives. on_data takes as many bytes as it can use now and
 * returns their number; when it took less, nothing more is read from the
 * peer until http_resume() (not to be called from within on_data). on_end
 * comes after the last byte. When the body is cut short, or the handler
 * answers before its end, on_close comes without on_end.
 */
struct http_sink {
	size_t (*on_data)(
		void *owner, struct http_exchange *x, struct str data);
	void (*on_end)(void *owner, struct http_exchange *x);
	void *owner;
};
void http_stream(struct http_exchange *x, struct http_sink sink);
void http_resume(struct http_exchange *x);

/*
 * Somebody who looks at a body while its handler gets it: data() sees each
 * byte once, and verdict() is asked after the last one, before on_end of the
 * sink or the function of http_collect() is called. false: it has answered,
 * and they are not called. release() comes with the end of the exchange. For
 * bodies that the handler does not read nothing is asked.
 */
struct http_guard {
	void (*data)(void *owner, struct str data);
	bool (*verdict)(void *owner, struct http_exchange *x);
	void (*release)(void *owner);
	void *owner;
};
void http_set_guard(struct http_exchange *x, const struct http_guard *guard);

/* ---------------------------------------------------------- answers */

/*
 * A field of the answer to come; CR, LF and NUL in it are refused (dropped).
 * After http_start() it is one of the trailer behind a chunked body (RFC 9110
 * section 6.5); announce such a one with a field `Trailer`.
 */
void http_add_field(
	struct http_exchange *x, const char *name, struct str value);

/* the whole answer. content_type may be NULL (no body then) */
void http_reply(struct http_exchange *x, int status, const char *content_type,
	struct str body);

/* {"detail":"..."} with the formatted text */
void http_reply_detail(struct http_exchange *x, int status, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/*
 * An answer in pieces: chunked for 1.1, until close for 1.0. For HEAD the
 * pieces are dropped. http_write() queues; http_queued() tells how much is
 * waiting, and the drain function is called, by the loop, each time that it
 * fell under low bytes (or to 0) after having been at or over them.
 */
void http_start(struct http_exchange *x, int status, const char *content_type);
void http_write(struct http_exchange *x, struct str data);
size_t http_queued(const struct http_exchange *x);
void http_on_drain(struct http_exchange *x, size_t low,
	void (*fn)(void *owner, struct http_exchange *x), void *owner);
void http_end(struct http_exchange *x);

/* lines "Name: value\r\n" of the answer to come, known to be sound */
void http_add_lines(struct http_exchange *x, struct str lines);

/*
 * An answer of a known length, in pieces that add up to it: http_write() and
 * http_write_file(). One that is ended before that cuts the connection.
 */
void http_start_sized(struct http_exchange *x, int status,
	const char *content_type, uint64_t length);

/* n bytes of an open file, which is borrowed */
struct http_piece {
	int fd;
	uint64_t offset;
	uint64_t n;
};

/*
 * A piece of such an answer straight from a file. fn is called when all of it
 * has been handed to the kernel; until then nothing else may be written, and
 * fd stays open. A file that turns out to be shorter cuts the connection. For
 * HEAD it does nothing.
 */
void http_write_file(struct http_exchange *x, const struct http_piece *piece,
	void (*fn)(void *owner, struct http_exchange *x), void *owner);

/* cut the connection now: the peer sees a message without its end */
void http_abort(struct http_exchange *x);

/*
 * A stream that stays open by intention (SSE): the stall timeout is off for
 * it; the peer's going away is still noticed. That includes a peer that only
 * closed its sending side, which elsewhere still gets its answer: TCP does
 * not tell it from one that closed the connection.
 */
void http_set_long_lived(struct http_exchange *x);

/*
 * The answer takes long, and on_close shall come soon when nobody waits for it
 * any more: once the peer has stopped sending, an interim answer (100) finds
 * out whether it has only shut that side or is gone.
 */
void http_set_probe(struct http_exchange *x);

#endif
