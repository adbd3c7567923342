/* SPDX-License-Identifier: MIT */
/*
 * trampoline/reset.h - what a hostile parent left us, put right.
 *
 * A new process inherits far more than its environment: each function deals
 * with one kind of it, and gives up where that cannot be done.
 */
#ifndef TRAMPOLINE_RESET_H
#define TRAMPOLINE_RESET_H

#include "lib/policy.h"

/* 0, 1, 2 are open, and nothing else */
void reset_descriptors(void);

/* default dispositions, nothing blocked, no timer that will fire later */
void reset_signals(void);

/* every soft limit at its hard one, no core; the policy's where it has one */
void reset_limits(const struct policy *p);

/*
 * A session of its own, so that no terminal's keys reach it. It may return
 * in a child; the parent then waits, and ends with its status.
 */
void reset_session(void);

#endif
