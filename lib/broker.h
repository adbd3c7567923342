/* SPDX-License-Identifier: MIT */
/*
 * lib/broker.h - how a program asks PID 1 to run another one as another user.
 *
 * input: untrusted, at both ends
 *
 * A connection of packets (SOCK_SEQPACKET, unix(7)) to a socket in a
 * directory that only root can write. A request is words, each ended by a
 * NUL, with the descriptors of the new process beside it (SCM_RIGHTS); who
 * asks is what the kernel says (SO_PEERCRED), at the time of connect(2). An
 * answer is one struct. As long as the process runs the connection stays, and
 * closing it ends the process. Nothing here takes memory, for the set-id
 * programs use it, too.
 */
#ifndef LIB_BROKER_H
#define LIB_BROKER_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/str.h"

enum {
	BROKER_REQUEST_MAX = 65536,
	BROKER_WORDS_MAX = 512,
	BROKER_FDS_MAX = 5,
	BROKER_TEXT_MAX = 240,
	BROKER_PLACES = 2,
	BROKER_ANSWER_MS = 5000,
};

enum broker_kind {
	BROKER_REFUSED, /* status: 125, 126 or 127; text: why */
	BROKER_STARTED,
	BROKER_ENDED, /* status: as a shell gives it, 0..255 */
};

struct broker_answer {
	uint32_t kind; /* enum broker_kind */
	int32_t status;
	char text[BROKER_TEXT_MAX]; /* NUL-terminated */
};

/* the directories in which PID 1 listens, the better one first */
extern const char *const broker_places[BROKER_PLACES];
socklen_t broker_address(struct sockaddr_un *a, const char *directory);

/*
 * A connection to root's broker, as the effective user of now; or a negative
 * errno: -ENOENT and -ECONNREFUSED when there is none.
 */
int broker_connect(void);

/* send one request; the descriptors stay the caller's. 0 or negative errno */
int broker_send(int fd, const char *const *words, size_t nwords, const int *fds,
	size_t nfds);

/*
 * The next answer within timeout_ms (-1: for ever). 0, -EPIPE when the broker
 * is gone, -ETIMEDOUT, or another negative errno.
 */
int broker_receive(int fd, struct broker_answer *answer, int timeout_ms);

/*
 * Ask, and wait for the end of what it started. Returns 0 with the last
 * answer, BROKER_REFUSED or BROKER_ENDED; or a negative errno.
 */
int broker_call(const char *const *words, size_t nwords, const int *fds,
	size_t nfds, struct broker_answer *answer);

#endif
