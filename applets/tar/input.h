/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/input.h - where the bytes of an archive come from.
 *
 * A pull interface: descriptor -> (gunzip) -> chunks. Nothing here prints, so
 * that another thread can be the one that fills (see ahead.h).
 */
#ifndef APPLETS_TAR_INPUT_H
#define APPLETS_TAR_INPUT_H

#include <sys/types.h>

#include "applets/tar/tar.h"
#include "lib/gzip.h"

struct input {
	int fd;
	int signal_fd; /* readable when it is time to give up; -1: none */
	int quit_fd;   /* readable when nobody wants more; -1: none */
	bool eof;
	bool trailing;      /* garbage behind the compressed data */
	unsigned char *raw; /* GZIP_BUFFER bytes */
	size_t raw_at;
	size_t raw_n;
	struct gunzip *gunzip; /* NULL: the input is not compressed */
	uint64_t raw_total;
	uint64_t out_total;
	uint64_t max_ratio; /* 0: any */

	/* why the last call failed: text, or else what errno says */
	enum fail_kind kind;
	const char *text;
	int err;
};

/* false: see kind; input_close() it all the same */
bool input_open(struct input *in, const struct tar_options *o, int signal_fd);

/*
 * The next bytes: up to n of them to p when the input is compressed, and
 * wherever they are otherwise. *chunk points to them until the next call.
 * How many, 0 at the end of a good input, -1 when it is not.
 */
ssize_t input_next(
	struct input *in, unsigned char *p, size_t n, const void **chunk);

void input_close(struct input *in);

#endif
