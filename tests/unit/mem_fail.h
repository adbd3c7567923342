/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/mem_fail.h - an allocator that fails when it is told to.
 *
 * A test program that includes this file, once, has lib/mem.c in itself, over
 * an allocator whose n-th call from now on, and all that follow, give NULL.
 * The linker then takes no other mem.o. Nothing of this is in the product.
 *
 *	EACH_FAILURE(n) {
 *		... do it; check that it failed or that it worked ...
 *	}
 *
 * runs its body with n = 1, 2, ... until a run came to its end with no call
 * failing. After each, as many blocks must be held as before it.
 */
#ifndef TESTS_UNIT_MEM_FAIL_H
#define TESTS_UNIT_MEM_FAIL_H

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

static size_t mem_fail_at; /* 0: never */
static size_t mem_fail_calls;
static long mem_fail_held;

static bool mem_fails(void)
{
	return mem_fail_at && ++mem_fail_calls >= mem_fail_at;
}

static void *mem_fail_calloc(size_t count, size_t size)
{
	size_t n;
	/* the sanitizers' calloc ends the program when this does not fit */
	bool fits = !__builtin_mul_overflow(count, size, &n);
	void *p = mem_fails() || !fits ? NULL : calloc(1, n);
	mem_fail_held += p != NULL;
	return p;
}

static void *mem_fail_malloc(size_t n)
{
	void *p = mem_fails() ? NULL : malloc(n);
	mem_fail_held += p != NULL;
	return p;
}

static void *mem_fail_realloc(void *old, size_t n)
{
	void *p = mem_fails() ? NULL : realloc(old, n);
	mem_fail_held += p != NULL && !old;
	return p;
}

static void mem_fail_free(void *p)
{
	mem_fail_held -= p != NULL;
	free(p);
}

#define calloc mem_fail_calloc
#define malloc mem_fail_malloc
#define realloc mem_fail_realloc
#define free mem_fail_free
#include "lib/mem.c"
#undef calloc
#undef malloc
#undef realloc
#undef free

struct mem_fail {
	size_t at;
	long held;
};

/* one step of EACH_FAILURE(): is there another run? */
static bool mem_fail_next(struct mem_fail *f)
{
	bool failed = mem_fail_at && mem_fail_calls >= mem_fail_at;
	if (f->at) {
		CHECK_EQ(mem_fail_held, f->held);
		if (!failed) {
			mem_fail_at = 0;
			return false;
		}
	}
	f->held = mem_fail_held;
	mem_fail_at = ++f->at;
	mem_fail_calls = 0;
	return true;
}

#define EACH_FAILURE(f) for (struct mem_fail f = {0, 0}; mem_fail_next(&f);)

/* has the run come to its failing call yet? */
static inline bool mem_failed(void)
{
	return mem_fail_at && mem_fail_calls >= mem_fail_at;
}

#endif
