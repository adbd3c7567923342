/* SPDX-License-Identifier: MIT */
/*
 * applets/run_as/run_as.h - one command as another user, and its end.
 *
 * The same program is three things: what somebody types, who asks PID 1; the
 * process of root's that PID 1 starts for that; and, set-id to root where
 * PID 1 is not ours, both in one.
 */
#ifndef APPLETS_RUN_AS_RUN_AS_H
#define APPLETS_RUN_AS_RUN_AS_H

#include "lib/policy.h"

/* the variable in which PID 1 says who asked: the process is root's own */
#define RUN_AS_CALLER "CORACLE_RUN_AS_CALLER"

enum {
	RUN_AS_LIMITS = 8,
	RUN_AS_CWD_FD = 3, /* of the process that PID 1 starts */
	RUN_AS_ENV_FD = 4,
	RUN_AS_TIMED_OUT = 124, /* as timeout(1) */
};

struct job {
	uid_t caller;
	const char *target;
	uint64_t timeout_s;                 /* 0: none */
	const char *rlimits[RUN_AS_LIMITS]; /* NAME=VALUE, as they came */
	struct spawn_limit limits[RUN_AS_LIMITS];
	size_t nlimits;
	int env_fd; /* -1: none */
	int cwd_fd; /* the caller's directory */
	const char *clone;
	char **argv;
};

/* as root: decide by the policy, run it, clean up; returns the exit status */
int job_run(struct job *job);

/* what clone_tree() left out */
struct clone_tally {
	uint64_t entries;
	uint64_t left_out; /* devices, FIFOs, sockets, unreadable, too deep */
};

/*
 * Copy what is in a directory into an empty one, with the rights of whoever
 * runs this: no symbolic link is followed, they are copied as links; only
 * files, directories and links are. 0, or a negative errno.
 */
int clone_tree(int from, int to, struct clone_tally *tally);

/* give what is in `top`, and belongs to one user, to another */
int clone_give(int top, uid_t from, uid_t to, gid_t group);

#endif
