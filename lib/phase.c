/* SPDX-License-Identifier: MIT */
/* lib/phase.c - has the agent's part of a task ended? */
#include "lib/phase.h"

#include <sys/inotify.h>
#include <unistd.h>

#include "lib/fd.h"

bool phase_is_over(void)
{
	return access(PHASE_FILE, F_OK) == 0;
}

static void on_event(void *owner, uint32_t events)
{
	struct phase_watch *w = owner;
	char drop[4096];
	(void)events;
	while (fd_read(w->inotify.fd, drop, sizeof(drop)) > 0)
		;
	w->over = phase_is_over();
}

void phase_watch_init(struct phase_watch *w, struct loop *loop)
{
	*w = (struct phase_watch){.inotify = {.fd = -1}};
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return;
	/* a directory that is not there yet, or goes, cannot be watched */
	if (inotify_add_watch(fd, PHASE_DIR,
		    IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR) < 0 ||
		loop_add(loop, &w->inotify, fd, EPOLLIN, on_event, w) < 0) {
		fd_close(&fd);
		w->inotify.fd = -1;
		return;
	}
	w->over = phase_is_over();
}

void phase_watch_fini(struct phase_watch *w, struct loop *loop)
{
	int fd = w->inotify.fd;
	if (fd <= 0)
		return;
	loop_del(loop, &w->inotify);
	fd_close(&fd);
}
