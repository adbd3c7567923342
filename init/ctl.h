/* SPDX-License-Identifier: MIT */
/*
 * init/ctl.h - the control socket: what `ctl` asks of PID 1.
 *
 * input: untrusted (any process may send)
 *
 * The kernel names the sender: root and init's own user may do everything,
 * all others may ask for the status.
 */
#ifndef INIT_CTL_H
#define INIT_CTL_H

#include <sys/types.h>

#include "lib/str.h"

struct init;

/* listen; without it everything else works, so a failure is only logged */
void ctl_open(struct init *init);
void ctl_close(struct init *init);

/*
 * One request of this user: the answer is written to dst of cap bytes, its
 * length returned. What it starts happens before it returns.
 */
size_t ctl_answer(struct init *init, uid_t uid, struct str request, char *dst,
	size_t cap);

#endif
