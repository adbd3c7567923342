/* SPDX-License-Identifier: MIT */
/*
 * applets/run_as/clone.c - a copy of a tree that somebody hostile made.
 *
 * input: untrusted, and it may change while it is copied
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/run_as/run_as.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/path.h"

enum { DEPTH_MAX = 64, ENTRIES_MAX = 1000000, CHUNK = 1 << 20 };

struct cloning {
	struct clone_tally *tally;
	unsigned depth;
};

static int clone_level(struct cloning *c, int from, int to);

static int copy_bytes(int from, int to)
{
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, CHUNK);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int finish(int fd, const struct stat *st)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};
	if (fchmod(fd, st->st_mode & 0777) < 0 || futimens(fd, times) < 0)
		return -errno;
	return 0;
}

/* a FIFO that took the file's place does not hold us up: O_NONBLOCK */
static int copy_file(struct cloning *c, int from, int to, const char *name)
{
	struct stat st;
	int r = 0;
	int src = path_open_nofollow(
		from, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (src < 0 || fstat(src, &st) < 0 || !S_ISREG(st.st_mode)) {
		fd_close(&src);
		c->tally->left_out++;
		return 0;
	}
	int dst = openat(to, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (dst < 0)
		r = -errno;
	if (r == 0)
		r = copy_bytes(src, dst);
	if (r == 0)
		r = finish(dst, &st);
	fd_close(&src);
	fd_close(&dst);
	return r;
}

static int copy_link(struct cloning *c, int from, int to, const char *name)
{
	char target[PATH_LEN_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
	if (n < 0) {
		c->tally->left_out++;
		return 0;
	}
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_directory(struct cloning *c, int from, int to, const char *name)
{
	struct stat st;
	int r = 0;
	int out = -1;
	int in = path_open_nofollow(from, name, O_RDONLY | O_DIRECTORY, 0);
	if (in < 0 || fstat(in, &st) < 0 || c->depth == DEPTH_MAX) {
		fd_close(&in);
		c->tally->left_out++;
		return 0;
	}
	if (mkdirat(to, name, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = out =
			path_open_nofollow(to, name, O_RDONLY | O_DIRECTORY, 0);
	if (r >= 0) {
		c->depth++;
		r = clone_level(c, in, out);
		c->depth--;
	}
	/* its user must be able to work in it, whatever the mode was */
	st.st_mode |= 0700;
	if (r == 0)
		r = finish(out, &st);
	fd_close(&in);
	fd_close(&out);
	return r;
}

static int copy_entry(struct cloning *c, int from, int to, const char *name)
{
	struct stat st;
	if (++c->tally->entries > ENTRIES_MAX)
		return -E2BIG;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* removed meanwhile */
	if (S_ISDIR(st.st_mode))
		return copy_directory(c, from, to, name);
	if (S_ISREG(st.st_mode))
		return copy_file(c, from, to, name);
	if (S_ISLNK(st.st_mode))
		return copy_link(c, from, to, name);
	c->tally->left_out++;
	return 0;
}

/* recursion is bounded by DEPTH_MAX */
static int clone_level(struct cloning *c, int from, int to)
{
	int r = 0;
	int err;
	const struct dirent *e;
	DIR *stream = dir_open(from, ".", &err);
	if (!stream)
		return err;
	while (r == 0 && (e = dir_next(stream, &err)))
		r = copy_entry(c, from, to, e->d_name);
	closedir(stream);
	return r ? r : err;
}

int clone_tree(int from, int to, struct clone_tally *tally)
{
	struct cloning c = {.tally = tally};
	return clone_level(&c, from, to);
}

static int give_one(int dir, const char *name, uid_t from, const uid_t to[2])
{
	struct stat st;
	/* a second name of a file may be somebody else's */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		st.st_uid != from || (!S_ISDIR(st.st_mode) && st.st_nlink > 1))
		return -EPERM;
	if (S_ISDIR(st.st_mode)) {
		int sub = path_open_nofollow(
			dir, name, O_RDONLY | O_DIRECTORY, 0);
		int r = sub < 0 ? sub : clone_give(sub, from, to[0], to[1]);
		fd_close(&sub);
		if (r < 0)
			return r;
	}
	if (fchownat(dir, name, to[0], to[1], AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

int clone_give(int top, uid_t from, uid_t to, gid_t group)
{
	const uid_t ids[2] = {to, group};
	int r = 0;
	int err;
	const struct dirent *e;
	DIR *stream = dir_open(top, ".", &err);
	if (!stream)
		return err;
	while (r == 0 && (e = dir_next(stream, &err)))
		r = give_one(top, e->d_name, from, ids);
	closedir(stream);
	return r ? r : err;
}
