/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/stage.h - all or nothing: a staging directory in the target.
 *
 * Members are put into a private directory inside the target, on the same
 * file system. When all of them were good they are renamed into place, whole
 * subtrees at once where the target lacks them. Before anything moves, a dry
 * run looks for what cannot be merged. A lock tells a live staging directory
 * from one that a killed process left behind.
 */
#ifndef APPLETS_TAR_STAGE_H
#define APPLETS_TAR_STAGE_H

#include "applets/tar/tar.h"

enum { STAGE_NAME_SIZE = sizeof(STAGE_PREFIX) + STAGE_DIGITS };

struct stage {
	int target;    /* borrowed */
	int fd;        /* the staging directory */
	int signal_fd; /* SIGTERM, SIGINT and SIGHUP arrive here */
	char name[STAGE_NAME_SIZE];
};

/*
 * Make it and hold back the signals that would end the process. The
 * descriptor of the staging directory, or -1 (reported).
 */
int stage_begin(struct stage *s, int target, struct report *r);

/* move everything into place; on a failure r->stop is set */
void stage_commit(struct stage *s, struct report *r);

/* remove the staging directory and what is left in it */
void stage_end(struct stage *s);

#endif
