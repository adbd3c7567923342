/* SPDX-License-Identifier: MIT */
/* lib/role.c - who somebody is to the environment. */
#include "lib/role.h"

#include "lib/layout.h"

static const char *const names[ROLES] = {
	"agent", "verifier", "sandbox", "remote", "other"};

enum role role_of_uid(uid_t uid)
{
	switch (uid) {
	case LAYOUT_AGENT:
		return ROLE_AGENT;
	case LAYOUT_VERIFIER:
		return ROLE_VERIFIER;
	case LAYOUT_SANDBOX:
		return ROLE_SANDBOX;
	case LAYOUT_ROOT:
	case LAYOUT_ENVIRONMENT:
		return ROLE_REMOTE;
	default:
		return ROLE_OTHER;
	}
}

const char *role_name(enum role role)
{
	return names[role];
}

bool role_named(struct str name, enum role *role)
{
	for (unsigned i = 0; i < ROLE_OTHER; i++) {
		if (!str_is(name, names[i]))
			continue;
		*role = (enum role)i;
		return true;
	}
	return false;
}
