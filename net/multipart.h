/* SPDX-License-Identifier: MIT */
/*
 * net/multipart.h - multipart/form-data as it streams (RFC 7578, RFC 2046
 * section 5.1).
 *
 * input: untrusted
 *
 * A pure parser: bytes in, events out, no more memory than one part head and
 * one boundary. File names are informative only and never used as a path.
 */
#ifndef NET_MULTIPART_H
#define NET_MULTIPART_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/str.h"

enum {
	MULTIPART_BOUNDARY_MAX = 70,
	MULTIPART_HEAD_MAX = 8192, /* fields of one part */
	MULTIPART_PARTS_MAX = 64,
};

enum multipart_event {
	MULTIPART_MORE, /* all is consumed, give more */
	MULTIPART_PART, /* a part begins: name, has_filename are set */
	MULTIPART_DATA, /* data of the current part */
	MULTIPART_PART_END,
	MULTIPART_END,   /* the closing delimiter was seen */
	MULTIPART_ERROR, /* see error */
};

struct multipart {
	char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF -- boundary */
	size_t delimiter_len;
	int state;
	size_t parts;
	struct buf head;
	struct buf name;     /* of the current part */
	struct buf filename; /* of the current part */
	bool has_filename;
	const char *error;
};

/*
 * Start with the value of a Content-Type field. 0, or -EINVAL with error set:
 * not multipart/form-data, or no usable boundary.
 */
int multipart_init(struct multipart *m, struct str content_type);
void multipart_fini(struct multipart *m);

/*
 * Look at `in`. *used says how many bytes were consumed (also with
 * MULTIPART_MORE: the rest, at most a delimiter long, must be given again in
 * front of what follows). With MULTIPART_DATA, *data is the end of what was
 * used, and a caller that could take only its beginning gives the rest again.
 */
enum multipart_event multipart_next(
	struct multipart *m, struct str in, size_t *used, struct str *data);

/* has the closing delimiter been seen? */
bool multipart_ended(const struct multipart *m);

#endif
