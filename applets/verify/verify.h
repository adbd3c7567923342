/* SPDX-License-Identifier: MIT */
/* applets/verify/verify.h - what the parts of the grader's frame share. */
#ifndef APPLETS_VERIFY_VERIFY_H
#define APPLETS_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/reward.h"

struct verify {
	const char *output;
	const char *tests;
	const char *rubric;  /* file, or NULL */
	const char *score;   /* --score as it was given */
	uint64_t timeout_ms; /* 0: none */
	bool none;           /* a failure gives no reward, not 0 */
};

/* ---- end.c: the end of the agent's part, as root */

enum verify_end {
	VERIFY_BEGIN, /* end the agent, take and lock the directories */
	VERIFY_AGAIN, /* end what has come since; touch no directory */
};

/* dies, with one line, when something of it cannot be done */
void verify_end_phase(const struct verify *v, enum verify_end what);

/* ---- run.c: the command */

struct verify_run {
	int status; /* as a shell gives it; 124: its time was over */
	bool failed_to_start;
	struct buf tail; /* the end of its stdout, when that is the score */
};

/* run it, with all that it starts, to its end */
void verify_command(
	const struct verify *v, char **argv, struct verify_run *run);

/* ---- files.c: the reward's files */

/*
 * Reserve the room of both files in the output directory, so that a disk
 * that fills up later cannot keep the reward from being written. Dies.
 */
void verify_files_open(const struct verify *v);

/* put them in place of whatever stands there; false: told on stderr */
bool verify_files_write(const struct reward *r);

/* remove what stands for a reward; as far as we can, while others may act */
void verify_files_forget(const struct verify *v);

/* leave no reward behind */
void verify_files_drop(void);

#endif
