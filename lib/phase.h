/* SPDX-License-Identifier: MIT */
/*
 * lib/phase.h - has the agent's part of a task ended?
 *
 * Once it has, a file that only root can make says so, and tools that change
 * the environment refuse: what is graded is what the agent left.
 */
#ifndef LIB_PHASE_H
#define LIB_PHASE_H

#include <stdbool.h>

#define PHASE_DIR "/run/coracle"
#define PHASE_NAME "agent-phase-over"
#define PHASE_FILE PHASE_DIR "/" PHASE_NAME

/* one access(2) */
bool phase_is_over(void);

#endif
