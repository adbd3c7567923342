/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/pool.h - blocks compressed by several threads, in order.
 *
 * A ring of slots: the caller fills the newest, threads compress those that
 * are full, the caller writes the oldest when it is done. What comes out is
 * the same whatever the number of threads.
 */
#ifndef APPLETS_TAR_POOL_H
#define APPLETS_TAR_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/gzip.h"

enum {
	POOL_THREADS = 4,
	POOL_SLOTS = POOL_THREADS + 1,
};

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_BUSY, SLOT_DONE };

struct pool_slot {
	enum slot_state state;
	unsigned char *in;  /* GZIP_BUFFER bytes */
	unsigned char *out; /* GZIP_BLOCK_MAX bytes */
	size_t in_n;
	size_t out_n;
};

struct pool {
	struct pool_slot slot[POOL_SLOTS];
	size_t nslots;
	size_t wanted;   /* threads to start with the first block */
	size_t nthreads; /* that run */
	bool started;
	pthread_t thread[POOL_THREADS];
	struct gzip_block *own; /* for the caller, when no thread runs */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* behind the lock; counts of slots since the beginning */
	size_t filled;
	size_t begun;
	size_t written;
	bool quitting;
};

/* 0 or a negative errno; pool_fini() it all the same */
int pool_init(struct pool *p);

/* the block to fill; valid until it is submitted */
unsigned char *pool_block(struct pool *p);

/* n bytes are in it: compress it. Needs a free slot for the next block */
void pool_submit(struct pool *p, size_t n);

/* is every slot in use? then the oldest must be taken first */
bool pool_full(const struct pool *p);

/*
 * The oldest compressed block, or NULL when it is not done (with wait: when
 * there is none at all). *n is 0 if it could not be compressed.
 */
const unsigned char *pool_oldest(struct pool *p, bool wait, size_t *n);

/* the oldest was written: its slot is free */
void pool_release(struct pool *p);

void pool_fini(struct pool *p);

#endif
