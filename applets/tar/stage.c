/* SPDX-License-Identifier: MIT */
/* applets/tar/stage.c - all or nothing: a staging directory in the target. */
#include "applets/tar/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h> /* renameat */
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/path.h"
#include "lib/rand.h"

enum {
	PENDING_MAX = 64 << 20, /* names of directories to be merged */
	ATTEMPTS = 32,
};

/* --------------------------------------------------------- begin and end */

static bool try_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* ours, by name, owner and mode: what somebody else made is not touched */
static bool is_ours(const struct dirent *e, int fd)
{
	struct stat st;
	return name_is_stage(str_of(e->d_name)) && fstat(fd, &st) == 0 &&
	       st.st_uid == geteuid() &&
	       (st.st_mode & (07777u - S_ISGID)) == 0700;
}

/* what killed processes left behind; live ones hold their lock */
static void remove_stale(int target)
{
	int err;
	DIR *stream = dir_open(target, ".", &err);
	const struct dirent *e;
	if (!stream)
		return;
	while ((e = dir_next(stream, &err))) {
		if (!name_is_stage(str_of(e->d_name)))
			continue;
		int fd = openat(target, e->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && is_ours(e, fd) && try_lock(fd) && dir_empty(fd))
			(void)unlinkat(target, e->d_name, AT_REMOVEDIR);
		fd_close(&fd);
	}
	closedir(stream);
}

