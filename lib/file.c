/* SPDX-License-Identifier: MIT */
/* lib/file.c - whole files. */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/rand.h"

enum { FILE_READ_STEP = 16384, FILE_NAME_MAX = 4096 };

int file_read(int dirfd, const char *path, struct buf *out)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n;
	do {
		char step[FILE_READ_STEP];
		n = fd_read(fd, step, sizeof(step));
		if (n > 0)
			buf_put(out, step, (size_t)n);
	} while (n > 0 && !out->err);
	fd_close(&fd);
	return n < 0 ? (int)n : out->err;
}

static int write_and_sync(int fd, struct str content, mode_t mode)
{
	int r = fd_write_full(fd, content.p, content.n);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(
	int dirfd, const char *path, struct str content, mode_t mode)
{
	char tmp[FILE_NAME_MAX];
	char suffix[2 * 8 + 1];
	int r = rand_hex(suffix, 8);
	if (r < 0)
		return r;
	/* beside the file; its own name may leave no room for a suffix */
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	if (strlen(path) >= sizeof(tmp) ||
		fmt_str(tmp, sizeof(tmp), "%.*s.tmp-%s", dir_len, path,
			suffix) >= sizeof(tmp))
		return -ENAMETOOLONG;
	int fd = openat(dirfd, tmp,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_and_sync(fd, content, mode);
	fd_close(&fd);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}
