/* SPDX-License-Identifier: MIT */
/*
 * init/ready.h - how it is known that a service is ready.
 *
 * It says so itself, by a newline to a descriptor (as under s6) or READY=1 to
 * NOTIFY_SOCKET (as under systemd); or a probe does, which is run again and
 * again until it ends with 0.
 */
#ifndef INIT_READY_H
#define INIT_READY_H

#include "init/probe.h"
#include "lib/loop.h"
#include "lib/spawn.h"
#include "lib/str.h"

struct init;
struct service;

struct ready {
	struct loop_fd watch; /* the reading end of its pipe */
	struct probe probe;
	uint64_t pause_ms; /* to the next one; grows */
};

/* what a datagram to NOTIFY_SOCKET says; input: untrusted. Pure. */
struct ready_note {
	bool ready;
	bool stopping;
	bool alive;         /* WATCHDOG=1 */
	bool dead;          /* WATCHDOG=trigger */
	uint64_t extend_ms; /* EXTEND_TIMEOUT_USEC=; 0: none */
	struct str status;  /* STATUS=; p NULL: none */
};
struct ready_note ready_parse_note(struct str datagram);

/*
 * Before it is started: its end of the pipe is added to fds (which has room)
 * and *theirs is to be closed afterwards. 0 or a negative errno.
 */
int ready_prepare(
	struct service *s, struct spawn_fd *fds, size_t *nfds, int *theirs);

/* it runs; true: nothing is asked of it, it is ready */
bool ready_begin(struct service *s);

/* it has ended, is ready, or must not be asked any more */
void ready_end(struct service *s);

/* "@name" for NOTIFY_SOCKET; the socket is made with the first call, or NULL */
const char *ready_notify_address(struct init *init);

#endif
