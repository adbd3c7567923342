/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip_out.h - a stream of bytes to a descriptor, compressed or not.
 *
 * A push interface: bytes -> (gzip) -> descriptor. Callers fill the free part
 * of a block in place; a full block is passed on at once.
 */
#ifndef LIB_GZIP_OUT_H
#define LIB_GZIP_OUT_H

#include "lib/gzip_pool.h"
#include "lib/str.h"

struct gzip_out {
	int fd;
	bool gzip;
	unsigned char *block;  /* GZIP_BUFFER bytes: what is being filled */
	size_t n;              /* bytes in it */
	struct gzip_pool pool; /* owns the block when it is compressed */
	uint32_t crc;
	uint64_t total;   /* bytes put in */
	uint64_t written; /* bytes that left */
	int err;          /* first failure; all later calls do nothing */
};

/*
 * level 0: not compressed. about, which may be NULL, goes into the header. fd
 * is closed by gzip_out_close() unless it is standard output. 0 or -errno.
 */
int gzip_out_open(struct gzip_out *out, int fd, unsigned level,
	const struct gzip_about *about);

/* free part of the block, never empty; and what was put there */
unsigned char *gzip_out_room(struct gzip_out *out, size_t *n);
void gzip_out_commit(struct gzip_out *out, size_t n);

void gzip_out_put(struct gzip_out *out, struct str bytes);
void gzip_out_zeros(struct gzip_out *out, uint64_t n);

/* pass on what is left and end the stream; 0 or a negative errno */
int gzip_out_finish(struct gzip_out *out);

void gzip_out_close(struct gzip_out *out);

#endif
