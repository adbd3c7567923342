/* SPDX-License-Identifier: MIT */
/*
 * init/proc.h - the processes there are, by /proc.
 *
 * Nothing here takes memory: PID 1 looks while everything else is going down.
 */
#ifndef INIT_PROC_H
#define INIT_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/str.h"

struct proc_stat {
	char state; /* 'R', 'S', 'Z' ... */
	pid_t ppid;
	unsigned flags; /* PF_* of the kernel */
};

/* the text of /proc/PID/stat; a name may hold any byte. Pure. */
bool proc_parse_stat(struct str text, struct proc_stat *out);

/* fn(owner, number) for each entry of a directory whose name is a number */
typedef void proc_number_fn(void *owner, unsigned number);
int proc_each_number(const char *path, proc_number_fn *fn, void *owner);

/* does /proc belong to our own PID namespace? */
bool proc_is_ours(void);

/* is this the PID namespace that the machine booted with? */
bool proc_first_namespace(void);

/*
 * Send a signal to every process but us: as PID 1 to the whole namespace,
 * else to our descendants only. false: there surely is none.
 */
bool proc_signal_all(bool pid1, int signo);

/* send a signal to all descendants of a process that lives; not to itself */
void proc_signal_below(pid_t ancestor, int signo);

/* is none of them left? The dead that wait for a parent do not count. */
bool proc_none_left(bool pid1);

#endif
