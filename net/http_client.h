/* SPDX-License-Identifier: MIT */
/*
 * net/http_client.h - a small blocking HTTP/1.1 client.
 *
 * input: untrusted
 *
 * One deadline covers everything from connecting to the last byte of the
 * answer. Hosts are numeric or "localhost"; no name is looked up.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http.h"

struct http_client {
	int fd;
	uint64_t deadline_ms; /* of clock_ms() */
	struct buf in;        /* read and not used yet */
	const char *error;    /* what was wrong, after -EPROTO */
};

/* 0 or a negative errno (-ETIMEDOUT, -ECONNREFUSED ...; -EINVAL: no such host
 * or path can be) */
int http_client_open_tcp(struct http_client *c, const char *host, uint16_t port,
	uint64_t timeout_ms);
int http_client_open_unix(
	struct http_client *c, const char *path, uint64_t timeout_ms);
void http_client_close(struct http_client *c);

/* takes all of data; 0, or a negative errno to give up */
typedef int http_client_data_fn(void *owner, struct str data);

struct http_client_call {
	/* the request; strings are borrowed */
	const char *method;
	const char *target;
	const char *host; /* value of the Host field */
	const struct http_field *fields;
	size_t nfields;
	struct str body; /* p == NULL: none */
	bool keep_alive; /* another call follows on the connection */
	/* what becomes of the body of the answer */
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

#endif
