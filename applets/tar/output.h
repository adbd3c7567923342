/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/output.h - where the bytes of an archive go.
 *
 * A push interface: bytes -> (gzip) -> descriptor. Callers fill the free part
 * of a block in place; a full block is passed on at once.
 */
#ifndef APPLETS_TAR_OUTPUT_H
#define APPLETS_TAR_OUTPUT_H

#include "applets/tar/tar.h"
#include "applets/tar/pool.h"

struct output {
	int fd;
	bool gzip;
	unsigned char *block; /* GZIP_BUFFER bytes: what is being filled */
	size_t n;             /* bytes in it */
	struct pool pool;     /* owns the block when it is compressed */
	uint32_t crc;
	uint64_t total; /* bytes put in */
	int err;        /* first failure; all later calls do nothing */
};

/* fd is closed by output_close() unless it is standard output; 0 or -errno */
int output_open(struct output *out, int fd, bool gzip);

/* free part of the block, never empty; and what was put there */
unsigned char *output_room(struct output *out, size_t *n);
void output_commit(struct output *out, size_t n);

void output_put(struct output *out, struct str bytes);
void output_zeros(struct output *out, uint64_t n);

/* pass on what is left and end the stream; 0 or a negative errno */
int output_finish(struct output *out);

void output_close(struct output *out);

#endif
