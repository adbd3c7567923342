/* SPDX-License-Identifier: MIT */
/* lib/version.c - alone in its object, so that a new commit rebuilds it only. */
#include "lib/version.h"

#include "build/gen/version.h"

const char coracle_version[] = CORACLE_VERSION;
