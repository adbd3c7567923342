/* SPDX-License-Identifier: MIT */
/*
 * init/mounts.h - the file systems that programs expect, when they are not
 * there yet. A container engine has made them already: then nothing happens.
 */
#ifndef INIT_MOUNTS_H
#define INIT_MOUNTS_H

#include <stdbool.h>

#include "init/config.h"

/* namespaced: /dev is made of a few harmless nodes, not of the machine's */
void mounts_setup(bool namespaced);

/*
 * What the configuration asks for and is not there yet. Failures are logged;
 * a negative errno when a required one failed.
 */
int mounts_configured(const struct config *c);

/* /proc by itself, which the rest of the boot reads; false: there is none */
bool mounts_proc(void);

#endif
