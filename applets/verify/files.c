/* SPDX-License-Identifier: MIT */
/* applets/verify/files.c - reward.json and reward.txt, by rename. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/verify/verify.h"
#include "lib/applet.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/size.h"

enum { RESERVED = 4096 };

struct file {
	const char *name;
	const char *fresh; /* its name until it is complete */
	int fd;
};

static struct file files[] = {
	{"reward.json", ".reward.json.new", -1},
	{"reward.txt", ".reward.txt.new", -1},
};
static int directory = -1;

static int reserve(struct file *f)
{
	static const char blank[RESERVED];
	(void)unlinkat(directory, f->fresh, 0);
	f->fd = openat(directory, f->fresh,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (f->fd < 0)
		return -errno;
	/* a file system may put off finding room until it is synced */
	int r = fd_write_full(f->fd, blank, sizeof(blank));
	if (r == 0 && fsync(f->fd) < 0)
		r = -errno;
	return r;
}

void verify_files_open(const struct verify *v)
{
	directory = open(
		v->output, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		die(EXIT_WRAPPER, "%s: %s", v->output, strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int r = reserve(&files[i]);
		if (r == 0)
			continue;
		verify_files_drop();
		die(EXIT_WRAPPER, "%s: no room for the reward: %s", v->output,
			strerror(-r));
	}
}

/* what the grader may have left in the place of a file */
static void clear_place(const char *name)
{
	int err;
	if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
		return;
	DIR *stream = dir_open(directory, name, &err);
	if (!stream)
		return;
	(void)dir_empty(dirfd(stream));
	closedir(stream);
	(void)unlinkat(directory, name, AT_REMOVEDIR);
}

void verify_files_forget(const struct verify *v)
{
	directory = open(
		v->output, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		clear_place(files[i].name);
	fd_close(&directory);
}

/* into the room that is there already */
static int fill(const struct file *f, struct str content)
{
	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return -errno;
	int r = fd_write_full(f->fd, content.p, content.n);
	if (r == 0 && ftruncate(f->fd, (off_t)content.n) < 0)
		r = -errno;
	if (r == 0 && fsync(f->fd) < 0)
		r = -errno;
	return r;
}

bool verify_files_write(const struct reward *r)
{
	const struct str content[] = {buf_str(&r->json), buf_str(&r->txt)};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int e = fill(&files[i], content[i]);
		if (e == 0)
			continue;
		warn_msg("%s: %s", files[i].name, strerror(-e));
		verify_files_drop();
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct stat st;
		if (fstatat(directory, files[i].name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			clear_place(files[i].name);
		if (renameat(directory, files[i].fresh, directory,
			    files[i].name) == 0)
			continue;
		warn_msg("%s: %s", files[i].name, strerror(errno));
		return false;
	}
	(void)fsync(directory);
	return true;
}

void verify_files_drop(void)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)unlinkat(directory, files[i].fresh, 0);
		clear_place(files[i].name);
		fd_close(&files[i].fd);
	}
}
