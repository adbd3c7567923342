/* SPDX-License-Identifier: MIT */
/* tests/fuzz/init_config_fuzz.c - any text as the configuration of init. */
#include <stdlib.h>

#include "init/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *owner, const char *message)
{
	(void)owner;
	if (message[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c, second;
	struct buf once, twice;
	struct str text = {(const char *)data, size};
	config_default(&c);
	config_default(&second);
	buf_init(&once, CONFIG_ARENA_MAX);
	buf_init(&twice, CONFIG_ARENA_MAX);
	(void)config_parse(&c, text, ignore, NULL);
	if (c.gateway.port < 1 || c.gateway.port > 65535 ||
		c.gateway.root[0] != '/' ||
		!shape_is_address(c.gateway.listen) ||
		c.grace_ms > CONFIG_TIME_MAX_MS)
		abort();
	/* what was taken is printed, and taken again */
	config_print(&once, &c);
	if (!once.err && once.n <= CONFIG_TEXT_MAX) {
		if (config_parse(&second, buf_str(&once), ignore, NULL) != 0)
			abort();
		config_print(&twice, &second);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
	}
	buf_fini(&once);
	buf_fini(&twice);
	config_fini(&c);
	config_fini(&second);
	return 0;
}
