/* SPDX-License-Identifier: MIT */
/*
 * net/http_client.h - a small blocking HTTP/1.1 client.
 *
 * input: untrusted
 *
 * Over TCP, TLS or a unix socket (net/stream.h); bodies of any length stream
 * both ways. One deadline may cover everything from connecting to the last
 * byte of the answer, and a longest silence each wait.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http.h"
#include "net/stream.h"

struct http_client {
	struct stream stream; /* its limits may be changed between calls */
	struct buf in;        /* read and not used yet */
	const char *error;    /* what was wrong, after -EPROTO */
	bool reusable;        /* after a call: another one may follow */
	bool answered;        /* after a failure: a part of an answer came */
};

/*
 * Connect within timeout_ms, which is then the deadline of all calls. 0 or a
 * negative errno (-ETIMEDOUT, -ECONNREFUSED ...; -EINVAL: no such host or path
 * can be). No name is looked up: hosts are addresses or "localhost".
 */
int http_client_open_tcp(struct http_client *c, const char *host, uint16_t port,
	uint64_t timeout_ms);
int http_client_open_unix(
	struct http_client *c, const char *path, uint64_t timeout_ms);

/* where and how to connect; zero is a good default for the rest */
struct http_client_to {
	const char *host; /* an address or a name */
	uint16_t port;
	const char *unix_path;   /* instead of host and port */
	struct tls_context *tls; /* NULL: plain */
	const char *tls_name;    /* NULL: host */
	uint64_t connect_ms;     /* for connecting and the handshake; 0: none */
	uint64_t deadline_ms;    /* of clock_ms(), for all; 0: none */
	uint64_t idle_ms;        /* the longest silence; 0: none */
	const int *cancel;       /* see struct stream */
};

/* 0 or a negative errno; -EPROTO with c->error */
int http_client_open(struct http_client *c, const struct http_client_to *to);
void http_client_close(struct http_client *c);

/* takes all of data; 0, or a negative errno to give up */
typedef int http_client_data_fn(void *owner, struct str data);

/* gives the next piece of a body: its bytes, 0 at the end, or -errno */
typedef ssize_t http_client_body_fn(void *owner, struct str *piece);

/*
 * The head has come: 1 gives the body to on_data, 0 collects it in content, a
 * negative errno gives up.
 */
typedef int http_client_head_fn(void *owner, const struct http_head *head);

enum { HTTP_CLIENT_CHUNKED = -1 };

struct http_client_call {
	/* the request; strings are borrowed */
	const char *method;
	const char *target;
	const char *host; /* value of the Host field */
	const struct http_field *fields;
	size_t nfields;
	struct str body;                /* p == NULL: none */
	http_client_body_fn *next_body; /* instead of body */
	int64_t body_length; /* of next_body; or HTTP_CLIENT_CHUNKED */
	bool keep_alive;     /* another call follows on the connection */
	/* what becomes of the body of the answer */
	http_client_head_fn *on_head; /* NULL: as on_data says */
	http_client_data_fn *on_data; /* NULL: it is collected in content */
	void *owner;
	size_t content_max; /* a longer one gives -EMSGSIZE */
	/* the answer; valid until http_client_call_fini() */
	struct http_head head;
	struct buf head_bytes; /* what the head's strings point into */
	struct buf content;
};

/*
 * Send the request and read the whole answer; interim answers (1xx) are
 * skipped. 0 or a negative errno; -EPROTO with c->error when it is no sound
 * HTTP, -EINVAL when the request is none. The answer's parts are set up here,
 * so they may be released after any return.
 */
int http_client_call(struct http_client *c, struct http_client_call *call);
void http_client_call_fini(struct http_client_call *call);

/*
 * Append the head of the call's request. false: a part of it cannot stand in
 * one. For those who send it themselves (net/http_fetch.h).
 */
bool http_client_put_head(struct buf *out, const struct http_client_call *call);

#endif
