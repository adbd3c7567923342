/* SPDX-License-Identifier: MIT */
/*
 * init/fds.h - the descriptors that init was started with.
 *
 * 0, 1 and 2 go to the command as they are, and 1 and 2 to the services.
 * Descriptors from 3 on were meant for the command (socket activation): it
 * gets them, and init closes its copies, so that a reader at the other end
 * sees the end when the command does. Init itself logs through a second,
 * non-blocking opening of its stderr: a log reader that stands still must
 * not stop PID 1.
 */
#ifndef INIT_FDS_H
#define INIT_FDS_H

#include "lib/spawn.h"

struct fds {
	struct spawn_fd command[SPAWN_FDS_MAX]; /* 0, 1, 2 and the others */
	size_t ncommand;
	struct spawn_fd service[2]; /* 1 and 2; 0 becomes /dev/null */
	int log;                    /* the stderr for children */
};

/* needs /proc for what is beyond 0, 1, 2; without it those are left closed */
void fds_setup(struct fds *f);

/* the command has its copies */
void fds_drop_inherited(struct fds *f);

#endif
