/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/input.h - where the bytes of an archive come from.
 *
 * A pull interface: descriptor -> (gunzip) -> chunks. Whoever pulls does not
 * know whether the next chunk is read now or was by another thread.
 */
#ifndef APPLETS_TAR_INPUT_H
#define APPLETS_TAR_INPUT_H

#include <sys/types.h>

#include "applets/tar/tar.h"
#include "lib/gzip.h"

struct input {
	int fd;
	int signal_fd; /* readable when it is time to give up; -1: none */
	bool eof;
	unsigned char *raw; /* GZIP_BUFFER bytes */
	size_t raw_at;
	size_t raw_n;
	struct gunzip *gunzip; /* NULL: the input is not compressed */
	unsigned char *out;    /* GZIP_BUFFER bytes when it is */
	uint64_t raw_total;
	uint64_t out_total;
	uint64_t max_ratio; /* 0: any */
};

/* false: reported */
bool input_open(struct input *in, const struct tar_options *o, int signal_fd,
	struct report *r);

/*
 * The next chunk, valid until the next call: its length, 0 at the end of a
 * good input, -1 when it is not (reported; r->stop is set).
 */
ssize_t input_pull(struct input *in, const void **chunk, struct report *r);

void input_close(struct input *in);

#endif
