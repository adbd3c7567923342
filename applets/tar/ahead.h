/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/ahead.h - a thread that inflates while files are written.
 *
 * A ring of buffers between input.h, which only the thread touches once it
 * runs, and the one that pulls. Uncompressed input needs no thread: it costs
 * nothing to read.
 */
#ifndef APPLETS_TAR_AHEAD_H
#define APPLETS_TAR_AHEAD_H

#include <pthread.h>
#include <sys/types.h>

#include "applets/tar/input.h"

enum { AHEAD_SLOTS = 4 }; /* of GZIP_BUFFER bytes */

struct ahead {
	struct input *in;
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
	ssize_t n[AHEAD_SLOTS];
	unsigned char *slot[AHEAD_SLOTS];
};

/* 0 or a negative errno */
int ahead_start(struct ahead *a, struct input *in);

/* as input_next(); after 0 or -1 it must not be called again */
ssize_t ahead_pull(struct ahead *a, const void **chunk);

/* ends the thread, wherever it is; then the input is the caller's again */
void ahead_stop(struct ahead *a);

#endif
