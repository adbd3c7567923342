/* SPDX-License-Identifier: MIT */
/* lib/mem.c - the only callers of the C library's allocator. */
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

#include "lib/size.h"

void *mem_new(size_t n)
{
	return calloc(1, n ? n : 1);
}

void *mem_new_array(size_t count, size_t size)
{
	return calloc(count ? count : 1, size ? size : 1);
}

void *mem_resize(void *p, size_t n)
{
	return realloc(p, n ? n : 1);
}

char *mem_dup(const void *p, size_t n)
{
	size_t total;
	if (!size_add(n, 1, &total))
		return NULL;
	char *copy = malloc(total);
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void mem_free(void *p)
{
	free(p);
}
