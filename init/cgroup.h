/* SPDX-License-Identifier: MIT */
/*
 * init/cgroup.h - a control group for each service, where we may have one.
 *
 * That is where /sys/fs/cgroup is a cgroup2 that can be written, as delegated
 * to a container or in a virtual machine; elsewhere all of this does nothing.
 * In its group a service cannot leave anything behind, whatever session it
 * goes to, and the files of the group limit it (cgroups(7)). The group of the
 * service a is /sys/fs/cgroup/coracle.a; it is gone when init ends.
 */
#ifndef INIT_CGROUP_H
#define INIT_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

struct init;
struct service;

/* once, when mounts are made: is there one for us? */
bool cgroup_available(void);

/*
 * Before it is started: its group, with what the configuration says about it.
 * An open cgroup.procs for the child to join by, to be closed; -1: none.
 */
int cgroup_prepare(struct service *s);

/* SIGKILL to all that are in its group */
void cgroup_kill(const struct service *s);

/* it is not needed any more */
void cgroup_remove(const struct service *s);

/*
 * How many processes the kernel has killed in this container for want of
 * memory; 0 when that cannot be known.
 */
uint64_t cgroup_oom_kills(void);

#endif
