/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip_ahead.h - a thread that inflates while files are written.
 *
 * A ring of buffers between input.h, which only the thread touches once it
 * runs, and the one that pulls. Uncompressed input needs no thread: it costs
 * nothing to read.
 */
#ifndef LIB_GZIP_AHEAD_H
#define LIB_GZIP_AHEAD_H

#include <pthread.h>
#include <sys/types.h>

#include "lib/gzip_in.h"

enum { GZIP_AHEAD_SLOTS = 4 }; /* of GZIP_BUFFER bytes */

struct gzip_ahead {
	struct gzip_in *in;
	bool threaded;
	pthread_t thread;
	int quit[2]; /* a pipe that tells the thread to end */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* behind the lock: slots from `taken` to `filled` are the puller's */
	size_t filled;
	size_t taken;
	bool quitting;
	bool holds; /* the puller still looks at slot `taken` */
	/* 0 and -1 are the last; the thread is the only writer until filled */
	ssize_t n[GZIP_AHEAD_SLOTS];
	unsigned char *slot[GZIP_AHEAD_SLOTS];
};

/* 0 or a negative errno */
int gzip_ahead_start(struct gzip_ahead *a, struct gzip_in *in);

/* as gzip_in_next(); after 0 or -1 it must not be called again */
ssize_t gzip_ahead_pull(struct gzip_ahead *a, const void **chunk);

/* ends the thread, wherever it is; then the input is the caller's again */
void gzip_ahead_stop(struct gzip_ahead *a);

#endif