/* the signals that ask for an end are read from a descriptor from now on */
static int hold_signals(void)
{
	sigset_t asked;
	sigset_t held;
	sigemptyset(&asked);
	sigaddset(&asked, SIGTERM);
	sigaddset(&asked, SIGINT);
	sigaddset(&asked, SIGHUP);
	held = asked;
	/* neither a reader of -v that goes away nor a limit on the size of
	 * files may leave a tree behind: the calls fail instead */
	sigaddset(&held, SIGPIPE);
	sigaddset(&held, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &held, NULL);
	return signalfd(-1, &asked, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * Make and lock it. Another process that looks for stale ones may come in
 * between, hold the lock or have removed it: -EAGAIN.
 */
static int make_locked(struct stage *s)
{
	char hex[STAGE_DIGITS + 1];
	struct stat st;
	int err = rand_hex(hex, STAGE_DIGITS / 2);
	if (err)
		return err;
	fmt_str(s->name, sizeof(s->name), "%s%s", STAGE_PREFIX, hex);
	if (mkdirat(s->target, s->name, 0700) < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	s->fd = openat(s->target, s->name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (!try_lock(s->fd) || fstat(s->fd, &st) < 0 || st.st_nlink == 0) {
		fd_close(&s->fd);
		return -EAGAIN;
	}
	return 0;
}

int stage_begin(struct stage *s, int target, struct report *r)
{
	int err = -EAGAIN;
	*s = (struct stage){.target = target, .fd = -1, .signal_fd = -1};
	remove_stale(target);
	s->signal_fd = hold_signals();
	if (s->signal_fd < 0)
		err = -errno;
	for (int i = 0; i < ATTEMPTS && err == -EAGAIN; i++)
		err = make_locked(s);
	if (err == 0)
		return s->fd;
	report_errno(r, NULL, "staging directory", -err);
	r->stop = true;
	stage_end(s);
	return -1;
}

void stage_end(struct stage *s)
{
	if (s->fd >= 0)
		(void)dir_empty(s->fd);
	if (s->name[0])
		(void)unlinkat(s->target, s->name, AT_REMOVEDIR);
	fd_close(&s->fd);
	fd_close(&s->signal_fd);
}

/* ----------------------------------------------------------------- merging */

struct merge {
	struct stage *stage;
	struct report *r;
	bool dry;
	dev_t device;
	/* directories that both sides have, NUL after each; parents first */
	struct buf pending;
	size_t at;
};

static void fail(struct merge *m, enum fail_kind kind, const char *name,
	const char *text)
{
	report_fail(m->r, kind, name, "%s", text);
	m->r->stop = true;
}

static void fail_errno(
	struct merge *m, const char *name, const char *what, int err)
{
	report_errno(m->r, name, what, err);
	m->r->stop = true;
}

/* the dry run: may the member be put where old is? */
static void check_pair(struct merge *m, const char *path, bool new_is_dir,
	const struct stat *old)
{
	bool old_is_dir = S_ISDIR(old->st_mode);
	if (new_is_dir && old_is_dir && old->st_dev != m->device)
		fail(m, FAIL_IO, path, "is on another file system");
	else if (new_is_dir && S_ISLNK(old->st_mode))
		fail(m, FAIL_CONFLICT, path,
			"a directory would replace a symbolic link");
	else if (new_is_dir && !old_is_dir)
		fail(m, FAIL_CONFLICT, path,
			"a directory would replace a file");
	else if (!new_is_dir && old_is_dir)
		fail(m, FAIL_CONFLICT, path,
			"a file would replace a directory");
	if (m->r->stop || !new_is_dir)
		return;
	buf_put(&m->pending, path, strlen(path) + 1);
	if (m->pending.err)
		fail(m, FAIL_LIMIT, path, "too many directories to merge");
}

/* one entry of the staged directory `dir` */
static void merge_entry(
	struct merge *m, const char *dir, int from, int to, const char *name)
{
	char path[PATH_LEN_MAX + 1];
	struct stat fresh;
	struct stat old;
	fmt_str(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	if (fstatat(from, name, &fresh, AT_SYMLINK_NOFOLLOW) < 0) {
		fail_errno(m, path, "Cannot stat", errno);
		return;
	}
	bool exists = fstatat(to, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
	if (!exists && errno != ENOENT) {
		fail_errno(m, path, "Cannot stat", errno);
		return;
	}
	if (m->dry) {
		if (exists)
			check_pair(m, path, S_ISDIR(fresh.st_mode), &old);
		return;
	}
	if (exists && S_ISDIR(fresh.st_mode) && S_ISDIR(old.st_mode))
		return; /* its entries are moved one by one */
	if (renameat(from, name, to, name) < 0)
		fail_errno(m, path, "Cannot move into place", errno);
}

/* all entries of one directory that both sides have; "" is the top */
static void merge_dir(struct merge *m, const char *dir)
{
	const char *open_name = *dir ? dir : ".";
	int to = path_open_nofollow(
		m->stage->target, open_name, O_RDONLY | O_DIRECTORY, 0);
	int from = path_open_nofollow(
		m->stage->fd, open_name, O_RDONLY | O_DIRECTORY, 0);
	DIR *stream = NULL;
	int err = 0;
	const struct dirent *e;
	if (to < 0 || from < 0) {
		fail_errno(m, open_name, "Cannot open", to < 0 ? -to : -from);
		goto out;
	}
	if (m->dry && faccessat(to, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		fail_errno(m, open_name, "Cannot write to directory", errno);
		goto out;
	}
	stream = dir_open(from, ".", &err);
	if (!stream) {
		fail_errno(m, open_name, "Cannot read directory", -err);
		goto out;
	}
	while (!m->r->stop && (e = dir_next(stream, &err)))
		merge_entry(m, dir, from, to, e->d_name);
	if (err)
		fail_errno(m, open_name, "Cannot read directory", -err);
	closedir(stream);
out:
	fd_close(&from);
	fd_close(&to);
}

static void merge_all(struct merge *m)
{
	merge_dir(m, "");
	m->at = 0;
	while (!m->r->stop && m->at < m->pending.n) {
		char dir[PATH_LEN_MAX + 1];
		/* copied: the list grows, and may move, while this is used */
		fmt_str(dir, sizeof(dir), "%s", buf_at(&m->pending, m->at));
		m->at += strlen(dir) + 1;
		merge_dir(m, dir);
	}
}

void stage_commit(struct stage *s, struct report *r)
{
	struct merge m = {.stage = s, .r = r, .dry = true};
	struct stat st;
	if (fstat(s->fd, &st) < 0) {
		fail_errno(&m, NULL, "staging directory", errno);
		return;
	}
	m.device = st.st_dev;
	buf_init(&m.pending, PENDING_MAX);
	merge_all(&m);
	m.dry = false;
	if (!r->stop)
		merge_all(&m);
	buf_fini(&m.pending);
}
