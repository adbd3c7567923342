/* SPDX-License-Identifier: MIT */
/*
 * init/shutdown.h - the way down: TERM, grace, KILL, until none is left.
 *
 *   DRAIN  nobody is told yet; ends with drain_ms, or when asked again
 *   MAIN   the command and the services have TERM (and CONT, for those that
 *          are stopped); ends when they have ended, or after 4/5 of the grace
 *   SWEEP  every other process has TERM: what `docker exec` started, what
 *          left its session; ends when none is left, or with the grace
 *   KILL   every process has KILL; ends when none is left, or in a second
 *
 * A second request after that goes to KILL at once. As PID 1 "every process" is the
 * namespace; else it is our descendants.
 */
#ifndef INIT_SHUTDOWN_H
#define INIT_SHUTDOWN_H

#include "lib/loop.h"

enum shutdown_phase {
	SHUTDOWN_NOT,
	SHUTDOWN_DRAIN,
	SHUTDOWN_MAIN,
	SHUTDOWN_SWEEP,
	SHUTDOWN_KILL,
	SHUTDOWN_DONE,
};

struct init;

struct shutdown {
	enum shutdown_phase phase;
	uint64_t begun_ms;
	uint64_t deadline_ms; /* of the phase */
	uint64_t poll_ms;     /* pause until the next look */
	bool alone;           /* SWEEP: there was nobody to be told */
	struct loop_timer timer;
};

/* someone asks for the end: the delay, if there is one, then the beginning */
void shutdown_request(struct init *init);

/* begin now, with MAIN; a no-op when it has begun */
void shutdown_begin(struct init *init);

/* someone asked again: no more patience */
void shutdown_hurry(struct init *init);

/* is it in MAIN or beyond? */
bool shutdown_begun(const struct init *init);

/* something ended: does that end the phase? */
void shutdown_look(struct init *init);

/* the same once this turn has reaped all it can; a no-op before shutdown */
void shutdown_look_soon(struct init *init);

#endif
