/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/walk.h - a stack of open directories, for any depth of nesting.
 *
 * Each directory is opened relative to the one it is in, so a rename above
 * does not lead astray. Only the innermost WALK_OPEN of them stay open;
 * the others are found again through ".." and must be the same as before.
 */
#ifndef APPLETS_TAR_WALK_H
#define APPLETS_TAR_WALK_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "lib/buf.h"

enum { WALK_OPEN = 64 };

struct walk_level {
	DIR *stream; /* NULL: closed for the time being */
	long position;
	dev_t dev;
	ino_t ino;
	size_t path_len; /* of its path, the caller's */
	/* in sorted order: all names, each behind a byte of its type */
	struct buf names;
	const char **sorted;
	size_t count;
	size_t at;
};

struct walk {
	bool sort;
	struct walk_level *level;
	size_t depth; /* 0: nothing is left */
	size_t cap;
};

void walk_fini(struct walk *w);

/* go into a directory; fd is taken over. 0 or a negative errno */
int walk_push(struct walk *w, int fd, const struct stat *st, size_t path_len);

/*
 * The next name of the innermost directory with its d_type, NULL at its end,
 * with *err set when it could not be read to the end.
 */
const char *walk_next(struct walk *w, unsigned char *type, int *err);

/* descriptor of the innermost directory */
int walk_fd(const struct walk *w);

/* leave it; a negative errno when the one above cannot be found again */
int walk_pop(struct walk *w);

#endif
