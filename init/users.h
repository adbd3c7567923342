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

#endif
