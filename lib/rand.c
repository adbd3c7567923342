/* SPDX-License-Identifier: MIT */
/* lib/rand.c - random bytes from the kernel. */
#include "lib/rand.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

int rand_bytes(void *dst, size_t n)
{
	char *p = dst;
	while (n) {
		ssize_t r = getrandom(p, n, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

int rand_hex(char *dst, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		unsigned char byte;
		int r = rand_bytes(&byte, 1);
		if (r < 0)
			return r;
		dst[2 * i] = digits[byte >> 4];
		dst[2 * i + 1] = digits[byte & 15];
	}
	dst[2 * n] = '\0';
	return 0;
}
