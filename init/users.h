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

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "init/config.h"

enum { USERS_TEXT = 128, USERS_GROUPS = 16 };

/* who a service runs as */
struct users_identity {
	char name[USERS_TEXT];
	char home[USERS_TEXT];
	char shell[USERS_TEXT];
	uid_t uid;
	gid_t gid;
	gid_t groups[USERS_GROUPS];
	size_t ngroups;
};

/* make sure of them; failures are logged and boot goes on */
void users_setup(const struct config *c);

/* look a user up by name or number; false: there is no such name */
bool users_identity(struct users_identity *who, const char *name);

/* the number of a group by name or number; false: there is no such name */
bool users_group(gid_t *gid, const char *name);

#endif
