/* SPDX-License-Identifier: MIT */
/*
 * lib/phase.h - has the agent's part of a task ended?
 *
 * Once it has, a file that only root can make says so, and tools that change
 * the environment refuse: what is graded is what the agent left.
 */
#ifndef LIB_PHASE_H
#define LIB_PHASE_H

#include <stdbool.h>

#include "lib/loop.h"

#define PHASE_DIR "/run/coracle"
#define PHASE_NAME "agent-phase-over"
#define PHASE_FILE PHASE_DIR "/" PHASE_NAME

/* one access(2) */
bool phase_is_over(void);

/* the same, kept up to date by the event loop: a look at a variable */
struct phase_watch {
	struct loop_fd inotify; /* fd 0 or -1: there is none, so we ask */
	bool over;
};

void phase_watch_init(struct phase_watch *w, struct loop *loop);
void phase_watch_fini(struct phase_watch *w, struct loop *loop);

static inline bool phase_watch_over(const struct phase_watch *w)
{
	return w->inotify.fd > 0 ? w->over : phase_is_over();
}

#endif
