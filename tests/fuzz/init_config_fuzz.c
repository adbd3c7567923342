/* SPDX-License-Identifier: MIT */
/* tests/fuzz/init_config_fuzz.c - any text as the configuration of init. */
#include <stdlib.h>

#include "init/config.h"
#include "lib/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *owner, const char *message)
{
	(void)owner;
	if (message[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c, plain;
	struct str text = {(const char *)data, size};
	config_default(&c);
	config_default(&plain);
	(void)config_parse(&c, text, ignore, NULL);
	if (c.port < 1 || c.port > 65535 || c.root[0] != '/' ||
		!config_is_address(c.listen) ||
		c.grace_ms > CONFIG_GRACE_MAX_MS)
		abort();
	if (c.listen != plain.listen)
		mem_free((void *)(uintptr_t)c.listen);
	if (c.root != plain.root)
		mem_free((void *)(uintptr_t)c.root);
	return 0;
}
