/* SPDX-License-Identifier: MIT */
/* lib/gzip_ahead.c - a thread that inflates while files are written. */
#include "lib/gzip_ahead.h"

#include <errno.h>

#include "lib/fd.h"
#include "lib/mem.h"

/* wait for a free slot; false: nobody wants more */
static bool wait_free(struct gzip_ahead *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->filled - a->taken == GZIP_AHEAD_SLOTS && !a->quitting)
		pthread_cond_wait(&a->changed, &a->lock);
	bool go_on = !a->quitting;
	pthread_mutex_unlock(&a->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct gzip_ahead *a = arg;
	const void *chunk;
	ssize_t n = 1;
	while (n > 0 && wait_free(a)) {
		/* only this thread changes filled, so it may look at it */
		size_t i = a->filled % GZIP_AHEAD_SLOTS;
		n = gzip_in_next(a->in, a->slot[i], GZIP_BUFFER, &chunk);
		pthread_mutex_lock(&a->lock);
		a->n[i] = n;
		a->filled++;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

int gzip_ahead_start(struct gzip_ahead *a, struct gzip_in *in)
{
	*a = (struct gzip_ahead){.in = in, .quit = {-1, -1}};
	size_t slots = in->gunzip ? GZIP_AHEAD_SLOTS : 0;
	for (size_t i = 0; i < slots; i++) {
		a->slot[i] = mem_new(GZIP_BUFFER);
		if (!a->slot[i])
			return -ENOMEM;
	}
	if (!slots)
		return 0;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (fd_pipe(a->quit) < 0)
		return 0;
	in->quit_fd = a->quit[0];
	/* where no thread is to be had, the puller does the work itself */
	a->threaded = pthread_create(&a->thread, NULL, run, a) == 0;
	return 0;
}

static ssize_t pull_slot(struct gzip_ahead *a, const void **chunk)
{
	pthread_mutex_lock(&a->lock);
	if (a->holds) {
		a->taken++;
		a->holds = false;
		pthread_cond_broadcast(&a->changed);
	}
	while (a->filled == a->taken)
		pthread_cond_wait(&a->changed, &a->lock);
	size_t i = a->taken % GZIP_AHEAD_SLOTS;
	ssize_t n = a->n[i];
	*chunk = a->slot[i];
	a->holds = true;
	pthread_mutex_unlock(&a->lock);
	return n;
}

ssize_t gzip_ahead_pull(struct gzip_ahead *a, const void **chunk)
{
	if (a->threaded)
		return pull_slot(a, chunk);
	return gzip_in_next(a->in, a->slot[0], GZIP_BUFFER, chunk);
}

void gzip_ahead_stop(struct gzip_ahead *a)
{
	if (a->threaded) {
		pthread_mutex_lock(&a->lock);
		a->quitting = true;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
		/* and when it waits for input */
		fd_close(&a->quit[1]);
		pthread_join(a->thread, NULL);
	}
	fd_close(&a->quit[0]);
	fd_close(&a->quit[1]);
	for (size_t i = 0; i < GZIP_AHEAD_SLOTS; i++)
		mem_free(a->slot[i]);
}
