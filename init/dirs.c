/* SPDX-License-Identifier: MIT */
/*
 * init/dirs.c - the directories that every container has, with their modes.
 *
 * Runs as root on paths whose last part may be anyone's: nothing is followed,
 * and owner and mode are set through the descriptor that was looked at.
 */
#include "init/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/layout.h"
#include "lib/log.h"

static int set(int fd, const struct layout_dir *d)
{
	/* the mode last: chown(2) clears the set-id bits */
	if (fchown(fd, d->uid, d->gid) < 0 || fchmod(fd, d->mode) < 0)
		return -errno;
	return 0;
}

static bool as_wanted(const struct stat *st, const struct layout_dir *d)
{
	return st->st_uid == d->uid && st->st_gid == d->gid &&
	       (st->st_mode & 07777) == d->mode;
}

static int ensure(const struct layout_dir *d)
{
	struct stat st;
	bool made = mkdir(d->path, 0700) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	if (!made && d->care == LAYOUT_MAKE)
		return 0;
	int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = 0;
	if (made)
		r = set(fd, d);
	else if (fstat(fd, &st) < 0)
		r = -errno;
	else if (st.st_uid == 0 && !as_wanted(&st, d))
		r = set(fd, d);
	else if (st.st_uid != d->uid)
		log_info("directories: %s belongs to uid %u, left alone",
			d->path, (unsigned)st.st_uid);
	fd_close(&fd);
	return r;
}

void dirs_setup(void)
{
	for (size_t i = 0; i < layout_dirs_len; i++) {
		const struct layout_dir *d = &layout_dirs[i];
		int r = ensure(d);
		if (r == -EROFS)
			log_debug("directories: %s: %s", d->path, strerror(-r));
		else if (r < 0)
			log_warn("directories: %s: %s", d->path, strerror(-r));
	}
}
