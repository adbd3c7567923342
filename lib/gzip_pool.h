/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip_pool.h - blocks compressed by several threads, in order.
 *
 * A ring of slots: the caller fills the newest, threads compress those that
 * are full, the caller writes the oldest when it is done. What comes out is
 * the same whatever the number of threads.
 */
#ifndef LIB_GZIP_POOL_H
#define LIB_GZIP_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/gzip.h"

enum {
	GZIP_POOL_THREADS = 4,
	GZIP_POOL_SLOTS = GZIP_POOL_THREADS + 1,
};

enum gzip_slot_state {
	GZIP_SLOT_FREE,
	GZIP_SLOT_READY,
	GZIP_SLOT_BUSY,
	GZIP_SLOT_DONE
};

struct gzip_pool_slot {
	enum gzip_slot_state state;
	unsigned char *in;  /* GZIP_BUFFER bytes */
	unsigned char *out; /* GZIP_BLOCK_MAX bytes */
	size_t in_n;
	size_t out_n;
};

struct gzip_pool {
	struct gzip_pool_slot slot[GZIP_POOL_SLOTS];
	unsigned level;
	size_t nslots;
	size_t wanted;   /* threads to start with the first block */
	size_t nthreads; /* that run */
	bool started;
	pthread_t thread[GZIP_POOL_THREADS];
	struct gzip_block *own; /* for the caller, when no thread runs */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* behind the lock; counts of slots since the beginning */
	size_t filled;
	size_t begun;
	size_t written;
	bool quitting;
};

/* 0 or a negative errno; gzip_pool_fini() it all the same */
int gzip_pool_init(struct gzip_pool *p, unsigned level);

/* the block to fill; valid until it is submitted */
unsigned char *gzip_pool_block(struct gzip_pool *p);

/* n bytes are in it: compress it. Needs a free slot for the next block */
void gzip_pool_submit(struct gzip_pool *p, size_t n);

/* is every slot in use? then the oldest must be taken first */
bool gzip_pool_full(const struct gzip_pool *p);

/*
 * The oldest compressed block, or NULL when it is not done (with wait: when
 * there is none at all). *n is 0 if it could not be compressed.
 */
const unsigned char *gzip_pool_oldest(
	struct gzip_pool *p, bool wait, size_t *n);

/* the oldest was written: its slot is free */
void gzip_pool_release(struct gzip_pool *p);

void gzip_pool_fini(struct gzip_pool *p);

#endif
