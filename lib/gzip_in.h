/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip_in.h - a descriptor as a stream of bytes, gunzipped where they are.
 *
 * A pull interface: descriptor -> (gunzip) -> chunks. Nothing here prints, so
 * that another thread can be the one that fills (see gzip_ahead.h).
 */
#ifndef LIB_GZIP_IN_H
#define LIB_GZIP_IN_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/gzip.h"

/* why it ended before its end */
enum gzip_in_fail {
	GZIP_IN_FINE,
	GZIP_IN_ERRNO,   /* see err: reading failed, or no memory */
	GZIP_IN_FOREIGN, /* compressed in another way */
	GZIP_IN_STREAM,  /* see err, an enum gzip_error */
	GZIP_IN_RATIO,   /* over max_ratio */
	GZIP_IN_STOPPED, /* signal_fd or quit_fd said so */
};

struct gzip_in {
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

	/* what the last call failed with, and in words: NULL for an errno */
	enum gzip_in_fail fail;
	int err;
	const char *text;
};

/*
 * Begin to read fd, which is closed by gzip_in_close() unless it is standard
 * input. With `must` the input has to be gzip; otherwise what is none passes
 * as it is. false: see fail; gzip_in_close() it all the same.
 */
bool gzip_in_open(struct gzip_in *in, int fd, int signal_fd, bool must);

/* the first bytes, before any are taken: another format's name, or NULL */
const char *gzip_in_foreign(const struct gzip_in *in);

/*
 * The next bytes: up to n of them to p when the input is compressed, and
 * wherever they are otherwise. *chunk points to them until the next call.
 * How many, 0 at the end of a good input, -1 when it is not.
 */
ssize_t gzip_in_next(
	struct gzip_in *in, unsigned char *p, size_t n, const void **chunk);

void gzip_in_close(struct gzip_in *in);

#endif
