/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/extract.c - members become files, never outside the target.
 *
 * input: untrusted
 *
 * Names are resolved on paper first; then only their parent directory is
 * opened, beneath the target and through no symbolic link, and everything is
 * done relative to that descriptor: what stands at the last component is
 * unlinked, never opened or followed, and metadata is set by descriptor.
 */
#include "applets/tar/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "applets/tar/archive.h"
#include "applets/tar/dirs.h"
#include "applets/tar/lines.h"
#include "applets/tar/stage.h"
#include "applets/tar/xattr.h"
#include "lib/fd.h"
#include "lib/path.h"

struct extract {
	const struct tar_options *o;
	struct report *r;
	struct lines lines;
	struct progress progress;
	struct stage stage;
	struct dirs dirs;
	mode_t umask;
	int target; /* directory of -C */
	int root;   /* where members are put: target or the staging directory */

	/* directory that the last member was in: the next one's, mostly */
	int parent;
	size_t parent_len;           /* of its name, which path begins with */
	char path[PATH_LEN_MAX + 1]; /* cleaned name of the member */
	const char *base;            /* its last component */

	int file;      /* the member being written, or -1 */
	bool failed;   /* its data is passed over */
	bool stripped; /* the message about leading slashes was given */
};

static void fail(struct extract *x, const char *what, int err)
{
	report_errno(x->r, x->path[0] ? x->path : ".", what, err);
}

/* ------------------------------------------------- finding the directory */

/*
 * Clean name into path and open its parent, making what is missing of it.
 * false: reported. For the target itself base is "".
 */
static bool locate(struct extract *x, struct str name)
{
	char clean[PATH_LEN_MAX + 1];
	int err = name_clean(name, clean);
	if (err == -EXDEV) {
		report_fail(
			x->r, FAIL_UNSAFE, name.p, "member name contains '..'");
		return false;
	}
	if (err) {
		report_errno(x->r, name.p, "Cannot open", -err);
		return false;
	}
	size_t n = strlen(clean);
	const char *slash = strrchr(clean, '/');
	size_t parent_len = slash ? (size_t)(slash - clean) : 0;
	bool same = x->parent >= 0 && parent_len == x->parent_len &&
		    memcmp(clean, x->path, parent_len) == 0;
	memcpy(x->path, clean, n + 1);
	x->base = x->path + (slash ? parent_len + 1 : 0);
	if (same || n == 0)
		return true;
	fd_close(&x->parent);
	x->parent_len = parent_len;
	const char *base;
	x->parent = path_open_parent(x->root, x->path, true, &base);
	if (x->parent < 0) {
		fail(x, "Cannot open", -x->parent);
		x->parent = -1;
		return false;
	}
	return true;
}

/*
 * Something stands where the member goes: remove it. A directory goes only
 * when it is empty. 0 or a negative errno.
 */
