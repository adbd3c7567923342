/* SPDX-License-Identifier: MIT */
/*
 * init/users.h - users and groups in /etc: the layout's and the configured.
 *
 * Files are read and compared; only when something is missing are they
 * written, by temporary file, fsync and rename, under the lock that the
 * shadow tools use.
 */
#ifndef INIT_USERS_H
#define INIT_USERS_H

#include "init/config.h"

/* make sure of them; failures are logged and boot goes on */
void users_setup(const struct config *c);

/*
 * Without root: some engines run an image as a number that nobody has, and
 * images for them let the group write /etc/passwd, though not /etc. Where that
 * is so, a line for us is appended; programs that look up their own name work.
 */
void users_name_ourselves(void);

#endif
