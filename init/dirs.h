/* SPDX-License-Identifier: MIT */
/* init/dirs.h - the directories that every container has, with their modes. */
#ifndef INIT_DIRS_H
#define INIT_DIRS_H

#include "init/config.h"

/*
 * Make and mend them, and those of the configuration with their files.
 * Failures are logged; a negative errno when a required one failed.
 */
int dirs_setup(const struct config *c);

/* an absolute path and what is above it, mode 0755, following no link */
int dirs_make(const char *path);

#endif