static int clear_way(struct extract *x)
{
	struct stat st;
	if (x->o->keep_old)
		return -EEXIST;
	if (fstatat(x->parent, x->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	bool dir = S_ISDIR(st.st_mode);
	if (unlinkat(x->parent, x->base, dir ? AT_REMOVEDIR : 0) < 0)
		return errno == ENOTEMPTY || errno == EEXIST ? -EISDIR : -errno;
	return 0;
}

/* how a member is made; returns 0 (or a descriptor) or a negative errno */
typedef int make_fn(struct extract *x, const struct tar_entry *e);

/* make it, and once more after clearing the way */
static int make(struct extract *x, const struct tar_entry *e, make_fn *fn)
{
	int r = fn(x, e);
	if (r == -EEXIST) {
		r = clear_way(x);
		if (r == 0)
			r = fn(x, e);
	}
	return r;
}

/* -------------------------------------------------------------- metadata */

static mode_t wanted_mode(const struct extract *x, const struct tar_entry *e)
{
	return x->o->keep_modes ? (mode_t)e->mode & 07777
				: (mode_t)e->mode & 0777 & ~x->umask;
}

/* owner, mode and time of a member that is not open, without following it */
static void set_by_name(
	struct extract *x, const struct tar_entry *e, bool has_mode)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, e->mtime};
	if (x->o->same_owner && fchownat(x->parent, x->base, (uid_t)e->uid,
					(gid_t)e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		fail(x, "Cannot change owner", errno);
	/* only what was made here a moment ago, and is no link, gets a mode */
	if (has_mode && x->o->keep_modes &&
		fchmodat(x->parent, x->base, wanted_mode(x, e), 0) < 0)
		fail(x, "Cannot change mode", errno);
	if (utimensat(x->parent, x->base, times, AT_SYMLINK_NOFOLLOW) < 0)
		fail(x, "Cannot set time", errno);
}

static void set_xattrs(struct extract *x, int fd, const struct tar_entry *e)
{
	if (!x->o->xattrs || e->xattrs.n == 0)
		return;
	/* a capability is power, as a set-id bit is */
	int err = xattr_write(fd, e->xattrs, x->o->keep_modes);
	if (err)
		fail(x, "Cannot set attributes", -err);
}

static void set_by_fd(struct extract *x, const struct tar_entry *e)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, e->mtime};
	/* the owner first: changing it takes set-id bits away */
	if (x->o->same_owner &&
		fchown(x->file, (uid_t)e->uid, (gid_t)e->gid) < 0)
		fail(x, "Cannot change owner", errno);
	if (x->o->keep_modes && fchmod(x->file, wanted_mode(x, e)) < 0)
		fail(x, "Cannot change mode", errno);
	set_xattrs(x, x->file, e);
	if (futimens(x->file, times) < 0)
		fail(x, "Cannot set time", errno);
}

/* ------------------------------------------------------ the kinds of file */

