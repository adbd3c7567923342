/* SPDX-License-Identifier: MIT */
/* lib/gzip_pool.c - blocks compressed by several threads, in order. */
#include "lib/gzip_pool.h"

#include <errno.h>
#include <sched.h>

#include "lib/mem.h"

static struct gzip_pool_slot *slot_at(struct gzip_pool *p, size_t count)
{
	return &p->slot[count % p->nslots];
}

static void compress(struct gzip_block *z, struct gzip_pool_slot *s)
{
	s->out_n = gzip_block_step(z, s->in, s->in_n, s->out);
}

/* the next block to compress; NULL when it is time to end */
static struct gzip_pool_slot *take(struct gzip_pool *p)
{
	struct gzip_pool_slot *s = NULL;
	pthread_mutex_lock(&p->lock);
	while (p->begun == p->filled && !p->quitting)
		pthread_cond_wait(&p->changed, &p->lock);
	if (!p->quitting) {
		s = slot_at(p, p->begun++);
		s->state = GZIP_SLOT_BUSY;
	}
	pthread_mutex_unlock(&p->lock);
	return s;
}

static void *run(void *arg)
{
	struct gzip_pool *p = arg;
	struct gzip_block *z = gzip_block_new(p->level);
	struct gzip_pool_slot *s;
	while ((s = take(p))) {
		s->out_n = 0;
		if (z)
			compress(z, s);
		pthread_mutex_lock(&p->lock);
		s->state = GZIP_SLOT_DONE;
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

int gzip_pool_init(struct gzip_pool *p, unsigned level)
{
	size_t n = processors();
	*p = (struct gzip_pool){.level = level,
		.wanted = n > GZIP_POOL_THREADS ? GZIP_POOL_THREADS : n};
	p->nslots = p->wanted + 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->own = gzip_block_new(p->level);
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
static void start(struct gzip_pool *p)
{
	p->started = true;
	while (p->wanted > 1 && p->nthreads < p->wanted) {
		if (pthread_create(&p->thread[p->nthreads], NULL, run, p))
			break;
		p->nthreads++;
	}
}

unsigned char *gzip_pool_block(struct gzip_pool *p)
{
	return slot_at(p, p->filled)->in;
}

void gzip_pool_submit(struct gzip_pool *p, size_t n)
{
	struct gzip_pool_slot *s = slot_at(p, p->filled);
	s->in_n = n;
	/* a short archive is one short block: not worth a thread */
	if (!p->started && n == GZIP_BUFFER)
		start(p);
	if (p->nthreads == 0) {
		compress(p->own, s);
		s->state = GZIP_SLOT_DONE;
		p->filled++;
		p->begun++;
		return;
	}
	pthread_mutex_lock(&p->lock);
	s->state = GZIP_SLOT_READY;
	p->filled++;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

bool gzip_pool_full(const struct gzip_pool *p)
{
	/* both are changed by the caller's thread only */
	return p->filled - p->written == p->nslots;
}

const unsigned char *gzip_pool_oldest(struct gzip_pool *p, bool wait, size_t *n)
{
	struct gzip_pool_slot *s = slot_at(p, p->written);
	const unsigned char *out = NULL;
	if (p->written == p->filled)
		return NULL;
	pthread_mutex_lock(&p->lock);
	while (wait && s->state != GZIP_SLOT_DONE)
		pthread_cond_wait(&p->changed, &p->lock);
	if (s->state == GZIP_SLOT_DONE) {
		out = s->out;
		*n = s->out_n;
	}
	pthread_mutex_unlock(&p->lock);
	return out;
}

void gzip_pool_release(struct gzip_pool *p)
{
	slot_at(p, p->written)->state = GZIP_SLOT_FREE;
	p->written++;
}

void gzip_pool_fini(struct gzip_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->quitting = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->nthreads; i++)
		pthread_join(p->thread[i], NULL);
	for (size_t i = 0; i < GZIP_POOL_SLOTS; i++) {
		mem_free(p->slot[i].in);
		mem_free(p->slot[i].out);
	}
	gzip_block_free(p->own);
}
