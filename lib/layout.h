/* SPDX-License-Identifier: MIT */
/*
 * lib/layout.h - the users and directories that every container has.
 *
 * Who may do what follows from these numbers, so they are fixed. PID 1 makes
 * what is missing, the health check looks whether it is there, and
 * rootfs/manifest ships the same (a test compares the three).
 */
#ifndef LIB_LAYOUT_H
#define LIB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	LAYOUT_ROOT = 0,
	LAYOUT_ENVIRONMENT = 10000, /* gateway and tool servers */
	LAYOUT_AGENT = 10001,       /* the one who works in the container */
	LAYOUT_VERIFIER = 10002,    /* the one who grades what the agent did */
	LAYOUT_SANDBOX = 10003,     /* what the grader itself does not trust */
	LAYOUT_NOBODY = 65534,
};

/* the primary group has the user's name and number */
struct layout_user {
	const char *name;
	unsigned id;
	const char *home;
	const char *shell;
	const char *member_of; /* one more group by name, or NULL */
};

extern const struct layout_user layout_users[];
extern const size_t layout_users_len;

enum layout_care {
	LAYOUT_MAKE, /* made when missing, left alone when there */
	LAYOUT_KEEP, /* and mode and owner are mended while root owns it */
};

/* parents stand before their children */
struct layout_dir {
	const char *path;
	unsigned uid;
	unsigned gid;
	mode_t mode;
	enum layout_care care;
};

extern const struct layout_dir layout_dirs[];
extern const size_t layout_dirs_len;

#endif
