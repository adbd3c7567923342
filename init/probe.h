/* SPDX-License-Identifier: MIT */
/*
 * init/probe.h - a child that tells by its status how a service does.
 *
 * A TCP port and an HTTP address are probed by our own healthcheck, run as
 * the service's user: nothing from the network is read here. A probe that
 * takes longer than PROBE_MAX_MS has failed.
 */
#ifndef INIT_PROBE_H
#define INIT_PROBE_H

#include "init/config.h"
#include "lib/loop.h"

enum { PROBE_MAX_MS = 5000 };

struct service;

/* one probe has ended; good: with 0. It may ask for the next one. */
typedef void probe_fn(struct service *s, bool good);

struct probe {
	struct service *service;
	/* looked up each time: a reload moves the definition */
	const struct config_probe *(*want)(const struct service *s);
	probe_fn *fn;
	struct loop_child child;
	struct loop_timer timer; /* to start it, or its end */
	pid_t pid;               /* 0: none runs */
};

/* does the configuration name one? */
bool probe_wanted(const struct config_probe *want);

/* run it once, `ms` from now; service, want and fn are set */
void probe_after(struct probe *p, uint64_t ms);

/* none any more; fn is not called */
void probe_end(struct probe *p);

#endif
