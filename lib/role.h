/* SPDX-License-Identifier: MIT */
/*
 * lib/role.h - who somebody is to the environment.
 *
 * A role follows from a uid that the kernel told (lib/layout.h has the
 * numbers), never from a header or a variable that a caller could set.
 */
#ifndef LIB_ROLE_H
#define LIB_ROLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/str.h"

enum role {
	ROLE_AGENT,
	ROLE_VERIFIER,
	ROLE_SANDBOX,
	ROLE_REMOTE, /* the harness: from outside, or root or environment */
	ROLE_OTHER,  /* a uid that is none of these: trusted with nothing */
};
enum { ROLES = 5 };

/* a set of roles: bits 1 << role */
enum { ROLES_ALL = (1 << ROLES) - 1, ROLES_NAMED = ROLES_ALL >> 1 };

enum role role_of_uid(uid_t uid);

/* "agent", "verifier", "sandbox", "remote", "other" */
const char *role_name(enum role role);

/* the role of that name; false: no such role (nobody names "other") */
bool role_named(struct str name, enum role *role);

#endif
