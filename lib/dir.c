/* SPDX-License-Identifier: MIT */
/* lib/dir.c - reading directories through descriptors. */
#include "lib/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"

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

/*
 * Empty the subdirectory `name` of top: files are unlinked, directories move
 * up into top, so no depth of nesting costs stack, memory or descriptors.
 */
static void flatten(int top, const char *name, uint64_t *serial)
{
	char fresh[48];
	int err;
	DIR *stream = dir_open(top, name, &err);
	const struct dirent *e;
	if (!stream)
		return;
	/* a restored mode may forbid the owner to remove what is in it */
	(void)fchmod(dirfd(stream), 0700);
	while ((e = dir_next(stream, &err))) {
		if (unlinkat(dirfd(stream), e->d_name, 0) == 0)
			continue;
		fmt_str(fresh, sizeof(fresh), ".coracle-flat-%llu",
			(unsigned long long)++*serial);
		(void)renameat(dirfd(stream), e->d_name, top, fresh);
	}
	closedir(stream);
}

bool dir_empty(int top)
{
	uint64_t serial = 0;
	bool progress = true;
	bool left = true;
	while (left && progress) {
		int err;
		DIR *stream = dir_open(top, ".", &err);
		const struct dirent *e;
		if (!stream)
			return false;
		left = false;
		progress = false;
		while ((e = dir_next(stream, &err))) {
			left = true;
			if (unlinkat(top, e->d_name, 0) == 0) {
				progress = true;
				continue;
			}
			flatten(top, e->d_name, &serial);
			if (unlinkat(top, e->d_name, AT_REMOVEDIR) == 0)
				progress = true;
		}
		closedir(stream);
	}
	return !left;
}
