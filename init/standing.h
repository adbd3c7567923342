/* SPDX-License-Identifier: MIT */
/*
 * init/standing.h - where init runs, and so what it may do there.
 *
 * Nobody must find four new users on a machine on which they only tried
 * `unshare -pf coracle init`. So what the root file system lacks is made only
 * where something says that it is a container's.
 */
#ifndef INIT_STANDING_H
#define INIT_STANDING_H

#include <stdbool.h>

/* found out once, at the start */
struct standing {
	bool pid1;       /* of its PID namespace */
	bool root;       /* effective uid 0 */
	bool namespaced; /* not the machine's own PID namespace */
	bool own_root;   /* users, directories and mounts may be made */
	bool cgroups;    /* services have groups of their own: init/cgroup.h */
	bool second;     /* another init supervises this root already */
};

/* asked: the command line names a configuration */
void standing_find(struct standing *s, bool asked);

/* one line for each thing that is left out */
void standing_say(const struct standing *s);

#endif
