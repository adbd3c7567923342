/* SPDX-License-Identifier: MIT */
/*
 * init/phase.h - the end of the agent's part of a task.
 *
 * What it takes is done by a process of root's, `verify --end-phase`: PID 1
 * neither waits for anything nor touches a file that an agent could have made.
 */
#ifndef INIT_PHASE_H
#define INIT_PHASE_H

#include "init/broker.h"
#include "lib/loop.h"

struct init;

/* waits for the tests to appear */
struct phase {
	struct loop_fd inotify; /* fd -1: not asked for */
	pid_t pid;              /* 0: nothing runs */
	struct loop_child child;
	bool again; /* they appeared once more meanwhile */
};

/*
 * With verify.watch: end the agent's part when test.sh appears in the
 * directory of the tests, which is made if need be.
 */
void phase_open(struct init *init);
void phase_close(struct init *init);

/*
 * The broker's verb `end-phase begin|again OUTPUT TESTS`, for root and the
 * verifier: the two directories must be those of the configuration, for it
 * is root that empties and locks them.
 */
void phase_request(struct broker_request *r);

#endif
