/* SPDX-License-Identifier: MIT */
/* lib/dir.c - reading directories through descriptors. */
#include "lib/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h> /* renameat */
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

/* one dir_empty() under way */
struct emptier {
	int top;
	const struct stat *keep;
	uint64_t serial;
	bool left;     /* the last pass found something */
	bool progress; /* and removed something */
};

/*
 * Empty the subdirectory `name` of top: files are unlinked, directories move
 * up into top, so no depth of nesting costs stack, memory or descriptors.
 */
static void flatten(struct emptier *m, const char *name)
{
	enum { NAME_SIZE = 64 };
	char fresh[NAME_SIZE];
	int err;
	DIR *stream = dir_open(m->top, name, &err);
	const struct dirent *e;
	if (!stream)
		return;
	/* its mode may forbid the owner to remove what is in it */
	(void)fchmod(dirfd(stream), 0700);
	while ((e = dir_next(stream, &err))) {
		if (unlinkat(dirfd(stream), e->d_name, 0) == 0)
			continue;
		fmt_str(fresh, sizeof(fresh), ".coracle-flat-%llu",
			(unsigned long long)++m->serial);
		if (renameat(dirfd(stream), e->d_name, m->top, fresh) == 0)
			m->progress = true;
	}
	closedir(stream);
}

static bool is_kept(const struct emptier *m, const char *name)
{
	struct stat st;
	return m->keep &&
	       fstatat(m->top, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == m->keep->st_dev && st.st_ino == m->keep->st_ino;
}

static void remove_entry(struct emptier *m, const char *name)
{
	if (is_kept(m, name))
		return;
	m->left = true;
	if (unlinkat(m->top, name, 0) == 0) {
		m->progress = true;
		return;
	}
	flatten(m, name);
	if (unlinkat(m->top, name, AT_REMOVEDIR) == 0)
		m->progress = true;
}

bool dir_empty_but(int top, const struct stat *keep)
{
	struct emptier m = {
		.top = top, .keep = keep, .left = true, .progress = true};
	while (m.left && m.progress) {
		int err;
		DIR *stream = dir_open(top, ".", &err);
		const struct dirent *e;
		if (!stream)
			return false;
		m.left = false;
		m.progress = false;
		while ((e = dir_next(stream, &err)))
			remove_entry(&m, e->d_name);
		closedir(stream);
	}
	return !m.left;
}

bool dir_empty(int top)
{
	return dir_empty_but(top, NULL);
}
