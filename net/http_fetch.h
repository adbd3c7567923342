/* SPDX-License-Identifier: MIT */
/*
 * net/http_fetch.h - HTTP/1.1 requests from an event loop.
 *
 * input: untrusted
 *
 * Many at once, over TCP or TLS; connections are kept for the next request to
 * the same server. net/http_client.h is the blocking sibling: heads, bodies,
 * streams and TLS are the same code.
 */
#ifndef NET_HTTP_FETCH_H
#define NET_HTTP_FETCH_H

#include "lib/loop.h"
#include "net/http_client.h"
#include "net/url.h"

struct http_fetch;

/* what requests have in common; zero but for the loop */
struct http_fetcher {
	struct loop *loop;
	struct tls_context *tls;  /* made for the first https URL */
	const char *unix_path;    /* where all connect to; NULL: as URLs say */
	struct http_fetch *spare; /* connections kept, newest first */
	size_t nspare;
};

struct http_fetch_events {
	/* the head of the answer; valid during the call */
	void (*on_head)(void *owner, const struct http_head *head);
	void (*on_data)(void *owner, struct str data);
	/*
	 * Over, and the fetch is gone when this returns. error: NULL when the
	 * answer is complete, or what went wrong. later: it may go away by
	 * itself, which a certificate that nobody trusts does not.
	 */
	void (*on_end)(void *owner, const char *error, bool later);
	void *owner;
};

struct http_fetch_limits {
	uint64_t connect_ms; /* until the request can be sent; 0: none */
	uint64_t silence_ms; /* without a byte from the server; 0: none */
};

/*
 * Start: the call's method, target, host, fields, body and keep_alive count.
 * All is copied. NULL: it cannot be sent (no memory, or a part of it cannot
 * stand in a request), and no event follows; all else is an event in a later
 * turn.
 */
struct http_fetch *http_fetch_start(struct http_fetcher *f,
	const struct url *to, const struct http_client_call *call,
	const struct http_fetch_limits *limits,
	const struct http_fetch_events *events);

/* no more events; the connection is cut. Also from within an event of it */
void http_fetch_cancel(struct http_fetch *x);

/* hold back what the server sends, or let it come */
void http_fetch_pause(struct http_fetch *x, bool pause);

/* close the connections kept, release the context (fetches are over) */
void http_fetcher_fini(struct http_fetcher *f);

#endif
