/* SPDX-License-Identifier: MIT */
/* lib/rand.h - random bytes from the kernel (getrandom(2)). */
#ifndef LIB_RAND_H
#define LIB_RAND_H

#include <stddef.h>

/* n random bytes; 0 or a negative errno */
int rand_bytes(void *dst, size_t n);

/* n random bytes as 2 * n lower-case hex digits and a NUL */
int rand_hex(char *dst, size_t n);

#endif
