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

static int open_and_set(const struct layout_dir *d)
{
	int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = set(fd, d);
	fd_close(&fd);
	return r;
}

static int make(const struct layout_dir *d)
{
	if (mkdir(d->path, 0700) < 0)
		return -errno;
	return open_and_set(d);
}

/* not silently: it may be a directory of the machine, mounted here */
static int mend(const struct layout_dir *d)
{
	int r = open_and_set(d);
	if (r == 0)
		log_info("directories: %s now has uid %u, gid %u, mode %04o",
			d->path, d->uid, d->gid, (unsigned)d->mode);
	return r;
}

static int ensure(const struct layout_dir *d)
{
	struct stat st;
	if (lstat(d->path, &st) < 0)
		return errno == ENOENT ? make(d) : -errno;
	if (d->care == LAYOUT_MAKE || as_wanted(&st, d))
		return 0;
	/* root's is nobody's; a volume that is somebody's stays so */
	if (st.st_uid == 0)
		return mend(d);
	if (st.st_uid != d->uid)
		log_info("directories: %s belongs to uid %u, left alone",
			d->path, (unsigned)st.st_uid);
	return 0;
}

/* what a container with fewer rights or a read-only root cannot have */
static bool expected(int r)
{
	/* -EINVAL: a user namespace that does not know the owner */
	return r == -EROFS || r == -EACCES || r == -EPERM || r == -EINVAL;
}

void dirs_setup(void)
{
	for (size_t i = 0; i < layout_dirs_len; i++) {
		const struct layout_dir *d = &layout_dirs[i];
		int r = ensure(d);
		if (r < 0)
			log_at(expected(r) ? LOG_DEBUG : LOG_WARN,
				"directories: %s: %s", d->path, strerror(-r));
	}
}
