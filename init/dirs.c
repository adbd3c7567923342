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
#include "lib/fmt.h"
#include "lib/identity.h"
#include "lib/layout.h"
#include "lib/log.h"
#include "lib/path.h"

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

int dirs_make(const char *path)
{
	while (*path == '/')
		path++;
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	int r = *path ? path_mkdirs(root, path, 0755) : 0;
	fd_close(&root);
	return r;
}

/* "agent", "agent:data", "1000:1000"; a negative errno: no such name */
static int parse_owner(struct layout_dir *d, const char *owner)
{
	char name[IDENTITY_TEXT];
	struct identity who;
	struct str group = str_of(owner);
	gid_t gid;
	struct str user = str_cut(&group, ':');
	fmt_str(name, sizeof(name), "%.*s", STR_FMT(user));
	if (!identity_find(&who, name))
		return -ENOENT;
	gid = who.gid;
	if (group.p && !identity_group(&gid, group.p))
		return -ENOENT;
	d->uid = who.uid;
	d->gid = gid;
	return 0;
}

/* a file that is there is somebody's; links are not followed */
static int seed(int dir, const struct layout_dir *d, const struct shape_pair *f)
{
	int fd = openat(dir, f->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	int r = fd_write_full(fd, f->value, strlen(f->value));
	if (r == 0 && (fchown(fd, d->uid, d->gid) < 0 ||
			      fchmod(fd, d->mode & 0666) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, f->name, 0);
	fd_close(&fd);
	return r;
}

static int seed_all(const struct layout_dir *d, const struct shape_pairs *files)
{
	int r = 0;
	if (files->n == 0)
		return 0;
	int dir =
		open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	for (size_t i = 0; i < files->n && r == 0; i++)
		r = strchr(files->v[i].name, '/') ? -EINVAL
						  : seed(dir, d, &files->v[i]);
	fd_close(&dir);
	return r;
}

/* with the directories above it, which become root's */
static int make_one(const struct config_dir *want)
{
	struct layout_dir d = {
		.path = want->path, .mode = want->mode, .care = LAYOUT_KEEP};
	char above[PATH_LEN_MAX];
	int r = parse_owner(&d, want->owner);
	if (r < 0)
		return r;
	const char *slash = strrchr(want->path, '/');
	size_t n = fmt_str(above, sizeof(above), "%.*s",
		(int)(slash - want->path), want->path);
	if (n >= sizeof(above))
		return -ENAMETOOLONG;
	if (n > 0)
		r = dirs_make(above);
	if (r == 0)
		r = ensure(&d);
	return r < 0 ? r : seed_all(&d, &want->files);
}

static int configured(const struct config *c)
{
	const struct config_dir *v = c->directories.v;
	int result = 0;
	for (size_t i = 0; i < c->directories.n; i++) {
		int r = make_one(&v[i]);
		if (r < 0)
			log_at(v[i].required ? LOG_ERROR : LOG_WARN,
				"directories: %s: %s%s", v[i].path,
				strerror(-r),
				v[i].required ? ", and it is required"
					      : ", boot goes on");
		if (r < 0 && v[i].required)
			result = r;
	}
	return result;
}

int dirs_setup(const struct config *c)
{
	for (size_t i = 0; i < layout_dirs_len; i++) {
		const struct layout_dir *d = &layout_dirs[i];
		int r = ensure(d);
		if (r < 0)
			log_at(expected(r) ? LOG_DEBUG : LOG_WARN,
				"directories: %s: %s", d->path, strerror(-r));
	}
	return configured(c);
}
