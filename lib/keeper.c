/* SPDX-License-Identifier: MIT */
/* lib/keeper.c - process groups that do not outlive us. */
#include "lib/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "lib/fd.h"
#include "lib/spawn.h"

enum { GROUPS_MAX = 65536 };

/* what goes over the pipe; one write is never torn (PIPE_BUF) */
struct word {
	pid_t group;
	int ended; /* whole ints: no byte of it is padding */
};

/* ------------------------------------------------------------ the keeper */

static pid_t kept[GROUPS_MAX]; /* used in the copy only */
static size_t nkept;

static void heed(const struct word *w)
{
	size_t i = 0;
	while (i < nkept && kept[i] != w->group)
		i++;
	if (w->ended && i < nkept)
		kept[i] = kept[--nkept];
	else if (!w->ended && i == nkept && nkept < GROUPS_MAX)
		kept[nkept++] = w->group;
}

static void run(int fd)
{
	struct word w;
	while (fd_read_full(fd, &w, sizeof(w)) == (ssize_t)sizeof(w))
		heed(&w);
	for (size_t i = 0; i < nkept; i++)
		(void)kill(-kept[i], SIGKILL);
}

/* -------------------------------------------------------------- our side */

int keeper_start(struct keeper *k)
{
	int ends[2];
	*k = (struct keeper){.fd = -1};
	int r = fd_pipe(ends);
	if (r < 0)
		return r;
	r = spawn_copy(run, ends[0], &k->pid);
	fd_close(&ends[0]);
	if (r < 0)
		fd_close(&ends[1]);
	else
		k->fd = ends[1];
	return r;
}

static int tell(const struct keeper *k, const struct word *w)
{
	if (k->fd < 0)
		return -EPIPE;
	ssize_t n = fd_write(k->fd, w, sizeof(*w));
	return n < 0 ? (int)n : 0;
}

int keeper_add(const struct keeper *k, pid_t group)
{
	return tell(k, &(struct word){.group = group});
}

int keeper_remove(const struct keeper *k, pid_t group)
{
	return tell(k, &(struct word){.group = group, .ended = true});
}

void keeper_stop(struct keeper *k)
{
	if (k->fd < 0)
		return;
	fd_close(&k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
