/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/dirs.h - modes and times of directories, set when all is done.
 *
 * Members that follow a directory would change its time again, and a
 * directory without write permission would refuse them.
 */
#ifndef APPLETS_TAR_DIRS_H
#define APPLETS_TAR_DIRS_H

#include "applets/tar/tar.h"

struct dirs {
	struct buf records; /* struct and name, one after the other */
	size_t n;
};

struct dir_meta {
	struct timespec mtime;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	bool owner; /* uid and gid are to be set */
};

void dirs_init(struct dirs *d);
void dirs_fini(struct dirs *d);

/* remember; false: there are too many to remember */
bool dirs_add(struct dirs *d, const char *name, const struct dir_meta *meta);

/*
 * Set them below root, deepest first, and forget them. Directories that are
 * not there any more, or are none, are passed over. When one cannot be set,
 * that is a failure, or with `lenient` only worth a line.
 */
void dirs_apply(struct dirs *d, int root, struct report *r, bool lenient);

#endif
