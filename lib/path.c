/* SPDX-License-Identifier: MIT */
/* lib/path.c - opening what untrusted paths name, beneath a directory. */
#include "lib/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"

/* openat2(2): neither the call nor its struct is in every libc's headers */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum {
	RESOLVE_NO_MAGICLINKS_BIT = 0x02,
	RESOLVE_NO_SYMLINKS_BIT = 0x04,
	RESOLVE_BENEATH_BIT = 0x08,
	AGAIN_MAX = 128, /* retries while somebody renames on the way */
};

struct how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

static int openat2_once(int root, const char *path, const struct how *how)
{
	long r = syscall(SYS_openat2, root, path, how, sizeof(*how));
	return r < 0 ? -errno : (int)r;
}

/* does the kernel, and a seccomp filter in front of it, have openat2? */
static bool have_openat2(void)
{
	static int known; /* 0: not asked yet, 1: yes, -1: no */
	int state = __atomic_load_n(&known, __ATOMIC_RELAXED);
	if (state == 0) {
		struct how how = {.flags = O_PATH | O_CLOEXEC};
		int fd = openat2_once(AT_FDCWD, "/", &how);
		state = fd == -ENOSYS || fd == -EPERM ? -1 : 1;
		__atomic_store_n(&known, state, __ATOMIC_RELAXED);
		fd_close(&fd);
	}
	return state > 0;
}

static int open_beneath(
	int root, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) & ~O_DIRECTORY ? mode : 0,
		.resolve = resolve | RESOLVE_BENEATH_BIT |
			   RESOLVE_NO_MAGICLINKS_BIT};
	int r = -EAGAIN;
	for (int i = 0; i < AGAIN_MAX && (r == -EAGAIN || r == -EINTR); i++)
		r = openat2_once(root, path, &how);
	return r;
}

static int open_dir_at(int dir, const char *name)
{
	int fd = openat(
		dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

/*
 * Copy the next component of *path to name[NAME_MAX + 1] and move *path
 * behind it. 1, 0 at the end, or -EXDEV for ".." and -ENAMETOOLONG.
 */
static int next_component(const char **path, char *name)
{
	for (;;) {
		*path += strspn(*path, "/");
		size_t n = strcspn(*path, "/");
		if (n == 0)
			return 0;
		if (n > 255)
			return -ENAMETOOLONG;
		memcpy(name, *path, n);
		name[n] = '\0';
		*path += n;
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		if (strcmp(name, ".") != 0)
			return 1;
	}
}

/*
 * Walk all components as directories, following no link. With create, those
 * missing are made. An O_PATH descriptor of the last, or a negative errno.
 */
static int walk_dirs(int root, const char *path, bool create, mode_t mode)
{
	char name[256];
	int dir = open_dir_at(root, ".");
	while (dir >= 0) {
		int r = next_component(&path, name);
		if (r == 0)
			return dir;
		int next = r < 0 ? r : open_dir_at(dir, name);
		if (next == -ENOENT && create) {
			if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
				next = -errno;
			else
				next = open_dir_at(dir, name);
		}
		fd_close(&dir);
		dir = next;
	}
	return dir;
}

/* the parent part of path, "." when there is none; false: it is too long */
static bool parent_of(const char *path, const char *name, char *out)
{
	size_t n = (size_t)(name - path);
	if (n >= PATH_LEN_MAX)
		return false;
	memcpy(out, path, n);
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return true;
}

/* without openat2: a walk that refuses links and ".." altogether */
static int open_by_walk(int root, const char *path, int flags, mode_t mode)
{
	char parent[PATH_LEN_MAX + 1];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (path[0] == '/' || strcmp(name, "..") == 0)
		return -EXDEV;
	if (!parent_of(path, name, parent))
		return -ENAMETOOLONG;
	int dir = walk_dirs(root, parent, false, 0);
	if (dir < 0)
		return dir;
	int fd = openat(
		dir, *name ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		fd = -errno;
	fd_close(&dir);
	return fd;
}

int path_open(int root, const char *path, int flags, mode_t mode)
{
	if (!have_openat2())
		return open_by_walk(root, path, flags, mode);
	return open_beneath(root, path, flags, mode, 0);
}

int path_open_nofollow(int root, const char *path, int flags, mode_t mode)
{
	if (!have_openat2())
		return open_by_walk(root, path, flags, mode);
	return open_beneath(
		root, path, flags | O_NOFOLLOW, mode, RESOLVE_NO_SYMLINKS_BIT);
}

int path_open_parent(int root, const char *path, bool create, const char **name)
{
	char parent[PATH_LEN_MAX + 1];
	const char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	if (**name == '\0' || strcmp(*name, ".") == 0 ||
		strcmp(*name, "..") == 0)
		return -EINVAL;
	if (path[0] == '/')
		return -EXDEV;
	if (!parent_of(path, *name, parent))
		return -ENAMETOOLONG;
	int dir = path_open_nofollow(root, parent, O_PATH | O_DIRECTORY, 0);
	if (dir == -ENOENT && create)
		dir = walk_dirs(root, parent, true, 0755);
	return dir;
}

int path_mkdirs(int root, const char *path, mode_t mode)
{
	if (path[0] == '/')
		return -EXDEV;
	int dir = walk_dirs(root, path, true, mode);
	if (dir < 0)
		return dir;
	fd_close(&dir);
	return 0;
}
