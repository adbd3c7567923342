/* SPDX-License-Identifier: MIT */
/*
 * net/http.h - HTTP/1.1 message parsing, for server and client alike.
 *
 * input: untrusted
 *
 * Pure functions over bytes, no I/O. Strict where leniency lets two parties
 * disagree about where a message ends (RFC 9112 sections 2.2, 5, 6 and 7).
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/str.h"

enum {
	HTTP_FIELDS_MAX = 100,
	HTTP_HEAD_MAX = 32768,  /* bytes of request line and fields */
	HTTP_TARGET_MAX = 8192, /* bytes of the request target */
	HTTP_METHOD_MAX = 32,
	HTTP_CHUNK_LINE_MAX = 4096, /* size and extensions of one chunk */
	HTTP_TRAILER_MAX = 8192,
};

enum http_kind { HTTP_REQUEST, HTTP_RESPONSE };

enum http_framing {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_field {
	struct str name;
	struct str value; /* trimmed */
};

/* every str points into the bytes that were parsed */
struct http_head {
	enum http_kind kind;
	int minor; /* 0 or 1: HTTP/1.x */
	struct str method;
	struct str target; /* as it came */
	struct str path;   /* of origin- and absolute-form, not decoded */
	struct str query;  /* behind '?', not decoded; p == NULL: none */
	struct str host;   /* of absolute-form or the Host field */
	int status;        /* responses */
	struct str reason;
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t nfields;
	enum http_framing framing;
	uint64_t length;      /* HTTP_BODY_LENGTH */
	bool keep_alive;      /* what the peer allows */
	bool expect_continue; /* 1.1 only */
};

/* what a refusal says: a status for the peer, a reason for people */
struct http_error {
	int status; /* 400, 413, 414, 417, 431, 501, 505 */
	const char *reason;
};

/*
 * Parse the head at the start of bytes. Returns its length in bytes (> 0), 0
 * when more bytes are needed, or -1 with *error filled. For a response,
 * `to_head` says that it answers a HEAD request (no body whatever it says).
 */
int http_parse_head(struct http_head *head, enum http_kind kind, bool to_head,
	struct str bytes, struct http_error *error);

/* value of the first field of that name (case-insensitive); p == NULL: none */
struct str http_field(const struct http_head *head, const char *name);

/*
 * Decoder of one message body. Feed it what is there; it says how much of it
 * it took and which part of that is payload.
 */
struct http_body {
	enum http_framing framing;
	uint64_t left;     /* of the length or of the current chunk */
	int state;         /* inside chunked framing */
	size_t line_bytes; /* of the chunk line or trailer so far */
	bool done;
};

void http_body_init(struct http_body *b, const struct http_head *head);

/*
 * Take bytes from `in`. Returns how many were taken (0: more are needed), or
 * -1 with *error. *data is the payload among them, possibly empty; b->done
 * tells the end. At most one run of payload is given a call: call again while
 * bytes are left and it is not done.
 */
ssize_t http_body_feed(struct http_body *b, struct str in, struct str *data,
	struct http_error *error);

/*
 * Give back the last n bytes of the payload that the latest feed returned:
 * they are not taken then and will be fed again.
 */
void http_body_unget(struct http_body *b, size_t n);

/* is the Content-Type this, whatever its parameters? */
bool http_type_is(const struct http_head *head, const char *type);

/* "Not Found" for 404; "" for unknown ones */
const char *http_reason(int status);

/*
 * Value of a query parameter, percent-decoded ('+' is a space) into out, which
 * is emptied first; false when it is absent or badly encoded. Of several the
 * last one wins.
 */
bool http_query_get(struct str query, const char *name, struct buf *out);

/* percent-decode a path once; false: bad escape, %00 or a control byte */
bool http_decode_path(struct str path, struct buf *out);

#endif
