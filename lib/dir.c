/* SPDX-License-Identifier: MIT */
/* lib/dir.c - reading directories through descriptors. */
#include "lib/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "lib/fd.h"

DIR *dir_open(int dir, const char *name, int *err)
{
	int fd = openat(
		dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	*err = stream ? 0 : -errno;
	if (!stream)
		fd_close(&fd);
	return stream;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' &&
	       (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

const struct dirent *dir_next(DIR *stream, int *err)
{
	const struct dirent *e;
	do {
		errno = 0;
		/* each stream has one reader, and no two share a thread's
		 * data: readdir_r is the one to avoid */
		/* cppcheck-suppress readdirCalled */
		e = readdir(stream);
	} while (e && is_dots(e->d_name));
	*err = e ? 0 : -errno;
	return e;
}
