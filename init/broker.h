/* SPDX-License-Identifier: MIT */
/*
 * init/broker.h - programs that PID 1 starts for others, as another user.
 *
 * input: untrusted (any process may connect and send anything)
 *
 * See lib/broker.h for the wire. A request names something that root's files
 * allow the caller, as the kernel names it, to run; nothing else of the
 * caller reaches the new process but its descriptors. All memory is here:
 * a fixed table of clients, of which one user can have only a part, each of
 * which has a short time to ask. A client that has gone takes the process
 * with it that it asked for.
 */
#ifndef INIT_BROKER_H
#define INIT_BROKER_H

#include "init/config.h"
#include "lib/broker.h"
#include "lib/loop.h"
#include "lib/spawn.h"

enum {
	BROKER_CLIENTS = 128,
	BROKER_CLIENTS_OF_USER = 40,
	BROKER_ASK_MS = 2000, /* a client's time until it has asked */
};

struct init;

/* who has connected, and what runs for it */
struct broker_client {
	struct init *init;
	struct loop_fd watch; /* fd -1: the slot is free, or it has gone */
	struct ucred who;
	bool taken;
	pid_t pid; /* 0: nothing runs */
	struct loop_child child;
	struct loop_timer timer; /* to ask, and then to be killed */
};

struct broker {
	struct loop_fd listener;
	struct broker_client clients[BROKER_CLIENTS];
	bool may_isolate; /* has the capabilities for namespaces */
	bool may_bound;   /* and for the bounding set */
	char path[112];   /* of the socket */
};

/* listen, when we can become others; without it the set-id programs are left */
void broker_open(struct init *init);
void broker_close(struct init *init);

/* one request, taken apart: fds are closed by the caller afterwards */
struct broker_request {
	struct broker_client *client;
	const char *const *words; /* NULL behind the last */
	size_t nwords;
	const int *fds;
	size_t nfds;
};

/*
 * For the verbs of init/broker_verbs.c. Run this for the client: its end
 * becomes the answer, and the client's going ends it.
 */
void broker_run(struct broker_client *c, struct spawn *request);

/* say no: 125, 126 or 127 and why */
void broker_refuse(struct broker_client *c, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* done, nothing had to be started */
void broker_done(struct broker_client *c, int status);

/* find the verb and do it; untrusted */
void broker_handle(struct broker_request *r);

#endif
