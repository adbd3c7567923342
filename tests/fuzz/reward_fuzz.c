/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/reward_fuzz.c - any bytes as a score, and around a line "--" as
 * rubric and verdicts. What is accepted is JSON with one number in both files.
 */
#include "lib/reward.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/json.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct reward *r, const char *wrong)
{
	if (!wrong) {
		struct str json = buf_str(&r->json), txt = buf_str(&r->txt);
		MUST(!r->json.err && !r->txt.err && txt.n > 1);
		MUST(json_check(json, NULL) == 0);
		MUST(str_eq(json_member(json, "reward"),
			str_first(txt, txt.n - 1)));
	}
	reward_fini(r);
	reward_init(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reward r;
	struct str text = str_from((const char *)data, n);
	size_t at = str_find(text, STR("\n--\n"));
	reward_init(&r);
	check(&r, reward_read(&r, text));
	if (at < n)
		check(&r, reward_weigh(&r, str_first(text, at),
				  str_from_index(text, at + 4)));
	reward_fini(&r);
	return 0;
}
