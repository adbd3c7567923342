/* SPDX-License-Identifier: MIT */
/*
 * lib/mem.h - the only door to the heap.
 *
 * All functions return NULL when memory is short (callers pass on -ENOMEM);
 * what they return is released by mem_free().
 */
#ifndef LIB_MEM_H
#define LIB_MEM_H

#include <stddef.h>

/* n zeroed bytes */
void *mem_new(size_t n);

/* count zeroed elements of size bytes; NULL also when the product overflows */
void *mem_new_array(size_t count, size_t size);

/* p (or NULL) grown or shrunk to n bytes; p stays valid when NULL is given */
void *mem_resize(void *p, size_t n);

/* a copy of n bytes with a NUL appended, so that it serves as a C string */
char *mem_dup(const void *p, size_t n);

/* release; NULL is fine */
void mem_free(void *p);

#endif
