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

/*
 * The same, and back only when none of them can do anything any more: again
 * and again for at most ms (not 0), as one may change its uid to this one
 * meanwhile. Wants /proc: -ENOENT. -EPERM: not root, or without the capability
 * setuid. -ETIME: some do not end.
 */
int kill_uid_until_none(uid_t uid, unsigned ms);

#endif
