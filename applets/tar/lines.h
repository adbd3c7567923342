/* SPDX-License-Identifier: MIT */
/* applets/tar/lines.h - member names on a descriptor, many to a write. */
#ifndef APPLETS_TAR_LINES_H
#define APPLETS_TAR_LINES_H

#include "applets/tar/tar.h"
#include "lib/buf.h"
#include "lib/fd.h"

enum { LINES_HOLD = 1 << 15 };

struct lines {
	const struct tar_options *o;
	struct report *r; /* where a failure to write goes */
	struct buf b;
	int fd;
	bool terminal; /* somebody watches: each line at once */
	int err;
};

void lines_init(
	struct lines *l, const struct tar_options *o, struct report *r, int fd);

/* a name, with everything that is known of it when full */
void lines_member(
	struct lines *l, const struct tar_entry *e, struct str name, bool full);

void lines_flush(struct lines *l);
void lines_fini(struct lines *l);

#endif
