/* SPDX-License-Identifier: MIT */
/* lib/kill_uid.h - ending everything that a user runs. */
#ifndef LIB_KILL_UID_H
#define LIB_KILL_UID_H

#include <sys/types.h>

/*
 * SIGKILL to every process whose real or saved uid is this one, at a single
 * moment: the kernel lets no fork happen in between, so none escapes, however
 * fast they multiply. Wants root. 0, or a negative errno.
 */
int kill_uid(uid_t uid);

#endif
