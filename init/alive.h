/* SPDX-License-Identifier: MIT */
/*
 * init/alive.h - how it is known that a service that is up still works.
 *
 * It says so itself, by WATCHDOG=1 to NOTIFY_SOCKET (as under systemd), or a
 * probe does, again and again. One that does not any more is asked to end as
 * by `ctl stop`, and what follows is that of a failure. Without a
 * configuration nothing is watched and nothing wakes PID 1.
 */
#ifndef INIT_ALIVE_H
#define INIT_ALIVE_H

#include "init/probe.h"

struct alive {
	struct probe probe;
	struct loop_timer timer; /* until the next word from it */
	uint64_t failures;       /* of the probe, one after the other */
};

/* it is up */
void alive_begin(struct service *s);

/* it said WATCHDOG=1 */
void alive_heard(struct service *s);

/* it is up no more */
void alive_end(struct service *s);

#endif
