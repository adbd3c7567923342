/* SPDX-License-Identifier: MIT */
/* lib/part_file.c - a file that gets its name only when it is complete. */
#include "lib/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h> /* rename() */
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/rand.h"
#include "lib/size.h"

/* name of the file that a signal is to remove, or NULL */
static const char *volatile doomed;

int part_file_open(struct part_file *p, const char *path, mode_t mode)
{
	char random[9];
	*p = (struct part_file){.fd = -1, .path = path};
	int r = rand_hex(random, 4);
	if (r < 0)
		return r;
	if (fmt_str(p->name, sizeof(p->name), "%s.%s.part", path, random) >=
		sizeof(p->name)) {
		p->name[0] = '\0';
		return -ENAMETOOLONG;
	}
	doomed = p->name;
	p->fd = open(p->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (p->fd >= 0)
		return 0;
	r = -errno;
	doomed = NULL;
	p->name[0] = '\0';
	return r;
}

static int take_name(const struct part_file *p, bool replace)
{
	if (!replace) {
		if (link(p->name, p->path) == 0) {
			(void)unlink(p->name);
			return 0;
		}
		if (errno == EEXIST)
			return -EEXIST;
		/* a file system without links: the best there is */
		if (access(p->path, F_OK) == 0)
			return -EEXIST;
	}
	return rename(p->name, p->path) < 0 ? -errno : 0;
}

int part_file_keep(struct part_file *p, bool replace)
{
	int fd = p->fd;
	p->fd = -1;
	int r = close(fd) < 0 ? -errno : take_name(p, replace);
	if (r < 0) {
		part_file_drop(p);
		return r;
	}
	doomed = NULL;
	p->name[0] = '\0';
	return 0;
}

void part_file_drop(struct part_file *p)
{
	fd_close(&p->fd);
	if (p->name[0])
		(void)unlink(p->name);
	doomed = NULL;
	p->name[0] = '\0';
}

static void on_signal(int signo)
{
	if (doomed)
		(void)unlink(doomed);
	/* its action is the default one by now */
	(void)raise(signo);
}

void part_file_drop_on_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction old;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 &&
			old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}
