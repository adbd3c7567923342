/* SPDX-License-Identifier: MIT */
/* tests/fuzz/policy_fuzz.c - any text as a trampoline's policy, or run-as's. */
#include <stdlib.h>
#include <string.h>

#include "lib/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy policy;

static bool inside(const char *p)
{
	return p >= policy.text && p <= policy.text + POLICY_TEXT_MAX;
}

/* what was taken lies in the struct, and is bounded and not root's */
static void check(void)
{
	if (policy.argc < 1 || policy.argc > POLICY_WORDS_MAX ||
		policy.argv[policy.argc] || policy.argv[0][0] != '/' ||
		policy.uid == 0 || policy.gid == 0)
		abort();
	for (size_t i = 0; i < policy.argc; i++)
		if (!inside(policy.argv[i]) || strchr(policy.argv[i], '\n'))
			abort();
	if (policy_role(&policy, 0))
		abort();
	for (size_t i = 0; i < policy.nroles; i++) {
		const char *const *env =
			(const char *const *)(uintptr_t)policy_environment(
				&policy, &policy.roles[i]);
		size_t callers = 0;
		for (; *env; env++)
			callers += strncmp(*env, "CORACLE_CALLER", 14) == 0;
		if (callers != 2)
			abort();
	}
}

static void check_error(const struct policy_error *e)
{
	if (e->status != 125 || e->why[0] == '\0' || strchr(e->why, '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_error e;
	size_t n = size < POLICY_TEXT_MAX ? size : POLICY_TEXT_MAX;
	if (n)
		memcpy(policy.text, data, n);
	if (policy_parse(&policy, n, &e))
		check();
	else
		check_error(&e);
	if (n)
		memcpy(policy.text, data, n);
	if (!policy_parse_pairs(&policy, n, &e))
		check_error(&e);
	else if (policy_pair(&policy, 10001, 0))
		abort();
	return 0;
}
