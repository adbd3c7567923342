/* SPDX-License-Identifier: MIT */
/*
 * applets/http/http.h - what the parts of http share: one request, its options
 * and how far it has come.
 */
#ifndef APPLETS_HTTP_HTTP_H
#define APPLETS_HTTP_HTTP_H

#include "lib/args.h"
#include "lib/buf.h"
#include "lib/part_file.h"
#include "net/http_client.h"
#include "net/url.h"

enum { FIELDS_MAX = 64, PIECE_SIZE = 256 * 1024 };

struct fetch {
	/* options */
	const char *method;
	const char *data;
	const char *upload;
	const char *output;
	const char *user;
	const char *ca_file;
	const char *unix_path;
	struct arg_list headers;
	bool fail;
	bool head;
	bool include;
	bool insecure;
	bool follow;
	bool silent;
	uint64_t retries;
	uint64_t connect_s;
	uint64_t max_s;
	uint64_t idle_s;

	struct tls_context *tls;
	struct buf url_text;
	struct url url;
	struct url first; /* credentials go to this server only */
	struct buf first_text;
	uint64_t deadline_ms;

	/* the request's body */
	struct buf body; /* of -d */
	int body_fd;     /* of -T; -1: none */
	int64_t body_n;  /* its length, or HTTP_CLIENT_CHUNKED */
	bool has_body;
	char *piece;

	/* the answer */
	int out_fd;
	struct part_file part; /* out_fd is its, when it has a name */
	bool discard;          /* what comes is not the answer */
	bool delivered;        /* some of it was written */
	int write_error;
	unsigned tries_left;
};

/* request.c: fields that -H gives and those that are due; a body in pieces */
size_t fetch_fields(struct fetch *f, struct http_field *v, struct str basic);
void fetch_put_basic(struct buf *out, const struct fetch *f);
void fetch_host(const struct fetch *f, char *dst, size_t size);
ssize_t fetch_next_piece(void *owner, struct str *piece);

/* answer.c: where the head and the body of an answer go */
int fetch_on_head(void *owner, const struct http_head *head);
int fetch_on_data(void *owner, struct str data);
/* the body is complete: 0 or a negative errno; or it never will be */
int fetch_keep(struct fetch *f);
void fetch_drop(struct fetch *f);

/* transfer.c: go there, dies when it is no URL; and do it all */
void fetch_set_url(struct fetch *f, struct str text);
int fetch_run(struct fetch *f);

#endif
