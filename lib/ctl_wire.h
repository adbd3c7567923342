/* SPDX-License-Identifier: MIT */
/*
 * lib/ctl_wire.h - how one talks to PID 1: datagrams on a Unix socket.
 *
 * input: untrusted
 *
 * A request is words, each ended by a NUL; an answer is one datagram that
 * begins with "ok" or "error REASON" and a newline. The kernel tells who the
 * sender is. There is no connection, so no client can hold PID 1 up.
 */
#ifndef LIB_CTL_WIRE_H
#define LIB_CTL_WIRE_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/str.h"

enum { CTL_WORDS_MAX = 4, CTL_REQUEST_MAX = 256, CTL_ANSWER_MAX = 16384 };

/*
 * The words of a request, NUL-terminated in place, at most max of them; 0: it
 * is none, or has more.
 */
size_t ctl_words(struct str request, const char **words, size_t max);
size_t ctl_parse(struct str request, const char *words[CTL_WORDS_MAX]);

/*
 * Where PID 1 listens: a file below /run or, where that cannot be written, an
 * abstract name of this PID namespace.
 */
socklen_t ctl_file_address(struct sockaddr_un *a);
socklen_t ctl_abstract_address(struct sockaddr_un *a);

/*
 * Send a request and wait for its answer. Returns the bytes of the answer in
 * dst (which holds CTL_ANSWER_MAX), or a negative errno.
 */
ssize_t ctl_ask(const char *const *words, size_t n, char *dst, int timeout_ms);

#endif
