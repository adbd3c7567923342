/* SPDX-License-Identifier: MIT */
/*
 * lib/keeper.h - process groups that do not outlive us, however we end.
 *
 * PR_SET_PDEATHSIG reaches only our own children. A keeper, a copy of this
 * process that does nothing but wait, is told of the groups that we start;
 * when our end of its pipe closes, which also SIGKILL does, it kills those that
 * are left.
 */
#ifndef LIB_KEEPER_H
#define LIB_KEEPER_H

#include <sys/types.h>

struct keeper {
	int fd; /* to it; -1: there is none */
	pid_t pid;
};

/* 0 or a negative errno; k->fd is -1 before and after a failure */
int keeper_start(struct keeper *k);

/*
 * This group exists; and: it has ended. 0, or a negative errno: -EPIPE when the
 * keeper is gone itself (start another and tell it everything).
 */
int keeper_add(const struct keeper *k, pid_t group);
int keeper_remove(const struct keeper *k, pid_t group);

/* in order: it kills what is left and has ended when this returns */
void keeper_stop(struct keeper *k);

#endif
