/* SPDX-License-Identifier: MIT */
/* lib/dir.h - reading directories through descriptors, "." and ".." left out. */
#ifndef LIB_DIR_H
#define LIB_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

/*
 * A stream over directory `name` ("." for dir itself), which may not be a
 * symbolic link; it has a descriptor of its own. closedir() it. NULL: *err is
 * a negative errno.
 */
DIR *dir_open(int dir, const char *name, int *err);

/* the next entry; NULL at the end (*err 0) or on a failure */
const struct dirent *dir_next(DIR *stream, int *err);

/*
 * Remove all that is in a directory, following no link, whatever its depth.
 * false: something resists.
 */
bool dir_empty(int top);

/* the same, but this file stays when it is directly in top; NULL: none */
bool dir_empty_but(int top, const struct stat *keep);

#endif
