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
#include "lib/gzip.h"

struct output {
	int fd;
	struct gzip *gzip;  /* NULL: not compressed */
	unsigned char *in;  /* GZIP_BUFFER bytes: the block being filled */
	unsigned char *out; /* GZIP_BUFFER bytes when it is compressed */
	size_t in_n;
	uint64_t total;   /* bytes put in */
	uint64_t written; /* bytes written */
	int err;          /* first failure; all later calls do nothing */
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
