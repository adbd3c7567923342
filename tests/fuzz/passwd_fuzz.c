/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/passwd_fuzz.c - completing any passwd and group file.
 *
 * What must hold: the old bytes stay in front, and a second run changes
 * nothing.
 */
#include <stdlib.h>

#include "init/accounts.h"
#include "lib/passwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 20 };

typedef bool complete_fn(
	struct buf *out, struct str old, const struct accounts_want *wanted);

static struct accounts_want want;

static void twice(complete_fn *complete, struct str old, bool keeps)
{
	struct buf first, second;
	buf_init(&first, OUT_MAX);
	buf_init(&second, OUT_MAX);
	(void)complete(&first, old, &want);
	if (first.err || (keeps && !str_starts(buf_str(&first), old)))
		abort();
	if (complete(&second, buf_str(&first), &want) ||
		!str_eq(buf_str(&first), buf_str(&second)))
		abort();
	buf_fini(&first);
	buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	gid_t groups[4];
	if (size > OUT_MAX / 4)
		return 0;
	accounts_layout(&want);
	twice(accounts_passwd, text, true);
	twice(accounts_group, text, false);
	if (passwd_groups_of(text, STR("a"), 1, groups, 4) > 4)
		abort();
	struct buf shadow;
	buf_init(&shadow, OUT_MAX);
	(void)accounts_shadow(&shadow, text, text, &want);
	buf_fini(&shadow);
	return 0;
}
