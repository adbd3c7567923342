/* SPDX-License-Identifier: MIT */
/* lib/identity.h - who a user is, by /etc/passwd and /etc/group. */
#ifndef LIB_IDENTITY_H
#define LIB_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { IDENTITY_TEXT = 128, IDENTITY_GROUPS = 16 };

struct identity {
	char name[IDENTITY_TEXT];
	char home[IDENTITY_TEXT];
	char shell[IDENTITY_TEXT];
	uid_t uid;
	gid_t gid;
	gid_t groups[IDENTITY_GROUPS];
	size_t ngroups;
};

/* look a user up by name or number; false: there is no such name */
bool identity_find(struct identity *who, const char *name);

/* the number of a group by name or number; false: there is no such name */
bool identity_group(gid_t *gid, const char *name);

#endif
