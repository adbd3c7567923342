/* SPDX-License-Identifier: MIT */
/*
 * lib/size.h - arithmetic on sizes that cannot wrap unnoticed.
 *
 * Every length that comes from outside is added and multiplied through here.
 */
#ifndef LIB_SIZE_H
#define LIB_SIZE_H

#include <stdbool.h>
#include <stddef.h>

/* true and *out = a + b, or false when the sum does not fit */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

/* true and *out = a * b, or false when the product does not fit */
static inline bool size_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* the struct of `type` whose member `member` stands at `ptr` */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
