/* SPDX-License-Identifier: MIT */
/* applets/tar/ahead.c - a thread that inflates while files are written. */
#include "applets/tar/ahead.h"

#include <errno.h>

#include "lib/fd.h"
#include "lib/mem.h"

/* wait for a free slot; false: nobody wants more */
static bool wait_free(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->filled - a->taken == AHEAD_SLOTS && !a->quitting)
		pthread_cond_wait(&a->changed, &a->lock);
	bool go_on = !a->quitting;
	pthread_mutex_unlock(&a->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct ahead *a = arg;
	const void *chunk;
	ssize_t n = 1;
	while (n > 0 && wait_free(a)) {
		/* only this thread changes filled, so it may look at it */
		size_t i = a->filled % AHEAD_SLOTS;
		n = input_next(a->in, a->slot[i], GZIP_BUFFER, &chunk);
		pthread_mutex_lock(&a->lock);
		a->n[i] = n;
		a->filled++;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

int ahead_start(struct ahead *a, struct input *in)
{
	*a = (struct ahead){.in = in, .quit = {-1, -1}};
	size_t slots = in->gunzip ? AHEAD_SLOTS : 0;
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

static ssize_t pull_slot(struct ahead *a, const void **chunk)
{
	pthread_mutex_lock(&a->lock);
	if (a->holds) {
		a->taken++;
		a->holds = false;
		pthread_cond_broadcast(&a->changed);
	}
	while (a->filled == a->taken)
		pthread_cond_wait(&a->changed, &a->lock);
	size_t i = a->taken % AHEAD_SLOTS;
	ssize_t n = a->n[i];
	*chunk = a->slot[i];
	a->holds = true;
	pthread_mutex_unlock(&a->lock);
	return n;
}

ssize_t ahead_pull(struct ahead *a, const void **chunk)
{
	if (a->threaded)
		return pull_slot(a, chunk);
	return input_next(a->in, a->slot[0], GZIP_BUFFER, chunk);
}

void ahead_stop(struct ahead *a)
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
	for (size_t i = 0; i < AHEAD_SLOTS; i++)
		mem_free(a->slot[i]);
}
