/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/hooks.h - lifecycle hooks: shell commands that a request
 * brings along, run beside each other with /bin/sh.
 *
 * input: untrusted in shape; whoever may send one may run anything
 *
 * A hook has ended when its shell has; what it left running in the background
 * stays. Its output goes to the log, line by line.
 */
#ifndef APPLETS_GATEWAY_HOOKS_H
#define APPLETS_GATEWAY_HOOKS_H

#include "applets/gateway/fields.h"
#include "applets/gateway/gateway.h"

struct hooks;

/* raw (p == NULL: none) is a list of hooks; false: f says what is wrong */
bool hooks_check(struct fields *f, struct str raw);

/* ok: text is the JSON list of their times; else what failed, for people */
typedef void hooks_done_fn(void *owner, bool ok, struct str text);

/*
 * Run what hooks_check() accepted, which is copied. done is called once, later
 * and at the latest when all have ended. NULL: no memory.
 */
struct hooks *hooks_start(
	struct gateway *g, struct str raw, hooks_done_fn *done, void *owner);

/* end them with all that they started; done is still called */
void hooks_interrupt(struct hooks *h);

#endif
