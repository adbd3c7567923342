/* SPDX-License-Identifier: MIT */
/* lib/file.h - whole files: bounded reads, writes that are all or nothing. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <sys/types.h>

#include "lib/buf.h"

/*
 * Append the content of a file to out (whose maximum is the limit: a larger
 * file gives -EMSGSIZE). dirfd may be AT_FDCWD. 0 or a negative errno.
 */
int file_read(int dirfd, const char *path, struct buf *out);

/*
 * Replace a file by temporary file, fsync and rename: after a crash or an
 * error the old content or the new stands there, never a mixture.
 */
int file_write_atomic(
	int dirfd, const char *path, struct str content, mode_t mode);

#endif
