/* SPDX-License-Identifier: MIT */
/*
 * net/tls.h - the client's side of TLS 1.2, over BearSSL.
 *
 * input: untrusted
 *
 * A connection is a machine without I/O: records and data are moved in and out
 * of it as tls_state() says (net/stream.c does so over a socket). A context
 * holds whom to trust and the latest session of a server; after it is set up
 * several threads may share it.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include "lib/str.h"

enum { TLS_ERROR_SIZE = 512 };

struct tls_context;

/* NULL: no memory */
struct tls_context *tls_context_new(void);
void tls_context_free(struct tls_context *c);

/*
 * Trust the authorities of a PEM file; NULL: that of AWS_CA_BUNDLE or
 * SSL_CERT_FILE, or /etc/ssl/certs/ca-certificates.crt. Returns how many
 * there are, or a negative errno (-EINVAL: none in it); *name is the file.
 */
int tls_context_trust(
	struct tls_context *c, const char *file, const char **name);

/* accept whatever certificate a server shows */
void tls_context_trust_all(struct tls_context *c);

struct tls;

/* a connection to the server of that name or address; NULL: no memory */
struct tls *tls_new(struct tls_context *c, const char *name);
void tls_free(struct tls *t);

enum {
	TLS_CLOSED = 1, /* see tls_error() */
	TLS_SEND = 2,   /* records wait to be sent */
	TLS_RECV = 4,   /* records are wanted */
	TLS_ROOM = 8,   /* data may be put in */
	TLS_DATA = 16,  /* data may be taken out */
};

unsigned tls_state(const struct tls *t);

/* the four places; the *_done functions say how much was moved */
struct str tls_send_bytes(const struct tls *t);
void tls_send_done(struct tls *t, size_t n);
char *tls_recv_room(const struct tls *t, size_t *n);
void tls_recv_done(struct tls *t, size_t n);
char *tls_data_room(const struct tls *t, size_t *n);
void tls_data_room_done(struct tls *t, size_t n);
struct str tls_data_bytes(const struct tls *t);
void tls_data_done(struct tls *t, size_t n);

/* what was put in so far becomes a record now */
void tls_flush(struct tls *t);

/* begin to end the connection: a notice to the peer */
void tls_close(struct tls *t);

/* the handshake is over: remember its session for the next connection */
void tls_keep_session(struct tls *t);
bool tls_resumed(const struct tls *t);

/* after TLS_CLOSED: "" for an orderly end, or what was wrong */
const char *tls_error(struct tls *t);

#endif
