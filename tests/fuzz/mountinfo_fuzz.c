/* SPDX-License-Identifier: MIT */
/* tests/fuzz/mountinfo_fuzz.c - any text as mountinfo and as a stat line. */
#include <stdlib.h>

#include "init/mountinfo.h"
#include "init/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct mountinfo m;
	struct proc_stat st;
	char path[64];
	if (mountinfo_find(text, "/dev", &m) && m.type.n == 0)
		abort();
	if (mountinfo_unescape(path, sizeof(path), text) > sizeof(path))
		abort();
	(void)proc_parse_stat(text, &st);
	return 0;
}
