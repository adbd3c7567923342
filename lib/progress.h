/* SPDX-License-Identifier: MIT */
/* lib/progress.h - amount, rate and time left, as one line on a terminal. */
#ifndef LIB_PROGRESS_H
#define LIB_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* safe from several threads; costs nothing where it is off */
struct progress {
	pthread_mutex_t lock;
	bool on;
	bool shown;
	uint64_t total; /* 0: not known */
	uint64_t done;
	uint64_t begun_ms;
	uint64_t shown_ms;
};

/* off where quiet is asked for, or standard error is no terminal */
void progress_init(struct progress *p, bool quiet, uint64_t total);
void progress_add(struct progress *p, uint64_t bytes);

/* take the line away; for a message, too, that is to stand in its place */
void progress_clear(struct progress *p);
void progress_end(struct progress *p);

#endif
