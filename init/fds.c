/* SPDX-License-Identifier: MIT */
/* init/fds.c - the descriptors that init was started with. */
#include "init/fds.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/proc.h"
#include "lib/fd.h"
#include "lib/log.h"

enum { FDS_HIGH = 100 };

/* keep what the children get at a number that nothing else will take */
static void split_log(struct fds *f)
{
	struct stat st;
	f->log = STDERR_FILENO;
	if (fstat(STDERR_FILENO, &st) < 0 || !S_ISFIFO(st.st_mode))
		return;
	int ours = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (ours < 0)
		return;
	int theirs = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, FDS_HIGH);
	if (theirs >= 0 && dup3(ours, STDERR_FILENO, O_CLOEXEC) >= 0)
		f->log = theirs;
	else
		fd_close(&theirs);
	fd_close(&ours);
}

static void inherit(void *owner, unsigned number)
{
	struct fds *f = owner;
	int fd = (int)number;
	int flags = fcntl(fd, F_GETFD);
	if (fd < 3 || flags < 0 || (flags & FD_CLOEXEC))
		return;
	if (f->ncommand < SPAWN_FDS_MAX)
		f->command[f->ncommand++] = (struct spawn_fd){fd, fd};
	/* the services must not get it, and beyond the table no one does */
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/*
 * Most often the lowest numbers are all there are. From 6.2 on the kernel
 * tells how many it is, which is far less work for it than to list them.
 */
static bool are_lowest(unsigned *count)
{
	struct stat st;
	if (stat("/proc/self/fd", &st) < 0 || st.st_size <= 0 ||
		st.st_size > SPAWN_FDS_MAX)
		return false;
	*count = (unsigned)st.st_size;
	for (unsigned fd = 0; fd < *count; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return false;
	return true;
}

void fds_setup(struct fds *f)
{
	unsigned count;
	f->ncommand = 0;
	for (int fd = 0; fd <= 2; fd++)
		f->command[f->ncommand++] = (struct spawn_fd){fd, fd};
	if (are_lowest(&count))
		for (unsigned fd = 3; fd < count; fd++)
			inherit(f, fd);
	else
		(void)proc_each_number("/proc/self/fd", inherit, f);
	split_log(f);
	f->command[STDERR_FILENO].from = f->log;
	f->service[0] = (struct spawn_fd){STDOUT_FILENO, STDOUT_FILENO};
	f->service[1] = (struct spawn_fd){f->log, STDERR_FILENO};
}

void fds_drop_inherited(struct fds *f)
{
	for (size_t i = 3; i < f->ncommand; i++)
		fd_close(&f->command[i].from);
	f->ncommand = 3;
}
