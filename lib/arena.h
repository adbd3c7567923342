/* SPDX-License-Identifier: MIT */
/*
 * lib/arena.h - memory that is given back all at once.
 *
 * Pieces are cut from chunks one after the other and never released singly.
 * A failed piece (over the maximum, or no memory) sets `failed`, which stays,
 * so that many pieces need one check.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/str.h"

enum { ARENA_CHUNK = 4096 };

struct arena_chunk;

struct arena {
	struct arena_chunk *last;
	size_t used; /* of the last chunk */
	size_t total;
	size_t max; /* of all chunks together */
	bool failed;
};

void arena_init(struct arena *a, size_t max);
void arena_fini(struct arena *a);

/* n zeroed bytes, aligned for any type; NULL: see failed */
void *arena_new(struct arena *a, size_t n);
void *arena_new_array(struct arena *a, size_t count, size_t size);

/* a copy with a NUL behind it */
char *arena_dup(struct arena *a, struct str text);

#endif
