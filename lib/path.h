/* SPDX-License-Identifier: MIT */
/*
 * lib/path.h - opening what untrusted paths name, beneath a directory.
 *
 * openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, so the kernel
 * itself refuses to leave the directory, whatever is renamed meanwhile. Where
 * openat2 is missing (ENOSYS, or EPERM of an old seccomp filter) a walk with
 * O_NOFOLLOW takes its place, which refuses every symbolic link on the way.
 * All return a descriptor or 0, or a negative errno; leaving gives -EXDEV.
 */
#ifndef LIB_PATH_H
#define LIB_PATH_H

#include <sys/types.h>

#include "lib/str.h"

enum { PATH_LEN_MAX = 4096 };

/* like openat(2) confined to root; O_CLOEXEC is added */
int path_open(int root, const char *path, int flags, mode_t mode);

/* the same, and no component at all may be a symbolic link */
int path_open_nofollow(int root, const char *path, int flags, mode_t mode);

/*
 * Open the directory that holds the last component, following no link, and
 * set *name to that component (which points into path). With create, missing
 * directories are made with mode 0755. The last component is never "." or
 * ".." or empty (-EINVAL).
 */
int path_open_parent(
	int root, const char *path, bool create, const char **name);

/* mkdir -p below root, following no link; 0 when it is there afterwards */
int path_mkdirs(int root, const char *path, mode_t mode);

#endif
