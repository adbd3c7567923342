/* SPDX-License-Identifier: MIT */
/* lib/layout.c - the users and directories that every container has. */
#include "lib/layout.h"

#include "lib/size.h"

/*
 * environment and verifier are in the agent's group, so that they reach what
 * the agent made without the agent opening it to all; the sandbox reads what
 * the verifier hands it. No one is in the groups of environment and sandbox.
 */
const struct layout_user layout_users[] = {
	{"root", LAYOUT_ROOT, "/root", "/bin/sh", NULL},
	{"environment", LAYOUT_ENVIRONMENT, "/home/environment", "/bin/sh",
		"agent"},
	{"agent", LAYOUT_AGENT, "/home/agent", "/bin/sh", NULL},
	{"verifier", LAYOUT_VERIFIER, "/home/verifier", "/bin/sh", "agent"},
	{"sandbox", LAYOUT_SANDBOX, "/home/sandbox", "/bin/sh", "verifier"},
	{"nobody", LAYOUT_NOBODY, "/", "/bin/false", NULL},
};
const size_t layout_users_len = ARRAY_LEN(layout_users);

/*
 * /filesystem is the agent's to work in and the environment's to fill: the
 * set-group-id bit hands the agent's group to whatever either of them makes.
 * /.apps_data is the state of the tools, which the agent must not see.
 */
const struct layout_dir layout_dirs[] = {
	{"/tmp", 0, 0, 01777, LAYOUT_KEEP},
	{"/run", 0, 0, 0755, LAYOUT_MAKE},
	{"/var", 0, 0, 0755, LAYOUT_MAKE},
	{"/var/tmp", 0, 0, 01777, LAYOUT_KEEP},
	{"/var/log", 0, 0, 0755, LAYOUT_MAKE},
	{"/root", 0, 0, 0700, LAYOUT_MAKE},
	{"/home", 0, 0, 0755, LAYOUT_MAKE},
	{"/home/environment", LAYOUT_ENVIRONMENT, LAYOUT_ENVIRONMENT, 0700,
		LAYOUT_MAKE},
	{"/home/agent", LAYOUT_AGENT, LAYOUT_AGENT, 0750, LAYOUT_MAKE},
	{"/home/agent/workspace", LAYOUT_AGENT, LAYOUT_AGENT, 0775,
		LAYOUT_MAKE},
	{"/home/verifier", LAYOUT_VERIFIER, LAYOUT_VERIFIER, 0750, LAYOUT_MAKE},
	{"/home/sandbox", LAYOUT_SANDBOX, LAYOUT_SANDBOX, 0700, LAYOUT_MAKE},
	{"/filesystem", LAYOUT_ENVIRONMENT, LAYOUT_AGENT, 02775, LAYOUT_KEEP},
	{"/.apps_data", LAYOUT_ENVIRONMENT, LAYOUT_ENVIRONMENT, 0700,
		LAYOUT_KEEP},
};
const size_t layout_dirs_len = ARRAY_LEN(layout_dirs);
