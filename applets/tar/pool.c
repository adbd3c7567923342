/* SPDX-License-Identifier: MIT */
/* applets/tar/pool.c - blocks compressed by several threads, in order. */
#include "applets/tar/pool.h"

#include <errno.h>
#include <sched.h>

#include "lib/mem.h"

static struct pool_slot *slot_at(struct pool *p, size_t count)
{
	return &p->slot[count % p->nslots];
}

static void compress(struct gzip_block *z, struct pool_slot *s)
{
	s->out_n = gzip_block_step(z, s->in, s->in_n, s->out);
}

/* the next block to compress; NULL when it is time to end */
static struct pool_slot *take(struct pool *p)
{
	struct pool_slot *s = NULL;
	pthread_mutex_lock(&p->lock);
	while (p->begun == p->filled && !p->quitting)
		pthread_cond_wait(&p->changed, &p->lock);
	if (!p->quitting) {
		s = slot_at(p, p->begun++);
		s->state = SLOT_BUSY;
	}
	pthread_mutex_unlock(&p->lock);
	return s;
}

static void *run(void *arg)
{
	struct pool *p = arg;
	struct gzip_block *z = gzip_block_new();
	struct pool_slot *s;
	while ((s = take(p))) {
		s->out_n = 0;
		if (z)
			compress(z, s);
		pthread_mutex_lock(&p->lock);
		s->state = SLOT_DONE;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	}
	gzip_block_free(z);
	return NULL;
}

static size_t processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n > 0 ? (size_t)n : 1;
}

int pool_init(struct pool *p)
{
	size_t n = processors();
	*p = (struct pool){.wanted = n > POOL_THREADS ? POOL_THREADS : n};
	p->nslots = p->wanted + 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->own = gzip_block_new();
	if (!p->own)
		return -ENOMEM;
	for (size_t i = 0; i < p->nslots; i++) {
		p->slot[i].in = mem_new(GZIP_BUFFER);
		p->slot[i].out = mem_new(GZIP_BLOCK_MAX);
		if (!p->slot[i].in || !p->slot[i].out)
			return -ENOMEM;
	}
	return 0;
}

/* with one processor, or where no thread is to be had, there are none */
static void start(struct pool *p)
{
	p->started = true;
	while (p->wanted > 1 && p->nthreads < p->wanted) {
		if (pthread_create(&p->thread[p->nthreads], NULL, run, p))
			break;
		p->nthreads++;
	}
}

unsigned char *pool_block(struct pool *p)
{
	return slot_at(p, p->filled)->in;
}

void pool_submit(struct pool *p, size_t n)
{
	struct pool_slot *s = slot_at(p, p->filled);
	s->in_n = n;
	/* a short archive is one short block: not worth a thread */
	if (!p->started && n == GZIP_BUFFER)
		start(p);
	if (p->nthreads == 0) {
		compress(p->own, s);
		s->state = SLOT_DONE;
		p->filled++;
		p->begun++;
		return;
	}
	pthread_mutex_lock(&p->lock);
	s->state = SLOT_READY;
	p->filled++;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

bool pool_full(const struct pool *p)
{
	/* both are changed by the caller's thread only */
	return p->filled - p->written == p->nslots;
}

const unsigned char *pool_oldest(struct pool *p, bool wait, size_t *n)
{
	struct pool_slot *s = slot_at(p, p->written);
	const unsigned char *out = NULL;
	if (p->written == p->filled)
		return NULL;
	pthread_mutex_lock(&p->lock);
	while (wait && s->state != SLOT_DONE)
		pthread_cond_wait(&p->changed, &p->lock);
	if (s->state == SLOT_DONE) {
		out = s->out;
		*n = s->out_n;
	}
	pthread_mutex_unlock(&p->lock);
	return out;
}

void pool_release(struct pool *p)
{
	slot_at(p, p->written)->state = SLOT_FREE;
	p->written++;
}

void pool_fini(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->quitting = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->nthreads; i++)
		pthread_join(p->thread[i], NULL);
	for (size_t i = 0; i < POOL_SLOTS; i++) {
		mem_free(p->slot[i].in);
		mem_free(p->slot[i].out);
	}
	gzip_block_free(p->own);
}
