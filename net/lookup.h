/* SPDX-License-Identifier: MIT */
/*
 * net/lookup.h - the addresses of a host, for an event loop.
 *
 * getaddrinfo(3) blocks, so a thread calls it; numeric addresses and
 * "localhost" need none.
 */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include <netdb.h>

#include "lib/loop.h"
#include "net/sock_addr.h"

enum { LOOKUP_MAX = 8, LOOKUP_ERROR_SIZE = 320 };

struct lookup_result {
	union sock_addr address[LOOKUP_MAX];
	socklen_t size[LOOKUP_MAX];
	size_t n;                      /* 0: see error */
	char error[LOOKUP_ERROR_SIZE]; /* "no host x" */
};

struct lookup;

typedef void lookup_fn(void *owner, const struct lookup_result *result);

/*
 * What is known without asking anybody; n == 0 and no error: it has to be
 * looked up.
 */
void lookup_now(struct lookup_result *out, const char *host, uint16_t port);

/* look it up; fn is called once, in a later turn. NULL: no memory, no thread */
struct lookup *lookup_start(struct loop *loop, const char *host, uint16_t port,
	lookup_fn *fn, void *owner);

/* the answer is not wanted any more */
void lookup_cancel(struct lookup *l);

/*
 * Ask and wait: 0 and the addresses for TCP, for freeaddrinfo(3), or a code
 * for lookup_explain().
 */
int lookup_wait(const char *host, uint16_t port, struct addrinfo **list);

/* what getaddrinfo(3) said, in words */
void lookup_explain(char *dst, size_t size, const char *host, int code);

#endif
