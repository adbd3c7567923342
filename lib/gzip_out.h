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

enum gzip_out_kind {
	GZIP_OUT_PLAIN,
	GZIP_OUT_GZIP,    /* one gzip stream */
	GZIP_OUT_DEFLATE, /* deflate streams with other bytes between them */
};

struct gzip_out {
	int fd;
	enum gzip_out_kind kind;
	unsigned char *stage; /* deflate: small pieces wait here */
	size_t staged;
	unsigned char *block;  /* GZIP_BUFFER bytes: what is being filled */
	size_t n;              /* bytes in it */
	struct gzip_pool pool; /* owns the block when it is compressed */
	uint32_t crc;
	uint64_t total;     /* bytes put in */
	uint64_t written;   /* bytes that left, or are staged */
	uint64_t stream_at; /* deflate: where the current stream began */
	int err;            /* first failure; all later calls do nothing */
};

/*
 * about, which may be NULL, goes into the header of a gzip stream. fd is
 * closed by gzip_out_close() unless it is standard output. 0 or -errno.
 */
int gzip_out_open(struct gzip_out *out, int fd, enum gzip_out_kind kind,
	unsigned level, const struct gzip_about *about);

/* deflate: pass on bytes as they are, between two streams */
void gzip_out_raw(struct gzip_out *out, struct str bytes);

/*
 * Deflate: end the stream that began with the first byte put in since the
 * last one ended. *crc is of all that was put in; its length is returned.
 */
uint64_t gzip_out_end_stream(struct gzip_out *out, uint32_t *crc);

/* free part of the block, never empty; and what was put there */
unsigned char *gzip_out_room(struct gzip_out *out, size_t *n);
void gzip_out_commit(struct gzip_out *out, size_t n);

void gzip_out_put(struct gzip_out *out, struct str bytes);
void gzip_out_zeros(struct gzip_out *out, uint64_t n);

/* pass on what is left and end the stream; 0 or a negative errno */
int gzip_out_finish(struct gzip_out *out);

void gzip_out_close(struct gzip_out *out);

#endif
