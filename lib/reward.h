/* SPDX-License-Identifier: MIT */
/*
 * lib/reward.h - what a grader says, as the two files that a harness reads:
 * reward.json, {"reward": N}, and reward.txt, N.
 *
 * input: untrusted
 */
#ifndef LIB_REWARD_H
#define LIB_REWARD_H

#include "lib/buf.h"

enum { REWARD_TEXT_MAX = 65536 };

/* both with a line break at the end */
struct reward {
	struct buf json;
	struct buf txt;
};

void reward_init(struct reward *r);
void reward_fini(struct reward *r);

/*
 * Read a score: a JSON number, or a flat object of numbers with one that is
 * called reward. Blanks around it are fine. Numbers are passed on as they were
 * written. NULL, or what is wrong with it.
 */
const char *reward_read(struct reward *r, struct str text);

/*
 * Weigh verdicts, an array with true, false or a number from 0 to 1 for each
 * criterion of the rubric [{"criterion": "...", "weight": N}, ...]: the
 * weights of those that are met over the sum of the positive ones, within 0
 * and 1, with 4 decimals. NULL, or what is wrong with either.
 */
const char *reward_weigh(
	struct reward *r, struct str rubric, struct str verdicts);

/* this number */
void reward_set(struct reward *r, struct str number);

#endif
