/* SPDX-License-Identifier: MIT */
/* lib/arena.c - memory that is given back all at once. */
#include "lib/arena.h"

#include <stdalign.h>

#include "lib/mem.h"
#include "lib/size.h"

struct arena_chunk {
	struct arena_chunk *before;
	size_t size;
	alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

void arena_fini(struct arena *a)
{
	while (a->last) {
		struct arena_chunk *chunk = a->last;
		a->last = chunk->before;
		mem_free(chunk);
	}
	arena_init(a, a->max);
}

static bool add_chunk(struct arena *a, size_t n)
{
	size_t size = n > ARENA_CHUNK ? n : ARENA_CHUNK;
	size_t total, whole;
	if (!size_add(a->total, size, &total) || total > a->max ||
		!size_add(sizeof(struct arena_chunk), size, &whole))
		return false;
	struct arena_chunk *chunk = mem_new(whole);
	if (!chunk)
		return false;
	chunk->before = a->last;
	chunk->size = size;
	a->last = chunk;
	a->total = total;
	a->used = 0;
	return true;
}

void *arena_new(struct arena *a, size_t n)
{
	const size_t grain = alignof(max_align_t);
	size_t rounded;
	if (!size_add(n, grain - 1, &rounded))
		goto fail;
	rounded -= rounded % grain;
	if ((!a->last || rounded > a->last->size - a->used) &&
		!add_chunk(a, rounded))
		goto fail;
	char *piece = a->last->bytes + a->used;
	a->used += rounded;
	return piece;
fail:
	a->failed = true;
	return NULL;
}

void *arena_new_array(struct arena *a, size_t count, size_t size)
{
	size_t n;
	if (!size_mul(count, size, &n)) {
		a->failed = true;
		return NULL;
	}
	return arena_new(a, n);
}

char *arena_dup(struct arena *a, struct str text)
{
	size_t n;
	char *copy = size_add(text.n, 1, &n) ? arena_new(a, n) : NULL;
	if (copy && text.n)
		memcpy(copy, text.p, text.n);
	return copy;
}