static int make_file(struct extract *x, const struct tar_entry *e)
{
	/* with -p the mode is set at the end, when the owner is right */
	mode_t mode = x->o->keep_modes ? 0600 : (mode_t)e->mode & 0777;
	int fd = openat(x->parent, x->base,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	return fd;
}

static int make_symlink(struct extract *x, const struct tar_entry *e)
{
	return symlinkat(e->link.p, x->parent, x->base) < 0 ? -errno : 0;
}

static int make_special(struct extract *x, const struct tar_entry *e)
{
	mode_t type = e->type == TAR_FIFO   ? S_IFIFO
		      : e->type == TAR_CHAR ? S_IFCHR
					    : S_IFBLK;
	return mknodat(x->parent, x->base, type | ((mode_t)e->mode & 0777),
		       makedev(e->major, e->minor)) < 0
		       ? -errno
		       : 0;
}

static int make_dir(struct extract *x, const struct tar_entry *e)
{
	struct stat st;
	/* the owner must be able to fill it; its mode is set at the end */
	mode_t mode = ((mode_t)e->mode & 0777) | 0700;
	if (mkdirat(x->parent, x->base, mode) == 0)
		return 0;
	int err = -errno;
	if (err == -EEXIST &&
		fstatat(x->parent, x->base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode))
		return 0;
	return err;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* link the member to from/name; a link to itself is there already */
static int link_to(struct extract *x, int from, const char *name)
{
	struct stat source;
	struct stat old;
	/* 0: the link is to a symbolic link itself, not to where it points */
	if (linkat(from, name, x->parent, x->base, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(from, name, &source, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (fstatat(x->parent, x->base, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
		same_file(&source, &old))
		return 0;
	int err = clear_way(x);
	if (err)
		return err;
	return linkat(from, name, x->parent, x->base, 0) < 0 ? -errno : 0;
}

static int link_below(struct extract *x, int root, const char *target)
{
	const char *name;
	int from = path_open_parent(root, target, false, &name);
	if (from < 0)
		return from;
	int err = link_to(x, from, name);
	fd_close(&from);
	return err;
}

static void put_hard_link(struct extract *x, const struct tar_entry *e)
{
	char target[PATH_LEN_MAX + 1];
	struct str link = e->link;
	if (x->o->strip)
		link = name_strip(link, x->o->strip);
	int err = name_clean(link, target);
	if (err == -EXDEV) {
		report_fail(x->r, FAIL_UNSAFE, x->path,
			"hard link to outside of the target: %s", e->link.p);
		return;
	}
	if (err == 0)
		err = link_below(x, x->root, target);
	/* an atomic extraction may link to what the target has already */
	if (err == -ENOENT && x->root != x->target)
		err = link_below(x, x->target, target);
	if (err == -ENOENT || err == -EINVAL)
		report_fail(x->r, FAIL_TAR, x->path,
			"hard link to a member that is not there: %s",
			e->link.p);
	else if (err)
		fail(x, "Cannot hard link", -err);
}

static void defer_dir(
	struct extract *x, const struct tar_entry *e, const char *name)
{
	struct dir_meta meta = {.mtime = e->mtime,
		.mode = wanted_mode(x, e),
		.uid = (uint32_t)e->uid,
		.gid = (uint32_t)e->gid,
		.owner = x->o->same_owner};
	if (dirs_add(&x->dirs, name, &meta))
		return;
	/*
	 * So many directories are not held in memory: the earlier ones get
	 * their metadata now, and later members may change their times.
	 */
	dirs_apply(&x->dirs, x->root, x->r, x->o->atomic);
	(void)dirs_add(&x->dirs, name, &meta);
}

static void put_dir(struct extract *x, const struct tar_entry *e)
{
	int err = make(x, e, make_dir);
	if (err) {
		fail(x, "Cannot mkdir", -err);
		return;
	}
	defer_dir(x, e, x->path);
	if (!x->o->xattrs || e->xattrs.n == 0)
		return;
	int fd = openat(x->parent, x->base,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fail(x, "Cannot open", errno);
	else
		set_xattrs(x, fd, e);
	fd_close(&fd);
}

static void put_special(struct extract *x, const struct tar_entry *e)
{
	if (!x->o->special) {
		report_fail(x->r, FAIL_UNSAFE, x->path,
			"%s not extracted without --special",
			e->type == TAR_FIFO ? "FIFO" : "device");
		return;
	}
	int err = make(x, e, make_special);
	if (err)
		fail(x, "Cannot mknod", -err);
	else
		set_by_name(x, e, true);
}

static void put_symlink(struct extract *x, const struct tar_entry *e)
{
	int err = make(x, e, make_symlink);
	if (err)
		fail(x, "Cannot create symlink", -err);
	else
		set_by_name(x, e, false);
}

static void put_file(struct extract *x, const struct tar_entry *e)
{
	int fd = make(x, e, make_file);
	if (fd < 0) {
		fail(x, "Cannot open", -fd);
		return;
	}
	x->file = fd;
}

/* ------------------------------------------------------------- the sink */

/*
 * A member that is the target itself ("./"): its mode and time are the
 * target's, except in an atomic extraction, whose target is someone else's
 * directory that only gets new entries.
 */
static void begin_root(struct extract *x, const struct tar_entry *e)
{
	if (e->name.n == 0)
		report_fail(x->r, FAIL_TAR, NULL, "member without a name");
	else if (e->type != TAR_DIR)
		report_fail(x->r, FAIL_UNSAFE, e->name.p,
			"member names the target directory itself");
	else if (!x->o->atomic && !str_has(e->name, STR("..")))
		defer_dir(x, e, ".");
}

/* GNU tar drops a leading slash and says so; false: it is refused here */
static bool accept_absolute(
	struct extract *x, const struct tar_entry *e, struct str name)
{
	bool absolute = str_starts(name, STR("/"));
	bool link = e->type == TAR_HARD_LINK && str_starts(e->link, STR("/"));
	if (x->o->strict && (absolute || link)) {
		report_fail(x->r, FAIL_UNSAFE, e->name.p,
			absolute ? "member has an absolute name"
				 : "hard link to an absolute name");
		return false;
	}
	if (absolute && !x->stripped) {
		x->stripped = true;
		report_warn(
			x->r, NULL, "Removing leading `/' from member names");
	}
	return true;
}

static void on_begin(void *self, const struct tar_entry *e, struct str name)
{
	struct extract *x = self;
	x->file = -1;
	if (x->o->verbose)
		lines_member(&x->lines, e, name, false);
	if (!accept_absolute(x, e, name) || !locate(x, name))
		return;
	if (x->base[0] == '\0') {
		begin_root(x, e);
		return;
	}
	switch (e->type) {
	case TAR_FILE:
		put_file(x, e);
		break;
	case TAR_HARD_LINK:
		put_hard_link(x, e);
		break;
	case TAR_SYMLINK:
		put_symlink(x, e);
		break;
	case TAR_DIR:
		put_dir(x, e);
		break;
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		put_special(x, e);
		break;
	}
}

/* the member cannot be finished: what is there of it goes away */
static void on_abandon(void *self)
{
	struct extract *x = self;
	if (x->file < 0)
		return;
	fd_close(&x->file);
	(void)unlinkat(x->parent, x->base, 0);
}

static int write_at(int fd, struct str data, uint64_t offset)
{
	while (data.n) {
		ssize_t n = pwrite(fd, data.p, data.n, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = str_from_index(data, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

static void on_data(void *self, struct str data, uint64_t offset)
{
	struct extract *x = self;
	if (x->file < 0)
		return;
	int err = write_at(x->file, data, offset);
	progress_add(&x->progress, data.n);
	if (err == 0)
		return;
	fail(x, "Cannot write", -err);
	on_abandon(x);
}

static void on_end(void *self, const struct tar_entry *e)
{
	struct extract *x = self;
	if (x->file < 0)
		return;
	if (e->sparse && ftruncate(x->file, (off_t)e->size) < 0) {
		fail(x, "Cannot write", errno);
		on_abandon(x);
		return;
	}
	set_by_fd(x, e);
	int err = close(x->file) < 0 ? errno : 0;
	x->file = -1;
	if (err)
		fail(x, "Cannot write", err);
}

/* ---------------------------------------------------------------- set-up */

/* the directory that the -C options lead to */
static int open_target(const struct tar_options *o, struct report *r)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < o->nchdirs && dir >= 0; i++) {
		int next = openat(dir, o->chdirs[i].dir,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int err = errno;
		fd_close(&dir);
		dir = next;
		errno = err;
		if (dir < 0)
			report_errno(r, o->chdirs[i].dir, "Cannot open", err);
	}
	if (dir < 0)
		r->stop = true;
	return dir;
}

static void finish(struct extract *x)
{
	fd_close(&x->parent);
	if (x->o->atomic && !x->r->stop)
		stage_commit(&x->stage, x->r);
	/*
	 * After a commit everything is at its place below the target, and it
	 * would be wrong to say that it failed: a directory that was there
	 * and is somebody else's may keep its mode and time.
	 */
	if (!x->o->atomic || !x->r->stop)
		dirs_apply(&x->dirs, x->target, x->r, x->o->atomic);
	if (x->o->atomic)
		stage_end(&x->stage);
}

void tar_extract(const struct tar_options *o, struct report *r)
{
	struct extract x = {.o = o, .r = r, .parent = -1, .file = -1};
	const struct sink sink = {&x, on_begin, on_data, on_end, on_abandon};
	int signal_fd = -1;
	x.umask = umask(0);
	umask(x.umask);
	r->all_fatal = o->strict || o->atomic;
	x.target = open_target(o, r);
	if (x.target < 0)
		return;
	x.root = x.target;
	dirs_init(&x.dirs);
	progress_init(&x.progress, o->verbose || o->status_fd != UINT64_MAX, 0);
	r->progress = &x.progress;
	lines_init(&x.lines, o, r, STDOUT_FILENO);
	if (o->atomic) {
		x.root = stage_begin(&x.stage, x.target, r);
		signal_fd = x.stage.signal_fd;
	}
	if (x.root >= 0) {
		archive_read(o, r, signal_fd, &sink);
		lines_flush(&x.lines);
		finish(&x);
	}
	r->progress = NULL;
	progress_end(&x.progress);
	lines_fini(&x.lines);
	dirs_fini(&x.dirs);
	fd_close(&x.target);
}
