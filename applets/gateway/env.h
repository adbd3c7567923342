/* SPDX-License-Identifier: MIT */
/* applets/gateway/env.h - the environment that a child process gets. */
#ifndef APPLETS_GATEWAY_ENV_H
#define APPLETS_GATEWAY_ENV_H

#include "lib/arena.h"

struct env_change {
	const char *name;
	const char *value; /* NULL: the variable is left out */
};

/*
 * The gateway's own environment with these changes, the last of a name wins,
 * as a vector for spawn(); all in the arena. NULL: no memory.
 */
char **env_changed(struct arena *a, const struct env_change *changes, size_t n);

#endif
