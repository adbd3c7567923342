/* SPDX-License-Identifier: MIT */
/*
 * init/users.h - the default users and groups in /etc.
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
void users_setup(void);

/* look a user up by name; false: there is none */
bool users_identity(struct users_identity *who, const char *name);

#endif
